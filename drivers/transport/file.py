"""Device files that take bytes: `/dev/usb/lp0` of the kernel's printer driver, a parallel port, a FIFO to another program.

Such a device is one-way unless it answers: who opens it learns from silence nothing but that nothing was said.
"""

import contextlib
import errno
import os
import stat
import termios
import tty
from fcntl import ioctl
from typing import Final

from drivers.errors import Disconnected, Unreachable
from drivers.transport.address import FileAddress
from drivers.transport.wait import close_quietly, read_some, unreachable, watch_only, write_some

_USB_MAJOR: Final = 180
"""The kernel's number for USB printers (linux/major.h)."""
_GET_DEVICE_ID: Final = (2 << 30) | (1_024 << 16) | (ord("P") << 8) | 1
"""LPIOC_GET_DEVICE_ID(1024) of drivers/usb/class/usblp.c: the name a printer gives itself (IEEE 1284), asked on the control
channel, so that nothing can be printed by it."""
_WAYS: Final = (os.O_RDWR, os.O_WRONLY)


class FilePort:
    """One device file; see `Port`. It never creates a file and never writes into a regular one."""

    def __init__(self, address: FileAddress) -> None:
        self._address = address
        self._fd = -1
        self._answers = False
        self._identity = ""

    def open(self, timeout_ms: int) -> None:  # noqa: ARG002 - `Port`'s form
        """Open both ways, else for writing only; at once, whatever the time; see `Port`."""
        assert self._fd < 0, "a port is opened once"
        shown = str(self._address)
        try:
            found = os.stat(self._address.path)  # noqa: PTH116 - pathlib's message says no more
        except OSError as error:
            raise unreachable(shown, error, "lp") from error
        if not (stat.S_ISCHR(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "no device that takes bytes"
            raise Unreachable(f"{shown} is {what}; a printer is /dev/usb/lp0 or the like")
        # A FIFO opened both ways would answer with what was written into it.
        ways = _WAYS[1:] if stat.S_ISFIFO(found.st_mode) else _WAYS
        fd, way = self._first_open(ways)
        self._answers = way == os.O_RDWR
        try:
            if os.isatty(fd):
                # Bytes of a job are no text: no line ends made of them, no echo.
                tty.setraw(fd, termios.TCSANOW)
        except (OSError, termios.error) as error:
            close_quietly(fd)
            raise Unreachable(f"{shown}: {error}") from error
        if os.major(found.st_rdev) == _USB_MAJOR:
            self._identity = _device_id(fd)
        self._fd = fd

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        assert self._fd >= 0, "open the port first"
        return write_some(self._fd, data, timeout_ms, str(self._address))

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; a one-way device stays silent; see `Port`."""
        assert self._fd >= 0, "open the port first"
        if self._answers:
            try:
                return read_some(self._fd, timeout_ms, str(self._address))
            except Disconnected as error:
                if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EINVAL:
                    raise
                self._answers = False  # usblp opens one-way printers for reading, too, and says so only here
        return watch_only(self._fd, timeout_ms, str(self._address))

    def drain(self, timeout_ms: int) -> None:
        """Do nothing: the driver keeps what it took, and nothing tells when the device has it; see `Port`."""

    def identity(self) -> str:
        """Give maker, model and serial number where the printer tells them; see `Port`."""
        return self._identity if self._fd >= 0 else ""

    def close(self) -> None:
        """Close; see `Port`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            close_quietly(fd)

    def _first_open(self, ways: tuple[int, ...]) -> tuple[int, int]:
        """Open in the first way that works; give the descriptor and the way."""
        shown = str(self._address)
        trouble = OSError(errno.ENOENT, "no way to open it")
        for way in ways:
            try:
                return os.open(self._address.path, way | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), way
            except OSError as error:
                trouble = error
        if trouble.errno == errno.ENXIO and ways == _WAYS[1:]:
            raise Unreachable(f"{shown}: nobody reads this FIFO; start the program at its other end") from trouble
        raise unreachable(shown, trouble, "lp") from trouble


def device_id_words(raw: bytes) -> str:
    """Read maker, model and serial number out of an IEEE 1284 device id, such as `MFG:EPSON;MDL:TM-T20II;SN:J4X1;`."""
    text = "".join(sign for sign in raw.decode("utf-8", "replace") if sign.isprintable())
    pairs = (part.partition(":") for part in text.split(";"))
    facts = {name.strip().upper(): value.strip() for name, _, value in pairs}
    maker = facts.get("MFG") or facts.get("MANUFACTURER") or ""
    model = facts.get("MDL") or facts.get("MODEL") or ""
    serial = facts.get("SN") or facts.get("SERN") or facts.get("SERIALNUMBER") or ""
    return " ".join(word for word in (maker, model, f"serial {serial}" if serial else "") if word)[:200]


def _device_id(fd: int) -> str:
    with contextlib.suppress(OSError):
        answer = ioctl(fd, _GET_DEVICE_ID, bytes(1_024))
        # The first two bytes are the length, big endian, themselves included.
        return device_id_words(answer[2 : min(int.from_bytes(answer[:2], "big"), len(answer))])
    return ""
