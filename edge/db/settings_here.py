"""What the store set for itself: by facts, and before there was an epoch to journal them under."""

from sync.node.database import Reader, Tx


def values(reader: Reader) -> dict[str, str]:
    """Give every key with its JSON; what waits for its fact is the newer word."""
    rows = reader.execute("SELECT key, value FROM settings_here") + waiting(reader)
    return {str(key): str(value) for key, value in rows}


def waiting(reader: Reader) -> list[tuple[str, str]]:
    """List what has no fact yet."""
    return [
        (str(key), str(value)) for key, value in reader.execute("SELECT key, value FROM settings_waiting ORDER BY key")
    ]


def put_waiting(tx: Tx, key: str, value: str) -> None:
    """Keep a setting of which no fact can be written yet."""
    tx.execute(
        "INSERT INTO settings_waiting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def drop_waiting(tx: Tx, key: str) -> None:
    """Its fact is written."""
    tx.execute("DELETE FROM settings_waiting WHERE key = ?", (key,))
