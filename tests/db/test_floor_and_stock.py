"""What all tills share: the plan of the tables, dishes that are counted or sold out, prices of the day; and how screens hear of it."""

import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.ordering import floor as floors
from edge.services.ordering import import_menu, stock
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.floor import DrawCommand, FloorAnswer
from edge.services.ordering.order_work import ChangeStep, ConfirmStep, SendStep, VoidStep
from edge.services.ordering.stock import DayPriceCommand, DishAnswer, StockCommand
from sync.contract.menu import Dish, PartChoice, PartGroup
from sync.contract.orders import Area, Table
from sync.contract.words import Name
from tests.kit.nodes import MENU, Rig, basket, name, uuid7_hex
from tests.kit.tables import CASHIER_1, SUPERVISOR_1, Floor, add, refused

API = "/api/v1"


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def floor(rig: Rig) -> Floor:
    return Floor(rig)


def draw(floor: Floor, over: int, *tables: str, request_id: str = "") -> Done | Refused:
    placed = tuple(Table(id=each, name=each.upper(), seats=4, x=2 * at, y=0) for at, each in enumerate(tables))
    command = DrawCommand(
        request_id=request_id or floor.id(), over=over, areas=(Area(id="hall", name=Name("厅", "Hall"), tables=placed),)
    )
    return floors.draw(floor.rig.node, floor.who, command)


def count(floor: Floor, dish: str, left: int) -> DishAnswer:
    done = stock.set_left(floor.rig.node, floor.who, dish, StockCommand(request_id=floor.id(), left=left))
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=DishAnswer)


def left(floor: Floor, dish: str) -> int:
    return next(each.left for each in stock.today(floor.rig.node).dishes if each.dish_id == dish)


# The plan


def test_a_plan_is_drawn_over_the_one_that_was_seen(rig, floor):
    assert floors.read(rig.node).version == 0
    done = draw(floor, 0, "x1", "x2", request_id=uuid7_hex(5))
    assert isinstance(done, Done)
    answer = msgspec.json.decode(done.answer, type=FloorAnswer)
    assert (answer.version, [table.name for table in answer.areas[0].tables]) == (1, ["X1", "X2"])
    assert floors.read(rig.node) == answer
    assert refused(draw(floor, 0, "x3"), "stale_floor") == {"version": 1}
    floor.forget_answers()
    again = draw(floor, 0, "x1", "x2", request_id=uuid7_hex(5))
    assert isinstance(again, Done)
    assert again.answer == done.answer
    assert isinstance(draw(floor, 1, "x3"), Done)
    rig.restart()
    assert floors.read(rig.node).version == 2


def test_a_table_with_guests_stays_on_the_plan(rig, floor):
    floor.open(1, table="t2")
    before = rig.tables()
    assert refused(draw(floor, 0, "t1"), "table_in_use") == {"tables": ["A2"]}
    assert refused(draw(floor, 0, "x", "x"), "bad_floor")["mistakes"]
    floor.who = SUPERVISOR_1
    refused(draw(floor, 0, "t1", "t2"), "not_allowed")
    assert rig.tables() == before
    floor.who = Floor(rig).who
    assert isinstance(draw(floor, 0, "t1", "t2"), Done)


def test_a_table_that_is_off_the_plan_is_called_by_its_id(rig, floor):
    draw(floor, 0, "x1")
    with rig.db.read() as reader:
        assert (floors.table_name(reader, "x1"), floors.table_name(reader, "t1")) == ("X1", "t1")


# Counted dishes


