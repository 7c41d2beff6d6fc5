"""Money goes back: once, never more than was paid, by the way it came, with a number of its own and a slip."""

import threading
from pathlib import Path
from typing import Any

import pytest

from drivers.document import Columns, Text
from drivers.printer.profiles import PROFILES
from edge.db import print_jobs
from edge.domain.payment import AskedTender
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import find_sale, refunds
from edge.services.money.payments import send_refunds
from edge.services.money.refunds import RefundAnswer, RefundQuery
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.printing import slip_papers
from edge.services.shifts import shift_papers
from sync.contract import receipts
from tests.kit.gateways import PayRig
from tests.kit.nodes import (
    AT_TILL_1,
    AT_TILL_2,
    COUNTER,
    BreakingStorage,
    PowerCut,
    Rig,
    basket,
    sell_command,
    uuid7_hex,
)
from tests.kit.people import API, CASHIER, MANAGER, PINS, SUPERVISOR, approval_body, at, client_of, staffed
from tests.kit.shifts import refund_command, refunded

DRAWER = {"kind": "drawer", "id": "drawer", "printer": "counter"}


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, DRAWER)) as made:
        staffed(made)
        yield made


def code_of(found: RefundAnswer | Refused) -> str:
    return found.code if isinstance(found, Refused) else "done"


def test_a_refund_is_numbered_journalled_printed_and_opens_the_drawer_in_one_commit(rig):
    rig.sell(1)
    answer = refunded(rig, 11, 1, at(MANAGER), lines=[{"line": 0, "qty": 1}])
    assert isinstance(answer, RefundAnswer)
    assert (answer.receipt_no, answer.sale_receipt_no, answer.amount_fen) == ("1-1-R00001", "1-1-000001", 3_800)
    assert [(one.kind, one.amount_fen) for one in answer.tenders] == [("cash", 3_800)]
    assert rig.rows("SELECT document, label FROM print_jobs WHERE subject = ?", (answer.refund_id,)) == [
        ("refund", "1-1-R00001")
    ]
    assert rig.rows("SELECT reason FROM drawer_jobs ORDER BY created_ms, reason") == [("refund",), ("sale",)]
    assert rig.rows("SELECT * FROM day_refunds") == [("2026-09-21", 1, 3_800)]
    assert verify_journal.verify(rig.node).ok


def test_never_more_than_was_paid_over_all_refunds_of_a_sale_at_any_till(rig):
    rig.sell(1)
    boss, other = at(MANAGER), at(MANAGER, "2")
    assert code_of(refunded(rig, 11, 1, boss, lines=[{"line": 0, "qty": 1}])) == "done"
    second = refunded(rig, 12, 1, other, amount_fen=4_000)
    assert isinstance(second, RefundAnswer)
    assert second.receipt_no == "2-1-R00001"
    refusal = refunded(rig, 13, 1, boss, amount_fen=101)
    assert refusal == Refused("refund_too_much", {"left_fen": 100})
    assert code_of(refunded(rig, 14, 1, boss, lines=[{"line": 0, "qty": 2}])) == "refund_pieces"
    last = refunded(rig, 15, 1, boss, whole=True)
    assert isinstance(last, RefundAnswer)
    assert last.amount_fen == 100
    assert code_of(refunded(rig, 16, 1, boss, whole=True)) == "nothing_to_refund"
    assert rig.rows("SELECT till, number FROM refunds ORDER BY n") == [("1", 1), ("2", 1), ("1", 2)]
    state = refunds.state(rig.node, boss, uuid7_hex(1))
    assert not isinstance(state, Refused)
    assert (state.left_fen, [one.amount_fen for one in state.refunds]) == (0, [3_800, 4_000, 100])
    assert verify_journal.verify(rig.node).ok


