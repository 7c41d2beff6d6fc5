"""Ports that a test picks now and somebody opens later, perhaps several times: nobody else gets them in between."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST, COUNT = 20_000, 10_000
"""Below what the system deals out by itself (`ip_local_port_range`): a connection of somebody else never takes one of these."""
_held: list[int] = []
"""Locks of the ports this process picked; they end with it."""


def free_port() -> int:
    """Give a port of the loopback address that nobody listens on and that no other test is given while this process lives."""
    folder = Path(tempfile.gettempdir()) / f"zhanggui-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in _candidates():
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((LOOPBACK, port))
        except OSError:
            os.close(lock)
            continue
        _held.append(lock)
        return port
    raise AssertionError(f"no port from {LOWEST} to {LOWEST + COUNT - 1} is free")


def _candidates() -> Iterator[int]:
    """Begin somewhere else in each process, so that few look at the same ones."""
    first = os.getpid() * 37
    yield from (LOWEST + (first + step) % COUNT for step in range(COUNT))
