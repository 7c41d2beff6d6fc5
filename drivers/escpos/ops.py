"""What a printer is told to do, one value per command, each with the very bytes it came from and where they stood."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How characters are drawn. Sizes are multiples of the 12 x 24 cell, 1 to 8."""

    width: int = 1
    height: int = 1
    bold: bool = False
    underline: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Op:
    """Anything in the stream. The `raw` of all ops, joined, is the stream: nothing is lost or invented.

    Attributes:
        offset: where `raw` began, in bytes from the start of the stream.
        raw: the bytes.
    """

    offset: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Characters(Op):
    """Characters for the current line; `wide` = hanzi cells of 24 x 24, otherwise 12 x 24."""

    text: str
    wide: bool
    style: TextStyle


@dataclass(frozen=True, slots=True)
class LineEnd(Op):
    """Print the line and go to the next."""


@dataclass(frozen=True, slots=True)
class FeedDots(Op):
    """Print the line and feed so many dots (ESC J)."""

    dots: int


@dataclass(frozen=True, slots=True)
class FeedLines(Op):
    """Print the line and feed so many lines (ESC d)."""

    lines: int


@dataclass(frozen=True, slots=True)
class Aligned(Op):
    """Lines from here on stand left, centre or right."""

    align: Literal["left", "centre", "right"]


@dataclass(frozen=True, slots=True)
class Reset(Op):
    """ESC @: everything back to how the printer wakes up."""


@dataclass(frozen=True, slots=True)
class Setting(Op):
    """A command that changes how later ones look, or is of no consequence on paper; `name` as in the manuals."""

    name: str


@dataclass(frozen=True, slots=True)
class PictureKept(Setting):
    """GS ( L or GS 8 L function 112: a picture put by until it is printed. Its dots, like a raster's, may look like DLE."""


@dataclass(frozen=True, slots=True)
class QrPrinted(Op):
    """Print the stored QR code. Level is L, M, Q or H."""

    data: bytes
    module_dots: int
    level: str


@dataclass(frozen=True, slots=True)
class Raster(Op):
    """Rows of dots, most significant bit left, 1 = black; `scale_x` and `scale_y` are 1 or 2."""

    width_bytes: int
    rows: int
    dots: bytes
    scale_x: int
    scale_y: int


@dataclass(frozen=True, slots=True)
class BarcodePrinted(Op):
    """Print a barcode.

    Attributes:
        kind: as in `barcode.KIND_OF`.
        modules: the bars, a string of 0 and 1.
        text: its characters.
        text_below: whether they stand under the bars; `text_above` likewise.
    """

    kind: str
    modules: str
    text: str
    module_dots: int
    height_dots: int
    text_above: bool
    text_below: bool


@dataclass(frozen=True, slots=True)
class BuzzerSounded(Op):
    """Sound the buzzer so many times (ESC B on clones, ESC ( A on Epson)."""

    times: int


@dataclass(frozen=True, slots=True)
class NotDrawn(Op):
    """A command whose length is understood but which this decoder does not draw (page mode, rare barcodes, logos in ROM)."""

    name: str


@dataclass(frozen=True, slots=True)
class PaperCut(Op):
    """Cut the paper; the slip ends here."""

    partial: bool


@dataclass(frozen=True, slots=True)
class DrawerPulse(Op):
    """Kick the cash drawer on connector pin 2 or 5; `real_time` when asked by DLE DC4."""

    pin: int
    real_time: bool


@dataclass(frozen=True, slots=True)
class StatusAsked(Op):
    """DLE EOT n: answered at once, ahead of the buffer."""

    question: int


@dataclass(frozen=True, slots=True)
class RealTimeRequest(Op):
    """DLE ENQ n, or DLE DC4 with another function than the drawer."""

    name: str


@dataclass(frozen=True, slots=True)
class PaperAsked(Op):
    """GS r n: answered in order with the print data."""

    question: int


@dataclass(frozen=True, slots=True)
class ProcessIdAsked(Op):
    """GS ( H: answered when everything before it is printed."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class IdentityAsked(Op):
    """GS I n: who are you."""

    question: int


@dataclass(frozen=True, slots=True)
class AutoStatusSet(Op):
    """GS a n: send status unasked for the kinds in the mask; 0 = never."""

    mask: int


@dataclass(frozen=True, slots=True)
class Unknown(Op):
    """Bytes no command begins with, or that are no character in the current mode."""


@dataclass(frozen=True, slots=True)
class Truncated(Op):
    """The stream ended inside this command."""


REAL_TIME_OPS = (StatusAsked, RealTimeRequest)
"""Obeyed as they arrive and not part of the print data. (A real-time drawer pulse is a `DrawerPulse`.)"""
