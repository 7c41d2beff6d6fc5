"""The receipt as on paper, built from the fact: every character on its cell, drawn as SVG (screens.md, paper roll).

A hanzi takes two cells, anything else one. Positions are attributes of the SVG, so no inline style is needed and the
columns hold whatever font the machine has.
"""

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import segno

from cloud.services.views import LineView, SaleView
from cloud.web.words import Words
from sync.contract import money, weights
from sync.contract.words import EN, ZH, Name

COLUMNS = 48
CELL_PX = 7
ROW_PX = 17
MARGIN_PX = 12
QR_MODULE_PX = 3
WIDTH_PX = COLUMNS * CELL_PX + 2 * MARGIN_PX
_NAME_COLUMNS = 30
WAYS = ("cash", "code", "static_code", "card", "deposit", "platform")
_QTY_COLUMN = 33


class Run(NamedTuple):
    """Characters of one row with the same look: where each stands, in px, and the row's base line."""

    text: str
    xs: str
    y: int
    large: bool
    bold: bool


class Paper(NamedTuple):
    """A drawn slip: its size, its runs, rules (y, `single` or `double`), the QR as a path, and the plain text."""

    width_px: int
    height_px: int
    runs: list[Run]
    rules: list[tuple[int, str]]
    qr_path: str
    qr_x: int
    qr_y: int
    text: str


