"""Scan to order: a code on the table, a basket from a phone, a waiter who confirms; forged codes, floods and repeats."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.db import orders as kept
from edge.domain import table_code
from edge.domain.refusal import Refused
from edge.domain.table_code import TableClaims
from edge.services.care import verify_journal
from edge.services.guests import guest_orders as guests
from edge.services.guests import table_codes
from edge.services.guests.guest_orders import GuestAskCommand
from edge.services.house.lan import Lan
from edge.services.ordering import import_menu, stock
from edge.services.ordering.order_work import ConfirmStep, SendStep
from edge.services.ordering.stock import DayPriceCommand, StockCommand
from sync.contract.menu import Dish
from sync.contract.orders import Table
from sync.contract.words import Name
from sync.node.keys import Identity
from tests.kit.lan import House, Visitor, open_house
from tests.kit.nodes import AT_TILL_1, MENU, Rig, store_identity, uuid7_hex
from tests.kit.people import CASHIER, PINS, client_of
from tests.kit.tables import Floor, add


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def house(rig: Rig) -> Iterator[House]:
    # The guests' listener alone: nothing here speaks TLS.
    with open_house(rig, tweak=lambda web: type(web)(guest_host=web.guest_host, guest_port=0)) as opened:
        yield opened


def basket(number: int, *lines: tuple[int, str, int], **said: Any) -> dict[str, Any]:
    made = [{"line_id": uuid7_hex(line), "dish_id": dish, "qty": qty, **said} for line, dish, qty in lines]
    return {"request_id": uuid7_hex(50_000 + number), "lines": made}


def ask(one: Visitor, code: str, body: dict[str, Any], status: int = 201) -> Any:
    answer = one.post(f"{code}/ask", body)
    assert answer.status == status, answer.text
    assert answer.cookies == {}
    return answer.json()


def states(one: Visitor, code: str, order_id: str, *lines: int) -> list[str]:
    body = {"order_id": order_id, "line_ids": [uuid7_hex(line) for line in lines]}
    return [each["state"] for each in one.post(f"{code}/asked", body).json()["lines"]]


def order_at(rig: Rig, table: str = "t1") -> list[str]:
    with rig.db.read() as reader:
        return kept.open_at(reader, table)


def test_a_basket_waits_on_the_order_of_its_table_until_a_waiter_confirms_it(house: House) -> None:
    one, code, floor = house.phone(), house.table_code(), Floor(house.rig)
    page = one.get(code)
    assert (page.status, page.cookies) == (200, {})
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    menu = one.get(f"{code}/menu").json()
    assert {dish["id"] for dish in menu["dishes"]} == {"d101", "d102", "d103", "d104", "d105"}
    told = ask(one, code, basket(1, (1, "d101", 2), (2, "d102", 1), note="no peanut"))
    order_id = told["order_id"]
    assert order_at(house.rig) == [order_id]
    order = floor.order(order_id)
    assert [(line.source, line.waits, line.left_qty, line.note) for line in order.lines] == [
        ("guest", True, 0, "no peanut")
    ] * 2
    assert order.service == "dine_in"
    assert states(one, code, order_id, 1, 2) == ["waiting", "waiting"]
    assert floor.became(order_id, SendStep()) == ["nothing"]
    floor.steps(order_id, ConfirmStep(line_ids=(uuid7_hex(1),)), ConfirmStep(line_ids=(uuid7_hex(2),), accepted=False))
    assert states(one, code, order_id, 1, 2) == ["taken", "declined"]
    floor.steps(order_id, SendStep())
    assert states(one, code, order_id, 1, 2) == ["kitchen", "declined"]
    # Who does not know a line's id hears nothing of it.
    assert states(one, code, order_id, 99) == ["gone"]


def test_a_basket_joins_the_order_that_a_waiter_opened_and_a_repeat_changes_nothing(house: House) -> None:
    one, code, floor = house.phone(), house.table_code(), Floor(house.rig)
    order_id = floor.open(1, add(7))
    body = basket(1, (1, "d102", 3))
    first = ask(one, code, body)
    before = house.rig.tables("terminal_tokens")
    assert ask(one, code, body, 200) == first
    assert first["order_id"] == order_id
    assert house.rig.tables("terminal_tokens") == before
    assert ask(one, code, basket(1, (1, "d102", 4)), 409)["code"] == "request_id_reused"
    # A node that was brought back from the hub has no stored answers; the order knows its lines.
    floor.forget_answers()
    assert ask(one, code, body)["lines"] == first["lines"]
    assert [line.qty for line in floor.order(order_id).lines] == [1, 3]


def test_two_phones_at_once_sit_at_one_order(house: House) -> None:
    code, found = house.table_code(), list[Any]()
    bodies = [basket(number, (number, "d102", 1)) for number in range(1, 7)]
    threads = [
        threading.Thread(target=lambda body=body: found.append(ask(house.phone(), code, body)), daemon=True)
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == len(bodies)
    assert len({each["order_id"] for each in found}) == 1
    [order_id] = order_at(house.rig)
    assert len(Floor(house.rig).order(order_id).lines) == len(bodies)


def test_a_basket_of_which_nothing_can_be_had_opens_no_order_and_one_of_which_some_can_says_which(house: House) -> None:
    one, code = house.phone(), house.table_code()
    stock.set_left(house.node, AT_TILL_1, "d102", StockCommand(request_id=uuid7_hex(9), left=2))
    before = house.rig.tables()
    assert ask(one, code, basket(1, (1, "d102", 3)), 409)["code"] == "sold_out"
    assert ask(one, code, basket(2, (1, "d102", 3), (2, "d999", 1)), 409)["code"] == "sold_out"
    assert ask(one, code, basket(3, (1, "d103", 1)), 422)["code"] == "too_few_modifiers"
    assert house.rig.tables() == before
    told = ask(one, code, basket(4, (1, "d102", 3), (2, "d101", 1)))
    assert [(line["taken"], line.get("code", "")) for line in told["lines"]] == [(False, "sold_out"), (True, "")]
    assert next(dish["left"] for dish in one.get(f"{code}/menu").json()["dishes"] if dish["id"] == "d102") == 2


def test_the_menu_of_a_phone_follows_prices_counts_and_the_day(house: House) -> None:
    one, code, node = house.phone(), house.table_code(), house.node

    def of(dish: str) -> tuple[int, int]:
        found = next(each for each in one.get(f"{code}/menu").json()["dishes"] if each["id"] == dish)
        return found["price_fen"], found.get("left", -1)

    assert of("d102") == (300, -1)
    stock.set_price(node, AT_TILL_1, "d102", DayPriceCommand(request_id=uuid7_hex(1), price_fen=450))
    assert of("d102") == (450, -1)
    stock.set_left(node, AT_TILL_1, "d102", StockCommand(request_id=uuid7_hex(2), left=0))
    assert of("d102") == (450, 0)
    house.rig.clock.advance(86_400_000)
    assert of("d102") == (300, 0)
    dishes = (
        *MENU.dishes[1:],
        Dish(id="d9", code="9", name=Name("鱼", "Fish"), category="hot", price_fen=1, open_price=True),
    )
    import_menu.bring_into_force(node, msgspec.structs.replace(MENU, dishes=dishes))
    listed = [each["id"] for each in one.get(f"{code}/menu").json()["dishes"]]
    assert listed == ["d102", "d103", "d104", "d105"]


def test_codes_that_this_store_did_not_sign_or_that_were_renewed_open_nothing(house: House) -> None:
    one, code = house.phone(), house.table_code()
    raw = code.removeprefix("/T/")
    thief = store_identity("thief")
    claims = TableClaims(house.node.identity.public.key_id, 1, "t1")
    forged = table_code.assemble(claims, thief.sign(table_code.to_sign(claims)))
    own = TableClaims(thief.public.key_id, 1, "t1")
    foreign = table_code.assemble(own, thief.sign(table_code.to_sign(own)))
    flipped = raw[:40] + ("A" if raw[40] != "A" else "B") + raw[41:]
    for bad in (forged, foreign, flipped, raw[:-1], raw.lower(), "A" * 124, "x"):
        for path, body in (("", None), ("/menu", None), ("/ask", basket(1, (1, "d102", 1)))):
            answer = one.ask("GET" if body is None else "POST", f"/T/{bad}{path}", body)
            assert answer.status == 404, (bad, path)
    renewed = {"request_id": uuid7_hex(60_000), "over": 1}
    assert house.manager.post("/api/v1/table-codes/t1/renew", json=renewed).get_json()["number"] == 2
    assert house.manager.post("/api/v1/table-codes/t1/renew", json=renewed).get_json()["number"] == 2
    answer = one.post(f"{code}/ask", basket(2, (1, "d102", 1)))
    assert (answer.status, answer.json()["code"]) == (410, "table_code_old")
    fresh = house.table_code()
    assert fresh != code
    assert one.get(fresh).status == 200
    assert order_at(house.rig) == []
    # The next who saw version 1 renews nothing more, and a cashier renews nothing at all.
    again = {"request_id": uuid7_hex(60_001), "over": 1}
    assert house.manager.post("/api/v1/table-codes/t1/renew", json=again).get_json()["number"] == 2
    house.rig.add_person(CASHIER, PINS[CASHIER])
    body = {"request_id": uuid7_hex(60_002), "over": 2}
    refused = client_of(house.rig, CASHIER).post("/api/v1/table-codes/t1/renew", json=body)
    assert refused.get_json()["code"] == "not_allowed"


def know(rig: Rig, store: str, one: Identity) -> None:
    """Let the node know a revoked key of a store, as the stream of stores says it."""
    row = (store, one.public.key_id, one.public.signing)
    rig.db.write(
        lambda tx: tx.execute(
            "INSERT OR REPLACE INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en, revoked_ms)"
            " VALUES (?, 1, ?, ?, '', '', 5)",
            row,
        )
    )


def test_a_code_of_the_node_that_this_one_replaced_still_holds(house: House) -> None:
    before = store_identity("before")
    claims = TableClaims(before.public.key_id, 1, "t1")
    old = table_code.assemble(claims, before.sign(table_code.to_sign(claims)))
    assert house.phone().get(f"/T/{old}").status == 404
    store = house.node.enrolment.store if house.node.enrolment is not None else ""
    for known, status in (("other", 404), (store, 200)):
        know(house.rig, known, before)
        assert house.phone().get(f"/T/{old}").status == status, known
    house.rig.db.write(lambda tx: tx.execute("DELETE FROM store_keys"))


def test_a_table_and_a_phone_can_ask_so_often_and_the_till_sells_on(house: House) -> None:
    code, other = house.table_code("t1"), house.table_code("t2")
    one = house.phone()
    found = [one.post(f"{code}/ask", basket(number, (number, "d102", 1))) for number in range(1, 12)]
    assert [answer.status for answer in found].count(201) == 6
    held = next(answer for answer in found if answer.status == 429)
    assert (held.json()["code"], int(held.headers["Retry-After"]) > 0) == ("too_often", True)
    ask(one, other, basket(20, (20, "d102", 1)))
    looks = [one.get(f"{code}/menu").status for _ in range(300)]
    assert 429 in looks
    house.rig.sell(1)
    house.rig.clock.advance(60_000)
    ask(one, code, basket(21, (21, "d102", 1)))


def test_more_lines_than_a_waiter_can_look_through_wait_nowhere(house: House) -> None:
    one, code = house.phone(), house.table_code()
    for number in (1, 2):
        ask(one, code, basket(number, *((100 * number + at, "d102", 1) for at in range(guests.LINES_MAX))))
    assert ask(one, code, basket(3, (900, "d102", 1)), 409)["code"] == "too_many_waiting"
    [order_id] = order_at(house.rig)
    Floor(house.rig).steps(order_id, ConfirmStep())
    ask(one, code, basket(4, (900, "d102", 1)))


BAD: list[tuple[dict[str, Any], int]] = [
    ({}, 400),
    (basket(1), 400),
    (basket(1, (1, "d102", 0)), 400),
    (basket(1, (1, "d102", guests.QTY_MAX + 1)), 400),
    (basket(1, (1, "d102", 1), note="x" * 61), 400),
    (basket(1, (1, "d102", 1), note="a\nb"), 422),
    (basket(1, (1, "d102", 1), unit_fen=1), 400),
    (basket(1, (1, "d102", 1), gift=True), 400),
    (basket(1, *((at, "d102", 1) for at in range(guests.LINES_MAX + 1))), 400),
    ({**basket(1, (1, "d102", 1)), "table": "t2"}, 400),
    ({**basket(1, (1, "d102", 1)), "request_id": "0" * 32}, 400),
    (basket(1, (1, "d102", 1), modifiers=["x" * 9_000, "y" * 9_000]), 413),
]


def test_bad_baskets_change_nothing(house: House) -> None:
    one, code = house.phone(), house.table_code()
    before = house.rig.tables()
    for body, status in BAD:
        # Each a minute after the other, so that it is not the limit that refuses it.
        house.rig.clock.advance(60_000)
        assert one.post(f"{code}/ask", body).status == status, body
    house.rig.clock.advance(60_000)
    foreign = one.post(f"{code}/ask", basket(1, (1, "d102", 1)), headers={"Origin": "http://evil.test"})
    assert foreign.status == 403
    assert house.rig.tables() == before


def test_the_guests_listener_serves_nothing_else_of_the_node(house: House) -> None:
    one = house.phone()
    for path in ("/till/", "/api/v1/status", "/api/v1/session", "/api/v1/menu", "/terminals", "/pair", "/metrics",
                 "/static/x/till/app.js", "/static/x/vendor/htmx.min.js", "/static/x/..%2Fapp.py"):  # fmt: skip
        house.rig.clock.advance(1_000)
        assert one.get(path).status == 404, path
    assert one.get("/static/x/guest/guest.js").status == 200
    assert one.get("/").status == 200


def test_the_sheet_to_print_has_a_code_for_every_table_that_its_phone_can_open(house: House) -> None:
    page = house.manager.get("/terminals/tables/print").text
    codes = table_codes.listed(house.node, house.lan).codes
    assert page.count("<svg") == len(codes) == 14
    for one in codes:
        assert f'data-code="{one.url}"' in page
        assert len(one.url) <= 180
    assert house.manager.get("/terminals/tables/print?table=t3").text.count("<svg") == 1


def test_a_node_in_training_takes_no_basket(tmp_path: Path) -> None:
    with Rig(tmp_path, enrolled=False) as rig:
        [code] = table_codes.listed(rig.node, Lan(guest_base=lambda: "http://10.0.0.1:8680"), "t1").codes
        table = table_codes.table_of(rig.node, code.url.rsplit("/", 1)[1])
        assert isinstance(table, Table)
        asked = msgspec.convert(basket(1, (1, "d102", 1)), GuestAskCommand)
        before = rig.tables()
        assert guests.ask(rig.node, table, asked) == Refused("training_mode")
        assert guests.MenuCounter(rig.node).read() == Refused("no_menu")
        assert rig.tables() == before
