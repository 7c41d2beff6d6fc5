"""People at the till: signing in and out, one's own language and PIN, the staff of the store, approvals."""

from typing import Annotated

import msgspec
from flask import Blueprint, Response

from edge.db import approvals as approvals_db
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role, Verdict, decide
from edge.services.deeds import Done
from edge.services.house import settings_here
from edge.services.house.settings_here import SettingCommand, SettingsAnswer
from edge.services.people import approvals, sign_in, staff
from edge.services.people.approvals import ApproveCommand
from edge.services.people.staff import (
    AddCommand,
    BadgeCommand,
    ChangeCommand,
    LocaleCommand,
    OwnPinCommand,
    Person,
    PersonCommand,
    PinCommand,
)
from edge.web import problems
from edge.web.access import (
    asker,
    command,
    desk,
    drop_token,
    give_token,
    only,
    signed_in,
    staff_only,
    till_devices,
    token,
    whole_number,
)
from edge.web.problems import Problem

people = Blueprint("people", __name__, url_prefix="/api/v1")

LISTED_MAX = 200


class SignInCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who comes to a till: a PIN (and who they say they are), a badge that was typed, or the one that was just scanned there."""

    till: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    pin: Annotated[str, msgspec.Meta(max_length=32)] = ""
    person_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    badge: Annotated[str, msgspec.Meta(max_length=sign_in.BADGE_CHARS_MAX)] = ""
    scanned: bool = False

    def __repr__(self) -> str:
        """Show nothing of what was shown."""
        return "SignInCommand(…)"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be at a till."""

    id: str
    name: str
    role: Role


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at a till.

    Attributes:
        locked: the till locked itself; only the PIN opens it, and the cart is kept.
        locale: the language that they read.
        may: what the table lets them do without asking anybody, for the menus.
        asks: what they may do with another person's word.
        members: whether this store has members.
    """

    till: str
    cashier: Signed
    locale: str
    locked: bool = False
    may: tuple[Action, ...] = ()
    asks: tuple[Action, ...] = ()
    members: bool = False


class SignInList(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be picked before a PIN."""

    people: tuple[Signed, ...]


class PeopleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The staff of the store."""

    people: tuple[Person, ...]


class ApprovalLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an approval; `refused` is empty where it was granted."""

    approval_id: str
    at_ms: int
    action: str
    target: str
    requester: str
    approver: str
    amount_fen: int
    rate_bp: int
    refused: str


class ApprovalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of approvals, latest first."""

    approvals: tuple[ApprovalLine, ...]


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def _done(done: Done | Refused, status: int = 200) -> Response:
    if isinstance(done, Refused):
        return problems.refused(done)
    return Response(done.answer, status=200 if done.repeated else status, mimetype="application/json")


def session_answer(session: Session, *, locked: bool = False) -> SessionAnswer:
    """Put a session into words for the till; a locked one may do nothing."""
    verdicts = {} if locked else {action: decide(session.role, action) for action in Action}
    return SessionAnswer(
        till=session.till,
        cashier=Signed(id=session.cashier_id, name=session.cashier_name, role=session.role),
        locale=session.locale,
        locked=locked,
        may=tuple(action for action, verdict in verdicts.items() if verdict is Verdict.ALLOWED),
        asks=tuple(action for action, verdict in verdicts.items() if verdict is Verdict.ASK),
        members=desk().node.store_rules.members,
    )


# ---------------------------------------------------------------------------------------------------------------- session
@people.post("/session")
def open_session() -> Response:
    """Sign in, or unlock the till that locked itself."""
    asked = command(SignInCommand)
    node, before = desk().node, token()
    if asked.till in node.settings.store.tills and not asker().at_own_till(asked.till):
        # A terminal sells at the till that it was paired for.
        raise Problem("unknown_till", tills=list(asker().tills()))
    opened = _shown(asked)
    if isinstance(opened, Refused):
        return problems.refused(opened)
    if before:
        # One browser, one session: what it held before must not lie about.
        sign_in.sign_out(node, before)
    answer = _json(session_answer(opened.session))
    give_token(answer, opened.token)
    return answer


def _shown(asked: SignInCommand) -> sign_in.SignedIn | Refused:
    node = desk().node
    if asked.scanned:
        held = till_devices().scanning.take_badge(asked.till)
        if held is None:
            return Refused("no_badge")
        with held:
            return sign_in.sign_in_with_badge(node, asked.till, held.reveal())
    if asked.badge:
        return sign_in.sign_in_with_badge(node, asked.till, asked.badge)
    if not asked.pin:
        return Refused("malformed", {"field": "pin", "expected": "a PIN, a badge, or scanned"})
    return sign_in.sign_in(node, asked.till, asked.pin, asked.person_id)


@people.get("/session")
def read_session() -> Response:
    """Say who is at the till that asks, locked or not."""
    found = asker()
    session = found.session()
    if session is not None:
        return _json(session_answer(session))
    waiting = sign_in.locked(found.node, found.token)
    if waiting is None:
        raise Problem("not_signed_in")
    return _json(session_answer(waiting, locked=True))


@people.delete("/session")
def close_session() -> Response:
    """Sign out; signing out twice is no mistake."""
    held = token()
    if held:
        sign_in.sign_out(desk().node, held)
    answer = Response(status=204)
    drop_token(answer)
    return answer


@people.post("/session/seen")
@staff_only
def keep_session() -> Response:
    """Say that somebody is at work who changes nothing yet; a till says it at most once a minute."""
    return Response(status=204)


@people.post("/session/lock")
@staff_only
def lock_session() -> Response:
    """Lock the till now; the cart is kept."""
    held = token()
    if held:
        sign_in.lock(desk().node, held)
    return Response(status=204)


@people.post("/session/locale")
def choose_locale() -> Response:
    """Choose one's own language, for every till."""
    return _done(staff.set_locale(desk().node, signed_in(), command(LocaleCommand)))


