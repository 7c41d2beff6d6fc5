"""Browsers that are terminals, what each shows (only its hash is kept), and the versions of table codes."""

from typing import NamedTuple

from sync.node.database import Reader, Row, Tx


class Terminal(NamedTuple):
    """A browser of the house that may be a till.

    Attributes:
        name: what people call it.
        at_ms: wall time of its pairing.
        revoked: it is no terminal any more.
        known: it can still show that it is the one; false after the node was replaced.
        seen_ms: wall time at which it was last seen; 0 = not known.
    """

    terminal_id: str
    name: str
    till: str
    at_ms: int
    revoked: bool
    known: bool
    seen_ms: int


_SELECT = (
    "SELECT terminals.terminal_id, name, till, at_ms, revoked, token_hash IS NOT NULL, coalesce(seen_ms, 0)"
    " FROM terminals LEFT JOIN terminal_tokens USING (terminal_id)"
)


def listed(reader: Reader) -> list[Terminal]:
    """List the terminals that were not revoked, the oldest first."""
    return [_read(row) for row in reader.execute(f"{_SELECT} WHERE revoked = 0 ORDER BY at_ms, terminals.terminal_id")]


def by_id(reader: Reader, terminal_id: str) -> Terminal | None:
    """Find a terminal, revoked or not."""
    rows = reader.execute(f"{_SELECT} WHERE terminals.terminal_id = ?", (terminal_id,))
    return _read(rows[0]) if rows else None


def by_token(reader: Reader, token_hash: bytes) -> Terminal | None:
    """Find the terminal that shows a token; None for none, or for one that was revoked."""
    rows = reader.execute(f"{_SELECT} WHERE token_hash = ? AND revoked = 0", (token_hash,))
    return _read(rows[0]) if rows else None


def set_token(tx: Tx, terminal_id: str, token_hash: bytes, now_ms: int) -> None:
    """Keep the hash of what a terminal shows."""
    tx.execute(
        "INSERT INTO terminal_tokens (terminal_id, token_hash, seen_ms) VALUES (?, ?, ?) ON CONFLICT (terminal_id)"
        " DO UPDATE SET token_hash = excluded.token_hash, seen_ms = excluded.seen_ms",
        (terminal_id, token_hash, now_ms),
    )


def drop_token(tx: Tx, terminal_id: str) -> None:
    """Forget what a terminal shows."""
    tx.execute("DELETE FROM terminal_tokens WHERE terminal_id = ?", (terminal_id,))


def touch(tx: Tx, terminal_id: str, now_ms: int) -> None:
    """Note that a terminal was seen."""
    tx.execute("UPDATE terminal_tokens SET seen_ms = ? WHERE terminal_id = ?", (now_ms, terminal_id))


def code_versions(reader: Reader) -> dict[str, int]:
    """Give the versions from which on codes of tables hold, of those that were ever renewed."""
    return dict(reader.execute("SELECT table_id, version FROM table_codes"))


def code_version(reader: Reader, table_id: str) -> int:
    """Give the version of a table's code that holds; 1 until it was renewed."""
    rows = reader.execute("SELECT version FROM table_codes WHERE table_id = ?", (table_id,))
    return int(rows[0][0]) if rows else 1


def _read(row: Row) -> Terminal:
    terminal_id, name, till, at_ms, revoked, known, seen_ms = row
    return Terminal(terminal_id, name, till, at_ms, bool(revoked), bool(known), seen_ms)
