"""One suite for every Port: TCP, serial, device file, USB, HID, PC/SC, and a virtual address in front of one of them.

Where there is no such kernel device, the real transport code runs on a pty, a FIFO, a made-up USB bus or card service.
Each guard has a negative control: a port without it fails the same check.
"""

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import serial as pyserial

from drivers.errors import Absent, DeviceRejected, Disconnected, InUse, NotPermitted, NotSupported, Stalled, Unreachable
from drivers.transport import file, hid, pcsc
from drivers.transport.address import (
    FileAddress,
    HidAddress,
    PcscAddress,
    SerialAddress,
    TcpAddress,
    UsbAddress,
    VirtualAddress,
)
from drivers.transport.file import FilePort, device_id_words
from drivers.transport.hid import HidPort
from drivers.transport.open_port import VirtualPort, ports_for
from drivers.transport.pcsc import PcscPort, reader_names
from drivers.transport.port import Port
from drivers.transport.serial import SerialPort, stable_path
from drivers.transport.tcp import TcpPort
from drivers.transport.usb import UsbPort, slices
from drivers.transport.wait import unreachable
from tests.kit.card_service import ACR122U, ATR, OMNIKEY, UID_ANSWER, UID_APDU, FakeCardService
from tests.kit.device_worlds import KEY_RECORDS, WORLDS, HidWorld, PcscWorld, SerialWorld, TcpWorld, World
from tests.kit.usb_backend import FakeBus, FakePrinter
from tests.kit.waiting import PATIENCE_S, until

OPEN_MS = 20_000
PATIENCE_MS = int(PATIENCE_S * 1_000)
GRACE_MS = 400
"""What a machine may add to a time limit; one that was busy just then is asked again."""


def took_ms(started_ns: int) -> float:
    return (time.monotonic_ns() - started_ns) / 1_000_000


def takes(limit_ms: int, deed: Callable[[], None]) -> None:
    """See that something lasts until its time limit and no longer: never less, and once not more than some grace."""

    def timely() -> bool:
        started = time.monotonic_ns()
        deed()
        lasted_ms = took_ms(started)
        assert lasted_ms >= limit_ms - 50
        return lasted_ms <= limit_ms + GRACE_MS

    until(timely, lambda: f"a limit of {limit_ms} ms")


def only(wanted: str) -> Any:
    return [name for name, kind in WORLDS.items() if getattr(kind, wanted)]


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made: World = WORLDS[request.param](tmp_path)
    yield made
    made.end()


every = pytest.mark.parametrize("world", WORLDS, indirect=True)
every_that_hears = pytest.mark.parametrize("world", only("hears"), indirect=True)
every_that_stalls = pytest.mark.parametrize("world", only("stalls"), indirect=True)
every_that_speaks = pytest.mark.parametrize("world", only("speaks"), indirect=True)


@pytest.fixture
def port(world: World) -> Iterator[Port]:
    made = world.port()
    made.open(OPEN_MS)
    world.opened()
    yield made
    made.close()


