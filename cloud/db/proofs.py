"""Holds the book against its laws, by what is in it and not by what its triggers kept, and keeps what each proof found."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, and_, case, func, select, union_all

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.ledger import booked
from cloud.db.member_tables import (
    ledger_balances,
    ledger_conflicts,
    ledger_draws,
    ledger_entries,
    ledger_journals,
    ledger_lots,
    ledger_proofs,
    ledger_rests,
    ledger_risks,
    ledger_waiting,
)
from cloud.db.schema import facts, parked
from sync.contract import ledger

_OF_POINTS = ("points.earned", "points.spent")
_BY_CLAIM = b'"by":"claim"'
"""Points of a receipt move with the claim itself."""


class ProofRow(msgspec.Struct, frozen=True):
    """What a proof of the book found; `findings` is JSON."""

    at_ms: int
    ok: int
    entries: int
    took_ms: int
    findings: bytes


class Wrong(NamedTuple):
    """Something in the book that does not hold: which law, and where."""

    law: str
    where: str


def wrongs(reader: Reader, limit: int = 50) -> list[Wrong]:
    """Hold the whole book against its laws, by what is in it and not by what its triggers kept."""
    found: list[Wrong] = []
    for law, query in _laws():
        found += [Wrong(law, " ".join(str(part) for part in row)) for row in reader.rows(query.limit(limit))]
    return found


def unbooked(reader: Reader, limit: int = 50) -> list[Wrong]:
    """List facts of points behind the booker's cursor that are in no journal and no conflict, wait for nothing, and are not parked."""
    of = facts.c.ingest_id
    booked_by = select(ledger_journals.c.id).where(ledger_journals.c.ingest_id == of).exists()
    told_in = select(ledger_conflicts.c.n).where(ledger_conflicts.c.ingest_id == of).exists()
    waits = select(ledger_waiting.c.ingest_id).where(ledger_waiting.c.ingest_id == of).exists()
    aside = select(parked.c.ingest_id).where(parked.c.ingest_id == of).exists()
    query = (
        select(facts.c.store, facts.c.epoch, facts.c.lane, facts.c.seq, facts.c.raw)
        .where(of <= booked(reader), facts.c.kind.in_(_OF_POINTS), ~booked_by, ~told_in, ~waits, ~aside)
        .order_by(of)
        .limit(limit)
    )
    return [
        Wrong("a fact of points is booked", f"{row.store}/{row.epoch}/{row.lane}/{row.seq}")
        for row in reader.rows(query)
        if _BY_CLAIM not in bytes(row.raw)
    ]


def oldest_unbooked_ms(reader: Reader) -> int | None:
    """Say since when the oldest fact of points waits for the booker; None where none does."""
    query = select(facts.c.received_ms).where(facts.c.ingest_id > booked(reader), facts.c.kind.in_(_OF_POINTS))
    row = reader.row(query.order_by(facts.c.ingest_id).limit(1))
    return None if row is None else int(row.received_ms)


def keep_proof(tx: Tx, row: ProofRow) -> None:
    """Keep what a proof found."""
    values = msgspec.structs.asdict(row)
    upsert(tx, ledger_proofs, values, {name: values[name] for name in ("ok", "entries", "took_ms", "findings")})


def last_proof(reader: Reader) -> ProofRow | None:
    """Find the newest proof."""
    row = reader.row(select(ledger_proofs).order_by(ledger_proofs.c.at_ms.desc()).limit(1))
    return None if row is None else ProofRow(*row)


def _laws() -> list[tuple[str, Select[Any]]]:
    total = func.sum(ledger_entries.c.amount)
    by_journal = (
        select(ledger_entries.c.journal_id, ledger_entries.c.unit, total)
        .group_by(ledger_entries.c.journal_id, ledger_entries.c.unit)
        .having(total != 0)
    )
    unclosed = (
        select(ledger_entries.c.journal_id)
        .outerjoin(ledger_journals, ledger_journals.c.id == ledger_entries.c.journal_id)
        .where(ledger_journals.c.id.is_(None))
    )
    by_account = (
        select(ledger_entries.c.account.label("account"), total.label("moved"))
        .group_by(ledger_entries.c.account)
        .subquery()
    )
    kept = (
        select(by_account.c.account, by_account.c.moved, ledger_balances.c.balance)
        .outerjoin(ledger_balances, ledger_balances.c.account == by_account.c.account)
        .where(func.coalesce(ledger_balances.c.balance, 0) != by_account.c.moved)
    )
    invented = (
        select(ledger_balances.c.account, ledger_balances.c.balance)
        .outerjoin(by_account, ledger_balances.c.account == by_account.c.account)
        .where(by_account.c.account.is_(None))
    )
    parts = union_all(
        select(ledger_lots.c.account, ledger_lots.c.lot_id, ledger_lots.c.qty.label("moved")),
        select(ledger_draws.c.account, ledger_draws.c.lot_id, (-ledger_draws.c.qty).label("moved")),
    ).subquery()
    lot_sum = func.sum(parts.c.moved)
    by_lot = (
        select(parts.c.account.label("account"), parts.c.lot_id.label("lot_id"), lot_sum.label("left"))
        .group_by(parts.c.account, parts.c.lot_id)
        .subquery()
    )
    rests = (
        select(by_lot.c.account, by_lot.c.lot_id, by_lot.c.left, ledger_rests.c.rest)
        .outerjoin(
            ledger_rests,
            and_(ledger_rests.c.account == by_lot.c.account, ledger_rests.c.lot_id == by_lot.c.lot_id),
        )
        .where((func.coalesce(ledger_rests.c.rest, -1) != by_lot.c.left) | (by_lot.c.left < 0))
    )
    of_lots = (
        select(by_lot.c.account.label("account"), func.sum(by_lot.c.left).label("held"))
        .group_by(by_lot.c.account)
        .subquery()
    )
    held = (
        select(by_account.c.account, by_account.c.moved, of_lots.c.held)
        .outerjoin(of_lots, of_lots.c.account == by_account.c.account)
        .where(
            case(
                (func.substr(by_account.c.account, 1, 2).in_(("g:", "e:")), 1),
                (
                    and_(
                        func.substr(by_account.c.account, 1, 2) == "m:",
                        func.substr(by_account.c.account, func.length(by_account.c.account) - 6) == ":points",
                    ),
                    1,
                ),
                else_=0,
            )
            == 1,
            func.coalesce(of_lots.c.held, 0) != by_account.c.moved,
        )
    )
    above = select(ledger_balances.c.account, ledger_balances.c.balance).where(
        ledger_balances.c.account.endswith(f":{ledger.MEMBER_DEBT}"), ledger_balances.c.balance > 0
    )
    open_sum = (
        select(ledger_risks.c.store.label("store"), func.sum(ledger_risks.c.open).label("open"))
        .group_by(ledger_risks.c.store)
        .subquery()
    )
    risk = (
        select(open_sum.c.store, open_sum.c.open, ledger_balances.c.balance)
        .outerjoin(ledger_balances, ledger_balances.c.account == "risk:" + open_sum.c.store + f":{ledger.POINTS}")
        .where(func.coalesce(ledger_balances.c.balance, 0) != -open_sum.c.open)
    )
    return [
        ("a journal sums to zero", by_journal),
        ("entries belong to a journal", unclosed),
        ("a balance is the sum of its entries", kept),
        ("a balance has entries", invented),
        ("a lot is what came in less what was drawn", rests),
        ("an account of lots holds the rest of its lots", held),
        ("a debt is never above zero", above),
        ("a store's risk is what its risks say", risk),
    ]
