"""Which store has which version of what HQ sends down, what waits for its day, and what became of commands."""

from cloud.domain.roles import Action
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem

pages = closed_blueprint("versions", __name__)
SHOWN = ("menu", "prices", "config", "commands", "stores", "rules", "members", "grants", "live_codes")
"""The columns of the page, in this order."""


@pages.get("/versions")
@access.needs(Action.VIEW_VERSIONS)
def versions() -> str:
    """Show every store with the versions it has."""
    hub = frame.site().hub
    stores = hub.reports.stores()
    return frame.draw_framed(
        "versions.html",
        stores=stores,
        place="versions",
        by_id={store.id: store for store in stores},
        rows=hub.versions.of_stores(),
        columns=SHOWN,
        publications=hub.versions.publications(),
    )


@pages.get("/versions/<store>")
@access.needs(Action.VIEW_VERSIONS)
def of_store(store: str) -> str:
    """Show one store: its streams, what waits for its day there, its commands."""
    hub = frame.site().hub
    name = hub.reports.store_name(asked.store_id(store))
    if name is None:
        raise Problem(404, "unknown_store")
    stores = hub.reports.stores()
    return frame.draw_framed(
        "store_versions.html",
        stores=stores,
        place="versions",
        store=next(one for one in stores if one.id == store),
        row=hub.versions.of_store(store),
        publications=hub.versions.publications(store),
        commands=hub.orders.of_store(store),
    )
