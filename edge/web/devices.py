"""The device page: every device with its state, what to do about it, its slips and what happened; and calibration.

The page is whole without a script. With htmx it asks every two seconds which of its parts changed and takes in only
those, so that focus, scroll and what somebody is about to press stay where they are.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from drivers.printer.calibration import BARCODE_SAMPLE, FOURBYTE_SAMPLE, HANZI_SAMPLE, QUESTIONS
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import DeviceRow, DrawerRow, PrinterRow
from edge.domain.device_view import DeviceView
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.care.status import store_name
from edge.services.devices import calibrate
from edge.services.devices.device_care import Answer, DeviceCare, is_parked
from edge.services.people import permit
from edge.services.printing import slips
from edge.web.access import care, desk, who
from edge.web.device_words import ICONS, Speaker, worst_first
from edge.web.pages import STATIC, static_base
from edge.web.words import locale_of
from sync.contract.words import EN

devices = Blueprint("devices", __name__, url_prefix="/devices")

LANGUAGE_COOKIE: Final = "zhanggui_language"
THEME_COOKIE: Final = "zhanggui_theme"
YEAR_S: Final = 31_536_000
REASONS: Final = ("guest_left", "already_printed", "test")
OPENINGS: Final = ("change", "count", "float")
STEPS: Final = (
    ("paper", ("columns", "width_dots", "chinese", "large_hanzi")),
    ("codes", ("dots", "fourbyte", "qr", "barcode")),
    ("rest", ("buzzer", "cut")),
)
"""The questions under the headings of the steps; `columns` is asked first because it is at the head of the slip."""
PARTS: Final = ("list", "device", "verbs", "slips", "found", "log")
"""What changes by itself; each is one template, `devices_<name>.html`."""
_HTMX: Final = "vendor/htmx.min.js"
_HASH_CHARS: Final = 10

Page = Response | WerkzeugResponse


@cache
def _integrity() -> str:
    path = STATIC / _HTMX
    return "sha256-" + b64encode(hashlib.sha256(path.read_bytes()).digest()).decode() if path.exists() else ""


def speaker() -> Speaker:
    """Give the one who puts this request into words: the language in the address first, then what was chosen before."""
    chosen = request.args.get("lang", request.cookies.get(LANGUAGE_COOKIE, ""))
    if chosen not in {"zh", "en"}:
        session = who()
        chosen = "en" if (locale_of(request) if session is None else session.locale) == EN else "zh"
    node = desk().node
    return Speaker(chosen, node.zone, node.clock.now_ms())


# ------------------------------------------------------------------------------------------------------------ to look at
@devices.get("")
@devices.get("/")
def overview() -> Page:
    """Show what needs a look: parked slips, wrong rows, what was found, what happened."""
    return _shut() or _page(None)


@devices.get("/<device_id>")
def device(device_id: str) -> Page:
    """Show one device."""
    shut = _shut()
    if shut is not None:
        return shut
    view = care().view(device_id)
    return _page(view) if view is not None else _away("not_found")


# No device can be called so: an id has no underscore.
@devices.get("/_parts")
@devices.get("/<device_id>/_parts")
def parts(device_id: str = "") -> Page:
    """Give the parts of a page that differ from those the browser has; 204 when none does."""
    shut = _shut()
    if shut is not None:
        return Response(status=shut.status_code, headers={"HX-Refresh": "true"})
    view = care().view(device_id) if device_id else None
    if device_id and view is None:
        return Response(status=404)
    told = set(request.args.get("seen", "").split("."))
    names = {mark.partition("-")[0] for mark in told}
    drawn = _parts(view, [name for name in PARTS if name in names])
    changed = [name for name in drawn if _mark(name, drawn[name]) not in told]
    if not changed:
        return Response(status=204)
    body = "".join(drawn[name].replace(" data-part", ' hx-swap-oob="true" data-part', 1) for name in changed)
    return Response(_poll(view, drawn) + body, mimetype="text/html")


# ------------------------------------------------------------------------------------------------------------------ to do
@devices.post("/<device_id>/<verb>")
def act(device_id: str, verb: str) -> Page:
    """Do something to a device."""
    session = who()
    if session is None:
        return stranger()
    # A drawer asks the table itself: it may take another person's word.
    may = verb == "open" or permit.may(session, Action.DEVICES)
    done = _done(session, device_id, verb) if may else Refused("not_allowed")
    if isinstance(done, Refused):
        return _said(f"error.{done.code}", device_id)
    said, n = done
    return _said(f"devices.said_{said}", device_id, n)


@devices.post("/_slips/<job_id>/<verb>")
def act_on_slip(job_id: str, verb: str) -> Page:
    """Do something to a slip that waits."""
    session = who()
    if session is None:
        return stranger()
    if not permit.may(session, Action.DEVICES):
        return _said("error.not_allowed", request.form.get("device", ""))
    node, back = desk().node, request.form.get("device", "")
    match verb:
        case "retry":
            settled, said = slips.retry(node, job_id), "slip"
        case "redirect":
            settled, said = slips.redirect(node, job_id, request.form.get("printer", "")), "moved"
        case "discard":
            reason = request.form.get("reason", "")
            words = speaker().text(f"discard.{reason}") if reason in REASONS else ""
            settled, said = slips.discard(node, job_id, words), "discarded"
        case _:
            settled, said = Refused("not_found"), ""
    return _said(f"error.{settled.code}" if isinstance(settled, Refused) else f"devices.said_{said}", back)


def _done(session: Session, device_id: str, verb: str) -> tuple[str, int] | Refused:
    """Do it; gives which sentence says so, and a number that stands in it."""
    looked = care()
    result: object
    match verb:
        case "hold" | "release":
            result = looked.hold(device_id, held=verb == "hold")
        case "retry":
            result = looked.retry(device_id)
        case "accept":
            result = looked.accept(device_id)
        case "test":
            result = looked.test(device_id)
        case "open":
            chosen = request.form.get("reason", "")
            reason = speaker().text(f"devices.open_{chosen}") if chosen in OPENINGS else request.form.get("other", "")
            result = looked.open_drawer(session, device_id, reason)
        case "stale":
            answer = request.form.get("answer", "")
            wanted = cast("Answer", answer) if answer in {"print", "discard"} else None
            result = Refused("malformed") if wanted is None else looked.answer_stale(device_id, wanted)
        case "uncalibrate":
            verb, result = "undone", calibrate.undo(desk().node, device_id, session.cashier_id)
        case "calibration":
            verb, result = "calibrate", calibrate.print_slip(desk().node, device_id)
        case "trial":
            profile = calibrate.found(desk().node, device_id, _answers(request.form.to_dict()))
            result = profile if isinstance(profile, Refused) else calibrate.print_trial(desk().node, device_id, profile)
        case "keep":
            answers = _answers(request.form.to_dict())
            verb, result = "kept", calibrate.keep(desk().node, device_id, answers, session.cashier_id)
        case _:
            result = Refused("not_found")
    if isinstance(result, Refused):
        return result
    return verb, result if isinstance(result, int) else 0


# ------------------------------------------------------------------------------------------------------------ calibration
@devices.get("/<device_id>/calibrate")
def wizard(device_id: str) -> Page:
    """Ask one question after the other; the answers travel in the address, so that back means back."""
    shut = _shut()
    if shut is not None:
        return shut
    row = desk().node.devices.printer(device_id)
    view = care().view(device_id)
    if row is None or view is None:
        return _away("not_found")
    given = {key: ",".join(values) for key, values in request.args.lists()}
    answers = _answers(given)
    say = speaker()
    base = calibrate.of_settings(desk().node, row.id)
    # A question with many answers may be answered by none, so the form says that it was asked.
    asked = None if "begin" not in given else next((each for each in QUESTIONS if each.key not in answers), None)
    found = calibrate.found(desk().node, row.id, answers) if "begin" in given and asked is None else None
    before = [each.key for each in QUESTIONS if each.key in answers]
    drawn = _parts(view, ["list", "slips", "log"])
    page = render_template(
        "devices_calibrate.html",
        **frame(say, view),
        begun="begin" in given,
        question=asked,
        answers=answers,
        earlier={key: value for key, value in answers.items() if key != before[-1]} if before else {},
        step=_step(asked.key if asked else "", begun="begin" in given),
        steps=("print", *(name for name, _ in STEPS), "keep"),
        found=None if isinstance(found, Refused) else found,
        refused=found if isinstance(found, Refused) else None,
        compared=say.compared(base, found) if found is not None and not isinstance(found, Refused) else [],
        samples={"C": HANZI_SAMPLE, "F": FOURBYTE_SAMPLE, "H": BARCODE_SAMPLE},
        parts=drawn,
        poll=_poll(view, drawn),
    )
    return answered(page)


def _answers(given: dict[str, str]) -> dict[str, str]:
    return {question.key: given[question.key] for question in QUESTIONS if question.key in given}


def _step(key: str, *, begun: bool) -> int:
    if not begun:
        return 0
    return next((at for at, (_, keys) in enumerate(STEPS, start=1) if key in keys), len(STEPS) + 1)


# ---------------------------------------------------------------------------------------------------------------- drawing
def _page(view: DeviceView | None) -> Page:
    say, looked = speaker(), care()
    drawn = _parts(view, _names(view))
    page = render_template(
        "devices.html",
        **frame(say, view),
        parts=drawn,
        poll=_poll(view, drawn),
        problems=desk().node.devices.problems,
        empty=not desk().node.devices.rows,
        drawer_here=_drawer_here(looked, view),
        openings=OPENINGS,
    )
    return answered(page)


def frame(say: Speaker, view: DeviceView | None) -> dict[str, Any]:
    """Give what every page of this kind needs around its content."""
    node = desk().node
    name = store_name(node)
    session = who()
    said = request.args.get("said", "")
    return {
        "say": say,
        "t": say.text,
        "icons": ICONS,
        "view": view,
        "row": None if view is None else _row(view.id),
        "base": static_base(),
        "htmx": _integrity(),
        "theme": _theme(),
        "store": name.en if say.language == "en" else name.zh,
        "session": session,
        "training": node.training,
        "here": request.path,
        "said": say.text(said, n=request.args.get("n", "")) if said.startswith(("devices.said_", "error.")) and say.has(said) else "",
    }  # fmt: skip


def _names(view: DeviceView | None) -> list[str]:
    if view is None:
        return ["list", "slips", "found", "log"]
    own = {"list", "device", "verbs", "slips", "log"} if view.kind == "printer" else {"list", "device", "verbs", "log"}
    return [name for name in PARTS if name in own]


def _parts(view: DeviceView | None, names: Sequence[str]) -> dict[str, str]:
    """Draw the parts that change by themselves."""
    say, looked = speaker(), care()
    shown = "" if view is None else view.id
    views = looked.views()
    jobs = [job for job in looked.jobs(shown) if is_parked(job) or job.state == "held"]
    values: dict[str, Any] = {
        "say": say,
        "t": say.text,
        "icons": ICONS,
        "base": static_base(),
        "view": view,
        "row": None if view is None else _row(view.id),
        "views": views,
        "rows": {row.id: row for row in desk().node.devices.rows},
        "worst": worst_first(views),
        "training": desk().node.training,
        "jobs": jobs,
        "waiting": len(looked.jobs(shown)) - len(jobs),
        "stale": _stale(looked, jobs),
        "others": looked.others,
        "discarding": request.args.get("discard", ""),
        "reasons": REASONS,
        "lines": looked.lines(shown),
        "names": {each.id: each.name for each in views},
        "found": looked.found(),
        "calibrated": view is not None and view.kind == "printer" and calibrate.kept(desk().node, view.id),
    }
    return {name: render_template(f"devices_{name}.html", **values) for name in names}


def _poll(view: DeviceView | None, drawn: dict[str, str]) -> str:
    seen = ".".join(_mark(name, html) for name, html in drawn.items())
    where = "/devices/_parts" if view is None else f"/devices/{view.id}/_parts"
    discard = request.args.get("discard", "")
    return render_template("devices_poll.html", where=where, seen=seen, discard=discard)


def _mark(name: str, html: str) -> str:
    return f"{name}-{hashlib.sha256(html.encode()).hexdigest()[:_HASH_CHARS]}"


def _stale(looked: DeviceCare, jobs: list[Any]) -> list[tuple[PrinterRow, int]]:
    """Count the slips that were too old to print unasked, for each printer."""
    counts: dict[str, int] = {}
    for job in jobs:
        if job.reason == slip_rules.STALE and is_parked(job):
            printer_id = looked.printer_id(job)
            counts[printer_id] = counts.get(printer_id, 0) + 1
    rows = desk().node.devices.of(PrinterRow)
    return [(row, counts[row.id]) for row in rows if row.id in counts]


def _row(device_id: str) -> DeviceRow | None:
    return next((row for row in desk().node.devices.rows if row.id == device_id), None)


def _drawer_here(looked: DeviceCare, view: DeviceView | None) -> bool:
    """Say whether a drawer is that of the till somebody signed in at."""
    session = who()
    row = None if view is None else _row(view.id)
    return isinstance(row, DrawerRow) and session is not None and looked.node.devices.drawer_for(session.till) == row


def _theme() -> str:
    chosen = request.args.get("theme", request.cookies.get(THEME_COOKIE, ""))
    return chosen if chosen in {"light", "dark"} else "light"


def _said(key: str, device_id: str, n: int = 0) -> Page:
    say = speaker()
    if "HX-Request" in request.headers:
        page = render_template("devices_said.html", text=say.text(key, n=n), bad=key.startswith("error."))
        return Response(page, mimetype="text/html", headers={"HX-Trigger": "said"})
    row = _row(device_id)
    where = "/devices" if row is None else f"/devices/{row.id}"
    answers = _answers(request.form.to_dict()) if request.path.endswith("/trial") else {}
    if row is not None and request.path.endswith(("/trial", "/calibration")):
        where += "/calibrate"
    begun = {"begin": "1", **answers} if answers else {}
    return redirect(f"{where}?{urlencode({**begun, 'said': key, 'n': n})}", 303)


def stranger(title: str = "devices.title") -> Page:
    """Show the way to the till, where one signs in."""
    page = _away("not_signed_in", title)
    page.status_code = 401
    return page


def _shut() -> Page | None:
    """Give the page that says why somebody may not see the devices; None where they may."""
    session = who()
    if session is None:
        return stranger()
    if permit.may(session, Action.DEVICES):
        return None
    page = _away("not_allowed")
    page.status_code = 403
    return page


def _away(code: str, title: str = "devices.title") -> Page:
    say = speaker()
    answer = answered(render_template("devices_door.html", **frame(say, None), title=title, code=code))
    answer.status_code = 404
    return answer


def answered(page: str) -> Page:
    """Answer with a page, and keep the language and the theme that its address chose."""
    answer = make_response(page)
    answer.headers["Cache-Control"] = "no-store"
    # Without a referrer a browser names no origin with a form, and one that names none is refused.
    answer.headers["Referrer-Policy"] = "same-origin"
    for name, cookie, allowed in (("lang", LANGUAGE_COOKIE, {"zh", "en"}), ("theme", THEME_COOKIE, {"light", "dark"})):
        chosen = request.args.get(name, "")
        if chosen in allowed:
            for path in ("/devices", "/sync", "/works", "/staff", "/first-start", "/terminals", "/pair"):
                # In practice every page stands under a prefix.
                place = request.script_root or path
                answer.set_cookie(cookie, chosen, max_age=YEAR_S, httponly=True, samesite="Strict", path=place)
    return answer
