"""Queries on wrong sign-ins: how many in a row, from where, and until when the next one waits."""

import msgspec
from sqlalchemy import delete, select

from cloud.db.engine import Tx, upsert
from cloud.db.schema import signin_tries


class TriesRow(msgspec.Struct, frozen=True):
    """Wrong sign-ins of an account (or all, `*`) from a place (or all, `*`)."""

    account: str
    place: str
    wrong: int
    last_ms: int
    until_ms: int


def locked_tries(tx: Tx, account: str, place: str) -> TriesRow | None:
    """Find what is held of an account and a place, and keep others from counting there until the commit."""
    query = select(signin_tries).where(signin_tries.c.account == account, signin_tries.c.place == place)
    row = tx.row(query.with_for_update())
    return None if row is None else TriesRow(*row)


def put_tries(tx: Tx, row: TriesRow) -> None:
    """Keep what is held of an account and a place."""
    changes = {"wrong": row.wrong, "last_ms": row.last_ms, "until_ms": row.until_ms}
    upsert(tx, signin_tries, msgspec.structs.asdict(row), changes)


def forget(tx: Tx, account: str, place: str) -> None:
    """Forgive an account at a place."""
    tx.run(delete(signin_tries).where(signin_tries.c.account == account, signin_tries.c.place == place))


def forget_account(tx: Tx, account: str) -> None:
    """Forgive an account everywhere."""
    tx.run(delete(signin_tries).where(signin_tries.c.account == account))


def forget_old(tx: Tx, last_before_ms: int, now_ms: int) -> None:
    """Drop what is over and long ago."""
    tx.run(delete(signin_tries).where(signin_tries.c.last_ms < last_before_ms, signin_tries.c.until_ms <= now_ms))
