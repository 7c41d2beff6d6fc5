"""Serial devices: RS-232 ports, USB adapters and scanners in COM mode, and the ptys of twins.

pyserial sets the line up; bytes go through the descriptor itself, without blocking, so that a device that reads nothing costs
its time limit and no more. (Without a write time limit a printer that does not read holds its caller for ever: drivers.md §6.)
"""

import contextlib
import errno
import os
import stat
import struct
import termios
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.errors import NotSupported, Unreachable
from drivers.transport.address import SerialAddress
from drivers.transport.wait import pause, read_some, unreachable, write_some

if TYPE_CHECKING:
    from serial import Serial

DEV: Final = Path("/dev")
SYS: Final = Path("/sys")
_DRAIN_STEP_MS: Final = 10


def stable_path(path: str, dev_root: Path = DEV, sys_root: Path = SYS) -> str:
    """Give the name of a serial port that stays when it is plugged in anew: by its serial number, else by its socket.

    Adapters without a serial number (CH340) share one by-id name among them, so theirs is the name by path (drivers.md §5).
    The path itself when the system has neither name.
    """
    with contextlib.suppress(OSError):
        node = Path(path).resolve(strict=True)
        folders = ("by-id", "by-path") if usb_fact(node.name, "serial", sys_root) else ("by-path", "by-id")
        for folder in folders:
            for name in sorted((dev_root / "serial" / folder).glob("*")):
                if name.resolve() == node:
                    return str(name)
    return path


def usb_fact(tty: str, fact: str, sys_root: Path = SYS) -> str:
    """Read a fact (`serial`, `idVendor`, `product`) of the USB device behind a tty; empty when there is none."""
    with contextlib.suppress(OSError, ValueError):
        folder = (sys_root / "class" / "tty" / tty / "device").resolve(strict=True)
        for place in (folder, *folder.parents):
            if (place / "idVendor").is_file():
                return (place / fact).read_text(encoding="utf-8", errors="replace").strip()
            if place == sys_root.resolve():
                break
    return ""


class SerialPort:
    """One serial line; see `Port`. While it is open no second one can be (an advisory lock)."""

    def __init__(self, address: SerialAddress, dev_root: Path = DEV, sys_root: Path = SYS) -> None:
        self._address = address
        self._roots = (dev_root, sys_root)
        self._line: Serial | None = None
        self._identity = ""

    def open(self, timeout_ms: int) -> None:  # noqa: ARG002 - `Port`'s form
        """Open and set the line up; at once, whatever the time; see `Port`."""
        assert self._line is None, "a port is opened once"
        try:
            import serial  # noqa: PLC0415 - only who has a serial device needs the library
        except ImportError as error:
            raise NotSupported(f"{self._address}: pyserial is missing; install zhanggui[edge]") from error
        address = self._address
        try:
            if not stat.S_ISCHR(os.stat(address.path).st_mode):  # noqa: PTH116 - pathlib's message says no more
                raise Unreachable(f"{address} is no serial port; look up its name on the device page")
            self._line = serial.Serial(
                address.path,
                baudrate=address.baud,
                bytesize=address.bits,
                parity=address.parity,
                stopbits=address.stop,
                timeout=0,
                write_timeout=0,
                xonxoff=address.flow == "xonxoff",
                rtscts=address.flow == "rtscts",
                exclusive=True,
            )
        except (OSError, termios.error) as error:
            # SerialException is an OSError, but hides the number in its text when the line cannot be set up.
            raise unreachable(str(address), _numbered(error), "dialout") from error
        except ValueError as error:
            raise Unreachable(f"{address}: the adapter cannot do these settings ({error}); mend the address") from error
        name = stable_path(address.path, *self._roots)
        self._identity = Path(name).name if "/serial/by-" in name else ""

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        return write_some(self._fd(), data, timeout_ms, str(self._address))

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`."""
        return read_some(self._fd(), timeout_ms, str(self._address))

    def drain(self, timeout_ms: int) -> None:
        """Wait until the kernel has sent all; see `Port`. A device that holds the line ends it when the time is over."""
        if self._line is None:
            return
        for _ in range(max(timeout_ms // _DRAIN_STEP_MS, 1)):
            if _unsent_bytes(self._line.fileno()) == 0:
                return
            pause(_DRAIN_STEP_MS)

    def identity(self) -> str:
        """Give the name under `/dev/serial` that stays; see `Port`."""
        return self._identity if self._line is not None else ""

    def close(self) -> None:
        """Close; see `Port`."""
        line, self._line = self._line, None
        if line is None:
            return
        # What the device has not taken by now is dropped: the kernel would wait 30 s for it. (Only then: on a pty this drops
        # what the other side has not read yet.) A port that was pulled out answers with an error to everything.
        with contextlib.suppress(OSError, termios.error):
            if _unsent_bytes(line.fileno()):
                termios.tcflush(line.fileno(), termios.TCOFLUSH)
        with contextlib.suppress(OSError, termios.error):
            line.close()

    def _fd(self) -> int:
        assert self._line is not None, "open the port first"
        return int(self._line.fileno())


def _unsent_bytes(fd: int) -> int:
    """Ask how many bytes the kernel still holds for the device; none when it is gone."""
    with contextlib.suppress(OSError):
        (waiting,) = struct.unpack("i", ioctl(fd, termios.TIOCOUTQ, b"\0" * 4))
        return int(waiting)
    return 0


def _numbered(error: Exception) -> OSError:
    """Find the error with a number in a chain of errors."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.errno is not None:
            return link
        if isinstance(link, termios.error) and link.args:
            return OSError(int(link.args[0]), os.strerror(int(link.args[0])))
        link = link.__context__
    return error if isinstance(error, OSError) else OSError(errno.EIO, str(error))
