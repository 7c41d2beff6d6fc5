"""A slip as ESC/POS bytes for one printer: pure, and without any byte that did not come from this module or clean text."""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from drivers.document import (
    BARCODE_HEIGHT_DOTS,
    Barcode,
    Buzzer,
    Columns,
    Cut,
    Feed,
    Picture,
    QrCode,
    ReceiptDoc,
    Rule,
    Text,
)
from drivers.escpos import barcode, layout
from drivers.escpos.glyphs import NO_FONT_SENTENCE, GlyphSource, drawable, line_rows
from drivers.escpos.profile import DOTS_PER_COLUMN, BuzzerKind, PrinterProfile
from drivers.escpos.qr_size import QUIET_MODULES, fitting_module_dots
from drivers.escpos.raster import NO_PULSE_IN_DOTS, fitted, qr_rows, raster
from drivers.escpos.text import (
    KANJI_OFF,
    REPLACEMENT,
    ascii_forms,
    clean,
    clean_for_dots,
    columns_of,
    encode_cleaned,
    in_rom,
)

# The kanji state after ESC @ is the printer's DIP switch; FS . and ESC t 0 make it known (drivers.md §2.1).
JOB_START: Final = b"\x1b@" + KANJI_OFF + b"\x1bt\x00"
CUT: Final = b"\x1dVB\x00"
FULL_CUT: Final = b"\x1dVA\x00"
TEAR_FEED: Final = b"\x1bd\x05"
"""Paper enough to tear a slip off by hand below its last line: the tear bar stands about 2 cm above the head."""

_BOLD: Final = {False: b"\x1bE\x00", True: b"\x1bE\x01"}
# GS ! sizes ASCII and, on Epson, hanzi; clones size hanzi by FS ! or FS W only. Where it is not known, FS ! goes along.
_GS_SIZE: Final = {1: b"\x1d!\x00", 2: b"\x1d!\x11"}
_HANZI_SIZE: Final = {
    "both": {1: b"\x1c!\x00", 2: b"\x1c!\x0c"},
    "fs": {1: b"\x1c!\x00", 2: b"\x1c!\x0c"},
    "fs_w": {1: b"\x1cW\x00", 2: b"\x1cW\x01"},
    "gs": {1: b"", 2: b""},
}
_ALIGN: Final = {"left": b"\x1ba\x00", "centre": b"\x1ba\x01", "right": b"\x1ba\x02"}
_BARCODE_STYLE: Final = b"\x1dh" + bytes([BARCODE_HEIGHT_DOTS]) + b"\x1dw" + bytes([barcode.MODULE_DOTS]) + b"\x1dH\x02"

