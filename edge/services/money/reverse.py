"""反结账: a sale is taken back as a whole, and an order with the same lines is opened to be paid anew; both name each other.

The kitchen has cooked these lines: the new order says of all of them that they were sent and served, so nothing is cooked twice, and
what is counted (沽清) is not counted down a second time. Charges are worked out anew when it is paid; discounts, gifts and what was on
the house come along, with who allowed them; so do the note and what guests must not eat, and the table where nobody sits at it yet.
"""

from typing import Annotated

import msgspec

from edge.db import dishes
from edge.db import orders as kept
from edge.db.staff import Session
from edge.domain.refund import Asked
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.deeds import Deed, Done, transact
from edge.services.members.give_back import Way
from edge.services.money import find_sale
from edge.services.money.find_sale import SoldFact
from edge.services.money.refunds import (
    Fen,
    Given,
    Hex,
    Reason,
    RefundAnswer,
    answer_again,
    checked_reason,
    planned_of,
    points_answered,
    write,
)
from edge.services.node import Node
from edge.services.ordering.orders import seat_refused
from edge.services.people.permit import permit
from sync.contract import ids, orders
from sync.contract.menu import Dish
from sync.contract.orders import OrderLine, Service
from sync.contract.trade import SalePaid, SoldLine

LABEL_CHARS = 24


class ReverseCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Takes a sale back and opens it again. `order_id` is the new order's, drawn by the till."""

    refund_id: Hex
    order_id: Hex
    sale_id: Hex
    reason: Reason
    shown_fen: Fen | None = None
    in_cash: bool = False
    points: Way = "owe"
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    points_approval: Annotated[str, msgspec.Meta(max_length=32)] = ""


