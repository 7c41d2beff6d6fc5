"""The hub's data as backups read and write it: whole tables row by row, and facts in the order of their arrival.

Rows travel as msgpack, so that a backup of one database goes into another: SQLite and PostgreSQL alike.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Table, delete, func, inspect, select

from cloud.db import journal
from cloud.db.engine import HubDatabase, Reader, Tx, insert_many, upsert
from cloud.db.member_tables import IN_ORDER
from cloud.db.schema import (
    NOT_BACKED_UP,
    READ_MODELS,
    backup_line,
    backups,
    drills,
    facts,
    ingest_head,
    lanes,
    metadata,
    sales,
)

PAGE_ROWS = 500
BACKUPS_LISTED_MAX = 1_000


class Page(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a table, and what their columns are called."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class BackupRow(msgspec.Struct, frozen=True):
    """A finished backup."""

    made_ms: int
    folder: str
    upto: int
    facts: int
    size: int
    took_ms: int


class DrillRow(msgspec.Struct, frozen=True):
    """A drill that was held, with its signed record."""

    at_ms: int
    ok: int
    record: bytes
    signature: bytes


class LaneEnd(NamedTuple):
    """Where a lane ends."""

    store: str
    epoch: int
    lane: int
    seq: int
    chain: bytes


def step_of(reader: Reader) -> str:
    """Name the last step of the schema that a database has."""
    return MigrationContext.configure(reader.connection).get_current_revision() or ""


def last_id(reader: Reader) -> int:
    """Give the last ingest id that was handed out."""
    return int(reader.row(select(ingest_head.c.last).where(ingest_head.c.id == 1)).last)


def state_pages(reader: Reader) -> Iterator[Page]:
    """Read every table that is not rebuilt from facts and not of this running hub alone, parents before children."""
    skipped = {*NOT_BACKED_UP, *(table.name for table in READ_MODELS)}
    for table in metadata.sorted_tables:
        if table.name not in skipped:
            yield from _pages(reader, table)


def fact_pages(reader: Reader, after: int, upto: int) -> Iterator[Page]:
    """Read the facts that arrived behind one ingest id and up to another, in their order."""
    columns = tuple(str(column.name) for column in facts.columns)
    while after < upto:
        query = (
            select(facts)
            .where(facts.c.ingest_id > after, facts.c.ingest_id <= upto)
            .order_by(facts.c.ingest_id)
            .limit(PAGE_ROWS)
        )
        rows = [tuple(row) for row in reader.rows(query)]
        if not rows:
            return
        yield Page("facts", columns, rows)
        after = int(rows[-1][0])


def insert_pages(tx: Tx, pages: Iterable[Page], known: MetaData = metadata) -> int:
    """Write rows back into empty tables; gives how many.

    Args:
        tx: the transaction.
        pages: what `state_pages` or `fact_pages` gave.
        known: the tables as this database has them.
    """
    count = 0
    emptied: set[str] = set()
    for page in pages:
        table = known.tables[page.table]
        if page.table not in emptied and page.table != "facts":
            # Steps of the schema put first rows into some tables: the backup's own come in their place.
            if tx.row(select(func.count()).select_from(table))[0]:
                tx.run(delete(table))
            emptied.add(page.table)
        insert_many(tx, table, [dict(zip(page.columns, row, strict=True)) for row in page.rows])
        count += len(page.rows)
    return count


def is_empty(database: HubDatabase) -> bool:
    """Say whether a database holds nothing of a hub: no tables, or none with a store or a fact in it."""
    with database.read() as reader:
        names = set(inspect(reader.connection).get_table_names())
        tables = [metadata.tables[name] for name in ("stores", "facts", "users") if name in names]
        return not any(reader.row(select(func.count()).select_from(table))[0] for table in tables)


def line(tx: Tx, made: str) -> str:
    """Give the name of this history's backups; `made` becomes it when it has none."""
    row = tx.row(select(backup_line.c.line).where(backup_line.c.id == 1))
    if row is not None:
        return str(row.line)
    tx.run(backup_line.insert(), {"id": 1, "line": made})
    return made


