"""Refusals: one exception, told as JSON to programs and as a page to people, always with status, code and sentence."""

import logging
from collections.abc import Callable

from flask import Flask, Response, jsonify, make_response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from cloud.services import disk
from cloud.web.words import Words

LOG = logging.getLogger("cloud.web")

_CODES = {
    400: "malformed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    411: "length_required",
    413: "too_large",
    414: "too_large",
    415: "not_json",
    431: "too_large",
}

Page = Callable[[int, str, str], str]
"""Draws the page of a refusal from status, code and sentence."""


class Problem(Exception):
    """A request is refused: HTTP status, a code for programs, details; the sentence is looked up by the code."""

    def __init__(self, status: int, code: str, *, retry_after_s: int | None = None, **details: object) -> None:
        """Keep what the answer needs; `retry_after_s` also becomes the header of that name."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.details = details if retry_after_s is None else {**details, "retry_after_s": retry_after_s}
        self.retry_after_s = retry_after_s


def handle(app: Flask, *, words: Words, locale: Callable[[], str], page: Page) -> None:
    """Answer every refusal and every failure of an application in one shape.

    Args:
        app: the application.
        words: where the sentences are, under `error.<code>`.
        locale: says the language of the request at hand.
        page: draws the refusal for people.
    """

    def tell(problem: Problem) -> Response:
        key = f"error.{problem.code}"
        filled = {name: value for name, value in problem.details.items() if isinstance(value, str | int)}
        sentence = words.text(key if words.has(key) else "error.refused", locale(), **filled)
        if request.path.startswith("/api/"):
            shape = {"status": problem.status, "code": problem.code, "message": sentence, "details": problem.details}
            response = jsonify(shape)
        else:
            response = make_response(page(problem.status, problem.code, sentence))
        response.status_code = problem.status
        if problem.retry_after_s is not None:
            response.headers["Retry-After"] = str(problem.retry_after_s)
        return response

    def on_http(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if status < 400:  # noqa: PLR2004 - a redirect is no refusal
            return error
        if isinstance(error, CSRFError):
            return tell(Problem(400, "form_expired"))
        if isinstance(error, SecurityError):
            return tell(Problem(400, "foreign_host"))
        response = tell(Problem(status, _CODES.get(status, "refused")))
        if error.response is None and (allow := dict(error.get_headers()).get("Allow")):
            response.headers["Allow"] = allow
        return response

    def on_failure(error: Exception) -> Response:
        # Ours, not the caller's: the trace belongs to the log, never to the answer.
        LOG.error("web.failed", exc_info=error, extra={"path": request.path})
        if disk.is_full(error):
            return tell(Problem(507, "disk_full"))
        return tell(Problem(500, "internal"))

    app.register_error_handler(Problem, tell)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_failure)
