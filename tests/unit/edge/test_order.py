"""What an order comes to, step by step: pieces are counted once, and no step touches a line that it does not name."""

from typing import Any

import msgspec
import pytest

from edge.domain import order as rules
from edge.domain.order_state import Line, Order
from sync.contract import orders
from sync.contract.orders import OrderLine, SentLine, Taken
from sync.contract.trade import SoldModifier, SoldPart
from sync.contract.words import Name

NAME = Name("菜", "Dish")


def opened(order_id: str = "o", **said: Any) -> Order:
    return rules.fold(None, orders.OrderOpened(order_id=order_id, service="dine_in", till="1", **said), 10)


def line(line_id: str, qty: int = 1, **said: Any) -> OrderLine:
    return OrderLine(line_id=line_id, dish_id="d", code="1", name=NAME, qty=qty, unit_fen=1_000, **said)


def added(order: Order, *lines: OrderLine) -> Order:
    for one in lines:
        order = rules.fold(order, orders.LineAdded(order_id=order.order_id, line=one), 20)
    return order


def sent(order: Order, *pieces: tuple[str, int], fired: bool = True) -> Order:
    lines = tuple(SentLine(line_id=line_id, qty=qty, fired=fired) for line_id, qty in pieces)
    return rules.fold(order, orders.OrderSent(order_id=order.order_id, round=order.rounds + 1, lines=lines), 30)


def paid(order: Order, *pieces: tuple[str, int], closed: bool = False) -> Order:
    lines = tuple(orders.Paid(line_id=line_id, qty=qty) for line_id, qty in pieces)
    return rules.fold(order, orders.OrderSettled(order_id=order.order_id, sale_id="s", lines=lines, closed=closed), 40)


def of(order: Order, line_id: str) -> Line:
    found = order.line(line_id)
    assert found is not None
    return found


def test_a_line_has_every_field_that_was_ordered():
    ordered = line("a", 2, modifiers=(SoldModifier("x", NAME, 50),), parts=(SoldPart(
        dish_id="p", code="2", name=NAME, qty=2, price_fen=25),), note="n", seat=1, course=2, tax="vat")  # fmt: skip
    found = of(added(opened(), ordered), "a")
    assert {name: getattr(found, name) for name in OrderLine.__struct_fields__} == msgspec.structs.asdict(ordered)
    assert (found.left_qty, found.amount_fen, found.added_ms) == (2, 2 * (1_000 + 50 + 2 * 25), 20)


def test_an_order_begins_with_being_opened_and_takes_steps_of_its_own_only():
    with pytest.raises(ValueError, match="begins with"):
        rules.fold(None, orders.OrderCancelled(order_id="o", reason=""))
    with pytest.raises(ValueError, match="was given a step of"):
        rules.fold(opened("o"), orders.OrderCancelled(order_id="other", reason=""))


def test_opening_again_changes_nothing():
    order = added(opened(), line("a"))
    assert rules.fold(order, orders.OrderOpened(order_id="o", service="takeaway", till="2"), 99) == order


def test_the_same_line_added_twice_is_there_once():
    order = added(opened(), line("a", 2))
    assert added(order, line("a", 5)).lines == order.lines


@pytest.mark.parametrize(
    ("delta", "qty"), [(2, 5), (-2, 1), (-3, 0), (-9, 0)], ids=["more", "fewer", "all", "more than there are"]
)
def test_a_quantity_changes_by_a_difference_and_never_below_nothing(delta, qty):
    order = rules.fold(added(opened(), line("a", 3)), orders.LineChanged(order_id="o", line_id="a", qty_delta=delta))
    assert of(order, "a").left_qty == qty


def test_what_is_at_the_kitchen_is_not_taken_away_by_a_difference():
    order = sent(added(opened(), line("a", 3)), ("a", 2))
    order = rules.fold(order, orders.LineChanged(order_id="o", line_id="a", qty_delta=-3))
    assert (of(order, "a").left_qty, of(order, "a").unsent_qty) == (2, 0)


def test_a_void_counts_down_what_the_kitchen_has_only_by_what_it_says():
    order = sent(added(opened(), line("a", 3)), ("a", 2))
    free = rules.fold(order, orders.LineVoided(order_id="o", line_id="a", qty=1))
    assert (of(free, "a").left_qty, of(free, "a").sent_qty, of(free, "a").unsent_qty) == (2, 2, 0)
    both = rules.fold(order, orders.LineVoided(order_id="o", line_id="a", qty=3, sent_qty=2))
    assert (of(both, "a").left_qty, of(both, "a").sent_qty) == (0, 0)
    assert both.is_empty


