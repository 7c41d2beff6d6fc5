"""A node from its settings: the folder opened, every part started, and all of it stopped again."""

import logging
import os
import socket
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from cheroot.wsgi import Server

from edge.app import create_app
from edge.db import journal
from edge.db.journal import Draft
from edge.db.migrations import steps
from edge.devices.displays import Boards
from edge.domain.device_rows import DisplayRow, read_rows
from edge.jobs import Timetable
from edge.services.care import doctor, verify_journal
from edge.services.care.alarms import Alarms
from edge.services.care.clock_watch import ClockWatch
from edge.services.care.disk import VitalStorage
from edge.services.care.status import Desk
from edge.services.commit_times import CommitTimes, TimedStorage
from edge.services.copies import boot_check, compact, drill, snapshots
from edge.services.copies.archive import Archives
from edge.services.copies.boot_check import NotedStorage
from edge.services.copies.snapshots import Shelf
from edge.services.devices import till_devices
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.till_devices import TillDevices
from edge.services.house import settings_here
from edge.services.house.lan import Lan
from edge.services.hub import enrolment, follow_hub, recovery, replace
from edge.services.hub.handover_door import HubDoor
from edge.services.members import care as member_care
from edge.services.money import reconcile
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.node import VERSION, Node
from edge.services.ordering import import_menu
from edge.services.people import sign_in, staff
from edge.settings import EdgeSettings, is_loopback
from edge.web.live import StreamSeats
from edge.wiring import alarms, devices, intake, lan, link, look, members, payer
from edge.wiring.follower import Follower
from edge.wiring.practice import Practice
from sync.contract import operations
from sync.contract.operations import NodeStarted
from sync.node import listeners, migrate, watchdog
from sync.node.archives import ArchiveFolder
from sync.node.control import ControlServer, FolderLock
from sync.node.database import Database, Writer
from sync.node.disk import DiskWatch, FolderDisk, Reserve
from sync.node.head_note import HeadNote
from sync.node.passwords import PIN_COST, Vault
from sync.node.ports import Clock, IdSource, SystemChance, SystemClock
from sync.node.watchdog import Vitals, Watchdog

FIRST_CASHIER = "C1"
DRILL_EVERY_MS = 28 * 86_400_000
SHUTDOWN_S = 5
BILL_HOUR = 10
WRITER_TIMEOUT_S = 3.0
"""A sale waits for its commit no longer than this without somebody noticing; the health page answers within it."""

log = logging.getLogger(__name__)


@dataclass
class RunningNode:
    """A node that serves; `stop` ends it in the reverse order of its start."""

    node: Node
    db: Database
    desk: Desk
    port: int
    _stops: list[Callable[[], None]]

    def vitals(self) -> Vitals:
        """Give what must be alive for the process to be of use; a node whose disk refuses is not mended by a restart."""
        db, host = self.db, self.node.settings.web.host
        return {
            **self.desk.vitals,
            "writer": lambda: db.writer(WRITER_TIMEOUT_S) is not Writer.SILENT,
            "web": lambda: watchdog.web_answers(host, self.port, "/api/v1/health"),
        }

    def stop(self) -> None:
        """Stop every part, last started first."""
        for stop in reversed(self._stops):
            stop()


def open_node(settings: EdgeSettings, clock: Clock | None = None) -> tuple[Node, Database]:
    """Open a node's folder: file, keys, grant. The caller holds the folder's lock and closes the database.

    Args:
        settings: what the node is told.
        clock: None = that of the machine.

    Raises:
        UnsafeSqliteError, NewerDatabaseError: the file must not be opened by this process.
        SnapshotError: no copy could be made before a schema step; the file is as it was.
        KeyFileError: the node's keys are gone.
    """
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    clock, chance = clock or SystemClock(), SystemChance()
    identity = enrolment.own_identity(folder)
    file = folder / "node.db"
    shelf = snapshots.shelf_of(settings, identity, clock, chance)
    db = migrate.opened(file, steps, before=lambda: snapshots.before_upgrade(shelf))
    watch = DiskWatch(FolderDisk(folder), Reserve(folder), clock)
    commits = CommitTimes()
    with db.read() as reader:
        settings = settings_here.at_start(settings, reader)
    unfinished = recovery.load(folder)
    held = enrolment.load(folder)
    grant = None if unfinished is not None else held
    node = Node(
        settings=settings,
        db=VitalStorage(TimedStorage(NotedStorage(db, HeadNote(file)), commits, clock), watch),
        commits=commits,
        disk=watch,
        clock_watch=ClockWatch(clock),
        clock=clock,
        chance=chance,
        ids=IdSource(clock, chance),
        identity=identity,
        enrolment=grant,
        recovery="" if unfinished is None else unfinished.state,
        laid_aside=None if unfinished is None else held,
        vault=Vault(identity.journal, PIN_COST),
        members=members.open_desk(folder, identity, chance),
        zone=ZoneInfo(settings.store.timezone),
        devices=read_rows(settings.devices, settings.store.tills),
        gateway=GatewayDesk(payer.gateway_of(settings, clock)),
        intake=intake.desk_of(settings),
        archives=Archives(ArchiveFolder(folder / "archive")),
    )
    node.recall()
    if grant is not None:
        db.write(lambda tx: journal.open_epoch(tx, grant.store, grant.epoch))
    import_menu.load_in_force(node)
    follow_hub.load_rules(node)
    settings_here.load(node)
    return node, db


