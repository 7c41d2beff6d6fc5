"""The printer twin's page and JSON doors: the roll live, the faults at a switch, the paper to judge by.

The page runs under the strict CSP of `guard`: no inline script or style, nothing from elsewhere.
"""

import base64
import io
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec
from flask import Flask, Response, g, render_template, request

from drivers.escpos.decoder import decode
from drivers.escpos.profile import PrinterProfile
from drivers.paper.fonts import system_fonts
from drivers.paper.picture import render
from drivers.virtual.faults import FAULT_MENU, FaultChange
from drivers.virtual.guard import Refused, event, guarded_app, json_answer, json_body, query_number
from drivers.virtual.paper_store import Slip
from drivers.virtual.roll import rows_view, slip_view
from drivers.virtual.twin import Twin, TwinState
from drivers.virtual.words import LOCALES, Language, catalogue, known_name

WATCHERS_MAX: Final = 8
SLIPS_SHOWN: Final = 20
HEARTBEAT_S: Final = 15.0
PAUSE_S: Final = 0.1
"""Between two events to a page: what follows is coalesced; a person does not read faster."""
# What is wrong, the worst first; each names its word in `words.toml`.
_WORDS_BY_WEIGHT: Final = (
    "refuse", "fatal_error", "cutter_error", "cover_open", "paper_out", "overheated_ms", "offline", "never_reads",
    "held_by_other", "mute", "near_end",
)  # fmt: skip


def create_app(twin: Twin, switch: Callable[[FaultChange], None]) -> Flask:
    """Build the page over a running twin.

    Args:
        switch: moves the twin's switches and wakes its port.
    """
    app = guarded_app()
    watchers = threading.BoundedSemaphore(WATCHERS_MAX)

    @app.get("/")
    def _page() -> str:
        language: Language = g.language
        words = catalogue()[language]
        return render_template(
            "roll.html",
            words=words,
            words_json=msgspec.json.encode(words).decode(),
            locale=LOCALES[language],
            other_language="en" if language == "zh" else "zh",
            name=known_name(twin.state().name, language),
            columns=twin.profile.columns,
            menu=FAULT_MENU,
            base=request.script_root,
            shown=SLIPS_SHOWN,
            font_missing=system_fonts().hanzi is None,
        )

    @app.get("/api/state")
    def _state() -> Response:
        return json_answer(state_view(twin.state()))

    @app.post("/api/faults")
    def _faults() -> Response:
        switch(json_body(FaultChange))
        return json_answer(state_view(twin.state()))

    @app.get("/api/slips")
    def _slips() -> Response:
        slips = twin.slips_after(query_number("after", 0) or 0, query_number("limit", None))
        return json_answer({"slips": [_slip_json(slip) for slip in slips]})

    @app.get("/api/slips/<int:index>.png")
    def _picture(index: int) -> Response:
        slip = twin.slip(index)
        if slip is None:
            raise Refused(404, "not_found")
        picture, note = _png(slip.data, slip.profile)
        return Response(picture, mimetype="image/png", headers={"X-Paper-Note": note} if note else {})

    @lru_cache(maxsize=32)
    def _png(data: bytes, profile: PrinterProfile) -> tuple[bytes, str]:
        image = render(decode(data, power_on_kanji=profile.power_on_kanji).ops, profile)
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue(), str(image.info.get("paper_note", ""))

    @app.get("/api/raw")
    def _raw() -> Response:
        return Response(twin.raw(), mimetype="application/octet-stream")

    @app.get("/api/roll")
    def _roll() -> Response:
        last = min(query_number("last", SLIPS_SHOWN) or 0, 200)
        state = twin.state()
        slips = twin.slips_after(state.slips - last)
        return json_answer({"state": _live_view(state), "slips": [slip_view(slip) for slip in slips]})

    @app.get("/events")
    def _events() -> Response:
        after = request.headers.get("Last-Event-ID", "")
        start = int(after) if after.isascii() and after.isdigit() else query_number("after", 0) or 0
        if not watchers.acquire(blocking=False):
            raise Refused(503, "too_many_watchers")
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
        if twin.wait_beyond(version, HEARTBEAT_S):
            state = twin.state()
            version = state.version
            for slip in twin.slips_after(after):
                after = slip.index
                yield event("slip", slip_view(slip), after)
            yield event("state", _live_view(state), after)
            pause.wait(PAUSE_S)
        elif not twin.stopped:
            yield b": still here\n\n"


def state_view(state: TwinState) -> dict[str, Any]:
    """Describe a printer as it is now, as plain data."""
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


def _live_view(state: TwinState) -> dict[str, Any]:
    slip = state.open_slip
    return state_view(state) | {"open_rows": rows_view(slip.data, slip.profile) if slip.data else []}


def _word(state: TwinState) -> str:
    """Name the worst of what is wrong, for the status word."""
    if not state.faults.power:
        return "off"
    wrong = [name for name in _WORDS_BY_WEIGHT if getattr(state.faults, name)]
    return wrong[0] if wrong else "ready"


def _slip_json(slip: Slip) -> dict[str, Any]:
    return {
        "index": slip.index,
        "bytes_b64": base64.b64encode(slip.data).decode("ascii"),
        "complete": slip.complete,
        "reprint": slip.reprint,
        "text": slip.text,
        "qr": slip.qr,
        "unknown": [{"offset": offset, "bytes": raw.hex()} for offset, raw in slip.unknown],
        "drawer_pulses": slip.drawer_pulses,
    }
