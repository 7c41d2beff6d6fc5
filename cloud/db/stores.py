"""Queries on stores, their keys and their activation codes."""

import msgspec
from sqlalchemy import func, insert, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import activations, approvals, certificates, link_generations, store_keys, stores


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


class CertificateRow(msgspec.Struct, frozen=True):
    """A certificate that a store's node was given; its serial in hex."""

    serial: str
    store: str
    epoch: int
    not_before_ms: int
    not_after_ms: int
    pem: str
    revoked_ms: int | None


class ApprovalRow(msgspec.Struct, frozen=True):
    """An enrolment that a person has to look at: `waiting`, `approved` or `refused`."""

    store: str
    code_hash: str
    node: str
    fingerprint: str
    asked_ms: int
    decision: str
    decided_ms: int | None
    decided_by: str | None


class GenerationRow(msgspec.Struct, frozen=True):
    """Which generation of link keys a (store, epoch) uses, and the one before."""

    store: str
    epoch: int
    generation: int
    previous: int
    since_ms: int


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


def keys_hinted(reader: Reader, hint: bytes) -> list[KeyRow]:
    """Find the keys whose id begins with some bytes, newest epoch first."""
    wanted = select(store_keys).where(func.substr(store_keys.c.key_id, 1, len(hint)) == hint)
    return [KeyRow(*row) for row in reader.rows(wanted.order_by(store_keys.c.epoch.desc()))]


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


def keys_of(reader: Reader, store: str) -> list[KeyRow]:
    """List the keys of a store, newest epoch first."""
    query = select(store_keys).where(store_keys.c.store == store).order_by(store_keys.c.epoch.desc())
    return [KeyRow(*row) for row in reader.rows(query)]


def first_enrolled(reader: Reader) -> dict[str, int]:
    """Tell when each store was enrolled first; stores that never were are left out."""
    query = select(store_keys.c.store, func.min(store_keys.c.enrolled_ms)).group_by(store_keys.c.store)
    return {row[0]: int(row[1]) for row in reader.rows(query)}


def insert_certificate(tx: Tx, row: CertificateRow) -> None:
    """Keep a certificate that was given out."""
    tx.run(insert(certificates), msgspec.structs.asdict(row))


def certificates_of(reader: Reader, store: str, epoch: int) -> list[CertificateRow]:
    """List what a (store, epoch) was given, newest first."""
    query = (
        select(certificates)
        .where(certificates.c.store == store, certificates.c.epoch == epoch)
        .order_by(certificates.c.not_before_ms.desc(), certificates.c.serial)
    )
    return [CertificateRow(*row) for row in reader.rows(query)]


def revoked_keys(reader: Reader) -> list[KeyRow]:
    """List every key that counts no longer."""
    query = (
        select(store_keys).where(store_keys.c.revoked_ms.is_not(None)).order_by(store_keys.c.store, store_keys.c.epoch)
    )
    return [KeyRow(*row) for row in reader.rows(query)]


def revoke_certificates(tx: Tx, store: str, epoch: int, at_ms: int) -> None:
    """Let every certificate of a (store, epoch) count no longer; the first time holds."""
    tx.run(
        update(certificates)
        .where(certificates.c.store == store, certificates.c.epoch == epoch, certificates.c.revoked_ms.is_(None))
        .values(revoked_ms=at_ms)
    )


def revoked_certificates(reader: Reader) -> list[CertificateRow]:
    """List every revoked certificate."""
    query = select(certificates).where(certificates.c.revoked_ms.is_not(None)).order_by(certificates.c.serial)
    return [CertificateRow(*row) for row in reader.rows(query)]


def put_approval(tx: Tx, row: ApprovalRow) -> None:
    """Note who asks for a store; an older question is forgotten."""
    fields = msgspec.structs.asdict(row)
    upsert(tx, approvals, fields, {name: value for name, value in fields.items() if name != "store"})


def approval_of(reader: Reader, store: str) -> ApprovalRow | None:
    """Find who asks for a store."""
    row = reader.row(select(approvals).where(approvals.c.store == store))
    return None if row is None else ApprovalRow(*row)


def all_approvals(reader: Reader) -> list[ApprovalRow]:
    """List who asks, longest waiting first."""
    return [ApprovalRow(*row) for row in reader.rows(select(approvals).order_by(approvals.c.asked_ms))]


def decide_approval(tx: Tx, store: str, decision: str, at_ms: int, by: str) -> None:
    """Note what a person decided."""
    tx.run(
        update(approvals).where(approvals.c.store == store).values(decision=decision, decided_ms=at_ms, decided_by=by)
    )


def put_generation(tx: Tx, row: GenerationRow) -> None:
    """Note which link keys a (store, epoch) uses from now on."""
    fields = msgspec.structs.asdict(row)
    upsert(tx, link_generations, fields, {name: fields[name] for name in ("generation", "previous", "since_ms")})


def generation_of(reader: Reader, store: str, epoch: int) -> GenerationRow | None:
    """Find which link keys a (store, epoch) uses; None before it named any."""
    query = select(link_generations).where(link_generations.c.store == store, link_generations.c.epoch == epoch)
    row = reader.row(query)
    return None if row is None else GenerationRow(*row)