def test_eight_refunds_of_the_whole_at_once_give_it_back_once(rig):
    rig.sell(1)
    start = threading.Barrier(8)
    found: list[str] = []

    def give(number: int) -> None:
        start.wait()
        found.append(code_of(refunded(rig, number, 1, at(MANAGER), whole=True)))

    threads = [threading.Thread(target=give, args=(number,)) for number in range(20, 28)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["done"] + ["nothing_to_refund"] * 7


def test_a_repeat_gets_the_same_bytes_and_after_a_replacement_the_same_refund(rig):
    rig.sell(1)
    asked = refund_command(11, 1, whole=True)
    first = refunds.give_back(rig.node, at(MANAGER), asked)
    again = refunds.give_back(rig.node, at(MANAGER), asked)
    assert isinstance(first, Done)
    assert again == Done(first.answer, repeated=True)
    assert refunds.give_back(rig.node, at(MANAGER), refund_command(11, 1, amount_fen=5)) == Refused("request_id_reused")
    # A node that was built again from the hub has no stored answer of it.
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests WHERE request_id = ?", (asked.refund_id,)))
    rebuilt = refunds.give_back(rig.node, at(MANAGER), asked)
    assert isinstance(rebuilt, Done)
    assert rebuilt.answer == first.answer
    assert rig.rows("SELECT count(*) FROM refunds") == [(1,)]


def test_a_cut_at_any_statement_leaves_nothing_and_the_retry_gives_it_back(rig):
    rig.sell(1)
    before, at_statement, done = rig.tables(), 0, None
    while done is None:
        at_statement += 1
        try:
            done = refunds.give_back(
                rig.over(BreakingStorage(rig.db, at=at_statement)), at(MANAGER), refund_command(11, 1, whole=True)
            )
        except PowerCut:
            assert rig.tables() == before, f"something stayed after a cut at statement {at_statement}"
    assert isinstance(done, Done)
    assert at_statement > 15
    assert rig.rows("SELECT number FROM refunds") == [(1,)]
    assert verify_journal.verify(rig.node).ok


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 81])
def test_without_a_sound_reason_nothing_goes_back(rig, reason):
    rig.sell(1)
    before = rig.tables()
    assert code_of(refunded(rig, 11, 1, at(MANAGER), whole=True, reason=reason)) == "bad_text"
    assert rig.tables() == before


def test_another_amount_than_the_till_showed_is_refused_and_unknown_sales_are(rig):
    rig.sell(1)
    assert refunded(rig, 11, 1, at(MANAGER), whole=True, shown_fen=7_000) == Refused(
        "refund_changed", {"amount_fen": 7_900}
    )
    assert code_of(refunded(rig, 11, 9, at(MANAGER), whole=True)) == "not_found"
    assert code_of(refunded(rig, 11, 1, at(MANAGER), whole=True, shown_fen=7_900)) == "done"


def test_roles_a_cashier_asks_a_supervisor_may_up_to_100_and_nobody_alone_for_a_large_one_of_their_own(rig):
    rig.sell(1)
    rig.sell(2, lines=basket(("d101", 5)))
    rig.sell(3, at(MANAGER), lines=basket(("d101", 5)))
    rig.sell(4, at(SUPERVISOR))
    asks = refunded(rig, 11, 1, at(CASHIER), whole=True)
    assert asks == Refused(
        "needs_approval", {"action": "refund", "target": uuid7_hex(1), "amount_fen": 7_900, "rate_bp": 0}
    )
    assert code_of(refunded(rig, 12, 1, at(SUPERVISOR), whole=True)) == "done"
    assert code_of(refunded(rig, 13, 2, at(SUPERVISOR), whole=True)) == "needs_approval"
    assert code_of(refunded(rig, 14, 2, at(CASHIER), whole=True)) == "not_allowed"
    assert code_of(refunded(rig, 15, 3, at(MANAGER), whole=True)) == "needs_approval"
    assert code_of(refunded(rig, 16, 4, at(SUPERVISOR), whole=True)) == "needs_approval"
    assert code_of(refunded(rig, 17, 2, at(MANAGER), whole=True)) == "done"


def test_a_refund_of_another_day_is_no_small_one(rig):
    rig.sell(1)
    rig.clock.advance(86_400_000)
    assert code_of(refunded(rig, 11, 1, at(SUPERVISOR), whole=True)) == "needs_approval"
    assert code_of(refunded(rig, 12, 1, at(MANAGER), whole=True)) == "done"
    assert rig.rows("SELECT day, amount_fen FROM day_refunds") == [("2026-09-22", 7_900)]


