"""The drawer opens once or not at all, within five seconds, and the journal says who caused it, why, and how it went."""

from pathlib import Path
from typing import Any

import pytest

from drivers.printer.drawer import KickOutcome
from drivers.printer.printing import Status
from edge.devices.registry import Registry
from edge.domain import slip_rules
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.devices import drawer
from edge.services.devices.drawer import NodeKicks
from edge.services.money.settle_sale import Settled, settle_sale
from edge.services.printing import slips
from sync.contract import facts, kinds
from sync.contract.operations import DrawerSettled
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, CASHIER, COUNTER, BreakingStorage, PowerCut, Rig, basket, sell_command
from tests.kit.queues import PAPER_OUT, READY, ScriptedPrinter, queue_of, run_dry, states

DRAWER: dict[str, Any] = {"kind": "drawer", "id": "till-drawer", "printer": "counter"}


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, DRAWER)) as made:
        yield made


def settled(rig: Rig) -> list[tuple[str, str, str, str, str]]:
    """(kind, who, why, sale, outcome) of every drawer fact."""
    found = []
    for (raw,) in rig.rows("SELECT raw FROM facts WHERE kind LIKE 'drawer.%' ORDER BY n"):
        fact = facts.decode(raw)
        body = kinds.read(fact)
        assert isinstance(body, DrawerSettled)
        assert (fact.device, body.drawer) == ("till-drawer", "till-drawer")
        found.append((fact.kind, str(fact.actor), body.reason, body.sale_id, body.outcome))
    return found


def rows(rig: Rig) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in rig.rows("SELECT state, outcome FROM drawer_jobs ORDER BY created_ms")]


def test_a_cash_sale_opens_the_drawer_before_its_slip_is_printed_and_says_who_and_why(rig):
    answer = rig.sell(1)
    device = ScriptedPrinter()
    queue = queue_of(rig, device)
    queue.step()
    assert (device.pulses, device.paper) == (["till-drawer"], [])
    run_dry(queue)
    assert len(device.paper) == 1
    assert settled(rig) == [("drawer.opened", CASHIER.cashier_id, "sale", answer.sale_id, "sent")]
    assert verify_journal.verify(rig.node).ok


def test_a_receipt_holds_no_pulse_so_that_printing_it_again_never_opens_the_drawer(rig):
    rig.sell(1)
    device = ScriptedPrinter()
    queue = queue_of(rig, device)
    run_dry(queue)
    slips.reprint(rig.node, sell_command(1).sale_id, "a" * 32)
    run_dry(queue)
    assert (len(device.paper), len(device.pulses)) == (2, 1)
    assert not any(b"\x1bp" in slip or b"\x10\x14" in slip for slip in device.paper)


def test_the_same_sale_submitted_again_opens_nothing(rig):
    for _ in range(3):
        settle_sale(rig.node, AT_TILL_1, sell_command(1))
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == ["till-drawer"]


def test_a_sale_for_nothing_and_a_till_without_a_drawer_open_nothing(tmp_path):
    with Rig(tmp_path, devices=(COUNTER, {**DRAWER, "tills": ["1"]})) as rig:
        free = sell_command(1, basket(("d105", 1)), received_fen=0)
        assert isinstance(settle_sale(rig.node, AT_TILL_1, free), Settled)
        rig.sell(2, AT_TILL_2)
        assert rows(rig) == []
        rig.sell(3, AT_TILL_1)
        assert rows(rig) == [("waiting", "")]


def test_a_cut_at_any_statement_leaves_neither_sale_nor_opening(rig):
    untouched = rig.tables()
    at = 0
    while True:
        at += 1
        try:
            settle_sale(rig.over(BreakingStorage(rig.db, at=at)), AT_TILL_1, sell_command(1))
        except PowerCut:
            assert rig.tables() == untouched
            continue
        break
    assert (rows(rig), len(states(rig))) == ([("waiting", "")], 1)


