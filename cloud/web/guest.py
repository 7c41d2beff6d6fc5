"""The guest's pages behind a QR: is this invite real, joining with it, the member's own page, the receipt. No cookie, no script."""

import re
from typing import cast

from flask import Blueprint, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from cloud.services.members import centre
from cloud.services.members.joining import Joined
from cloud.services.members.shared import NoMember
from cloud.services.views import InviteVerdict
from cloud.web import guest_join, language, paper
from cloud.web.frame import EXTENSION, Site
from cloud.web.guest_join import JoinForm, Once
from cloud.web.show import Speaker
from sync.contract import codes, ids
from sync.contract.members import PURPOSES, Consent, Origin

pages = Blueprint("guest", __name__)
CODE_CHARS_MAX = 512
ONCE = "guest_once"
"""Where an application keeps what came of the forms of late."""
_ONCE_BYTES = 16
_LINES = 50
_SPENT = frozenset({"used", "refunded"})
_SALE = re.compile(r"[0-9A-Fa-f]{32}")
_KINDS = {"valid": "valid", "expired": "expired", "revoked": "revoked"}


@pages.get("/j/<code>")
@pages.get("/J/<code>")
def invite(code: str) -> Response:
    """Say whether an invite counts.

    Every verdict is a 200: the question was answered. A code that we did not issue and one of another house look
    alike to a guest. With one that counts, and whose points nobody has taken, the guest may join.
    """
    return _invite(code, JoinForm())


@pages.post("/j/<code>")
@pages.post("/J/<code>")
def join(code: str) -> Response:
    """Take a guest's form: they are a member then, and the receipt's points theirs."""
    return _invite(code, guest_join.read(request.form, locale()))


@pages.get("/m/<door>")
def member(door: str) -> Response:
    """Show a member's own page to whoever holds its address."""
    return _member(door, "")


@pages.post("/m/<door>")
def member_says(door: str) -> Response:
    """Take what a member says on their own page: what they agree to, or that they leave."""
    site: Site = current_app.extensions[EXTENSION]
    who = _behind(door)
    if who is None:
        return _nobody()
    if request.form.get("leave") == "yes":
        site.hub.members.joining.leave(who)
        return make_response(draw(title=say_text("guest_member.left"), sentence=say_text("guest_member.left_more")))
    if "consents" not in request.form:
        return _member(door, say_text("guest_member.tick_first"))
    held = {one.purpose for one in site.hub.members.desk.page(who).consents}
    said = [
        Consent(purpose=one, given=one not in held, text=guest_join.TEXT, channel="phone")
        for one in PURPOSES
        if one != "membership" and (request.form.get(f"purpose_{one}") == "yes") != (one in held)
    ]
    if said:
        site.hub.members.joining.consent(who, said)
    return _member(door, say_text("guest_member.kept"))


@pages.get("/r/<store>/<sale_id>")
@pages.get("/R/<store>/<sale_id>")
def receipt(store: str, sale_id: str) -> Response:
    """Show a receipt to whoever holds its address (`sync.contract.receipts`).

    A sale that is not here yet and one that never was look alike: the store may be without a network, so the page asks
    for patience. Nothing on the way may keep the page (`no-store`, as all answers).
    """
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    well_formed = ids.STORE_ID.fullmatch(store.lower()) and _SALE.fullmatch(sale_id)
    found = site.hub.reports.sale(store.lower(), sale_id.lower()) if well_formed else None
    if found is None:
        title = say.text("guest.receipt_not_here")
        return make_response(draw(title=title, sentence=say.text("guest.receipt_later")), 404)
    drawn = paper.draw(found, site.words, say.moment)
    return make_response(draw(title=found.receipt_no, sale=found, paper=drawn))


def _invite(code: str, form: JoinForm) -> Response:
    site: Site = current_app.extensions[EXTENSION]
    hub = site.hub
    verdict = hub.invites.verify(code) if len(code) <= CODE_CHARS_MAX else InviteVerdict(verdict="forged")
    kind = _KINDS.get(verdict.verdict, "forged")
    sent = request.method == "POST"
    done = _once().known(form.once) if sent and not form.wrong else None
    invite_id = _invite_id(code) if kind == "valid" else ""
    if invite_id and done is None:
        receipt_is = hub.members.joining.receipt(invite_id)
        kind = receipt_is if receipt_is in _SPENT else kind
        if kind == "valid" and sent and not form.wrong:
            origin = Origin(place="slip", store=verdict.store or "", code=invite_id)
            done = _once().do(
                form.once, lambda: hub.members.joining.join(form.profile, form.consents(), origin, invite_id)
            )
    if done is not None:
        return make_response(draw(**_told(done, form)))
    page = draw(
        verdict=verdict,
        kind=kind,
        form=form if kind == "valid" else None,
        purposes=PURPOSES,
        once=hub.members.shared.chance.token(_ONCE_BYTES).hex(),
    )
    return make_response(page, 400 if sent and kind == "valid" else 200)


def _told(done: Joined, form: JoinForm) -> dict[str, object]:
    """Say what came of a form; a number that was known and one that was not hear the same, so the page tells nobody who is a member."""
    site: Site = current_app.extensions[EXTENSION]
    nameless = not form.profile.phone
    return {
        "title": say_text("guest_join.done"),
        "done": done,
        "door": centre.door(site.hub.members.shared, done.member_id) if nameless else "",
    }


def _member(door: str, notice: str) -> Response:
    site: Site = current_app.extensions[EXTENSION]
    who = _behind(door)
    if who is None:
        return _nobody()
    desk = site.hub.members.desk
    page = desk.page(who)
    return make_response(
        draw(
            title=say_text("guest_member.title"),
            member=page,
            held={one.purpose for one in page.consents},
            lines=desk.timeline(who, _LINES),
            purposes=PURPOSES,
            notice=notice,
        )
    )


def _nobody() -> Response:
    return make_response(draw(title=say_text("guest.nothing_here"), sentence=say_text("guest_member.nobody")), 404)


def _behind(door: str) -> str | None:
    site: Site = current_app.extensions[EXTENSION]
    try:
        return centre.behind(site.hub.members.shared, door)
    except NoMember:
        return None


def _invite_id(code: str) -> str:
    """Read the id of an invite that was found to be ours."""
    found = codes.find(code)
    apart = None if found is None else codes.take_apart(found)
    return "" if apart is None else apart.claims.invite_id.hex()


def _once() -> Once:
    return cast("Once", current_app.extensions[ONCE])


def _speaker() -> Speaker:
    site: Site = current_app.extensions[EXTENSION]
    return Speaker(site.words, locale(), site.hub.zone)


def say_text(key: str) -> str:
    """Say a word in the language of the request at hand."""
    return _speaker().text(key)


def locale() -> str:
    """Say the language of the request at hand."""
    return language.of_guest(request)


def draw(**values: object) -> str:
    """Draw the page."""
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    return render_template(
        "guest.html",
        **{
            "t": say.text,
            "say": say,
            "locale": locale(),
            "assets": site.assets,
            "title": say.text("guest.title"),
            "brand": say.text("brand.name"),
            "languages": True,
            "verdict": None,
            "sale": None,
            "form": None,
            "done": None,
            "member": None,
            **values,
        },
    )


def draw_problem(_status: int, _code: str, sentence: str) -> str:
    """Draw a refusal for a guest."""
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    return draw(title=say.text("guest.nothing_here"), sentence=sentence, languages=False)
