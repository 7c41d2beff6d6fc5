"""Who may call what: same origin, known host, JSON only, and a session from the cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, current_app, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edge.db.staff import Session
from edge.db.terminals import Terminal
from edge.domain.roles import Action
from edge.services.care.status import Desk, Status
from edge.services.devices.device_care import DeviceCare
from edge.services.devices.till_devices import TillDevices
from edge.services.house import terminals
from edge.services.house.lan import Lan
from edge.services.node import Node
from edge.services.people import permit, sign_in
from edge.settings import is_loopback
from edge.web.problems import Problem

COOKIE = "zhanggui_till"
SECURE_COOKIE = "__Host-zhanggui_till"
TERMINAL_COOKIE = "__Host-zhanggui_terminal"
TERMINAL_DAYS = 400
"""Longer is not kept by any browser; each visit begins it anew."""
OPEN_TO_STRANGERS = frozenset(
    {
        "pages.static_file",
        "api.read_words",
        "health.read_health",
        "sync.metrics",
        "terminals.pair_page",
        "terminals.pair",
        "terminals.trust_page",
        "terminals.authority",
    }
)
"""What a browser of the house may ask for before it is a terminal; figures are told to who shows their token only."""
NODE_ONLY = frozenset(
    {"pages_of_people.first_start", "pages_of_people.set_up", "pages_of_people.enrol", "pages_of_people.restart"}
)
"""What is done at the node itself and at no other machine."""
BODY_BYTES_MAX = 262_144
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Door:
    """A listener: which names it answers to, and whether it is the one for other machines of the house.

    Behind that one a browser is a terminal or a stranger, and cookies go over TLS only.
    """

    admits: Callable[[str], bool] = is_loopback
    house: bool = False
    practice: bool = False
    """It leads to the practice world, whose sessions are none of the store's."""


@dataclass(frozen=True)
class Asker:
    """Whoever asks, to be looked at again later than the request: a stream of events outlives the sign-in."""

    node: Node
    house: bool
    token: str | None
    terminal_token: str | None

    def terminal(self) -> Terminal | None:
        """Find the terminal that asks; None at the node itself, and for a stranger."""
        return terminals.terminal_of(self.node, self.terminal_token) if self.house else None

    def session(self, *, at_work: bool = False) -> Session | None:
        """Find who is signed in; at a terminal at its till only."""
        found = sign_in.who(self.node, self.token, at_work=at_work)
        return found if found is None or self.at_own_till(found.till) else None

    def is_stranger(self) -> bool:
        """Say whether it is another machine that is no terminal, or none any more."""
        return self.house and self.terminal() is None

    def at_own_till(self, till: str) -> bool:
        """Say whether a till is one that this browser may be."""
        return till in self.tills()

    def tills(self) -> tuple[str, ...]:
        """List the tills that this browser may be."""
        if not self.house:
            return self.node.settings.store.tills
        terminal = self.terminal()
        return () if terminal is None else (terminal.till,)


T = TypeVar("T", bound=msgspec.Struct)
View = TypeVar("View", bound=Callable[..., Any])


def desk() -> Desk:
    """Give the node that this app serves."""
    return cast("Desk", current_app.extensions["desk"])


def till_devices() -> TillDevices:
    """Give what stands between the devices of a till and its screen."""
    return cast("TillDevices", current_app.extensions["till_devices"])


def care() -> DeviceCare:
    """Give the devices as people look after them."""
    return cast("DeviceCare", current_app.extensions["device_care"])


def door() -> Door:
    """Give the listener that this app serves."""
    return cast("Door", current_app.extensions["door"])


def lan() -> Lan:
    """Give what is known of the listeners for other machines and for guests."""
    return cast("Lan", current_app.extensions["lan"])


def seen_by(asking: Asker, told: Status) -> Status:
    """Name only the tills that the asking browser may be."""
    return msgspec.structs.replace(told, tills=asking.tills()) if asking.house else told


def asker() -> Asker:
    """Give whoever asks."""
    house = door().house
    return Asker(desk().node, house, token(), request.cookies.get(TERMINAL_COOKIE) if house else None)