def bring_back(settings: EdgeSettings, hub_url: str, tell: replace.Tell) -> int:
    """Bring the store's facts back from the hub into this folder, whose lock the caller holds and whose node is enrolled.

    Returns:
        How many facts the hub handed over.

    Raises:
        ReplaceError: it is not done; what came so far is kept, and the next call goes on there.
        SnapshotError: no copy could be made before a schema step; the file is as it was.
        DamagedFileError: the file that lies there cannot be read; it is as it was.
    """
    folder = Path(settings.data_dir)
    grant = enrolment.load(folder)
    assert grant is not None
    identity = enrolment.own_identity(folder)
    clock, chance = SystemClock(), SystemChance()
    shelf = snapshots.shelf_of(settings, identity, clock, chance)
    boot_check.refuse_unreadable(folder / "node.db")
    db = migrate.opened(folder / "node.db", steps, before=lambda: snapshots.before_upgrade(shelf))
    try:
        door = HubDoor(folder, hub_url, identity, clock, chance)
        total = replace.bring_back(replace.Heir(grant, identity, db, clock, chance), door, tell, door.send)
    finally:
        db.close()
    recovery.clear(folder)
    return total


def start(
    settings: EdgeSettings,
    environment: MutableMapping[str, str] | None = None,
    restart: Callable[[], None] = lambda: None,
    *,
    asks: bool = False,
    clock: Clock | None = None,
) -> RunningNode:
    """Build and start a node.

    Args:
        settings: what the node is told.
        restart: stops this node and starts it anew, soon.
        asks: there is no settings file: the browser is asked what the store is, and no first manager is made here.
        clock: None = that of the machine; a trial of days without the network brings its own.
        environment: what the service manager told this process, whom to notify and on which socket to serve; without one,
            that of the process. What was read is taken out of it.

    Raises:
        AlreadyRunning: another process runs on this data folder.
        UnsafeSqliteError, NewerDatabaseError: the file must not be opened by this process.
        SnapshotError: no copy could be made before a schema step; the file is as it was.
        MenuError: the menu file cannot come into force; nothing was started.
        WrongSocketError: the socket that the service manager holds is not the listener of the settings.
    """
    told = os.environ if environment is None else environment
    notifier, period_s = watchdog.from_environment(told, os.getpid())
    held = listeners.take(told, os.getpid())
    stops: list[Callable[[], None]] = []
    try:
        running = _start(settings, held, stops, restart, asks=asks, clock=clock)
        dog = Watchdog(notifier, running.vitals(), period_s)
        dog.start()
        stops.append(dog.stop)
        return running  # noqa: TRY300 - what fails above must undo the start
    except BaseException:
        for stop in reversed(stops):
            stop()
        raise


