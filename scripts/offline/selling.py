"""Selling over the counter, and what is seen of it afterwards."""

import threading
import urllib.request
from typing import Any

from scripts.demo_client import all_sales
from scripts.offline.counter import API, DISH, DISH_FEN, WEIGHED_DISH, Counter
from scripts.offline.frame import drives, hold
from scripts.offline.world import wait_for

HALF_KILO_FEN = 4_900
"""500 g of a dish at ¥98.00 the kilogram."""


@drives("till.open")
def open_till_page(counter: Counter) -> None:
    """The page and every file that it names come from the node."""
    with urllib.request.urlopen(f"{counter.url}/", timeout=30) as reply:  # noqa: S310 - our own address
        page = reply.read().decode()
    hold(reply.url.endswith("/till/"), "the address leads to the till")
    files = [part.split('"')[0] for part in page.split('"/static/')[1:]]
    hold(files, "the page names its files")
    for name in files:
        hold(counter.stranger().ask("GET", f"/static/{name}").fine, f"/static/{name} comes")


@drives("till.states")
def states(counter: Counter) -> None:
    """The state bar says that HQ is away, and that the printer is ready."""
    told = counter.first_event(f"{API}/events", "status", "cashier")
    hold(told["printer"]["state"] in {"ready", "busy"}, f"the printer is ready: {told['printer']}")
    hold(told["hub"]["state"] == counter.before["hub_state"], f"the way to HQ is shown as it is: {told['hub']}")
    hold(counter.do("GET", "status")["signed_in"], "whoever is there is named")


@drives("till.changes")
def changes(counter: Counter) -> None:
    """Another till hears of an order as soon as it is there."""
    before = counter.do("GET", "changes", who="second")["n"]
    order_id, _ = counter.opened()
    found = counter.do("GET", f"changes?after={before}", who="second")
    hold(order_id in str(found["orders"]), f"the other till hears of the order: {found}")


@drives("sell.menu")
def menu(counter: Counter) -> None:
    """The dishes are there with their prices, the rules of the house, and what is special today."""
    dishes = {one["id"]: one for one in counter.do("GET", "menu")["dishes"]}
    hold(dishes[DISH]["price_fen"] == DISH_FEN and len(dishes) > 60, "the menu is whole")  # noqa: PLR2004
    hold("rounding" in counter.do("GET", "house"), "the rules of the house")
    hold("dishes" in counter.do("GET", "dishes/today"), "the dishes of today")


@drives("sell.cash")
def cash(counter: Counter) -> None:
    """The guest pays with a note, gets change and a receipt of the next number; the drawer opens."""
    before = counter.sell()
    counter.paper.comes(before["receipt_no"])
    counter.paper.mark()
    pulses = counter.paper.pulses
    sale = counter.sell(DISH, DISH, tenders=[{"kind": "cash", "received_fen": 10_000}])
    hold(sale["total_fen"] == 2 * DISH_FEN, f"two dishes: {sale['total_fen']}")
    hold(sale["tenders"][0]["change_fen"] == 10_000 - 2 * DISH_FEN, "the change is right")
    hold(_number(sale) == _number(before) + 1, "receipts are numbered without a gap")
    slip = counter.paper.comes(sale["receipt_no"])
    hold(any("/J/" in code or code for code in slip.codes), "the receipt has the invite")
    counter.paper.opens_drawer(pulses)


def _number(sale: dict[str, Any]) -> int:
    return int(str(sale["receipt_no"]).rpartition("-")[2])


@drives("sell.weigh")
def weigh(counter: Counter) -> None:
    """The pan holds half a kilogram, the till reads it, and the guest pays for it."""
    assert counter.desk_url
    counter.device("scale/counter", "load", 500)
    found: dict[str, Any] = {}

    def stands() -> bool:
        found.update(counter.do("GET", "till/weight"))
        return bool(found["state"] == "stable" and found["weight_g"] > 0)

    wait_for(stands, "the scale to stand still", 20)
    hold(found["weight_g"] == 500, f"the till reads 500 g: {found}")  # noqa: PLR2004
    line = {"dish_id": WEIGHED_DISH, "qty": 1, "weight_g": found["weight_g"]}
    sale = counter.sell(lines=[line])
    hold(sale["total_fen"] == HALF_KILO_FEN, f"half a kilogram costs {sale['total_fen']}")
    counter.device("scale/counter", "load", 0)


