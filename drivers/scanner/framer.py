"""A scanner's byte stream cut into codes: whatever is not surely one whole code becomes `Noise`, never a `Scan`.

Pure. What ends a code (drivers.md §5.7): CR, LF, CRLF, TAB, ETX, the suffix set for the scanner, or silence. NUL is dropped;
STX begins a code. What cannot be a scan is judged by `drivers.scanner.plausible`; beyond that:

* Garbage spoils its whole burst: nothing counts until the line was silent. A shifted baud rate makes a byte stream with
  terminators in it, so a clean piece between two dirty ones is chance.
* A code that is short (below six characters) or not shaped like codes (capitals and digits, or an address) waits for the
  silence after it, or for a good code behind it, before it counts: noise goes on, a code stops. All others count at once.
* Silence is weak evidence of an end. A code that only silence ends must be plausible more strictly: six characters, a
  digit or a slash among them, no signs that codes seldom hold. With a suffix set, silence ends nothing, and a code without its prefix or suffix is
  unfinished.
"""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceRejected
from drivers.scanner.plausible import is_code_shaped, text_of

NUL: Final = 0x00
STX: Final = 0x02
ENDS: Final = frozenset(b"\x03\t\n\r")
AIM_ID_CHARS: Final = 3
SHORT_CHARS: Final = 6
"""Fewer characters than this are little evidence against chance."""
PATIENCE: Final = 10
"""A code whose suffix is awaited may pause this many times the silence; then it is given up as unfinished."""

Reason = Literal["garbage", "too_long", "too_short", "unfinished"]


@dataclass(frozen=True, slots=True, repr=False)
class Scan:
    """One whole code as text: prefix, suffix, AIM id, NUL, STX and terminator are off.

    It may be a payment code or somebody's number, so its repr shows no more than two characters.
    """

    text: str

    def __repr__(self) -> str:
        """Show the length and the first two characters."""
        return f"Scan({self.text[:2]!r}…, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Noise:
    """Something that is no code: why, and how many bytes (keys, from a keyboard) it took. It carries none of them.

    `garbage` = no scanner means this (baud rate, parity, cable); `too_long`; `too_short`; `unfinished` = half a code.
    """

    reason: Reason
    count: int


Read = Scan | Noise


@dataclass(frozen=True, slots=True)
class Framing:
    """How one scanner is set up.

    Attributes:
        prefix: text that the scanner puts before each code; a code without it has lost its head.
        suffix: text after each code, which must not occur inside codes; control characters are allowed.
        silence_ms: this long without a byte ends a code that nothing else ends.
        max_bytes: a longer code is none.
        min_chars: a shorter code is none.

    Raises:
        DeviceRejected: a bound that no code can keep.
    """

    prefix: str = ""
    suffix: str = ""
    silence_ms: int = 60
    max_bytes: int = 4096
    min_chars: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.min_chars <= self.max_bytes or self.silence_ms < 1:
            raise DeviceRejected(
                "set min_chars to at least 1, max_bytes to at least min_chars, silence_ms to at least 1"
            )


