"""What people do with devices: look at them, let one wait, try one, open a drawer, answer for slips, mend the settings.

The registry and the supervisor are joined in `edge.wiring`; without them (tests, a stopped node) there are rows and no life.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal, Protocol

import msgspec

from drivers.discovery import Candidate
from edge.db import device_memory
from edge.db.print_jobs import ASKING, Job
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT, DeviceRow, DeviceRows, DrawerRow, PrinterRow, RowProblem
from edge.domain.device_view import Counters, DeviceView, LogLine
from edge.domain.refusal import Refused
from edge.services.devices import calibrate, device_facts, drawer
from edge.services.node import Node
from edge.services.printing import slips
from edge.services.printing.slip_changes import printer_of

PARKED: Final = frozenset({"held", "unknown"})
NO_REDIRECT: Final = frozenset({slip_rules.TEST, *calibrate.OWN_SLIPS})
"""Slips about one printer: on another's paper they would say what is not so."""
NOT_RUN: Final = "training"
"""The cause of a printer that nothing runs, because the node is in training."""
Answer = Literal["print", "discard"]
DeviceId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class RedirectCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To which printer a slip goes."""

    printer: DeviceId


class StaleCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a printer's slips that were too old to print unasked."""

    answer: Answer


class OpenCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a drawer is opened without a sale."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=drawer.REASON_CHARS_MAX)]
    request_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A device now; see `edge.domain.device_view.DeviceView`. `waiting` and `parked` count a printer's slips."""

    id: str
    kind: str
    name: str
    address: str
    state: str
    cause: str
    since_ms: int
    last_ok_ms: int | None
    detail: str
    held: bool
    counters: Counters
    facts: dict[str, str]
    page_url: str
    waiting: int
    parked: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Something plugged in that no row names: what the system says it is, what it may be, and the row to write for it."""

    address: str
    seen: str
    kinds: tuple[str, ...]
    row: str


class DevicesReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the devices of a store."""

    devices: tuple[DeviceLine, ...]
    problems: tuple[RowProblem, ...]
    found: tuple[Found, ...]
    lines: tuple[LogLine, ...]


class Lines(Protocol):
    """What is asked of the registry (`edge.devices.registry.Registry`)."""

    def views(self) -> list[DeviceView]:
        """Every device now."""
        ...

    def lines(self, device_id: str = "") -> list[LogLine]:
        """What happened last, newest first."""
        ...


class Hands(Protocol):
    """What is asked of the supervisor (`edge.devices.supervisor.Supervisor`)."""

    def hurry(self, device_id: str = "") -> None:
        """Try a device again at once."""
        ...

    def hold(self, device_id: str, *, held: bool) -> bool:
        """Let a device wait, or go on; False when it is none of its own."""
        ...


class NoLife:
    """The rows alone: nothing is connected, nothing happens. Registry and supervisor of a node that does not run."""

    def __init__(self, node: Node) -> None:
        self._views = unseen(node.devices)

    def views(self) -> list[DeviceView]:
        """Every device, and that nobody looks at it."""
        return list(self._views)

    def lines(self, device_id: str = "") -> list[LogLine]:
        """Nothing happened."""
        del device_id
        return []

    def hurry(self, device_id: str = "") -> None:
        """There is nobody to hurry."""

    def hold(self, device_id: str, *, held: bool) -> bool:
        """Nobody holds it."""
        del device_id, held
        return False


