"""Which kind of port an address needs."""

from functools import partial
from pathlib import Path
from typing import assert_never

from drivers.errors import Unreachable
from drivers.transport.address import (
    Address,
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
from drivers.transport.pcsc import PcscPort
from drivers.transport.port import Port, PortFactory
from drivers.transport.serial import SerialPort
from drivers.transport.tcp import TcpPort
from drivers.transport.twin_address import resolve
from drivers.transport.usb import UsbPort


def ports_for(address: Address, twins_dir: Path | None = None) -> PortFactory:
    """Give a factory of unopened ports for an address.

    Args:
        address: where the device is.
        twins_dir: where virtual devices say where they are; a `virtual://` address is looked up there at every `open`.
    """
    match address:
        case TcpAddress():
            return partial(TcpPort, address)
        case SerialAddress():
            return partial(SerialPort, address)
        case UsbAddress():
            return partial(UsbPort, address)
        case FileAddress():
            return partial(FilePort, address)
        case HidAddress():
            return partial(HidPort, address)
        case PcscAddress():
            return partial(PcscPort, address)
        case VirtualAddress():
            return partial(VirtualPort, address, twins_dir)
        case _:
            assert_never(address)


class VirtualPort:
    """A connection to a virtual device, by the same transport as to a real one; see `Port`."""

    def __init__(self, address: VirtualAddress, twins_dir: Path | None) -> None:
        self._address = address
        self._twins_dir = twins_dir
        self._real: Port | None = None

    def open(self, timeout_ms: int) -> None:
        """Find out where the virtual device is now, and connect to it; see `Port`."""
        assert self._real is None, "a port is opened once"
        if self._twins_dir is None:
            raise Unreachable(f"{self._address}: virtual devices are switched off here; give the row a real address")
        real = ports_for(resolve(self._address, self._twins_dir))()
        real.open(timeout_ms)
        self._real = real

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        return self._opened().write(data, timeout_ms)

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`."""
        return self._opened().read(timeout_ms)

    def drain(self, timeout_ms: int) -> None:
        """Let the other side finish; see `Port`."""
        if self._real is not None:
            self._real.drain(timeout_ms)

    def identity(self) -> str:
        """Say which virtual device it is; a new address at every start would look like another device each time."""
        return "" if self._real is None else f"virtual {self._address.kind} {self._address.name}"

    def close(self) -> None:
        """Close; see `Port`."""
        real, self._real = self._real, None
        if real is not None:
            real.close()

    def _opened(self) -> Port:
        assert self._real is not None, "open the port first"
        return self._real
