"""The guards of the protocol, each switched off in turn: a simulation that does not notice is worth nothing.

Nothing here is a switch in the product but `receiver.Rules`, which stands there for this very purpose; the rest are
subclasses that spoil one rule and leave everything else as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cloud.db.engine import Reader
from cloud.db.journal import LaneRow
from cloud.jobs import DOORBELL_EVERY_MS
from cloud.services.bunch import Bunch, held
from cloud.services.gate import Arrival, End
from cloud.services.session import Sessions
from edge.db import journal, streams
from edge.db.stream_appliers import applier_of
from edge.services.copies import compact
from edge.services.hub.outbox import NodeOutbox
from edge.services.node import Node
from scripts.crash_store import Sync
from scripts.sim_hub import SimIngest
from sync.contract import envelope, facts
from sync.contract import streams as contract_streams
from sync.contract.messages import Ack, Hello, Reject, StreamBatch, StreamHead, Welcome
from sync.engine import receiver
from sync.engine.downlink import Downlink, SendPull
from sync.engine.receiver import Rules
from sync.engine.store_link import StoreLink
from sync.engine.store_links import StoreLinks
from sync.engine.uplink import Effect, KeepFenced, Phase, Uplink
from sync.node.database import Tx

NEVER_MS = 10**12


def chained(lane: LaneRow, raws: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Give facts with the chain that they have if they follow what a lane holds."""
    chain, found = lane.chain, []
    for raw in raws:
        chain = facts.link(chain, raw)
        found.append((raw, chain))
    return found