class DeviceCare:
    """The devices of a node as people look after them.

    Args:
        node: the node.
        lines: its registry; None = nothing runs.
        hands: its supervisor; likewise.
        found: what is plugged in and stands in no row.
    """

    def __init__(
        self,
        node: Node,
        lines: Lines | None = None,
        hands: Hands | None = None,
        found: Callable[[], Sequence[Candidate]] = tuple,
    ) -> None:
        idle = NoLife(node)
        self.node = node
        self._lines: Lines = lines or idle
        self._hands: Hands = hands or idle
        self._found = found

    # -------------------------------------------------------------------------------------------------------- to look at
    def views(self) -> list[DeviceView]:
        """Every device now, in the order of the settings."""
        views = self._lines.views()
        if not self.node.training:
            return views
        return [replace(view, cause=NOT_RUN) if view.kind in {"printer", "drawer"} else view for view in views]

    def view(self, device_id: str) -> DeviceView | None:
        """Find a device."""
        return next((view for view in self.views() if view.id == device_id), None)

    def lines(self, device_id: str = "") -> list[LogLine]:
        """What happened last, newest first; of one device or of all."""
        return self._lines.lines(device_id)

    def found(self) -> list[Found]:
        """What is plugged in and stands in no row, each with the row to write for it."""
        taken = {row.id for row in self.node.devices.rows}
        return list(found_of(self._found(), taken, self.node.settings.store.tills[0]))

    def jobs(self, printer_id: str = "") -> list[Job]:
        """List the slips that are not settled, of one printer or of all."""
        jobs = slips.open_jobs(self.node)
        return jobs if not printer_id else [job for job in jobs if self.printer_id(job) == printer_id]

    def printer_id(self, job: Job) -> str:
        """Say which printer has a slip now; one that is no longer in the settings keeps its name."""
        row = printer_of(self.node.devices, job)
        return job.printer if row is None else row.id

    def others(self, job: Job) -> list[PrinterRow]:
        """List the printers that a slip can be sent to instead, those of its station first."""
        if job.document in NO_REDIRECT:
            return []
        here = self.printer_id(job)
        rows = [row for row in self.node.devices.of(PrinterRow) if row.id != here]
        return sorted(rows, key=lambda row: job.station not in row.stations)

    def report(self) -> DevicesReport:
        """Give everything at once."""
        jobs = self.jobs()
        return DevicesReport(
            devices=tuple(
                line_of(view, [job for job in jobs if view.kind == "printer" and self.printer_id(job) == view.id])
                for view in self.views()
            ),
            problems=self.node.devices.problems,
            found=tuple(self.found()),
            lines=tuple(self.lines()),
        )

    # -------------------------------------------------------------------------------------------------------------- to do
    def hold(self, device_id: str, *, held: bool) -> Refused | None:
        """Let a device wait, or go on; it stays so over restarts."""
        row = self._row(device_id)
        if row is None:
            return _unknown(device_id)
        if isinstance(row, PrinterRow):
            return slips.hold(self.node, row.id, held=held)
        if isinstance(row, DrawerRow):
            return Refused("no_such_action")
        self.node.db.write(lambda tx: device_memory.remember(tx, row.id, device_memory.HELD, "yes" if held else ""))
        self._hands.hold(row.id, held=held)
        return None

    def recall_holds(self) -> None:
        """At a start: let those wait that a person held before. Printers recall it themselves."""
        for row in self.node.devices.rows:
            if isinstance(row, PrinterRow | DrawerRow):
                continue
            with self.node.db.read() as reader:
                held = device_memory.HELD in device_memory.recall(reader, row.id)
            if held:
                self._hands.hold(row.id, held=True)

    def test(self, device_id: str) -> str | Refused:
        """Queue a slip that shows how a printer prints; gives the job."""
        row = self._row(device_id)
        if row is None:
            return _unknown(device_id)
        if not isinstance(row, PrinterRow):
            return Refused("no_such_action")
        return Refused(self.node.idle_code) if self.node.training else slips.test_slip(self.node, row.id)

    def retry(self, device_id: str) -> Refused | None:
        """Try a device again at once."""
        row = self._row(device_id)
        if row is None:
            return _unknown(device_id)
        if isinstance(row, PrinterRow | DrawerRow):
            self.node.printing.notify()
        else:
            self._hands.hurry(row.id)
        return None

    def accept(self, device_id: str) -> Refused | None:
        """A person says that another printer stands at the address now and may print."""
        row = self._row(device_id)
        if row is None:
            return _unknown(device_id)
        return device_facts.accept(self.node, row.id) if isinstance(row, PrinterRow) else Refused("no_such_action")

    def open_drawer(
        self, who: Session, drawer_id: str, reason: str, request_id: str = "", approval_id: str = ""
    ) -> str | Refused:
        """Open the drawer of somebody's till without a sale; gives the job. Nobody opens a drawer that stands elsewhere."""
        row = self._row(drawer_id)
        if not isinstance(row, DrawerRow):
            return _unknown(drawer_id)
        if self.node.devices.drawer_for(who.till) != row:
            return Refused("other_till_drawer", {"till": who.till})
        return drawer.open_by_hand(self.node, who, reason, request_id, approval_id)

    def answer_stale(self, printer_id: str, answer: Answer) -> int | Refused:
        """Answer for all slips of a printer that were too old to print unasked; gives how many."""
        if self.node.training:
            return Refused(self.node.idle_code)
        if self.node.devices.printer(printer_id) is None:
            return _unknown(printer_id)
        return slips.answer_stale(self.node, printer_id, answer)

    def _row(self, device_id: str) -> DeviceRow | None:
        return next((row for row in self.node.devices.rows if row.id == device_id), None)


