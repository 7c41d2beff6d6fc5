"""Devices unplugged and plugged in a hundred times under the runtime that a node has: told once, working again, nothing left."""

import os
import pty
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.virtual.faults import FaultChange
from drivers.virtual.keys import typed
from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.timers import Timers
from edge.devices.print_queue import PrintQueue
from edge.devices.printers import port_printer
from edge.devices.registry import Registry, Turn
from edge.domain.guest_view import GuestView
from edge.services.printing.spool import NodeSpool
from scripts.sim_paper import Slip, read_slip
from sync.node.ports import SystemClock
from tests.kit.nodes import COUNTER, Rig
from tests.kit.till_world import Pace, TillWorld, descriptors, plug_path

CYCLES = 100
DEVICES = ("gun", "keys", "pan", "stripe", "pole")


def rows(folder: Path) -> list[dict[str, str]]:
    def serial(name: str) -> str:
        return f"serial://{plug_path(folder, name)}?baud=9600"

    return [
        {"kind": "scanner", "id": "gun", "address": serial("gun"), "till": "1"},
        {"kind": "scanner", "id": "keys", "address": f"hid://{plug_path(folder, 'keys')}", "till": "2"},
        {"kind": "scale", "id": "pan", "address": serial("pan"), "till": "1", "protocol": "toledo-8217"},
        {"kind": "card_reader", "id": "stripe", "address": serial("stripe"), "till": "1"},
        {"kind": "display", "id": "pole", "address": serial("pole"), "till": "1", "protocol": "cd5220"},
    ]


class Counter:
    """The devices of a till world, each used as a person uses it."""

    def __init__(self, world: TillWorld) -> None:
        self.world = world
        self._used = 0

    def connect(self, name: str) -> None:
        """Plug it in; the supervisor hears of that as udev tells it."""
        self.world.plugs[name].plug()
        self.world.supervisor.hurry(name)
        if name == "pan":
            self.weigh(0)

    def pull(self, name: str) -> None:
        """Pull it out. A display is only looked at four times a second, so its thread is woken."""
        self.world.plugs[name].unplug()
        if name == "pole":
            self.world.supervisor.hurry(name)

    def cycle(self, name: str, times: int) -> None:
        for _ in range(times):
            before = len(self.world.turns_of(name))
            self.pull(name)
            self.world.turned(name, before + 1)
            self.connect(name)
            self.world.turned(name, before + 2)

    def weigh(self, grams: int) -> None:
        """Answer one question of the node."""
        assert self.world.plugs["pan"].heard(1) == b"W"
        self.world.plugs["pan"].say(b"\x02%02d.%03d\r" % divmod(grams, 1_000))

    def use(self, name: str) -> None:
        """Use a device once, and see at the till that it worked."""
        world, plug = self.world, self.world.plugs[name]
        self._used += 1
        if name == "pole":
            plug.unheard()
            world.tills.display.show("1", GuestView(show="total", total_fen=self._used * 100))
            expected = b"\x1bQA" + b" " * 20 + b"\r\x1bQB" + f"Total{self._used:12d}.00".encode() + b"\r"
            assert plug.heard(len(expected)) == expected
        elif name == "pan":
            while world.tills.weighing.now("1").weight_g != 486:
                self.weigh(486)
        else:
            code = f"ZGM-{self._used:06d}"
            plug.say(typed(f"{code}\r", 0) if name == "keys" else f"%{code}?\r".encode() if name == "stripe" else
                     f"{code}\r".encode())  # fmt: skip
            screen = world.screens[world.rows[name].till]
            self.sees(lambda: code in [scan["value"] for scan in screen.scans])
            assert [scan["value"] for scan in screen.scans].count(code) == 1

    def sees(self, true: Callable[[], bool]) -> None:
        def look() -> bool:
            for screen in self.world.screens.values():
                screen.look()
            return true()

        self.world.until(look, "the screen")


@pytest.fixture
def counter(tmp_path):
    with (
        Rig(tmp_path / "node", devices=rows(tmp_path)) as rig,
        TillWorld(replace(rig.node, clock=SystemClock()), tmp_path) as world,
    ):
        made = Counter(world)
        made.weigh(0)
        for name in DEVICES:
            world.is_shown(name, "ready", "")
        yield made


