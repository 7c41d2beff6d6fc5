"""USB devices of the printer class (7), spoken to without the kernel's printer driver, through pyusb and libusb.

The endpoints come from the device's own descriptors: fixed numbers fit some makers only (drivers.md §1).
"""

import contextlib
import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from drivers.errors import Absent, Disconnected, InUse, NotPermitted, NotSupported, Stalled, Unreachable
from drivers.transport.address import UsbAddress
from drivers.transport.wait import SLICE_MS, pause

if TYPE_CHECKING:
    from usb.backend import IBackend

PRINTER_CLASS: Final = 7
WRITE_BYTES: Final = 4_096
"""Most bytes of one write: a slow printer takes them within a time limit, and says how many it took."""
_PROTOCOLS: Final = (2, 1)
"""Both ways before one way; the others (IEEE 1284.4, IPP) are no plain byte streams."""
_STRING_MS: Final = 250
"""How long the device may take for a string about itself."""


class UsbPort:
    """One USB printer; see `Port`. While it is open no other program can print on it."""

    def __init__(self, address: UsbAddress, backend: "IBackend | None" = None) -> None:
        self._address = address
        self._backend = backend
        self._device: Any = None
        self._out: Any = None
        self._in: Any = None
        self._identity = ""

    def open(self, timeout_ms: int) -> None:
        """Find and claim the printer; see `Port`.

        The kernel's own driver is put aside and stays so: handing back after each job would make every job look like a
        printer that was pulled out and plugged in.
        """
        assert self._device is None, "a port is opened once"
        try:
            import usb.core  # noqa: PLC0415 - only who has a USB printer needs the library
            import usb.util  # noqa: PLC0415 - as above
        except ImportError as error:
            raise NotSupported(f"{self._address}: pyusb is missing; install zhanggui[edge]") from error
        device: Any = None
        try:
            device = self._found()
            device.default_timeout = max(min(timeout_ms, _STRING_MS), 1)
            interface = self._claimed(device)
        except usb.core.NoBackendError as error:
            raise NotSupported(
                f"{self._address}: libusb is missing; install the system package libusb-1.0-0"
            ) from error
        except usb.core.USBError as error:
            if device is not None:
                usb.util.dispose_resources(device)
            raise self._unreachable(error) from error
        except Unreachable:
            if device is not None:
                usb.util.dispose_resources(device)
            raise
        for endpoint in interface:
            if usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK:
                if usb.util.endpoint_direction(endpoint.bEndpointAddress) == usb.util.ENDPOINT_OUT:
                    self._out = self._out or endpoint
                else:
                    self._in = self._in or endpoint
        self._device = device
        self._identity = _identity(device)

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes and give how many the printer took; see `Port`."""
        import usb.core  # noqa: PLC0415 - loaded by open

        assert self._device is not None, "open the port first"
        try:
            taken = int(self._out.write(data[:WRITE_BYTES], max(timeout_ms, 1)))
        except usb.core.USBTimeoutError as error:
            raise Stalled(f"{self._address}: took nothing for {timeout_ms} ms") from error
        except usb.core.USBError as error:
            raise self._gone(error, self._out) from error
        if taken <= 0:
            raise Stalled(f"{self._address}: took nothing")
        return taken

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`.

        Printers answer late, and some say "nothing" at once instead of waiting: so it is asked again every 50 ms until the
        time is over (drivers.md §3).
        """
        import usb.core  # noqa: PLC0415 - loaded by open

        assert self._device is not None, "open the port first"
        for slice_ms in slices(timeout_ms):
            if self._in is None:
                pause(slice_ms)
                continue
            try:
                # Less than a whole packet of room would make an overflow of a longer answer.
                answer = bytes(self._in.read(max(self._in.wMaxPacketSize, 64) * 8, slice_ms))
            except usb.core.USBTimeoutError:
                continue
            except usb.core.USBError as error:
                raise self._gone(error, self._in) from error
            if answer:
                return answer
            pause(slice_ms)
        return b""

    def drain(self, timeout_ms: int) -> None:
        """Do nothing: what a write counted is in the printer already; see `Port`."""

    def identity(self) -> str:
        """Give maker, product and serial number; see `Port`."""
        return self._identity if self._device is not None else ""

    def close(self) -> None:
        """Release the printer; see `Port`."""
        device, self._device = self._device, None
        self._out = self._in = None
        if device is None:
            return
        import usb.core  # noqa: PLC0415 - loaded by open
        import usb.util  # noqa: PLC0415 - loaded by open

        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(device)

    def _found(self) -> Any:  # noqa: ANN401 - pyusb has no types
        """Find the one device the address means."""
        import usb.core  # noqa: PLC0415 - loaded by open
        import usb.util  # noqa: PLC0415 - loaded by open

        address = self._address
        matches = list(
            usb.core.find(find_all=True, backend=self._backend, idVendor=address.vendor, idProduct=address.product)
        )
        if not matches:
            raise Absent(f"{address} is not there; plug it in and switch it on")
        if address.serial.startswith("@"):
            chosen = [device for device in matches if f"@{socket_name(device)}" == address.serial]
        elif address.serial:
            chosen = [device for device in matches if _string(device, "serial_number") == address.serial]
        else:
            chosen = matches
        if len(chosen) == 1:
            return chosen[0]
        usual = f"usb://{address.vendor:04x}:{address.product:04x}"
        names = ", ".join(
            f"{usual}/{_string(device, 'serial_number') or '@' + socket_name(device)}" for device in matches
        )
        for device in matches:
            usb.util.dispose_resources(device)
        if chosen:
            raise Unreachable(f"{address} could be any of {len(chosen)} printers; write which one: {names}")
        raise Absent(f"{address} is not there, but {names} is; plug it in, or mend the address")

    def _claimed(self, device: Any) -> Any:  # noqa: ANN401 - pyusb has no types
        """Take the printer's interface from whoever has it by default; give the interface."""
        import usb.core  # noqa: PLC0415 - loaded by open
        import usb.util  # noqa: PLC0415 - loaded by open

        try:
            configuration = device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:
                raise
            device.set_configuration()  # switched on a moment ago: nobody has chosen one yet
            configuration = device.get_active_configuration()
        interfaces = [each for each in configuration if each.bInterfaceClass == PRINTER_CLASS]
        for protocol in _PROTOCOLS:
            for interface in interfaces:
                if interface.bInterfaceProtocol == protocol and _has_bulk_out(interface):
                    number = interface.bInterfaceNumber
                    with contextlib.suppress(NotImplementedError):  # only Linux has such drivers
                        if device.is_kernel_driver_active(number):
                            device.detach_kernel_driver(number)
                    usb.util.claim_interface(device, number)
                    if interface.bAlternateSetting or sum(i.bInterfaceNumber == number for i in interfaces) > 1:
                        interface.set_altsetting()
                    return interface
        raise Unreachable(
            f"{self._address} is no printer that takes plain bytes; look for its serial or network address"
        )

    def _unreachable(self, error: OSError) -> Unreachable:
        match error.errno:
            case errno.EACCES | errno.EPERM:
                remedy = "put the account that runs the node into the group lp and add a udev rule for this printer"
                return NotPermitted(f"{self._address}: permission denied; {remedy}")
            case errno.EBUSY:
                return InUse(
                    f"{self._address} is in use by another program (a print queue of the system?); stop it there"
                )
            case errno.ENODEV | errno.ENOENT:
                return Absent(f"{self._address} was just pulled out; plug it in")
            case _:
                return Unreachable(f"{self._address}: {error}; switch the printer off and on")

    def _gone(self, error: OSError, endpoint: Any) -> Disconnected:  # noqa: ANN401 - pyusb has no types
        if error.errno == errno.EPIPE:
            import usb.core  # noqa: PLC0415 - loaded by open

            # The endpoint refuses everything until this is said; without it the next connection would fail, too.
            with contextlib.suppress(usb.core.USBError):
                endpoint.clear_halt()
        return Disconnected(f"{self._address}: {error}")


