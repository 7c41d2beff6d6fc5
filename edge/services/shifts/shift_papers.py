"""What the slips of refunds, X and Z say, built from facts and rows, so that a repeat says the same."""

from collections.abc import Callable

from drivers.document import ReceiptDoc
from edge.db import elsewhere, refunds, staff
from edge.db.print_jobs import Job
from edge.domain import slip_rules
from edge.domain.refusal import Refused
from edge.receipts.receipt import Heading
from edge.receipts.refund import refund
from edge.receipts.shift_report import Head, x_report, z_report
from edge.services.members import papers as member_papers
from edge.services.money import find_sale
from edge.services.node import Node
from edge.services.shifts import shift_figures
from sync.contract import facts, kinds
from sync.contract.refunds import SaleRefunded
from sync.contract.words import ZH, Name
from sync.node.database import Reader

Maker = Callable[[Node, Job, Heading], ReceiptDoc]


def _refund(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    with node.db.read() as reader:
        row = refunds.by_id(reader, job.subject)
        if row is None:
            raise LookupError(f"slip {job.job_id} names no refund")
        body = kinds.read(facts.decode(node.archives.trade_fact(reader, row.epoch, row.seq)))
        assert isinstance(body, SaleRefunded)
        dishes = _dishes(node, reader, body)
        approver = _name(reader, body.approved_by)
    said = member_papers.of_refund(node, body.refund_id, body.sale_id)
    return refund(body, dishes, heading, row.at_ms, job.copy, approver, said)


def _dishes(node: Node, reader: Reader, body: SaleRefunded) -> tuple[Name, ...]:
    """Name the lines of a refund's sale; another store's were named when that store was asked."""
    asked = elsewhere.asked(reader, body.refund_id)
    if asked is not None:
        return asked.body.names
    found = find_sale.sold(node, reader, body.sale_id)
    return () if isinstance(found, Refused) else tuple(line.name for line in found.sale.lines)


def _x(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    till, n, at_ms, locale = job.subject.split(":")
    with node.db.read() as reader:
        report = shift_figures.x_of(reader, till, int(at_ms), int(n))
    head = Head(heading, till, "", int(at_ms), locale)
    return x_report(head, report.totals, (report.float_fen, report.expected_fen), job.copy)


def _z(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    till, epoch, z = job.subject.split(":")
    with node.db.read() as reader:
        answer = shift_figures.z_of(node, reader, (till, int(epoch), int(z)))
        closer = None if isinstance(answer, Refused) else staff.person(reader, answer.closed_by)
    if isinstance(answer, Refused):
        raise LookupError(f"slip {job.job_id} names no Z that can be read")  # noqa: TRY004 - what is missing is a row
    # Who left since is named by their id, and their report is in Chinese.
    person, locale = (answer.closed_by, ZH) if closer is None else (closer.name, closer.locale)
    return z_report(Head(heading, till, person, answer.closed_ms, locale), answer.report, job.copy)


def _name(reader: Reader, person_id: str) -> str:
    """Give the name of somebody who works here; who left is named by their id."""
    found = staff.person(reader, person_id) if person_id else None
    return person_id if found is None else found.name


MAKERS: dict[str, Maker] = {slip_rules.REFUND: _refund, slip_rules.X_REPORT: _x, slip_rules.Z_REPORT: _z}
"""By document."""
