"""Paying at tables, and by every way."""

from typing import Any

from scripts.offline.counter import DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold

CARD = {"reference": "TRM0042-7781"}


def paid_as(counter: Counter, order_id: str, *tenders: dict[str, Any]) -> dict[str, Any]:
    """Pay an order; the table is free and the receipt says how."""
    sale = counter.pay(order_id, tenders=list(tenders))
    hold(counter.free(order_id), "the table is free")
    counter.paper.comes(sale["receipt_no"])
    return sale


def take(counter: Counter, kind: str, order_id: str, amount_fen: int, **said: object) -> dict[str, Any]:
    """Take money towards an order."""
    body = {"payment_id": counter.id(), "kind": kind, "amount_fen": amount_fen, "order_id": order_id, **said}
    found: dict[str, Any] = counter.do("POST", "payments", body)
    return found


@drives("pay.bill")
def bill(counter: Counter) -> None:
    """The bill, and a third of it for each of three."""
    order_id, _ = counter.opened(DISH, DISH)
    found = counter.do("GET", f"orders/{order_id}/bill?of=3")
    hold(found["left_fen"] == 2 * DISH_FEN == sum(found["shares"]), f"the shares are the bill: {found['shares']}")


@drives("pay.part")
def part(counter: Counter) -> None:
    """What one dish of three comes to, and it alone is paid."""
    order_id, (line_id, *_) = counter.opened(DISH, DISH, DISH)
    found = counter.do("POST", f"orders/{order_id}/bill", {"lines": [{"line_id": line_id}]})
    hold(found["total_fen"] == DISH_FEN, "one dish")
    sale = counter.pay(order_id, lines=[{"line_id": line_id}])
    hold(sale["total_fen"] == DISH_FEN and counter.bill(order_id)["total_fen"] == 2 * DISH_FEN, "two are left to pay")


@drives("pay.order")
def order(counter: Counter) -> None:
    """Cash at a table: receipt, drawer, and a free table."""
    order_id, _ = counter.opened(DISH, DISH)
    pulses = counter.paper.pulses
    sale = paid_as(counter, order_id, {"kind": "cash", "received_fen": 10_000})
    hold(sale["tenders"][0]["change_fen"] == 10_000 - 2 * DISH_FEN, "the change is right")
    counter.paper.opens_drawer(pulses)


@drives("pay.split")
def split(counter: Counter) -> None:
    """Two share a bill: one pays by card before, the other closes it in cash."""
    order_id, _ = counter.opened(DISH, DISH)
    first, second = counter.do("GET", f"orders/{order_id}/bill?of=2")["shares"]
    taken = take(counter, "card", order_id, first, **CARD)
    sale = paid_as(
        counter, order_id, {"kind": "card", "payment_id": taken["payment_id"]}, {"kind": "cash", "received_fen": second}
    )
    hold(sale["total_fen"] == first + second, "both shares are the sale")


@drives("pay.code")
def code(counter: Counter) -> None:
    """The guest shows a code, and the bill is paid by it."""
    order_id, _ = counter.opened()
    found = take(counter, "code", order_id, DISH_FEN, handle=counter.payment_code())
    hold(found["state"] == "taken", f"the money is taken: {found['state']} {found['reason']}")
    paid_as(counter, order_id, {"kind": "code", "payment_id": found["payment_id"]})


@drives("pay.code_state")
def code_state(counter: Counter) -> None:
    """What is undecided is on the list, and what was taken on its order."""
    order_id, _ = counter.opened()
    taken = take(counter, "card", order_id, 1_000, **CARD)
    listed = counter.do("GET", f"payments?order_id={order_id}")["payments"]
    hold([one["payment_id"] for one in listed] == [taken["payment_id"]], "the payment is on its order")
    hold(counter.do("GET", f"payments/{taken['payment_id']}")["state"] == "taken", "and can be read by itself")
    undecided = {one["payment_id"] for one in counter.do("GET", "payments/open")["undecided"]}
    hold(counter.before["hanging"] in undecided, "what hangs is on the list of what somebody must look at")


