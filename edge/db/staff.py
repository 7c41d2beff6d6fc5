"""Cashiers, their PIN hashes, wrong tries per till, and sessions that outlive a restart."""

from typing import NamedTuple

from sync.node.database import Reader, Tx


class Cashier(NamedTuple):
    """Who may sign in."""

    cashier_id: str
    name: str
    pin_hash: str


class Session(NamedTuple):
    """Who is signed in where."""

    till: str
    cashier_id: str
    cashier_name: str


def cashiers(reader: Reader) -> list[Cashier]:
    """List everybody who may sign in."""
    return [Cashier(*row) for row in reader.execute("SELECT cashier_id, name, pin_hash FROM cashiers ORDER BY 1")]


def add_cashier(tx: Tx, cashier: Cashier) -> None:
    """Let somebody sign in."""
    tx.execute("INSERT INTO cashiers (cashier_id, name, pin_hash) VALUES (?, ?, ?)", cashier)


def tries(reader: Reader, till: str) -> tuple[int, int]:
    """Give wrong tries in a row at a till, and until when it is locked (wall ms)."""
    rows = reader.execute("SELECT wrong, locked_until_ms FROM pin_tries WHERE till = ?", (till,))
    return (rows[0][0], rows[0][1]) if rows else (0, 0)


def set_tries(tx: Tx, till: str, wrong: int, locked_until_ms: int) -> None:
    """Note wrong tries."""
    tx.execute(
        "INSERT INTO pin_tries (till, wrong, locked_until_ms) VALUES (?, ?, ?) ON CONFLICT (till)"
        " DO UPDATE SET wrong = excluded.wrong, locked_until_ms = excluded.locked_until_ms",
        (till, wrong, locked_until_ms),
    )


def open_session(tx: Tx, token_hash: bytes, till: str, cashier_id: str, at_ms: int) -> None:
    """Keep a session; only the hash of its token is stored."""
    tx.execute(
        "INSERT INTO sessions (token_hash, till, cashier_id, created_ms) VALUES (?, ?, ?, ?)",
        (token_hash, till, cashier_id, at_ms),
    )


def session(reader: Reader, token_hash: bytes, not_before_ms: int) -> Session | None:
    """Find a session that is younger than the bound."""
    rows = reader.execute(
        "SELECT sessions.till, cashiers.cashier_id, cashiers.name FROM sessions JOIN cashiers USING (cashier_id)"
        " WHERE token_hash = ? AND created_ms >= ?",
        (token_hash, not_before_ms),
    )
    return Session(*rows[0]) if rows else None


def close_session(tx: Tx, token_hash: bytes) -> None:
    """End a session."""
    tx.execute("DELETE FROM sessions WHERE token_hash = ?", (token_hash,))


def drop_sessions_before(tx: Tx, at_ms: int) -> None:
    """Forget sessions that are too old to count."""
    tx.execute("DELETE FROM sessions WHERE created_ms < ?", (at_ms,))


def drop_sessions_at(tx: Tx, till: str) -> int:
    """End every session at a till, or everywhere where no till is named; give how many."""
    rows = tx.execute("DELETE FROM sessions WHERE ? = '' OR till = ? RETURNING till", (till, till))
    return len(rows)
