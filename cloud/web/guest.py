"""The guest's pages behind a QR: is this invite real, and until when; the receipt on a phone. No cookie, no script."""

import re

from flask import Blueprint, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from cloud.services.views import InviteVerdict
from cloud.web import language, paper
from cloud.web.frame import EXTENSION, Site
from cloud.web.show import Speaker
from sync.contract import ids

pages = Blueprint("guest", __name__)
CODE_CHARS_MAX = 512
_SALE = re.compile(r"[0-9A-Fa-f]{32}")
_KINDS = {"valid": "valid", "expired": "expired", "revoked": "revoked"}


@pages.get("/j/<code>")
@pages.get("/J/<code>")
def invite(code: str) -> Response:
    """Say whether an invite counts.

    Every verdict is a 200: the question was answered. A code that we did not issue and one of another house look
    alike to a guest.
    """
    site: Site = current_app.extensions[EXTENSION]
    verdict = site.hub.invites.verify(code) if len(code) <= CODE_CHARS_MAX else InviteVerdict(verdict="forged")
    return make_response(draw(verdict=verdict, kind=_KINDS.get(verdict.verdict, "forged")))


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
            **values,
        },
    )


def draw_problem(_status: int, _code: str, sentence: str) -> str:
    """Draw a refusal for a guest."""
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    return draw(title=say.text("guest.nothing_here"), sentence=sentence, languages=False)
