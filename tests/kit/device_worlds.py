"""Devices that can be plugged, unplugged and spoken for, one for each kind of port.

Behind each is a real peer, a pty, a FIFO, or a made-up bus or service; `tests/contracts/test_device_ports.py` asks the same
of all of them.
"""

import json
import os
import pty
import select
import socket
import struct
import tty
from pathlib import Path
from typing import Any, Protocol

from drivers.transport.address import (
    FileAddress,
    HidAddress,
    PcscAddress,
    SerialAddress,
    TcpAddress,
    UsbAddress,
    VirtualAddress,
)
from drivers.transport.file import FilePort
from drivers.transport.hid import HidPort
from drivers.transport.open_port import VirtualPort, ports_for
from drivers.transport.pcsc import PcscPort
from drivers.transport.port import Port
from drivers.transport.serial import SerialPort
from drivers.transport.tcp import TcpPort
from drivers.transport.usb import UsbPort
from tests.kit.card_service import ACR122U, ATR, UID_APDU, FakeCardService
from tests.kit.usb_backend import FakeBus, FakePrinter
from tests.kit.waiting import PATIENCE_S

KEY_RECORDS = b"".join(struct.pack("llHHi", 1, 2, 1, code, 1) for code in (30, 48))


class World(Protocol):
    """A device that can be plugged and unplugged, and a port to it.

    `hears` and `stalls` say what can be asked of it; `message` is something it understands.
    """

    hears: bool
    stalls: bool
    speaks: bool
    message: bytes
    identity: str

    def port(self) -> Port: ...
    def absent(self) -> Port: ...
    def opened(self) -> None: ...
    def say(self) -> bytes: ...
    def heard(self, count: int) -> bytes: ...
    def deafen(self) -> None: ...
    def unplug(self) -> None: ...
    def plug(self) -> None: ...
    def kept(self) -> int: ...
    def end(self) -> None: ...


