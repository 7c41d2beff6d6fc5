"""What a print queue needs from others: a printer, the slips that wait for it, and the openings of its drawers."""

from typing import Protocol

from drivers.document import ReceiptDoc
from drivers.escpos.encoder import Encoded
from drivers.escpos.profile import PrinterProfile
from drivers.printer.drawer import KickOutcome
from drivers.printer.printing import Outcome, Status
from edge.db.drawer_jobs import DrawerJob
from edge.db.print_jobs import Job
from edge.devices.printers import Before
from edge.domain.device_rows import DrawerRow
from edge.domain.device_view import DeviceState


class Printer(Protocol):
    """What the queue needs of a printer; `edge.devices.printers.PortPrinter` is one."""

    @property
    def profile(self) -> PrinterProfile:
        """How it wants its bytes."""
        ...

    def tune(self, memory: dict[str, str]) -> None:
        """Take over what is remembered of it."""
        ...

    def encode(self, document: ReceiptDoc) -> Encoded:
        """Give a slip's bytes."""
        ...

    def check(self) -> Status:
        """Ask how it is."""
        ...

    def clear(self) -> bool:
        """Have it drop what it still holds of a slip."""
        ...

    def print_slip(self, tag: bytes, data: bytes, before_first_byte: Before) -> Outcome:
        """Print one slip and say what became of it."""
        ...

    def kick(self, row: DrawerRow, left_ms: int) -> KickOutcome:
        """Open a drawer, once."""
        ...

    def view_of(self, status: Status, *, confirms: bool) -> tuple[DeviceState, str]:
        """Say how it is, as screens call it."""
        ...


class Spool(Protocol):
    """What the queue needs of the node's slips; every method is durable when it returns."""

    def next_job(self) -> Job | None:
        """Give the oldest slip that the printer may take."""
        ...

    def document(self, job: Job, profile: PrinterProfile) -> ReceiptDoc:
        """Build what a slip says."""
        ...

    def begin(self, job: Job) -> bool:
        """Commit that the first byte is about to leave; False when the slip is not to be printed here any more."""
        ...

    def settle(self, job: Job, state: str, reason: str, bytes_handed: int) -> None:
        """Commit what became of a slip; the state and reason that it was taken with put it back."""
        ...

    def hold_stale(self) -> int:
        """Hold every slip that is too old to print unasked."""
        ...

    def movable(self) -> list[str]:
        """List the slips that may go to the fall-back."""
        ...

    def move_on(self, job_ids: list[str]) -> int:
        """Give slips to the fall-back."""
        ...

    def recall(self) -> dict[str, str]:
        """Give what is remembered of the printer."""
        ...

    def remember(self, key: str, value: str) -> None:
        """Keep something of the printer; an empty text forgets it."""
        ...

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until something was queued since `seen`, at most so long; gives the new count."""
        ...

    def wake(self) -> None:
        """End a wait."""
        ...


class Kicks(Protocol):
    """What the queue needs of the drawers on its printer."""

    def next_kick(self) -> DrawerJob | None:
        """Give the oldest opening that is still wanted."""
        ...

    def begin(self, job: DrawerJob) -> bool:
        """Commit that the pulse is about to leave."""
        ...

    def settle(self, job: DrawerJob, outcome: str, *, opened: bool) -> None:
        """Commit what became of it."""
        ...
