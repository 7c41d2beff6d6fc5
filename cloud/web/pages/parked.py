"""What was refused at the door and what is stored but not yet understood, with its text, and the way to try it again."""

import json

from flask import redirect, request
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem

pages = closed_blueprint("parked", __name__)


@pages.get("/parked")
@access.needs(Action.VIEW_PARKED)
def parked() -> str:
    """Show refusals by reason and the newest parked facts."""
    reports = frame.site().hub.reports
    stores = reports.stores()
    tried, understood = asked.number("tried"), asked.number("understood")
    return frame.draw_framed(
        "parked.html",
        stores=stores,
        place="parked",
        names={store.id: store.name for store in stores},
        held=reports.quarantine(),
        forked=[store for store in stores if not store.chain_ok],
        tried=tried,
        understood=understood or 0,
    )


@pages.get("/parked/<int:n>")
@access.needs(Action.VIEW_PARKED)
def fact(n: int) -> str:
    """Show one parked fact with its text. It may name a guest, so only a person who is signed in sees it."""
    if access.person() is None:
        raise Problem(403, "forbidden")
    reports = frame.site().hub.reports
    found = reports.parked_fact(n) if 0 < n <= asked.NUMBER_MAX else None
    if found is None:
        raise Problem(404, "not_found")
    return frame.draw_framed(
        "parked_fact.html", stores=reports.stores(), place="parked", fact=found, text=readable(found.text)
    )


@pages.post("/parked/retry")
@access.needs(Action.RETRY_PARKED)
def retry() -> Response:
    """Try one parked fact again, or all."""
    hub, who = frame.site().hub, access.who()
    text = request.form.get("n", "")
    if text and not (text.isascii() and text.isdigit() and len(text) <= len(str(asked.NUMBER_MAX))):
        raise Problem(400, "bad_parameter", name="n")
    retried = hub.projector.retry([int(text)] if text else None)
    hub.console.audit_log.record(
        who.actor,
        "parked.retried",
        text or "all",
        **who.detail(tried=retried.tried, understood=retried.understood),
    )
    return redirect(f"/parked?tried={retried.tried}&understood={retried.understood}", 303)


def readable(text: str) -> str:
    """Set a fact's text out for people where it is JSON; anything else is shown as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text
