"""Menus as they came into force at this node."""

from sync.node.database import Reader, Tx


def newest(reader: Reader) -> tuple[int, str, bytes] | None:
    """Give version, digest and JSON of the menu in force."""
    rows = reader.execute("SELECT version, sha256, raw FROM menus ORDER BY version DESC LIMIT 1")
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def insert(tx: Tx, menu: tuple[int, str, bytes], at_ms: int) -> None:
    """Bring a menu (version, digest, JSON) into force."""
    tx.execute("INSERT INTO menus (version, sha256, raw, imported_ms) VALUES (?, ?, ?, ?)", (*menu, at_ms))


def of_version(reader: Reader, version: int) -> bytes | None:
    """Give the JSON of a menu that is or was in force."""
    rows = reader.execute("SELECT raw FROM menus WHERE version = ?", (version,))
    return bytes(rows[0][0]) if rows else None