def test_a_step_on_a_line_that_is_not_there_changes_no_line():
    order = added(opened(), line("a", 2), line("b"))
    for step in (
        orders.LineChanged(order_id="o", line_id="x", qty_delta=5),
        orders.LineVoided(order_id="o", line_id="x", qty=1),
        orders.LinePriced(order_id="o", line_id="x", gift=True),
        orders.OrderChased(order_id="o", line_ids=("x",)),
        orders.OrderFired(order_id="o", line_ids=("x",)),
        orders.LinesConfirmed(order_id="o", line_ids=("x",), accepted=True),
        orders.OrderSplit(order_id="o", into="p", lines=(Taken(line_id="x", qty=1, as_line="y"),)),
    ):
        assert rules.fold(order, step).lines == order.lines


def test_later_courses_wait_at_the_kitchen_until_they_are_fired():
    order = added(opened(), line("a", 1, course=0), line("b", 2, course=2))
    order = sent(sent(order, ("a", 1)), ("b", 2), fired=False)
    assert (of(order, "a").held_qty, of(order, "b").held_qty, of(order, "b").fired_ms) == (0, 2, 0)
    order = rules.fold(order, orders.OrderFired(order_id="o", line_ids=("b",)), 50)
    assert (of(order, "b").held_qty, of(order, "b").fired_ms, order.course_fired, order.rounds) == (0, 50, 2, 2)


def test_the_kitchen_is_done_and_takes_it_back_and_more_pieces_are_not_done():
    order = sent(added(opened(), line("a", 1)), ("a", 1))
    done = orders.Bumped(order_id="o", round=1, station="hot", line_ids=("a",), done=True)
    order = rules.bumped(order, done, 60)
    assert of(order, "a").done_ms == 60
    assert of(rules.bumped(order, msgspec.structs.replace(done, done=False), 61), "a").done_ms == 0
    order = rules.fold(order, orders.LineChanged(order_id="o", line_id="a", qty_delta=1))
    assert of(sent(order, ("a", 1)), "a").done_ms == 0


def test_what_a_guest_asks_for_is_neither_cooked_nor_paid_before_it_is_confirmed():
    order = added(opened(), line("a", 2, source=rules.GUEST), line("b"))
    guest = of(order, "a")
    assert (guest.waits, guest.left_qty, guest.open_qty, guest.unsent_qty, order.subtotal_fen) == (True, 0, 2, 0, 1_000)
    assert not order.is_empty
    taken = rules.fold(order, orders.LinesConfirmed(order_id="o", line_ids=("a", "b"), accepted=True))
    assert (of(taken, "a").left_qty, of(taken, "a").unsent_qty, taken.subtotal_fen) == (2, 2, 3_000)
    down = rules.fold(order, orders.LinesConfirmed(order_id="o", line_ids=("a", "b"), accepted=False))
    assert (of(down, "a").open_qty, of(down, "a").declined, of(down, "b").left_qty) == (0, True, 1)


def test_words_about_a_price_replace_those_of_their_sort_and_nought_takes_them_back():
    def say(order: Order, **said: Any) -> Order:
        return rules.fold(order, orders.LinePriced(order_id="o", line_id="a", reason="r", **said))

    order = say(added(opened(), line("a", 2)), rate_bp=1_000)
    assert (of(order, "a").rate_bp, of(order, "a").reason) == (1_000, "r")
    order = say(order, discount_fen=300)
    assert (of(order, "a").rate_bp, of(order, "a").discount_fen) == (0, 300)
    order = say(say(order, gift=True), discount_fen=0)
    assert (of(order, "a").gift, of(order, "a").discount_fen, of(order, "a").reason) == (True, 0, "r")
    assert of(say(order, gift=False), "a").reason == ""
    dearer = say(order, unit_fen=1_500)
    assert (of(dearer, "a").unit_fen, of(dearer, "a").list_fen) == (1_500, 1_000)
    assert (of(say(dearer, unit_fen=1_000), "a").list_fen) == -1


def test_an_orders_discount_is_what_was_said_last():
    order = rules.fold(opened(), orders.Discounted(order_id="o", rate_bp=800, reason="r", approved_by="m"))
    assert (order.rate_bp, order.discount_fen, order.comp, order.approved_by) == (800, 0, False, "m")
    order = rules.fold(order, orders.Discounted(order_id="o"))
    assert (order.rate_bp, order.reason, order.approved_by) == (0, "", "")


