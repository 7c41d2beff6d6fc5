"""Builds the two web applications of the hub: the console with its API, and the guest's page without cookies."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from cloud.services.hub import Hub
from cloud.web import api, frame, guest, openapi, security, words
from cloud.web.assets import Assets
from cloud.web.frame import EXTENSION, Site
from cloud.web.pages import overview, parked, sale, sales, sign_in, takings
from cloud.web.problems import handle

FORM_LIFE = timedelta(hours=12)
"""As long as a session lives at most, so that a form on an open page does not die before it."""


def create_app(hub: Hub) -> Flask:
    """Build the console and the API."""
    app = _flask()
    site = Site(hub, words.load(), Assets())
    app.extensions[EXTENSION] = site
    app.config.update(
        SECRET_KEY=hub.web_secret,
        SESSION_COOKIE_NAME="hub_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=int(FORM_LIFE.total_seconds()),
        # Referrers are never sent (Referrer-Policy); the Origin check of cloud.web.security stands in for this one.
        WTF_CSRF_SSL_STRICT=False,
    )
    security.guard(
        app,
        trusted_hosts=[*security.LOOPBACK_NAMES, hub.settings.web.host],
        policy=security.CONTENT_SECURITY_POLICY,
    )
    handle(app, words=site.words, locale=frame.locale, page=_draw_problem)
    forms = CSRFProtect(app)
    for blueprint in (sign_in.pages, overview.pages, sales.pages, sale.pages, takings.pages, parked.pages):
        app.register_blueprint(blueprint)
    for interface in (api.interface, openapi.interface):
        app.register_blueprint(interface)
        # Programs hold no form token; the API takes JSON only and checks the origin.
        forms.exempt(interface)
    return app


def create_guest_app(hub: Hub) -> Flask:
    """Build the public page, for a listener of its own."""
    app = _flask()
    site = Site(hub, words.load(), Assets())
    app.extensions[EXTENSION] = site
    public_host = urlsplit(hub.settings.public_url).hostname
    security.guard(
        app,
        trusted_hosts=[*security.LOOPBACK_NAMES, hub.settings.guest.host, *([public_host] if public_host else [])],
        policy=security.GUEST_CONTENT_SECURITY_POLICY,
    )
    handle(app, words=site.words, locale=guest.locale, page=guest.draw_problem)
    app.register_blueprint(guest.pages)
    return app


def _flask() -> Flask:
    app = Flask("cloud.web")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    return app


def _draw_problem(status: int, code: str, sentence: str) -> str:
    return frame.draw("problem.html", status=status, code=code, sentence=sentence)
