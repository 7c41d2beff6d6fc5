"""The spool: every slip reaches paper, or waits with a reason; what may lie on paper is repeated only with its mark."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.printer.printing import Outcome, Status
from edge.db import device_memory
from edge.db.print_jobs import Job
from edge.devices.print_queue import IDLE_CHECK_S, MEND_CHECK_S
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.printing import slips, spool
from edge.services.printing.spool import NodeSpool
from sync.node.database import OperationalError
from tests.kit.nodes import COUNTER, BreakingStorage, PowerCut, Rig, uuid7_hex
from tests.kit.queues import (
    CONFIRMED,
    HELD,
    PAPER_OUT,
    READY,
    RESET,
    UNKNOWN,
    ScriptedPrinter,
    kinds,
    lines,
    only_job,
    queue_of,
    run_dry,
    states,
)


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


def test_a_slip_goes_to_paper_once_and_is_confirmed_with_a_fact(rig):
    rig.sell(1)
    device = ScriptedPrinter([CONFIRMED])
    queue = queue_of(rig, device)
    assert queue.step() == 0
    assert states(rig) == [("confirmed", "", 0)]
    assert kinds(rig) == ["print.confirmed"]
    assert queue.step() == IDLE_CHECK_S
    assert len(device.paper) == 1
    assert queue.entry.view.state == "ready"


def test_nothing_is_handed_over_before_sending_is_committed(rig):
    rig.sell(1)
    seen: list[str] = []
    device = ScriptedPrinter([CONFIRMED], fault=lambda: seen.append(states(rig)[0][0]))
    queue_of(rig, device).step()
    assert seen == ["sending"]


def test_without_that_commit_no_byte_leaves(rig):
    """The negative control: a commit that fails ends the job before the device has anything."""
    rig.sell(1)
    device = ScriptedPrinter([CONFIRMED])
    broken = rig.over(BreakingStorage(rig.db, at=1))
    with pytest.raises(PowerCut):
        queue_of(rig, device, node=broken).step()
    assert device.paper == []
    assert states(rig) == [("queued", "", 0)]


def test_a_node_that_died_while_sending_parks_the_slip_and_does_not_repeat_it(rig):
    rig.sell(1)
    rig.sell(2)
    paper = NodeSpool(rig.node)
    job = paper.next_job()
    assert job is not None
    paper.begin(job)
    rig.restart()
    paper = NodeSpool(rig.node)
    assert spool.recover(rig.node) == 1
    assert states(rig) == [("unknown", "interrupted", 0), ("queued", "", 0)]
    assert kinds(rig) == ["print.parked"]
    waiting = paper.next_job()
    assert waiting is not None
    assert waiting.subject == uuid7_hex(2)


def test_recovering_twice_changes_nothing(rig):
    rig.sell(1)
    paper = NodeSpool(rig.node)
    paper.begin(only_job(rig))
    assert spool.recover(rig.node) == 1
    before = rig.tables()
    assert spool.recover(rig.node) == 0
    assert rig.tables() == before


def test_a_cut_between_any_two_statements_of_an_outcome_never_loses_that_it_was_sent(rig):
    rig.sell(1)
    job = only_job(rig)
    NodeSpool(rig.node).begin(job)
    at = 0
    while True:
        at += 1
        storage = BreakingStorage(rig.db, at=at)
        try:
            NodeSpool(rig.over(storage)).settle(job, "confirmed", "")
        except PowerCut:
            assert states(rig) == [("sending", "", 0)]
            assert kinds(rig) == []
            continue
        break
    assert at > 5
    assert states(rig) == [("confirmed", "", 0)]
    assert verify_journal.verify(rig.node).ok


def test_a_slip_without_word_is_parked_and_the_queue_goes_on(rig):
    rig.sell(1)
    rig.sell(2)
    device = ScriptedPrinter([UNKNOWN, CONFIRMED])
    queue = queue_of(rig, device)
    assert queue.step() == 0
    assert queue.step() == 0
    assert states(rig) == [("unknown", "no_word", 0), ("confirmed", "", 0)]


def test_a_parked_slip_is_sent_again_only_with_its_mark(rig):
    rig.sell(1)
    paper = NodeSpool(rig.node)
    paper.begin(only_job(rig))
    spool.recover(rig.node)
    again = slips.retry(rig.node, only_job(rig).job_id)
    assert isinstance(again, Job)
    assert (again.state, again.copy) == ("queued", 1)
    assert lines(paper.document(again))[0] == "补打 REPRINT 1"


def test_an_original_has_no_mark(rig):
    """The negative control of the mark: it comes from the copy number alone."""
    rig.sell(1)
    assert not any("REPRINT" in line for line in lines(NodeSpool(rig.node).document(only_job(rig))))


def test_every_copy_of_a_receipt_has_a_number_of_its_own(rig):
    rig.sell(1)
    paper = NodeSpool(rig.node)
    for expected in (1, 2, 3):
        job = only_job(rig)
        paper.begin(job)
        spool.recover(rig.node)
        again = slips.retry(rig.node, job.job_id)
        assert isinstance(again, Job)
        assert again.copy == expected
    assert slips.reprint(rig.node, uuid7_hex(1), "f" * 32) == "f" * 32
    assert states(rig)[-1] == ("queued", "", 4)


def test_a_held_slip_is_tried_again_by_itself_and_unmarked(rig):
    rig.sell(1)
    device = ScriptedPrinter([HELD, HELD, CONFIRMED])
    queue = queue_of(rig, device)
    assert queue.step() == MEND_CHECK_S
    assert (queue.entry.view.state, queue.entry.view.cause) == ("error", "paper_out")
    assert states(rig) == [("held", "paper_out", 0)]
    before = rig.tables()
    assert queue.step() == MEND_CHECK_S
    assert rig.tables() == before, "a slip that stays held is no news"
    assert queue.step() == 0
    assert states(rig) == [("confirmed", "", 0)]
    assert len(device.paper) == 1
    assert kinds(rig) == ["print.parked", "print.confirmed"]


def test_retrying_a_held_slip_does_not_mark_it(rig):
    rig.sell(1)
    queue_of(rig, ScriptedPrinter([HELD])).step()
    again = slips.retry(rig.node, only_job(rig).job_id)
    assert isinstance(again, Job)
    assert again.copy == 0


@pytest.mark.parametrize("state", ["queued", "sending", "confirmed", "discarded"])
def test_a_slip_that_is_not_parked_is_neither_retried_nor_discarded(rig, state):
    rig.sell(1)
    job = only_job(rig)
    rig.db.write(lambda tx: tx.execute("UPDATE print_jobs SET state = ?", (state,)))
    before = rig.tables()
    assert slips.retry(rig.node, job.job_id) == Refused("not_reprintable", {"state": state})
    assert slips.discard(rig.node, job.job_id, "wet") == Refused("not_reprintable", {"state": state})
    assert rig.tables() == before


def test_a_slip_that_moved_on_while_a_person_decided_is_not_discarded(rig):
    """The queue takes the held slip to paper between the look and the commit of the discard."""
    rig.sell(1)
    queue_of(rig, ScriptedPrinter([HELD])).step()
    job = only_job(rig)

    class Overtaken(BreakingStorage):
        def write(self, work):
            rig.db.write(lambda tx: tx.execute("UPDATE print_jobs SET state = 'sending'"))
            return self.inner.write(work)

    node = rig.over(Overtaken(rig.db, at=0))
    assert slips.discard(node, job.job_id, "wet") == Refused("not_reprintable", {"state": "held"})
    assert states(rig) == [("sending", "paper_out", 0)]


def test_a_discarded_slip_is_given_up_with_its_reason_and_a_fact(rig):
    rig.sell(1)
    queue_of(rig, ScriptedPrinter([HELD])).step()
    gone = slips.discard(rig.node, only_job(rig).job_id, " guest has left ")
    assert isinstance(gone, Job)
    assert (gone.state, gone.reason) == ("discarded", "guest has left")
    assert kinds(rig) == ["print.parked", "print.discarded"]
    assert slips.open_jobs(rig.node) == []


def test_discarding_a_slip_that_may_lie_in_the_printer_has_the_printer_drop_it_once(rig):
    rig.sell(1)
    rig.sell(2)
    device = ScriptedPrinter([UNKNOWN, HELD, HELD, HELD])
    queue = queue_of(rig, device)
    queue.step()
    queue.step()
    unknown, held = slips.open_jobs(rig.node)
    slips.discard(rig.node, held.job_id, "guest left")
    queue.step()
    assert device.cleared == 0, "nothing was handed over of that one"
    slips.discard(rig.node, unknown.job_id, "guest left")
    queue.step()
    queue.step()
    assert device.cleared == 1


@pytest.mark.parametrize("reason", ["", "   ", "x" * 81])
def test_a_discard_needs_a_reason_that_can_be_read(rig, reason):
    refused = slips.discard(rig.node, "0" * 32, reason)
    assert isinstance(refused, Refused)
    assert refused.code == "bad_text"


def test_a_repeated_reprint_is_one_slip(rig):
    rig.sell(1)
    assert [slips.reprint(rig.node, uuid7_hex(1), "a" * 32) for _ in range(5)] == ["a" * 32] * 5
    assert states(rig) == [("queued", "", 0), ("queued", "", 1)]


def test_a_reprint_under_the_id_of_another_receipts_reprint_is_refused(rig):
    rig.sell(1)
    rig.sell(2)
    slips.reprint(rig.node, uuid7_hex(1), "a" * 32)
    before = rig.tables()
    assert slips.reprint(rig.node, uuid7_hex(2), "a" * 32) == Refused("request_id_reused")
    original = slips.open_jobs(rig.node)[0].job_id
    assert slips.reprint(rig.node, uuid7_hex(1), original) == Refused("request_id_reused")
    assert rig.tables() == before


def test_a_reprint_of_a_sale_that_is_not_there_is_refused(rig):
    assert slips.reprint(rig.node, uuid7_hex(9), "a" * 32) == Refused("not_found")


def test_a_slip_that_cannot_be_built_is_parked_and_the_next_one_prints(rig):
    rig.sell(1)
    rig.sell(2)
    rig.db.write(lambda tx: tx.execute("UPDATE print_jobs SET subject = 'nothing' WHERE position = 1"))
    device = ScriptedPrinter([CONFIRMED])
    queue = queue_of(rig, device)
    with pytest.raises(LookupError):
        queue.step()
    assert queue.step() == 0
    assert states(rig) == [("unknown", "error", 0), ("confirmed", "", 0)]


def test_a_slip_whose_outcome_could_not_be_kept_is_parked_and_no_other(rig):
    rig.sell(1)
    rig.sell(2)

    def fail():
        raise OSError("the disk is full")

    device = ScriptedPrinter([CONFIRMED, CONFIRMED], fault=fail)
    queue = queue_of(rig, device)
    with pytest.raises(OSError, match="full"):
        queue.step()
    device.fault = lambda: None
    queue.step()
    assert states(rig) == [("unknown", "error", 0), ("confirmed", "", 0)]


def test_slips_are_printed_in_the_order_of_their_sales(rig):
    for number in (1, 2, 3):
        rig.sell(number)
    paper = NodeSpool(rig.node)
    order = []
    while (job := paper.next_job()) is not None:
        order.append(job.subject)
        paper.begin(job)
        paper.settle(job, "confirmed", "")
    assert order == [uuid7_hex(number) for number in (1, 2, 3)]


def test_the_thread_prints_what_is_queued_while_it_waits_and_ends_when_told(rig):
    device = ScriptedPrinter([CONFIRMED])
    queue = queue_of(rig, device)
    queue.start()
    seen = rig.node.changed.wait(-1, 0)
    rig.sell(1)
    while states(rig) != [("confirmed", "", 0)]:
        seen = rig.node.changed.wait(seen, 10)
    queue.stop()
    assert len(device.paper) == 1


def test_a_slip_that_is_held_again_for_the_same_reason_stays_in_the_queue(rig):
    device = ScriptedPrinter([RESET, RESET, CONFIRMED], ready_first=True, reached=False)
    queue = queue_of(rig, device)
    rig.sell(1)
    for _ in range(2):
        queue.step()
        assert states(rig) == [("held", "disconnected", 0)]
        assert (queue.entry.view.state, queue.entry.view.cause) == ("absent", "disconnected")
    queue.step()
    assert states(rig) == [("confirmed", "", 0)]
    assert kinds(rig) == ["print.parked", "print.confirmed"], "the same reason again is no news"


def test_a_slip_that_is_discarded_while_the_printer_is_being_asked_does_not_print(rig):
    device = ScriptedPrinter([HELD, CONFIRMED], ready_first=True)
    queue = queue_of(rig, device)
    rig.sell(1)
    queue.step()

    def guest_leaves() -> None:
        assert isinstance(slips.discard(rig.node, only_job(rig).job_id, "guest left"), Job)

    device.asked = guest_leaves
    queue.step()
    assert device.paper == []
    assert states(rig) == [("discarded", "guest left", 0)]
    queue.step()
    assert kinds(rig) == ["print.parked", "print.discarded"]
    assert verify_journal.verify(rig.node).ok


# A node that dies, a disk that is full


def test_a_node_killed_between_commit_and_write_repeats_the_slip_only_with_its_mark(rig):
    """It cannot know that nothing was sent, so it does as if all of it was."""
    rig.sell(1)

    def killed() -> None:
        raise PowerCut

    device = ScriptedPrinter()
    device.paper = Unwritten(killed)
    with pytest.raises(PowerCut):
        queue_of(rig, device).step()
    rig.restart()
    assert spool.recover(rig.node) == 1
    assert states(rig) == [("unknown", "interrupted", 0)]
    again = slips.retry(rig.node, only_job(rig).job_id)
    assert isinstance(again, Job)
    assert lines(NodeSpool(rig.node).document(again))[0] == "补打 REPRINT 1"


class Unwritten(list[bytes]):
    """Paper that is never reached: the process ends when the first byte is to be written."""

    def __init__(self, end):
        super().__init__()
        self.end = end

    def append(self, data):
        self.end()


def test_a_node_killed_between_write_and_confirmation_repeats_the_slip_only_with_its_mark(rig):
    rig.sell(1)

    def killed() -> None:
        raise PowerCut

    device = ScriptedPrinter([CONFIRMED], fault=killed)
    with pytest.raises(PowerCut):
        queue_of(rig, device).step()
    rig.restart()
    spool.recover(rig.node)
    calm = ScriptedPrinter()
    queue = queue_of(rig, calm)
    run_dry(queue)
    assert calm.paper == [], "a receipt that may be on paper waits for a person"
    slips.retry(rig.node, only_job(rig).job_id)
    run_dry(queue)
    assert (len(device.paper), len(calm.paper)) == (1, 1)
    assert b"REPRINT" not in device.paper[0]
    assert b"REPRINT" in calm.paper[0]


def test_after_a_death_in_mid_slip_the_printer_first_gets_what_ends_an_open_command(rig):
    rig.sell(1)
    NodeSpool(rig.node).begin(only_job(rig))
    rig.restart()
    spool.recover(rig.node)
    device = ScriptedPrinter()
    queue_of(rig, device).step()
    assert device.remembered[device_memory.ON_OPEN] == spool.INTERRUPTED


class FullDisk(BreakingStorage):
    """A disk without room: nothing is kept, as SQLite says it (SQLITE_FULL)."""

    full = True

    def write(self, work):
        if self.full:
            raise OperationalError("database or disk is full")
        return self.inner.write(work)


def test_a_full_disk_before_the_first_byte_sends_nothing_and_the_slip_prints_unmarked_once_there_is_room(rig):
    rig.sell(1)
    disk = FullDisk(rig.db, at=0)
    device = ScriptedPrinter()
    queue = queue_of(rig, device, node=rig.over(disk))
    for _ in range(3):
        with pytest.raises(OperationalError, match="full"):
            queue.step()
    assert device.paper == []
    assert states(rig) == [("queued", "", 0)]
    disk.full = False
    run_dry(queue)
    assert len(device.paper) == 1
    assert states(rig) == [("confirmed", "", 0)]


def test_a_disk_that_fills_while_a_slip_prints_loses_neither_the_outcome_nor_prints_twice(rig):
    rig.sell(1)
    disk = FullDisk(rig.db, at=0)
    disk.full = False
    device = ScriptedPrinter()
    device.fault = lambda: setattr(disk, "full", True)
    queue = queue_of(rig, device, node=rig.over(disk))
    for _ in range(2):
        with pytest.raises(OperationalError, match="full"):
            queue.step()
    assert states(rig) == [("sending", "", 0)]
    disk.full = False
    device.fault = lambda: None
    run_dry(queue)
    assert states(rig) == [("confirmed", "", 0)]
    assert len(device.paper) == 1
    assert kinds(rig) == ["print.confirmed"]


# Two tasks, one printer


def test_two_tasks_at_one_printer_print_a_slip_once(rig):
    rig.sell(1)
    second = ScriptedPrinter()
    first = ScriptedPrinter(asked=lambda: run_dry(queue_of(rig, second)))
    run_dry(queue_of(rig, first))
    assert (len(first.paper), len(second.paper)) == (0, 1)
    assert states(rig) == [("confirmed", "", 0)]


class Everybodys(NodeSpool):
    """A spool that lets anybody take a slip."""

    def begin(self, job):
        super().begin(job)
        return True


def test_without_the_commit_that_takes_it_both_would_print_it(rig):
    """The negative control: what keeps the slip to one of them is the state that `begin` asks for."""
    rig.sell(1)
    second = ScriptedPrinter()
    first = ScriptedPrinter([CONFIRMED], asked=lambda: queue_of(rig, second).step())
    queue_of(rig, first, slips_of=Everybodys(rig.node, "counter")).step()
    assert (len(first.paper), len(second.paper)) == (1, 1)


def test_two_slips_never_carry_the_same_tag_one_after_the_other(rig):
    for number in range(1, 8):
        rig.sell(number)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert len(set(device.tags)) == 7
    assert all(len(tag) == 4 and all(0x20 <= byte < 0x7F for byte in tag) for tag in device.tags)


# After an outage: order kept, old slips ask first

MINUTE_MS = 60_000


def test_five_hundred_slips_after_an_outage_print_in_the_order_of_their_sales(rig):
    for number in range(1, 501):
        rig.sell(number)
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device)
    for _ in range(5):
        queue.step()
    rig.clock.advance(9 * MINUTE_MS)
    device.status = READY
    run_dry(queue)
    printed = rig.rows("SELECT subject FROM print_jobs WHERE state = 'confirmed' ORDER BY settled_ms, position")
    assert [row[0] for row in printed] == [uuid7_hex(number) for number in range(1, 501)]
    facts = rig.rows("SELECT raw FROM facts WHERE kind = 'print.confirmed' ORDER BY n")
    assert [uuid7_hex(number).encode() in raw for number, (raw,) in enumerate(facts, start=1)] == [True] * 500
    assert len(device.paper) == 500
    assert verify_journal.verify(rig.node).ok


def outage(rig, device, minutes):
    """Three sales, an outage, and one sale after it."""
    queue = queue_of(rig, device)
    device.status = PAPER_OUT
    for number in (1, 2, 3):
        rig.sell(number)
    queue.step()
    rig.clock.advance(minutes * MINUTE_MS)
    rig.sell(4)
    device.status = READY
    run_dry(queue)
    return queue


def test_slips_older_than_ten_minutes_ask_a_person_after_an_outage_and_fresh_ones_print(rig):
    device = ScriptedPrinter()
    outage(rig, device, minutes=10)
    assert states(rig) == [("held", "stale", 0)] * 3 + [("confirmed", "", 0)]
    assert len(device.paper) == 1
    assert slips.open_jobs(rig.node)[0].asked == 1


def test_slips_that_are_younger_print_by_themselves(rig):
    """The negative control: it is the age that makes them ask."""
    device = ScriptedPrinter()
    outage(rig, device, minutes=9)
    assert states(rig) == [("confirmed", "", 0)] * 4


def test_a_printer_whose_row_says_never_asks_about_nothing(tmp_path):
    with Rig(tmp_path, devices=[{**COUNTER, "ask_after_min": 0}]) as rig:
        device = ScriptedPrinter()
        outage(rig, device, minutes=600)
        assert states(rig) == [("confirmed", "", 0)] * 4


def test_what_a_person_says_to_print_comes_out_in_the_order_of_its_sales_and_unmarked(rig):
    device = ScriptedPrinter()
    queue = outage(rig, device, minutes=30)
    assert slips.answer_stale(rig.node, "counter", "print") == 3
    assert slips.answer_stale(rig.node, "counter", "print") == 0
    run_dry(queue)
    assert states(rig) == [("confirmed", "", 0)] * 4
    assert not any(b"REPRINT" in slip for slip in device.paper)
    settled = [raw for (raw,) in rig.rows("SELECT raw FROM facts WHERE kind = 'print.confirmed' ORDER BY n")]
    for number, raw in zip((4, 1, 2, 3), settled, strict=True):
        assert uuid7_hex(number).encode() in raw
    assert verify_journal.verify(rig.node).ok


def test_what_was_answered_is_not_asked_again_after_the_next_outage(rig):
    device = ScriptedPrinter()
    queue = outage(rig, device, minutes=30)
    slips.answer_stale(rig.node, "counter", "print")
    device.status = PAPER_OUT
    queue.step()
    rig.clock.advance(30 * MINUTE_MS)
    device.status = READY
    run_dry(queue)
    assert states(rig) == [("confirmed", "", 0)] * 4


def test_what_a_person_says_to_discard_is_given_up_with_a_fact_each(rig):
    outage(rig, ScriptedPrinter(), minutes=30)
    assert slips.answer_stale(rig.node, "counter", "discard") == 3
    assert states(rig) == [("discarded", "stale", 0)] * 3 + [("confirmed", "", 0)]
    assert kinds(rig).count("print.discarded") == 3
    assert verify_journal.verify(rig.node).ok


def test_a_single_old_slip_can_be_sent_or_discarded_alone(rig):
    device = ScriptedPrinter()
    queue = outage(rig, device, minutes=30)
    first, second, _ = slips.open_jobs(rig.node)
    assert isinstance(slips.retry(rig.node, second.job_id), Job)
    assert isinstance(slips.discard(rig.node, first.job_id, "guest left"), Job)
    run_dry(queue)
    assert states(rig)[:3] == [("discarded", "guest left", 0), ("confirmed", "", 0), ("held", "stale", 0)]


def test_a_restart_asks_about_old_slips_too(rig):
    rig.sell(1)
    rig.clock.advance(11 * MINUTE_MS)
    rig.restart()
    run_dry(queue_of(rig, ScriptedPrinter()))
    assert states(rig) == [("held", "stale", 0)]


def test_slips_that_grow_old_in_the_line_of_a_working_printer_ask_nobody(rig):
    for number in (1, 2):
        rig.sell(number)
    device = ScriptedPrinter(fault=lambda: rig.clock.advance(15 * MINUTE_MS))
    run_dry(queue_of(rig, device))
    assert states(rig) == [("confirmed", "", 0)] * 2


def test_a_clock_that_was_set_back_makes_no_slip_ask_and_none_wait(rig):
    rig.sell(1)
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device)
    queue.step()
    rig.clock.step_wall(-24 * 60 * MINUTE_MS)
    device.status = READY
    run_dry(queue)
    assert states(rig) == [("confirmed", "", 0)]


def test_a_clock_that_was_set_forward_makes_old_slips_ask_and_loses_none(rig):
    rig.sell(1)
    rig.clock.step_wall(24 * 60 * MINUTE_MS)
    device = ScriptedPrinter()
    queue = queue_of(rig, device)
    run_dry(queue)
    assert states(rig) == [("held", "stale", 0)]
    slips.answer_stale(rig.node, "counter", "print")
    run_dry(queue)
    assert states(rig) == [("confirmed", "", 0)]


# A person holds a printer


def test_a_held_printer_prints_nothing_until_it_is_released_also_over_a_restart(rig):
    device = ScriptedPrinter()
    slips.hold(rig.node, "counter", held=True)
    rig.sell(1)
    queue = queue_of(rig, device)
    assert queue.step() == IDLE_CHECK_S
    assert queue.entry.held
    rig.restart()
    queue = queue_of(rig, device)
    queue.step()
    assert (device.paper, queue.entry.held) == ([], True)
    slips.hold(rig.node, "counter", held=False)
    run_dry(queue)
    assert (len(device.paper), queue.entry.held) == (1, False)


def test_a_printer_that_is_not_there_cannot_be_held(rig):
    assert slips.hold(rig.node, "attic", held=True) == Refused("not_found", {"printer": "attic"})


# How a printer looks


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (replace(CONFIRMED, status=Status("ready", "", near_end=True)), ("degraded", "near_end")),
        (replace(CONFIRMED, status=READY), ("ready", "")),
        (Outcome("sent", "unconfirmed", 9, status=READY), ("degraded", "unconfirmed")),
        (Outcome("sent", "unconfirmed", 9), ("degraded", "unconfirmed")),
        (Outcome("held", "other_printer", 0, cause="other_printer", status=READY), ("error", "other_printer")),
        (Outcome("held", "not_answering", 0, cause="not_answering"), ("unknown", "not_answering")),
        (Outcome("held", "error", 0, cause="cutter", status=Status("error", "", cause="cutter")), ("error", "cutter")),
    ],
)
def test_what_a_printer_said_last_is_how_it_is_shown(rig, outcome, shown):
    rig.sell(1)
    queue = queue_of(rig, ScriptedPrinter([outcome]))
    queue.step()
    assert (queue.entry.view.state, queue.entry.view.cause) == shown


def test_counters_say_what_a_printer_did(rig):
    rig.sell(1)
    device = ScriptedPrinter([HELD, replace(CONFIRMED, status=READY)])
    queue = queue_of(rig, device)
    run_dry(queue)
    run_dry(queue)
    counters = queue.entry.view.counters
    assert (counters.jobs, counters.bytes, counters.errors, counters.reconnects) == (1, 100, 1, 1)
    assert rig.rows("SELECT bytes_handed FROM print_jobs") == [(100,)]


# A test slip


def test_a_test_slip_goes_through_the_spool_and_says_which_printer_and_profile_it_is(rig):
    job_id = slips.test_slip(rig.node, "counter")
    said = lines(NodeSpool(rig.node).document(only_job(rig)))
    assert said[0] == "测试页 TEST"
    assert "12345678901234567890" in said[1]
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert states(rig) == [("confirmed", "", 0)]
    assert only_kind(rig) == ("test", "counter", job_id)
    assert slips.test_slip(rig.node, "attic") == Refused("not_found", {"printer": "attic"})


def only_kind(rig):
    [(document, subject, job_id)] = rig.rows("SELECT document, subject, job_id FROM print_jobs")
    return document, subject, job_id
