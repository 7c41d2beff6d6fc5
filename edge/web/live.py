"""Live events: the state bar follows by server-sent events, at most ten a second; past the cap it polls.

Whoever is signed in is told beside it which orders, dishes and plan changed (`event: house`), by their ids and versions; first of
all up to which version there was nothing to tell, so that a list that was read before is known to be old.

What devices have for a till (a scan, a weight) goes to whoever is signed in there, beside the status and not held back with
it. Such an event has a number: a browser that lost the line for a moment says the last one it saw, and gets what it missed.
"""

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import msgspec
from flask import Blueprint, Response, current_app, request

from edge.db.staff import Session
from edge.services.care import status as statuses
from edge.services.care.status import Desk
from edge.services.devices.till_inbox import InboxEvent, TillInbox
from edge.services.ordering import house_changes
from edge.web.access import Asker, asker, desk, seen_by, till_devices
from edge.web.problems import Problem

live = Blueprint("live", __name__, url_prefix="/api/v1")

HEART_BEAT_S = 15.0
COALESCE_S = 0.1
_EVENT_ID: Final = re.compile(r"[0-9]{1,18}")


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


class SeatedStream(ABC):
    """The body of one stream of events, in a seat that it gives back however it ends."""

    def __init__(self, seats: StreamSeats) -> None:
        self._seats = seats
        self._left = False
        self._body = self._events()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._body)

    @abstractmethod
    def _events(self) -> Iterator[bytes]:
        """Give what is sent, until the seats close."""

    def close(self) -> None:
        """Give the seat back; the server calls it when the browser is gone."""
        if not self._left:
            self._left = True
            self._seats.leave()


def take_seat() -> StreamSeats:
    """Take a seat for a stream that begins.

    Raises:
        Problem: all are taken; the page asks from time to time instead.
    """
    seats: StreamSeats = current_app.extensions["stream_seats"]
    if not seats.take():
        raise Problem("too_many_streams")
    return seats


@live.get("/events")
def events() -> Response:
    """Follow the status."""
    seats = take_seat()
    said = request.headers.get("Last-Event-ID", "")
    last_id = int(said) if _EVENT_ID.fullmatch(said) else 0
    return streamed(_Stream(desk(), till_devices().inbox, asker(), seats, last_id))


def streamed(body: Iterator[bytes]) -> Response:
    """Give the answer around a stream of events."""
    answer = Response(body, mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


class _Stream(SeatedStream):
    """What one signed-in browser follows."""

    def __init__(self, watched: Desk, inbox: TillInbox, asking: Asker, seats: StreamSeats, last_id: int) -> None:
        self._desk = watched
        self._inbox = inbox
        self._asking = asking
        self._last_id = last_id
        self._till: str | None = None
        self._house_n: int | None = None
        super().__init__(seats)

    def _events(self) -> Iterator[bytes]:
        changed = self._desk.node.changed
        seen, told = changed.wait(-1, 0), b""
        who, said_id = self._who(), self._last_id
        self._sit(who)
        missed = [] if who is None else self._inbox.missed(who.till, said_id)
        # Naming the number at once lets a browser that has seen no event yet say where it was.
        yield b"retry: 1000\nid: %d\n\n" % self._last_id
        yield from (_encoded(event) for event in missed if event.id <= self._last_id)
        while not self._seats.closing.is_set() and not self._asking.is_stranger():
            who = self._who()
            if (None if who is None else who.till) != self._till:
                self._sit(who)
            now = msgspec.json.encode(seen_by(self._asking, statuses.status(self._desk, who)))
            # The clock alone is no news.
            news = now.partition(b'"now_ms"')[0]
            said = b": beat\n\n" if news == told else b"event: status\ndata: " + now + b"\n\n"
            yield said if who is None else self._of_house() + said
            told = news
            fresh = changed.wait(seen, HEART_BEAT_S)
            yield from self._from_devices()
            if fresh != seen:
                self._seats.closing.wait(COALESCE_S)
                yield from self._from_devices()
            seen = fresh

    def _of_house(self) -> bytes:
        """Name what changed in the house since the last look; at the first look only say where it stands."""
        with self._desk.node.db.read() as reader:
            if self._house_n is None:
                found = house_changes.HouseChanges(n=house_changes.now_n(reader))
            else:
                found = house_changes.since(reader, self._house_n)
        first, self._house_n = self._house_n is None, found.n
        return b"event: house\ndata: %s\n\n" % msgspec.json.encode(found) if first or found.is_news else b""

    def _from_devices(self) -> Iterator[bytes]:
        """Give what came for the till since the last look, if the same till is still signed in."""
        newest_id = self._inbox.last_id
        if newest_id == self._last_id or self._till is None:
            return
        who = self._who()
        if who is None or who.till != self._till:
            self._sit(who)
            return
        found = self._inbox.since(who.till, self._last_id)
        self._last_id = max(newest_id, *(event.id for event in found)) if found else newest_id
        yield from map(_encoded, found)

    def _sit(self, who: Session | None) -> None:
        """Follow another till from now on; what came for it before was for somebody else."""
        self._till = None if who is None else who.till
        self._last_id = self._inbox.last_id

    def _who(self) -> Session | None:
        return self._asking.session()


def _encoded(event: InboxEvent) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.name.encode(), event.data)
