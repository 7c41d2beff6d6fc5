"""Menus as they came into force at this node."""

from edge.db import journal
from sync.node.database import Reader, Tx

NAMED = "menu_version"
"""The counter of the highest version that a fact brought back from the hub names."""


def newest(reader: Reader, count: int = 1) -> list[tuple[int, str, bytes, int]]:
    """Give version, digest, JSON and wall time of import of the menu in force, and of those before it."""
    rows = reader.execute("SELECT version, sha256, raw, imported_ms FROM menus ORDER BY version DESC LIMIT ?", (count,))
    return [(version, sha256, bytes(raw), imported_ms) for version, sha256, raw, imported_ms in rows]


def next_version(reader: Reader) -> int:
    """Give the version of the next menu: above all that came into force here, and all that facts of the store name."""
    [(held,)] = reader.execute("SELECT coalesce(max(version), 0) FROM menus")
    return max(int(held), journal.counter(reader, NAMED)) + 1


def note_named(tx: Tx, version: int) -> None:
    """Note that a fact names a version, which no other menu may have."""
    if version > journal.counter(tx, NAMED):
        journal.set_counter(tx, NAMED, version)


def insert(tx: Tx, menu: tuple[int, str, bytes], at_ms: int) -> None:
    """Bring a menu (version, digest, JSON) into force."""
    tx.execute("INSERT INTO menus (version, sha256, raw, imported_ms) VALUES (?, ?, ?, ?)", (*menu, at_ms))


def file_seen(reader: Reader) -> str:
    """Give the digest of the menu file as it last came into force; empty before one did."""
    rows = reader.execute("SELECT sha256 FROM menu_file WHERE id = 1")
    return str(rows[0][0]) if rows else ""


def note_file(tx: Tx, digest: str) -> None:
    """Note that a menu file of this content came into force: until it changes, it says nothing new."""
    tx.execute(
        "INSERT INTO menu_file (id, sha256) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET sha256 = excluded.sha256",
        (digest,),
    )


def of_version(reader: Reader, version: int) -> bytes | None:
    """Give the JSON of a menu that is or was in force."""
    rows = reader.execute("SELECT raw FROM menus WHERE version = ?", (version,))
    return bytes(rows[0][0]) if rows else None