def hanging(counter: Counter, **faults: object) -> str:
    """Charge a code of which nobody knows what becomes; gives the payment's id."""
    before = counter.do("GET", "gateway/faults", who="manager")
    counter.do("PUT", "gateway/faults", {**before, **faults}, "manager")
    try:
        order_id, _ = counter.opened()
        found = take(counter, "code", order_id, DISH_FEN, handle=counter.payment_code())
        hold(found["state"] == "unknown", f"it hangs: {found['state']}")
    finally:
        counter.do("PUT", "gateway/faults", before, "manager")
    return str(found["payment_id"])


@drives("pay.code_query")
def code_query(counter: Counter) -> None:
    """The guest typed the password at last: the gateway says so, and the till hears it."""
    payment_id = hanging(counter, guest_confirms=1)
    found = counter.do("POST", f"payments/{payment_id}/query")
    hold(found["state"] == "taken", f"it is decided: {found['state']} {found['reason']}")


@drives("pay.code_cancel")
def code_cancel(counter: Counter) -> None:
    """A code that hangs is cancelled, and the guest is told that nothing was taken."""
    found = counter.do("POST", f"payments/{hanging(counter, guest_confirms=-1)}/cancel")
    hold(found["state"] == "cancelled", f"it is cancelled: {found['state']}")


@drives("pay.code_accept")
def code_accept(counter: Counter) -> None:
    """The guest's phone shows that it was paid: taken flagged, and the bill is paid by it."""
    found = counter.do("POST", f"payments/{counter.before['accepted']}/accept")
    hold(found["flagged"] or found["state"] == "taken", f"it is taken: {found}")
    paid_as(counter, counter.before["accepted_order"], {"kind": "code", "payment_id": found["payment_id"]})


@drives("pay.static")
def static(counter: Counter) -> None:
    """The guest pays by the shop's printed code and shows it; the cashier says so."""
    order_id, _ = counter.opened()
    taken = take(counter, "static_code", order_id, DISH_FEN)
    hold(taken["state"] == "taken" and taken["flagged"], "it is taken, flagged")
    paid_as(counter, order_id, {"kind": "static_code", "payment_id": taken["payment_id"]})


@drives("pay.card")
def card(counter: Counter) -> None:
    """The terminal beside the till took it; its number is kept."""
    order_id, _ = counter.opened()
    taken = take(counter, "card", order_id, DISH_FEN, **CARD)
    sale = paid_as(counter, order_id, {"kind": "card", "payment_id": taken["payment_id"]})
    hold(sale["tenders"][0]["reference"] == CARD["reference"], "the terminal's number stands in the sale")


@drives("pay.share")
def share(counter: Counter) -> None:
    """A guest who leaves early pays a share in cash, with change."""
    order_id, _ = counter.opened(DISH, DISH)
    pulses = counter.paper.pulses
    taken = take(counter, "cash", order_id, DISH_FEN, received_fen=5_000)
    hold(taken["change_fen"] == 5_000 - DISH_FEN, "the change is right")
    counter.paper.opens_drawer(pulses)
    hold(counter.bill(order_id)["left_fen"] == DISH_FEN, "the rest is left to pay")


@drives("pay.tip")
def tip(counter: Counter) -> None:
    """The guest leaves five yuan: they are paid with the bill and stand beside it."""
    order_id, _ = counter.opened()
    sale = counter.pay(order_id, tip_fen=500, tenders=[{"kind": "cash", "received_fen": DISH_FEN + 500}])
    hold(
        (sale["total_fen"], sale["tenders"][0]["change_fen"]) == (DISH_FEN, 0),
        f"the tip is beside the bill: {sale['total_fen']}",
    )
    counter.paper.comes(sale["receipt_no"], "5.00")


