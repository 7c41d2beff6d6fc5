"""Notices a wall clock that stepped or is far from the hub's, without ever correcting it: facts keep the time they were told.

Order inside a store is the seq, and receipts are numbered by count, so a wrong clock loses nothing. It may put sales on a
wrong business day, and that a person must hear of (protocol §5.12; ux-security §12, test 9). A clock that fell behind does not take
the business day back with it: `Node.today` holds the last one known, until the hub's clock agrees with this one.
"""

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sync.node.ports import Clock

STEP_MS: Final = 5_000
"""A wall clock that moved so much more or less than time went by was set by somebody or something."""
OFF_MS: Final = 120_000
"""So far from the hub's time is no matter of seconds on the way: the clock is wrong."""
RTT_MAX_MS: Final = 20_000
"""An answer that took longer says too little about the time in between."""
BUILT_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before the program was written is wrong, whoever is there to say so."""
FAR_MS: Final = 4_102_444_800_000
"""2100-01-01: so is one so far ahead."""
TOLD_FOR_MS: Final = 12 * 3_600_000
"""How long a step is shown: until the shift that it fell into is over."""
STEPPED: Final = "clock.stepped"
WRONG: Final = "clock.wrong"


class ClockState(StrEnum):
    """What the page says of the clock."""

    OK = "ok"
    STEPPED = "stepped"
    WRONG = "wrong"


@dataclass(frozen=True)
class Step:
    """The wall clock was set.

    Attributes:
        by_ms: forward above 0, back below.
        at_ms: wall time behind the step.
    """

    by_ms: int
    at_ms: int


@dataclass(frozen=True)
class ClockView:
    """The clock now.

    Attributes:
        state: ok, stepped (within the last hours), wrong.
        offset_ms: wall clock minus the hub's; None before the hub said what it has.
        last_step: the last step seen.
    """

    state: ClockState
    offset_ms: int | None
    last_step: Step | None

    @property
    def agrees(self) -> bool:
        """Whether the hub's clock says the same: then this one is right, whatever was booked before."""
        return self.offset_ms is not None and abs(self.offset_ms) < OFF_MS

    @property
    def alarms(self) -> tuple[str, ...]:
        """Codes for the heartbeat."""
        return {ClockState.OK: (), ClockState.STEPPED: (STEPPED,), ClockState.WRONG: (WRONG,)}[self.state]


class ClockWatch:
    """Compares wall time with time gone by, and with the hub's. Any thread may ask it."""

    def __init__(self, clock: Clock) -> None:
        """Begin at this moment."""
        self._clock = clock
        self._lock = threading.Lock()
        self._wall_ms, self._monotonic_ms = clock.now_ms(), clock.monotonic_ms()
        self._offset_ms: int | None = None
        self._step: Step | None = None
        self._step_at_ms = 0

    def look(self) -> Step | None:
        """Compare with the last look; gives a step that happened since. Called every second or so, and at each sale."""
        with self._lock:
            wall_ms, monotonic_ms = self._clock.now_ms(), self._clock.monotonic_ms()
            by_ms = (wall_ms - self._wall_ms) - (monotonic_ms - self._monotonic_ms)
            self._wall_ms, self._monotonic_ms = wall_ms, monotonic_ms
            if abs(by_ms) < STEP_MS:
                return None
            self._step, self._step_at_ms = Step(by_ms, wall_ms), monotonic_ms
            if self._offset_ms is not None:
                self._offset_ms += by_ms
            return self._step

    def hub_said(self, hub_ms: int, asked_monotonic_ms: int) -> int | None:
        """Take the hub's time from WELCOME; gives the offset, or None when the answer took too long to say anything.

        Args:
            hub_ms: the hub's wall time when it answered.
            asked_monotonic_ms: this machine's monotonic time when it asked; the answer is taken to be half-way.
        """
        self.look()
        with self._lock:
            took_ms = self._clock.monotonic_ms() - asked_monotonic_ms
            if not 0 <= took_ms <= RTT_MAX_MS:
                return None
            self._offset_ms = self._clock.now_ms() - took_ms // 2 - hub_ms
            return self._offset_ms

    def view(self) -> ClockView:
        """Say how the clock is."""
        self.look()
        with self._lock:
            return ClockView(self._state(), self._offset_ms, self._step)

    def _state(self) -> ClockState:
        if not BUILT_MS <= self._clock.now_ms() <= FAR_MS:
            return ClockState.WRONG
        if self._offset_ms is not None:
            return ClockState.WRONG if abs(self._offset_ms) >= OFF_MS else ClockState.OK
        recent = self._step is not None and self._clock.monotonic_ms() - self._step_at_ms < TOLD_FOR_MS
        return ClockState.STEPPED if recent else ClockState.OK