@pytest.mark.parametrize("name", DEVICES)
def test_a_hundred_replugs_are_told_once_each_leave_threads_and_descriptors_flat_and_the_device_works(counter, name):
    counter.cycle(name, 3)
    counter.use(name)
    counter.world.turns.clear()
    before = (descriptors(), threading.active_count())

    counter.cycle(name, CYCLES)

    assert counter.world.turns_of(name) == [False, True] * CYCLES
    # The scale is left without answers meanwhile and goes down for that; no other device has anything to do with it.
    assert {device for device, _ in counter.world.turns} <= {name, "pan"}
    # The scale, which nobody answers, opens and closes its port meanwhile.
    counter.world.until(lambda: (descriptors(), threading.active_count()) == before, f"{before} files and threads")
    counter.use(name)
    assert counter.world.counted(name, "reconnects") == CYCLES + 3


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_that_comes_back_under_another_number_works_under_its_lasting_name(counter, name):
    plug = counter.world.plugs[name]
    number = plug.number
    counter.pull(name)
    counter.world.turned(name, 1)
    # Whoever is plugged in meanwhile gets the lowest numbers that are free.
    others = [pty.openpty() for _ in range(8)]
    try:
        counter.connect(name)
        counter.world.turned(name, 2)
        assert plug.number != number
        counter.use(name)
    finally:
        for fd in (fd for pair in others for fd in pair):
            os.close(fd)


def test_what_a_device_shows_after_a_replug_is_its_start_and_then_what_was_newest(counter):
    counter.use("pole")
    before = counter.world.plugs["pole"].unheard()
    counter.pull("pole")
    counter.world.turned("pole", 1)
    counter.world.tills.display.show("1", GuestView(show="total", total_fen=4_200))
    counter.connect("pole")
    expected = b"\r\x0c\x1b@\x0c\x1bQA" + b" " * 20 + b"\r\x1bQBTotal          42.00\r"
    assert (before, counter.world.plugs["pole"].heard(len(expected))) == (b"", expected)


def test_the_counts_see_a_port_that_is_not_closed_and_a_turn_that_is_told_twice(counter):
    """Negative control: the same looks, at a runtime that forgets to let go and tells everything again."""
    counter.cycle("gun", 1)
    before = descriptors()
    leaked: list[Unclosed] = []
    device = counter.world.supervised["gun"]
    port = device._ports
    device._ports = lambda: Unclosed(port(), leaked)
    counter.cycle("gun", 5)
    counter.world.registry.tell(Turn("gun", "scanner", True, "ready", ""))

    assert descriptors() >= before + 4
    assert counter.world.turns_of("gun") != [False, True] * 6
    device._ports = port
    counter.cycle("gun", 1)  # the last of them is let go of, too
    assert len(leaked) >= 5
    for kept in leaked:
        kept.real.close()
    counter.world.until(lambda: descriptors() == before, f"{before} files")


class Unclosed:
    """A port that its owner does not close."""

    def __init__(self, real, kept):
        self.real = real
        self.kept = kept

    def __getattr__(self, name):
        return getattr(self.real, name)

    def close(self):
        self.kept.append(self)


# --- the printer ---


class WatchedSpool(NodeSpool):
    """The spool of a queue of which it can be seen whether it has anything to do."""

    idle = False
    waits = 0

    def wait(self, seen: int, timeout_s: float) -> int:
        self.waits += 1
        self.idle = super().wait(seen, 0) == seen
        try:
            return super().wait(seen, timeout_s)
        finally:
            self.idle = False


