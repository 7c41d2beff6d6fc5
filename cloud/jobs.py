"""What the hub does by itself: the link to the broker, the projector, and the hourly look at every chain."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler

from cloud.db.engine import HubDatabase
from cloud.services import streams, verify
from cloud.services.ingest import Ingest, Outgoing
from cloud.services.project import Projector
from sync.contract import topics
from sync.engine.transport import LinkState, Message, Transport
from sync.node import keys
from sync.node.ports import Clock

BUNCH_MESSAGES_MAX = 64
"""Messages taken into one transaction: one fsync for all of them."""
POLL_S = 0.25
COUNTS_EVERY_MS = 5_000
DOORBELL_EVERY_MS = 60_000
"""A doorbell that was lost while the link stood would never be missed: it rings again within this time."""
CHAIN_CHECK_MINUTES = 60

log = logging.getLogger(__name__)


class LinkWorker:
    """The one thread that moves messages between the broker and `Ingest`. Callbacks only enqueue; work happens here."""

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
    ) -> None:
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

    def start(self) -> None:
        """Begin to connect and to work."""
        self._transport.start()
        self._thread.start()

    def stop(self) -> None:
        """End the work after the bunch in hand, then the link."""
        self._stopping.set()
        self._thread.join()
        self._transport.stop()

    def ring_doorbell(self) -> None:
        """Have the doorbell published again soon: a stream has a new version. Any thread may call it."""
        self._ring.set()

    def step(self, timeout_s: float) -> int:
        """Do one round: wait for something, take in what is there, answer.

        Returns:
            How many messages were taken in.
        """
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
                bunch.append((event.topic, event.payload))
            else:
                log.info("link.up" if event is LinkState.UP else "link.down")
                if event is LinkState.UP:
                    # The broker may have lost its retained messages with everything else.
                    self._ring.set()
        return bunch

    def _take(self, bunch: Outgoing) -> None:
        before = self._ingest.facts_stored
        try:
            replies = self._ingest.receive(bunch)
        except Exception:
            if len(bunch) == 1:
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


class ProjectorWorker:
    """The thread that keeps the read models in step; it sleeps until facts were stored."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

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

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if self._stopping.is_set():
                return
            self._wake.clear()
            try:
                while self._projector.run_once() and not self._stopping.is_set():
                    pass
            except Exception:
                log.exception("projector.failed")
                self._stopping.wait(1)
                self._wake.set()


class Upkeep:
    """What the clock asks for: the hourly check of every chain."""

    def __init__(self, database: HubDatabase, clock: Clock, on_change: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_change = on_change
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._scheduler.add_job(
            self.check_chains, "interval", minutes=CHAIN_CHECK_MINUTES, coalesce=True, max_instances=1
        )

    def start(self) -> None:
        """Begin to watch the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, after a check that is running."""
        self._scheduler.shutdown(wait=True)

    def check_chains(self) -> None:
        """Hash every lane again and note what is damaged."""
        bad = verify.check_lanes(self._database, self._clock.now_ms())
        log.info("chain.checked", extra={"bad_lanes": bad})
        self._on_change()
