"""The house's page: opening list, a manager's day, tables kept for guests, menu files, dishes of the day."""

import base64
import csv
import io

from scripts.offline.counter import DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold

SPECIAL_FEN = 4_800


@drives("manager.page")
def page(counter: Counter) -> None:
    """It comes to who is signed in, and leads who is not to the till."""
    hold("/house/main.js" in bytes(counter.ask("GET", "/house").body).decode(), "the page")
    away = counter.stranger().ask("GET", "/house")
    hold(not away.fine, "nobody sees it unasked")


@drives("manager.opening")
def opening(counter: Counter) -> None:
    """The list says how paper, time, float and last Z stand, and is looked through."""
    told = counter.do("GET", "house/opening")
    hold({"paper", "time", "left_open"} <= {one["id"] for one in told["checks"]}, f"the list: {told}")
    done = counter.do("POST", "house/opening", {"request_id": counter.id()})
    hold(not done["needed"] and not counter.do("GET", "house/opening")["needed"], "it was looked through")


@drives("manager.day")
def day(counter: Counter) -> None:
    """What was sold a moment ago stands in the figures, and a discount with who gave it."""
    before = counter.do("GET", "house/day", who="supervisor")
    counter.sell(who="supervisor", discount={"rate_bp": 1_000, "reason": "regular"})
    after = counter.do("GET", "house/day", who="supervisor")
    hold(after["sales_fen"] - before["sales_fen"] == DISH_FEN * 9 // 10, "the sale stands in the figures")
    latest = after["unusual"][0]
    hold(latest["what"] == "discount" and latest["amount_fen"] == -DISH_FEN // 10, f"and its discount: {latest}")


def _booked(counter: Counter, table: str = "") -> str:
    booking_id, today = counter.id(), counter.do("GET", "bookings")["today"]
    body = {
        "day": today,
        "time": "23:45",
        "name": "Wang",
        "phone4": "0417",
        "covers": 2,
        "table": table,
        "beside": True,
    }
    counter.do("POST", f"bookings/{booking_id}", {"request_id": counter.id(), **body})
    return booking_id


@drives("manager.bookings")
@drives("manager.book")
def book(counter: Counter) -> None:
    """A table is kept, and stands in the list."""
    booking_id = _booked(counter, "*")
    (found,) = [one for one in counter.do("GET", "bookings")["bookings"] if one["booking_id"] == booking_id]
    hold(found["table"] and found["state"] == "waiting", f"it is kept: {found}")
    counter.do("POST", f"bookings/{booking_id}/end", {"request_id": counter.id(), "became": "cancelled"})


@drives("manager.arrive")
def arrive(counter: Counter) -> None:
    """Guests who booked sit at their table, and pay there."""
    table, order_id = counter.a_table(), counter.id()
    counter.do("POST", f"bookings/{_booked(counter, table)}/arrive", {"order_id": order_id})
    hold(counter.table_of(order_id) == table, "they sit at their table")
    counter.steps(order_id, {"do": "add", "line_id": counter.id(), "dish_id": DISH, "qty": 1})
    counter.pay(order_id)
    hold(counter.free(order_id), "and pay there")


@drives("manager.not_coming")
def not_coming(counter: Counter) -> None:
    """Who does not come keeps no table."""
    body = {"request_id": counter.id(), "became": "no_show"}
    told = counter.do("POST", f"bookings/{_booked(counter)}/end", body)
    hold(told["state"] == "no_show", f"it is noted: {told}")


def _table(counter: Counter) -> list[list[str]]:
    raw = bytes(counter.ask("GET", "menu/table", who="manager").body)
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def _file(rows: list[list[str]]) -> dict[str, str]:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return {"name": "menu.csv", "content": base64.b64encode(text.getvalue().encode()).decode()}


@drives("manager.menu_table")
def menu_table(counter: Counter) -> None:
    """The menu comes as a table with every dish."""
    rows = _table(counter)
    hold(rows[0][0] == "code" and len(rows) > len(counter.do("GET", "menu")["dishes"]) // 2, "a table of dishes")


@drives("manager.menu_try")
def menu_try(counter: Counter) -> None:
    """A file with a mistake is told by line and column."""
    rows = _table(counter)
    rows[1][rows[0].index("price")] = "3o.00"
    told = counter.do("POST", "menu/try", _file(rows), "manager")
    hold(
        [(one["line"], one["column"]) for one in told["mistakes"]] == [(2, "price")], f"the mistake: {told['mistakes']}"
    )


@drives("manager.menu_take")
def menu_take(counter: Counter) -> None:
    """A file changes what a dish costs at the counter, and the one before brings it back."""
    rows = _table(counter)
    at, price = rows[0].index("id"), rows[0].index("price")
    (place,) = [number for number, row in enumerate(rows) if row[at] == DISH]
    dearer = [list(row) for row in rows]
    dearer[place][price] = "27.00"
    for table, fen in ((dearer, 2_700), (rows, DISH_FEN)):
        over = counter.do("POST", "menu/try", _file(table), "manager")["over"]
        counter.do("POST", "menu/import", {"request_id": counter.id(), **_file(table), "over": over}, "manager")
        hold(counter.sell()["total_fen"] == fen, f"it costs {fen}")


@drives("manager.specials")
@drives("manager.special")
def special(counter: Counter) -> None:
    """A dish that the menu lacks is sold at the counter, and then it is off."""
    special_id = counter.id()
    body = {"code": "T77", "name_zh": "Snails", "name_en": "Snails", "price_fen": SPECIAL_FEN}
    counter.do("POST", f"specials/{special_id}", {"request_id": counter.id(), **body}, "supervisor")
    listed = counter.do("GET", "specials")["specials"]
    hold(special_id in {one["special_id"] for one in listed}, "it is listed")
    hold(counter.sell(f"special-{special_id}")["total_fen"] == SPECIAL_FEN, "it is sold")
    counter.do("POST", f"specials/{special_id}", {"request_id": counter.id(), "on": False}, "supervisor")
    hold(f"special-{special_id}" not in {one["id"] for one in counter.do("GET", "menu")["dishes"]}, "it is off")
