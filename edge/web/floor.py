"""The API of what all tills share beside orders: the plan of the tables, and the dishes of today."""

import msgspec
from flask import Blueprint, Response

from edge.services.ordering import floor as floors
from edge.services.ordering import stock
from edge.services.ordering.floor import DrawCommand
from edge.services.ordering.stock import DayPriceCommand, StockCommand
from edge.web.access import command, desk, signed_in, staff_only
from edge.web.orders import done

floor = Blueprint("floor", __name__, url_prefix="/api/v1")


@floor.get("/floor")
@staff_only
def read_floor() -> Response:
    """Give the plan of the tables."""
    return _json(floors.read(desk().node))


@floor.post("/floor")
def draw_floor() -> Response:
    """Let another plan be in force."""
    session = signed_in()
    return done(floors.draw(desk().node, session, command(DrawCommand)))


@floor.get("/dishes/today")
@staff_only
def read_today() -> Response:
    """Give what is counted, sold out or priced for today."""
    return _json(stock.today(desk().node))


@floor.post("/dishes/<dish_id>/stock")
def stock_dish(dish_id: str) -> Response:
    """Say how many of a dish are left."""
    session = signed_in()
    return done(stock.set_left(desk().node, session, dish_id, command(StockCommand)))


@floor.post("/dishes/<dish_id>/price")
def price_dish(dish_id: str) -> Response:
    """Say what a dish costs today."""
    session = signed_in()
    return done(stock.set_price(desk().node, session, dish_id, command(DayPriceCommand)))


def _json(body: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
