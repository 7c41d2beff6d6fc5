"""The projector: reads facts behind its cursor in order of arrival and keeps the read models in step with them."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import tzinfo

from cloud.db import alarms, commands, drills, journal, live_codes, money, sales
from cloud.db.alarms import AlarmRow, AlarmTurn
from cloud.db.commands import ResultRow
from cloud.db.drills import StoreDrillRow
from cloud.db.engine import HubDatabase, Reader, Turn, Tx
from cloud.db.journal import FactRow
from cloud.db.live_codes import TollRow
from cloud.db.money import Moved
from cloud.db.sales import InviteRow, ParkedRow, PrintRow, SaleRow, TakingRow
from cloud.db.schema import READ_MODELS_VERSION
from cloud.domain import reading
from cloud.domain.reading import (
    Alarmed,
    Commanded,
    Drilled,
    Invited,
    Meaning,
    Noted,
    Parked,
    Place,
    Printed,
    Scanned,
    Sold,
)
from sync.contract.trade import SalePaid

BATCH_FACTS = 1_000
PROJECTION_FAILED = "projection_failed"
TRIED_FOR = "parked_tried_for"
"""The note of which code last tried the parked facts."""
REASON_CHARS_MAX = 200
RESULT_CHARS_MAX = 2_000
MODELS_OF = "read_models_of"
"""The note of which version of the read models stands in the tables."""
_TWICE = frozenset(
    {"sale_id_twice", "receipt_no_twice", "invite_id_twice", "refund_id_twice", "payment_id_twice", "z_twice"}
)

Understand = Callable[[bytes, Place, tzinfo], Meaning]

log = logging.getLogger(__name__)


@dataclass
class _Rows:
    """What a run of facts adds to the read models."""

    sales: list[tuple[FactRow, SaleRow]] = field(default_factory=list)
    invites: list[tuple[FactRow, InviteRow]] = field(default_factory=list)
    prints: list[PrintRow] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)
    commanded: list[ResultRow] = field(default_factory=list)
    alarmed: list[AlarmTurn] = field(default_factory=list)
    drilled: list[StoreDrillRow] = field(default_factory=list)
    scanned: list[TollRow] = field(default_factory=list)
    moved: list[tuple[FactRow, Moved]] = field(default_factory=list)

    def park(self, row: FactRow, reason: str) -> None:
        # The time is the fact's, not the clock's, so that a replay says exactly the same.
        self.parked.append(ParkedRow(row.ingest_id, row.store, reason, row.received_ms))


@dataclass(frozen=True)
class Retried:
    """What trying parked facts again came to."""

    tried: int
    understood: int


def fold(tx: Tx, rows: list[FactRow], zone: tzinfo, understand: Understand = reading.read) -> int:
    """Take facts into the read models, which must reach exactly to the fact before the first.

    A fact that the read models cannot take, for a reason that nobody thought of, is parked like one that says nothing:
    it must not hold up those behind it.

    Args:
        tx: a transaction on the read models; the facts need not be in the same database.
        rows: facts in order of arrival.
        zone: for the local hour of sales.
        understand: says what a fact means.

    Returns:
        How many were parked.
    """
    try:
        with tx.attempt():
            return _fold(tx, rows, zone, understand)
    except sales.UNAVAILABLE:
        raise
    except Exception:
        log.exception("projector.run_failed", extra={"facts": len(rows)})
    return sum(_fold_alone(tx, row, zone, understand) for row in rows)


def _fold_alone(tx: Tx, row: FactRow, zone: tzinfo, understand: Understand) -> int:
    try:
        with tx.attempt():
            return _fold(tx, [row], zone, understand)
    except sales.UNAVAILABLE:
        raise
    except Exception:
        log.exception("projector.fact_failed", extra={"store_id": row.store, "ingest_id": row.ingest_id})
    failed = _Rows()
    failed.park(row, PROJECTION_FAILED)
    sales.insert_rows(tx, sale_rows=[], invite_rows=[], print_rows=[], parked_rows=failed.parked)
    return 1


def _fold(tx: Tx, rows: list[FactRow], zone: tzinfo, understand: Understand) -> int:
    found = _Rows()
    for row in rows:
        _read(found, row, zone, understand)
    sale_rows = _without_repeats(tx, found)
    invite_rows = _without_repeated_invites(tx, found)
    _fold_money(tx, found, {row.ingest_id for row in sale_rows})
    sales.insert_rows(
        tx, sale_rows=sale_rows, invite_rows=invite_rows, print_rows=found.prints, parked_rows=found.parked
    )
    sales.add_takings(tx, _takings(sale_rows))
    commands.insert_results(tx, found.commanded)
    alarms.turn(tx, found.alarmed)
    drills.keep(tx, found.drilled)
    live_codes.add_told(tx, found.scanned)
    return len(found.parked)


def _fold_money(tx: Tx, found: _Rows, sold: set[int]) -> None:
    """Take in what was refunded, paid before its sale, and closed; of a sale that does not hold nothing was used."""
    for row, one in found.moved:
        if isinstance(one.body, SalePaid) and one.ingest_id not in sold:
            continue
        reason = money.fold(tx, one)
        if reason:
            found.park(row, reason)


class Projector:
    """Keeps the read models of a database in step. Any thread and process may call it; one works at a time."""

    def __init__(
        self,
        database: HubDatabase,
        zone: tzinfo,
        on_change: Callable[[], None] | None = None,
        understand: Understand = reading.read,
    ) -> None:
        self._database = database
        self._zone = zone
        self._understand = understand
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
            with self._database.write(Turn.PROJECTOR) as tx:
                rows = journal.facts_after(tx, sales.cursor(tx), limit)
                if not rows:
                    return 0
                parked = fold(tx, rows, self._zone, self._understand)
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
        with self._turn, self._database.write(Turn.PROJECTOR) as tx:
            total = self._rebuild(tx)
        log.info("projector.replayed", extra={"facts": total})
        self._on_change()
        return total

    def retry(self, ingest_ids: Collection[int] | None = None) -> Retried:
        """Try parked facts again: those named, or all. What is still not understood stays parked, with the reason of now.

        Where a fact now claims what a later one got meanwhile, everything is rebuilt, so that the first holds as always.
        """
        tried = left = 0
        with self._turn, self._database.write(Turn.PROJECTOR) as tx:
            after, rebuild = 0, False
            while rows := sales.parked_facts(tx, after, BATCH_FACTS, ingest_ids):
                after = rows[-1].ingest_id
                before = sales.park_reasons(tx, [row.ingest_id for row in rows])
                sales.unpark(tx, list(before))
                tried, left = tried + len(rows), left + fold(tx, rows, self._zone, self._understand)
                now = sales.park_reasons(tx, list(before))
                rebuild = rebuild or any(reason in _TWICE and before[one] not in _TWICE for one, reason in now.items())
            if rebuild:
                self._rebuild(tx)
                left = sum(sales.count_parked(tx).values()) if ingest_ids is None else left
        log.info("projector.retried", extra={"tried": tried, "understood": tried - left})
        self._on_change()
        return Retried(tried, tried - left)

    def retry_once_for(self, code: str) -> Retried | None:
        """Try all parked facts if this code never did: a new version may understand what the one before could not.

        Where the read models are of an older version, they are rebuilt: it left out what these take in.

        Args:
            code: names the version of the code.

        Returns:
            What it came to; None where this code tried before.
        """
        retried = self._retry_once_for(f"{code} {reading.fingerprint()}")
        self._rebuild_once()
        return retried

    def _retry_once_for(self, wanted: str) -> Retried | None:
        with self._database.read() as reader:
            if sales.note_of(reader, TRIED_FOR) == wanted:
                return None
        retried = self.retry()
        with self._database.write(Turn.PROJECTOR) as tx:
            sales.put_note(tx, TRIED_FOR, wanted)
        return retried

    def _rebuild_once(self) -> None:
        with self._database.read() as reader:
            if sales.note_of(reader, MODELS_OF) == READ_MODELS_VERSION:
                return
            old = sales.cursor(reader) > 0
        if old:
            self.replay()
        with self._database.write(Turn.PROJECTOR) as tx:
            sales.put_note(tx, MODELS_OF, READ_MODELS_VERSION)

    def _rebuild(self, tx: Tx) -> int:
        total = after = 0
        sales.clear(tx)
        while rows := journal.facts_after(tx, after, BATCH_FACTS):
            fold(tx, rows, self._zone, self._understand)
            after = rows[-1].ingest_id
            total += len(rows)
        sales.set_cursor(tx, after)
        return total


def _behind(reader: Reader) -> bool:
    return bool(journal.facts_after(reader, sales.cursor(reader), 1))


def _read(found: _Rows, row: FactRow, zone: tzinfo, understand: Understand) -> None:
    place = Place(row.store, row.epoch, row.lane, row.seq, repeats=row.fact_id is None)
    match understand(row.raw, place, zone):
        case Sold(fact=fact, sale=sale, hour=hour):
            if any(tender.payment_id for tender in sale.tenders):
                found.moved.append((row, Moved(row.ingest_id, fact, sale)))
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
            reason = _plain(slip.reason[:REASON_CHARS_MAX])
            found.prints.append(
                PrintRow(row.ingest_id, row.store, slip.subject, outcome, slip.copy, reason, fact.at_ms)
            )
        case Commanded(fact=fact, settled=settled, outcome=outcome):
            reason, result = _plain(settled.reason[:REASON_CHARS_MAX]), _plain(settled.result[:RESULT_CHARS_MAX])
            found.commanded.append(
                ResultRow(row.store, settled.command_id, outcome, reason, result, fact.at_ms, row.ingest_id)
            )
        case Alarmed(fact=fact, alarm=alarm, is_open=is_open):
            detail = _plain(alarm.detail[:REASON_CHARS_MAX])
            opened = AlarmRow(row.store, row.epoch, alarm.code, detail, fact.at_ms, row.ingest_id)
            found.alarmed.append(AlarmTurn(opened, is_open))
        case Drilled(fact=fact):
            # A clock that is ahead must not make a drill of the years to come of it.
            found.drilled.append(StoreDrillRow(row.store, min(fact.at_ms, row.received_ms)))
        case Scanned(fact=fact, scanned=scanned):
            found.scanned.append(TollRow(scanned.code_id, row.store, fact.day, scanned.scans))
        case reading.Moved(fact=fact, body=body):
            found.moved.append((row, Moved(row.ingest_id, fact, body)))
        case Parked(reason=reason):
            found.park(row, reason)
        case Noted():
            pass


def _plain(text: str) -> str:
    return text.replace("\0", "\ufffd")  # PostgreSQL takes no NUL in a text


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
