"""Drives a store's end of the wire: one thread calls `tick`, which moves facts up and streams down.

The state machines decide, the outbox holds the truth, the transport carries hints. Nothing here knows what a fact
says, and nothing is kept in memory that a restart would miss.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from sync.contract import envelope, limits, messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import Ack, Answer, Chunk, Heartbeat, Hello, LaneHead, Pull, Reject, StreamBatch, Welcome
from sync.engine.questions import Questions
from sync.engine.stream_link import StreamLink, StreamStore
from sync.engine.transport import LinkState, Message, Transport
from sync.engine.uplink import (
    Alarm,
    Effect,
    KeepAck,
    KeepDurable,
    KeepFenced,
    KeepRevoked,
    Pace,
    Phase,
    SendFacts,
    SendHello,
    Uplink,
)
from sync.node import sealing
from sync.node.ports import Chance, Clock

HEARTBEAT_MS = 5_000
MESSAGES_PER_TICK_MAX = 64
EFFECTS_PER_TICK_MAX = 256
KEEP_EVERY_MS = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Facts read for sending: their bytes, and the chain before the first and behind the last."""

    raws: list[bytes]
    chain_before: bytes
    chain_after: bytes


class Outbox(StreamStore, Protocol):
    """What the link needs of the store's database. Every method is durable when it returns."""

    def heads(self) -> dict[int, LaneHead]:
        """Where the lanes stand."""
        ...

    def read(self, lane: int, first: int, last: int) -> Batch:
        """Read facts of a lane, at least one, cut before the batch passes its size in bytes."""
        ...

    def keep_ack(self, lane: int, seq: int, chain: bytes, proof: bytes) -> None:
        """Keep the hub's word with the signed message that proves it."""
        ...

    def keep_durable(self, lane: int, seq: int) -> None:
        """Keep how far a lane is in a backup of the hub too."""
        ...

    def keep_fenced(self) -> None:
        """Keep that this epoch was replaced: from now on nothing new may be sold under it."""
        ...

    def keep_revoked(self) -> None:
        """Keep that this epoch's key was revoked: from now on nothing new may be sold under it."""
        ...

    def heartbeat(self) -> Heartbeat:
        """How the store is."""
        ...

    def merge_time(self, hub_ms: int, asked_ms: int) -> None:
        """Take the hub's time into the hybrid clock; `asked_ms` is the monotonic time of the HELLO that it answers."""
        ...

    def compare_time(self, hub_ms: int, asked_ms: int) -> None:
        """Compare the wall clock with the hub's; `asked_ms` is the monotonic time of the heartbeat that it answers."""
        ...

    def hlc(self) -> int:
        """The hybrid clock's last value."""
        ...


@dataclass(frozen=True)
class LinkIdentity:
    """Who this end is and whom it believes."""

    party: sealing.Party
    boot: str
    software: str
    hub_signing: bytes


@dataclass(frozen=True)
class LinkStatus:
    """What the screen says of the hub; times are wall ms."""

    phase: Phase
    since_ms: int
    refusal: str
    last_heard_ms: int | None
    fenced: bool = False
    """This epoch was replaced: what is unsent still goes up, and nothing else may."""
    trouble: str = ""
    """Why there is no session though the broker is reached, `hub_silent` or `hub_ignores` of `sync.engine.troubles`."""


