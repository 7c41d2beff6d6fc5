"""The pages of people: the first start of a node without a settings file, and the staff of the store.

Both are whole without a script; with htmx a form's answer takes the place of the page's content, so that focus stays near.
"""

from typing import Any, Final

import msgspec
from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services.deeds import Done
from edge.services.house import first_start as first
from edge.services.house.first_start import EnrolCommand, FirstStartCommand
from edge.services.people import permit, sign_in, staff
from edge.services.people.staff import AddCommand, BadgeCommand, ChangeCommand, PersonCommand, PinCommand
from edge.web.access import asker, care, desk, give_token, till_devices, who
from edge.web.devices import Page, answered, frame, speaker, stranger
from edge.web.practice import PREFIX, let_in
from sync.contract.words import LOCALES

pages_of_people = Blueprint("pages_of_people", __name__)

SAID: Final = ("added", "changed", "left", "pin", "badge", "unlocked")


# ----------------------------------------------------------------------------------------------------------- first start
@pages_of_people.get("/first-start")
def first_start() -> Page:
    """Ask what the store is, then for its enrolment; afterwards the way to the till."""
    node = desk().node
    if first.is_open(node):
        return _first({}, "")
    if permit.may(who(), Action.SETTINGS):
        return _enrolment("")
    return stranger("first.title")


@pages_of_people.post("/first-start")
def set_up() -> Page:
    """Keep what the store is, and sign its first manager in."""
    node, given = desk().node, request.form.to_dict()
    chosen = {
        name: given.get(name, "") for name in ("name_zh", "name_en", "address", "person", "pin", "pin_again", "printer")
    }
    locale = given.get("locale", "") or LOCALES[0]
    languages = tuple(each for each in LOCALES if each == locale or given.get("both")) or LOCALES
    try:
        asked = msgspec.convert({**chosen, "locale": locale, "languages": languages}, FirstStartCommand)
    except msgspec.ValidationError:
        return _first(given, "malformed")
    refusal = first.set_up(node, asked, care().found())
    if refusal is not None:
        return _first(given, refusal.code)
    opened = sign_in.sign_in(node, node.settings.store.tills[0], asked.pin)
    answer = redirect("/first-start", 303)
    if not isinstance(opened, Refused):
        give_token(answer, opened.token)
    return answer


@pages_of_people.post("/first-start/enrol")
def enrol() -> Page:
    """Ask the hub for the store's place, and start anew as its node."""
    if not permit.may(who(), Action.SETTINGS):
        return stranger("first.title")
    given = request.form.to_dict()
    try:
        asked = msgspec.convert({name: given.get(name, "") for name in EnrolCommand.__struct_fields__}, EnrolCommand)
    except msgspec.ValidationError:
        return _enrolment("malformed")
    refusal = first.enrol(desk().node, asked)
    if refusal is not None:
        return _enrolment(refusal.code, str(refusal.details.get("reason", "")))
    desk().restart()
    return _enrolment("", granted=True)


@pages_of_people.post("/first-start/practice")
def practise() -> Page | WerkzeugResponse:
    """Lead to the world to learn in, which has a menu; this node itself has none before it is a store's."""
    if not permit.may(who(), Action.PRACTISE):
        return stranger("first.title")
    return let_in(redirect(f"{PREFIX}/till/", 303))


@pages_of_people.post("/first-start/restart")
def restart() -> Page:
    """Start the node anew in its own process, so that a printer that was picked prints."""
    if not permit.may(who(), Action.SETTINGS):
        return stranger("first.title")
    desk().restart()
    return _enrolment("", granted=True)


def _first(given: dict[str, str], code: str) -> Page:
    say = speaker()
    kept = {name: text for name, text in given.items() if not name.startswith("pin")}
    page = render_template(
        "first_start.html",
        **frame(say, None),
        title="first.title",
        given=kept,
        code=code,
        printers=first.printers(care().found()),
        locales=LOCALES,
    )
    answer = answered(page)
    answer.status_code = 422 if code else 200
    return answer


def _enrolment(code: str, reason: str = "", *, granted: bool = False) -> Page:
    say = speaker()
    node = desk().node
    page = render_template(
        "first_enrol.html",
        **frame(say, None),
        title="first.title",
        code=code,
        reason=reason,
        granted=granted,
        enrolled=node.enrolment is not None,
    )
    answer = answered(page)
    answer.status_code = 422 if code else 200
    return answer


# ----------------------------------------------------------------------------------------------------------------- staff
@pages_of_people.get("/staff")
def staff_page() -> Page:
    """Show the staff of the store to whoever may manage it."""
    session = who()
    if session is None:
        return stranger("staff.title")
    code = request.args.get("code", "")
    return _staff(code if permit.may(session, Action.MANAGE_PEOPLE) else "not_allowed", request.args.get("done", ""))


@pages_of_people.post("/staff/<person_id>/<verb>")
def act(person_id: str, verb: str) -> Page:
    """Do something about somebody."""
    session = who()
    if session is None:
        return stranger("staff.title")
    asker().session(at_work=True)
    given = request.form.to_dict()
    try:
        done, said = _done(person_id, verb, given)
    except msgspec.ValidationError:
        done, said = Refused("malformed"), ""
    where = f"code={done.code}" if isinstance(done, Refused) else f"done={said}"
    return redirect(f"/staff?{where}", 303)


def _done(person_id: str, verb: str, given: dict[str, str]) -> tuple[Done | Refused, str]:
    node, session = desk().node, who()
    assert session is not None
    request_id = given.get("request_id", "")
    match verb:
        case "add":
            return staff.add(node, session, _read(given, AddCommand)), "added"
        case "change":
            return staff.change(node, session, person_id, _read(given, ChangeCommand)), "changed"
        case "leave":
            return staff.leave(node, session, person_id, _read(given, PersonCommand)), "left"
        case "unlock":
            return staff.unlock(node, session, person_id, _read(given, PersonCommand)), "unlocked"
        case "pin":
            return staff.set_pin(node, session, person_id, _read(given, PinCommand)), "pin"
        case "badge":
            text = given.get("badge", "")
            held = None if text else till_devices().scanning.take_badge(session.till)
            if held is not None:
                with held:
                    text = held.reveal()
            if not text:
                return Refused("no_badge"), ""
            return staff.set_badge(node, session, person_id, BadgeCommand(request_id=request_id, badge=text)), "badge"
        case _:
            return Refused("not_found"), ""


def _read(given: dict[str, str], kind: type[Any]) -> Any:  # noqa: ANN401 - a command of the kind
    return msgspec.convert({name: given[name] for name in kind.__struct_fields__ if name in given}, kind)


def _staff(code: str, done: str) -> Page:
    say = speaker()
    node = desk().node
    shown = [] if code == "not_allowed" else staff.everybody(node)
    ids = iter([node.ids.uuid7().hex() for _ in range(5 * len(shown) + 1)])
    page = render_template(
        "staff.html",
        **frame(say, None),
        title="staff.title",
        people=shown,
        fresh=lambda: next(ids),
        code=code if code and say.has(f"error.{code}") else "",
        done=done if done in SAID else "",
        roles=list(Role),
        locales=LOCALES,
        closed=code == "not_allowed",
    )
    answer = answered(page)
    answer.status_code = 403 if code == "not_allowed" else 200
    return answer
