"""Devices that type (scanners and card readers in keyboard mode): records of the kernel's event interface, whole ones only.

The device is grabbed, so that what is scanned does not land in whatever has the focus on the screen. Anything else that
yields such records (a pty, a FIFO) can stand in for one. On a 64-bit kernel a record is a C `struct input_event` (`llHHi`).
"""

import contextlib
import errno
import os
import stat
import termios
import tty
from fcntl import ioctl
from typing import Final

from drivers.errors import DeviceRejected, InUse, Unreachable
from drivers.transport.address import HidAddress
from drivers.transport.wait import close_quietly, read_some, unreachable

RECORD_BYTES: Final = 24

# linux/input.h; an ioctl number is direction (2 bits), size (14), family (8), command (8).
_GRAB: Final = (1 << 30) | (4 << 16) | (ord("E") << 8) | 0x90
"""EVIOCGRAB: 1 = events come to this descriptor alone."""
_NAME: Final = (2 << 30) | (256 << 16) | (ord("E") << 8) | 0x06
"""EVIOCGNAME(256)."""
_UNIQUE: Final = (2 << 30) | (256 << 16) | (ord("E") << 8) | 0x08
"""EVIOCGUNIQ(256): the serial number."""


class HidPort:
    """One device that types; see `Port`."""

    def __init__(self, address: HidAddress) -> None:
        self._address = address
        self._fd = -1
        self._rest = bytearray()
        self._identity = ""

    def open(self, timeout_ms: int) -> None:  # noqa: ARG002 - `Port`'s form
        """Open and grab; at once, whatever the time; see `Port`."""
        assert self._fd < 0, "a port is opened once"
        shown, path = str(self._address), self._address.path
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 - pathlib's message says no more
            if not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)):
                raise Unreachable(f"{shown} is no input device; look up its name on the device page")
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise unreachable(shown, error, "input") from error
        try:
            if os.isatty(fd):
                tty.setraw(fd, termios.TCSANOW)
            self._identity = _grabbed(fd)
        except termios.error as error:
            close_quietly(fd)
            raise Unreachable(f"{shown}: {error}") from error
        except OSError as error:
            close_quietly(fd)
            if error.errno == errno.EBUSY:
                raise InUse(f"{shown} is grabbed by another program; stop that program") from error
            raise unreachable(shown, error, "input") from error
        self._fd = fd

    def write(self, data: bytes, timeout_ms: int) -> int:  # noqa: ARG002 - `Port`'s form
        """Refuse: nothing is written to a device that types; see `Port`."""
        raise DeviceRejected(f"{self._address}: nothing can be written to a device that types")

    def read(self, timeout_ms: int) -> bytes:
        """Give whole records, or wait for them; see `Port`."""
        assert self._fd >= 0, "open the port first"
        self._rest += read_some(self._fd, timeout_ms, str(self._address), RECORD_BYTES * 64)
        whole = len(self._rest) - len(self._rest) % RECORD_BYTES
        records = bytes(self._rest[:whole])
        # What was typed may be a payment code or a card: it is wiped, not only let go.
        self._rest[:whole] = bytes(whole)
        del self._rest[:whole]
        return records

    def drain(self, timeout_ms: int) -> None:
        """Do nothing: nothing is ever written; see `Port`."""

    def identity(self) -> str:
        """Give the device's name and serial number; see `Port`."""
        return self._identity if self._fd >= 0 else ""

    def close(self) -> None:
        """Close, which ends the grab; see `Port`."""
        fd, self._fd = self._fd, -1
        self._rest[:] = bytes(len(self._rest))
        self._rest.clear()
        if fd >= 0:
            close_quietly(fd)


def _grabbed(fd: int) -> str:
    """Grab an input device and give its name; what is none (ENOTTY, EINVAL) is left as it is.

    Raises:
        OSError: EBUSY, another program has it; ENODEV, it is gone.
    """
    try:
        ioctl(fd, _GRAB, 1)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            return ""
        raise
    return " serial ".join(word for word in (_text(fd, _NAME), _text(fd, _UNIQUE)) if word)


def _text(fd: int, command: int) -> str:
    with contextlib.suppress(OSError):
        raw = ioctl(fd, command, bytes(256)).partition(b"\0")[0].decode("utf-8", "replace")
        return "".join(sign for sign in raw if sign.isprintable()).strip()
    return ""
