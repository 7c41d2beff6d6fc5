"""The twin's inside: a pure state machine from bytes and switches to paper and answers.

A status question is answered as it arrives, whatever waits in the buffer; everything else goes through the buffer in order.
With the paper out or the cover open the buffer fills and nothing is printed or confirmed; once mended it prints what it
holds. Power off empties the buffer, forgets the modes and breaks the connection; what was printed stays.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

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

BUFFER_BYTES_MAX: Final = 4_096
"""The receive buffer of a common 80 mm printer; full and offline, it takes nothing more."""
MAKER: Final = "ZHANGGUI"
MODEL: Final = "VIRTUAL"


@dataclass(frozen=True, slots=True)
class Printed:
    """Bytes that took effect on the slip now under the head."""

    data: bytes


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
        answer: bytes for the connection, empty when mute.
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

    def __init__(self, profile: PrinterProfile, name: str = "1") -> None:
        self.profile = profile
        self.name = name
        self.faults = Faults()
        self.drawer_pulses = 0
        self.power_losses = 0
        self._queue: deque[Op | _EndOfJob] = deque()
        self._queued_bytes = 0
        self._paper: list[PaperEvent] = []
        self._answer = bytearray()
        self._switch_on()

    def _switch_on(self) -> None:
        self._decoder = Decoder(power_on_kanji=self.profile.power_on_kanji)
        self._queue.clear()
        self._queued_bytes = 0
        self._auto_status = 0
        self._slip_bytes = 0
        self._slip_marked = False

    # --------------------------------------------------------------------------------------------------------- state
    @property
    def online(self) -> bool:
        """Whether it prints."""
        return self.faults.power and not self.faults.paper_out and not self.faults.cover_open

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
        if self.faults.die_at_byte is None:
            self._take(self._decoder.feed(data))
            return self._reaction(accepted=len(data))
        for index, byte in enumerate(data):
            if self._dies_before(byte):
                self._lose_power()
                return self._reaction(accepted=index, died=True)
            self._take(self._decoder.feed(bytes((byte,))))
        return self._reaction(accepted=len(data))

    def end_connection(self) -> Reaction:
        """Hear that the other side has closed: what it sent is still printed, a slip without a cut ends."""
        if self.faults.power:
            self._take(self._decoder.finish())
            self._queue.append(_EndOfJob())
            self._auto_status = 0
            self._print_queue()
        return self._reaction()

    def switch(self, change: FaultChange) -> Reaction:
        """Move switches: mending prints what waits, power off loses it."""
        before = self.faults
        after = changed(before, change)
        if before.power and not after.power:
            self.faults = after
            self._lose_power()
            return self._reaction(died=True)
        self.faults = after
        if after.power and not before.power:
            self._switch_on()
        if self._status_bytes(before) != self._status_bytes(after):
            self._send_auto_status()
        if not before.power or not self._online_with(before):
            self._print_queue()
        return self._reaction()

    # ------------------------------------------------------------------------------------------------------- working
    def _reaction(self, *, accepted: int = 0, died: bool = False) -> Reaction:
        paper, answer = tuple(self._paper), bytes(self._answer)
        self._paper.clear()
        self._answer.clear()
        return Reaction(paper, b"" if self.faults.mute or died else answer, accepted, died)

    def _dies_before(self, byte: int) -> bool:
        """Count this byte down, unless it belongs to a status question; True when its turn was not to come."""
        left = self.faults.die_at_byte
        assert left is not None
        if self._decoder.may_be_status_question(byte):
            return False
        if left == 0:
            return True
        self.faults = _with_die_at(self.faults, left - 1)
        return False

    def _lose_power(self) -> None:
        """Go dark: what was received before stays on the paper, an unfinished slip ends, the buffer is lost."""
        if self.online_but_for_power:
            # A DLE that turned out to begin no question was never counted, so it was never taken.
            rest = [op for op in self._decoder.finish() if not (isinstance(op, Truncated) and op.raw[0] == 0x10)]
            self._take(rest)
        self._end_slip()
        self.power_losses += 1
        self.faults = _with_die_at(self.faults, None, power=False)
        self._switch_on()

    @property
    def online_but_for_power(self) -> bool:
        """Whether it would print if it had power."""
        return not self.faults.paper_out and not self.faults.cover_open

    @staticmethod
    def _online_with(faults: Faults) -> bool:
        return faults.power and not faults.paper_out and not faults.cover_open

    def _take(self, ops: list[Op]) -> None:
        for op in ops:
            match op:
                case StatusAsked(question=question):
                    self._answer_status(question)
                case DrawerPulse(real_time=True):
                    self.drawer_pulses += 1
                case RealTimeRequest():
                    pass
                case _:
                    self._obey_inside(op)
                    self._queue.append(op)
                    self._queued_bytes += len(op.raw)
        self._print_queue()

    def _obey_inside(self, op: Op) -> None:
        """Obey what looks like a real-time command inside picture data, as printers do (drivers.md §2.3)."""
        if not isinstance(op, (Raster, NotDrawn)):
            return
        for found in REAL_TIME.finditer(op.raw):
            following = op.raw[found.end() : found.end() + 1]
            if found.group() == b"\x10\x04" and following in (b"\x01", b"\x02", b"\x03", b"\x04"):
                self._answer_status(following[0])
            elif found.group() == b"\x10\x14" and following == b"\x01":
                self.drawer_pulses += 1

    def _print_queue(self) -> None:
        while self._queue and self.online_but_for_power:
            op = self._queue.popleft()
            if isinstance(op, _EndOfJob):
                self._end_slip()
            else:
                self._queued_bytes -= len(op.raw)
                self._print(op)

    def _print(self, op: Op) -> None:
        match op:
            case ProcessIdAsked(tag=tag):
                if self.profile.process_id:
                    self._answer += b"\x37\x22" + tag + b"\x00"
                return
            case PaperAsked(question=question):
                if self.profile.paper_status and question in (1, 49):
                    self._answer += b"\x00"
                return
            case AutoStatusSet(mask=mask):
                self._auto_status = mask
                self._send_auto_status()
                return
            case IdentityAsked(question=question):
                self._answer_identity(question)
                return
            case DrawerPulse():
                self.drawer_pulses += 1
            case _:
                pass
        self._paper.append(Printed(op.raw))
        self._slip_bytes += len(op.raw)
        self._slip_marked = self._slip_marked or marks_paper(op)
        if isinstance(op, PaperCut):
            self._paper.append(SlipEnded(complete=True))
            self._slip_bytes, self._slip_marked = 0, False

    def _end_slip(self) -> None:
        if self._slip_bytes:
            self._paper.append(SlipEnded(complete=False) if self._slip_marked else Discarded())
        self._slip_bytes, self._slip_marked = 0, False

    # ------------------------------------------------------------------------------------------------------- answers
    def _answer_status(self, question: int) -> None:
        """Answer DLE EOT 1 to 4 (drivers.md §2.4); fixed bits 1 and 4 are always set."""
        faults = self.faults
        bits = {
            1: 0x00 if self.online_but_for_power else 0x08,
            2: (0x04 if faults.cover_open else 0) | (0x20 if faults.paper_out else 0),
            3: 0x00,
            4: 0x6C if faults.paper_out else 0x00,
        }
        if question in bits:
            self._answer.append(0x12 | bits[question])

    @staticmethod
    def _status_bytes(faults: Faults) -> bytes:
        offline = faults.paper_out or faults.cover_open
        first = 0x10 | (0x08 if offline else 0) | (0x20 if faults.cover_open else 0)
        return bytes((first, 0x00, 0x0F if faults.paper_out else 0x00, 0x00))

    def _send_auto_status(self) -> None:
        if self._auto_status:
            self._answer += self._status_bytes(self.faults)

    def _answer_identity(self, question: int) -> None:
        text = {0x42: MAKER, 0x43: MODEL, 0x44: self.name}.get(question)
        if text is not None:
            printable = text.encode("ascii", "replace").replace(b"\x00", b"?")
            self._answer += b"\x5f" + printable + b"\x00"


def _with_die_at(faults: Faults, left: int | None, *, power: bool | None = None) -> Faults:
    return Faults(
        paper_out=faults.paper_out,
        cover_open=faults.cover_open,
        mute=faults.mute,
        slow_ms_per_kb=faults.slow_ms_per_kb,
        die_at_byte=left,
        power=faults.power if power is None else power,
    )
