"""The fleet: every store and how it is, the one that needs a person first."""

from flask import redirect
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services.fleet import FleetStore
from cloud.web import access, attention, frame
from cloud.web.pages.doors import closed_blueprint

pages = closed_blueprint("fleet", __name__)

BAR_UNITS = 100
"""The longest bar of waiting facts, in units of its drawing."""
SHAPES = {"online": "ok", "away": "ring", "never": "dot", "refused": "triangle"}


@pages.get("/fleet")
@access.needs(Action.VIEW_STORES)
def old_name() -> Response:
    """The page is called by what it lists."""
    return redirect("/stores", 302)


@pages.get("/stores")
@access.needs(Action.VIEW_STORES)
def fleet() -> str:
    """Show every store."""
    hub = frame.site().hub
    stores = hub.reports.stores()
    told = hub.fleets.fleet(stores)
    most = max((waiting_of(store) or 0 for store in told.stores), default=0)
    return frame.draw_framed(
        "fleet.html",
        stores=stores,
        place="fleet",
        fleet=told,
        shapes=SHAPES,
        bar=lambda store: bar_units(waiting_of(store), most),
        waiting_of=waiting_of,
        alarm_words=alarm_words,
        shape_of=attention.shape_of,
        hub_alarms=[(one.code, attention.of_hub(one, told.now_ms, frame.speaker())) for one in told.alarms],
        online=sum(store.state == "online" for store in told.stores),
        needing=sum(store.need < 4 for store in told.stores),  # noqa: PLR2004 - not yet seen and well need nobody
    )


def waiting_of(store: FleetStore) -> int | None:
    """Add up what a store says is waiting; None when it never said."""
    return None if store.waiting is None else store.waiting.trade + store.waiting.operations


def bar_units(waiting: int | None, most: int) -> int:
    """Give the length of a store's bar beside the longest; one that waits at all is seen."""
    return 0 if not waiting else max(2, round(BAR_UNITS * waiting / most))


def alarm_words(code: str) -> str:
    """Give the words for an alarm; a code of a newer node stands as it is."""
    return frame.speaker().reason(f"alarm_{code.replace('.', '_')}") if _is_known(code) else code


def _is_known(code: str) -> bool:
    return frame.site().words.has(f"reason.alarm_{code.replace('.', '_')}")
