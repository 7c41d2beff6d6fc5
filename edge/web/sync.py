"""How the node stands with HQ: the sync page, the same as JSON, and the figures for Prometheus.

The page is whole without a script; with htmx it asks every two seconds whether it changed, as the device page does.
"""

import hmac
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, render_template, request

from edge.services.care import metrics as figures
from edge.services.care.clock_watch import OFF_MS
from edge.services.hub.sync_view import SyncView, sync_view
from edge.settings import is_loopback
from edge.web import polled
from edge.web.access import desk, door, staff_only
from edge.web.device_words import Speaker
from edge.web.devices import Page
from edge.web.pages import static_base
from edge.web.problems import Problem

sync = Blueprint("sync", __name__)

SHAPES: Final = {"connected": "ok", "away": "ring", "never": "unknown", "refused": "danger", "training": "unknown"}
REFUSALS: Final = frozenset({"rewind", "fork", "revoked", "upgrade"})
_MINUTE_MS: Final = 60_000


@sync.get("/api/v1/sync")
@staff_only
def read_sync() -> Response:
    """Give what the sync page shows."""
    return Response(msgspec.json.encode(sync_view(desk())), mimetype="application/json")


@sync.get("/metrics")
def metrics() -> Response:
    """Give the figures for Prometheus: to programs on this machine, and to whoever shows the token of the settings."""
    if not _may_measure():
        raise Problem("not_measured")
    return Response(
        figures.text(desk()), mimetype="text/plain", content_type="text/plain; version=0.0.4; charset=utf-8"
    )


@sync.get("/sync")
def page() -> Page:
    """Show how the node stands with HQ."""
    return polled.page("sync", _part)


@sync.get("/sync/_part")
def part() -> Page:
    """Give the page's part when it differs from the one that the browser has; 204 when it does not."""
    return polled.part("sync", _part)


def _part(say: Speaker) -> str:
    view = sync_view(desk())
    values: dict[str, Any] = {
        "say": say,
        "t": say.text,
        "base": static_base(),
        "view": view,
        "shape": "danger" if view.fenced else SHAPES[view.hub.state],
        "refusal": view.hub.refusal if view.hub.refusal in REFUSALS else "other",
        "ago": lambda at_ms: _span(say, view.now_ms - at_ms),
        "offset": None if view.clock.offset_ms is None else _offset(say, view.clock.offset_ms),
        "off_minutes": OFF_MS // _MINUTE_MS,
        "alarms": [(say.one_of("alarm", alarm.code.replace(".", "_")), alarm) for alarm in view.alarms],
        "stale_copy": _is_old(view),
    }
    return render_template("sync_part.html", **values)


def _span(say: Speaker, length_ms: int) -> str:
    """Write an age in words, no finer than is of use."""
    minutes = max(0, length_ms) // _MINUTE_MS
    if minutes < 1:
        return say.text("sync.just_now")
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return say.count("sync.minutes", minutes)
    hours = minutes // 60
    return say.text("sync.hours", h=hours, m=minutes % 60) if hours < 48 else say.text("sync.days", d=hours // 24)  # noqa: PLR2004


def _offset(say: Speaker, offset_ms: int) -> str:
    seconds = round(abs(offset_ms) / 1_000)
    if not seconds:
        return say.text("sync.clock_even")
    return say.text("sync.clock_ahead" if offset_ms > 0 else "sync.clock_behind", s=f"{seconds:,}")


def _is_old(view: SyncView) -> bool:
    return any(alarm.code == "snapshot.overdue" for alarm in view.alarms)


def _may_measure() -> bool:
    token = desk().node.settings.metrics.token
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        # Whoever shows a token means it: a wrong one is refused from this machine too.
        return bool(token) and hmac.compare_digest(shown.strip().encode(), token.encode())
    # What a proxy passes on comes from this machine only by its looks.
    return is_loopback(request.remote_addr or "") and "X-Forwarded-For" not in request.headers and not door().house
