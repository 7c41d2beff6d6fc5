"""Taking back: refunds and reversals of what was paid at this store."""

from typing import Any

from scripts.offline.counter import DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold


def refund(counter: Counter, sale: dict[str, Any], **what: object) -> dict[str, Any]:
    """Give money of a sale back, as a manager for another's sale; slip and drawer follow."""
    pulses = counter.paper.pulses
    body = {"refund_id": counter.id(), "sale_id": sale["sale_id"], "reason": "wrong dish", **what}
    given: dict[str, Any] = counter.do("POST", "refunds", body, "manager")
    hold(all(one["kind"] == "cash" for one in given["tenders"]), f"it goes back the way it came: {given['tenders']}")
    counter.paper.comes(given["receipt_no"], sale["receipt_no"])
    counter.paper.opens_drawer(pulses)
    return given


@drives("undo.find")
def find(counter: Counter) -> None:
    """A sale is found by its number, its invite, its amount."""
    sale = counter.sell(DISH, DISH, DISH)
    for query in (f"text={sale['receipt_no']}", f"text={sale['invite']['code']}", f"amount_fen={3 * DISH_FEN}"):
        found = {one["sale_id"] for one in counter.do("GET", f"sales/find?{query}")["sales"]}
        hold(sale["sale_id"] in found, f"it is found by {query[:12]}")
    state = counter.do("GET", f"sales/{sale['sale_id']}/refunds")
    hold(state["receipt_no"] == sale["receipt_no"], "and says what may go back")


@drives("undo.quote")
def quote(counter: Counter) -> None:
    """The cashier is told what would go back, and that somebody must allow it."""
    sale = counter.sell(DISH, DISH)
    found = counter.do("POST", "refunds/quote", {"sale_id": sale["sale_id"], "lines": [{"line": 0, "qty": 1}]})
    hold(found["amount_fen"] == DISH_FEN and found["verdict"] == "ask", f"one dish, with a word: {found}")


@drives("undo.whole")
def whole(counter: Counter) -> None:
    """All of it goes back, and nothing a second time."""
    sale = counter.sell(DISH, DISH)
    hold(refund(counter, sale, whole=True)["amount_fen"] == 2 * DISH_FEN, "all of it")
    body = {"refund_id": counter.id(), "sale_id": sale["sale_id"], "reason": "again", "whole": True}
    hold(not counter.ask("POST", "refunds", body, "manager").fine, "never twice")


@drives("undo.lines")
def lines(counter: Counter) -> None:
    """One dish of two, with another person's word for a cashier."""
    sale = counter.sell(DISH, DISH, who="second")
    body = {
        "refund_id": counter.id(), "sale_id": sale["sale_id"], "reason": "cold", "lines": [{"line": 0, "qty": 1}],
    }  # fmt: skip
    given = counter.with_word("POST", "refunds", body)
    hold(given["amount_fen"] == DISH_FEN, "one dish")
    counter.paper.comes(given["receipt_no"])


@drives("undo.amount")
def amount(counter: Counter) -> None:
    """Ten yuan for the long wait."""
    hold(refund(counter, counter.sell(), amount_fen=1_000)["amount_fen"] == 1_000, "ten yuan")  # noqa: PLR2004


@drives("undo.reverse")
def reverse(counter: Counter) -> None:
    """A bill that was paid wrong is opened again and paid anew; both name each other."""
    order_id, _ = counter.opened(DISH, DISH)
    sale = counter.pay(order_id)
    again = counter.id()
    body = {"refund_id": counter.id(), "order_id": again, "sale_id": sale["sale_id"], "reason": "card, not cash"}
    given = counter.do("POST", "reversals", body, "manager")
    hold(given["reopened_as"] == again and given["amount_fen"] == 2 * DISH_FEN, "the sale is taken back")
    paid = counter.pay(again, tenders=[{"kind": "card", "reference": "TRM0042-7782"}])
    hold(paid["total_fen"] == 2 * DISH_FEN, "and paid anew")
