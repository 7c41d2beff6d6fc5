"""The spool as one printer's queue sees it (`edge.devices.print_queue.Spool`), and what a start finds in it."""

from drivers.document import ReceiptDoc
from drivers.escpos.profile import PrinterProfile
from drivers.printer.profiles import PROFILES
from edge.db import device_memory, print_jobs
from edge.db.print_jobs import Job
from edge.domain import slip_rules
from edge.services.node import Node
from edge.services.printing import slip_changes, slip_papers
from edge.services.printing.slip_changes import Settling, write_settled
from sync.contract import operations
from sync.node.database import Tx

IN_THE_QUEUES_HANDS = frozenset({"queued", "claimed", "held", "sending", "sent"})
INTERRUPTED = "interrupted"
"""What is remembered of a printer whose slip a dead process left in the middle: the next connection first mends that."""
_UNMARKED = PROFILES["epson-80"]


class NodeSpool:
    """The slips of one printer."""

    def __init__(self, node: Node, printer: str = "") -> None:
        """Look at a printer's slips.

        Args:
            printer: its id; empty = the receipt printer.
        """
        everybodys = slip_changes.receipt_printer(node.devices)
        row = node.devices.printer(printer) if printer else everybodys
        assert row is not None, "only a printer of the settings has a spool"
        self._node = node
        self._row = row
        self._printers = (row.id, "" if row is everybodys else row.id)

    def next_job(self) -> Job | None:
        """Give the oldest slip that the printer may take."""
        with self._node.db.read() as reader:
            return print_jobs.next_waiting(reader, self._printers)

    def document(self, job: Job, profile: PrinterProfile = _UNMARKED) -> ReceiptDoc:
        """Build what a slip says; see `slip_papers.document`."""
        return slip_papers.document(self._node, job, profile)

    def begin(self, job: Job) -> bool:
        """Commit that the first byte of a slip is about to go out; False when it is not this printer's to print any more."""
        return self._node.db.write(lambda tx: print_jobs.begin_attempt(tx, job))

    def settle(self, job: Job, state: str, reason: str, bytes_handed: int = 0) -> None:
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
        write_settled(self._node, job, Settling(final, reason, kind, IN_THE_QUEUES_HANDS, bytes_handed or None))

    def hold_stale(self) -> int:
        """After an outage: hold every slip of this printer that is too old to print unasked; gives how many."""
        place = self._node.place()

        def old(tx: Tx) -> list[Job]:
            return [
                job
                for job in print_jobs.waiting_at(tx, self._printers)
                if job.asked != print_jobs.ANSWERED
                and slip_rules.is_stale(job.created_ms, place.at_ms, self._row.ask_after_min)
            ]

        def work(tx: Tx) -> int:
            held = [job for job in old(tx) if print_jobs.ask(tx, job.job_id, slip_rules.STALE)]
            drafts = [
                slip_changes.settled_draft(self._node, job, operations.PRINT_PARKED, "held", slip_rules.STALE)
                for job in held
            ]
            slip_changes.append(tx, self._node, place, drafts)
            return len(held)

        with self._node.db.read() as reader:
            waiting = print_jobs.waiting_at(reader, self._printers)
        if not any(slip_rules.is_stale(job.created_ms, place.at_ms, self._row.ask_after_min) for job in waiting):
            return 0
        count = self._node.db.write(work)
        slip_changes.tell(self._node)
        return count

    def movable(self) -> list[str]:
        """List the slips that may go to the fall-back: none that moved before, none about this very printer."""
        with self._node.db.read() as reader:
            waiting = print_jobs.waiting_at(reader, self._printers)
        return [job.job_id for job in waiting if not job.moved_from and job.document in slip_rules.MOVABLE]

    def move_on(self, job_ids: list[str]) -> int:
        """Give slips to the fall-back because this printer cannot print; gives how many went."""
        target = self._node.devices.printer(self._row.fallback)
        if target is None:
            return 0
        place = self._node.place()
        wanted = set(job_ids)

        def work(tx: Tx) -> int:
            jobs = [job for job in print_jobs.waiting_at(tx, self._printers) if job.job_id in wanted]
            for job in jobs:
                print_jobs.release(tx, job.job_id, job.asked)
                slip_changes.move(tx, self._node, place, job, target, slip_changes.CANNOT_PRINT)
            return len(jobs)

        moved = self._node.db.write(work)
        self._node.printing.notify()
        slip_changes.tell(self._node)
        return moved

    def recall(self) -> dict[str, str]:
        """Give what is remembered of the printer (`edge.db.device_memory`)."""
        with self._node.db.read() as reader:
            return device_memory.recall(reader, self._row.id)

    def remember(self, key: str, value: str) -> None:
        """Keep something of the printer; an empty text forgets it."""
        self._node.db.write(lambda tx: device_memory.remember(tx, self._row.id, key, value))

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait for a slip to be queued."""
        return self._node.printing.wait(seen, timeout_s)

    def wake(self) -> None:
        """End a wait."""
        self._node.printing.notify()


def recover(node: Node) -> int:
    """At a start, before any queue: park what a dead process had in hand, and what no printer of the settings can print.

    What was in hand may lie on paper, so a receipt waits for a person and a docket repeats itself with its mark; the next
    connection to that printer first ends what may be half done there. Slips of a printer that is gone are held until a person
    sends them elsewhere, or the printer is back.

    Returns:
        How many were in hand.
    """
    with node.db.read() as reader:
        left = print_jobs.left_in_hand(reader)
    parked, interrupted = operations.PRINT_PARKED, (device_memory.ON_OPEN, INTERRUPTED)
    for job in left:
        write_settled(
            node,
            job,
            Settling("unknown", INTERRUPTED, parked, IN_THE_QUEUES_HANDS, remember=interrupted),
        )
    _hold_homeless(node)
    return len(left)


def _hold_homeless(node: Node) -> None:
    with node.db.read() as reader:
        homeless = [
            job
            for job in print_jobs.waiting_anywhere(reader)
            if job.asked != print_jobs.ASKING and slip_changes.printer_of(node.devices, job) is None
        ]
        back = [
            job
            for job in print_jobs.asking(reader, slip_rules.NO_PRINTER)
            if slip_changes.printer_of(node.devices, job) is not None
        ]
    if not homeless and not back:
        return
    place = node.place()
    parked = operations.PRINT_PARKED
    drafts = [slip_changes.settled_draft(node, job, parked, "held", slip_rules.NO_PRINTER) for job in homeless]

    def work(tx: Tx) -> None:
        for job in homeless:
            print_jobs.ask(tx, job.job_id, slip_rules.NO_PRINTER)
        for job in back:
            print_jobs.release(tx, job.job_id, 0)
        slip_changes.append(tx, node, place, drafts)

    node.db.write(work)
    slip_changes.tell(node)
