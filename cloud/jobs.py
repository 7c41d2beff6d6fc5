"""What the hub does by itself: the link to the broker, the projector, and the hourly look at every chain."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler

from cloud.db.engine import HubDatabase, passing
from cloud.services import folding, streams, verify
from cloud.services.bunch import Outgoing
from cloud.services.ingest import Ingest
from cloud.services.leases import Leases
from sync.contract import topics
from sync.engine.transport import LinkState, Message, Transport
from sync.node import keys
from sync.node.ports import Clock
from sync.node.watchdog import Pulse

BUNCH_MESSAGES_MAX = 64
"""Messages taken into one transaction: one fsync for all of them."""
POLL_S = 0.25
COUNTS_EVERY_MS = 5_000
DOORBELL_EVERY_MS = 60_000
"""A doorbell that was lost while the link stood would never be missed: it rings again within this time."""
CHAIN_CHECK_MINUTES = 60
TIDY_MINUTES = 60
TRIES = 3
"""Of a bunch whose transaction met a deadlock or a lost connection; nothing was answered yet."""
AGAIN_S = 0.1
CALM_MS = 100
HELD_BACK_MAX = 30
"""So many times in a row the projector lets a backlog pass: a store's week is in within these three seconds."""
THEN_BATCHES = 10
"""So many batches it takes then, however long backlogs go on: HQ's figures follow at 2,500 facts a second and more."""
HUNG_AFTER_MS = 600_000
"""A loop that has not come round for so long hangs; a replay of every fact holds the writers of SQLite for minutes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """What one of several workers takes in: the partitions it holds, and how to listen to just those."""

    leases: Leases
    listen: Callable[[Sequence[str]], None] | None


class LinkWorker:
    """The one thread that moves messages between the broker and `Ingest`. Callbacks only enqueue; work happens here.

    With a `share` it takes in what comes for its own partitions, and lets go of the leases when it stops.
    """

    def __init__(
        self,
        transport: Transport,
        ingest: Ingest,
        database: HubDatabase,
        identity: keys.Identity,
        *,
        tenant: str,
        clock: Clock,
        on_facts: Callable[[], None],
        doorbell_every_ms: int = DOORBELL_EVERY_MS,
        share: Share | None = None,
    ) -> None:
        self._share = share
        self._transport = transport
        self._ingest = ingest
        self._database = database
        self._identity = identity
        self._tenant = tenant
        self._clock = clock
        self._on_facts = on_facts
        self._stopping = threading.Event()
        self._ring = threading.Event()
        self._counted_ms = self._rung_ms = clock.monotonic_ms()
        self._doorbell_every_ms = doorbell_every_ms
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._pulse = Pulse(clock)

    def alive(self) -> bool:
        """Say whether the thread runs and comes round."""
        return self._thread.is_alive() and self._pulse.within(HUNG_AFTER_MS)

    def start(self) -> None:
        """Begin to connect and to work."""
        self._transport.start()
        self._thread.start()

    def stop(self) -> None:
        """End the work after the bunch in hand, then the link."""
        self._stopping.set()
        self._thread.join()
        self._transport.stop()
        if self._share is not None:
            try:
                self._share.leases.release()
            except Exception:
                # They run out by themselves; a database that is away must not hold up the stop.
                log.exception("leases.not_released")

    def ring_doorbell(self) -> None:
        """Have the doorbell published again soon: a stream has a new version. Any thread may call it."""
        self._ring.set()

    def step(self, timeout_s: float) -> int:
        """Do one round: wait for something, take in what is there, answer.

        Returns:
            How many messages were taken in.
        """
        if self._share is not None and self._share.leases.tend() and self._share.listen is not None:
            self._share.listen(topics.hub_subscriptions(self._tenant, self._share.leases.held))
        bunch = self._drain(timeout_s)
        if bunch:
            self._take(bunch)
        if self._clock.monotonic_ms() - self._rung_ms >= self._doorbell_every_ms:
            self._ring.set()
        if self._ring.is_set() and self._transport.connected:
            self._ring.clear()
            self._publish_doorbell()
        if self._clock.monotonic_ms() - self._counted_ms >= COUNTS_EVERY_MS:
            self._counted_ms = self._clock.monotonic_ms()
            self._ingest.flush_counts()
        return len(bunch)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._pulse.beat()
            try:
                self.step(POLL_S)
            except Exception:
                # Nothing was acknowledged: the stores send again. Without this the hub would go deaf for good.
                log.exception("link.failed")
                self._stopping.wait(1)

    def _drain(self, timeout_s: float) -> Outgoing:
        bunch: Outgoing = []
        wait_s = timeout_s
        while len(bunch) < BUNCH_MESSAGES_MAX:
            event = self._transport.poll(wait_s)
            wait_s = 0.0
            if event is None:
                break
            if isinstance(event, Message):
                if self._is_ours(event.topic):
                    bunch.append((event.topic, event.payload))
            else:
                log.info("link.up" if event is LinkState.UP else "link.down")
                if event is LinkState.UP:
                    # The broker may have lost its retained messages with everything else.
                    self._ring.set()
        return bunch

    def _is_ours(self, topic: str) -> bool:
        """Say whether to take a message in; another worker's may still lie in the inbox after a hand-over."""
        if self._share is None:
            return True
        number = topics.partition_in(topic)
        return number is None or number in self._share.leases.held

    def _receive(self, bunch: Outgoing) -> Outgoing:
        """Take in a bunch, again where what went wrong is of the moment: nothing of it was kept or answered."""
        for _ in range(TRIES - 1):
            try:
                return self._ingest.receive(bunch)
            except Exception as error:
                if not passing(error):
                    raise
                log.warning("link.again", extra={"messages": len(bunch), "error": type(error).__name__})
            self._stopping.wait(AGAIN_S)
        return self._ingest.receive(bunch)

    def _take(self, bunch: Outgoing) -> None:
        before = self._ingest.facts_stored
        try:
            replies = self._receive(bunch)
        except Exception as error:
            if len(bunch) == 1 or passing(error):
                raise
            # One message may be what the transaction failed on: the others must not wait for it.
            log.exception("link.bunch_failed")
            for message in bunch:
                self._take_alone(message)
            return
        self._answer(replies, before)

    def _take_alone(self, message: tuple[str, bytes]) -> None:
        before = self._ingest.facts_stored
        try:
            replies = self._ingest.receive([message])
        except Exception:
            log.exception("link.message_failed", extra={"topic": message[0]})
            return
        self._answer(replies, before)

    def _answer(self, replies: Outgoing, facts_before: int) -> None:
        for topic, payload in replies:
            self._transport.publish(topic, payload)
        if self._ingest.facts_stored != facts_before:
            self._on_facts()

    def _publish_doorbell(self) -> None:
        self._rung_ms = self._clock.monotonic_ms()
        with self._database.read() as reader:
            payload = streams.doorbell(reader, self._identity, self._clock.now_ms())
        self._transport.publish(topics.doorbell(self._tenant), payload, retain=True)


