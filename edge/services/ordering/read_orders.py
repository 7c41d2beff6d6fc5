"""Orders as the screens read them: every open one in a line, one order with its lines and its bill."""

import msgspec

from edge.db import floor as floor_rows
from edge.db import members
from edge.db import orders as kept
from edge.db.orders import Stamped
from edge.domain.order_state import Line, Order
from edge.services.money import pay_order
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.ordering import house_changes
from sync.contract.orders import Service, Table
from sync.contract.trade import Adjustment, TaxLine
from sync.node.database import Reader


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """What is to pay of an order now, before cash is rounded; the part of a split bill that is left."""

    total_fen: int
    lines_fen: int
    adjustments: tuple[Adjustment, ...]
    taxes: tuple[TaxLine, ...]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line with what its numbers come to: pieces left to pay, not yet sent, free to be taken away; the amount of those left."""

    line: Line
    left_qty: int
    open_qty: int
    unsent_qty: int
    free_qty: int
    amount_fen: int


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order at version `n`; `head` is the order without its lines. `member_id`: whose it is, empty for nobody's we know."""

    n: int
    head: Order
    table_name: str
    lines: tuple[LineView, ...]
    bill: BillView
    member_id: str = ""


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open order in a line.

    Attributes:
        total_fen: what is to pay now.
        unsent: pieces that the kitchen does not know of; `waiting` = lines of guests to be confirmed; `held_qty` = pieces to be fired.
        chased: lines that guests asked after and that the kitchen is not done with.
        part_paid: something of it was paid.
    """

    order_id: str
    n: int
    service: Service
    till: str
    opened_ms: int
    total_fen: int
    lines: int
    table: str = ""
    table_name: str = ""
    label: str = ""
    covers: int = 0
    held: bool = False
    allergies: str = ""
    platform: str = ""
    platform_no: str = ""
    unsent: int = 0
    waiting: int = 0
    held_qty: int = 0
    chased: int = 0
    sent_ms: int = 0
    part_paid: bool = False


class OpenOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Every open order, the oldest first; `n` = up to which version this is true."""

    n: int
    orders: tuple[OpenOrder, ...]


def every_open(node: Node) -> OpenOrders:
    """List the open orders."""
    with node.db.read() as reader:
        tables = floor_rows.tables_of(floors.plan(reader))
        found = tuple(_in_a_line(node, reader, held, tables) for held in kept.open_orders(reader))
        return OpenOrders(n=house_changes.now_n(reader), orders=found)


def one(node: Node, order_id: str) -> OrderView | None:
    """Give an order, open or not."""
    with node.db.read() as reader:
        held = kept.stamped(reader, order_id)
        if held is None:
            return None
        order = held.order
        tables = floor_rows.tables_of(floors.plan(reader))
        return OrderView(
            n=held.n,
            head=msgspec.structs.replace(order, lines=(), asked=()),
            table_name=_name(tables, order.table),
            lines=tuple(_line(line) for line in order.lines),
            bill=_bill(node, reader, order),
            member_id=members.member_at(reader, order_id) if node.store_rules.members else "",
        )


def _line(line: Line) -> LineView:
    return LineView(
        line=line,
        left_qty=line.left_qty,
        open_qty=line.open_qty,
        unsent_qty=line.unsent_qty,
        free_qty=line.free_qty,
        amount_fen=line.amount_fen,
    )


def _bill(node: Node, reader: Reader, order: Order) -> BillView:
    made = pay_order.bill_of(reader, node, order)
    return BillView(
        total_fen=made.total_fen,
        lines_fen=sum(line.amount_fen for line in made.lines),
        adjustments=made.adjustments,
        taxes=made.taxes,
    )


def _in_a_line(node: Node, reader: Reader, held: Stamped, tables: dict[str, Table]) -> OpenOrder:
    order = held.order
    return OpenOrder(
        order_id=order.order_id,
        n=held.n,
        service=order.service,
        till=order.till,
        opened_ms=order.opened_ms,
        total_fen=_bill(node, reader, order).total_fen,
        lines=sum(1 for line in order.lines if line.open_qty > 0),
        table=order.table,
        table_name=_name(tables, order.table),
        label=order.label,
        covers=order.covers,
        held=order.held,
        allergies=order.allergies,
        platform=order.platform,
        platform_no=order.platform_no,
        unsent=sum(line.unsent_qty for line in order.lines),
        waiting=sum(1 for line in order.lines if line.waits),
        held_qty=sum(line.held_qty for line in order.lines),
        chased=sum(1 for line in order.lines if line.chases and not line.done_ms and line.open_qty > 0),
        sent_ms=order.sent_ms,
        part_paid=bool(order.sales),
    )


def _name(tables: dict[str, Table], table_id: str) -> str:
    table = tables.get(table_id)
    return table_id if table is None else table.name