def cells(text: str) -> int:
    """Count the cells that a text takes on paper."""
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class _Slip:
    """Paper in the making: rows are put below one another."""

    def __init__(self) -> None:
        self.y = MARGIN_PX
        self.runs: list[Run] = []
        self.rules: list[tuple[int, str]] = []
        self.plain: list[str] = []

    def put(self, parts: list[tuple[int, str]], *, large: bool = False, bold: bool = False) -> None:
        """Put one row of texts, each at a column."""
        scale = 2 if large else 1
        self.y += ROW_PX * scale
        plain = ""
        for column, text in parts:
            at = column
            xs: list[int] = []
            shown = ""
            for character in text:
                if not character.isspace():
                    shown += character
                    xs.append(MARGIN_PX + at * CELL_PX)
                at += _cells_of(character) * scale
            self.runs.append(Run(shown, " ".join(map(str, xs)), self.y - 4 * scale, large, bold))
            plain += " " * max(0 if not plain else 1, column - cells(plain)) + text
        self.plain.append(plain)

    def centre(self, text: str, *, large: bool = False, bold: bool = False) -> None:
        """Put a text in the middle, on as many rows as it takes."""
        scale = 2 if large else 1
        for row in _wrapped(text, COLUMNS // scale):
            self.put([((COLUMNS - cells(row) * scale) // 2, row)], large=large, bold=bold)

    def ends(self, left: str, right: str, *, large: bool = False, bold: bool = False) -> None:
        """Put a label at the left and a figure at the right edge."""
        scale = 2 if large else 1
        self.put([(0, left), (COLUMNS - cells(right) * scale, right)], large=large, bold=bold)

    def rule(self, kind: str) -> None:
        """Put a rule across the paper."""
        self.y += 10
        self.rules.append((self.y - 4, kind))
        self.plain.append(("=" if kind == "double" else "-") * COLUMNS)


def draw(sale: SaleView, words: Words, local_minute: Callable[[int], str]) -> Paper:
    """Draw the receipt of a sale in the language it was printed in."""
    locale = EN if sale.locale == EN else ZH

    def word(key: str, **values: object) -> str:
        return words.text(f"paper.{key}", locale, **values)

    slip = _Slip()
    slip.centre(sale.store_name.in_locale(locale), large=True, bold=True)
    slip.rule("single")
    slip.ends(f"{word('receipt')} {sale.receipt_no}", local_minute(sale.saved_ms))
    slip.ends(f"{word('till')} {sale.till}", f"{word('day')} {sale.business_day}")
    slip.rule("single")
    amount = word("amount")
    slip.put([(0, word("item")), (_QTY_COLUMN - cells(word("qty")), word("qty")), (COLUMNS - cells(amount), amount)])
    for position, line in enumerate(sale.lines):
        _put_line(slip, line, locale)
        for one in sale.adjustments:
            if one.line == position:
                _put_adjustment(slip, f"  {word(one.kind)} {one.reason}", one.amount_fen)
    slip.rule("single")
    _put_bill(slip, sale, word, locale)
    slip.ends(word("due"), money.plain(sale.total_fen), large=True, bold=True)
    if sale.tip_fen:
        slip.ends(word("tip"), money.plain(sale.tip_fen))
    for tender in sale.tenders:
        slip.ends(word(tender.kind if tender.kind in WAYS else "tender"), money.plain(tender.received_fen))
        if tender.change_fen:
            slip.ends(word("change"), money.plain(tender.change_fen))
    slip.rule("double")
    path, side = "", 0
    qr_y = 0
    if sale.invite is not None:
        slip.centre(word("invite", day=sale.invite.expires_day))
        path, side = qr(sale.invite.url)
        qr_y = slip.y + 8
        slip.y = qr_y + side
        slip.centre(sale.invite.short)
    return Paper(
        width_px=WIDTH_PX,
        height_px=slip.y + 2 * MARGIN_PX,
        runs=slip.runs,
        rules=slip.rules,
        qr_path=path,
        qr_x=(WIDTH_PX - side) // 2,
        qr_y=qr_y,
        text="\n".join(slip.plain),
    )


def _put_bill(slip: _Slip, sale: SaleView, word: Callable[[str], str], locale: str) -> None:
    """Put what stands between the dishes and the total: discounts and charges of the whole, taxes on top."""
    whole = [one for one in sale.adjustments if one.line < 0]
    for one in whole:
        _put_adjustment(slip, f"{word(one.kind)} {one.reason}", one.amount_fen)
    added = [tax for tax in sale.taxes if not tax.included]
    for tax in added:
        _put_adjustment(slip, _said(tax.name, locale), tax.tax_fen)
    if whole or added:
        slip.rule("single")


def _put_adjustment(slip: _Slip, text: str, amount_fen: int) -> None:
    rows = _wrapped(text.rstrip(), _NAME_COLUMNS)
    slip.ends(rows[0], money.plain(amount_fen))
    for row in rows[1:]:
        slip.put([(0, row)])


def _put_line(slip: _Slip, line: LineView, locale: str) -> None:
    rows = _wrapped(_said(line.name, locale), _NAME_COLUMNS)
    qty, amount = str(line.qty), money.plain(line.amount_fen)
    slip.put([(0, rows[0]), (_QTY_COLUMN - cells(qty), qty), (COLUMNS - cells(amount), amount)])
    for row in rows[1:]:
        slip.put([(0, row)])
    small = [_said(modifier.name, locale) for modifier in line.modifiers]
    if line.per_g:
        small.insert(0, f"{weights.kilograms(line.weight_g)} × {money.plain(line.unit_fen)}/{weights.per(line.per_g)}")
    if line.note:
        small.append(line.note)
    for row in _wrapped(" ".join(small), COLUMNS - 2) if small else []:
        slip.put([(2, row)])


def _said(name: Name, locale: str) -> str:
    return name.in_locale(locale) or name.zh or name.en


def _wrapped(text: str, columns: int) -> list[str]:
    """Break a text into rows of at most so many cells; at a space where there is one, else anywhere."""
    rows: list[str] = []
    row = ""
    for character in text:
        if cells(row) + _cells_of(character) > columns:
            cut = row.rfind(" ")
            kept, rest = (row[:cut], row[cut + 1 :]) if cut > 0 else (row, "")
            rows.append(kept)
            row = rest
        row += character
    return [*rows, row]


def qr(data: str) -> tuple[str, int]:
    """Draw a QR code as one SVG path; gives the path and its side in px."""
    code = segno.make_qr(data, error="m", boost_error=False)
    steps: list[str] = []
    for y, row in enumerate(code.matrix):
        x = 0
        while x < len(row):
            length = 0
            while x + length < len(row) and row[x + length]:
                length += 1
            if length:
                at = f"M{x * QR_MODULE_PX} {y * QR_MODULE_PX}"
                steps.append(f"{at}h{length * QR_MODULE_PX}v{QR_MODULE_PX}h-{length * QR_MODULE_PX}z")
            x += length or 1
    return "".join(steps), len(code.matrix) * QR_MODULE_PX
