"""What a hub of several processes needs beside the work itself: who does the jobs, the doorbell, news of others' work."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum

from cloud.db import sales
from cloud.db.engine import HubDatabase
from cloud.services import streams
from cloud.services.leases import Leases
from sync.contract import topics
from sync.engine.transport import LinkState, Transport
from sync.node import keys
from sync.node.ports import Clock


class Part(StrEnum):
    """What a process does: everything, or one part beside other processes on the same PostgreSQL."""

    ALL = "all"
    INGEST = "ingest"
    WEB = "web"
    JOBS = "jobs"


LOOK_S = 1.0
"""How often another process's work is looked for where nobody can tell of it."""
DOORBELL_EVERY_MS = 60_000

log = logging.getLogger(__name__)


class _Loop(ABC):
    """A thread that does one round after the other until it is stopped; a round that fails is logged and repeated."""

    def __init__(self, name: str, failed: str) -> None:
        self._failed = failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stopping.set()
        self._thread.join()

    @abstractmethod
    def round(self) -> None:
        """Do the work once."""

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except Exception:
                log.exception(self._failed)
                self._stopping.wait(LOOK_S)


class Standby(_Loop):
    """Does the jobs while this process has their lease; of any number of processes one does, the others wait for it.

    Two that both think they have it do no harm: the projector takes turns in the database, a chain that is checked
    twice says the same, and a doorbell is a hint.

    Args:
        leases: those of the jobs.
        begin: starts the jobs and gives what stops them.
        look_s: how often to look; a lease is renewed several times in its life.
    """

    def __init__(self, leases: Leases, begin: Callable[[], Callable[[], None]], look_s: float = LOOK_S) -> None:
        super().__init__("standby", "standby.failed")
        self._leases = leases
        self._begin = begin
        self._look_s = look_s
        self._end: Callable[[], None] | None = None

    @property
    def active(self) -> bool:
        """Whether this process does the jobs now."""
        return self._end is not None

    def round(self) -> None:
        """Renew or try to take the lease, and begin or end accordingly."""
        self._leases.tend()
        if self._leases.held and self._end is None:
            log.info("jobs.active")
            self._end = self._begin()
        elif not self._leases.held:
            self._stand_by()
        self._stopping.wait(self._look_s)

    def stop(self) -> None:
        """End the jobs, then hand them over."""
        super().stop()
        self._stand_by()
        try:
            self._leases.release()
        except Exception:
            # It runs out by itself; a database that is away must not hold up the stop.
            log.exception("leases.not_released")

    def _stand_by(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            log.info("jobs.standby")
            end()


class DoorbellWorker(_Loop):
    """Rings for versions that other processes published: on each connect, on each change, and once a minute."""

    def __init__(
        self, transport: Transport, database: HubDatabase, identity: keys.Identity, *, tenant: str, clock: Clock
    ) -> None:
        super().__init__("doorbell", "doorbell.failed")
        self._transport = transport
        self._database = database
        self._identity = identity
        self._tenant = tenant
        self._clock = clock
        self._rung: dict[str, int] | None = None
        self._rung_ms = clock.monotonic_ms()

    def start(self) -> None:
        """Begin to connect and to watch."""
        self._transport.start()
        super().start()

    def stop(self) -> None:
        """End the watch, then the link."""
        super().stop()
        self._transport.stop()

    def round(self) -> None:
        """Wait a moment for the link, then ring if there is news."""
        event = self._transport.poll(LOOK_S)
        if event is LinkState.UP:
            # The broker may have lost its retained messages with everything else.
            self._rung = None
        if not self._transport.connected:
            return
        now_ms = self._clock.monotonic_ms()
        with self._database.read() as reader:
            heads = streams.doorbell_heads(reader)
            if heads == self._rung and now_ms - self._rung_ms < DOORBELL_EVERY_MS:
                return
            payload = streams.doorbell(reader, self._identity, self._clock.now_ms())
        if self._transport.publish(topics.doorbell(self._tenant), payload, retain=True):
            self._rung, self._rung_ms = heads, now_ms


class NewsWatch(_Loop):
    """Rings the bell of live pages when another process moved the read models."""

    def __init__(self, database: HubDatabase, on_change: Callable[[], None], look_s: float = LOOK_S) -> None:
        super().__init__("news", "news.failed")
        self._database = database
        self._on_change = on_change
        self._look_s = look_s
        self._seen: int | None = None

    def round(self) -> None:
        """Look how far the read models reach."""
        with self._database.read() as reader:
            reached = sales.cursor(reader)
        if self._seen is not None and reached != self._seen:
            self._on_change()
        self._seen = reached
        self._stopping.wait(self._look_s)
