"""Ingest: the hub's end of the wire. A bunch of messages is judged, stored in one transaction, and only then answered.

What an acknowledgement promises: stored, contiguous, chain-verified, committed with fsync. It does not promise that a
fact was understood: that is the projector's business, and it blocks nothing (DESIGN §4).
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cloud.db import journal, presence, stores
from cloud.db.engine import HubDatabase, Reader, Repeated, Tx
from cloud.db.journal import LaneRow
from cloud.db.presence import PresenceRow
from cloud.domain import reading
from cloud.services import streams
from cloud.services.gate import SCHEMA_MIN, SEQ_MAX, Arrival, End, Gate, Goodbye, Turned
from sync.contract import envelope, facts, messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError, Lane
from sync.contract.messages import (
    Ack,
    Heartbeat,
    Hello,
    LaneCheckpoint,
    LaneHead,
    Pull,
    Reject,
    Welcome,
)
from sync.engine import receiver
from sync.engine.receiver import Duplicate, Fork, Gap, Rules
from sync.node import keys
from sync.node.ports import Chance, Clock

KIND_CHARS_MAX = 64
HARMLESS = frozenset({"replayed"})
"""Counted, but nobody need look: everything in the batch was held already, and it was acknowledged again."""

_LANES = tuple(lane.value for lane in Lane)

log = logging.getLogger(__name__)

Outgoing = list[tuple[str, bytes]]


@dataclass
class _Bunch:
    """What one bunch of messages comes to, before any of it is written."""

    now_ms: int
    lanes: dict[tuple[str, int, int], LaneRow] = field(default_factory=dict)
    moved: set[tuple[str, int, int]] = field(default_factory=set)
    facts: list[dict[str, Any]] = field(default_factory=list)
    acks: dict[tuple[str, int, int], tuple[End, int | None]] = field(default_factory=dict)
    replies: Outgoing = field(default_factory=list)
    seen: dict[str, int | None] = field(default_factory=dict)
    beats: dict[str, PresenceRow] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def saw(self, store: str, data_as_of_ms: int | None = None) -> None:
        held = self.seen.get(store)
        known = [at_ms for at_ms in (held, data_as_of_ms) if at_ms is not None]
        self.seen[store] = max(known) if known else None
        self.left.discard(store)


class Ingest:
    """The hub's protocol. Not thread-safe: one thread calls `receive`. It holds nothing that a restart would miss.

    Args:
        database: the hub's database.
        identity: the hub's keys.
        tenant: whose stores these are.
        clock: for what the hub notes; never for order.
        chance: for the nonces of sealed messages.
        rules: the guards; all on but in a simulation that must notice one being off.
        credit: batches that a store may have in flight.
    """

    def __init__(
        self,
        database: HubDatabase,
        identity: keys.Identity,
        *,
        tenant: str,
        clock: Clock,
        chance: Chance,
        rules: Rules | None = None,
        credit: int = 8,
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._clock = clock
        self._rules = rules or Rules()
        self._credit = credit
        self._gate = Gate(identity, tenant, chance)
        # Only so that a store notices that it speaks to a hub which restarted: nothing depends on it.
        self._sessions: dict[tuple[str, int], bytes] = {}
        self._uncounted: Counter[tuple[str, str]] = Counter()
        self.facts_stored = 0

    def receive(
        self, arrived: Sequence[tuple[str, bytes]], publish_early: Callable[[Outgoing], None] | None = None
    ) -> Outgoing:
        """Take in a bunch of messages.

        Args:
            arrived: (topic, payload) as they came off the wire.
            publish_early: used only where `rules.ack_after_commit` is off.

        Returns:
            What to publish now: the transaction is committed.
        """
        bunch = _Bunch(self._clock.now_ms())
        with self._database.read() as reader:
            self._gate.refresh(reader)
            passed = self._sort(bunch, [self._gate.judge(reader, topic, payload) for topic, payload in arrived])
            if not self._must_write(reader, bunch, passed):
                self._work(reader, bunch, passed)
                self._uncounted += bunch.refused
                return bunch.replies
        with self._database.write() as tx:
            self._work(tx, bunch, passed)
            bunch.refused += self._uncounted
            self._store(tx, bunch)
            if not self._rules.ack_after_commit and publish_early is not None:
                publish_early(bunch.replies)
        self._uncounted.clear()
        self.facts_stored += len(bunch.facts)
        return bunch.replies if self._rules.ack_after_commit or publish_early is None else []

    def flush_counts(self) -> None:
        """Write the counts of harmless refusals that no transaction took along so far; called now and then."""
        if self._uncounted:
            with self._database.write() as tx:
                presence.count_refusals(tx, self._uncounted, self._clock.now_ms())
            self._uncounted.clear()

    # ------------------------------------------------------------------------------------------------------ judging

    def _sort(self, bunch: _Bunch, judged: list[Arrival | Goodbye | Turned]) -> list[Arrival]:
        """Note what needs no further work; give the rest, each lane's batches in the order of their seqs."""
        passed: list[Arrival] = []
        for one in judged:
            match one:
                case Turned(reason=reason, store=store):
                    bunch.refused[reason, store] += 1
                    log.warning("ingest.refused", extra={"reason": reason, "store_id": store})
                case Goodbye(store=store):
                    bunch.left.add(store)
                case Arrival():
                    passed.append(one)
        batches = [one for one in passed if one.header.kind is MessageKind.FACTS]
        batches.sort(key=lambda one: (one.store, one.epoch, one.header.lane, one.header.first_seq))
        return batches + [one for one in passed if one.header.kind is not MessageKind.FACTS]

    def _must_write(self, reader: Reader, bunch: _Bunch, passed: list[Arrival]) -> bool:
        if bunch.left or any(reason not in HARMLESS for reason, _ in bunch.refused):
            return True
        for one in passed:
            if one.header.kind is MessageKind.PULL:
                continue
            if one.header.kind is not MessageKind.FACTS:
                return True
            lane = self._lane(reader, bunch, one)
            place = receiver.judge_place(one.header.first_seq, one.header.count, _held(lane), self._rules)
            if lane.fork_seq is not None or isinstance(place, int):
                return True
        bunch.lanes.clear()
        return False

    def _work(self, reader: Reader, bunch: _Bunch, passed: list[Arrival]) -> None:
        # What was looked at before the write lock may be old by now.
        bunch.lanes.clear()
        for one in passed:
            try:
                self._take(reader, bunch, one)
            except ContractError as error:
                reason = str(error) if one.header.kind is MessageKind.FACTS else "bad_body"
                bunch.refused[reason, one.store] += 1
                log.warning("ingest.refused", extra={"reason": reason, "store_id": one.store})
        for (store, epoch, lane), (end, gap) in bunch.acks.items():
            self._acknowledge(bunch, end, store=store, epoch=epoch, lane=lane, gap=gap)

    def _take(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        match one.header.kind:
            case MessageKind.FACTS:
                self._take_facts(reader, bunch, one)
            case MessageKind.HELLO:
                self._greet(reader, bunch, one)
            case MessageKind.HEARTBEAT:
                _take_heartbeat(bunch, one)
                self._answer_heartbeat(reader, bunch, one)
            case MessageKind.PULL:
                self._take_pull(reader, bunch, one)
            case _:
                raise ContractError("misplaced")

    # -------------------------------------------------------------------------------------------------------- facts

    def _take_facts(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        lane = self._lane(reader, bunch, one)
        place_key = (one.store, one.epoch, one.header.lane)
        if lane.fork_seq is not None:
            bunch.refused["fork", one.store] += 1
            return
        header = one.header
        raws = envelope.unframe_facts(one.plain, header.count)
        place = receiver.judge_place(header.first_seq, header.count, _held(lane), self._rules)
        match place:
            case Duplicate():
                bunch.refused["replayed", one.store] += 1
                bunch.acks.setdefault(place_key, (one.end, None))
                return
            case Gap(from_seq=from_seq):
                bunch.acks[place_key] = (one.end, from_seq)
                return
            case skip:
                pass
        verdict = receiver.judge_chain(raws, skip, header.chain_before, header.chain_after, _held(lane))
        if isinstance(verdict, Fork):
            self._fork(bunch, one, lane, verdict.seq)
            return
        data_as_of_ms = self._keep(bunch, one, lane, raws[verdict.skip :])
        assert bunch.lanes[place_key].chain == verdict.checkpoint.chain
        bunch.acks[place_key] = (one.end, None)
        bunch.saw(one.store, data_as_of_ms)

    def _keep(self, bunch: _Bunch, one: Arrival, lane: LaneRow, raws: list[bytes]) -> int | None:
        """Note new facts for storing, as they are; give up to when the store's data reaches with them."""
        chain, seq = lane.chain, lane.seq
        latest_ms: int | None = None
        for raw in raws:
            chain, seq = facts.link(chain, raw), seq + 1
            row = _fact_row(raw)
            if row["at_ms"]:
                latest_ms = max(latest_ms or 0, min(row["at_ms"], bunch.now_ms))
            row.update(
                store=one.store, epoch=one.epoch, lane=one.header.lane, seq=seq, received_ms=bunch.now_ms, chain=chain
            )
            bunch.facts.append(row)
        key = (one.store, one.epoch, one.header.lane)
        bunch.lanes[key] = msgspec.structs.replace(lane, seq=seq, chain=chain, updated_ms=bunch.now_ms)
        bunch.moved.add(key)
        return latest_ms

    def _fork(self, bunch: _Bunch, one: Arrival, lane: LaneRow, seq: int) -> None:
        key = (one.store, one.epoch, one.header.lane)
        bunch.lanes[key] = msgspec.structs.replace(lane, fork_seq=seq, updated_ms=bunch.now_ms)
        bunch.moved.add(key)
        bunch.acks.pop(key, None)
        bunch.refused["fork", one.store] += 1
        log.error("ingest.fork", extra={"store_id": one.store, "epoch": one.epoch, "lane": one.header.lane, "seq": seq})
        session = self._sessions.pop((one.store, one.epoch), None)
        if session is not None:
            self._reject(bunch, one, session, "fork")

    def _acknowledge(self, bunch: _Bunch, end: End, *, store: str, epoch: int, lane: int, gap: int | None) -> None:
        held = bunch.lanes[store, epoch, lane]
        body = Ack(
            session=self._sessions.get((store, epoch), b""),
            lane=lane,
            seq=held.seq,
            chain=held.chain,
            credit=self._credit,
            hub_ms=bunch.now_ms,
            gap=gap,
        )
        wire = end.sealer.seal(MessageKind.ACK, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, store).ack, wire))

    # ------------------------------------------------------------------------------------------------------ session

    def _greet(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        hello = messages.decode(one.plain, Hello)
        refusal = self._refusal(reader, bunch, one, hello)
        bunch.saw(one.store)
        if refusal is not None:
            self._sessions.pop((one.store, one.epoch), None)
            log.error("ingest.session_refused", extra={"store_id": one.store, "epoch": one.epoch, "reason": refusal})
            if refusal == "revoked":
                bunch.refused["revoked", one.store] += 1
            self._reject(bunch, one, hello.nonce, refusal)
            return
        self._sessions[one.store, one.epoch] = hello.nonce
        body = Welcome(
            nonce=hello.nonce,
            lanes={lane: _held(self._lane_row(reader, bunch, one.store, one.epoch, lane)) for lane in _LANES},
            credit=self._credit,
            streams=streams.heads(reader),
            hub_ms=bunch.now_ms,
        )
        wire = one.end.sealer.seal(MessageKind.WELCOME, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, one.store).welcome, wire))

    def _answer_heartbeat(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        """Answer every sign of life with the trade lane's ack: silence must mean that we are away.

        Under a session that this process does not know the ack names none, and the store greets again: after a restart
        from a backup we may hold less than we once acknowledged, and a store that has nothing new to send would never
        hear of it.
        """
        if self._lane_row(reader, bunch, one.store, one.epoch, Lane.TRADE).fork_seq is None:
            bunch.acks.setdefault((one.store, one.epoch, Lane.TRADE.value), (one.end, None))

    def _refusal(self, reader: Reader, bunch: _Bunch, one: Arrival, hello: Hello) -> str | None:
        if one.end.key.revoked_ms is not None:
            return "revoked"
        store = stores.store_by_id(reader, one.store)
        assert store is not None
        if one.epoch < store.epoch:
            return "fenced"
        if hello.schema_max < SCHEMA_MIN:
            return "upgrade"
        for number in _LANES:
            lane = self._lane_row(reader, bunch, one.store, one.epoch, number)
            if lane.fork_seq is not None:
                return "fork"
            head = hello.lanes.get(number)
            if (head.head_seq if head is not None else 0) < lane.seq:
                return "rewind"
            if head is not None and self._differs(reader, lane, head):
                bunch.lanes[one.store, one.epoch, number] = msgspec.structs.replace(
                    lane, fork_seq=lane.seq, updated_ms=bunch.now_ms
                )
                bunch.moved.add((one.store, one.epoch, number))
                return "fork"
            if head is not None and head.oldest_seq > lane.seq + 1:
                # The hub lost data beyond what the store kept: only a person can decide what to do.
                log.error("ingest.beyond_retention", extra={"store_id": one.store, "lane": number, "seq": lane.seq})
        return None

    @staticmethod
    def _differs(reader: Reader, lane: LaneRow, head: LaneHead) -> bool:
        """Say whether a store's history is another than the one held, as far as its greeting shows."""
        if head.head_seq == lane.seq:
            return lane.seq > 0 and head.head_chain != lane.chain
        if not 1 <= head.acked_seq <= lane.seq:
            return False
        held = journal.fact_at(reader, lane.store, lane.epoch, lane.lane, head.acked_seq)
        return held is not None and held.chain != head.acked_chain

    def _reject(self, bunch: _Bunch, one: Arrival, nonce: bytes, reason: str) -> None:
        body = Reject(nonce=nonce, reason=reason, hub_ms=bunch.now_ms)
        wire = one.end.sealer.seal(MessageKind.REJECT, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, one.store).welcome, wire))

    def _take_pull(self, reader: Reader, bunch: _Bunch, one: Arrival) -> None:
        pull = messages.decode(one.plain, Pull)
        answer = streams.answer(reader, one.store, pull)
        if answer is None:
            bunch.refused["unknown_stream", one.store] += 1
            return
        kind, body = answer
        wire = one.end.sealer.seal(kind, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, one.store).data, wire))

    # ------------------------------------------------------------------------------------------------------ storing

    def _lane(self, reader: Reader, bunch: _Bunch, one: Arrival) -> LaneRow:
        return self._lane_row(reader, bunch, one.store, one.epoch, one.header.lane)

    @staticmethod
    def _lane_row(reader: Reader, bunch: _Bunch, store: str, epoch: int, lane: int) -> LaneRow:
        key = (store, epoch, lane)
        if key not in bunch.lanes:
            held = journal.lane_of(reader, *key)
            bunch.lanes[key] = held or LaneRow(store, epoch, lane, 0, facts.genesis(store, epoch, lane))
        return bunch.lanes[key]

    def _store(self, tx: Tx, bunch: _Bunch) -> None:
        if bunch.facts:
            first = journal.take_ingest_ids(tx, len(bunch.facts))
            for number, row in enumerate(bunch.facts):
                row["ingest_id"] = first + number
            _insert(tx, bunch.facts)
        journal.put_lanes(tx, [bunch.lanes[key] for key in sorted(bunch.moved)])
        for store, data_as_of_ms in bunch.seen.items():
            presence.note_seen(tx, store, bunch.now_ms, data_as_of_ms)
        for beat in bunch.beats.values():
            presence.note_heartbeat(tx, beat)
        for store in bunch.left:
            presence.note_left(tx, store, bunch.now_ms)
        if bunch.refused:
            presence.count_refusals(tx, bunch.refused, bunch.now_ms)