def token() -> str | None:
    """Give what the asking browser shows of its session."""
    return request.cookies.get(_cookie())


def _cookie() -> str:
    """Name what a browser shows of its session; practice has a name of its own, so that both may be open at once."""
    entrance = door()
    return (SECURE_COOKIE if entrance.house else COOKIE) + ("_practice" if entrance.practice else "")


def give_token(answer: WerkzeugResponse, fresh: str) -> None:
    """Let the asking browser show a session from now on."""
    house = door().house
    answer.set_cookie(
        _cookie(),
        fresh,
        max_age=sign_in.SESSION_MS // 1000,
        secure=house,
        httponly=True,
        samesite="Strict",
        path="/",
    )


def drop_token(answer: WerkzeugResponse) -> None:
    """Let the asking browser show no session any more."""
    house = door().house
    answer.delete_cookie(_cookie(), path="/", secure=house, httponly=True, samesite="Strict")


def give_terminal(answer: WerkzeugResponse, fresh: str) -> None:
    """Let the asking browser show that it is a terminal."""
    answer.set_cookie(
        TERMINAL_COOKIE,
        fresh,
        max_age=TERMINAL_DAYS * 86_400,
        secure=True,
        httponly=True,
        samesite="Strict",
        path="/",
    )


def who() -> Session | None:
    """Find who is signed in on the asking till."""
    return asker().session()


def signed_in() -> Session:
    """Give who is signed in, or end the request; what changes something keeps the till from locking itself."""
    found = asker()
    session = found.session(at_work=request.method not in SAFE_METHODS)
    if session is None:
        raise Problem("not_signed_in" if sign_in.locked(found.node, found.token) is None else "session_locked")
    return session


def allowed(action: Action) -> Session:
    """Give who is signed in where the table lets them do something without asking anybody, or end the request."""
    session = signed_in()
    if not permit.may(session, action):
        raise Problem("not_allowed", action=action.value)
    return session


def staff_only(view: View) -> View:
    """Let a view be called by somebody signed in only."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a decorator of any view
        signed_in()
        return view(*args, **kwargs)

    return cast("View", guarded)


def only(action: Action) -> Callable[[View], View]:
    """Let a view be called by those only who may do something without asking anybody."""

    def of(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a decorator of any view
            allowed(action)
            return view(*args, **kwargs)

        return cast("View", guarded)

    return of


def command(kind: type[T]) -> T:
    """Read the request's body as a command, strictly; anything else ends the request with what is wrong."""
    if request.mimetype != "application/json":
        raise Problem("not_json")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.ValidationError as error:
        code = "unknown_field" if "unknown field" in str(error) else "malformed"
        raise Problem(code, reason=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem("malformed", reason="the body is not JSON") from error
    except RecursionError as error:
        raise Problem("malformed", reason="the body is nested too deeply") from error


def whole_number(name: str, default: int, bounds: tuple[int, int]) -> int:
    """Read a whole number from the query, within bounds; anything else ends the request."""
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not bounds[0] <= int(text) <= bounds[1]:  # noqa: PLR2004
        raise Problem("malformed", field=name, expected=f"a whole number from {bounds[0]} to {bounds[1]}")
    return int(text)


def guard(app: Flask) -> None:
    """Refuse foreign hosts, origins and strangers before any view, and set the headers of every answer."""

    @app.before_request
    def _same_house() -> None:
        # A name that resolves to this machine is not this machine's name (DNS rebinding).
        if not door().admits(urlsplit(f"//{request.host}").hostname or ""):
            raise Problem("forbidden_host")
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            raise Problem("forbidden_origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise Problem("forbidden_origin")

    @app.before_request
    def _terminals_only() -> WerkzeugResponse | None:
        if not door().house or request.endpoint in OPEN_TO_STRANGERS:
            return None
        if request.endpoint in NODE_ONLY:
            raise Problem("not_found")
        if not asker().is_stranger():
            return None
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return redirect("/pair")
        raise Problem("not_paired")

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
