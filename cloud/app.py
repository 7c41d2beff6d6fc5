"""Builds the two web applications of the hub: the console with its API, and the guest's page without cookies."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from cloud.services.hub import Hub
from cloud.web import (
    access,
    api,
    figures_door,
    frame,
    guest,
    guest_live,
    guest_member,
    handover,
    health,
    openapi,
    security,
    words,
)
from cloud.web.assets import Assets
from cloud.web.frame import EXTENSION, Site
from cloud.web.guest_limits import GuestLimits
from cloud.web.pages import (
    account,
    audit,
    enrolment,
    fleet,
    live_codes,
    members,
    money,
    overview,
    parked,
    sale,
    sales,
    sign_in,
    takings,
    users,
    versions,
)
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
        trusted_hosts=[
            *security.LOOPBACK_NAMES,
            hub.settings.web.host,
            *hub.settings.web.names,
            *_hosts(hub.settings.console.public_url),
        ],
        policy=security.CONTENT_SECURITY_POLICY,
    )
    if hops := hub.settings.console.proxy_hops:
        # Who asks, and whether over TLS, is what the proxy in front says; nobody else reaches the listener.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_prefix=0)  # type: ignore[method-assign]
    handle(app, words=site.words, locale=frame.locale, page=_draw_problem)
    forms = CSRFProtect(app)
    access.guard(app)
    for blueprint in (
        sign_in.pages,
        account.pages,
        overview.pages,
        fleet.pages,
        figures_door.pages,
        sales.pages,
        sale.pages,
        takings.pages,
        money.pages,
        members.pages,
        live_codes.pages,
        parked.pages,
        versions.pages,
        enrolment.pages,
        users.pages,
        audit.pages,
    ):
        app.register_blueprint(blueprint)
    for interface in (api.interface, health.interface, openapi.interface, handover.interface):
        app.register_blueprint(interface)
        # Programs hold no form token; the API takes JSON only and checks the origin.
        forms.exempt(interface)
    return app


def create_guest_app(hub: Hub) -> Flask:
    """Build the public page, for a listener of its own."""
    app = _flask()
    site = Site(hub, words.load(), Assets())
    app.extensions[EXTENSION] = site
    security.guard(
        app,
        trusted_hosts=[*security.LOOPBACK_NAMES, hub.settings.guest.host, *_hosts(hub.settings.public_url)],
        policy=security.GUEST_CONTENT_SECURITY_POLICY,
    )
    if hops := hub.settings.guest.proxy_hops:
        # A limit by address needs the guest's own, not the proxy's.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_prefix=0)  # type: ignore[method-assign]
    handle(app, words=site.words, locale=guest.locale, page=guest.draw_problem)
    app.extensions[guest.LIMITS] = GuestLimits()
    app.register_blueprint(guest.pages)
    app.register_blueprint(guest_member.pages)
    app.register_blueprint(guest_live.pages)
    return app


def _hosts(url: str) -> list[str]:
    host = urlsplit(url).hostname
    return [host] if host else []


def _flask() -> Flask:
    app = Flask("cloud.web")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    return app


def _draw_problem(status: int, code: str, sentence: str) -> str:
    return frame.draw("problem.html", status=status, code=code, sentence=sentence)
