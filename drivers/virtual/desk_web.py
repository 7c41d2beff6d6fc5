"""The desk's page and JSON doors: every twin with its switches, on one page, for this machine only.

Each printer's own roll page lies under `/printer/<name>/`, with the doors it has when it runs alone.
"""

import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

import msgspec
from flask import Flask, Response, g, render_template
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from drivers.errors import DeviceRejected
from drivers.virtual.desk import Desk
from drivers.virtual.guard import Refused, event, guarded_app, json_answer, json_body
from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.web import HEARTBEAT_S, PAUSE_S, WATCHERS_MAX, create_app
from drivers.virtual.words import LOCALES, Language, catalogue, known_name


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes with an action."""

    value: Any = None


def create_desk_app(desk: Desk) -> Flask:
    """Build the page over a desk."""
    app = guarded_app()
    watchers = threading.BoundedSemaphore(WATCHERS_MAX)

    @app.get("/")
    def _page() -> str:
        language: Language = g.language
        words = catalogue()[language]
        return render_template(
            "desk.html",
            words=words,
            words_json=msgspec.json.encode(words).decode(),
            locale=LOCALES[language],
            other_language="en" if language == "zh" else "zh",
        )

    @app.get("/api/devices")
    def _devices() -> Response:
        return json_answer({"devices": _views(desk, g.language)})

    @app.post("/api/devices/<kind>/<name>/<action>")
    def _act(kind: str, name: str, action: str) -> Response:
        key = f"{kind}/{name}"
        wish = json_body(_Wish)
        if key not in desk.twins:
            raise Refused(404, "not_found")
        try:
            do = desk.twin(key).prepare(action, wish.value)
        except DeviceRejected as error:
            raise Refused(422, "cannot", detail=str(error)) from error
        do()
        return json_answer(_named(desk.view_of(key), g.language))

    @app.get("/events")
    def _events() -> Response:
        if not watchers.acquire(blocking=False):
            raise Refused(503, "too_many_watchers")
        response = Response(_watch(desk, g.language), mimetype="text/event-stream")
        response.call_on_close(watchers.release)
        return response

    pages: dict[str, WSGIApplication] = {
        f"/{key}": create_app(twin.twin, twin.server.switch).wsgi_app
        for key, twin in desk.twins.items()
        if isinstance(twin, PrinterTwin)
    }
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, pages)  # type: ignore[method-assign]
    return app


def _watch(desk: Desk, language: Language) -> Iterator[bytes]:
    """Give server-sent events: all devices whenever something changes, at most ten times a second."""
    pause = threading.Event()
    yield b"retry: 1000\n\n"
    version = -1
    while not desk.stopped:
        if desk.wait_beyond(version, HEARTBEAT_S):
            version = desk.version
            yield event("devices", {"devices": _views(desk, language)}, version)
            pause.wait(PAUSE_S)
        elif not desk.stopped:
            yield b": still here\n\n"


def _views(desk: Desk, language: Language) -> list[dict[str, Any]]:
    return [_named(view, language) for view in desk.view()]


def _named(view: dict[str, Any], language: Language) -> dict[str, Any]:
    return view | {"title": known_name(view["name"], language)}
