"""Queries on the drills that stores held, a read model; the hub's own are `cloud.db.backup`."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import case, func, select

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import store_drills, store_keys, stores


class StoreDrillRow(msgspec.Struct, frozen=True):
    """When a store last held a drill that proved its copy; by its own clock, and never later than when it was told."""

    store: str
    held_ms: int


def keep(tx: Tx, rows: Iterable[StoreDrillRow]) -> None:
    """Note drills that held; what a replaced computer tells late does not make a newer one old."""
    newest: dict[str, int] = {}
    for row in rows:
        newest[row.store] = max(row.held_ms, newest.get(row.store, 0))
    for store, held_ms in sorted(newest.items()):
        later = case((store_drills.c.held_ms > held_ms, store_drills.c.held_ms), else_=held_ms)
        upsert(tx, store_drills, {"store": store, "held_ms": held_ms}, {"held_ms": later})


def selling_since(reader: Reader) -> dict[str, int]:
    """Give since when each store has had a computer; a store that never had one, or whose last was revoked, is not in it."""
    own = (store_keys.c.store == stores.c.store) & (store_keys.c.epoch == stores.c.epoch)
    now = select(stores.c.store).join(store_keys, own).where(store_keys.c.revoked_ms.is_(None))
    query = (
        select(store_keys.c.store, func.min(store_keys.c.enrolled_ms))
        .where(store_keys.c.store.in_(now))
        .group_by(store_keys.c.store)
    )
    return {row[0]: int(row[1]) for row in reader.rows(query)}


def held_by_store(reader: Reader) -> dict[str, int]:
    """Give when each store's last drill held; stores without one are not in it."""
    return {row.store: row.held_ms for row in reader.rows(select(store_drills))}
