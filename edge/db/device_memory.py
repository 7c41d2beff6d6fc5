"""What the node remembers of a device over restarts: how it confirms, who it is, its own profile, that it was held."""

from sync.node.database import Reader, Tx

HELD = "held"
ON_OPEN = "on_open"
LEARNED = "learned"
PROFILE = "profile"
CLEAR = "clear"


def recall(reader: Reader, device: str) -> dict[str, str]:
    """Give everything that is remembered of a device."""
    return {str(key): str(value) for key, value in reader.execute(
        "SELECT key, value FROM device_memory WHERE device = ? ORDER BY key", (device,))}  # fmt: skip


def remember(tx: Tx, device: str, key: str, value: str) -> None:
    """Keep something of a device; an empty text forgets it."""
    if value:
        tx.execute(
            "INSERT INTO device_memory (device, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (device, key) DO UPDATE SET value = excluded.value",
            (device, key, value),
        )
    else:
        tx.execute("DELETE FROM device_memory WHERE device = ? AND key = ?", (device, key))
