"""Nodes that ask to become a store's, and the stores' code sheets; whoever says yes has compared the fingerprint."""

from flask import make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services import code_sheet, tls_files
from cloud.services.enrol import BadStore
from cloud.web import access, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem

pages = closed_blueprint("enrolment", __name__)

TEXT_CHARS_MAX = 64


@pages.get("/enrolment")
@access.needs(Action.ENROL_STORES)
def enrolment() -> Response:
    """Show who waits, and every store."""
    return _page()


@pages.post("/enrolment/code")
@access.needs(Action.ENROL_STORES)
def code() -> Response:
    """Make a fresh code for a store that stands, and show its sheet once."""
    hub, who, store = frame.site().hub, access.who(), request.form.get("store", "")[:TEXT_CHARS_MAX]
    try:
        made = hub.enrolment.make_code(store, who=who)
    except BadStore as error:
        raise Problem(422, "bad_store") from error
    line = code_sheet.text(
        hub=tls_files.console_url(hub.settings), store=store, code=made.code, ca=hub.authority.fingerprint
    )
    return _page(made=made, sheet=code_sheet.data_uri(line), line=line)


@pages.post("/enrolment/decide")
@access.needs(Action.ENROL_STORES)
def decide() -> Response:
    """Say yes or no to a node that waits. Whoever says yes types the last group as the node shows it."""
    hub, who = frame.site().hub, access.who()
    store, shown = request.form.get("store", "")[:TEXT_CHARS_MAX], request.form.get("fingerprint", "")[:TEXT_CHARS_MAX]
    approve = request.form.get("decision") == "approve"
    typed = "".join(request.form.get("last_group", "")[:TEXT_CHARS_MAX].upper().split())
    if approve and (not typed or typed != shown.rpartition("-")[2]):
        raise Problem(422, "wrong_fingerprint")
    if not hub.enrolment.decide(store, shown, approve=approve, by=who.actor, address=who.address):
        raise Problem(409, "nobody_waits")
    return redirect("/enrolment", 303)


def _page(**values: object) -> Response:
    hub = frame.site().hub
    stores = hub.reports.stores()
    page = frame.draw_framed(
        "enrolment.html",
        stores=stores,
        place="enrolment",
        waiting=hub.enrolment.waiting(),
        rows=stores,
        ca=hub.authority.fingerprint,
        **values,
    )
    return make_response(page)
