"""Whether bytes can be what a scanner read, or are what a wrong baud rate makes of it.

Pure. A code that is wrong is worse than a code that is missing, so what could well be chance is refused. The rule:

1. *ASCII* from blank to tilde is text. GS, RS and EOT may stand in it (GS1 and ISO 15434 data), at most one character in
   four; any other control character makes the code garbage. Signs that codes seldom hold (`!`, `{`, `%` …) may be a quarter
   of a short code and half of a long one.
2. *Bytes from 0x80 up* must be UTF-8 of assigned, visible characters, or else GBK of the GB2312 part (signs, hanzi): hanzi
   in runs of two or more, at most a quarter of them rare (second level). Two random bytes are a valid pair of GBK one time
   in three, but a common hanzi only one time in eighteen.
3. Such a code holds no NUL (slow bits read fast come out as NULs among high bytes), its bytes are not all of one parity
   or all digits with the top bit set (seven bits with parity read as eight), and its high bytes do not all begin with a
   doubled bit pair (bits read at up to twice their rate).
"""

import re
import unicodedata
from typing import Final

_SEPARATORS: Final = frozenset({0x04, 0x1D, 0x1E})
_ODD_SIGNS: Final = frozenset(b"!\"#$%&'()*,;<=>?@[\\]^`{|}~")
_SHORT_BYTES: Final = 16
_INVISIBLE: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
_PARITY_BYTES_MIN: Final = 10
"""Below this many bytes real text is too often of one parity by chance."""
_DOUBLED_HANZI_MIN: Final = 3
_CODE_SHAPED: Final = re.compile(r"[0-9A-Z $%*+./:-]*[0-9/][0-9A-Z $%*+./:-]*|[A-Za-z]{1,15}://[!-~]+")

# Level 1 of GB2312 is B0 to D7, level 2 D8 to F7; the signs are A1 to A3.
_PAIRS: Final = re.compile(rb"(?:[\x00-\x7f]|(?:[\xa1-\xa3\xb0-\xf7][\xa1-\xfe])+)*")
_LONE_PAIR: Final = re.compile(rb"(?<![\x80-\xff])[\xb0-\xf7][\xa1-\xfe](?![\x80-\xff])")


def text_of(code: bytes | bytearray, *, nuls: int = 0) -> str | None:
    """Read a code as text; None when it is not plausible as a scan (the rule stands at the top of this module).

    Args:
        code: without prefix, suffix and terminator, not empty.
        nuls: how many NULs were dropped from within it.
    """
    if any((byte < 0x20 and byte not in _SEPARATORS) or byte == 0x7F for byte in code):
        return None
    if 4 * sum(byte in _SEPARATORS for byte in code) > len(code):
        return None
    if sum(byte in _ODD_SIGNS for byte in code) * (4 if len(code) < _SHORT_BYTES else 2) > len(code):
        return None
    if code.isascii():
        return code.decode("ascii")
    if nuls or _of_one_parity(code):
        return None
    return _utf8(code) or _gb2312(bytes(code))


def is_code_shaped(text: str) -> bool:
    """Say whether a text is what codes look like: capitals and digits (QR's alphanumeric set) or an address.

    Noise becomes such a text far less often than anything else that is plausible.
    """
    return _CODE_SHAPED.fullmatch(text) is not None


def _utf8(code: bytes | bytearray) -> str | None:
    try:
        text = code.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    visible = all(unicodedata.category(sign) not in _INVISIBLE for sign in text if ord(sign) >= 0x80)
    return text if visible else None


def _gb2312(code: bytes) -> str | None:
    if _PAIRS.fullmatch(code) is None or _LONE_PAIR.search(code) is not None:
        return None
    try:
        text = code.decode("gb2312")
    except UnicodeDecodeError:
        return None
    pairs = [sign.encode("gb2312") for sign in text if ord(sign) >= 0x80]
    hanzi = [pair for pair in pairs if pair[0] >= 0xB0]
    if 4 * sum(pair[0] >= 0xD8 for pair in hanzi) > len(hanzi):
        return None
    doubled = all(byte >> 4 in (0xC, 0xF) for pair in pairs for byte in pair)
    digits = all(0xB0 <= byte <= 0xB9 for pair in pairs for byte in pair)
    return None if digits or (doubled and len(pairs) >= _DOUBLED_HANZI_MIN) else text


def _of_one_parity(code: bytes | bytearray) -> bool:
    if len(code) < _PARITY_BYTES_MIN:
        return False
    odd = sum(byte.bit_count() & 1 for byte in code)
    # All hanzi are left alone: seven-bit codes always hold some bytes whose parity bit is 0.
    return odd in (0, len(code)) and any(byte < 0x80 for byte in code)
