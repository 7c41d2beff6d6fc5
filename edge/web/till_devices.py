"""The API between the devices of a till and its screen, and the page that guests look at."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from flask import Blueprint, Response, request

from edge.domain.guest_view import GuestView
from edge.services.care.status import store_name
from edge.services.devices.scanning import AcceptsCommand, ScanCommand
from edge.services.guests.customer_display import CustomerDisplay
from edge.web.access import asker, command, desk, signed_in, staff_only
from edge.web.access import till_devices as devices
from edge.web.live import HEART_BEAT_S, SeatedStream, StreamSeats, streamed, take_seat
from edge.web.problems import Problem

till_devices = Blueprint("till_devices", __name__, url_prefix="/api/v1")

COALESCE_S: Final = 0.1
_TILL: Final = re.compile(r"[A-Za-z0-9]{1,8}")


@till_devices.put("/till/accepts")
def accept() -> Response:
    """Say what the till's screen takes of what is scanned, until the session ends."""
    session = signed_in()
    held = asker()
    devices().scanning.accept(session.till, command(AcceptsCommand), lambda: held.session() == session)
    return Response(status=204)


@till_devices.post("/till/scans")
def scan() -> Response:
    """Judge what a scanner typed into the page; nothing of it is kept that the screen does not take."""
    session = signed_in()
    return _json(devices().scanning.typed(session.till, command(ScanCommand).text))


@till_devices.get("/till/weight")
def read_weight() -> Response:
    """Say what there is to charge for on the scale now."""
    return _json(devices().weighing.now(signed_in().till))


@till_devices.put("/till/display")
@staff_only
def show() -> Response:
    """Show something to the guest."""
    devices().display.show(signed_in().till, command(GuestView))
    return Response(status=204)


@till_devices.get("/display/events")
def display_events() -> Response:
    """Follow what the guest at a till is shown; open to this machine, there is nothing personal in it."""
    till = request.args.get("till", "")
    shown = devices().display
    if _TILL.fullmatch(till) is None or shown.view(till) is None:
        raise Problem("unknown_till", tills=list(desk().node.settings.store.tills))
    seats = take_seat()
    store = msgspec.json.encode(store_name(desk().node))
    return streamed(_Shown(shown, till, store, seats))


class _Shown(SeatedStream):
    """What one display follows."""

    def __init__(self, shown: CustomerDisplay, till: str, store: bytes, seats: StreamSeats) -> None:
        self._shown = shown
        self._till = till
        self._store = store
        super().__init__(seats)

    def _events(self) -> Iterator[bytes]:
        yield b"retry: 1000\n\nevent: store\ndata: " + self._store + b"\n\n"
        seen, told = self._shown.wait(-1, 0), b""
        while not self._seats.closing.is_set():
            now = msgspec.json.encode(self._shown.view(self._till))
            yield b"event: beat\ndata: 1\n\n" if now == told else b"event: show\ndata: " + now + b"\n\n"
            told = now
            fresh = self._shown.wait(seen, HEART_BEAT_S)
            if fresh != seen:
                self._seats.closing.wait(COALESCE_S)
            seen = fresh


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), mimetype="application/json")
