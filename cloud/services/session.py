"""Sessions: who is welcome, on what terms, and what a sign of life is answered (protocol §5.5, §5.6)."""

import logging
import re

import msgspec

from cloud.db import journal
from cloud.db.engine import Reader
from cloud.db.journal import LaneRow
from cloud.db.presence import PresenceRow
from cloud.services import streams
from cloud.services.bunch import Bunch, held
from cloud.services.gate import SCHEMA_MIN, SEQ_MAX, Arrival, End
from sync.contract import messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError, Lane
from sync.contract.messages import Ack, Heartbeat, Hello, LaneHead, Reject, Welcome
from sync.engine.admission import Admission, Grant

LANES = tuple(lane.value for lane in Lane)
ALARMS_MAX = 64
PARTED_MS = 900_000
"""So long, by its own clock, a replaced computer that was told so must have nothing left: its last slips may still print."""

_CODE = re.compile(r"[a-z_.]{1,80}")

log = logging.getLogger(__name__)


class Sessions:
    """The hub's memory of who greeted it. Only so that a store notices a hub that restarted: nothing depends on it.

    Args:
        tenant: whose stores these are.
        admission: who may catch up now.
    """

    def __init__(self, tenant: str, admission: Admission) -> None:
        self._tenant = tenant
        self._admission = admission
        self._nonces: dict[tuple[str, int], bytes] = {}
        self._told: dict[tuple[str, int], int] = {}
        """Epochs that heard in this session that they were replaced, with their own wall time then."""
        self._parted: set[tuple[str, int]] = set()

    def end(self, store: str, epoch: int) -> bytes | None:
        """Forget a session; give its nonce if there was one."""
        self._admission.gone((store, epoch))
        self._told.pop((store, epoch), None)
        return self._nonces.pop((store, epoch), None)

    def parted(self, store: str, epoch: int) -> None:
        """Note that an epoch is done with, so that this is not found out again at each of its heartbeats."""
        self._parted.add((store, epoch))

    # ------------------------------------------------------------------------------------------------------ greeting

    def greet(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        """Answer HELLO by WELCOME or REJECT."""
        hello = messages.decode(one.plain, Hello)
        fenced = bunch.fenced(reader, one)
        refusal = self._refusal(reader, bunch, one, hello)
        if not fenced:
            bunch.saw(one.store)
            bunch.sessions[one.store] = refusal
        if refusal is not None:
            self.end(one.store, one.epoch)
            log.error("ingest.session_refused", extra={"store_id": one.store, "epoch": one.epoch, "reason": refusal})
            if refusal == "revoked":
                bunch.refused["revoked", one.store] += 1
                if hello.told == "revoked":
                    bunch.told.add((one.store, one.epoch))
            self.reject(bunch, one, hello.nonce, refusal, fenced=fenced)
            return
        self._nonces[one.store, one.epoch] = hello.nonce
        lanes = {lane: held(bunch.lane(reader, (one.store, one.epoch, lane))) for lane in LANES}
        waiting = [max(0, head.head_seq - lanes[lane].seq) for lane, head in hello.lanes.items() if lane in lanes]
        body = Welcome(
            nonce=hello.nonce,
            lanes=lanes,
            credit=self._grant(one, sum(waiting), bunch).credit,
            streams=self._streams(reader, one, fenced=fenced),
            hub_ms=bunch.now_ms,
            fenced=fenced,
        )
        if fenced:
            self._told[one.store, one.epoch] = hello.wall_ms
            log.warning("ingest.fenced", extra={"store_id": one.store, "epoch": one.epoch})
        bunch.reply(one, topics.of_store(self._tenant, one.store).welcome, MessageKind.WELCOME, body)

    def reject(self, bunch: Bunch, one: Arrival, nonce: bytes, reason: str, *, fenced: bool = False) -> None:
        """Say that there is no session, and why."""
        body = Reject(nonce=nonce, reason=reason, hub_ms=bunch.now_ms, fenced=fenced)
        bunch.reply(one, topics.of_store(self._tenant, one.store).welcome, MessageKind.REJECT, body)

    @staticmethod
    def _streams(reader: Reader, one: Arrival, *, fenced: bool) -> dict[str, int]:
        return {} if fenced else streams.heads(reader, one.store)

    def _refusal(self, reader: Reader, bunch: Bunch, one: Arrival, hello: Hello) -> str | None:
        """Say why there can be no session. An epoch that was replaced is welcome still: its facts are."""
        if one.end.key.revoked_ms is not None:
            return "revoked"
        if hello.schema_max < SCHEMA_MIN:
            return "upgrade"
        for number in LANES:
            lane = bunch.lane(reader, (one.store, one.epoch, number))
            if lane.fork_seq is not None:
                return "fork"
            head = hello.lanes.get(number)
            if (head.head_seq if head is not None else 0) < lane.seq:
                return "rewind"
            if head is not None and _differs(reader, lane, head):
                bunch.move(msgspec.structs.replace(lane, fork_seq=lane.seq))
                return "fork"
            if head is not None and head.oldest_seq > lane.seq + 1:
                # The hub lost data beyond what the store kept: only a person can decide what to do.
                log.error("ingest.beyond_retention", extra={"store_id": one.store, "lane": number, "seq": lane.seq})
        return None

    def turn_out(self, reader: Reader, bunch: Bunch, store: str, epoch: int, end: End) -> None:
        """End the session of a key that was revoked: an ack that names none makes the store greet, and the answer says why."""
        self.end(store, epoch)
        place = bunch.lane(reader, (store, epoch, Lane.TRADE.value))
        body = Ack(session=b"", lane=place.lane, seq=place.seq, chain=place.chain, credit=0, hub_ms=bunch.now_ms)
        wire = end.sealer.seal(MessageKind.ACK, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, store).ack, wire))

    # ------------------------------------------------------------------------------------------------- signs of life

    def heartbeat(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        """Note how a store is; the figures of an epoch that was replaced say nothing about the store of now."""
        beat, row = _read_heartbeat(bunch, one)
        if not bunch.fenced(reader, one):
            # With nothing waiting, what the hub has is what the store has: its data are as fresh as this very message.
            bunch.saw(one.store, bunch.now_ms if not any(beat.waiting.values()) else None)
            bunch.beats[one.store] = row
            bunch.holdings[one.store] = streams.held_by(one.store, beat.streams)
        else:
            self._part(reader, bunch, one, beat)
        self._admission.claims((one.store, one.epoch), sum(beat.waiting.get(lane, 0) for lane in LANES))
        bunch.beaten[one.store, one.epoch] = beat.wall_ms
        self._answer_heartbeat(reader, bunch, one)

    def _part(self, reader: Reader, bunch: Bunch, one: Arrival, beat: Heartbeat) -> None:
        """See whether an epoch that was replaced has nothing left to hand over; its broker access ends then.

        One that was replaced while its session stood has not heard of it: it is made to greet, and may sell until then.
        A backup must hold what we have, for whoever is shut out cannot send it again to a hub that was set back.
        """
        place = one.store, one.epoch
        told_ms = self._told.get(place)
        if told_ms is None:
            self.end(*place)
            return
        keys = [(*place, lane) for lane in LANES]
        covered = [(bunch.marks(reader, key).durable_seq, bunch.lane(reader, key).seq) for key in keys]
        safe = all(durable_seq is None or durable_seq >= seq for durable_seq, seq in covered)
        quiet = not any(beat.waiting.values()) and beat.wall_ms - told_ms >= PARTED_MS
        if safe and quiet and place not in self._parted:
            bunch.parted.add(place)

    def _answer_heartbeat(self, reader: Reader, bunch: Bunch, one: Arrival) -> None:
        """Answer every sign of life with the trade lane's ack: silence must mean that we are away.

        Under a session that this process does not know the ack names none, and the store greets again: after a restart
        from a backup we may hold less than we once acknowledged, and a store that has nothing new to send would never
        hear of it.
        """
        key = (one.store, one.epoch, Lane.TRADE.value)
        if bunch.lane(reader, key).fork_seq is None:
            bunch.acks.setdefault(key, (one.end, None))

    # ------------------------------------------------------------------------------------------------ acknowledging

    def acknowledge(
        self, reader: Reader, bunch: Bunch, end: End, *, store: str, epoch: int, lane: int, gap: int | None
    ) -> None:
        """Say how far a lane is held, and what the store may have in flight now."""
        key = (store, epoch, lane)
        place = bunch.lanes[key]
        grant = self._admission.grant((store, epoch), bunch.steady_ms)
        body = Ack(
            session=self._nonces.get((store, epoch), b""),
            lane=lane,
            seq=place.seq,
            chain=place.chain,
            credit=grant.credit,
            hub_ms=bunch.now_ms,
            gap=gap,
            durable_seq=bunch.marks(reader, key).durable_seq,
            retry_after_ms=grant.retry_after_ms,
            beat_ms=bunch.beaten.get((store, epoch)) if lane == Lane.TRADE else None,
        )
        wire = end.sealer.seal(MessageKind.ACK, messages.encode(body))
        bunch.replies.append((topics.of_store(self._tenant, store).ack, wire))

    def _grant(self, one: Arrival, behind: int, bunch: Bunch) -> Grant:
        self._admission.claims((one.store, one.epoch), behind)
        return self._admission.grant((one.store, one.epoch), bunch.steady_ms)


def _differs(reader: Reader, lane: LaneRow, head: LaneHead) -> bool:
    """Say whether a store's history is another than the one held, as far as its greeting shows."""
    if head.head_seq == lane.seq:
        return lane.seq > 0 and head.head_chain != lane.chain
    if not 1 <= head.acked_seq <= lane.seq:
        return False
    kept = journal.fact_at(reader, lane.store, lane.epoch, lane.lane, head.acked_seq)
    return kept is not None and kept.chain != head.acked_chain


def _read_heartbeat(bunch: Bunch, one: Arrival) -> tuple[Heartbeat, PresenceRow]:
    """Read a heartbeat within its bounds.

    Raises:
        ContractError: `bad_body`.
    """
    beat = messages.decode(one.plain, Heartbeat)
    waiting = [beat.waiting.get(lane, 0) for lane in LANES]
    numbers = [*waiting, beat.oldest_waiting_ms or 0, beat.day_sales, beat.day_amount_fen, beat.wall_ms]
    readable = len(beat.day) <= len("2026-01-01") and beat.day.isascii() and beat.day.isprintable()
    spare = [abs(beat.clock_offset_ms or 0), beat.disk_free_mb or 0]
    readable = readable and all(0 <= number <= SEQ_MAX for number in spare)
    readable = readable and len(beat.alarms) <= ALARMS_MAX and all(_CODE.fullmatch(code) for code in beat.alarms)
    if not readable or not all(0 <= number <= SEQ_MAX for number in numbers):
        raise ContractError("bad_body")
    row = PresenceRow(
        store=one.store,
        last_seen_ms=bunch.now_ms,
        waiting_trade=waiting[Lane.TRADE],
        waiting_operations=waiting[Lane.OPERATIONS],
        oldest_waiting_ms=beat.oldest_waiting_ms,
        day=beat.day,
        day_sales=beat.day_sales,
        day_amount_fen=beat.day_amount_fen,
        disk_free_mb=beat.disk_free_mb,
        clock_offset_ms=beat.clock_offset_ms,
        alarms=" ".join(beat.alarms),
    )
    return beat, row
