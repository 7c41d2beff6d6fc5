"""The kitchen's screens."""

from typing import Any

from scripts.offline.counter import API, WOK_DISH, Counter
from scripts.offline.frame import drives, hold


def ticket(counter: Counter, order_id: str) -> dict[str, Any] | None:
    """Find an order's ticket as the cook sees it."""
    tickets = counter.stranger().ask("GET", f"{API}/kitchen?station=wok").body["tickets"]
    return next((one for one in tickets if one["order_id"] == order_id), None)


def bump(counter: Counter, order_id: str) -> None:
    """Settle an order's ticket, as a cook does."""
    seen = ticket(counter, order_id)
    hold(seen, "the cook sees the ticket")
    assert seen is not None
    body = {
        "request_id": counter.id(), "order_id": order_id, "station": "wok", "round": seen["round"],
        "line_ids": [one["line_id"] for one in seen["items"]],
    }  # fmt: skip
    hold(counter.stranger().ask("POST", f"{API}/kitchen/bump", body).body["lines"] == 1, "the ticket is settled")


@drives("kitchen.see")
def see(counter: Counter) -> None:
    """The page is there, and a ticket comes by itself."""
    hold(counter.stranger().ask("GET", "/kitchen?station=wok").fine, "the page")
    order_id, _ = counter.opened(WOK_DISH, send=True)
    hold(ticket(counter, order_id), "the ticket is there")
    told = counter.first_event(f"{API}/kitchen/events?station=wok", "tickets")
    hold(order_id in str(told["tickets"]), "and screens are told of it")


@drives("kitchen.bump")
def settle(counter: Counter) -> None:
    """A dish that is cooked leaves the screen, and the waiter sees it done."""
    order_id, (line_id,) = counter.opened(WOK_DISH, send=True)
    bump(counter, order_id)
    hold(ticket(counter, order_id) is None, "the screen has it no more")
    line = next(one["line"] for one in counter.order(order_id)["lines"] if one["line"]["line_id"] == line_id)
    hold(line["done_ms"], f"the waiter sees it done: {line}")


@drives("kitchen.bring_back")
def bring_back(counter: Counter) -> None:
    """A ticket that was settled by mistake comes back."""
    order_id, _ = counter.opened(WOK_DISH, send=True)
    bump(counter, order_id)
    back = counter.stranger().ask("POST", f"{API}/kitchen/bring-back", {"request_id": counter.id(), "station": "wok"})
    hold(back.body["order_id"] == order_id and ticket(counter, order_id), "the ticket is back")
