"""Orders and tables, from the plan to the kitchen."""

from typing import Any

from scripts.offline.counter import DISH, DISH_FEN, WOK_DISH, WOK_FEN, Counter
from scripts.offline.frame import drives, hold


def add(line_id: str, dish: str = DISH, qty: int = 1) -> dict[str, Any]:
    """Say that a dish comes onto an order."""
    return {"do": "add", "line_id": line_id, "dish_id": dish, "qty": qty}


def table_of(counter: Counter, order_id: str) -> str:
    """Give the name of the table as it stands on paper."""
    return str(counter.order(order_id)["table_name"])


@drives("order.open")
def open_table(counter: Counter) -> None:
    """The table is taken, at every till."""
    order_id, _ = counter.opened()
    seen = {one["order_id"]: one for one in counter.do("GET", "orders", who="second")["orders"]}
    hold(order_id in seen and seen[order_id]["table"], "the other till sees the table taken")


@drives("order.open_away")
def open_away(counter: Counter) -> None:
    """Somebody on the telephone orders to take away."""
    order_id = counter.id()
    body = {"order_id": order_id, "service": "takeaway", "label": "Chen 4471", "steps": [add(counter.id())]}
    counter.do("POST", "orders", body)
    hold(counter.order(order_id)["head"]["service"] == "takeaway", "the order is one to take away")
    counter.pay(order_id)
    hold(counter.free(order_id), "it is paid and gone")


@drives("order.list")
def listed(counter: Counter) -> None:
    """Open orders are on the list with what is to pay."""
    order_id, _ = counter.opened()
    found = next(one for one in counter.do("GET", "orders")["orders"] if one["order_id"] == order_id)
    hold(str(DISH_FEN) in str(found), f"the list says what is to pay: {found}")
    hold(counter.order(order_id)["head"]["order_id"] == order_id, "the order itself")


@drives("order.plan")
def plan(counter: Counter) -> None:
    """The plan has every table."""
    areas = counter.do("GET", "floor")["areas"]
    hold(sum(len(area["tables"]) for area in areas) > 60, "the plan has its tables")  # noqa: PLR2004


@drives("order.draw")
def draw(counter: Counter) -> None:
    """A table is put into the hall, and guests can sit at it."""
    before = counter.do("GET", "floor")
    areas = before["areas"]
    spare = {"id": "spare", "name": "Spare", "seats": 2, "x": 0, "y": 59, "width": 1, "height": 1}
    areas[0]["tables"].append(spare)
    drawn = counter.do(
        "POST", "floor", {"request_id": counter.id(), "over": before["version"], "areas": areas}, "manager"
    )
    hold(drawn["version"] == before["version"] + 1, "the plan has a new version")
    order_id, _ = counter.opened(table="spare")
    hold(table_of(counter, order_id) == "Spare", "guests sit at the new table")


@drives("order.add")
def add_lines(counter: Counter) -> None:
    """Two people add at once, and nothing is lost."""
    order_id, _ = counter.opened()
    counter.steps(order_id, add(counter.id(), WOK_DISH))
    counter.steps(order_id, add(counter.id(), qty=2), who="second")
    hold(counter.bill(order_id)["total_fen"] == 3 * DISH_FEN + WOK_FEN, "both are on the bill")


@drives("order.change")
def change(counter: Counter) -> None:
    """More of it, with a note, at a seat."""
    order_id, (line_id,) = counter.opened()
    counter.steps(order_id, {"do": "change", "line_id": line_id, "qty_delta": 2, "note": "no coriander", "seat": 2})
    hold(counter.bill(order_id)["total_fen"] == 3 * DISH_FEN, "three are on the bill")
    hold("no coriander" in str(counter.order(order_id)), "the note is on the line")


@drives("order.send")
def send(counter: Counter) -> None:
    """The kitchen has it on paper and on its screen, and a second send prints only what is new."""
    assert counter.desk_url
    order_id, (line_id,) = counter.opened(WOK_DISH)
    name = table_of(counter, order_id)
    counter.kitchen_paper.mark()
    counter.steps(order_id, {"do": "send"})
    counter.kitchen_paper.comes(name, "\u677e\u9f20\u6842\u9c7c")
    hold(line_id in str(counter.do("GET", "kitchen")), "the kitchen's screen has it")
    counter.steps(order_id, add(counter.id(), "d312"))
    counter.kitchen_paper.mark()
    counter.steps(order_id, {"do": "send"})
    counter.kitchen_paper.comes(name, "\u8471\u70e7\u6d77\u53c2", without="\u677e\u9f20\u6842\u9c7c")


