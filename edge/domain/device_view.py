"""A device as people see it: its state in a word, why, since when, and what it has done (pure)."""

from dataclasses import dataclass
from typing import Final, Literal

DeviceState = Literal["absent", "connecting", "ready", "busy", "degraded", "error", "unknown"]
"""`absent` = not plugged in or not reachable; `degraded` = works, with something a person should see to (paper near its end, no
confirmation); `error` = it says that it cannot work; `unknown` = no answer. No answer is never `ready`."""

LOG_LINES_MAX: Final = 100


@dataclass(frozen=True)
class Counters:
    """What a device did since the node started."""

    jobs: int = 0
    bytes: int = 0
    events: int = 0
    reconnects: int = 0
    errors: int = 0
    unprintable: int = 0


@dataclass(frozen=True)
class LogLine:
    """One thing that happened to a device; `what` is a code the screen has words for, `detail` holds nothing secret."""

    at_ms: int
    device: str
    what: str
    detail: str = ""


@dataclass(frozen=True)
class DeviceView:
    """A device now.

    Attributes:
        cause: why it is in this state, as a code: paper_out, cover_open, refused, no_permission, …; empty when all is well.
        detail: the last error in words for a technician, in English, without secrets.
        held: a person told it to wait.
        facts: what is known of it besides: model, identity, how it confirms, the profile in use.
    """

    id: str
    kind: str
    name: str
    address: str
    state: DeviceState
    cause: str = ""
    since_ms: int = 0
    detail: str = ""
    last_ok_ms: int | None = None
    held: bool = False
    counters: Counters = Counters()
    facts: tuple[tuple[str, str], ...] = ()
    page_url: str = ""


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts to open a device: 1, 2, 5, 10, 30 s, each shortened by up to a quarter by chance (drivers.md §5.5)."""

    failures: int = 0

    STEPS_MS = (1_000, 2_000, 5_000, 10_000, 30_000)

    def failed(self) -> "Backoff":
        """Count one more failure."""
        return Backoff(self.failures + 1)

    def pause_ms(self, chance: float) -> int:
        """Give the pause before the next attempt.

        Args:
            chance: 0 to 1.
        """
        if self.failures == 0:
            return 0
        step_ms = self.STEPS_MS[min(self.failures, len(self.STEPS_MS)) - 1]
        return int(step_ms * (1 - 0.25 * chance))
