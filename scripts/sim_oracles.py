"""What must hold in the simulated world at any time, checked where it would first show: at each commit and each word.

The oracles keep a model of their own: every history a store ever wrote, what the hub holds, what it promised. They see
commits through the databases' own readers and messages as they pass, and never ask the parts under test for an opinion.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from cloud.db import journal as hub_journal
from cloud.db.engine import Reader as HubReader
from edge.db import journal as store_journal
from edge.services.outbox import NodeOutbox
from scripts.sim_faults import Doom
from sync.contract import envelope, facts, messages
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Heartbeat, Hello, LaneHead, StreamBatch, StreamHead, Welcome
from sync.engine.memory import MemoryTransport
from sync.engine.store_link import Batch
from sync.engine.transport import LinkState, Message
from sync.node import keys, sealing
from sync.node.database import Reader as StoreReader
from sync.node.ports import Chance

LaneKey = tuple[str, int, int]
HISTORY_PAGE = 1_000


class Broken(BaseException):
    """Something that must always hold does not; the message says what. No part of the product may swallow it."""


@dataclass
class Oracle:
    """The model and its checks; the first thing that does not hold raises `Broken`.

    Attributes:
        histories: what each store wrote under a lane; more than one once its file was rolled back, the last is live.
        held: what the hub has committed of a lane.
        acked: the hub's last word as the store keeps it.
        stale: lanes of which a deliberately restored hub may know less than it once promised.
    """

    now_ms: int = 0
    histories: dict[LaneKey, list[list[bytes]]] = field(default_factory=dict)
    held: dict[LaneKey, list[bytes]] = field(default_factory=dict)
    acked: dict[LaneKey, int] = field(default_factory=dict)
    stale: set[LaneKey] = field(default_factory=set)
    genuine: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    corrupt_at_hub: int = 0
    hub_commits: int = 0
    _chains: dict[LaneKey, bytes] = field(default_factory=dict)
    _last_n: dict[str, int] = field(default_factory=dict)
    _last_hlc: dict[str, int] = field(default_factory=dict)
    _last_ingest: int = 0
    _generation: int = 0
    _welcomed: dict[bytes, int] = field(default_factory=dict)
    _greeted: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _promised: dict[tuple[LaneKey, bytes], int] = field(default_factory=dict)
    _told: dict[tuple[LaneKey, bytes], int] = field(default_factory=dict)
    _trace: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def insist(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Check one thing.

        Raises:
            Broken: it does not hold.
        """
        if not holds:
            raise Broken(what)

    # --------------------------------------------------------------------------------------------------------- trace

    @property
    def trace(self) -> str:
        """A digest of everything that happened so far, in order."""
        return self._trace.hexdigest()

    def note(self, who: str, what: str, payload: bytes = b"") -> None:
        """Take an event into the trace."""
        self._trace.update(f"{self.now_ms}|{who}|{what}|".encode() + hashlib.blake2b(payload, digest_size=8).digest())

    def published(self, who: str, topic: str, payload: bytes) -> None:
        """Note a message as its sender made it."""
        self.note(who, topic, payload)
        self.genuine.add(hashlib.blake2b(payload, digest_size=16).digest())

    def is_genuine(self, payload: bytes) -> bool:
        """Say whether somebody sent exactly these bytes."""
        return hashlib.blake2b(payload, digest_size=16).digest() in self.genuine

    def damaged(self, who: str) -> None:
        """Note that something nobody sent is about to be read."""
        self.corrupt_at_hub += who == "hub"
        self.counts["damaged_at_hub" if who == "hub" else "damaged_at_store"] += 1

    # -------------------------------------------------------------------------------------------------------- stores

    def store_committed(self, store: str, reader: StoreReader) -> None:
        """Take a store's new facts into its history: gapless in `n` and in each lane, chained, in hybrid time."""
        for epoch, stored in store_journal.by_number(reader, after=self._last_n.get(store, 0)):
            key = (store, epoch, stored.lane)
            history = self.histories.setdefault(key, [[]])[-1]
            self.insist(stored.n == self._last_n.get(store, 0) + 1, f"{store}: n jumps to {stored.n}")
            self.insist(stored.seq == len(history) + 1, f"{key}: the store's seq jumps to {stored.seq}")
            hlc = int(facts.decode(stored.raw).hlc)
            self.insist(hlc > self._last_hlc.get(store, -1), f"{store}: the hybrid clock does not rise at n {stored.n}")
            history.append(stored.raw)
            self._last_n[store], self._last_hlc[store] = stored.n, hlc
            self.note(store, f"fact {key} {stored.seq}", stored.raw)
            self.counts["facts"] += 1

    def store_rolled_back(self, store: str, reader: StoreReader) -> None:
        """Somebody put an old file in the store's place: from here on it may write another history."""
        self._last_n[store] = store_journal.counter(reader, "n")
        self._last_hlc[store] = -1
        for epoch in store_journal.epochs(reader):
            for lane, head in store_journal.heads(reader, epoch).items():
                key = (store, epoch, lane)
                lives = self.histories.setdefault(key, [[]])
                if head.head_seq < len(lives[-1]):
                    lives.append(lives[-1][: head.head_seq])
                self.acked[key] = head.acked_seq

    def live(self, key: LaneKey) -> list[bytes]:
        """Give a lane as the store has it now."""
        return self.histories.get(key, [[]])[-1]

    def forked(self, key: LaneKey) -> bool:
        """Say whether the store may have written two histories of this lane or its sister."""
        return any(len(self.histories.get((*key[:2], lane), [[]])) > 1 for lane in store_journal.LANES)

    def greeted(self, party: sealing.Party, nonce: bytes) -> None:
        """A store sealed a greeting: from now on only answers to this one count."""
        self._greeted[party.store, party.epoch] = nonce

    def word_kept(self, party: sealing.Party, lane: int, head: tuple[int, bytes], said: Ack | Welcome) -> None:
        """A store is about to keep the hub's word."""
        key, (seq, chain) = (party.store, party.epoch, lane), head
        greeting = self._greeted[party.store, party.epoch]
        mine = self.live(key)
        self.insist(seq <= len(mine), f"{key}: acknowledged to {seq}, the store has {len(mine)}")
        if isinstance(said, Welcome):
            self.insist(said.nonce == greeting, f"{key}: a welcome to another greeting was acted on")
            if self._welcomed.get(said.nonce) == self._generation:
                self.stale.discard(key)
        else:
            self.insist(said.session == greeting, f"{key}: an ack of another session was acted on")
            before = self._told.get((key, greeting), 0)
            self.insist(seq >= before, f"{key}: the ack fell from {before} to {seq} within a session")
        self._told[key, greeting] = seq
        if not self.forked(key):
            self.insist(chain == _chain(key, mine[:seq]), f"{key}: the hub's word at {seq} is not this store's history")
        self.acked[key] = seq
        self.check_promises(key)

    # ----------------------------------------------------------------------------------------------------------- hub

    def hub_committed(self, reader: HubReader) -> None:
        """Take in what the hub committed, and check it against what the stores wrote."""
        self.hub_commits += 1
        for row in hub_journal.facts_after(reader, self._last_ingest, HISTORY_PAGE):
            key = (row.store, row.epoch, row.lane)
            lane = self.held.setdefault(key, [])
            self._last_ingest = row.ingest_id
            self.insist(row.seq == len(lane) + 1, f"{key}: the hub's seq jumps from {len(lane)} to {row.seq}")
            lane.append(row.raw)
            chain = facts.link(self._chains.get(key) or facts.genesis(*key), row.raw)
            self.insist(row.chain == chain, f"{key}: the hub's chain breaks at {row.seq}")
            self._chains[key] = chain
            self.insist(
                any(life[: row.seq] == lane for life in self.histories.get(key, [])),
                f"{key}: what the hub holds to {row.seq} is no history of this store",
            )
        for place in hub_journal.all_lanes(reader):
            key = (place.store, place.epoch, place.lane)
            known = len(self.held.get(key, []))
            self.insist(place.seq == known, f"{key}: the lane says {place.seq}, the facts say {known}")
            self.insist(place.chain == self._chains.get(key, facts.genesis(*key)), f"{key}: lane and facts differ")
            self.insist(place.fork_seq is None or self.forked(key), f"{key}: a fork alarm without a fork")
        self.check_promises(*self.acked)

    def hub_restored(self, held: dict[LaneKey, list[bytes]], last_ingest: int) -> None:
        """Somebody put an old database in the hub's place: it may know less until the stores have greeted it."""
        self.held = {key: list(lane) for key, lane in held.items()}
        self._chains = {key: _chain(key, lane) for key, lane in held.items()}
        self._last_ingest = last_ingest
        self._generation += 1
        self.stale = set(self.acked)

    @property
    def last_ingest(self) -> int:
        """Up to which of the hub's facts the model reaches."""
        return self._last_ingest

    def hub_spoke(self, header: envelope.Header, said: Ack | Welcome) -> None:
        """The hub hands a word over for sending: it must be committed now, and never falls within a session."""
        if isinstance(said, Welcome):
            self._welcomed[said.nonce] = self._generation
            words = [(lane, place.seq, place.chain) for lane, place in said.lanes.items()]
        else:
            words = [(said.lane, said.seq, said.chain)]
        for lane, seq, chain in words:
            key = (header.store, header.epoch, lane)
            held = self.held.get(key, [])
            self.insist(seq <= len(held), f"{key}: the hub acknowledges {seq}, committed are {len(held)}")
            self.insist(chain == _chain(key, held[:seq]), f"{key}: the hub acknowledges another chain at {seq}")
            if isinstance(said, Ack) and said.session:
                before = self._promised.get((key, said.session), 0)
                self.insist(seq >= before, f"{key}: the hub's ack falls from {before} to {seq} within a session")
                self._promised[key, said.session] = seq

    def check_promises(self, *lanes: LaneKey) -> None:
        """No fact that a store was told is stored may be missing."""
        for key in lanes:
            if key not in self.stale:
                acked, held = self.acked[key], len(self.held.get(key, []))
                self.insist(acked <= held, f"{key}: acknowledged to {acked}, the hub holds {held}")


