"""The printer of the practice world: every slip comes out on a roll in memory, that a page shows; its drawer only says that it opened."""

import threading
from collections import deque
from typing import Final, NamedTuple

from drivers.document import ReceiptDoc
from drivers.escpos import encoder
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import Encoded
from drivers.escpos.ops import Op
from drivers.escpos.profile import PrinterProfile
from drivers.printer.drawer import KickOutcome
from drivers.printer.printing import Outcome, Status
from drivers.printer.profiles import PROFILES
from edge.devices.printers import Before
from edge.domain.device_rows import DrawerRow
from edge.domain.device_view import DeviceState

PROFILE: Final = PROFILES["epson-80"]
SLIPS_MAX: Final = 40


class Slip(NamedTuple):
    """One slip on the roll; `number` counts from 1."""

    number: int
    data: bytes


class Roll:
    """The last slips; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slips: deque[Slip] = deque(maxlen=SLIPS_MAX)
        self._count = 0
        self.opened = 0
        """How often the drawer opened."""

    def add(self, data: bytes) -> None:
        """Let a slip come out."""
        with self._lock:
            self._count += 1
            self._slips.append(Slip(self._count, data))

    def slips(self) -> list[Slip]:
        """List the slips, the latest first."""
        with self._lock:
            return list(reversed(self._slips))

    def ops(self, number: int) -> list[Op] | None:
        """Read what one slip says; None for one that is not on the roll any more."""
        found = next((slip for slip in self.slips() if slip.number == number), None)
        return None if found is None else list(decode(found.data).ops)


class PaperPrinter:
    """A printer whose paper is a `Roll` (`edge.devices.print_parts.Printer`)."""

    def __init__(self, roll: Roll) -> None:
        self._roll = roll

    @property
    def profile(self) -> PrinterProfile:
        """How it wants its bytes."""
        return PROFILE

    def tune(self, memory: dict[str, str]) -> None:
        """Take over nothing: there is nothing to calibrate."""

    def encode(self, document: ReceiptDoc) -> Encoded:
        """Give a slip's bytes."""
        return encoder.encode(document, PROFILE)

    def check(self) -> Status:
        """Say that it can print."""
        return Status("ready", "practice")

    def clear(self) -> bool:
        """Hold nothing of a slip."""
        return True

    def print_slip(self, tag: bytes, data: bytes, before_first_byte: Before) -> Outcome:  # noqa: ARG002 - nobody asks it again
        """Let a slip come out."""
        before_first_byte()
        self._roll.add(data)
        return Outcome("confirmed", "printed", len(data), "paper_status")

    def kick(self, row: DrawerRow, left_ms: int) -> KickOutcome:  # noqa: ARG002 - no wire, no deadline
        """Say that the drawer opened."""
        self._roll.opened += 1
        return KickOutcome("sent", "")

    def view_of(self, status: Status, *, confirms: bool) -> tuple[DeviceState, str]:  # noqa: ARG002 - it is always well
        """Say how it is."""
        return "ready", ""
