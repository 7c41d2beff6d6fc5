"""The page "what works now": what a cut of the network takes away, as the register of functions says it, and how things stand."""

from typing import Any, Final

import msgspec
from flask import Blueprint, Response, render_template

from edge.services.care import works as service
from edge.services.care.works import WorksView
from edge.web import polled
from edge.web.access import desk, staff_only
from edge.web.device_words import SHAPES, Speaker
from edge.web.devices import Page
from edge.web.pages import static_base

works = Blueprint("works", __name__)

SHAPE_OF_WAY: Final = {"ok": "ok", "away": "ring", "none": "unknown"}


@works.get("/api/v1/works")
@staff_only
def read_works() -> Response:
    """Give what the page shows."""
    return Response(msgspec.json.encode(service.view(desk())), mimetype="application/json")


@works.get("/works")
def page() -> Page:
    """Show what works now."""
    return polled.page("works", _part)


@works.get("/works/_part")
def part() -> Page:
    """Give the page's part when it differs from the one that the browser has; 204 when it does not."""
    return polled.part("works", _part)


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
