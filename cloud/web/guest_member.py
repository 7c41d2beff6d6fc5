"""A member's own page on their phone: points, rights, invite, the code for the till, consents, what we hold, leaving.

Who knows the address is the member (`cloud.services.members.centre`): no script, nothing of anybody else on it, and no cookie but the
one that keeps people from bringing themselves (`cloud.web.guest_device`).
"""

import logging
from collections.abc import Callable
from typing import cast

import msgspec
from flask import Blueprint, current_app, make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.services import live_sheets
from cloud.services.live_sheets import Card
from cloud.services.members import centre, friends, held
from cloud.services.members.desk import MemberPage
from cloud.services.members.shared import NoMember, Shared
from cloud.web import guest_device, guest_join, paper
from cloud.web.frame import EXTENSION, Site
from cloud.web.guest import draw, hold_back, limits, locale, say_text
from cloud.web.guest_limits import address_of
from sync.contract import codes, house
from sync.contract.members import PURPOSES, Consent
from sync.contract.words import EN

pages = Blueprint("guest_member", __name__)
LINES = 30
_REFRESH_MORE_S = 1
"""So long behind a step's end the page asks for the next: by then there is one, whatever the phone's clock says."""

log = logging.getLogger(__name__)


@pages.get("/m/<door>")
@pages.get("/M/<door>")
def member(door: str) -> Response:
    """Show a member's own page to whoever holds its address."""
    return _behind(door, lambda who: _opened(door, who))


@pages.post("/m/<door>")
def member_says(door: str) -> Response:
    """Take what a member says on their own page: what they agree to, or that they leave."""
    return _behind(door, lambda who: _said(door, who))


@pages.get("/m/<door>/code")
def code(door: str) -> Response:
    """Show the code by which a till knows them; without a script the page asks for the next one itself."""
    return _behind(door, lambda who: _code(door, who))


@pages.get("/m/<door>/invite")
def invite(door: str) -> Response:
    """Show the member's own invite, to show to a friend or to keep as a picture."""
    return _behind(door, lambda who: _invite(door, who))


@pages.get("/m/<door>/invite.png")
def invite_png(door: str) -> Response:
    """Give the invite's code as a picture."""
    return _behind(door, lambda who: _file(live_sheets.png(_card(who)), "image/png", "invite.png"))


@pages.get("/m/<door>/invite.svg")
def invite_svg(door: str) -> Response:
    """Give the invite as a poster."""
    return _behind(door, lambda who: _file(live_sheets.svg(_card(who)).encode(), "image/svg+xml", "invite.svg"))


@pages.get("/m/<door>/data.json")
def data_json(door: str) -> Response:
    """Give a member everything that is held of them."""
    return _behind(door, lambda who: _file(msgspec.json.encode(_held(who)), "application/json", "member.json"))


@pages.get("/m/<door>/data.csv")
def data_csv(door: str) -> Response:
    """Give a member everything that is held of them, as a table; the mark in front tells spreadsheets that it is UTF-8."""
    return _behind(door, lambda who: _file(held.as_table(_held(who)).encode("utf-8-sig"), "text/csv", "member.csv"))


@pages.get("/d/<token>")
@pages.get("/D/<token>")
def slip(token: str) -> Response:
    """Ask before a slip is used up: programs that look ahead at addresses must not use it."""
    _slips()
    opens = centre.slip_opens(_shared(), token)
    title = say_text("guest_member.slip" if opens else "guest_member.slip_shut")
    sentence = say_text("guest_member.slip_says" if opens else "guest_member.slip_shut_says")
    return make_response(draw(title=title, sentence=sentence, slip=opens), 200 if opens else 404)


@pages.post("/d/<token>")
@pages.post("/D/<token>")
def open_slip(token: str) -> Response:
    """Use a slip up, and lead to the page that it opens."""
    _slips()
    try:
        door = centre.open_slip(_shared(), token)
    except NoMember:
        title, sentence = say_text("guest_member.slip_shut"), say_text("guest_member.slip_shut_says")
        return make_response(draw(title=title, sentence=sentence), 404)
    return redirect(_to(door), 303)


def _opened(door: str, who: str) -> Response:
    _site().hub.members.joining.seen_on(who, guest_device.marker())
    return _page(door, who, "")


