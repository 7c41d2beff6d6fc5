"""Live events: the state bar follows by server-sent events, at most ten a second; past the cap it polls."""

import threading
from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response, current_app, request

from edge.services import sign_in
from edge.services import status as statuses
from edge.services.status import Desk
from edge.web.access import COOKIE, desk
from edge.web.problems import Problem

live = Blueprint("live", __name__, url_prefix="/api/v1")

HEART_BEAT_S = 15.0
COALESCE_S = 0.1


class StreamSeats:
    """How many browsers may follow at once; each takes a thread of the server."""

    def __init__(self, seats: int) -> None:
        self._free = threading.Semaphore(seats)
        self.closing = threading.Event()

    def take(self) -> bool:
        """Take a seat if one is free."""
        return self._free.acquire(blocking=False)

    def leave(self) -> None:
        """Give a seat back."""
        self._free.release()


@live.get("/events")
def events() -> Response:
    """Follow the status."""
    seats: StreamSeats = current_app.extensions["stream_seats"]
    if not seats.take():
        raise Problem("too_many_streams")
    answer = Response(_Stream(desk(), request.cookies.get(COOKIE), seats), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


class _Stream:
    """The body of one stream; gives its seat back however it ends."""

    def __init__(self, watched: Desk, token: str | None, seats: StreamSeats) -> None:
        self._desk = watched
        self._token = token
        self._seats = seats
        self._left = False

    def __iter__(self) -> Iterator[bytes]:
        changed = self._desk.node.changed
        yield b"retry: 1000\n\n"
        seen, told = changed.wait(-1, 0), b""
        while not self._seats.closing.is_set():
            now = msgspec.json.encode(statuses.status(self._desk, sign_in.who(self._desk.node, self._token)))
            # The clock alone is no news.
            news = now.partition(b'"now_ms"')[0]
            yield b": beat\n\n" if news == told else b"event: status\ndata: " + now + b"\n\n"
            told = news
            fresh = changed.wait(seen, HEART_BEAT_S)
            if fresh != seen:
                self._seats.closing.wait(COALESCE_S)
            seen = fresh

    def close(self) -> None:
        if not self._left:
            self._left = True
            self._seats.leave()
