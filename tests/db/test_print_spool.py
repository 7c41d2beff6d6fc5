"""The spool: every slip reaches paper, or waits with a reason; what may lie on paper is repeated only with its mark."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.document import ReceiptDoc, Text
from drivers.escpos.profile import PrinterProfile
from drivers.printer.printing import Outcome
from drivers.printer.profiles import PROFILES
from edge.db.print_jobs import Job
from edge.devices.print_queue import IDLE_CHECK_S, MEND_CHECK_S, PrintQueue
from edge.domain.refusal import Refused
from edge.services import slips, verify_journal
from edge.services.slips import NodeSpool
from tests.kit.nodes import BreakingStorage, PowerCut, Rig, uuid7_hex

CONFIRMED = Outcome("confirmed", "", 100)
HELD = Outcome("held", "paper_out", 0)
UNKNOWN = Outcome("unknown", "no_word", 40)


@dataclass
class Device:
    """A printer that follows a script; it hands over its first byte only where the outcome says so."""

    outcomes: list[Outcome]
    state: str = "ready"
    fault: Callable[[], None] = lambda: None
    paper: list[bytes] = field(default_factory=list)

    @property
    def profile(self) -> PrinterProfile:
        return PROFILES["epson-80"]

    def check(self) -> str:
        return self.state

    def print_slip(self, job: Job, data: bytes, before_first_byte: Callable[[], None]) -> Outcome:
        outcome = self.outcomes.pop(0)
        if outcome.state != "held":
            before_first_byte()
            self.paper.append(data)
        self.fault()
        return outcome


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


def states(rig: Rig) -> list[tuple[str, str, int]]:
    return [
        (row[0], row[1], row[2]) for row in rig.rows("SELECT state, reason, copy FROM print_jobs ORDER BY position")
    ]


def kinds(rig: Rig) -> list[str]:
    return [row[0] for row in rig.rows("SELECT kind FROM facts WHERE lane = 1 AND kind LIKE 'print.%' ORDER BY n")]


def only_job(rig: Rig) -> Job:
    [job] = slips.open_jobs(rig.node)
    return job


def lines(document: ReceiptDoc) -> list[str]:
    return [element.text for element in document.elements if isinstance(element, Text)]


def test_a_slip_goes_to_paper_once_and_is_confirmed_with_a_fact(rig):
    rig.sell(1)
    device = Device([CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    assert queue.step() == 0
    assert states(rig) == [("confirmed", "", 0)]
    assert kinds(rig) == ["print.confirmed"]
    assert queue.step() == IDLE_CHECK_S
    assert len(device.paper) == 1
    assert queue.view.state == "ready"


def test_nothing_is_handed_over_before_sending_is_committed(rig):
    rig.sell(1)
    seen: list[str] = []
    device = Device([CONFIRMED], fault=lambda: seen.append(states(rig)[0][0]))
    PrintQueue(NodeSpool(rig.node), device).step()
    assert seen == ["sending"]


def test_without_that_commit_no_byte_leaves(rig):
    """The negative control: a commit that fails ends the job before the device has anything."""
    rig.sell(1)
    device = Device([CONFIRMED])
    broken = rig.over(BreakingStorage(rig.db, at=1))
    with pytest.raises(PowerCut):
        PrintQueue(NodeSpool(broken), device).step()
    assert device.paper == []
    assert states(rig) == [("queued", "", 0)]


def test_a_node_that_died_while_sending_parks_the_slip_and_does_not_repeat_it(rig):
    rig.sell(1)
    rig.sell(2)
    spool = NodeSpool(rig.node)
    job = spool.next_job()
    assert job is not None
    spool.begin(job)
    rig.restart()
    spool = NodeSpool(rig.node)
    assert spool.recover() == 1
    assert states(rig) == [("unknown", "interrupted", 0), ("queued", "", 0)]
    assert kinds(rig) == ["print.parked"]
    waiting = spool.next_job()
    assert waiting is not None
    assert waiting.subject == uuid7_hex(2)


def test_recovering_twice_changes_nothing(rig):
    rig.sell(1)
    spool = NodeSpool(rig.node)
    spool.begin(only_job(rig))
    assert spool.recover() == 1
    before = rig.tables()
    assert spool.recover() == 0
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
    device = Device([UNKNOWN, CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    assert queue.step() == 0
    assert queue.step() == 0
    assert states(rig) == [("unknown", "no_word", 0), ("confirmed", "", 0)]


def test_a_parked_slip_is_sent_again_only_with_its_mark(rig):
    rig.sell(1)
    spool = NodeSpool(rig.node)
    spool.begin(only_job(rig))
    spool.recover()
    again = slips.retry(rig.node, only_job(rig).job_id)
    assert isinstance(again, Job)
    assert (again.state, again.copy) == ("queued", 1)
    assert lines(spool.document(again))[0] == "补打 REPRINT 1"


def test_an_original_has_no_mark(rig):
    """The negative control of the mark: it comes from the copy number alone."""
    rig.sell(1)
    assert not any("REPRINT" in line for line in lines(NodeSpool(rig.node).document(only_job(rig))))


def test_every_copy_of_a_receipt_has_a_number_of_its_own(rig):
    rig.sell(1)
    spool = NodeSpool(rig.node)
    for expected in (1, 2, 3):
        job = only_job(rig)
        spool.begin(job)
        spool.recover()
        again = slips.retry(rig.node, job.job_id)
        assert isinstance(again, Job)
        assert again.copy == expected
    assert slips.reprint(rig.node, uuid7_hex(1), "f" * 32) == "f" * 32
    assert states(rig)[-1] == ("queued", "", 4)


def test_a_held_slip_is_tried_again_by_itself_and_unmarked(rig):
    rig.sell(1)
    device = Device([HELD, HELD, CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    assert queue.step() == MEND_CHECK_S
    assert queue.view.state == "paper_out"
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
    PrintQueue(NodeSpool(rig.node), Device([HELD])).step()
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
    PrintQueue(NodeSpool(rig.node), Device([HELD])).step()
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
    PrintQueue(NodeSpool(rig.node), Device([HELD])).step()
    gone = slips.discard(rig.node, only_job(rig).job_id, " guest has left ")
    assert isinstance(gone, Job)
    assert (gone.state, gone.reason) == ("discarded", "guest has left")
    assert kinds(rig) == ["print.parked", "print.discarded"]
    assert slips.open_jobs(rig.node) == []


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
    device = Device([CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    with pytest.raises(LookupError):
        queue.step()
    assert queue.step() == 0
    assert states(rig) == [("unknown", "error", 0), ("confirmed", "", 0)]


def test_a_slip_whose_outcome_could_not_be_kept_is_parked_and_no_other(rig):
    rig.sell(1)
    rig.sell(2)

    def fail():
        raise OSError("the disk is full")

    device = Device([CONFIRMED, CONFIRMED], fault=fail)
    queue = PrintQueue(NodeSpool(rig.node), device)
    with pytest.raises(OSError, match="full"):
        queue.step()
    device.fault = lambda: None
    queue.step()
    assert states(rig) == [("unknown", "error", 0), ("confirmed", "", 0)]


def test_slips_are_printed_in_the_order_of_their_sales(rig):
    for number in (1, 2, 3):
        rig.sell(number)
    spool = NodeSpool(rig.node)
    order = []
    while (job := spool.next_job()) is not None:
        order.append(job.subject)
        spool.begin(job)
        spool.settle(job, "confirmed", "")
    assert order == [uuid7_hex(number) for number in (1, 2, 3)]


def test_the_thread_prints_what_is_queued_while_it_waits_and_ends_when_told(rig):
    device = Device([CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    queue.start()
    seen = rig.node.changed.wait(-1, 0)
    rig.sell(1)
    while states(rig) != [("confirmed", "", 0)]:
        seen = rig.node.changed.wait(seen, 10)
    queue.stop()
    assert len(device.paper) == 1


@dataclass
class ResettingDevice(Device):
    """A printer that says it is ready and then resets before it takes a byte: held after `sending` was committed."""

    asked: Callable[[], None] = lambda: None

    def print_slip(self, job: Job, data: bytes, before_first_byte: Callable[[], None]) -> Outcome:
        outcome = self.outcomes.pop(0)
        self.asked()
        before_first_byte()
        if outcome.state != "held":
            self.paper.append(data)
        return outcome


def test_a_slip_that_is_held_again_for_the_same_reason_stays_in_the_queue(rig):
    reset = Outcome("held", "disconnected", 0)
    device = ResettingDevice([reset, reset, CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
    rig.sell(1)
    for _ in range(2):
        queue.step()
        assert states(rig) == [("held", "disconnected", 0)]
        assert queue.view.state == "not_answering"
    queue.step()
    assert states(rig) == [("confirmed", "", 0)]
    assert kinds(rig) == ["print.parked", "print.confirmed"], "the same reason again is no news"


def test_a_slip_that_is_discarded_while_the_printer_is_being_asked_does_not_print(rig):
    device = ResettingDevice([HELD, CONFIRMED])
    queue = PrintQueue(NodeSpool(rig.node), device)
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
