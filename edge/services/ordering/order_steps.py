"""What a waiter may do to the lines of an order, one step at a time; each step is decided on the order as the steps before left it.

A step never disturbs a line that it does not name. What it is about may be gone meanwhile (another waiter was faster): then it is
answered with what became of it, and the steps behind it go on. A step that nobody may do is answered with the refusal's code; it
is the whole answer only where it stands alone.
"""

from typing import Literal

import msgspec

from edge.db import dishes
from edge.domain import order as order_rules
from edge.domain.order_state import Line
from edge.domain.pricing import AskedLine, AskedPart, Catalogue
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.ordering import order_prices, stock
from edge.services.ordering.order_work import (
    LABEL_CHARS_MAX,
    LINES_MAX,
    TEXT_CHARS_MAX,
    AddStep,
    ChangeStep,
    ChaseStep,
    ConfirmStep,
    DiscountStep,
    EditStep,
    FireStep,
    Outcome,
    PriceStep,
    SendStep,
    Step,
    VoidStep,
    Work,
    bad_text,
    gone,
    too_much,
)
from sync.contract import limits, orders


def take(work: Work, position: int, step: Step) -> Outcome | Refused:
    """Do one step, or say why not; a refused one changed nothing.

    Args:
        position: of the step in its request, from 0.
    """
    match step:
        case AddStep():
            return _add(work, step)
        case ChangeStep():
            return _change(work, step, f"{work.request_id}.{position}")
        case VoidStep():
            return _void(work, step, f"{work.request_id}.{position}")
        case ConfirmStep():
            return _confirm(work, step)
        case SendStep():
            return _send(work, step)
        case FireStep():
            return _fire(work, step)
        case ChaseStep():
            return _chase(work, step)
        case EditStep():
            return _edit(work, step)
        case PriceStep():
            return order_prices.price(work, step)
        case DiscountStep():
            return order_prices.discount(work, step)


