"""The bill of an open order on paper before it is paid (预结单): what is left to pay, marked as no receipt.

What its guests were shown stands in a fact, so the slip says the same whenever it comes out, and HQ sees when a bill that was shown is
made smaller afterwards.
"""

from typing import Annotated

import msgspec

from edge.db import bills_shown
from edge.db import payments as payment_rows
from edge.db.print_jobs import NewSlip, next_copy
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.money import book_sale
from edge.services.money.pay_order import PayLine, bill_of, part_of
from edge.services.money.refunds import Hex
from edge.services.node import Node
from edge.services.ordering import floor, orders
from edge.services.people.permit import permit
from sync.contract import limits
from sync.contract.orders import BILLED, OrderBilled
from sync.contract.words import LOCALES, ZH


class PrebillCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Asks for the bill of an order on paper: all that is left, some lines, or a seat."""

    request_id: Hex
    locale: Annotated[str, msgspec.Meta(max_length=8)] = ZH
    lines: Annotated[tuple[PayLine, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    seat: Annotated[int, msgspec.Meta(ge=0, le=limits.COVERS_MAX)] | None = None


class PrebillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A bill is on its way to paper; `copy` counts from 1 where the guests have one already."""

    job_id: str
    total_fen: int
    left_fen: int
    copy: int


class _Asked(msgspec.Struct, frozen=True):
    order_id: str
    command: PrebillCommand


def print_bill(node: Node, who: Session, order_id: str, command: PrebillCommand) -> Done | Refused:
    """Have the bill of an order printed as it is now; nothing of the order changes.

    Returns:
        What `orders.open_one` and `part_of` refuse; `not_found` with {printer} at a till without a receipt printer; `too_large` for more
        than one fact carries.
    """
    if command.locale not in LOCALES:
        return Refused("malformed", {"field": "locale", "expected": list(LOCALES)})

    def work(deed: Deed) -> PrebillAnswer | Refused:
        allowed = permit(deed, Action.SELL, order_id)
        if isinstance(allowed, Refused):
            return allowed
        order = orders.open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        part = part_of(order, command.lines, command.seat)
        if isinstance(part, Refused):
            return part
        row = node.devices.printer_for(RECEIPT, who.till)
        catalogue = node.shelf.catalogue
        if row is None or catalogue is None:
            return Refused("not_found", {"printer": RECEIPT}) if row is None else Refused("no_menu")
        made = bill_of(deed.tx, node, order, part)
        taken_fen = sum(one.amount_fen for one in payment_rows.taken_for(deed.tx, order_id)) if part.closes else 0
        body = OrderBilled(
            order_id=order_id,
            till=who.till,
            locale=command.locale,
            currency=catalogue.menu.currency,
            lines=made.lines,
            total_fen=made.total_fen,
            taken_fen=taken_fen,
            adjustments=made.adjustments,
            taxes=made.taxes,
            service="" if order.service == "counter" else order.service,
            table=floor.table_name(deed.tx, order.table) if order.table else order.label,
            covers=order.covers,
        )
        if len(msgspec.json.encode(body)) > book_sale.SALE_BYTES_MAX:
            return Refused("too_large", {"lines": len(made.lines)})
        fact = deed.write(BILLED, body)
        copy = bills_shown.count(deed.tx, order_id) - 1
        slip = NewSlip(command.request_id, slip_rules.BILL, str(fact.n), body.table or who.till, RECEIPT, row.id)
        deed.print(slip, next_copy(deed.tx, str(fact.n), slip_rules.BILL, RECEIPT))
        return PrebillAnswer(
            job_id=command.request_id, total_fen=made.total_fen, left_fen=max(0, made.total_fen - taken_fen), copy=copy
        )

    return deeds.transact(node, who, command.request_id, _Asked(order_id, command), work)
