"""Members at the till: join, find, see, give points, put right, forget. What says who somebody is is answered and never logged."""

import re
from typing import Annotated

import msgspec
from flask import Blueprint, Response

from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.members import changes, handing, join, mall, view, visits
from edge.services.members.changes import CardCommand, ConsentCommand, LeaveCommand, ProfileCommand, RevealCommand
from edge.services.members.find import CODE_OLD, CODE_WRONG
from edge.services.members.handing import HandCommand
from edge.services.members.join import JoinCommand
from edge.services.members.mall import RedeemCommand
from edge.services.members.visits import ClaimCommand, SeenCommand, ThankCommand
from edge.web import problems
from edge.web.access import allowed, command, desk, signed_in
from edge.web.problems import Problem
from edge.web.refunds import done

members = Blueprint("members", __name__, url_prefix="/api/v1/members")

_ID = re.compile(r"[0-9a-f]{32}")
_CODES = (CODE_OLD, CODE_WRONG)


class FindQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was typed or scanned. It travels in the body: an address may end in a log."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

    def __repr__(self) -> str:
        """Show nobody."""
        return "FindQuery()"


@members.post("/find")
def find() -> Response:
    """Find members by phone, last four digits and name, card or code; the hub is asked where nobody is known here."""
    allowed(Action.MEMBERS)
    _is_on()
    found = view.found(desk().node, command(FindQuery).text)
    if found is None:
        return problems.refused(Refused("member_text"))
    return problems.refused(Refused(f"member_{found.asked}")) if found.asked in _CODES else _private(found)


@members.get("/<member_id>")
def read(member_id: str) -> Response:
    """Show a member, masked."""
    allowed(Action.MEMBERS)
    one = view.member(desk().node, member_id) if _ID.fullmatch(member_id) else None
    return problems.refused(Refused("member_unknown")) if one is None else _private(one)


@members.post("")
def join_here() -> Response:
    """Make a member of a guest."""
    session = allowed(Action.MEMBERS)
    return done(join.join(desk().node, session, command(JoinCommand)))


@members.post("/seen")
def seen() -> Response:
    """Note that a member is here."""
    session = allowed(Action.MEMBERS)
    return done(visits.seen(desk().node, session, command(SeenCommand)))


@members.post("/thank")
def thank() -> Response:
    """Give the points of a review, a share or a dish that was told on."""
    session = signed_in()
    return done(visits.thank(desk().node, session, command(ThankCommand)))


@members.get("/gifts")
def gifts() -> Response:
    """List what points buy at this store now."""
    allowed(Action.MEMBERS)
    return _private(mall.listed(desk().node))


@members.post("/redeem")
def redeem() -> Response:
    """Hand a gift out for points."""
    session = allowed(Action.MEMBERS)
    return done(mall.redeem(desk().node, session, command(RedeemCommand)))


@members.post("/claim")
def claim() -> Response:
    """Let a member have what a receipt holds."""
    session = allowed(Action.MEMBERS)
    return done(visits.claim(desk().node, session, command(ClaimCommand)))


@members.post("/consent")
def consent() -> Response:
    """Note what a member agrees to or takes back."""
    session = allowed(Action.MEMBERS)
    return done(changes.consent(desk().node, session, command(ConsentCommand)))


@members.post("/profile")
def put_right() -> Response:
    """Write a member's profile anew."""
    session = allowed(Action.MEMBERS)
    return done(changes.put_right(desk().node, session, command(ProfileCommand)))


@members.post("/card")
def bind_card() -> Response:
    """Let a card or tag stand for a member."""
    session = allowed(Action.MEMBERS)
    return done(changes.bind_card(desk().node, session, command(CardCommand)))


@members.post("/reveal")
def reveal() -> Response:
    """Show in clear who a member is; that it was shown, to whom and why, is a fact."""
    shown = changes.reveal(desk().node, signed_in(), command(RevealCommand))
    return problems.refused(shown) if isinstance(shown, Refused) else _private(shown)


@members.post("/<member_id>/invite")
def hand_invite(member_id: str) -> Response:
    """Print a member's own invite, to give to friends."""
    session = allowed(Action.MEMBERS)
    return done(handing.invite(desk().node, session, _named(member_id), command(HandCommand)))


@members.post("/<member_id>/door")
def hand_door(member_id: str) -> Response:
    """Print the slip that opens a member's own page."""
    session = signed_in()
    return done(handing.door(desk().node, session, _named(member_id), command(HandCommand)))


@members.post("/leave")
def leave() -> Response:
    """Forget a member."""
    session = signed_in()
    return done(changes.leave(desk().node, session, command(LeaveCommand)))


def _named(member_id: str) -> str:
    if _ID.fullmatch(member_id) is None:
        raise Problem("member_unknown")
    return member_id


def _is_on() -> None:
    if not desk().node.store_rules.members:
        raise Problem("members_off")


def _private(body: msgspec.Struct) -> Response:
    answer = Response(msgspec.json.encode(body), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer
