"""Queries on how stores are, and on the counts of what was refused."""

import msgspec
from sqlalchemy import case, func, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import presence, quarantine


class PresenceRow(msgspec.Struct, frozen=True):
    """When a store was last heard and what its last heartbeat said."""

    store: str
    last_seen_ms: int
    data_as_of_ms: int | None = None
    left_ms: int | None = None
    waiting_trade: int | None = None
    waiting_operations: int | None = None
    oldest_waiting_ms: int | None = None
    day: str | None = None
    day_sales: int | None = None
    day_amount_fen: int | None = None
    disk_free_mb: int | None = None
    clock_offset_ms: int | None = None
    alarms: str | None = None
    refusal: str | None = None
    refused_ms: int | None = None


class RefusalRow(msgspec.Struct, frozen=True):
    """How many messages were refused for a reason."""

    reason: str
    store: str
    count: int
    first_ms: int
    last_ms: int


def note_seen(tx: Tx, store: str, at_ms: int, data_as_of_ms: int | None) -> None:
    """Note that a store was heard, and up to when its data reaches where that is later than before."""
    changes: dict[str, object] = {"last_seen_ms": lambda new: new.last_seen_ms, "left_ms": None}
    if data_as_of_ms is not None:
        held = func.coalesce(presence.c.data_as_of_ms, 0)
        changes["data_as_of_ms"] = case((held > data_as_of_ms, held), else_=data_as_of_ms)
    upsert(tx, presence, {"store": store, "last_seen_ms": at_ms, "data_as_of_ms": data_as_of_ms}, changes)


def note_heartbeat(tx: Tx, row: PresenceRow) -> None:
    """Note what a store's heartbeat said; `note_seen` keeps the rest."""
    fields = (
        "last_seen_ms",
        "left_ms",
        "waiting_trade",
        "waiting_operations",
        "oldest_waiting_ms",
        "day",
        "day_sales",
        "day_amount_fen",
        "disk_free_mb",
        "clock_offset_ms",
        "alarms",
    )
    upsert(tx, presence, msgspec.structs.asdict(row), {name: (lambda new, name=name: new[name]) for name in fields})


def note_session(tx: Tx, store: str, refusal: str | None, at_ms: int) -> None:
    """Note why a store got no session, or with None that it has one; it was heard before or there is nothing to note."""
    values = {"refusal": refusal, "refused_ms": None if refusal is None else at_ms}
    held = presence.c.store == store, presence.c.refusal.is_distinct_from(refusal)
    tx.run(update(presence).where(*held).values(**values))


def note_left(tx: Tx, store: str, at_ms: int) -> None:
    """Note that the broker said goodbye for a store; it was heard before or there is nothing to note."""
    tx.run(update(presence).where(presence.c.store == store).values(left_ms=at_ms))


def is_here(reader: Reader, store: str, since_ms: int) -> bool:
    """Say whether a store was heard since a time, and the broker has not said goodbye for it."""
    query = select(presence.c.left_ms, presence.c.last_seen_ms).where(presence.c.store == store)
    row = reader.row(query)
    return row is not None and row.left_ms is None and int(row.last_seen_ms) >= since_ms


def all_presence(reader: Reader) -> dict[str, PresenceRow]:
    """List what is known of every store, by store."""
    return {row.store: PresenceRow(*row) for row in reader.rows(select(presence))}


def count_refusals(tx: Tx, counts: dict[tuple[str, str], int], at_ms: int) -> None:
    """Add refused messages to the counts by (reason, store), in one order: two workers must not wait for each other."""
    rows = [
        {"reason": reason, "store": store, "count": count, "first_ms": at_ms, "last_ms": at_ms}
        for (reason, store), count in sorted(counts.items())
    ]
    upsert(
        tx,
        quarantine,
        rows,
        {"count": lambda new: quarantine.c.count + new["count"], "last_ms": lambda new: new.last_ms},
    )


def all_refusals(reader: Reader) -> list[RefusalRow]:
    """List the counts."""
    return [
        RefusalRow(*row) for row in reader.rows(select(quarantine).order_by(quarantine.c.reason, quarantine.c.store))
    ]
