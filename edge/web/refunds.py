"""Refunds: find a sale, see what of it may go back, give it back, reverse it."""

import re

import msgspec
from flask import Blueprint, Response, request

from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.money import find_sale
from edge.services.money import refunds as service
from edge.services.money.refunds import RefundCommand, RefundQuery
from edge.services.money.reverse import ReverseCommand, reverse
from edge.web import problems
from edge.web.access import command, desk, signed_in, staff_only, whole_number
from edge.web.problems import Problem
from sync.contract import ids, times

refunds = Blueprint("refunds", __name__, url_prefix="/api/v1")

TEXT_CHARS_MAX = 400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FEN_MAX = 10**12
_MINUTE_LAST = 1_439


@refunds.get("/sales/find")
@staff_only
def find() -> Response:
    """Find sales by what is on the receipt, or by amount, day and time."""
    text = request.args.get("text", "")
    if len(text) > TEXT_CHARS_MAX:
        raise Problem("malformed", field="text", expected=f"{TEXT_CHARS_MAX} characters at most")
    day = request.args.get("day", "")
    if day and not is_day(day):
        raise Problem("malformed", field="day", expected="YYYY-MM-DD")
    amount = whole_number("amount_fen", 0, (0, _FEN_MAX)) if "amount_fen" in request.args else None
    first, last = (
        whole_number(name, default, (0, _MINUTE_LAST)) for name, default in (("from", 0), ("to", _MINUTE_LAST))
    )
    minutes = None if (first, last) == (0, _MINUTE_LAST) else (first, last)
    found = find_sale.find(desk().node, text=text, amount_fen=amount, day=day, minutes=minutes)
    return _json({"sales": found})


@refunds.get("/sales/<sale_id>/refunds")
def read_refunds(sale_id: str) -> Response:
    """Give a sale with what of it may still go back, and every refund of it."""
    session = signed_in()
    return _answer(service.state(desk().node, session, sale_id) if ids.is_uuid7_hex(sale_id) else Refused("not_found"))


@refunds.post("/refunds/quote")
def quote() -> Response:
    """Say what a refund would be; nothing is changed."""
    return _answer(service.quote(desk().node, signed_in(), command(RefundQuery)))


@refunds.post("/refunds")
def give_back() -> Response:
    """Give money of a sale back."""
    session = signed_in()
    return done(service.give_back(desk().node, session, command(RefundCommand)))


@refunds.post("/reversals")
def reverse_sale() -> Response:
    """Take a sale back as a whole and open it again."""
    session = signed_in()
    return done(reverse(desk().node, session, command(ReverseCommand)))


def done(result: Done | Refused) -> Response:
    """Answer for a deed: 201 when it was done now, 200 for a repeat."""
    if isinstance(result, Refused):
        return problems.refused(result)
    return Response(result.answer, status=200 if result.repeated else 201, mimetype="application/json")


def is_day(text: str) -> bool:
    """Say whether a text is a date."""
    if _DAY.fullmatch(text) is None:
        return False
    try:
        times.epoch_day(text)
    except ValueError:
        return False
    return True


def _answer(result: object) -> Response:
    return problems.refused(result) if isinstance(result, Refused) else _json(result)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
