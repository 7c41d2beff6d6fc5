"""A guest's code is charged once, whatever is lost, killed, repeated or raced, and the code itself is written nowhere."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.db import payments as db
from edge.domain import gateway
from edge.domain.gateway import Asked, Outcome, Step
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import code_payments, money_views, payments
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.money.gateway_fake import FakeGateway
from edge.services.money.money_views import MoneyView
from edge.services.money.payment_care import PAUSES_MS, UNKNOWN_MAX, PaymentCare
from edge.services.money.payments import ReturnCommand
from tests.kit.gateways import WECHAT_CODE, PayRig, state
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, BreakingStorage, PowerCut, Rig, uuid7_hex

ORDER = uuid7_hex(9_000)


@pytest.fixture
def pay(tmp_path: Path):
    with Rig(tmp_path) as rig:
        yield PayRig(rig)


def kinds(pay: PayRig) -> list[str]:
    return [
        row[0]
        for row in pay.rig.rows(
            "SELECT kind FROM facts WHERE kind LIKE 'payment.%' OR kind LIKE 'deposit.%' ORDER BY n"
        )
    ]


def sound(pay: PayRig) -> None:
    """The journal holds, and what the node counts as taken by code is what the gateway holds."""
    report = verify_journal.verify(pay.rig.node)
    assert report.ok, report.findings
    [(taken,)] = pay.rig.rows(
        "SELECT coalesce(sum(amount_fen), 0) FROM payment_moves WHERE what IN ('payment', 'deposit')"
    )
    [(back,)] = pay.rig.rows("SELECT coalesce(sum(amount_fen), 0) FROM gateway_queue WHERE state = 'done'")
    assert taken - back == pay.fake.taken_fen()


def settle_all(pay: PayRig) -> None:
    """Let the worker run until nothing is undecided; bounded."""
    care = PaymentCare(pay.node)
    for _ in range(60):
        wait_ms = care.look(rung=True)
        if not pay.rig.rows(f"SELECT 1 FROM gateway_attempts WHERE {db.OPEN_ATTEMPT}") and not pay.rig.rows(
            "SELECT 1 FROM gateway_queue WHERE state = 'waiting'"
        ):
            return
        pay.rig.clock.advance(wait_ms)
    raise AssertionError("the worker never came to an end")


def test_a_paid_code_is_one_fact_with_the_gateways_number(pay):
    found = pay.charge(1, order_id=ORDER)
    assert state(found) == "taken"
    assert (found.provider, found.reference, found.amount_fen, found.flagged) == (
        "wechat",
        "FAKE0000000001",
        7_900,
        False,
    )
    assert [payment.payment_id for payment in db_taken(pay)] == [uuid7_hex(1)]
    assert kinds(pay) == ["payment.taken"]
    sound(pay)


def db_taken(pay: PayRig) -> list[db.Payment]:
    with pay.rig.db.read() as reader:
        return payments.taken_for(reader, ORDER)


def test_a_repeat_asks_the_gateway_nothing_and_needs_no_code(pay):
    first = pay.charge(1)
    again = code_payments.charge(
        pay.node, AT_TILL_1, code_payments.CodeCharge(uuid7_hex(1), 7_900), "no such handle", pay.take_code
    )
    assert again == first
    assert pay.fake.charges_seen == 1
    assert state(pay.charge(1, 8_000)) == "request_id_reused"


def test_a_refused_code_leaves_no_fact_and_the_next_one_may_be_charged(pay):
    pay.faults(refuse="funds")
    refused = pay.charge(1, order_id=ORDER)
    assert (state(refused), refused.reason) == ("refused", "funds")
    assert kinds(pay) == []
    pay.faults()
    assert state(pay.charge(1, order_id=ORDER)) == "refused", "a repeat under the same id is the same refusal"
    assert state(pay.charge(2, order_id=ORDER)) == "taken"
    sound(pay)


def test_a_lost_answer_is_unknown_blocks_a_second_charge_and_is_found_by_the_query(pay):
    pay.faults(lose_answers=1)
    assert state(pay.charge(1, order_id=ORDER)) == "unknown"
    blocked = pay.charge(2, order_id=ORDER)
    assert isinstance(blocked, Refused)
    assert (blocked.code, blocked.details["payment_id"]) == ("payment_undecided", uuid7_hex(1))
    assert state(pay.charge(3, order_id=uuid7_hex(9_001))) == "taken", "another table is not held up"
    assert state(pay.charge(4, order_id=ORDER, beside=True)) == "taken", "nor is another guest's share"
    assert state(code_payments.ask_again(pay.node, uuid7_hex(1))) == "taken"
    assert kinds(pay) == ["payment.doubted", "payment.taken", "payment.taken", "payment.taken"]
    sound(pay)


def test_without_the_block_the_guest_would_pay_twice(pay, monkeypatch):
    """Negative control: the guest's money is taken by both charges as soon as nobody looks for the undecided one."""
    monkeypatch.setattr(db, "undecided_for", lambda _reader, _order_id: [])
    pay.faults(lose_answers=1)
    pay.charge(1, order_id=ORDER)
    assert state(pay.charge(2, order_id=ORDER)) == "taken"
    assert pay.fake.taken_fen() == 15_800