def test_an_approval_is_used_once_for_its_amount_through_http(rig):
    rig.sell(1)
    client = client_of(rig, CASHIER)
    body: dict[str, Any] = {"refund_id": uuid7_hex(11), "sale_id": uuid7_hex(1), "amount_fen": 500, "reason": "凉了"}
    refused = client.post(f"{API}/refunds", json=body)
    assert (refused.status_code, refused.json["code"]) == (403, "needs_approval")
    granted = client.post(f"{API}/approvals", json=approval_body(1, refused.json["details"], SUPERVISOR))
    assert granted.status_code in {200, 201}, granted.text
    other = client.post(f"{API}/refunds", json={**body, "amount_fen": 501, "approval_id": granted.json["approval_id"]})
    assert (other.status_code, other.json["code"]) == (403, "needs_approval")
    done = client.post(f"{API}/refunds", json={**body, "approval_id": granted.json["approval_id"]})
    assert (done.status_code, done.json["approved_by"]) == (201, SUPERVISOR.cashier_id)
    assert client.post(f"{API}/refunds", json={**body, "approval_id": granted.json["approval_id"]}).status_code == 200
    replayed = client.post(
        f"{API}/refunds", json={**body, "refund_id": uuid7_hex(12), "approval_id": granted.json["approval_id"]}
    )
    assert replayed.json["code"] == "needs_approval"
    assert PINS[SUPERVISOR] not in done.text
    assert verify_journal.verify(rig.node).ok


def test_a_code_payment_goes_back_by_the_gateway_after_the_commit_and_waits_for_the_network(rig):
    pay = PayRig(rig)
    node = pay.node
    paid = pay.charge(50)
    assert not isinstance(paid, Refused)
    sold = sell_command(1)
    by_code = SellCommand(
        sale_id=sold.sale_id, lines=sold.lines, tenders=(AskedTender(kind="code", payment_id=uuid7_hex(50)),)
    )
    assert isinstance(settle_sale(node, AT_TILL_1, by_code), Settled)
    pay.faults(away=True)
    done = refunds.give_back(node, at(MANAGER), refund_command(11, 1, whole=True))
    assert isinstance(done, Done), done
    [(kind, payment_id, queued)] = rig.rows("SELECT kind, payment_id, queued FROM refund_tenders")
    assert (kind, payment_id, queued) == ("code", uuid7_hex(50), 1)
    assert rig.rows("SELECT refund_no, state FROM gateway_queue") == [(f"{uuid7_hex(11)}-0", "waiting")]
    assert node.gateway.bell.is_set()
    assert send_refunds(node) == 0
    assert rig.rows("SELECT state FROM gateway_queue") == [("waiting",)]
    pay.faults()
    assert send_refunds(node) == 1
    assert rig.rows("SELECT state FROM gateway_queue") == [("done",)]
    assert rig.rows("SELECT reason FROM drawer_jobs") == [], "no cash went back"
    assert verify_journal.verify(rig.node).ok


def test_a_sale_is_found_by_its_codes_its_numbers_its_amount_and_its_time(rig):
    first = rig.sell(1)
    rig.clock.advance(3 * 3_600_000)
    rig.sell(2, AT_TILL_2, basket(("d102", 1)))
    answer = refunded(rig, 11, 1, at(MANAGER), amount_fen=100)
    assert isinstance(answer, RefundAnswer)

    def ids(**asked: Any) -> list[str]:
        return [one.sale_id for one in find_sale.find(rig.node, **asked)]

    one, two = uuid7_hex(1), uuid7_hex(2)
    for text in (first.invite.code, first.invite.url, receipts.url("http://hub.test", "qingci", one), "1-1-000001",
                 f" {answer.receipt_no.lower()} ", one):  # fmt: skip
        assert ids(text=text) == [one], text
    assert ids(text="1-1-000009") == ids(text="?" * 300) == []
    assert ids() == [two, one]
    assert ids(amount_fen=300) == [two]
    assert ids(day="2026-09-20") == []
    assert ids(minutes=(0, 1_439)) == [two, one]
    minute = 22 * 60 + 13
    assert ids(minutes=(minute, minute)) == [one]
    assert find_sale.find(rig.node, text=one)[0].refunded_fen == 100


