"""What paper says of members: points on receipts and slips of refunds, and to the kitchen what somebody must not eat."""

from collections.abc import Callable

from drivers.document import ReceiptDoc
from edge.db import members
from edge.db.print_jobs import Job
from edge.domain import slip_rules
from edge.receipts.gift import PaperGift
from edge.receipts.gift import gift as gift_slip
from edge.receipts.points import PaperBack, PaperPoints
from edge.receipts.receipt import Heading
from edge.services.members import give_back, handing, known, mall, points, view
from edge.services.node import Node


def of_sale(node: Node, sale_id: str, day: str) -> PaperPoints | None:
    """Say what a bill did to points; the balance is the one that is known when it prints."""
    with node.db.read() as reader:
        said = points.of_sale(node, reader, sale_id, day)
    if said is None:
        return None
    return PaperPoints(
        earned=said.earned,
        base_fen=said.base_fen,
        multiplier_bp=said.multiplier_bp,
        capped=said.capped,
        spent=said.spent,
        balance=said.balance,
        claim_until=said.claim_until,
    )


def of_refund(node: Node, refund_id: str, sale_id: str) -> PaperBack | None:
    """Say what a refund did to points."""
    with node.db.read() as reader:
        body = members.reversal_of(reader, refund_id, sale_id)
        if body is None:
            return None
        one = known.find(node, reader, body.member_id) if body.member_id else None
        told = give_back.of_refund(reader, refund_id, sale_id)
    assert told is not None
    return PaperBack(
        taken=told.taken,
        returned=told.returned,
        waived=body.waived,
        paid_fen=body.paid_fen,
        balance=None if one is None else one.net,
    )


def gift(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    """Build the slip of what points bought.

    Raises:
        LookupError: what it is of is not there; a slip is queued with its fact, so this is our own mistake.
    """
    with node.db.read() as reader:
        found = members.spent_at(reader, job.subject)
        if found is None:
            raise LookupError(f"slip {job.job_id} names nothing that points bought")
        body, at_ms = found
        name = mall.named(known.rules_of(reader, body.rules), job.subject.split(":")[1])
    said = PaperGift(name, body.points, at_ms, avoids(node, body.member_id))
    return gift_slip(said, heading, job.copy, node.store_rules.languages[0])


MAKERS: dict[str, Callable[[Node, Job, Heading], ReceiptDoc]] = {
    slip_rules.GIFT: gift,
    slip_rules.FRIEND: handing.friend_paper,
    slip_rules.DOOR: handing.door_paper,
}


def avoids(node: Node, member_id: str) -> str:
    """Say what whoever's bill it is must not eat; empty for nobody's."""
    if not member_id:
        return ""
    with node.db.read() as reader:
        one = known.find(node, reader, member_id)
    return "" if one is None else view.must_not_eat(one)