class StoreLink:
    """The store's end. Not thread-safe: `tick` and `stop` belong to one thread; `status` and `nudge` to any."""

    def __init__(
        self,
        *,
        identity: LinkIdentity,
        sealer: sealing.Sealer,
        opener: sealing.Opener,
        outbox: Outbox,
        transport: Transport,
        clock: Clock,
        chance: Chance,
        streams: tuple[str, ...] = (messages.STORES_STREAM,),
        pace: Pace | None = None,
        questions: Questions | None = None,
        on_status: Callable[[], None] | None = None,
    ) -> None:
        self._identity = identity
        self._sealer = sealer
        self._opener = opener
        self._outbox = outbox
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._topics = topics.of_store(identity.party.tenant, identity.party.store)
        self._doorbell_topic = topics.doorbell(identity.party.tenant)
        self._uplink = Uplink(pace=pace or Pace())
        self._streams = StreamLink(outbox, streams, self._send_pull, clock)
        self._questions = questions or Questions()
        self._on_status = on_status or (lambda: None)
        self._session = b""
        self._greeted_ms = 0
        self._proof = b""
        self._unkept: dict[int, tuple[KeepAck, bytes]] = {}
        self._kept_ms = 0
        self._heartbeat_at_ms = 0
        self._beaten: tuple[int, int] | None = None
        """The last heartbeat without an answer: its wall time, and when it was sent by the monotonic clock."""
        self._status = LinkStatus(Phase.DOWN, clock.now_ms(), "", None)
        self._committed()

    @property
    def unsent(self) -> int:
        """How many facts of this epoch the hub has not acknowledged, as far as this link knows."""
        return sum(self._uplink.waiting.values())

    @property
    def status(self) -> LinkStatus:
        """The session as the screen shows it."""
        return self._status

    @property
    def hub_versions(self) -> dict[str, int]:
        """The hub's versions of the streams that are followed, as far as this link heard of them."""
        return self._streams.downlink.hub_versions

    def tick(self, timeout_s: float) -> None:
        """Do a bounded amount of work: what arrived, what time asks for, what was committed since.

        Args:
            timeout_s: how long to wait for the first message when there is nothing else to do.
        """
        wait_s = timeout_s
        for _ in range(MESSAGES_PER_TICK_MAX):
            event = self._transport.poll(wait_s)
            wait_s = 0.0
            if event is None:
                break
            self._take(event)
        self._committed()
        self._perform(self._uplink.tick(self._now()))
        self._keep_acks()
        rightful = self._uplink.phase is Phase.OPEN and not self._uplink.fenced
        if rightful:
            self._streams.tick()
        self._questions.link(is_open=rightful)
        for question in self._questions.due() if rightful else ():
            body = messages.encode(question)
            self._transport.publish(self._topics.question, self._sealer.seal(MessageKind.QUESTION, body))
        self._beat()
        self._note_status()

    def _now(self) -> int:
        return self._clock.monotonic_ms()

    def _committed(self) -> None:
        heads = {lane: head.head_seq for lane, head in self._outbox.heads().items()}
        self._perform(self._uplink.heads(heads, self._now()))

    def _take(self, event: Message | LinkState) -> None:
        if event is LinkState.UP:
            self._perform(self._uplink.link_up(self._now()))
        elif event is LinkState.DOWN:
            self._uplink.link_down()
            self._streams.link_down()
        elif isinstance(event, Message):
            try:
                self._receive(event)
            except ContractError as error:
                log.warning("link.message_refused", extra={"reason": str(error), "topic": event.topic})

    def _receive(self, message: Message) -> None:
        if message.topic == self._doorbell_topic:
            doorbell = sealing.open_doorbell(self._identity.hub_signing, message.payload)
            if self._uplink.phase is Phase.OPEN:
                self._streams.heard(doorbell.streams)
            elif not message.retained:
                self._perform(self._uplink.rang(self._now()))
            return
        opened = envelope.take_apart(message.payload)
        plain = self._opener.open(opened)
        self._uplink.heard(self._now())
        self._status = replace(self._status, last_heard_ms=self._clock.now_ms())
        kind = opened.header.kind
        if kind is MessageKind.WELCOME:
            self._welcome(messages.decode(plain, Welcome), message.payload)
        elif kind is MessageKind.REJECT:
            reject = messages.decode(plain, Reject)
            if reject.nonce == self._session:
                self._perform(self._uplink.reject(reject, self._now()))
        elif kind is MessageKind.ACK:
            self._ack(messages.decode(plain, Ack), message.payload)
        elif kind is MessageKind.STREAM:
            self._streams.batch(messages.decode(plain, StreamBatch))
        elif kind is MessageKind.CHUNK:
            self._streams.chunk(messages.decode(plain, Chunk))
        elif kind is MessageKind.ANSWER:
            self._questions.take(messages.decode(plain, Answer))

    def _welcome(self, welcome: Welcome, proof: bytes) -> None:
        if welcome.nonce != self._session:
            return
        self._outbox.merge_time(welcome.hub_ms, self._greeted_ms)
        self._proof = proof
        self._perform(self._uplink.welcome(welcome, self._now()))
        self._heartbeat_at_ms = self._now()
        self._streams.opened(welcome.streams, self._session)

    def _ack(self, ack: Ack, proof: bytes) -> None:
        if ack.session == b"":
            self._perform(self._uplink.session_lost(self._now()))
        elif ack.session == self._session:
            self._proof = proof
            if self._beaten is not None and ack.beat_ms == self._beaten[0]:
                # Only the answer to this very heartbeat says how long it took; any other may be of any age.
                self._outbox.compare_time(ack.hub_ms, self._beaten[1])
                self._beaten = None
            self._perform(self._uplink.ack(ack, self._now()))

    def _keep_acks(self) -> None:
        """Keep the hub's newest word on each lane; in a backlog not every one of them, for each costs an fsync.

        What is not kept when the power goes is said again by the next WELCOME.
        """
        backlog = self._uplink.phase is Phase.OPEN and any(self._uplink.waiting.values())
        if not self._unkept or (backlog and self._now() - self._kept_ms < KEEP_EVERY_MS):
            return
        self._kept_ms = self._now()
        for word, proof in self._unkept.values():
            self._outbox.keep_ack(word.lane, word.seq, word.chain, proof)
        self._unkept.clear()

    def _perform(self, effects: list[Effect]) -> None:
        todo = list(effects)
        for _ in range(EFFECTS_PER_TICK_MAX):
            if not todo:
                return
            effect = todo.pop(0)
            match effect:
                case SendHello():
                    self._send_hello()
                case SendFacts(lane=lane, first=first, last=last):
                    todo += self._send_facts(lane, first, last)
                case KeepAck(lane=lane):
                    self._unkept[lane] = (effect, self._proof)
                case KeepDurable(lane=lane, seq=seq):
                    self._outbox.keep_durable(lane, seq)
                case KeepFenced():
                    log.error("link.fenced", extra={"epoch": self._identity.party.epoch})
                    self._outbox.keep_fenced()
                case KeepRevoked():
                    log.error("link.revoked", extra={"epoch": self._identity.party.epoch})
                    self._outbox.keep_revoked()
                case Alarm(detail=detail):
                    log.error("link.refused", extra={"reason": detail})

    def _send_hello(self) -> None:
        # Words of the session before are not kept any more: the next WELCOME says where the hub stands.
        self._unkept.clear()
        self._session = self._chance.token(12)
        self._greeted_ms = self._now()
        hello = Hello(
            nonce=self._session,
            boot=self._identity.boot,
            software=self._identity.software,
            wall_ms=self._clock.now_ms(),
            hlc=self._outbox.hlc(),
            lanes=self._outbox.heads(),
            streams=self._outbox.stream_heads(),
            told=self._uplink.refusal,
        )
        self._transport.publish(self._topics.hello, self._sealer.seal(MessageKind.HELLO, messages.encode(hello)))

    def _send_facts(self, lane: int, first: int, last: int) -> list[Effect]:
        batch = self._outbox.read(lane, first, min(last, first + limits.BATCH_FACTS_MAX - 1))
        wire = self._sealer.seal(
            MessageKind.FACTS,
            envelope.frame_facts(batch.raws),
            lane=lane,
            first_seq=first,
            count=len(batch.raws),
            chain_before=batch.chain_before,
            chain_after=batch.chain_after,
        )
        if not self._transport.publish(self._topics.facts(lane), wire):
            return []
        return self._uplink.sent(lane, first + len(batch.raws) - 1, self._now())

    def _send_pull(self, pull: Pull) -> None:
        self._transport.publish(self._topics.pull, self._sealer.seal(MessageKind.PULL, messages.encode(pull)))

    def _beat(self) -> None:
        if self._uplink.phase is not Phase.OPEN or self._now() < self._heartbeat_at_ms:
            return
        waits = self._uplink.credit == 0 and self._uplink.retry_after_ms > 0
        self._heartbeat_at_ms = self._now() + (
            min(HEARTBEAT_MS, self._uplink.retry_after_ms) if waits else HEARTBEAT_MS
        )
        beat = self._outbox.heartbeat()
        self._beaten = beat.wall_ms, self._now()
        wire = self._sealer.seal(MessageKind.HEARTBEAT, messages.encode(beat))
        self._transport.publish(self._topics.heartbeat, wire, qos=0)

    def _note_status(self) -> None:
        before, uplink = self._status, self._uplink
        now_ms = self._now()
        trouble = "hub_ignores" if uplink.is_ignored(now_ms) else "hub_silent" if uplink.is_unanswered(now_ms) else ""
        now = uplink.phase, uplink.refusal, uplink.fenced, trouble
        if now == (before.phase, before.refusal, before.fenced, before.trouble):
            return
        since_ms = before.since_ms if uplink.phase is before.phase else self._clock.now_ms()
        self._status = LinkStatus(uplink.phase, since_ms, uplink.refusal, before.last_heard_ms, uplink.fenced, trouble)
        if trouble and trouble != before.trouble:
            log.warning("link.trouble", extra={"trouble": trouble})
        self._on_status()
