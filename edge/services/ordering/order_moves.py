"""Orders between tables: moved to another one, merged into another order, split so that some pieces are another order's."""

from typing import Annotated

import msgspec

from edge.db import orders as kept
from edge.db.staff import Session
from edge.domain.order_state import Order
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.ordering import order_listeners, order_work
from edge.services.ordering.order_work import Covers, Id, Label, Outcome
from edge.services.ordering.orders import (
    OrderAnswer,
    TableId,
    answer,
    answer_now,
    money_refused,
    open_one,
    seat_refused,
)
from edge.services.people.permit import permit
from sync.contract import ids, limits, orders
from sync.contract.orders import OrderStep, Taken
from sync.node.database import Reader


class MoveOrderCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """To another table (转台); `beside` = also where guests sit already, as an order of its own."""

    request_id: Id
    table: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    beside: bool = False


class MergeOrdersCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All lines go to another order (并台)."""

    request_id: Id
    into: Id


class SplitLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pieces of a line that go; 0 = all that are left. They are the line `as_line` where they come to."""

    line_id: Id
    as_line: Id
    qty: Annotated[int, msgspec.Meta(ge=0, le=limits.LINE_QTY_MAX)] = 0


class SplitOrderCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pieces of lines go to another order (拆台, 转菜): to `into`, an open one, or else to a new one at the same or another table.

    Attributes:
        request_id: also the id of the new order.
        covers: so many of the guests go with them to the new order.
    """

    request_id: Id
    lines: Annotated[tuple[SplitLine, ...], msgspec.Meta(min_length=1, max_length=limits.SALE_LINES_MAX)]
    into: Annotated[str, msgspec.Meta(max_length=32)] = ""
    table: TableId | None = None
    label: Label = ""
    covers: Covers = 0


class MovedAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where both orders stand; `outcomes` of a split are those of its lines."""

    order: OrderAnswer
    other: OrderAnswer


class _Named(msgspec.Struct, frozen=True):
    order_id: str
    asked: MoveOrderCommand | MergeOrdersCommand | SplitOrderCommand


def move(node: Node, who: Session, order_id: str, asked: MoveOrderCommand) -> Done | Refused:
    """Move an order to another table. The answer is `OrderAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        order = open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        if order.table == asked.table:
            return answer_now(deed, order_id)
        refused = seat_refused(deed.tx, asked.table, beside=asked.beside)
        if refused is not None:
            return refused
        permitted = permit(deed, Action.TABLES, order_id)
        if isinstance(permitted, Refused):
            return permitted
        _write(
            deed, order, orders.MOVED, orders.OrderMoved(order_id=order_id, table=asked.table, from_table=order.table)
        )
        return answer_now(deed, order_id)

    return deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work)


def merge(node: Node, who: Session, order_id: str, asked: MergeOrdersCommand) -> Done | Refused:
    """Let all lines of an order go to another one. The answer is `MovedAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        held, other = kept.stamped(deed.tx, order_id), kept.stamped(deed.tx, asked.into)
        if held is not None and other is not None and held.order.into == asked.into:
            return MovedAnswer(order=answer(held), other=answer(other))
        pair = _pair(deed.tx, order_id, asked.into)
        if isinstance(pair, Refused):
            return pair
        order, into = pair
        if {line.line_id for line in order.lines} & {line.line_id for line in into.lines}:
            return Refused("line_id_reused")
        if len(order.lines) + len(into.lines) > order_work.LINES_MAX:
            return Refused("too_large", {"lines_max": order_work.LINES_MAX})
        refused = money_refused(deed.tx, order_id)
        if refused is not None:
            return refused
        permitted = permit(deed, Action.TABLES, order_id)
        if isinstance(permitted, Refused):
            return permitted
        _write(deed, order, orders.MERGED, orders.OrderMerged(order_id=order_id, into=asked.into))
        return MovedAnswer(order=answer_now(deed, order_id), other=answer_now(deed, asked.into))

    return deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work)


def split(node: Node, who: Session, order_id: str, asked: SplitOrderCommand) -> Done | Refused:
    """Let pieces of lines go to another order. The answer is `MovedAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        into_id = asked.into or asked.request_id
        held, other = kept.stamped(deed.tx, order_id), kept.stamped(deed.tx, into_id)
        if held is not None and other is not None and _came(held.order, other.order, asked):
            return MovedAnswer(order=answer(held), other=answer(other))
        order = open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        if not asked.into and other is not None and other.order.from_order != order_id:
            return Refused("request_id_reused")
        refused = _split_refused(deed, order, asked)
        if refused is not None:
            return refused
        taken, outcomes = _taken(order, asked)
        if not taken:
            return Refused("nothing_left")
        permitted = permit(deed, Action.TABLES, order_id)
        if isinstance(permitted, Refused):
            return permitted
        if not asked.into and other is None:
            order = _new_order(deed, who, order, asked)
        _write(deed, order, orders.SPLIT, orders.OrderSplit(order_id=order_id, into=into_id, lines=tuple(taken)))
        return MovedAnswer(order=answer_now(deed, order_id, tuple(outcomes)), other=answer_now(deed, into_id))

    return deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work)


