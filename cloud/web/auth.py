"""Who is asking: a person with a console session in a cookie, or a program with a bearer token."""

from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from cloud.domain.roles import ACCOUNT
from cloud.services.sessions import Person
from cloud.services.sign_in import SignedIn
from cloud.services.tries import DEVICE_LIFE_MS, Caller
from cloud.web.frame import site

COOKIE = "hub_session"
DEVICE_COOKIE = "hub_browser"
PASSWORD_CHARS_MAX = 256
HOME = "/overview"
_TOKEN_CHARS_MAX = 256
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chromium"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


def find_person() -> Person | None:
    """Find whose live session the request carries; a page that refreshes itself keeps none alive."""
    token = session_token()
    by_itself = request.method == "GET" and request.headers.get("HX-Request") == "true"
    return site().hub.console.sessions.person(token, touch=not by_itself) if token else None


def session_token() -> str:
    """Give the session's token as the browser shows it; empty without one."""
    token = request.cookies.get(_cookie(COOKIE), "")
    return token if len(token) <= _TOKEN_CHARS_MAX else ""


def shows_token() -> bool:
    """Say whether the caller speaks as a program."""
    return request.path.startswith("/api/") and "Authorization" in request.headers


def is_program() -> bool:
    """Say whether the bearer token is the one for programs."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = scheme.lower() == "bearer" and 0 < len(token) <= _TOKEN_CHARS_MAX
    return known and site().hub.console.programs.knows(token.strip())


def caller() -> Caller:
    """Say where the request comes from."""
    return Caller(
        address=request.remote_addr or "",
        browser=_browser(request.headers.get("User-Agent", "")),
        device=request.cookies.get(_cookie(DEVICE_COOKIE), "")[:_TOKEN_CHARS_MAX],
    )


def known_account() -> str:
    """Give whose browser this is by its cookie, to spare typing; empty when it says nobody's. It proves nothing."""
    account = caller().device.rsplit(".", 3)[0]
    return account if ACCOUNT.fullmatch(account) else ""


def keep_session(response: AnyResponse, opened: SignedIn) -> None:
    """Put a session into the cookie: out of scripts' reach, never sent along from another site."""
    _put(response, COOKIE, opened.token, None)
    if opened.device:
        _put(response, DEVICE_COOKIE, opened.device, DEVICE_LIFE_MS // 1000)


def drop_session(response: Response) -> None:
    """End the session of the request and take its cookie away."""
    if token := session_token():
        site().hub.console.sessions.end(token)
    response.delete_cookie(_cookie(COOKIE), path="/", httponly=True, samesite="Strict", secure=request.is_secure)


def way_on(wanted: str) -> str:
    """Give where to go after signing in: only a path of ours, never another site."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    is_path = wanted.startswith("/") and not wanted.startswith("//") and not parts.netloc and not parts.scheme
    return wanted if is_path and "\\" not in wanted and wanted.isprintable() else HOME


def _cookie(name: str) -> str:
    # Over TLS the prefix makes browsers refuse one that another host or a plain page has set.
    return f"__Host-{name}" if request.is_secure else name


def _put(response: AnyResponse, name: str, value: str, max_age_s: int | None) -> None:
    response.set_cookie(
        _cookie(name),
        value,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        max_age=max_age_s,
    )


def _browser(agent: str) -> str:
    """Name a browser well enough for its owner to know it again."""
    name = next((said for part, said in _BROWSERS if part in agent), "")
    system = next((said for part, said in _SYSTEMS if part in agent), "")
    return ", ".join(part for part in (name, system) if part)
