"""The twin's web page and JSON doors, for this machine only: the roll live, the faults at a switch, the paper to judge by.

This is the one place of `drivers` that knows Flask. The page runs under a strict CSP: no inline script or style, nothing
from elsewhere. State-changing requests must be JSON and come from this machine's own pages.
"""

import base64
import io
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from drivers.escpos.decoder import decode
from drivers.paper.fonts import system_fonts
from drivers.paper.picture import render
from drivers.virtual.faults import FAULT_MENU, FaultChange
from drivers.virtual.paper_store import Slip
from drivers.virtual.roll import rows_view, slip_view
from drivers.virtual.twin import Twin, TwinState
from drivers.virtual.words import LOCALES, Language, catalogue

WATCHERS_MAX: Final = 8
BODY_BYTES_MAX: Final = 4_096
SLIPS_SHOWN: Final = 20
_HEARTBEAT_S: Final = 15.0
_PAUSE_S: Final = 0.1
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


class _Refused(Exception):
    """An answer, not a fault: what was asked cannot be done."""

    def __init__(self, status: int, code: str, **details: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.details = details


def create_app(twin: Twin, switch: Callable[[FaultChange], None]) -> Flask:
    """Build the page over a running twin.

    Args:
        switch: moves the twin's switches and wakes its port.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    watchers = threading.BoundedSemaphore(WATCHERS_MAX)

    @app.before_request
    def _guard() -> None:
        g.language = _language()
        # A page elsewhere could make a browser talk to the loopback; its name or its origin gives it away.
        if urlsplit(f"//{request.host}").hostname not in _LOOPBACK_HOSTS:
            raise _Refused(403, "wrong_origin")
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.host:
            raise _Refused(403, "wrong_origin")

    @app.after_request
    def _harden(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(_Refused)
    def _refused(refused: _Refused) -> Response:
        return _error(refused.status, refused.code, refused.details)

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 500: "failed"}
        status = error.code or 500
        return _error(status, codes.get(status, "malformed"), {"detail": error.name})

    @app.get("/")
    def _page() -> str:
        language: Language = g.language
        words = catalogue()[language]
        return render_template(
            "roll.html",
            words=words,
            words_json=msgspec.json.encode(words).decode(),
            language=language,
            locale=LOCALES[language],
            other_language="en" if language == "zh" else "zh",
            name=twin.state().name,
            columns=twin.profile.columns,
            menu=FAULT_MENU,
            shown=SLIPS_SHOWN,
            font_missing=system_fonts().hanzi is None,
        )

    @app.get("/api/state")
    def _state() -> Response:
        return _json(_state_view(twin.state()))

    @app.post("/api/faults")
    def _faults() -> Response:
        if request.mimetype != "application/json":
            raise _Refused(415, "malformed", detail="Content-Type: application/json")
        try:
            change = msgspec.json.decode(request.get_data(), type=FaultChange)
        except msgspec.MsgspecError as error:
            raise _Refused(400, "malformed", detail=str(error)) from error
        except UnicodeDecodeError as error:
            raise _Refused(400, "malformed", detail="UTF-8") from error
        switch(change)
        return _json(_state_view(twin.state()))

    @app.get("/api/slips")
    def _slips() -> Response:
        limit = _number("limit", None)
        slips = twin.slips_after(_number("after", 0) or 0, limit)
        return _json({"slips": [_slip_json(slip) for slip in slips]})

    @app.get("/api/slips/<int:index>.png")
    def _picture(index: int) -> Response:
        slip = twin.slip(index)
        if slip is None:
            raise _Refused(404, "not_found")
        picture, note = _png(slip.data)
        return Response(picture, mimetype="image/png", headers={"X-Paper-Note": note} if note else {})

    @lru_cache(maxsize=32)
    def _png(data: bytes) -> tuple[bytes, str]:
        image = render(decode(data, power_on_kanji=twin.profile.power_on_kanji).ops, twin.profile)
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue(), str(image.info.get("paper_note", ""))

    @app.get("/api/raw")
    def _raw() -> Response:
        return Response(twin.raw(), mimetype="application/octet-stream")

    @app.get("/api/roll")
    def _roll() -> Response:
        last = min(_number("last", SLIPS_SHOWN) or 0, 200)
        state = twin.state()
        slips = twin.slips_after(state.slips - last)
        return _json({"state": _live_view(twin, state), "slips": [slip_view(slip, twin.profile) for slip in slips]})

    @app.get("/events")
    def _events() -> Response:
        after = request.headers.get("Last-Event-ID", "")
        start = int(after) if after.isascii() and after.isdigit() else _number("after", 0) or 0
        if not watchers.acquire(blocking=False):
            raise _Refused(503, "too_many_watchers")
        response = Response(_watch(twin, start), mimetype="text/event-stream")
        response.call_on_close(watchers.release)
        return response

    return app


def _watch(twin: Twin, after: int) -> Iterator[bytes]:
    """Give server-sent events: the state whenever it changes, each new slip once, at most ten times a second."""
    pause = threading.Event()
    yield b"retry: 1000\n\n"
    version = -1
    while not twin.stopped:
        if twin.wait_beyond(version, _HEARTBEAT_S):
            state = twin.state()
            version = state.version
            for slip in twin.slips_after(after):
                after = slip.index
                yield _event("slip", slip_view(slip, twin.profile), after)
            yield _event("state", _live_view(twin, state), after)
            # Coalesce what follows; a person does not read faster.
            pause.wait(_PAUSE_S)
        elif not twin.stopped:
            yield b": still here\n\n"


def _event(kind: str, body: dict[str, Any], event_id: int) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, kind.encode("ascii"), msgspec.json.encode(body))


def _state_view(state: TwinState) -> dict[str, Any]:
    return {
        "name": state.name,
        "columns": state.columns,
        "state": _word(state),
        "online": state.online,
        "connected": state.connected,
        "faults": state.faults,
        "buffered_bytes": state.buffered_bytes,
        "accepted_bytes": state.accepted_bytes,
        "slips": state.slips,
        "incomplete": state.incomplete,
        "drawer_pulses": state.drawer_pulses,
        "font": font.family if (font := system_fonts().hanzi) is not None else None,
    }


def _live_view(twin: Twin, state: TwinState) -> dict[str, Any]:
    return _state_view(state) | {"open_rows": rows_view(state.open_slip, twin.profile) if state.open_slip else []}


def _word(state: TwinState) -> str:
    """Name the worst of what is wrong, for the status word."""
    faults = state.faults
    if not faults.power:
        return "off"
    if faults.cover_open:
        return "cover_open"
    if faults.paper_out:
        return "paper_out"
    return "mute" if faults.mute else "ready"


def _slip_json(slip: Slip) -> dict[str, Any]:
    return {
        "index": slip.index,
        "bytes_b64": base64.b64encode(slip.data).decode("ascii"),
        "complete": slip.complete,
        "reprint": slip.reprint,
        "text": slip.text,
        "qr": slip.qr,
        "unknown": [{"offset": offset, "bytes": raw.hex()} for offset, raw in slip.unknown],
    }


def _number(name: str, default: int | None) -> int | None:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _Refused(400, "malformed", detail=f"{name}={text[:20]}")
    return int(text)


def _language() -> Language:
    asked = request.args.get("lang")
    if asked in get_args(Language):
        return "en" if asked == "en" else "zh"
    return "en" if request.accept_languages.best_match(["zh", "zh-CN", "en"], "zh") == "en" else "zh"


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def _error(status: int, code: str, details: dict[str, str]) -> Response:
    sentence = catalogue()[g.get("language", "zh")][f"error.{code}"].format(detail=details.get("detail", ""))
    return _json({"status": status, "code": code, "message": sentence, "details": details}, status)