@drives("sell.scan")
def scan(counter: Counter) -> None:
    """The scanner at the counter reads a receipt; the till's page hears which sale it is."""
    assert counter.desk_url
    sale = counter.sell()
    counter.do("PUT", "till/accepts", {"kinds": ["receipt", "dish"], "screen": "sale"})
    heard: list[dict[str, Any]] = []
    listening = threading.Thread(target=lambda: heard.append(counter.first_event(f"{API}/events", "scan", "cashier")))
    listening.start()

    def read() -> bool:
        # The page may not be listening yet: a cashier scans again too.
        counter.device("scanner/front", "scan", sale["receipt_no"])
        listening.join(1.0)
        return bool(heard)

    wait_for(read, "the page to hear of the scan", 20)
    hold(heard[0]["kind"] == "receipt" and heard[0]["value"] == sale["sale_id"], f"it is the sale: {heard[0]}")
    typed = counter.do("POST", "till/scans", {"text": "210"})
    hold(typed["kind"] == "dish" and typed["value"] == DISH, f"a code of a dish is the dish: {typed}")


@drives("sell.guest_display")
def guest_display(counter: Counter) -> None:
    """The guest's window shows what the till says."""
    hold(counter.stranger().ask("GET", "/display?till=1").fine, "the page for the guest")
    show(counter, 12_300)
    shown = counter.first_event(f"{API}/display/events?till=1", "show")
    hold(shown["total_fen"] == 12_300, f"the guest sees the total: {shown}")  # noqa: PLR2004


@drives("sell.guest_shown")
def guest_shown(counter: Counter) -> None:
    """The display on its pole shows the total as well."""
    assert counter.desk_url
    show(counter, 4_560)

    def seen() -> bool:
        devices = counter.stranger().ask("GET", f"{API}/status")
        assert devices.fine
        return "45.60" in str(_twin(counter, "display"))

    wait_for(seen, "the pole display to show 45.60", 20)


def _twin(counter: Counter, kind: str) -> dict[str, Any]:
    views = counter.visit(counter.desk_url).ask("GET", "/api/devices").body["devices"]
    return next(one for one in views if one["kind"] == kind)


def show(counter: Counter, total_fen: int) -> None:
    """Let the till show the guest a total."""
    counter.do("PUT", "till/display", {"show": "total", "total_fen": total_fen})


@drives("sell.past")
def past(counter: Counter) -> None:
    """A sale is on the list and in the takings at once."""
    sale = counter.sell()
    found = counter.do("GET", f"sales/{sale['sale_id']}")
    hold(found["receipt_no"] == sale["receipt_no"], "the sale itself")
    listed = {one["sale_id"] for one in all_sales(counter.door(), f"{API}/sales")}
    hold(sale["sale_id"] in listed, "the sale is on the list")


@drives("sell.reprint")
def reprint(counter: Counter) -> None:
    """The copy says that it is one."""
    sale = counter.sell()
    counter.paper.comes(sale["receipt_no"])
    counter.do("POST", f"sales/{sale['sale_id']}/reprint", {"request_id": counter.id()})
    counter.paper.comes(sale["receipt_no"], "REPRINT")


@drives("sell.e_receipt")
def e_receipt(counter: Counter) -> None:
    """The guest's phone opens the address that the till shows: in the shop's Wi-Fi while HQ does not have the sale."""
    sale = counter.sell()
    shown = counter.do("GET", f"sales/{sale['sale_id']}/e-receipt")
    hold(shown["qr"] and shown["here_qr"], "the till shows a code")

    def opens() -> bool:
        url = shown["url"] if counter.before["hub_state"] == "connected" else shown["here_url"]
        with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 - the hub of the drive, or its store
            return sale["receipt_no"] in page.read().decode()

    wait_for(lambda: _quietly(opens), "the receipt on the guest's phone", 10)


def _quietly(does: Any) -> bool:  # noqa: ANN401 - a question
    try:
        return bool(does())
    except OSError:
        return False


@drives("sell.fapiao")
def fapiao(counter: Counter) -> None:
    """The code for the invoice is on the paper and on the screen, with number and amount filled in; the guest's own network does the rest."""
    sale = counter.sell()
    shown = counter.do("GET", f"sales/{sale['sale_id']}/e-receipt")["fapiao_url"]
    hold(f"/{sale['receipt_no']}?" in shown and shown.endswith("amount=26.00"), f"it is filled in: {shown}")
    counter.paper.comes(sale["receipt_no"])
    wait_for(lambda: any(shown in sheet.codes for sheet in counter.paper.fresh()), "the code on the receipt", 20)


@drives("sell.invite")
def invite(counter: Counter) -> None:
    """An invite is judged by its signature alone, and a changed one is found out."""
    code = counter.sell()["invite"]["code"]
    hold(counter.do("POST", "invites/verify", {"code": code})["verdict"] == "valid", "a right one is valid")
    wrong = code[:-6] + ("AAAAAA" if not code.endswith("AAAAAA") else "BBBBBB")
    hold(counter.do("POST", "invites/verify", {"code": wrong})["verdict"] != "valid", "a changed one is not")
