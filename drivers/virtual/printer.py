"""The twin's inside: a pure state machine from bytes and switches to paper and answers.

A status question is answered as it arrives, whatever waits in the buffer; everything else goes through the buffer in order.
With the paper out, the cover open or an error the buffer fills and nothing is printed or confirmed; once mended it prints
what it holds. Power off empties the buffer, forgets the modes and breaks the connection; what was printed stays. A command
that a closed connection left open stays open, and takes its bytes from the next connection (drivers.md §2.3).
"""

import random
from collections import deque
from dataclasses import dataclass
from typing import Final

import msgspec

from drivers.escpos.decoder import Decoder, marks_paper
from drivers.escpos.ops import (
    AutoStatusSet,
    DrawerPulse,
    IdentityAsked,
    NotDrawn,
    Op,
    PaperAsked,
    PaperCut,
    ProcessIdAsked,
    Raster,
    RealTimeRequest,
    StatusAsked,
    Truncated,
)
from drivers.escpos.profile import PrinterProfile
from drivers.escpos.raster import REAL_TIME
from drivers.virtual.faults import FaultChange, Faults, changed
from drivers.virtual.printer_status import automatic_status, drawer_sensed, real_time_status

BUFFER_BYTES_MAX: Final = 4_096
"""The receive buffer of a common 80 mm printer; full and offline, it takes nothing more."""
# Commands that carry data of any kind, and how long their head is, from which on their whole length is known.
_HEADERS_OF_DATA: Final = {b"\x1dv": 8, b"\x1d8": 7, b"\x1d(": 5, b"\x1d*": 4, b"\x1b*": 5}
_COUNTERS: Final = ("paper_out_at_byte", "cover_open_at_byte", "die_at_byte")
MAKER: Final = "ZHANGGUI"
MODEL: Final = "VIRTUAL"


@dataclass(frozen=True, slots=True)
class Printed:
    """Bytes that took effect on the slip now under the head.

    Attributes:
        kanji: in which mode the printer had woken up, where that is not what its profile says; None = as the profile says.
    """

    data: bytes
    kanji: bool | None = None


@dataclass(frozen=True, slots=True)
class SlipEnded:
    """The slip under the head is done: cut (`complete`), or broken off by power loss or a lost connection."""

    complete: bool


@dataclass(frozen=True, slots=True)
class Discarded:
    """What was printed since the last slip left nothing on the paper, so there is no slip to speak of."""