@drives("pay.return")
def give_back(counter: Counter) -> None:
    """Cash that no sale used goes back, with another person's word."""
    order_id, _ = counter.opened()
    taken = take(counter, "cash", order_id, DISH_FEN)
    pulses = counter.paper.pulses
    body = {"request_id": counter.id(), "reason": "pays by card after all"}
    back = counter.with_word("POST", f"payments/{taken['payment_id']}/return", body)
    hold(back["amount_fen"] == DISH_FEN and not back["queued"], "the cash goes back at once")
    counter.paper.opens_drawer(pulses)


def deposit(counter: Counter) -> dict[str, Any]:
    """Take a deposit in cash for today's guests."""
    body = {
        "deposit_id": counter.id(), "kind": "cash", "amount_fen": 2_000, "label": "Wang birthday", "for_day": counter.day(),
    }  # fmt: skip
    found: dict[str, Any] = counter.do("POST", "deposits", body)
    return found


@drives("pay.deposit")
def deposit_taken(counter: Counter) -> None:
    """A deposit in cash has a number, a slip, and stands under its day."""
    found = deposit(counter)
    counter.paper.comes(found["receipt_no"])
    listed = counter.do("GET", f"deposits?from={found['for_day']}&to={found['for_day']}")["payments"]
    hold(found["payment_id"] in {one["payment_id"] for one in listed}, "it is on the list of its day")


@drives("pay.deposits")
def deposits(counter: Counter) -> None:
    """Another till sees the deposit under its day, with what is left of it."""
    found = deposit(counter)
    listed = counter.do("GET", f"deposits?from={found['for_day']}&to={found['for_day']}", who="second")["payments"]
    mine = next(one for one in listed if one["payment_id"] == found["payment_id"])
    hold(mine["left_fen"] == mine["amount_fen"], f"all of it is left: {mine}")


@drives("pay.deposit_spend")
def deposit_spent(counter: Counter) -> None:
    """The deposit pays, and cash pays the rest."""
    held = deposit(counter)
    order_id, _ = counter.opened()
    sale = paid_as(
        counter, order_id, {"kind": "deposit", "payment_id": held["payment_id"]}, {"kind": "cash", "received_fen": 600}
    )
    hold([one["amount_fen"] for one in sale["tenders"]] == [2_000, 600], f"both paid: {sale['tenders']}")


@drives("pay.deposit_return")
def deposit_returned(counter: Counter) -> None:
    """The party is off: the deposit goes back in cash."""
    held = deposit(counter)
    pulses = counter.paper.pulses
    body = {"request_id": counter.id(), "reason": "party is off"}
    back = counter.with_word("POST", f"deposits/{held['payment_id']}/return", body)
    hold(back["amount_fen"] == held["amount_fen"] and not back["queued"], "all of it goes back at once")
    counter.paper.opens_drawer(pulses)


@drives("pay.reconcile")
def reconcile(counter: Counter) -> None:
    """The gateway's file of the day of the first code, from the manager's own hands, agrees."""
    day, text = counter.before["bill_day"], counter.before["bill_file"]
    held = counter.do("POST", f"gateway/bills/{day}", {"csv": text}, "manager")
    hold(held["matched"] >= 1 and not held["faults"], f"what the file has is known: {held}")
    hold(counter.do("GET", f"gateway/bills/{day}", who="manager")["matched"] == held["matched"], "and it is kept")


@drives("pay.faults")
def faults(counter: Counter) -> None:
    """Who teaches switches what goes wrong at the fake gateway, and it holds."""
    before = counter.do("GET", "gateway/faults", who="manager")
    counter.do("PUT", "gateway/faults", {**before, "late_reverse": True}, "manager")
    hold(counter.do("GET", "gateway/faults", who="manager")["late_reverse"], "the switch holds")
    counter.do("PUT", "gateway/faults", before, "manager")