def with_courses(counter: Counter) -> tuple[str, str]:
    """Open a table with a second course that waits at the kitchen; gives order and line."""
    order_id, (line_id,) = counter.opened(WOK_DISH)
    later = counter.id()
    counter.steps(order_id, {**add(later, "d312"), "course": 2}, {"do": "change", "line_id": line_id, "course": 1})
    counter.steps(order_id, {"do": "send"})
    return order_id, later


@drives("order.fire")
def fire(counter: Counter) -> None:
    """The second course is wanted now: the kitchen hears of it."""
    assert counter.desk_url
    order_id, _ = with_courses(counter)
    counter.kitchen_paper.mark()
    counter.steps(order_id, {"do": "fire"})
    counter.kitchen_paper.comes(table_of(counter, order_id), "\u8471\u70e7\u6d77\u53c2")


@drives("order.chase")
def chase(counter: Counter) -> None:
    """The guests wait: the kitchen is asked after the dish."""
    assert counter.desk_url
    order_id, _ = counter.opened(WOK_DISH, send=True)
    counter.kitchen_paper.comes(table_of(counter, order_id))
    counter.kitchen_paper.mark()
    counter.steps(order_id, {"do": "chase"})
    counter.kitchen_paper.comes(table_of(counter, order_id), "\u50ac")


@drives("order.void")
def void(counter: Counter) -> None:
    """A dish that the kitchen has is taken off with a word; the kitchen gets a slip that says so."""
    assert counter.desk_url
    order_id, (line_id,) = counter.opened(WOK_DISH, send=True)
    counter.kitchen_paper.comes(table_of(counter, order_id))
    counter.kitchen_paper.mark()
    with_word(counter, order_id, {"do": "void", "line_id": line_id, "qty": 1, "reason": "out of fish"})
    hold(counter.order(order_id)["bill"]["total_fen"] == 0, "nothing is left to pay")
    counter.kitchen_paper.comes(table_of(counter, order_id), "\u9000")


def with_word(counter: Counter, order_id: str, step: dict[str, Any]) -> None:
    """Do a step that a cashier may not do alone."""
    refused = counter.ask("POST", f"orders/{order_id}/steps", {"request_id": counter.id(), "steps": [step]})
    hold(refused.body.get("code") == "needs_approval", f"it needs a word: {refused.body}")
    counter.steps(order_id, {**step, "approval_id": counter.approve(refused.body["details"])})


@drives("order.price")
def price(counter: Counter) -> None:
    """Another price, with the manager's word."""
    order_id, (line_id,) = counter.opened()
    with_word(counter, order_id, {"do": "price", "line_id": line_id, "unit_fen": 2_000, "reason": "half portion"})
    hold(counter.bill(order_id)["total_fen"] == 2_000, "the guest pays the other price")  # noqa: PLR2004


@drives("order.gift")
def gift(counter: Counter) -> None:
    """A dish is a gift, and stands as one on the receipt."""
    order_id, (line_id, _) = counter.opened(DISH, DISH)
    with_word(counter, order_id, {"do": "price", "line_id": line_id, "gift": True, "reason": "waited long"})
    sale = counter.pay(order_id)
    hold(sale["total_fen"] == DISH_FEN, "one of two is paid")
    counter.paper.comes(sale["receipt_no"], "\u8d60")