def _write(deed: Deed, before: Order, kind: str, body: OrderStep) -> None:
    deed.write(kind, body)
    after = kept.by_id(deed.tx, before.order_id)
    assert after is not None
    order_listeners.tell(deed, before, after, body)


def _pair(reader: Reader, order_id: str, into_id: str) -> tuple[Order, Order] | Refused:
    """Find two orders between which lines may go: both open, nothing paid of either.

    What was paid of an order had its share of the order's discount and charges; with other lines it would be another share.
    """
    if order_id == into_id:
        return Refused("same_order")
    order, into = open_one(reader, order_id), open_one(reader, into_id)
    if isinstance(order, Refused):
        return order
    if isinstance(into, Refused):
        return Refused("other_order_closed", into.details)
    if order.sales or into.sales:
        return Refused("order_part_paid")
    return order, into


def _split_refused(deed: Deed, order: Order, asked: SplitOrderCommand) -> Refused | None:
    if any(not ids.is_uuid7_hex(line.as_line) for line in asked.lines):
        return Refused("malformed", {"field": "as_line", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    names = [line.as_line for line in asked.lines]
    if len(set(names)) != len(names) or len({line.line_id for line in asked.lines}) != len(names):
        return Refused("malformed", {"field": "lines", "expected": "each line and each as_line once"})
    bad = order_work.bad_text(asked.label, order_work.LABEL_CHARS_MAX)
    if bad is not None:
        return bad
    if not asked.into:
        if order.sales:
            return Refused("order_part_paid")
        if asked.covers > order.covers:
            return Refused("too_many_covers", {"covers_max": order.covers})
        # At its own table the new order sits beside the old one.
        return None if asked.table in (None, order.table) else seat_refused(deed.tx, asked.table or "", beside=False)
    pair = _pair(deed.tx, order.order_id, asked.into)
    if isinstance(pair, Refused):
        return pair
    if any(pair[1].line(name) is not None for name in names):
        return Refused("line_id_reused")
    if len(pair[1].lines) + len(names) > order_work.LINES_MAX:
        return Refused("too_large", {"lines_max": order_work.LINES_MAX})
    return None


def _came(order: Order, other: Order, asked: SplitOrderCommand) -> bool:
    """Say whether the lines that a split asks for are where they should go: then it was done before."""
    went = {each.line_id: each.as_line for each in asked.lines}
    return any(
        line.into == other.order_id and line.into_line == went[line.line_id] and other.line(line.into_line) is not None
        for line in order.lines
        if line.line_id in went
    )


def _taken(order: Order, asked: SplitOrderCommand) -> tuple[list[Taken], list[Outcome]]:
    taken: list[Taken] = []
    outcomes: list[Outcome] = []
    for each in asked.lines:
        line = order.line(each.line_id)
        if line is None or line.open_qty == 0:
            outcomes.append(Outcome(became="gone", line_id=each.line_id))
            continue
        qty = min(each.qty or line.open_qty, line.open_qty)
        taken.append(Taken(line_id=each.line_id, qty=qty, as_line=each.as_line))
        became = Outcome(became="done" if each.qty in (0, qty) else "partly", qty=qty, line_id=each.as_line)
        outcomes.append(became)
    return taken, outcomes


def _new_order(deed: Deed, who: Session, order: Order, asked: SplitOrderCommand) -> Order:
    """Open the order that pieces go to; gives the old one as it is then."""
    opened = orders.OrderOpened(
        order_id=asked.request_id,
        service=order.service,
        till=who.till,
        table=order.table if asked.table is None else asked.table,
        label=asked.label or order.label,
        covers=asked.covers,
        from_order=order.order_id,
    )
    deed.write(orders.OPENED, opened)
    if order.allergies or order.note:
        said = orders.OrderChanged(
            order_id=asked.request_id, note=order.note or None, allergies=order.allergies or None
        )
        deed.write(orders.CHANGED, said)
    if not asked.covers:
        return order
    _write(
        deed, order, orders.CHANGED, orders.OrderChanged(order_id=order.order_id, covers=order.covers - asked.covers)
    )
    after = kept.by_id(deed.tx, order.order_id)
    assert after is not None
    return after