class Batches(Protocol):
    """Work that comes in batches, such as the projector's."""

    def run_once(self) -> int:
        """Do one batch; give how much it was, 0 when nothing is left."""
        ...


class ProjectorWorker:
    """The thread that keeps the read models (or the book) in step; it sleeps until facts were stored.

    With `poll_s` it also looks by itself, for other processes store facts too and cannot wake it.
    """

    def __init__(
        self,
        projector: Batches,
        poll_s: float | None = None,
        pulse: Pulse | None = None,
        hurry: Callable[[], bool] | None = None,
        name: str = "projector",
    ) -> None:
        self._name = name
        self._projector = projector
        self._hurry = hurry or (lambda: False)
        self._owed = 0
        self._poll_s = poll_s
        self._pulse = pulse
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with whatever a stop left undone."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Say that facts were stored. Any thread may call it."""
        self._wake.set()

    def _give_way(self) -> bool:
        """Let a backlog in first: one interpreter serves both, and an acknowledgement frees a store, a figure does not."""
        if self._owed and self._hurry():
            self._owed -= 1
            return True
        self._owed = 0
        for _ in range(HELD_BACK_MAX):
            if not self._hurry() or self._stopping.wait(CALM_MS / 1000):
                return True
        self._owed = THEN_BATCHES - 1
        return True

    def alive(self) -> bool:
        """Say whether the thread runs, and rests or comes round."""
        return self._thread.is_alive() and (self._pulse is None or self._pulse.within(HUNG_AFTER_MS))

    def _beat(self) -> None:
        if self._pulse is not None:
            self._pulse.beat()

    def _run(self) -> None:
        while True:
            if self._pulse is not None:
                self._pulse.rest()
            self._wake.wait(self._poll_s)
            if self._stopping.is_set():
                return
            self._wake.clear()
            try:
                self._beat()
                while self._give_way() and self._projector.run_once() and not self._stopping.is_set():
                    self._beat()
            except Exception:
                log.exception("%s.failed", self._name)
                self._stopping.wait(1)
                self._wake.set()


class Upkeep:
    """What the clock asks for: the hourly check of every chain, the signature under the audit log each minute."""

    def __init__(
        self,
        database: HubDatabase,
        clock: Clock,
        on_change: Callable[[], None],
        sign_audit: Callable[[], object] = lambda: None,
        stream_days: int = folding.DAYS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._on_change = on_change
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._scheduler.add_job(
            self.check_chains, "interval", minutes=CHAIN_CHECK_MINUTES, coalesce=True, max_instances=1
        )
        self._stream_days = stream_days
        self._scheduler.add_job(self.tidy_streams, "interval", minutes=TIDY_MINUTES, coalesce=True, max_instances=1)
        self._scheduler.add_job(sign_audit, "interval", minutes=1, coalesce=True, max_instances=1)

    def every(self, minutes: int, work: Callable[[], object]) -> None:
        """Do something else by the clock as well."""
        self._scheduler.add_job(work, "interval", minutes=minutes, coalesce=True, max_instances=1)

    def start(self) -> None:
        """Begin to watch the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, after a check that is running."""
        self._scheduler.shutdown(wait=True)

    def tidy_streams(self) -> None:
        """Fold old steps of the down streams into snapshots, and drop what nobody can need any more."""
        folded = folding.tidy(self._database, self._clock.now_ms(), self._stream_days)
        log.info("streams.tidied", extra={"folded": folded})

    def check_chains(self) -> None:
        """Hash every lane again and note what is damaged."""
        bad = verify.check_lanes(self._database, self._clock.now_ms())
        log.info("chain.checked", extra={"bad_lanes": bad})
        self._on_change()
