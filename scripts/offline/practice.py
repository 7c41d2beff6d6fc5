"""Practice: in by a manager, a sale that counts nowhere, out by a manager."""

from scripts.offline.counter import API, DISH, DISH_FEN, PINS, Counter
from scripts.offline.frame import drives, hold


@drives("practice.enter")
def enter(counter: Counter) -> None:
    """A new person sells in practice; nothing of it is in the store, and a manager leads the till back."""
    door = counter.sign_in("manager")
    before = counter.do("GET", "shift/x", who="manager")["totals"]
    hold(door.ask("POST", f"{API}/practice", {}).body == {"path": "/practice/till/"}, "a manager starts it")
    gate = door.headers["Cookie"]
    hold("practice-band" in bytes(door.ask("GET", "/practice/till/").body).decode(), "every page says so")
    signed = door.ask("POST", f"/practice{API}/session", {"pin": PINS["manager"], "till": "1"})
    hold(signed.fine, "people sign in with their own PIN")
    door.headers["Cookie"] = f"{gate}; {door.headers['Cookie']}"
    sale = {
        "sale_id": counter.id(),
        "lines": [{"dish_id": DISH, "qty": 1}],
        "tenders": [{"kind": "cash", "received_fen": DISH_FEN}],
    }
    sold = door.ask("POST", f"/practice{API}/sales", sale)
    hold(sold.fine and sold.body["store"] == "practice", f"a sale in practice: {sold.body}")
    hold(counter.do("GET", "shift/x", who="manager")["totals"] == before, "the store's figures are the same")
    hold(not counter.ask("GET", f"sales/{sale['sale_id']}").fine, "the store has no such sale")