def first_read(port: Port) -> bytes:
    for _ in range(PATIENCE_MS // 100):
        if data := port.read(100):
            return data
    return b""


def write_for_ever(port: Port) -> None:
    while True:
        port.write(b"x" * 4_096, 300)  # long enough for a loaded machine to move what is still moving


def read_on(port: Port, times: int, timeout_ms: int) -> None:
    for _ in range(times):
        port.read(timeout_ms)


def write_on(port: Port, message: bytes) -> None:
    for _ in range(3):
        port.write(message, 200)


# ----------------------------------------------------------------------------------------------------------- the suite
@every
def test_what_is_not_there_is_unreachable_and_leaves_nothing_open(world: World):
    world.absent().close()
    before = descriptors()

    for _ in range(20):
        port = world.absent()
        with pytest.raises(Unreachable) as refusal:
            port.open(OPEN_MS)
        port.close()
        assert len(str(refusal.value)) > 20

    assert descriptors() == before
    assert world.kept() == 0


@every
def test_silence_gives_nothing_within_the_time(world: World, port: Port):
    if isinstance(world, PcscWorld):
        assert first_read(port)  # the card that lies there

    def listen() -> None:
        assert port.read(150) == b""

    takes(150, listen)


@every_that_speaks
def test_what_the_device_says_arrives_as_it_was_said(world: World, port: Port):
    said = world.say()
    got = b""
    while len(got) < len(said):
        part = first_read(port)
        assert part, got
        got += part
    assert got == said


@every_that_hears
def test_bytes_that_were_taken_arrive_as_they_were_written(world: World, port: Port):
    if isinstance(world, PcscWorld):
        first_read(port)
    assert port.write(world.message, 500) == len(world.message)
    assert world.heard(len(world.message)) == world.message


@every_that_hears
def test_what_was_written_before_the_end_arrives_after_it(world: World):
    port = world.port()
    port.open(OPEN_MS)
    world.opened()
    if isinstance(world, PcscWorld):
        first_read(port)
    assert port.write(world.message, 500) == len(world.message)
    port.drain(50)
    port.close()
    assert world.heard(len(world.message)) == world.message


@every_that_stalls
def test_a_device_that_reads_nothing_stalls_within_the_time(world: World, port: Port):
    world.deafen()
    with suppress(Stalled):
        write_for_ever(port)

    def write() -> None:
        with pytest.raises(Stalled):
            port.write(b"more", 150)

    takes(150, write)


@every
def test_unplugging_in_the_middle_disconnects_the_reader(world: World, port: Port):
    world.unplug()

    with pytest.raises(Disconnected):
        read_on(port, 5, 100)


@every_that_hears
def test_unplugging_in_the_middle_disconnects_the_writer(world: World, port: Port):
    if isinstance(world, PcscWorld):
        first_read(port)
    world.unplug()

    # One write may still be taken: the kernel learns of a reset by sending.
    with pytest.raises(Disconnected):
        write_on(port, world.message)


@every
def test_unplugging_while_somebody_waits_wakes_the_waiting(world: World, port: Port):
    if isinstance(world, PcscWorld):
        first_read(port)
    pulled = threading.Timer(0.1, world.unplug)
    started = time.monotonic_ns()
    pulled.start()

    with pytest.raises(Disconnected):
        read_on(port, 2, PATIENCE_MS)

    assert took_ms(started) < PATIENCE_MS / 2
    pulled.join()


@every
def test_closing_never_raises_however_often_and_whatever_happened(world: World):
    unopened = world.port()
    unopened.drain(10)
    unopened.close()
    unopened.close()
    port = world.port()
    port.open(OPEN_MS)
    world.opened()

    world.unplug()
    port.drain(50)
    port.close()
    port.close()
    port.drain(50)

    assert world.kept() == 0


@every
def test_a_device_that_was_plugged_in_again_works_under_the_same_address(world: World):
    for _ in range(3):
        port = world.port()
        port.open(OPEN_MS)
        world.opened()
        if world.hears and not isinstance(world, PcscWorld):
            assert port.write(world.message, 500) == len(world.message)
        if world.speaks:
            world.say()
            assert first_read(port)
        world.unplug()
        port.close()
        world.plug()


@every
def test_the_identity_is_known_while_the_port_is_open(world: World):
    port = world.port()
    assert port.identity() == ""
    port.open(OPEN_MS)
    world.opened()
    assert port.identity() == world.identity
    port.close()
    assert port.identity() == ""


@every
def test_a_hundred_pluggings_leave_threads_and_descriptors_as_they_were(world: World):
    cycle(world, 3)
    before = (descriptors(), threading.active_count())

    cycle(world, 100)

    assert (descriptors(), threading.active_count()) == before
    assert world.kept() == 0


def cycle(world: World, times: int, *, closing: bool = True) -> list[Port]:
    made = []
    for number in range(times):
        port = world.port()
        port.open(OPEN_MS)
        world.opened()
        world.unplug()
        if number % 2:
            with suppress(Disconnected):
                port.read(20)
        if closing:
            port.close()
        made.append(port)
        world.plug()
    return made


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("world", ["tcp", "serial", "file", "fifo", "hid"], indirect=True)
def test_a_port_that_is_not_closed_is_seen_by_the_count_of_descriptors(world: World):
    before = descriptors()
    kept = cycle(world, 10, closing=False)
    assert descriptors() >= before + 10
    for port in kept:
        port.close()
    assert descriptors() == before


@pytest.mark.parametrize("world", ["usb", "pcsc"], indirect=True)
def test_a_port_that_is_not_closed_is_seen_by_what_it_keeps(world: World):
    kept = cycle(world, 1, closing=False)
    assert world.kept() > 0
    for port in kept:
        port.close()
    assert world.kept() == 0


@pytest.mark.parametrize("world", ["serial"], indirect=True)
def test_only_one_port_has_a_serial_line(world: World, port: Port):
    with pytest.raises(InUse, match="another program"):
        world.port().open(OPEN_MS)


# ----------------------------------------------------------------------------------------------------------------- TCP
def test_a_tcp_port_sends_small_writes_at_once_and_notices_a_dead_link(tmp_path: Path):
    world = TcpWorld(tmp_path)
    port = TcpPort(TcpAddress("127.0.0.1", world.number))
    port.open(OPEN_MS)
    sock = port._opened()
    options = {
        name: sock.getsockopt(level, getattr(socket, name))
        for level, name in (
            (socket.IPPROTO_TCP, "TCP_NODELAY"),
            (socket.SOL_SOCKET, "SO_KEEPALIVE"),
            (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
            (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
        )
    }
    assert options == {"TCP_NODELAY": 1, "SO_KEEPALIVE": 1, "TCP_USER_TIMEOUT": 4_000, "TCP_KEEPIDLE": 10}
    port.close()
    world.end()


def slow_reader(listener: socket.socket, got: bytearray, reads: threading.Event) -> threading.Thread:
    """A printer that says something, waits until it may, and only then reads to the end, with a word about each part."""

    def run() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"\x16")
            reads.wait(PATIENCE_S)
            with suppress(ConnectionResetError):
                while data := peer.recv(1_024):
                    got.extend(data)
                    peer.sendall(b"\x16")

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("draining", [True, False])
def test_draining_before_closing_keeps_the_tail_of_a_job(draining):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # little memory, as a printer has
        got, reads = bytearray(), threading.Event()
        thread = slow_reader(listener, got, reads)
        port = TcpPort(TcpAddress("127.0.0.1", listener.getsockname()[1]))
        port.open(OPEN_MS)
        # Its word has arrived and nobody reads it, which makes an early close a reset.
        assert select.select([port._opened()], [], [], PATIENCE_S)[0]
        job = b"x" * 100_000
        while job:
            job = job[port.write(job, PATIENCE_MS) :]
        if draining:
            reads.set()
            port.drain(PATIENCE_MS)
        port.close()
        reads.set()
        thread.join()
    assert (len(got) == 100_000) is draining


def test_a_tcp_printer_that_never_stops_talking_does_not_hold_the_drain(tmp_path: Path):
    world = TcpWorld(tmp_path)
    port = world.port()
    port.open(OPEN_MS)
    world.opened()
    peer = world.peer
    assert peer is not None
    stop = threading.Event()

    def talk() -> None:
        with suppress(OSError):
            while not stop.wait(0.005):
                peer.sendall(b"\x12")

    thread = threading.Thread(target=talk)
    thread.start()
    started = time.monotonic_ns()
    port.drain(500)
    assert took_ms(started) < PATIENCE_MS / 2
    stop.set()
    thread.join()
    port.close()
    world.end()


def test_a_name_that_no_resolver_knows_is_unreachable_and_says_that_numbers_need_none():
    for host in ("nowhere.invalid", "a..b"):
        with pytest.raises(Unreachable, match="IP address"):
            TcpPort(TcpAddress(host)).open(4_000)


def test_a_name_that_is_known_is_found():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = TcpPort(TcpAddress("localhost", listener.getsockname()[1]))
        port.open(2_000)
        assert port.identity().startswith("127.0.0.1:")
        port.close()


# -------------------------------------------------------------------------------------------------------------- serial
def test_a_line_is_set_up_as_its_address_says(tmp_path: Path):
    world = SerialWorld(tmp_path)
    for address in (
        SerialAddress(str(world.link), baud=2_400, stop=2, flow="xonxoff"),
        SerialAddress(str(world.link), baud=115_200, flow="rtscts"),
    ):
        port = SerialPort(address, tmp_path, tmp_path)
        port.open(OPEN_MS)
        line = port._line
        assert line is not None
        assert (line.baudrate, line.stopbits, line.xonxoff, line.rtscts, line.write_timeout) == (
            address.baud, address.stop, address.flow == "xonxoff", address.flow == "rtscts", 0,
        )  # fmt: skip
        port.close()
    world.end()


def test_a_line_without_a_write_time_limit_holds_its_caller_until_the_plug_is_pulled(tmp_path: Path):
    world = SerialWorld(tmp_path)
    line = pyserial.Serial(str(world.link))
    ended = threading.Event()

    def write() -> None:
        with suppress(OSError):
            line.write(b"x" * 500_000)
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not ended.wait(0.6)
    world.unplug()
    assert ended.wait(PATIENCE_S)
    thread.join()
    line.close()


def test_what_is_no_serial_line_is_refused_with_a_reason(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (str(tmp_path / "file"), "/dev/null"):
        with pytest.raises(Unreachable):
            SerialPort(SerialAddress(path)).open(OPEN_MS)


def test_a_serial_write_is_cut_into_what_the_line_takes(tmp_path: Path):
    world = SerialWorld(tmp_path)
    port = world.port()
    port.open(OPEN_MS)
    job = bytes(range(256)) * 400
    got = bytearray()
    left = job
    while left:
        left = left[port.write(left, PATIENCE_MS) :]
        while select.select([world.master], [], [], 0)[0]:
            got += os.read(world.master, 4_096)
    while len(got) < len(job):
        got += world.heard(len(job) - len(got))
    port.drain(200)
    port.close()
    assert bytes(got) == job
    world.end()


def serial_tree(folder: Path, *, serial: str) -> str:
    """A machine with one adapter ttyUSB3, known by id and by path."""
    node = folder / "dev" / "ttyUSB3"
    usb = folder / "sys/devices/usb1/1-2"
    (usb / "1-2:1.0/ttyUSB3").mkdir(parents=True)
    (usb / "idVendor").write_text("1a86\n")
    if serial:
        (usb / "serial").write_text(serial + "\n")
    tty_class = folder / "sys/class/tty/ttyUSB3"
    tty_class.mkdir(parents=True)
    (tty_class / "device").symlink_to(usb / "1-2:1.0/ttyUSB3")
    for name in ("by-id/usb-1a86_USB_Serial-if00-port0", "by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"):
        link = folder / "dev/serial" / name
        link.parent.mkdir(parents=True)
        link.symlink_to(node)
    node.write_text("")
    return str(node)


@pytest.mark.parametrize(("serial", "folder"), [("A1B2", "by-id"), ("", "by-path")])
def test_the_lasting_name_of_a_line_is_by_id_or_by_path_when_it_has_no_serial_number(tmp_path, serial, folder):
    node = serial_tree(tmp_path, serial=serial)
    found = stable_path(node, tmp_path / "dev", tmp_path / "sys")
    assert Path(found).parent.name == folder
    assert stable_path(found, tmp_path / "dev", tmp_path / "sys") == found


def test_a_line_that_udev_does_not_know_keeps_its_own_name(tmp_path):
    assert stable_path(str(tmp_path / "none"), tmp_path, tmp_path) == str(tmp_path / "none")


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [(13, NotPermitted, "group dialout"), (1, NotPermitted, "group dialout"), (2, Absent, "plug it in"),
     (19, Absent, "plug it in"), (16, InUse, "stop that program"), (5, Unreachable, "Input/output")],
)  # fmt: skip
def test_each_error_of_opening_says_what_to_do(number, kind, word):
    error = unreachable("serial:///dev/ttyUSB0", OSError(number, os.strerror(number)), "dialout")
    assert type(error) is kind
    assert word in str(error)


# ---------------------------------------------------------------------------------------------------------------- file
def test_a_device_file_is_never_made_and_a_regular_file_never_written(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    for name in ("missing", "notes.txt", "."):
        path = str(tmp_path / name) if name != "." else str(tmp_path)
        with pytest.raises(Unreachable):
            FilePort(FileAddress(path)).open(OPEN_MS)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_fifo_that_nobody_reads_is_unreachable_and_says_why(tmp_path: Path):
    os.mkfifo(tmp_path / "lp0")
    with pytest.raises(Unreachable, match="nobody reads"):
        FilePort(FileAddress(str(tmp_path / "lp0"))).open(OPEN_MS)


def test_a_printers_own_name_is_read_from_its_device_id():
    raw = b"MFG:EPSON;CMD:ESC/POS;MDL:TM-T20II;CLS:PRINTER;SN:J4X1\x00;"
    assert device_id_words(raw) == "EPSON TM-T20II serial J4X1"
    assert device_id_words(b"MANUFACTURER:X;MODEL:Y") == "X Y"
    assert device_id_words(b"\xff\x00nonsense") == ""


# ----------------------------------------------------------------------------------------------------------------- USB
def usb_port(*printers: FakePrinter, serial: str = "") -> tuple[UsbPort, FakeBus]:
    bus = FakeBus(*printers)
    return UsbPort(UsbAddress(0x04B8, 0x0202, serial), bus), bus


def test_a_usb_printer_that_takes_little_at_a_time_gets_every_byte_once():
    printer = FakePrinter(chunk=37)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    job = bytes(range(256)) * 20
    left = job
    while left:
        left = left[port.write(left, 100) :]
    assert bytes(printer.taken) == job


def test_a_writer_that_ignores_the_count_loses_bytes():
    printer = FakePrinter(chunk=37)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    job = bytes(range(256)) * 20
    for start in range(0, len(job), 4_096):
        port.write(job[start : start + 4_096], 100)
    assert bytes(printer.taken) != job


def test_an_answer_that_comes_late_is_waited_for():
    printer = FakePrinter(late=3)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    printer.answers.append(b"\x12")
    assert port.read(250) == b"\x12"


def test_one_short_look_misses_a_late_answer():
    printer = FakePrinter(late=3)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    printer.answers.append(b"\x12")
    assert port.read(50) == b""


def test_a_printer_that_says_nothing_at_once_makes_no_busy_loop():
    printer = FakePrinter(empty_at_once=True, late=2)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    started = time.monotonic_ns()
    assert port.read(100) == b""
    assert took_ms(started) >= 90
    printer.answers.append(b"\x12")
    assert port.read(250) == b"\x12"


def test_a_time_limit_is_cut_into_looks_of_fifty_milliseconds():
    assert list(slices(250)) == [50] * 5
    assert list(slices(70)) == [50, 20]
    assert list(slices(0)) == [1]


def test_the_kernels_driver_is_put_aside_and_the_both_way_setting_chosen():
    printer = FakePrinter(kernel_driver=True, protocols=(1, 2))
    port, bus = usb_port(printer)
    port.open(OPEN_MS)
    assert (printer.kernel_driver, printer.chosen_setting, bus.claims) == (False, 1, 1)
    printer.answers.append(b"\x12")
    assert port.read(100) == b"\x12"
    port.close()
    assert (bus.handles, bus.claims) == (0, 0)


def test_a_one_way_usb_printer_prints_and_stays_silent():
    printer = FakePrinter(protocols=(1,))
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    assert port.write(b"slip", 100) == 4
    started = time.monotonic_ns()
    assert port.read(100) == b""
    assert took_ms(started) >= 90


def test_a_printer_that_was_just_switched_on_gets_its_configuration():
    printer = FakePrinter(configured=False)
    port, _ = usb_port(printer)
    port.open(OPEN_MS)
    assert printer.configured
    assert port.write(b"slip", 100) == 4


@pytest.mark.parametrize(
    ("printer", "kind", "word"),
    [
        (FakePrinter(held_by_other=True), InUse, "another program"),
        (FakePrinter(forbidden=True), NotPermitted, "group lp"),
        (FakePrinter(interface_class=3), Unreachable, "no printer"),
        (FakePrinter(protocols=(3,)), Unreachable, "plain bytes"),
        (FakePrinter(plugged=False), Absent, "plug it in"),
    ],
)
def test_a_usb_printer_that_cannot_be_opened_says_why_and_is_let_go(printer, kind, word):
    port, bus = usb_port(printer)
    with pytest.raises(kind, match=word):
        port.open(OPEN_MS)
    port.close()
    assert (bus.handles, bus.claims) == (0, 0)


def test_a_pipe_error_disconnects_and_the_next_connection_works():
    printer = FakePrinter()
    port, bus = usb_port(printer)
    port.open(OPEN_MS)
    printer.halted = True
    with pytest.raises(Disconnected):
        port.write(b"slip", 100)
    port.close()
    assert printer.halts_cleared == 1
    again = UsbPort(UsbAddress(0x04B8, 0x0202), bus)
    again.open(OPEN_MS)
    assert again.write(b"slip", 100) == 4


def test_two_equal_printers_are_told_apart_by_serial_number_or_by_their_socket():
    first, second = FakePrinter(serial="A"), FakePrinter(serial="B", ports=(1, 4))
    port, bus = usb_port(first, second)
    with pytest.raises(Unreachable, match="usb://04b8:0202/A, usb://04b8:0202/B"):
        port.open(OPEN_MS)
    for serial in ("B", "@1-1.4"):
        port = UsbPort(UsbAddress(0x04B8, 0x0202, serial), bus)
        port.open(OPEN_MS)
        port.write(serial.encode(), 100)
        port.close()
    assert (bytes(first.taken), bytes(second.taken)) == (b"", b"B@1-1.4")
    with pytest.raises(Absent, match="/A, "):
        UsbPort(UsbAddress(0x04B8, 0x0202, "C"), bus).open(OPEN_MS)
    assert bus.handles == 0


def test_equal_printers_without_serial_numbers_are_named_by_their_sockets():
    port, _ = usb_port(FakePrinter(serial="", ports=(1,)), FakePrinter(serial="", ports=(3,)))
    with pytest.raises(Unreachable, match="usb://04b8:0202/@1-1, usb://04b8:0202/@1-3"):
        port.open(OPEN_MS)


# ----------------------------------------------------------------------------------------------------------------- HID
def test_records_of_keys_come_whole_however_they_arrive(tmp_path: Path):
    world = HidWorld(tmp_path)
    port = world.port()
    port.open(OPEN_MS)
    got = []
    for start in range(0, len(KEY_RECORDS), 7):
        os.write(world.master, KEY_RECORDS[start : start + 7])
        got.append(port.read(200))
    port.close()
    world.end()
    assert b"".join(got) == KEY_RECORDS
    assert {len(part) % 24 for part in got} == {0}


def test_bytes_read_without_keeping_records_whole_are_cut(tmp_path: Path):
    world = HidWorld(tmp_path)
    port = world.port()
    assert isinstance(port, HidPort)
    port.open(OPEN_MS)
    os.write(world.master, KEY_RECORDS[:31])
    assert len(os.read(port._fd, 24 * 64)) % 24 != 0
    port.close()
    world.end()


def test_the_numbers_spoken_to_the_kernel_are_those_of_its_headers():
    # EVIOCGRAB, EVIOCGNAME(256), EVIOCGUNIQ(256) of linux/input.h; LPIOC_GET_DEVICE_ID(1024) of the printer driver.
    assert (hid._GRAB, hid._NAME, hid._UNIQUE) == (0x40044590, 0x81004506, 0x81004508)
    assert file._GET_DEVICE_ID == 0x84005001
    assert struct.calcsize("llHHi") == hid.RECORD_BYTES


def test_keys_are_read_from_a_recorded_stream_in_a_fifo(tmp_path: Path):
    os.mkfifo(tmp_path / "keys")
    port = HidPort(HidAddress(str(tmp_path / "keys")))
    port.open(OPEN_MS)
    writer = os.open(tmp_path / "keys", os.O_WRONLY)
    os.write(writer, KEY_RECORDS)
    assert port.read(200) == KEY_RECORDS
    os.close(writer)
    with pytest.raises(Disconnected):
        port.read(200)
    port.close()


def test_nothing_is_written_to_a_device_that_types(tmp_path: Path):
    world = HidWorld(tmp_path)
    port = world.port()
    port.open(OPEN_MS)
    with pytest.raises(DeviceRejected):
        port.write(b"x", 100)
    port.close()
    world.end()
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unreachable, match="no input device"):
        HidPort(HidAddress(str(tmp_path / "file"))).open(OPEN_MS)


# --------------------------------------------------------------------------------------------------------------- PC/SC
def card_in(atr: bytes = ATR) -> bytes:
    return b"I" + len(atr).to_bytes(2, "big") + atr


CARD_OUT = b"O\x00\x00"


def reader_port(service: FakeCardService, name: str = "") -> PcscPort:
    port = PcscPort(PcscAddress(name), service)
    port.open(OPEN_MS)
    return port


def test_a_card_comes_answers_and_goes():
    service = FakeCardService()
    port = reader_port(service)
    assert port.read(30) == b""
    service.put_card()
    assert port.read(500) == card_in()
    assert port.read(30) == b""
    assert port.write(UID_APDU, 500) == len(UID_APDU)
    assert port.read(500) == b"A" + len(UID_ANSWER).to_bytes(2, "big") + UID_ANSWER
    service.take_card()
    assert port.read(500) == CARD_OUT
    assert port.read(30) == b""
    port.close()
    assert (service.contexts, service.cards) == (0, 0)


def test_a_card_changed_between_two_looks_goes_and_comes():
    service = FakeCardService()
    port = reader_port(service)
    service.put_card()
    port.read(500)
    other = bytes.fromhex("3b00")
    service.take_card()
    service.put_card(other)
    assert port.read(500) == CARD_OUT + card_in(other)


def test_a_card_pulled_in_the_middle_of_a_question_answers_nothing_and_goes_once():
    service = FakeCardService(card=ATR, changes=1)
    port = reader_port(service)
    port.read(500)
    service.pulled_in_transmit = True
    assert port.write(UID_APDU, 500) == len(UID_APDU)
    assert port.read(500) == b"A\x00\x00"
    assert port.read(500) == CARD_OUT
    assert port.read(30) == b""
    assert port.write(UID_APDU, 500) == len(UID_APDU)  # too late: there is nobody to ask, and no second answer
    assert port.read(30) == b""
    assert service.sent == [UID_APDU]


def test_a_card_reset_by_another_program_is_asked_again():
    service = FakeCardService(card=ATR, changes=1, transmit_codes=[pcsc.RESET_CARD])
    port = reader_port(service)
    port.read(500)
    port.write(UID_APDU, 500)
    assert port.read(500).endswith(UID_ANSWER)
    assert service.sent == [UID_APDU, UID_APDU]


def test_a_mute_card_is_as_good_as_none_and_one_that_refuses_gives_an_empty_answer():
    service = FakeCardService(card=ATR, changes=1, mute=True)
    assert reader_port(service).read(50) == b""
    service = FakeCardService(card=ATR, changes=1, connect_code=0x80100066)
    port = reader_port(service)
    port.read(500)
    port.write(UID_APDU, 500)
    assert port.read(500) == b"A\x00\x00"


def test_a_card_held_by_another_program_stalls():
    service = FakeCardService(card=ATR, changes=1, connect_code=pcsc.SHARING_VIOLATION)
    port = reader_port(service)
    port.read(500)
    with pytest.raises(Stalled):
        port.write(UID_APDU, 500)


def test_a_restart_of_the_card_service_disconnects_reader_and_writer_and_a_new_port_works():
    for act in ("read", "write"):
        service = FakeCardService(card=ATR, changes=1)
        port = reader_port(service)
        port.read(500)
        port.write(UID_APDU, 500)
        port.read(500)
        service.restart()
        with pytest.raises(Disconnected, match="card service"):
            port.read(500) if act == "read" else port.write(UID_APDU, 500)
        port.close()
        assert reader_port(service).read(500) == card_in()


def test_without_a_card_service_the_remedy_is_named():
    with pytest.raises(NotSupported, match="pcscd"):
        PcscPort(PcscAddress(), FakeCardService(running=False)).open(OPEN_MS)


def test_two_readers_are_told_apart_by_a_part_of_the_name():
    service = FakeCardService(names=[ACR122U, OMNIKEY])
    with pytest.raises(Unreachable) as refusal:
        reader_port(service)
    assert str(PcscAddress(ACR122U)) in str(refusal.value)
    assert str(PcscAddress(OMNIKEY)) in str(refusal.value)
    assert reader_port(service, "omnikey").identity() == OMNIKEY
    with pytest.raises(Absent, match="acr1252"):
        reader_port(service, "acr1252")


def test_a_reader_whose_whole_name_is_given_is_not_mistaken_for_a_longer_one():
    service = FakeCardService(names=["ACR", "ACR 2"])
    assert reader_port(service, "ACR").identity() == "ACR"


def test_what_is_no_apdu_is_our_own_mistake():
    port = reader_port(FakeCardService(card=ATR, changes=1))
    with pytest.raises(DeviceRejected):
        port.write(b"\xff", 100)


def test_readers_are_named_and_without_a_service_there_are_none():
    service = FakeCardService(names=[ACR122U, OMNIKEY])
    assert reader_names(service) == [ACR122U, OMNIKEY]
    assert service.contexts == 0
    assert reader_names(FakeCardService(running=False)) == []


class FakeScard:
    """pyscard's layer as it looks: signed codes, lists of numbers, tuples of states."""

    SCARD_SCOPE_USER = 0
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_SHARE_SHARED, SCARD_LEAVE_CARD = 1, 2, 2, 0

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def SCardEstablishContext(self, scope):  # noqa: N802 - pyscard's name
        return 0, 77

    def SCardReleaseContext(self, context):  # noqa: N802 - pyscard's name
        self.calls.append(("release", context))
        return 0

    def SCardListReaders(self, context, groups):  # noqa: N802 - pyscard's name
        return 0, [ACR122U]

    def SCardGetStatusChange(self, context, timeout, states):  # noqa: N802 - pyscard's name
        (name, known) = states[0]
        self.calls.append(("status", timeout, name, known))
        if known:
            return 0x80100017 - (1 << 32), []
        return 0, [(name, 0x00010022, list(ATR))]

    def SCardConnect(self, context, reader, mode, protocols):  # noqa: N802 - pyscard's name
        return 0, 5, 2

    def SCardTransmit(self, card, protocol, apdu):  # noqa: N802 - pyscard's name
        self.calls.append(("transmit", card, protocol, apdu))
        return 0, list(UID_ANSWER)

    def SCardDisconnect(self, card, leave):  # noqa: N802 - pyscard's name
        self.calls.append(("disconnect", card))
        return 0


def test_the_layer_of_pyscard_is_spoken_to_in_its_own_words():
    scard = FakeScard()
    port = PcscPort(PcscAddress(), pcsc.ScardService(scard))
    port.open(OPEN_MS)
    assert port.read(10) == card_in()
    port.write(UID_APDU, 100)
    assert port.read(10).endswith(UID_ANSWER)
    with pytest.raises(Disconnected):
        port.read(10)
    port.close()
    assert scard.calls == [
        ("status", 10, ACR122U, 0),
        ("transmit", 5, 2, [0xFF, 0xCA, 0, 0, 0]),
        ("status", 10, ACR122U, 0x00010020),
        ("disconnect", 5),
        ("release", 77),
    ]


# ------------------------------------------------------------------------------------------------------------- virtual
@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("{", "start it again"),
        ("[]", "does not say where"),
        ('{"address": 5}', "does not say where"),
        ('{"address": "nonsense"}', "does not say where"),
        ('{"address": "virtual://printer/kitchen"}', "another virtual device"),
    ],
)
def test_a_virtual_device_that_says_nonsense_is_unreachable(tmp_path, said, word):
    (tmp_path / "printer-kitchen.json").write_text(said)
    with pytest.raises(Unreachable, match=word):
        VirtualPort(VirtualAddress("printer", "kitchen"), tmp_path).open(OPEN_MS)


def test_without_a_folder_for_twins_a_virtual_address_is_unreachable():
    with pytest.raises(Unreachable, match="switched off"):
        ports_for(VirtualAddress("scale", "counter"))().open(OPEN_MS)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (TcpAddress("h"), TcpPort),
        (SerialAddress("/dev/x"), SerialPort),
        (UsbAddress(1, 2), UsbPort),
        (FileAddress("/dev/x"), FilePort),
        (HidAddress("/dev/x"), HidPort),
        (PcscAddress(), PcscPort),
        (VirtualAddress("printer", "x"), VirtualPort),
    ],
)
def test_each_address_has_its_port(address, kind):
    assert isinstance(ports_for(address)(), kind)