def lane_ends(reader: Reader) -> list[LaneEnd]:
    """List where every lane ends."""
    query = select(lanes.c.store, lanes.c.epoch, lanes.c.lane, lanes.c.seq, lanes.c.chain)
    return [LaneEnd(*row) for row in reader.rows(query.order_by(lanes.c.store, lanes.c.epoch, lanes.c.lane))]


def keep_backup(tx: Tx, row: BackupRow, *, off_site: bool, ends: list[LaneEnd]) -> None:
    """Note a finished backup; one that lies apart from the hub's own folder makes what it holds durable."""
    upsert(
        tx,
        backups,
        msgspec.structs.asdict(row),
        {name: getattr(row, name) for name in ("folder", "upto", "facts", "size", "took_ms")},
    )
    old = select(backups.c.made_ms).order_by(backups.c.made_ms.desc()).offset(BACKUPS_LISTED_MAX)
    limit = tx.row(old.limit(1))
    if limit is not None:
        tx.run(delete(backups).where(backups.c.made_ms <= limit.made_ms))
    if off_site:
        journal.mark_durable(tx, [(end.store, end.epoch, end.lane, end.seq) for end in ends])


def newest_backup(reader: Reader) -> BackupRow | None:
    """Find the newest finished backup."""
    row = reader.row(select(backups).order_by(backups.c.made_ms.desc()).limit(1))
    return None if row is None else BackupRow(*row)


def durable_seqs(reader: Reader) -> dict[tuple[str, int, int], int]:
    """Say up to which seq each lane (store, epoch, lane) lies in a finished backup apart from the hub."""
    marks = journal.all_marks(reader)
    return {(one.store, one.epoch, one.lane): one.durable_seq for one in marks if one.durable_seq is not None}


def keep_drill(tx: Tx, row: DrillRow) -> None:
    """Keep a drill's signed record."""
    upsert(
        tx, drills, msgspec.structs.asdict(row), {name: getattr(row, name) for name in ("ok", "record", "signature")}
    )


def newest_drill(reader: Reader) -> DrillRow | None:
    """Find the newest drill."""
    row = reader.row(select(drills).order_by(drills.c.at_ms.desc()).limit(1))
    return None if row is None else DrillRow(*row)


def last_held_drill_ms(reader: Reader) -> int | None:
    """Say when a drill last held."""
    row = reader.row(select(func.max(drills.c.at_ms)).where(drills.c.ok == 1))
    return None if row is None or row[0] is None else int(row[0])


def count_facts(reader: Reader, upto: int) -> int:
    """Count the facts up to an ingest id."""
    return int(reader.row(select(func.count()).select_from(facts).where(facts.c.ingest_id <= upto))[0])


def facts_between(reader: Reader, after: int, upto: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk facts in the order of their arrival: ingest id, bytes, chain."""
    for page in fact_pages(reader, after, upto):
        at, raw, chain = (page.columns.index(name) for name in ("ingest_id", "raw", "chain"))
        for row in page.rows:
            yield int(row[at]), bytes(row[raw]), bytes(row[chain])


def sold(reader: Reader, upto: int) -> list[tuple[str, str, int, int]]:
    """Sum the sales whose facts arrived up to an ingest id: (store, day, sales, fen)."""
    query = (
        select(sales.c.store, sales.c.day, func.count(), func.sum(sales.c.total_fen))
        .where(sales.c.ingest_id <= upto)
        .group_by(sales.c.store, sales.c.day)
        .order_by(sales.c.store, sales.c.day)
    )
    return [(str(row[0]), str(row[1]), int(row[2]), int(row[3])) for row in reader.rows(query)]


def reflected(tx: Tx) -> MetaData:
    """Read the tables as a database has them, where it has not reached this code's schema yet."""
    found = MetaData()
    found.reflect(tx.connection)
    return found


def _pages(reader: Reader, table: Table) -> Iterator[Page]:
    columns = tuple(str(column.name) for column in table.columns)
    query = select(table)
    if table.name in IN_ORDER:
        query = query.order_by(*table.primary_key.columns)
    result = reader.connection.execution_options(yield_per=PAGE_ROWS).execute(query)
    for rows in result.partitions(PAGE_ROWS):
        yield Page(str(table.name), columns, [tuple(row) for row in rows])
