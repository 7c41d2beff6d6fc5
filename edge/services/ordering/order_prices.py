"""What makes lines and orders cheaper, one step at a time: prices, discounts, gifts, the house's treat; each within what a role may."""

from edge.domain import order as order_rules
from edge.domain.order_state import Line, Order
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.ordering.order_work import DiscountStep, Outcome, PriceStep, Work, bad_text, gone, too_much
from edge.services.people.permit import Permitted
from sync.contract import limits, orders

FULL_BP = 10_000


def price(work: Work, step: PriceStep) -> Outcome | Refused:
    """Let a line cost something else."""
    line = work.order.line(step.line_id)
    if line is None or line.open_qty == 0:
        return gone(line)
    said = [step.unit_fen, step.rate_bp, step.discount_fen, step.gift]
    if sum(value is not None for value in said) != 1:
        return Refused("malformed", {"reason": "one of unit_fen, rate_bp, discount_fen, gift"})
    if line.paid_qty:
        # Its first pieces were paid at the price of before.
        return Refused("line_paid", {"line_id": line.line_id})
    worth_fen = line.amount_of(line.open_qty)
    if step.discount_fen is not None and step.discount_fen > worth_fen:
        return Refused("discount_too_large", {"amount_fen_max": worth_fen})
    permitted = _allowed(work, line, step, worth_fen)
    if isinstance(permitted, Refused):
        return permitted
    body = orders.LinePriced(
        order_id=work.order.order_id,
        line_id=step.line_id,
        unit_fen=-1 if step.unit_fen is None else step.unit_fen,
        rate_bp=-1 if step.rate_bp is None else step.rate_bp,
        discount_fen=-1 if step.discount_fen is None else step.discount_fen,
        gift=step.gift,
        reason=step.reason,
        approved_by=permitted.approved_by,
        approval_id=permitted.approval_id,
    )
    refused = too_much(order_rules.fold(work.order, body))
    if refused is not None:
        return refused
    work.write(orders.LINE_PRICED, body)
    return Outcome(became="done", qty=line.open_qty, line_id=step.line_id)


def _allowed(work: Work, line: Line, step: PriceStep, worth_fen: int) -> Permitted | Refused:
    """Ask for what makes a line cheaper; the menu's price and a discount that is taken back need no word."""
    menu_fen = line.unit_fen if line.list_fen < 0 else line.list_fen
    if step.unit_fen == menu_fen or (step.unit_fen is None and not (step.rate_bp or step.discount_fen or step.gift)):
        return work.may(Action.SELL, line.line_id)
    bad = _bad_reason(step.reason)
    if bad is not None:
        return bad
    if step.unit_fen is not None:
        return work.may(Action.OVERRIDE_PRICE, line.line_id, About(amount_fen=step.unit_fen), step.approval_id)
    if step.gift:
        return work.may(Action.GIFT, line.line_id, About(amount_fen=worth_fen), step.approval_id)
    amount_fen = step.discount_fen or 0
    own_bp = step.rate_bp or order_rules.rate_of(amount_fen, worth_fen)
    # A discount of the order lies on top: both together are what a limit means.
    about = About(rate_bp=min(own_bp + _order_bp(work.order), FULL_BP), amount_fen=amount_fen)
    return work.may(Action.DISCOUNT, line.line_id, about, step.approval_id)


def discount(work: Work, step: DiscountStep) -> Outcome | Refused:
    """Let the whole order be cheaper, or take that back."""
    order = work.order
    if order.sales:
        return Refused("order_part_paid")
    worth_fen = order.subtotal_fen
    if step.amount_fen > worth_fen:
        return Refused("discount_too_large", {"amount_fen_max": worth_fen})
    permitted: Permitted | Refused = Permitted("", "")
    if step.comp or step.rate_bp or step.amount_fen:
        bad = _bad_reason(step.reason)
        if bad is not None:
            return bad
    if step.comp:
        permitted = work.may(Action.COMP, order.order_id, About(amount_fen=worth_fen), step.approval_id)
    elif step.rate_bp or step.amount_fen:
        own_bp = step.rate_bp + order_rules.rate_of(step.amount_fen, worth_fen)
        lines_bp = max((_line_bp(line) for line in order.lines_left), default=0)
        about = About(rate_bp=min(own_bp + lines_bp, FULL_BP), amount_fen=step.amount_fen)
        permitted = work.may(Action.DISCOUNT, order.order_id, about, step.approval_id)
    elif not (order.rate_bp or order.discount_fen or order.comp):
        return Outcome(became="nothing")
    if isinstance(permitted, Refused):
        return permitted
    body = orders.Discounted(
        order_id=order.order_id,
        rate_bp=step.rate_bp,
        amount_fen=step.amount_fen,
        comp=step.comp,
        reason=step.reason,
        approved_by=permitted.approved_by,
        approval_id=permitted.approval_id,
    )
    work.write(orders.DISCOUNTED, body)
    return Outcome(became="done")


def _order_bp(order: Order) -> int:
    """The rate of the order's discount that nobody else allowed."""
    if order.approved_by:
        return 0
    return order.rate_bp + order_rules.rate_of(order.discount_fen, order.subtotal_fen)


def _line_bp(line: Line) -> int:
    """The rate of a line's discount that nobody else allowed; a gift is another matter."""
    if line.approved_by or line.gift:
        return 0
    return line.rate_bp + order_rules.rate_of(line.discount_fen, line.amount_fen)


def _bad_reason(reason: str) -> Refused | None:
    return bad_text(reason, limits.REASON_CHARS_MAX) if reason.strip() else Refused("reason_missing")
