"""A sale or a step of an order becomes a kitchen docket: what one station has to cook, in big type and never with a price (pure)."""

from collections.abc import Sequence

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.domain import kitchen
from edge.domain.kitchen import Item, Slip
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import weights
from sync.contract.orders import Cooked
from sync.contract.times import local_text
from sync.contract.trade import SalePaid
from sync.contract.words import ZH

KITCHEN: str = ZH
"""The language of the kitchen; the guest's receipt has its own."""


def docket(
    sale: SalePaid,
    station: str,
    dishes: Sequence[Cooked],
    heading: Heading,
    at_ms: int,
    copy: int,
    avoids: str = "",
) -> ReceiptDoc:
    """Lay out the docket of one station.

    Args:
        dishes: those of the sale that this station cooks.
        at_ms: wall time of the sale.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
        avoids: what whoever's bill it is must not eat.
    """
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", KITCHEN, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Columns(station, word("till", KITCHEN, till=sale.till), bold=True),
        Text(sale.receipt_no, align="centre", bold=True, size=2),
        Columns(word("time", KITCHEN), local_text(at_ms, heading.zone)),
    ]
    if avoids:
        elements.append(Text(word("kitchen_avoids", KITCHEN, allergies=avoids), bold=True, size=2))
    elements.append(Rule("single"))
    for dish in dishes:
        elements += _dish(dish)
    elements += [
        Rule("single"),
        Text(word("pieces", KITCHEN, lines=len(dishes), pieces=sum(dish.qty for dish in dishes))),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def _dish(dish: Cooked) -> list[Element]:
    amount = weights.kilograms(dish.weight_g) if dish.per_g else f"{dish.qty} ×"
    shown: list[Element] = [Text(f"{amount} {dish.name.in_locale(KITCHEN)}", bold=True, size=2)]
    small = ([] if dish.of is None else [dish.of]) + list(dish.choices)
    if small:
        shown.append(Text("  " + "·".join(name.in_locale(KITCHEN) for name in small), size=2))
    if dish.note:
        shown.append(Text("  " + word("note", KITCHEN, note=dish.note), bold=True, size=2))
    return shown


def of_order(slip: Slip, station: str, heading: Heading, copy: int) -> ReceiptDoc:
    """Lay out what a station is told of an order: a send with what came since, 退菜, 起菜, 催菜, another table, an allergy.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", KITCHEN, copy=copy), align="centre", bold=True, size=2))
    if slip.what != "send":
        elements.append(Text(word(f"kitchen_{slip.what}", KITCHEN), align="centre", bold=True, size=2))
    if slip.was_called:
        elements.append(Text(f"{slip.was_called} →", align="centre", bold=True, size=2))
    elements += [
        Text(slip.called, align="centre", bold=True, size=2),
        Columns(f"{station} {kitchen.number_of(slip.order_id)}", word("till", KITCHEN, till=slip.till), bold=True),
        Columns(_guests(slip), local_text(slip.at_ms, heading.zone)),
    ]
    if slip.allergies:
        elements.append(Text(word("kitchen_avoids", KITCHEN, allergies=slip.allergies), bold=True, size=2))
    if slip.note and slip.what in ("send", "added"):
        elements.append(Text(word("note", KITCHEN, note=slip.note), bold=True, size=2))
    elements.append(Rule("single"))
    for held in (False, True):
        items = [item for item in slip.items if item.held is held]
        if items and held:
            elements += [Rule("single"), Text(word("kitchen_held", KITCHEN), align="centre", bold=True, size=2)]
        for item in items:
            elements += _item(item, slip.what)
    pieces = sum(item.qty for item in slip.items)
    elements += [
        Rule("single"),
        Text(word("pieces", KITCHEN, lines=len(slip.items), pieces=pieces)),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def _guests(slip: Slip) -> str:
    service = word(slip.service, KITCHEN) if slip.service in ("dine_in", "takeaway", "delivery") else ""
    covers = word("covers", KITCHEN, covers=slip.covers) if slip.covers else ""
    return f"{service} {covers}".strip() or word("time", KITCHEN)


def _item(item: Item, what: str) -> list[Element]:
    amount = weights.kilograms(item.weight_g) if item.per_g else f"{item.qty} ×"
    # A printer cannot strike through, so the word stands before each dish.
    struck = word("kitchen_not", KITCHEN) + " " if what == "void" else ""
    shown: list[Element] = [Text(f"{struck}{amount} {item.name.in_locale(KITCHEN)}", bold=True, size=2)]
    small = []
    if item.of is not None:
        small.append(item.of.in_locale(KITCHEN))
    small += [choice.in_locale(KITCHEN) for choice in item.choices]
    if item.seat:
        small.append(word("kitchen_seat", KITCHEN, seat=item.seat))
    if small:
        shown.append(Text("  " + "·".join(small), size=2))
    if item.note:
        shown.append(Text("  " + word("note", KITCHEN, note=item.note), bold=True, size=2))
    return shown
