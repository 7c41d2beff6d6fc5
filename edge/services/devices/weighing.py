"""The weight at each till: told to its screen on change, at most five times a second, and never an old one."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from drivers.scale.reading import NotUsable, Usable
from edge.services.devices.till_inbox import TillInbox
from sync.node.ports import Clock

APART_MS: Final = 200
"""Five events a second at most."""
STALE_MS: Final = 1_500
_MG_PER_G: Final = 1_000


class TillWeight(msgspec.Struct, frozen=True):
    """What lies on the scale of a till now, as its weigh pad wants to hear it.

    Attributes:
        state: `stable` = a weight that may be charged for, or an empty pan (0 g); `unstable`; `trouble` with a `reason`
            (overload, negative, unit, motion_for_long, garbled, not_answering); `none` = the till has no scale.
        weight_g: whole grams, half up; 0 without a weight that may be charged for.
    """

    state: Literal["stable", "unstable", "trouble", "none"]
    weight_g: int = 0
    reason: str = ""


UNKNOWN: Final = TillWeight("trouble", 0, "not_answering")
NO_SCALE: Final = TillWeight("none")


@dataclass
class _Pan:
    now: TillWeight = UNKNOWN
    heard_ms: int | None = None
    told: TillWeight = UNKNOWN
    due_ms: int = 0


class Weighing:
    """The scales of all tills, as their screens see them. Thread-safe."""

    def __init__(self, tills_with_scale: Sequence[str], clock: Clock, inbox: TillInbox) -> None:
        self._clock = clock
        self._inbox = inbox
        self._lock = threading.Lock()
        self._pans = {till: _Pan() for till in tills_with_scale}

    def take(self, till: str, found: Usable | NotUsable) -> None:
        """Take what a scale shows; called often, also when nothing changed."""
        pan = self._pans.get(till)
        if pan is None:
            return
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            pan.now = _weight_of(found)
            pan.heard_ms = now_ms
            told = self._due(pan, now_ms)
        if told is not None:
            self._inbox.post(till, "weight", told, replayed=False)

    def sweep(self) -> None:
        """Take back weights that nobody vouches for any more: the thread of their scale is stuck or gone."""
        for till, pan in self._pans.items():
            with self._lock:
                now_ms = self._clock.monotonic_ms()
                if pan.heard_ms is not None and now_ms - pan.heard_ms > STALE_MS:
                    pan.now = UNKNOWN
                told = self._due(pan, now_ms)
            if told is not None:
                self._inbox.post(till, "weight", told, replayed=False)

    def now(self, till: str) -> TillWeight:
        """Say what there is to charge for now; a scale that says nothing any more has no weight."""
        pan = self._pans.get(till)
        if pan is None:
            return NO_SCALE
        with self._lock:
            if pan.heard_ms is None or self._clock.monotonic_ms() - pan.heard_ms > STALE_MS:
                return UNKNOWN
            return pan.now

    @staticmethod
    def _due(pan: _Pan, now_ms: int) -> TillWeight | None:
        """Give what is to be told now, if anything is."""
        # What may no longer be charged for is told at once, on the next event's account: a wrong price must not wait.
        worse = pan.told.weight_g > 0 and pan.now.weight_g == 0
        if pan.now == pan.told or (now_ms < pan.due_ms and not worse):
            return None
        pan.told = pan.now
        pan.due_ms = max(now_ms, pan.due_ms) + APART_MS
        return pan.now


def _weight_of(found: Usable | NotUsable) -> TillWeight:
    if isinstance(found, Usable):
        return TillWeight("stable", (found.weight_mg + _MG_PER_G // 2) // _MG_PER_G)
    match found.reason:
        case "empty":
            return TillWeight("stable")
        case "unstable":
            return TillWeight("unstable")
        case "unknown":
            return UNKNOWN
        case reason:
            return TillWeight("trouble", 0, reason)
