"""Open orders: opened at a table or over the counter, changed by steps that merge, moved, merged, split, ended.

A client sends steps, never a whole order; so two waiters at one table who did not see each other never lose each other's lines. What
an order that was merged meanwhile is asked is refused with `order_closed`, and `into` says where its lines are.

A repeat is known by its request; where stored answers are gone (a node that was brought back from the hub) by what it made: the
order, the line, the pieces that were taken.
"""

from typing import Annotated

import msgspec

from edge.db import floor as floor_rows
from edge.db import orders as kept
from edge.db import payments
from edge.db.staff import Session
from edge.domain import order as order_rules
from edge.domain.order_state import Order
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.ordering import order_steps, order_work
from edge.services.ordering.order_work import AddStep, Covers, Id, Label, Outcome, Step, Text, Work
from edge.services.people.permit import permit
from sync.contract import ids, limits, orders
from sync.contract.orders import Service
from sync.node.database import Reader

STEPS_MAX = 100
"""Steps in one request."""

TableId = Annotated[str, msgspec.Meta(max_length=32)]
_Steps = Annotated[tuple[Step, ...], msgspec.Meta(max_length=STEPS_MAX)]


class OpenOrderCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new order, with its first steps. `beside` = at a table that is taken, as an order of its own (拼台)."""

    order_id: Id
    service: Service
    table: TableId = ""
    label: Label = ""
    covers: Covers = 0
    beside: bool = False
    note: Text = ""
    allergies: Text = ""
    held: bool = False
    steps: _Steps = ()
    menu_version: int | None = None


class StepsCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Steps of an order, in their order; `menu_version` is the menu that the waiter saw."""

    request_id: Id
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=STEPS_MAX)]
    menu_version: int | None = None


class CancelOrderCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order on which nothing is left ends without a sale."""

    request_id: Id
    reason: Annotated[str, msgspec.Meta(max_length=limits.REASON_CHARS_MAX)] = ""


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an order stands after a deed, and what became of each step; `n` is its version (the number of its last fact)."""

    order_id: str
    n: int
    state: str
    table: str = ""
    rounds: int = 0
    outcomes: tuple[Outcome, ...] = ()


class _Named(msgspec.Struct, frozen=True):
    """A command with the order that the address names."""

    order_id: str
    asked: StepsCommand | CancelOrderCommand


def open_order(node: Node, who: Session, asked: OpenOrderCommand) -> Done | Refused:
    """Open an order. The answer is `OrderAnswer`; an order of that id is answered as it stands."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        held = kept.stamped(deed.tx, asked.order_id)
        if held is not None:
            return answer(held)
        permitted = permit(deed, Action.TABLES if asked.table else Action.SELL, asked.order_id)
        if isinstance(permitted, Refused):
            return permitted
        refused = _bad_texts(asked) or seat_refused(deed.tx, asked.table, beside=asked.beside)
        if refused is not None:
            return refused
        first = orders.OrderOpened(
            order_id=asked.order_id,
            service=asked.service,
            till=who.till,
            table=asked.table,
            label=asked.label,
            covers=asked.covers,
        )
        fact = deed.write(orders.OPENED, first)
        order = order_rules.fold(None, first, fact.at_ms)
        doing = _work(deed, order, asked.order_id, asked.menu_version)
        if asked.note or asked.allergies or asked.held:
            said = orders.OrderChanged(
                order_id=asked.order_id,
                note=asked.note or None,
                allergies=asked.allergies or None,
                held=asked.held or None,
            )
            doing.write(orders.CHANGED, said)
        return _through(doing, asked.steps)

    return deeds.transact(node, who, asked.order_id, asked, work)


def change(node: Node, who: Session, order_id: str, asked: StepsCommand) -> Done | Refused:
    """Do steps of an order. The answer is `OrderAnswer` with an outcome for each step, in their order."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        order = open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        return _through(_work(deed, order, asked.request_id, asked.menu_version), asked.steps)

    return deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work)


def ask_as_guest(node: Node, order_id: str, request_id: str, adds: tuple[AddStep, ...]) -> Done | Refused:
    """Put what a guest asks for onto an order, to be confirmed by a waiter. The answer is `OrderAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        order = open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        return take_as_guest(deed, order, request_id, adds)

    asked = StepsCommand(request_id=request_id, steps=adds)
    return deeds.transact(node, None, request_id, _Named(order_id, asked), work)


def take_as_guest(deed: Deed, order: Order, request_id: str, adds: tuple[AddStep, ...]) -> OrderAnswer | Refused:
    """Put what a guest asks for onto an open order, within a deed of the caller's."""
    return _through(_work(deed, order, request_id, None, order_rules.GUEST), adds)


