"""What a scale says, and when a weight may be charged for (pure).

A price is never computed from a weight that moves, is not above nothing, is of an unknown unit, or is old: all of these are
`NotUsable`, each with its reason, and never the last good weight (drivers.md §2.5).
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Unit = Literal["kg", "g", "lb", "jin"]
Reason = Literal["overload", "negative", "unit", "motion_for_long", "garbled", "not_answering"]

_CENTI_MG: Final[dict[Unit, int]] = {"kg": 100_000_000, "g": 100_000, "lb": 45_359_237, "jin": 50_000_000}
"""Hundredths of a milligram in one unit; the pound is exactly 453.59237 g, the 市斤 exactly 500 g."""
_NOISE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Weight:
    """What lies on the pan, in whole milligrams; 0 with `stable` off when the scale only says that it moves."""

    weight_mg: int
    stable: bool


@dataclass(frozen=True, slots=True)
class ScaleTrouble:
    """Why there is no weight.

    `overload`, `negative` (below zero, or the scale has lost its zero: empty the pan and zero it), `unit` (not a weight in a
    unit that we know), `garbled` (bytes of another dialect or another speed). `motion_for_long` and `not_answering` come
    from whoever watches the clock.
    """

    reason: Reason


Reading = Weight | ScaleTrouble


class Dialect(Protocol):
    """One way that scales talk: bytes in, readings out; no I/O, no clock, whatever the bytes are cut into.

    Attributes:
        name: as it stands in the settings.
        question: what to send to get an answer; empty for a scale that talks by itself.
        poll_ms: how long to wait before the next question.
    """

    name: str
    question: bytes
    poll_ms: int

    def feed(self, data: bytes) -> list[Reading]:
        """Take bytes as they come; give the readings that they complete, in order. Only the last is what lies there now.

        Never raises. What is kept between calls is less than one frame, however much is fed.
        """
        ...

    def reset(self) -> None:
        """Forget the beginning of a frame: the connection is new."""
        ...


def milligrams(value: int, decimals: int, unit: Unit) -> int:
    """Turn a figure as the scale shows it into whole milligrams, half up: 486 with 3 decimals in kg is 486 000 mg."""
    divisor = 100 * int(10**decimals)
    return (2 * value * _CENTI_MG[unit] + divisor) // (2 * divisor)


class Noise:
    """Counts bytes that belong to no frame and says now and then that the scale cannot be understood.

    At the start some bytes are the rest of a frame that began before us, so only 64 of them are worth a word. Once frames
    were understood, the first one that is not says so at once: the weight before it no longer counts.
    """

    def __init__(self) -> None:
        self._dropped = 0
        self._in_step = False

    def frame(self) -> None:
        """Note a good frame."""
        self._dropped = 0
        self._in_step = True

    def drop(self, count: int = 1) -> list[Reading]:
        """Note dropped bytes; the same number of bytes gives the same troubles, one at a time or together."""
        before = self._dropped
        self._dropped += count
        due = self._dropped // _NOISE_BYTES - before // _NOISE_BYTES
        if self._in_step:
            self._in_step = False
            due += 1
        return [ScaleTrouble("garbled")] * due


@dataclass(frozen=True, slots=True)
class Usable:
    """A weight that may be charged for."""

    weight_mg: int


@dataclass(frozen=True, slots=True)
class NotUsable:
    """No weight to charge for: a reason of `ScaleTrouble`, or `unknown` (nothing heard lately), `unstable`, `empty`."""

    reason: str


class SteadyWeight:
    """Says whether there is a weight to charge for now: stable, above nothing, and heard of just now.

    Args:
        settle_ms: how long the same stable weight must have been seen; 0 believes the scale at once.
        stale_ms: how long a reading counts; after that nothing is known, whatever was there before.
        motion_ms: how long a scale may be moving before that is a trouble of its own (a draught, a hand on the pan).
    """

    def __init__(self, settle_ms: int, stale_ms: int = 1_500, motion_ms: int = 10_000) -> None:
        self._settle_ms = settle_ms
        self._stale_ms = stale_ms
        self._motion_ms = motion_ms
        self._last: Reading | None = None
        self._heard_ms = 0
        self._since_ms = 0
        self._moving_since_ms: int | None = None

    def take(self, reading: Reading, now_ms: int) -> None:
        """Take what the scale said just now; times are of one monotonic clock."""
        silent = self._last is None or now_ms - self._heard_ms > self._stale_ms
        if silent or reading != self._last:
            self._since_ms = now_ms
        if not isinstance(reading, Weight) or reading.stable:
            self._moving_since_ms = None
        elif self._moving_since_ms is None or silent:
            self._moving_since_ms = now_ms
        self._last = reading
        self._heard_ms = now_ms

    def at(self, now_ms: int) -> Usable | NotUsable:
        """Say what there is to charge for."""
        if self._last is None or now_ms - self._heard_ms > self._stale_ms:
            return NotUsable("unknown")
        if isinstance(self._last, ScaleTrouble):
            return NotUsable(self._last.reason)
        if not self._last.stable:
            since_ms = self._heard_ms if self._moving_since_ms is None else self._moving_since_ms
            return NotUsable("motion_for_long" if now_ms - since_ms >= self._motion_ms else "unstable")
        if self._last.weight_mg < 0:
            return NotUsable("negative")
        if self._last.weight_mg == 0:
            return NotUsable("empty")
        if now_ms - self._since_ms < self._settle_ms:
            return NotUsable("unstable")
        return Usable(self._last.weight_mg)
