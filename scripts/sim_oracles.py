"""What must hold in the simulated world at any time, checked where it would first show: at each commit and each word.

The oracles keep a model of their own: every history a store ever wrote, what the hub holds, what it promised. They see
commits through the databases' own readers and messages as they pass, and never ask the parts under test for an opinion.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from cloud.db.engine import Reader as HubReader
from edge.db import journal as store_journal
from edge.services.hub.outbox import NodeOutbox
from scripts.sim_faults import Doom
from sync.contract import envelope, facts, messages
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Heartbeat, Hello, LaneHead, Snapshot, StreamBatch, StreamHead, Welcome
from sync.engine.memory import MemoryTransport
from sync.engine.store_link import Batch
from sync.engine.stream_link import Fetch
from sync.engine.transport import LinkState, Message
from sync.node import keys, sealing
from sync.node.database import Reader as StoreReader
from sync.node.ports import Chance

LaneKey = tuple[str, int, int]
HISTORY_PAGE = 1_000
_NEW_FACTS = (
    "SELECT ingest_id, store, epoch, lane, seq, raw, chain FROM facts WHERE ingest_id > ? ORDER BY ingest_id LIMIT ?"
)
_LANES = "SELECT store, epoch, lane, seq, chain, fork_seq FROM lanes"


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
    epochs: dict[str, int] = field(default_factory=dict)
    genuine: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    corrupt_at_hub: int = 0
    hub_commits: int = 0
    _credit: dict[tuple[str, int], int] = field(default_factory=dict)
    _terms_heard: set[bytes] = field(default_factory=set)
    _fenced: set[tuple[str, int]] = field(default_factory=set)
    _chains: dict[LaneKey, bytes] = field(default_factory=dict)
    _last_n: dict[str, int] = field(default_factory=dict)
    _last_hlc: dict[str, int] = field(default_factory=dict)
    _nonces: set[tuple[str, str, int, bytes, bytes]] = field(default_factory=set)
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

    def sealed(self, way: str, header: envelope.Header) -> None:
        """A message was sealed: under one key of one direction no nonce may ever come twice."""
        used = way, header.store, header.epoch, header.key_id, header.nonce
        self.insist(used not in self._nonces, f"{header.store}: a nonce is used again on the way {way}")
        self._nonces.add(used)

    # -------------------------------------------------------------------------------------------------------- stores

    def store_found(self, machine: str, reader: StoreReader) -> None:
        """The power is back: everything that was committed must be there, whatever the disk forgot."""
        there, committed = store_journal.counter(reader, "n"), self._last_n.get(machine, 0)
        self.insist(there == committed, f"{machine}: committed to n {committed}, after the power cut {there} are there")

    def store_committed(self, machine: str, store: str, reader: StoreReader) -> None:
        """Take a machine's new facts into its history: gapless in `n` and in each lane, chained, in hybrid time."""
        for epoch, stored in store_journal.by_number(reader, after=self._last_n.get(machine, 0)):
            key = (store, epoch, stored.lane)
            history = self.histories.setdefault(key, [[]])[-1]
            follows = stored.n in {self._last_n.get(machine, 0) + 1, facts.number_floor(epoch) + 1}
            self.insist(follows, f"{machine}: n jumps to {stored.n}")
            self.insist(stored.seq == len(history) + 1, f"{key}: the store's seq jumps to {stored.seq}")
            hlc = int(facts.decode(stored.raw).hlc)
            rises = hlc > self._last_hlc.get(machine, -1)
            self.insist(rises, f"{machine}: the hybrid clock does not rise at n {stored.n}")
            history.append(stored.raw)
            self._last_n[machine], self._last_hlc[machine] = stored.n, hlc
            self.note(machine, f"fact {key} {stored.seq}", stored.raw)
            self.counts["facts"] += 1

    def store_rolled_back(self, machine: str, store: str, reader: StoreReader) -> None:
        """Somebody put an old file in the store's place: from here on it may write another history."""
        self._last_n[machine] = store_journal.counter(reader, "n")
        self._last_hlc[machine] = -1
        for epoch in store_journal.epochs(reader):
            for lane, head in store_journal.heads(reader, epoch).items():
                key = (store, epoch, lane)
                lives = self.histories.setdefault(key, [[]])
                if head.head_seq < len(lives[-1]):
                    lives.append(lives[-1][: head.head_seq])
                self.acked[key] = head.acked_seq
                if self._generation and head.acked_seq > len(self.held.get(key, [])):
                    # The old file remembers a promise from before the hub was set back, too.
                    self.stale.add(key)

    def live(self, key: LaneKey) -> list[bytes]:
        """Give a lane as the store has it now."""
        return self.histories.get(key, [[]])[-1]

    def forked(self, key: LaneKey) -> bool:
        """Say whether the store may have written two histories of this lane or its sister."""
        return any(len(self.histories.get((*key[:2], lane), [[]])) > 1 for lane in store_journal.LANES)

    def greeted(self, party: sealing.Party, nonce: bytes) -> None:
        """A store sealed a greeting: from now on only answers to this one count."""
        self._greeted[party.store, party.epoch] = nonce

    def enrolled(self, store: str, epoch: int) -> None:
        """The hub gave an epoch to a store: every older one has facts to give and no rights."""
        self.epochs[store] = epoch

    def heard_terms(self, party: sealing.Party, said: Ack | Welcome) -> None:
        """A store opened the hub's word on what it may do; only answers to its last greeting count."""
        key = party.store, party.epoch
        answers = said.nonce if isinstance(said, Welcome) else said.session
        if isinstance(said, Welcome):
            if said.nonce in self._terms_heard:
                return  # A copy that came late opens nothing.
            self._terms_heard.add(said.nonce)
        if answers == self._greeted.get(key):
            self._credit[key] = said.credit
            self.counts["told_to_wait"] += said.credit == 0

    def sends_facts(self, party: sealing.Party) -> None:
        """A store seals facts: it must have been told that it may."""
        waits = self._credit.get((party.store, party.epoch)) == 0
        self.insist(not waits, f"{party.store}: facts are sent against credit 0")

    def fenced_kept(self, party: sealing.Party) -> None:
        """A store keeps that its epoch was replaced."""
        self._fenced.add((party.store, party.epoch))
        self.counts["fenced"] += 1

    def is_fenced(self, store: str, epoch: int) -> bool:
        """Say whether a store's machine knows that its epoch was replaced."""
        return (store, epoch) in self._fenced

    def rights_used(self, header: envelope.Header) -> None:
        """The hub answers something that only the epoch of now may ask."""
        behind = header.epoch < self.epochs.get(header.store, 0)
        self.insist(not behind, f"{header.store}: epoch {header.epoch} was replaced and is served {header.kind}")

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
            known = self._chain_at(key, mine, seq)
            self.insist(chain == known, f"{key}: the hub's word at {seq} is not this store's history")
        self.acked[key] = seq
        self.check_promises(key)

    # ----------------------------------------------------------------------------------------------------------- hub

    def hub_committed(self, reader: HubReader) -> None:
        """Take in what the hub committed, and check it against what the stores wrote."""
        self.hub_commits += 1
        for row in reader.connection.exec_driver_sql(_NEW_FACTS, (self._last_ingest, HISTORY_PAGE)):
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
        for place in reader.connection.exec_driver_sql(_LANES):
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
        self._promised.clear()
        self.stale = set(self.acked)

    @property
    def last_ingest(self) -> int:
        """Up to which of the hub's facts the model reaches."""
        return self._last_ingest

    def hub_spoke(self, header: envelope.Header, said: Ack | Welcome) -> None:
        """The hub hands a word over for sending: it must be committed now, and never falls within a session."""
        if isinstance(said, Welcome):
            if said.streams or not said.fenced:
                self.rights_used(header)
            self._welcomed[said.nonce] = self._generation
            words = [(lane, place.seq, place.chain) for lane, place in said.lanes.items()]
        else:
            words = [(said.lane, said.seq, said.chain)]
        for lane, seq, chain in words:
            key = (header.store, header.epoch, lane)
            held = self.held.get(key, [])
            self.insist(seq <= len(held), f"{key}: the hub acknowledges {seq}, committed are {len(held)}")
            self.insist(chain == self._chain_at(key, held, seq), f"{key}: the hub acknowledges another chain at {seq}")
            if isinstance(said, Ack) and said.session:
                before = self._promised.get((key, said.session), 0)
                self.insist(seq >= before, f"{key}: the hub's ack falls from {before} to {seq} within a session")
                self._promised[key, said.session] = seq

    def _chain_at(self, key: LaneKey, raws: list[bytes], seq: int) -> bytes:
        """Give the chain behind the first `seq` facts; where the hub's own end is meant it is known already."""
        if raws is self.held.get(key) and seq == len(raws) and key in self._chains:
            return self._chains[key]
        return _chain(key, raws[:seq])

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
            self._oracle.sealed("down", header)
            plain = self._openers[header.store, header.epoch].open(opened)
            if header.kind is MessageKind.ACK:
                self._oracle.hub_spoke(header, messages.decode(plain, Ack))
            elif header.kind is MessageKind.WELCOME:
                self._oracle.hub_spoke(header, messages.decode(plain, Welcome))
        elif topic.endswith(("/d", "/rs")):
            header = envelope.take_apart(payload).header
            self._oracle.sealed("down", header)
            self._oracle.rights_used(header)
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
        elif kind is MessageKind.FACTS:
            self._oracle.sends_facts(self._watched)
        wire = super().seal(
            kind,
            plain,
            lane=lane,
            first_seq=first_seq,
            count=count,
            chain_before=chain_before,
            chain_after=chain_after,
        )
        self._oracle.sealed("up", envelope.take_apart(wire).header)
        return wire


