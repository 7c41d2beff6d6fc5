"""The store's devices: a queue for each printer, a supervised thread for each other one, and the virtual ones' process."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drivers import discovery
from drivers.transport import address as addresses
from drivers.transport.open_port import ports_for
from drivers.transport.twin_address import resolve
from edge.devices import found, twins
from edge.devices.cards import MagstripeTalk, NfcTalk
from edge.devices.displays import Boards, DisplayTalk
from edge.devices.print_queue import PrintQueue
from edge.devices.printers import port_printer
from edge.devices.registry import Registry, Turn
from edge.devices.scales import ScaleTalk
from edge.devices.scanners import ScannerTalk
from edge.devices.supervisor import Supervised, Supervisor
from edge.devices.talk import Bell, Talk
from edge.domain.device_rows import CardReaderRow, DisplayRow, DrawerRow, PrinterRow, ScaleRow, ScannerRow
from edge.services.devices import device_facts, drawer
from edge.services.devices.calibrate import CalibrationSpool
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.drawer import NodeKicks
from edge.services.devices.till_devices import TillDevices
from edge.services.node import Node
from edge.services.printing import spool
from edge.settings import twins_folder
from sync.contract.operations import DeviceChanged

log = logging.getLogger(__name__)


def registry_of(node: Node) -> Registry:
    """Make the line of every device; what cannot be used of the settings is told once."""
    for problem in node.devices.problems:
        told = {"row": problem.position, "device": problem.id, "field": problem.field, "detail": problem.detail}
        log.warning("device.row_refused", extra=told)

    def on_turn(turn: Turn) -> None:
        body = DeviceChanged(device=turn.device, kind=turn.kind, up=turn.up, state=turn.state, cause=turn.cause)
        device_facts.changed(node, body)

    return Registry(node.devices.rows, node.clock, node.changed.notify, on_turn)


def start_printers(node: Node, registry: Registry, stops: list[Callable[[], None]]) -> None:
    """Start a queue for each printer; nothing is printed in training."""
    if node.training:
        return
    parked, expired = spool.recover(node), drawer.recover(node)
    if parked or expired:
        log.warning("print_queue.recovered", extra={"parked": parked, "drawer": expired})
    folder = twins_folder(node.settings)
    for row in node.devices.of(PrinterRow):
        entry, slips_of = registry.entry_of(row), CalibrationSpool(node, row.id)
        device = port_printer(entry, folder, node.clock, slips_of)
        drawers = {each.id: registry.entry_of(each) for each in node.devices.of(DrawerRow) if each.printer == row.id}
        queue = PrintQueue(entry, slips_of, device, node.clock, NodeKicks(node, row.id), drawers)
        queue.start()
        stops.append(queue.stop)


InputRow = ScannerRow | CardReaderRow | DisplayRow | ScaleRow


def connect_others(
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
                partial(talk_of, row, twins_dir, boards, tills),
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


def talk_of(row: InputRow, twins_dir: Path, boards: Boards, tills: TillDevices, bell: Bell) -> Talk:
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
