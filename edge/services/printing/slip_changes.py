"""Every change of a slip with the fact that says so, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.db import device_memory, journal, print_jobs, projections
from edge.db.journal import Draft, Place
from edge.db.print_jobs import Job
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT, DeviceRows, PrinterRow
from edge.services.node import Node
from sync.contract import operations
from sync.contract.operations import PrintMoved, PrintSettled
from sync.node.database import Tx

BEGUN: Final = frozenset({"sending", "sent"})
CANNOT_PRINT: Final = "cannot_print"
NO_WORD: Final = "no_word"
BY_HAND: Final = "by_hand"
"""Why a slip moved: its printer cannot print, gave no word of it, or a person sent it elsewhere."""


@dataclass(frozen=True)
class Settling:
    """A change of a slip's state: to what, why, by which fact, from which states it may come, and what was handed over.

    `remember` is kept of the printer that has the slip, in the same transaction (`edge.db.device_memory`).
    """

    state: str
    reason: str
    kind: str
    only_from: frozenset[str]
    bytes_handed: int | None = None
    remember: tuple[str, str] | None = None


def receipt_printer(devices: DeviceRows) -> PrinterRow | None:
    """Find the printer of slips from the time when a store had one printer only."""
    every = [row for row in devices.of(PrinterRow) if RECEIPT in row.stations]
    return devices.printer_for(RECEIPT, "") or next(iter(every), None)


def printer_of(devices: DeviceRows, job: Job) -> PrinterRow | None:
    """Find the printer that has a slip now; None when it is no longer in the settings."""
    return devices.printer(job.printer) if job.printer else receipt_printer(devices)


def write_settled(node: Node, job: Job, settling: Settling) -> bool:
    """Write a state with its fact, only if the slip has not moved on meanwhile; False when it has.

    A docket that may or may not be on paper is queued again in the same transaction, marked (`slip_rules.after_no_word`).
    """
    place = node.place()
    draft = settled_draft(node, job, settling.kind, settling.state, settling.reason)

    def work(tx: Tx) -> bool:
        held = print_jobs.by_id(tx, job.job_id)
        if held is None or held.state not in settling.only_from:
            return False
        print_jobs.set_state(tx, job.job_id, settling.state, settling.reason, place.at_ms)
        if settling.bytes_handed is not None:
            print_jobs.handed(tx, job.job_id, settling.bytes_handed)
        row = printer_of(node.devices, job)
        if settling.remember is not None and row is not None:
            device_memory.remember(tx, row.id, *settling.remember)
        append(tx, node, place, [draft])
        # What never began (a slip that cannot be built) would repeat itself for ever.
        if settling.state == "unknown" and held.state in BEGUN:
            _repeat(tx, node, place, held)
        return True

    written = node.db.write(work)
    tell(node)
    return written


def move(tx: Tx, node: Node, place: Place, job: Job, target: PrinterRow, reason: str) -> None:
    """Give a slip to another printer, with the fact; back at the printer that it was meant for it has moved nowhere."""
    before = printer_of(node.devices, job)
    meant = job.moved_from or job.printer or (before.id if before else "")
    print_jobs.move(tx, job, target.id, "" if meant == target.id else meant)
    body = PrintMoved(
        job_id=job.job_id,
        document=job.document,
        subject=job.subject,
        from_printer=before.id if before else job.printer,
        to_printer=target.id,
        reason=reason,
    )
    append(tx, node, place, [Draft(node.ids.uuid7(), 1, operations.PRINT_MOVED, 1, body, device=target.id)])


def settled_draft(node: Node, job: Job, kind: str, state: str, reason: str) -> Draft:
    """Give the fact of a slip's new state."""
    body = PrintSettled(
        job_id=job.job_id, document=job.document, subject=job.subject, copy=job.copy, state=state, reason=reason
    )
    return Draft(fact_id=node.ids.uuid7(), lane=1, kind=kind, v=1, body=body, device=job.printer or "printer")


def append(tx: Tx, node: Node, place: Place, drafts: Sequence[Draft]) -> None:
    """Write facts and what they change."""
    for fact in journal.append(tx, place, node.identity, drafts):
        projections.project(tx, fact)


def tell(node: Node) -> None:
    """Tell the link and the screens that something was written."""
    node.committed.notify()
    node.changed.notify()


def _repeat(tx: Tx, node: Node, place: Place, job: Job) -> None:
    row = printer_of(node.devices, job)
    fallback = node.devices.printer(row.fallback) if row is not None and row.fallback else None
    step = slip_rules.after_no_word(
        job.document, job.attempt, moved=job.moved_from != "", has_fallback=fallback is not None
    )
    if step == "person":
        return
    print_jobs.requeue_marked(
        tx, job.job_id, print_jobs.next_copy(tx, job.subject, job.document, job.station), job.asked
    )
    if step == "there":
        assert fallback is not None
        move(tx, node, place, job, fallback, NO_WORD)
