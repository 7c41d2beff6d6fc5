"""A platform's order becomes an order and a sale of the house: what it cannot be, its lines, its bill, its tender."""

import msgspec

from edge.db.intake import Kept
from edge.domain import intake, order_bill
from edge.domain import order as order_rules
from edge.domain.payment import PLATFORM, Payment
from edge.domain.pricing import AskedLine, Catalogue
from edge.domain.refusal import Refused
from edge.services.deeds import Deed
from edge.services.money import book_sale
from edge.services.money.book_sale import Sale, SaleAnswer
from edge.services.node import Node
from edge.services.ordering import stock
from edge.services.ordering.order_work import Work
from sync.contract import orders
from sync.contract.bill import Bill
from sync.contract.intake import PlatformReceived
from sync.contract.menu import Dish
from sync.contract.orders import OrderLine, OrderSettled, Paid
from sync.contract.trade import Tender
from sync.contract.words import ZH
from sync.node.database import Reader


def name_of(node: Node, platform: str) -> str:
    """Give what people call a platform; what is no platform any more keeps its id."""
    counter = node.intake.counters.get(platform)
    return platform if counter is None or not counter.settings.name_zh else counter.settings.name_zh


def cannot(node: Node, reader: Reader, found: Kept | None) -> Refused | None:
    """Say why an order cannot be taken; None when it can, or was."""
    if found is None:
        return Refused("not_found")
    if found.state != "waiting":
        return Refused("platform_order_off") if found.state == "cancelled" else None
    if intake.mistake(found.order):
        return Refused("platform_order_odd")
    catalogue = node.shelf.catalogue
    if catalogue is None:
        return Refused("no_menu")
    lines = _lines(node, catalogue, found.order)
    if isinstance(lines, Refused):
        return lines
    return stock.short_of(reader, stock.needs([(line.dish_id, line.parts, line.qty) for line in lines]))


def ordered(deed: Deed, found: Kept, request_id: str, catalogue: Catalogue) -> Work | Refused:
    """Open the order with its lines, at the platform's prices."""
    assert deed.who is not None
    lines = _lines(deed.node, catalogue, found.order)
    if isinstance(lines, Refused):
        return lines
    name = name_of(deed.node, found.platform)
    first = orders.OrderOpened(
        order_id=found.order_id, service="delivery", till=deed.who.till, platform=name, platform_no=found.platform_no
    )
    fact = deed.write(orders.OPENED, first)
    deed.version = catalogue.menu.version
    work = Work(deed, order_rules.fold(None, first, fact.at_ms), request_id, catalogue)
    if found.order.note:
        work.write(orders.CHANGED, orders.OrderChanged(order_id=found.order_id, note=found.order.note))
    for line in lines:
        work.write(orders.LINE_ADDED, orders.LineAdded(order_id=found.order_id, line=line))
    if found.order.discount_fen:
        off_fen = orders.Discounted(order_id=found.order_id, amount_fen=found.order.discount_fen, reason=name)
        work.write(orders.DISCOUNTED, off_fen)
    return work


def booked(work: Work, found: Kept, sale_id: str, catalogue: Catalogue) -> SaleAnswer | Refused:
    """Book the sale that the platform pays, and close the order."""
    deed, total_fen = work.deed, found.order.total_fen
    made = _bill(deed.node, work, found.order)
    # The sums were looked at before it was accepted; anything else here would be our own mistake.
    assert made.total_fen == total_fen, (made.total_fen, total_fen)
    owed = Tender(
        kind=PLATFORM, received_fen=total_fen, change_fen=0, amount_fen=total_fen, reference=found.platform_no
    )
    about: dict[str, object] = {
        "order_id": found.order_id,
        "service": "delivery",
        "platform": work.order.platform,
        "platform_no": found.platform_no,
    }
    sold = book_sale.book(deed, Sale(sale_id, ZH, catalogue.menu, made, Payment((owed,)), about=about))
    if isinstance(sold, Refused):
        return sold
    paid = tuple(Paid(line_id=line.line_id, qty=line.left_qty) for line in work.order.lines_left)
    work.write(orders.SETTLED, OrderSettled(order_id=found.order_id, sale_id=sale_id, lines=paid, closed=True))
    return sold


def _bill(node: Node, work: Work, order: PlatformReceived) -> Bill:
    """Make the bill as the platform did: its packing and its discount; the house's seats, service and taxes on top are not the guest's."""
    taxes = tuple(msgspec.structs.replace(tax, included=True) for tax in node.house.taxes)
    rules = msgspec.structs.replace(
        node.house, cover_fen=0, service_bp=0, packing_fen=order.packing_fen, taxes=taxes, tax_rounding="bill"
    )
    return order_bill.of_order(work.order, rules)


def _lines(node: Node, catalogue: Catalogue, order: PlatformReceived) -> list[OrderLine] | Refused:
    dishes = {dish.id: dish for dish in catalogue.menu.dishes}
    lines: list[OrderLine] = []
    for item in order.items:
        dish = dishes.get(item.dish_id)
        if dish is None:
            return Refused("unknown_dish", {"dish_id": item.dish_id, "name": item.name})
        line = _line(node, catalogue, dish, item.qty)
        if isinstance(line, Refused):
            return line
        usual_fen = -1 if item.unit_fen == dish.price_fen else dish.price_fen
        lines.append(msgspec.structs.replace(line, unit_fen=item.unit_fen, list_fen=usual_fen, note=item.note))
    return lines


def _line(node: Node, catalogue: Catalogue, dish: Dish, qty: int) -> OrderLine | Refused:
    """Give a line of a dish; what the guest chose of it the platform says in the note."""
    line_id = node.ids.uuid7().hex()
    if dish.parts:
        # What a set menu always has; one of which something is to be chosen cannot be sold by a note.
        made = catalogue.order_line(AskedLine(line_id=line_id, dish_id=dish.id, qty=qty), {dish.id: dish.price_fen})
        if isinstance(made, Refused):
            return made
        parts = tuple(msgspec.structs.replace(part, price_fen=0) for part in made.parts)
        return msgspec.structs.replace(made, parts=parts, packing_fen=0, course=0, no_discount=False)
    return OrderLine(
        line_id=line_id,
        dish_id=dish.id,
        code=dish.code,
        name=dish.name,
        qty=qty,
        unit_fen=dish.price_fen,
        station=dish.station,
        tax=dish.tax,
        menu=catalogue.menu.version,
    )