def test_a_split_takes_first_what_was_sent_and_not_paid_and_shares_the_discount():
    order = paid(sent(added(opened(), line("a", 5)), ("a", 3)), ("a", 1))
    order = rules.fold(order, orders.LinePriced(order_id="o", line_id="a", discount_fen=401))
    step = orders.OrderSplit(order_id="o", into="p", lines=(Taken(line_id="a", qty=3, as_line="b"),))
    stays = of(rules.fold(order, step), "a")
    came = of(rules.receive(opened("p"), step, order), "b")
    assert (stays.qty, stays.left_qty, stays.paid_qty, stays.sent_qty, stays.unsent_qty) == (2, 1, 1, 1, 1)
    assert (came.qty, came.left_qty, came.paid_qty, came.sent_qty, came.unsent_qty) == (3, 3, 0, 2, 1)
    assert (stays.discount_fen, came.discount_fen) == (101, 300)
    assert (stays.into, stays.into_line, came.into) == ("p", "b", "")


def test_what_waits_at_the_kitchen_waits_there_after_a_split():
    order = sent(sent(added(opened(), line("a", 3, course=1)), ("a", 1)), ("a", 2), fired=False)
    step = orders.OrderSplit(order_id="o", into="p", lines=(Taken(line_id="a", qty=2, as_line="b"),))
    assert of(rules.fold(order, step), "a").held_qty == 1
    assert of(rules.receive(opened("p"), step, order), "b").held_qty == 1


def test_more_than_there_is_is_not_split_off():
    order = added(opened(), line("a", 2))
    step = orders.OrderSplit(order_id="o", into="p", lines=(Taken(line_id="a", qty=3, as_line="b"),))
    assert rules.fold(order, step).lines == order.lines
    assert rules.receive(opened("p"), step, order).lines == ()


def test_a_merge_takes_all_lines_the_guests_and_what_somebody_must_not_eat():
    one = rules.fold(added(opened("o", covers=2), line("a")), orders.OrderChanged(order_id="o", allergies="peanut"))
    two = rules.fold(added(opened("p", covers=3), line("b")), orders.OrderChanged(order_id="p", allergies="milk"))
    step = orders.OrderMerged(order_id="o", into="p")
    gone, both = rules.fold(one, step, 70), rules.receive(two, step, one, 70)
    assert (gone.state, gone.into, gone.lines, gone.closed_ms) == ("merged", "p", (), 70)
    assert ([each.line_id for each in both.lines], both.covers, both.allergies) == (["b", "a"], 5, "milk / peanut")


def test_an_order_is_settled_when_a_sale_says_so_and_cancelled_only_without_a_sale():
    order = paid(added(opened(), line("a", 2)), ("a", 1))
    assert (order.state, of(order, "a").left_qty, order.sales) == ("open", 1, ("s",))
    assert paid(order, ("a", 1), closed=True).state == "settled"
    voided = rules.fold(order, orders.LineVoided(order_id="o", line_id="a", qty=1))
    assert voided.is_empty
    assert rules.fold(voided, orders.OrderCancelled(order_id="o", reason="")).state == "settled"
    assert rules.fold(opened(), orders.OrderCancelled(order_id="o", reason="left")).state == "cancelled"


def test_what_is_not_said_about_an_order_stays():
    order = rules.fold(opened(label="Zhang", covers=2), orders.OrderChanged(order_id="o", held=True))
    assert (order.label, order.covers, order.held, order.steps) == ("Zhang", 2, True, 2)


def test_only_so_many_requests_are_remembered():
    order = added(opened(), line("a", 900))
    for number in range(rules.ASKED_KEPT + 5):
        step = orders.LineChanged(order_id="o", line_id="a", qty_delta=-1, request_id=f"r{number}")
        order = rules.fold(order, step)
    assert (len(order.asked), order.asked[0], order.asked[-1]) == (rules.ASKED_KEPT, "r5", f"r{rules.ASKED_KEPT + 4}")


@pytest.mark.parametrize(
    ("amount_fen", "base_fen", "rate_bp"),
    [(0, 0, 0), (1, 0, 10_000), (100, 1_000, 1_000), (101, 1_000, 1_010), (1, 3, 3_334)],
)
def test_the_rate_of_an_amount_is_rounded_up(amount_fen, base_fen, rate_bp):
    assert rules.rate_of(amount_fen, base_fen) == rate_bp
