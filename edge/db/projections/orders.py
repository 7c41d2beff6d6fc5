"""Open orders as documents, the stock of dishes, prices of the day, the plan of the tables, what the kitchen has done."""

from typing import Any

import msgspec

from edge.db import dishes, floor
from edge.db import orders as kept
from edge.db.projections.handling import Handler
from edge.domain import order as order_rules
from edge.domain.order_state import Order
from sync.contract import orders
from sync.contract.facts import Fact
from sync.contract.trade import SalePaid, SoldPart
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "orders": "order_id, state, table_id, till, service, opened_ms, n, doc",
    "dish_states": "dish_id, left_qty, price_fen, price_day, n",
    "floor_plans": "id, version, n, doc",
    "bills_shown": "n, order_id, at_ms, doc",
}


def step(tx: Tx, fact: Fact, body: orders.OrderStep) -> None:
    """Fold a step into its order, and count the dishes that it takes or gives back."""
    before = kept.by_id(tx, body.order_id)
    if before is None and not isinstance(body, orders.OrderOpened):
        # An order that this node never had: nothing to change.
        return
    after = order_rules.fold(before, body, fact.at_ms)
    if isinstance(body, orders.OrderMerged | orders.OrderSplit) and before is not None:
        other = kept.by_id(tx, body.into)
        if other is None:
            return
        kept.keep(tx, order_rules.receive(other, body, before, fact.at_ms), fact.n)
    kept.keep(tx, after, fact.n)
    taken = _taken(before, after, body)
    if taken:
        dishes.count(tx, taken, fact.n)


def bumped(tx: Tx, fact: Fact, body: orders.Bumped) -> None:
    """Note on the lines when the kitchen was done with them, wherever they are now."""
    order = kept.where_now(tx, body.order_id)
    if order is not None:
        kept.keep(tx, order_rules.bumped(order, body, fact.at_ms), fact.n)


def dish_stocked(tx: Tx, fact: Fact, body: orders.DishStocked) -> None:
    """Set how many of a dish are left."""
    dishes.set_left(tx, body.dish_id, body.left, fact.n)


def dish_priced(tx: Tx, fact: Fact, body: orders.DishPriced) -> None:
    """Set the price of a dish for the business day."""
    dishes.set_price(tx, body.dish_id, body.price_fen, fact.day, fact.n)


def floor_drawn(tx: Tx, fact: Fact, body: orders.FloorDrawn) -> None:
    """Let a plan of the tables be in force."""
    floor.keep(tx, body, fact.n)


def sale_paid(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    """Count the dishes of a basket that was paid at once; those of an order were counted when they came onto it."""
    taken: dict[str, int] = {}
    for line in sale.lines:
        if not line.line_id:
            _add(taken, (line.dish_id, line.parts), line.qty)
    if taken:
        dishes.count(tx, taken, fact.n)


def _taken(before: Order | None, after: Order, body: orders.OrderStep) -> dict[str, int]:
    """Say how many pieces of which dish a step takes off the stock; below zero it gives them back.

    What stood at the kitchen is not given back: it was cooked.
    """
    if before is None:
        return {}
    taken: dict[str, int] = {}
    match body:
        case orders.LineAdded():
            line = body.line
            if before.line(line.line_id) is None:
                _add(taken, (line.dish_id, line.parts), line.qty)
        case orders.LineChanged() | orders.LineVoided():
            was, now = before.line(body.line_id), after.line(body.line_id)
            if was is not None and now is not None:
                _add(taken, (was.dish_id, was.parts), (now.alive_qty - now.sent_qty) - (was.alive_qty - was.sent_qty))
        case orders.LinesConfirmed(accepted=False):
            for line_id in dict.fromkeys(body.line_ids):
                was, now = before.line(line_id), after.line(line_id)
                if was is not None and now is not None and was.waits and now.declined:
                    _add(taken, (was.dish_id, was.parts), -was.open_qty)
        case _:
            pass
    return taken


def _add(taken: dict[str, int], dish: tuple[str, tuple[SoldPart, ...]], qty: int) -> None:
    dish_id, parts = dish
    taken[dish_id] = taken.get(dish_id, 0) + qty
    for part in parts:
        taken[part.dish_id] = taken.get(part.dish_id, 0) + part.qty * qty


def billed(tx: Tx, fact: Fact, body: orders.OrderBilled) -> None:
    """Keep what the guests of an order were shown, for its paper."""
    tx.execute(
        "INSERT INTO bills_shown (n, order_id, at_ms, doc) VALUES (?, ?, ?, ?)",
        (fact.n, body.order_id, fact.at_ms, msgspec.json.encode(body).decode()),
    )


HANDLERS: dict[type[Any], Handler] = {
    **dict.fromkeys(orders.STEPS.values(), step),
    orders.Bumped: bumped,
    orders.DishStocked: dish_stocked,
    orders.DishPriced: dish_priced,
    orders.FloorDrawn: floor_drawn,
    orders.OrderBilled: billed,
    SalePaid: sale_paid,
}