def slices(timeout_ms: int) -> Iterator[int]:
    """Cut a time limit into waits of at most 50 ms, at least one."""
    left_ms = max(timeout_ms, 1)
    while left_ms > 0:
        yield min(left_ms, SLICE_MS)
        left_ms -= SLICE_MS


def socket_name(device: Any) -> str:  # noqa: ANN401 - pyusb has no types
    """Name the socket a device is plugged into as the kernel does: bus, then the ports on the way, `1-2.3`."""
    return f"{device.bus}-{'.'.join(map(str, device.port_numbers or ()))}"


def _has_bulk_out(interface: Any) -> bool:  # noqa: ANN401 - pyusb has no types
    return any(end.bmAttributes & 0x03 == 0x02 and not end.bEndpointAddress & 0x80 for end in interface)


def _string(device: Any, name: str) -> str:  # noqa: ANN401 - pyusb has no types
    """Read one string the device tells about itself; empty when it has none or may not be asked."""
    with contextlib.suppress(OSError, ValueError, UnicodeError):
        text = str(getattr(device, name) or "")
        return "".join(sign for sign in text if sign.isprintable()).strip()
    return ""


def _identity(device: Any) -> str:  # noqa: ANN401 - pyusb has no types
    serial = _string(device, "serial_number")
    words = (_string(device, "manufacturer"), _string(device, "product"), f"serial {serial}" if serial else "")
    return " ".join(word for word in words if word) or f"usb {socket_name(device)}"
