"""What becomes of slips: from the fact to the document, and every change of state with its fact."""

from dataclasses import dataclass
from typing import TypeVar

from drivers.document import ReceiptDoc
from edge.db import journal, print_jobs, projections, sales
from edge.db.journal import Draft
from edge.db.print_jobs import Job
from edge.domain.paper import PrinterView
from edge.domain.refusal import Refused
from edge.receipts.receipt import Heading, receipt
from edge.services.node import Node
from edge.services.settle_sale import RECEIPT
from sync.contract import facts, operations, trade
from sync.contract.operations import PrintSettled
from sync.contract.trade import InviteIssued, SalePaid
from sync.node.database import Tx

T = TypeVar("T")

REASON_CHARS_MAX = 80
JOBS_SHOWN_MAX = 200
PARKED = frozenset({"held", "unknown"})
IN_THE_QUEUES_HANDS = frozenset({"queued", "claimed", "held", "sending", "sent"})


@dataclass(frozen=True)
class Settling:
    """A change of a slip's state: to what, why, by which fact, and from which states it may come."""

    state: str
    reason: str
    kind: str
    only_from: frozenset[str]


class NodeSpool:
    """The spool as the print queue sees it (`edge.devices.print_queue.Spool`)."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def next_job(self) -> Job | None:
        """Give the oldest slip that the printer may take."""
        with self._node.db.read() as reader:
            return print_jobs.next_waiting(reader)

    def document(self, job: Job) -> ReceiptDoc:
        """Build what a slip says, from the facts of its sale.

        Raises:
            LookupError: the sale is not there; a slip is queued in its sale's transaction, so this is our own mistake.
        """
        grant = self._node.enrolment
        assert grant is not None
        with self._node.db.read() as reader:
            row = sales.by_id(reader, job.subject)
            if row is None:
                raise LookupError(f"slip {job.job_id} names no sale")
            sale_fact = facts.decode(journal.fact_of_sale(reader, row.epoch, row.seq))
            # The invite is the next trade fact: both were written by one append.
            invite_fact = facts.decode(journal.fact_of_sale(reader, row.epoch, row.seq + 1))
        sale, invite = trade.read_trade(sale_fact), trade.read_trade(invite_fact)
        assert isinstance(sale, SalePaid)
        assert isinstance(invite, InviteIssued)
        heading = Heading(grant.store, grant.name, self._node.zone, grant.public_url)
        return receipt(sale, invite, heading, sale_fact.at_ms, job.copy)

    def begin(self, job: Job) -> bool:
        """Commit that the first byte of a slip is about to go out; False when it was discarded meanwhile."""
        return self._node.db.write(lambda tx: print_jobs.begin_attempt(tx, job.job_id))

    def settle(self, job: Job, state: str, reason: str) -> None:
        """Commit what became of a slip, with the fact that says so.

        A slip that is held again for the same reason is no news: its row says so, and the journal is not told twice.
        What a person discarded while the printer was being asked stays discarded.
        """
        if (job.state, job.reason) == (state, reason):
            self._node.db.write(lambda tx: print_jobs.put_back(tx, job.job_id, state, reason))
            return
        on_paper = state in {"confirmed", "sent"}
        kind = operations.PRINT_CONFIRMED if on_paper else operations.PRINT_PARKED
        final = "confirmed" if on_paper else state
        _write_settled(self._node, job, Settling(final, reason, kind, IN_THE_QUEUES_HANDS))

    def recover(self) -> int:
        """After a restart: what was in hand may lie on paper, so it waits for a person; gives how many."""
        with self._node.db.read() as reader:
            left = print_jobs.left_in_hand(reader)
        for job in left:
            _write_settled(
                self._node, job, Settling("unknown", "interrupted", operations.PRINT_PARKED, IN_THE_QUEUES_HANDS)
            )
        return len(left)

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait for a slip to be queued."""
        return self._node.printing.wait(seen, timeout_s)

    def wake(self) -> None:
        """End a wait."""
        self._node.printing.notify()

    def show(self, state: str) -> PrinterView:
        """Tell the screens that the printer's state changed."""
        self._node.changed.notify()
        return PrinterView(state, self._node.clock.now_ms())


