"""The house: the page of managers and openers with its figures, lists and bookings; menu by file, dishes of the day.

The page is a shell; what it shows comes from the API, and each call asks the table of roles by itself.
"""

from typing import Any

import msgspec
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.house import bookings, day_figures, opening
from edge.services.house.bookings import ArriveCommand, BookCommand, EndBookingCommand
from edge.services.house.opening import CheckedCommand
from edge.services.ordering import day_specials, menu_by_hand
from edge.services.ordering.day_specials import SpecialCommand
from edge.services.ordering.menu_by_hand import TakeMenuCommand, TryMenuCommand
from edge.web import problems
from edge.web.access import allowed, command, desk, only, signed_in, staff_only, who
from edge.web.orders import done
from edge.web.pages import static_base
from edge.web.problems import Problem
from sync.contract import ids

house = Blueprint("house", __name__)

API = "/api/v1"


@house.get("/house")
def page() -> Response | WerkzeugResponse:
    """Give the page; who is not signed in goes to the till first."""
    if who() is None:
        return redirect("/till/")
    shown = render_template("house.html", static_base=static_base(), zone=desk().node.settings.store.timezone)
    return Response(shown, mimetype="text/html", headers={"Cache-Control": "no-cache"})


# ---------------------------------------------------------------------------------------------------------------- the day
@house.get(f"{API}/house/day")
@only(Action.SEE_MANAGER)
def read_day() -> Response:
    """Give the figures of a business day, what is open and what was out of the ordinary."""
    return _answer(day_figures.of_day(desk().node, request.args.get("day", "")))


@house.get(f"{API}/house/opening")
@only(Action.OPEN_TILL)
def read_opening() -> Response:
    """Give the list before the first sale of this till's day."""
    return _answer(opening.listed(desk(), signed_in()))


@house.post(f"{API}/house/opening")
def check_opening() -> Response:
    """Note that the list was looked through."""
    session = signed_in()
    return done(opening.checked(desk(), session, command(CheckedCommand)))


# --------------------------------------------------------------------------------------------------------------- the menu
@house.post(f"{API}/menu/try")
def try_menu() -> Response:
    """Say what a menu file would change, and what is wrong with it."""
    allowed(Action.IMPORT_MENU)
    return _answer(menu_by_hand.look_at(desk().node, _large(TryMenuCommand)))


@house.post(f"{API}/menu/import")
def import_menu() -> Response:
    """Bring the menu of a file into force."""
    session = signed_in()
    return done(menu_by_hand.take(desk().node, session, _large(TakeMenuCommand)))


@house.get(f"{API}/menu/table")
@only(Action.IMPORT_MENU)
def read_menu_table() -> Response:
    """Give the menu in force as a table."""
    answer = Response(menu_by_hand.as_table(desk().node), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="menu.csv"'
    return answer


@house.get(f"{API}/specials")
@staff_only
def read_specials() -> Response:
    """Give the dishes of the day."""
    return _answer(day_specials.today(desk().node))


@house.post(f"{API}/specials/<special_id>")
def keep_special(special_id: str) -> Response:
    """Sell a dish of the day, change it or take it off."""
    session = signed_in()
    return done(day_specials.keep(desk().node, session, _id(special_id), command(SpecialCommand)))


# --------------------------------------------------------------------------------------------------------------- bookings
@house.get(f"{API}/bookings")
@only(Action.TABLES)
def list_bookings() -> Response:
    """List the tables that are kept for guests."""
    return _answer(bookings.listed(desk().node, request.args.get("from", ""), request.args.get("to", "")))


@house.post(f"{API}/bookings/<booking_id>")
def keep_booking(booking_id: str) -> Response:
    """Keep a table for guests, or change what was said of it."""
    session = signed_in()
    return done(bookings.keep(desk().node, session, _id(booking_id), command(BookCommand)))


@house.post(f"{API}/bookings/<booking_id>/arrive")
def guests_arrive(booking_id: str) -> Response:
    """Open an order for guests who came."""
    session = signed_in()
    return done(bookings.arrive(desk().node, session, _id(booking_id), command(ArriveCommand)))


@house.post(f"{API}/bookings/<booking_id>/end")
def end_booking(booking_id: str) -> Response:
    """Note that guests do not come."""
    session = signed_in()
    return done(bookings.end(desk().node, session, _id(booking_id), command(EndBookingCommand)))


def _id(text: str) -> str:
    if not ids.is_uuid7_hex(text):
        raise Problem("not_found")
    return text


def _large(kind: type[Any]) -> Any:  # noqa: ANN401 - a command of the kind
    """Read a command that carries a file."""
    request.max_content_length = menu_by_hand.BODY_BYTES_MAX
    return command(kind)


def _answer(found: msgspec.Struct | Refused) -> Response:
    if isinstance(found, Refused):
        return problems.refused(found)
    return Response(msgspec.json.encode(found), mimetype="application/json")
