"""What stands on every answer and before every request: headers, the host's name, the origin of what changes things."""

from urllib.parse import urlsplit

from flask import Flask, Request, Response, request

from cloud.web.problems import Problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing inline, nothing foreign (reference ux-security §10.4)."""
GUEST_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The guest page has no script at all; its forms go to itself."""

REQUEST_BYTES_MAX = 1024 * 1024
FORM_PARTS_MAX = 32
IMMUTABLE_S = 365 * 24 * 3600
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def guard(app: Flask, *, trusted_hosts: list[str], policy: str) -> None:
    """Put the guards on an application: foreign Host 400, foreign Origin 403, size bounds, headers."""
    app.config["TRUSTED_HOSTS"] = trusted_hosts
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_BYTES_MAX
    app.config["MAX_FORM_PARTS"] = FORM_PARTS_MAX

    def refuse_foreign_origin() -> None:
        if request.method not in _SAFE and not same_origin(request):
            raise Problem(403, "foreign_origin")

    def put_headers(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        if request.is_secure:
            headers["Strict-Transport-Security"] = f"max-age={IMMUTABLE_S}"
        headers["Cache-Control"] = _cache_rule(response)
        return response

    app.before_request(refuse_foreign_origin)
    app.after_request(put_headers)


def same_origin(asked: Request) -> bool:
    """Say whether a changing request comes from our own page, or from a program that is no browser.

    Browsers name the page's origin on every changing request; a program sends neither header. Since our pages send no
    referrer, a browser writes `Origin: null` for their forms (Fetch standard, "append a request Origin header"): then
    its own word in `Sec-Fetch-Site`, which no page can set, must say so.
    """
    site = asked.headers.get("Sec-Fetch-Site")
    if site not in {None, "same-origin", "none"}:
        return False
    origin = asked.headers.get("Origin")
    if origin is None:
        return True
    if origin == "null":
        return site == "same-origin"
    try:
        return urlsplit(origin).netloc == asked.host
    except ValueError:
        return False


def _cache_rule(response: Response) -> str:
    if request.endpoint != "static" or response.status_code not in {200, 304}:
        return "no-store"
    # With a hash of the file in the address (cloud.web.assets), what it names never changes.
    return f"public, max-age={IMMUTABLE_S}, immutable" if "v" in request.args else "no-cache"
