"""Dishes as this store has them today: how many are left, and the price of the day. Projections write it."""

from collections.abc import Iterable
from typing import NamedTuple

from sync.node.database import Reader, Tx

UNCOUNTED = -1
"""Nobody counts the dish; or, as a price, the menu's holds."""


class DishState(NamedTuple):
    """A dish of today; −1 = not counted, no price of its own. `n` is the number of the fact that last changed it."""

    dish_id: str
    left_qty: int
    price_fen: int
    price_day: str
    n: int


_COLUMNS = "dish_id, left_qty, price_fen, price_day, n"


def every(reader: Reader) -> list[DishState]:
    """List every dish that ever was counted or had a price of the day."""
    return [DishState(*row) for row in reader.execute(f"SELECT {_COLUMNS} FROM dish_states ORDER BY dish_id")]  # noqa: S608


def left(reader: Reader, dish_ids: Iterable[str]) -> dict[str, int]:
    """Give how many are left, of those among the dishes that somebody counts."""
    counted: dict[str, int] = {}
    for dish_id in dict.fromkeys(dish_ids):
        rows = reader.execute("SELECT left_qty FROM dish_states WHERE dish_id = ? AND left_qty >= 0", (dish_id,))
        if rows:
            counted[dish_id] = rows[0][0]
    return counted


def prices(reader: Reader, day: str) -> dict[str, int]:
    """Give the prices of a business day; yesterday's hold no more."""
    rows = reader.execute("SELECT dish_id, price_fen FROM dish_states WHERE price_fen >= 0 AND price_day = ?", (day,))
    return dict(rows)


def changed_since(reader: Reader, n: int) -> list[DishState]:
    """List dishes that changed after a number."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM dish_states WHERE n > ? ORDER BY dish_id", (n,))  # noqa: S608
    return [DishState(*row) for row in rows]


def last_n(reader: Reader) -> int:
    """Give the number of the fact that changed a dish last; 0 for none."""
    [(n,)] = reader.execute("SELECT max(n) FROM dish_states")
    return int(n or 0)


def set_left(tx: Tx, dish_id: str, left_qty: int, n: int) -> None:
    """Set how many of a dish are left."""
    tx.execute(
        "INSERT INTO dish_states (dish_id, left_qty, price_fen, price_day, n) VALUES (?, ?, -1, '', ?)"
        " ON CONFLICT (dish_id) DO UPDATE SET left_qty = excluded.left_qty, n = excluded.n",
        (dish_id, max(left_qty, UNCOUNTED), n),
    )


def set_price(tx: Tx, dish_id: str, price_fen: int, day: str, n: int) -> None:
    """Set the price of a dish for a day."""
    tx.execute(
        "INSERT INTO dish_states (dish_id, left_qty, price_fen, price_day, n) VALUES (?, -1, ?, ?, ?)"
        " ON CONFLICT (dish_id) DO UPDATE SET price_fen = excluded.price_fen, price_day = excluded.price_day, n = excluded.n",
        (dish_id, max(price_fen, UNCOUNTED), day if price_fen >= 0 else "", n),
    )


def count(tx: Tx, taken: dict[str, int], n: int) -> None:
    """Take pieces off what is left (below zero: give them back); a dish that nobody counts stays uncounted."""
    tx.executemany(
        "UPDATE dish_states SET left_qty = max(0, left_qty - ?), n = ? WHERE dish_id = ? AND left_qty >= 0",
        [(qty, n, dish_id) for dish_id, qty in taken.items() if qty],
    )