def reverse(node: Node, who: Session, command: ReverseCommand) -> Done | Refused:
    """Reverse a sale of which nothing went back yet.

    Returns:
        Besides what a refund is refused for: `partly_refunded` where something of the sale went back before.
    """
    reason = checked_reason(command.reason)
    if isinstance(reason, Refused):
        return reason
    if not ids.is_uuid7_hex(command.order_id) or command.order_id == command.refund_id:
        return Refused("malformed", {"field": "order_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})

    def work(deed: Deed) -> RefundAnswer | Refused:
        known = answer_again(node, deed.tx, command.refund_id)
        if known is not None:
            return known
        found = find_sale.sold(node, deed.tx, command.sale_id)
        if isinstance(found, Refused):
            return found
        planned = planned_of(deed.tx, found.sale, Asked(whole=True, in_cash=command.in_cash))
        if isinstance(planned, Refused):
            return planned
        if planned.amount_fen != found.sale.total_fen + found.sale.tip_fen:
            return Refused("partly_refunded", {"left_fen": planned.amount_fen})
        if command.shown_fen is not None and command.shown_fen != planned.amount_fen:
            return Refused("refund_changed", {"amount_fen": planned.amount_fen})
        about = About(
            amount_fen=planned.amount_fen,
            own=found.fact.actor == who.cashier_id,
            same_day=found.fact.day == deed.place.day,
            other_way=planned.other_way,
        )
        permitted = permit(deed, Action.REVERSE_SALE, command.sale_id, about, command.approval_id)
        if isinstance(permitted, Refused):
            return permitted
        by = (permitted.approved_by, permitted.approval_id)
        given = Given(command.refund_id, reason, *by, command.order_id, command.points)
        answered = points_answered(deed, found, planned, given, command.points_approval)
        if isinstance(answered, Refused):
            return answered
        answer = write(deed, found, planned, given, answered)
        _reopen(deed, found, command.order_id)
        return answer

    done = transact(node, who, command.refund_id, command, work, vital=True)
    if isinstance(done, Done) and not done.repeated:
        node.gateway.bell.set()
    return done


def _reopen(deed: Deed, found: SoldFact, order_id: str) -> None:
    sale = found.sale
    assert deed.who is not None
    catalogue = deed.node.shelf.catalogue
    menu = {} if catalogue is None else {dish.id: dish for dish in catalogue.menu.dishes}
    deed.version = found.fact.versions.get("menu", 0)
    lines = [_line(deed, line, menu.get(line.dish_id)) for line in sale.lines]
    former = kept.by_id(deed.tx, sale.order_id) if sale.order_id else None
    seat = "" if former is None or seat_refused(deed.tx, former.table, beside=False) else former.table
    opened = orders.OrderOpened(
        order_id=order_id,
        service=_service(sale.service),
        till=deed.who.till,
        table=seat,
        label=former.label if former is not None and seat else (sale.table or sale.receipt_no)[:LABEL_CHARS],
        covers=sale.covers,
        replaces=sale.sale_id,
        platform=sale.platform,
        platform_no=sale.platform_no,
    )
    deed.write(orders.OPENED, opened)
    if former is not None and (former.note or former.allergies):
        # Said before any line: what is added later goes to the kitchen with it, and of what was cooked nobody is told.
        deed.write(
            orders.CHANGED,
            orders.OrderChanged(order_id=order_id, note=former.note or None, allergies=former.allergies or None),
        )
    within = {dish for line in lines for dish in (line.dish_id, *(part.dish_id for part in line.parts))}
    counted = dishes.left(deed.tx, within)
    for line in lines:
        deed.write(orders.LINE_ADDED, orders.LineAdded(order_id=order_id, line=line))
    for dish_id, left in counted.items():
        # Adding counts down by itself, and these were counted when they were ordered first.
        deed.write(orders.DISH_STOCKED, orders.DishStocked(dish_id=dish_id, left=left))
    sent = tuple(orders.SentLine(line_id=line.line_id, qty=line.qty, fired=True) for line in lines)
    deed.write(orders.SENT, orders.OrderSent(order_id=order_id, round=1, lines=sent))
    for station in dict.fromkeys(line.station for line in lines):
        served = tuple(line.line_id for line in lines if line.station == station)
        deed.write(
            orders.BUMPED, orders.Bumped(order_id=order_id, round=1, station=station, line_ids=served, done=True)
        )
    _prices(deed, sale, order_id, lines)


def _prices(deed: Deed, sale: SalePaid, order_id: str, lines: list[OrderLine]) -> None:
    """Say again what was said about the prices of lines and of the whole."""
    of_all = orders.Discounted(order_id=order_id)
    for one in sale.adjustments:
        plain = not one.rate_bp
        if one.line >= 0 and one.kind in ("gift", "discount"):
            gift = one.kind == "gift"
            priced = orders.LinePriced(
                order_id=order_id,
                line_id=lines[one.line].line_id,
                rate_bp=-1 if gift or plain else one.rate_bp,
                discount_fen=-one.amount_fen if plain and not gift else -1,
                gift=True if gift else None,
                reason=one.reason,
                approved_by=one.approved_by,
                approval_id=one.approval_id,
            )
            deed.write(orders.LINE_PRICED, priced)
        elif one.line < 0 and one.kind in ("discount", "comp"):
            comp = one.kind == "comp"
            of_all = msgspec.structs.replace(
                of_all,
                comp=of_all.comp or comp,
                rate_bp=one.rate_bp or of_all.rate_bp,
                amount_fen=of_all.amount_fen - (one.amount_fen if plain and not comp else 0),
                reason=one.reason,
                approved_by=one.approved_by,
                approval_id=one.approval_id,
            )
    if of_all.comp or of_all.rate_bp or of_all.amount_fen:
        deed.write(orders.DISCOUNTED, of_all)


def _line(deed: Deed, sold: SoldLine, dish: Dish | None) -> OrderLine:
    """Give a line as it was sold; what a sale does not say of its kitchen and packing, the menu of now does."""
    return OrderLine(
        line_id=deed.node.ids.uuid7().hex(),
        dish_id=sold.dish_id,
        code=sold.code,
        name=sold.name,
        qty=sold.qty,
        unit_fen=sold.unit_fen,
        list_fen=sold.list_fen,
        modifiers=sold.modifiers,
        parts=sold.parts,
        note=sold.note,
        seat=sold.seat,
        weight_g=sold.weight_g,
        per_g=sold.per_g,
        tax=sold.tax,
        no_discount=sold.no_discount,
        station="" if dish is None else dish.station,
        packing_fen=0 if dish is None else dish.packing_fen,
        menu=deed.version,
    )


def _service(text: str) -> Service:
    return next((one for one in orders.SERVICES if one == text), "counter")