def line_of(view: DeviceView, jobs: Sequence[Job]) -> DeviceLine:
    """Put a device and the slips that are at it into one line."""
    parked = sum(map(is_parked, jobs))
    return DeviceLine(
        id=view.id,
        kind=view.kind,
        name=view.name,
        address=view.address,
        state=view.state,
        cause=view.cause,
        since_ms=view.since_ms,
        last_ok_ms=view.last_ok_ms,
        detail=view.detail,
        held=view.held,
        counters=view.counters,
        facts={name: value for name, value in view.facts if value},
        page_url=view.page_url,
        waiting=len(jobs) - parked,
        parked=parked,
    )


def found_of(candidates: Sequence[Candidate], taken: set[str], till: str) -> tuple[Found, ...]:
    """Put what is plugged in beside the row to write for it."""
    return tuple(
        Found(
            address=candidate.address,
            seen=candidate.seen,
            kinds=tuple(kind for kind, _ in candidate.kinds),
            row=row_for(candidate, taken, till),
        )
        for candidate in candidates
    )


def unseen(rows: DeviceRows) -> list[DeviceView]:
    """Show the devices of a node that does not run: nobody looks at them, so nothing is known."""
    return [_unseen(row) for row in rows.rows]


def is_parked(job: Job) -> bool:
    """Say whether a slip waits for a person, not for its printer."""
    return job.state == "unknown" or (job.state == "held" and job.asked == ASKING)


def row_for(candidate: Candidate, taken: set[str], till: str) -> str:
    """Write the `[[devices]]` row for something that was found; empty when nothing of ours reaches it."""
    if not candidate.address or not candidate.kinds:
        return ""
    kind = candidate.kinds[0][0]
    stem = kind.replace("_", "-")
    number = next(n for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
    lines = ["[[devices]]", f'kind = "{kind}"', f'id = "{stem}-{number}"', f"address = {_quoted(candidate.address)}"]
    if kind == "printer":
        lines += ['profile = "generic-80"', f'stations = ["{RECEIPT}"]']
    else:
        lines.append(f"till = {_quoted(till)}")
    if kind == "card_reader" and candidate.address.startswith("pcsc:"):
        lines.append('protocol = "nfc"')
    return "\n".join(lines)


def wire_of(row: DeviceRow) -> str:
    """Name the kind of connection of a row, as its address begins; empty for a drawer, which hangs on a printer."""
    return "" if isinstance(row, DrawerRow) else row.address.partition("://")[0]


def _unseen(row: DeviceRow) -> DeviceView:
    where = row.printer if isinstance(row, DrawerRow) else row.address
    return DeviceView(row.id, str(row.__struct_config__.tag), row.name or row.id, where, "unknown", "not_running")


def _unknown(device_id: str) -> Refused:
    return Refused("not_found", {"device": device_id[:64]})


def _quoted(text: str) -> str:
    """Write a TOML string; what the system says may hold anything."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'
