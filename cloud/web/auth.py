"""Who is asking: a person with a console session in a cookie, or a program with a bearer token."""

from urllib.parse import urlsplit

from flask import Response, request

from cloud.web.frame import site
from cloud.web.problems import Problem

COOKIE = "hub_session"
PASSWORD_CHARS_MAX = 256
HOME = "/overview"
_TOKEN_CHARS_MAX = 256


def person_is_signed_in() -> bool:
    """Say whether the request carries a live console session; a page that refreshes itself keeps none alive."""
    token = request.cookies.get(COOKIE, "")
    by_itself = request.method == "GET" and request.headers.get("HX-Request") == "true"
    return 0 < len(token) <= _TOKEN_CHARS_MAX and site().hub.console.session(token, touch=not by_itself)


def caller_is_known() -> bool:
    """Say whether an API request comes from a signed-in person or a program with the right token.

    A bearer token that is wrong is refused even beside a live session: the caller meant the token.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        known = scheme.lower() == "bearer" and 0 < len(token) <= _TOKEN_CHARS_MAX
        return known and site().hub.console.program(token.strip())
    return person_is_signed_in()


def require_caller() -> None:
    """Refuse an API request of somebody unknown.

    Raises:
        Problem: 401 `not_signed_in`.
    """
    if not caller_is_known():
        raise Problem(401, "not_signed_in")


def keep_session(response: Response, token: str) -> None:
    """Put a session into the cookie: out of scripts' reach, never sent along from another site."""
    response.set_cookie(
        COOKIE, token, path="/", httponly=True, samesite="Strict", secure=request.is_secure, max_age=None
    )


def drop_session(response: Response) -> None:
    """End the session of the request and take its cookie away."""
    token = request.cookies.get(COOKIE, "")
    if 0 < len(token) <= _TOKEN_CHARS_MAX:
        site().hub.console.sign_out(token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=request.is_secure)


def way_on(wanted: str) -> str:
    """Give where to go after signing in: only a path of ours, never another site."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    is_path = wanted.startswith("/") and not wanted.startswith("//") and not parts.netloc and not parts.scheme
    return wanted if is_path and "\\" not in wanted and wanted.isprintable() else HOME
