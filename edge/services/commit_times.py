"""How long the transactions of the node take, for `/metrics`."""

import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from sync.node.database import Reader, Storage, Tx
from sync.node.ports import Clock

T = TypeVar("T")

BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 3_000)
"""A sale waits for its commit: beyond 3 s the writer counts as silent."""


class CommitTimes:
    """A histogram of transactions, the wait for the writer included. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self._sum_ms = 0

    def took(self, length_ms: int) -> None:
        """Count a transaction that was committed."""
        place = next((at for at, bound in enumerate(BOUNDS_MS) if length_ms <= bound), len(BOUNDS_MS))
        with self._lock:
            self._counts[place] += 1
            self._sum_ms += length_ms

    def told(self) -> tuple[list[int], int]:
        """Give the counts, each of its own span (the last above every bound), and the sum in ms."""
        with self._lock:
            return list(self._counts), self._sum_ms


class TimedStorage:
    """A storage that tells how long each transaction took."""

    def __init__(self, inner: Storage, times: CommitTimes, clock: Clock) -> None:
        """Stand before a storage."""
        self._inner = inner
        self._times = times
        self._clock = clock

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction."""
        began_ms = self._clock.monotonic_ms()
        result = self._inner.write(work)
        self._times.took(self._clock.monotonic_ms() - began_ms)
        return result

    def read(self) -> contextlib.AbstractContextManager[Reader]:
        """Lend a reader."""
        return self._inner.read()