class ChainBlind(SimIngest):
    """Takes what continues by number, whatever history it continues."""

    def _take_facts(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        lane = bunch.lane_of(reader, one)
        place = receiver.judge_place(one.header.first_seq, one.header.count, held(lane), self._rules)
        if not isinstance(place, int):
            super()._take_facts(reader, bunch, one)
            return
        raws = envelope.unframe_facts(one.plain, one.header.count)
        self._keep(reader, bunch, one, lane, chained(lane, raws[place:]))
        bunch.acks[one.store, one.epoch, one.header.lane] = (one.end, None)


class BatchDedupe(SimIngest):
    """Knows a batch that comes again, and takes every other one as it is: a resend may be cut differently."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(*arguments, **named)
        self._seen: set[tuple[str, int, int, int, int]] = set()

    def _take_facts(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        header = one.header
        key = (one.store, one.epoch, header.lane, header.first_seq, header.count)
        lane = bunch.lane_of(reader, one)
        gap = receiver.judge_place(header.first_seq, header.count, held(lane), Rules(dedupe=False))
        if key in self._seen or not isinstance(gap, int):
            super()._take_facts(reader, bunch, one)
            return
        self._seen.add(key)
        self._keep(reader, bunch, one, lane, chained(lane, envelope.unframe_facts(one.plain, header.count)))
        bunch.acks[one.store, one.epoch, header.lane] = (one.end, None)


class WatermarkIngest(SimIngest):
    """Acknowledges the highest seq it ever saw instead of the contiguous one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(*arguments, **named)
        self._highest: dict[tuple[str, int, int], int] = {}

    def _take_facts(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        key = (one.store, one.epoch, one.header.lane)
        last_seq = one.header.first_seq + one.header.count - 1
        self._highest[key] = max(self._highest.get(key, 0), last_seq)
        super()._take_facts(reader, bunch, one)

    def _acknowledge(
        self, reader: Reader, bunch: Bunch, end: End, *, store: str, epoch: int, lane: int, gap: int | None
    ) -> None:
        key = (store, epoch, lane)
        true = bunch.lanes[key]
        if self._highest.get(key, 0) > true.seq:
            bunch.lanes[key], gap = msgspec.structs.replace(true, seq=self._highest[key]), None
        super()._acknowledge(reader, bunch, end, store=store, epoch=epoch, lane=lane, gap=gap)
        bunch.lanes[key] = true


class _TrustingSessions(Sessions):
    """Welcomes whoever greets."""

    def _refusal(self, reader: Reader, bunch: Bunch, one: Arrival, hello: Hello) -> str | None:
        refusal = super()._refusal(reader, bunch, one, hello)
        return None if refusal in {"rewind", "fork"} else refusal


class TrustingIngest(SimIngest):
    """Sends neither a rolled-back nor a forked store away."""

    make_sessions = _TrustingSessions


class SessionBlind(StoreLink):
    """Takes any answer of the hub for an answer to the last greeting."""

    def _ack(self, ack: Ack, proof: bytes) -> None:
        super()._ack(msgspec.structs.replace(ack, session=self._session) if ack.session else ack, proof)

    def _welcome(self, welcome: Welcome, proof: bytes) -> None:
        super()._welcome(msgspec.structs.replace(welcome, nonce=self._session), proof)


class _SilentSessions(Sessions):
    """Lets heartbeats pass without a word."""

    def _answer_heartbeat(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        pass


class SilentIngest(SimIngest):
    """Answers no sign of life."""

    make_sessions = _SilentSessions


class _NeverLonely(Uplink):
    """Takes silence for consent."""

    def tick(self, now_ms: int) -> list[Effect]:
        self._answered_ms = now_ms
        return super().tick(now_ms)


class SilenceBlind(StoreLink):
    """Never wonders whether the hub is still there."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _NeverLonely(pace=self._uplink.pace)
        self._committed()


class _Obedient(Uplink):
    """Takes a late refusal of its greeting for a verdict."""

    def reject(self, message: Reject, now_ms: int) -> list[Effect]:
        self.phase = Phase.REFUSED
        return super().reject(message, now_ms)


class VerdictBlind(StoreLink):
    """Gives up an open session when a late copy of its greeting is refused."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _Obedient(pace=self._uplink.pace)
        self._committed()


class _Incurious(Downlink):
    """Pulls only what is newer."""

    def opened(self, heads: dict[str, int], now_ms: int) -> list[SendPull]:
        return self.heard(heads, now_ms)


class StreamBlind(StoreLink):
    """Never compares a stream with the hub's unless the hub names a newer version."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        whole = self._streams.downlink
        self._streams.downlink = _Incurious(whole.names)
        for name in whole.names:
            self._streams.downlink.held(name, whole.version(name))


class _NeverBack(Uplink):
    """Sends nothing twice within a session."""

    def _rewind_lane(self, lane: int) -> None:
        goes_on = self.lanes[lane].next
        super()._rewind_lane(lane)
        self.lanes[lane].next = goes_on


class RewindBlind(StoreLink):
    """Answers neither a gap nor silence by sending again."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _NeverBack(pace=self._uplink.pace)
        self._committed()


@dataclass(frozen=True)
class Mutant:
    """A world with one guard off."""

    guard: str
    rules: Rules = field(default_factory=Rules)
    make_ingest: type[SimIngest] = SimIngest
    make_link: Callable[..., StoreLink] = StoreLink
    doorbell_every_ms: int = DOORBELL_EVERY_MS
    make_links: type[StoreLinks] = StoreLinks
    compact: Callable[[Node], object] = compact.compact
    new_epoch: bool = True
    fenced: bool = True
    sync: Sync = "full"
    make_outbox: type[NodeOutbox] = NodeOutbox


def delete_before_ack(node: Node) -> None:
    """Make room in the table, whatever the hub has."""

    def work(tx: Tx) -> None:
        tx.execute("DROP TRIGGER IF EXISTS facts_are_never_deleted")
        tx.execute("DELETE FROM facts")

    node.db.write(work)


class FenceBlind(Bunch):
    """Takes every epoch for the one of now."""

    def fenced(self, reader: Reader, one: Arrival) -> bool:  # noqa: ARG002 - as it stands there
        """Say no."""
        return False


class RightsKept(SimIngest):
    """Serves an epoch that was replaced as if it were not."""

    make_bunch = FenceBlind


class LateRefused(SimIngest):
    """Takes no facts of an epoch that was replaced."""

    def _take_facts(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        if not bunch.fenced(reader, one):
            super()._take_facts(reader, bunch, one)


class _Spender(Uplink):
    """Sends on without credit."""

    def ack(self, message: Ack, now_ms: int) -> list[Effect]:
        return super().ack(msgspec.structs.replace(message, credit=max(1, message.credit)), now_ms)

    def welcome(self, message: Welcome, now_ms: int) -> list[Effect]:
        return super().welcome(msgspec.structs.replace(message, credit=max(1, message.credit)), now_ms)


class CreditBlind(StoreLink):
    """Takes credit 0 for 1."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _Spender(pace=self._uplink.pace)
        self._committed()


class _Proud(Uplink):
    """Believes that the hub still holds what it once acknowledged."""

    def welcome(self, message: Welcome, now_ms: int) -> list[Effect]:
        known = {
            lane: msgspec.structs.replace(held, seq=max(held.seq, min(self.lanes[lane].acked, self.lanes[lane].head)))
            for lane, held in message.lanes.items()
        }
        return super().welcome(msgspec.structs.replace(message, lanes=known), now_ms)


class WelcomeBlind(StoreLink):
    """Never goes back behind its own last ack."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(**named)
        self._uplink = _Proud(pace=self._uplink.pace)
        self._committed()


class FenceForgotten(StoreLink):
    """Hears that its epoch was replaced and keeps it from the till."""

    def _perform(self, effects: list[Effect]) -> None:
        super()._perform([effect for effect in effects if not isinstance(effect, KeepFenced)])


class OldEpochsDropped(StoreLinks):
    """Leaves the facts of older epochs where they are."""

    def _take_up(self) -> None:
        pass


class _Counter:
    """Nonces by number; the number is kept in the store's file, and goes back with it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def random(self) -> float:
        """Nobody seals by it."""
        raise AssertionError("a seal draws its nonce as a token")

    def token(self, size: int) -> bytes:
        """Give the next number."""

        def work(tx: Tx) -> int:
            number = journal.counter(tx, "nonce") + 1
            journal.set_counter(tx, "nonce", number)
            return number

        return self._node.db.write(work).to_bytes(size, "big")


class CounterNonces(StoreLink):
    """Seals under counted nonces instead of random ones."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        named["sealer"]._chance = _Counter(named["outbox"]._inner._node)  # noqa: SLF001 - nothing offers this on purpose
        super().__init__(**named)


class CursorApart(NodeOutbox):
    """Keeps how far a stream is before it keeps what the stream says."""

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply in two transactions."""
        with self._node.db.read() as reader:
            held = streams._cursor(reader, batch.stream)[0]  # noqa: SLF001 - nothing offers this on purpose
        checksum = contract_streams.checksum_after(held.checksum, batch)
        if batch.after != held.version or checksum is None:
            return super().apply_stream(batch)
        version = held.version + len(batch.operations)
        head = StreamHead(version, checksum)
        self._node.db.write(
            lambda tx: streams._set_cursor(tx, batch.stream, head, doubted=False)  # noqa: SLF001 - ditto
        )

        def work(tx: Tx) -> None:
            for operation in batch.operations:
                applier_of(batch.stream).apply(tx, batch.stream, operation)

        self._node.db.write(work)
        return version


WHOLE = Mutant("none: every guard is on")
MUTANTS = {
    "dedupe_off": Mutant("facts that are held are skipped", rules=Rules(dedupe=False)),
    "contiguity_off": Mutant("nothing is taken behind a gap", rules=Rules(contiguous=False)),
    "ack_before_commit": Mutant("nothing is acknowledged before its commit", rules=Rules(ack_after_commit=False)),
    "dedupe_by_batch": Mutant("the unit that is taken once is the fact", make_ingest=BatchDedupe),
    "watermark_ack": Mutant("only what is contiguous is acknowledged", make_ingest=WatermarkIngest),
    "chain_check_off": Mutant("a batch must continue the history that is held", make_ingest=ChainBlind),
    "rollback_welcomed": Mutant("a store that fell behind its own word is sent away", make_ingest=TrustingIngest),
    "session_ignored": Mutant("only answers to the last greeting count", make_link=SessionBlind),
    "doorbell_rung_once": Mutant("a lost doorbell is rung again", doorbell_every_ms=NEVER_MS),
    "quiet_store_unasked": Mutant(
        "a store without news learns that the hub restarted", make_ingest=SilentIngest, make_link=SilenceBlind
    ),
    "late_refusal_obeyed": Mutant("a late copy of a greeting is no verdict", make_link=VerdictBlind),
    "stream_unchecked": Mutant("a stream is checked against the hub's at each welcome", make_link=StreamBlind),
    "rewind_off": Mutant("what was lost is sent again", make_link=RewindBlind),
    "fence_keeps_rights": Mutant("an epoch that was replaced has no rights", make_ingest=RightsKept),
    "late_facts_refused": Mutant("the facts of a replaced epoch are taken", make_ingest=LateRefused),
    "fence_untold": Mutant("a replaced node sells no more", make_link=FenceForgotten),
    "old_epoch_dropped": Mutant("what an older epoch owes is sent", make_links=OldEpochsDropped),
    "credit_ignored": Mutant("with credit 0 nothing is sent", make_link=CreditBlind),
    "welcome_lower_ignored": Mutant("a hub that was set back gets its facts again", make_link=WelcomeBlind),
    "no_new_epoch": Mutant("a rolled-back node comes back under a new epoch", new_epoch=False),
    "stale_worker_lease": Mutant("a worker that lost its lease commits nothing", fenced=False),
    "normal_instead_of_full": Mutant("each commit is synced before anybody is told", sync="normal"),
    "counter_nonces": Mutant("nonces are random, so that a restored file repeats none", make_link=CounterNonces),
    "cursor_outside": Mutant("a stream's cursor and content are one transaction", make_outbox=CursorApart),
    "deleted_before_ack": Mutant("no fact leaves the table before the hub has it", compact=delete_before_ack),
}
