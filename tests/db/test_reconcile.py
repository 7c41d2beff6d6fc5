"""The gateway's bill file against the node: everything once on both sides, and every difference named."""

from pathlib import Path

import pytest

from edge.domain.bill_file import Reconciled
from edge.domain.refusal import Refused
from edge.services.money import code_payments, payments, reconcile
from edge.services.money.payments import ReturnCommand, TakeCommand
from tests.kit.gateways import PayRig
from tests.kit.nodes import AT_TILL_1, Rig, sell_body, uuid7_hex

DAY = "2026-09-21"
"""The calendar day on which a rig's clock starts."""


@pytest.fixture
def pay(tmp_path: Path):
    with Rig(tmp_path) as rig:
        yield PayRig(rig)


def held(pay: PayRig, day: str = DAY) -> Reconciled:
    found = reconcile.reconcile(pay.node, day)
    assert isinstance(found, Reconciled), found
    assert reconcile.kept(pay.node, day) == found
    return found


def static(pay: PayRig, number: int, amount_fen: int, reference: str = "") -> None:
    asked = TakeCommand(payment_id=uuid7_hex(number), kind="static_code", amount_fen=amount_fen, reference=reference)
    payments.take(pay.node, AT_TILL_1, asked)


def test_a_day_with_everything_agrees(pay):
    pay.charge(1)
    pay.charge(2, 1_200)
    pay.charge(3, 20_000, label="王", for_day="2026-10-01")
    payments.give_back(pay.node, AT_TILL_1, uuid7_hex(2), ReturnCommand(request_id=uuid7_hex(50), reason="x"))
    payments.send_refunds(pay.node)
    static(pay, 4, 800)
    static(pay, 5, 800, "A9")
    pay.fake.static_came(800, "A9")
    pay.fake.static_came(800)
    found = held(pay)
    assert found.ok, found.differences
    assert (found.matched, found.matched_fen) == (3, 29_100)
    assert (found.refunds_matched, found.refunds_fen, found.static_matched, found.static_fen) == (1, 1_200, 2, 1_600)


def test_a_static_code_in_a_sale_itself_is_looked_up_too(pay):
    client = pay.rig.client()
    tenders = [{"kind": "static_code", "amount_fen": 7_900}]
    sold = client.post("/api/v1/sales", json=sell_body(7, tenders=tenders))
    assert sold.status_code == 201, sold.text
    found = held(pay)
    assert [(each.what, each.id, each.ours_fen) for each in found.differences] == [("static_open", uuid7_hex(7), 7_900)]
    pay.fake.static_came(7_900)
    assert held(pay).ok


@pytest.mark.parametrize(
    ("fault", "what"),
    [("lacks_one", "missing_there"), ("has_one_more", "missing_here"), ("wrong_amount", "amount_differs")],
)
def test_what_is_wrong_with_the_file_is_named(pay, fault, what):
    pay.charge(1)
    pay.rig.clock.advance(1_000)
    pay.charge(2, 1_200)
    assert held(pay).ok
    pay.faults(bill=fault)
    found = held(pay)
    assert (found.ok, [each.what for each in found.differences]) == (False, [what])


def test_money_that_the_gateway_took_and_the_node_never_heard_of_is_found(pay):
    pay.faults(lose_answers=1)
    pay.charge(1)
    assert [(each.what, each.theirs_fen) for each in held(pay).differences] == [("missing_here", 7_900)]


def test_a_refund_in_line_is_called_that_and_no_fault_of_the_gateway(pay):
    pay.charge(1)
    pay.faults(away=True)
    payments.give_back(pay.node, AT_TILL_1, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(50), reason="x"))
    pay.faults()
    found = held(pay)
    assert [(each.what, each.id) for each in found.differences] == [("not_sent", f"{uuid7_hex(1)}-0")]


def test_an_answer_that_came_after_midnight_is_matched_on_both_days(pay):
    """The gateway counts the payment before midnight, the node hears of it after: nothing is missing on the first day."""
    pay.rig.clock.advance((24 * 60 - 22 * 60 - 14) * 60_000 + 30_000)
    pay.faults(lose_answers=1)
    pay.charge(1)
    before = pay.fake.bill(DAY)
    assert before is not None
    pay.rig.clock.advance(4 * 3_600_000)
    code_payments.ask_again(pay.node, uuid7_hex(1))
    found = held(pay, DAY if uuid7_hex(1) in before else "2026-09-22")
    assert found.ok, found.differences


def test_no_file_no_gateway_and_no_bill_file_are_said_as_that(pay):
    pay.faults(bill="missing")
    assert reconcile.reconcile(pay.node, DAY) == Refused("no_bill", {"day": DAY})
    assert reconcile.reconcile(pay.rig.node, DAY) == Refused("no_gateway")
    bad = reconcile.reconcile(pay.node, DAY, "a,b\n1,2\n")
    assert isinstance(bad, Refused)
    assert bad.code == "bad_bill"
    assert reconcile.kept(pay.node, DAY) is None


def test_the_timetable_looks_at_yesterday(pay):
    pay.charge(1)
    pay.rig.clock.advance(24 * 3_600_000)
    reconcile.daily(pay.node)
    found = reconcile.kept(pay.node, DAY)
    assert found is not None
    assert (found.ok, found.matched) == (True, 1)
