"""What all tills share and what of it changed: orders, dishes of today, the plan; screens follow by the number of the last fact."""

from typing import Final

import msgspec

from edge.db import bookings, dishes, floor, intake
from edge.db import orders as kept
from edge.services.node import Node
from sync.node.database import Reader

NAMED_MAX: Final = 100
"""So many orders are named at once; who missed more reads all of them."""


class OrderChange(msgspec.Struct, frozen=True):
    """An order changed: it is now at version `n`, open or not."""

    order_id: str
    n: int
    state: str


class DishChange(msgspec.Struct, frozen=True):
    """A dish is counted otherwise, or has another price of the day (`edge.services.ordering.stock.DishAnswer` says which)."""

    dish_id: str
    left: int
    n: int


class HouseChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed behind a number, up to `n`. `everything` = too much to name; `floor_n` is 0 where the plan did not change."""

    n: int
    orders: tuple[OrderChange, ...] = ()
    dishes: tuple[DishChange, ...] = ()
    floor_n: int = 0
    platforms_n: int = 0
    """The version of the platforms' orders, 0 where none of them changed (`edge.services.intake`)."""
    bookings_n: int = 0
    """Likewise of the tables that are kept for guests."""
    everything: bool = False

    @property
    def is_news(self) -> bool:
        """Whether anything changed."""
        return bool(
            self.orders or self.dishes or self.floor_n or self.platforms_n or self.bookings_n or self.everything
        )


def now_n(reader: Reader) -> int:
    """Give the number up to which everything stands in the tables."""
    return max(
        kept.last_n(reader), dishes.last_n(reader), floor.last_n(reader), intake.last_n(reader), bookings.last_n(reader)
    )


def since(reader: Reader, after: int) -> HouseChanges:
    """Say what changed behind a number."""
    last_n = now_n(reader)
    if last_n <= after:
        return HouseChanges(n=after)
    changed = kept.changed_since(reader, after, NAMED_MAX + 1)
    counted = dishes.changed_since(reader, after)
    floor_n, platforms_n, bookings_n = floor.last_n(reader), intake.last_n(reader), bookings.last_n(reader)
    if len(changed) > NAMED_MAX or len(counted) > NAMED_MAX:
        return HouseChanges(n=last_n, everything=True)
    return HouseChanges(
        n=last_n,
        orders=tuple(OrderChange(*one) for one in changed),
        dishes=tuple(DishChange(one.dish_id, one.left_qty, one.n) for one in counted),
        floor_n=floor_n if floor_n > after else 0,
        platforms_n=platforms_n if platforms_n > after else 0,
        bookings_n=bookings_n if bookings_n > after else 0,
    )


def read_since(node: Node, after: int) -> HouseChanges:
    """Say what changed behind a number, for who asks now and then."""
    with node.db.read() as reader:
        return since(reader, after)
