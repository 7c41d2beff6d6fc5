"""What is plugged in is found by looking at a made-up machine: names of udev, facts of sysfs; nothing is opened."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers.discovery import (
    CERTAIN,
    Candidate,
    Roots,
    Wakeups,
    Watch,
    candidates,
    supported,
    this_machine,
    twin_candidates,
    udev_wakeups,
)
from drivers.transport.address import parse


class Machine:
    """Builds `/dev` and `/sys` as the kernel and udev lay them out."""

    def __init__(self, folder: Path) -> None:
        self.dev, self.sys = folder / "dev", folder / "sys"
        self.readers: list[str] = []
        for made in (self.dev, self.sys / "bus/usb/devices"):
            made.mkdir(parents=True)

    @property
    def roots(self) -> Roots:
        return Roots(self.dev, self.sys, lambda: self.readers)

    def usb(self, place: str, ids: str, *, interface: str = "ff", protocol: str = "00", **facts: str) -> Path:
        device = self.sys / "devices/usb1" / place
        vendor, product = ids.split(":")
        self.write(device, idVendor=vendor, idProduct=product, bDeviceClass="00", **facts)
        self.write(device / f"{place}:1.0", bInterfaceClass=interface, bInterfaceProtocol=protocol)
        for name, target in ((place, device), (f"{place}:1.0", device / f"{place}:1.0")):
            (self.sys / "bus/usb/devices" / name).symlink_to(target)
        return device / f"{place}:1.0"

    def tty(self, interface: Path, name: str, *, by_id: str, by_path: str) -> None:
        (interface / name).mkdir()
        self.classed("tty", name, interface / name)
        self.node(name)
        for folder, link in (("by-id", by_id), ("by-path", by_path)):
            if link:
                self.link(f"serial/{folder}/{link}", name)

    def keyboard(self, interface: Path, event: str, by_id: str) -> None:
        (interface / "input").mkdir()
        self.classed("input", event, interface / "input")
        self.node(f"input/{event}")
        self.link(f"input/by-id/{by_id}", f"input/{event}")

    def printer_file(self, interface: Path, name: str) -> None:
        self.classed("usbmisc", name, interface)
        self.node(f"usb/{name}")

    def classed(self, subsystem: str, name: str, device: Path) -> None:
        folder = self.sys / "class" / subsystem / name
        folder.mkdir(parents=True)
        (folder / "device").symlink_to(device)

    def node(self, name: str) -> None:
        (self.dev / name).parent.mkdir(parents=True, exist_ok=True)
        (self.dev / name).write_text("")

    def link(self, name: str, target: str) -> None:
        (self.dev / name).parent.mkdir(parents=True, exist_ok=True)
        (self.dev / name).symlink_to(self.dev / target)

    def write(self, folder: Path, **facts: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in facts.items():
            (folder / name).write_text(value + "\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def found(machine: Machine) -> dict[str, Candidate]:
    return {candidate.address or candidate.seen: candidate for candidate in candidates(machine.roots)}


def test_an_empty_machine_and_one_without_any_folders_have_no_candidates(machine, tmp_path):
    assert candidates(machine.roots) == []
    assert candidates(Roots(tmp_path / "no", tmp_path / "none")) == []


def test_a_restaurants_counter_is_found_with_what_each_thing_may_be(machine):
    printer = machine.usb("1-1", "04b8:0e15", interface="07", manufacturer="EPSON", product="TM-T20II", serial="J4X1")
    machine.printer_file(printer, "lp0")
    adapter = machine.usb("1-2", "067b:2303", manufacturer="Prolific", product="USB-Serial Controller", serial="A1")
    machine.tty(adapter, "ttyUSB0", by_id="usb-Prolific_A1-if00-port0", by_path="pci-0-usb-0:2:1.0-port0")
    scanner = machine.usb("1-3", "0c2e:0b61", interface="03", protocol="01", manufacturer="Honeywell", product="1450g")
    machine.keyboard(scanner, "event5", "usb-Honeywell_1450g-event-kbd")
    machine.usb("1-4", "072f:2200", interface="0b", manufacturer="ACS", product="ACR122U")
    machine.readers = ["ACS ACR122U 00 00"]

    seen = found(machine)

    assert list(seen) == [
        f"file://{machine.dev}/usb/lp0",
        f"hid://{machine.dev}/input/by-id/usb-Honeywell_1450g-event-kbd",
        "pcsc://ACS%20ACR122U%2000%2000",
        f"serial://{machine.dev}/serial/by-id/usb-Prolific_A1-if00-port0",
        "usb://04b8:0e15/J4X1",
    ]
    first = {address: candidate.kinds[0] for address, candidate in seen.items()}
    assert first["usb://04b8:0e15/J4X1"] == ("printer", CERTAIN)
    assert first[f"hid://{machine.dev}/input/by-id/usb-Honeywell_1450g-event-kbd"] == ("scanner", CERTAIN)
    assert first["pcsc://ACS%20ACR122U%2000%2000"] == ("card_reader", CERTAIN)
    assert seen["usb://04b8:0e15/J4X1"].seen == "EPSON TM-T20II serial J4X1"
    assert seen[f"file://{machine.dev}/usb/lp0"].seen == "EPSON TM-T20II serial J4X1"
    assert (seen["usb://04b8:0e15/J4X1"].vendor, seen["usb://04b8:0e15/J4X1"].product) == ("04b8", "0e15")
    for address in seen:
        assert str(parse(address)) == address


def test_adapters_without_a_serial_number_are_told_apart_by_their_sockets(machine):
    # Both claim the same by-id name, and the last one has it (CH340 has no serial number: drivers.md §5).
    for place, name in (("1-1", "ttyUSB0"), ("1-2", "ttyUSB1")):
        interface = machine.usb(place, "1a86:7523", product="USB Serial")
        machine.tty(interface, name, by_id="", by_path=f"pci-0-usb-0:{place}:1.0-port0")
    machine.link("serial/by-id/usb-1a86_USB_Serial-if00-port0", "ttyUSB1")

    assert list(found(machine)) == [
        f"serial://{machine.dev}/serial/by-path/pci-0-usb-0:1-1:1.0-port0",
        f"serial://{machine.dev}/serial/by-path/pci-0-usb-0:1-2:1.0-port0",
    ]


def test_a_bare_adapter_may_be_anything_with_a_plug_and_its_name_says_more(machine):
    bare = Candidate("serial:///dev/serial/by-id/usb-FTDI_A1", "FTDI FT232R USB UART")
    assert {kind for kind, _ in supported(bare)} == {"printer", "scanner", "scale", "display", "card_reader"}
    named = Candidate(
        "serial:///dev/serial/by-id/usb-Datalogic_Gryphon", "Datalogic Gryphon barcode scanner", (), "05f9"
    )
    assert supported(named)[0] == ("scanner", CERTAIN)
    assert supported(Candidate("serial:///dev/x", "Mettler Toledo scale"))[0][0] == "scale"


def test_a_printer_that_types_is_still_no_printer():
    kinds = supported(Candidate("hid:///dev/input/by-id/usb-Epson-event-kbd", "EPSON printer keyboard", (), "04b8"))
    assert {kind for kind, _ in kinds} == {"scanner", "card_reader"}


def test_two_equal_usb_printers_get_addresses_of_their_own(machine):
    for place in ("1-1", "1-2.3"):
        machine.usb(place, "0416:5011", interface="07", product="POS80")
    machine.usb("1-3", "04b8:0202", interface="07", serial="SAME")
    machine.usb("1-4", "04b8:0202", interface="07", serial="SAME")
    assert list(found(machine)) == [
        "usb://0416:5011/@1-1",
        "usb://0416:5011/@1-2.3",
        "usb://04b8:0202/@1-3",
        "usb://04b8:0202/@1-4",
    ]


def test_what_nothing_of_ours_reaches_is_listed_last_with_what_was_seen(machine):
    machine.usb("1-1", "046d:c077", interface="03", protocol="02", manufacturer="Logitech", product="USB Optical Mouse")
    machine.usb("1-2", "1a86:7523", product="USB Serial")  # an adapter without a driver: no tty
    machine.usb("1-3", "072f:2200", interface="0b", product="ACR122U")  # a card reader, and no service that knows it
    machine.usb("1-5", "04b8:0202", interface="07", serial="A")
    hub = machine.usb("usb1", "1d6b:0002", interface="09", product="root hub").parent
    (hub / "bDeviceClass").write_text("09\n")

    seen = candidates(machine.roots)

    assert [(candidate.address, candidate.seen) for candidate in seen] == [
        ("usb://04b8:0202/A", "serial A"),
        ("", "ACR122U"),
        ("", "Logitech USB Optical Mouse"),
        ("", "USB Serial"),
    ]
    assert [candidate.kinds for candidate in seen[1:]] == [(), (), ()]


def test_built_in_ports_are_listed_when_they_are_really_there(machine):
    machine.write(machine.sys / "class/tty/ttyS0", type="4")
    machine.write(machine.sys / "class/tty/ttyS1", type="0")
    assert list(found(machine)) == [f"serial://{machine.dev}/ttyS0"]


def test_a_name_that_points_nowhere_any_more_is_passed_over(machine):
    machine.link("serial/by-id/usb-Gone", "ttyUSB9")
    machine.link("input/by-id/usb-Gone-event-kbd", "input/event9")
    machine.usb("1-1", "04b8:zzzz", interface="07")
    assert candidates(machine.roots) == []


def test_signs_that_cannot_be_printed_are_left_out_of_what_was_seen(machine):
    machine.usb("1-1", "04b8:0202", interface="07", manufacturer="EP\x1b[31mSON", product="x" * 5_000, serial="S\x00N")
    (seen,) = candidates(machine.roots)
    assert seen.seen.isprintable()
    assert len(seen.seen) < 500


def test_looking_opens_no_device(machine):
    adapter = machine.usb("1-2", "067b:2303", serial="A1")
    machine.tty(adapter, "ttyUSB0", by_id="usb-Prolific_A1", by_path="")
    keyboard = machine.usb("1-3", "0c2e:0b61", interface="03", protocol="01")
    machine.keyboard(keyboard, "event5", "usb-Honeywell-event-kbd")
    # A FIFO in a device's place: who opened it for reading would wait here for ever, who wrote would raise.
    for name in ("ttyUSB0", "input/event5"):
        (machine.dev / name).unlink()
        os.mkfifo(machine.dev / name)
    assert len(candidates(machine.roots)) == 2


def test_this_machine_can_be_looked_at():
    assert all(candidate.seen for candidate in candidates(this_machine()))


def test_a_watch_tells_what_came_and_what_went(machine):
    watch = Watch()
    machine.usb("1-1", "04b8:0202", interface="07", serial="A")
    assert [candidate.address for candidate in watch.look(candidates(machine.roots))[0]] == ["usb://04b8:0202/A"]
    assert watch.look(candidates(machine.roots)) == ([], [])

    (machine.sys / "bus/usb/devices/1-1").unlink()
    machine.readers = ["ACR"]
    added, removed = watch.look(candidates(machine.roots))

    assert [candidate.address for candidate in added] == ["pcsc://ACR"]
    assert [candidate.address for candidate in removed] == ["usb://04b8:0202/A"]


def test_without_udev_there_are_no_wakeups(tmp_path):
    assert udev_wakeups(tmp_path / "control") is None


def test_listening_to_udev_leaves_no_descriptor_open(tmp_path):
    (tmp_path / "control").write_text("")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(5):
        wakeups = udev_wakeups(tmp_path / "control")
        if wakeups is not None:
            assert wakeups.fileno() > 2
            wakeups.clear()
            wakeups.close()
        del wakeups
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize(("actions", "added"), [(["bind", "add"], True), (["remove"], False), ([], False)])
def test_a_wakeup_says_whether_something_came(actions, added):
    events = [SimpleNamespace(action=action) for action in actions]
    monitor = SimpleNamespace(poll=lambda timeout: events.pop(0) if events else None, fileno=lambda: 7)
    wakeups = Wakeups(monitor)
    assert wakeups.clear() is added
    assert events == []


def test_virtual_devices_that_run_are_listed(tmp_path):
    for name in ("printer-kitchen", "card_reader-till-1", "toaster-x", "printer-Bad"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    (tmp_path / "printer-half.json.tmp").write_text("{")
    seen = twin_candidates(tmp_path)
    assert [candidate.address for candidate in seen] == ["virtual://card_reader/till-1", "virtual://printer/kitchen"]
    assert seen[0].kinds == (("card_reader", CERTAIN),)
