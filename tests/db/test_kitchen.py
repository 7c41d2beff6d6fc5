"""The kitchen on a real file: dockets tell differences, screens settle tickets, and a rebuild comes to the same."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge.db import kitchen as rows
from edge.db import print_jobs
from edge.domain import kitchen as rules
from edge.domain import slip_rules
from edge.domain.order_state import Line
from edge.domain.refusal import Refused
from edge.receipts import docket
from edge.receipts.receipt import Heading
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.ordering import import_menu, kitchen
from edge.services.ordering.kitchen import BringBackCommand, BumpAnswer, BumpCommand
from edge.services.ordering.order_work import ChangeStep, ChaseStep, EditStep, FireStep, SendStep, VoidStep
from edge.services.printing.spool import NodeSpool
from sync.contract.orders import SentLine
from sync.contract.trade import SoldLine, SoldPart
from sync.contract.words import Name
from tests.kit.hub_store import a_sale
from tests.kit.nodes import COUNTER, MENU, Rig, uuid7_hex
from tests.kit.shifts import refunded
from tests.kit.tables import Floor, add

WOK: dict[str, Any] = {"kind": "printer", "id": "wok", "address": "tcp://127.0.0.1:9101", "stations": ["wok"]}
HEADING = Heading("near", Name("店", "Store"), ZoneInfo("Asia/Shanghai"), "http://localhost", "")


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, WOK)) as made:
        dishes = tuple(msgspec.structs.replace(dish, station="wok") for dish in MENU.dishes)
        import_menu.bring_into_force(made.node, msgspec.structs.replace(MENU, dishes=dishes))
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def floor(rig: Rig) -> Floor:
    return Floor(rig)


def told(rig: Rig) -> list[tuple[str, list[tuple[str, int]]]]:
    """Every slip: what it tells, and its dishes."""
    with rig.db.read() as reader:
        facts = [n for (n,) in reader.execute("SELECT DISTINCT n FROM kitchen_slips ORDER BY n")]
        slips = [slip for n in facts for _, slip in rows.slips(reader, n)]
    return [(slip.what, [(item.name.zh, item.qty) for item in slip.items]) for slip in slips]


def bump(rig: Rig, request: int) -> BumpAnswer:
    [ticket, *_] = kitchen.view(rig.node).tickets
    asked = BumpCommand(
        request_id=uuid7_hex(request),
        order_id=ticket.order_id,
        station=ticket.station,
        round=ticket.round,
        line_ids=tuple(item.line_id for item in ticket.items),
    )
    done = kitchen.bump(rig.node, None, asked)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.answer, type=BumpAnswer)


def test_a_second_send_tells_the_kitchen_only_what_came_since(rig, floor):
    order_id = floor.open(1, add(2, "d102", 2), SendStep())
    first = told(rig)
    assert [what for what, _ in first] == ["send"]
    assert [qty for _, items in first for _, qty in items] == [2]
    assert floor.became(order_id, SendStep()) == ["nothing"]
    assert told(rig) == first
    floor.steps(order_id, ChangeStep(line_id=uuid7_hex(2), qty_delta=1), SendStep())
    assert told(rig)[1:] == [("added", [(first[0][1][0][0], 1)])]
    [ticket] = kitchen.view(rig.node).tickets
    assert [(item.qty, item.added) for item in ticket.items] == [(2, False), (1, True)]


def test_a_void_is_told_only_where_the_kitchen_had_the_dish_and_stays_on_the_screen(rig, floor):
    order_id = floor.open(1, add(2, "d102", 3), SendStep(), add(3, "d102"))
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(3)))
    assert len(told(rig)) == 1
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(2), qty=1, reason="wrong"))
    assert [what for what, _ in told(rig)] == ["send", "void"]
    assert told(rig)[1][1][0][1] == 1
    [ticket] = kitchen.view(rig.node).tickets
    assert [(item.qty, item.void_qty) for item in ticket.items] == [(3, 1)]
    assert [one.qty for one in kitchen.view(rig.node).to_cook] == [2]


def test_a_later_course_waits_is_fired_and_asked_after(rig, floor):
    order_id = floor.open(1, add(2, "d102", course=2), SendStep())
    [ticket] = kitchen.view(rig.node).tickets
    assert ticket.since_ms == 0
    assert kitchen.view(rig.node).to_cook == ()
    floor.steps(order_id, FireStep(), ChaseStep())
    assert [what for what, _ in told(rig)] == ["send", "fire", "chase"]
    [ticket] = kitchen.view(rig.node).tickets
    assert ticket.since_ms > 0
    assert ticket.items[0].chased_ms > 0


def test_a_ticket_is_settled_once_by_several_screens_and_comes_back(rig, floor):
    order_id = floor.open(1, add(2, "d102", 2), SendStep())
    [ticket] = kitchen.view(rig.node).tickets
    assert bump(rig, 900).lines == 1
    assert kitchen.view(rig.node).tickets == ()
    again = BumpCommand(request_id=uuid7_hex(901), order_id=order_id, station=ticket.station, round=1,
                        line_ids=(uuid7_hex(2),))  # fmt: skip
    late = kitchen.bump(rig.node, None, again)
    assert isinstance(late, Done)
    assert msgspec.json.decode(late.answer, type=BumpAnswer).lines == 0
    assert floor.order(order_id).lines[0].done_ms > 0
    kitchen.bring_back(rig.node, None, BringBackCommand(request_id=uuid7_hex(902)))
    assert [one.order_id for one in kitchen.view(rig.node).tickets] == [order_id]
    assert not kitchen.view(rig.node).can_bring_back


def test_a_screen_settles_no_more_than_it_had_shown(rig, floor):
    order_id = floor.open(1, add(2, "d102", 1), SendStep())
    [ticket] = kitchen.view(rig.node).tickets
    floor.steps(order_id, ChangeStep(line_id=uuid7_hex(2), qty_delta=1), SendStep())
    stale = BumpCommand(request_id=uuid7_hex(901), order_id=order_id, station=ticket.station, round=ticket.round,
                        line_ids=(uuid7_hex(2),))  # fmt: skip
    kitchen.bump(rig.node, None, stale)
    [left] = kitchen.view(rig.node).tickets
    assert [(item.round, item.qty) for item in left.items] == [(2, 1)]


def test_work_follows_its_guests_to_another_table_and_into_another_order(rig, floor):
    one = floor.open(1, add(2, "d102", 2), SendStep(), table="t1")
    two = floor.open(3, add(4, "d102", 1), SendStep(), table="t2")
    floor.move(one, "t3")
    [ticket] = [each for each in kitchen.view(rig.node).tickets if each.order_id == one]
    assert ticket.called == "A3"
    floor.merge(one, two)
    [ticket] = kitchen.view(rig.node).tickets
    assert (ticket.order_id, sum(item.qty for item in ticket.items)) == (two, 3)
    assert [what for what, _ in told(rig)] == ["send", "send", "move", "move"]


def test_an_allergy_that_is_said_late_reaches_the_stove(rig, floor):
    order_id = floor.open(1, add(2, "d102"), SendStep())
    floor.steps(order_id, EditStep(note="window"))
    assert len(told(rig)) == 1
    floor.steps(order_id, EditStep(allergies="peanut"))
    assert told(rig)[-1][0] == "allergy"
    assert kitchen.view(rig.node).tickets[0].allergies == "peanut"


def test_a_set_menu_goes_to_the_stations_of_its_parts_and_a_repeat_is_marked(rig, floor):
    part: dict[str, Any] = {"code": "1", "price_fen": 0}
    line = Line(line_id="a", dish_id="s", code="9", name=Name("套餐", "Set"), qty=2, unit_fen=1, station="pass",
                parts=(SoldPart(dish_id="x", name=Name("鱼", "Fish"), qty=1, station="wok", **part),
                       SoldPart(dish_id="y", name=Name("饼", "Bun"), qty=2, **part)))  # fmt: skip
    made = rules.items_of(line, SentLine(line_id="a", qty=2, fired=True), 1, 5)
    assert [(station, item.name.zh, item.qty) for station, item in made] == [("wok", "鱼", 2), ("pass", "饼", 4)]
    slip = rules.Slip(what="void", called="A3", order_id="f" * 32, round=1, items=(made[0][1],))
    first, again = (docket.of_order(slip, "wok", HEADING, copy) for copy in (0, 1))
    assert "补打" not in str(first)
    assert "补打" in str(again.elements[0])
    assert "退 2 × 鱼" in str(first)


def test_each_send_is_queued_at_the_printer_of_its_station_as_a_slip_of_its_own_and_only_a_repeat_is_marked(rig, floor):
    order_id = floor.open(1, add(2, "d102", 2), SendStep(), label="Li")
    floor.steps(order_id, add(3, "d102"), SendStep())
    with rig.db.read() as reader:
        jobs = [job for job in print_jobs.open_jobs(reader, 10) if job.document == slip_rules.DOCKET]
        copies = [print_jobs.next_copy(reader, job.subject, job.document, job.station) for job in jobs]
    assert [(job.station, job.printer, job.label, job.copy) for job in jobs] == [("wok", "wok", "A1 Li", 0)] * 2
    assert copies == [1, 1]
    assert all(job.subject.startswith(order_id) for job in jobs)
    first, second = (str(NodeSpool(rig.node, "wok").document(job)) for job in jobs)
    assert "2 × 米饭" in first
    assert "加菜" not in first
    assert "1 × 米饭" in second
    assert "加菜" in second


def test_a_screen_reads_and_settles_without_anybody_signed_in_but_no_foreign_page_does(rig, floor):
    floor.open(1, add(2, "d102", 2), SendStep())
    client = rig.client(signed_in=False)
    [ticket] = client.get("/api/v1/kitchen?station=wok").get_json()["tickets"]
    assert client.get("/api/v1/kitchen?station=bar").get_json()["tickets"] == []
    asked = {
        "request_id": uuid7_hex(900), "order_id": ticket["order_id"], "station": "wok", "round": ticket["round"],
        "line_ids": [ticket["items"][0]["line_id"]],
    }  # fmt: skip
    assert client.post("/api/v1/kitchen/bump", json=asked, headers={"Origin": "http://evil.test"}).status_code == 403
    for _ in range(2):
        assert client.post("/api/v1/kitchen/bump", json=asked).get_json()["lines"] == 1
    assert client.get("/api/v1/kitchen").get_json()["tickets"] == []
    assert b"kitchen/main.js" in client.get("/kitchen?station=wok").data
    assert client.get("/kitchen?station=" + "x" * 65).status_code == 400


def test_live_events_tell_a_ticket_when_it_comes(rig, floor):
    answer = rig.client(signed_in=False).get("/api/v1/kitchen/events?station=wok", buffered=False)
    events = iter(answer.response)
    assert next(events).startswith(b"retry")
    assert b'"tickets":[]' in next(events)
    floor.open(1, add(2, "d102", 2), SendStep())
    assert "米饭".encode() in next(events)
    answer.close()


def test_pieces_that_go_to_another_order_are_cooked_once_and_voided_where_they_are(rig, floor):
    one = floor.open(1, add(2, "d102", 3), SendStep())
    floor.split(one, 50, (2, 2, 60), table="t4")
    held = {ticket.order_id: [item.qty for item in ticket.items] for ticket in kitchen.view(rig.node).tickets}
    assert held == {one: [1], uuid7_hex(50): [2]}
    floor.steps(uuid7_hex(50), VoidStep(line_id=uuid7_hex(60), qty=1, reason="x"))
    assert sum(dish.qty for dish in kitchen.view(rig.node).to_cook) == 2
    assert [what for what, _ in told(rig)] == ["send", "move", "void"]


def test_a_sale_over_the_counter_stands_on_the_kitchens_screen_until_it_is_done_and_can_come_back(rig):
    sold = rig.sell(1)
    [ticket] = kitchen.view(rig.node).tickets
    assert (ticket.order_id, ticket.called, ticket.service, ticket.station) == (
        sold.sale_id,
        sold.receipt_no,
        "counter",
        "wok",
    )
    assert [(item.name.zh, item.qty) for item in ticket.items] == [("宫保鸡丁", 2), ("米饭", 1)]
    assert bump(rig, 60).lines == 2
    assert kitchen.view(rig.node).tickets == ()
    done = kitchen.bring_back(rig.node, None, BringBackCommand(request_id=uuid7_hex(61)))
    assert isinstance(done, Done)
    assert [one.called for one in kitchen.view(rig.node).tickets] == [sold.receipt_no]
    assert rig.rows("SELECT count(*) FROM print_jobs WHERE document = 'docket'") == [(1,)], (
        "the sale's docket, and no other"
    )


def test_a_counter_sale_that_went_back_whole_is_cooked_no_more(rig):
    sold = rig.sell(1)
    assert not isinstance(refunded(rig, 11, 1, whole=True), Refused)
    view = kitchen.view(rig.node)
    assert view.to_cook == ()
    assert [(item.qty, item.void_qty) for item in view.tickets[0].items] == [(2, 2), (1, 1)], "struck, and seen to be"
    assert (view.tickets[0].order_id, bump(rig, 60).lines) == (sold.sale_id, 2)
    assert kitchen.view(rig.node).tickets == ()


def test_a_counter_sale_of_which_a_part_went_back_is_cooked_as_before(rig):
    rig.sell(1)
    assert not isinstance(refunded(rig, 11, 1, amount_fen=100), Refused)
    assert sum(dish.qty for dish in kitchen.view(rig.node).to_cook) == 3


def test_a_set_menu_over_the_counter_goes_to_the_stations_of_its_parts_on_screen_and_paper(rig):
    part = SoldPart(dish_id="d102", code="102", name=Name("凉菜", "Cold dish"), qty=1, price_fen=0, station="cold")
    line = SoldLine(
        dish_id="d101", code="101", name=Name("套餐", "Set"), qty=2, unit_fen=100, amount_fen=200, parts=(part,)
    )
    [dish] = rules.cooked((line,), msgspec.structs.replace(MENU, dishes=()), "receipt")
    assert (dish.station, dish.qty, dish.name.en, dish.of) == ("cold", 2, "Cold dish", Name("套餐", "Set"))
    shown = repr(docket.docket(a_sale(uuid7_hex(1), 1), "cold", [dish], HEADING, 0, 0).elements)
    assert "2 × 凉菜" in shown
    assert "套餐" in shown
