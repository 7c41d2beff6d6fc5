"""The live list of sales: newest first, filters in the address, one server page at a time."""

from urllib.parse import urlencode

from cloud.domain.roles import Action
from cloud.services.views import SaleView
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem

pages = closed_blueprint("sales", __name__)
ROWS = 50


@pages.get("/sales")
@access.needs(Action.VIEW_SALES)
def sales() -> str:
    """Show a page of sales."""
    hub = frame.site().hub
    store = asked.store_id(text) if (text := asked.text("store")) else None
    if store is not None and hub.reports.store_name(store) is None:
        raise Problem(404, "unknown_store")
    day = asked.day()
    find = asked.receipt_part("q")
    before = asked.number("before", least=1)
    rows = hub.reports.recent_sales(store=store, day=day, before=before, limit=ROWS + 1, find=find)
    shown = rows[:ROWS]
    filters = {name: value for name, value in (("store", store), ("day", day), ("q", find)) if value}
    stores = hub.reports.stores()
    return frame.draw_framed(
        "sales.html",
        stores=stores,
        place="sales",
        choices=stores,
        store=store,
        day=day,
        find=find,
        rows=shown,
        items={row.sale_id: items_of(row) for row in shown},
        paged=before is not None,
        newest_href=_href(filters),
        older_href=_href({**filters, "before": str(shown[-1].n)}) if len(rows) > ROWS else "",
        totals=hub.reports.totals(day) if find is None else None,
    )


def items_of(sale: SaleView) -> int:
    """Count the pieces of a sale."""
    return sum(line.qty for line in sale.lines)


def _href(filters: dict[str, str]) -> str:
    return f"/sales?{urlencode(filters)}" if filters else "/sales"
