"""What every page of a twin stands behind: this machine only, a strict CSP, JSON in and out, errors in the reader's words.

With `web` and `desk_web` this is the one place of `drivers` that knows Flask. State-changing requests must be JSON and come
from this machine's own pages.
"""

from typing import Any, Final, TypeVar, get_args
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from drivers.virtual.words import Language, catalogue

BODY_BYTES_MAX: Final = 16_384
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 500: "failed"}
_Body = TypeVar("_Body")


class Refused(Exception):
    """An answer, not a fault: what was asked cannot be done."""

    def __init__(self, status: int, code: str, **details: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.details = details


def guarded_app() -> Flask:
    """Build an app without pages, with the guards of all of them."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX

    @app.before_request
    def _guard() -> None:
        g.language = _language()
        # A page elsewhere could make a browser talk to the loopback; its name or its origin gives it away.
        if urlsplit(f"//{request.host}").hostname not in _LOOPBACK_HOSTS:
            raise Refused(403, "wrong_origin")
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.host:
            raise Refused(403, "wrong_origin")

    @app.after_request
    def _harden(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(Refused)
    def _refused(refused: Refused) -> Response:
        return _error(refused.status, refused.code, refused.details)

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> Response:
        status = error.code or 500
        return _error(status, _CODES.get(status, "malformed"), {"detail": error.name})

    return app


def json_body(kind: type[_Body]) -> _Body:
    """Read the request's JSON.

    Raises:
        Refused: it is none, or not of this kind.
    """
    if request.mimetype != "application/json":
        raise Refused(415, "malformed", detail="Content-Type: application/json")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.MsgspecError as error:
        raise Refused(400, "malformed", detail=str(error)) from error
    except UnicodeDecodeError as error:
        raise Refused(400, "malformed", detail="UTF-8") from error


def query_number(name: str, default: int | None) -> int | None:
    """Read a number of the query.

    Raises:
        Refused: it is none.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(400, "malformed", detail=f"{name}={text[:20]}")
    return int(text)


def json_answer(body: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def event(kind: str, body: object, event_id: int) -> bytes:
    """Write a server-sent event."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, kind.encode("ascii"), msgspec.json.encode(body))


def _language() -> Language:
    asked = request.args.get("lang")
    if asked in get_args(Language):
        return "en" if asked == "en" else "zh"
    return "en" if request.accept_languages.best_match(["zh", "zh-CN", "en"], "zh") == "en" else "zh"


def _error(status: int, code: str, details: dict[str, str]) -> Response:
    sentence = catalogue()[g.get("language", "zh")][f"error.{code}"].format(detail=details.get("detail", ""))
    body: dict[str, Any] = {"status": status, "code": code, "message": sentence, "details": details}
    return json_answer(body, status)