def _add(work: Work, step: AddStep) -> Outcome | Refused:
    held = work.order.line(step.line_id)
    if held is not None:
        return Outcome(became="already", qty=held.open_qty, line_id=step.line_id)
    if work.catalogue is None:
        return Refused("no_menu")
    left = sum(1 for line in work.order.lines if line.open_qty > 0)
    if left >= limits.SALE_LINES_MAX or len(work.order.lines) >= LINES_MAX:
        return Refused("too_large", {"lines_max": limits.SALE_LINES_MAX})
    permitted = work.may(Action.SELL, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    line = work.catalogue.order_line(step, dishes.prices(work.deed.tx, work.deed.place.day), work.source)
    if isinstance(line, Refused):
        return line
    short = stock.short_of(work.deed.tx, stock.needs([(line.dish_id, line.parts, line.qty)]))
    if short is not None:
        return short
    added = orders.LineAdded(order_id=work.order.order_id, line=line)
    refused = too_much(order_rules.fold(work.order, added))
    if refused is not None:
        return refused
    work.deed.version = work.catalogue.menu.version
    work.write(orders.LINE_ADDED, added)
    return Outcome(became="done", qty=line.qty, line_id=step.line_id)


def _change(work: Work, step: ChangeStep, request: str) -> Outcome | Refused:
    line = work.order.line(step.line_id)
    if line is None or line.open_qty == 0 or line.declined:
        # One that all pieces were taken of comes back with more of them: somebody at the table wants it.
        if line is None or line.declined or line.into or step.qty_delta <= 0:
            return gone(line)
    if request in work.order.asked:
        return Outcome(became="already", line_id=step.line_id)
    permitted = work.may(Action.SELL, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    said = _said(work, line, step)
    if isinstance(said, Refused):
        return said
    qty_delta = _delta(work, line, step.qty_delta)
    if isinstance(qty_delta, Refused):
        return qty_delta
    body = msgspec.structs.replace(
        said, qty_delta=qty_delta, seat=step.seat, course=step.course, request_id=request if qty_delta else ""
    )
    refused = too_much(order_rules.fold(work.order, body))
    if refused is not None:
        return refused
    work.write(orders.LINE_CHANGED, body)
    became: Literal["done", "partly"] = "done" if qty_delta == step.qty_delta else "partly"
    return Outcome(became=became, qty=abs(qty_delta), line_id=step.line_id)


def _said(work: Work, line: Line, step: ChangeStep) -> orders.LineChanged | Refused:
    """Check what is said besides the quantity; modifiers and a weight by the menu of now."""
    body = orders.LineChanged(order_id=work.order.order_id, line_id=line.line_id)
    if step.note is None and step.modifiers is None and step.weight_g is None and step.course is None:
        return body
    if line.sent_qty:
        return Refused("line_sent", {"line_id": line.line_id})
    if line.paid_qty:
        return Refused("line_paid", {"line_id": line.line_id})
    if step.note is not None:
        bad = bad_text(step.note, limits.NOTE_CHARS_MAX)
        if bad is not None:
            return bad
        body = msgspec.structs.replace(body, note=step.note)
    if step.modifiers is None and step.weight_g is None:
        return body
    if work.catalogue is None:
        return Refused("no_menu")
    anew = _chosen_anew(work.catalogue, line, step)
    if isinstance(anew, Refused):
        return anew
    modifiers = None if step.modifiers is None else anew.modifiers
    return msgspec.structs.replace(body, modifiers=modifiers, weight_g=step.weight_g)


def _chosen_anew(catalogue: Catalogue, line: Line, step: ChangeStep) -> orders.OrderLine | Refused:
    dish = catalogue.menu.by_id.get(line.dish_id)
    within = {part.dish_id for part in line.parts}
    groups = () if dish is None else dish.parts
    asked = AskedLine(
        line_id=line.line_id,
        dish_id=line.dish_id,
        qty=1,
        modifiers=tuple(each.id for each in line.modifiers) if step.modifiers is None else step.modifiers,
        parts=tuple(
            AskedPart(group.id, choice.dish_id)
            for group in groups
            for choice in group.choices
            if choice.dish_id in within
        ),
        weight_g=line.weight_g if step.weight_g is None else step.weight_g,
    )
    # Its price stays what it was, so any will do here, also for a dish whose price is open.
    return catalogue.order_line(asked, {line.dish_id: line.unit_fen})


def _delta(work: Work, line: Line, asked: int) -> int | Refused:
    """Say how many pieces more or fewer it can be."""
    if asked < 0:
        if line.free_qty == 0:
            return Refused("line_sent" if line.sent_qty > line.paid_qty else "line_paid", {"line_id": line.line_id})
        return -min(-asked, line.free_qty)
    if asked > 0:
        if line.paid_qty:
            # Pieces that were paid had their share of its discount; more of the dish is a line of its own.
            return Refused("line_paid", {"line_id": line.line_id})
        qty_max = 1 if line.per_g else limits.LINE_QTY_MAX
        if line.alive_qty + asked > qty_max or line.qty + asked > limits.LINE_QTY_MAX:
            return Refused("qty_out_of_range", {"qty_max": qty_max})
        short = stock.short_of(work.deed.tx, stock.needs([(line.dish_id, line.parts, asked)]))
        if short is not None:
            return short
    return asked


def _void(work: Work, step: VoidStep, request: str) -> Outcome | Refused:
    line = work.order.line(step.line_id)
    if line is None or line.open_qty == 0:
        return gone(line)
    if request in work.order.asked:
        return Outcome(became="already", line_id=step.line_id)
    bad = bad_text(step.reason, limits.REASON_CHARS_MAX)
    if bad is not None:
        return bad
    qty = min(step.qty or line.open_qty, line.open_qty)
    sent_qty = max(0, qty - line.free_qty)
    if sent_qty and not step.reason.strip():
        return Refused("reason_missing")
    about = About(sent=sent_qty > 0, amount_fen=line.amount_of(qty) if sent_qty else 0)
    permitted = work.may(Action.VOID_LINE, step.line_id, about, step.approval_id)
    if isinstance(permitted, Refused):
        return permitted
    body = orders.LineVoided(
        order_id=work.order.order_id,
        line_id=step.line_id,
        qty=qty,
        sent_qty=min(sent_qty, line.sent_qty),
        reason=step.reason,
        approved_by=permitted.approved_by,
        approval_id=permitted.approval_id,
        request_id=request,
    )
    work.write(orders.LINE_VOIDED, body)
    became: Literal["done", "partly"] = "done" if step.qty in (0, qty) else "partly"
    return Outcome(became=became, qty=qty, line_id=step.line_id)


def _confirm(work: Work, step: ConfirmStep) -> Outcome | Refused:
    named = set(step.line_ids)
    waiting = tuple(line.line_id for line in work.order.lines if line.waits and (not named or line.line_id in named))
    if not waiting:
        return Outcome(became="nothing")
    permitted = work.may(Action.SEND, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    work.write(
        orders.LINES_CONFIRMED,
        orders.LinesConfirmed(order_id=work.order.order_id, line_ids=waiting, accepted=step.accepted),
    )
    return Outcome(became="done", qty=len(waiting))


def _send(work: Work, step: SendStep) -> Outcome | Refused:
    named, order = set(step.line_ids), work.order
    lines = tuple(
        orders.SentLine(line_id=line.line_id, qty=line.unsent_qty, fired=step.fire or line.course <= order.course_fired)
        for line in order.lines
        if line.unsent_qty > 0 and (not named or line.line_id in named)
    )
    if not lines:
        return Outcome(became="nothing")
    permitted = work.may(Action.SEND, order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    work.write(orders.SENT, orders.OrderSent(order_id=order.order_id, round=order.rounds + 1, lines=lines))
    return Outcome(became="done", qty=sum(line.qty for line in lines))


def _fire(work: Work, step: FireStep) -> Outcome | Refused:
    waiting = [line for line in work.order.lines if line.held_qty > 0]
    if step.line_ids:
        waiting = [line for line in waiting if line.line_id in set(step.line_ids)]
    elif waiting:
        course = step.course or min(line.course for line in waiting)
        waiting = [line for line in waiting if line.course == course]
    if not waiting:
        return Outcome(became="nothing")
    permitted = work.may(Action.SEND, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    line_ids = tuple(line.line_id for line in waiting)
    work.write(orders.FIRED, orders.OrderFired(order_id=work.order.order_id, line_ids=line_ids))
    return Outcome(became="done", qty=sum(line.held_qty for line in waiting))


def _chase(work: Work, step: ChaseStep) -> Outcome | Refused:
    named = set(step.line_ids)
    line_ids = tuple(
        line.line_id
        for line in work.order.lines
        if line.sent_qty > line.held_qty and not line.done_ms and (not named or line.line_id in named)
    )
    if not line_ids:
        return Outcome(became="nothing")
    permitted = work.may(Action.SEND, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    work.write(orders.CHASED, orders.OrderChased(order_id=work.order.order_id, line_ids=line_ids))
    return Outcome(became="done", qty=len(line_ids))


def _edit(work: Work, step: EditStep) -> Outcome | Refused:
    for text, chars_max in (
        (step.label, LABEL_CHARS_MAX),
        (step.note, TEXT_CHARS_MAX),
        (step.allergies, TEXT_CHARS_MAX),
    ):
        bad = None if text is None else bad_text(text, chars_max)
        if bad is not None:
            return bad
    permitted = work.may(Action.TABLES if step.held is None else Action.HOLD, work.order.order_id)
    if isinstance(permitted, Refused):
        return permitted
    said = {name: getattr(step, name) for name in EditStep.__struct_fields__}
    if all(value is None or value == getattr(work.order, name) for name, value in said.items()):
        return Outcome(became="nothing")
    work.write(orders.CHANGED, orders.OrderChanged(order_id=work.order.order_id, **said))
    return Outcome(became="done")