def test_the_quote_says_what_would_go_back_and_who_must_allow_it_and_changes_nothing(rig):
    rig.sell(1)
    before = rig.tables()
    query = RefundQuery(sale_id=uuid7_hex(1), whole=True)
    for one, verdict in ((CASHIER, "ask"), (SUPERVISOR, "allowed")):
        told = refunds.quote(rig.node, at(one), query)
        assert not isinstance(told, Refused)
        assert (told.amount_fen, told.verdict) == (7_900, verdict)
    assert rig.tables() == before


def test_the_slip_says_what_went_back_and_a_repeat_of_it_is_marked(rig):
    rig.sell(1)
    answer = refunded(rig, 11, 1, at(MANAGER), lines=[{"line": 0, "qty": 1}])
    assert isinstance(answer, RefundAnswer)
    with rig.db.read() as reader:
        [job] = print_jobs.of_subject(reader, answer.refund_id)
    assert job.document in shift_papers.MAKERS
    paper = slip_papers.document(rig.node, job, next(iter(PROFILES.values())))
    rows = [(one.left, one.right) for one in paper.elements if isinstance(one, Columns)]
    texts = [one.text for one in paper.elements if isinstance(one, Text)]
    assert ("1 宫保鸡丁", "−38.00") in rows
    assert ("原单号", "1-1-000001") in rows
    assert ("退 现金", "38.00") in rows
    assert "原因 上错菜" in texts
    marked = slip_papers.document(rig.node, job._replace(copy=1), next(iter(PROFILES.values())))
    assert isinstance(marked.elements[0], Text)
    assert "REPRINT 1" in marked.elements[0].text


def test_from_the_receipt_to_the_reversal_by_http(rig):
    rig.sell(1)
    rig.sell(2)
    client = client_of(rig, MANAGER)
    found = client.get(f"{API}/sales/find", query_string={"text": "1-1-000001"}).json["sales"]
    assert [one["sale_id"] for one in found] == [uuid7_hex(1)]
    assert len(client.get(f"{API}/sales/find?amount_fen=7900&from=0&to=1439").json["sales"]) == 2
    state = client.get(f"{API}/sales/{uuid7_hex(1)}/refunds").json
    assert (state["left_fen"], [line["left_qty"] for line in state["lines"]]) == (7_900, [2, 1])
    assert (state["own"], state["same_day"], state["ways"]) == (False, True, [{"kind": "cash", "left_fen": 7_900}])
    ask: dict[str, Any] = {"sale_id": uuid7_hex(1), "lines": [{"line": 0, "qty": 1}]}
    quote = client.post(f"{API}/refunds/quote", json=ask).json
    assert (quote["amount_fen"], quote["verdict"]) == (3_800, "allowed")
    body = {**ask, "refund_id": uuid7_hex(11), "reason": "凉了", "shown_fen": 3_800}
    first, again = client.post(f"{API}/refunds", json=body), client.post(f"{API}/refunds", json=body)
    assert (first.status_code, again.status_code, again.data == first.data) == (201, 200, True)
    reversal = {"refund_id": uuid7_hex(12), "order_id": uuid7_hex(600), "sale_id": uuid7_hex(2), "reason": "少收一位"}
    done = client.post(f"{API}/reversals", json=reversal)
    assert (done.status_code, done.json["reopened_as"]) == (201, uuid7_hex(600))
    assert client.get(f"{API}/orders/{uuid7_hex(600)}").status_code == 200
    bad = [
        client.get(f"{API}/sales/find?day=2026-13-01"),
        client.get(f"{API}/sales/find?text={'x' * 401}"),
        client.post(f"{API}/refunds", json={**body, "refund_id": "0" * 32}),
        client.post(f"{API}/refunds", json={**body, "refund_id": uuid7_hex(13), "lines": [{"line": -1, "qty": 1}]}),
    ]
    assert [(one.status_code, one.json["code"]) for one in bad] == [(400, "malformed")] * 4
    assert client.get(f"{API}/sales/{'0' * 32}/refunds").status_code == 404
    assert verify_journal.verify(rig.node).ok
