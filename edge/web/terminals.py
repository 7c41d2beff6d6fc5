"""Terminals: the page on which a manager pairs and revokes them, the page on which a browser types its code, and whom to trust.

All pages are whole without a script; with htmx a form's answer takes the place of the page's content.
"""

from typing import Any

import msgspec
from flask import Blueprint, Response, redirect, render_template, request

from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import qr
from edge.services.care import status
from edge.services.house import terminals as pairs
from edge.services.house.terminals import OfferCommand, Offered, PairCommand, RevokeCommand
from edge.services.people import permit
from edge.web import problems
from edge.web.access import asker, command, desk, door, give_terminal, lan, only, signed_in, who
from edge.web.devices import Page, answered, frame, speaker, stranger
from edge.web.orders import done
from edge.web.problems import Problem
from sync.node import certificates

terminals = Blueprint("terminals", __name__)

API = "/api/v1/terminals"


# ------------------------------------------------------------------------------------------------------------------- API
@terminals.get(API)
@only(Action.PAIR_TERMINAL)
def list_terminals() -> Response:
    """List the terminals of the house."""
    return _json(pairs.listed(desk().node, lan()))


@terminals.post(f"{API}/codes")
def offer() -> Response:
    """Make a code for a browser that is to become a terminal."""
    session = signed_in()
    made = pairs.offer(desk().node, lan(), session, command(OfferCommand))
    return problems.refused(made) if isinstance(made, Refused) else _json(made, 201)


@terminals.post(f"{API}/<terminal_id>/revoke")
def revoke(terminal_id: str) -> Response:
    """Let a browser be a terminal no more."""
    session = signed_in()
    return done(pairs.revoke(desk().node, session, terminal_id, command(RevokeCommand)))


# ---------------------------------------------------------------------------------------------------- the manager's page
@terminals.get("/terminals")
def page() -> Page:
    """Show the terminals of the house."""
    session = who()
    if session is None:
        return stranger("terminals.title")
    if not permit.may(session, Action.PAIR_TERMINAL):
        return _page("not_allowed")
    return _page(request.args.get("code", ""), request.args.get("done", ""))


@terminals.post("/terminals/offer")
def offer_form() -> Page:
    """Show a code; it stands on this page only."""
    session = asker().session(at_work=True)
    if session is None:
        return stranger("terminals.title")
    given = request.form.to_dict()
    try:
        asked = msgspec.convert({name: given.get(name, "") for name in ("name", "till")}, OfferCommand)
    except msgspec.ValidationError:
        return _page("malformed")
    made = pairs.offer(desk().node, lan(), session, asked)
    return _page(made.code) if isinstance(made, Refused) else _page("", offered=made)


@terminals.post("/terminals/<terminal_id>/revoke")
def revoke_form(terminal_id: str) -> Page:
    """Let a browser be a terminal no more."""
    session = asker().session(at_work=True)
    if session is None:
        return stranger("terminals.title")
    try:
        asked = msgspec.convert({"request_id": request.form.get("request_id", "")}, RevokeCommand)
    except msgspec.ValidationError:
        return redirect("/terminals?code=malformed", 303)
    revoked = pairs.revoke(desk().node, session, terminal_id, asked)
    return redirect(f"/terminals?{f'code={revoked.code}' if isinstance(revoked, Refused) else 'done=revoked'}", 303)


def _page(code: str, said: str = "", offered: Offered | None = None) -> Page:
    say, node = speaker(), desk().node
    closed = code == "not_allowed"
    shown = None if closed else pairs.listed(node, lan())
    page = render_template(
        "terminals.html",
        **frame(say, None),
        title="terminals.title",
        shown=shown,
        fresh=lambda: node.ids.uuid7().hex(),
        tills=node.settings.store.tills,
        name_chars_max=pairs.NAME_CHARS_MAX,
        offered=offered,
        qr=qr.path_of(f"{offered.addresses[0]}/pair") if offered else None,
        lan=lan(),
        code=code if code and say.has(f"error.{code}") else "",
        done=said if said == "revoked" else "",
        closed=closed,
    )
    answer = answered(page)
    answer.status_code = 403 if closed else 422 if code and not said else 200
    return answer


# -------------------------------------------------------------------------------------------------- the browser's page
@terminals.get("/pair")
def pair_page() -> Page:
    """Ask a browser of the house for its code; a terminal is led to the till."""
    if not asker().is_stranger():
        return redirect("/till/")
    return _pair("")


@terminals.post("/pair")
def pair() -> Page:
    """Make a terminal of the browser that shows a code."""
    if not door().house:
        # At the node itself there is nothing to pair.
        raise Problem("not_found")
    if lan().tries.take(request.remote_addr, desk().node.clock.monotonic_ms()):
        return _pair("too_often")
    given = request.form.to_dict()
    try:
        asked = msgspec.convert({name: given.get(name, "") for name in ("request_id", "code")}, PairCommand)
    except msgspec.ValidationError:
        return _pair("pairing_code_wrong")
    paired = pairs.pair(desk().node, lan(), asked)
    if isinstance(paired, Refused):
        return _pair(paired.code)
    answer = redirect("/till/", 303)
    give_terminal(answer, paired.token)
    return answer


@terminals.get("/pair/trust")
def trust_page() -> Page:
    """Say how a device is made to trust the store's certificates, and how to see that they are the store's."""
    say = speaker()
    page = render_template("trust.html", **frame(say, None), title="trust.title", lan=lan())
    return answered(page)


@terminals.get("/pair/house-ca.crt")
def authority() -> Response:
    """Give the certificate of the store's own CA, as phones and computers install it."""
    held = lan().authority
    if not held:
        raise Problem("not_found")
    return Response(
        certificates.der(held),
        mimetype="application/x-x509-ca-cert",
        headers={"Content-Disposition": 'attachment; filename="house-ca.crt"'},
    )


def _pair(code: str) -> Page:
    say, node = speaker(), desk().node
    page = render_template(
        "pair.html",
        **frame(say, None),
        title="pair.title",
        request_id=node.ids.uuid7().hex(),
        name=status.store_name(node),
        code=code if say.has(f"error.{code}") else "",
    )
    answer = answered(page)
    answer.status_code = 422 if code else 200
    return answer


def _json(body: Any, status_code: int = 200) -> Response:  # noqa: ANN401 - any answer struct
    return Response(msgspec.json.encode(body), status=status_code, mimetype="application/json")
