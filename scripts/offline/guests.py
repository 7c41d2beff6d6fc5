"""Guests' phones on the shop's own network."""

from urllib.parse import urlsplit

from scripts.demo_client import Door
from scripts.offline.counter import DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold

NOT_FOUND = 404


def code_of(counter: Counter, table: str) -> tuple[Door, str]:
    """Scan the code of a table; gives the phone and the address of the table's page."""
    listed = counter.do("GET", "table-codes", who="manager")["codes"]
    url = urlsplit(next(one["url"] for one in listed if one["table_id"] == table))
    return counter.visit(f"{url.scheme}://{url.netloc}"), url.path


def asks(counter: Counter) -> tuple[str, str]:
    """Let a phone ask for a dish; gives the order and the line."""
    phone, path = code_of(counter, counter.a_table())
    line_id = counter.id()
    body = {"request_id": counter.id(), "lines": [{"line_id": line_id, "dish_id": DISH}]}
    answer = phone.ask("POST", f"{path}/ask", body)
    hold(answer.fine and answer.body["lines"][0]["taken"], f"the basket is taken: {answer.body}")
    return str(answer.body["order_id"]), line_id


@drives("guest.page")
def page(counter: Counter) -> None:
    """The phone shows the table's page with dishes and prices, without the internet."""
    phone, path = code_of(counter, counter.a_table())
    hold(phone.ask("GET", path).fine, "the page")
    dishes = {one["id"]: one for one in phone.ask("GET", f"{path}/menu").body["dishes"]}
    hold(dishes[DISH]["price_fen"] == DISH_FEN, "the dishes with their prices")


@drives("guest.ask")
def ask(counter: Counter) -> None:
    """The guest asks, the waiter says yes, and the phone says so."""
    order_id, line_id = asks(counter)
    phone, path = code_of(counter, counter.table_of(order_id))
    look = {"order_id": order_id, "line_ids": [line_id]}
    hold(phone.ask("POST", f"{path}/asked", look).body["lines"][0]["state"] == "waiting", "it waits")
    counter.steps(order_id, {"do": "confirm", "line_ids": [line_id]})
    hold(phone.ask("POST", f"{path}/asked", look).body["lines"][0]["state"] == "taken", "it is taken")


@drives("guest.receipt")
def receipt(counter: Counter) -> None:
    """The phone reads the receipt in the shop's network, and not another guest's."""
    sale = counter.sell()
    url = urlsplit(counter.do("GET", f"sales/{sale['sale_id']}/e-receipt")["here_url"])
    phone = counter.visit(f"http://{url.netloc.lower()}")
    hold(phone.ask("GET", url.path).fine, "the receipt")
    hold(phone.ask("GET", url.path[:-32] + "0" * 32).status == NOT_FOUND, "nobody's receipt is not there")


@drives("house.table_codes")
def table_codes(counter: Counter) -> None:
    """The sheet to print has a code for every table."""
    hold("<svg" in counter.page("/terminals/tables/print", "manager"), "the sheet has codes")
    hold(counter.page("/terminals/tables", "manager"), "the page")
    codes = counter.do("GET", "table-codes", who="manager")["codes"]
    hold(len(codes) > 60 and all(one["url"] for one in codes), "every table has one")  # noqa: PLR2004


@drives("house.table_code_renew")
def renew(counter: Counter) -> None:
    """A code that got about opens nothing any more, and the new one does."""
    table = counter.a_table()
    phone, old = code_of(counter, table)
    number = next(
        one["number"] for one in counter.do("GET", "table-codes", who="manager")["codes"] if one["table_id"] == table
    )
    counter.do("POST", f"table-codes/{table}/renew", {"request_id": counter.id(), "over": number}, "manager")
    phone, new = code_of(counter, table)
    hold(not phone.ask("GET", f"{old}/menu").fine and phone.ask("GET", f"{new}/menu").fine, "only the new one opens")
