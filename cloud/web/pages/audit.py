"""The audit log: who did what and when, with filters, page by page, and the button that proves it."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import redirect
from werkzeug.wrappers import Response

from cloud.domain.audit_chain import Entry, Filter
from cloud.domain.roles import Action
from cloud.services.audit_log import Proof
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem
from cloud.web.show import Speaker

pages = closed_blueprint("audit", __name__)
ROWS = 50
_NAME = re.compile(r"[a-z0-9._:-]{0,64}")


@pages.get("/audit")
@access.needs(Action.VIEW_AUDIT)
def audit() -> str:
    """Show a page of the log."""
    return _page(None)


@pages.get("/audit/verify")
@access.needs(Action.VIEW_AUDIT)
def verified() -> Response:
    """A reload of the proven page shows the log."""
    return redirect("/audit", 303)


@pages.post("/audit/verify")
@access.needs(Action.VIEW_AUDIT)
def verify() -> str:
    """Walk the chain and say whether it is whole."""
    log, who = frame.site().hub.console.audit_log, access.who()
    proof = log.verify()
    outcome = "whole" if proof.whole else proof.what
    log.record(who.actor, "log.verified", "", **who.detail(rows=proof.rows, outcome=outcome))
    return _page(proof)


def _page(proof: Proof | None) -> str:
    hub = frame.site().hub
    log = hub.console.audit_log
    actors, actions = log.names()
    actor, action = _name("who"), _name("what")
    day, before = asked.day(), asked.number("before", least=1)
    from_ms, until_ms = _bounds(day)
    wanted = Filter(actor=actor, actions=(action,) if action else (), from_ms=from_ms, until_ms=until_ms, before=before)
    found = log.page(wanted, ROWS + 1)
    shown = found[:ROWS]
    say = frame.speaker()
    filters = {name: value for name, value in (("who", actor), ("what", action), ("day", day)) if value}
    return frame.draw_framed(
        "audit.html",
        stores=hub.reports.stores(),
        place="audit",
        rows=[(row, deed(say, row.action), detail(say, row)) for row in shown],
        actors=actors,
        deeds=[(name, deed(say, name)) for name in actions],
        actor=actor,
        action=action,
        day=day,
        paged=before is not None,
        newest_href=_href(filters),
        older_href=_href({**filters, "before": str(shown[-1].n)}) if len(found) > ROWS else "",
        proof=proof,
        proved_at=say.second(hub.clock.now_ms()) if proof is not None else "",
    )


def deed(say: Speaker, action: str) -> str:
    """Give the words for an action; one that the catalogue does not know is shown as it is."""
    key = f"deed.{action.replace('.', '_')}"
    return say.text(key) if frame.site().words.has(key) else action


def detail(say: Speaker, row: Entry) -> str:
    """Write a row's details as they are kept, names in words where there are some."""
    held: dict[str, Any] = msgspec.json.decode(row.detail)
    return " · ".join(f"{_label(say, name)} {_value(say, value)}" for name, value in held.items())


def _label(say: Speaker, name: str) -> str:
    key = f"detail.{name}"
    return say.text(key) if frame.site().words.has(key) else name


def _value(say: Speaker, value: object) -> str:
    key = f"role.{value}"
    return say.text(key) if frame.site().words.has(key) else str(value)


def _name(parameter: str) -> str:
    text = asked.text(parameter)
    if _NAME.fullmatch(text) is None:
        raise Problem(400, "bad_parameter", name=parameter)
    return text


def _bounds(day: str | None) -> tuple[int | None, int | None]:
    """Give the first and the last ms of a calendar day where the stores are."""
    if day is None:
        return None, None
    zone = frame.site().hub.zone
    held = date.fromisoformat(day)
    edges = (datetime.combine(one, time.min, zone) for one in (held, held + timedelta(days=1)))
    first, last = (int(edge.astimezone(UTC).timestamp() * 1000) for edge in edges)
    if first < 0:
        raise Problem(400, "bad_parameter", name="day")
    return first, last


def _href(filters: dict[str, str]) -> str:
    return f"/audit?{urlencode(filters)}" if filters else "/audit"