@drives("order.line_discount")
def line_discount(counter: Counter) -> None:
    """Half off one dish."""
    order_id, (line_id, _) = counter.opened(DISH, DISH)
    with_word(counter, order_id, {"do": "price", "line_id": line_id, "rate_bp": 5_000, "reason": "staff"})
    hold(counter.bill(order_id)["total_fen"] == DISH_FEN + DISH_FEN // 2, "half of one is off")


@drives("order.discount")
def discount(counter: Counter) -> None:
    """Ten per cent off the whole order, by a supervisor alone."""
    order_id, _ = counter.opened(DISH, DISH, who="supervisor")
    counter.steps(order_id, {"do": "discount", "rate_bp": 1_000, "reason": "regulars"}, who="supervisor")
    sale = counter.pay(order_id)
    hold(sale["total_fen"] == 2 * DISH_FEN - 2 * DISH_FEN // 10, f"a tenth is off: {sale['total_fen']}")


@drives("order.comp")
def comp(counter: Counter) -> None:
    """The whole table is on the house, with a receipt over nothing."""
    order_id, _ = counter.opened()
    with_word(counter, order_id, {"do": "discount", "comp": True, "reason": "hair in the soup"})
    sale = counter.pay(order_id, tenders=[{"kind": "cash", "received_fen": 0}])
    hold(sale["total_fen"] == 0 and counter.free(order_id), "nothing is paid, and the table is free")


@drives("order.confirm")
def confirm(counter: Counter) -> None:
    """What a phone asked for is on the order once the waiter says so."""
    from scripts.offline.guests import asks  # noqa: PLC0415 - the guests' side of it

    order_id, line_id = asks(counter)
    hold(counter.order(order_id)["bill"]["total_fen"] == 0, "before, it is not on the bill")
    counter.steps(order_id, {"do": "confirm", "line_ids": [line_id], "accepted": True})
    hold(counter.bill(order_id)["total_fen"] == DISH_FEN, "afterwards it is")


@drives("order.edit")
def edit(counter: Counter) -> None:
    """An allergy that is said late reaches the stove."""
    order_id, _ = counter.opened(WOK_DISH, send=True)
    counter.steps(order_id, {"do": "edit", "covers": 5, "allergies": "peanuts"})
    tickets = counter.do("GET", "kitchen")["tickets"]
    mine = next(one for one in tickets if one["order_id"] == order_id)
    hold(mine["allergies"] == "peanuts" and mine["covers"] == 5, "the kitchen's screen says it")  # noqa: PLR2004


@drives("order.hold")
def held(counter: Counter) -> None:
    """An order over the counter is put aside; another till sees it as held."""
    order_id = counter.id()
    counter.do("POST", "orders", {"order_id": order_id, "service": "counter", "steps": [add(counter.id())]})
    counter.steps(order_id, {"do": "edit", "held": True})
    hold(counter.order(order_id, "second")["head"]["held"], "it is held at every till")


@drives("order.move")
def move(counter: Counter) -> None:
    """The guests sit somewhere else, and pay there."""
    order_id, _ = counter.opened()
    before, table = counter.table_of(order_id), counter.a_table()
    counter.do("POST", f"orders/{order_id}/move", {"request_id": counter.id(), "table": table})
    hold(counter.table_of(order_id) == table != before, "the order is at the other table")


@drives("order.merge")
def merge(counter: Counter) -> None:
    """Two tables become one bill."""
    first, _ = counter.opened()
    into, _ = counter.opened()
    counter.do("POST", f"orders/{first}/merge", {"request_id": counter.id(), "into": into})
    hold(counter.bill(into)["total_fen"] == 2 * DISH_FEN and counter.free(first), "one bill, and one free table")


@drives("order.split")
def split(counter: Counter) -> None:
    """One dish goes to a bill of its own."""
    order_id, (line_id, _) = counter.opened(DISH, DISH)
    new = counter.id()
    body = {"request_id": new, "lines": [{"line_id": line_id, "as_line": counter.id(), "qty": 1}]}
    counter.do("POST", f"orders/{order_id}/split", body)
    both = (counter.bill(order_id)["total_fen"], counter.bill(new)["total_fen"])
    hold(both == (DISH_FEN, DISH_FEN), f"each has one: {both}")


@drives("order.beside")
def beside(counter: Counter) -> None:
    """Strangers share a table, each with a bill of their own."""
    first, _ = counter.opened()
    table = counter.table_of(first)
    taken = counter.ask("POST", "orders", {"order_id": counter.id(), "service": "dine_in", "table": table})
    hold(not taken.fine, "a taken table is not opened by accident")
    second, _ = counter.opened(table=table, beside=True)
    counter.pay(first)
    hold(counter.free(first) and not counter.free(second), "one pays and the other stays")


@drives("order.cancel")
def cancel(counter: Counter) -> None:
    """Guests who leave before they order free their table."""
    order_id, (line_id,) = counter.opened()
    counter.steps(order_id, {"do": "void", "line_id": line_id})
    counter.do("POST", f"orders/{order_id}/cancel", {"request_id": counter.id(), "reason": "left"})
    hold(counter.free(order_id), "the table is free")


@drives("order.stock")
def stock(counter: Counter) -> None:
    """Two are left: the third is refused at every till, with what is left."""
    dish = "d504"
    counter.do("POST", f"dishes/{dish}/stock", {"request_id": counter.id(), "left": 2})
    order_id, _ = counter.opened(dish)
    body = {"request_id": counter.id(), "steps": [add(counter.id(), dish, 2)]}
    refused = counter.ask("POST", f"orders/{order_id}/steps", body, "second")
    hold(refused.body.get("code") == "sold_out" or "left" in str(refused.body), f"too many: {refused.body}")
    counter.do("POST", f"dishes/{dish}/stock", {"request_id": counter.id(), "left": -1})


@drives("order.day_price")
def day_price(counter: Counter) -> None:
    """The fish costs what the market says today."""
    dish = "d506"
    counter.do("POST", f"dishes/{dish}/price", {"request_id": counter.id(), "price_fen": 7_700}, "supervisor")
    hold(counter.sell(dish)["total_fen"] == 7_700, "the guest pays the price of the day")  # noqa: PLR2004
    counter.do("POST", f"dishes/{dish}/price", {"request_id": counter.id(), "price_fen": -1}, "supervisor")