def _chain(key: LaneKey, raws: Iterable[bytes]) -> bytes:
    chain = facts.genesis(*key)
    for raw in raws:
        chain = facts.link(chain, raw)
    return chain


class WatchedLine:
    """A party's transport: its process may die on either side of handing a message over."""

    def __init__(self, inner: MemoryTransport, doom: Doom, oracle: Oracle, who: str) -> None:
        self._inner = inner
        self._doom = doom
        self._oracle = oracle
        self._who = who

    @property
    def connected(self) -> bool:
        """Whether the link is up now."""
        return self._inner.connected

    def start(self) -> None:
        """Begin to connect."""
        self._inner.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Hand a message over."""
        self._doom.step("before publish")
        self._oracle.published(self._who, topic, payload)
        accepted = self._inner.publish(topic, payload, retain=retain, qos=qos)
        self._doom.step("after publish")
        return accepted

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        """Give the next thing that happened."""
        event = self._inner.poll(timeout_s)
        # A broker's word about a lost connection (`st`) carries nothing that anybody reads.
        if (
            isinstance(event, Message)
            and not event.topic.endswith("/st")
            and not self._oracle.is_genuine(event.payload)
        ):
            self._oracle.damaged(self._who)
        return event

    def stop(self) -> None:
        """Say goodbye."""
        self._inner.stop()


class HubLine(WatchedLine):
    """The hub's transport: what it promises is read as it is handed over."""

    def __init__(self, inner: MemoryTransport, doom: Doom, oracle: Oracle, identity: keys.Identity) -> None:
        super().__init__(inner, doom, oracle, "hub")
        self._identity = identity
        self._openers: dict[tuple[str, int], sealing.Opener] = {}

    def know(self, party: sealing.Party, agreement: bytes) -> None:
        """Learn a store's key, so that words to it can be read."""
        link = sealing.link_keys(self._identity, agreement, tenant=party.tenant, store=party.store, epoch=party.epoch)
        self._openers[party.store, party.epoch] = sealing.Opener(self._identity.public.signing, link.down, party)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Read what the hub says, then hand it over."""
        if topic.endswith(("/a", "/wel")):
            opened = envelope.take_apart(payload)
            header = opened.header
            plain = self._openers[header.store, header.epoch].open(opened)
            if header.kind is MessageKind.ACK:
                self._oracle.hub_spoke(header, messages.decode(plain, Ack))
            elif header.kind is MessageKind.WELCOME:
                self._oracle.hub_spoke(header, messages.decode(plain, Welcome))
        return super().publish(topic, payload, retain=retain, qos=qos)


class WatchedSealer(sealing.Sealer):
    """A store's pen: notes the greeting that answers must name."""

    def __init__(self, own: keys.Identity, key: bytes, party: sealing.Party, chance: Chance, *, oracle: Oracle) -> None:
        super().__init__(own, key, party, chance)
        self._watched = party
        self._oracle = oracle

    def seal(
        self,
        kind: MessageKind,
        plain: bytes,
        *,
        lane: int = 0,
        first_seq: int = 0,
        count: int = 0,
        chain_before: bytes = b"",
        chain_after: bytes = b"",
    ) -> bytes:
        """Seal, and note a greeting."""
        if kind is MessageKind.HELLO:
            self._oracle.greeted(self._watched, messages.decode(plain, Hello).nonce)
        return super().seal(
            kind,
            plain,
            lane=lane,
            first_seq=first_seq,
            count=count,
            chain_before=chain_before,
            chain_after=chain_after,
        )