class WatchedOpener(sealing.Opener):
    """A store's reader of the hub's messages: nothing that was damaged on the way may open."""

    def __init__(self, other_signing: bytes, key: bytes, party: sealing.Party, *, oracle: Oracle) -> None:
        super().__init__(other_signing, key, party)
        self._watched = party
        self._oracle = oracle

    def open(self, opened: envelope.Opened) -> bytes:
        """Open, and insist that somebody sent exactly this."""
        plain = super().open(opened)
        self._oracle.insist(self._oracle.is_genuine(opened.signed + opened.signature), "a damaged message was opened")
        if opened.header.kind is MessageKind.WELCOME:
            self._oracle.heard_terms(self._watched, messages.decode(plain, Welcome))
        elif opened.header.kind is MessageKind.ACK:
            self._oracle.heard_terms(self._watched, messages.decode(plain, Ack))
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

    def keep_durable(self, lane: int, seq: int) -> None:
        """Keep how far a backup has a lane."""
        self._inner.keep_durable(lane, seq)

    def keep_fenced(self) -> None:
        """Keep that this epoch was replaced."""
        self._inner.keep_fenced()
        self._oracle.fenced_kept(self._party)

    def keep_revoked(self) -> None:
        """Keep that this epoch's key was revoked."""
        self._inner.keep_revoked()

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the streams stand."""
        return self._inner.stream_heads()

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply what came down."""
        return self._inner.apply_stream(batch)

    def fetches(self) -> dict[str, Fetch]:
        """Give the snapshots that are on their way."""
        return self._inner.fetches()

    def begin_fetch(self, stream: str, snapshot: Snapshot) -> frozenset[bytes]:
        """Keep that a snapshot is being fetched."""
        return self._inner.begin_fetch(stream, snapshot)

    def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
        """Keep a piece."""
        self._inner.keep_piece(stream, digest, data)

    def take_snapshot(self, stream: str) -> int | None:
        """Bring a snapshot into force."""
        return self._inner.take_snapshot(stream)

    def heartbeat(self) -> Heartbeat:
        """How the store is."""
        return self._inner.heartbeat()

    def merge_time(self, hub_ms: int, asked_ms: int) -> None:
        """Let the hybrid clock pass the hub's time."""
        self._inner.merge_time(hub_ms, asked_ms)

    def compare_time(self, hub_ms: int, asked_ms: int) -> None:
        """Compare the wall clock with the hub's."""
        self._inner.compare_time(hub_ms, asked_ms)

    def hlc(self) -> int:
        """The hybrid clock's last value."""
        return self._inner.hlc()
