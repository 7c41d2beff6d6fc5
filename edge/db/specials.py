"""Dishes of the day that the menu lacks. Projections write it."""

from typing import NamedTuple

import msgspec

from sync.contract.menu import Dish
from sync.node.database import Reader

_DISH = msgspec.json.Decoder(Dish)


class Special(NamedTuple):
    """A dish that is sold up to a business day; None = it was taken off."""

    dish_id: str
    until: str
    n: int
    dish: Dish | None


def every(reader: Reader, from_day: str) -> list[Special]:
    """List those that are sold on a business day or behind it, in the order in which they came."""
    rows = reader.execute(
        "SELECT dish_id, until, n, doc FROM day_specials WHERE doc <> '' AND until >= ? ORDER BY dish_id", (from_day,)
    )
    return [Special(dish_id, until, n, _DISH.decode(doc)) for dish_id, until, n, doc in rows]


def one(reader: Reader, dish_id: str) -> Special | None:
    """Find one, taken off or not."""
    rows = reader.execute("SELECT dish_id, until, n, doc FROM day_specials WHERE dish_id = ?", (dish_id,))
    if not rows:
        return None
    [(found_id, until, n, doc)] = rows
    return Special(found_id, until, n, _DISH.decode(doc) if doc else None)


def ids(reader: Reader) -> set[str]:
    """Give the ids of all that ever were: none of them belongs to the menu itself."""
    return {row[0] for row in reader.execute("SELECT dish_id FROM day_specials")}
