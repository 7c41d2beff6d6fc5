"""Queries on grants: what was put aside for which store, and what became of it."""

import msgspec
from sqlalchemy import func, insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.member_tables import ledger_rests, member_grants
from cloud.db.schema import stores
from cloud.domain.posting import GrantSeen

OPEN, RECALLED, CLOSED = "open", "recalled", "closed"


class GrantRow(msgspec.Struct, frozen=True):
    """A grant as the hub keeps it; its lots are in the book. `why` is `visit`, `ask` or `home`."""

    grant_id: str
    member_id: str
    store: str
    epoch: int
    qty: int
    not_after_ms: int
    made_ms: int
    why: str
    state: str = OPEN
    closed_ms: int | None = None
    closed_by: str = ""


def insert_grant(tx: Tx, row: GrantRow) -> None:
    """Keep a grant."""
    tx.run(insert(member_grants), msgspec.structs.asdict(row))


def grant(reader: Reader, grant_id: str) -> GrantRow | None:
    """Find a grant."""
    row = reader.row(select(member_grants).where(member_grants.c.grant_id == grant_id))
    return None if row is None else GrantRow(*row)


def seen(reader: Reader, grant_id: str) -> GrantSeen | None:
    """Find a grant as bookings see it."""
    row = grant(reader, grant_id)
    return None if row is None else GrantSeen(row.grant_id, row.member_id, row.store, row.epoch, row.state)


def close(tx: Tx, grant_id: str, at_ms: int, by: str) -> None:
    """Note that nobody spends from a grant any more."""
    tx.run(
        update(member_grants)
        .where(member_grants.c.grant_id == grant_id)
        .values(state=CLOSED, closed_ms=at_ms, closed_by=by)
    )


def recall(tx: Tx, grant_id: str) -> None:
    """Note that the hub would like the rest of a grant back."""
    tx.run(update(member_grants).where(member_grants.c.grant_id == grant_id).values(state=RECALLED))


def standing_of(reader: Reader, member_ids: list[str], store: str | None = None) -> list[GrantRow]:
    """List members' grants that were not given back yet, at one store or at all."""
    query = select(member_grants).where(member_grants.c.member_id.in_(member_ids), member_grants.c.state != CLOSED)
    if store is not None:
        query = query.where(member_grants.c.store == store)
    return [GrantRow(*row) for row in reader.rows(query.order_by(member_grants.c.made_ms, member_grants.c.grant_id))]


def held_by(reader: Reader, store: str) -> int:
    """Say how much a store may spend without asking, of all members together: its exposure."""
    query = (
        select(func.sum(ledger_rests.c.rest))
        .select_from(member_grants)
        .join(ledger_rests, ledger_rests.c.account == "g:" + member_grants.c.grant_id)
        .where(member_grants.c.store == store, member_grants.c.state != CLOSED)
    )
    return int(reader.row(query)[0] or 0)


def past_end(reader: Reader, now_ms: int, limit: int) -> list[GrantRow]:
    """List open grants whose time is over."""
    query = select(member_grants).where(member_grants.c.state == OPEN, member_grants.c.not_after_ms < now_ms)
    return [GrantRow(*row) for row in reader.rows(query.order_by(member_grants.c.not_after_ms).limit(limit))]


def fenced(reader: Reader, limit: int) -> list[GrantRow]:
    """List grants of epochs that were replaced and that were never given back."""
    query = (
        select(member_grants)
        .join(stores, stores.c.store == member_grants.c.store)
        .where(member_grants.c.state != CLOSED, member_grants.c.epoch < stores.c.epoch)
        .order_by(member_grants.c.not_after_ms)
        .limit(limit)
    )
    return [GrantRow(*row) for row in reader.rows(query)]
