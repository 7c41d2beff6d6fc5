"""Every refusal as JSON: a status, a code, a sentence in the asker's language; never a stack trace."""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from edge.domain.refusal import Refused
from edge.services import disk
from edge.web.words import locale_of, sentence

STATUS = {
    "malformed": 400,
    "unknown_field": 400,
    "forbidden_host": 400,
    "not_signed_in": 401,
    "not_measured": 403,
    "wrong_pin": 401,
    "forbidden_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "sale_id_reused": 409,
    "request_id_reused": 409,
    "price_changed": 409,
    "training_mode": 409,
    "fenced": 409,
    "being_replaced": 409,
    "needs_new_epoch": 409,
    "no_menu": 409,
    "not_reprintable": 409,
    "no_such_action": 409,
    "other_till_drawer": 409,
    # Refused for good, nothing was kept: the order goes back to the slip.
    "disk_full": 409,
    "disk_read_only": 409,
    # Not known whether it was kept: the till asks again under the same id.
    "disk_error": 500,
    "database_damaged": 500,
    "too_large": 413,
    "not_json": 415,
    "pin_locked": 429,
    "too_many_streams": 503,
    "busy": 503,
    "internal": 500,
}
"""Codes with a status of their own; every other refusal is a 422."""

_CODE_OF_STATUS = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json"}

log = logging.getLogger(__name__)


class Problem(Exception):
    """Ends a request with a refusal."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def respond(code: str, details: dict[str, object] | None = None) -> Response:
    """Build the answer for a refusal."""
    status = STATUS.get(code, 422)
    body = {
        "status": status,
        "code": code,
        "message": sentence(code, locale_of(request)),
        "details": details or {},
    }
    answer = Response(msgspec.json.encode(body), status=status, mimetype="application/json")
    if code == "pin_locked" and details is not None:
        answer.headers["Retry-After"] = str(details["retry_after_s"])
    return answer


def refused(refusal: Refused) -> Response:
    """Build the answer for a use case's refusal."""
    return respond(refusal.code, refusal.details)


def register(app: Flask) -> None:
    """Turn everything that can end a request into an answer of ours."""

    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Response:
        return respond(error.code, error.details)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        other = "malformed" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
        answer = respond(_CODE_OF_STATUS.get(status, other))
        answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
        return answer

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> Response:
        log.error("web.failed", exc_info=error, extra={"path": request.path, "kind": type(error).__name__})
        code = disk.refusal_of(error, None)
        return respond("internal" if code is None else code)