class Framer:
    """Cuts one scanner's stream. The same bytes give the same codes, however they are split over reads.

    `now_ms` is a monotonic time; feed bytes when they come, and tick at least every `silence_ms` while there are none.
    """

    def __init__(self, framing: Framing | None = None) -> None:
        self._framing = framing or Framing()
        self._prefix = self._framing.prefix.strip("\0\2").encode()
        self._suffix = self._framing.suffix.strip("\0\2").encode()
        self._room = self._framing.max_bytes + len(self._prefix) + AIM_ID_CHARS + len(self._suffix)
        self._code = bytearray()
        self._nuls = 0
        self._held: list[Scan] = []
        self._burst = 0  # bytes of whole codes in `_held`, for the count if the burst turns out to be garbage
        self._spoilt = False  # garbage came: wait for silence
        self._overrun = False  # too long a code goes on: wait for its end
        self._last_ms = 0

    def feed(self, data: bytes, now_ms: int) -> list[Read]:
        """Take bytes as they came; give what is settled now, in order."""
        found = self.tick(now_ms)
        if data:
            self._last_ms = now_ms
        for byte in data:
            self._take(byte, found)
        return found

    def tick(self, now_ms: int) -> list[Read]:
        """Let silence pass; give what it settles."""
        found: list[Read] = []
        quiet_ms = now_ms - self._last_ms
        if quiet_ms < self._framing.silence_ms:
            return found
        if not self._suffix:
            self._end(found, by_silence=True)
        elif quiet_ms >= PATIENCE * self._framing.silence_ms:
            self._give_up(found)
        self._spoilt = False
        return [*self._release(), *found]

    def reset(self) -> list[Noise]:
        """Forget what was under way because the connection is gone: half a code is noise, never a code."""
        count = len(self._code) + self._burst
        self._held.clear()
        self._burst = 0
        self._spoilt = self._overrun = False
        self._drop()
        return [Noise("unfinished", count)] if count else []

    def _take(self, byte: int, found: list[Read]) -> None:
        if self._spoilt:
            return
        if byte == NUL:
            self._nuls += bool(self._code)
            return
        if byte == STX:
            # A new code begins; bytes before it that nothing ended are the first half of one.
            self._give_up(found)
            return
        self._code.append(byte)
        if self._suffix and self._code.endswith(self._suffix):
            del self._code[-len(self._suffix) :]
            self._end(found, whole=True)
        elif byte in ENDS and not self._suffix_may_go_on():
            del self._code[-1:]
            self._end(found, whole=not self._suffix)
        elif self._overrun:
            # Only as much is kept as a suffix needs to be seen.
            del self._code[: -len(self._suffix) or None]
        elif len(self._code) > self._room:
            self._too_long(found)

    def _suffix_may_go_on(self) -> bool:
        """Say whether the code ends in the first bytes of a suffix that holds control characters."""
        return any(self._code.endswith(self._suffix[:size]) for size in range(1, len(self._suffix)))

    def _too_long(self, found: list[Read]) -> None:
        # The cut may go through a character, which has up to four bytes.
        if all(text_of(self._code[:-cut], nuls=self._nuls) is None for cut in range(1, 5)):
            self._spoil(found)
            return
        found.extend(self._release())
        found.append(Noise("too_long", self._drop()))
        self._overrun = True

    def _give_up(self, found: list[Read]) -> None:
        """Let go of half a code; of the rest of one that was too long nothing more is said."""
        if self._overrun or not self._code:
            self._overrun = False
            self._drop()
        elif text_of(self._code, nuls=self._nuls) is None:
            self._spoil(found)
        else:
            found.append(Noise("unfinished", self._drop()))

    def _end(self, found: list[Read], *, whole: bool = True, by_silence: bool = False) -> None:
        if self._overrun or not self._code:
            self._overrun = False
            self._drop()
            return
        whole = whole and self._code.startswith(self._prefix)
        body = without_aim_id(self._code[len(self._prefix) :]) if whole else self._code
        text = text_of(body, nuls=self._nuls) if body else ""
        # Judged first: garbage is garbage, whatever else it lacks.
        if text is None:
            self._spoil(found)
            return
        text = text.strip(" ")
        count = self._drop()
        if len(body) > self._framing.max_bytes:
            found.append(Noise("too_long", count))
        elif not whole or (by_silence and not _is_whole_without_end(text)):
            found.append(Noise("unfinished", count))
        elif len(text) < self._framing.min_chars:
            found.append(Noise("too_short", count))
        else:
            self._held.append(Scan(text))
            self._burst += count
            if by_silence or (len(text) >= SHORT_CHARS and is_code_shaped(text)):
                found.extend(self._release())

    def _release(self) -> list[Scan]:
        held, self._held = self._held, []
        self._burst = 0
        return held

    def _spoil(self, found: list[Read]) -> None:
        """Give up the whole burst, with the codes that were still waiting for silence."""
        found.append(Noise("garbage", self._drop() + self._burst))
        self._held.clear()
        self._burst = 0
        self._spoilt = True

    def _drop(self) -> int:
        """Empty the buffer; give how many bytes were in it."""
        count = len(self._code)
        self._code = bytearray()
        self._nuls = 0
        return count


def without_aim_id(code: bytearray) -> bytearray:
    """Take off the AIM symbology id (`]`, a letter, a digit) that many scanners can send before a code."""
    head = bytes(code[:AIM_ID_CHARS])
    if len(head) == AIM_ID_CHARS and head[:1] == b"]" and head[1:2].isalpha() and head[2:].isdigit():
        return code[AIM_ID_CHARS:]
    return code


def _is_whole_without_end(text: str) -> bool:
    """Say whether a code that only silence ended can be taken for whole: no half code, no few letters of chance."""
    if len(text) < SHORT_CHARS or not any(sign in "0123456789/" for sign in text):
        return False
    return is_code_shaped(text) or all(sign.isalnum() or sign in " -_.:/" for sign in text)
