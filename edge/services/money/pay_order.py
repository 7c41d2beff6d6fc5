"""An order is paid, whole or in parts: the sale, the settled pieces, slips and answer are one transaction.

A bill is split in three ways. By **lines** or by **seat** each guest has a sale of their own pieces. By **amount** the shares are taken
as payments towards the order before (`edge.services.money.payments`), and the last guest's payment makes the one sale, which uses them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import msgspec

from edge.db import order_parts
from edge.db import payments as payment_rows
from edge.db.staff import Session
from edge.domain import order_bill
from edge.domain.order_state import Order
from edge.domain.payment import AskedTender
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import points
from edge.services.money import book_sale
from edge.services.money.book_sale import Sale, SaleAnswer
from edge.services.node import Node
from edge.services.ordering import floor, order_steps, orders
from edge.services.ordering.order_work import SendStep, Work
from edge.services.people.permit import permit
from sync.contract import bill, limits
from sync.contract.bill import Bill
from sync.contract.orders import SETTLED, OrderSettled, Paid
from sync.contract.payments import PaymentKind
from sync.contract.trade import Adjustment, SoldLine, TaxLine
from sync.contract.words import ZH
from sync.node.database import Reader

_Hex = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
SHARES_MAX = 50


class PayLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """So many pieces of a line; 0 = all that are left of it."""

    line_id: _Hex
    qty: Annotated[int, msgspec.Meta(ge=0, le=limits.LINE_QTY_MAX)] = 0


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of `of` equal shares; the odd fen are in the first ones."""

    k: Annotated[int, msgspec.Meta(ge=1, le=SHARES_MAX)]
    of: Annotated[int, msgspec.Meta(ge=1, le=SHARES_MAX)]


class PayCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pays what is left of an order, or the part that `lines` or `seat` say.

    `share` says that the bill was split by amount and that this is its last share.
    `due_fen` is what the till showed for comparison: the bill of this part before cash is rounded, without the tip.
    """

    sale_id: _Hex
    tenders: tuple[AskedTender, ...]
    lines: Annotated[tuple[PayLine, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    seat: Annotated[int, msgspec.Meta(ge=0, le=limits.COVERS_MAX)] | None = None
    share: Share | None = None
    tip_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.SALE_TOTAL_FEN_MAX)] = 0
    due_fen: int | None = None
    locale: str = ZH
    member_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    points_approval: Annotated[str, msgspec.Meta(max_length=32)] = ""


class BillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an order or a part of it comes to. `shares` is the rest in equal shares, where it was asked for.

    `taken_fen` was taken towards the order before; `left_fen` is what is still to pay. `cash_fen` is that rounded, in cash.
    """

    order_id: str
    lines: tuple[SoldLine, ...]
    adjustments: tuple[Adjustment, ...]
    taxes: tuple[TaxLine, ...]
    total_fen: int
    taken_fen: int
    left_fen: int
    cash_fen: int
    closes: bool
    shares: tuple[int, ...] = ()


class _Pay(msgspec.Struct, frozen=True):
    """What a stored answer is held against."""

    order_id: str
    asked: PayCommand


@dataclass(frozen=True)
class Part:
    """A part of an order that is paid: so many pieces by line id, and whether nothing is left after it."""

    now: Mapping[str, int]
    closes: bool


def bill_of(reader: Reader, node: Node, order: Order, part: Part | None = None) -> Bill:
    """Make the bill of an order, or of a part of it."""
    table = floor.table_of(reader, order.table) if order.table else None
    return order_bill.of_order(
        order,
        node.house,
        minimum_fen=table.minimum_fen if table else 0,
        now=None if part is None else part.now,
        before=order_parts.before(reader, order.sales),
    )


def part_of(order: Order, lines: tuple[PayLine, ...], seat: int | None) -> Part | Refused:
    """Say which pieces a part of the bill is.

    Returns:
        `empty_sale` where nothing is left of it; `line_gone` with {line_id, left} where fewer pieces are left than are asked for.
    """
    left = {line.line_id: line.left_qty for line in order.lines_left}
    if lines:
        wanted: dict[str, int] = {}
        for one in lines:
            wanted[one.line_id] = wanted.get(one.line_id, 0) + (one.qty or left.get(one.line_id, 0))
        for line_id, qty in wanted.items():
            if not 1 <= qty <= left.get(line_id, 0):
                return Refused("line_gone", {"line_id": line_id, "left": left.get(line_id, 0)})
    elif seat is not None:
        wanted = {line.line_id: line.left_qty for line in order.lines_left if line.seat == seat}
    else:
        wanted = left
    if not wanted:
        return Refused("empty_sale")
    return Part(wanted, closes=wanted == left)


