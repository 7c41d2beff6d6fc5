"""The guest's pages behind a QR: is this invite real, joining with it, the receipt. No script, and no cookie to look."""

import re
from typing import cast

from flask import Blueprint, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from cloud.services.members import centre, friends
from cloud.services.members.friends import FriendVerdict
from cloud.services.members.joining import Joined
from cloud.services.views import InviteVerdict
from cloud.web import guest_device, guest_join, language, paper
from cloud.web.frame import EXTENSION, Site
from cloud.web.guest_join import JoinForm
from cloud.web.guest_limits import GuestLimits, address_of
from cloud.web.problems import Problem
from cloud.web.show import Speaker
from sync.contract import codes, ids
from sync.contract.members import PURPOSES, Origin

pages = Blueprint("guest", __name__)
CODE_CHARS_MAX = 512
LIMITS = "guest_limits"
"""Where an application keeps how often phones may ask."""
_ONCE_BYTES = 16
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
    sent = request.method == "POST"
    if sent:
        hold_back_join(code)
    friend = friends.verify(hub.members.shared, code) if len(code) <= CODE_CHARS_MAX else None
    if friend is not None:
        return _friend(friend, form, sent=sent)
    verdict = hub.invites.verify(code) if len(code) <= CODE_CHARS_MAX else InviteVerdict(verdict="forged")
    kind = _KINDS.get(verdict.verdict, "forged")
    invite_id = _invite_id(code) if kind == "valid" else ""
    done = hub.members.joining.sent(form.once, invite_id) if invite_id and sent and not form.wrong else None
    if invite_id and done is None:
        receipt_is = hub.members.joining.receipt(invite_id)
        kind = receipt_is if receipt_is in _SPENT else kind
        if kind == "valid" and sent and not form.wrong:
            origin = Origin(place="slip", store=verdict.store or "", code=invite_id)
            done = hub.members.joining.join(
                form.profile, form.consents(), origin, invite_id, form.once, guest_device.marker()
            )
    if done is not None:
        return make_response(draw(**told(done, form)))
    return _asked(verdict, kind, form, sent=sent)


def _friend(friend: FriendVerdict, form: JoinForm, *, sent: bool) -> Response:
    """Let whoever holds a member's own invite join; it holds no points of a receipt, and says nothing of who that member is."""
    site: Site = current_app.extensions[EXTENSION]
    kind = _KINDS.get(friend.verdict, "forged")
    if kind == "valid" and sent and not form.wrong:
        origin = Origin(place="member", store="", code=friend.short, by_member=friend.member_id)
        joining, device = site.hub.members.joining, guest_device.marker()
        done = joining.join(form.profile, form.consents(), origin, once=form.once, device=device)
        return make_response(draw(**told(done, form), friend=True))
    verdict = InviteVerdict(verdict=friend.verdict, expires_day=friend.expires_day or None, short=friend.short or None)
    return _asked(verdict, kind, form, sent=sent, friend=True)


def _asked(verdict: InviteVerdict, kind: str, form: JoinForm, *, sent: bool, friend: bool = False) -> Response:
    site: Site = current_app.extensions[EXTENSION]
    page = draw(
        verdict=verdict,
        kind=kind,
        friend=friend,
        form=form if kind == "valid" else None,
        purposes=PURPOSES,
        once=site.hub.members.shared.chance.token(_ONCE_BYTES).hex(),
    )
    return make_response(page, 400 if sent and kind == "valid" else 200)


def told(done: Joined, form: JoinForm) -> dict[str, object]:
    """Say what came of a form; a number that was known and one that was not hear the same, so the page tells nobody who is a member."""
    site: Site = current_app.extensions[EXTENSION]
    nameless = not form.profile.phone
    return {
        "title": say_text("guest_join.done"),
        "done": done,
        "door": centre.door(site.hub.members.shared, done.member_id) if nameless else "",
    }


def _invite_id(code: str) -> str:
    """Read the id of an invite that was found to be ours."""
    found = codes.find(code)
    apart = None if found is None else codes.take_apart(found)
    return "" if apart is None else apart.claims.invite_id.hex()


def limits() -> GuestLimits:
    """Give what phones may do."""
    return cast("GuestLimits", current_app.extensions[LIMITS])


def hold_back(wait_ms: int) -> None:
    """Refuse a request that came too soon.

    Raises:
        Problem: `too_often`, where there is anything to wait for.
    """
    if wait_ms:
        raise Problem(429, "too_often", retry_after_s=-(-wait_ms // 1000))


def hold_back_join(code: str) -> None:
    """Refuse a form that came too soon behind others of its address, or of the code that brought it.

    Raises:
        Problem: `too_often`.
    """
    site: Site = current_app.extensions[EXTENSION]
    now_ms = site.hub.clock.monotonic_ms()
    hold_back(limits().join(address_of(request.remote_addr), code[:CODE_CHARS_MAX], now_ms))


@pages.before_app_request
def _not_too_often() -> None:
    if request.endpoint != "static":
        site: Site = current_app.extensions[EXTENSION]
        hold_back(limits().look(address_of(request.remote_addr), site.hub.clock.monotonic_ms()))


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
            "friend": False,
            "slip": False,
            "shown": "",
            "invite": None,
            "refresh_s": 0,
            **values,
        },
    )


def draw_problem(_status: int, _code: str, sentence: str) -> str:
    """Draw a refusal for a guest."""
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    return draw(title=say.text("guest.nothing_here"), sentence=sentence, languages=False)