def test_a_drawer_is_opened_by_hand_only_for_a_reason_and_the_journal_keeps_it(rig):
    for reason in ("", "   ", "x" * 81, "a\x1bp\x00"):
        assert drawer.open_by_hand(rig.node, AT_TILL_1, reason) == Refused("bad_text", {"chars_max": 80})
    job_id = drawer.open_by_hand(rig.node, AT_TILL_1, " 换零钱 ")
    assert isinstance(job_id, str)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == ["till-drawer"]
    assert settled(rig) == [("drawer.opened", CASHIER.cashier_id, "换零钱", "", "sent")]
    found = drawer.outcome_of(rig.node, job_id)
    assert found is not None
    assert (found.state, found.till) == ("opened", "1")


def test_a_till_without_a_drawer_cannot_open_one_by_hand(tmp_path):
    with Rig(tmp_path) as rig:
        assert drawer.open_by_hand(rig.node, AT_TILL_1, "change") == Refused("not_found", {"drawer": "1"})
    with Rig(tmp_path / "training", enrolled=False, devices=(COUNTER, DRAWER)) as rig:
        assert drawer.open_by_hand(rig.node, AT_TILL_1, "change") == Refused("training_mode")


# Five seconds


def test_a_pulse_that_is_more_than_five_seconds_late_is_not_sent_and_the_journal_says_so(rig):
    answer = rig.sell(1)
    rig.clock.advance(5_001)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == []
    assert settled(rig) == [("drawer.failed", CASHIER.cashier_id, "sale", answer.sale_id, "expired")]
    assert states(rig) == [("confirmed", "", 0)], "the receipt is not held up by it"


def test_at_five_seconds_it_is_still_sent(rig):
    """The negative control: it is the life that keeps it back."""
    rig.sell(1)
    rig.clock.advance(5_000)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == ["till-drawer"]


def test_a_clock_that_is_set_back_does_not_lengthen_its_life(rig):
    rig.sell(1)
    rig.clock.advance(6_000)
    rig.clock.step_wall(-3_600_000)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == []


def test_a_clock_that_is_set_back_at_once_does_not_keep_the_drawer_shut(rig):
    rig.sell(1)
    rig.clock.step_wall(-3_600_000)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == ["till-drawer"]


def test_by_the_wall_clock_alone_a_clock_that_is_set_back_would_lengthen_it():
    """The negative control of the monotonic bound."""
    created, late = (1_000_000, 0), (1_000_000 - 3_600_000, 6_000)
    assert not slip_rules.pulse_is_wanted(created, late)
    assert slip_rules.pulse_is_wanted(created, (late[0], 0))


# Once or not at all


@pytest.mark.parametrize("begun", [False, True])
def test_after_a_restart_no_pulse_is_sent_for_what_a_dead_node_left(rig, begun):
    rig.sell(1)
    if begun:
        kicks = NodeKicks(rig.node, "counter")
        job = kicks.next_kick()
        assert job is not None
        assert kicks.begin(job)
    rig.restart()
    assert drawer.recover(rig.node) == 1
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert device.pulses == []
    assert [fact[0::4] for fact in settled(rig)] == [("drawer.failed", "interrupted" if begun else "expired")]
    assert drawer.recover(rig.node) == 0


def test_two_tasks_at_one_drawer_send_one_pulse(rig):
    rig.sell(1)
    first, second = NodeKicks(rig.node, "counter"), NodeKicks(rig.node, "counter")
    same = first.next_kick(), second.next_kick()
    assert same[0] == same[1]
    assert same[0] is not None
    assert [first.begin(same[0]), second.begin(same[0])] == [True, False]


def test_nothing_is_sent_before_the_commit_that_says_so(rig):
    rig.sell(1)
    device = ScriptedPrinter()
    with pytest.raises(PowerCut):
        queue_of(rig, device, node=rig.over(BreakingStorage(rig.db, at=1))).step()
    assert device.pulses == []