def _start(
    settings: EdgeSettings,
    held: list[socket.socket],
    stops: list[Callable[[], None]],
    restart: Callable[[], None],
    *,
    asks: bool,
    clock: Clock | None,
) -> RunningNode:
    folder = Path(settings.data_dir)
    lock = FolderLock(folder)
    stops.append(lock.release)
    menu = import_menu.read_file(Path(settings.store.menu_file)) if settings.store.menu_file else None
    looked = boot_check.refuse_damaged(folder / "node.db", enrolment.own_identity(folder), clock or SystemClock())
    node, db = open_node(settings, clock)
    stops.append(db.close)
    if node.disk is not None:
        node.disk.start(node.changed.notify)
    settings = node.settings
    pin = None if asks else sign_in.first_cashier(node, FIRST_CASHIER, folder / "cashier-pin.txt")
    if pin is not None:
        log.info("cashier.made", extra={"file": str(folder / "cashier-pin.txt")})
    boot = node.chance.token(8).hex()
    if not node.training:
        _say_started(node, boot)
        staff.declare(node)
        settings_here.declare(node)
        if menu is not None:
            import_menu.from_file(node, menu)
    registry = devices.registry_of(node)
    devices.start_printers(node, registry, stops)
    if not node.training:
        following = Follower(node)
        following.start()
        stops.append(following.stop)
    payer.start(node, stops)
    members.start(node, stops)
    intake.start(node, stops)
    way = link.connect(node, boot, stops)
    desk = Desk(
        node,
        link=lambda: None if way is None else way.status,
        devices=registry.views,
        trouble=lambda: "" if way is None else way.trouble,
        hub_versions=lambda: {} if way is None else way.hub_versions,
        boot=boot,
        asks=asks,
        restart=restart,
        vitals={
            "writer": lambda: db.writer(WRITER_TIMEOUT_S) is Writer.WRITES,
            **({} if way is None else {"link": way.alive}),
        },
    )
    alarms.watch(Alarms(node, desk.link), stops)
    boards = Boards(node.devices.of(DisplayRow))
    tills = till_devices.build(node, boards)
    stops.append(tills.close)
    care = devices.connect_others(node, registry, boards, tills, stops)
    shelf = snapshots.shelf_of(settings, node.identity, node.clock, node.chance)
    _look_after_copies(node, shelf, stops)
    control = ControlServer(folder, _Commands(desk, care, shelf).answer)
    control.start()
    stops.append(control.stop)
    port = _serve(desk, (tills, care), settings, held, stops)
    listeners.refuse_unclaimed(held)
    if not looked.whole:
        look.go_on(folder / "node.db", node.identity, restart, stops)
    return RunningNode(node, db, desk, port, stops)


def _look_after_copies(node: Node, shelf: Shelf, stops: list[Callable[[], None]]) -> None:
    """Copy by night, and hold the month's drill the hour after."""

    def drilled() -> None:
        if drill.is_due(node, DRILL_EVERY_MS):
            drill.monthly(node, shelf)

    hour = node.settings.backup.hour
    timetable = Timetable(ZoneInfo(node.settings.store.timezone))
    timetable.daily(hour, 10, lambda: snapshots.nightly(shelf))
    timetable.daily(hour, 40, drilled)
    # Behind the copy of the night, so that what leaves the table is in it once more.
    timetable.daily((hour + 1) % 24, 10, lambda: compact.compact(node))
    timetable.daily((hour + 1) % 24, 40, lambda: member_care.look_at_all(node))
    # By then a gateway has written its bill file of the day before.
    timetable.daily(BILL_HOUR, 20, lambda: reconcile.daily(node))
    timetable.start()
    stops.append(timetable.stop)


def _say_started(node: Node, boot: str) -> None:
    place = node.place()
    draft = Draft(node.ids.uuid7(), 1, operations.NODE_STARTED, 1, NodeStarted(version=VERSION, boot=boot))
    node.db.write(lambda tx: journal.append(tx, place, node.identity, [draft]))


def _serve(
    desk: Desk,
    devices_of_tills: tuple[TillDevices, DeviceCare],
    settings: EdgeSettings,
    held: list[socket.socket],
    stops: list[Callable[[], None]],
) -> int:
    tills, care = devices_of_tills
    seats, house = StreamSeats(settings.web.streams_max), Lan()
    practice = Practice(desk.node, seats)
    stops.append(practice.hall.close)
    threads = settings.web.streams_max + 16
    server = Server(
        (settings.web.host, settings.web.port),
        practice.gate(create_app(desk, seats, tills, care, house, hall=practice.hall), is_loopback),
        # cheroot never grows its pool by itself: every seat for a stream and 16 more must be there from the start.
        numthreads=threads,
        max=threads,
        timeout=30,
        shutdown_timeout=SHUTDOWN_S,
        server_name="zhanggui",
        request_queue_size=128,
    )
    server.error_log = _log_of_server  # type: ignore[method-assign]
    listeners.hand_over(server, listeners.claim(held, settings.web.port))
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
    lan.start(desk, seats, devices_of_tills, (house, practice), held, stops)
    port = int(server.bind_addr[1])
    log.info("node.serving", extra={"url": f"http://{settings.web.host}:{port}/", "pid": os.getpid()})
    return port


def _log_of_server(msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
    log.log(level, "web.server", exc_info=traceback, extra={"detail": msg})


class _Commands:
    """What other processes may ask of a running node over its local socket."""

    def __init__(self, desk: Desk, care: DeviceCare, shelf: Shelf) -> None:
        self._desk = desk
        self._care = care
        self._shelf = shelf

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """Answer one command."""
        if request.get("command") == "verify":
            return verify_journal.verify(self._desk.node).as_json()
        if request.get("command") == "devices":
            return {"ok": True, **doctor.seen_by(self._desk, self._care)}
        if request.get("command") == "drill":
            return drill.answer(self._desk.node, self._shelf, fresh=request.get("fresh") is True)
        return {"ok": False, "error": f"unknown command {request.get('command')!r}"}
