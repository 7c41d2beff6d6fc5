"""What differs between printer models, as data: widths, character set, and how each says that it has printed."""

from dataclasses import dataclass
from typing import Final, Literal

DOTS_PER_COLUMN: Final = 12
"""Font A is 12 x 24 dots, a hanzi 24 x 24 (drivers.md §2.1)."""


@dataclass(frozen=True, slots=True)
class PrinterProfile:
    """One kind of receipt printer.

    Attributes:
        name: the key in `PROFILES`.
        width_dots: printable width; 576 on 80 mm paper, 384 on 58 mm.
        columns: ASCII characters of font A in a line; one column is one encoded byte.
        charset: the double-byte set in its ROM.
        fourbyte: whether it prints four-byte GB18030 characters too.
        native_qr: whether it draws QR codes itself (GS ( k); otherwise they are sent as dots.
        process_id: whether it answers GS ( H when printing is done (not: TM-T88III and older, most clones).
        paper_status: whether it answers GS r 1 in order with the data; used when there is no process id.
        power_on_kanji: whether it wakes up in Chinese mode. The encoder does not depend on it; the twin does.
    """

    name: str
    width_dots: int
    columns: int
    charset: Literal["gbk"] = "gbk"
    fourbyte: bool = False
    native_qr: bool = True
    process_id: bool = True
    paper_status: bool = True
    power_on_kanji: bool = True

    def __post_init__(self) -> None:
        assert 8 <= self.columns <= self.width_dots // DOTS_PER_COLUMN, "columns of 12 dots must fit the paper"
        assert self.width_dots % 8 == 0, "a raster row is whole bytes"
