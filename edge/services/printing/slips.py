"""What people do with slips: send again, send elsewhere, give up, ask for a copy, try a printer, let one wait."""

from typing import Literal, TypeVar

from edge.db import device_memory, print_jobs, sales
from edge.db.print_jobs import Job, NewSlip
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT, PrinterRow
from edge.domain.refusal import Refused
from edge.services.money.settle_sale import read_answer
from edge.services.node import Node
from edge.services.printing import slip_changes
from edge.services.printing.slip_changes import Settling, write_settled
from sync.contract import operations
from sync.node.database import Tx

T = TypeVar("T")

REASON_CHARS_MAX = 80
JOBS_SHOWN_MAX = 200
PARKED = frozenset({"held", "unknown"})


def retry(node: Node, job_id: str) -> Job | Refused:
    """A person sends a parked slip again: marked when it may lie on paper already, unmarked when it cannot.

    One whose printer is gone goes to the printer that serves its station now.
    """
    place = None if node.training else node.place()

    def work(tx: Tx) -> Job | Refused:
        job = print_jobs.by_id(tx, job_id)
        if job is None:
            return Refused("not_found")
        if job.state not in PARKED:
            return Refused("not_reprintable", {"state": job.state})
        if slip_changes.printer_of(node.devices, job) is None:
            target = node.devices.printer_for(job.station, "")
            if target is None or place is None:
                return Refused("not_reprintable", {"state": job.state, "printer": job.printer})
            slip_changes.move(tx, node, place, job, target, slip_changes.BY_HAND)
        _queue_again(tx, job)
        return print_jobs.by_id(tx, job_id) or job

    return _and_wake(node, node.db.write(work))


def redirect(node: Node, job_id: str, printer_id: str) -> Job | Refused:
    """A person sends a waiting or parked slip to another printer: marked when it may lie on paper already.

    What is being printed at this moment stays where it is.
    """
    target = node.devices.printer(printer_id)
    if target is None or node.training:
        return Refused("not_found", {"printer": printer_id[:64]})
    place = node.place()

    def work(tx: Tx) -> Job | Refused:
        job = print_jobs.by_id(tx, job_id)
        if job is None:
            return Refused("not_found")
        if job.state not in PARKED | {"queued", "claimed"}:
            return Refused("not_reprintable", {"state": job.state})
        if job.document not in slip_rules.MOVABLE:
            return Refused("not_reprintable", {"state": job.state, "document": job.document})
        if slip_changes.printer_of(node.devices, job) == target:
            return Refused("not_reprintable", {"state": job.state, "printer": target.id})
        slip_changes.move(tx, node, place, job, target, slip_changes.BY_HAND)
        _queue_again(tx, job)
        return print_jobs.by_id(tx, job_id) or job

    return _and_wake(node, node.db.write(work))


def discard(node: Node, job_id: str, reason: str) -> Job | Refused:
    """A person decides that a parked slip is not wanted any more, and says why.

    What of it still lies in the printer's buffer is dropped where the printer can do that; otherwise it would come out by
    itself once paper or cover is mended.
    """
    if not 1 <= len(reason.strip()) <= REASON_CHARS_MAX:
        return Refused("bad_text", {"chars_max": REASON_CHARS_MAX})
    with node.db.read() as reader:
        job = print_jobs.by_id(reader, job_id)
    if job is None:
        return Refused("not_found")
    clear = (device_memory.CLEAR, "yes") if job.state == "unknown" else None
    settling = Settling("discarded", reason.strip(), operations.PRINT_DISCARDED, PARKED, remember=clear)
    if not write_settled(node, job, settling):
        return Refused("not_reprintable", {"state": job.state})
    node.printing.notify()
    with node.db.read() as reader:
        return print_jobs.by_id(reader, job_id) or job