def _page(door: str, who: str, notice: str) -> Response:
    site = _site()
    desk = site.hub.members.desk
    page, rules = desk.page(who), desk.rules()
    purposes = {one.purpose: one for one in page.consents}
    today = _shared().day()
    return make_response(
        draw(
            title=say_text("guest_member.title"),
            member=page,
            door=door,
            held=purposes,
            agreed_days={name: _shared().day(one.at_ms) for name, one in purposes.items()},
            withdrawn_days=_withdrawn(page),
            lines=[(line, _word(line.kind, line.ref)) for line in centre.history(_shared(), who, LINES)],
            purposes=PURPOSES,
            notice=notice,
            rules=rules,
            pays_most=rules.spend_bill_bp * 100 // house.FULL_BP,
            gifts=[one for one in rules.gifts if not one.last_day or one.last_day >= today],
        )
    )


def _withdrawn(page: MemberPage) -> dict[str, str]:
    """Say since when a member does not agree any more to what they agreed to once."""
    held = {one.purpose for one in page.consents}
    last: dict[str, str] = {}
    for one in page.said:  # the newest first
        if not one.given and one.purpose not in held:
            last.setdefault(one.purpose, _shared().day(one.at_ms))
    return last


def _said(door: str, who: str) -> Response:
    joining = _site().hub.members.joining
    if request.form.get("leave") == "yes":
        joining.leave(who)
        return make_response(draw(title=say_text("guest_member.left"), sentence=say_text("guest_member.left_more")))
    if "consents" not in request.form:
        return _page(door, who, say_text("guest_member.tick_first"))
    agreed = {one.purpose for one in _site().hub.members.desk.page(who).consents}
    said = [
        Consent(purpose=one, given=one not in agreed, text=guest_join.TEXT, channel="phone")
        for one in PURPOSES
        if one != "membership" and (request.form.get(f"purpose_{one}") == "yes") != (one in agreed)
    ]
    if said:
        joining.consent(who, said)
    return _page(door, who, say_text("guest_member.kept"))


def _code(door: str, who: str) -> Response:
    made = centre.code_now(_shared(), who)
    if made is None:
        return make_response(draw(title=say_text("guest_member.code"), sentence=say_text("guest_member.no_code")), 404)
    text, rest_s = made
    page = draw(
        title=say_text("guest_member.code"),
        shown=text,
        qr=paper.qr(text),
        door=door,
        refresh_s=rest_s + _REFRESH_MORE_S,
    )
    return make_response(page)


def _invite(door: str, who: str) -> Response:
    card = _card(who)
    rules = _site().hub.members.desk.rules()
    page = draw(title=say_text("guest_member.invite"), invite=card, qr=paper.qr(card.url), door=door, rules=rules)
    return make_response(page)


def _card(who: str) -> Card:
    text = friends.code_of(_shared(), who)
    site, say = _site(), say_text
    return Card(
        url=codes.url(site.hub.settings.public_url, text),
        store=say("brand.name"),
        label_zh=say("guest_member.poster") if locale() != EN else "",
        label_en=say("guest_member.poster") if locale() == EN else "",
        short=friends.short_of(text),
    )


def _held(who: str) -> dict[str, object]:
    log.info("member.took_their_data", extra={"member": who[:8]})
    return held.of_member(_shared(), who)


def _word(kind: str, ref: str) -> str:
    """Say what moved a member's points; what has no word of its own is a change."""
    words = _site().words
    whole = f"guest_member.for_{kind.replace('.', '_')}"
    special = f"{whole}_{ref.partition(':')[0]}"
    return say_text(next((key for key in (special, whole) if words.has(key)), "guest_member.for_other"))


def _behind(door: str, answer: Callable[[str], Response]) -> Response:
    try:
        return answer(centre.behind(_shared(), door))
    except NoMember:
        page = draw(title=say_text("guest.nothing_here"), sentence=say_text("guest_member.nobody"))
        return make_response(page, 404)


def _file(content: bytes, kind: str, name: str) -> Response:
    answer = make_response(content)
    answer.mimetype = kind
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _slips() -> None:
    hold_back(limits().slip(address_of(request.remote_addr), _site().hub.clock.monotonic_ms()))


def _to(door: str) -> str:
    return f"/m/{door}?lang={'en' if locale() == EN else 'zh'}"


def _shared() -> Shared:
    return _site().hub.members.shared


def _site() -> Site:
    return cast("Site", current_app.extensions[EXTENSION])
