"""Queries on the console's account and its sessions."""

import msgspec
from sqlalchemy import delete, insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.schema import accounts, sessions


class AccountRow(msgspec.Struct, frozen=True):
    """An account of the console."""

    account: str
    password_hash: str
    wrong: int
    locked_until_ms: int | None


class SessionRow(msgspec.Struct, frozen=True):
    """A session, known by the hash of its token only."""

    token_hash: bytes
    account: str
    created_ms: int
    used_ms: int


def account_of(reader: Reader, account: str) -> AccountRow | None:
    """Find an account."""
    row = reader.row(select(accounts).where(accounts.c.account == account))
    return None if row is None else AccountRow(*row)


def insert_account(tx: Tx, account: str, password_hash: str) -> None:
    """Make an account."""
    tx.run(insert(accounts), {"account": account, "password_hash": password_hash, "wrong": 0, "locked_until_ms": None})


def set_password(tx: Tx, account: str, password_hash: str) -> None:
    """Replace an account's password and end its sessions."""
    tx.run(
        update(accounts)
        .where(accounts.c.account == account)
        .values(password_hash=password_hash, wrong=0, locked_until_ms=None)
    )
    tx.run(delete(sessions).where(sessions.c.account == account))


def set_wrong(tx: Tx, account: str, wrong: int, locked_until_ms: int | None) -> None:
    """Note wrong passwords in a row, and until when the account is locked."""
    tx.run(update(accounts).where(accounts.c.account == account).values(wrong=wrong, locked_until_ms=locked_until_ms))


def insert_session(tx: Tx, row: SessionRow) -> None:
    """Open a session."""
    tx.run(insert(sessions), msgspec.structs.asdict(row))


def session_of(reader: Reader, token_hash: bytes) -> SessionRow | None:
    """Find a session."""
    row = reader.row(select(sessions).where(sessions.c.token_hash == token_hash))
    return None if row is None else SessionRow(*row)


def touch_session(tx: Tx, token_hash: bytes, at_ms: int) -> None:
    """Note that a session was used."""
    tx.run(update(sessions).where(sessions.c.token_hash == token_hash).values(used_ms=at_ms))


def delete_session(tx: Tx, token_hash: bytes) -> None:
    """End a session."""
    tx.run(delete(sessions).where(sessions.c.token_hash == token_hash))


def delete_stale_sessions(tx: Tx, created_before_ms: int, used_before_ms: int) -> None:
    """End the sessions that are too old or lay idle too long."""
    tx.run(delete(sessions).where((sessions.c.created_ms < created_before_ms) | (sessions.c.used_ms < used_before_ms)))
