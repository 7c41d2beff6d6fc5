"""Magnetic stripes: a member's card gives its id, a bank card gives nothing but the fact that it was one.

Pure. Rules (drivers.md §5.8, PCI DSS 3.3): a card number and the tracks never leave this module. The swipe is held in one
buffer of fixed size, read in place, and overwritten with zeros before the result is given; nothing here logs, raises with
data, or keeps a text of a track. Tracks are `%…?`, `;…?` and `+…?`, each with or without its check character (LRC) behind
the `?`; swiped backwards they come mirrored. When in doubt a card is a bank card.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

SWIPE_BYTES_MAX: Final = 512
"""Three full tracks are 226 characters."""

CardTrouble = Literal["half", "read_error", "garbled", "no_member_id", "licence", "removed", "unsupported", "no_answer"]
"""half = the swipe stopped in the middle; read_error = the reader said E?; garbled = check character or signs are wrong;
no_member_id = a whole card without an id of ours; licence = an AAMVA identity card; removed = taken away too soon;
unsupported = a chip that tells no lasting id; no_answer = the card said nothing in time."""


@dataclass(frozen=True, slots=True, repr=False)
class MemberCard:
    """A member, staff or gift card: its id and the track (1–3) it stood on. The repr hides the id."""

    id: str
    track: int

    def __repr__(self) -> str:
        """Show no more than the length and the track."""
        return f"MemberCard({len(self.id)} characters, track {self.track})"


@dataclass(frozen=True, slots=True)
class BankCard:
    """Something that bears a card number: refuse it. Carries no data, not even masked."""


@dataclass(frozen=True, slots=True)
class CardUnread:
    """A card that could not be read, and why."""

    reason: CardTrouble


Swipe = MemberCard | BankCard | CardUnread


class _Track(NamedTuple):
    """Where a track's body stands in the buffer, between its sentinels."""

    number: int
    start: int
    end: int
    sound: bool


_SENTINELS: Final = {ord("%"): 1, ord(";"): 2, ord("+"): 3}
_END: Final = ord("?")
_BREAKS: Final = frozenset(b"\t\n\r")
_TEXT_BODY: Final = re.compile(rb"[ -$&-*,-:<->@-_a-z]*")
_BODIES: Final = {1: _TEXT_BODY, 2: re.compile(rb"[0-9:<=>]*|E"), 3: _TEXT_BODY}
_READ_ERROR: Final = re.compile(rb"E")
_MEMBER_ID: Final = re.compile(rb"([0-9A-Za-z-]{4,32})(?:[=^].*)?")
_BANK_TRACK: Final = {1: re.compile(rb"B[0-9 ]{12,23}\^.*"), 2: re.compile(rb"[0-9]{13,19}=[0-9]{7,}")}
_LICENCE: Final = re.compile(rb"(?:636[0-9]{3}|6044(?:2[6-9]|3[0-4]))[0-9]{1,13}=.*")
"""Track 2 of an AAMVA card: the issuer's number, the licence, `=`, dates."""
_FORMAT_CODE_DIGITS: Final = 2
"""A bank's track 3 has two digits before the card number (ISO 4909)."""

_NUMBER: Final = re.compile(rb"[0-9](?:[ -]?[0-9])*")
_GROUP: Final = re.compile(rb"[0-9]+")
_PAN_DIGITS_MIN: Final = 13
_PAN_DIGITS_MAX: Final = 19
_GLUED_PAN_DIGITS: Final = (16, 19)
_ISSUER: Final = re.compile(rb"[3-6]|2[2-7]")


def holds_pan(text: str) -> bool:
    """Say whether a text holds what may be a card number: 13 to 19 digits that pass Luhn, blanks or dashes between them.

    One number in ten of that length passes by chance: ask after everything else that it could be was ruled out.
    """
    digits = bytearray(unicodedata.normalize("NFKC", text), "ascii", "replace")
    found = _holds_pan(digits, 0, len(digits))
    _zero(digits)
    return found


