"""What reaches beyond this store, the bill before it is paid, and the takings of a day."""

from typing import Any

from scripts.demo_client import Answer, till
from scripts.offline.counter import API, DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold
from scripts.offline.world import wait_for
from sync.contract import money


def receipt(counter: Counter) -> str:
    """Give what the guest shows: the code on the receipt of another store, which HQ has while it is there."""
    if counter.before.get("hub_state") == "connected":
        door = till(counter.world.open_other())
        body = {
            "sale_id": counter.id(), "lines": [{"dish_id": DISH, "qty": 1}], "tenders": [{"kind": "cash", "received_fen": DISH_FEN}],
        }  # fmt: skip
        sold = door.ask_patiently("POST", f"{API}/sales", body)
        door.close()
        hold(sold.fine, f"the other store sells: {sold.body}")
        counter.before["receipt"] = sold.body["invite"]["code"]
        wait_for(lambda: _shown(counter).fine, "HQ to have what the other store sold")
    return str(counter.before.get("receipt", "nothing was sold there"))


def _shown(counter: Counter) -> Answer:
    return counter.ask("GET", f"refunds/elsewhere?text={counter.before.get('receipt', 'nothing')}", who="manager")


def _asked(counter: Counter) -> dict[str, Any]:
    """Ask for the money of another store's sale; gives what was asked.

    Raises:
        Missed: it could not even be asked for.
    """
    body = {
        "refund_id": counter.id(), "text": receipt(counter), "whole": True, "shown_fen": DISH_FEN, "reason": "cold",
    }  # fmt: skip
    found = counter.ask("POST", "refunds/elsewhere", body, "manager")
    hold(found.fine, f"it is asked for: {found.body}")
    return body


def leave_open(counter: Counter) -> None:
    """Ask the other store for money of a guest, and let it fall silent before it answers."""
    counter.before["hub_state"] = "connected"
    receipt(counter)
    counter.world.other.node.stop()
    asked = {
        "refund_id": counter.id(),
        "text": counter.before["receipt"],
        "whole": True,
        "shown_fen": DISH_FEN,
        "reason": "cold",
    }
    told = counter.do("POST", "refunds/elsewhere", asked, "manager")
    hold(told["state"] == "asked", f"nobody decided: {told}")
    counter.before["asked_there"] = asked["refund_id"]
    counter.world.other.node.start()


@drives("elsewhere.look")
def look(counter: Counter) -> None:
    """The sale of another store's receipt is found, with what may still go back."""
    receipt(counter)
    found = _shown(counter)
    hold(found.fine and found.body["left_fen"] == DISH_FEN, f"the sale is shown: {found.body}")


@drives("elsewhere.refund")
def refund(counter: Counter) -> None:
    """The guest has the money of another store's sale, and a slip; nothing of it goes a second time."""
    body = _asked(counter)

    def given() -> bool:
        return bool(counter.do("POST", "refunds/elsewhere", body, "manager")["state"] == "given")

    wait_for(given, "the other store to leave it to us")
    number = counter.do("POST", "refunds/elsewhere", body, "manager")["refund"]["receipt_no"]
    counter.paper.comes(number)
    hold(_shown(counter).body["left_fen"] == 0, "nothing is left of it anywhere")


@drives("elsewhere.again")
def again(counter: Counter) -> None:
    """What was asked for and not decided is asked for once more, and given."""
    path = f"refunds/elsewhere/{_asked(counter)['refund_id']}/again"
    wait_for(lambda: counter.do("POST", path, {}, "manager")["state"] == "given", "the other store to leave it to us")


@drives("elsewhere.drop")
def drop(counter: Counter) -> None:
    """What was asked for while the network was there, and never decided, is given up; it stands on no list any more."""
    refund_id = counter.before["asked_there"]
    told = counter.do("GET", "refunds/elsewhere/open", who="manager")["asks"]
    hold(refund_id in {one["refund_id"] for one in told}, "it stands open")
    counter.do("POST", f"refunds/elsewhere/{refund_id}/drop", {"request_id": counter.id(), "reason": "left"}, "manager")
    left = counter.do("GET", "refunds/elsewhere/open", who="manager")["asks"]
    hold(refund_id not in {one["refund_id"] for one in left}, "it is off the list")


@drives("tables.bill_print")
def bill(counter: Counter) -> None:
    """The bill lies on the table before it is paid, and is no receipt."""
    order_id, _ = counter.opened()
    shown = counter.do("POST", f"orders/{order_id}/bill/print", {"request_id": counter.id(), "locale": "en"})
    counter.paper.comes("A bill, no receipt", money.plain(shown["left_fen"]))
    hold(not counter.free(order_id), "the table is not paid by it")


@drives("sell.takings")
def takings(counter: Counter) -> None:
    """A supervisor reads the takings, a cashier does not."""
    before = counter.do("GET", "totals", who="supervisor")["amount_fen"]
    counter.sell(DISH)
    hold(counter.do("GET", "totals", who="supervisor")["amount_fen"] == before + DISH_FEN, "the sale is in them")
    hold(not counter.ask("GET", f"{API}/totals").fine, "a blind count is none for who reads them")