class PrinterCounter:
    """A printer's twin on TCP in this process, a node with its real queue, and the turns that the registry told."""

    def __init__(self, folder: Path) -> None:
        self._timers = Timers(SystemClock())
        self.twin = PrinterTwin("counter", (), folder / "twin", self._timers, lambda: None)
        self.twin.start()
        self._timers.start()
        self.rig = Rig(folder / "node", devices=({**COUNTER, "address": str(self.twin.address)},))
        self.turns: list[bool] = []
        node = self.rig.node
        registry = Registry(node.devices.rows, node.clock, node.changed.notify, lambda turn: self.turns.append(turn.up))
        row = node.devices.printer("counter")
        assert row is not None
        self.entry = registry.entry_of(row)
        self._spool = WatchedSpool(node, "counter")
        device = port_printer(self.entry, folder, SystemClock(), self._spool)
        self.queue = PrintQueue(self.entry, self._spool, device, node.clock)
        with self.rig.db.read(), self.rig.db.read():
            pass  # queue and test may read at once: both connections are there from the start, or the count would be luck
        self.queue.start()
        self.until = Pace().until

    def close(self) -> None:
        self.queue.stop()
        self.rig.__exit__(None, None, None)
        self.twin.stop()
        self._timers.stop()

    def power(self, *, on: bool, state: str) -> None:
        """Switch it, and let the queue look now instead of in a second."""
        self.twin.server.switch(FaultChange(power=on))
        self._spool.wake()
        self.until(lambda: self.entry.view.state == state, f"the printer to be {state}")

    def printed(self, sales: int) -> None:
        self.until(lambda: self.states() == ["confirmed"] * sales, f"{sales} slips to be confirmed")

    def calm(self) -> tuple[int, int]:
        """Wait until nobody has anything to do; gives how many files are open and threads run then."""
        found: list[tuple[int, int]] = []

        def counted() -> bool:
            """Count within one pause of the queue: while it looks at its printer, a connection is open at both ends."""
            pause = self._spool.waits
            found[:] = [(descriptors(), threading.active_count())]
            return self._spool.idle and not self.twin.twin.state().connected and self._spool.waits == pause

        self.until(counted, "calm")
        return found[0]

    def states(self) -> list[str]:
        return [row[0] for row in self.rig.rows("SELECT state FROM print_jobs ORDER BY position")]

    def slips(self) -> list[Slip]:
        return [read_slip(slip.data, complete=slip.complete) for slip in self.twin.twin.slips_after(0)]


@pytest.fixture
def till(tmp_path):
    made = PrinterCounter(tmp_path)
    yield made
    made.close()


def power_cycle(till: PrinterCounter, number: int) -> str:
    """Switch off, sell, switch on; gives the number of the receipt that waited meanwhile."""
    till.power(on=False, state="absent")
    receipt_no = till.rig.sell(number).receipt_no
    till.power(on=True, state="ready")
    till.printed(number)
    return receipt_no


def test_a_hundred_power_cycles_of_a_printer_are_told_once_each_lose_no_slip_and_leave_nothing_behind(till):
    till.until(lambda: till.entry.view.state == "ready", "the printer")
    receipts = [power_cycle(till, number) for number in range(1, 4)]
    till.turns.clear()
    before = till.calm()

    receipts += [power_cycle(till, number) for number in range(4, CYCLES + 4)]

    assert till.calm() == before
    assert till.turns == [False, True] * CYCLES
    slips = till.slips()
    assert [(slip.complete, slip.marked) for slip in slips] == [(True, False)] * len(receipts)
    assert all(receipt in slip.text for receipt, slip in zip(receipts, slips, strict=True))


# --- the grab ---

_GRAB = 0x40044590  # EVIOCGRAB
grabs: list[int] = []
_watching = threading.Event()


def _note_grab(event: str, arguments: tuple[object, ...]) -> None:
    if event == "fcntl.ioctl" and _watching.is_set() and arguments[1:] == (_GRAB, 1):
        grabs.append(threading.get_ident())


def test_a_scanner_that_types_is_grabbed_anew_each_time_it_is_plugged_in(counter):
    """A pty cannot be grabbed; that the kernel is asked to, for every new connection, is seen by Python's audit events."""
    sys.addaudithook(_note_grab)
    _watching.set()
    try:
        counter.cycle("gun", 5)
        assert grabs == []
        counter.cycle("keys", 5)
        assert len(grabs) == 5
    finally:
        _watching.clear()