class MagstripeReader:
    """Reads one stripe reader's stream: its bytes, or what `drivers.scanner.keys.Keyboard` says was typed.

    `now_ms` is a monotonic time; tick at least every 50 ms while nothing comes. A line end settles a swipe, except that
    track 1 alone waits for the tracks behind it (some readers end every track with a line end); so does `quiet_ms`
    without a byte once the swipe is whole. Half a swipe is given up after `half_ms`.
    """

    def __init__(self, quiet_ms: int = 100, half_ms: int = 500) -> None:
        self._quiet_ms = quiet_ms
        self._half_ms = half_ms
        # One buffer for good: one that grows would leave copies of a track behind in freed memory.
        self._swipe = bytearray(SWIPE_BYTES_MAX)
        self._length = 0
        self._turned = False  # the swipe stands mirrored in the buffer
        self._spoilt = False  # garbage came and was reported: wait for the quiet
        self._settled = False  # a swipe was answered at its line end; its third track may still come
        self._last_ms = 0

    def feed(self, data: bytes | bytearray, now_ms: int) -> list[Swipe]:
        """Take bytes as they came; give the swipes that are settled now. A bytearray is overwritten with zeros."""
        found = self.tick(now_ms)
        if data:
            self._last_ms = now_ms
        for byte in data:
            self._take(byte, found)
        if isinstance(data, bytearray):
            _zero(data)
        return found

    def tick(self, now_ms: int) -> list[Swipe]:
        """Let the quiet pass; give what it settles."""
        quiet_ms = now_ms - self._last_ms
        found: list[Swipe] = []
        if quiet_ms < self._quiet_ms:
            return found
        if self._length and (quiet_ms >= self._half_ms or self._tracks()):
            self._settle(found)
        self._spoilt = self._settled = False
        return found

    def reset(self) -> list[Swipe]:
        """Forget what was under way because the reader is gone."""
        under_way = self._length > 0
        self._wipe()
        self._spoilt = self._settled = False
        return [CardUnread("half")] if under_way else []

    def _take(self, byte: int, found: list[Swipe]) -> None:
        if self._spoilt or byte == 0:
            return
        if byte in _BREAKS:
            if self._length and [track.number for track in self._tracks()] != [1]:
                self._settle(found)
                self._settled = True
            return
        if self._length == SWIPE_BYTES_MAX:
            self._wipe()
            found.append(CardUnread("garbled"))
            self._spoilt = True
            return
        if self._turned:
            self._mirror()
        self._swipe[self._length] = byte
        self._length += 1

    def _settle(self, found: list[Swipe]) -> None:
        """Judge the swipe, then overwrite it, and only then let the answer out."""
        late_third_track = self._settled and self._swipe[0] == ord("+")
        outcome = self._judge()
        self._wipe()
        self._spoilt = outcome == CardUnread("garbled")
        if not late_third_track or isinstance(outcome, BankCard):
            found.append(outcome)

    def _tracks(self) -> list[_Track]:
        """Take the swipe apart; a mirrored one is turned round in place. Empty when it is no whole swipe."""
        for _direction in range(2):
            for with_lrc in (False, True):
                if tracks := _parse(self._swipe, self._length, with_lrc=with_lrc):
                    return tracks
            self._mirror()
        return []

    def _judge(self) -> Swipe:
        tracks = self._tracks()
        if self._bears_number(tracks):
            return BankCard()
        if not tracks:
            begun = self._swipe[0] == _END or self._swipe[0] in _SENTINELS
            written = all(0x20 <= byte < 0x7F for byte in self._swipe[: self._length])
            return CardUnread("half" if begun and written else "garbled")
        if any(track.number == 2 and _LICENCE.fullmatch(self._swipe, track.start, track.end) for track in tracks):
            return CardUnread("licence")
        if not all(track.sound for track in tracks):
            return CardUnread("garbled")
        return self._member(tracks)

    def _bears_number(self, tracks: list[_Track]) -> bool:
        if _holds_pan(self._swipe, 0, self._length):
            return True
        if not tracks:
            # Nobody knows which way round it was swiped.
            self._mirror()
            mirrored = _holds_pan(self._swipe, 0, self._length)
            self._mirror()
            return mirrored
        for number, start, end, _sound in tracks:
            # An identity card has the form of a bank's second track; a number that passes Luhn was refused above.
            if number == 2 and _LICENCE.fullmatch(self._swipe, start, end):
                continue
            if number in _BANK_TRACK and _BANK_TRACK[number].fullmatch(self._swipe, start, end):
                return True
            if number == 3 and _holds_pan(self._swipe, start + _FORMAT_CODE_DIGITS, end):
                return True
        return False

    def _member(self, tracks: list[_Track]) -> Swipe:
        unread = False
        for number, start, end, _sound in sorted(tracks, key=lambda track: (track.number != 2, track.number)):
            if _READ_ERROR.fullmatch(self._swipe, start, end):
                unread = True
            elif (match := _MEMBER_ID.fullmatch(self._swipe, start, end)) is not None:
                return MemberCard(match[1].decode("ascii"), number)
        return CardUnread("read_error" if unread else "no_member_id")

    def _mirror(self) -> None:
        swipe, last = self._swipe, self._length - 1
        for at in range(self._length // 2):
            swipe[at], swipe[last - at] = swipe[last - at], swipe[at]
        self._turned = not self._turned

    def _wipe(self) -> None:
        _zero(self._swipe)
        self._length = 0
        self._turned = False


def _parse(swipe: bytearray, length: int, *, with_lrc: bool) -> list[_Track]:
    """Read tracks from first byte to last, all with their check character or all without; empty when they do not fit.

    No swipe fits both ways: a check character stands where a sentinel must, and a body holds no sentinel.
    """
    tracks: list[_Track] = []
    at = 0
    while at < length:
        number = _SENTINELS.get(swipe[at])
        end = swipe.find(_END, at, length)
        if number is None or end < 0 or _BODIES[number].fullmatch(swipe, at + 1, end) is None:
            return []
        sound, behind = True, end + 1
        if with_lrc and _READ_ERROR.fullmatch(swipe, at + 1, end) is None:
            if behind == length:
                return []
            sound = swipe[behind] == _lrc(swipe, number, at + 1, end)
            if not sound and swipe[behind] in _SENTINELS:
                # Not a wrong check character but a track that broke off.
                return []
            behind += 1
        tracks.append(_Track(number, at + 1, end, sound))
        at = behind
    return tracks


def _lrc(swipe: bytearray, number: int, start: int, end: int) -> int:
    """Compute the check character as readers send it: the XOR of all characters from the start sentinel to the `?`."""
    numeric = number == 2 or (number == 3 and _BODIES[2].fullmatch(swipe, start, end) is not None)
    base, mask = (0x30, 0x0F) if numeric else (0x20, 0x3F)
    # On the stripe the sentinel of track 3 is that of its alphabet; the `+` is the reader's.
    check = ((ord(";") if numeric else ord("%")) - base) ^ ((_END - base) & mask)
    for at in range(start, end):
        check ^= (swipe[at] - base) & mask
    return check + base


def _holds_pan(buffer: bytearray, start: int, end: int) -> bool:
    for run in _NUMBER.finditer(buffer, start, end):
        groups = [group.span() for group in _GROUP.finditer(buffer, *run.span())]
        for first, (begin, close) in enumerate(groups):
            digits = 0
            for group_start, group_end in groups[first:]:
                digits += group_end - group_start
                if digits > _PAN_DIGITS_MAX:
                    break
                if digits >= _PAN_DIGITS_MIN and _passes_luhn(buffer, begin, group_end):
                    return True
            # A card number with its expiry date or a second number glued to it.
            if close - begin > _PAN_DIGITS_MAX and _ISSUER.match(buffer, begin, close) is not None:
                if any(_passes_luhn(buffer, begin, begin + size) for size in _GLUED_PAN_DIGITS):
                    return True
    return False


def _passes_luhn(buffer: bytearray, start: int, end: int) -> bool:
    total, doubled = 0, False
    for at in range(end - 1, start - 1, -1):
        digit = buffer[at] - 0x30
        if not 0 <= digit <= 9:
            continue
        digit *= 1 + doubled
        total += digit - 9 if digit > 9 else digit
        doubled = not doubled
    return total % 10 == 0


def _zero(buffer: bytearray) -> None:
    buffer[:] = bytes(len(buffer))
