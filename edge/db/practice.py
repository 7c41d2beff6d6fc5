"""What a scratch file is given of the store's: who signs in with what, and which browsers are terminals."""

from typing import Final

from sync.node.database import Reader, Row, Tx

_TABLES: Final = {
    "credentials": "person_id, what, bucket, hash",
    "terminals": "terminal_id, name, till, at_ms, revoked",
    "terminal_tokens": "terminal_id, token_hash, seen_ms",
}

Copied = dict[str, list[Row]]


def copied(reader: Reader) -> Copied:
    """Read it in the store's file."""
    return {table: reader.execute(f"SELECT {columns} FROM {table}") for table, columns in _TABLES.items()}  # noqa: S608


def keep(tx: Tx, rows: Copied) -> None:
    """Write it into a fresh scratch file."""
    for table, columns in _TABLES.items():
        marks = ", ".join("?" * (columns.count(",") + 1))
        tx.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows[table])  # noqa: S608 - names of our own
