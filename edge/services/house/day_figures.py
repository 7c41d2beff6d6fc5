"""The manager's screen: what a business day came to so far, what is open, and what was out of the ordinary, with who did it."""

from datetime import UTC, datetime

import msgspec

from edge.db import house_day
from edge.db.house_day import Unusual
from edge.domain.refusal import Refused
from edge.services.money import find_sale
from edge.services.node import Node
from edge.services.ordering import read_orders
from edge.services.ordering.read_orders import OpenOrder
from sync.contract import times
from sync.contract.words import Name
from sync.node.database import Reader

EXCEPTIONS_MAX = 300
DISHES_MAX = 10


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A way of paying, or a sort of exception: how often, and what it came to."""

    kind: str
    n: int
    fen: int


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of the clock with what was sold in it."""

    hour: int
    n: int
    fen: int


class SoldDish(msgspec.Struct, frozen=True, kw_only=True):
    """A dish with what it brought in before discounts; its name is the menu's, or the receipt's where the menu has it no more."""

    dish_id: str
    code: str
    name: Name
    qty: int
    fen: int


class UnusualLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something out of the ordinary: what, where, who did it, who said so; below zero it cost the house money."""

    n: int
    what: str
    at_ms: int
    till: str
    who: str
    approved_by: str
    amount_fen: int
    label: str
    note: str


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A business day as the manager sees it. `open_fen` is what guests at the tables owe now."""

    day: str
    today: str
    sales: int
    sales_fen: int
    refunds: int
    refunds_fen: int
    net_fen: int
    gross_fen: int
    discounts_fen: int
    charges_fen: int
    tips_fen: int
    covers: int
    platform_sales: int
    platform_fen: int
    ways: tuple[Way, ...]
    hours: tuple[Hour, ...]
    dishes: tuple[SoldDish, ...]
    open_orders: tuple[OpenOrder, ...]
    open_fen: int
    sorts: tuple[Way, ...]
    unusual: tuple[UnusualLine, ...]


def of_day(node: Node, day: str) -> DayFigures | Refused:
    """Give the figures of a business day; empty = today."""
    today = node.today()
    day = day or today
    try:
        times.epoch_day(day)
    except ValueError:
        return Refused("malformed", {"field": "day", "expected": "YYYY-MM-DD"})
    still_open = read_orders.every_open(node).orders if day == today else ()
    with node.db.read() as reader:
        sums = house_day.sums(reader, day)
        refunds, given_back_fen, tips_back_fen = house_day.refunds(reader, day)
        refunds_fen = given_back_fen - tips_back_fen
        return DayFigures(
            day=day,
            today=today,
            sales=sums.sales,
            sales_fen=sums.sales_fen,
            refunds=refunds,
            refunds_fen=refunds_fen,
            net_fen=sums.sales_fen - refunds_fen,
            gross_fen=sums.gross_fen,
            discounts_fen=sums.discounts_fen,
            charges_fen=sums.charges_fen,
            tips_fen=sums.tips_fen - tips_back_fen,
            covers=sums.covers,
            platform_sales=sums.platform_sales,
            platform_fen=sums.platform_fen,
            ways=tuple(Way(kind=kind, n=n, fen=fen) for kind, n, fen in house_day.tenders(reader, day)),
            hours=tuple(
                Hour(hour=hour, n=n, fen=fen) for hour, n, fen in house_day.hours(reader, day, _offset_ms(node))
            ),
            dishes=_dishes(node, reader, day),
            open_orders=still_open,
            open_fen=sum(order.total_fen for order in still_open),
            sorts=tuple(Way(kind=what, n=n, fen=fen) for what, n, fen in house_day.exception_sums(reader, day)),
            unusual=_unusual(reader, day),
        )


def _offset_ms(node: Node) -> int:
    now = datetime.fromtimestamp(node.clock.now_ms() / 1000, tz=UTC).astimezone(node.zone)
    offset = now.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


def _dishes(node: Node, reader: Reader, day: str) -> tuple[SoldDish, ...]:
    catalogue = node.shelf.catalogue
    named = {} if catalogue is None else {dish.id: (dish.code, dish.name) for dish in catalogue.menu.dishes}
    shown: list[SoldDish] = []
    for dish_id, qty, fen in house_day.dishes(reader, day, DISHES_MAX):
        code, name = named.get(dish_id) or _as_sold(node, reader, day, dish_id)
        shown.append(SoldDish(dish_id=dish_id, code=code, name=name, qty=qty, fen=fen))
    return tuple(shown)


def _as_sold(node: Node, reader: Reader, day: str, dish_id: str) -> tuple[str, Name]:
    """Name a dish as the last receipt with it does; by nothing where that lies in an archive that is lost."""
    found = find_sale.sold(node, reader, house_day.last_sale_with(reader, day, dish_id))
    if isinstance(found, Refused):
        return "", Name("", "")
    return next((line.code, line.name) for line in found.sale.lines if line.dish_id == dish_id)


def _unusual(reader: Reader, day: str) -> tuple[UnusualLine, ...]:
    names = house_day.names(reader)
    return tuple(_line(one, names) for one in house_day.exceptions(reader, day, EXCEPTIONS_MAX))


def _line(one: Unusual, names: dict[str, str]) -> UnusualLine:
    return UnusualLine(
        n=one.n,
        what=one.what,
        at_ms=one.at_ms,
        till=one.till,
        who=names.get(one.actor, one.actor),
        approved_by=names.get(one.approved_by, one.approved_by),
        amount_fen=one.amount_fen,
        label=one.label,
        note=one.note,
    )
