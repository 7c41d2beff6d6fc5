"""The page behind a live code (活码) in the shop's network: where HQ leads it, with the uplink cut too.

A code at a table that leads to the menu opens the page on which that table's guests ask for dishes; anywhere else the menu is read.
Joining says by which code. As on the page of an invite nothing is asked that must not travel without TLS.
"""

from typing import Final, cast

import msgspec
from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from edge.domain.refusal import Refused
from edge.services.care.status import store_name
from edge.services.guests import live_codes
from edge.services.guests.guest_limits import GuestLimits
from edge.services.guests.guest_orders import GuestMenu, MenuCounter
from edge.services.guests.live_codes import Led, ScanCounter
from edge.services.members import join
from edge.services.members.join import JoinAnswer, JoinCommand, Said
from edge.web import words
from edge.web.access import desk
from edge.web.guest_join import ASKED, TEXT
from edge.web.pages import shell_hash
from edge.web.problems import Problem
from sync.contract import ids, money

live_page = Blueprint("guest_live", __name__)

CODE_CHARS_MAX: Final = 400
_FIELDS: Final = {"phone": 40, "name": 40}
_TOLD: Final = frozenset(f"error.{code}" for code in ("phone_wrong", "profile_wrong", "consent_missing", "busy"))
_PARTS_MAX: Final = 999
_MENU: Final = msgspec.json.Decoder(GuestMenu)


@live_page.get("/C/<code>")
@live_page.get("/c/<code>")
def opened(code: str) -> Response | WerkzeugResponse:
    """Show where a code leads. Whoever turns a page or changes the language did not scan again."""
    found = _read(code)
    if isinstance(found, Refused):
        return _page(found)
    if not request.args:
        cast("ScanCounter", current_app.extensions["live_scans"]).count(found)
    if found.leads == "menu" and request.args.get("join") != "yes":
        path = live_codes.table_path(desk().node, found)
        if path:
            return redirect(path, 303)
    return _page(found)


@live_page.post("/C/<code>")
@live_page.post("/c/<code>")
def joins(code: str) -> Response:
    """Take what a guest sent. The same form sent twice is one join."""
    node = desk().node
    limits = cast("GuestLimits", current_app.extensions["guest_limits"])
    wait_ms = limits.joins.take("", node.clock.monotonic_ms())
    if wait_ms:
        raise Problem("too_often", retry_after_s=-(-wait_ms // 1000))
    found = _read(code)
    if isinstance(found, Refused):
        return _page(found)
    once = request.form.get("once", "")
    told = {name: request.form.get(name, "").strip()[: most + 1] for name, most in _FIELDS.items()}
    if not ids.is_uuid7_hex(once) or any(len(told[name]) > most for name, most in _FIELDS.items()):
        return _page(found, wrong="error.profile_wrong")
    asked = JoinCommand(
        request_id=once,
        consents=tuple(one for one in ASKED if request.form.get(f"purpose_{one}") == "yes"),
        text=TEXT,
        said=Said(phone=told["phone"], name=told["name"], locale=_locale()),
        place=found.place,
        code=found.code_id,
        at=found.at,
    )
    done = join.join(node, None, asked)
    if isinstance(done, Refused):
        key = f"error.{done.code}"
        return _page(found, wrong=key if key in _TOLD else "guest_join.not_now")
    return _page(found, done=join.read_answer(done.answer))


def _read(code: str) -> Led | Refused:
    return live_codes.read(desk().node, code) if len(code) <= CODE_CHARS_MAX else Refused("live_code_wrong")


def _page(found: Led | Refused, *, wrong: str = "", done: JoinAnswer | None = None) -> Response:
    node = desk().node
    locale = _locale()
    led = found if isinstance(found, Led) else None
    refused = f"error.{found.code}" if isinstance(found, Refused) else ""
    form = led is not None and (bool(wrong) or led.leads == "join" or request.args.get("join") == "yes")
    if form and not node.store_rules.members:
        refused, form = "error.members_off", False
    reads = led is not None and led.leads == "menu" and not form and done is None and not refused
    page = render_template(
        "guest_live.html",
        say=words.catalogue()["en" if locale == "en" else "zh"],
        english=locale == "en",
        lang=locale,
        store=store_name(node),
        led=led,
        live=None if led is None else led.live,
        refused=refused,
        wrong=wrong,
        done=done,
        form=form,
        members=node.store_rules.members,
        menu=_menu() if reads else None,
        purposes=ASKED,
        told={name: request.form.get(name, "")[:most] for name, most in _FIELDS.items()},
        ticked=[one for one in ASKED if request.form.get(f"purpose_{one}") == "yes"],
        once=node.ids.uuid7().hex(),
        base=f"/static/{shell_hash()}",
    )
    return Response(page, status=400 if wrong else 200, mimetype="text/html")


class _Part(msgspec.Struct, frozen=True):
    """A category of the menu as the page shows it: which of them, their names, its dishes with their prices."""

    at: int
    names: list[dict[str, str]]
    dishes: list[dict[str, str]]


def _menu() -> _Part | None:
    found = cast("MenuCounter", current_app.extensions["guest_menu"]).read()
    if isinstance(found, Refused):
        return None
    menu = _MENU.decode(found)
    asked = request.args.get("part", "")
    at = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= len(str(_PARTS_MAX)) else 0
    at = at if at < len(menu.categories) else 0
    dishes = [dish for dish in menu.dishes if dish.category == menu.categories[at].id]
    return _Part(
        at,
        [{"zh": one.name.zh, "en": one.name.en} for one in menu.categories],
        [{"zh": one.name.zh, "en": one.name.en, "price": money.plain(one.price_fen)} for one in dishes if one.left],
    )


def _locale() -> str:
    chosen = request.args.get("lang", "")
    if chosen in ("zh", "en"):
        return chosen
    return "en" if words.locale_of(request).startswith("en") else "zh"