def _take_heartbeat(bunch: _Bunch, one: Arrival) -> None:
    beat = messages.decode(one.plain, Heartbeat)
    waiting = [beat.waiting.get(lane, 0) for lane in _LANES]
    numbers = [*waiting, beat.oldest_waiting_ms or 0, beat.day_sales, beat.day_amount_fen, beat.wall_ms]
    readable = len(beat.day) <= len("2026-01-01") and beat.day.isascii() and beat.day.isprintable()
    if not readable or not all(0 <= number <= SEQ_MAX for number in numbers):
        raise ContractError("bad_body")
    # With nothing waiting, what the hub has is what the store has: its data are as fresh as this very message.
    bunch.saw(one.store, bunch.now_ms if not any(waiting) else None)
    bunch.beats[one.store] = PresenceRow(
        store=one.store,
        last_seen_ms=bunch.now_ms,
        waiting_trade=waiting[Lane.TRADE],
        waiting_operations=waiting[Lane.OPERATIONS],
        oldest_waiting_ms=beat.oldest_waiting_ms,
        day=beat.day,
        day_sales=beat.day_sales,
        day_amount_fen=beat.day_amount_fen,
    )


def _held(lane: LaneRow) -> LaneCheckpoint:
    return LaneCheckpoint(lane.seq, lane.chain)


