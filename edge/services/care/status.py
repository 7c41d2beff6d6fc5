"""The state bar in one struct: what works, what waits, since when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from edge.db import journal, print_jobs
from edge.db.staff import Session
from edge.domain.device_rows import RECEIPT
from edge.domain.device_view import DeviceView
from edge.domain.paper import PrinterView
from edge.services.care import disk
from edge.services.care.clock_watch import ClockState
from edge.services.node import VERSION, Node
from sync.contract.words import Name
from sync.engine.store_link import LinkStatus
from sync.engine.uplink import Phase
from sync.node.disk import MIB
from sync.node.watchdog import Vitals

DOWN = frozenset({"absent", "error", "unknown"})
UNNAMED = Name("未登记的门店", "Store not enrolled")


class StoreStatus(msgspec.Struct, frozen=True):
    """Which restaurant this is."""

    id: str | None
    name: Name


class CashierStatus(msgspec.Struct, frozen=True):
    """Who is signed in."""

    id: str
    name: str


class Waiting(msgspec.Struct, frozen=True):
    """Facts that HQ does not have yet, per lane."""

    trade: int
    operations: int


class HubStatus(msgspec.Struct, frozen=True):
    """The way to HQ; `never` before the first session since the node started."""

    state: str
    since_ms: int
    refusal: str
    waiting: Waiting
    oldest_waiting_ms: int | None


class PrinterStatus(msgspec.Struct, frozen=True):
    """The printer and its slips: waiting for it, and parked for a person."""

    state: str
    since_ms: int
    waiting: int
    parked: int
    roll_url: str | None


class DevicesStatus(msgspec.Struct, frozen=True):
    """How many devices are down, and how many rows of the settings cannot be used."""

    down: int
    problems: int


class DiskStatus(msgspec.Struct, frozen=True):
    """The room on the disk: `ok`, `low`, or `red` when no new sale is begun; None = the disk did not say."""

    room: str
    free_mb: int | None


class ClockStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The wall clock: `ok`, `stepped` (it was set within the last hours) or `wrong`; ms ahead of the hub's, None = not known.

    `held_day`, said only when it is so: the business day that goes on being booked on, since the clock fell behind it.
    """

    state: str
    offset_ms: int | None
    held_day: str = ""


class NodeStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The node itself. `fenced`, said only when it is so: another computer took its place and nothing more can be sold.

    `revoked`, likewise: head office revoked its key, and nothing more can be sold.
    `recovery`, likewise: `replacing` while it is brought back from the hub, `restored` before that, when its file came from a
    copy; nothing can be sold until it is itself again.
    """

    version: str
    epoch: int | None
    training: bool
    fenced: bool = False
    recovery: str = ""
    revoked: bool = False


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the state bar shows."""

    store: StoreStatus
    tills: tuple[str, ...]
    till: str | None
    signed_in: bool
    cashier: CashierStatus | None
    hub: HubStatus
    printer: PrinterStatus
    devices: DevicesStatus
    node: NodeStatus
    disk: DiskStatus
    clock: ClockStatus
    menu_version: int
    currency: str
    quick_cash_fen: tuple[int, ...]
    now_ms: int


@dataclass(frozen=True)
class Desk:
    """The node with what runs beside it, as the pages need it. Built once in `edge.wiring`."""

    node: Node
    link: Callable[[], LinkStatus | None]
    devices: Callable[[], Sequence[DeviceView]]
    """Every device of the settings now."""
    boot: str = ""
    """Another at each start of the process."""
    trouble: Callable[[], str] = lambda: ""
    """Why the hub is not reached, a code of `sync.engine.troubles`; empty while it is, or nothing is known."""
    hub_versions: Callable[[], dict[str, int]] = dict
    """The hub's versions of the followed streams, as far as they were heard of since the start."""
    asks: bool = False
    """The node was started without a settings file: a browser is led to the first start while nobody can manage the store."""
    restart: Callable[[], None] = lambda: None
    """Starts the node anew in its own process, once what is being answered is answered."""
    vitals: Vitals = field(default_factory=dict)
    """The parts without which the node cannot sell; each says whether it is alive."""


