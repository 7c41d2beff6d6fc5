"""A page with one part that changes by itself: drawn whole at first, then asked for every two seconds, swapped where it differs.

Without a script the page is whole as it was drawn; the browser has no copy of what it need not swap.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from flask import Response, render_template, request

from edge.web import devices
from edge.web.access import who
from edge.web.device_words import Speaker
from edge.web.devices import Page

_HASH_CHARS: Final = 16


def page(name: str, draw: Callable[[Speaker], str]) -> Page:
    """Show the page `name` (its template, its title `<name>.title`) around what `draw` draws; only to who is signed in."""
    if who() is None:
        return devices.stranger(f"{name}.title")
    say = devices.speaker()
    drawn = draw(say)
    frame = devices.frame(say, None)
    return devices.answered(
        render_template(f"{name}.html", **frame, title=f"{name}.title", part=drawn, poll=_poll(name, drawn))
    )


def part(name: str, draw: Callable[[Speaker], str]) -> Page:
    """Give the part of the page `name` when it differs from the one that the browser has; 204 when it does not."""
    if who() is None:
        return Response(status=401, headers={"HX-Refresh": "true"})
    drawn = draw(devices.speaker())
    if _mark(drawn) == request.args.get("seen", ""):
        return Response(status=204)
    swapped = drawn.replace(" data-part", ' hx-swap-oob="true" data-part', 1)
    return Response(swapped + _poll(name, drawn), mimetype="text/html")


def _poll(name: str, drawn: str) -> str:
    return render_template("polled.html", name=name, seen=_mark(drawn))


def _mark(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:_HASH_CHARS]