def test_what_is_ordered_counts_down_at_every_till_and_too_much_is_refused_with_what_is_left(rig, floor):
    assert count(floor, "d102", 5).left == 5
    order_id = floor.open(1, add(2, qty=3))
    assert left(floor, "d102") == 2
    assert refused(floor.try_steps(order_id, add(3, qty=3)), "sold_out") == {"dish_id": "d102", "left": 2}
    assert refused(floor.try_steps(order_id, ChangeStep(line_id=uuid7_hex(2), qty_delta=3)), "sold_out")["left"] == 2
    assert floor.became(order_id, add(4, qty=2), add(5)) == ["done", "sold_out"]
    assert left(floor, "d102") == 0
    count(floor, "d102", -1)
    assert floor.became(order_id, add(6, qty=900)) == ["done"]
    assert left(floor, "d102") == -1


def test_what_was_not_cooked_is_there_again(rig, floor):
    count(floor, "d102", 9)
    order_id = floor.open(1, add(2, qty=4))
    floor.steps(order_id, ChangeStep(line_id=uuid7_hex(2), qty_delta=-1))
    assert left(floor, "d102") == 6
    floor.steps(order_id, SendStep(), ChangeStep(line_id=uuid7_hex(2), qty_delta=2))
    assert left(floor, "d102") == 4
    # Of five pieces three stand at the kitchen: two come back, one was cooked.
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(2), qty=3, reason="late"))
    assert left(floor, "d102") == 6


def test_what_a_guest_asks_for_is_kept_for_them_until_it_is_turned_down(rig, floor):
    count(floor, "d102", 5)
    order_id = floor.open(1)
    order_deeds.ask_as_guest(rig.node, order_id, uuid7_hex(60), (add(61, qty=2), add(62, qty=2)))
    assert left(floor, "d102") == 1
    floor.steps(order_id, ConfirmStep(line_ids=(uuid7_hex(61),)), ConfirmStep(accepted=False))
    assert left(floor, "d102") == 3


def test_a_basket_that_is_paid_at_once_counts_down_too(rig, floor):
    count(floor, "d102", 5)
    rig.sell(1, lines=basket(("d102", 2)))
    assert left(floor, "d102") == 3


def test_a_set_menu_counts_what_it_consists_of(rig, floor):
    group = PartGroup("g", name("Group"), (PartChoice("d102", 2), PartChoice("d105")), min=2, max=2)
    dish = Dish(id="set", code="900", name=name("Set"), category="hot", price_fen=9_900, parts=(group,))
    import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=(*MENU.dishes, dish)))
    count(floor, "d102", 5)
    order_id = floor.open(1, add(2, "set", 2))
    assert left(floor, "d102") == 1
    assert refused(floor.try_steps(order_id, add(3, "set")), "sold_out") == {"dish_id": "d102", "left": 1}
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(2), qty=1))
    assert left(floor, "d102") == 3


def test_the_last_one_goes_to_one_of_two_tills_that_ask_at_once(rig, floor):
    count(floor, "d102", 1)
    orders = [floor.open(at, table=f"t{at}") for at in (1, 2)]
    start, results = threading.Barrier(2), []

    def ask(at: int) -> None:
        start.wait()
        results.append(floor.try_steps(orders[at], add(50 + at), request_id=uuid7_hex(70 + at)))

    threads = [threading.Thread(target=ask, args=(at,)) for at in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(result, Done) for result in results) == [False, True]
    assert left(floor, "d102") == 0


# The price of the day


def price(floor: Floor, dish: str, fen: int) -> Done | Refused:
    return stock.set_price(floor.rig.node, floor.who, dish, DayPriceCommand(request_id=floor.id(), price_fen=fen))


def test_a_price_of_the_day_holds_for_the_day(rig, floor):
    assert isinstance(price(floor, "d102", 450), Done)
    order_id = floor.open(1, add(2))
    line = floor.line(order_id, 2)
    assert (line.unit_fen, line.list_fen) == (450, 300)
    assert [each.price_fen for each in stock.today(rig.node).dishes] == [450]
    rig.clock.advance(86_400_000)
    floor.steps(order_id, add(3))
    assert floor.line(order_id, 3).unit_fen == 300
    assert [each.price_fen for each in stock.today(rig.node).dishes] == [-1]


