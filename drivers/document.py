"""What a slip of paper says, before any printer's bytes: lines, columns, rules, a QR code, feed and cut."""

import string
from dataclasses import dataclass
from typing import Literal

from drivers.errors import DeviceRejected

Align = Literal["left", "centre", "right"]

QR_DATA_MAX = 600
FEED_LINES_MAX = 255
TEXT_CHARS_MAX = 10_000
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
    """Feed past the knife and cut, leaving a point of paper: the slip ends here."""


Element = Text | Columns | Rule | QrCode | Feed | Cut


@dataclass(frozen=True, slots=True)
class ReceiptDoc:
    """A slip from first line to cut, words and figures already settled by the caller."""

    elements: tuple[Element, ...]


def _check_text(text: str) -> None:
    if len(text) > TEXT_CHARS_MAX:
        raise DeviceRejected(f"a text on a slip has at most {TEXT_CHARS_MAX} characters")
