"""The page of guests' phones (scan to order): a listener of its own, without cookies, sessions or anything else of the node.

Phones do not trust the store's CA, so it is served without TLS; nothing secret passes, and nothing of it opens another door. The page
knows its table by the signed code in its address.
"""

from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, Flask, Response, current_app, render_template, request, send_from_directory

from edge.domain.refusal import Refused
from edge.services.care.status import store_name
from edge.services.guests import e_receipt, guest_orders, table_codes
from edge.services.guests.guest_limits import GuestLimits
from edge.services.guests.guest_orders import GuestAskCommand, GuestLookCommand, MenuCounter
from edge.web import problems, words
from edge.web.access import SAFE_METHODS, command, desk, door
from edge.web.pages import STATIC, shell_hash
from edge.web.problems import Problem
from sync.contract.orders import Table

guest = Blueprint("guest", __name__)

FILES: Final = frozenset(
    {
        "tokens.css",
        "guest/guest.css",
        "guest/guest.js",
        "guest/basket.js",
        "guest/draw.js",
        "till/ids.js",
        "till/money.js",
    }
)
"""All of the node's files that a phone may have."""
_YEAR_S: Final = 31_536_000
_WORDS: Final = ("scan_order.", "allergen.", "brand.seal_")
_REFUSALS: Final = frozenset(
    f"error.{code}"
    for code in (
        "table_code_wrong", "table_code_old", "too_often", "too_many_waiting", "sold_out", "unknown_dish", "no_menu", "busy",
        "unknown_modifier", "too_few_modifiers", "too_many_modifiers", "wrong_parts", "price_missing",
    )
)  # fmt: skip
"""Those that a guest can do something about; the page says one sentence for all others."""
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@guest.get("/")
def nowhere() -> Response:
    """Say that a code is to be scanned."""
    return _page(None, "table_code_wrong", 200)


@guest.get("/T/<code>")
def page(code: str) -> Response:
    """Give the page of a table."""
    table = table_codes.table_of(desk().node, code)
    if isinstance(table, Refused):
        return _page(None, table.code, problems.STATUS.get(table.code, 404))
    return _page(table, "", 200)


@guest.get("/T/<code>/menu")
def menu(code: str) -> Response:
    """Give what can be asked for at the table."""
    _table(code)
    found = cast("MenuCounter", current_app.extensions["guest_menu"]).read()
    if isinstance(found, Refused):
        return problems.refused(found)
    answer = Response(found, mimetype="application/json")
    answer.add_etag()
    answer.headers["Cache-Control"] = "no-cache"
    answer.make_conditional(request)
    return answer


@guest.post("/T/<code>/ask")
def ask(code: str) -> Response:
    """Take a basket for the waiter to confirm."""
    table, asked = _table(code), command(GuestAskCommand)
    limits, now_ms = _limits(), desk().node.clock.monotonic_ms()
    _hold_back(limits.asks_of_table.take(table.id, now_ms) or limits.asks_of_house.take("", now_ms))
    taken = guest_orders.ask(desk().node, table, asked)
    if isinstance(taken, Refused):
        return problems.refused(taken)
    return Response(taken.answer, status=200 if taken.repeated else 201, mimetype="application/json")


@guest.post("/T/<code>/asked")
def asked(code: str) -> Response:
    """Say how lines stand that this phone asked for."""
    _table(code)
    found = guest_orders.states(desk().node, command(GuestLookCommand))
    return Response(msgspec.json.encode(found), mimetype="application/json")


@guest.get("/R/<store>/<sale_id>")
def receipt(store: str, sale_id: str) -> Response:
    """Give a receipt to a phone in the shop: the page at HQ does not have it before the sale got there."""
    found = e_receipt.paper(desk().node, store.lower(), sale_id.lower())
    known = not isinstance(found, Refused)
    page = render_template(
        "guest_receipt.html",
        text=found if known else "",
        store=store_name(desk().node),
        words=words.catalogue(),
        base=f"/static/{shell_hash()}",
    )
    return Response(page, status=200 if known else 404, mimetype="text/html")


@guest.get("/static/<build>/<path:name>")
def static_file(build: str, name: str) -> Response:
    """Give a file of the page; its address names the build, so it may be kept for ever."""
    if name not in FILES:
        raise Problem("not_found")
    answer = send_from_directory(STATIC, name)
    fresh = build == shell_hash()
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if fresh else "no-store"
    return answer


def guard(app: Flask) -> None:
    """Refuse foreign hosts and origins and phones that ask too often, and set the headers of every answer."""

    @app.before_request
    def _from_our_page() -> None:
        if not door().admits(urlsplit(f"//{request.host}").hostname or ""):
            raise Problem("forbidden_host")
        if request.method not in SAFE_METHODS:
            origin = request.headers.get("Origin")
            if origin is not None and origin != f"{request.scheme}://{request.host}":
                raise Problem("forbidden_origin")
            if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
                raise Problem("forbidden_origin")
        if request.endpoint != "guest.static_file":
            _hold_back(_limits().looks.take(request.remote_addr, desk().node.clock.monotonic_ms()))

    @app.after_request
    def _headers(answer: Response) -> Response:
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


def _table(code: str) -> Table:
    found = table_codes.table_of(desk().node, code)
    if isinstance(found, Refused):
        raise Problem(found.code)
    return found


def _limits() -> GuestLimits:
    return cast("GuestLimits", current_app.extensions["guest_limits"])


def _hold_back(wait_ms: int) -> None:
    if wait_ms:
        raise Problem("too_often", retry_after_s=-(-wait_ms // 1000))


def _page(table: Table | None, code: str, status: int) -> Response:
    said = {
        language: {key: text for key, text in texts.items() if key.startswith(_WORDS) or key in _REFUSALS}
        for language, texts in words.catalogue().items()
    }
    page = render_template(
        "guest.html",
        table=table,
        code=code,
        store=store_name(desk().node),
        words=said,
        locale=words.locale_of(request),
        base=f"/static/{shell_hash()}",
    )
    return Response(page, status=status, mimetype="text/html")
