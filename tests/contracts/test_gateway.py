"""What every payment gateway promises the node, asked of each one that is shipped; a real one is added to `GATEWAYS`."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.domain import bill_file
from edge.domain.bearer import Bearer
from edge.domain.gateway import AWAY, REASONS, Answer, Charge, Gateway, Outcome
from edge.services.money.gateway_fake import FakeGateway, Faults
from sync.node.ports import ManualClock
from tests.kit.gateways import WECHAT_CODE
from tests.kit.nodes import START_MS

ZONE = ZoneInfo("Asia/Shanghai")
ONE, TWO = "1" * 32, "2" * 32


def in_memory(_folder: Path) -> FakeGateway:
    return FakeGateway(ManualClock(START_MS), ZONE)


def on_disk(folder: Path) -> FakeGateway:
    return FakeGateway(ManualClock(START_MS), ZONE, folder / "gateway.jsonl")


GATEWAYS: list[Callable[[Path], Gateway]] = [in_memory, on_disk]


@pytest.fixture(params=GATEWAYS)
def gateway(request: pytest.FixtureRequest, tmp_path: Path):
    return request.param(tmp_path)


def charge(gateway: Gateway, payment_id: str = ONE, amount_fen: int = 7_900) -> Answer:
    with Bearer(WECHAT_CODE) as code:
        return gateway.charge(Charge(payment_id, amount_fen, "1"), code)


def test_a_charge_is_paid_once_and_a_repeat_gets_the_same_answer(gateway):
    first = charge(gateway)
    assert (first.outcome, first.provider) == (Outcome.PAID, "wechat")
    assert charge(gateway) == first
    assert gateway.query(ONE) == first
    with Bearer("280000000000000000") as code:
        assert gateway.charge(Charge(TWO, 100, "1"), code).provider == "alipay"


def test_a_payment_that_it_never_heard_of_is_unknown_and_no_refusal(gateway):
    """Negative control of `query`: it may still be on its way, and then it is paid."""
    assert gateway.query(ONE).outcome is Outcome.UNKNOWN
    assert charge(gateway).outcome is Outcome.PAID


def test_what_was_reversed_is_closed_before_and_after_the_charge(gateway):
    charge(gateway)
    for payment_id in (ONE, TWO):
        assert gateway.reverse(payment_id).outcome is Outcome.REFUSED
        assert gateway.reverse(payment_id).outcome is Outcome.REFUSED
        assert charge(gateway, payment_id, 7_900 if payment_id == ONE else 0).outcome is Outcome.REFUSED
        assert gateway.query(payment_id).outcome is Outcome.REFUSED


def test_a_refund_number_is_paid_back_once_and_never_more_than_was_paid(gateway):
    charge(gateway)
    assert [gateway.refund(ONE, "a", 5_000).outcome for _ in range(3)] == [Outcome.PAID] * 3
    assert gateway.refund(ONE, "a", 4_000).outcome is Outcome.REFUSED
    assert gateway.refund(ONE, "b", 2_901) == Answer(Outcome.REFUSED, reason="too_much")
    assert gateway.refund(ONE, "c", 2_900).outcome is Outcome.PAID
    assert gateway.refund(TWO, "d", 1).outcome is Outcome.REFUSED


def test_the_bill_file_has_what_was_paid_and_paid_back(gateway):
    charge(gateway)
    gateway.refund(ONE, "a", 900)
    charge(gateway, TWO, 100)
    gateway.reverse(TWO)
    text = gateway.bill("2026-09-21")
    assert text is not None
    rows, faults = bill_file.read(text)
    assert faults == []
    assert [(row.kind, row.payment_id, row.amount_fen) for row in rows] == [("pay", ONE, 7_900), ("refund", ONE, 900)]
    assert gateway.bill("2026-09-20") is not None


def test_it_outlives_the_node_also_when_the_last_line_of_its_file_is_torn(tmp_path):
    first = on_disk(tmp_path)
    charge(first)
    first.refund(ONE, "a", 900)
    charge(first, TWO, 100)
    file = tmp_path / "gateway.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    second = on_disk(tmp_path)
    assert second.taken_fen() == 7_000
    assert second.query(ONE).outcome is Outcome.PAID
    assert second.query(TWO).outcome is Outcome.UNKNOWN
    assert second.refund(ONE, "a", 900).outcome is Outcome.PAID
    assert charge(second, TWO, 100).outcome is Outcome.PAID
    assert on_disk(tmp_path).taken_fen() == 7_100
    assert WECHAT_CODE.encode() not in file.read_bytes()


def test_the_menu_of_faults_does_what_it_says():
    gateway = in_memory(Path())
    for wrong, answer in [
        (Faults(away=True), AWAY),
        (Faults(refuse="funds"), Answer(Outcome.REFUSED, reason="funds")),
        (Faults(guest_confirms=-1), Answer(Outcome.UNKNOWN, reason="guest_confirms")),
    ]:
        gateway.put_faults(wrong)
        said = charge(
            gateway, wrong.refuse.ljust(32, "0") if wrong.refuse else str(wrong.guest_confirms).ljust(32, "0")
        )
        assert (said.outcome, said.reason, said.reached) == (answer.outcome, answer.reason, answer.reached)
        assert said.reason in REASONS
    gateway.put_faults(Faults(fail=1))
    with pytest.raises(RuntimeError, match="told to fail"):
        charge(gateway)
    assert charge(gateway).outcome is Outcome.PAID
    gateway.put_faults(Faults(late_reverse=True))
    assert gateway.reverse(ONE).outcome is Outcome.PAID
    gateway.put_faults(Faults(bill="missing"))
    assert gateway.bill("2026-09-21") is None
