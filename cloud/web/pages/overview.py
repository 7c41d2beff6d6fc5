"""The overview: takings of the day, what needs a look, and how every store is."""

from flask import redirect
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services.views import StoreView
from cloud.web import access, asked, attention, figures, frame
from cloud.web.pages.doors import closed_blueprint
from sync.contract import times

pages = closed_blueprint("overview", __name__)
VIEWS = ("chart", "table")


@pages.get("/")
@access.signed_in
def home() -> Response:
    """The overview is where a person starts."""
    return redirect("/overview", 302)


@pages.get("/overview")
@access.needs(Action.VIEW_STORES)
def overview() -> str:
    """Show one business day of the whole house."""
    held = frame.site()
    hub = held.hub
    view = asked.choice("view", VIEWS)
    today = hub.reports.business_day_now()
    day = asked.day() or today
    stores = hub.reports.stores()
    takings = hub.reports.takings(day)
    before = hub.reports.takings(figures.week_before(day))
    now_ms = hub.clock.now_ms()
    running = times.local_hour(now_ms, hub.zone) if day == today else None
    cutoff = hub.settings.cutoff_minutes
    hours = figures.hours_of([takings, before], cutoff)
    cells = figures.hour_cells(
        hours, figures.amounts(takings.hours), figures.amounts(before.hours), running=running, cutoff_minutes=cutoff
    )
    say = frame.speaker()
    locked = hub.console.audit_log.locked_lately() if access.may(Action.VIEW_AUDIT) else 0
    return frame.draw_framed(
        "overview.html",
        stores=stores,
        place="overview",
        day=day,
        today=today,
        yesterday=figures.day_before(today),
        view=view,
        store_rows=stores,
        day_totals={total.id: total for total in takings.stores},
        takings=takings,
        before=before,
        cells=cells,
        compared=figures.compare(cells, running),
        last_weekday=say.weekday(day),
        looks=attention.looks(stores, now_ms, say, locked, hub.fleets.fleet(stores)),
        online=sum(store.state == "online" for store in stores),
        waiting=_waiting(stores),
        facts=sum(store.verified.trade + store.verified.operations for store in stores),
        forked=sum(not store.chain_ok for store in stores),
    )


def _waiting(stores: tuple[StoreView, ...]) -> tuple[int, int]:
    """Add up what connected stores say is waiting: the facts, and how many stores said so."""
    told = [store.waiting for store in stores if store.state == "online" and store.waiting is not None]
    return sum(waiting.trade + waiting.operations for waiting in told), len(told)
