"""Takeaway platforms at the till: their orders, accepted, ready, cancelled; what each platform owes for a day."""

import msgspec
from flask import Blueprint, Response, request

from edge.domain.roles import Action
from edge.services.intake import orders, views
from edge.services.intake.orders import AcceptCommand, CancelCommand, ReadyCommand
from edge.web.access import command, desk, only, signed_in, staff_only
from edge.web.problems import Problem
from edge.web.refunds import done, is_day
from sync.contract import times

intake = Blueprint("intake", __name__, url_prefix="/api/v1/platforms")


@intake.get("")
@staff_only
def read_platforms() -> Response:
    """Give the platforms and their orders."""
    return _json(views.read(desk().node))


@intake.post("/orders/<order_id>/accept")
def accept(order_id: str) -> Response:
    """Take an order of a platform."""
    return done(orders.accept(desk().node, signed_in(), order_id, command(AcceptCommand)))


@intake.post("/orders/<order_id>/ready")
def ready(order_id: str) -> Response:
    """Say that it stands ready for the courier."""
    return done(orders.ready(desk().node, signed_in(), order_id, command(ReadyCommand)))


@intake.post("/orders/<order_id>/cancel")
def cancel(order_id: str) -> Response:
    """Decline an order, or cancel one that was accepted."""
    return done(orders.cancel(desk().node, signed_in(), order_id, command(CancelCommand)))


@intake.get("/owed")
@only(Action.SEE_MANAGER)
def owed() -> Response:
    """Say what each platform owes for a business day, today's unless another is named."""
    node = desk().node
    today = times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes)
    day = request.args.get("day", today)
    if not is_day(day):
        raise Problem("malformed", field="day", expected="YYYY-MM-DD")
    return _json(views.owed(node, day))


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
