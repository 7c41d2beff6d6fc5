"""The kitchen's work and its slips, as rows; projections write them."""

from typing import NamedTuple

import msgspec

from edge.domain.kitchen import Item, Slip
from sync.node.database import Reader, Tx

_ITEM = msgspec.json.Decoder(Item)
_SLIP = msgspec.json.Decoder(Slip)
_COLUMNS = "n, k, order_id, station, done_n, doc"


class Work(NamedTuple):
    """An item where it stands: (n, k) names it, `done_n` is the fact by which it was settled, 0 = it is to be cooked."""

    n: int
    k: int
    order_id: str
    station: str
    done_n: int
    item: Item


class Printed(NamedTuple):
    """A slip for a station."""

    station: str
    slip: Slip


def open_work(reader: Reader, station: str = "") -> list[Work]:
    """List what is to be cooked, the oldest first; `station` empty = everywhere."""
    where = "AND station = ?" if station else ""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM kitchen_items WHERE done_n = 0 {where} ORDER BY n, k",  # noqa: S608 - our own columns
        (station,) if station else (),
    )
    return [_work(row) for row in rows]


def of_order(reader: Reader, order_id: str) -> list[Work]:
    """List all that the kitchen ever had of an order."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM kitchen_items WHERE order_id = ? ORDER BY n, k",  # noqa: S608 - our own columns
        (order_id,),
    )
    return [_work(row) for row in rows]


def last_done(reader: Reader, station: str = "") -> list[Work]:
    """Give what was settled last, all of one bump; empty where nothing was."""
    where = "AND station = ?" if station else ""
    args: tuple[str, ...] = (station,) if station else ()
    [(done_n,)] = reader.execute(
        f"SELECT max(done_n) FROM kitchen_items WHERE done_n > 0 {where}",  # noqa: S608 - our own columns
        args,
    )
    if not done_n:
        return []
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM kitchen_items WHERE done_n > 0 AND done_n = ? {where} ORDER BY n, k",  # noqa: S608
        (done_n, *args),
    )
    return [_work(row) for row in rows]


def slips(reader: Reader, n: int) -> list[Printed]:
    """Give the slips of a fact."""
    rows = reader.execute("SELECT station, doc FROM kitchen_slips WHERE n = ? ORDER BY station", (n,))
    return [Printed(station, _SLIP.decode(doc)) for station, doc in rows]


def add(tx: Tx, work: Work) -> None:
    """Keep a new item."""
    tx.execute(
        f"INSERT INTO kitchen_items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
        (*work[:5], _text(work.item)),
    )


def keep(tx: Tx, work: Work) -> None:
    """Keep an item as it is now."""
    tx.execute(
        "UPDATE kitchen_items SET order_id = ?, done_n = ?, doc = ? WHERE n = ? AND k = ?",
        (work.order_id, work.done_n, _text(work.item), work.n, work.k),
    )


def add_slip(tx: Tx, n: int, station: str, slip: Slip) -> None:
    """Keep what a station is told by a fact."""
    tx.execute(
        "INSERT INTO kitchen_slips (n, station, order_id, doc) VALUES (?, ?, ?, ?)",
        (n, station, slip.order_id, _text(slip)),
    )


def _work(row: tuple[object, ...]) -> Work:
    n, k, order_id, station, done_n, doc = row
    return Work(n, k, order_id, station, done_n, _ITEM.decode(doc))  # type: ignore[arg-type]


def _text(doc: msgspec.Struct) -> str:
    return msgspec.json.encode(doc).decode()
