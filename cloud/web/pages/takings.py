"""Takings of a day per store and hour, as bars and as the same figures in a table."""

from cloud.domain.roles import Action
from cloud.web import access, asked, figures, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.pages.overview import VIEWS
from cloud.web.problems import Problem
from sync.contract import times

pages = closed_blueprint("takings", __name__)


@pages.get("/takings")
@access.needs(Action.VIEW_SALES)
def takings() -> str:
    """Show one business day, store by store."""
    hub = frame.site().hub
    view = asked.choice("view", VIEWS)
    store = asked.store_id(text) if (text := asked.text("store")) else None
    if store is not None and hub.reports.store_name(store) is None:
        raise Problem(404, "unknown_store")
    today = hub.reports.business_day_now()
    day = asked.day() or today
    this = hub.reports.takings(day)
    before = hub.reports.takings(figures.week_before(day))
    running = times.local_hour(hub.clock.now_ms(), hub.zone) if day == today else None
    cutoff = hub.settings.cutoff_minutes
    hours = figures.hours_of([this, before], cutoff)
    last = {row.id: row for row in before.stores}
    stores = hub.reports.stores()
    shown = [row for row in this.stores if store in {None, row.id}]
    return frame.draw_framed(
        "takings.html",
        stores=stores,
        place="takings",
        choices=stores,
        store=store,
        day=day,
        today=today,
        yesterday=figures.day_before(today),
        view=view,
        hours=hours,
        running=running,
        rows=[
            (
                row,
                figures.hour_cells(
                    hours,
                    figures.amounts(row.hours),
                    figures.amounts(last[row.id].hours) if row.id in last else {},
                    running=running,
                    cutoff_minutes=cutoff,
                ),
                row.id in last and last[row.id].known,
            )
            for row in shown
        ],
        sums=figures.hour_cells(hours, figures.summed(shown), {}, running=running, cutoff_minutes=cutoff),
        known=any(row.known for row in shown),
        total_fen=sum(row.amount_fen for row in shown),
        last_weekday=frame.speaker().weekday(day),
    )