def test_a_basket_at_another_till_is_not_held_up_and_the_same_till_is(pay):
    pay.faults(away=True)
    assert state(pay.charge(1)) == "unknown"
    assert state(pay.charge(2)) == "payment_undecided"
    assert state(pay.charge(3, who=AT_TILL_2)) == "unknown"


def test_the_worker_asks_with_growing_pauses_and_takes_what_the_guest_confirmed_late(pay):
    pay.faults(guest_confirms=4)
    found = pay.charge(1)
    assert (state(found), found.reason) == ("unknown", "guest_confirms")
    care, asked = PaymentCare(pay.node), []
    while db_attempt(pay).state == "unknown":
        wait_ms = care.look()
        asked.append(wait_ms)
        pay.rig.clock.advance(wait_ms)
    assert asked[:3] == list(PAUSES_MS[:3])
    assert db_attempt(pay).state == "taken"
    sound(pay)


def db_attempt(pay: PayRig, number: int = 1) -> db.Attempt:
    with pay.rig.db.read() as reader:
        found = db.attempt(reader, uuid7_hex(number))
    assert found is not None
    return found


def test_a_wall_clock_in_1970_does_not_hold_the_worker_up(pay):
    pay.faults(guest_confirms=2)
    pay.charge(1)
    care = PaymentCare(pay.node)
    care.look()
    pay.rig.clock.step_wall(-1_700_000_000_000)
    pay.rig.clock.advance(PAUSES_MS[0])
    care.look()
    assert db_attempt(pay).state == "taken"


def test_what_the_gateway_never_decides_is_reversed_in_the_end(pay):
    pay.faults(guest_confirms=-1)
    pay.charge(1)
    care = PaymentCare(pay.node)
    for _ in range(UNKNOWN_MAX + 3):
        pay.rig.clock.advance(care.look())
    assert db_attempt(pay).state == "cancelled"
    assert kinds(pay) == ["payment.doubted", "payment.doubted"]
    sound(pay)


def test_a_gateway_that_is_away_is_no_reason_to_give_up(pay):
    pay.faults(away=True)
    pay.charge(1)
    care = PaymentCare(pay.node)
    for _ in range(UNKNOWN_MAX + 5):
        pay.rig.clock.advance(care.look())
    assert db_attempt(pay).state == "unknown"


def test_a_cancel_reverses_what_was_paid_and_a_late_charge_finds_the_number_closed(pay):
    pay.faults(lose_answers=1)
    pay.charge(1, order_id=ORDER)
    assert pay.fake.taken_fen() == 7_900
    assert state(code_payments.cancel(pay.node, AT_TILL_1, uuid7_hex(1))) == "cancelled"
    assert pay.fake.taken_fen() == 0
    assert state(pay.charge(2, order_id=ORDER)) == "taken", "the guest pays another way at once"
    sound(pay)


