"""Waiting on a file descriptor, and what an error of opening or using a device file means to a person.

`poll`, not `select`: `select` cannot watch descriptors above 1023, and a node has many files open.
"""

import contextlib
import errno
import os
import select
import threading
from typing import Final

from drivers.errors import Absent, Disconnected, InUse, NotPermitted, Stalled, Unreachable

READ_BYTES: Final = 4_096
SLICE_MS: Final = 50
"""How long to wait before asking again a device that says it is ready and then gives nothing."""

_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL
_ABSENT: Final = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR)
_FULL: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOSPC)
"""ENOSPC is how the kernel's printer driver says that the paper is out."""


def unreachable(shown: str, error: OSError, group: str) -> Unreachable:
    """Turn an error of opening into one that says what to do.

    Args:
        shown: the address.
        error: what the system said.
        group: the group of accounts that may use such devices.
    """
    match error.errno:
        case number if number in _ABSENT:
            return Absent(f"{shown} is not there; plug it in, or look up its new name on the device page")
        case errno.EACCES | errno.EPERM:
            remedy = f"put the account that runs the node into the group {group}, then start the node again"
            return NotPermitted(f"{shown}: permission denied; {remedy}")
        case errno.EBUSY | errno.EAGAIN:
            return InUse(f"{shown} is in use by another program; stop that program")
        case _:
            return Unreachable(f"{shown}: {error}")


def write_some(fd: int, data: bytes, timeout_ms: int, shown: str) -> int:
    """Write what a non-blocking descriptor takes now, or wait until it takes something.

    Raises:
        Stalled: it took nothing in time.
        Disconnected: it is gone.
    """
    watch = select.poll()
    watch.register(fd, select.POLLOUT)
    # The second look is for a driver that says "ready" and is full all the same: it gets one slice more, not a busy loop.
    for wait_ms in (timeout_ms, min(timeout_ms, SLICE_MS)):
        events = watch.poll(max(wait_ms, 1))
        if not events:
            break
        try:
            taken = os.write(fd, data)
        except OSError as error:
            if error.errno not in _FULL:
                raise Disconnected(f"{shown}: {error}") from error
            pause(min(timeout_ms, SLICE_MS))
            continue
        if taken > 0:
            return taken
        pause(min(timeout_ms, SLICE_MS))
    raise Stalled(f"{shown}: took nothing for {timeout_ms} ms")


def read_some(fd: int, timeout_ms: int, shown: str, size: int = READ_BYTES) -> bytes:
    """Read what there is, or wait for it; empty when the time is over.

    Raises:
        Disconnected: it is gone.
    """
    watch = select.poll()
    watch.register(fd, select.POLLIN)
    events = watch.poll(max(timeout_ms, 1))
    if not events:
        return b""
    try:
        data = os.read(fd, size)
    except BlockingIOError:
        data = b""
    except OSError as error:
        raise Disconnected(f"{shown}: {error}") from error
    if not data:
        if events[0][1] & _GONE:
            raise Disconnected(f"{shown}: unplugged, or closed by the other side")
        pause(min(timeout_ms, SLICE_MS))
    return data


def watch_only(fd: int, timeout_ms: int, shown: str) -> bytes:
    """Wait on a descriptor that can say nothing but that it is gone; always empty.

    Raises:
        Disconnected: it is gone.
    """
    watch = select.poll()
    watch.register(fd, 0)
    if watch.poll(max(timeout_ms, 1)):
        raise Disconnected(f"{shown}: unplugged, or closed by the other side")
    return b""


def pause(wait_ms: int) -> None:
    """Let time pass where there is nothing to watch."""
    threading.Event().wait(max(wait_ms, 1) / 1000)


def close_quietly(fd: int) -> None:
    """Close a descriptor whatever state its device is in."""
    with contextlib.suppress(OSError):
        os.close(fd)
