"""Whether the hub can do its work: what an upgrade waits for, and what a watch from outside asks."""

import threading

import msgspec

from cloud.db import probe
from cloud.db.engine import HubDatabase
from sync.node.ports import Clock
from sync.node.watchdog import Vitals

LOOK_MS = 1_000
"""Anybody may ask, so nobody is answered by a look of his own more often than that."""
THREADS = ("link", "projector", "booker")
"""Those of the vital parts that are looked at here; that the listeners answer is said by the answer itself."""


class Health(msgspec.Struct, frozen=True):
    """The vital parts of the hub.

    `checks` holds `readable` and `writable` (the database; a trial write, undone) and, by name, every loop of this process
    without which stores are not served: `link`, `projector`, `booker`. Whether the broker is reached is no matter of health.
    """

    ok: bool
    version: str
    step: str
    """The last step of the database's schema; empty when it cannot be read."""
    checks: dict[str, bool]


class Checkup:
    """Looks at the vital parts. Any thread may use it."""

    def __init__(self, database: HubDatabase, vitals: Vitals, version: str, clock: Clock) -> None:
        self._database = database
        self._vitals = vitals
        self._version = version
        self._clock = clock
        self._turn = threading.Lock()
        self._held: Health | None = None
        self._looked_ms = 0

    def look(self) -> Health:
        """Give how the hub is, at most a second old; whoever comes while another looks is told what was seen before."""
        held = self._held
        if not self._turn.acquire(blocking=held is None):
            assert held is not None
            return held
        try:
            now_ms = self._clock.monotonic_ms()
            if self._held is None or now_ms - self._looked_ms >= LOOK_MS:
                self._held, self._looked_ms = self._look(), now_ms
            return self._held
        finally:
            self._turn.release()

    def _look(self) -> Health:
        step = probe.step(self._database)
        checks = {"readable": step is not None, "writable": probe.writable(self._database)}
        checks |= {name: alive() for name, alive in dict(self._vitals).items() if name in THREADS}
        return Health(all(checks.values()), self._version, step or "", checks)