def test_a_cancel_without_a_line_holds_nobody_up_and_is_done_when_the_line_is_back(pay):
    pay.faults(lose_answers=1)
    pay.charge(1, order_id=ORDER)
    pay.faults(away=True)
    assert state(code_payments.cancel(pay.node, AT_TILL_1, uuid7_hex(1))) == "cancelling"
    assert state(pay.charge(2, order_id=ORDER)) == "unknown", "another charge may be tried; it finds nobody either"
    pay.faults()
    settle_all(pay)
    assert db_attempt(pay).state == "cancelled"
    assert pay.fake.taken_fen() == 0 or db_attempt(pay, 2).state == "taken"
    sound(pay)


def test_a_cancel_that_comes_too_late_sends_the_money_straight_back(pay):
    pay.faults(lose_answers=1, late_reverse=True)
    pay.charge(1)
    pay.faults(late_reverse=True)
    code_payments.cancel(pay.node, AT_TILL_1, uuid7_hex(1))
    assert kinds(pay) == ["payment.doubted", "payment.taken", "payment.returned"]
    settle_all(pay)
    assert pay.fake.taken_fen() == 0
    sound(pay)


def test_a_charge_that_comes_back_after_the_cancel_is_not_taken(pay):
    """The cashier gave up while the call was in the air; that it went through is then no reason to keep the money."""
    done = threading.Event()
    go = threading.Event()
    fake = pay.fake

    class Slow(FakeGateway):
        def charge(self, charge, code):
            answer = fake.charge(charge, code)
            done.set()
            assert go.wait(10)
            return answer

    slow = Slow(pay.rig.clock, pay.rig.node.zone)
    slow.query, slow.reverse, slow.refund = fake.query, fake.reverse, fake.refund  # type: ignore[method-assign]
    pay.node = replace(pay.rig.node, gateway=GatewayDesk(slow))
    thread = threading.Thread(target=lambda: pay.charge(1))
    thread.start()
    assert done.wait(10)
    assert state(code_payments.cancel(pay.node, AT_TILL_1, uuid7_hex(1))) == "cancelling"
    assert fake.taken_fen() == 7_900, "nothing is reversed while the charge may still be on its way"
    go.set()
    thread.join(10)
    assert db_attempt(pay).state == "cancelling"
    settle_all(pay)
    assert db_attempt(pay).state == "cancelled"
    sound(pay)


def test_what_the_guests_phone_shows_may_be_taken_flagged_and_the_gateway_has_the_last_word(pay):
    pay.faults(lose_answers=1)
    pay.charge(1, order_id=ORDER)
    pay.faults(away=True)
    found = code_payments.accept(pay.node, AT_TILL_1, uuid7_hex(1))
    assert isinstance(found, MoneyView)
    assert (found.state, found.flagged, found.reason) == ("taken", True, "unconfirmed")
    pay.faults()
    settle_all(pay)
    later = money_views.one(pay.node, uuid7_hex(1))
    assert later is not None
    assert later.reason == ""
    assert money_views.open_money(pay.node).missing == ()
    sound(pay)


def test_a_guests_word_that_was_not_true_is_shown_as_missing(pay):
    pay.faults(guest_confirms=-1)
    pay.charge(1, order_id=ORDER)
    code_payments.accept(pay.node, AT_TILL_1, uuid7_hex(1))
    pay.fake.reverse(uuid7_hex(1))
    settle_all(pay)
    [missing] = money_views.open_money(pay.node).missing
    assert (missing.payment_id, missing.reason) == (uuid7_hex(1), "missing")
    assert kinds(pay) == ["payment.doubted", "payment.taken", "payment.doubted"]
    assert verify_journal.verify(pay.rig.node).ok


def test_only_an_undecided_payment_is_taken_on_a_guests_word(pay):
    pay.charge(1)
    assert state(code_payments.accept(pay.node, AT_TILL_1, uuid7_hex(1))) == "payment_settled"
    assert state(code_payments.accept(pay.node, AT_TILL_1, uuid7_hex(2))) == "not_found"


