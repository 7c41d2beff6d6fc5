"""The projector: reads facts behind its cursor in order of arrival and keeps the read models in step with them."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from cloud.db import journal, sales
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.db.journal import FactRow
from cloud.db.sales import InviteRow, ParkedRow, PrintRow, SaleRow, TakingRow
from cloud.domain import reading
from cloud.domain.reading import Invited, Noted, Parked, Place, Printed, Sold

BATCH_FACTS = 1_000
REASON_CHARS_MAX = 200

log = logging.getLogger(__name__)


@dataclass
class _Rows:
    """What a run of facts adds to the read models."""

    sales: list[tuple[FactRow, SaleRow]] = field(default_factory=list)
    invites: list[tuple[FactRow, InviteRow]] = field(default_factory=list)
    prints: list[PrintRow] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)

    def park(self, row: FactRow, reason: str) -> None:
        # The time is the fact's, not the clock's, so that a replay says exactly the same.
        self.parked.append(ParkedRow(row.ingest_id, row.store, reason, row.received_ms))


def fold(tx: Tx, rows: list[FactRow], zone: tzinfo) -> int:
    """Take facts into the read models, which must reach exactly to the fact before the first.

    Args:
        tx: a transaction on the read models; the facts need not be in the same database.
        rows: facts in order of arrival.
        zone: for the local hour of sales.

    Returns:
        How many were parked.
    """
    found = _Rows()
    for row in rows:
        _read(found, row, zone)
    sale_rows = _without_repeats(tx, found)
    invite_rows = _without_repeated_invites(tx, found)
    sales.insert_rows(
        tx, sale_rows=sale_rows, invite_rows=invite_rows, print_rows=found.prints, parked_rows=found.parked
    )
    sales.add_takings(tx, _takings(sale_rows))
    return len(found.parked)


class Projector:
    """Keeps the read models of a database in step. Any thread may call it; one works at a time."""

    def __init__(self, database: HubDatabase, zone: tzinfo, on_change: Callable[[], None] | None = None) -> None:
        self._database = database
        self._zone = zone
        self._on_change = on_change or (lambda: None)
        self._turn = threading.Lock()

    def run_once(self, limit: int = BATCH_FACTS) -> int:
        """Take in at most `limit` facts in one transaction.

        Returns:
            How many were taken; 0 when the read models are in step.
        """
        with self._turn:
            with self._database.read() as reader:
                if not _behind(reader):
                    return 0
            with self._database.write() as tx:
                rows = journal.facts_after(tx, sales.cursor(tx), limit)
                if not rows:
                    return 0
                parked = fold(tx, rows, self._zone)
                sales.set_cursor(tx, rows[-1].ingest_id)
        if parked:
            log.warning("projector.parked", extra={"count": parked})
        self._on_change()
        return len(rows)

    def catch_up(self) -> int:
        """Take in everything there is; give how many facts that was."""
        total = 0
        while taken := self.run_once():
            total += taken
        return total

    def replay(self) -> int:
        """Rebuild every read model from the facts in one transaction: readers see the old ones until it commits.

        Returns:
            How many facts were read.
        """
        total = 0
        with self._turn, self._database.write() as tx:
            sales.clear(tx)
            after = 0
            while rows := journal.facts_after(tx, after, BATCH_FACTS):
                fold(tx, rows, self._zone)
                after = rows[-1].ingest_id
                total += len(rows)
            sales.set_cursor(tx, after)
        log.info("projector.replayed", extra={"facts": total})
        self._on_change()
        return total


def _behind(reader: Reader) -> bool:
    return bool(journal.facts_after(reader, sales.cursor(reader), 1))


def _read(found: _Rows, row: FactRow, zone: tzinfo) -> None:
    place = Place(row.store, row.epoch, row.lane, row.seq, repeats=row.fact_id is None)
    match reading.read(row.raw, place, zone):
        case Sold(fact=fact, sale=sale, hour=hour):
            found.sales.append(
                (
                    row,
                    SaleRow(
                        store=row.store,
                        sale_id=sale.sale_id,
                        receipt_no=sale.receipt_no,
                        till=sale.till,
                        at_ms=fact.at_ms,
                        day=fact.day,
                        hour=hour,
                        total_fen=sale.total_fen,
                        currency=sale.currency,
                        locale=sale.locale,
                        epoch=row.epoch,
                        seq=row.seq,
                        ingest_id=row.ingest_id,
                        stored_ms=row.received_ms,
                        body=bytes(fact.body),
                    ),
                )
            )
        case Invited(fact=fact, invite=invite):
            found.invites.append(
                (
                    row,
                    InviteRow(
                        row.store,
                        invite.invite_id,
                        invite.sale_id,
                        invite.code,
                        invite.short,
                        invite.expires_day,
                        fact.at_ms,
                        row.ingest_id,
                    ),
                )
            )
        case Printed(fact=fact, slip=slip, outcome=outcome):
            reason = slip.reason[:REASON_CHARS_MAX]
            found.prints.append(
                PrintRow(row.ingest_id, row.store, slip.subject, outcome, slip.copy, reason, fact.at_ms)
            )
        case Parked(reason=reason):
            found.park(row, reason)
        case Noted():
            pass


def _without_repeats(tx: Tx, found: _Rows) -> list[SaleRow]:
    """Park sales whose id or number stands already: the first that arrived holds, the other needs a person."""
    by_store: dict[str, list[tuple[FactRow, SaleRow]]] = defaultdict(list)
    for pair in found.sales:
        by_store[pair[1].store].append(pair)
    kept: list[SaleRow] = []
    for store, pairs in by_store.items():
        ids = sales.standing_sale_ids(tx, store, [sale.sale_id for _, sale in pairs])
        numbers = sales.standing_receipt_nos(tx, store, [sale.receipt_no for _, sale in pairs])
        for row, sale in pairs:
            if sale.sale_id in ids:
                found.park(row, "sale_id_twice")
            elif sale.receipt_no in numbers:
                found.park(row, "receipt_no_twice")
            else:
                ids.add(sale.sale_id)
                numbers.add(sale.receipt_no)
                kept.append(sale)
    return kept


def _without_repeated_invites(tx: Tx, found: _Rows) -> list[InviteRow]:
    by_store: dict[str, list[tuple[FactRow, InviteRow]]] = defaultdict(list)
    for pair in found.invites:
        by_store[pair[1].store].append(pair)
    kept: list[InviteRow] = []
    for store, pairs in by_store.items():
        ids = sales.standing_invite_ids(tx, store, [invite.invite_id for _, invite in pairs])
        for row, invite in pairs:
            if invite.invite_id in ids:
                found.park(row, "invite_id_twice")
            else:
                ids.add(invite.invite_id)
                kept.append(invite)
    return kept


def _takings(sale_rows: list[SaleRow]) -> list[TakingRow]:
    sums: dict[tuple[str, str, int], tuple[int, int]] = {}
    for sale in sale_rows:
        key = (sale.store, sale.day, sale.hour)
        count, amount_fen = sums.get(key, (0, 0))
        sums[key] = (count + 1, amount_fen + sale.total_fen)
    return [TakingRow(*key, count, amount_fen) for key, (count, amount_fen) in sums.items()]
