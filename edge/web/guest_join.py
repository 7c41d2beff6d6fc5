"""Joining on a guest's phone in the shop's network, with the invite of a receipt or a friend's: the page is read and sent, and shows nobody anything.

HQ's page of the same address does more; this one works while the uplink is down. It is served without TLS, so it asks for little: a
number, a name, and what is agreed to; of allergies one speaks with the staff or on HQ's page.
"""

from typing import Final, cast

from flask import Blueprint, Response, current_app, render_template, request

from edge.domain.refusal import Refused
from edge.services.care.status import store_name
from edge.services.guests.guest_limits import GuestLimits
from edge.services.members import claims, friends, join
from edge.services.members.claims import Invite
from edge.services.members.friends import Friend
from edge.services.members.join import JoinAnswer, JoinCommand, Said
from edge.web import words
from edge.web.access import desk
from edge.web.pages import shell_hash
from edge.web.problems import Problem
from sync.contract import ids
from sync.contract.members import PURPOSES, Purpose

join_page = Blueprint("guest_join", __name__)

TEXT: Final = "shop-join-1"
"""The version of what is read beside the boxes."""
ASKED: Final[tuple[Purpose, ...]] = tuple(one for one in PURPOSES if one != "allergy")
CODE_CHARS_MAX: Final = 400
_FIELDS: Final = {"phone": 40, "name": 40}
_TOLD: Final = frozenset(f"error.{code}" for code in ("phone_wrong", "profile_wrong", "consent_missing", "busy"))


@join_page.get("/J/<code>")
@join_page.get("/j/<code>")
def invited(code: str) -> Response:
    """Say what an invite is worth, and let whoever holds it join."""
    return _page(_read(code))


@join_page.post("/J/<code>")
@join_page.post("/j/<code>")
def joins(code: str) -> Response:
    """Take what a guest sent. The same form sent twice is one join."""
    node = desk().node
    wait_ms = _limits().joins.take("", node.clock.monotonic_ms())
    if wait_ms:
        raise Problem("too_often", retry_after_s=-(-wait_ms // 1000))
    once = request.form.get("once", "")
    told = {name: request.form.get(name, "").strip()[: most + 1] for name, most in _FIELDS.items()}
    if not ids.is_uuid7_hex(once) or any(len(told[name]) > most for name, most in _FIELDS.items()):
        return _page(_read(code), wrong="error.profile_wrong")
    found = _read(code)
    # What was used by this very form is answered again by the deed.
    if isinstance(found, Refused) and found.code != "claim_used":
        return _page(found)
    asked = JoinCommand(
        request_id=once,
        consents=tuple(one for one in ASKED if request.form.get(f"purpose_{one}") == "yes"),
        text=TEXT,
        said=Said(phone=told["phone"], name=told["name"], locale=_locale()),
        place="slip",
        invite=code,
    )
    if isinstance(found, Refused) and not join.was_done(node, once):
        return _page(found)
    done = join.join(node, None, asked)
    if isinstance(done, Refused):
        key = f"error.{done.code}"
        return _page(_read(code), wrong=key if key in _TOLD else "guest_join.not_now")
    return _page(found, done=join.read_answer(done.answer))


def _read(code: str) -> Invite | Friend | Refused:
    node = desk().node
    if not node.store_rules.members:
        return Refused("members_off")
    if len(code) > CODE_CHARS_MAX:
        return Refused("invite_forged")
    brought = friends.read(node, code)
    if brought is not None:
        return brought
    found = claims.read(node, code)
    return found if isinstance(found, Refused) else claims.look(node, found) or found


def _page(found: Invite | Friend | Refused, *, wrong: str = "", done: JoinAnswer | None = None) -> Response:
    node = desk().node
    locale = _locale()
    refused = f"error.{found.code}" if isinstance(found, Refused) and done is None else ""
    page = render_template(
        "guest_join.html",
        say=words.catalogue()["en" if locale == "en" else "zh"],
        english=locale == "en",
        store=store_name(node),
        refused=refused,
        wrong=wrong,
        done=done,
        friend=isinstance(found, Friend),
        purposes=ASKED,
        told={name: request.form.get(name, "")[:most] for name, most in _FIELDS.items()},
        ticked=[one for one in ASKED if request.form.get(f"purpose_{one}") == "yes"],
        once=node.ids.uuid7().hex(),
        base=f"/static/{shell_hash()}",
    )
    answer = Response(page, status=400 if wrong else 200, mimetype="text/html")
    # Without a referrer a browser names no origin with a form, and one that names none is refused.
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def _locale() -> str:
    chosen = request.args.get("lang", "")
    if chosen in ("zh", "en"):
        return chosen
    return "en" if words.locale_of(request).startswith("en") else "zh"


def _limits() -> GuestLimits:
    return cast("GuestLimits", current_app.extensions["guest_limits"])
