"""Queries on the audit log: rows are added and read, never changed."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Select, func, insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.schema import audit, audit_checkpoints, audit_head
from cloud.domain.audit_chain import Checkpoint, Entry, Filter

_HEAD = 1
_SLICE = 1_000


def locked_head(tx: Tx) -> tuple[int, bytes]:
    """Give the last row's number and chain value, and keep others from adding until the commit."""
    row = tx.row(select(audit_head.c.n, audit_head.c.chain).where(audit_head.c.id == _HEAD).with_for_update())
    assert row is not None, "the step that makes the log makes its head"
    return row.n, row.chain


def head_of(reader: Reader) -> tuple[int, bytes] | None:
    """Give the last row's number and chain value as the head says them; None when the head is gone."""
    row = reader.row(select(audit_head.c.n, audit_head.c.chain).where(audit_head.c.id == _HEAD))
    return None if row is None else (row.n, row.chain)


def append(tx: Tx, entry: Entry, chain: bytes) -> None:
    """Add a row and move the head onto it; the caller holds the head."""
    tx.run(insert(audit), {**msgspec.structs.asdict(entry), "chain": chain})
    tx.run(update(audit_head).where(audit_head.c.id == _HEAD).values(n=entry.n, chain=chain))


def walk(reader: Reader) -> Iterator[tuple[Entry, bytes]]:
    """Give every row with its chain value, in order, a slice at a time."""
    query = select(audit).order_by(audit.c.n).limit(_SLICE)
    found = reader.rows(query)
    while found:
        for row in found:
            yield Entry(*row[:-1]), row.chain
        found = reader.rows(query.where(audit.c.n > found[-1].n))


def last_row(reader: Reader) -> int:
    """Give the number of the last row that is there; 0 for an empty log."""
    return int(reader.row(select(func.coalesce(func.max(audit.c.n), 0)))[0])


def newest(reader: Reader, wanted: Filter, limit: int) -> list[Entry]:
    """List rows, newest first."""
    query = _narrow(select(*_COLUMNS), wanted).order_by(audit.c.n.desc()).limit(limit)
    return [Entry(*row) for row in reader.rows(query)]


def count_since(reader: Reader, action: str, since_ms: int) -> int:
    """Count the rows of an action since a moment."""
    query = select(func.count()).where(audit.c.action == action, audit.c.at_ms >= since_ms)
    return int(reader.row(query)[0])


def actors(reader: Reader) -> list[str]:
    """List who did something, by name."""
    return [row.actor for row in reader.rows(select(audit.c.actor).distinct().order_by(audit.c.actor))]


def actions(reader: Reader) -> list[str]:
    """List what was done, by name."""
    return [row.action for row in reader.rows(select(audit.c.action).distinct().order_by(audit.c.action))]


def insert_checkpoint(tx: Tx, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint."""
    tx.run(insert(audit_checkpoints), msgspec.structs.asdict(checkpoint))


def last_checkpoint(reader: Reader) -> Checkpoint | None:
    """Give the newest checkpoint."""
    row = reader.row(select(audit_checkpoints).order_by(audit_checkpoints.c.k.desc()).limit(1))
    return None if row is None else Checkpoint(*row)


def checkpoints(reader: Reader) -> list[Checkpoint]:
    """List every checkpoint, oldest first."""
    return [Checkpoint(*row) for row in reader.rows(select(audit_checkpoints).order_by(audit_checkpoints.c.k))]


_COLUMNS = (audit.c.n, audit.c.at_ms, audit.c.actor, audit.c.action, audit.c.target, audit.c.detail)


def _narrow(
    query: Select[tuple[int, int, str, str, str, str]], wanted: Filter
) -> Select[tuple[int, int, str, str, str, str]]:
    if wanted.actor:
        query = query.where(audit.c.actor == wanted.actor)
    if wanted.actions:
        query = query.where(audit.c.action.in_(wanted.actions))
    if wanted.from_ms is not None:
        query = query.where(audit.c.at_ms >= wanted.from_ms)
    if wanted.until_ms is not None:
        query = query.where(audit.c.at_ms < wanted.until_ms)
    if wanted.before is not None:
        query = query.where(audit.c.n < wanted.before)
    return query
