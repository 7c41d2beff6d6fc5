"""Takeaway platforms. The shipped one answers on this machine, so a driver switches it off where the network is cut."""

import json
import urllib.request
from typing import Any

from scripts.offline.counter import WOK_DISH, WOK_FEN, Counter
from scripts.offline.frame import Missed, drives, hold
from scripts.offline.world import wait_for


def platform(counter: Counter, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Ask the platform, as its guests and its makers do."""
    url = (counter.world.store.config.parent / "data" / "twins" / "platform-mt.url").read_text(encoding="ascii").strip()
    request = urllib.request.Request(  # noqa: S310 - on this machine
        url + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        raw: bytes = answer.read()
    return json.loads(raw) if raw else {}


def switch(counter: Counter, *, away: bool) -> None:
    """Take the platform away, or bring it back; where nothing is cut it stays."""
    platform(counter, "PUT", "/faults", {"away": away and counter.before.get("hub_state") != "connected"})


def listed(counter: Counter, number: str) -> dict[str, Any]:
    """Find an order in the till's list; empty while it is not there."""
    seen = counter.do("GET", "platforms")
    return next((one for one in seen["orders"] + seen["past"] if one["platform_no"] == number), {})


def came_in(counter: Counter) -> dict[str, Any]:
    """Let a guest order while the platform is there; gives the order as the till lists it, with the platform gone again."""
    switch(counter, away=False)
    wish = {"items": [{"dish_id": WOK_DISH, "name": "wok", "unit_fen": WOK_FEN}]}
    number = platform(counter, "POST", "/guest/orders", wish)["platform_no"]
    wait_for(lambda: listed(counter, number), "the order to come in")
    return listed(counter, number)


def act(counter: Counter, order: dict[str, Any], what: str, **said: str) -> dict[str, Any]:
    """Do something about an order; gives it as it is then."""
    counter.do("POST", f"platforms/orders/{order['order_id']}/{what}", {"request_id": counter.id(), **said}, "manager")
    return listed(counter, order["platform_no"])


def there(counter: Counter, order: dict[str, Any]) -> str:
    """Say how the platform has it."""
    return str(
        next(
            one["state"]
            for one in platform(counter, "GET", "/state")["orders"]
            if one["platform_no"] == order["platform_no"]
        )
    )


def accepted(counter: Counter) -> dict[str, Any]:
    """Have an order that was accepted before the cut."""
    order = act(counter, came_in(counter), "accept")
    switch(counter, away=True)
    return order


@drives("platforms.read")
def read(counter: Counter) -> None:
    """What came in before the cut is seen, with its dishes, its amount and how it stands, and whether the platform answers."""
    order = came_in(counter)
    switch(counter, away=True)
    seen = listed(counter, order["platform_no"])
    hold(seen["total_fen"] == WOK_FEN and seen["state"] == "waiting" and seen["items"], f"it is listed: {seen}")
    cut = counter.before.get("hub_state") != "connected"
    wait_for(
        lambda: counter.do("GET", "platforms")["platforms"][0]["away"] == cut, "the till to say how the platform is"
    )


@drives("platforms.accept")
def accept(counter: Counter) -> None:
    """An order is accepted: a sale that the platform pays, at the kitchen."""
    order = came_in(counter)
    switch(counter, away=True)
    now = act(counter, order, "accept")
    hold(now["state"] == "accepted" and there(counter, order) == "accepted", "it is accepted here and there")


@drives("platforms.ready")
def ready(counter: Counter) -> None:
    """The bag stands ready and the list says so to everybody at the counter."""
    now = act(counter, accepted(counter), "ready")
    hold(now["state"] == "ready", f"it is ready: {now}")


@drives("platforms.cancel")
def cancel(counter: Counter) -> None:
    """The store cancels: the guest is told by the platform."""
    order = accepted(counter)
    now = act(counter, order, "cancel", reason="too busy")
    hold(now["state"] == "cancelled", f"it is off here: {now}")
    if counter.before.get("hub_state") == "connected":
        wait_for(lambda: there(counter, order) == "cancelled", "the platform to hear of it")
    elif there(counter, order) != "cancelled":
        raise Missed("the guest is not told while the platform is away")


@drives("platforms.owed")
def owed(counter: Counter) -> None:
    """What the platform owes for today has the order of a moment ago in it."""
    order = accepted(counter)
    day = counter.do("GET", f"sales/{order['sale_id']}/refunds")["day"]
    sums = counter.do("GET", f"platforms/owed?day={day}", who="manager")["platforms"]
    hold(sums and sums[0]["owed_fen"] >= WOK_FEN, f"it is counted: {sums}")
