"""The printer of the simulated counter: the twin's machine behind a port in this process, and what lies under it."""

from dataclasses import dataclass

from drivers.errors import Disconnected, Stalled, Unreachable
from drivers.escpos.decoder import decode
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import Discarded, PaperEvent, Printed, Reaction, SlipEnded, VirtualPrinter
from edge.receipts.words import word
from scripts.sim_faults import Doom
from sync.contract.words import ZH
from sync.node.ports import ManualClock

CHUNK_BYTES = 256
MARK = word("reprint", ZH, copy="").strip()


@dataclass(frozen=True)
class Slip:
    """One piece of paper: whole or broken off, marked as a repeat or not, and its lines below the mark."""

    complete: bool
    marked: bool
    text: str


class Tray:
    """What has come out of the printer, in order."""

    def __init__(self) -> None:
        self.slips: list[Slip] = []
        self._open = b""
        self._kanji = True

    def take(self, events: tuple[PaperEvent, ...]) -> None:
        """Take what the machine says of its paper."""
        for event in events:
            match event:
                case Printed(data, kanji):
                    self._open += data
                    self._kanji = self._kanji if kanji is None else kanji
                case SlipEnded(complete):
                    self.slips.append(read_slip(self._open, complete=complete, kanji=self._kanji))
                    self._open, self._kanji = b"", True
                case Discarded():
                    self._open, self._kanji = b"", True


def read_slip(raw: bytes, *, complete: bool, kanji: bool = True) -> Slip:
    """Read a piece of paper from the bytes that took effect on it."""
    lines = [line for line in decode(raw, power_on_kanji=kanji).text.splitlines() if line.strip()]
    marked = bool(lines) and MARK in lines[0]
    return Slip(complete, marked, "\n".join(lines[1:] if marked else lines))


class TwinWire:
    """A connection into the machine; every call may be the node's last (`Doom`).

    Bytes sent to a printer that dies under them count as taken, as a kernel's buffer takes them.
    """

    def __init__(self, machine: VirtualPrinter, tray: Tray, clock: ManualClock, doom: Doom) -> None:
        self._machine = machine
        self._tray = tray
        self._clock = clock
        self._doom = doom
        self._answers = bytearray()
        self._state = "closed"

    def open(self, timeout_ms: int) -> None:
        """Connect; see `Port`."""
        self._doom.step("open")
        if not self._machine.faults.power:
            self._clock.advance(timeout_ms)
            raise Unreachable("the virtual printer is off")
        self._state = "open"

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        self._doom.step("write")
        if self._state != "open":
            raise Disconnected("the virtual printer is gone")
        room = self._machine.room_bytes
        if room == 0:
            self._clock.advance(timeout_ms)
            raise Stalled("the virtual printer takes nothing")
        part = data[: min(room, CHUNK_BYTES)]
        reaction = self._settled(self._machine.receive(part))
        if reaction.died:
            self._state = "broken"
        return len(part)

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`."""
        self._doom.step("read")
        if self._answers:
            data = bytes(self._answers)
            self._answers.clear()
            return data
        if self._state != "open" or not self._machine.faults.power:
            self._state = "broken"
            raise Disconnected("the virtual printer is gone")
        self._clock.advance(timeout_ms)
        return b""

    def drain(self, timeout_ms: int) -> None:
        """Let the machine finish; see `Port`."""
        del timeout_ms
        self.close()

    def identity(self) -> str:
        """Say what it is; see `Port`."""
        return "simulated"

    def close(self) -> None:
        """Close; see `Port`. A process that dies closes its connections too."""
        if self._state != "closed":
            self._state = "closed"
            self._settled(self._machine.end_connection())

    def _settled(self, reaction: Reaction) -> Reaction:
        self._tray.take(reaction.paper)
        self._answers += reaction.answer
        return reaction


def mend(machine: VirtualPrinter, tray: Tray) -> None:
    """Put everything right at the printer: power, paper, cover, answers."""
    whole = FaultChange(
        power=True,
        paper_out=False,
        cover_open=False,
        mute=False,
        lose_answers=0,
        die_at_byte=None,
        paper_out_at_byte=None,
        cover_open_at_byte=None,
    )
    tray.take(machine.switch(whole).paper)