def test_an_unused_code_payment_goes_back_now_or_when_the_line_is_back_and_once(pay):
    pay.charge(1, order_id=ORDER)
    pay.faults(away=True)
    asked = ReturnCommand(request_id=uuid7_hex(50), reason="点错了")
    first = payments.give_back(pay.node, AT_TILL_1, uuid7_hex(1), asked)
    assert isinstance(first, Done)
    again = payments.give_back(pay.node, AT_TILL_1, uuid7_hex(1), asked)
    assert isinstance(again, Done)
    assert (again.answer, again.repeated) == (first.answer, True)
    other = payments.give_back(pay.node, AT_TILL_1, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(51), reason="x"))
    assert other == Refused("payment_returned")
    assert [each.state for each in money_views.open_money(pay.node).refunds] == ["waiting"]
    pay.faults(lose_answers=1)
    settle_all(pay)
    assert pay.fake.taken_fen() == 0, "the answer of the first refund was lost; the second asked under the same number"
    assert money_views.open_money(pay.node).refunds == ()
    sound(pay)


def test_a_refund_that_the_gateway_refuses_stays_on_the_list(pay):
    pay.charge(1)
    pay.faults(refuse_refunds=True)
    payments.give_back(pay.node, AT_TILL_1, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(50), reason="x"))
    settle_all(pay)
    assert [(each.state, each.reason) for each in money_views.open_money(pay.node).refunds] == [("refused", "other")]


def test_a_node_killed_at_any_statement_of_a_charge_takes_the_money_once_or_not_at_all(tmp_path):
    with Rig(tmp_path) as rig:
        pay = PayRig(rig)
        cuts = 0
        for at in range(1, 200):
            broken = BreakingStorage(rig.db, at=at)
            pay.node = replace(rig.node, gateway=GatewayDesk(pay.fake), db=broken)
            try:
                done = pay.charge(at, order_id=uuid7_hex(9_000 + at))
            except PowerCut:
                cuts += 1
                pay.with_gateway()
                settle_all(pay)
                done = pay.charge(at, order_id=uuid7_hex(9_000 + at))
                assert state(done) in {"taken", "cancelled"}
                sound(pay)
                continue
            assert state(done) == "taken"
            break
        assert cuts > 8, "the charge has far more statements than that: the cuts did not happen"
        sound(pay)


def test_a_node_that_was_built_again_from_facts_asks_for_what_they_call_unknown(pay):
    pay.faults(lose_answers=1)
    pay.charge(1, order_id=ORDER)
    # What travels are facts: attempts and the queue stay behind with the old disk.
    pay.rig.db.write(lambda tx: [tx.execute(f"DELETE FROM {each}") for each in ("gateway_attempts", "requests")])
    assert state(pay.charge(2, order_id=ORDER)) == "taken"
    settle_all(pay)
    assert db_attempt(pay).state == "taken"
    sound(pay)


def test_eight_repeats_at_once_charge_once(pay):
    start = threading.Barrier(8)
    found = []

    def submit() -> None:
        start.wait()
        found.append(state(pay.charge(1)))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "taken" in found
    assert set(found) <= {"taken", "sent", "busy"}
    assert pay.fake.charges_seen == 1
    sound(pay)


def test_a_code_that_is_gone_is_charged_nothing(pay):
    handle = pay.scanned()
    pay.rig.clock.advance(61_000)
    asked = code_payments.CodeCharge(uuid7_hex(1), 7_900)
    assert code_payments.charge(pay.node, AT_TILL_1, asked, handle, pay.take_code) == Refused("code_gone")
    assert pay.fake.charges_seen == 0
    assert pay.rig.rows("SELECT 1 FROM gateway_attempts") == []


def test_a_store_without_a_gateway_says_so_and_keeps_the_code_for_nobody(pay):
    pay.node = replace(pay.rig.node, gateway=GatewayDesk(None))
    assert state(pay.charge(1)) == "no_gateway"


class Careless(FakeGateway):
    """An adapter that says the code in its exception."""

    def charge(self, charge, code):
        raise RuntimeError(f"could not charge {code.reveal()}")


