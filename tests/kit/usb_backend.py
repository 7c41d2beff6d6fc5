"""A USB bus for pyusb: real pyusb code above it, printers made of a few switches below."""

import array
import errno
import threading
from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core


def no_device() -> usb.core.USBError:
    return usb.core.USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)


@dataclass
class FakePrinter:
    """A USB printer. `chunk` is what it takes in one write, `late` how many reads it lets pass before its answer."""

    serial: str = "J4X1"
    ports: tuple[int, ...] = (2,)
    vendor: int = 0x04B8
    product: int = 0x0202
    interface_class: int = 7
    protocols: tuple[int, ...] = (2,)
    chunk: int = 4_096
    late: int = 0
    empty_at_once: bool = False
    plugged: bool = True
    deaf: bool = False
    held_by_other: bool = False
    forbidden: bool = False
    halted: bool = False
    configured: bool = True
    kernel_driver: bool = False
    taken: bytearray = field(default_factory=bytearray)
    answers: deque[bytes] = field(default_factory=deque)
    chosen_setting: int | None = None
    halts_cleared: int = 0


class FakeBus(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """The bus; `handles` and `claims` count what is not given back."""

    def __init__(self, *printers: FakePrinter) -> None:
        self.printers = list(printers)
        self.handles = 0
        self.claims = 0

    # ------------------------------------------------------------------------------------------------- descriptors
    def enumerate_devices(self) -> Any:
        return [printer for printer in self.printers if printer.plugged]

    def get_parent(self, dev: FakePrinter) -> None:
        return None

    def get_device_descriptor(self, dev: FakePrinter) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x0200, bDeviceClass=0, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=64, idVendor=dev.vendor, idProduct=dev.product, bcdDevice=0x0100, iManufacturer=1,
            iProduct=2, iSerialNumber=3 if dev.serial else 0, bNumConfigurations=1, address=5, bus=1,
            port_number=dev.ports[-1], port_numbers=dev.ports, speed=3,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev: FakePrinter, config: int) -> Any:
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1, bConfigurationValue=1, iConfiguration=0,
            bmAttributes=0xC0, bMaxPower=1, extra_descriptors=[],
        )  # fmt: skip

    def get_interface_descriptor(self, dev: FakePrinter, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=alt,
            bNumEndpoints=1 if dev.protocols[alt] == 1 else 2, bInterfaceClass=dev.interface_class,
            bInterfaceSubClass=1, bInterfaceProtocol=dev.protocols[alt], iInterface=0, extra_descriptors=[],
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev: FakePrinter, ep: int, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=(0x03, 0x84)[ep], bmAttributes=2, wMaxPacketSize=64,
            bInterval=0, bRefresh=0, bSynchAddress=0, extra_descriptors=[],
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------ control
    def open_device(self, dev: FakePrinter) -> FakePrinter:
        self._there(dev)
        if dev.forbidden:
            raise usb.core.USBError("Access denied (insufficient permissions)", -3, errno.EACCES)
        self.handles += 1
        return dev

    def close_device(self, dev_handle: FakePrinter) -> None:
        self.handles -= 1

    def get_configuration(self, dev_handle: FakePrinter) -> int:
        self._there(dev_handle)
        return 1 if dev_handle.configured else 0

    def set_configuration(self, dev_handle: FakePrinter, config_value: int) -> None:
        dev_handle.configured = True

    def set_interface_altsetting(self, dev_handle: FakePrinter, intf: int, altsetting: int) -> None:
        dev_handle.chosen_setting = altsetting

    def claim_interface(self, dev_handle: FakePrinter, intf: int) -> None:
        if dev_handle.held_by_other or dev_handle.kernel_driver:
            raise usb.core.USBError("Resource busy", -6, errno.EBUSY)
        self.claims += 1

    def release_interface(self, dev_handle: FakePrinter, intf: int) -> None:
        self.claims -= 1
        self._there(dev_handle)

    def is_kernel_driver_active(self, dev_handle: FakePrinter, intf: int) -> bool:
        return dev_handle.kernel_driver

    def detach_kernel_driver(self, dev_handle: FakePrinter, intf: int) -> None:
        dev_handle.kernel_driver = False

    def clear_halt(self, dev_handle: FakePrinter, ep: int) -> None:
        self._there(dev_handle)
        dev_handle.halted = False
        dev_handle.halts_cleared += 1

    def ctrl_transfer(self, dev_handle: FakePrinter, *request: Any) -> int:
        kind, number, value, _, data, _ = request
        self._there(dev_handle)
        assert (kind, number, value >> 8) == (0x80, 6, 3), "only strings are asked for"
        words = {1: "EPSON", 2: "TM-T20", 3: dev_handle.serial}
        text = b"\x09\x04" if not value & 0xFF else words[value & 0xFF].encode("utf-16-le")
        answer = bytes([len(text) + 2, 3]) + text
        for position, byte in enumerate(answer[: len(data)]):
            data[position] = byte
        return min(len(answer), len(data))

    # ---------------------------------------------------------------------------------------------------------- bulk
    def bulk_write(self, dev_handle: FakePrinter, ep: int, intf: int, data: Any, timeout: int) -> int:
        self._usable(dev_handle)
        assert ep == 0x03
        if dev_handle.deaf:
            return self._late(timeout)
        part = bytes(data)[: dev_handle.chunk]
        dev_handle.taken += part
        return len(part)

    def bulk_read(self, dev_handle: FakePrinter, ep: int, intf: int, buff: "array.array[int]", timeout: int) -> int:
        self._usable(dev_handle)
        assert ep == 0x84
        if dev_handle.answers and dev_handle.late == 0:
            answer = dev_handle.answers.popleft()
            assert len(answer) <= len(buff), "an overflow on a real bus"
            for position, byte in enumerate(answer):
                buff[position] = byte
            return len(answer)
        if dev_handle.answers:
            dev_handle.late -= 1
        return 0 if dev_handle.empty_at_once else self._late(timeout)

    def _late(self, timeout_ms: int) -> int:
        assert timeout_ms > 0, "0 is for ever"
        threading.Event().wait(timeout_ms / 1000)
        raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)

    def _there(self, printer: FakePrinter) -> None:
        if not printer.plugged:
            raise no_device()

    def _usable(self, printer: FakePrinter) -> None:
        self._there(printer)
        if printer.halted:
            raise usb.core.USBError("Pipe error", -9, errno.EPIPE)