def retry(node: Node, job_id: str) -> Job | Refused:
    """A person sends a parked slip again: marked when it may lie on paper already, unmarked when it cannot."""

    def work(tx: Tx) -> Job | Refused:
        job = print_jobs.by_id(tx, job_id)
        if job is None:
            return Refused("not_found")
        if job.state == "unknown":
            print_jobs.requeue_marked(tx, job_id, print_jobs.next_copy(tx, job.subject))
        elif job.state != "held":
            return Refused("not_reprintable", {"state": job.state})
        return print_jobs.by_id(tx, job_id) or job

    return _and_wake(node, node.db.write(work))


def discard(node: Node, job_id: str, reason: str) -> Job | Refused:
    """A person decides that a parked slip is not wanted any more, and says why."""
    if not 1 <= len(reason.strip()) <= REASON_CHARS_MAX:
        return Refused("bad_text", {"chars_max": REASON_CHARS_MAX})
    with node.db.read() as reader:
        job = print_jobs.by_id(reader, job_id)
    if job is None:
        return Refused("not_found")
    if not _write_settled(node, job, Settling("discarded", reason.strip(), operations.PRINT_DISCARDED, PARKED)):
        return Refused("not_reprintable", {"state": job.state})
    with node.db.read() as reader:
        return print_jobs.by_id(reader, job_id) or job


def reprint(node: Node, sale_id: str, request_id: str) -> str | Refused:
    """Queue a marked copy of a sale's receipt; a repeated request id gives the same job."""
    job_id = request_id

    def work(tx: Tx) -> str | Refused:
        earlier_job = print_jobs.by_id(tx, job_id)
        if earlier_job is not None:
            same = earlier_job.subject == sale_id and earlier_job.copy > 0
            return job_id if same else Refused("request_id_reused")
        answer = sales.stored_answer(tx, sale_id)
        row = sales.by_id(tx, sale_id)
        if answer is None or row is None or node.settings.printer is None:
            return Refused("not_found")
        earlier = print_jobs.of_subject(tx, sale_id)
        label = earlier[0].label if earlier else sale_id
        print_jobs.add(tx, (job_id, RECEIPT, sale_id, label), print_jobs.next_copy(tx, sale_id), node.clock.now_ms())
        return job_id

    return _and_wake(node, node.db.write(work))


def open_jobs(node: Node) -> list[Job]:
    """List what is not settled."""
    with node.db.read() as reader:
        return print_jobs.open_jobs(reader, JOBS_SHOWN_MAX)


def _write_settled(node: Node, job: Job, settling: Settling) -> bool:
    """Write a state with its fact, only if the slip has not moved on meanwhile; False when it has."""
    place = node.place()
    body = PrintSettled(
        job_id=job.job_id,
        document=job.document,
        subject=job.subject,
        copy=job.copy,
        state=settling.state,
        reason=settling.reason,
    )
    draft = Draft(fact_id=node.ids.uuid7(), lane=1, kind=settling.kind, v=1, body=body, device="printer")

    def work(tx: Tx) -> bool:
        held = print_jobs.by_id(tx, job.job_id)
        if held is None or held.state not in settling.only_from:
            return False
        print_jobs.set_state(tx, job.job_id, settling.state, settling.reason, place.at_ms)
        for fact in journal.append(tx, place, node.identity, [draft]):
            projections.project(tx, fact)
        return True

    written = node.db.write(work)
    node.committed.notify()
    node.changed.notify()
    return written


def _and_wake(node: Node, result: T) -> T:
    node.printing.notify()
    node.changed.notify()
    return result
