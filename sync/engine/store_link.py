"""Drives a store's end of the wire: one thread calls `tick`, which moves facts up and streams down.

The state machines decide, the outbox holds the truth, the transport carries hints. Nothing here knows what a fact
says, and nothing is kept in memory that a restart would miss.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sync.contract import envelope, limits, messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import Ack, Chunk, Heartbeat, Hello, LaneHead, Pull, Reject, StreamBatch, Welcome
from sync.engine.stream_link import StreamLink, StreamStore
from sync.engine.transport import LinkState, Message, Transport
from sync.engine.uplink import Alarm, Effect, KeepAck, Pace, Phase, SendFacts, SendHello, Uplink
from sync.node import sealing
from sync.node.ports import Chance, Clock

HEARTBEAT_MS = 5_000
MESSAGES_PER_TICK_MAX = 64
EFFECTS_PER_TICK_MAX = 256

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

    def heartbeat(self) -> Heartbeat:
        """How the store is."""
        ...

    def merge_time(self, hub_ms: int) -> None:
        """Take the hub's time into the hybrid clock."""
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
        self._on_status = on_status or (lambda: None)
        self._session = b""
        self._proof = b""
        self._heartbeat_at_ms = 0
        self._status = LinkStatus(Phase.DOWN, clock.now_ms(), "", None)
        self._committed()

    @property
    def status(self) -> LinkStatus:
        """The session as the screen shows it."""
        return self._status

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
        if self._uplink.phase is Phase.OPEN:
            self._streams.tick()
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
        self._status = LinkStatus(self._status.phase, self._status.since_ms, self._status.refusal, self._clock.now_ms())
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

    def _welcome(self, welcome: Welcome, proof: bytes) -> None:
        if welcome.nonce != self._session:
            return
        self._outbox.merge_time(welcome.hub_ms)
        self._proof = proof
        self._perform(self._uplink.welcome(welcome, self._now()))
        self._heartbeat_at_ms = self._now()
        self._streams.opened(welcome.streams, self._session)

    def _ack(self, ack: Ack, proof: bytes) -> None:
        if ack.session == b"":
            self._perform(self._uplink.session_lost(self._now()))
        elif ack.session == self._session:
            self._proof = proof
            self._perform(self._uplink.ack(ack, self._now()))

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
                case KeepAck(lane=lane, seq=seq, chain=chain):
                    self._outbox.keep_ack(lane, seq, chain, self._proof)
                case Alarm(detail=detail):
                    log.error("link.refused", extra={"reason": detail})

    def _send_hello(self) -> None:
        self._session = self._chance.token(12)
        hello = Hello(
            nonce=self._session,
            boot=self._identity.boot,
            software=self._identity.software,
            wall_ms=self._clock.now_ms(),
            hlc=self._outbox.hlc(),
            lanes=self._outbox.heads(),
            streams=self._outbox.stream_heads(),
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
        self._heartbeat_at_ms = self._now() + HEARTBEAT_MS
        body = messages.encode(self._outbox.heartbeat())
        self._transport.publish(self._topics.heartbeat, self._sealer.seal(MessageKind.HEARTBEAT, body), qos=0)

    def _note_status(self) -> None:
        if (self._uplink.phase, self._uplink.refusal) == (self._status.phase, self._status.refusal):
            return
        self._status = LinkStatus(
            self._uplink.phase, self._clock.now_ms(), self._uplink.refusal, self._status.last_heard_ms
        )
        self._on_status()
