"""How an order is folded from its steps (pure); what it is then is `edge.domain.order_state`.

Steps say only what they change, so steps of two waiters who did not see each other fold to the same whatever their order, as long
as neither takes away more than there is; and no step ever touches a line that it does not name. `fold` takes any step that is in
the journal: what cannot be any more (a line that is gone) changes nothing, since a rebuild must come to what the node showed.

A piece that was paid is taken to be one that was sent, where the line has both; so nothing is cooked a second time for having been
split off or voided.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from edge.domain.order_state import Line, Order, State
from sync.contract import orders
from sync.contract.orders import OrderLine, OrderStep

__all__ = ["GUEST", "Line", "Order", "bumped", "fold", "rate_of", "receive"]

GUEST: Final = "guest"
"""The `source` of a line that a guest asked for by phone."""
ASKED_KEPT: Final = 64
"""So many requests that changed a quantity are remembered, so that a late repeat is known where stored answers are gone."""


def fold(order: Order | None, step: OrderStep, at_ms: int = 0) -> Order:
    """Give the order after a step; what the step names and is not there changes nothing.

    The other side of a merge or a split is `receive`.

    Args:
        order: None before `order.opened`, which is the only first step.
        at_ms: wall time of the step.

    Raises:
        ValueError: the first step is not `order.opened`, or a step is another order's.
    """
    if isinstance(step, orders.OrderOpened):
        return order if order is not None else _opened(step, at_ms)
    if order is None:
        raise ValueError(f"order {step.order_id} begins with {type(step).__name__}")
    if step.order_id != order.order_id:
        raise ValueError(f"order {order.order_id} was given a step of {step.order_id}")
    changed = _STEPS[type(step)](order, step, at_ms)
    return msgspec.structs.replace(changed, steps=order.steps + 1, changed_ms=at_ms)


def receive(order: Order, step: orders.OrderMerged | orders.OrderSplit, giver: Order, at_ms: int = 0) -> Order:
    """Give the order that lines came to, by a merge or a split.

    Args:
        giver: the other order, before the step.
    """
    mine = {line.line_id for line in order.lines}
    if isinstance(step, orders.OrderMerged):
        came = tuple(line for line in giver.lines if line.line_id not in mine)
        order = msgspec.structs.replace(
            order,
            covers=order.covers + giver.covers,
            note=_both(order.note, giver.note),
            # What somebody must not eat is never lost between two tables.
            allergies=_both(order.allergies, giver.allergies),
            sales=order.sales + tuple(sale for sale in giver.sales if sale not in order.sales),
            asked=(giver.asked + order.asked)[-ASKED_KEPT:],
            course_fired=max(order.course_fired, giver.course_fired),
            sent_ms=order.sent_ms or giver.sent_ms,
        )
    else:
        parted = ((_line_of(giver, taken.line_id), taken) for taken in step.lines if taken.as_line not in mine)
        came = tuple(_part(line, taken)[1] for line, taken in parted if line is not None and _parts(line, taken))
    return msgspec.structs.replace(order, lines=order.lines + came, steps=order.steps + 1, changed_ms=at_ms)


def bumped(order: Order, body: orders.Bumped, at_ms: int) -> Order:
    """Give the order after the kitchen said that it is done with lines, or took that back."""
    named = set(body.line_ids)
    return _on(order, named, lambda line: msgspec.structs.replace(line, done_ms=at_ms if body.done else 0))


def rate_of(amount_fen: int, base_fen: int) -> int:
    """Give the rate (basis points, rounded up) that an amount is of what it is on; of nothing it is everything."""
    if amount_fen <= 0:
        return 0
    return 10_000 if base_fen <= 0 else -(-amount_fen * 10_000 // base_fen)


def _opened(step: orders.OrderOpened, at_ms: int) -> Order:
    return Order(
        order_id=step.order_id,
        service=step.service,
        till=step.till,
        table=step.table,
        label=step.label,
        covers=step.covers,
        replaces=step.replaces,
        from_order=step.from_order,
        platform=step.platform,
        platform_no=step.platform_no,
        steps=1,
        opened_ms=at_ms,
        changed_ms=at_ms,
    )


def _changed(order: Order, step: orders.OrderChanged, _at_ms: int) -> Order:
    said = {
        name: value
        for name in ("service", "label", "covers", "note", "allergies", "held")
        if (value := getattr(step, name)) is not None
    }
    return msgspec.structs.replace(order, **said)


def _line_added(order: Order, step: orders.LineAdded, at_ms: int) -> Order:
    if _line_of(order, step.line.line_id) is not None:
        return order
    taken = {name: getattr(step.line, name) for name in OrderLine.__struct_fields__}
    line = Line(**taken, waits=step.line.source == GUEST, added_ms=at_ms)
    return msgspec.structs.replace(order, lines=(*order.lines, line))


def _line_changed(order: Order, step: orders.LineChanged, _at_ms: int) -> Order:
    def change(line: Line) -> Line:
        said = {
            name: value
            for name in ("note", "modifiers", "seat", "course", "weight_g")
            if (value := getattr(step, name)) is not None
        }
        return msgspec.structs.replace(line, qty=line.qty + max(step.qty_delta, -line.free_qty), **said)

    return _asked(_on(order, {step.line_id}, change), step.request_id)


def _line_voided(order: Order, step: orders.LineVoided, _at_ms: int) -> Order:
    def void(line: Line) -> Line:
        qty = min(step.qty, line.open_qty)
        sent_qty = line.sent_qty - min(step.sent_qty, line.sent_qty, qty)
        voided = msgspec.structs.replace(line, voided_qty=line.voided_qty + qty, sent_qty=sent_qty)
        # Nothing stands at the kitchen beyond what is wanted.
        return msgspec.structs.replace(
            voided,
            sent_qty=min(sent_qty, voided.alive_qty),
            held_qty=min(line.held_qty, sent_qty, voided.alive_qty),
        )

    return _asked(_on(order, {step.line_id}, void), step.request_id)


def _line_priced(order: Order, step: orders.LinePriced, _at_ms: int) -> Order:
    return _on(order, {step.line_id}, lambda line: _priced(line, step))


def _priced(line: Line, step: orders.LinePriced) -> Line:
    if step.unit_fen >= 0:
        menu_fen = line.unit_fen if line.list_fen < 0 else line.list_fen
        list_fen = -1 if step.unit_fen == menu_fen else menu_fen
        line = msgspec.structs.replace(line, unit_fen=step.unit_fen, list_fen=list_fen)
    if step.rate_bp >= 0:
        line = msgspec.structs.replace(
            line, rate_bp=step.rate_bp, discount_fen=0 if step.rate_bp else line.discount_fen
        )
    if step.discount_fen >= 0:
        line = msgspec.structs.replace(
            line, discount_fen=step.discount_fen, rate_bp=0 if step.discount_fen else line.rate_bp
        )
    if step.gift is not None:
        line = msgspec.structs.replace(line, gift=step.gift)
    if step.unit_fen >= 0:
        return line
    if not (line.gift or line.rate_bp or line.discount_fen):
        return msgspec.structs.replace(line, reason="", approved_by="", approval_id="")
    if step.gift is False or 0 in (step.rate_bp, step.discount_fen):
        return line
    return msgspec.structs.replace(line, reason=step.reason, approved_by=step.approved_by, approval_id=step.approval_id)


def _lines_confirmed(order: Order, step: orders.LinesConfirmed, _at_ms: int) -> Order:
    def confirm(line: Line) -> Line:
        return msgspec.structs.replace(line, waits=False, declined=not step.accepted) if line.waits else line

    return _on(order, set(step.line_ids), confirm)


def _discounted(order: Order, step: orders.Discounted, _at_ms: int) -> Order:
    said = step.rate_bp > 0 or step.amount_fen > 0 or step.comp
    return msgspec.structs.replace(
        order,
        rate_bp=step.rate_bp,
        discount_fen=step.amount_fen,
        comp=step.comp,
        reason=step.reason if said else "",
        approved_by=step.approved_by if said else "",
        approval_id=step.approval_id if said else "",
    )


def _sent(order: Order, step: orders.OrderSent, at_ms: int) -> Order:
    sent = {each.line_id: each for each in step.lines}

    def send(line: Line) -> Line:
        each = sent[line.line_id]
        qty = min(each.qty, line.unsent_qty)
        if qty <= 0:
            return line
        return msgspec.structs.replace(
            line,
            sent_qty=line.sent_qty + qty,
            held_qty=line.held_qty + (0 if each.fired else qty),
            round=step.round,
            sent_ms=at_ms,
            fired_ms=at_ms if each.fired else line.fired_ms,
            done_ms=0,
        )

    order = _on(order, set(sent), send)
    return msgspec.structs.replace(order, rounds=max(order.rounds, step.round), sent_ms=order.sent_ms or at_ms)


def _fired(order: Order, step: orders.OrderFired, at_ms: int) -> Order:
    def fire(line: Line) -> Line:
        return msgspec.structs.replace(line, held_qty=0, fired_ms=at_ms) if line.held_qty else line

    named = set(step.line_ids)
    courses = [line.course for line in order.lines if line.line_id in named]
    return msgspec.structs.replace(_on(order, named, fire), course_fired=max([order.course_fired, *courses]))


def _chased(order: Order, step: orders.OrderChased, at_ms: int) -> Order:
    def chase(line: Line) -> Line:
        return msgspec.structs.replace(line, chases=line.chases + 1, chased_ms=at_ms)

    return _on(order, set(step.line_ids), chase)


def _moved(order: Order, step: orders.OrderMoved, _at_ms: int) -> Order:
    return msgspec.structs.replace(order, table=step.table)


def _merged(order: Order, step: orders.OrderMerged, at_ms: int) -> Order:
    return msgspec.structs.replace(order, state="merged", into=step.into, lines=(), closed_ms=at_ms)


def _split(order: Order, step: orders.OrderSplit, _at_ms: int) -> Order:
    for taken in step.lines:
        line = _line_of(order, taken.line_id)
        if line is not None and _parts(line, taken):
            stays = msgspec.structs.replace(_part(line, taken)[0], into=step.into, into_line=taken.as_line)
            order = _on(order, {line.line_id}, lambda _line, stays=stays: stays)  # type: ignore[misc]
    return order


def _settled(order: Order, step: orders.OrderSettled, at_ms: int) -> Order:
    paid = {each.line_id: each.qty for each in step.lines}

    def pay(line: Line) -> Line:
        return msgspec.structs.replace(line, paid_qty=line.paid_qty + min(paid[line.line_id], line.left_qty))

    order = _on(order, set(paid), pay)
    sales = order.sales if step.sale_id in order.sales else (*order.sales, step.sale_id)
    if not step.closed:
        return msgspec.structs.replace(order, sales=sales)
    return msgspec.structs.replace(order, sales=sales, state="settled", closed_ms=at_ms)


def _cancelled(order: Order, step: orders.OrderCancelled, at_ms: int) -> Order:
    # What was paid in parts, and nothing is left of, was settled.
    state: State = "settled" if order.sales else "cancelled"
    return msgspec.structs.replace(order, state=state, closed_ms=at_ms, note=_both(order.note, step.reason))


_STEPS: Final[dict[type, Callable[..., Order]]] = {
    orders.OrderChanged: _changed,
    orders.LineAdded: _line_added,
    orders.LineChanged: _line_changed,
    orders.LineVoided: _line_voided,
    orders.LinePriced: _line_priced,
    orders.LinesConfirmed: _lines_confirmed,
    orders.Discounted: _discounted,
    orders.OrderSent: _sent,
    orders.OrderFired: _fired,
    orders.OrderChased: _chased,
    orders.OrderMoved: _moved,
    orders.OrderMerged: _merged,
    orders.OrderSplit: _split,
    orders.OrderSettled: _settled,
    orders.OrderCancelled: _cancelled,
}


def _line_of(order: Order, line_id: str) -> Line | None:
    return order.line(line_id)


def _on(order: Order, line_ids: Iterable[str], change: Callable[[Line], Line]) -> Order:
    """Change the lines that are named, and no other."""
    named = set(line_ids)
    lines = tuple(change(line) if line.line_id in named else line for line in order.lines)
    return msgspec.structs.replace(order, lines=lines)


def _asked(order: Order, request_id: str) -> Order:
    if not request_id or request_id in order.asked:
        return order
    return msgspec.structs.replace(order, asked=(*order.asked, request_id)[-ASKED_KEPT:])


def _parts(line: Line, taken: orders.Taken) -> bool:
    return 0 < taken.qty <= line.open_qty


def _part(line: Line, taken: orders.Taken) -> tuple[Line, Line]:
    """Part a line in what stays and what goes: what was sent and is not paid goes first, and of it what was fired."""
    sent_qty = min(max(line.sent_qty - line.paid_qty, 0), taken.qty)
    fired_qty = min(line.sent_qty - line.held_qty, sent_qty)
    held_qty = sent_qty - fired_qty
    discount_fen = line.discount_fen * taken.qty // line.open_qty
    goes = msgspec.structs.replace(
        line,
        line_id=taken.as_line,
        qty=taken.qty,
        voided_qty=0,
        paid_qty=0,
        sent_qty=sent_qty,
        held_qty=held_qty,
        discount_fen=discount_fen,
        into="",
        into_line="",
    )
    stays = msgspec.structs.replace(
        line,
        qty=line.qty - taken.qty,
        sent_qty=line.sent_qty - sent_qty,
        held_qty=line.held_qty - held_qty,
        discount_fen=line.discount_fen - discount_fen,
    )
    return stays, goes


def _both(mine: str, other: str) -> str:
    if not other or other in mine:
        return mine
    return f"{mine} / {other}" if mine else other