@people.post("/session/pin")
def change_own_pin() -> Response:
    """Change one's own PIN."""
    return _done(staff.set_own_pin(desk().node, signed_in(), command(OwnPinCommand)))


@people.get("/sign-in")
def read_sign_in() -> Response:
    """List who may be picked before a PIN."""
    listed = [Signed(id=one.id, name=one.name, role=one.role) for one in staff.everybody(desk().node)]
    return _json(SignInList(people=tuple(listed)))


# ----------------------------------------------------------------------------------------------------------------- people
@people.get("/people")
@only(Action.MANAGE_PEOPLE)
def list_people() -> Response:
    """List the staff of the store."""
    return _json(PeopleAnswer(people=tuple(staff.everybody(desk().node))))


@people.post("/people")
def add_person() -> Response:
    """Put somebody in."""
    return _done(staff.add(desk().node, signed_in(), command(AddCommand)), 201)


@people.post("/people/<person_id>")
def change_person(person_id: str) -> Response:
    """Change somebody's name, role or language."""
    return _done(staff.change(desk().node, signed_in(), person_id, command(ChangeCommand)))


@people.post("/people/<person_id>/leave")
def person_leaves(person_id: str) -> Response:
    """Let somebody sign in no more."""
    return _done(staff.leave(desk().node, signed_in(), person_id, command(PersonCommand)))


@people.post("/people/<person_id>/pin")
def set_pin(person_id: str) -> Response:
    """Give somebody a new PIN."""
    return _done(staff.set_pin(desk().node, signed_in(), person_id, command(PinCommand)))


@people.post("/people/<person_id>/badge")
def set_badge(person_id: str) -> Response:
    """Give somebody a badge."""
    return _done(staff.set_badge(desk().node, signed_in(), person_id, command(BadgeCommand)))


@people.post("/people/<person_id>/unlock")
def unlock_person(person_id: str) -> Response:
    """Let somebody try their PIN again."""
    return _done(staff.unlock(desk().node, signed_in(), person_id, command(PersonCommand)))


# --------------------------------------------------------------------------------------------------------------- settings
@people.get("/settings")
@only(Action.SETTINGS)
def list_settings() -> Response:
    """List what may be set at the store, as it holds."""
    return _json(SettingsAnswer(settings=tuple(settings_here.listed(desk().node))))


@people.post("/settings")
def change_setting() -> Response:
    """Set one thing."""
    return _done(settings_here.change(desk().node, signed_in(), command(SettingCommand)))


# -------------------------------------------------------------------------------------------------------------- approvals
@people.post("/approvals")
def approve() -> Response:
    """Give the word for what somebody at the till may not do alone."""
    return _done(approvals.approve(desk().node, signed_in(), command(ApproveCommand)), 201)


@people.get("/approvals")
@only(Action.SEE_MANAGER)
def list_approvals() -> Response:
    """List what became of approvals."""
    limit = whole_number("limit", 50, (1, LISTED_MAX))
    with desk().node.db.read() as reader:
        kept = approvals_db.latest(reader, limit)
    lines = [
        ApprovalLine(
            approval_id=one.approval_id,
            at_ms=one.at_ms,
            action=one.action,
            target=one.target,
            requester=one.requester,
            approver=one.approver,
            amount_fen=one.amount_fen,
            rate_bp=one.rate_bp,
            refused=one.refused,
        )
        for one in kept
    ]
    return _json(ApprovalsAnswer(approvals=tuple(lines)))
