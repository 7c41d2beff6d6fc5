"""Puts points aside for stores and takes them back: `balance = free + Σ open grants`, always (sync.md §5.13, `sync.contract.grants`).

A store is given a grant when a guest is seen there, when it asks, and nightly at the store where a member was seen last. What
is free at one place is free at no other; where another store holds what is wanted, that one is asked to give it back.
"""

import logging
from collections.abc import Iterable

import msgspec

from cloud.db import grants as table
from cloud.db import ledger as rows
from cloud.db import members, stores
from cloud.db.engine import HubDatabase, Reader, Turn, Tx
from cloud.db.grants import GrantRow
from cloud.domain import booking, moves
from cloud.services import streams
from cloud.services.members import cards
from cloud.services.members.shared import LedgerBook, Shared, everybody
from sync.contract import grants, ledger
from sync.contract import streams as names
from sync.contract.grants import Grant, GrantedLot

VISIT, ASK, HOME = "visit", "ask", "home"
RELEASED, FENCED = "released", "fenced"
SHORT, LIMIT = "short", "limit"
ROUND = 500
"""Grants looked after in one transaction of the night."""
NIGHTLY_MAX = 100_000

log = logging.getLogger(__name__)


class Short(Exception):
    """It cannot be put aside; `reason` is `short` (less is free) or `limit` (the store holds as much as it may)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def held(reader: Reader, row: GrantRow) -> int:
    """Say how much of a grant is left, as the book knows it."""
    return sum(lot.left for lot in rows.lots(reader, ledger.grant_account(row.grant_id)))


def as_told(reader: Reader, row: GrantRow) -> Grant | None:
    """Give a grant as its store is told it: as it was put aside. None where nothing was."""
    lots = _lots_of(reader, row.grant_id)
    if not lots:
        return None
    return Grant(
        grant_id=row.grant_id,
        member_id=row.member_id,
        epoch=row.epoch,
        lots=lots,
        not_after_ms=row.not_after_ms,
        recalled=row.state == table.RECALLED,
    )


def standing_at(reader: Reader, member_id: str, store: str) -> list[Grant]:
    """List what a store may spend of a member's points now."""
    epoch = _epoch(reader, store)
    found = table.standing_of(reader, everybody(reader, member_id), store)
    told = [as_told(reader, row) for row in found if row.state == table.OPEN and row.epoch == epoch]
    return [one for one in told if one is not None]


def give(tx: Tx, shared: Shared, member_id: str, store: str, qty: int, why: str) -> Grant | None:
    """Put up to so much aside for a store; the caller holds the book.

    Returns:
        The grant, or None where nothing is free, nothing fits the store's limit, or the store has no node.
    """
    epoch = _epoch(tx, store)
    room = shared.policy.store_max - table.held_by(tx, store)
    qty = min(qty, room)
    if epoch == 0 or qty <= 0:
        return None
    grant_id = shared.new_id()
    aside = moves.put_aside(LedgerBook(tx, shared), member_id, qty, grant_id, shared.day())
    if aside is None:
        return None
    now_ms = shared.clock.now_ms()
    rows.write(tx, aside.journal, shared.by_system(why)._replace(store=store))
    row = GrantRow(
        grant_id,
        member_id,
        store,
        epoch,
        sum(lot.qty for lot in aside.lots),
        now_ms + shared.policy.lapse_ms,
        now_ms,
        why,
    )
    table.insert_grant(tx, row)
    grant = Grant(grant_id=grant_id, member_id=member_id, epoch=epoch, lots=aside.lots, not_after_ms=row.not_after_ms)
    _tell(tx, store, grant)
    return grant


def on_visit(tx: Tx, shared: Shared, store: str, member_id: str) -> Grant | None:
    """A guest was seen at a store: let it spend, up to what a store is given at once; the caller holds the book."""
    who = members.resolve(tx, member_id)
    book = LedgerBook(tx, shared)
    if book.is_gone(who):
        return None
    mine = [row for row in table.standing_of(tx, everybody(tx, who), store) if row.epoch == _epoch(tx, store)]
    now_ms = shared.clock.now_ms()
    usable = [row for row in mine if row.state == table.OPEN and row.not_after_ms > now_ms]
    target = shared.policy.member_max - sum(held(tx, row) for row in usable)
    free = moves.usable(book, who, shared.day())
    if target <= 0 or free <= 0:
        if target > 0 and free <= 0:
            recall_elsewhere(tx, who, store)
        return None
    return give(tx, shared, who, store, min(free, target), VISIT)


def ask(tx: Tx, shared: Shared, store: str, member_id: str, points: int) -> Grant:
    """A store asks for so much; the caller holds the book.

    Raises:
        Short: it cannot be put aside. What other stores hold is asked back, for the next time.
    """
    who = members.resolve(tx, member_id)
    if moves.usable(LedgerBook(tx, shared), who, shared.day()) < points:
        recall_elsewhere(tx, who, store)
        raise Short(SHORT)
    if shared.policy.store_max - table.held_by(tx, store) < points:
        raise Short(LIMIT)
    grant = give(tx, shared, who, store, points, ASK)
    if grant is None:
        raise Short(LIMIT)
    return grant


