"""Text made safe for a Chinese receipt printer: what stays is printable, what goes is counted (drivers.md §2.1).

Order per character: NFC, map table, drop control and format characters, then ASCII byte or two GBK bytes. A character that
the printer has not got becomes a hollow square and is counted. After `clean`, no byte below 0x20 can come out of the text,
so no dish name or note can carry a command to the printer or its drawer.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drivers.errors import DeviceRejected

Drawable = Callable[[str], bool]
"""Whether this machine's font has a character."""

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
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


def clean(text: str, *, fourbyte: bool = False) -> CleanText:
    """Keep what the printer can print, drop what could command it, mark and count what it has not got.

    Args:
        text: anything, lone surrogates included.
        fourbyte: whether the printer has the four-byte characters of GB18030.
    """
    if text.isascii() and text.isprintable():
        return CleanText(text, 0)
    return _clean_known(text, fourbyte) if len(text) <= _KEPT_CHARS_MAX else _clean(text, fourbyte)


def _clean(text: str, fourbyte: bool) -> CleanText:  # noqa: FBT001 - positional for the cache
    cleaned = unicodedata.normalize("NFC", text).translate(_TABLES[fourbyte])
    unprintable = cleaned.count(_UNPRINTABLE)
    return CleanText(cleaned.replace(_UNPRINTABLE, REPLACEMENT) if unprintable else cleaned, unprintable)


_KEPT_CHARS_MAX: Final = 64
# The words of slips are few and come back: heads, dishes, kinds of payment.
_clean_known: Final = lru_cache(maxsize=2_048)(_clean)


def clean_for_dots(text: str, drawable: Drawable) -> CleanText:
    """Clean text whose lines may be sent as dots: what the font has is kept, whatever character set it belongs to.

    Args:
        drawable: asked once per character that is not ASCII; what it denies becomes a hollow square and is counted.
    """
    kept: list[str] = []
    unprintable = 0
    for typed in unicodedata.normalize("NFC", text):
        character = _MAPPED.get(typed, typed)
        category = unicodedata.category(character)
        if category in _DROPPED_CATEGORIES:
            continue
        if category == "Zs" and character != "\u3000":
            character = " "
        # A mark that NFC could not join to its letter would need a cell of its own.
        if not character.isascii() and (category[0] == "M" or character == _UNPRINTABLE or not drawable(character)):
            unprintable += 1
            character = REPLACEMENT
        kept.append(character)
    return CleanText("".join(kept), unprintable)


def ascii_forms(text: str) -> str:
    """Put ASCII for the full-width signs that have such a form, and Y for the yuan: for a printer with nothing else."""
    forms = (unicodedata.normalize("NFKC", character) for character in text.replace("¥", "Y").replace("￥", "Y"))
    return "".join(form if form.isascii() else character for form, character in zip(forms, text, strict=True))


def in_rom(cleaned: str) -> bool:
    """Whether a printer with the GBK characters has every one of these."""
    try:
        cleaned.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def columns_of(cleaned: str) -> int:
    """Count the columns that cleaned text takes: one for an ASCII byte, two for a double-byte character.

    This equals the number of GBK bytes; `unicodedata.east_asian_width` is wrong for · × ° ① ± → and more (drivers.md §2.1).
    """
    if cleaned.isascii():
        return len(cleaned)
    return 2 * len(cleaned) - len(cleaned.encode("ascii", "ignore"))


def encode_cleaned(cleaned: str, *, fourbyte: bool = False) -> bytes:
    """Encode a line; see `_encode`. Lines of slips come back (heads, dishes with their prices), so short ones are kept."""
    return _encode_known(cleaned, fourbyte) if len(cleaned) <= _KEPT_CHARS_MAX else _encode(cleaned, fourbyte)


def _encode(cleaned: str, fourbyte: bool) -> bytes:  # noqa: FBT001 - positional for the cache
    """Encode cleaned text, each Chinese run between FS & and FS . so that the printer's own default does not matter.

    Raises:
        DeviceRejected: the text was not cleaned; a control character must never get this far.
    """
    if cleaned.isascii() and cleaned.isprintable():
        return cleaned.encode("ascii")
    if _CONTROL.search(cleaned):
        raise DeviceRejected("text with control characters was not cleaned")
    # FS & and FS . are ASCII in either set: put into the text, one pass encodes it all.
    parts = _RUNS.split(cleaned)
    parts[1::2] = [f"\x1c&{run}\x1c." for run in parts[1::2]]
    return "".join(parts).encode("gb18030" if fourbyte else "gbk")


_encode_known: Final = lru_cache(maxsize=4_096)(_encode)