Align = Literal["left", "centre", "right"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a slip.

    Attributes:
        unprintable: how many characters neither printer nor font has got: printed as hollow squares, or as question marks
            on a printer without Chinese characters when this machine has no font either.
        notes: what a person should know of this slip, in sentences.
    """

    data: bytes
    unprintable: int
    notes: tuple[str, ...] = ()


class _Writer:
    """Collects bytes and remembers the printer's style, so that a change is sent once."""

    def __init__(self, profile: PrinterProfile, glyphs: GlyphSource | None) -> None:
        self.profile = profile
        self.parts: list[bytes] = [JOB_START]
        self.unprintable = 0
        self.notes: list[str] = []
        self._glyphs = glyphs
        self._bold = False
        self._size = 1
        self._align: Align = "left"
        self._dots: list[bytes] = []
        self._pulse_off = not (profile.process_id or profile.buzzer == "epson")

    # ---------------------------------------------------------------------------------------------------------- bytes
    def style(self, *, bold: bool = False, size: int = 1, align: Align = "left") -> None:
        if align != self._align:
            self.add(_ALIGN[align])
            self._align = align
        if bold != self._bold:
            self.add(_BOLD[bold])
            self._bold = bold
        if size != self._size:
            self.add(_GS_SIZE[size] + _HANZI_SIZE[self.profile.hanzi_size][size])
            self._size = size

    def add(self, *parts: bytes) -> None:
        self.parts += parts

    def picture(self, rows: list[bytes]) -> None:
        """Send dots; an Epson is first told to take no drawer pulse from inside them."""
        if not self._pulse_off:
            self.add(NO_PULSE_IN_DOTS)
            self._pulse_off = True
        self.add(raster(rows))

    def done(self) -> Encoded:
        notes = list(self.notes)
        if self.unprintable:
            notes.append(f"characters that neither the printer nor a font of this machine has: {self.unprintable}")
        return Encoded(b"".join(self.parts), self.unprintable, tuple(notes))

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    # ----------------------------------------------------------------------------------------------------------- text
    def cleaned(self, text: str) -> str:
        """Clean text for this printer: for its own characters when they suffice, otherwise for lines sent as dots."""
        if not self.profile.raster_text:
            result = clean(text, fourbyte=self.profile.fourbyte)
            if not result.unprintable or self._glyphs is None:
                self.unprintable += result.unprintable
                return result.text
        elif text.isascii() and text.isprintable():
            return text
        if self._glyphs is None and self.profile.raster_text:
            text = ascii_forms(text)
        result = clean_for_dots(text, self._printable)
        self.unprintable += result.unprintable
        # No hollow square either on a printer without Chinese characters and a machine without a font.
        return result.text.replace(REPLACEMENT, "??") if self._glyphs is None else result.text

    def _printable(self, character: str) -> bool:
        if not self.profile.raster_text and in_rom(character):
            return True
        return self._glyphs is not None and drawable(self._glyphs, character)

    def lines(self, lines: list[str], *, bold: bool = False, size: int = 1, align: Align = "left") -> None:
        """Print lines, each as characters or as dots. Neighbouring lines of dots share their slices."""
        if self._glyphs is None:
            self.style(bold=bold, size=size, align=align)
            fourbyte = self.profile.fourbyte
            self.parts += [encode_cleaned(line, fourbyte=fourbyte) + b"\n" for line in lines]
            return
        dots: list[bytes] = []
        for line in lines:
            if self._needs_dots(line):
                dots += self._dot_line(line, bold=bold, size=size, align=align)
                continue
            self._flush(dots)
            self.style(bold=bold, size=size, align=align)
            if line:
                self.add(self._encoded(line))
            self.add(b"\n")
        self._flush(dots)

    def _needs_dots(self, line: str) -> bool:
        if self._glyphs is None or line.isascii():
            return False
        if self.profile.raster_text:
            return True
        if self.profile.fourbyte or in_rom(line):
            return False
        return all(character <= "\x7f" or drawable(self._glyphs, character) for character in line)

    def _encoded(self, line: str) -> bytes:
        if not (self.profile.fourbyte or in_rom(line)):
            # The font has the rare character of this line, but not one of the printer's own beside it.
            result = clean(line)
            self.unprintable += result.unprintable
            line = result.text
        return encode_cleaned(line, fourbyte=self.profile.fourbyte)

    def _dot_line(self, line: str, *, bold: bool, size: int, align: Align) -> list[bytes]:
        assert self._glyphs is not None, "lines are drawn only where there are glyphs"
        # A centred line stands where the printer would put its own: in the middle of the dots, not of the columns.
        free = self.profile.width_dots - columns_of(line) * DOTS_PER_COLUMN * size
        left_dots = {"left": 0, "centre": free // 2, "right": free}[align]
        assert columns_of(line) * size <= self.profile.columns, "the layout keeps lines within the paper"
        return line_rows(line, self._glyphs, self.profile.width_dots, left_dots=left_dots, size=size, bold=bold)

    def _flush(self, dots: list[bytes]) -> None:
        if dots:
            self.style()
            self.picture(dots)
            dots.clear()


def encode(doc: ReceiptDoc, profile: PrinterProfile, glyphs: GlyphSource | None = None) -> Encoded:
    """Encode a slip for a printer. The same slip, profile and font always give the same bytes.

    Every job begins with ESC @, FS . and ESC t 0; nothing is added at the end: a slip that should be cut says so itself.

    Args:
        glyphs: a Chinese font. Lines with a character that the printer has not got are then sent as dots; all lines that
            are not plain ASCII are, when the profile says that it has no Chinese characters. Without a font such a slip says
            so on its first line.
    """
    writer = _Writer(profile, glyphs)
    if profile.raster_text and glyphs is None and _has_chinese(doc):
        writer.note("this machine has no Chinese font: install fonts-noto-cjk")
        writer.lines(layout.wrap(NO_FONT_SENTENCE, profile.columns))
    for element in doc.elements:
        match element:
            case Text():
                columns = profile.columns // element.size
                lines = layout.wrap(writer.cleaned(element.text), columns)
                writer.lines(lines, bold=element.bold, size=element.size, align=element.align)
            case Columns():
                columns = profile.columns // element.size
                lines = layout.set_columns(writer.cleaned(element.left), writer.cleaned(element.right), columns)
                writer.lines(lines, bold=element.bold, size=element.size)
            case Rule():
                writer.lines([layout.rule(element.kind, profile.columns)])
            case QrCode():
                _qr(writer, element)
            case Barcode():
                _barcode(writer, element)
            case Picture():
                writer.style(align=element.align)
                writer.picture(list(fitted(element.rows, profile.width_dots)))
            case Feed():
                writer.style()
                writer.add(b"\x1bd" + bytes([element.lines]))
            case Buzzer():
                writer.add(native_buzzer(profile.buzzer, element.times))
            case Cut():
                writer.style()
                writer.add(_cut(profile, element))
            case _:
                assert_never(element)
    return writer.done()


def _has_chinese(doc: ReceiptDoc) -> bool:
    texts = [
        text
        for element in doc.elements
        for text in (
            (element.text,)
            if isinstance(element, Text)
            else (element.left, element.right)
            if isinstance(element, Columns)
            else ()
        )
    ]
    return not all(text.isascii() for text in texts)


def _cut(profile: PrinterProfile, element: Cut) -> bytes:
    if not profile.cutter:
        return TEAR_FEED
    return FULL_CUT if element.kind == "full" else CUT


def _qr(writer: _Writer, element: QrCode) -> None:
    """Ask for the symbol with white paper above and below: the quiet zone is ours to keep, not the printer's."""
    dots = fitting_module_dots(element.data, element.module_dots, writer.profile.width_dots)
    writer.style(align="centre")
    if not writer.profile.native_qr:
        writer.picture(qr_rows(element.data, dots))
        return
    writer.add(native_qr(element.data, dots))


def native_qr(data: str, module_dots: int) -> bytes:
    """Give the commands for a QR code that the printer draws, white paper above and below (drivers.md §2.2)."""
    quiet = b"\x1bJ" + bytes([min(255, QUIET_MODULES * module_dots)])
    encoded = data.encode("ascii")
    return b"".join(
        (
            quiet,
            b"\x1d(k\x04\x001A2\x00",
            b"\x1d(k\x03\x001C" + bytes([module_dots]),
            b"\x1d(k\x03\x001E1",
            b"\x1d(k" + (len(encoded) + 3).to_bytes(2, "little") + b"1P0" + encoded,
            b"\x1d(k\x03\x001Q0",
            quiet,
        )
    )


def native_barcode(element: Barcode) -> bytes:
    """Give the commands for a barcode that the printer draws, its characters below."""
    data = barcode.payload(element)
    return _BARCODE_STYLE + b"\x1dk" + bytes([barcode.FORM_B[element.kind], len(data)]) + data


def native_buzzer(kind: BuzzerKind, times: int) -> bytes:
    """Ask for sound: ESC B n t on clones (t in 100 ms), ESC ( A fn 48 pattern 1 on Epson (drivers.md §2.5)."""
    match kind:
        case "clone":
            return b"\x1bB" + bytes([times, 2])
        case "epson":
            return b"\x1b(A\x04\x0001" + bytes([times, 2])
        case "none":
            return b""


def _barcode(writer: _Writer, element: Barcode) -> None:
    """Ask for the bars, or draw them, with their characters below."""
    bars = barcode.modules(element.kind, barcode.payload(element))
    if barcode.dots_across(bars, barcode.MODULE_DOTS) > writer.profile.width_dots:
        writer.note(f"a barcode of {len(element.printed)} characters is too wide for this paper: printed as text")
        writer.lines(layout.wrap(element.printed, writer.profile.columns), align="centre")
        return
    writer.style(align="centre")
    if writer.profile.barcode:
        writer.add(native_barcode(element))
        return
    writer.picture(barcode.rows(bars, barcode.MODULE_DOTS, BARCODE_HEIGHT_DOTS))
    writer.lines([element.printed], align="centre")