class TcpWorld:
    hears = stalls = speaks = True
    message = b"\x1b@hello\n"

    def __init__(self, folder: Path) -> None:
        self.listener: socket.socket | None = None
        self.peer: socket.socket | None = None
        self.number = 0
        self.plug()

    @property
    def identity(self) -> str:
        return f"127.0.0.1:{self.number}"

    def port(self) -> Port:
        return TcpPort(TcpAddress("127.0.0.1", self.number))

    def absent(self) -> Port:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            return TcpPort(TcpAddress("127.0.0.1", bound.getsockname()[1]))

    def opened(self) -> None:
        assert self.listener is not None
        self.peer, _ = self.listener.accept()

    def say(self) -> bytes:
        assert self.peer is not None
        self.peer.sendall(b"\x12")
        return b"\x12"

    def heard(self, count: int) -> bytes:
        assert self.peer is not None
        self.peer.settimeout(PATIENCE_S)
        data = b""
        while len(data) < count:
            data += self.peer.recv(count)
        return data

    def deafen(self) -> None:
        pass

    def unplug(self) -> None:
        for sock in (self.peer, self.listener):
            if sock is not None:
                # Zero linger: a reset, as from a printer that lost its power.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        self.peer = self.listener = None

    def plug(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # little memory, as a printer has
        self.number = self.listener.getsockname()[1]

    def kept(self) -> int:
        return 0

    end = unplug


class PtyWorld:
    """A pty behind a name that stays, as udev keeps it: each plugging in may give another number."""

    speaks = True
    name = "device"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.link = folder / self.name
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.master = -1
        self.plug()

    def plug(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
        self.master = -1
        self.link.unlink(missing_ok=True)

    def opened(self) -> None:
        pass

    def heard(self, count: int) -> bytes:
        data = b""
        while len(data) < count and select.select([self.master], [], [], PATIENCE_S)[0]:
            data += os.read(self.master, count - len(data))
        return data

    def say(self) -> bytes:
        os.write(self.master, self.message)
        return self.message

    def deafen(self) -> None:
        pass

    def kept(self) -> int:
        return 0

    def end(self) -> None:
        self.unplug()

    message = b"W\r\x00\xff\x0a\x0d\x03\x11\x13"


class SerialWorld(PtyWorld):
    hears = stalls = True
    name = "dev/serial/by-id/usb-Prolific_USB-Serial_A1-if00-port0"
    identity = "usb-Prolific_USB-Serial_A1-if00-port0"

    def port(self) -> Port:
        return SerialPort(SerialAddress(str(self.link)), self.folder / "dev", self.folder / "sys")

    def absent(self) -> Port:
        return SerialPort(SerialAddress(str(self.link) + "-missing"), self.folder / "dev", self.folder / "sys")


class FileWorld(PtyWorld):
    hears = stalls = True
    name = "dev/usb/lp0"
    identity = ""

    def port(self) -> Port:
        return FilePort(FileAddress(str(self.link)))

    def absent(self) -> Port:
        return FilePort(FileAddress(str(self.link) + "1"))


class FifoWorld:
    """A device file that only takes: who opens it never hears anything."""

    hears = stalls = True
    speaks = False
    message = b"one way\n"
    identity = ""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lp0"
        self.reader = -1
        os.mkfifo(self.path)
        self.plug()

    def plug(self) -> None:
        self.reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def unplug(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
        self.reader = -1

    def port(self) -> Port:
        return FilePort(FileAddress(str(self.path)))

    def absent(self) -> Port:
        return FilePort(FileAddress(str(self.path) + "1"))

    def opened(self) -> None:
        pass

    def say(self) -> bytes:
        raise AssertionError("it only takes")

    def heard(self, count: int) -> bytes:
        assert select.select([self.reader], [], [], PATIENCE_S)[0]
        return os.read(self.reader, count)

    def deafen(self) -> None:
        pass

    def kept(self) -> int:
        return 0

    end = unplug


class UsbWorld:
    hears = stalls = speaks = True
    message = b"\x1b@hello\n"
    identity = "EPSON TM-T20 serial J4X1"

    def __init__(self, folder: Path) -> None:
        self.printer = FakePrinter(kernel_driver=True)
        self.bus = FakeBus(self.printer)

    def port(self) -> Port:
        return UsbPort(UsbAddress(0x04B8, 0x0202), self.bus)

    def absent(self) -> Port:
        return UsbPort(UsbAddress(0x04B8, 0x0E15), self.bus)

    def opened(self) -> None:
        pass

    def say(self) -> bytes:
        self.printer.answers.append(b"\x12")
        return b"\x12"

    def heard(self, count: int) -> bytes:
        return bytes(self.printer.taken[:count])

    def deafen(self) -> None:
        self.printer.deaf = True

    def unplug(self) -> None:
        self.printer.plugged = False

    def plug(self) -> None:
        self.printer.plugged = True
        self.printer.kernel_driver = True

    def kept(self) -> int:
        return self.bus.handles + self.bus.claims

    def end(self) -> None:
        pass


class HidWorld(PtyWorld):
    hears = stalls = False
    name = "dev/input/by-id/usb-Maker_Scanner-event-kbd"
    identity = ""
    message = KEY_RECORDS

    def port(self) -> Port:
        return HidPort(HidAddress(str(self.link)))

    def absent(self) -> Port:
        return HidPort(HidAddress(str(self.link) + "1"))


class PcscWorld:
    hears = speaks = True
    stalls = False  # the service has time limits of its own
    message = UID_APDU
    identity = ACR122U

    def __init__(self, folder: Path) -> None:
        self.service = FakeCardService(card=ATR, changes=1)

    def port(self) -> Port:
        return PcscPort(PcscAddress(), self.service)

    def absent(self) -> Port:
        return PcscPort(PcscAddress("omnikey"), self.service)

    def opened(self) -> None:
        pass

    def say(self) -> bytes:
        return b"I" + len(ATR).to_bytes(2, "big") + ATR

    def heard(self, count: int) -> bytes:
        return self.service.sent[-1]

    def deafen(self) -> None:
        pass

    def unplug(self) -> None:
        self.service.pull_reader()

    def plug(self) -> None:
        self.service.names = [ACR122U]

    def kept(self) -> int:
        return self.service.contexts + self.service.cards

    def end(self) -> None:
        pass


class VirtualWorld(TcpWorld):
    """A virtual printer's address: it says in a file where it is now."""

    identity = "virtual printer kitchen"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(folder)

    def plug(self) -> None:
        super().plug()
        said = {"address": f"tcp://127.0.0.1:{self.number}", "page": "", "pid": 1}
        (self.folder / "printer-kitchen.json").write_text(json.dumps(said))

    def unplug(self) -> None:
        (self.folder / "printer-kitchen.json").unlink(missing_ok=True)
        super().unplug()

    def port(self) -> Port:
        return ports_for(VirtualAddress("printer", "kitchen", (("paper_out", "1"),)), self.folder)()

    def absent(self) -> Port:
        return VirtualPort(VirtualAddress("printer", "bar"), self.folder)

    end = unplug


WORLDS: dict[str, Any] = {
    "tcp": TcpWorld,
    "serial": SerialWorld,
    "file": FileWorld,
    "fifo": FifoWorld,
    "usb": UsbWorld,
    "hid": HidWorld,
    "pcsc": PcscWorld,
    "virtual": VirtualWorld,
}
