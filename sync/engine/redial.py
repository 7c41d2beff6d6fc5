"""When to hang up a connection that stands and leads nowhere, and to dial anew.

A broker may have forgotten what we listen to, or have handed it to a copy of us; then the line looks well for ever. Hanging up
costs a second, so it is done while nobody answers our HELLO, more and more rarely: a hub that is stopped is not helped by it,
and a thousand stores must not do it in one instant. Who was revoked hangs up too: then the broker says how things stand.
"""

from sync.engine.store_link import LinkStatus
from sync.engine.uplink import REVOKED, Phase
from sync.node.ports import Chance, Clock

FIRST_MS = 60_000
REVOKED_FIRST_MS = 5_000
"""Who was revoked waits for nobody's answer, only until its last word is on the wire."""
CAP_MS = 600_000


class Redial:
    """Asked by the thread that owns the link; draws each wait between half and whole."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._span_ms = 0
        self._at_ms: int | None = None

    def due(self, status: LinkStatus) -> bool:
        """Say whether to dial anew now."""
        if status.phase is Phase.DOWN:
            return False
        revoked = status.refusal == REVOKED
        if not (status.trouble or revoked):
            self._at_ms = None
            return False
        now_ms = self._clock.monotonic_ms()
        if self._at_ms is None:
            self._span_ms = REVOKED_FIRST_MS if revoked else FIRST_MS
        elif now_ms < self._at_ms:
            return False
        is_due = self._at_ms is not None
        self._at_ms = now_ms + int(self._span_ms * (0.5 + self._chance.random() / 2))
        self._span_ms = min(2 * self._span_ms, CAP_MS)
        return is_due