PaperEvent = Printed | SlipEnded | Discarded


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from an input; paper events are to be on disk before the answer is sent.

    Attributes:
        paper: in order.
        answer: bytes for the connection, empty when mute or one-way.
        accepted: how many of the bytes given were taken; fewer only when the power went.
        died: the power went just now; the connection is to be reset.
    """

    paper: tuple[PaperEvent, ...] = ()
    answer: bytes = b""
    accepted: int = 0
    died: bool = False


class _EndOfJob:
    """Marks in the buffer where a connection ended: a slip without a cut ends there."""


class VirtualPrinter:
    """One twin. Not thread-safe; knows no time, no socket and no disk."""

    def __init__(self, profile: PrinterProfile, name: str = "1", faults: Faults | None = None) -> None:
        """Switch it on.

        Args:
            faults: how it stands at first. Without them it is well, and one-way when its profile answers nothing.
        """
        self.profile = profile
        self.name = name
        self.faults = Faults(one_way=not profile.answers) if faults is None else faults
        self.drawer_pulses = 0
        self.power_losses = 0
        self._chance = random.Random(self.faults.seed)  # noqa: S311 - faults that can be had again, not secrets
        self._queue: deque[Op | _EndOfJob] = deque()
        self._queued_bytes = 0
        self._paper: list[PaperEvent] = []
        self._answers: list[bytes] = []
        self._switch_on()

    def _switch_on(self) -> None:
        self._kanji = self.profile.power_on_kanji and not self.faults.kanji_off
        self._decoder = Decoder(power_on_kanji=self._kanji)
        self._queue.clear()
        self._queued_bytes = 0
        self._auto_status = 0
        self._slip_bytes = 0
        self._slip_marked = False
        self._tail = bytearray()
        self._heeded = 0
        if self.faults.die_in is not None and self.faults.power:
            self._set(die_at_byte=self._chance.randrange(self.faults.die_in))

    def _set(self, **values: object) -> None:
        self.faults = msgspec.structs.replace(self.faults, **values)

    # --------------------------------------------------------------------------------------------------------- state
    @property
    def online(self) -> bool:
        """Whether it prints."""
        return self.faults.power and not self.faults.stopped

    @property
    def buffered_bytes(self) -> int:
        """Bytes taken and not printed."""
        return self._queued_bytes + self._decoder.pending_bytes

    @property
    def room_bytes(self) -> int:
        """How many bytes it would take now; an online printer works its buffer off at once."""
        if not self.faults.power:
            return 0
        return BUFFER_BYTES_MAX if self.online else max(0, BUFFER_BYTES_MAX - self.buffered_bytes)

    # -------------------------------------------------------------------------------------------------------- inputs
    def receive(self, data: bytes) -> Reaction:
        """Take bytes from the connection."""
        if not self.faults.power:
            return Reaction()
        if self._counted_at_once(data):
            self._feed(data)
            return self._reaction(accepted=len(data))
        for index, byte in enumerate(data):
            if self._dies_before(byte):
                return self._reaction(accepted=index, died=True)
            self._feed(bytes((byte,)))
        return self._reaction(accepted=len(data))

    def end_connection(self) -> Reaction:
        """Hear that the other side has closed: what it sent is still printed, a slip without a cut ends."""
        if self.faults.power:
            rest = self._decoder.finish()
            if self.faults.remembers_open_command and rest and _is_open_command(rest[-1]):
                # The modes are as they were, so the same bytes leave the same command open again.
                again = self._decoder.feed(rest.pop().raw)
                assert not again, "a command that was not whole is not whole now"
            else:
                self._tail.clear()
                self._heeded = 0
            self._take(rest)
            self._queue.append(_EndOfJob())
            self._auto_status = 0
            self._print_queue()
        return self._reaction()

    def switch(self, change: FaultChange) -> Reaction:
        """Move switches: mending prints what waits, power off loses it."""
        before = self.faults
        after = changed(before, change)
        self.faults = after
        if before.power and not after.power:
            self.faults = before
            self._lose_power()
            self.faults = msgspec.structs.replace(after, die_at_byte=None)
            return self._reaction(died=True)
        if (after.seed, after.die_in) != (before.seed, before.die_in):
            self._chance = random.Random(after.seed)  # noqa: S311 - as above
            if after.power and after.die_in is not None:
                self._set(die_at_byte=self._chance.randrange(after.die_in))
        if after.power and not before.power:
            self._switch_on()
        if automatic_status(before) != automatic_status(self.faults):
            self._send_auto_status()
        if not before.power or before.stopped:
            self._print_queue()
        return self._reaction()

    # ------------------------------------------------------------------------------------------------------- working
    def _reaction(self, *, accepted: int = 0, died: bool = False) -> Reaction:
        paper, answers = tuple(self._paper), self._answers
        self._paper, self._answers = [], []
        if died or self.faults.mute or self.faults.one_way:
            answers = []
        elif self.faults.asb_noise and answers:
            noise = automatic_status(self.faults)
            answers = [noise, *(part for answer in answers for part in (answer, noise))]
        return Reaction(paper, b"".join(answers), accepted, died)

    def _counted_at_once(self, data: bytes) -> bool:
        """Count all of these bytes down if nothing is due within them and none of them can be a question's."""
        left = {name: count for name in _COUNTERS if (count := getattr(self.faults, name)) is not None}
        if not left:
            return True
        if 0x10 in data or self._tail[:1] == b"\x10" or min(left.values()) < len(data):
            return False
        self._set(**{name: count - len(data) for name, count in left.items()})
        return True

    def _dies_before(self, byte: int) -> bool:
        """Count this byte down, unless it belongs to a status question, and do what is due before it; True when it died."""
        if self._decoder.may_be_status_question(byte):
            return False
        if self._counted_to_nothing("paper_out_at_byte"):
            self._set(paper_out=True)
            self._send_auto_status()
        if self._counted_to_nothing("cover_open_at_byte"):
            self._set(cover_open=True)
            self._send_auto_status()
        if self._counted_to_nothing("die_at_byte"):
            self._lose_power()
            return True
        return False

    def _counted_to_nothing(self, name: str) -> bool:
        left: int | None = getattr(self.faults, name)
        if left is not None:
            self._set(**{name: left - 1 if left else None})
        return left == 0

    def _lose_power(self) -> None:
        """Go dark: what was received before stays on the paper, an unfinished slip ends, the buffer is lost."""
        if not self.faults.stopped:
            # A DLE that turned out to begin no question was never counted, so it was never taken.
            rest = [op for op in self._decoder.finish() if not (isinstance(op, Truncated) and op.raw[0] == 0x10)]
            self._take(rest)
        self._end_slip()
        self.power_losses += 1
        self._set(die_at_byte=None, power=False)
        self._switch_on()

    def _feed(self, data: bytes) -> None:
        """Take bytes: obey what is whole now, and heed what looks like a real-time command in a picture still coming."""
        self._tail += data
        ops = self._decoder.feed(data)
        heeded = self._heeded
        if ops:
            self._heeded = 0
        self._take(ops, heeded)
        del self._tail[: len(self._tail) - self._decoder.pending_bytes]
        header = _HEADERS_OF_DATA.get(bytes(self._tail[:2]))
        if header is not None and len(self._tail) >= header:
            self._heeded = self._heed_real_time(self._tail, self._heeded)

    def _take(self, ops: list[Op], heeded: int = 0) -> None:
        """Obey ops; of the first one so many bytes have been heeded while it was still coming."""
        for index, op in enumerate(ops):
            match op:
                case StatusAsked(question=question):
                    self._answer_status(question)
                case DrawerPulse(real_time=True):
                    self._kick_drawer()
                case RealTimeRequest():
                    pass
                case _:
                    if isinstance(op, (Raster, NotDrawn)) or op.raw[:2] in _HEADERS_OF_DATA:
                        self._heed_real_time(op.raw, 0 if index else heeded)
                    self._queue.append(op)
                    self._queued_bytes += len(op.raw)
        self._print_queue()

    def _heed_real_time(self, data: bytes | bytearray, start: int) -> int:
        """Obey what looks like a real-time command inside picture data, as printers do (drivers.md §2.3).

        Returns:
            Where to go on when more has come.
        """
        for found in REAL_TIME.finditer(data, start):
            if found.end() == len(data):
                return found.start()
            following = data[found.end()]
            if found.group() == b"\x10\x04" and following in (1, 2, 3, 4):
                self._answer_status(following)
            elif found.group() == b"\x10\x14" and following == 1:
                self._kick_drawer()
        return max(start, len(data) - 1)

    def _print_queue(self) -> None:
        while self._queue and not self.faults.stopped:
            op = self._queue.popleft()
            if isinstance(op, _EndOfJob):
                self._end_slip()
            else:
                self._queued_bytes -= len(op.raw)
                self._print(op)

    def _print(self, op: Op) -> None:
        match op:
            case ProcessIdAsked(tag=tag):
                if self.profile.process_id and not self.faults.no_process_id:
                    self._confirm(b"\x37\x22" + tag + b"\x00")
                return
            case PaperAsked(question=question):
                self._answer_in_order(question)
                return
            case AutoStatusSet(mask=mask):
                self._auto_status = mask
                self._send_auto_status()
                return
            case IdentityAsked(question=question):
                self._answer_identity(question)
                return
            case DrawerPulse():
                self._kick_drawer()
            case _:
                pass
        self._paper.append(Printed(op.raw, None if self._kanji == self.profile.power_on_kanji else self._kanji))
        self._slip_bytes += len(op.raw)
        self._slip_marked = self._slip_marked or marks_paper(op)
        if isinstance(op, PaperCut):
            self._paper.append(SlipEnded(complete=True))
            self._slip_bytes, self._slip_marked = 0, False

    def _end_slip(self) -> None:
        if self._slip_bytes:
            self._paper.append(SlipEnded(complete=False) if self._slip_marked else Discarded())
        self._slip_bytes, self._slip_marked = 0, False

    def _kick_drawer(self) -> None:
        self.drawer_pulses += 1
        if not (self.faults.no_drawer or self.faults.drawer_stuck or self.faults.drawer_open):
            self._set(drawer_open=True)
            self._send_auto_status()

    # ------------------------------------------------------------------------------------------------------- answers
    def _answer_status(self, question: int) -> None:
        answer = real_time_status(self.faults, question)
        if answer is not None:
            self._answers.append(answer)

    def _answer_in_order(self, question: int) -> None:
        """Answer GS r 1 (paper) and GS r 2 (drawer)."""
        faults = self.faults
        if not self.profile.paper_status or faults.no_paper_status:
            return
        if question in (1, 49):
            self._confirm(b"\x03" if faults.near_end else b"\x00")
        elif question in (2, 50):
            self._confirm(b"\x01" if drawer_sensed(faults) else b"\x00")

    def _confirm(self, answer: bytes) -> None:
        """Give an answer that tells of printed data, unless it is one of those to be lost."""
        if self.faults.lose_answers:
            self._set(lose_answers=self.faults.lose_answers - 1)
        else:
            self._answers.append(answer)

    def _send_auto_status(self) -> None:
        if self._auto_status:
            self._answers.append(automatic_status(self.faults))

    def _answer_identity(self, question: int) -> None:
        faults = self.faults
        told = {0x42: faults.maker or MAKER, 0x43: faults.model or MODEL, 0x44: faults.serial or self.name}
        text = told.get(question)
        if text is not None:
            printable = text.encode("ascii", "replace").replace(b"\x00", b"?")
            self._answers.append(b"\x5f" + printable + b"\x00")


def _is_open_command(op: Op) -> bool:
    return isinstance(op, Truncated) and op.raw[0] < 0x20
