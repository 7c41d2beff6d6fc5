"""A slip as ESC/POS bytes for one printer: pure, and without any byte that did not come from this module or clean text."""

from dataclasses import dataclass
from typing import Final, assert_never

from drivers.document import Columns, Cut, Feed, QrCode, ReceiptDoc, Rule, Text
from drivers.escpos import layout
from drivers.escpos.profile import PrinterProfile
from drivers.escpos.qr_size import QUIET_MODULES, fitting_module_dots
from drivers.escpos.raster import qr_rows, raster
from drivers.escpos.text import KANJI_OFF, clean, encode_cleaned

# The kanji state after ESC @ is the printer's DIP switch; FS . and ESC t 0 make it known (drivers.md §2.1).
JOB_START: Final = b"\x1b@" + KANJI_OFF + b"\x1bt\x00"
CUT: Final = b"\x1dVB\x00"

_BOLD: Final = {False: b"\x1bE\x00", True: b"\x1bE\x01"}
# GS ! sizes ASCII and, on Epson, hanzi; clones size hanzi by FS ! only, so both are always sent.
_SIZE: Final = {1: b"\x1d!\x00\x1c!\x00", 2: b"\x1d!\x11\x1c!\x0c"}
_ALIGN: Final = {"left": b"\x1ba\x00", "centre": b"\x1ba\x01", "right": b"\x1ba\x02"}


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a slip and how many of its characters the printer has not got (printed as hollow squares)."""

    data: bytes
    unprintable: int


class _Writer:
    """Collects bytes and remembers the printer's style, so that a change is sent once."""

    def __init__(self, profile: PrinterProfile) -> None:
        self.profile = profile
        self.parts: list[bytes] = [JOB_START]
        self.unprintable = 0
        self._bold = False
        self._size = 1
        self._align = "left"

    def style(self, *, bold: bool = False, size: int = 1, align: str = "left") -> None:
        if align != self._align:
            self.parts.append(_ALIGN[align])
            self._align = align
        if bold != self._bold:
            self.parts.append(_BOLD[bold])
            self._bold = bold
        if size != self._size:
            self.parts.append(_SIZE[size])
            self._size = size

    def cleaned(self, text: str) -> str:
        result = clean(text, fourbyte=self.profile.fourbyte)
        self.unprintable += result.unprintable
        return result.text

    def lines(self, lines: list[str]) -> None:
        for line in lines:
            if line:
                self.parts.append(encode_cleaned(line, fourbyte=self.profile.fourbyte))
            self.parts.append(b"\n")


def encode(doc: ReceiptDoc, profile: PrinterProfile) -> Encoded:
    """Encode a slip for a printer. The same slip and profile always give the same bytes.

    Every job begins with ESC @, FS . and ESC t 0; nothing is added at the end: a slip that should be cut says so itself.
    """
    writer = _Writer(profile)
    for element in doc.elements:
        match element:
            case Text():
                _text(writer, element)
            case Columns():
                _columns(writer, element)
            case Rule():
                writer.style()
                writer.lines([layout.rule(element.kind, profile.columns)])
            case QrCode():
                _qr(writer, element)
            case Feed():
                writer.style()
                writer.parts.append(b"\x1bd" + bytes([element.lines]))
            case Cut():
                writer.style()
                writer.parts.append(CUT)
            case _:
                assert_never(element)
    return Encoded(b"".join(writer.parts), writer.unprintable)


def _text(writer: _Writer, element: Text) -> None:
    writer.style(bold=element.bold, size=element.size, align=element.align)
    writer.lines(layout.wrap(writer.cleaned(element.text), writer.profile.columns // element.size))


def _columns(writer: _Writer, element: Columns) -> None:
    writer.style(bold=element.bold, size=element.size)
    columns = writer.profile.columns // element.size
    writer.lines(layout.set_columns(writer.cleaned(element.left), writer.cleaned(element.right), columns))


def _qr(writer: _Writer, element: QrCode) -> None:
    """Ask for the symbol with white paper above and below: the quiet zone is ours to keep, not the printer's."""
    dots = fitting_module_dots(element.data, element.module_dots, writer.profile.width_dots)
    writer.style(align="centre")
    if not writer.profile.native_qr:
        writer.parts.append(raster(qr_rows(element.data, dots)))
        return
    quiet = b"\x1bJ" + bytes([min(255, QUIET_MODULES * dots)])
    data = element.data.encode("ascii")
    writer.parts += (
        quiet,
        b"\x1d(k\x04\x001A2\x00",
        b"\x1d(k\x03\x001C" + bytes([dots]),
        b"\x1d(k\x03\x001E1",
        b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data,
        b"\x1d(k\x03\x001Q0",
        quiet,
    )