def test_the_code_is_in_no_log_no_file_and_no_exception(pay, caplog, tmp_path):
    pay.charge(1)
    pay.node = replace(pay.rig.node, gateway=GatewayDesk(Careless(pay.rig.clock, pay.rig.node.zone)))
    with caplog.at_level(logging.DEBUG):
        assert state(pay.charge(2, order_id=ORDER)) == "unknown"
    assert [record.msg for record in caplog.records if record.msg == "gateway.failed"]
    said = "".join(f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records)
    assert WECHAT_CODE not in said
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert len(files) > 10_000
    assert WECHAT_CODE.encode() not in files
    assert len(pay.shelf) == 0


def test_a_careless_log_would_be_seen(pay, caplog, monkeypatch):
    """Negative control of the one above."""
    pay.node = replace(pay.rig.node, gateway=GatewayDesk(Careless(pay.rig.clock, pay.rig.node.zone)))
    monkeypatch.setattr("edge.services.money.gateway_desk.log.error", logging.getLogger("x").exception)
    with caplog.at_level(logging.DEBUG):
        pay.charge(1)
    assert WECHAT_CODE in caplog.text


def test_every_state_has_an_answer_to_every_word_of_the_gateway():
    """The table in one place: what is over stays over, and only a paid that counts takes money."""
    open_states = (gateway.SENT, gateway.UNCERTAIN, gateway.CANCELLING, gateway.ACCEPTED)
    takes = {
        (each, asked, outcome)
        for each in (*open_states, gateway.TAKEN, gateway.ENDED_REFUSED, gateway.ENDED_CANCELLED)
        for asked in Asked
        for outcome in Outcome
        if gateway.next_step(each, asked, outcome) in (Step.TAKE, Step.TAKE_BACK)
    }
    assert takes == {(each, asked, Outcome.PAID) for each in (gateway.SENT, gateway.UNCERTAIN) for asked in Asked} | {
        (gateway.CANCELLING, Asked.REVERSE, Outcome.PAID)
    }
    for over in (gateway.TAKEN, gateway.ENDED_REFUSED, gateway.ENDED_CANCELLED):
        assert {gateway.next_step(over, asked, outcome) for asked in Asked for outcome in Outcome} == {Step.NOTHING}


DEEDS = st.lists(
    st.sampled_from(
        ["charge", "ask", "cancel", "accept", "return", "look", "restart", "away", "lost", "slow", "late", "mend"]
    ),
    min_size=4,
    max_size=18,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=DEEDS)
def test_whatever_happens_the_node_and_the_gateway_agree_in_the_end(tmp_path_factory, steps):
    with Rig(tmp_path_factory.mktemp("pay")) as rig:
        pay = PayRig(rig)
        care, number = PaymentCare(pay.node), 0
        for step in steps:
            rig.clock.advance(700)
            match step:
                case "charge":
                    number += 1
                    pay.charge(number, 100 + number, order_id=uuid7_hex(9_000 + number))
                case "ask":
                    code_payments.ask_again(pay.node, uuid7_hex(number))
                case "cancel":
                    code_payments.cancel(pay.node, AT_TILL_1, uuid7_hex(number))
                case "accept" if not pay.fake.faults.guest_confirms:
                    # On a true word: what the gateway took.
                    if pay.fake.query(uuid7_hex(number)).outcome is Outcome.PAID:
                        code_payments.accept(pay.node, AT_TILL_1, uuid7_hex(number))
                case "return":
                    back = ReturnCommand(request_id=uuid7_hex(500 + number), reason="x")
                    payments.give_back(pay.node, AT_TILL_1, uuid7_hex(number), back)
                case "look":
                    care.look(rung=True)
                case "restart":
                    rig.restart()
                    care = PaymentCare(pay.with_gateway())
                case "away":
                    pay.faults(away=True)
                case "lost":
                    pay.faults(lose_answers=2)
                case "slow":
                    pay.faults(guest_confirms=2)
                case "late":
                    pay.faults(late_reverse=True)
                case _:
                    pay.faults()
        pay.faults()
        settle_all(pay)
        sound(pay)
