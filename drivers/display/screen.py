"""What a guest sees: two rows of text or one figure, fitted so that no hanzi is cut and no price is shown in part (pure).

Columns are GBK bytes, as on paper (drivers.md §2.1). Text is cleaned like a slip's, so no name can carry a command: what is
left has no byte below a blank. A display without Chinese characters gets ASCII only; whoever fills the screen chooses a name
with `wording`, and what is not ASCII even so becomes question marks of the same width, never other characters.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from drivers.escpos.text import clean, columns_of

Meaning = Literal["", "unit_price", "total", "received", "change"]

_TO_DISPLAY: Final = b"\x1b=\x02"
_TO_PRINTER: Final = b"\x1b=\x01"
_LAST_FIGURE: Final = re.compile(r"(?<![0-9.,])[-−]?[0-9][0-9,]*(?:\.[0-9]+)?$")
_ASCII: Final = {"￥": " Y", "×": " x", "…": "..", "·": " ."}


@dataclass(frozen=True, slots=True)
class Screen:
    """What to show.

    Attributes:
        upper: the first row, at most the display's columns; longer is cut between characters.
        lower: the second row.
        figure: what a display of figures alone shows, such as `1,234.50`; empty takes the figure at the end of `lower`, then
            that of `upper`, then nothing.
        meaning: what the figure is; a display of figures alone lights the lamp of it.
    """

    upper: str
    lower: str
    figure: str = ""
    meaning: Meaning = ""


class Display(Protocol):
    """One kind of display: a screen in, bytes out.

    Attributes:
        name: as it stands in the settings.
        columns: how many columns a row has.
    """

    name: str
    columns: int

    def initial(self) -> bytes:
        """Give what must be sent after every (re)connection before anything is shown: its modes may be anybody's."""
        ...

    def show(self, screen: Screen) -> bytes:
        """Give the bytes that replace whatever is shown by this screen. Never raises, whatever the texts hold."""
        ...


class DisplayMaker(Protocol):
    """Makes a display; `hanzi` says whether it has Chinese characters."""

    def __call__(self, *, hanzi: bool = False) -> Display:
        """Make one."""
        ...


def wording(name: str, latin: str, code: str, *, hanzi: bool) -> str:
    """Choose what to call something: its name where it can be shown, else its Latin name, else its code."""
    for text in (name, latin):
        if text.strip() and (hanzi or text.isascii()):
            return text
    return code


def fit(left: str, right: str, columns: int) -> str:
    """Set a name and a price on one row, the price whole at the right edge, the name cut between characters.

    A price too wide for the row is shown as dashes: a part of a price is a wrong price. The row is exactly `columns` wide.
    """
    left, right = clean(left).text.strip(" "), clean(right).text.strip(" ")
    if columns_of(right) > columns:
        return "-" * columns
    shown = cut(left, columns - columns_of(right) - (1 if right else 0))
    return shown + " " * (columns - columns_of(shown) - columns_of(right)) + right


def cut(cleaned: str, columns: int) -> str:
    """Give the beginning of cleaned text that fits so many columns; a hanzi that does not fit whole is left out."""
    used = 0
    for position, character in enumerate(cleaned):
        used += columns_of(character)
        if used > columns:
            return cleaned[:position]
    return cleaned


def row(text: str, columns: int, *, hanzi: bool) -> bytes:
    """Encode one row: exactly `columns` bytes, blanks behind, none below a blank, ASCII alone without `hanzi`."""
    cleaned = clean(text).text
    if not hanzi:
        cleaned = "".join(character if character.isascii() else _in_ascii(character) for character in cleaned)
    return cut(cleaned, columns).encode("gbk").ljust(columns)


def figure_of(screen: Screen) -> str:
    """Give the figure that a display of figures alone shows, without thousands commas; empty when there is none."""
    for text in (screen.figure, screen.lower, screen.upper):
        match = _LAST_FIGURE.search(text.strip())
        if match:
            return match[0].replace(",", "").replace("−", "-")
    return ""


def through_printer(data: bytes) -> bytes:
    """Wrap bytes for a display that hangs on a printer's line: select it, and the printer again after."""
    return _TO_DISPLAY + data + _TO_PRINTER


def _in_ascii(character: str) -> str:
    """Two columns for one double-byte character, so that a row fitted before stays in its columns."""
    if character in _ASCII:
        return _ASCII[character]
    plain = unicodedata.normalize("NFKC", character)
    return f" {plain}" if len(plain) == 1 and plain.isascii() and plain.isprintable() else "??"