def read_bill(
    node: Node, order_id: str, lines: tuple[PayLine, ...] = (), seat: int | None = None, of: int = 0
) -> BillAnswer | Refused:
    """Say what an order or a part of it comes to.

    Args:
        of: into how many equal shares the rest is split; 0 = not at all.
    """
    with node.db.read() as reader:
        order = orders.open_one(reader, order_id)
        if isinstance(order, Refused):
            return order
        part = part_of(order, lines, seat)
        if isinstance(part, Refused):
            return part
        made = bill_of(reader, node, order, part)
        taken_fen = sum(one.amount_fen for one in payment_rows.taken_for(reader, order_id)) if part.closes else 0
    left_fen = max(0, made.total_fen - taken_fen)
    return BillAnswer(
        order_id=order_id,
        lines=made.lines,
        adjustments=made.adjustments,
        taxes=made.taxes,
        total_fen=made.total_fen,
        taken_fen=taken_fen,
        left_fen=left_fen,
        cash_fen=left_fen + bill.round_off(left_fen, node.house.rounding),
        closes=part.closes,
        shares=tuple(bill.allocate(made.total_fen, [1] * of)) if of else (),
    )


def pay_order(node: Node, who: Session, order_id: str, asked: PayCommand) -> Done | Refused:
    """Pay an order or a part of it. The answer is `SaleAnswer`; returned means committed with fsync.

    Returns:
        What `orders.open_one`, `part_of` and `book_sale.settle` refuse; `lines_waiting` while guests' lines wait to be confirmed and
        nothing else would be left; `price_changed` where the bill is not what the till showed.
    """
    refusal = book_sale.check_words(asked.sale_id, asked.locale)
    if refusal is not None:
        return refusal
    points.top_up(node, asked.member_id, asked.tenders)
    done = deeds.transact(node, who, asked.sale_id, _Pay(order_id, asked), lambda deed: _pay(deed, order_id, asked))
    return Refused("sale_id_reused") if done == Refused("request_id_reused") else done


def _pay(deed: Deed, order_id: str, asked: PayCommand) -> SaleAnswer | Refused:
    catalogue = deed.node.shelf.catalogue
    if catalogue is None:
        return Refused("no_menu")
    order = orders.open_one(deed.tx, order_id)
    if isinstance(order, Refused):
        return order
    part = part_of(order, asked.lines, asked.seat)
    if isinstance(part, Refused):
        return part
    if asked.share is not None and (asked.share.k > asked.share.of or not part.closes):
        return Refused("malformed", {"field": "share", "expected": "the last share of what is left of the order"})
    refusal = _not_yet(deed, order, part)
    if refusal is not None:
        return refusal
    made = bill_of(deed.tx, deed.node, order, part)
    if asked.due_fen is not None and asked.due_fen != made.total_fen:
        return Refused("price_changed", {"due_fen": made.total_fen, "menu_version": catalogue.menu.version})
    tenders = _with_taken(deed.tx, order_id, asked.tenders) if part.closes else asked.tenders
    paid = book_sale.settle(deed, order_id, made.total_fen, tenders, asked.tip_fen, platform=bool(order.platform))
    if isinstance(paid, Refused):
        return paid
    work = Work(deed, order, asked.sale_id, catalogue)
    unsent = tuple(line.line_id for line in order.lines if line.line_id in part.now and line.unsent_qty > 0)
    if unsent:
        # Nobody sends what is paid for and gone from the screen: the kitchen hears of it now.
        sent = order_steps.take(work, 0, SendStep(line_ids=unsent, fire=order.service != bill.DINE_IN))
        if isinstance(sent, Refused):
            return sent
    about = _about(deed.tx, order, part, asked.share)
    sold = Sale(
        asked.sale_id,
        asked.locale,
        catalogue.menu,
        made,
        paid,
        asked.tip_fen,
        about=about,
        member_id=asked.member_id,
        risk_approval=asked.points_approval,
    )
    answered = book_sale.book(deed, sold)
    if isinstance(answered, Refused):
        return answered
    settled = tuple(Paid(line_id=line_id, qty=qty) for line_id, qty in part.now.items())
    work.write(SETTLED, OrderSettled(order_id=order_id, sale_id=asked.sale_id, lines=settled, closed=part.closes))
    return answered


def _not_yet(deed: Deed, order: Order, part: Part) -> Refused | None:
    allowed = permit(deed, Action.SELL, order.order_id)
    if isinstance(allowed, Refused):
        return allowed
    waiting = [line.line_id for line in order.lines if line.waits and line.open_qty > 0]
    if part.closes and waiting:
        return Refused("lines_waiting", {"line_ids": waiting})
    return None


def _with_taken(reader: Reader, order_id: str, asked: tuple[AskedTender, ...]) -> tuple[AskedTender, ...]:
    """Let the sale that closes an order use all that was taken towards it; it would belong to nobody else."""
    named = {one.payment_id for one in asked}
    taken = tuple(
        AskedTender(kind=cast("PaymentKind", one.kind), payment_id=one.payment_id)
        for one in payment_rows.taken_for(reader, order_id)
        if one.payment_id not in named
    )
    return taken + asked


def _about(reader: Reader, order: Order, part: Part, share: Share | None) -> dict[str, object]:
    number = len(order.sales) + 1
    if share is not None:
        label = f"{share.k}/{share.of}"
    else:
        label = "" if part.closes and number == 1 else str(number)
    return {
        "order_id": order.order_id,
        "service": "" if order.service == "counter" else order.service,
        "table": floor.table_name(reader, order.table) if order.table else order.label,
        "covers": order.covers,
        "part": label,
        "replaces": order.replaces if number == 1 else "",
        "platform": order.platform,
        "platform_no": order.platform_no,
    }
