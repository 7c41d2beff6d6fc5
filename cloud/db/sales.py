"""Queries on the read models: sales, invites, prints, takings, parked facts, and the projector's cursor."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.exc import InterfaceError, OperationalError

from cloud.db.engine import Reader, Tx, insert_many, upsert
from cloud.db.journal import FactRow
from cloud.db.schema import READ_MODELS, cursors, facts, invites, parked, prints, sales, stores, takings, upkeep

UNAVAILABLE = (OperationalError, InterfaceError)
"""What is the database's own trouble and says nothing about a fact: full, locked, away."""
PROJECTOR = "read-models"
_SLICE = 500


class SaleRow(msgspec.Struct, frozen=True):
    """A sale; `body` is the fact's body as first encoded."""

    store: str
    sale_id: str
    receipt_no: str
    till: str
    at_ms: int
    day: str
    hour: int
    total_fen: int
    currency: str
    locale: str
    epoch: int
    seq: int
    ingest_id: int
    stored_ms: int
    body: bytes


class InviteRow(msgspec.Struct, frozen=True):
    """An invite that was issued with a sale."""

    store: str
    invite_id: str
    sale_id: str
    code: str
    short: str
    expires_day: str
    at_ms: int
    ingest_id: int


class PrintRow(msgspec.Struct, frozen=True):
    """What became of a slip of a sale."""

    ingest_id: int
    store: str
    sale_id: str
    outcome: str
    copy: int
    reason: str
    at_ms: int


class TakingRow(msgspec.Struct, frozen=True):
    """What a store took within an hour of a business day."""

    store: str
    day: str
    hour: int
    sales: int
    amount_fen: int


class ParkedRow(msgspec.Struct, frozen=True):
    """A fact that is stored and not understood."""

    ingest_id: int
    store: str
    reason: str
    at_ms: int


class ParkedFactRow(msgspec.Struct, frozen=True):
    """A parked fact with its place."""

    ingest_id: int
    store: str
    epoch: int
    lane: int
    seq: int
    kind: str
    reason: str
    at_ms: int


class StoreSum(msgspec.Struct, frozen=True):
    """A store's count and sum of sales."""

    store: str
    sales: int
    amount_fen: int


# ---------------------------------------------------------------------------------------------------------- writing


def cursor(reader: Reader) -> int:
    """Give the ingest id up to which the read models reach."""
    row = reader.row(select(cursors.c.ingest_id).where(cursors.c.projector == PROJECTOR))
    return 0 if row is None else int(row.ingest_id)


def set_cursor(tx: Tx, ingest_id: int) -> None:
    """Move the cursor."""
    upsert(tx, cursors, {"projector": PROJECTOR, "ingest_id": ingest_id}, {"ingest_id": lambda new: new.ingest_id})


def clear(tx: Tx) -> None:
    """Empty every read model and put the cursor back to the beginning."""
    for table in READ_MODELS:
        tx.run(delete(table))
    set_cursor(tx, 0)


def standing_sale_ids(reader: Reader, store: str, sale_ids: Sequence[str]) -> set[str]:
    """Say which of the sale ids stand already."""
    return _standing(reader, sales.c.sale_id, sales.c.store == store, sale_ids)


def standing_receipt_nos(reader: Reader, store: str, receipt_nos: Sequence[str]) -> set[str]:
    """Say which of the receipt numbers stand already."""
    return _standing(reader, sales.c.receipt_no, sales.c.store == store, receipt_nos)


def standing_invite_ids(reader: Reader, store: str, invite_ids: Sequence[str]) -> set[str]:
    """Say which of the invite ids stand already."""
    return _standing(reader, invites.c.invite_id, invites.c.store == store, invite_ids)


def insert_rows(
    tx: Tx,
    *,
    sale_rows: list[SaleRow],
    invite_rows: list[InviteRow],
    print_rows: list[PrintRow],
    parked_rows: list[ParkedRow],
) -> None:
    """Insert rows that stand nowhere yet."""
    for table, rows in ((sales, sale_rows), (invites, invite_rows), (prints, print_rows), (parked, parked_rows)):
        insert_many(tx, table, [msgspec.structs.asdict(row) for row in rows])


