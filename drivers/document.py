"""What a slip of paper says, before any printer's bytes: lines, columns, rules, codes, pictures, feed, cut and buzzer."""

import re
import string
from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceRejected

Align = Literal["left", "centre", "right"]
BarcodeKind = Literal["EAN13", "EAN8", "CODE39", "CODE128", "ITF"]

QR_DATA_MAX = 600
FEED_LINES_MAX = 255
TEXT_CHARS_MAX = 10_000
BARCODE_HEIGHT_DOTS = 72
BARCODE_CHARS_MAX = 60
PICTURE_BYTES_ACROSS_MAX = 144
PICTURE_ROWS_MAX = 2_400
BUZZER_TIMES_MAX = 9
_QR_ALPHABET = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph; it wraps at the paper's width.

    `size` 2 is double width and double height. Control characters never reach the printer; line breaks become spaces.
    """

    text: str
    align: Align = "left"
    bold: bool = False
    size: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        _check_text(self.text)


@dataclass(frozen=True, slots=True)
class Columns:
    """A left part that wraps and a right part that stands at the right edge of the first line."""

    left: str
    right: str
    bold: bool = False
    size: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        _check_text(self.left)
        _check_text(self.right)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over the whole width. The double one says "this amount is final" and nothing else (screens.md §0)."""

    kind: Literal["single", "double", "dashed"] = "single"


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code, model 2, error correction M, centred.

    Args:
        data: 1 to 600 printable ASCII characters (percent-encode the rest); upper case makes a smaller symbol.
        module_dots: 2 to 16 dots a module; made smaller by the encoder when the symbol would not fit the paper.

    Raises:
        DeviceRejected: data or size out of bounds.
    """

    data: str
    module_dots: int = 6

    def __post_init__(self) -> None:
        if not 1 <= len(self.data) <= QR_DATA_MAX or not _QR_ALPHABET.issuperset(self.data):
            raise DeviceRejected(f"QR data must be 1 to {QR_DATA_MAX} printable ASCII characters")
        if not 2 <= self.module_dots <= 16:
            raise DeviceRejected("QR modules must be 2 to 16 dots")


@dataclass(frozen=True, slots=True)
class Feed:
    """Blank lines, 1 to 255."""

    lines: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.lines <= FEED_LINES_MAX:
            raise DeviceRejected(f"feed must be 1 to {FEED_LINES_MAX} lines")


@dataclass(frozen=True, slots=True)
class Cut:
    """Feed past the knife and cut, by default leaving a point of paper: the slip ends here."""

    kind: Literal["partial", "full"] = "partial"


@dataclass(frozen=True, slots=True)
class Barcode:
    """A barcode, centred, with its characters in text below. Too wide for the paper, only the text is printed.

    Args:
        data: EAN13 12 or 13 digits and EAN8 7 or 8, with or without the check digit; ITF an even number of digits; CODE39
            digits, capitals, blank and -.$/+%; CODE128 printable ASCII. At most 60 characters.
        kind: the symbology.

    Raises:
        DeviceRejected: the data does not belong to this kind; the sentence says what does.
    """

    data: str
    kind: BarcodeKind = "CODE128"

    def __post_init__(self) -> None:
        if not _BARCODE_DATA[self.kind].fullmatch(self.data) or len(self.data) > BARCODE_CHARS_MAX:
            raise DeviceRejected(f"a {self.kind} barcode holds {_BARCODE_WORDS[self.kind]}")
        full_length = {"EAN13": 13, "EAN8": 8}.get(self.kind)
        if len(self.data) == full_length and ean_check_digit(self.data[:-1]) != self.data[-1]:
            raise DeviceRejected(f"the check digit of this {self.kind} barcode is wrong; read the number again")

    @property
    def printed(self) -> str:
        """The characters that the bars say, check digit of an EAN included."""
        if (self.kind, len(self.data)) in {("EAN13", 12), ("EAN8", 7)}:
            return self.data + ean_check_digit(self.data)
        return self.data


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in black and white, a logo for instance; one wider than the paper is made smaller.

    Args:
        rows: packed dots from top to bottom, most significant bit left, 1 = black; all of one length, up to 144 bytes
            (1152 dots), up to 2400 rows.

    Raises:
        DeviceRejected: rows out of bounds.
    """

    rows: tuple[bytes, ...]
    align: Align = "centre"

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.rows}
        if len(lengths) != 1 or not 1 <= min(lengths) <= PICTURE_BYTES_ACROSS_MAX or len(self.rows) > PICTURE_ROWS_MAX:
            raise DeviceRejected(
                f"a picture has 1 to {PICTURE_ROWS_MAX} rows of one length, 1 to {PICTURE_BYTES_ACROSS_MAX} bytes; "
                "make it smaller"
            )


@dataclass(frozen=True, slots=True)
class Buzzer:
    """Sound the buzzer so many times, 1 to 9; a printer without one stays silent."""

    times: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.times <= BUZZER_TIMES_MAX:
            raise DeviceRejected(f"a buzzer sounds 1 to {BUZZER_TIMES_MAX} times")


Element = Text | Columns | Rule | QrCode | Barcode | Picture | Feed | Buzzer | Cut


@dataclass(frozen=True, slots=True)
class ReceiptDoc:
    """A slip from first line to cut, words and figures already settled by the caller."""

    elements: tuple[Element, ...]


def ean_check_digit(digits: str) -> str:
    """Compute the last digit of an EAN-13 or EAN-8 from those before it (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(digits)))
    return str(-total % 10)


_BARCODE_DATA: Final[dict[str, re.Pattern[str]]] = {
    "EAN13": re.compile("[0-9]{12,13}"),
    "EAN8": re.compile("[0-9]{7,8}"),
    "CODE39": re.compile(r"[0-9A-Z .$/+%-]+"),
    "CODE128": re.compile("[ -~]+"),
    "ITF": re.compile("([0-9]{2})+"),
}
_BARCODE_WORDS: Final = {
    "EAN13": "12 or 13 digits",
    "EAN8": "7 or 8 digits",
    "CODE39": f"1 to {BARCODE_CHARS_MAX} digits, capitals, blanks and -.$/+%",
    "CODE128": f"1 to {BARCODE_CHARS_MAX} printable ASCII characters",
    "ITF": f"an even number of digits, 2 to {BARCODE_CHARS_MAX}",
}


def _check_text(text: str) -> None:
    if len(text) > TEXT_CHARS_MAX:
        raise DeviceRejected(f"a text on a slip has at most {TEXT_CHARS_MAX} characters")
