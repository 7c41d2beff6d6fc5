"""What stands where on the paper: ops set into rows of a given width. Pure; the picture and the roll page draw from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from drivers.escpos import barcode
from drivers.escpos.ops import (
    Aligned,
    BarcodePrinted,
    Characters,
    FeedDots,
    FeedLines,
    LineEnd,
    NotDrawn,
    Op,
    PaperCut,
    QrPrinted,
    Raster,
    Reset,
    Setting,
    TextStyle,
    Unknown,
)
from drivers.escpos.profile import DOTS_PER_COLUMN

LINE_DOTS: Final = 30
"""Line pitch after ESC @: 1/6 inch at 180 dpi, as on Epson's 80 mm printers; a character is 24 dots high."""

Align = Literal["left", "centre", "right"]
_REPRINT_MARKS: Final = ("补打", "REPRINT")


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one width and style; each takes `style.width` cells, twice that when `wide`."""

    text: str
    wide: bool
    style: TextStyle

    @property
    def width_dots(self) -> int:
        """The width of the whole run in dots."""
        return len(self.text) * self.style.width * DOTS_PER_COLUMN * (2 if self.wide else 1)


@dataclass(frozen=True, slots=True)
class TextRow:
    """One printed line."""

    runs: tuple[Run, ...]
    align: Align

    @property
    def text(self) -> str:
        """The characters of the line."""
        return "".join(run.text for run in self.runs)

    @property
    def width_dots(self) -> int:
        """The width of the line in dots."""
        return sum(run.width_dots for run in self.runs)

    @property
    def height_dots(self) -> int:
        """The height of the line, pitch included."""
        return LINE_DOTS + 24 * (max((run.style.height for run in self.runs), default=1) - 1)


@dataclass(frozen=True, slots=True)
class QrRow:
    """A QR code; `matrix` holds one string of 0 and 1 per line, without quiet zone; empty when it cannot be drawn."""

    data: str
    matrix: tuple[str, ...]
    module_dots: int
    align: Align

    @property
    def height_dots(self) -> int:
        """The height of the symbol."""
        return len(self.matrix) * self.module_dots


@dataclass(frozen=True, slots=True)
class RasterRow:
    """A picture of packed dots."""

    width_bytes: int
    rows: int
    dots: bytes
    scale_x: int
    scale_y: int
    align: Align

    @property
    def height_dots(self) -> int:
        """The height of the picture."""
        return self.rows * self.scale_y


@dataclass(frozen=True, slots=True)
class BlankRow:
    """Paper that was fed."""

    height_dots: int


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Something that came but is not drawn: a rare barcode, unknown bytes. Shown so that nothing is silently missing."""

    kind: Literal["not_drawn", "unknown"]
    detail: str
    height_dots: int = LINE_DOTS


@dataclass(frozen=True, slots=True)
class CutRow:
    """Where the knife went."""

    height_dots: int = 0


Row = TextRow | QrRow | RasterRow | BlankRow | NoteRow | CutRow


@dataclass(slots=True)
class _Setter:
    width_dots: int
    rows: list[Row] = field(default_factory=list)
    line: list[Run] = field(default_factory=list)
    used_dots: int = 0
    align: Align = "left"
    after_strip: bool = False

    def end_line(self) -> None:
        after_strip, self.after_strip = self.after_strip, False
        if after_strip and not self.line:
            return
        self.rows.append(TextRow(tuple(self.line), self.align))
        self.line = []
        self.used_dots = 0

    def end_open_line(self) -> None:
        if self.line:
            self.end_line()

    def characters(self, op: Characters) -> None:
        """Put characters on the line; what does not fit goes to the next, as the printer does it."""
        cell = op.style.width * DOTS_PER_COLUMN * (2 if op.wide else 1)
        text = op.text
        while text:
            room = (self.width_dots - self.used_dots) // cell
            if room == 0:
                if not self.line:
                    return
                self.end_line()
                continue
            run = Run(text[:room], op.wide, op.style)
            self.line.append(run)
            self.used_dots += run.width_dots
            text = text[room:]


def set_rows(ops: Iterable[Op], width_dots: int) -> list[Row]:
    """Set ops into rows for paper of this width. An open last line is shown as far as it goes."""
    setter = _Setter(width_dots)
    for op in ops:
        match op:
            case Characters():
                setter.characters(op)
            case LineEnd():
                setter.end_line()
            case Aligned():
                setter.align = op.align
            case Reset():
                setter.line, setter.used_dots, setter.align = [], 0, "left"
            case Setting():
                pass
            case _:
                _set_other(setter, op)
    setter.end_open_line()
    return setter.rows


def _set_other(setter: _Setter, op: Op) -> None:
    match op:
        case FeedDots():
            setter.end_open_line()
            setter.rows.append(BlankRow(op.dots))
        case FeedLines():
            setter.end_open_line()
            setter.rows.append(BlankRow(op.lines * LINE_DOTS))
        case QrPrinted():
            setter.end_open_line()
            data = op.data.decode("utf-8", "backslashreplace")
            setter.rows.append(QrRow(data, qr_matrix(op.data, op.level), op.module_dots, setter.align))
        case Raster():
            setter.end_open_line()
            setter.rows.append(RasterRow(op.width_bytes, op.rows, op.dots, op.scale_x, op.scale_y, setter.align))
            # A strip of ESC * stands in a line of its own, which the line feed after it prints.
            setter.after_strip = op.raw[:2] == b"\x1b*"
        case BarcodePrinted():
            setter.end_open_line()
            text = TextRow((Run(op.text, wide=False, style=TextStyle()),), setter.align)
            dots = barcode.rows(op.modules, op.module_dots, op.height_dots)
            bars = RasterRow(len(dots[0]), len(dots), b"".join(dots), 1, 1, setter.align)
            setter.rows += [text] * op.text_above + [bars] + [text] * op.text_below
        case NotDrawn():
            setter.end_open_line()
            setter.rows.append(NoteRow("not_drawn", f"{op.name}, {len(op.raw)} B"))
        case Unknown():
            setter.end_open_line()
            setter.rows.append(NoteRow("unknown", f"{op.raw.hex(' ').upper()} @ {op.offset}"))
        case PaperCut():
            setter.end_open_line()
            setter.rows.append(CutRow())
        case _:
            pass


@lru_cache(maxsize=256)
def qr_matrix(data: bytes, level: str) -> tuple[str, ...]:
    """Draw a QR code, model 2, at the level asked, as lines of 0 and 1 without a quiet zone; empty when it is too long."""
    import segno  # noqa: PLC0415 - 20 ms of import that a process which never shows paper does not need

    try:
        symbol = segno.make_qr(data, error=level, boost_error=False)
    except segno.DataOverflowError:
        return ()
    return tuple("".join("1" if dark else "0" for dark in line) for line in symbol.matrix)


def is_reprint(rows: Iterable[Row]) -> bool:
    """Whether the first printed line carries the mark of a reprint (DESIGN §6)."""
    for row in rows:
        if isinstance(row, TextRow) and row.text.strip():
            return any(mark in row.text for mark in _REPRINT_MARKS)
    return False
