"""The guest's page behind the QR on a receipt: is this invite real, and until when. No cookie, no script."""

from flask import Blueprint, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from cloud.services.views import InviteVerdict
from cloud.web import language
from cloud.web.frame import EXTENSION, Site
from cloud.web.show import Speaker

pages = Blueprint("guest", __name__)
CODE_CHARS_MAX = 512
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
            **values,
        },
    )


def draw_problem(_status: int, _code: str, sentence: str) -> str:
    """Draw a refusal for a guest."""
    site: Site = current_app.extensions[EXTENSION]
    say = Speaker(site.words, locale(), site.hub.zone)
    return draw(title=say.text("guest.nothing_here"), sentence=sentence, languages=False)
