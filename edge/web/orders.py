"""The API of open orders: list, one with its bill, open, steps, move, merge, split, cancel; and what changed."""

import msgspec
from flask import Blueprint, Response

from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.ordering import house_changes, order_moves, read_orders
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.order_moves import MergeOrdersCommand, MoveOrderCommand, SplitOrderCommand
from edge.services.ordering.orders import CancelOrderCommand, OpenOrderCommand, StepsCommand
from edge.web import problems
from edge.web.access import command, desk, signed_in, staff_only, whole_number
from edge.web.problems import Problem
from sync.contract import ids

orders = Blueprint("orders", __name__, url_prefix="/api/v1")

N_MAX = 2**53 - 1


@orders.get("/orders")
@staff_only
def list_orders() -> Response:
    """List the open orders."""
    return _json(read_orders.every_open(desk().node))


@orders.get("/orders/<order_id>")
@staff_only
def read_order(order_id: str) -> Response:
    """Give one order with its bill."""
    found = read_orders.one(desk().node, order_id) if ids.is_uuid7_hex(order_id) else None
    if found is None:
        raise Problem("not_found")
    return _json(found)


@orders.get("/changes")
@staff_only
def read_changes() -> Response:
    """Name what changed behind a version: for a screen that has no live events."""
    return _json(house_changes.read_since(desk().node, whole_number("after", 0, (0, N_MAX))))


@orders.post("/orders")
def open_order() -> Response:
    """Open an order, with its first steps."""
    session = signed_in()
    return done(order_deeds.open_order(desk().node, session, command(OpenOrderCommand)), 201)


@orders.post("/orders/<order_id>/steps")
def change_order(order_id: str) -> Response:
    """Do steps of an order."""
    session = signed_in()
    return done(order_deeds.change(desk().node, session, order_id, command(StepsCommand)))


@orders.post("/orders/<order_id>/move")
def move_order(order_id: str) -> Response:
    """Move an order to another table."""
    session = signed_in()
    return done(order_moves.move(desk().node, session, order_id, command(MoveOrderCommand)))


@orders.post("/orders/<order_id>/merge")
def merge_order(order_id: str) -> Response:
    """Let all lines go to another order."""
    session = signed_in()
    return done(order_moves.merge(desk().node, session, order_id, command(MergeOrdersCommand)))


@orders.post("/orders/<order_id>/split")
def split_order(order_id: str) -> Response:
    """Let pieces of lines go to another order."""
    session = signed_in()
    return done(order_moves.split(desk().node, session, order_id, command(SplitOrderCommand)))


@orders.post("/orders/<order_id>/cancel")
def cancel_order(order_id: str) -> Response:
    """End an order on which nothing is left."""
    session = signed_in()
    return done(order_deeds.cancel(desk().node, session, order_id, command(CancelOrderCommand)))


def done(result: Done | Refused, status: int = 200) -> Response:
    """Answer with what a deed answered; `status` is for its first time."""
    if isinstance(result, Refused):
        return problems.refused(result)
    return Response(result.answer, status=200 if result.repeated else status, mimetype="application/json")


def _json(body: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
