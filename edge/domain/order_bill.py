"""The bill of an open order, or of the part of it that somebody pays now (pure)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edge.domain.order_state import Line, Order
from sync.contract import bill
from sync.contract.bill import Ask, Bill, BillLine, Why
from sync.contract.house import Rules
from sync.contract.trade import SoldLine

NOTHING_BEFORE: Final[Mapping[str, int]] = MappingProxyType({})


def of_order(
    order: Order,
    rules: Rules,
    minimum_fen: int = 0,
    now: Mapping[str, int] | None = None,
    before: Mapping[str, int] = NOTHING_BEFORE,
) -> Bill:
    """Make the bill of an order.

    Args:
        minimum_fen: the least that its table asks for (低消).
        now: so many pieces of each line, by line id; None = all that is left.
        before: what earlier parts of the bill had, by kind.
    """
    lines = [_line(line, -1 if now is None else now.get(line.line_id, 0)) for line in order.lines if _counts(line)]
    ask = Ask(
        service=order.service,
        covers=order.covers,
        rate_bp=order.rate_bp,
        amount_fen=order.discount_fen,
        comp=order.comp,
        why=Why(order.reason, order.approved_by, order.approval_id),
        minimum_fen=minimum_fen,
        before=before,
    )
    return bill.compute(lines, ask, rules)


def _counts(line: Line) -> bool:
    """Say whether pieces of a line are paid or to be paid."""
    return line.alive_qty > 0 and not line.waits and not line.declined


def _line(line: Line, now: int) -> BillLine:
    sold = SoldLine(
        dish_id=line.dish_id,
        code=line.code,
        name=line.name,
        qty=line.alive_qty,
        unit_fen=line.unit_fen,
        modifiers=line.modifiers,
        note=line.note,
        amount_fen=line.amount_of(line.alive_qty),
        weight_g=line.weight_g,
        per_g=line.per_g,
        line_id=line.line_id,
        list_fen=line.list_fen,
        parts=line.parts,
        tax=line.tax,
        seat=line.seat,
        no_discount=line.no_discount,
    )
    why = Why(line.reason, line.approved_by, line.approval_id)
    return BillLine(sold, line.packing_fen, line.rate_bp, line.discount_fen, line.gift, why, line.paid_qty, now)