def add_takings(tx: Tx, rows: list[TakingRow]) -> None:
    """Add to the takings of hours; each (store, day, hour) at most once in `rows`."""
    upsert(
        tx,
        takings,
        [msgspec.structs.asdict(row) for row in rows],
        {
            "sales": lambda new: takings.c.sales + new.sales,
            "amount_fen": lambda new: takings.c.amount_fen + new.amount_fen,
        },
    )


# ---------------------------------------------------------------------------------------------------------- reading


def sale_by_id(reader: Reader, store: str, sale_id: str) -> SaleRow | None:
    """Find a sale."""
    row = reader.row(select(sales).where(sales.c.store == store, sales.c.sale_id == sale_id))
    return None if row is None else SaleRow(*row)


def list_sales(reader: Reader, *, store: str | None, day: str | None, after: int, limit: int) -> list[SaleRow]:
    """List sales in order of arrival after one."""
    query = select(sales).where(sales.c.ingest_id > after, *_chosen(store, day))
    return [SaleRow(*row) for row in reader.rows(query.order_by(sales.c.ingest_id).limit(limit))]


def recent_sales(
    reader: Reader, *, store: str | None, day: str | None, before: int | None, limit: int, find: str | None = None
) -> list[SaleRow]:
    """List sales against the order of arrival, before one; `find` is a part of the receipt number."""
    query = select(sales).where(*_chosen(store, day))
    if before is not None:
        query = query.where(sales.c.ingest_id < before)
    if find:
        query = query.where(sales.c.receipt_no.icontains(find, autoescape=True))
    return [SaleRow(*row) for row in reader.rows(query.order_by(sales.c.ingest_id.desc()).limit(limit))]


def sale_beside(reader: Reader, sale: SaleRow, *, forward: bool) -> str | None:
    """Find the sale id next to a sale in its store's own order, over epochs."""
    place = sales.c.epoch, sales.c.seq
    query = select(sales.c.sale_id).where(sales.c.store == sale.store)
    if forward:
        beyond = (place[0] > sale.epoch) | ((place[0] == sale.epoch) & (place[1] > sale.seq))
        query = query.where(beyond).order_by(place[0], place[1])
    else:
        beyond = (place[0] < sale.epoch) | ((place[0] == sale.epoch) & (place[1] < sale.seq))
        query = query.where(beyond).order_by(place[0].desc(), place[1].desc())
    row = reader.row(query.limit(1))
    return None if row is None else row.sale_id


def invites_of(reader: Reader, store: str, sale_ids: Sequence[str]) -> dict[str, InviteRow]:
    """Find the invites of sales, by sale id; of several, the first that arrived."""
    found: dict[str, InviteRow] = {}
    for start in range(0, len(sale_ids), _SLICE):
        query = (
            select(invites)
            .where(invites.c.store == store, invites.c.sale_id.in_(sale_ids[start : start + _SLICE]))
            .order_by(invites.c.ingest_id)
        )
        for row in reader.rows(query):
            found.setdefault(row.sale_id, InviteRow(*row))
    return found


def invite_by_code(reader: Reader, store: str, short: str, code: str) -> InviteRow | None:
    """Find the invite that a code came from."""
    query = select(invites).where(invites.c.short == short, invites.c.store == store, invites.c.code == code)
    row = reader.row(query)
    return None if row is None else InviteRow(*row)


def prints_of(reader: Reader, store: str, sale_id: str) -> list[PrintRow]:
    """List what became of a sale's slips."""
    query = select(prints).where(prints.c.store == store, prints.c.sale_id == sale_id).order_by(prints.c.ingest_id)
    return [PrintRow(*row) for row in reader.rows(query)]


def sums(reader: Reader, day: str | None) -> dict[str, StoreSum]:
    """Sum the takings by store, of a day or of all."""
    query = select(takings.c.store, func.sum(takings.c.sales), func.sum(takings.c.amount_fen)).group_by(takings.c.store)
    if day is not None:
        query = query.where(takings.c.day == day)
    return {row[0]: StoreSum(row[0], int(row[1]), int(row[2])) for row in reader.rows(query)}


def takings_of(reader: Reader, day: str) -> list[TakingRow]:
    """List the takings of a business day by store and hour."""
    query = select(takings).where(takings.c.day == day).order_by(takings.c.store, takings.c.hour)
    return [TakingRow(*row) for row in reader.rows(query)]


