"""Queries on leases and on the workers that share them."""

from collections.abc import Collection

import msgspec
from sqlalchemy import delete, func, select, text, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import leases, workers


class LeaseRow(msgspec.Struct, frozen=True):
    """A lease: nobody's where `holder` is empty; `fence` rises with every new holder."""

    slot: int
    holder: str
    fence: int
    until_ms: int


def server_ms(tx: Tx) -> int | None:
    """Give the database's own wall clock in ms, which all workers share; None where the database has none."""
    if tx.connection.dialect.name != "postgresql":
        return None
    return int(tx.connection.execute(text("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)")).scalar_one())


def report(tx: Tx, worker: str, now_ms: int, until_ms: int) -> int:
    """Note that a worker lives, and forget those that were not heard in time.

    Returns:
        How many live, this one included.
    """
    tx.run(delete(workers).where(workers.c.until_ms <= now_ms, workers.c.worker != worker))
    upsert(tx, workers, {"worker": worker, "until_ms": until_ms}, {"until_ms": until_ms})
    return int(tx.row(select(func.count()).select_from(workers))[0])


def forget(tx: Tx, worker: str) -> None:
    """Note that a worker left."""
    tx.run(delete(workers).where(workers.c.worker == worker))


def renew(tx: Tx, worker: str, slots: Collection[int], until_ms: int) -> dict[int, int]:
    """Prolong what a worker holds; a lease that ran out is still its own while nobody else took it.

    Returns:
        Fence by slot, of all it holds among `slots`.
    """
    mine = leases.c.holder == worker, leases.c.slot.in_(sorted(slots))
    tx.run(update(leases).where(*mine).values(until_ms=until_ms))
    return {row.slot: row.fence for row in tx.rows(select(leases.c.slot, leases.c.fence).where(*mine))}


def take(tx: Tx, worker: str, slots: Collection[int], count: int, now_ms: int, until_ms: int) -> dict[int, int]:
    """Take up to `count` leases among `slots` that are nobody's or ran out, each under the next fence.

    One whose row is locked is left out: its holder is in the middle of a transaction, and waiting for it would hold up
    the others.

    Returns:
        Fence by slot, of those taken.
    """
    free = (
        select(leases.c.slot)
        .where(leases.c.slot.in_(sorted(slots)), (leases.c.holder == "") | (leases.c.until_ms <= now_ms))
        .where(leases.c.holder != worker)
        .order_by(leases.c.slot)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    found = [row.slot for row in tx.rows(free)]
    if not found:
        return {}
    chosen = leases.c.slot.in_(found)
    tx.run(update(leases).where(chosen).values(holder=worker, fence=leases.c.fence + 1, until_ms=until_ms))
    return {row.slot: row.fence for row in tx.rows(select(leases.c.slot, leases.c.fence).where(chosen))}


def give_up(tx: Tx, worker: str, slots: Collection[int]) -> None:
    """Let go of leases at once, for whoever wants them."""
    mine = leases.c.holder == worker, leases.c.slot.in_(sorted(slots))
    tx.run(update(leases).where(*mine).values(holder="", until_ms=0))


def held_now(tx: Tx, worker: str, slots: Collection[int]) -> dict[int, int]:
    """Give the fences of a worker's leases and keep others from taking them until the commit."""
    query = (
        select(leases.c.slot, leases.c.fence)
        .where(leases.c.slot.in_(sorted(slots)), leases.c.holder == worker)
        .order_by(leases.c.slot)
        .with_for_update(read=True)
    )
    return {row.slot: row.fence for row in tx.rows(query)}


def all_leases(reader: Reader) -> list[LeaseRow]:
    """List every lease."""
    return [LeaseRow(*row) for row in reader.rows(select(leases).order_by(leases.c.slot))]