def store_name(node: Node) -> Name:
    """Give what the store is called: by HQ, else by its own settings."""
    if node.enrolment is not None:
        return node.enrolment.name
    rules = node.store_rules
    return Name(rules.name_zh, rules.name_en or rules.name_zh) if rules.name_zh else UNNAMED


def status(desk: Desk, who: Session | None) -> Status:
    """Say how everything is, for somebody signed in or not."""
    node = desk.node
    grant = node.enrolment
    with node.db.read() as reader:
        heads = {} if grant is None else journal.heads(reader, grant.epoch)
        oldest_ms = None if grant is None else journal.oldest_waiting_ms(reader, grant.epoch)
        waiting, parked = print_jobs.counts(reader)
    receipts = node.devices.printer_for(RECEIPT, "" if who is None else who.till)
    unsent = {lane: head.head_seq - head.acked_seq for lane, head in heads.items()}
    views = desk.devices()
    paper = None if receipts is None or node.training else printer_view(views, receipts.id)
    link, catalogue = desk.link(), node.shelf.catalogue
    return Status(
        store=StoreStatus(None if grant is None else grant.store, store_name(node)),
        tills=node.settings.store.tills,
        till=None if who is None else who.till,
        signed_in=who is not None,
        cashier=None if who is None else CashierStatus(who.cashier_id, who.cashier_name),
        hub=HubStatus(
            state=_hub_state(link),
            since_ms=0 if link is None else link.since_ms,
            refusal="revoked" if node.revoked else "" if link is None else link.refusal,
            waiting=Waiting(unsent.get(0, 0), unsent.get(1, 0)),
            oldest_waiting_ms=oldest_ms,
        ),
        printer=PrinterStatus(
            state="none" if paper is None else paper.state,
            since_ms=0 if paper is None else paper.since_ms,
            waiting=waiting,
            parked=parked,
            roll_url=(receipts.roll_url or None) if receipts else None,
        ),
        devices=DevicesStatus(sum(view.state in DOWN for view in views), len(node.devices.problems)),
        node=NodeStatus(
            VERSION, None if grant is None else grant.epoch, node.training, node.fenced, node.recovery, node.revoked
        ),
        disk=_disk_status(node),
        clock=clock_status(node),
        menu_version=0 if catalogue is None else catalogue.menu.version,
        currency="CNY" if catalogue is None else catalogue.menu.currency,
        quick_cash_fen=node.store_rules.quick_cash_fen,
        now_ms=node.clock.now_ms(),
    )


def printer_view(views: Sequence[DeviceView], printer_id: str) -> PrinterView | None:
    """Give a printer's state in the words of the state bar; None when nothing runs it (training)."""
    for view in views:
        if view.id == printer_id:
            return PrinterView(_printer_state(view), view.since_ms)
    return None


def _printer_state(view: DeviceView) -> str:
    if view.held:
        # However well it is: nothing comes out until a person lets it go on.
        return "held"
    if view.state in {"ready", "busy", "degraded"}:
        return "ready"
    if view.state == "error":
        return view.cause if view.cause in {"paper_out", "cover_open"} else "error"
    if view.state == "absent" or view.cause == "not_answering":
        return "not_answering"
    return "unknown"


def _disk_status(node: Node) -> DiskStatus:
    state = disk.state_of(node.disk)
    return DiskStatus(state.room.value, None if state.free_bytes is None else state.free_bytes // MIB)


def clock_status(node: Node) -> ClockStatus:
    """Say how the wall clock is: one that is behind what was booked already is wrong, whatever else is known."""
    held = node.held_day()
    if node.clock_watch is None:
        return ClockStatus((ClockState.WRONG if held else ClockState.OK).value, None, held)
    view = node.clock_watch.view()
    return ClockStatus((ClockState.WRONG if held else view.state).value, view.offset_ms, held)


def _hub_state(link: LinkStatus | None) -> str:
    if link is None:
        return "never"
    if link.phase is Phase.OPEN:
        return "connected"
    return "never" if link.last_heard_ms is None else "away"
