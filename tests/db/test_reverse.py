"""反结账: the sale goes back as a whole, its lines come back as an order that was cooked already, and both name each other."""

from pathlib import Path

import msgspec
import pytest

from edge.db import orders
from edge.domain.payment import AskedTender
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.house import day_figures
from edge.services.money import pay_order, refunds
from edge.services.money.pay_order import PayCommand
from edge.services.money.refunds import RefundAnswer
from edge.services.money.settle_sale import SaleAnswer
from edge.services.ordering import import_menu, stock
from edge.services.ordering.order_work import SendStep
from sync.contract import facts, kinds
from sync.contract.trade import SalePaid
from tests.kit.nodes import COUNTER, MENU, Rig, basket, uuid7_hex
from tests.kit.people import CASHIER, MANAGER, OTHER_MANAGER, SUPERVISOR, at, staffed
from tests.kit.shifts import refunded, reversed_sale
from tests.kit.tables import Floor, add

ORDER = 500


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER,)) as made:
        staffed(made)
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def order_of(rig: Rig):
    with rig.db.read() as reader:
        found = orders.by_id(reader, uuid7_hex(ORDER))
    assert found is not None
    return found


def test_a_reversed_sale_is_paid_anew_and_both_name_each_other(rig):
    rig.sell(1)
    answer = reversed_sale(rig, 11, 1, ORDER, at(MANAGER))
    assert isinstance(answer, RefundAnswer)
    assert (answer.amount_fen, answer.whole, answer.reopened_as) == (7_900, True, uuid7_hex(ORDER))
    order = order_of(rig)
    assert (order.replaces, order.state, order.subtotal_fen) == (uuid7_hex(1), "open", 7_900)
    assert [(line.dish_id, line.qty, line.unsent_qty, line.done_ms > 0) for line in order.lines] == [
        ("d101", 2, 0, True),
        ("d102", 1, 0, True),
    ]
    paid = pay_order.pay_order(
        rig.node, at(MANAGER), uuid7_hex(ORDER),
        PayCommand(sale_id=uuid7_hex(2), tenders=(AskedTender(kind="cash", received_fen=10_000),)),
    )  # fmt: skip
    assert isinstance(paid, Done), paid
    assert msgspec.json.decode(paid.answer, type=SaleAnswer).total_fen == 7_900
    with rig.db.read() as reader:
        [(epoch, seq)] = reader.execute("SELECT epoch, seq FROM sales WHERE sale_id = ?", (uuid7_hex(2),))
        sale = kinds.read(facts.decode(rig.node.archives.trade_fact(reader, epoch, seq)))
    assert isinstance(sale, SalePaid)
    assert sale.replaces == uuid7_hex(1)
    state = refunds.state(rig.node, at(MANAGER), uuid7_hex(1))
    assert not isinstance(state, Refused)
    assert (state.remade_by, state.refunds[0].reopened_as) == ((uuid7_hex(2),), uuid7_hex(ORDER))


def test_a_table_comes_back_with_its_seat_its_note_and_what_guests_must_not_eat(rig):
    floor = Floor(rig, at(MANAGER))
    before = floor.open(1, add(2), SendStep(), allergies="花生", note="少油")
    tender = AskedTender(kind="cash", received_fen=10_000_000)
    paid = pay_order.pay_order(rig.node, at(MANAGER), before, PayCommand(sale_id=uuid7_hex(2), tenders=(tender,)))
    assert isinstance(paid, Done), paid
    slips = rig.rows("SELECT count(*) FROM kitchen_slips")
    assert isinstance(reversed_sale(rig, 11, 2, ORDER, at(MANAGER)), RefundAnswer)
    again = order_of(rig)
    assert (again.table, again.allergies, again.note) == ("t1", "花生", "少油")
    assert rig.rows("SELECT count(*) FROM kitchen_slips") == slips, "of what was cooked nobody is told"