def test_a_price_of_the_day_is_taken_back_and_not_everybody_sets_one(rig, floor):
    price(floor, "d102", 450)
    assert isinstance(price(floor, "d102", -1), Done)
    order_id = floor.open(1, add(2))
    assert floor.line(order_id, 2).unit_fen == 300
    refused(price(floor, "d999", 1), "unknown_dish")
    floor.who = CASHIER_1
    refused(price(floor, "d102", 1), "not_allowed")
    assert isinstance(stock.set_left(rig.node, CASHIER_1, "d102", StockCommand(request_id=floor.id(), left=0)), Done)


# By HTTP, and live


def test_a_table_from_open_to_cancel_by_http(rig):
    client = rig.client()
    opened = {"order_id": uuid7_hex(1), "service": "dine_in", "table": "t1", "covers": 3}
    first = client.post(f"{API}/orders", json=opened)
    assert first.status_code == 201, first.text
    again = client.post(f"{API}/orders", json=opened)
    assert (again.status_code, again.data) == (200, first.data)
    at = f"{API}/orders/{uuid7_hex(1)}"
    steps = [{"do": "add", "line_id": uuid7_hex(2), "dish_id": "d101", "qty": 2, "modifiers": ["hot"]}, {"do": "send"}]
    answer = client.post(f"{at}/steps", json={"request_id": uuid7_hex(3), "steps": steps})
    assert [one["became"] for one in answer.get_json()["outcomes"]] == ["done", "done"]
    listed = client.get(f"{API}/orders").get_json()
    assert [(each["table_name"], each["total_fen"]) for each in listed["orders"]] == [("A1", 7_600)]
    one = client.get(at).get_json()
    assert (one["lines"][0]["left_qty"], one["bill"]["total_fen"], one["n"]) == (2, 7_600, listed["n"])
    moved = client.post(f"{at}/move", json={"request_id": uuid7_hex(4), "table": "t2"})
    assert moved.get_json()["table"] == "t2"
    split = {"request_id": uuid7_hex(5), "lines": [{"line_id": uuid7_hex(2), "as_line": uuid7_hex(6), "qty": 1}]}
    assert client.post(f"{at}/split", json=split).status_code == 200
    merged = client.post(f"{API}/orders/{uuid7_hex(5)}/merge", json={"request_id": uuid7_hex(7), "into": uuid7_hex(1)})
    assert merged.get_json()["order"]["state"] == "merged"
    closed = client.post(f"{API}/orders/{uuid7_hex(5)}/cancel", json={"request_id": uuid7_hex(8)})
    assert (closed.status_code, closed.get_json()["details"]["into"]) == (409, uuid7_hex(1))
    full = client.post(f"{at}/cancel", json={"request_id": uuid7_hex(9)})
    assert (full.status_code, full.get_json()["code"]) == (409, "order_not_empty")
    voids = [{"do": "void", "line_id": line, "reason": "x"} for line in (uuid7_hex(2), uuid7_hex(6))]
    client.post(f"{at}/steps", json={"request_id": uuid7_hex(10), "steps": voids})
    assert client.post(f"{at}/cancel", json={"request_id": uuid7_hex(11)}).get_json()["state"] == "cancelled"
    changes = client.get(f"{API}/changes?after={listed['n']}").get_json()
    assert {each["order_id"]: each["state"] for each in changes["orders"]} == {
        uuid7_hex(1): "cancelled",
        uuid7_hex(5): "merged",
    }


