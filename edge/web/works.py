"""The page "what works now": what a cut of the network takes away, as the register of functions says it, and how things stand."""

import hashlib
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, render_template, request

from edge.services.care import works as service
from edge.services.care.works import WorksView
from edge.web import devices
from edge.web.access import desk, staff_only, who
from edge.web.device_words import SHAPES, Speaker
from edge.web.devices import Page
from edge.web.pages import static_base

works = Blueprint("works", __name__)

SHAPE_OF_WAY: Final = {"ok": "ok", "away": "ring", "none": "unknown"}
_HASH_CHARS: Final = 16


@works.get("/api/v1/works")
@staff_only
def read_works() -> Response:
    """Give what the page shows."""
    return Response(msgspec.json.encode(service.view(desk())), mimetype="application/json")


@works.get("/works")
def page() -> Page:
    """Show what works now."""
    if who() is None:
        return devices.stranger("works.title")
    say = devices.speaker()
    part = _part(say)
    return devices.answered(
        render_template("works.html", **devices.frame(say, None), title="works.title", part=part, seen=_mark(part))
    )


@works.get("/works/_part")
def part() -> Page:
    """Give the page's part when it differs from the one that the browser has; 204 when it does not."""
    if who() is None:
        return Response(status=401, headers={"HX-Refresh": "true"})
    drawn = _part(devices.speaker())
    if _mark(drawn) == request.args.get("seen", ""):
        return Response(status=204)
    swapped = drawn.replace(" data-part", ' hx-swap-oob="true" data-part', 1)
    return Response(swapped + render_template("works_poll.html", seen=_mark(drawn)), mimetype="text/html")


def _part(say: Speaker) -> str:
    found = service.view(desk())
    values: dict[str, Any] = {
        "say": say,
        "t": say.text,
        "base": static_base(),
        "view": found,
        "named": lambda one: one.zh if say.language == "zh" else one.en,
        "limit": lambda one: one.limit_zh if say.language == "zh" else one.limit_en,
        "called": lambda way: (
            (way.name_zh if say.language == "zh" else way.name_en) or say.text(f"works.way_{way.needs}")
        ),
        "shape_of_way": SHAPE_OF_WAY,
        "shapes": SHAPES,
        "areas": _areas(found),
    }
    return render_template("works_part.html", **values)


def _areas(found: WorksView) -> dict[str, list[service.Whole]]:
    areas: dict[str, list[service.Whole]] = {}
    for one in found.whole:
        areas.setdefault(one.area, []).append(one)
    return areas


def _mark(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:_HASH_CHARS]
