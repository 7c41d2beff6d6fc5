"""What the slips of deposits and of returned payments say, from rows that no later fact changes, so that a repeat says the same."""

from collections.abc import Callable

from drivers.document import ReceiptDoc
from edge.db import bills_shown, deposits
from edge.db import payments as db
from edge.db.print_jobs import Job, NewSlip
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.receipts import money_slip
from edge.receipts.money_slip import Back, Held
from edge.receipts.prebill import prebill
from edge.receipts.receipt import Heading
from edge.services.deeds import Deed
from edge.services.node import Node

Maker = Callable[[Node, Job, Heading], ReceiptDoc]


def queue(deed: Deed, document: str, subject: str, label: str) -> None:
    """Queue a slip at the receipt printer of the deed's till, where it has one."""
    assert deed.who is not None
    row = deed.node.devices.printer_for(RECEIPT, deed.who.till)
    if row is not None:
        deed.print(NewSlip(deed.node.ids.uuid7().hex(), document, subject, label, RECEIPT, row.id))


def _deposit(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    with node.db.read() as reader:
        row = deposits.by_id(reader, job.subject)
    if row is None:
        raise LookupError(f"slip {job.job_id} names no deposit")
    held = Held(row.till, row.receipt_no, row.at_ms, row.label, row.for_day, row.kind, row.amount_fen)
    return money_slip.deposit(held, heading, job.copy, node.store_rules.languages)


def _money_back(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    with node.db.read() as reader:
        moved = db.move(reader, int(job.subject))
        if moved is None:
            raise LookupError(f"slip {job.job_id} names nothing that went back")
        held, paid = deposits.by_id(reader, moved.move_id), db.by_id(reader, moved.move_id)
    number = held.receipt_no if held is not None else paid.reference if paid is not None else ""
    back = Back(moved.till, number, job.created_ms, moved.kind, moved.amount_fen)
    return money_slip.money_back(back, heading, job.copy, node.store_rules.languages)


def _bill(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    with node.db.read() as reader:
        shown = bills_shown.by_n(reader, int(job.subject))
        if shown is None:
            raise LookupError(f"slip {job.job_id} names no bill")
        earlier = bills_shown.before(reader, shown.body.order_id, int(job.subject))
    return prebill(shown.body, heading, shown.at_ms, job.copy, earlier)


MAKERS: dict[str, Maker] = {slip_rules.DEPOSIT: _deposit, slip_rules.MONEY_BACK: _money_back, slip_rules.BILL: _bill}
