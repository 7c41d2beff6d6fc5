"""Queries on stores, their keys and their activation codes."""

import msgspec
from sqlalchemy import insert, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import activations, store_keys, stores


class StoreRow(msgspec.Struct, frozen=True):
    """A store and the epoch it is in; 0 before its first enrolment."""

    store: str
    name_zh: str
    name_en: str
    epoch: int
    created_ms: int


class KeyRow(msgspec.Struct, frozen=True):
    """The keys of a node that was enrolled for a store under an epoch."""

    store: str
    epoch: int
    key_id: bytes
    node: str
    signing_public: bytes
    agreement_public: bytes
    enrolled_ms: int
    revoked_ms: int | None


class ActivationRow(msgspec.Struct, frozen=True):
    """A store's one activation code, the tries it took, and what it was used for."""

    store: str
    code_hash: str
    made_ms: int
    expires_ms: int
    tries: int
    used_ms: int | None
    used_epoch: int | None


def put_store(tx: Tx, row: StoreRow) -> None:
    """Insert a store, or rename one that stands; its epoch stays."""
    upsert(
        tx,
        stores,
        msgspec.structs.asdict(row),
        {"name_zh": lambda new: new.name_zh, "name_en": lambda new: new.name_en},
    )


def store_by_id(reader: Reader, store: str) -> StoreRow | None:
    """Find a store."""
    row = reader.row(select(stores).where(stores.c.store == store))
    return None if row is None else StoreRow(*row)


def all_stores(reader: Reader) -> list[StoreRow]:
    """List every store by name of id."""
    return [StoreRow(*row) for row in reader.rows(select(stores).order_by(stores.c.store))]


def set_epoch(tx: Tx, store: str, epoch: int) -> None:
    """Move a store to an epoch."""
    tx.run(update(stores).where(stores.c.store == store).values(epoch=epoch))


def insert_key(tx: Tx, row: KeyRow) -> None:
    """Note the keys of a new epoch."""
    tx.run(insert(store_keys), msgspec.structs.asdict(row))


def key_of(reader: Reader, store: str, epoch: int) -> KeyRow | None:
    """Find the keys of a store under an epoch."""
    query = select(store_keys).where(store_keys.c.store == store, store_keys.c.epoch == epoch)
    row = reader.row(query)
    return None if row is None else KeyRow(*row)


def keys_named(reader: Reader, key_id: bytes) -> list[KeyRow]:
    """Find the keys that go by an id, newest epoch first."""
    query = select(store_keys).where(store_keys.c.key_id == key_id).order_by(store_keys.c.epoch.desc())
    return [KeyRow(*row) for row in reader.rows(query)]


def revoke_key(tx: Tx, store: str, epoch: int, at_ms: int) -> None:
    """Note since when a key no longer counts; the first time holds."""
    tx.run(
        update(store_keys)
        .where(store_keys.c.store == store, store_keys.c.epoch == epoch, store_keys.c.revoked_ms.is_(None))
        .values(revoked_ms=at_ms)
    )


def put_activation(tx: Tx, row: ActivationRow) -> None:
    """Give a store a code; an older one no longer counts."""
    fields = msgspec.structs.asdict(row)
    upsert(tx, activations, fields, {name: value for name, value in fields.items() if name != "store"})


def activation_of(reader: Reader, store: str) -> ActivationRow | None:
    """Find a store's code."""
    row = reader.row(select(activations).where(activations.c.store == store))
    return None if row is None else ActivationRow(*row)


def count_try(tx: Tx, store: str) -> None:
    """Count one try of a store's code."""
    tx.run(update(activations).where(activations.c.store == store).values(tries=activations.c.tries + 1))


def use_activation(tx: Tx, store: str, at_ms: int, epoch: int) -> None:
    """Note that a code was used, and for which epoch."""
    tx.run(update(activations).where(activations.c.store == store).values(used_ms=at_ms, used_epoch=epoch))
