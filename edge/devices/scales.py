"""Scales at a till: what lies on the pan, and whether it may be charged for, is told on with every look at it."""

from collections.abc import Callable
from typing import Final

from drivers.scale.dialects import DIALECTS
from drivers.scale.reading import NotUsable, ScaleTrouble, SteadyWeight, Usable
from edge.devices.talk import NOTHING, Heard
from edge.domain.device_rows import ScaleRow

SETTLE_MS: Final = 300
"""How long the same weight must have been seen; a scale's own word that it is stable comes a little early."""

TALKS_MS: Final = 750
"""How often a scale that talks by itself is heard at least."""

OnWeight = Callable[[str, Usable | NotUsable], None]
"""Takes the till and what there is to charge for now; called again and again, also when nothing changed."""


class ScaleTalk:
    """One connection to one scale; see `Talk`."""

    linger_ms = 0
    listens = True

    def __init__(self, row: ScaleRow, on_weight: OnWeight) -> None:
        self._dialect = DIALECTS[row.protocol]()
        self._steady = SteadyWeight(SETTLE_MS)
        self._till = row.till
        self._on_weight = on_weight
        self.poll_ms = self._dialect.poll_ms or TALKS_MS

    def hello(self) -> bytes:
        """A scale is told nothing before it is asked."""
        return b""

    outgoing = hello

    def question(self) -> bytes:
        """Ask for the weight; a scale that talks by itself is not asked."""
        return self._dialect.question

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Take bytes as they came."""
        readings = self._dialect.feed(data)
        for reading in readings:
            self._steady.take(reading, now_ms)
        self._on_weight(self._till, self._steady.at(now_ms))
        garbled = ScaleTrouble("garbled")
        understood = [reading for reading in readings if reading != garbled]
        # An empty or overloaded pan is the guest's affair; the scale itself is well as long as it says so.
        return Heard(answered=bool(understood), garbage=garbled in readings, events=len(understood))

    def tick(self, now_ms: int) -> Heard:
        """Say again what there is: a weight that grew old is no weight."""
        self._on_weight(self._till, self._steady.at(now_ms))
        return NOTHING

    def closed(self, now_ms: int) -> Heard:
        """Without a connection nothing is known."""
        del now_ms
        self._on_weight(self._till, NotUsable("unknown"))
        return NOTHING
