"""Scan to order: what a guest's phone sees of the menu, and what it asks for at its table.

Nothing personal is asked or kept: no name, no number, no cookie. A basket becomes lines with `source = guest` on the order of the
table, which is opened where there is none; a waiter confirms them, and they go the way of any other line. A phone is told only what
became of lines whose ids it knows.
"""

from typing import Annotated, Final, Literal

import msgspec

from edge.db import dishes
from edge.db import orders as kept
from edge.domain import order as order_rules
from edge.domain.order_state import Line, Order
from edge.domain.pricing import AskedPart, Catalogue
from edge.domain.refusal import Refused
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.order_work import AddStep, Outcome
from sync.contract import limits, orders
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, PartGroup
from sync.contract.orders import Table
from sync.contract.words import Name
from sync.node.database import Reader

LINES_MAX: Final = 20
"""Lines of one basket."""
QTY_MAX: Final = 20
WAITING_MAX: Final = 40
"""Lines of one table that nobody has confirmed yet."""
BODY_BYTES_MAX: Final = 16_384

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
_Key = Annotated[str, msgspec.Meta(max_length=64)]


class GuestLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dish that a guest asks for."""

    line_id: _Id
    dish_id: _Key
    qty: Annotated[int, msgspec.Meta(ge=1, le=QTY_MAX)] = 1
    modifiers: Annotated[tuple[_Key, ...], msgspec.Meta(max_length=limits.LINE_MODIFIERS_MAX)] = ()
    parts: Annotated[tuple[AskedPart, ...], msgspec.Meta(max_length=limits.SET_PARTS_MAX)] = ()
    note: Annotated[str, msgspec.Meta(max_length=limits.NOTE_CHARS_MAX)] = ""


class GuestAskCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A basket."""

    request_id: _Id
    lines: Annotated[tuple[GuestLine, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]


class GuestLookCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What became of lines of an order."""

    order_id: _Id
    line_ids: Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1, max_length=200)]


class GuestBecame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a line of a basket: it waits for a waiter, or `code` says why it does not."""

    line_id: str
    taken: bool
    code: str = ""


class GuestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A basket was taken; `order_id` is where its lines are."""

    order_id: str
    lines: tuple[GuestBecame, ...]


class GuestState(msgspec.Struct, frozen=True, kw_only=True):
    """How a line stands: `waiting` for a waiter, `taken`, at the `kitchen`, `served`, `declined`, or `gone`."""

    line_id: str
    state: Literal["waiting", "taken", "kitchen", "served", "declined", "gone"]


class GuestStates(msgspec.Struct, frozen=True, kw_only=True):
    """How lines stand."""

    lines: tuple[GuestState, ...]


class GuestChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A dish within a set menu, with its surcharge."""

    dish_id: str
    name: Name
    qty: int
    price_fen: int


class GuestPart(msgspec.Struct, frozen=True, kw_only=True):
    """A course of a set menu: between `min` and `max` of its choices."""

    id: str
    name: Name
    min: int
    max: int
    choices: tuple[GuestChoice, ...]


class GuestDish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dish that can be asked for by phone; `left` is −1 where nobody counts it, 0 when it is sold out."""

    id: str
    name: Name
    category: str
    price_fen: int
    modifier_groups: tuple[str, ...] = ()
    allergens: tuple[str, ...] = ()
    parts: tuple[GuestPart, ...] = ()
    left: int = -1


class GuestMenu(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked for by phone. Dishes by weight and of an open price are asked of the waiter."""

    currency: str
    categories: tuple[Category, ...]
    dishes: tuple[GuestDish, ...]
    modifier_groups: tuple[ModifierGroup, ...]


class _Asked(msgspec.Struct, frozen=True):
    table_id: str
    asked: GuestAskCommand


class MenuCounter:
    """Gives the menu of guests as JSON; made anew only when the menu, a count, a price or the day is another."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._held: tuple[Catalogue, int, str, bytes] | None = None

    def read(self) -> bytes | Refused:
        """Give the encoded `GuestMenu` of now."""
        node, held = self._node, self._held
        catalogue = node.shelf.catalogue
        if catalogue is None or node.enrolment is None:
            return Refused("no_menu")
        day = node.place().day
        with node.db.read() as reader:
            n = dishes.last_n(reader)
            if held is not None and held[0] is catalogue and held[1:3] == (n, day):
                return held[3]
            made = msgspec.json.encode(_menu(reader, catalogue.menu, day))
        self._held = (catalogue, n, day, made)
        return made


def ask(node: Node, table: Table, asked: GuestAskCommand) -> Done | Refused:
    """Take a basket for the waiter to confirm. The answer is `GuestAnswer`.

    Returns:
        Where nothing of it could be taken, why: the code of its first line, or `too_many_waiting`; then no order is opened.
    """

    def work(deed: Deed) -> msgspec.Struct | Refused:
        order = _order_at(deed.tx, table.id, asked.request_id) or _opened(deed, table.id, asked.request_id)
        waiting = sum(1 for line in order.lines if line.waits)
        if waiting + len(asked.lines) > WAITING_MAX:
            return Refused("too_many_waiting", {"lines_max": WAITING_MAX})
        adds = tuple(_step(line) for line in asked.lines)
        answer = order_deeds.take_as_guest(deed, order, asked.request_id, adds)
        if isinstance(answer, Refused):
            return answer
        if all(one.became == "refused" for one in answer.outcomes):
            return Refused(answer.outcomes[0].code, answer.outcomes[0].details)
        became = tuple(_became(line, one) for line, one in zip(asked.lines, answer.outcomes, strict=True))
        return GuestAnswer(order_id=order.order_id, lines=became)

    return deeds.transact(node, None, asked.request_id, _Asked(table.id, asked), work)


def states(node: Node, asked: GuestLookCommand) -> GuestStates:
    """Say how lines stand, to a phone that knows their ids."""
    with node.db.read() as reader:
        order = kept.where_now(reader, asked.order_id)
        found = tuple(_state(reader, order, line_id) for line_id in asked.line_ids)
    return GuestStates(lines=found)


def _menu(reader: Reader, whole: Menu, day: str) -> GuestMenu:
    prices = dishes.prices(reader, day)
    left = {row.dish_id: row.left_qty for row in dishes.every(reader) if row.left_qty >= 0}
    names = {dish.id: dish.name for dish in whole.dishes}
    shown = tuple(
        _dish(dish, prices.get(dish.id, dish.price_fen), left, names)
        for dish in whole.dishes
        if not dish.per_g and not (dish.open_price and dish.id not in prices)
    )
    pages = {dish.category for dish in shown}
    groups = {group for dish in shown for group in dish.modifier_groups}
    return GuestMenu(
        currency=whole.currency,
        categories=tuple(page for page in whole.categories if page.id in pages),
        dishes=shown,
        modifier_groups=tuple(group for group in whole.modifier_groups if group.id in groups),
    )


def _order_at(reader: Reader, table_id: str, request_id: str) -> Order | None:
    """Find the order that a basket belongs to: the one that it opened itself before, else the table's oldest."""
    own = kept.where_now(reader, request_id)
    if own is not None and own.is_open:
        return own
    at_table = kept.open_at(reader, table_id)
    return kept.by_id(reader, at_table[0]) if at_table else None


def _opened(deed: Deed, table_id: str, order_id: str) -> Order:
    first = orders.OrderOpened(
        order_id=order_id, service="dine_in", till=deed.node.settings.store.tills[0], table=table_id
    )
    fact = deed.write(orders.OPENED, first)
    return order_rules.fold(None, first, fact.at_ms)


def _step(line: GuestLine) -> AddStep:
    return AddStep(
        line_id=line.line_id,
        dish_id=line.dish_id,
        qty=line.qty,
        modifiers=line.modifiers,
        parts=line.parts,
        note=line.note,
    )


def _became(line: GuestLine, outcome: Outcome) -> GuestBecame:
    return GuestBecame(line_id=line.line_id, taken=outcome.became in {"done", "already"}, code=outcome.code)


def _state(reader: Reader, order: Order | None, line_id: str) -> GuestState:
    line = None if order is None else order.line(line_id)
    if line is not None and line.into and line.alive_qty == 0:
        moved = kept.where_now(reader, line.into)
        line = None if moved is None else moved.line(line.into_line)
    return GuestState(line_id=line_id, state="gone" if line is None else _word(line))


def _word(line: Line) -> Literal["waiting", "taken", "kitchen", "served", "declined", "gone"]:
    if line.declined:
        return "declined"
    if line.waits:
        return "waiting"
    if line.alive_qty == 0:
        return "gone"
    if line.done_ms:
        return "served"
    return "kitchen" if line.sent_qty else "taken"


def _dish(dish: Dish, price_fen: int, left: dict[str, int], names: dict[str, Name]) -> GuestDish:
    counted = [left[each] for each in (dish.id, *_fixed(dish)) if each in left]
    return GuestDish(
        id=dish.id,
        name=dish.name,
        category=dish.category,
        price_fen=price_fen,
        modifier_groups=dish.modifier_groups,
        allergens=dish.allergens,
        parts=tuple(_part(group, names) for group in dish.parts),
        left=min(counted, default=-1),
    )


def _fixed(dish: Dish) -> list[str]:
    """Name the dishes that a set menu always has."""
    return [choice.dish_id for group in dish.parts if group.min == len(group.choices) for choice in group.choices]


def _part(group: PartGroup, names: dict[str, Name]) -> GuestPart:
    choices = tuple(
        GuestChoice(dish_id=choice.dish_id, name=names[choice.dish_id], qty=choice.qty, price_fen=choice.price_fen)
        for choice in group.choices
    )
    return GuestPart(id=group.id, name=group.name, min=group.min, max=group.max, choices=choices)
