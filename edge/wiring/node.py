"""A node from its settings: the folder opened, every part started, and all of it stopped again."""

import logging
import os
import threading
from collections.abc import Callable
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
from edge.services import doctor, enrolment, import_menu, sign_in, till_devices, verify_journal
from edge.services.device_care import DeviceCare
from edge.services.node import VERSION, Node
from edge.services.status import Desk
from edge.services.till_devices import TillDevices
from edge.settings import EdgeSettings
from edge.web.live import StreamSeats
from edge.wiring import devices, link
from sync.contract import operations
from sync.contract.operations import NodeStarted
from sync.node import keys, migrate
from sync.node.control import ControlServer, FolderLock
from sync.node.database import Database
from sync.node.passwords import PIN_COST, Vault
from sync.node.ports import IdSource, SystemChance, SystemClock

FIRST_CASHIER = "C1"
SHUTDOWN_S = 5

log = logging.getLogger(__name__)


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
    registry = devices.registry_of(node)
    devices.start_printers(node, registry, stops)
    way = link.connect(node, boot, stops)
    desk = Desk(
        node,
        link=lambda: None if way is None else way.status,
        devices=registry.views,
    )
    boards = Boards(node.devices.of(DisplayRow))
    tills = till_devices.build(node, boards)
    stops.append(tills.close)
    care = devices.connect_others(node, registry, boards, tills, stops)
    control = ControlServer(folder, _Commands(desk, care).answer)
    control.start()
    stops.append(control.stop)
    port = _serve(desk, tills, care, settings, stops)
    return RunningNode(node, desk, port, stops)


def _say_started(node: Node, boot: str) -> None:
    place = node.place()
    draft = Draft(node.ids.uuid7(), 1, operations.NODE_STARTED, 1, NodeStarted(version=VERSION, boot=boot))
    node.db.write(lambda tx: journal.append(tx, place, node.identity, [draft]))


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
