"""A printer's queue over a rig, with a printer that follows a script instead of one on a wire."""

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.document import ReceiptDoc, Text
from drivers.escpos import encoder
from drivers.escpos.encoder import Encoded
from drivers.escpos.profile import PrinterProfile
from drivers.printer.drawer import KickOutcome
from drivers.printer.printing import Outcome, Status
from drivers.printer.profiles import PROFILES
from edge.db.print_jobs import Job
from edge.devices import printers
from edge.devices.print_queue import PrintQueue
from edge.devices.registry import Registry
from edge.domain.device_rows import DrawerRow
from edge.domain.device_view import DeviceState
from edge.services.devices.drawer import NodeKicks
from edge.services.node import Node
from edge.services.printing import slips
from edge.services.printing.spool import NodeSpool
from tests.kit.nodes import Rig

CONFIRMED = Outcome("confirmed", "printed", 100)
HELD = Outcome("held", "paper_out", 0, status=Status("paper_out", ""))
RESET = Outcome("held", "disconnected", 0, cause="disconnected")
UNKNOWN = Outcome("unknown", "no_word", 40)
PAPER_OUT = Status("paper_out", "")
READY = Status("ready", "")


@dataclass
class ScriptedPrinter:
    """A printer that follows a script; it hands over its first byte only where the outcome says so.

    Without a script it prints when it is ready and holds when it is not.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    status: Status = READY
    reached: bool = True
    fault: Callable[[], None] = lambda: None
    asked: Callable[[], object] = lambda: None
    ready_first: bool = False
    """Says that it is ready before it says no: `sending` is committed, and not one byte is taken."""
    paper: list[bytes] = field(default_factory=list)
    tags: list[bytes] = field(default_factory=list)
    kicks: list[KickOutcome] = field(default_factory=list)
    pulses: list[str] = field(default_factory=list)
    cleared: int = 0
    remembered: dict[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> PrinterProfile:
        return PROFILES["epson-80"]

    def tune(self, memory: dict[str, str]) -> None:
        self.remembered = memory

    def encode(self, document: ReceiptDoc) -> Encoded:
        return encoder.encode(document, self.profile)

    def check(self) -> Status:
        return self.status

    def clear(self) -> bool:
        self.cleared += 1
        return True

    def print_slip(self, tag: bytes, data: bytes, before_first_byte: Callable[[], None]) -> Outcome:
        outcome = self._next()
        self.asked()
        if outcome.state != "held" or self.ready_first:
            before_first_byte()
        if outcome.state != "held":
            self.paper.append(data)
            self.tags.append(tag)
        self.fault()
        return outcome

    def kick(self, row: DrawerRow, left_ms: int) -> KickOutcome:
        self.pulses.append(row.id)
        return self.kicks.pop(0) if self.kicks else KickOutcome("sent")

    def view_of(self, status: Status, *, confirms: bool) -> tuple[DeviceState, str]:
        return printers.view_of(status, reached=self.reached, confirms=confirms)

    def _next(self) -> Outcome:
        if self.outcomes:
            return self.outcomes.pop(0)
        if self.status.state == "ready":
            return CONFIRMED
        return Outcome("held", self.status.state, 0, cause=self.status.cause, status=self.status)


def queue_of(
    rig: Rig,
    device: ScriptedPrinter,
    printer: str = "counter",
    *,
    node: Node | None = None,
    registry: Registry | None = None,
    slips_of: NodeSpool | None = None,
) -> PrintQueue:
    """The queue of one printer, as `edge.wiring` builds it."""
    node = node or rig.node
    registry = registry or Registry(node.devices.rows, node.clock, node.changed.notify)
    row = node.devices.printer(printer)
    assert row is not None
    drawers = {each.id: registry.entry_of(each) for each in node.devices.of(DrawerRow) if each.printer == printer}
    return PrintQueue(
        registry.entry_of(row),
        slips_of or NodeSpool(node, printer),
        device,
        node.clock,
        NodeKicks(node, printer),
        drawers,
    )


def run_dry(queue: PrintQueue, steps_max: int = 2_000) -> int:
    """Let a queue work until it has nothing to do at once; gives the steps."""
    for step in range(steps_max):
        if queue.step() > 0:
            return step
    raise AssertionError("the queue never comes to rest")


def states(rig: Rig) -> list[tuple[str, str, int]]:
    return [
        (row[0], row[1], row[2]) for row in rig.rows("SELECT state, reason, copy FROM print_jobs ORDER BY position")
    ]


def kinds(rig: Rig, like: str = "print.%") -> list[str]:
    return [row[0] for row in rig.rows("SELECT kind FROM facts WHERE lane = 1 AND kind LIKE ? ORDER BY n", (like,))]


def only_job(rig: Rig) -> Job:
    [job] = slips.open_jobs(rig.node)
    return job


def lines(document: ReceiptDoc) -> list[str]:
    return [element.text for element in document.elements if isinstance(element, Text)]
