"""The open alarms of the node, each under the epoch that raised it: another computer's alarms are not this one's."""

from typing import NamedTuple

from sync.node.database import Reader, Tx


class Alarm(NamedTuple):
    """An open alarm, and since when."""

    code: str
    detail: str
    at_ms: int


def open_alarms(reader: Reader, epoch: int) -> list[Alarm]:
    """List what is open."""
    rows = reader.execute("SELECT code, detail, at_ms FROM alarms WHERE epoch = ? ORDER BY code", (epoch,))
    return [Alarm(*row) for row in rows]


def put(tx: Tx, epoch: int, alarm: Alarm) -> None:
    """Note that an alarm is open."""
    tx.execute("INSERT INTO alarms (epoch, code, detail, at_ms) VALUES (?, ?, ?, ?)", (epoch, *alarm))


def drop(tx: Tx, epoch: int, code: str) -> None:
    """Note that an alarm is over."""
    tx.execute("DELETE FROM alarms WHERE epoch = ? AND code = ?", (epoch, code))
