"""Shifts: float, cash in and out, hand-over, X, blind count, Z, and the Zs of before."""

import msgspec
from flask import Blueprint, Response, request

from edge.domain.refusal import Refused
from edge.services.shifts import shift_figures
from edge.services.shifts import shifts as service
from edge.services.shifts.shifts import (
    CashCommand,
    CloseCommand,
    CountCommand,
    HandOverCommand,
    OpenTillCommand,
    PrintCommand,
)
from edge.web import problems
from edge.web.access import command, desk, signed_in, whole_number
from edge.web.problems import Problem
from edge.web.refunds import done
from sync.contract import ids

shifts = Blueprint("shifts", __name__, url_prefix="/api/v1/shift")

_N_MAX = 10**18 - 1
_DIGITS_MAX = 10


@shifts.get("")
def read_state() -> Response:
    """Say how the shift of this till stands, without any figure of the drawer."""
    return _json(shift_figures.state(desk().node, signed_in()))


@shifts.post("/open")
def open_till() -> Response:
    """Say the float."""
    session = signed_in()
    return done(service.open_till(desk().node, session, command(OpenTillCommand)))


@shifts.post("/cash")
def move_cash() -> Response:
    """Take cash in or out beside any sale."""
    session = signed_in()
    return done(service.move_cash(desk().node, session, command(CashCommand)))


@shifts.post("/hand-over")
def hand_over() -> Response:
    """Let another person go on here."""
    session = signed_in()
    return done(service.hand_over(desk().node, session, command(HandOverCommand)))


@shifts.get("/x")
def read_x() -> Response:
    """Give the figures of the running shift."""
    return _answer(shift_figures.read_x(desk().node, signed_in()))


@shifts.post("/x/print")
def print_x() -> Response:
    """Have them printed."""
    session = signed_in()
    return done(service.print_x(desk().node, session, command(PrintCommand)))


@shifts.post("/count")
def count_drawer() -> Response:
    """Take the blind count."""
    session = signed_in()
    return done(service.count_drawer(desk().node, session, command(CountCommand)))


@shifts.post("/close")
def close_till() -> Response:
    """Close the shift with its Z."""
    session = signed_in()
    return done(service.close_till(desk().node, session, command(CloseCommand)))


@shifts.get("/z")
def list_z() -> Response:
    """List the Zs of a till, the latest first."""
    session = signed_in()
    till = _till(request.args.get("till", session.till))
    before, limit = whole_number("before", 0, (0, _N_MAX)), whole_number("limit", 30, (1, shift_figures.Z_PAGE_MAX))
    found = shift_figures.list_z(desk().node, session, till, before, limit)
    return _answer(found if isinstance(found, Refused) else {"reports": found})


@shifts.get("/z/<till>/<epoch>/<z>")
def read_z(till: str, epoch: str, z: str) -> Response:
    """Give a Z of before."""
    session = signed_in()
    return _answer(shift_figures.read_z(desk().node, session, *_place(till, epoch, z)))


@shifts.post("/z/<till>/<epoch>/<z>/print")
def reprint_z(till: str, epoch: str, z: str) -> Response:
    """Have a Z printed again, marked as a copy."""
    session = signed_in()
    asked = command(PrintCommand)
    return done(service.reprint_z(desk().node, session, asked, _place(till, epoch, z)))


def _place(till: str, epoch: str, z: str) -> tuple[str, int, int]:
    if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX for text in (epoch, z)):
        raise Problem("not_found")
    return _till(till), int(epoch), int(z)


def _till(text: str) -> str:
    if ids.TILL_ID.fullmatch(text) is None:
        raise Problem("not_found")
    return text


def _answer(result: object) -> Response:
    return problems.refused(result) if isinstance(result, Refused) else _json(result)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
