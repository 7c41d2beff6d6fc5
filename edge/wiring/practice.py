"""The scratch world of practice, built beside the node on demand: its own file, keys, printer and pages, under `/practice`."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from wsgiref.types import WSGIApplication

from edge.app import create_practice_app
from edge.db.migrations import steps
from edge.devices.displays import Boards
from edge.devices.practice_paper import PaperPrinter, Roll
from edge.devices.print_queue import PrintQueue
from edge.devices.registry import Registry
from edge.domain.device_rows import RECEIPT, DrawerRow, PrinterRow, read_rows
from edge.domain.intake import PlacedItem
from edge.services.care import status
from edge.services.care.status import Desk
from edge.services.devices import till_devices
from edge.services.devices.calibrate import CalibrationSpool
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.drawer import NodeKicks
from edge.services.intake.desk import Counter, IntakeDesk
from edge.services.intake.platform_fake import FakePlatform, Wish
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.money.gateway_fake import FakeGateway
from edge.services.node import Node
from edge.services.practice import scratch
from edge.services.practice.hall import Hall, World
from edge.web.access import Door
from edge.web.live import StreamSeats
from edge.web.practice import PREFIX, PracticeGate
from edge.wiring import intake, payer
from sync.node import keys, migrate
from sync.node.keys import Identity
from sync.node.ports import IdSource

FOLDER: Final = "practice"
PRINTER: Final = "practice"

log = logging.getLogger(__name__)


class SharedSeats(StreamSeats):
    """Seats of the node's own streams, under a sign of their own that the world ends."""

    def __init__(self, seats: StreamSeats) -> None:
        super().__init__(1)
        self._seats = seats

    def take(self) -> bool:
        """Take a seat of the node's."""
        return self._seats.take()

    def leave(self) -> None:
        """Give it back."""
        self._seats.leave()


class Practice:
    """The practice of one node: its door, and which names each listener answers to, by `Door.house`.

    Args:
        seats: for streams, shared with the node.
    """

    def __init__(self, real: Node, seats: StreamSeats) -> None:
        self._real = real
        self._seats = seats
        self.admits: dict[bool, Callable[[str], bool]] = {}
        self.hall = Hall(self._open, real.clock, real.chance)
        _clear(real)

    def gate(self, app: WSGIApplication, admits: Callable[[str], bool], *, house: bool = False) -> PracticeGate:
        """Put the way to practice before the pages of a listener."""
        self.admits[house] = admits
        return PracticeGate(app, self.hall, self._real, house=house)

    def _open(self) -> World:
        stops: list[Callable[[], None]] = [lambda: _clear(self._real)]
        try:
            return _opened(self._real, self._seats, self.admits, self.hall.leave, stops)
        except BaseException:
            for stop in reversed(stops):
                stop()
            raise


def _clear(real: Node) -> None:
    """Throw away what a world left, also one of a killed node."""
    shutil.rmtree(Path(real.settings.data_dir) / FOLDER, ignore_errors=True)


def _opened(
    real: Node,
    seats: StreamSeats,
    admits: dict[bool, Callable[[str], bool]],
    leave: Callable[[str], None],
    stops: list[Callable[[], None]],
) -> World:
    folder = Path(real.settings.data_dir) / FOLDER
    folder.mkdir(mode=0o700)
    node, close = _node(real, folder)
    stops.append(close)
    scratch.fill(real, node)
    registry, roll = _printer(node, stops)
    payer.start(node, stops)
    _some_order(node)
    intake.start(node, stops)
    tills = till_devices.build(node, Boards(()))
    stops.append(tills.close)
    desk, shared = Desk(node, link=lambda: None, devices=registry.views), SharedSeats(seats)
    care = DeviceCare(node, registry)
    apps: dict[bool, Any] = {
        house: create_practice_app(desk, shared, tills, care, Door(admit, house=house, practice=True), roll, leave)
        for house, admit in admits.items()
    }

    def quiet() -> None:
        # Streams must hear of the end before their file is closed.
        shared.closing.set()
        node.changed.notify()
        tills.display.wake()

    stops.append(quiet)

    def stop() -> None:
        for each in reversed(stops):
            each()
        log.info("practice.ended")

    log.info("practice.begun")
    return World(node, apps, stop)


def _node(real: Node, folder: Path) -> tuple[Node, Callable[[], None]]:
    fresh = keys.load_or_make(folder / "keys.json")
    # The same key of the journal: the people's PINs are looked up by it.
    identity = Identity(fresh.signing, fresh.agreement, real.identity.journal)
    settings = scratch.settings_of(real, folder)
    db = migrate.opened(folder / "node.db", steps)
    node = Node(
        settings=settings,
        db=db,
        clock=real.clock,
        chance=real.chance,
        ids=IdSource(real.clock, real.chance),
        identity=identity,
        enrolment=scratch.grant(status.store_name(real), identity),
        vault=real.vault,
        zone=real.zone,
        devices=read_rows(_rows(real), settings.store.tills),
        gateway=GatewayDesk(FakeGateway(real.clock, real.zone)),
        intake=IntakeDesk({one.id: Counter(one, FakePlatform()) for one in settings.intake.platforms}),
        disk=real.disk,
        clock_watch=real.clock_watch,
        practice=True,
    )
    return node, db.close


def _some_order(node: Node) -> None:
    """Let a guest order at each platform, so that there is something to accept."""
    catalogue = node.shelf.catalogue
    if catalogue is None:
        return
    plain = [dish for dish in catalogue.menu.dishes if not dish.parts and not dish.open_price][:2]
    items = tuple(PlacedItem(dish_id=dish.id, name=dish.name.zh, unit_fen=dish.price_fen) for dish in plain)
    for counter in node.intake.counters.values():
        if isinstance(counter.platform, FakePlatform) and items:
            counter.platform.place(Wish(items=items, note="练习 TRAINING"))


def _rows(real: Node) -> list[dict[str, Any]]:
    """One printer for everything that the store prints anywhere, and a drawer on it."""
    catalogue = real.shelf.catalogue
    stations = {dish.station for dish in catalogue.menu.dishes if dish.station} if catalogue is not None else {"wok"}
    printer = {
        "kind": "printer", "id": PRINTER, "address": "virtual://printer/practice", "name": "练习 TRAINING", "ask_after_min": 0,
        "stations": [RECEIPT, *sorted(stations - {RECEIPT})], "roll_url": f"{PREFIX}/paper",
    }  # fmt: skip
    return [printer, {"kind": "drawer", "id": "practice-drawer", "printer": PRINTER}]


def _printer(node: Node, stops: list[Callable[[], None]]) -> tuple[Registry, Roll]:
    roll = Roll()
    registry = Registry(node.devices.rows, node.clock, node.changed.notify, lambda _turn: None)
    [row] = node.devices.of(PrinterRow)
    drawers = {each.id: registry.entry_of(each) for each in node.devices.of(DrawerRow)}
    queue = PrintQueue(
        registry.entry_of(row), CalibrationSpool(node, row.id), PaperPrinter(roll), node.clock, NodeKicks(node, row.id), drawers
    )  # fmt: skip
    queue.start()
    stops.append(queue.stop)
    return registry, roll
