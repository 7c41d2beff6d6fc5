"""The codes of the tables: a sheet to print from the plan, and renewing one that got about."""

import msgspec
from flask import Blueprint, Response, redirect, render_template, request

from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import qr
from edge.services.guests import table_codes as codes
from edge.services.guests.table_codes import RenewCommand
from edge.services.people import permit
from edge.web import words
from edge.web.access import asker, command, desk, lan, only, signed_in, who
from edge.web.devices import Page, answered, frame, speaker, stranger
from edge.web.orders import done
from edge.web.pages import static_base

table_codes = Blueprint("table_codes", __name__)

API = "/api/v1/table-codes"


@table_codes.get(API)
@only(Action.DRAW_FLOOR)
def list_codes() -> Response:
    """Give the codes of all tables."""
    return Response(msgspec.json.encode(codes.listed(desk().node, lan())), mimetype="application/json")


@table_codes.post(f"{API}/<table_id>/renew")
def renew(table_id: str) -> Response:
    """Let the code of a table hold no more."""
    session = signed_in()
    return done(codes.renew(desk().node, session, table_id, command(RenewCommand)))


@table_codes.get("/terminals/tables")
def page() -> Page:
    """Show the codes of the tables, each with a key that renews it."""
    session = who()
    if session is None:
        return stranger("table_codes.title")
    if not permit.may(session, Action.DRAW_FLOOR):
        return _page("not_allowed")
    return _page(request.args.get("code", ""), request.args.get("done", ""))


@table_codes.get("/terminals/tables/print")
def sheet() -> Page:
    """Give the sheet to print: all tables, or the one that the address names."""
    session = who()
    if session is None:
        return stranger("table_codes.title")
    if not permit.may(session, Action.DRAW_FLOOR):
        return _page("not_allowed")
    found = codes.listed(desk().node, lan(), request.args.get("table", "")[:32]).codes
    drawn = [(one, qr.path_of(one.url)) for one in found if one.url]
    say = speaker()
    both = words.catalogue()
    page = render_template("table_codes_print.html", **frame(say, None), base_of=static_base(), drawn=drawn, both=both)
    return answered(page)


@table_codes.post("/terminals/tables/<table_id>/renew")
def renew_form(table_id: str) -> Page:
    """Let the code of a table hold no more."""
    session = asker().session(at_work=True)
    if session is None:
        return stranger("table_codes.title")
    given = request.form.to_dict()
    over = given.get("over", "")
    try:
        asked = msgspec.convert(
            {"request_id": given.get("request_id", ""), "over": int(over) if over.isascii() and over.isdigit() else 0},
            RenewCommand,
        )
    except (msgspec.ValidationError, ValueError):
        return redirect("/terminals/tables?code=malformed", 303)
    renewed = codes.renew(desk().node, session, table_id, asked)
    said = f"code={renewed.code}" if isinstance(renewed, Refused) else "done=renewed"
    return redirect(f"/terminals/tables?{said}", 303)


def _page(code: str, said: str = "") -> Page:
    say, node = speaker(), desk().node
    closed = code == "not_allowed"
    page = render_template(
        "table_codes.html",
        **frame(say, None),
        title="table_codes.title",
        codes=() if closed else codes.listed(node, lan()).codes,
        fresh=lambda: node.ids.uuid7().hex(),
        open=bool(lan().guest_base()),
        code=code if code and say.has(f"error.{code}") else "",
        done=said if said == "renewed" else "",
        closed=closed,
    )
    answer = answered(page)
    answer.status_code = 403 if closed else 200
    return answer
