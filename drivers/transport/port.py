"""The wire to a device as bytes with time limits, and the little clock that drivers need from whoever uses them."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time for deadlines; `sync.node.ports.Clock` fits it without an import."""

    def monotonic_ms(self) -> int:
        """Time in ms that never steps; only differences mean anything."""
        ...


class Port(Protocol):
    """One connection to one device: opened, used, closed, never reused. A printer gets one for each job.

    Every call has a time limit in ms and keeps it. Not thread-safe: one thread owns a port. After `Disconnected` only
    `close` may follow.
    """

    def open(self, timeout_ms: int) -> None:
        """Connect.

        Raises:
            Unreachable: absent, refused, taken by somebody else, or no connection in time. Nothing was handed over.
        """
        ...

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over as many bytes as the other side takes now, at least 1; give how many.

        Raises:
            Stalled: not one byte was taken in time.
            Disconnected: the connection is gone; not one of these bytes was taken.
            DeviceRejected: nothing can be written to this device (a keyboard, for example).
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

        Closing at once would reset the connection and throw away what the device has not read yet (drivers.md §5).
        Never raises.
        """
        ...

    def identity(self) -> str:
        """Say what the system knows this device as, such as `127.0.0.1:9100` or a USB name with its serial number.

        Empty when nothing is known and when the port is not open. Nothing is written to the device for it. Never raises.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; any number of times. Never raises."""
        ...


PortFactory = Callable[[], Port]
"""Makes an unopened port for the next connection."""
