"""Paper of live codes: a sheet of A4 with several (PDF), and one alone as a picture (PNG, SVG).

The PDF is written here: a few rectangles and lines of text on a page. What the libraries would bring is fonts, and a hub has none to
embed; Chinese is set in `STSong-Light`, which every reader of PDF has a face for (PDF 32000-1 §9.7.5.2, the predefined CMap
`UniGB-UCS2-H`), so that a sheet is a few kB.
"""

import io
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import segno

SHEETS: Final = {1: (1, 1), 2: (1, 2), 4: (2, 2), 6: (2, 3), 9: (3, 3), 12: (3, 4), 24: (4, 6)}
"""Codes on a page: columns and rows."""
_WIDTH, _HEIGHT = 595.28, 841.89
_MARGIN = 28.35  # 10 mm: no printer prints further out
_QUIET = 4
_PNG_SCALE = 12


class Card(NamedTuple):
    """What stands on the paper with a code: the shop, which one it is in both languages, and the digits below."""

    url: str
    store: str
    label_zh: str
    label_en: str
    short: str


def png(card: Card) -> bytes:
    """Draw the code alone, with its quiet zone, for whoever lays out a poster."""
    drawn = io.BytesIO()
    _qr(card.url).save(drawn, kind="png", scale=_PNG_SCALE, border=_QUIET)
    return drawn.getvalue()


def svg(card: Card) -> str:
    """Draw a poster of one code: 100 wide, 140 high, in the fonts of whoever opens it."""
    rows = _rows(card.url)
    side = len(rows) + 2 * _QUIET
    path = "".join(f"M{x + _QUIET} {y + _QUIET}h{n}v1h-{n}z" for x, y, n in _runs(rows))
    text = 'text-anchor="middle" font-family="&quot;Noto Sans CJK SC&quot;,&quot;PingFang SC&quot;,&quot;Microsoft YaHei&quot;,sans-serif"'
    lines = (
        (12, 8, 700, card.store), (116, 9, 700, card.label_zh),
        (126, 5, 400, "" if card.label_en == card.label_zh else card.label_en), (135, 4.5, 400, card.short),
    )  # fmt: skip
    words = "".join(
        f'<text x="50" y="{y}" font-size="{_fit(size, said, 92):g}" font-weight="{weight}" {text}>{escape(said)}</text>'
        for y, size, weight, said in lines
        if said
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="140mm" viewBox="0 0 100 140">'
        '<rect width="100" height="140" fill="#fff"/>'
        f'<svg x="7" y="18" width="86" height="86" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path d="{path}"/></svg>'
        f"{words}</svg>"
    )


def pdf(cards: list[Card], per_page: int) -> bytes:
    """Write a sheet; page after page of A4, with `per_page` codes each (`SHEETS`)."""
    columns, lines = SHEETS[per_page]
    pages = [cards[at : at + per_page] for at in range(0, len(cards), per_page)]
    wide, high = (_WIDTH - 2 * _MARGIN) / columns, (_HEIGHT - 2 * _MARGIN) / lines
    drawn = []
    for page in pages:
        boxes = ((n % columns, n // columns, card) for n, card in enumerate(page))
        drawn.append(
            "".join(
                _box(card, _MARGIN + x * wide, _HEIGHT - _MARGIN - (y + 1) * high, wide, high) for x, y, card in boxes
            )
        )
    return _file(drawn)


# --------------------------------------------------------------------------------------------------------------- the code


def _qr(url: str) -> segno.QRCode:
    return segno.make_qr(url, error="m")


def _rows(url: str) -> list[bytes]:
    return [bytes(row) for row in _qr(url).matrix]


def _runs(rows: list[bytes]) -> list[tuple[int, int, int]]:
    """Give the dark modules as runs (x, y, how many)."""
    found = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and row[x + n] == row[x]:
                n += 1
            if row[x]:
                found.append((x, y, n))
            x += n
    return found


# ---------------------------------------------------------------------------------------------------------------- the PDF


def _box(card: Card, left: float, bottom: float, wide: float, high: float) -> str:
    """Draw a card in its box, with a hair line around it to cut along."""
    rows = _rows(card.url)
    pad = min(wide, high) * 0.06
    size = min(high * 0.085, wide * 0.1, 30.0)
    texts = size * 4.6
    side = min(wide - 2 * pad, high - 2 * pad - texts)
    module = side / (len(rows) + 2 * _QUIET)
    x0, top = left + (wide - side) / 2 + _QUIET * module, bottom + high - pad - size * 1.3 - _QUIET * module
    out = [f"0.75 G 0.25 w {left:.2f} {bottom:.2f} {wide:.2f} {high:.2f} re S 0 g\n"]
    out += [
        f"{x0 + x * module:.3f} {top - (y + 1) * module:.3f} {n * module:.3f} {module:.3f} re\n"
        for x, y, n in _runs(rows)
    ]
    out.append("f\n")
    middle, base, room = left + wide / 2, bottom + high - pad - size, wide - 2 * pad
    below = top - len(rows) * module - _QUIET * module
    said = [(card.store, size, base), (card.label_zh, size, below - size)]
    if card.label_en != card.label_zh:
        said.append((card.label_en, size * 0.62, below - size * 1.85))
    said.append((card.short, size * 0.55, below - size * 2.7))
    out += [_line(text, _fit(points, text, room), middle, y) for text, points, y in said if text]
    return "".join(out)


def _line(text: str, points: float, middle: float, y: float) -> str:
    x = middle - _ems(text) * points / 2
    # The font's map ends with the basic plane.
    held = "".join(character if character <= "\uffff" else "\u3013" for character in text)
    return f"BT /F1 {points:.2f} Tf {x:.2f} {y:.2f} Td <{held.encode('utf-16-be').hex()}> Tj ET\n"


def _ems(text: str) -> float:
    return sum(0.5 if " " <= character <= "~" else 1.0 for character in text)


def _fit(points: float, text: str, room: float) -> float:
    return min(points, room / max(_ems(text), 1.0))


def _file(pages: list[str]) -> bytes:
    """Put pages into a file: catalogue, font, and for each page itself and what is drawn on it."""
    first = 6
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]/MediaBox[0 0 {_WIDTH} {_HEIGHT}]>>".encode(),
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[4 0 R]>>",
        (
            b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 0>>"
            b"/FontDescriptor 5 0 R/DW 1000/W[1 95 500]>>"
        ),
        (
            b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880/Descent -120"
            b"/CapHeight 880/StemV 93>>"
        ),
    ]
    for n, drawn in enumerate(pages):
        content = drawn.encode("ascii")
        objects.append(
            f"<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 3 0 R>>>>/Contents {first + 2 * n + 1} 0 R>>".encode()
        )
        objects.append(b"<</Length %d>>stream\n%bendstream" % (len(content), content))
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    begins = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, begins))
    return out.getvalue()
