"""Identifiers: UUIDv7 (RFC 9562 §5.7), store names, and the alphabets that people type."""

import re

UUID7_CHANCE_BYTES = 10

STORE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
TILL_ID = re.compile(r"[A-Za-z0-9]{1,8}")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford base 32: no I, L, O, U, so that a code read out loud is typed right."""

_HEX32 = re.compile(r"[0-9a-f]{32}")
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def uuid7(now_ms: int, chance: bytes) -> bytes:
    """Build a UUIDv7 from a wall time in ms and ten random bytes, as 16 bytes.

    Raises:
        ValueError: `chance` is not ten bytes, or the time does not fit 48 bits.
    """
    if len(chance) != UUID7_CHANCE_BYTES:
        message = "a UUIDv7 takes ten random bytes"
        raise ValueError(message)
    head = now_ms.to_bytes(6, "big", signed=False)
    tail = bytearray(chance)
    tail[0] = 0x70 | (tail[0] & 0x0F)
    tail[2] = 0x80 | (tail[2] & 0x3F)
    return head + bytes(tail)


def is_uuid7_hex(text: str) -> bool:
    """Say whether a text is 32 lower-case hex digits with the version and variant bits of a UUIDv7."""
    return _HEX32.fullmatch(text) is not None and text[12] == "7" and text[16] in "89ab"


def crockford_encode(value: int, digits: int) -> str:
    """Write a whole number with a fixed count of Crockford digits, highest first.

    Raises:
        ValueError: the number is negative or needs more digits.
    """
    if value < 0 or value >= 32**digits:
        message = f"{value} does not fit {digits} base-32 digits"
        raise ValueError(message)
    return "".join(CROCKFORD[(value >> (5 * place)) & 31] for place in reversed(range(digits)))


def crockford_clean(text: str) -> str:
    """Read a code as people type it: any case, dashes and spaces dropped, I and L as 1, O as 0."""
    return text.upper().translate(_READ_AS)


def grouped(code: str, size: int = 5) -> str:
    """Write a code in groups with dashes between them, the way it is printed."""
    return "-".join(code[start : start + size] for start in range(0, len(code), size))
