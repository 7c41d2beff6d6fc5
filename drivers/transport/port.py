"""The wire to a printer as bytes with time limits, and the little clock that drivers need from whoever uses them."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time for deadlines; `sync.node.ports.Clock` fits it without an import."""

    def monotonic_ms(self) -> int:
        """Time in ms that never steps; only differences mean anything."""
        ...


class Port(Protocol):
    """One connection to one printer, for one job: opened, used, closed, never reused.

    Every call has a time limit in ms and keeps it. Not thread-safe.
    """

    def open(self, timeout_ms: int) -> None:
        """Connect.

        Raises:
            Unreachable: refused, or no connection in time. Nothing was handed over.
        """
        ...

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over as many bytes as the other side takes now, at least 1; give how many.

        Raises:
            Stalled: not one byte was taken in time.
            Disconnected: the connection is gone; not one of these bytes was taken.
        """
        ...

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived, or wait for it; empty when the time is over.

        Raises:
            Disconnected: the other side closed or reset the connection.
        """
        ...

    def drain(self, timeout_ms: int) -> None:
        """Say that nothing more comes and wait until the other side has read it all and closed, or the time is over.

        Closing at once would reset the connection and throw away what the printer has not read yet (drivers.md §5).
        Never raises.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; any number of times. Never raises."""
        ...


PortFactory = Callable[[], Port]
"""Makes an unopened port for the next job."""
