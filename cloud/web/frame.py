"""What every page shares: the hub, the words, the assets, the language and the frame around the content."""

from dataclasses import dataclass

from flask import current_app, render_template, request

from cloud.services.hub import Hub
from cloud.services.views import StoreView
from cloud.web import language, show
from cloud.web.assets import Assets
from cloud.web.words import Words

EXTENSION = "zhanggui"
THEME_COOKIE = "hub_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Site:
    """What an application holds for its pages."""

    hub: Hub
    words: Words
    assets: Assets


def site() -> Site:
    """Give what the application at hand holds."""
    held: Site = current_app.extensions[EXTENSION]
    return held


def locale() -> str:
    """Say the language of the request at hand."""
    return language.of_console(request)


def speaker() -> show.Speaker:
    """Give the one who puts times, spans and names into words for this request."""
    held = site()
    return show.Speaker(held.words, locale(), held.hub.zone)


def theme() -> str:
    """Give the chosen theme, or an empty text: then the device decides."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def draw(template: str, **values: object) -> str:
    """Draw a page."""
    held = site()
    return render_template(
        template,
        t=speaker().text,
        say=speaker(),
        locale=locale(),
        theme=theme(),
        assets=held.assets,
        here=request.full_path.rstrip("?"),
        **values,
    )


def draw_framed(template: str, *, stores: tuple[StoreView, ...], place: str, **values: object) -> str:
    """Draw a console page inside the bar and the navigation; `place` names the entry that is lit."""
    held = site()
    now_ms = held.hub.clock.now_ms()
    return draw(
        template,
        place=place,
        now_ms=now_ms,
        zone_name=held.hub.settings.timezone,
        data_line=_data_line(stores),
        **values,
    )


def _data_line(stores: tuple[StoreView, ...]) -> str:
    """Say how fresh the data are, and which store lies furthest behind when one is away."""
    say = speaker()
    known = [store for store in stores if store.data_as_of_ms is not None]
    if not known:
        return say.text("frame.data_unknown")
    newest = max(store.data_as_of_ms or 0 for store in known)
    away = [store for store in known if store.state != "online"]
    if not away:
        return say.text("frame.data_as_of", time=say.minute(newest))
    behind = min(away, key=lambda store: store.data_as_of_ms or 0)
    return say.text(
        "frame.data_as_of_but",
        time=say.minute(newest),
        store=say.name(behind.name),
        behind=say.minute(behind.data_as_of_ms or 0),
    )