@pytest.mark.parametrize(
    ("kick", "fact"),
    [
        (KickOutcome("sent"), ("drawer.opened", "sent")),
        (KickOutcome("sensed_open", "opened"), ("drawer.opened", "sensed_open")),
        (KickOutcome("sensed_open", "was_open"), ("drawer.opened", "was_open")),
        (KickOutcome("sent", "not_sensed"), ("drawer.failed", "not_opened")),
        (KickOutcome("held", "not_answering"), ("drawer.failed", "not_answering")),
        (KickOutcome("held", "stale"), ("drawer.failed", "expired")),
        (KickOutcome("unknown", "disconnected"), ("drawer.failed", "unknown")),
    ],
)
def test_whatever_the_printer_says_the_pulse_is_never_sent_again(rig, kick, fact):
    rig.sell(1)
    device = ScriptedPrinter(kicks=[kick])
    queue = queue_of(rig, device)
    for _ in range(4):
        queue.step()
    assert device.pulses == ["till-drawer"]
    assert [found[0::4] for found in settled(rig)] == [fact]


def test_a_fault_of_ours_in_mid_pulse_is_settled_and_never_repeated(rig):
    rig.sell(1)

    class Faulty(ScriptedPrinter):
        def kick(self, row, left_ms):
            super().kick(row, left_ms)
            raise RuntimeError

    device = Faulty()
    queue = queue_of(rig, device)
    with pytest.raises(RuntimeError):
        queue.step()
    run_dry(queue)
    assert (len(device.pulses), [found[0::4] for found in settled(rig)]) == (1, [("drawer.failed", "unknown")])


def test_a_printer_without_paper_still_opens_its_drawer_and_a_held_one_too(rig):
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device)
    rig.sell(1)
    queue.step()
    slips.hold(rig.node, "counter", held=True)
    rig.sell(2)
    queue.step()
    assert len(device.pulses) == 2
    assert device.paper == []


def test_a_printer_opens_only_its_own_drawers(tmp_path):
    other = {"kind": "printer", "id": "bar", "address": "tcp://127.0.0.1:9102", "stations": ["bar"]}
    with Rig(tmp_path, devices=(COUNTER, other, DRAWER)) as rig:
        rig.sell(1)
        bar = ScriptedPrinter()
        run_dry(queue_of(rig, bar, "bar"))
        assert bar.pulses == []
        assert rows(rig) == [("waiting", "")]


# A drawer that is stuck is told


def seen(registry: Registry) -> tuple[str, str]:
    entry = registry.entry("till-drawer")
    assert entry is not None
    return entry.view.state, entry.view.cause


@pytest.mark.parametrize(
    ("kick", "shown"),
    [
        (KickOutcome("sent", "not_sensed"), ("error", "not_opened")),
        (KickOutcome("sensed_open", "was_open"), ("degraded", "was_open")),
    ],
)
def test_a_drawer_that_does_not_move_is_told_until_it_does(rig, kick, shown):
    registry = Registry(rig.node.devices.rows, rig.clock, lambda: None)
    device = ScriptedPrinter(kicks=[kick, KickOutcome("sensed_open", "opened")])
    queue = queue_of(rig, device, registry=registry)
    rig.sell(1)
    run_dry(queue)
    assert seen(registry) == shown
    run_dry(queue)
    assert seen(registry) == shown, "printing goes on; the drawer is still stuck"
    rig.sell(2)
    run_dry(queue)
    assert seen(registry) == ("ready", "")


def test_a_drawer_is_no_better_than_the_connection_to_its_printer(rig):
    registry = Registry(rig.node.devices.rows, rig.clock, lambda: None)
    device = ScriptedPrinter()
    queue = queue_of(rig, device, registry=registry)
    queue.step()
    assert seen(registry) == ("ready", "")
    device.status, device.reached = Status("not_answering", "", cause="not_answering"), False
    queue.step()
    assert seen(registry) == ("absent", "printer")
    device.status = READY
    queue.step()
    assert seen(registry) == ("ready", "")
