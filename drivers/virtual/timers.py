"""Things that a twin does a little later: cool down, answer late, type the next key. One thread, a clock handed in."""

import heapq
import logging
import threading
from collections.abc import Callable
from itertools import count
from typing import Protocol

from drivers.transport.port import Clock

log = logging.getLogger(__name__)


class Later(Protocol):
    """Does things after a while."""

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        """Do something so many ms from now, in a thread that is not the caller's."""
        ...


class Timers:
    """The one thread in which all twins of a process do their later things, in the order of their time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="twin-timers", daemon=True)

    def start(self) -> None:
        """Begin to do what is due."""
        self._thread.start()

    def stop(self) -> None:
        """Do nothing any more, and wait for what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        """Do something so many ms from now; what is due at the same time is done in the order it was asked for."""
        with self._changed:
            heapq.heappush(self._due, (self._clock.monotonic_ms() + delay_ms, next(self._order), do))
            self._changed.notify_all()

    def _run(self) -> None:
        while (do := self._next()) is not None:
            try:
                do()
            except OSError as error:
                # A wire that broke in this moment; the thread is everybody's and goes on.
                log.info("twin.later_failed", extra={"error": str(error)})

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopping:
                wait_ms = self._due[0][0] - self._clock.monotonic_ms() if self._due else None
                if wait_ms is not None and wait_ms <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(None if wait_ms is None else wait_ms / 1000)
            return None
