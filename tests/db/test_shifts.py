"""A till's shift from float to Z: blind, gapless, offline, with its late sales, its open orders and a report that can be had again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.document import Columns, Text
from drivers.printer.profiles import PROFILES
from edge.db import journal, print_jobs, restaurant_schema
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.devices import drawer
from edge.services.ordering import orders
from edge.services.ordering.orders import OpenOrderCommand
from edge.services.printing import slip_papers
from edge.services.shifts import shift_figures, shifts
from edge.services.shifts.shift_figures import ZAnswer
from edge.services.shifts.shifts import CountCommand, CountResult, HandedOver, HandOverCommand, PrintCommand, Printed
from sync.contract.shifts import Counted
from sync.node.database import Tx
from tests.kit.nodes import AT_TILL_2, COUNTER, BreakingStorage, PowerCut, Rig, uuid7_hex
from tests.kit.people import API, CASHIER, MANAGER, SUPERVISOR, at, client_of, staffed
from tests.kit.shifts import cash, closed, counted, opened, refunded, told
from tests.kit.tables import Floor

DRAWER = {"kind": "drawer", "id": "drawer", "printer": "counter"}


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, DRAWER)) as made:
        staffed(made)
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def x_of(rig: Rig, who: Any = None) -> shift_figures.XReport:
    found = shift_figures.read_x(rig.node, who or at(MANAGER))
    assert not isinstance(found, Refused)
    return found


def shut(rig: Rig, number: int, amount_fen: int, **said: Any) -> ZAnswer:
    assert isinstance(counted(rig, number, amount_fen), CountResult)
    found = closed(rig, number + 1, **said)
    assert isinstance(found, ZAnswer), found
    return found


def test_the_worked_evening_from_float_to_z(rig):
    opened(rig, 10, 30_000)
    rig.sell(1)
    rig.sell(2)
    assert not isinstance(refunded(rig, 20, 1, at(MANAGER), lines=[{"line": 1, "qty": 1}]), Refused)
    assert isinstance(cash(rig, 30, "pay_out", 1_200), Done)
    assert isinstance(cash(rig, 31, "pay_in", 500), Done)
    assert isinstance(cash(rig, 32, "drop", 20_000), Done)
    expected = 30_000 + 2 * 7_900 - 300 - 1_200 + 500 - 20_000
    report = x_of(rig)
    assert (report.float_fen, report.expected_fen) == (30_000, expected)
    assert (report.totals.sales, report.totals.sales_fen, report.totals.refunds_fen, report.totals.net_fen) == (
        2, 15_800, 300, 15_500)  # fmt: skip
    assert [(one.what, one.amount_fen) for one in report.moves] == [
        ("opened", 30_000), ("pay_out", 1_200), ("pay_in", 500), ("drop", 20_000)]  # fmt: skip
    found = counted(rig, 40, expected)
    assert isinstance(found, CountResult)
    assert (found.expected_fen, found.variance_fen, found.needs_reason) == (expected, 0, False)
    with rig.db.read() as reader:
        head = journal.heads(reader, 1)[0]
    answer = closed(rig, 41, left_fen=20_000)
    assert isinstance(answer, ZAnswer)
    z = answer.report
    assert (z.z, z.variance_fen, z.grand_total_fen, z.days) == (1, 0, 15_800, ("2026-09-21",))
    assert (z.chain, z.chain_seq) == (head.head_chain.hex(), head.head_seq)
    assert (z.totals.first_no, z.totals.last_no) == ("1-1-000001", "1-1-000002")
    state = shift_figures.state(rig.node, at(CASHIER))
    assert (state.opened, state.suggested_float_fen, state.last_z, state.counted) == (False, 20_000, 1, False)
    fresh = x_of(rig)
    assert (fresh.totals.sales, fresh.float_fen, fresh.expected_fen) == (0, 0, 0)
    assert rig.rows("SELECT reason FROM drawer_jobs WHERE sale_id = '' ORDER BY reason") == [
        ("drop",),
        ("pay_in",),
        ("pay_out",),
    ]


def test_numbers_of_z_are_gapless_per_till_and_the_grand_total_never_falls(rig):
    rig.sell(1)
    rig.sell(2, AT_TILL_2)
    first = shut(rig, 10, 7_900)
    assert not isinstance(refunded(rig, 20, 1, at(MANAGER), whole=True), Refused)
    second = shut(rig, 30, 0, reason="昨天的退款")
    assert (second.report.z, second.report.grand_total_fen) == (2, first.report.grand_total_fen) == (2, 7_900)
    assert second.report.totals.net_fen == -7_900
    rig.sell(3)
    third = shut(rig, 40, 7_900)
    assert (third.report.z, third.report.grand_total_fen) == (3, 15_800)
    found = shift_figures.list_z(rig.node, at(MANAGER), "1", 0, 10)
    assert not isinstance(found, Refused)
    assert [one.z for one in found] == [3, 2, 1]
    assert shift_figures.list_z(rig.node, at(MANAGER), "2", 0, 10) == []


def test_the_count_is_blind_stands_and_asks_for_a_reason_only_afterwards(rig):
    rig.sell(1)
    who = at(CASHIER)
    assert shift_figures.read_x(rig.node, who) == Refused("not_allowed", {"action": "read_x"})
    blind = msgspec.json.encode(shift_figures.state(rig.node, who)).decode()
    assert "7900" not in blind
    found = counted(rig, 10, 7_000, who)
    assert isinstance(found, CountResult)
    assert (found.variance_fen, found.needs_reason) == (-900, True)
    again = counted(rig, 11, 7_900, who)
    assert again == Refused("counted_already")
    refused = closed(rig, 12, who)
    assert refused == Refused("reason_needed", {"variance_fen": -900})
    answer = closed(rig, 13, who, reason="少收一位")
    assert isinstance(answer, ZAnswer)
    assert (answer.report.variance_fen, answer.report.reason, answer.closed_by) == (
        -900,
        "少收一位",
        CASHIER.cashier_id,
    )


def test_a_small_difference_needs_no_reason_and_a_supervisor_may_count_again(rig):
    rig.sell(1)
    assert isinstance(counted(rig, 10, 7_000, at(CASHIER)), CountResult)
    again = counted(rig, 11, 7_400, at(SUPERVISOR))
    assert isinstance(again, CountResult)
    assert (again.variance_fen, again.needs_reason) == (-500, False)
    answer = closed(rig, 12)
    assert isinstance(answer, ZAnswer)
    assert answer.report.counted_fen == 7_400


def test_after_anything_new_at_the_till_the_drawer_is_counted_again(rig):
    rig.sell(1)
    assert closed(rig, 9) == Refused("count_first")
    assert isinstance(counted(rig, 10, 7_900, at(CASHIER)), CountResult)
    rig.sell(2, AT_TILL_2)
    rig.sell(3)
    assert closed(rig, 11) == Refused("count_first")
    assert isinstance(counted(rig, 12, 15_800, at(CASHIER)), CountResult)
    assert isinstance(closed(rig, 13), ZAnswer)


@pytest.mark.parametrize(
    "wrong", [(Counted(unit_fen=100, pieces=1), Counted(unit_fen=100, pieces=2)), (Counted(unit_fen=0, pieces=1),),
              (Counted(unit_fen=100, pieces=-1),), (Counted(unit_fen=100, pieces=100_001),)]
)  # fmt: skip
def test_a_count_that_cannot_be_is_refused(rig, wrong):
    before = rig.tables()
    found = shifts.count_drawer(rig.node, at(MANAGER), CountCommand(request_id=uuid7_hex(10), counted=wrong))
    assert isinstance(found, Refused)
    assert found.code == "bad_count"
    assert rig.tables() == before


def test_open_orders_are_shown_at_the_z_counted_and_go_on_in_the_next_shift(rig):
    asked = msgspec.convert({"order_id": uuid7_hex(700), "service": "takeaway", "label": "王女士"}, OpenOrderCommand)
    assert isinstance(orders.open_order(rig.node, at(MANAGER), asked), Done)
    assert isinstance(counted(rig, 10, 0), CountResult)
    refused = closed(rig, 11)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details["count"]) == ("open_orders", 1)
    assert "王女士" in str(refused.details["orders"])
    answer = closed(rig, 12, open_orders_stay=True)
    assert isinstance(answer, ZAnswer)
    assert answer.report.open_orders == 1
    Floor(rig, at(MANAGER)).open(701, table="t3")
    with rig.db.read() as reader:
        named = [(one["table"], one["table_name"]) for one in shift_figures.open_orders(reader)]
    assert named == [("", ""), ("t3", "A3")], "people know a table by its name"
    Floor(rig, at(MANAGER)).cancel(uuid7_hex(701))
    assert shift_figures.state(rig.node, at(MANAGER)).open_orders == 1


def test_a_late_sale_is_in_the_next_shift_and_on_its_own_business_day(rig):
    rig.sell(1)
    shut(rig, 10, 7_900)
    # Half past three in the night belongs to the evening before, a quarter past four to the new day.
    rig.clock.advance(5 * 3_600_000 + 17 * 60_000)
    rig.sell(2)
    rig.clock.advance(45 * 60_000)
    rig.sell(3)
    late = shut(rig, 20, 15_800)
    assert late.report.days == ("2026-09-21", "2026-09-22")
    assert rig.rows("SELECT day, sales FROM day_totals ORDER BY day") == [("2026-09-21", 2), ("2026-09-22", 1)]


def test_a_clock_that_jumps_back_changes_no_shift(rig):
    rig.sell(1)
    rig.clock.step_wall(-40 * 365 * 86_400_000)
    rig.sell(2)
    answer = shut(rig, 10, 15_800)
    assert (answer.report.totals.sales, answer.report.z) == (2, 1)
    rig.sell(3)
    assert shut(rig, 20, 7_900).report.z == 2


def test_the_float_said_again_replaces_what_was_said_and_a_till_nobody_opened_has_none(rig):
    assert not shift_figures.state(rig.node, at(CASHIER)).opened
    assert x_of(rig).expected_fen == 0
    opened(rig, 10, 10_000)
    opened(rig, 11, 12_000)
    assert (x_of(rig).expected_fen, shift_figures.state(rig.node, at(CASHIER)).float_fen) == (12_000, 12_000)


def test_cash_in_and_out_asks_a_second_person_for_a_cashier_and_is_done_once(rig):
    found = cash(rig, 10, "pay_out", 900, at(CASHIER))
    assert found == Refused(
        "needs_approval", {"action": "move_cash", "target": uuid7_hex(10), "amount_fen": 900, "rate_bp": 0}
    )
    first, again = cash(rig, 11, "pay_in", 900), cash(rig, 11, "pay_in", 900)
    assert isinstance(first, Done)
    assert again == Done(first.answer, repeated=True)
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))
    assert cash(rig, 11, "pay_in", 900) == first
    assert x_of(rig).expected_fen == 900
    assert rig.rows("SELECT count(*) FROM drawer_jobs") == [(1,)]


def test_somebody_else_goes_on_without_a_z_and_is_told_nothing_of_the_drawer(rig):
    rig.sell(1)
    to = SUPERVISOR.cashier_id
    done = shifts.hand_over(
        rig.node,
        at(CASHIER),
        HandOverCommand(request_id=uuid7_hex(10), to_person=to, counted=(Counted(unit_fen=100, pieces=70),)),
    )
    answer = told(done, HandedOver)
    assert (answer.to_person, answer.to_name, answer.counted_fen) == (to, SUPERVISOR.name, 7_000)
    assert x_of(rig).totals.sales == 1
    for nobody in ("p-nobody", CASHIER.cashier_id):
        asked = HandOverCommand(request_id=uuid7_hex(11), to_person=nobody)
        assert shifts.hand_over(rig.node, at(CASHIER), asked) == Refused("no_such_person")


def papers(rig: Rig, document: str) -> list[tuple[list[tuple[str, str]], list[str]]]:
    with rig.db.read() as reader:
        jobs = [job for job in print_jobs.open_jobs(reader, 100) if job.document == document]
    made = [slip_papers.document(rig.node, job, next(iter(PROFILES.values()))) for job in jobs]
    return [
        ([(one.left, one.right) for one in paper.elements if isinstance(one, Columns)],
         [one.text for one in paper.elements if isinstance(one, Text)])
        for paper in made
    ]  # fmt: skip


def test_the_z_is_printed_with_chain_and_grand_total_and_again_as_a_marked_copy(rig):
    rig.sell(1)
    answer = shut(rig, 10, 7_900)
    asked = PrintCommand(request_id=uuid7_hex(20))
    printed = told(shifts.reprint_z(rig.node, at(MANAGER), asked, ("1", 1, 1)), Printed)
    assert printed.copy == 1
    assert shifts.reprint_z(rig.node, at(MANAGER), asked, ("1", 1, 2)) == Refused("request_id_reused")
    assert shifts.reprint_z(rig.node, at(CASHIER), PrintCommand(request_id=uuid7_hex(21)), ("1", 1, 1)) == Refused(
        "not_allowed", {"action": "read_x"})  # fmt: skip
    (columns, texts), (copy_columns, copy_texts) = papers(rig, "z")
    assert ("累计总额", "79.00") in columns
    assert f"账链 {answer.report.chain_seq} {answer.report.chain[:12]}" in texts
    assert ("  50.00 × 1", "50.00") in columns
    assert copy_columns == columns
    assert copy_texts[0] == "补打 REPRINT 1"
    assert "补打 REPRINT 1" not in texts


def test_an_x_on_paper_is_of_its_own_moment_and_resets_nothing(rig):
    rig.sell(1)
    asked = PrintCommand(request_id=uuid7_hex(10))
    assert told(shifts.print_x(rig.node, at(SUPERVISOR), asked), Printed).job_id == uuid7_hex(10)
    rig.sell(2)
    [(columns, _)] = papers(rig, "x")
    assert ("应有", "79.00") in columns
    assert x_of(rig).expected_fen == 15_800
    shut(rig, 20, 15_800)
    assert papers(rig, "x")[0][0] == columns


def test_a_cut_at_any_statement_of_the_z_leaves_nothing_and_the_retry_closes_once(rig):
    rig.sell(1)
    assert isinstance(counted(rig, 10, 7_900), CountResult)
    before, at_statement, done = rig.tables(), 0, None
    command = shifts.CloseCommand(request_id=uuid7_hex(11), left_fen=0)
    while done is None:
        at_statement += 1
        try:
            done = shifts.close_till(rig.over(BreakingStorage(rig.db, at=at_statement)), at(MANAGER), command)
        except PowerCut:
            assert rig.tables() == before, f"something stayed after a cut at statement {at_statement}"
    assert isinstance(done, Done), done
    assert at_statement > 15
    assert rig.rows("SELECT z FROM z_reports") == [(1,)]


def test_a_repeated_close_is_the_same_z_and_no_second_one(rig):
    rig.sell(1)
    first = shut(rig, 10, 7_900)
    assert closed(rig, 11) == first
    assert rig.rows("SELECT count(*) FROM z_reports") == [(1,)]


def test_the_whole_evening_by_http(rig):
    client = client_of(rig, SUPERVISOR)
    assert client.post(f"{API}/shift/open", json={"request_id": uuid7_hex(10), "float_fen": 10_000}).status_code == 201
    rig.sell(1, at(SUPERVISOR))
    move = {"move_id": uuid7_hex(11), "move": "drop", "amount_fen": 5_000, "reason": "保险柜"}
    assert client.post(f"{API}/shift/cash", json=move).status_code == 201
    assert client.post(f"{API}/shift/cash", json=move).status_code == 200
    assert client.get(f"{API}/shift/x").json["expected_fen"] == 12_900
    assert client.post(f"{API}/shift/x/print", json={"request_id": uuid7_hex(12)}).status_code == 201
    count = client.post(
        f"{API}/shift/count", json={"request_id": uuid7_hex(13), "counted": [{"unit_fen": 100, "pieces": 129}]}
    )
    assert (count.status_code, count.json["variance_fen"]) == (201, 0)
    z = client.post(f"{API}/shift/close", json={"request_id": uuid7_hex(14), "left_fen": 10_000})
    assert (z.status_code, z.json["report"]["z"]) == (201, 1)
    assert client.get(f"{API}/shift").json["suggested_float_fen"] == 10_000
    assert client.get(f"{API}/shift/z").json["reports"][0]["sales_fen"] == 7_900
    assert client.get(f"{API}/shift/z/1/1/1").json == z.json
    assert client.get(f"{API}/shift/z/1/1/2").status_code == 404
    assert client.get(f"{API}/shift/z/1/x/1").status_code == 404
    assert client.post(f"{API}/shift/z/1/1/1/print", json={"request_id": uuid7_hex(15)}).json["copy"] == 1
    bad = client.post(f"{API}/shift/cash", json={**move, "move_id": uuid7_hex(16), "amount_fen": -1})
    assert (bad.status_code, bad.json["code"]) == (400, "malformed")


def test_the_drawer_without_a_sale_asks_a_second_person_for_a_cashier_and_opens_once(rig):
    boss = at(MANAGER)
    refused = drawer.open_by_hand(rig.node, at(CASHIER), "换零钱")
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details["target"]) == ("needs_approval", "drawer")
    assert rig.rows("SELECT count(*) FROM drawer_jobs") == [(0,)]
    for _ in range(2):
        assert drawer.open_by_hand(rig.node, boss, "换零钱", uuid7_hex(10)) == uuid7_hex(10)
    assert rig.rows("SELECT reason, actor FROM drawer_jobs") == [("换零钱", MANAGER.cashier_id)]


def test_sales_of_before_the_step_belong_to_the_running_shift_as_a_rebuild_says(rig):
    rig.sell(1)
    rig.sell(2, AT_TILL_2)
    rig.sell(3)
    tables = {name: rig.tables()[name] for name in ("till_entries", "till_tenders")}
    fills = [one for one in restaurant_schema.SCRIPTS if "INSERT INTO till_entries" in one]
    [script] = fills
    statements = [one for one in script.split(";") if one.strip().startswith("INSERT INTO till_")]
    assert len(statements) == 2

    def refill(tx: Tx) -> None:
        for name in tables:
            tx.execute(f"DELETE FROM {name}")
        for statement in statements:
            tx.execute(statement)

    rig.db.write(refill)
    assert {name: rig.tables()[name] for name in tables} == tables
    assert x_of(rig).totals.sales_fen == 15_800
