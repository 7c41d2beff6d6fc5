"""Leases: which worker takes in which partitions, and that a worker which lost one can write no more for its stores.

A lease says who should work; the fence says who may. It is one more with every new holder, and each transaction of
ingest begins by locking the rows of its partitions and comparing. So a worker that stood still for an hour, or whose
clock is wrong, fails at its next transaction, and taking a lease over waits for a transaction that is under way. Time
(the database's own, where it has a clock) decides only when somebody else may try.
"""

import logging
from collections.abc import Collection

from cloud.db import leases
from cloud.db.engine import HubDatabase, Turn, Tx
from cloud.db.schema import JOBS_SLOT, PARTITION_SLOTS
from cloud.services.bunch import LeaseLost
from sync.node.ports import Clock

TTL_MS = 15_000
"""As long as this a killed worker's stores wait for the next one."""
EVERY_MS = 4_000
"""How often a worker shows that it lives."""
HUNGRY_MS = 1_000
"""How often it looks while it has less than its share."""
PARTITIONS = range(PARTITION_SLOTS)
JOBS = range(JOBS_SLOT, JOBS_SLOT + 1)

__all__ = ["JOBS", "PARTITIONS", "LeaseLost", "Leases"]

log = logging.getLogger(__name__)


class Leases:
    """The leases of one worker. Not thread-safe, but `fence` may be called in the transaction of the same thread.

    Args:
        database: the hub's database.
        worker: a name that no other worker has or ever had.
        clock: when to look again; and the time itself where the database has no clock.
        slots: what is shared: the partitions, or the one lease of the jobs.
        ttl_ms: how long a lease lasts without being renewed.
        sole: no other process can be at the database (the lock of its folder says so): take all at once, renew nothing.
    """

    def __init__(
        self,
        database: HubDatabase,
        worker: str,
        *,
        clock: Clock,
        slots: Collection[int] = PARTITIONS,
        ttl_ms: int = TTL_MS,
        sole: bool = False,
    ) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._slots = frozenset(slots)
        self._ttl_ms = ttl_ms
        self._sole = sole
        self._fences: dict[int, int] = {}
        self._due_ms = clock.monotonic_ms()
        self._share = len(self._slots)

    @property
    def held(self) -> frozenset[int]:
        """The slots that this worker holds as far as it knows."""
        return frozenset(self._fences)

    def tend(self) -> bool:
        """Renew, share and take over, if it is time to.

        Returns:
            Whether other slots are held than before.
        """
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._due_ms or (self._sole and self._fences):
            return False
        before = self.held
        with self._database.write(Turn.LEASES) as tx:
            fences = self._take_all(tx) if self._sole else self._round(tx)
        self._fences = fences
        lacking = len(fences) < self._share
        self._due_ms = now_ms + min(HUNGRY_MS if lacking else EVERY_MS, self._ttl_ms // 3)
        if self.held != before:
            log.info("leases.held", extra={"worker": self._worker, "count": len(fences), "before": len(before)})
        return self.held != before

    def fence(self, tx: Tx, slots: Collection[int]) -> None:
        """Hold the leases of these slots until the commit; the first thing that a transaction of ingest does.

        Raises:
            LeaseLost: another worker has or had one of them meanwhile; nothing may be written.
        """
        now = leases.held_now(tx, self._worker, slots)
        if any(slot not in now or now[slot] != self._fences.get(slot) for slot in slots):
            self._due_ms = self._clock.monotonic_ms()
            raise LeaseLost

    def release(self) -> None:
        """Hand everything over at once; called when the worker stops."""
        with self._database.write(Turn.LEASES) as tx:
            leases.give_up(tx, self._worker, self._slots)
            leases.forget(tx, self._worker)
        self._fences = {}
        self._due_ms = self._clock.monotonic_ms()

    def _round(self, tx: Tx) -> dict[int, int]:
        now_ms = self._now_ms(tx)
        until_ms = now_ms + self._ttl_ms
        sharers = leases.report(tx, self._worker, now_ms, until_ms) if len(self._slots) > 1 else 1
        self._share = -(-len(self._slots) // sharers)
        fences = leases.renew(tx, self._worker, self._slots, until_ms)
        surplus = sorted(fences)[self._share :]
        if surplus:
            leases.give_up(tx, self._worker, surplus)
            return {slot: fence for slot, fence in fences.items() if slot not in surplus}
        wanted = self._share - len(fences)
        if wanted > 0:
            fences |= leases.take(tx, self._worker, self._slots, wanted, now_ms, until_ms)
        return fences

    def _take_all(self, tx: Tx) -> dict[int, int]:
        # Whoever held them died with the lock of the folder, which this process has now.
        far_ms = 2**53
        return leases.take(tx, self._worker, self._slots, len(self._slots), far_ms, far_ms)

    def _now_ms(self, tx: Tx) -> int:
        found = leases.server_ms(tx)
        return self._clock.now_ms() if found is None else found
