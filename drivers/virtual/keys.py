"""What a scanner or card reader types when it is a keyboard: the kernel's 24-byte input events for a US layout."""

import struct
from collections.abc import Iterator
from typing import Final

EVENT: Final = struct.Struct("llHHi")
"""`struct input_event` on 64-bit Linux: seconds, microseconds, type, code, value."""
_EV_SYN, _EV_KEY, _EV_MSC = 0x00, 0x01, 0x04
_MSC_SCAN: Final = 0x04
_LEFT_SHIFT: Final = 42
_CAPS_LOCK: Final = 58
_ENTER: Final = 28
_TAB: Final = 15

# Rows of a US keyboard with the kernel's number of their first key (linux/input-event-codes.h): plain, then with shift.
_ROWS: Final = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
_KEYS: Final = {
    character: (first + at, shifted)
    for first, plain, with_shift in _ROWS
    for row, shifted in ((plain, False), (with_shift, True))
    for at, character in enumerate(row)
} | {" ": (57, False), "\r": (_ENTER, False), "\n": (_ENTER, False), "\t": (_TAB, False)}


def typable(text: str) -> bool:
    """Whether a US keyboard has every character."""
    return all(character in _KEYS for character in text)


def typed(text: str, at_ms: int, *, repeats: int = 0) -> bytes:
    """Give the events of typing a text; what the keyboard has no key for is left out.

    Args:
        at_ms: the time in the events; it does not move, as a scanner types faster than a millisecond per key.
        repeats: how often each key repeats by itself before it is let go (value 2).
    """
    return b"".join(part for character in text if character in _KEYS for part in _stroke(character, at_ms, repeats))


def caps_lock(at_ms: int) -> bytes:
    """Give the events of somebody pressing caps lock on it."""
    return b"".join((*_key(_CAPS_LOCK, 1, at_ms), *_key(_CAPS_LOCK, 0, at_ms)))


def _stroke(character: str, at_ms: int, repeats: int) -> Iterator[bytes]:
    code, shifted = _KEYS[character]
    if shifted:
        yield from _key(_LEFT_SHIFT, 1, at_ms)
    yield from _key(code, 1, at_ms)
    for _ in range(repeats):
        yield from _key(code, 2, at_ms)
    yield from _key(code, 0, at_ms)
    if shifted:
        yield from _key(_LEFT_SHIFT, 0, at_ms)


def _key(code: int, value: int, at_ms: int) -> Iterator[bytes]:
    seconds, micros = at_ms // 1000, at_ms % 1000 * 1000
    if value != 2:
        yield EVENT.pack(seconds, micros, _EV_MSC, _MSC_SCAN, 0x70000 + code)
    yield EVENT.pack(seconds, micros, _EV_KEY, code, value)
    yield EVENT.pack(seconds, micros, _EV_SYN, 0, 0)