def recall_elsewhere(tx: Tx, member_id: str, store: str) -> int:
    """Ask all other stores to give back what they hold of a member; gives how many grants that are."""
    found = [
        row
        for row in table.standing_of(tx, everybody(tx, member_id))
        if row.store != store and row.state == table.OPEN and held(tx, row)
    ]
    for row in found:
        recall(tx, row)
    return len(found)


def recall_for_debt(tx: Tx, member_id: str) -> None:
    """Ask back what stores hold of a member who owes points: what comes back pays the debt."""
    if rows.balance(tx, ledger.member_account(member_id, ledger.MEMBER_DEBT)) >= 0:
        return
    for row in table.standing_of(tx, everybody(tx, member_id)):
        if row.state == table.OPEN:
            recall(tx, row)


def recall(tx: Tx, row: GrantRow) -> None:
    """Ask a store to give a grant's rest back."""
    table.recall(tx, row.grant_id)
    grant = as_told(tx, row)
    if grant is not None:
        _tell(tx, row.store, msgspec.structs.replace(grant, recalled=True))


def close(tx: Tx, shared: Shared, grant_id: str, by: str) -> None:
    """Note that nobody spends from a grant any more, and tell its store."""
    row = table.grant(tx, grant_id)
    assert row is not None
    table.close(tx, grant_id, shared.clock.now_ms(), by)
    streams.append(tx, names.own(names.GRANTS, row.store), op="remove", key=grant_id, value=b"")


class Grants:
    """What happens to grants by the clock. Any thread may use it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._database: HubDatabase = shared.database

    def nightly(self) -> dict[str, int]:
        """Ask back what is past its end, free what was fenced long ago, and give members' home stores a grant."""
        done = {"recalled": self._recall_ended(), "freed": self._free_fenced(), "given": self._give_homes()}
        self._shared.on_stream()
        log.info("grants.tended", extra=done)
        return done

    def _recall_ended(self) -> int:
        total = 0
        while True:
            with self._database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                found = table.past_end(tx, self._shared.clock.now_ms(), ROUND)
                for row in found:
                    recall(tx, row)
            total += len(found)
            if len(found) < ROUND:
                return total

    def _free_fenced(self) -> int:
        """Free grants of replaced computers that can never be spent any more (`grants.may_free`)."""
        with self._database.write(Turn.PROJECTOR) as tx:
            rows.hold(tx)
            now_ms = self._shared.clock.now_ms()
            freed = 0
            for row in table.fenced(tx, ROUND):
                told = as_told(tx, row)
                if told is not None and not grants.may_free(told, fenced=True, now_ms=now_ms):
                    continue
                free_now(tx, self._shared, row, FENCED)
                freed += 1
            return freed

    def _give_homes(self) -> int:
        now_ms = self._shared.clock.now_ms()
        with self._database.read() as reader:
            found = members.seen_since(reader, now_ms - self._shared.policy.home_ms, NIGHTLY_MAX)
        last: dict[str, str] = {}
        for store, member_id in found:
            last.setdefault(member_id, store)
        given = 0
        wanted = sorted(last.items())
        for start in range(0, len(wanted), ROUND):
            with self._database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                given += sum(
                    self._give_home(tx, store, member_id) for member_id, store in wanted[start : start + ROUND]
                )
        return given

    def _give_home(self, tx: Tx, store: str, member_id: str) -> bool:
        who = members.resolve(tx, member_id)
        book = LedgerBook(tx, self._shared)
        if book.is_gone(who) or standing_at(tx, who, store):
            return False
        free = min(moves.usable(book, who, self._shared.day()), self._shared.policy.member_max)
        return free > 0 and give(tx, self._shared, who, store, free, HOME) is not None


def free_now(tx: Tx, shared: Shared, row: GrantRow, by: str) -> None:
    """Give what is left of a grant back to its member; the caller holds the book and has made sure that nobody spends it."""
    outcome = booking.free(LedgerBook(tx, shared), shared.day(), row.grant_id, row.member_id)
    for journal in outcome.journals:
        rows.write(tx, journal, shared.by_system(by)._replace(store=row.store))
    rows.recover(tx, outcome.recovered)
    close(tx, shared, row.grant_id, by)
    cards.publish(tx, shared, outcome.touches)


def exposure(reader: Reader, store_ids: Iterable[str]) -> dict[str, int]:
    """Say how much each store may spend without asking."""
    return {store: table.held_by(reader, store) for store in store_ids}


def _tell(tx: Tx, store: str, grant: Grant) -> None:
    streams.append(tx, names.own(names.GRANTS, store), op="put", key=grant.grant_id, value=msgspec.json.encode(grant))


def _lots_of(reader: Reader, grant_id: str) -> tuple[GrantedLot, ...]:
    return tuple(
        GrantedLot(lot_id=lot.lot_id, qty=lot.left, from_day=lot.from_day, last_day=lot.last_day)
        for lot in rows.lots_as_made(reader, ledger.grant_account(grant_id))
    )


def _epoch(reader: Reader, store: str) -> int:
    """Give the epoch in which a store spends; 0 for one that has no node, or whose node was revoked."""
    row = stores.store_by_id(reader, store)
    if row is None or row.epoch == 0:
        return 0
    key = stores.key_of(reader, store, row.epoch)
    return 0 if key is None or key.revoked_ms is not None else row.epoch
