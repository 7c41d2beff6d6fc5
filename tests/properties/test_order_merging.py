"""Two waiters at one table who do not see each other: whatever the order in which their steps arrive, no line of either is lost."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge.domain import order as rules
from edge.domain.order_state import Order
from sync.contract import orders
from sync.contract.orders import OrderLine, OrderStep, Taken
from sync.contract.words import Name

NAME = Name("菜", "Dish")
SHARED = ("s0", "s1", "s2")
SHARED_QTY = 6


def opened(order_id: str) -> Order:
    return rules.fold(None, orders.OrderOpened(order_id=order_id, service="dine_in", till="1"))


def add(line_id: str, qty: int, unit_fen: int = 100, order_id: str = "o") -> OrderStep:
    line = OrderLine(line_id=line_id, dish_id="d", code="1", name=NAME, qty=qty, unit_fen=unit_fen)
    return orders.LineAdded(order_id=order_id, line=line)


def folded(order: Order, steps: list[OrderStep]) -> Order:
    for at, step in enumerate(steps):
        order = rules.fold(order, step, at)
    return order


TABLE = folded(opened("o"), [add(line_id, SHARED_QTY, 700) for line_id in SHARED])


@st.composite
def own_steps(draw: st.DrawFn, who: str) -> list[OrderStep]:
    """What one waiter does to lines of their own, in an order that makes sense to them."""
    steps: list[OrderStep] = []
    for number in range(draw(st.integers(1, 4))):
        line_id = f"{who}{number}"
        steps.append(add(line_id, draw(st.integers(1, 5)), draw(st.integers(0, 5_000))))
        steps += [draw(any_step(line_id)) for _ in range(draw(st.integers(0, 3)))]
    return steps


def any_step(line_id: str) -> st.SearchStrategy[OrderStep]:
    """Anything that can be done to a line, sensible or not."""
    named: dict[str, Any] = {"order_id": "o", "line_id": line_id}
    return st.one_of(
        st.integers(-9, 5).map(lambda delta: orders.LineChanged(**named, qty_delta=delta)),
        st.sampled_from(["hot", "mild"]).map(lambda note: orders.LineChanged(**named, note=note)),
        st.integers(1, 5).map(lambda qty: orders.LineVoided(**named, qty=qty, sent_qty=qty)),
        st.integers(0, 10_000).map(lambda rate: orders.LinePriced(**named, rate_bp=rate)),
        st.booleans().map(lambda gift: orders.LinePriced(**named, gift=gift)),
        st.tuples(st.integers(1, 3), st.booleans()).map(
            lambda said: orders.OrderSent(
                order_id="o", round=1, lines=(orders.SentLine(line_id=line_id, qty=said[0], fired=said[1]),)
            )
        ),
        st.integers(1, 3).map(
            lambda qty: orders.OrderSettled(
                order_id="o", sale_id="x", lines=(orders.Paid(line_id=line_id, qty=qty),), closed=False
            )
        ),
    )


def shared_steps() -> st.SearchStrategy[list[OrderStep]]:
    """Differences on the lines of both; both waiters together never take more than there is."""
    change = st.tuples(st.sampled_from(SHARED), st.integers(-1, 3))
    return st.lists(change, max_size=3).map(
        lambda drawn: [orders.LineChanged(order_id="o", line_id=one, qty_delta=delta) for one, delta in drawn]
    )


@st.composite
def interleaved(draw: st.DrawFn, mine: list[OrderStep], yours: list[OrderStep]) -> list[OrderStep]:
    """The steps of both as they arrive: each queue in its own order, mixed in any way."""
    left, right, mixed = list(mine), list(yours), []
    while left or right:
        take_left = bool(left) and (not right or draw(st.booleans()))
        mixed.append((left if take_left else right).pop(0))
    return mixed


def told(order: Order) -> dict[str, Any]:
    """What an order says, whatever the order in which its lines came and when."""
    lines = {line.line_id: msgspec.structs.replace(line, added_ms=0, sent_ms=0, fired_ms=0) for line in order.lines}
    return {"lines": lines, "subtotal": order.subtotal_fen, "covers": order.covers}


@given(st.data())
def test_any_interleaving_of_two_queues_comes_to_the_same_and_loses_no_line(data):
    mine = data.draw(own_steps("a")) + data.draw(shared_steps())
    yours = data.draw(own_steps("b")) + data.draw(shared_steps())
    one = folded(TABLE, data.draw(interleaved(mine, yours)))
    other = folded(TABLE, data.draw(interleaved(mine, yours)))
    assert told(one) == told(other)
    for queue in (mine, yours):
        alone = folded(TABLE, queue)
        for step in queue:
            if isinstance(step, orders.LineAdded):
                line_id = step.line.line_id
                assert told(one)["lines"][line_id] == told(alone)["lines"][line_id]


@given(st.data())
def test_the_totals_of_two_queues_are_what_both_asked_for(data):
    mine, yours = data.draw(shared_steps()), data.draw(shared_steps())
    after = folded(TABLE, data.draw(interleaved(mine, yours)))
    for line_id in SHARED:
        wanted = SHARED_QTY + sum(
            step.qty_delta for step in mine + yours if isinstance(step, orders.LineChanged) and step.line_id == line_id
        )
        found = after.line(line_id)
        assert found is not None
        assert found.left_qty == wanted


def test_whole_orders_instead_of_steps_would_lose_lines():
    """The negative control: what the two above hold against, a client that sends the order as it sees it."""
    seen_by_one, seen_by_other = folded(TABLE, [add("a0", 1)]), folded(TABLE, [add("b0", 1)])
    last = seen_by_other
    assert seen_by_one.line("a0") is not None
    assert last.line("a0") is None


@given(st.lists(st.sampled_from(SHARED).flatmap(any_step), max_size=20))
def test_pieces_are_counted_once_whatever_is_asked(steps):
    order = folded(TABLE, steps)
    assert {line.line_id for line in order.lines} == set(SHARED)
    for line in order.lines:
        assert 0 <= line.paid_qty <= line.alive_qty <= line.qty
        assert 0 <= line.held_qty <= line.sent_qty <= line.alive_qty
        assert 0 <= line.free_qty <= line.open_qty
        assert line.alive_qty == line.sent_qty + line.unsent_qty


@given(st.data())
def test_splitting_and_merging_make_and_lose_no_piece(data):
    steps = data.draw(st.lists(st.sampled_from(SHARED).flatmap(any_step), max_size=10))
    one, other = folded(TABLE, steps), opened("p")
    before = _sums(one)
    for number in range(data.draw(st.integers(1, 5))):
        giver, taker = (one, other) if data.draw(st.booleans()) else (other, one)
        lines = [line for line in giver.lines if line.open_qty]
        if not lines:
            continue
        line = data.draw(st.sampled_from(lines))
        qty = data.draw(st.integers(1, line.open_qty))
        step = orders.OrderSplit(
            order_id=giver.order_id,
            into=taker.order_id,
            lines=(Taken(line_id=line.line_id, qty=qty, as_line=f"{line.line_id}.{number}"),),
        )
        giver, taker = rules.fold(giver, step), rules.receive(taker, step, giver)
        one, other = (giver, taker) if giver.order_id == "o" else (taker, giver)
        assert _sums(one, other) == before
    merging = orders.OrderMerged(order_id="p", into="o")
    assert _sums(rules.receive(one, merging, other)) == before
    assert rules.fold(other, merging).lines == ()


def _sums(*both: Order) -> tuple[int, ...]:
    lines = [line for order in both for line in order.lines]
    return (
        sum(line.alive_qty for line in lines),
        sum(line.paid_qty for line in lines),
        sum(line.sent_qty for line in lines),
        sum(line.held_qty for line in lines),
        sum(line.left_qty for line in lines),
        sum(order.subtotal_fen for order in both),
    )
