"""A printer of the settings behind a port: what is learned of it is kept, and what was left open is ended first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.document import ReceiptDoc, Text
from drivers.errors import Absent, Disconnected, InUse, NotPermitted, Unreachable
from drivers.escpos import decoder
from drivers.printer import profiles
from drivers.printer.printing import Status
from drivers.printer.profiles import PROFILES
from drivers.transport.port import Port
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import VirtualPrinter
from edge.db import device_memory
from edge.devices.print_queue import PrintQueue
from edge.devices.printers import PortPrinter, port_printer, view_of
from edge.devices.registry import Registry
from edge.domain.refusal import Refused
from edge.services.devices import device_facts
from edge.services.printing import slips
from edge.services.printing.spool import NodeSpool
from tests.kit.nodes import COUNTER, Rig
from tests.kit.printers import PaperTray, StepClock, TwinPort
from tests.kit.queues import run_dry, states

EPSON = PROFILES["epson-80"]


class Bench:
    """A rig, a twin in this process, and the real queue and printer between them."""

    def __init__(self, rig: Rig, machine: VirtualPrinter | None = None) -> None:
        self.rig = rig
        self.machine = machine or VirtualPrinter(EPSON)
        self.tray = PaperTray()
        self.clock = StepClock()
        self.fails: Exception | None = None
        self.ports: Callable[[], Port] = self.twin
        self.build()

    def build(self) -> None:
        """Begin a life of the node."""
        node = self.rig.node
        self.registry = Registry(node.devices.rows, node.clock, lambda: None)
        row = node.devices.printer("counter")
        assert row is not None
        self.entry = self.registry.entry_of(row)
        self.spool = NodeSpool(node, "counter")
        self.printer = PortPrinter(self.entry, self.port, self.clock, self.spool)
        self.queue = PrintQueue(self.entry, self.spool, self.printer, self.clock)

    def port(self) -> Port:
        """What the printer opens next."""
        return self.ports()

    def twin(self) -> Port:
        """A connection to the twin, or one that does not open."""
        if self.fails is not None:
            return ClosedPort(self.fails)
        return TwinPort(self.machine, self.tray, self.clock)

    def print(self) -> None:
        run_dry(self.queue)

    @property
    def memory(self) -> dict[str, str]:
        return self.spool.recall()

    @property
    def facts(self) -> dict[str, str]:
        return dict(self.entry.view.facts)

    @property
    def shown(self) -> tuple[str, str]:
        return self.entry.view.state, self.entry.view.cause


class ClosedPort:
    """A port that does not open."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def open(self, timeout_ms: int) -> None:
        raise self.error

    def write(self, data: bytes, timeout_ms: int) -> int:
        raise AssertionError("nothing is written to a port that never opened")

    def read(self, timeout_ms: int) -> bytes:
        raise AssertionError("nothing is read from a port that never opened")

    def drain(self, timeout_ms: int) -> None:
        pass

    def identity(self) -> str:
        return ""

    def close(self) -> None:
        pass


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


def test_a_slip_reaches_the_paper_of_a_twin_and_what_was_learned_is_kept_over_a_restart(rig):
    bench = Bench(rig)
    rig.sell(1)
    bench.print()
    assert states(rig) == [("confirmed", "", 0)]
    assert [whole for _, whole in bench.tray.slips] == [True]
    assert bench.shown == ("ready", "")
    learned = msgspec.json.decode(bench.memory[device_memory.LEARNED])
    assert learned["confirms"] == "process_id"
    assert bench.facts["confirms"] == "process_id"
    rig.restart()
    bench.build()
    bench.queue.step()
    assert bench.facts["identity"] == learned["identity"]


def test_after_a_slip_broke_off_the_next_connection_first_ends_what_is_half_done(rig):
    bench = Bench(rig)
    bench.tray.take(bench.machine.switch(FaultChange(die_at_byte=700)).paper)
    rig.sell(1)
    rig.sell(2)
    bench.print()
    assert states(rig)[0][0] == "unknown"
    left = bytes.fromhex(bench.memory[device_memory.ON_OPEN])
    assert left.endswith(b"\x1b@")
    assert len(left) > 200
    bench.machine.switch(FaultChange(power=True))
    rig.restart()
    bench.build()
    bench.print()
    assert states(rig)[1][0] == "confirmed"
    assert device_memory.ON_OPEN not in bench.memory, "it is sent once"


