"""The page behind a live code (活码): where HQ leads it now. What a guest may do there is join; the join says by which code."""

import msgspec
from flask import Blueprint, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from cloud.services.live_codes import Opened
from cloud.web import guest, guest_device, guest_join
from cloud.web.frame import EXTENSION, Site
from cloud.web.guest_join import JoinForm
from cloud.web.show import Speaker
from sync.contract.members import PURPOSES, Origin
from sync.contract.menu import Dish, Menu
from sync.contract.words import Name

pages = Blueprint("guest_live", __name__)

_ONCE_BYTES = 16
_NOWHERE = {
    "forged": ("guest_live.forged", "guest_live.forged_more"),
    "stopped": ("guest_live.stopped", "guest_live.stopped_more"),
    "off": ("guest_live.off", "guest_live.off_more"),
}
"""What is said where a code leads nowhere."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the menu: its categories, and the dishes of one of them."""

    categories: tuple[Name, ...] = ()
    at: int = 0
    dishes: tuple[Dish, ...] = ()


@pages.get("/c/<code>")
@pages.get("/C/<code>")
def opened(code: str) -> Response:
    """Show where a code leads. Whoever turns a page or changes the language did not scan again."""
    return _page(_scan(code, counts=not request.args), JoinForm())


@pages.post("/c/<code>")
@pages.post("/C/<code>")
def join(code: str) -> Response:
    """Take a guest's form: they are a member then, and came by this code."""
    guest.hold_back_join(code)
    return _page(_scan(code, counts=False), guest_join.read(request.form, guest.locale()))


def _scan(code: str, *, counts: bool) -> Opened:
    site: Site = current_app.extensions[EXTENSION]
    return site.hub.live_codes.scan(code[: guest.CODE_CHARS_MAX], counts=counts)


def _page(found: Opened, form: JoinForm) -> Response:
    if found.verdict in _NOWHERE or found.origin is None:
        title, more = (guest.say_text(word) for word in _NOWHERE[found.verdict])
        return make_response(guest.draw(title=title, sentence=more))
    sent = request.method == "POST"
    joins = sent or found.verdict == "join" or request.args.get("join") == "yes"
    if sent and not form.wrong:
        return _joined(found.origin, form)
    return make_response(_draw(found, form if joins else None), 400 if sent else 200)


def _joined(origin: Origin, form: JoinForm) -> Response:
    site: Site = current_app.extensions[EXTENSION]
    joining = site.hub.members.joining
    done = joining.join(form.profile, form.consents(), origin, once=form.once, device=guest_device.marker())
    return make_response(guest.draw(**guest.told(done, form)))


def _draw(found: Opened, form: JoinForm | None) -> str:
    site: Site = current_app.extensions[EXTENSION]
    locale = guest.locale()
    say = Speaker(site.words, locale, site.hub.zone)
    live = found.live
    stores = {store.id: store.name for store in site.hub.reports.stores()} if live is not None else {}
    menu = site.hub.live_codes.menu(live.store) if form is None and live and found.verdict == "menu" else None
    return render_template(
        "guest_live.html",
        t=say.text,
        say=say,
        locale=locale,
        assets=site.assets,
        brand=say.text("brand.name"),
        live=live,
        store=None if live is None else stores.get(live.store),
        verdict=found.verdict,
        form=form,
        alone=True,
        purposes=PURPOSES,
        once=site.hub.members.shared.chance.token(_ONCE_BYTES).hex(),
        shown=None if menu is None else _part(menu),
        lang="en" if locale == "en" else "zh",
    )


def _part(menu: Menu) -> Shown:
    """Take one category: a whole menu would be too long for a phone's first look."""
    used = [one for one in menu.categories if any(dish.category == one.id for dish in menu.dishes)]
    told = request.args.get("part", "")
    at = int(told) if told.isascii() and told.isdecimal() and len(told) < 4 and int(told) < len(used) else 0  # noqa: PLR2004 - digits of a place in a menu
    dishes = tuple(dish for dish in menu.dishes if used and dish.category == used[at].id)
    return Shown(categories=tuple(one.name for one in used), at=at, dishes=dishes)
