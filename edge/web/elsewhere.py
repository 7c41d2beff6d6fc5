"""Refunds of other stores' sales: look the receipt up at the hub, ask for a refund, ask again, give it up."""

import msgspec
from flask import Blueprint, Response, request

from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.money import elsewhere as service
from edge.services.money.elsewhere import DropCommand, ElsewhereAnswer, ElsewhereCommand, ElsewhereQuery, OpenAsk
from edge.web import problems
from edge.web.access import command, desk, only, signed_in
from edge.web.problems import Problem
from edge.web.refunds import done
from sync.contract import ids
from sync.contract.elsewhere import TEXT_CHARS_MAX

elsewhere = Blueprint("elsewhere", __name__, url_prefix="/api/v1/refunds/elsewhere")


class OpenAsks(msgspec.Struct, frozen=True):
    """Refunds of other stores' sales that are asked for and not decided, oldest first."""

    asks: tuple[OpenAsk, ...]


@elsewhere.get("")
@only(Action.SELL)
def look() -> Response:
    """Find the sale of a receipt of another store."""
    text = request.args.get("text", "").strip()
    if not 1 <= len(text) <= TEXT_CHARS_MAX:
        raise Problem("malformed", field="text", expected=f"1 to {TEXT_CHARS_MAX} characters")
    return _answer(service.look(desk().node, text))


@elsewhere.post("/quote")
def quote() -> Response:
    """Say what a refund would be; nothing is changed."""
    session = signed_in()
    return _answer(service.quote(desk().node, session, command(ElsewhereQuery)))


@elsewhere.post("")
def give_back() -> Response:
    """Ask for a refund, and give it as soon as the sale's store has left it to us; asked again it goes on where it stood."""
    session = signed_in()
    return _told(service.give_back(desk().node, session, command(ElsewhereCommand)))


@elsewhere.get("/open")
@only(Action.SELL)
def open_asks() -> Response:
    """List what is asked for and not decided."""
    return _answer(OpenAsks(tuple(service.open_asks(desk().node))))


@elsewhere.post("/<refund_id>/again")
@only(Action.SELL)
def again(refund_id: str) -> Response:
    """Ask once more for a refund that stands open."""
    session = signed_in()
    return _told(
        service.again(desk().node, session, refund_id) if ids.is_uuid7_hex(refund_id) else Refused("not_found")
    )


@elsewhere.post("/<refund_id>/drop")
@only(Action.SELL)
def drop(refund_id: str) -> Response:
    """Give a refund up; it will never be given here."""
    session = signed_in()
    if not ids.is_uuid7_hex(refund_id):
        return problems.refused(Refused("not_found"))
    return done(service.drop(desk().node, session, refund_id, command(DropCommand)))


def _told(result: ElsewhereAnswer | Refused) -> Response:
    """Answer 200 where it was given, 202 while it waits."""
    if isinstance(result, Refused):
        return problems.refused(result)
    status = 200 if result.state == "given" else 202
    return Response(msgspec.json.encode(result), status=status, mimetype="application/json")


def _answer(result: object) -> Response:
    if isinstance(result, Refused):
        return problems.refused(result)
    return Response(msgspec.json.encode(result), mimetype="application/json")
