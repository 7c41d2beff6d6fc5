"""Composition root of the node: builds every part once, starts them in order, stops them in reverse.

Nothing else constructs clocks, databases, transports, threads or listeners.
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from cheroot.wsgi import Server

from drivers import discovery
from drivers.transport import address as addresses
from drivers.transport.open_port import ports_for
from drivers.transport.twin_address import resolve
from edge.app import create_app
from edge.db import journal
from edge.db.journal import Draft
from edge.db.migrations import steps
from edge.devices import found, twins
from edge.devices.calibrating import calibrating_printer
from edge.devices.cards import MagstripeTalk, NfcTalk
from edge.devices.displays import Boards, DisplayTalk
from edge.devices.print_queue import PrintQueue
from edge.devices.registry import Registry, Turn
from edge.devices.scales import ScaleTalk
from edge.devices.scanners import ScannerTalk
from edge.devices.supervisor import Supervised, Supervisor
from edge.devices.talk import Bell, Talk
from edge.domain.device_rows import (
    CardReaderRow,
    DisplayRow,
    DrawerRow,
    PrinterRow,
    ScaleRow,
    ScannerRow,
    read_rows,
)
from edge.services import (
    device_facts,
    doctor,
    drawer,
    enrolment,
    import_menu,
    sign_in,
    spool,
    till_devices,
    verify_journal,
)
from edge.services.calibrate import CalibrationSpool
from edge.services.device_care import DeviceCare
from edge.services.drawer import NodeKicks
from edge.services.node import VERSION, Node
from edge.services.outbox import NodeOutbox
from edge.services.status import Desk
from edge.services.till_devices import TillDevices
from edge.settings import EdgeSettings, twins_folder
from edge.web.live import StreamSeats
from sync.contract import operations, topics
from sync.contract.facts import genesis
from sync.contract.operations import DeviceChanged, NodeStarted
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.store_link import LinkIdentity, LinkStatus, StoreLink
from sync.engine.transport import Will
from sync.engine.uplink import Pace
from sync.node import keys, migrate, sealing
from sync.node.control import ControlServer, FolderLock
from sync.node.database import Database
from sync.node.passwords import PIN_COST, Vault
from sync.node.ports import IdSource, SystemChance, SystemClock

FIRST_CASHIER = "C1"
LINK_WAIT_S = 0.05
SHUTDOWN_S = 5

log = logging.getLogger(__name__)


class LinkThread:
    """The one thread that owns the way to the hub."""

    def __init__(self, link: StoreLink, transport: MqttTransport) -> None:
        self._link = link
        self._transport = transport
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub-link", daemon=True)

    @property
    def status(self) -> LinkStatus:
        """The session as the screen shows it."""
        return self._link.status

    def start(self) -> None:
        """Connect, and keep facts moving."""
        self._transport.start()
        self._thread.start()

    def stop(self) -> None:
        """End; what is not acknowledged stays in the journal."""
        self._stopping.set()
        self._thread.join(timeout=SHUTDOWN_S)
        self._transport.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._link.tick(LINK_WAIT_S)
            except Exception:
                # The till goes on without the hub; the next tick starts from what the database says.
                log.exception("link.failed")
                self._stopping.wait(1.0)


@dataclass
class RunningNode:
    """A node that serves; `stop` ends it in the reverse order of its start."""

    node: Node
    desk: Desk
    port: int
    _stops: list[Callable[[], None]]

    def stop(self) -> None:
        """Stop every part, last started first."""
        for stop in reversed(self._stops):
            stop()


def open_node(settings: EdgeSettings) -> tuple[Node, Database]:
    """Open a node's folder: file, keys, grant. The caller holds the folder's lock and closes the database."""
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    clock, chance = SystemClock(), SystemChance()
    identity = keys.load_or_make(folder / "keys.json")
    db = migrate.opened(folder / "node.db", steps)
    grant = enrolment.load(folder)
    node = Node(
        settings=settings,
        db=db,
        clock=clock,
        chance=chance,
        ids=IdSource(clock, chance),
        identity=identity,
        enrolment=grant,
        vault=Vault(identity.journal, PIN_COST),
        zone=ZoneInfo(settings.store.timezone),
        devices=read_rows(settings.devices, settings.store.tills),
    )
    if grant is not None:
        db.write(lambda tx: journal.open_epoch(tx, grant.store, grant.epoch))
    import_menu.load_in_force(node)
    return node, db


def start(settings: EdgeSettings) -> RunningNode:
    """Build and start a node.

    Raises:
        AlreadyRunning: another process runs on this data folder.
        UnsafeSqliteError, NewerDatabaseError: the file must not be opened by this process.
        MenuError: the menu file cannot come into force; nothing was started.
    """
    stops: list[Callable[[], None]] = []
    try:
        return _start(settings, stops)
    except BaseException:
        for stop in reversed(stops):
            stop()
        raise


def _start(settings: EdgeSettings, stops: list[Callable[[], None]]) -> RunningNode:
    folder = Path(settings.data_dir)
    lock = FolderLock(folder)
    stops.append(lock.release)
    menu = import_menu.read_file(Path(settings.store.menu_file)) if settings.store.menu_file else None
    node, db = open_node(settings)
    stops.append(db.close)
    pin = sign_in.first_cashier(node, FIRST_CASHIER, folder / "cashier-pin.txt")
    if pin is not None:
        log.info("cashier.made", extra={"file": str(folder / "cashier-pin.txt")})
    boot = node.chance.token(8).hex()
    if not node.training:
        _say_started(node, boot)
        if menu is not None:
            import_menu.bring_into_force(node, menu)
    registry = _registry(node)
    _print_queues(node, registry, stops)
    link = _link(node, boot, stops)
    desk = Desk(
        node,
        link=lambda: None if link is None else link.status,
        devices=registry.views,
    )
    boards = Boards(node.devices.of(DisplayRow))
    tills = till_devices.build(node, boards)
    stops.append(tills.close)
    care = _connect_devices(node, registry, boards, tills, stops)
    control = ControlServer(folder, _Commands(desk, care).answer)
    control.start()
    stops.append(control.stop)
    port = _serve(desk, tills, care, settings, stops)
    return RunningNode(node, desk, port, stops)


def _say_started(node: Node, boot: str) -> None:
    place = node.place()
    draft = Draft(node.ids.uuid7(), 1, operations.NODE_STARTED, 1, NodeStarted(version=VERSION, boot=boot))
    node.db.write(lambda tx: journal.append(tx, place, node.identity, [draft]))


def _registry(node: Node) -> Registry:
    """Make the line of every device; what cannot be used of the settings is told once."""
    for problem in node.devices.problems:
        told = {"row": problem.position, "device": problem.id, "field": problem.field, "detail": problem.detail}
        log.warning("device.row_refused", extra=told)

    def on_turn(turn: Turn) -> None:
        body = DeviceChanged(device=turn.device, kind=turn.kind, up=turn.up, state=turn.state, cause=turn.cause)
        device_facts.changed(node, body)

    return Registry(node.devices.rows, node.clock, node.changed.notify, on_turn)


def _print_queues(node: Node, registry: Registry, stops: list[Callable[[], None]]) -> None:
    """Start a queue for each printer; nothing is printed in training."""
    if node.training:
        return
    parked, expired = spool.recover(node), drawer.recover(node)
    if parked or expired:
        log.warning("print_queue.recovered", extra={"parked": parked, "drawer": expired})
    folder = twins_folder(node.settings)
    for row in node.devices.of(PrinterRow):
        entry, slips_of = registry.entry_of(row), CalibrationSpool(node, row.id)
        device = calibrating_printer(entry, folder, node.clock, slips_of)
        drawers = {each.id: registry.entry_of(each) for each in node.devices.of(DrawerRow) if each.printer == row.id}
        queue = PrintQueue(entry, slips_of, device, node.clock, NodeKicks(node, row.id), drawers)
        queue.start()
        stops.append(queue.stop)


def _link(node: Node, boot: str, stops: list[Callable[[], None]]) -> LinkThread | None:
    grant = node.enrolment
    if grant is None:
        return None
    party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
    link_keys = sealing.link_keys(
        node.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=grant.epoch
    )
    names = topics.of_store(grant.tenant, grant.store)
    transport = MqttTransport(
        MqttSettings(
            host=grant.broker.host,
            port=grant.broker.port,
            reconnect_cap_ms=node.settings.link.reconnect_cap_ms,
        ),
        client_id=f"{grant.store}-{grant.node[-12:]}",
        username=grant.broker.username,
        password=grant.broker.token,
        subscriptions=(names.welcome, names.ack, names.data, topics.doorbell(grant.tenant)),
        clock=node.clock,
        chance=node.chance,
        will=Will(names.state, genesis(grant.store, grant.epoch, 1)),
    )
    link = StoreLink(
        identity=LinkIdentity(party, boot, VERSION, grant.hub_signing_key),
        sealer=sealing.Sealer(node.identity, link_keys.up, party, node.chance),
        opener=sealing.Opener(grant.hub_signing_key, link_keys.down, party),
        outbox=NodeOutbox(node),
        transport=transport,
        clock=node.clock,
        chance=node.chance,
        pace=Pace(linger_ms=(node.settings.link.linger_ms, max(node.settings.link.linger_ms, 2_000))),
        on_status=node.changed.notify,
    )
    thread = LinkThread(link, transport)
    thread.start()
    stops.append(thread.stop)
    return thread


InputRow = ScannerRow | CardReaderRow | DisplayRow | ScaleRow


def _connect_devices(
    node: Node, registry: Registry, boards: Boards, tills: TillDevices, stops: list[Callable[[], None]]
) -> DeviceCare:
    """Start what keeps scanners, card readers, displays and scales connected, and the virtual devices; printers have queues."""
    twins_dir = twins_folder(node.settings)
    rows = [row for row in node.devices.rows if not isinstance(row, PrinterRow | DrawerRow)]
    addressed = [row for row in node.devices.rows if not isinstance(row, DrawerRow)]

    def hurry(device_id: str) -> None:
        supervisor.hurry(device_id)

    desk = twins.Twins([registry.entry_of(row) for row in addressed], twins_dir, hurry)
    supervisor = Supervisor(
        [
            Supervised(
                registry.entry_of(row),
                ports_for(addresses.parse(row.address), twins_dir),
                partial(_talk, row, twins_dir, boards, tills),
                node.clock,
                node.chance,
                starting=lambda: desk.starting,
            )
            for row in rows
        ],
        on_watch=tills.sweep,
    )
    lookout = found.Lookout(
        addressed,
        partial(discovery.candidates, discovery.this_machine()),
        hurry,
        node.changed.notify,
        discovery.udev_wakeups,
    )
    care = DeviceCare(node, registry, supervisor, lambda: lookout.unconfigured)
    care.recall_holds()
    if desk.wanted:
        desk.start()
        stops.append(desk.stop)
    supervisor.start()
    stops.append(supervisor.stop)
    lookout.start()
    stops.append(lookout.stop)
    return care


def _talk(row: InputRow, twins_dir: Path, boards: Boards, tills: TillDevices, bell: Bell) -> Talk:
    """Make the conversation for one connection to a device."""
    if isinstance(row, DisplayRow):
        return DisplayTalk(boards.board(row.id), bell)
    if isinstance(row, ScaleRow):
        return ScaleTalk(row, tills.weighing.take)
    at = addresses.parse(row.address)
    if isinstance(at, addresses.VirtualAddress):
        # Whether a twin types or sends bytes is known once it runs.
        at = resolve(at, twins_dir)
    if isinstance(row, ScannerRow):
        return ScannerTalk(row, at, tills.scanning.scanned)
    if row.protocol == "nfc":
        return NfcTalk(row, lambda till, seen: tills.scanning.card(till, seen.what, seen.text))
    return MagstripeTalk(row, at, lambda till, seen: tills.scanning.card(till, seen.what, seen.text))


def _serve(
    desk: Desk, tills: TillDevices, care: DeviceCare, settings: EdgeSettings, stops: list[Callable[[], None]]
) -> int:
    seats = StreamSeats(settings.web.streams_max)
    threads = settings.web.streams_max + 16
    server = Server(
        (settings.web.host, settings.web.port),
        create_app(desk, seats, tills, care),
        # cheroot never grows its pool by itself: every seat for a stream and 16 more must be there from the start.
        numthreads=threads,
        max=threads,
        timeout=30,
        shutdown_timeout=SHUTDOWN_S,
        server_name="zhanggui",
        request_queue_size=128,
    )
    server.error_log = _log_of_server  # type: ignore[method-assign]
    server.prepare()
    serving = threading.Thread(target=server.serve, name="web", daemon=True)
    serving.start()

    def stop() -> None:
        seats.closing.set()
        desk.node.changed.notify()
        tills.display.wake()
        server.stop()
        serving.join(timeout=SHUTDOWN_S)

    stops.append(stop)
    port = int(server.bind_addr[1])
    log.info("node.serving", extra={"url": f"http://{settings.web.host}:{port}/", "pid": os.getpid()})
    return port


def _log_of_server(msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
    log.log(level, "web.server", exc_info=traceback, extra={"detail": msg})


class _Commands:
    """What other processes may ask of a running node over its local socket."""

    def __init__(self, desk: Desk, care: DeviceCare) -> None:
        self._desk = desk
        self._care = care

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Answer one command."""
        if request.get("command") == "verify":
            return verify_journal.verify(self._desk.node).as_json()
        if request.get("command") == "devices":
            return {"ok": True, **doctor.seen_by(self._desk, self._care)}
        return {"ok": False, "error": f"unknown command {request.get('command')!r}"}