def test_a_slip_that_went_well_leaves_nothing_to_end(rig):
    """The negative control: only what broke off is remembered."""
    bench = Bench(rig)
    rig.sell(1)
    bench.print()
    assert device_memory.ON_OPEN not in bench.memory


def test_after_the_death_of_the_node_the_longest_that_can_be_open_is_ended(rig):
    bench = Bench(rig)
    bench.spool.remember(device_memory.ON_OPEN, "interrupted")
    rig.sell(1)
    before = bench.machine
    bench.print()
    assert before is bench.machine
    assert states(rig) == [("confirmed", "", 0)]
    assert device_memory.ON_OPEN not in bench.memory


def test_a_calibrated_profile_is_used_from_the_next_slip_on_and_after_a_restart(rig):
    bench = Bench(rig)
    narrow = PROFILES["epson-58"]
    assert device_facts.calibrate(rig.node, "counter", narrow, "c1") is None
    bench.queue.step()
    assert bench.printer.profile == narrow
    rig.restart()
    bench.build()
    bench.queue.step()
    assert bench.printer.profile == narrow
    [(raw,)] = rig.rows("SELECT raw FROM facts WHERE kind = 'device.calibrated'")
    assert b"epson-58" in raw


def test_a_calibration_of_no_printer_is_refused(rig):
    assert device_facts.calibrate(rig.node, "attic", EPSON, "c1") == Refused("not_found", {"printer": "attic"})


def test_a_kept_profile_that_cannot_be_read_falls_back_to_the_rows_and_says_so(rig):
    bench = Bench(rig)
    bench.spool.remember(device_memory.PROFILE, '{"name": "x"}')
    bench.queue.step()
    assert bench.printer.profile == EPSON
    assert any(line.what == "bad_profile" for line in bench.registry.lines("counter"))


def test_an_unknown_model_prints_with_the_generic_profile_and_says_so(tmp_path):
    with Rig(tmp_path, devices=({**COUNTER, "profile": "typewriter-1951"},)) as rig:
        bench = Bench(rig)
        assert bench.printer.profile == profiles.known("typewriter-1951")[0]
        assert bench.facts["unknown_model"] == "typewriter-1951"
        assert [line.what for line in bench.registry.lines()] == ["unknown_model"]
        rig.sell(1)
        bench.print()
        assert states(rig)[0][0] == "confirmed"


def test_a_known_model_says_nothing_of_the_kind(rig):
    """The negative control."""
    bench = Bench(rig)
    assert "unknown_model" not in bench.facts


def test_fonts_are_loaded_only_for_characters_that_the_printer_has_not_got(rig):
    bench = Bench(rig)
    loads: list[Any] = []
    bench.printer.glyphs = lambda: loads.append(1)
    bench.printer.encode(ReceiptDoc((Text("宫保鸡丁 ￥38.00"),)))
    assert loads == []
    encoded = bench.printer.encode(ReceiptDoc((Text("𠮷野家"),)))
    assert loads == [1]
    assert encoded.unprintable == 1, "without a font it is counted"


def test_another_printer_at_the_address_holds_the_slips_until_a_person_accepts_it(rig):
    bench = Bench(rig)
    rig.sell(1)
    bench.print()
    bench.machine.switch(FaultChange(serial="ANOTHER-1"))
    rig.sell(2)
    bench.queue.step()
    assert states(rig)[1] == ("held", "other_printer", 0)
    assert bench.shown == ("error", "other_printer")
    assert device_facts.accept(rig.node, "counter") is None
    bench.print()
    assert states(rig)[1] == ("confirmed", "", 0)
    assert device_facts.accept(rig.node, "attic") == Refused("not_found", {"printer": "attic"})


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (Unreachable("refused"), ("absent", "not_answering")),
        (Absent("nothing there"), ("absent", "absent")),
        (NotPermitted("no"), ("error", "not_permitted")),
        (InUse("taken"), ("error", "in_use")),
    ],
)
def test_a_printer_that_cannot_be_reached_holds_its_slips_and_says_why(rig, error, shown):
    bench = Bench(rig)
    bench.fails = error
    rig.sell(1)
    bench.queue.step()
    assert states(rig)[0][0] == "held"
    assert bench.shown == shown
    bench.fails = None
    bench.print()
    assert states(rig) == [("confirmed", "", 0)]
    assert bench.entry.view.counters.reconnects == 1


