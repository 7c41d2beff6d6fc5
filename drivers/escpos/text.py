"""Text made safe for a Chinese receipt printer: what stays is printable, what goes is counted (drivers.md §2.1).

Order per character: NFC, map table, drop control and format characters, then ASCII byte or two GBK bytes. A character that
the printer has not got becomes a hollow square and is counted. After `clean`, no byte below 0x20 can come out of the text,
so no dish name or note can carry a command to the printer or its drawer.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from drivers.errors import DeviceRejected

KANJI_ON: Final = b"\x1c&"
KANJI_OFF: Final = b"\x1c."

REPLACEMENT: Final = "□"
_UNPRINTABLE: Final = "\ufffd"
_DROPPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

# The usual typed forms that GBK lacks or draws two columns wide, and white space that a person may paste into a note.
_MAPPED: Final[dict[str, str]] = {
    "¥": "￥",
    "–": "-",
    "—": "-",
    "―": "-",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "\u00a0": " ",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "‚": "'",
    "\t": " ",
    "\n": " ",
    "\v": " ",
    "\f": " ",
    "\r": " ",
    "\u0085": " ",
    "\u2028": " ",
    "\u2029": " ",
}


@dataclass(frozen=True, slots=True)
class CleanText:
    """Text that can be printed as it stands, and how many characters had to become a hollow square."""

    text: str
    unprintable: int


class _CleanTable(dict[int, str | None]):
    """A `str.translate` table that fills itself, once per character.

    Only what the printer can print is remembered, so the table is bounded by the printer's repertoire whatever is typed.
    """

    def __init__(self, charset: str) -> None:
        super().__init__()
        self._charset = charset

    def __missing__(self, code: int) -> str | None:
        character = _MAPPED.get(chr(code), chr(code))
        category = unicodedata.category(character)
        if category in _DROPPED_CATEGORIES:
            return None
        if category == "Zs" and character != "\u3000":
            character = " "
        try:
            character.encode(self._charset)
        except UnicodeEncodeError:
            return _UNPRINTABLE
        self[code] = character
        return character


_TABLES: Final = {False: _CleanTable("gbk"), True: _CleanTable("gb18030")}
_RUNS: Final = re.compile("([^\x00-\x7f]+)")


def clean(text: str, *, fourbyte: bool = False) -> CleanText:
    """Keep what the printer can print, drop what could command it, mark and count what it has not got.

    Args:
        text: anything, lone surrogates included.
        fourbyte: whether the printer has the four-byte characters of GB18030.
    """
    if text.isascii() and text.isprintable():
        return CleanText(text, 0)
    cleaned = unicodedata.normalize("NFC", text).translate(_TABLES[fourbyte])
    unprintable = cleaned.count(_UNPRINTABLE)
    return CleanText(cleaned.replace(_UNPRINTABLE, REPLACEMENT) if unprintable else cleaned, unprintable)


def columns_of(cleaned: str) -> int:
    """Count the columns that cleaned text takes: one for an ASCII byte, two for a double-byte character.

    This equals the number of GBK bytes; `unicodedata.east_asian_width` is wrong for · × ° ① ± → and more (drivers.md §2.1).
    """
    if cleaned.isascii():
        return len(cleaned)
    return len(cleaned) + sum(character > "\x7f" for character in cleaned)


def encode_cleaned(cleaned: str, *, fourbyte: bool = False) -> bytes:
    """Encode cleaned text, each Chinese run between FS & and FS . so that the printer's own default does not matter.

    Raises:
        DeviceRejected: the text was not cleaned; a control character must never get this far.
    """
    if cleaned.isascii():
        if not cleaned.isprintable():
            raise DeviceRejected("text with control characters was not cleaned")
        return cleaned.encode("ascii")
    charset = "gb18030" if fourbyte else "gbk"
    parts: list[bytes] = []
    for index, run in enumerate(_RUNS.split(cleaned)):
        if index % 2:
            parts += (KANJI_ON, run.encode(charset), KANJI_OFF)
        elif run:
            if not run.isprintable():
                raise DeviceRejected("text with control characters was not cleaned")
            parts.append(run.encode("ascii"))
    return b"".join(parts)
