"""Queries on users, their recovery codes and their sessions."""

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.schema import recovery_codes, sessions, users
from cloud.domain.roles import Role


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A user. `totp` is sealed; `totp_step` is the last time step whose code was taken."""

    account: str
    name: str
    role: Role
    password_hash: str
    password_due: bool
    file_hash: str | None
    totp: bytes | None
    totp_step: int
    created_ms: int
    seen_ms: int | None
    disabled_ms: int | None


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session, known by the hash of its token only."""

    token_hash: bytes
    account: str
    stage: str
    created_ms: int
    used_ms: int
    sure_ms: int
    address: str
    browser: str
    draft: bytes | None = None


def user_of(reader: Reader, account: str) -> UserRow | None:
    """Find a user."""
    row = reader.row(select(users).where(users.c.account == account))
    return None if row is None else _user(row)


def all_users(reader: Reader) -> list[UserRow]:
    """List every user by account."""
    return [_user(row) for row in reader.rows(select(users).order_by(users.c.account))]


def count_users(reader: Reader) -> int:
    """Count the users."""
    return int(reader.row(select(func.count()).select_from(users))[0])


def insert_user(tx: Tx, row: UserRow) -> None:
    """Make a user."""
    tx.run(
        insert(users), {**msgspec.structs.asdict(row), "role": row.role.value, "password_due": int(row.password_due)}
    )


def set_password(tx: Tx, account: str, password_hash: str, *, due: bool) -> None:
    """Replace a user's password; `due` says that the user must choose another one first."""
    tx.run(update(users).where(users.c.account == account).values(password_hash=password_hash, password_due=int(due)))


def set_file_hash(tx: Tx, account: str, file_hash: str) -> None:
    """Note which password file was applied."""
    tx.run(update(users).where(users.c.account == account).values(file_hash=file_hash))


def set_role(tx: Tx, account: str, role: Role) -> None:
    """Give a user another role."""
    tx.run(update(users).where(users.c.account == account).values(role=role.value))


def set_disabled(tx: Tx, account: str, at_ms: int | None) -> None:
    """Shut a user out, or let one in again with None."""
    tx.run(update(users).where(users.c.account == account).values(disabled_ms=at_ms))


def set_seen(tx: Tx, account: str, at_ms: int) -> None:
    """Note a sign-in."""
    tx.run(update(users).where(users.c.account == account).values(seen_ms=at_ms))


def set_totp(tx: Tx, account: str, totp: bytes | None, step: int) -> None:
    """Give a user a second factor whose code of `step` was taken, or take it away with None."""
    tx.run(update(users).where(users.c.account == account).values(totp=totp, totp_step=step))


def take_step(tx: Tx, account: str, step: int) -> bool:
    """Take the code of a time step; False when it, or one behind it, was taken before."""
    query = update(users).where(users.c.account == account, users.c.totp_step < step).values(totp_step=step)
    return tx.run(query).rowcount == 1


def put_recovery_codes(tx: Tx, account: str, hashes: list[bytes]) -> None:
    """Replace a user's recovery codes; none takes them away."""
    tx.run(delete(recovery_codes).where(recovery_codes.c.account == account))
    if hashes:
        tx.run(insert(recovery_codes), [{"account": account, "code_hash": one} for one in hashes])


def take_recovery_code(tx: Tx, account: str, code_hash: bytes, at_ms: int) -> bool:
    """Use a recovery code up; False when there is none such that was not used."""
    query = update(recovery_codes).where(
        recovery_codes.c.account == account,
        recovery_codes.c.code_hash == code_hash,
        recovery_codes.c.used_ms.is_(None),
    )
    return tx.run(query.values(used_ms=at_ms)).rowcount == 1


def count_recovery_codes(reader: Reader, account: str) -> int:
    """Count a user's recovery codes that were not used."""
    query = (
        select(func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.account == account, recovery_codes.c.used_ms.is_(None))
    )
    return int(reader.row(query)[0])


def insert_session(tx: Tx, row: SessionRow) -> None:
    """Open a session."""
    tx.run(insert(sessions), msgspec.structs.asdict(row))


def session_of(reader: Reader, token_hash: bytes) -> SessionRow | None:
    """Find a session."""
    row = reader.row(select(sessions).where(sessions.c.token_hash == token_hash))
    return None if row is None else _session(row)


def sessions_of(reader: Reader, account: str) -> list[SessionRow]:
    """List a user's sessions, the newest first."""
    query = select(sessions).where(sessions.c.account == account).order_by(sessions.c.created_ms.desc())
    return [_session(row) for row in reader.rows(query)]


def count_sessions(reader: Reader, created_after_ms: int, used_after_ms: int) -> int:
    """Count the sessions of people that are still good."""
    good = sessions.c.created_ms > created_after_ms, sessions.c.used_ms > used_after_ms
    return int(reader.row(select(func.count()).select_from(sessions).where(*good))[0])


def touch_session(tx: Tx, token_hash: bytes, at_ms: int) -> None:
    """Note that a session was used."""
    tx.run(update(sessions).where(sessions.c.token_hash == token_hash).values(used_ms=at_ms))


def set_sure(tx: Tx, token_hash: bytes, at_ms: int) -> None:
    """Note that the person of a session showed password and code again."""
    tx.run(update(sessions).where(sessions.c.token_hash == token_hash).values(sure_ms=at_ms))


def set_draft(tx: Tx, token_hash: bytes, draft: bytes | None) -> None:
    """Keep the sealed secret of a second factor that is being set up."""
    tx.run(update(sessions).where(sessions.c.token_hash == token_hash).values(draft=draft))


def delete_session(tx: Tx, token_hash: bytes) -> bool:
    """End a session; False when there was none."""
    return tx.run(delete(sessions).where(sessions.c.token_hash == token_hash)).rowcount == 1


def delete_sessions(tx: Tx, account: str, *, besides: bytes = b"") -> int:
    """End a user's sessions, all or all but one, and say how many."""
    query = delete(sessions).where(sessions.c.account == account, sessions.c.token_hash != besides)
    return tx.run(query).rowcount


def delete_stale_sessions(tx: Tx, created_before_ms: int, used_before_ms: int) -> None:
    """End the sessions that are too old or lay idle too long."""
    tx.run(delete(sessions).where((sessions.c.created_ms < created_before_ms) | (sessions.c.used_ms < used_before_ms)))


def _user(row: Row[tuple[object, ...]]) -> UserRow:
    held = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return UserRow(**{**held, "role": Role(held["role"]), "password_due": bool(held["password_due"])})


def _session(row: Row[tuple[object, ...]]) -> SessionRow:
    return SessionRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
