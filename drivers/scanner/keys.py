"""Scanners and card readers that pretend to be keyboards: the kernel's key events turned into what was typed.

Pure over the bytes of an event device: records of 24 bytes, `struct input_event` (`llHHi`). Key codes are read with the US
layout that such devices type in, below the desktop's layout and input method, so neither can touch a code. Caps lock is
ignored: the case of a letter is the shift key's alone (drivers.md §5.7).
"""

import struct
from collections.abc import Iterator
from typing import Final

from drivers.scanner.framer import Framing, Noise, Read, Scan, without_aim_id
from drivers.scanner.plausible import text_of

RECORD: Final = struct.Struct("=qqHHi")
UNKNOWN: Final = 0xFF
"""Stands for a key that types nothing we know, and for lost events: whatever holds it is no code."""
ENDS: Final = frozenset(b"\t\n\r")

_EV_SYN, _EV_KEY, _EV_MAX = 0, 1, 0x1F
_SYN_DROPPED: Final = 3
_RELEASED, _PRESSED, _REPEATED = 0, 1, 2
_SHIFTS: Final = frozenset({42, 54})
_CONTROLS: Final = frozenset({29, 97})
_OTHER_MODIFIERS: Final = frozenset({56, 100, 125, 126})
_LOCKS: Final = frozenset({58, 69, 70})
_MODIFIERS: Final = _SHIFTS | _CONTROLS | _OTHER_MODIFIERS

_PLAIN: Final = {
    **dict(enumerate(b"1234567890-=", 2)),
    15: 0x09,
    **dict(enumerate(b"qwertyuiop[]\r", 16)),
    **dict(enumerate(b"asdfghjkl;'`", 30)),
    43: ord("\\"),
    **dict(enumerate(b"zxcvbnm,./", 44)),
    57: ord(" "),
}
_KEYPAD: Final = {
    55: ord("*"),
    **dict(enumerate(b"789-456+1230.", 71)),
    96: 0x0D,
    98: ord("/"),
    117: ord("="),
}
_SHIFTED: Final = dict(
    zip(b"1234567890-=[];'`\\,./", b'!@#$%^&*()_+{}:"~|<>?', strict=True)  # the US layout, both rows of a key
) | dict(zip(b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=True))


class Keyboard:
    """Turns event records into typed bytes: presses only; releases and the kernel's key repeats (value 2) type nothing."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._down: set[int] = set()

    def typed(self, data: bytes) -> bytearray:
        """Take bytes as they came; give what was typed, with `UNKNOWN` for what no code can hold.

        A bytearray, so that a reader of cards can overwrite it.
        """
        self._partial += data
        whole = len(self._partial) // RECORD.size * RECORD.size
        typed = bytearray(self._keys(self._partial[:whole]))
        del self._partial[:whole]
        return typed

    def release_all(self) -> None:
        """Take every modifier for released: after a replug or a pause nothing tells us that it was."""
        self._down.clear()

    def reset(self) -> None:
        """Forget half a record too: the device is a new one."""
        self._partial.clear()
        self.release_all()

    def _keys(self, records: bytearray) -> Iterator[int]:
        for _seconds, _micros, kind, code, value in RECORD.iter_unpack(records):
            if kind == _EV_SYN and code == _SYN_DROPPED:
                # The kernel's buffer ran over: keys, and perhaps the release of a shift, are lost.
                self.release_all()
                yield UNKNOWN
            elif kind > _EV_MAX or (kind == _EV_KEY and not _RELEASED <= value <= _REPEATED):
                yield UNKNOWN
            elif kind == _EV_KEY and code in _MODIFIERS:
                (self._down.discard if value == _RELEASED else self._down.add)(code)
            elif kind == _EV_KEY and value == _PRESSED and code not in _LOCKS:
                yield self._sign(code)

    def _sign(self, code: int) -> int:
        if self._down & _OTHER_MODIFIERS:
            return UNKNOWN
        if (sign := _KEYPAD.get(code)) is not None:
            return sign
        sign = _PLAIN.get(code, UNKNOWN)
        if self._down & _SHIFTS:
            sign = _SHIFTED.get(sign, sign)
        if self._down & _CONTROLS:
            # Ctrl+] is how a keyboard types GS, and so on.
            return sign & 0x1F if 0x40 <= sign < 0x7F else UNKNOWN
        return sign


class KeyReader:
    """Reads codes from one keyboard-like scanner: Enter, the keypad's Enter or TAB ends a code.

    Keys that stop for `idle_ms` without an end leave half a code, which is `unfinished` (drivers.md §5.7: idle reset).

    Args:
        framing: prefix, limits; its silence and suffix have no meaning here.
        idle_ends: a pause ends a code, for a scanner that cannot be taught to type Enter.
    """

    def __init__(self, idle_ms: int = 100, framing: Framing | None = None, *, idle_ends: bool = False) -> None:
        self._idle_ms = idle_ms
        self._framing = framing or Framing()
        self._idle_ends = idle_ends
        self._keyboard = Keyboard()
        self._code = bytearray()
        self._overrun = False
        self._last_ms = 0

    def feed(self, data: bytes, now_ms: int) -> list[Read]:
        """Take event records as they came, cut anywhere; give the codes that are complete now."""
        found = self.tick(now_ms)
        if data:
            self._last_ms = now_ms
        for sign in self._keyboard.typed(data):
            if sign in ENDS:
                found += self._end()
            elif not self._overrun:
                self._code.append(sign)
                if len(self._code) > self._framing.max_bytes:
                    found.append(Noise("too_long", self._drop()))
                    self._overrun = True
        return found

    def tick(self, now_ms: int) -> list[Read]:
        """Let a pause pass: what was typed so far has no end coming."""
        if now_ms - self._last_ms < self._idle_ms:
            return []
        self._keyboard.release_all()
        if self._idle_ends:
            return self._end()
        self._overrun = False
        count = self._drop()
        return [Noise("unfinished", count)] if count else []

    def reset(self) -> list[Noise]:
        """Forget what was under way because the device is gone: half a code is noise, and no shift is held any more."""
        self._keyboard.reset()
        self._overrun = False
        count = self._drop()
        return [Noise("unfinished", count)] if count else []

    def _end(self) -> list[Read]:
        self._overrun = False
        code, prefix = self._code, self._framing.prefix.encode()
        count = self._drop()
        if not count:
            return []
        if UNKNOWN in code:
            return [Noise("garbage", count)]
        if not code.startswith(prefix):
            return [Noise("unfinished", count)]
        body = without_aim_id(code[len(prefix) :])
        text = text_of(body) if body else ""
        if text is None:
            return [Noise("garbage", count)]
        text = text.strip(" ")
        return [Scan(text) if len(text) >= self._framing.min_chars else Noise("too_short", count)]

    def _drop(self) -> int:
        count = len(self._code)
        self._code = bytearray()
        return count