def cancel(node: Node, who: Session, order_id: str, asked: CancelOrderCommand) -> Done | Refused:
    """End an order on which nothing is left. The answer is `OrderAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        held = kept.stamped(deed.tx, order_id)
        if held is not None and held.order.state == "cancelled":
            return answer(held)
        order = open_one(deed.tx, order_id)
        if isinstance(order, Refused):
            return order
        if not order.is_empty:
            return Refused("order_not_empty", {"left": sum(line.open_qty for line in order.lines)})
        refused = order_work.bad_text(asked.reason, limits.REASON_CHARS_MAX) or money_refused(deed.tx, order_id)
        if refused is not None:
            return refused
        permitted = permit(deed, Action.CANCEL_ORDER, order_id)
        if isinstance(permitted, Refused):
            return permitted
        deed.write(orders.CANCELLED, orders.OrderCancelled(order_id=order_id, reason=asked.reason))
        return answer_now(deed, order_id)

    return deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work)


def open_one(reader: Reader, order_id: str) -> Order | Refused:
    """Find an order that is open.

    Returns:
        `not_found`, or `order_closed` with {state, into}; `into` is the order where its lines are, empty for none.
    """
    order = kept.by_id(reader, order_id)
    if order is None:
        return Refused("not_found")
    if order.is_open:
        return order
    now = kept.where_now(reader, order_id)
    into = now.order_id if now is not None and now.order_id != order_id else ""
    return Refused("order_closed", {"state": order.state, "into": into})


def seat_refused(reader: Reader, table: str, *, beside: bool) -> Refused | None:
    """Say why an order cannot sit down at a table; None when it can, or names none."""
    if not table:
        return None
    if table not in floor_rows.tables_of(floors.plan(reader)):
        return Refused("unknown_table", {"table": table})
    taken = kept.open_at(reader, table)
    if taken and not beside:
        return Refused("table_taken", {"table": table, "order_id": taken[0]})
    return None


def money_refused(reader: Reader, order_id: str) -> Refused | None:
    """Say that money lies on an order which no sale used yet, or may lie there; it would have nobody whom it belongs to."""
    if payments.taken_for(reader, order_id) or payments.undecided_for(reader, order_id):
        return Refused("order_has_payments")
    return None


def answer(held: kept.Stamped, outcomes: tuple[Outcome, ...] = ()) -> OrderAnswer:
    """Say where an order stands."""
    order = held.order
    return OrderAnswer(
        order_id=order.order_id, n=held.n, state=order.state, table=order.table, rounds=order.rounds, outcomes=outcomes
    )


def answer_now(deed: Deed, order_id: str, outcomes: tuple[Outcome, ...] = ()) -> OrderAnswer:
    """Say where an order stands after what the deed wrote."""
    held = kept.stamped(deed.tx, order_id)
    assert held is not None
    return answer(held, outcomes)


def _work(deed: Deed, order: Order, request_id: str, menu_version: int | None, source: str = "") -> Work:
    catalogue = deed.node.shelf.of_version(menu_version, deed.node.clock.now_ms())
    return Work(deed, order, request_id, catalogue, source)


def _through(work: Work, steps: tuple[Step, ...]) -> OrderAnswer | Refused:
    outcomes: list[Outcome] = []
    for position, step in enumerate(steps):
        done = (
            Refused("malformed", {"field": "line_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
            if isinstance(step, AddStep) and not ids.is_uuid7_hex(step.line_id)
            else order_steps.take(work, position, step)
        )
        if isinstance(done, Refused):
            if len(steps) == 1:
                return done
            done = Outcome(became="refused", code=done.code, details=done.details)
        outcomes.append(done)
    return answer_now(work.deed, work.order.order_id, tuple(outcomes))


def _bad_texts(asked: OpenOrderCommand) -> Refused | None:
    return (
        order_work.bad_text(asked.label, order_work.LABEL_CHARS_MAX)
        or order_work.bad_text(asked.note, order_work.TEXT_CHARS_MAX)
        or order_work.bad_text(asked.allergies, order_work.TEXT_CHARS_MAX)
    )
