"""How long a printer may take: time limits for each step, and what they are stretched by for long jobs and slow lines (pure)."""

from dataclasses import dataclass, replace
from typing import Final

BUFFER_BYTES: Final = 4_096
"""What a common printer takes in advance; what is longer waits for the paper to move."""
PAPER_BYTES_PER_S: Final = 2_000
"""How fast dense text becomes paper on a slow printer: 48 bytes are 30 dots, 80 mm/s are 21 such lines in a second."""

_WASH_BYTES_PER_S: Final = 20_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits in ms: to connect, per status answer, per write, from the last byte to the confirmation, to drain."""

    connect_ms: int = 3_000
    status_ms: int = 1_000
    write_ms: int = 5_000
    confirm_ms: int = 10_000
    drain_ms: int = 2_000

    def for_job(self, count: int, bytes_per_s: int | None) -> "Timeouts":
        """Stretch what depends on a job's length.

        Args:
            count: bytes of the job.
            bytes_per_s: speed of a serial line, where bytes that the system took are still on their way; None = any other.
        """
        wire_ms = wire_time_ms(count, bytes_per_s)
        paper_ms = max(0, count - BUFFER_BYTES) * 1_000 // PAPER_BYTES_PER_S
        return replace(self, confirm_ms=self.confirm_ms + wire_ms + paper_ms, drain_ms=self.drain_ms + wire_ms)


def wire_time_ms(count: int, bytes_per_s: int | None) -> int:
    """Give how long so many bytes are under way on a serial line; 0 where no speed is known."""
    return count * 1_000 // bytes_per_s if bytes_per_s else 0


def wash_time_ms(on_open: bytes) -> int:
    """Give how long a printer may take to work off the NULs that fill up a picture broken off."""
    return len(on_open) * 1_000 // _WASH_BYTES_PER_S
