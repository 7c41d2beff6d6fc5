"""Hands a store's facts of earlier epochs to the node that replaces the old one (protocol §5.8).

Who asks must hold the key of the store's newest epoch: it signs every request. What is given is sealed for that key alone,
so whoever repeats or overhears a request learns nothing. Only the store's own facts, and only of earlier epochs, are given.
"""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec

from cloud.db import handover as held
from cloud.db import journal, stores
from cloud.db.engine import HubDatabase
from cloud.db.journal import LaneRow
from cloud.services import fact_rows
from cloud.services.refusals import Refused
from sync.contract import envelope, facts, handover, limits, messages
from sync.contract.envelope import MessageKind, frame_facts
from sync.contract.facts import ContractError
from sync.contract.handover import Handover, HeldLane, PageOfFacts
from sync.node import keys, sealing
from sync.node.ports import Chance, Clock

NONCES_HELD_MAX = 65_536
"""Of all stores together; a flood only makes the oldest ones forgotten, and an answer is sealed anyway."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A request as it came: whose, what for, and how it is signed."""

    store: str
    epoch: int
    method: str
    path: str
    authorization: str


@dataclass(frozen=True)
class Heir:
    """A node that may be told: the store's newest."""

    store: str
    epoch: int
    nonce: bytes
    sealer: sealing.Sealer
    opener: sealing.Opener