def test_a_printer_that_is_there_and_says_nothing_is_unknown_and_never_ready(rig):
    bench = Bench(rig)
    bench.machine.switch(FaultChange(mute=True))
    bench.queue.step()
    assert bench.shown == ("unknown", "not_answering")


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (Status("ready", ""), ("ready", "")),
        (Status("ready", "", near_end=True), ("degraded", "near_end")),
        (Status("cover_open", "", cause="cover_open"), ("error", "cover_open")),
        (Status("error", "", cause="cutter"), ("error", "cutter")),
        (Status("unknown", "", cause="one_way"), ("degraded", "unconfirmed")),
        (Status("unknown", ""), ("unknown", "unknown")),
    ],
)
def test_how_a_printer_is_called_comes_from_what_it_said(status, shown):
    assert view_of(status, reached=True, confirms=True) == shown


def test_a_printer_is_built_from_the_address_of_its_row(tmp_path):
    row = {**COUNTER, "address": "serial:///dev/serial/by-id/none?baud=19200&bits=7&parity=E"}
    with Rig(tmp_path, devices=(row,)) as rig:
        registry = Registry(rig.node.devices.rows, rig.clock, lambda: None)
        [printer] = rig.node.devices.rows
        made = port_printer(registry.entry_of(printer), tmp_path, rig.clock, NodeSpool(rig.node))
        assert made._bytes_per_s == 1_920
        assert made.check().state == "not_answering"
        assert not made.reached


def test_a_test_slip_says_the_profile_that_is_really_in_use(rig):
    bench = Bench(rig)
    device_facts.calibrate(rig.node, "counter", PROFILES["epson-58"], "c1")
    bench.queue.step()
    slips.test_slip(rig.node, "counter")
    [job] = slips.open_jobs(rig.node)
    shown = str(bench.spool.document(job, bench.printer.profile).elements)
    assert "epson-58" in shown
    assert "32 列 384 点" in shown


class CutPort(TwinPort):
    """A connection that breaks after so many bytes; the printer stays as it is."""

    left = 0

    def write(self, data: bytes, timeout_ms: int) -> int:
        if self.left == 0:
            raise Disconnected("the cable")
        taken = super().write(data[: self.left], timeout_ms)
        self.left -= taken
        return taken


def after_a_cut_inside_a_picture(rig: Rig, *, remembers: bool) -> str:
    """A connection breaks inside a QR code sent as dots, and the picture stays open; gives the words of the next slip."""
    device_facts.calibrate(rig.node, "counter", PROFILES["clone-80-image-qr"], "c1")
    bench = Bench(rig, VirtualPrinter(PROFILES["clone-80-image-qr"]))
    bench.machine.switch(FaultChange(remembers_open_command=True))
    rig.sell(1)
    bench.print()
    inside = bench.tray.slips[0][0].index(b"\x1dv0") + 200

    def cut() -> Port:
        port = CutPort(bench.machine, bench.tray, bench.clock)
        port.left = inside
        return port

    rig.sell(2)
    bench.ports = cut
    bench.queue.step()
    assert states(rig)[1][0] == "unknown"
    bench.ports = bench.twin
    if not remembers:
        bench.spool.remember(device_memory.ON_OPEN, "")
    bench.tray.slips.clear()
    rig.sell(3)
    bench.queue.step()
    return "".join(decoder.decode(slip).text for slip, _ in bench.tray.slips) + decoder.decode(bench.tray.open).text


def test_a_slip_after_a_cut_inside_a_picture_is_whole(rig):
    assert "巷里小馆" in after_a_cut_inside_a_picture(rig, remembers=True)


def test_without_what_is_remembered_the_open_picture_swallows_it(rig):
    """The negative control."""
    assert "巷里小馆" not in after_a_cut_inside_a_picture(rig, remembers=False)
