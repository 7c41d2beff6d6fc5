"""Who may call what: same origin, known host, JSON only, and a session from the cookie."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, current_app, request

from edge.db.staff import Session
from edge.domain.roles import Action
from edge.services import permit, sign_in
from edge.services.device_care import DeviceCare
from edge.services.status import Desk
from edge.services.till_devices import TillDevices
from edge.settings import is_loopback
from edge.web.problems import Problem

COOKIE = "zhanggui_till"
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


def who() -> Session | None:
    """Find who is signed in on the asking till."""
    return sign_in.who(desk().node, request.cookies.get(COOKIE))


def signed_in() -> Session:
    """Give who is signed in, or end the request; what changes something keeps the till from locking itself."""
    node, token = desk().node, request.cookies.get(COOKIE)
    session = sign_in.who(node, token, at_work=request.method not in SAFE_METHODS)
    if session is None:
        raise Problem("not_signed_in" if sign_in.locked(node, token) is None else "session_locked")
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
    """Refuse foreign hosts and origins before any view, and set the headers of every answer."""

    @app.before_request
    def _same_house() -> None:
        # A name that resolves to this machine is not this machine's name (DNS rebinding).
        if not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            raise Problem("forbidden_host")
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            raise Problem("forbidden_origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise Problem("forbidden_origin")

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
