"""What differs between printer models, as data: widths, character set, abilities, and how each says that it has printed."""

from dataclasses import dataclass
from typing import Final, Literal

DOTS_PER_COLUMN: Final = 12
"""Font A is 12 x 24 dots, a hanzi 24 x 24 (drivers.md §2.1)."""

HanziSize = Literal["both", "gs", "fs", "fs_w"]
Confirms = Literal["process_id", "paper_status", "none"]
BuzzerKind = Literal["none", "clone", "epson"]


@dataclass(frozen=True, slots=True)
class PrinterProfile:
    """One kind of receipt printer.

    Attributes:
        name: the key in `PROFILES`, or what the store calls its own.
        width_dots: printable width; 576 on 80 mm paper, 384 on 58 mm.
        columns: ASCII characters of font A in a line; one column is one encoded byte.
        charset: the double-byte set in its ROM.
        fourbyte: whether it prints four-byte GB18030 characters too.
        native_qr: whether it draws QR codes itself (GS ( k); otherwise they are sent as dots.
        power_on_kanji: whether it wakes up in Chinese mode. The encoder does not depend on it; the twin does.
        model: the maker's name of the model, empty when it is any printer of the kind.
        barcode: whether it draws barcodes itself (GS k); otherwise they are sent as dots.
        raster_text: whether it has no Chinese characters at all: whole lines are sent as dots.
        hanzi_size: what doubles a hanzi: GS !, FS !, FS W, or `both` GS ! and FS ! (drivers.md §2.1).
        cutter: whether it has a knife; without one the slip ends in paper enough to tear.
        buzzer: how it is made to sound, if it can: ESC B on clones, ESC ( A on Epson (drivers.md §2.5).
        drawer: whether a cash drawer can hang on it.
        confirms: how it says that a slip is printed: GS ( H (not: TM-T88III and older, most clones), GS r 1 in order with
            the data, or not at all.
        answers: whether anything can be read from it; False for one-way connections.
    """

    name: str
    width_dots: int
    columns: int
    charset: Literal["gbk"] = "gbk"
    fourbyte: bool = False
    native_qr: bool = True
    power_on_kanji: bool = True
    model: str = ""
    barcode: bool = True
    raster_text: bool = False
    hanzi_size: HanziSize = "both"
    cutter: bool = True
    buzzer: BuzzerKind = "none"
    drawer: bool = True
    confirms: Confirms = "process_id"
    answers: bool = True

    def __post_init__(self) -> None:
        assert 8 <= self.columns <= self.width_dots // DOTS_PER_COLUMN, "columns of 12 dots must fit the paper"
        assert self.width_dots % 8 == 0, "a raster row is whole bytes"

    @property
    def process_id(self) -> bool:
        """Whether it answers GS ( H when printing is done."""
        return self.answers and self.confirms == "process_id"

    @property
    def paper_status(self) -> bool:
        """Whether it answers GS r 1 in order with the data, as every printer with process ids does too."""
        return self.answers and self.confirms != "none"
