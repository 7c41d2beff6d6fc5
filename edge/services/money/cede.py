"""A sale of ours is given back at another store: worked out here, counted as gone here, in the transaction of the hub's command.

We give refunds without a network, so nobody else can say what of a sale may still go back (`sync.contract.elsewhere`).
"""

from typing import Any

import msgspec

from edge.db import elsewhere, refunds
from edge.domain.payment import POINTS
from edge.domain.refund import Asked, AskedLine
from edge.domain.refusal import Refused
from edge.services.deeds import Deed
from edge.services.members import give_back
from edge.services.money import find_sale
from edge.services.money.refunds import planned_of
from edge.services.node import Node
from edge.services.people.permit import NOBODY_ASKED
from sync.contract import refunds as contract
from sync.contract.elsewhere import Wanted
from sync.contract.facts import UNREADABLE
from sync.contract.refunds import RefundCeded, RefundRegained
from sync.node.database import Tx


def cede(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    """Leave a refund to the store that asks for it; done before, it is left as it was.

    Returns:
        Why not, empty where it was left: what `edge.domain.refund.plan` refuses, `refund_changed` when another amount would go back than the guest was told, or
        when cash would go back for what was not paid in cash and nobody allowed that.
    """
    if elsewhere.ceded(tx, args["refund"]) is not None:
        return ""
    try:
        wanted = msgspec.json.decode(args["asked"], type=Wanted)
    except UNREADABLE:
        return "bad_arguments"
    found = find_sale.sold(node, tx, args["sale"])
    if isinstance(found, Refused):
        return found.code
    planned = planned_of(tx, found.sale, asked_of(wanted))
    if isinstance(planned, Refused):
        return planned.code
    if planned.amount_fen != wanted.shown_fen or (planned.other_way and not wanted.other_way):
        return "refund_changed"
    if any(tender.kind == POINTS for tender in planned.tenders):
        # Points go back to the very lots that this store drew on: nobody else can say which.
        return "points_at_home"
    back = give_back.plan(node, tx, found.sale, refunds.earlier(tx, args["sale"]), planned)
    body = RefundCeded(
        refund_id=args["refund"],
        sale_id=args["sale"],
        to_store=args["to"],
        lines=planned.lines,
        tenders=planned.tenders,
        amount_fen=planned.amount_fen,
        tip_fen=planned.tip_fen,
        whole=planned.whole,
    )
    deed = Deed(node, tx, node.place(), None)
    deed.write(contract.CEDED, body)
    # What the sale earned goes now: only this store knows it, and nobody at the other one can ask for another way.
    give_back.write(deed, back, "owe", body.refund_id, body.sale_id, NOBODY_ASKED)
    return ""


def regain(tx: Tx, node: Node, args: dict[str, Any]) -> str:
    """Count back what another store will never give; gives `not_ceded` where nothing was left to it, else an empty text."""
    row = elsewhere.ceded(tx, args["refund"])
    if row is None:
        return "not_ceded"
    if not row.regained:
        body = RefundRegained(refund_id=args["refund"], sale_id=row.body.sale_id)
        deed = Deed(node, tx, node.place(), None)
        deed.write(contract.REGAINED, body)
        give_back.regain(deed, body.refund_id, body.sale_id)
    return ""


def asked_of(wanted: Wanted) -> Asked:
    """Give what is wanted as the plan of a refund takes it."""
    return Asked(
        whole=wanted.whole,
        lines=tuple(AskedLine(line.line, line.qty) for line in wanted.lines),
        amount_fen=wanted.amount_fen,
        tip=wanted.tip,
        in_cash=wanted.in_cash,
    )