def first_days(reader: Reader) -> dict[str, str]:
    """Name the first business day with sales of each store that has any."""
    # For each store a look into the index; grouping would read the whole table at every refresh of a page.
    first = select(func.min(takings.c.day)).where(takings.c.store == stores.c.store).scalar_subquery()
    return {row[0]: row[1] for row in reader.rows(select(stores.c.store, first)) if row[1] is not None}


def days(reader: Reader) -> list[str]:
    """List the business days that have sales, newest first."""
    query = select(takings.c.day).distinct().order_by(takings.c.day.desc())
    return [row.day for row in reader.rows(query)]


def count_parked(reader: Reader) -> dict[str, int]:
    """Count the parked facts by store."""
    query = select(parked.c.store, func.count()).group_by(parked.c.store)
    return {row[0]: int(row[1]) for row in reader.rows(query)}


def list_parked(reader: Reader, limit: int) -> list[ParkedFactRow]:
    """List parked facts with their places, newest first."""
    query = (
        select(
            parked.c.ingest_id,
            parked.c.store,
            facts.c.epoch,
            facts.c.lane,
            facts.c.seq,
            facts.c.kind,
            parked.c.reason,
            parked.c.at_ms,
        )
        .join(facts, facts.c.ingest_id == parked.c.ingest_id)
        .order_by(parked.c.ingest_id.desc())
        .limit(limit)
    )
    return [ParkedFactRow(*row) for row in reader.rows(query)]


def parked_facts(reader: Reader, after: int, limit: int, ingest_ids: Collection[int] | None = None) -> list[FactRow]:
    """List facts that are parked, in order of arrival after one; all, or those of some ids."""
    query = select(facts).join(parked, facts.c.ingest_id == parked.c.ingest_id).where(parked.c.ingest_id > after)
    if ingest_ids is not None:
        query = query.where(parked.c.ingest_id.in_(list(ingest_ids)))
    return [FactRow(*row) for row in reader.rows(query.order_by(parked.c.ingest_id).limit(limit))]


def park_reasons(reader: Reader, ingest_ids: Sequence[int]) -> dict[int, str]:
    """Say why facts are parked; those that are not are left out."""
    found: dict[int, str] = {}
    for start in range(0, len(ingest_ids), _SLICE):
        query = select(parked.c.ingest_id, parked.c.reason).where(
            parked.c.ingest_id.in_(ingest_ids[start : start + _SLICE])
        )
        found.update({row.ingest_id: row.reason for row in reader.rows(query)})
    return found


def unpark(tx: Tx, ingest_ids: Sequence[int]) -> None:
    """Take facts from the parked ones, to be read again."""
    for start in range(0, len(ingest_ids), _SLICE):
        tx.run(delete(parked).where(parked.c.ingest_id.in_(ingest_ids[start : start + _SLICE])))


def note_of(reader: Reader, name: str) -> str | None:
    """Read what was noted as done once."""
    row = reader.row(select(upkeep.c.value).where(upkeep.c.name == name))
    return None if row is None else str(row.value)


def put_note(tx: Tx, name: str, value: str) -> None:
    """Note what was done once."""
    upsert(tx, upkeep, {"name": name, "value": value}, {"value": value})


def parked_for(reader: Reader, store: str, reasons: Sequence[str]) -> list[bytes]:
    """Give the bytes of a store's facts that are parked for one of the reasons."""
    query = (
        select(facts.c.raw)
        .join(parked, facts.c.ingest_id == parked.c.ingest_id)
        .where(parked.c.store == store, parked.c.reason.in_(reasons))
    )
    return [row.raw for row in reader.rows(query)]


def _chosen(store: str | None, day: str | None) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if store is not None:
        chosen.append(sales.c.store == store)
    if day is not None:
        chosen.append(sales.c.day == day)
    return chosen


def _standing(
    reader: Reader, column: ColumnElement[Any], of_store: ColumnElement[bool], values: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(values), _SLICE):
        rows = reader.rows(select(column).where(of_store, column.in_(values[start : start + _SLICE])))
        found.update(row[0] for row in rows)
    return found
