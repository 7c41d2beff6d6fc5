"""The kitchen's screens: a page for any browser of the house, what is to be cooked, live; a ticket is done, or comes back.

Nobody signs in at a stove: what a screen may do here is to settle tickets, and each of those can be taken back.
"""

from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response, render_template, request

from edge.services.node import Node
from edge.services.ordering import kitchen as work
from edge.services.ordering.kitchen import BringBackCommand, BumpCommand, KitchenView
from edge.web.access import command, desk, who
from edge.web.live import COALESCE_S, HEART_BEAT_S, SeatedStream, StreamSeats, streamed, take_seat
from edge.web.orders import done
from edge.web.pages import static_base
from edge.web.problems import Problem

kitchen = Blueprint("kitchen", __name__)

STATION_CHARS_MAX = 64


@kitchen.get("/kitchen")
def page() -> Response:
    """Give the page of a kitchen screen; `station` in the address names whose."""
    shown = render_template(
        "kitchen.html", station=_station(), static_base=static_base(), zone=desk().node.settings.store.timezone
    )
    return Response(shown, mimetype="text/html", headers={"Cache-Control": "no-cache"})


@kitchen.get("/api/v1/kitchen")
def read_kitchen() -> Response:
    """Say what a station has to cook: for a screen that has no live events."""
    return Response(msgspec.json.encode(work.view(desk().node, _station())), mimetype="application/json")


@kitchen.get("/api/v1/kitchen/events")
def kitchen_events() -> Response:
    """Follow what a station has to cook."""
    station = _station()
    seats = take_seat()
    return streamed(_Tickets(desk().node, seats, station))


@kitchen.post("/api/v1/kitchen/bump")
def bump_ticket() -> Response:
    """Settle a ticket."""
    return done(work.bump(desk().node, who(), command(BumpCommand)))


@kitchen.post("/api/v1/kitchen/bring-back")
def bring_back_ticket() -> Response:
    """Bring back the ticket that was settled last."""
    return done(work.bring_back(desk().node, who(), command(BringBackCommand)))


def _station() -> str:
    station = request.args.get("station", "")
    if len(station) > STATION_CHARS_MAX:
        raise Problem("malformed", field="station", expected=f"at most {STATION_CHARS_MAX} characters")
    return station


class _Tickets(SeatedStream):
    """What one screen follows."""

    def __init__(self, node: Node, seats: StreamSeats, station: str) -> None:
        self._node = node
        self._station = station
        super().__init__(seats)

    def _events(self) -> Iterator[bytes]:
        changed, told = self._node.changed, b""
        seen = changed.wait(-1, 0)
        yield b"retry: 1000\n\n"
        while not self._seats.closing.is_set():
            view: KitchenView = work.view(self._node, self._station)
            # The clock alone is no news.
            news = msgspec.json.encode(msgspec.structs.replace(view, now_ms=0))
            yield b"event: beat\ndata: %d\n\n" % view.now_ms if news == told else _event(view)
            told = news
            fresh = changed.wait(seen, HEART_BEAT_S)
            if fresh != seen:
                self._seats.closing.wait(COALESCE_S)
            seen = fresh


def _event(view: KitchenView) -> bytes:
    return b"event: tickets\ndata: %s\n\n" % msgspec.json.encode(view)
