"""A TCP proxy that cuts connections at random bytes, in either direction, as bad radio does."""

import contextlib
import random
import socket
import threading
from dataclasses import dataclass, field

from tests.kit.waiting import PATIENCE_S

CHUNK = 4_096
ACCEPT_S = 0.2
QUIET_S = 0.05
QUIET_MAX = 4
"""A connection that says nothing for so many looks is cut too: an outage does not wait for traffic."""
LONG = 0.12


@dataclass
class CutProxy:
    """Stands before a port of the loopback address until it is closed; `cuts` counts the connections it broke."""

    target: int
    seed: int
    cutting: bool = True
    cuts: int = 0
    cut_bytes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(ACCEPT_S)
        self.port: int = self._socket.getsockname()[1]
        self._start(self._accept)

    def close(self) -> None:
        """Break everything and wait for all threads."""
        self._closing.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._socket.close()

    def _start(self, work, *given) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                near, _ = self._socket.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), timeout=PATIENCE_S)
                except OSError:
                    near.close()
                    continue
                pair = _Pair(near, far, self._budget())
                self._start(self._pump, pair, near, far)
                self._start(self._pump, pair, far, near)

    def _budget(self) -> int | None:
        """Draw after how many bytes, both ways together, a connection is cut: often in the middle of a packet."""
        with self._lock:
            if not self.cutting:
                return None
            # One in eight lives long enough for some batches; the others are cut in a greeting or in the first of them.
            return int(
                10
                ** (self._chance.uniform(4.5, 5.3) if self._chance.random() < LONG else self._chance.uniform(1.5, 4.0))
            )

    def _pump(self, pair: "_Pair", source: socket.socket, sink: socket.socket) -> None:
        source.settimeout(QUIET_S)
        sink.settimeout(PATIENCE_S)
        while not self._closing.is_set() and not pair.broken:
            try:
                data = source.recv(CHUNK)
            except TimeoutError:
                if not (self.cutting and pair.tires()):
                    continue
                with self._lock:
                    self.cuts += 1
                break
            except OSError:
                break
            if not data:
                break
            passed, cut = pair.pass_on(data)
            try:
                sink.sendall(passed)
            except OSError:
                break
            if cut:
                with self._lock:
                    self.cuts += 1
                    self.cut_bytes.append(len(passed))
                break
        pair.end()


class _Pair:
    """Both sockets of one connection, and the bytes it has left."""

    def __init__(self, near: socket.socket, far: socket.socket, budget: int | None) -> None:
        self._sockets = (near, far)
        self._left = budget
        self._lock = threading.Lock()
        self._open = 2
        self._quiet = 0
        self.broken = False

    def tires(self) -> bool:
        """Count a look at a silent connection; True for the one that ends it."""
        with self._lock:
            self._quiet += 1
            if self._left is None or self.broken or self._quiet < 2 * QUIET_MAX:
                return False
            self.broken = True
            return True

    def pass_on(self, data: bytes) -> tuple[bytes, bool]:
        """Give what of the bytes may pass, and whether the cut is behind them."""
        with self._lock:
            if self._left is None:
                return data, False
            if self.broken:
                return b"", False
            passed = data[: self._left]
            self._left -= len(passed)
            self.broken = self._left == 0
            return passed, self.broken

    def end(self) -> None:
        """Break the connection; the last pump closes the sockets."""
        with self._lock:
            self.broken = True
            self._open -= 1
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            if self._open == 0:
                for each in self._sockets:
                    each.close()
