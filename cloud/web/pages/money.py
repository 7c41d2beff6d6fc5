"""Money beside the sales: refunds, shifts with their variance, payments and deposits; newest first, one server page at a time."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from cloud.domain.roles import Action
from cloud.services.money import Money
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem

pages = closed_blueprint("money", __name__)
ROWS = 50

List = Callable[[str | None, str | None, int | None, int], Sequence[Any]]


@pages.get("/refunds")
@access.needs(Action.VIEW_SALES)
def refunds() -> str:
    """Show a page of refunds, and those that the gateway has not answered."""
    money = _money()
    store = _store()
    return _page("refunds", money.refunds, store, n_of=lambda row: row.n, waiting=money.open_gateway_refunds(store))


@pages.get("/shifts")
@access.needs(Action.VIEW_SALES)
def shifts() -> str:
    """Show a page of closed shifts."""
    return _page("shifts", _money().shifts, _store(), n_of=lambda row: row.n)


@pages.get("/payments")
@access.needs(Action.VIEW_SALES)
def payments() -> str:
    """Show a page of payments and deposits."""
    return _page("payments", _money().payments, _store(), n_of=lambda row: row.row.ingest_id)


def _money() -> Money:
    return frame.site().hub.money


def _store() -> str | None:
    store = asked.store_id(text) if (text := asked.text("store")) else None
    if store is not None and frame.site().hub.reports.store_name(store) is None:
        raise Problem(404, "unknown_store")
    return store


def _page(name: str, read: List, store: str | None, *, n_of: Callable[[Any], int], **values: object) -> str:
    day, before = asked.day(), asked.number("before", least=1)
    rows = read(store, day, before, ROWS + 1)
    shown = rows[:ROWS]
    filters = {key: value for key, value in (("store", store), ("day", day)) if value}
    stores = frame.site().hub.reports.stores()
    older = urlencode({**filters, "before": str(n_of(shown[-1]))}) if len(rows) > ROWS else ""
    return frame.draw_framed(
        f"{name}.html",
        stores=stores,
        place=name,
        choices=stores,
        store=store,
        day=day,
        rows=shown,
        paged=before is not None,
        newest_href=f"/{name}?{urlencode(filters)}" if filters else f"/{name}",
        older_href=f"/{name}?{older}" if older else "",
        **values,
    )
