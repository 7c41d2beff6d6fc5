"""Ingest: the hub's end of the wire. A bunch of messages is judged, stored in one transaction, and only then answered.

What an acknowledgement promises: stored, contiguous, chain-verified, committed with fsync. It does not promise that a
fact was understood: that is the projector's business, and it blocks nothing (DESIGN §4).
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

import msgspec

from cloud.db import journal, presence
from cloud.db import streams as down
from cloud.db.engine import HubDatabase, Reader, Turn, Tx
from cloud.db.journal import LaneRow
from cloud.services import fact_rows, streams
from cloud.services.bunch import Bunch, LaneKey, LeaseLost, Outgoing, held
from cloud.services.gate import Arrival, End, Gate, Goodbye, Stale, Turned
from cloud.services.session import Sessions
from sync.contract import envelope, limits, messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import Answer, Pull, Question
from sync.engine import receiver
from sync.engine.admission import Admission
from sync.engine.receiver import Duplicate, Fork, Gap, Rules
from sync.node import keys
from sync.node.disk import Room
from sync.node.ports import Chance, Clock

HURRY_MS = 500
HARMLESS = frozenset({"replayed", "fenced"})
"""Counted, but nobody need look: everything in a batch was held already and was acknowledged again; or a replaced node,
before it heard of that, asked for what is no longer its own.
"""
UNKNOWN_QUESTION = "unknown_question"
_RIGHTS = frozenset({MessageKind.PULL, MessageKind.QUESTION})
"""What an epoch that was replaced may no longer do."""

Fence = Callable[[Tx, Collection[int]], None]
Answerer = Callable[[Tx, str, int, Question], Answer]

log = logging.getLogger(__name__)


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
        turns: stores that may catch up at once.
        fence: called first in every write transaction with the partitions of the bunch's stores; raises `LeaseLost`
            when another worker holds one of them by now.
        questions: answers online questions, in the transaction; without it every question is unknown.
        room: how much room the disk has; at red no facts are taken and every store is told to wait. What is small and
            replaces what stands (signs of life, sessions) is still written, so that the console tells what is the matter.
        on_failure: told of each error that undid a bunch, before it is raised.
        on_parted: told of each (store, epoch) that was replaced and has nothing left to hand over, after the commit.
        on_told: told of each (store, epoch) that was revoked and said that it heard so, after the commit.
    """

    make_sessions: ClassVar[type[Sessions]] = Sessions
    make_bunch: ClassVar[type[Bunch]] = Bunch

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
        turns: int = 8,
        fence: Fence | None = None,
        questions: Answerer | None = None,
        room: Callable[[], Room] | None = None,
        on_failure: Callable[[Exception], object] | None = None,
        on_parted: Callable[[str, int], object] | None = None,
        on_told: Callable[[str, int], object] | None = None,
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._clock = clock
        self._rules = rules or Rules()
        self._gate = Gate(identity, tenant, chance)
        self._admission = Admission(turns=turns, credit=credit)
        self._sessions = self.make_sessions(tenant, self._admission)
        self._fence = fence
        self._questions = questions
        self._room = room or (lambda: Room.OK)
        self._on_failure = on_failure or (lambda _: None)
        self._on_parted = on_parted
        self._on_told = on_told
        self._uncounted: Counter[tuple[str, str]] = Counter()
        self.facts_stored = 0
        self._full_ms: int | None = None

    @property
    def catching_up(self) -> tuple[int, int]:
        """How many stores catch up now, and how many wait for their turn."""
        return self._admission.busy, self._admission.waiting

    def receive(
        self, arrived: Sequence[tuple[str, bytes]], publish_early: Callable[[Outgoing], None] | None = None
    ) -> Outgoing:
        """Take in a bunch of messages.

        Args:
            arrived: (topic, payload) as they came off the wire.
            publish_early: used only where `rules.ack_after_commit` is off.

        Returns:
            What to publish now: the transaction is committed. Nothing where another worker holds a store's lease.
        """
        bunch = self.make_bunch(self._clock.now_ms(), self._clock.monotonic_ms())
        self._look_at_disk()
        with self._database.read() as reader:
            self._gate.refresh(reader)
            passed = self._sort(bunch, [self._gate.judge(reader, topic, payload) for topic, payload in arrived])
            if not self._must_write(reader, bunch, passed):
                self._work(reader, bunch, passed)
                self._uncounted += bunch.refused
                return bunch.replies
        try:
            with self._database.write(_turn(passed)) as tx:
                self._hold(tx, bunch, passed)
                self._work(tx, bunch, passed)
                bunch.refused += self._uncounted
                self._store(tx, bunch)
                self._gate.keep_announced(tx, bunch.now_ms)
                if not self._rules.ack_after_commit and publish_early is not None:
                    publish_early(bunch.replies)
        except LeaseLost:
            # Nothing was kept and nothing is answered: the stores send again, to whoever holds the lease now.
            log.warning("ingest.lease_lost", extra={"messages": len(arrived)})
            return []
        except Exception as error:
            self._on_failure(error)
            raise
        self._uncounted.clear()
        self._part(bunch)
        self.facts_stored += len(bunch.facts)
        if len(bunch.facts) >= limits.BATCH_FACTS_MAX:
            self._full_ms = self._clock.monotonic_ms()
        for (store, epoch), count in Counter((row["store"], row["epoch"]) for row in bunch.facts).items():
            self._admission.stored((store, epoch), count)
        return bunch.replies if self._rules.ack_after_commit or publish_early is None else []

    def _look_at_disk(self) -> None:
        full = self._room() is Room.RED
        if full != self._admission.closed:
            log.log(logging.ERROR if full else logging.WARNING, "ingest.disk_red" if full else "ingest.disk_has_room")
        self._admission.closed = full

    def _part(self, bunch: Bunch) -> None:
        for store, epoch in sorted(bunch.parted if self._on_parted is not None else ()):
            assert self._on_parted is not None
            try:
                self._on_parted(store, epoch)
            except Exception:
                # What was stored is to be answered all the same; the next heartbeat tries again.
                log.exception("ingest.not_parted", extra={"store_id": store, "epoch": epoch})
            else:
                self._sessions.parted(store, epoch)

        for store, epoch in sorted(bunch.told if self._on_told is not None else ()):
            assert self._on_told is not None
            try:
                self._on_told(store, epoch)
            except Exception:
                # As above; and its time runs out by itself.
                log.exception("ingest.not_shut_out", extra={"store_id": store, "epoch": epoch})

    def in_a_hurry(self) -> bool:
        """Say whether a backlog is coming in right now: full batches, a moment ago."""
        return self._full_ms is not None and self._clock.monotonic_ms() - self._full_ms < HURRY_MS

    def flush_counts(self) -> None:
        """Write the counts of harmless refusals that no transaction took along so far; called now and then."""
        if self._uncounted:
            with self._database.write(Turn.INGEST) as tx:
                presence.count_refusals(tx, self._uncounted, self._clock.now_ms())
            self._uncounted.clear()

    # ------------------------------------------------------------------------------------------------------ judging

    def _sort(self, bunch: Bunch, judged: list[Arrival | Goodbye | Stale | Turned]) -> list[Arrival]:
        """Note what needs no further work; give the rest, each lane's batches in the order of their seqs."""
        passed: list[Arrival] = []
        for one in judged:
            match one:
                case Turned(reason=reason, store=store):
                    bunch.refused[reason, store] += 1
                    log.warning("ingest.refused", extra={"reason": reason, "store_id": store})
                case Goodbye(store=store):
                    bunch.left.add(store)
                case Stale(store=store, epoch=epoch, end=end):
                    bunch.refused["revoked", store] += 1
                    bunch.stale[store, epoch] = end
                case Arrival():
                    passed.append(one)
        batches = [one for one in passed if one.header.kind is MessageKind.FACTS]
        batches.sort(key=lambda one: (one.store, one.epoch, one.header.lane, one.header.first_seq))
        return batches + [one for one in passed if one.header.kind is not MessageKind.FACTS]

    def _must_write(self, reader: Reader, bunch: Bunch, passed: list[Arrival]) -> bool:
        if bunch.left or any(reason not in HARMLESS for reason, _ in bunch.refused):
            return True
        for one in passed:
            if one.header.kind is MessageKind.PULL and not bunch.fenced(reader, one):
                continue
            if one.header.kind is not MessageKind.FACTS:
                return True
            lane = bunch.lane_of(reader, one)
            place = receiver.judge_place(one.header.first_seq, one.header.count, held(lane), self._rules)
            if lane.fork_seq is not None or (isinstance(place, int) and not self._admission.closed):
                return True
        bunch.forget()
        return False

    def _hold(self, tx: Tx, bunch: Bunch, passed: list[Arrival]) -> None:
        if self._fence is not None:
            named = {one.store for one in passed} | bunch.left | {store for store, _ in bunch.stale}
            self._fence(tx, {topics.partition(store) for store in named})

    def _work(self, reader: Reader, bunch: Bunch, passed: list[Arrival]) -> None:
        # What was looked at before the write lock may be old by now.
        bunch.forget()
        for one in passed:
            try:
                self._take(reader, bunch, one)
            except ContractError as error:
                reason = str(error) if one.header.kind is MessageKind.FACTS else "bad_body"
                bunch.refused[reason, one.store] += 1
                log.warning("ingest.refused", extra={"reason": reason, "store_id": one.store})
        for (store, epoch), end in bunch.stale.items():
            self._sessions.turn_out(reader, bunch, store, epoch, end)
        for (store, epoch, lane), (end, gap) in bunch.acks.items():
            self._acknowledge(reader, bunch, end, store=store, epoch=epoch, lane=lane, gap=gap)

    def _take(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        kind = one.header.kind
        if kind in _RIGHTS and bunch.fenced(reader, one):
            bunch.refused["fenced", one.store] += 1
            return
        match kind:
            case MessageKind.FACTS:
                self._take_facts(reader, bunch, one)
            case MessageKind.HELLO:
                self._sessions.greet(reader, bunch, one)
            case MessageKind.HEARTBEAT:
                self._sessions.heartbeat(reader, bunch, one)
            case MessageKind.PULL:
                self._take_pull(reader, bunch, one)
            case MessageKind.QUESTION:
                self._take_question(reader, bunch, one)
            case _:
                raise ContractError("misplaced")

    # -------------------------------------------------------------------------------------------------------- facts

    def _take_facts(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        lane = bunch.lane_of(reader, one)
        place_key = (one.store, one.epoch, one.header.lane)
        if lane.fork_seq is not None:
            bunch.refused["fork", one.store] += 1
            return
        header = one.header
        raws = envelope.unframe_facts(one.plain, header.count)
        place = receiver.judge_place(header.first_seq, header.count, held(lane), self._rules)
        match place:
            case Duplicate():
                bunch.refused["replayed", one.store] += 1
                bunch.acks.setdefault(place_key, (one.end, None))
                return
            case Gap(from_seq=from_seq):
                bunch.acks[place_key] = (one.end, from_seq)
                return
            case _ if self._admission.closed:
                # As if it had been lost: the store goes back at once, and with no credit it waits there.
                bunch.acks[place_key] = (one.end, lane.seq + 1)
                return
            case skip:
                pass
        verdict = receiver.judge_chain(raws, skip, header.chain_before, header.chain_after, held(lane))
        if isinstance(verdict, Fork):
            self._fork(reader, bunch, one, lane, verdict.seq)
            return
        self._keep(reader, bunch, one, lane, list(zip(raws[verdict.skip :], verdict.chains, strict=True)))
        assert bunch.lanes[place_key].chain == verdict.checkpoint.chain
        bunch.acks[place_key] = (one.end, None)

    def _keep(
        self, reader: Reader, bunch: Bunch, one: Arrival, lane: LaneRow, taken: list[tuple[bytes, bytes]]
    ) -> None:
        """Note new facts, each with the chain behind it, for storing as they are, and what they say about the store."""
        store, epoch, number, now_ms = one.store, one.epoch, one.header.lane, bunch.now_ms
        chain, seq, latest_ms = lane.chain, lane.seq, 0
        for raw, chain in taken:
            seq += 1
            fact_id, kind, at_ms = fact_rows.readable(raw)
            latest_ms = max(latest_ms, at_ms)
            # One display and no update of a dict: this is done for every fact there is.
            row = {
                "ingest_id": 0, "store": store, "epoch": epoch, "lane": number, "seq": seq, "fact_id": fact_id, "kind": kind,
                "at_ms": at_ms, "received_ms": now_ms, "chain": chain, "raw": raw,
            }  # fmt: skip
            bunch.facts.append(row)
        bunch.move(msgspec.structs.replace(lane, seq=seq, chain=chain))
        if bunch.fenced(reader, one):
            self._note_late(reader, bunch, (store, epoch, number), lane.seq + 1)
        else:
            bunch.saw(store, min(latest_ms, now_ms) or None)

    @staticmethod
    def _note_late(reader: Reader, bunch: Bunch, key: LaneKey, seq: int) -> None:
        """A lane is gapless, so one number says which of its facts came after the epoch was replaced."""
        if bunch.marks(reader, key).late_seq is None:
            bunch.late.setdefault(key, seq)

    def _fork(self, reader: Reader, bunch: Bunch, one: Arrival, lane: LaneRow, seq: int) -> None:
        key = (one.store, one.epoch, one.header.lane)
        bunch.move(msgspec.structs.replace(lane, fork_seq=seq))
        bunch.acks.pop(key, None)
        bunch.refused["fork", one.store] += 1
        log.error("ingest.fork", extra={"store_id": one.store, "epoch": one.epoch, "lane": one.header.lane, "seq": seq})
        if not bunch.fenced(reader, one):
            bunch.sessions[one.store] = "fork"
        session = self._sessions.end(one.store, one.epoch)
        if session is not None:
            self._sessions.reject(bunch, one, session, "fork")

    def _acknowledge(
        self, reader: Reader, bunch: Bunch, end: End, *, store: str, epoch: int, lane: int, gap: int | None
    ) -> None:
        self._sessions.acknowledge(reader, bunch, end, store=store, epoch=epoch, lane=lane, gap=gap)

    # ------------------------------------------------------------------------------------------- pulls and questions

    def _take_pull(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        pull = messages.decode(one.plain, Pull)
        answer = streams.answer(reader, one.store, pull)
        if answer is None:
            bunch.refused["unknown_stream", one.store] += 1
            return
        kind, body = answer
        bunch.reply(one, topics.of_store(self._tenant, one.store).data, kind, body)

    def _take_question(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        """Answer a question in the transaction that keeps the answer, so that asked again it is the same (§5.2)."""
        question = messages.decode(one.plain, Question)
        if self._questions is None:
            answer = Answer(id=question.id, verdict=UNKNOWN_QUESTION)
        else:
            assert isinstance(reader, Tx), "a question is always taken in a write transaction"
            answer = self._questions(reader, one.store, one.epoch, question)
        bunch.saw(one.store)
        bunch.reply(one, topics.of_store(self._tenant, one.store).answer, MessageKind.ANSWER, answer)

    # ------------------------------------------------------------------------------------------------------ storing

    def _store(self, tx: Tx, bunch: Bunch) -> None:
        journal.put_lanes(tx, [bunch.lanes[key] for key in sorted(bunch.moved)])
        for key, seq in sorted(bunch.late.items()):
            journal.mark_late(tx, *key, seq, bunch.now_ms)
        for store, data_as_of_ms in bunch.seen.items():
            presence.note_seen(tx, store, bunch.now_ms, data_as_of_ms)
        for beat in bunch.beats.values():
            presence.note_heartbeat(tx, beat)
        for store, refusal in bunch.sessions.items():
            presence.note_session(tx, store, refusal, bunch.now_ms)
        for store, versions in bunch.holdings.items():
            down.note_holdings(tx, store, versions, bunch.now_ms)
        for store in bunch.left:
            presence.note_left(tx, store, bunch.now_ms)
        if bunch.refused:
            presence.count_refusals(tx, bunch.refused, bunch.now_ms)
        if bunch.facts:
            fact_rows.insert(tx, bunch.facts)


def _turn(passed: list[Arrival]) -> Turn:
    """Workers write beside each other, each for stores of its own; what a question moves may be everybody's."""
    asked = any(one.header.kind is MessageKind.QUESTION for one in passed)
    return Turn.ALONE if asked else Turn.INGEST