class HandoverDesk:
    """Answers the requests of a new node. Any thread may use it."""

    def __init__(
        self, database: HubDatabase, identity: keys.Identity, *, tenant: str, clock: Clock, chance: Chance
    ) -> None:
        self._database = database
        self._identity = identity
        self._tenant = tenant
        self._clock = clock
        self._chance = chance
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._turn = threading.Lock()

    def admit(self, asked: Asked) -> Heir | Refused:
        """Say whether a request is of the store's newest node and made now; each one counts once."""
        read = handover.read_header(asked.authorization)
        with self._database.read() as reader:
            key = stores.key_of(reader, asked.store, asked.epoch)
            store = stores.store_by_id(reader, asked.store)
        if read is None or key is None or store is None:
            return Refused("handover_refused", 403)
        at_ms, nonce, signature = read
        if not keys.verified(key.signing_public, handover.to_sign(asked.method, asked.path, at_ms, nonce), signature):
            log.warning("handover.refused", extra={"store_id": asked.store, "epoch": asked.epoch})
            return Refused("handover_refused", 403)
        if key.revoked_ms is not None or asked.epoch != store.epoch:
            return Refused("handover_refused", 403)
        now_ms = self._clock.now_ms()
        if abs(now_ms - at_ms) > handover.CLOCK_MS_MAX:
            return Refused("handover_clock", 403, {"minutes": abs(now_ms - at_ms) // 60_000})
        if not self._first_time(key.key_id + nonce, now_ms):
            return Refused("handover_repeated", 403)
        link = sealing.link_keys(
            self._identity, key.agreement_public, tenant=self._tenant, store=asked.store, epoch=asked.epoch
        )
        party = sealing.Party(self._tenant, asked.store, key.node, asked.epoch)
        return Heir(
            asked.store,
            asked.epoch,
            nonce,
            sealing.Sealer(self._identity, link.down, party, self._chance),
            sealing.Opener(key.signing_public, link.up, party),
        )

    def lanes(self, heir: Heir) -> bytes:
        """Tell what there is: every lane of every earlier epoch, as far as it is held now."""
        with self._database.read() as reader:
            rows = held.earlier_lanes(reader, heir.store, heir.epoch)
        told = Handover(
            nonce=heir.nonce,
            lanes=tuple(HeldLane(epoch=row.epoch, lane=row.lane, seq=row.seq, chain=row.chain) for row in rows),
            hub_ms=self._clock.now_ms(),
        )
        log.info("handover.asked", extra={"store_id": heir.store, "epoch": heir.epoch, "facts": told.facts})
        return handover.join([heir.sealer.seal(MessageKind.HANDOVER, messages.encode(told))])

    def facts(self, heir: Heir, page: PageOfFacts) -> bytes | Refused:
        """Give the facts of a lane of an earlier epoch behind a seq, as many as one answer holds; empty at its end."""
        if not 0 < page.epoch < heir.epoch:
            return Refused("handover_refused", 403)
        with self._database.read() as reader:
            rows = held.facts_behind(
                reader, (heir.store, page.epoch, page.lane), page.after, handover.PIECE_PLAIN_BYTES
            )
            before = held.chain_at(reader, (heir.store, page.epoch, page.lane), page.after)
        if before is None:
            before = facts.genesis(heir.store, page.epoch, page.lane)
        sealed: list[bytes] = []
        for start, end in _cuts([len(row.raw) for row in rows]):
            batch = rows[start:end]
            sealed.append(
                heir.sealer.seal(
                    MessageKind.FACTS,
                    frame_facts([row.raw for row in batch]),
                    lane=page.lane,
                    first_seq=batch[0].seq,
                    count=len(batch),
                    chain_before=before,
                    chain_after=batch[-1].chain,
                )
            )
            before = batch[-1].chain
        return handover.join(sealed)

    def take_late(self, heir: Heir, page: PageOfFacts, body: bytes) -> Refused | int:
        """Take facts of an earlier epoch that lie only in the new node's restored file; what is held already is no harm.

        Returns:
            How many were new, or why none were taken.
        """
        try:
            opened = [envelope.take_apart(wire) for wire in handover.part(body)]
            raws = [raw for one in opened for raw in envelope.unframe_facts(heir.opener.open(one), one.header.count)]
        except ContractError:
            return Refused("handover_refused", 403)
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            if not 0 < page.epoch < heir.epoch or stores.key_of(tx, heir.store, page.epoch) is None or not raws:
                return Refused("handover_refused", 403)
            place = (heir.store, page.epoch, page.lane)
            lane = journal.lane_of(tx, *place) or LaneRow(*place, 0, facts.genesis(*place))
            if page.after + len(raws) <= lane.seq:
                return 0
            if lane.fork_seq is not None or page.after != lane.seq or opened[0].header.chain_before != lane.chain:
                return Refused("handover_fork", 409)
            rows = _rows(place, lane, raws, now_ms)
            last = rows[-1]
            moved = msgspec.structs.replace(lane, seq=last["seq"], chain=last["chain"], updated_ms=now_ms)
            journal.put_lanes(tx, [moved])
            if journal.marks_of(tx, *place).late_seq is None:
                journal.mark_late(tx, *place, lane.seq + 1, now_ms)
            fact_rows.insert(tx, rows)
        log.info("handover.late", extra={"store_id": heir.store, "epoch": page.epoch, "facts": len(rows)})
        return len(rows)

    def _first_time(self, name: bytes, now_ms: int) -> bool:
        with self._turn:
            while self._seen:
                oldest, until_ms = next(iter(self._seen.items()))
                if until_ms >= now_ms and len(self._seen) <= NONCES_HELD_MAX:
                    break
                del self._seen[oldest]
            if name in self._seen:
                return False
            # A request may be dated up to five minutes ahead, and stays good for five minutes after that.
            self._seen[name] = now_ms + 2 * handover.CLOCK_MS_MAX
            return True


def _rows(place: tuple[str, int, int], lane: LaneRow, raws: list[bytes], now_ms: int) -> list[dict[str, Any]]:
    store, epoch, number = place
    chain, rows = lane.chain, []
    for seq, raw in enumerate(raws, lane.seq + 1):
        chain = facts.link(chain, raw)
        row = fact_rows.of_bytes(raw)
        row.update(store=store, epoch=epoch, lane=number, seq=seq, received_ms=now_ms, chain=chain)
        rows.append(row)
    return rows


def _cuts(sizes: list[int]) -> list[tuple[int, int]]:
    """Part facts into batches within the bounds of the wire: (start, end) of each."""
    cuts: list[tuple[int, int]] = []
    start = size = 0
    for at, each in enumerate(sizes):
        if at > start and (at - start == limits.BATCH_FACTS_MAX or size + each > limits.BATCH_PLAIN_BYTES_TARGET):
            cuts.append((start, at))
            start, size = at, 0
        size += each
    if start < len(sizes):
        cuts.append((start, len(sizes)))
    return cuts