def answer_stale(node: Node, printer_id: str, answer: Literal["print", "discard"]) -> int:
    """A person answers for all slips of a printer that were too old to print unasked; gives how many.

    What is printed comes out in the order of its sales, before what was queued since.
    """
    place = node.place()

    def work(tx: Tx) -> int:
        jobs = [
            job
            for job in print_jobs.asking(tx, slip_rules.STALE)
            if (row := slip_changes.printer_of(node.devices, job)) is not None and row.id == printer_id
        ]
        gone = operations.PRINT_DISCARDED
        for job in jobs:
            if answer == "print":
                print_jobs.release(tx, job.job_id, print_jobs.ANSWERED)
            else:
                print_jobs.set_state(tx, job.job_id, "discarded", slip_rules.STALE, place.at_ms)
        if answer == "discard":
            drafts = [slip_changes.settled_draft(node, job, gone, "discarded", slip_rules.STALE) for job in jobs]
            slip_changes.append(tx, node, place, drafts)
        return len(jobs)

    return _and_wake(node, node.db.write(work))


def reprint(node: Node, sale_id: str, request_id: str) -> str | Refused:
    """Queue a marked copy of a sale's receipt; a repeated request id gives the same job."""
    job_id = request_id

    def work(tx: Tx) -> str | Refused:
        earlier_job = print_jobs.by_id(tx, job_id)
        if earlier_job is not None:
            same = (earlier_job.subject, earlier_job.document) == (sale_id, RECEIPT) and earlier_job.copy > 0
            return job_id if same else Refused("request_id_reused")
        stored = sales.stored_answer(tx, sale_id)
        if stored is None or sales.by_id(tx, sale_id) is None:
            return Refused("not_found")
        answer = read_answer(stored.answer)
        if not answer.invite.code:
            # The node that sold it died before its invite got to the hub: the receipt cannot be made again.
            return Refused("not_reprintable", {"state": "no_invite"})
        row = node.devices.printer_for(RECEIPT, answer.till)
        if row is None:
            return Refused("not_found")
        copy = print_jobs.next_copy(tx, sale_id, RECEIPT, RECEIPT)
        slip = NewSlip(job_id, RECEIPT, sale_id, answer.receipt_no, RECEIPT, row.id)
        print_jobs.add(tx, slip, copy, node.clock.now_ms())
        return job_id

    return _and_wake(node, node.db.write(work))


def test_slip(node: Node, printer_id: str) -> str | Refused:
    """Queue a slip that shows how a printer prints; gives the job."""
    row = node.devices.printer(printer_id)
    if row is None or node.training:
        return Refused("not_found", {"printer": printer_id[:64]})
    return _and_wake(node, node.db.write(lambda tx: add_test_slip(tx, node, row)))


def add_test_slip(tx: Tx, node: Node, row: PrinterRow) -> str:
    """Queue a slip that shows how a printer prints, within the caller's transaction; gives the job."""
    job_id = node.ids.uuid7().hex()
    slip = NewSlip(job_id, slip_rules.TEST, row.id, row.name or row.id, slip_rules.TEST, row.id)
    print_jobs.add(tx, slip, 0, node.clock.now_ms())
    return job_id


def hold(node: Node, printer_id: str, *, held: bool) -> Refused | None:
    """A person lets a printer wait, or go on; it stays so over restarts. Its drawer opens all the same."""
    row = node.devices.printer(printer_id)
    if row is None:
        return Refused("not_found", {"printer": printer_id[:64]})
    node.db.write(lambda tx: device_memory.remember(tx, row.id, device_memory.HELD, "yes" if held else ""))
    return _and_wake(node, None)


def open_jobs(node: Node) -> list[Job]:
    """List what is not settled."""
    with node.db.read() as reader:
        return print_jobs.open_jobs(reader, JOBS_SHOWN_MAX)


def _queue_again(tx: Tx, job: Job) -> None:
    if job.state == "unknown":
        print_jobs.requeue_marked(tx, job.job_id, print_jobs.next_copy(tx, job.subject, job.document, job.station))
    elif job.state == "held":
        print_jobs.release(tx, job.job_id, print_jobs.ANSWERED)


def _and_wake(node: Node, result: T) -> T:
    node.printing.notify()
    node.changed.notify()
    node.committed.notify()
    return result
