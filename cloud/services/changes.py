"""A bell that rings when the read models moved, so that live pages need not poll the database."""

import threading


class Changes:
    """Counts changes; waiters sleep until the count passes the one they saw. Any thread may use it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How often something changed so far."""
        with self._condition:
            return self._count

    @property
    def closed(self) -> bool:
        """Whether the hub is stopping: live streams must end now."""
        with self._condition:
            return self._closed

    def ring(self) -> None:
        """Note a change and wake the waiters."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def close(self) -> None:
        """Wake every waiter for the last time."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until the count is above `seen`, the bell is closed, or the time is up.

        Returns:
            The count now.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._count > seen, timeout=timeout_s)
            return self._count