def test_the_plan_and_the_dishes_of_today_by_http(rig):
    client = rig.client()
    plan = client.get(f"{API}/floor").get_json()
    drawn = client.post(f"{API}/floor", json={"request_id": uuid7_hex(1), "over": 0, "areas": plan["areas"]})
    assert (drawn.status_code, drawn.get_json()["version"]) == (200, 1)
    sold_out = client.post(f"{API}/dishes/d102/stock", json={"request_id": uuid7_hex(2), "left": 0})
    assert sold_out.get_json()["left"] == 0
    client.post(f"{API}/dishes/d101/price", json={"request_id": uuid7_hex(3), "price_fen": 4_200})
    today = {each["dish_id"]: each for each in client.get(f"{API}/dishes/today").get_json()["dishes"]}
    assert (today["d102"]["left"], today["d101"]["price_fen"]) == (0, 4_200)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("orders", {"order_id": "x", "service": "dine_in"}, 400, "malformed"),
        ("orders", {"order_id": "0" * 32, "service": "dine_in"}, 400, "malformed"),
        ("orders", {"order_id": uuid7_hex(1), "service": "banquet"}, 400, "malformed"),
        ("orders", {"order_id": uuid7_hex(1), "service": "counter", "total_fen": 1}, 400, "unknown_field"),
        ("orders", {"order_id": uuid7_hex(1), "service": "counter", "covers": -1}, 400, "malformed"),
        ("orders", {"order_id": uuid7_hex(1), "service": "counter", "table": "t99"}, 422, "unknown_table"),
        (f"orders/{uuid7_hex(9)}/steps", {"request_id": uuid7_hex(1), "steps": []}, 400, "malformed"),
        (f"orders/{uuid7_hex(9)}/steps", {"request_id": uuid7_hex(1), "steps": [{"do": "eat"}]}, 400, "malformed"),
        (f"orders/{uuid7_hex(9)}/steps", {"request_id": uuid7_hex(1), "steps": [{"do": "send"}]}, 404, "not_found"),
        ("orders/%00/steps", {"request_id": uuid7_hex(1), "steps": [{"do": "send"}]}, 404, "not_found"),
        (f"orders/{uuid7_hex(9)}/merge", {"request_id": uuid7_hex(1), "into": uuid7_hex(9)}, 422, "same_order"),
        ("floor", {"request_id": uuid7_hex(1), "over": 0, "areas": []}, 422, "bad_floor"),
        ("dishes/d999/stock", {"request_id": uuid7_hex(1), "left": 1}, 422, "unknown_dish"),
        ("dishes/d101/stock", {"request_id": uuid7_hex(1), "left": -2}, 400, "malformed"),
        ("dishes/d101/price", {"request_id": uuid7_hex(1), "price_fen": 10**9}, 400, "malformed"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(http, path, body, status, code):
    rig, client = http
    before = rig.tables("sessions")
    answer = client.post(f"{API}/{path}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.text
    assert rig.tables("sessions") == before


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory):
    with Rig(tmp_path_factory.mktemp("http")) as rig:
        yield rig, rig.client()


def house(part: bytes) -> dict[str, Any] | None:
    """The event about the house in a part of a stream."""
    for event in part.decode().split("\n\n"):
        if event.startswith("event: house\n"):
            found: dict[str, Any] = json.loads(event.split("data: ", 1)[1])
            return found
    return None


def test_live_events_name_what_changed_and_nobody_else_hears_of_it(rig, floor):
    client = rig.client()
    floor.open(1)
    answer = client.get(f"{API}/events", buffered=False)
    parts = iter(answer.response)
    next(parts)
    start = house(next(parts))
    assert start is not None
    assert set(start) == {"n"}
    floor.steps(uuid7_hex(1), add(2))
    count(floor, "d101", 3)
    heard = house(next(parts))
    assert heard is not None
    [order] = heard["orders"]
    assert (order["order_id"], order["state"]) == (uuid7_hex(1), "open")
    [dish] = heard["dishes"]
    assert (dish["dish_id"], dish["left"]) == ("d101", 3)
    draw(floor, 0, "t1")
    again = house(next(parts))
    assert again is not None
    assert "orders" not in again
    assert again["floor_n"] == again["n"]
    answer.close()
    stranger = rig.client(signed_in=False).get(f"{API}/events", buffered=False)
    silent = iter(stranger.response)
    next(silent)
    assert house(next(silent)) is None
    stranger.close()
