"""Orders of takeaway platforms on a real file: accepted, cooked, cancelled, counted in the Z, and the platform told of it all."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.db import kitchen as kitchen_rows
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.intake import orders, views
from edge.services.intake.orders import AcceptCommand, CancelCommand, IntakeAnswer, ReadyCommand
from edge.services.money import refunds
from edge.services.money.refunds import RefundCommand
from edge.services.ordering import import_menu, stock
from edge.services.ordering.stock import StockCommand
from edge.services.printing import slip_papers
from edge.services.printing.spool import NodeSpool
from edge.services.shifts import shift_figures
from edge.settings import IntakeSettings, PlatformSettings, mistakes
from edge.wiring import intake as wiring
from sync.contract import kinds
from sync.contract.house import Rules, TaxRule
from sync.contract.trade import SalePaid
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, COUNTER, MENU, Rig, name, uuid7_hex
from tests.kit.platforms import CHICKEN, MILK, RICE, PlatformRig
from tests.kit.tables import CASHIER_1, refused
from tests.kit.waiting import until

WOK: dict[str, Any] = {"kind": "printer", "id": "wok", "address": "tcp://127.0.0.1:9101", "stations": ["wok"]}
DRAWER: dict[str, Any] = {"kind": "drawer", "id": "drawer", "printer": "counter"}


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, WOK, DRAWER)) as made:
        dishes = tuple(msgspec.structs.replace(dish, station="wok") for dish in MENU.dishes)
        import_menu.bring_into_force(made.node, msgspec.structs.replace(MENU, dishes=dishes))
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def platform(rig: Rig) -> PlatformRig:
    return PlatformRig(rig)


@pytest.fixture
def by_hand(rig: Rig) -> PlatformRig:
    return PlatformRig(rig, auto=False)


def sales(rig: Rig) -> list[SalePaid]:
    found = [kinds.read(fact) for fact in facts(rig)]
    return [body for body in found if isinstance(body, SalePaid)]


def facts(rig: Rig) -> list[Any]:
    from sync.contract import facts as reading  # noqa: PLC0415

    return [reading.decode(raw) for (raw,) in rig.rows("SELECT raw FROM facts ORDER BY n")]


def accept(at: PlatformRig, number: str, request: int, who: Any = AT_TILL_1) -> IntakeAnswer | Refused:
    return answer(orders.accept(at.node, who, at.order(number).order_id, AcceptCommand(request_id=uuid7_hex(request))))


def cancel(at: PlatformRig, number: str, request: int, who: Any = AT_TILL_1, **more: Any) -> IntakeAnswer | Refused:
    asked = CancelCommand(request_id=uuid7_hex(request), reason="太忙", **more)
    return answer(orders.cancel(at.node, who, at.order(number).order_id, asked))


def answer(done: Done | Refused) -> IntakeAnswer | Refused:
    return done if isinstance(done, Refused) else msgspec.json.decode(done.answer, type=IntakeAnswer)


def test_an_order_comes_in_is_accepted_cooked_and_counted_by_itself(rig: Rig, platform: PlatformRig):
    number = platform.place(packing_fen=100, discount_fen=300, note="不要香菜")
    platform.look()
    order = platform.order(number)
    assert (order.state, platform.state_there(number)) == ("accepted", "accepted")
    [sale] = sales(rig)
    assert (sale.total_fen, sale.platform, sale.platform_no, sale.service) == (4_800, "美团", number, "delivery")
    assert [(one.kind, one.amount_fen, one.reference) for one in sale.tenders] == [("platform", 4_800, number)]
    assert {one.kind: one.amount_fen for one in sale.adjustments} == {"discount": -300, "packing": 100}
    assert [(line.dish_id, line.qty, line.unit_fen, line.list_fen) for line in sale.lines] == [(RICE, 2, 400, 300), (CHICKEN, 1, 4_200, 3_800)]  # fmt: skip
    # Receipt and docket are queued, the drawer stays shut.
    assert sorted(rig.rows("SELECT document, printer FROM print_jobs")) == [("docket", "wok"), ("receipt", "counter")]
    assert rig.rows("SELECT count(*) FROM drawer_jobs") == [(0,)]
    job = NodeSpool(rig.node, "counter").next_job()
    assert job is not None
    text = str(slip_papers.document(platform.node, job, NodeSpool(rig.node, "counter").document.__defaults__[0]))  # type: ignore[index]
    assert number in text
    x = shift_figures.read_x(rig.node, AT_TILL_1)
    assert not isinstance(x, Refused)
    assert (x.totals.platform_sales, x.totals.platform_fen, x.expected_fen) == (1, 4_800, 0)
    assert [(one.kind, one.taken_fen) for one in x.totals.tenders] == [("platform", 4_800)]
    platform.look()
    assert len(sales(rig)) == 1


def test_by_hand_it_waits_until_somebody_accepts_it_and_counts_at_their_till(rig: Rig, by_hand: PlatformRig):
    number = by_hand.place()
    by_hand.look()
    by_hand.look()
    assert (by_hand.order(number).state, sales(rig)) == ("waiting", [])
    first = accept(by_hand, number, 1, AT_TILL_2)
    assert isinstance(first, IntakeAnswer)
    # A repeat, another till, and the worker all find it accepted; it is one sale.
    assert accept(by_hand, number, 1, AT_TILL_2) == first
    assert accept(by_hand, number, 2) == first
    [sale] = sales(rig)
    assert (sale.till, sale.sale_id) == ("2", first.sale_id)
    ready = orders.ready(by_hand.node, AT_TILL_1, first.order_id, ReadyCommand(request_id=uuid7_hex(3)))
    assert isinstance(ready, Done)
    by_hand.look()
    assert (by_hand.order(number).state, by_hand.state_there(number)) == ("ready", "ready")


def test_taxes_and_service_of_the_house_change_nothing_of_what_was_agreed(rig: Rig, platform: PlatformRig):
    tax = TaxRule(id="vat", name=name("VAT"), rate_bp=600, included=False)
    rules = Rules(cover_fen=200, service_bp=1_000, packing_fen=999, taxes=(tax,), line_tax="vat", charge_tax="vat")
    rig.settings = msgspec.structs.replace(rig.settings, house=rules)
    rig.restart()
    platform.again()
    platform.place(packing_fen=50)
    platform.look()
    [sale] = sales(rig)
    assert sale.total_fen == 5_050
    assert [one.included for one in sale.taxes] == [True]


def test_without_the_platform_nothing_is_accepted_and_what_was_accepted_goes_on(rig: Rig, by_hand: PlatformRig):
    first, second = by_hand.place(), by_hand.place()
    by_hand.look()
    assert isinstance(accept(by_hand, first, 1), IntakeAnswer)
    by_hand.faults(away=True)
    assert refused(accept(by_hand, second, 2), "platform_away") == {"platform": "美团"}
    assert len(sales(rig)) == 1
    # What is written here holds, and is told when the line is back, also after a restart.
    assert isinstance(cancel(by_hand, first, 3), IntakeAnswer)
    by_hand.look()
    assert by_hand.state_there(first) == "accepted"
    rig.restart()
    by_hand.again()
    by_hand.faults()
    by_hand.look()
    assert by_hand.state_there(first) == "cancelled"
    assert by_hand.fake.seen().owed_fen == 0
    view = views.read(by_hand.node)
    assert [one.away for one in view.platforms] == [False]


def test_a_lost_answer_makes_no_second_sale_and_loses_none(rig: Rig, by_hand: PlatformRig):
    number = by_hand.place()
    by_hand.look()
    by_hand.faults(lose_answers=1)
    refused(accept(by_hand, number, 1), "platform_away")
    assert (by_hand.state_there(number), sales(rig)) == ("accepted", [])
    assert isinstance(accept(by_hand, number, 1), IntakeAnswer)
    assert len(sales(rig)) == 1
    # News that are read again, as after a copy was brought back, change nothing.
    rig.db.write(lambda tx: tx.execute("DELETE FROM platform_marks"))
    by_hand.look()
    assert len(rig.rows("SELECT * FROM platform_orders")) == 1


def test_the_guest_calls_it_off_before_and_after_it_was_accepted(rig: Rig, by_hand: PlatformRig):
    early, late, gone = by_hand.place(), by_hand.place(), by_hand.place()
    by_hand.look()
    assert isinstance(accept(by_hand, late, 1), IntakeAnswer)
    assert by_hand.fake.guest_cancels(early, "等太久")
    assert by_hand.fake.guest_cancels(late, "等太久")
    by_hand.look()
    assert [by_hand.order(one).state for one in (early, late)] == ["cancelled", "cancelled"]
    assert by_hand.order(early).refund_id == ""
    # Its sale went back to the platform, and the kitchen has a void docket.
    [(amount, kind)] = rig.rows("SELECT amount_fen, kind FROM refund_tenders")
    assert (amount, kind) == (5_000, "platform")
    with rig.db.read() as reader:
        numbers = [n for (n,) in reader.execute("SELECT DISTINCT n FROM kitchen_slips ORDER BY n")]
        assert [slip.what for n in numbers for _, slip in kitchen_rows.slips(reader, n)] == ["send", "void"]
    assert rig.rows("SELECT count(*) FROM print_jobs WHERE document = 'docket'") == [(2,)]
    x = shift_figures.read_x(rig.node, AT_TILL_1)
    assert not isinstance(x, Refused)
    assert (x.totals.net_fen, x.expected_fen) == (0, 0)
    # One that is called off between the list and the press is refused, and is off here as well.
    assert by_hand.fake.guest_cancels(gone)
    refused(accept(by_hand, gone, 2), "platform_order_off")
    assert by_hand.order(gone).state == "cancelled"
    by_hand.look()
    assert len(rig.rows("SELECT * FROM refunds")) == 1


def test_the_store_declines_or_cancels_with_a_reason_and_the_right_word(rig: Rig, by_hand: PlatformRig):
    declined, cooked = by_hand.place(), by_hand.place()
    by_hand.look()
    refused(answer(orders.cancel(by_hand.node, AT_TILL_1, by_hand.order(declined).order_id, CancelCommand(request_id=uuid7_hex(9), reason=" "))), "bad_text")  # fmt: skip
    assert isinstance(cancel(by_hand, declined, 1, CASHIER_1), IntakeAnswer)
    assert isinstance(accept(by_hand, cooked, 2), IntakeAnswer)
    # A cashier may not give a sale back alone; a manager may.
    assert refused(cancel(by_hand, cooked, 3, CASHIER_1), "needs_approval")["action"] == "refund"
    done = cancel(by_hand, cooked, 4)
    assert isinstance(done, IntakeAnswer)
    assert done.refund_id == uuid7_hex(4)
    by_hand.look()
    assert [by_hand.state_there(one) for one in (declined, cooked)] == ["declined", "cancelled"]
    by_hand.faults(refuse=True)
    third = by_hand.place()
    by_hand.look()
    assert isinstance(cancel(by_hand, third, 5), IntakeAnswer)
    by_hand.look()
    assert [one.objection for one in views.read(by_hand.node).past if one.platform_no == third] == ["closed"]


def test_a_sale_that_was_refunded_by_hand_is_not_paid_back_twice(rig: Rig, by_hand: PlatformRig):
    number = by_hand.place()
    by_hand.look()
    assert isinstance(accept(by_hand, number, 1), IntakeAnswer)
    [sale] = sales(rig)
    asked = {"refund_id": uuid7_hex(2), "sale_id": sale.sale_id, "reason": "少送", "lines": ({"line": 0, "qty": 1},)}
    assert isinstance(refunds.give_back(rig.node, AT_TILL_1, msgspec.convert(asked, RefundCommand)), Done)
    assert by_hand.fake.guest_cancels(number)
    by_hand.look()
    assert rig.rows("SELECT sum(amount_fen) FROM refunds") == [(5_000,)]
    owed = views.owed(by_hand.node, by_hand.order(number).day)
    assert [(one.orders, one.taken_fen, one.cancelled, one.owed_fen) for one in owed.platforms] == [(1, 5_000, 1, 0)]
    # Without a day the page means the business day of now, by the store's clock.
    manager = rig.client()
    told = manager.get("/api/v1/platforms/owed")
    assert msgspec.json.decode(told.data, type=type(owed)) == owed
    assert manager.get("/api/v1/platforms/owed?day=").status_code == 400


def test_sold_out_reaches_the_platform_and_comes_back(rig: Rig, platform: PlatformRig):
    def left(request: int, dish: str, pieces: int) -> None:
        asked = StockCommand(request_id=uuid7_hex(request), left=pieces)
        assert isinstance(stock.set_left(platform.node, AT_TILL_1, dish, asked), Done)

    left(1, RICE, 3)
    platform.place((RICE, 3, 400))
    platform.look()
    # The last three went with the order itself.
    assert platform.fake.seen().sold_out == (RICE,)
    assert platform.place((RICE, 1, 400)) == ""
    left(2, RICE, 5)
    platform.look()
    assert platform.fake.seen().sold_out == ()
    left(3, MILK, 0)
    platform.faults(away=True)
    platform.look()
    assert platform.fake.seen().sold_out == ()
    crossed = platform.place((MILK, 1, 700))
    platform.faults()
    platform.look()
    # Ordered before the platform heard of it: it waits for a person, who sees why.
    assert platform.order(crossed).state == "waiting"
    [waiting] = views.read(platform.node).orders[-1:]
    assert (waiting.why, waiting.why_dish) == ("sold_out", MILK)
    assert platform.fake.seen().sold_out == (MILK,)


def test_what_cannot_be_a_bill_or_is_no_dish_of_ours_waits_for_a_person(rig: Rig, platform: PlatformRig):
    stranger = platform.place(("nobody", 1, 400))
    platform.look()
    assert platform.order(stranger).state == "waiting"
    assert refused(accept(platform, stranger, 1), "unknown_dish")["dish_id"] == "nobody"
    assert (sales(rig), platform.state_there(stranger)) == ([], "new")
    assert platform.fake.guest_cancels(stranger)
    platform.look()


def test_a_node_that_was_built_again_from_its_facts_tells_once_more_and_sells_once(rig: Rig, platform: PlatformRig):
    number = platform.place()
    platform.look()
    rig.db.write(lambda tx: [tx.execute(f"DELETE FROM {table}") for table in ("platform_marks", "platform_stock")])
    rig.db.write(lambda tx: tx.execute("UPDATE platform_tells SET state = 'waiting'"))
    rig.restart()
    platform.again()
    platform.look()
    assert len(sales(rig)) == 1
    assert platform.state_there(number) == "accepted"
    assert rig.rows("SELECT state FROM platform_tells") == [("done",)]


def test_the_shipped_platform_is_served_beside_the_node_and_its_worker_goes_on_after_a_restart(
    rig: Rig, tmp_path: Path
):
    one = PlatformSettings(id="mt", till="2")
    rig.settings = msgspec.structs.replace(
        rig.settings, intake=IntakeSettings(platforms=(one,), every_s=1), twins_dir=str(tmp_path / "twins")
    )
    rig.restart()
    wish = {"items": [{"dish_id": RICE, "unit_fen": 400}]}
    for life in (1, 2):
        node, stops = replace(rig.node, intake=wiring.desk_of(rig.settings)), list[Callable[[], None]]()
        wiring.start(node, stops)
        url = (tmp_path / "twins" / "platform-mt.url").read_text(encoding="ascii").strip()
        request = urllib.request.Request(
            f"{url}/guest/orders", json.dumps(wish).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as reply:
            assert reply.status == 201
        node.intake.bell.set()
        until(lambda n=life: rig.rows("SELECT count(*) FROM sales") == [(n,)])  # type: ignore[misc]
        for stop in reversed(stops):
            stop()
        assert not (tmp_path / "twins" / "platform-mt.url").exists()
    assert [sale.till for sale in sales(rig)] == ["2", "2"]


@pytest.mark.parametrize(("wrong", "field"), [
    ((PlatformSettings(id="mt"), PlatformSettings(id="mt")), "each id once"),
    ((PlatformSettings(id="mt", till="9"),), "till 9"),
    ((PlatformSettings(id="mt", url="http://platform.example"),), "https://"),
    ((PlatformSettings(id="mt", url="file:///etc/passwd"),), "https://"),
])  # fmt: skip
def test_wrong_settings_of_a_platform_are_named(rig: Rig, wrong: tuple[PlatformSettings, ...], field: str):
    found = mistakes(msgspec.structs.replace(rig.settings, intake=IntakeSettings(platforms=wrong)))
    assert len(found) == 1
    assert field in found[0]
