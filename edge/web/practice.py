"""Practice (练习): the way in, for a manager; and what every page of the scratch world has: its band, its roll of paper, the way out.

The world's pages are the store's own, under `/practice`: their addresses are written anew as they leave (`within`), and each of
them gets the band by construction, so that no screen of it can be taken for the store.
"""

import io
import re
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as WerkzeugResponse

from drivers.paper import picture
from edge.db.staff import PIN
from edge.devices.practice_paper import PROFILE, Roll
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services.house import terminals
from edge.services.node import Node
from edge.services.people import sign_in
from edge.services.people.sign_in import Shown
from edge.services.practice.hall import LASTS_MS, Hall
from edge.web.access import TERMINAL_COOKIE, allowed, desk, door, who
from edge.web.devices import Page, answered, frame, speaker
from edge.web.pages import static_base
from edge.web.problems import Problem
from edge.web.words import catalogue

practice = Blueprint("practice", __name__)
"""The way in; at the store's own pages."""
practice_room = Blueprint("practice_room", __name__)
"""The roll and the way out; in the scratch world only."""

PREFIX: Final = "/practice"
GATE_COOKIES: Final = {False: "zhanggui_practice", True: "__Host-zhanggui_practice"}
"""What a terminal in practice shows, by listener (`Door.house`)."""
_ADDRESS: Final = re.compile(rb'( (?:href|src|action|hx-get|hx-post|hx-put|hx-delete|data-href)=")/(?!/|practice/)')
_BODY: Final = re.compile(rb"<body[^>]*>")


Answer = TypeVar("Answer", bound=WerkzeugResponse)


class PracticeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The scratch world is open to this terminal; `path` is its till."""

    path: str


@practice.post("/api/v1/practice")
def enter() -> Response:
    """Let this terminal into practice."""
    allowed(Action.PRACTISE)
    body = msgspec.json.encode(PracticeAnswer(path=f"{PREFIX}/till/"))
    return let_in(Response(body, status=201, mimetype="application/json"))


def let_in(answer: Answer) -> Answer:
    """Give this terminal, with an answer, what admits it to practice."""
    hall: Hall | None = current_app.extensions["practice_hall"]
    if hall is None:
        raise Problem("not_found")
    token = hall.enter()
    house = door().house
    answer.set_cookie(
        GATE_COOKIES[house], token, max_age=LASTS_MS // 1000, secure=house, httponly=True, samesite="Strict", path="/"
    )
    return answer


@practice_room.get("/paper")
def paper() -> Page:
    """Show what was printed in practice, the latest first."""
    roll: Roll = current_app.extensions["practice_roll"]
    page = render_template(
        "practice_paper.html", **frame(speaker(), None), title="practice.paper", slips=roll.slips(), opened=roll.opened
    )
    return answered(page)


@practice_room.get("/paper/<int:number>.png")
def slip(number: int) -> Response:
    """Give the picture of a slip."""
    roll: Roll = current_app.extensions["practice_roll"]
    ops = roll.ops(number)
    if ops is None:
        raise Problem("not_found")
    drawn = io.BytesIO()
    picture.render(ops, PROFILE).save(drawn, "PNG")
    return Response(drawn.getvalue(), mimetype="image/png", headers={"Cache-Control": "no-store"})


@practice_room.get("/leave")
def leave_page() -> Page:
    """Ask for the PIN of a manager, who alone leads a terminal back."""
    return _asked("")


@practice_room.post("/leave")
def leave() -> Page | WerkzeugResponse:
    """Lead this terminal back to the store, by the word of a manager."""
    shown = request.form.get("pin", "")[: sign_in.BADGE_CHARS_MAX]
    node, session = desk().node, who()
    till = node.settings.store.tills[0] if session is None else session.till
    badge = len(shown) != sign_in.PIN_DIGITS or not shown.isdigit()
    found = sign_in.recognise(node, till, sign_in.badge(shown) if badge else Shown(PIN, shown))
    if isinstance(found, Refused):
        return _asked(found.code, found.details)
    if found.role is not Role.MANAGER:
        return _asked("not_allowed")
    cookie = GATE_COOKIES[door().house]
    answer = redirect("/till/", 303)
    answer.delete_cookie(cookie, path="/", secure=door().house, httponly=True, samesite="Strict")
    # Last of all: with the last terminal the world ends, and it must not end under its own answer.
    answer.call_on_close(partial(current_app.extensions["practice_leave"], request.cookies.get(cookie, "")))
    return answer


def within(app: Flask) -> None:
    """Have every page of an app be one of the scratch world: its addresses under the prefix, the band on top."""

    @app.after_request
    def _within(answer: Response) -> Response:
        place = answer.headers.get("Location", "")
        if place.startswith("/") and not place.startswith((f"{PREFIX}/", "//")) and request.path != "/leave":
            answer.headers["Location"] = PREFIX + place
        if answer.mimetype == "text/html" and not answer.is_streamed:
            answer.set_data(_marked(answer.get_data()))
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _marked(page: bytes) -> bytes:
    page = _ADDRESS.sub(rb"\1" + PREFIX.encode() + b"/", page)
    page = page.replace(b"<html ", b'<html data-world="practice" data-base="%s" ' % PREFIX.encode(), 1)
    sheet = b'<link rel="stylesheet" href="%s%s/practice.css">\n</head>' % (PREFIX.encode(), static_base().encode())
    page = page.replace(b"</head>", sheet, 1)
    band = render_template("practice_band.html", prefix=PREFIX, **catalogue()).encode()
    return _BODY.sub(lambda found: found[0] + b"\n" + band, page, count=1)


def _asked(code: str, details: dict[str, object] | None = None) -> Page:
    say = speaker()
    page = render_template(
        "practice_leave.html", **frame(say, None), title="practice.leave_title", code=code, details=details or {}
    )
    answer = answered(page)
    answer.status_code = 422 if code else 200
    return answer


class PracticeGate:
    """Stands before a listener's pages and leads those of practice to the scratch world, for terminals that were let in.

    Whoever was not let in, or is in a world that has ended, is led back to the store; a call of the API is refused.
    """

    def __init__(self, app: WSGIApplication, hall: Hall, real: Node, *, house: bool) -> None:
        self._app = app
        self._hall = hall
        self._real = real
        self._house = house

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        if path != PREFIX and not path.startswith(PREFIX + "/"):
            return self._app(environ, start_response)
        asked = Request(environ)
        world = self._hall.world
        if world is None or not self._is_let_in(asked):
            return _back(environ, start_response, secure=self._house)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIX
        environ["PATH_INFO"] = path.removeprefix(PREFIX) or "/"
        with world.asked():
            return world.apps[self._house](environ, start_response)

    def _is_let_in(self, asked: Request) -> bool:
        if not self._hall.admits(asked.cookies.get(GATE_COOKIES[self._house])):
            return False
        # A terminal that was revoked meanwhile is none in practice either.
        return not self._house or terminals.terminal_of(self._real, asked.cookies.get(TERMINAL_COOKIE)) is not None


def _back(environ: WSGIEnvironment, start_response: StartResponse, *, secure: bool) -> Iterable[bytes]:
    gone = f"{GATE_COOKIES[secure]}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")
    headers = [("Cache-Control", "no-store"), ("Set-Cookie", gone), ("X-Content-Type-Options", "nosniff")]
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        start_response("302 Found", [*headers, ("Location", "/till/"), ("Content-Length", "0")])
        return [b""]
    body = b'{"status":410,"code":"practice_over","message":"","details":{}}'
    status_line = f"{HTTPStatus.GONE.value} {HTTPStatus.GONE.phrase}"
    start_response(status_line, [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
