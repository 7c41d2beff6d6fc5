"""The house: tables kept for guests, the list before opening, and a manager's day with what was out of the ordinary and who did it."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge.app import create_app
from edge.db import journal, projections
from edge.db.journal import Draft
from edge.domain import booking
from edge.domain.booking import Kept
from edge.domain.device_view import DeviceView
from edge.services.care import verify_journal
from edge.services.care.clock_watch import ClockWatch
from edge.services.care.status import Desk
from edge.services.ordering import import_menu
from edge.web.live import StreamSeats
from sync.contract import operations
from sync.contract.operations import DrawerSettled
from sync.contract.orders import Table
from tests.kit.nodes import MENU, Rig, uuid7_hex
from tests.kit.people import API, CASHIER, MANAGER, PINS, SUPERVISOR, client_of, staffed
from tests.kit.tables import Floor, add

DAY = "2026-09-21"


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield staffed(made)
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def book(client, number: int, booking_id: int, **said: object):
    body = {
        "request_id": uuid7_hex(number),
        "day": DAY,
        "time": "18:30",
        "name": "王女士",
        "phone4": "0417",
        "covers": 4,
    }
    return client.post(f"{API}/bookings/{uuid7_hex(booking_id)}", json={**body, **said})


# Bookings


def test_the_smallest_table_that_fits_and_is_free_is_chosen():
    def table(name: str, seats: int) -> Table:
        return Table(id=name, name=name, seats=seats, x=0, y=0)

    tables = (table("big", 10), table("b", 4), table("a", 4), table("two", 2))
    six = 18 * 60
    assert booking.fitting(tables, [], 3, six) == tables[2]
    kept = [Kept("x", "a", six + 60)]
    assert booking.fitting(tables, kept, 3, six) == tables[1]
    assert booking.fitting(tables, kept, 3, six, but="x") == tables[2]
    assert booking.fitting(tables, kept, 3, six + 60 + booking.STAY_MIN) == tables[2]
    assert booking.fitting(tables, [*kept, Kept("y", "b", six)], 4, six) == tables[0]
    assert booking.fitting(tables, [], 11, six) is None
    assert [booking.minute_of(text) for text in ("00:00", "18:30", "24:00", "8:30", "18:60", "")] == [
        0,
        1110,
        None,
        None,
        None,
        None,
    ]


def test_a_booking_is_kept_changed_and_opens_its_table_when_the_guests_come(rig):
    client = client_of(rig, CASHIER)
    made = book(client, 1, 50, table="*", note="靠窗")
    assert made.status_code == 200, made.text
    assert (made.json["table"], made.json["state"]) == ("t1", "waiting"), "seats four, and comes first"
    assert book(client, 1, 50, table="*", note="靠窗").json == made.json
    clash = book(client, 2, 51, table="t1", time="19:45")
    assert (clash.status_code, clash.json["code"]) == (409, "table_booked")
    assert clash.json["details"] == {"table": "A1", "time": "18:30", "name": "王女士"}
    assert book(client, 3, 51, table="t1", time="20:30").status_code == 200
    assert book(client, 4, 52, table="t1", beside=True).status_code == 200
    assert book(client, 5, 50, table="t5", covers=6, time="18:00").json["table_name"] == "A5"
    listed = client.get(f"{API}/bookings").json
    assert [(one["time"], one["table"], one["covers"]) for one in listed["bookings"]] == [
        ("18:00", "t5", 6), ("18:30", "t1", 4), ("20:30", "t1", 4),
    ]  # fmt: skip
    assert listed["today"] == DAY
    came = client.post(f"{API}/bookings/{uuid7_hex(50)}/arrive", json={"order_id": uuid7_hex(60)})
    assert came.status_code == 200, came.text
    order = client.get(f"{API}/orders/{uuid7_hex(60)}").json
    assert (order["head"]["table"], order["head"]["covers"], order["head"]["label"]) == ("t5", 6, "王女士")
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))
    again = client.post(f"{API}/bookings/{uuid7_hex(50)}/arrive", json={"order_id": uuid7_hex(61)})
    assert again.json["order_id"] == uuid7_hex(60), "guests sit down once"
    ended = book(client, 6, 50)
    assert (ended.status_code, ended.json["code"], ended.json["details"]) == (
        409,
        "booking_ended",
        {"state": "arrived"},
    )
    gone = {"request_id": uuid7_hex(7), "became": "no_show"}
    assert client.post(f"{API}/bookings/{uuid7_hex(51)}/end", json=gone).json["state"] == "no_show"
    late = client.post(f"{API}/bookings/{uuid7_hex(51)}/arrive", json={"order_id": uuid7_hex(62)})
    assert late.json["code"] == "booking_ended"


def test_guests_whose_table_is_taken_sit_elsewhere_and_a_booking_without_a_table_asks_for_one(rig):
    client, floor = client_of(rig, CASHIER), Floor(rig)
    book(client, 1, 50, table="t2")
    book(client, 2, 51)
    floor.open(9, table="t2")
    arrive = f"{API}/bookings/{uuid7_hex(50)}/arrive"
    taken = client.post(arrive, json={"order_id": uuid7_hex(60)})
    assert taken.json["code"] == "table_taken"
    assert client.post(arrive, json={"order_id": uuid7_hex(60), "table": "t3"}).json["table"] == "t3"
    none = client.post(f"{API}/bookings/{uuid7_hex(51)}/arrive", json={"order_id": uuid7_hex(61)})
    assert none.json["code"] == "unknown_table"


def test_a_deposit_stands_with_its_booking_and_says_what_is_left(rig):
    client = client_of(rig, SUPERVISOR)
    body = {
        "deposit_id": uuid7_hex(80),
        "kind": "cash",
        "amount_fen": 20_000,
        "received_fen": 20_000,
        "label": "王女士",
        "for_day": DAY,
    }
    assert client.post(f"{API}/deposits", json=body).status_code == 201
    assert book(client, 1, 50, deposit_id=uuid7_hex(80)).json["deposit_left_fen"] == 20_000
    assert book(client, 2, 51, deposit_id=uuid7_hex(81)).status_code == 404


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"day": "2026-09-20"}, "malformed"),
        ({"day": "soon"}, "malformed"),
        ({"time": "25:00"}, "malformed"),
        ({"phone4": "13812340417"}, "malformed"),
        ({"phone4": "12a4"}, "malformed"),
        ({"name": "   "}, "bad_text"),
        ({"name": "王\x07"}, "bad_text"),
        ({"covers": 0}, "malformed"),
        ({"table": "nowhere"}, "unknown_table"),
        ({"table": "*", "covers": 50}, "no_table_free"),
    ],
)
def test_a_booking_that_cannot_be_is_refused_and_nothing_is_kept(rig, said, code):
    client = client_of(rig, CASHIER)
    assert book(client, 1, 50, **said).json["code"] == code
    assert rig.rows("SELECT count(*) FROM bookings") == [(0,)]
    assert client.post(f"{API}/bookings/nothing", json={}).status_code == 404


# Opening


def house(rig: Rig, views: list[DeviceView], pin: str = PINS[CASHIER]):
    client = create_app(Desk(rig.node, link=lambda: None, devices=lambda: views), StreamSeats(2)).test_client()
    assert client.post(f"{API}/session", json={"pin": pin, "till": "1"}).status_code == 200
    return client


def printer(state: str, cause: str = "") -> DeviceView:
    return DeviceView("counter", "printer", "counter", "tcp://127.0.0.1:9100", state, cause)  # type: ignore[arg-type]


def checks(client) -> dict[str, str]:
    return {one["id"]: one["how"] for one in client.get(f"{API}/house/opening").json["checks"]}


def test_the_list_before_opening_says_what_is_wrong_and_is_looked_through_once_a_day(rig):
    client = house(rig, [printer("error", "paper_out")])
    told = client.get(f"{API}/house/opening").json
    assert (told["needed"], told["day"]) == (True, DAY)
    assert checks(client) == {
        "paper": "wrong",
        "time": "ok",
        "float": "look",
        "first_z": "ok",
        "left_open": "ok",
        "menu": "ok",
    }
    done = client.post(f"{API}/house/opening", json={"request_id": uuid7_hex(1)})
    assert (done.status_code, done.json["needed"], done.json["checked_by"]) == (200, False, CASHIER.name)
    again = client.get(f"{API}/house/opening").json
    assert (again["needed"], again["checked_by"]) == (False, CASHIER.name)
    assert rig.rows("SELECT day, till, wrong FROM openings") == [(DAY, "1", "paper")]
    assert client.post(f"{API}/shift/open", json={"request_id": uuid7_hex(2), "float_fen": 30_000}).status_code in {
        200,
        201,
    }
    well = house(rig, [printer("ready")])
    assert (checks(well)["paper"], checks(well)["float"]) == ("ok", "ok")
    assert checks(house(rig, [printer("degraded", "near_end")]))["paper"] == "look"
    rig.clock.advance(24 * 3_600_000)
    tomorrow = client_of(rig, CASHIER)
    assert tomorrow.get(f"{API}/house/opening").json["needed"]


def test_a_shift_of_yesterday_a_wrong_clock_and_open_prices_stand_on_the_list(rig):
    dishes = (*MENU.dishes[:2], msgspec.structs.replace(MENU.dishes[2], open_price=True))
    import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=dishes))
    rig.sell(1)
    Floor(rig).open(9, table="t2")
    book(client_of(rig, CASHIER), 3, 50, day="2026-09-22")
    rig.clock.advance(24 * 3_600_000)
    watch = ClockWatch(rig.clock)
    rig.node = replace(rig.node, clock_watch=watch)
    watch.hub_said(rig.clock.now_ms() - 600_000, rig.clock.monotonic_ms())
    assert checks(client_of(rig, CASHIER)) == {
        "paper": "wrong", "time": "wrong", "float": "look", "not_closed": "look", "left_open": "look", "day_prices": "look",
        "bookings": "ok",
    }  # fmt: skip


# The manager's day


def test_a_managers_day_adds_up_and_names_who_did_what(rig):
    floor = Floor(rig)
    order_id = floor.open(9, add(2, "d101"), add(3, qty=2), table="t2")
    cashier, boss = client_of(rig, CASHIER), client_of(rig, SUPERVISOR)
    send = {"request_id": uuid7_hex(11), "steps": [{"do": "send"}]}
    assert boss.post(f"{API}/orders/{order_id}/steps", json=send).status_code == 200
    void = {"do": "void", "line_id": uuid7_hex(3), "qty": 1, "reason": "太咸"}
    assert (
        boss.post(f"{API}/orders/{order_id}/steps", json={"request_id": uuid7_hex(12), "steps": [void]}).status_code
        == 200
    )
    sale = rig.sell(20)
    sold = {
        "sale_id": uuid7_hex(21), "lines": [{"dish_id": "d101", "qty": 1}], "tenders": [{"kind": "card", "reference": "8812"}],
        "discount": {"rate_bp": 1_000, "reason": "熟客"},
    }  # fmt: skip
    assert boss.post(f"{API}/sales", json=sold).status_code in {200, 201}, boss.post(f"{API}/sales", json=sold).text
    quote = boss.post(f"{API}/refunds", json={
        "sale_id": sale.sale_id, "refund_id": uuid7_hex(30), "amount_fen": 300, "reason": "少上一份"})  # fmt: skip
    assert quote.status_code in {200, 201}, quote.text
    day = boss.get(f"{API}/house/day").json
    assert (day["day"], day["sales"], day["sales_fen"], day["refunds_fen"]) == (DAY, 2, 7_900 + 3_420, 300)
    assert day["net_fen"] == day["sales_fen"] - 300
    assert day["gross_fen"] - day["discounts_fen"] == day["sales_fen"]
    assert {one["kind"]: one["fen"] for one in day["ways"]} == {"cash": 7_900, "card": 3_420}
    assert sum(one["fen"] for one in day["hours"]) == day["sales_fen"]
    assert day["dishes"][0]["code"] == "101"
    assert [one["table_name"] for one in day["open_orders"]] == ["A2"]
    assert day["open_fen"] == 3_800 + 300
    unusual = [(one["what"], one["who"], one["amount_fen"], one["note"]) for one in day["unusual"]]
    assert unusual == [
        ("refund", SUPERVISOR.name, -300, "少上一份"), ("discount", SUPERVISOR.name, -380, "熟客"),
        ("void", SUPERVISOR.name, -300, "太咸"),
    ]  # fmt: skip
    assert {one["kind"]: one["n"] for one in day["sorts"]} == {"refund": 1, "discount": 1, "void": 1}
    assert cashier.get(f"{API}/house/day").json["code"] == "not_allowed"
    assert boss.get(f"{API}/house/day?day=2026-09-01").json["sales"] == 0
    assert boss.get(f"{API}/house/day?day=sometime").json["code"] == "malformed"


def test_no_sales_variances_and_cash_paid_out_are_told_and_what_the_node_opened_itself_is_not(rig):
    boss = client_of(rig, MANAGER)
    out = {"move_id": uuid7_hex(1), "move": "pay_out", "amount_fen": 1_200, "reason": "买菜"}
    assert boss.post(f"{API}/shift/cash", json=out).status_code == 201

    def opened(reason: str, sale_id: str = "", kind: str = operations.DRAWER_OPENED) -> None:
        body = DrawerSettled(job_id="j", drawer="box", till="1", reason=reason, sale_id=sale_id, outcome="sent")
        draft = Draft(rig.node.ids.uuid7(), 1, kind, 1, body, actor=MANAGER.cashier_id, device="box")

        def work(tx):
            for fact in journal.append(tx, rig.node.place(), rig.node.identity, [draft]):
                projections.project(tx, fact)

        rig.db.write(work)

    opened("换零钱")
    opened("sale", "s1")
    opened("payment")
    opened("换零钱", kind=operations.DRAWER_FAILED)
    count = {"request_id": uuid7_hex(5), "counted": [{"unit_fen": 100, "pieces": 3}]}
    assert boss.post(f"{API}/shift/count", json=count).status_code in {200, 201}
    close = {"request_id": uuid7_hex(6), "left_fen": 0, "reason": "找错钱"}
    closed = boss.post(f"{API}/shift/close", json=close)
    assert closed.status_code in {200, 201}, closed.text
    day = boss.get(f"{API}/house/day").json
    assert [(one["what"], one["amount_fen"], one["note"]) for one in day["unusual"]] == [
        ("variance", 1_500, "找错钱"), ("no_sale", 0, "换零钱"), ("pay_out", -1_200, "买菜"),
    ]  # fmt: skip


def test_the_page_leads_who_is_not_signed_in_to_the_till(rig):
    assert rig.client(signed_in=False).get("/house").headers["Location"] == "/till/"
    assert client_of(rig, CASHIER).get("/house").status_code == 200
