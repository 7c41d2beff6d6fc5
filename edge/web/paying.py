"""Paying at the counter and at tables: sales are settled, bills are shown, split and paid."""

from typing import Annotated

import msgspec
from flask import Blueprint, Response

from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.money import pay_order, prebill
from edge.services.money.pay_order import SHARES_MAX, PayCommand, PayLine
from edge.services.money.prebill import PrebillCommand
from edge.services.money.settle_sale import SellCommand, settle_sale
from edge.web import problems
from edge.web.access import command, desk, signed_in, staff_only, whole_number
from edge.web.problems import Problem
from sync.contract import ids, limits

paying = Blueprint("paying", __name__, url_prefix="/api/v1")


class PartCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Asks what pieces of an order come to: of lines, or of a seat."""

    lines: Annotated[tuple[PayLine, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    seat: Annotated[int, msgspec.Meta(ge=0, le=limits.COVERS_MAX)] | None = None


@paying.post("/sales")
def sell() -> Response:
    """Settle a sale; repeats of the same request get the same bytes."""
    session = signed_in()
    return _settled(settle_sale(desk().node, session, command(SellCommand)))


@paying.get("/house")
@staff_only
def read_house() -> Response:
    """Give the rules of the house: charges, taxes, rounding, discounts with a key of their own."""
    return Response(msgspec.json.encode(desk().node.house), mimetype="application/json")


@paying.get("/orders/<order_id>/bill")
@staff_only
def read_bill(order_id: str) -> Response:
    """Say what is left to pay of an order, in `of` equal shares where asked."""
    return _bill(pay_order.read_bill(desk().node, _named(order_id), of=whole_number("of", 0, (0, SHARES_MAX))))


@paying.post("/orders/<order_id>/bill/print")
def print_bill(order_id: str) -> Response:
    """Have the bill printed before it is paid."""
    session = signed_in()
    return _settled(prebill.print_bill(desk().node, session, _named(order_id), command(PrebillCommand)))


@paying.post("/orders/<order_id>/bill")
@staff_only
def read_part(order_id: str) -> Response:
    """Say what a part of an order comes to; nothing is changed."""
    asked = command(PartCommand)
    return _bill(pay_order.read_bill(desk().node, _named(order_id), asked.lines, asked.seat))


@paying.post("/orders/<order_id>/pay")
def pay(order_id: str) -> Response:
    """Pay an order or a part of it; repeats of the same request get the same bytes."""
    session = signed_in()
    return _settled(pay_order.pay_order(desk().node, session, _named(order_id), command(PayCommand)))


def _named(order_id: str) -> str:
    if not ids.is_uuid7_hex(order_id):
        raise Problem("not_found")
    return order_id


def _bill(found: pay_order.BillAnswer | Refused) -> Response:
    if isinstance(found, Refused):
        return problems.refused(found)
    return Response(msgspec.json.encode(found), mimetype="application/json")


def _settled(settled: Done | Refused) -> Response:
    if isinstance(settled, Refused):
        return problems.refused(settled)
    return Response(settled.answer, status=200 if settled.repeated else 201, mimetype="application/json")