def test_a_table_that_somebody_sits_at_by_now_is_only_named(rig):
    floor = Floor(rig, at(MANAGER))
    before = floor.open(1, add(2))
    tender = AskedTender(kind="cash", received_fen=10_000_000)
    paid = pay_order.pay_order(rig.node, at(MANAGER), before, PayCommand(sale_id=uuid7_hex(2), tenders=(tender,)))
    assert isinstance(paid, Done), paid
    floor.open(3, add(4))
    assert isinstance(reversed_sale(rig, 11, 2, ORDER, at(MANAGER)), RefundAnswer)
    again = order_of(rig)
    assert (again.table, bool(again.label)) == ("", True)


def test_nothing_is_cooked_or_counted_a_second_time(rig):
    command = msgspec.convert({"request_id": uuid7_hex(60), "left": 10}, stock.StockCommand)
    assert isinstance(stock.set_left(rig.node, at(MANAGER), "d101", command), Done)
    rig.sell(1)
    assert rig.rows("SELECT left_qty FROM dish_states") == [(8,)]
    assert isinstance(reversed_sale(rig, 11, 1, ORDER, at(MANAGER)), RefundAnswer)
    assert rig.rows("SELECT left_qty FROM dish_states") == [(8,)]
    assert rig.rows("SELECT document FROM print_jobs WHERE document NOT IN ('receipt', 'refund')") == []


def test_a_sale_of_which_something_went_back_is_not_reversed_and_neither_is_one_twice(rig):
    rig.sell(1)
    assert isinstance(refunded(rig, 11, 1, at(MANAGER), amount_fen=100), RefundAnswer)
    assert reversed_sale(rig, 12, 1, ORDER, at(MANAGER)) == Refused("partly_refunded", {"left_fen": 7_800})
    rig.sell(2)
    assert isinstance(reversed_sale(rig, 13, 2, ORDER, at(MANAGER)), RefundAnswer)
    again = reversed_sale(rig, 14, 2, 501, at(MANAGER))
    assert isinstance(again, Refused)
    assert again.code == "nothing_to_refund"
    assert rig.rows("SELECT count(*) FROM orders") == [(1,)]


def test_guests_and_dishes_of_a_sale_made_anew_count_once_and_a_dish_off_the_menu_keeps_its_name(rig):
    floor = Floor(rig, at(MANAGER))
    seated = floor.open(1, add(2, "d101", 2), table="t1", covers=4)
    tender = AskedTender(kind="cash", received_fen=10_000_000)
    for sale, order_id in ((2, seated), (3, uuid7_hex(ORDER))):
        paid = pay_order.pay_order(
            rig.node, at(MANAGER), order_id, PayCommand(sale_id=uuid7_hex(sale), tenders=(tender,))
        )
        assert isinstance(paid, Done), paid
        if sale == 2:
            assert isinstance(reversed_sale(rig, 11, 2, ORDER, at(MANAGER)), RefundAnswer)
    kept = tuple(dish for dish in MENU.dishes if dish.id != "d101")
    import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=kept))
    day = day_figures.of_day(rig.node, "")
    assert not isinstance(day, Refused)
    assert (day.sales, day.covers) == (2, 4)
    [dish] = day.dishes
    was = next(dish for dish in MENU.dishes if dish.id == "d101")
    assert (dish.dish_id, dish.qty, dish.name, dish.code) == ("d101", 2, was.name, was.code)


def test_a_repeat_reverses_once(rig):
    rig.sell(1)
    first = reversed_sale(rig, 11, 1, ORDER, at(MANAGER))
    assert reversed_sale(rig, 11, 1, ORDER, at(MANAGER)) == first
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests WHERE request_id = ?", (uuid7_hex(11),)))
    assert reversed_sale(rig, 11, 1, ORDER, at(MANAGER)) == first
    assert rig.rows("SELECT count(*) FROM orders") == [(1,)]


@pytest.mark.parametrize(
    ("who", "code"), [(CASHIER, "not_allowed"), (SUPERVISOR, "needs_approval"), (OTHER_MANAGER, "done")]
)
def test_who_may_reverse(rig, who, code):
    rig.sell(1, lines=basket(("d101", 1)))
    before = rig.tables()
    found = reversed_sale(rig, 11, 1, ORDER, at(who))
    assert (found.code if isinstance(found, Refused) else "done") == code
    assert (rig.tables() == before) == (code != "done")