def _fact_row(raw: bytes) -> dict[str, Any]:
    """Give what the columns need of a fact, as far as it can be read; the bytes are kept whatever they say."""
    try:
        fact = facts.decode(raw)
    except ContractError:
        return {"fact_id": None, "kind": "", "at_ms": 0, "raw": raw}
    return {
        "fact_id": reading.fact_id_bytes(fact.id),
        "kind": fact.kind[:KIND_CHARS_MAX],
        "at_ms": fact.at_ms if 0 <= fact.at_ms <= reading.AT_MS_MAX else 0,
        "raw": raw,
    }


def _insert(tx: Tx, rows: list[dict[str, Any]]) -> None:
    try:
        with tx.attempt():
            journal.insert_facts(tx, rows)
    except Repeated:
        # A store used one id for two facts. Both are stored; the later one is parked by the projector.
        _blank_repeated_ids(tx, rows)
        journal.insert_facts(tx, rows)


def _blank_repeated_ids(tx: Tx, rows: list[dict[str, Any]]) -> None:
    for store in {row["store"] for row in rows}:
        mine = [row for row in rows if row["store"] == store]
        known = journal.known_fact_ids(tx, store, [row["fact_id"] for row in mine if row["fact_id"] is not None])
        for row in mine:
            if row["fact_id"] in known:
                row["fact_id"] = None
            elif row["fact_id"] is not None:
                known.add(row["fact_id"])
