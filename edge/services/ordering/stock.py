"""What this store has today: dishes counted down or sold out (沽清), and prices of the day (时价), for all tills alike."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from edge.db import dishes
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import limits
from sync.contract.orders import DISH_PRICED, DISH_STOCKED, DishPriced, DishStocked
from sync.contract.trade import SoldPart
from sync.node.database import Reader

LEFT_MAX = 9_999

_Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
_DishId = Annotated[str, msgspec.Meta(min_length=1, max_length=48)]


class StockCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many of a dish are left: 0 = sold out, −1 = nobody counts it any more."""

    request_id: _Id
    left: Annotated[int, msgspec.Meta(ge=-1, le=LEFT_MAX)]


class DayPriceCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a dish costs today, in fen; −1 = what the menu says."""

    request_id: _Id
    price_fen: Annotated[int, msgspec.Meta(ge=-1, le=limits.PRICE_FEN_MAX)]


class DishAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A dish of today; −1 = not counted, the menu's price. `n` is the version of what is said."""

    dish_id: str
    left: int
    price_fen: int
    n: int


class DishesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every dish that is counted or has a price of the day."""

    n: int
    dishes: tuple[DishAnswer, ...]


class _Stock(msgspec.Struct, frozen=True):
    dish_id: _DishId
    asked: StockCommand


class _DayPrice(msgspec.Struct, frozen=True):
    dish_id: _DishId
    asked: DayPriceCommand


def set_left(node: Node, who: Session, dish_id: str, asked: StockCommand) -> Done | Refused:
    """Say how many of a dish are left. The answer is `DishAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        known = _known(deed, Action.STOCK, dish_id)
        if known is not None:
            return known
        deed.write(DISH_STOCKED, DishStocked(dish_id=dish_id, left=asked.left))
        return _one(deed.tx, dish_id, deed.place.day)

    return deeds.transact(node, who, asked.request_id, _Stock(dish_id, asked), work)


def set_price(node: Node, who: Session, dish_id: str, asked: DayPriceCommand) -> Done | Refused:
    """Say what a dish costs on this business day. The answer is `DishAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        known = _known(deed, Action.DAY_PRICE, dish_id)
        if known is not None:
            return known
        deed.write(DISH_PRICED, DishPriced(dish_id=dish_id, price_fen=asked.price_fen))
        return _one(deed.tx, dish_id, deed.place.day)

    return deeds.transact(node, who, asked.request_id, _DayPrice(dish_id, asked), work)


def today(node: Node) -> DishesAnswer:
    """List what is counted and priced today."""
    day = node.place().day if node.enrolment is not None else ""
    with node.db.read() as reader:
        rows = dishes.every(reader)
        last_n = dishes.last_n(reader)
    return DishesAnswer(n=last_n, dishes=tuple(_said(row, day) for row in rows))


def needs(lines: Iterable[tuple[str, tuple[SoldPart, ...], int]]) -> dict[str, int]:
    """Add up how many pieces of each dish lines need, with what their set menus consist of.

    Args:
        lines: (dish, parts of a set menu, quantity).
    """
    wanted: dict[str, int] = {}
    for dish_id, parts, qty in lines:
        wanted[dish_id] = wanted.get(dish_id, 0) + qty
        for part in parts:
            wanted[part.dish_id] = wanted.get(part.dish_id, 0) + part.qty * qty
    return wanted


def short_of(reader: Reader, wanted: Mapping[str, int]) -> Refused | None:
    """Say which dish there is not enough of, and what is left of it; None when there is enough of all."""
    for dish_id, left in dishes.left(reader, wanted).items():
        if wanted[dish_id] > left:
            return Refused("sold_out", {"dish_id": dish_id, "left": left})
    return None


def _known(deed: Deed, action: Action, dish_id: str) -> Refused | None:
    catalogue = deed.node.shelf.catalogue
    if catalogue is None:
        return Refused("no_menu")
    if all(dish.id != dish_id for dish in catalogue.menu.dishes):
        return Refused("unknown_dish", {"dish_id": dish_id[:64]})
    permitted = permit(deed, action, dish_id)
    return permitted if isinstance(permitted, Refused) else None


def _one(reader: Reader, dish_id: str, day: str) -> DishAnswer:
    [row] = [row for row in dishes.every(reader) if row.dish_id == dish_id]
    return _said(row, day)


def _said(row: dishes.DishState, day: str) -> DishAnswer:
    price_fen = row.price_fen if row.price_day == day else dishes.UNCOUNTED
    return DishAnswer(dish_id=row.dish_id, left=row.left_qty, price_fen=price_fen, n=row.n)
