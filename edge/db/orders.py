"""Orders as documents: each row keeps the folded order, and beside it what it is looked for by. Projections write it."""

from typing import NamedTuple

import msgspec

from edge.domain.order_state import Order
from sync.node.database import Reader, Tx

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Order)
CHAIN_MAX = 100
"""So many merges are followed at most; a longer chain is no table of guests."""


class Stamped(NamedTuple):
    """An order with the number of the fact that last changed it."""

    n: int
    order: Order


class Change(NamedTuple):
    """That an order changed: its id, the number of the fact that last did, its state."""

    order_id: str
    n: int
    state: str


def by_id(reader: Reader, order_id: str) -> Order | None:
    """Find an order, open or not."""
    found = stamped(reader, order_id)
    return None if found is None else found.order


def stamped(reader: Reader, order_id: str) -> Stamped | None:
    """Find an order with the number of its last fact."""
    rows = reader.execute("SELECT n, doc FROM orders WHERE order_id = ?", (order_id,))
    return Stamped(rows[0][0], _DECODER.decode(rows[0][1])) if rows else None


def where_now(reader: Reader, order_id: str) -> Order | None:
    """Find where the lines of an order are now: merges are followed to their end."""
    found = by_id(reader, order_id)
    for _ in range(CHAIN_MAX):
        if found is None or not found.into:
            return found
        found = by_id(reader, found.into)
    return found


def open_orders(reader: Reader) -> list[Stamped]:
    """Give every open order, the oldest first."""
    rows = reader.execute("SELECT n, doc FROM orders WHERE state = 'open' ORDER BY opened_ms, order_id")
    return [Stamped(n, _DECODER.decode(doc)) for n, doc in rows]


def open_count(reader: Reader) -> int:
    """Count the open orders."""
    [(count,)] = reader.execute("SELECT count(*) FROM orders WHERE state = 'open'")
    return int(count)


def open_at(reader: Reader, table_id: str) -> list[str]:
    """List the open orders of a table, the oldest first."""
    rows = reader.execute(
        "SELECT order_id FROM orders WHERE state = 'open' AND table_id <> '' AND table_id = ? ORDER BY opened_ms, order_id",
        (table_id,),
    )
    return [row[0] for row in rows]


def taken_tables(reader: Reader) -> set[str]:
    """Name the tables that have an open order."""
    rows = reader.execute("SELECT DISTINCT table_id FROM orders WHERE state = 'open' AND table_id <> ''")
    return {row[0] for row in rows}


def last_n(reader: Reader) -> int:
    """Give the number of the fact that changed an order last; 0 for none."""
    [(n,)] = reader.execute("SELECT max(n) FROM orders")
    return int(n or 0)


def changed_since(reader: Reader, n: int, limit: int) -> list[Change]:
    """Name orders that changed after a number, in that order."""
    rows = reader.execute("SELECT order_id, n, state FROM orders WHERE n > ? ORDER BY n LIMIT ?", (n, limit))
    return [Change(*row) for row in rows]


def keep(tx: Tx, order: Order, n: int) -> None:
    """Keep an order as it is after a fact."""
    tx.execute(
        "INSERT INTO orders (order_id, state, table_id, till, service, opened_ms, n, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, table_id = excluded.table_id,"
        " service = excluded.service, n = excluded.n, doc = excluded.doc",
        (
            order.order_id,
            order.state,
            order.table,
            order.till,
            order.service,
            order.opened_ms,
            n,
            _ENCODER.encode(order).decode(),
        ),
    )