class WatchedOpener(sealing.Opener):
    """A store's reader of the hub's messages: nothing that was damaged on the way may open."""

    def __init__(self, other_signing: bytes, key: bytes, party: sealing.Party, *, oracle: Oracle) -> None:
        super().__init__(other_signing, key, party)
        self._oracle = oracle

    def open(self, opened: envelope.Opened) -> bytes:
        """Open, and insist that somebody sent exactly this."""
        plain = super().open(opened)
        self._oracle.insist(self._oracle.is_genuine(opened.signed + opened.signature), "a damaged message was opened")
        return plain


class WatchedOutbox:
    """A store's outbox: the hub's word is checked before it is kept."""

    def __init__(self, inner: NodeOutbox, opener: sealing.Opener, party: sealing.Party, oracle: Oracle) -> None:
        self._inner = inner
        self._opener = opener
        self._party = party
        self._oracle = oracle

    def heads(self) -> dict[int, LaneHead]:
        """Where the lanes stand."""
        return self._inner.heads()

    def read(self, lane: int, first: int, last: int) -> Batch:
        """Read facts for sending."""
        return self._inner.read(lane, first, last)

    def keep_ack(self, lane: int, seq: int, chain: bytes, proof: bytes) -> None:
        """Check the word against the message that proves it, then keep it."""
        opened = envelope.take_apart(proof)
        plain = self._opener.open(opened)
        said = messages.decode(plain, Welcome if opened.header.kind is MessageKind.WELCOME else Ack)
        assert isinstance(said, Ack | Welcome)
        self._oracle.word_kept(self._party, lane, (seq, chain), said)
        self._inner.keep_ack(lane, seq, chain, proof)

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the streams stand."""
        return self._inner.stream_heads()

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply what came down."""
        return self._inner.apply_stream(batch)

    def heartbeat(self) -> Heartbeat:
        """How the store is."""
        return self._inner.heartbeat()

    def merge_time(self, hub_ms: int) -> None:
        """Let the hybrid clock pass the hub's time."""
        self._inner.merge_time(hub_ms)

    def hlc(self) -> int:
        """The hybrid clock's last value."""
        return self._inner.hlc()
