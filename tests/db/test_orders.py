"""Open orders on a real file: steps merge, what is gone is said, the kitchen has its rounds, and a rebuild comes to the same."""

import random
from pathlib import Path

import msgspec
import pytest

from edge.db import journal
from edge.db import orders as kept
from edge.domain import roles
from edge.services import deeds
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.ordering import house_changes, import_menu, order_listeners, read_orders
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.order_work import (
    LINES_MAX,
    ChangeStep,
    ChaseStep,
    ConfirmStep,
    DiscountStep,
    EditStep,
    FireStep,
    PriceStep,
    SendStep,
    Step,
    VoidStep,
)
from edge.services.ordering.orders import OpenOrderCommand, OrderAnswer
from sync.contract import orders
from sync.contract.menu import Dish
from tests.kit.nodes import MENU, BreakingStorage, PowerCut, Rig, name, uuid7_hex
from tests.kit.tables import CASHIER_1, SUPERVISOR_1, Floor, add, both, refused


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


@pytest.fixture
def floor(rig: Rig) -> Floor:
    return Floor(rig)


def the_id(number: int) -> str:
    return uuid7_hex(number)


# Opening


def test_an_order_is_opened_at_a_table_with_its_first_lines_in_one_deed(rig, floor):
    order_id = floor.open(1, add(2, "d101", 2), add(3), SendStep(), label="Zhang")
    order = floor.order(order_id)
    assert (order.service, order.till, order.table, order.label, order.covers) == ("dine_in", "1", "t1", "Zhang", 2)
    assert [(line.code, line.qty, line.unit_fen, line.sent_qty) for line in order.lines] == [
        ("101", 2, 3_800, 2),
        ("102", 1, 300, 1),
    ]
    assert (order.rounds, order.subtotal_fen) == (1, 7_900)
    with rig.db.read() as reader:
        assert (kept.open_count(reader), kept.open_at(reader, "t1")) == (1, [order_id])


def test_opening_again_is_answered_alike_and_also_where_stored_answers_are_gone(rig, floor):
    command = OpenOrderCommand(order_id=the_id(1), service="dine_in", table="t1", steps=(add(2),))
    first = order_deeds.open_order(rig.node, floor.who, command)
    again = order_deeds.open_order(rig.node, floor.who, command)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (again.answer, again.repeated) == (first.answer, True)
    floor.forget_answers()
    late = order_deeds.open_order(rig.node, floor.who, command)
    assert isinstance(late, Done)
    assert msgspec.json.decode(late.answer, type=OrderAnswer).n == msgspec.json.decode(first.answer, type=OrderAnswer).n
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'order.opened'") == [(1,)]


def test_a_table_that_is_taken_is_not_opened_a_second_time_unless_it_is_shared(rig, floor):
    first = floor.open(1)
    command = OpenOrderCommand(order_id=the_id(2), service="dine_in", table="t1")
    assert refused(order_deeds.open_order(rig.node, floor.who, command), "table_taken")["order_id"] == first
    floor.open(2, beside=True)
    with rig.db.read() as reader:
        assert kept.open_at(reader, "t1") == [the_id(1), the_id(2)]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"table": "nowhere"}, "unknown_table"),
        ({"label": "a\x1bb"}, "bad_text"),
        ({"allergies": "x\u202ey"}, "bad_text"),
        ({"note": "x\x00"}, "bad_text"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_changes_nothing(rig, floor, said, code):
    before = rig.tables()
    command = OpenOrderCommand(order_id=the_id(1), **{"service": "dine_in", "table": "t1", **said})
    refused(order_deeds.open_order(rig.node, floor.who, command), code)
    assert rig.tables() == before


def test_an_order_over_the_counter_is_put_aside_and_taken_up_again(floor):
    order_id = floor.open(1, add(2), service="counter", table="", held=True)
    assert floor.order(order_id).held
    floor.steps(order_id, EditStep(held=False))
    assert not floor.order(order_id).held


def test_a_node_that_may_sell_nothing_opens_no_order(tmp_path):
    with Rig(tmp_path, enrolled=False) as rig:
        command = OpenOrderCommand(order_id=the_id(1), service="counter")
        refused(order_deeds.open_order(rig.node, CASHIER_1, command), "training_mode")


# Steps that merge


def test_two_waiters_steps_on_one_table_all_stand(floor):
    order_id = floor.open(1, add(2, qty=2))
    floor.steps(order_id, add(3, "d101"), ChangeStep(line_id=the_id(2), qty_delta=1))
    floor.steps(order_id, add(4, "d105"), ChangeStep(line_id=the_id(2), qty_delta=1), who=CASHIER_1)
    order = floor.order(order_id)
    assert [(line.line_id, line.left_qty) for line in order.lines] == [(the_id(2), 4), (the_id(3), 1), (the_id(4), 1)]


@pytest.mark.parametrize("seed", range(4))
def test_the_queued_steps_of_two_waiters_come_to_the_same_in_any_order(tmp_path, seed):
    """The same through the whole node: what the property of the fold says, with pricing, stock, permission and the file between."""
    chance = random.Random(seed)
    told = []
    queues: list[list[tuple[Step, ...]]] = [
        [
            (add(10, "d101", 2), ChangeStep(line_id=the_id(2), qty_delta=-1)),
            (ChangeStep(line_id=the_id(10), qty_delta=1), VoidStep(line_id=the_id(3), qty=1)),
            (VoidStep(line_id=the_id(10), qty=2),),
        ],
        [
            (add(20, "d102", 4), ChangeStep(line_id=the_id(2), qty_delta=2)),
            (PriceStep(line_id=the_id(20), rate_bp=500, reason="late"), VoidStep(line_id=the_id(3), qty=1)),
            (ChangeStep(line_id=the_id(20), qty_delta=-1, note="hot"),),
        ],
    ]
    for run in range(2):
        with Rig(tmp_path / str(run)) as rig:
            floor = Floor(rig)
            order_id = floor.open(1, add(2, qty=3), add(3, qty=2))
            left = [list(queue) for queue in queues]
            while any(left):
                queue = chance.choice([one for one in left if one])
                assert set(floor.became(order_id, *queue.pop(0))) == {"done"}
            order = floor.order(order_id)
            told.append(
                (order.subtotal_fen, {line.line_id: (line.left_qty, line.rate_bp, line.note) for line in order.lines})
            )
            assert verify_journal.verify(rig.node).ok
    assert told[0] == told[1]
    assert told[0][1] == {
        the_id(2): (4, 0, ""),
        the_id(3): (0, 0, ""),
        the_id(10): (1, 0, ""),
        the_id(20): (3, 500, "hot"),
    }


def test_a_step_that_cannot_be_done_does_not_hold_up_the_others(floor):
    order_id = floor.open(1, add(2))
    steps = (
        VoidStep(line_id=the_id(99)),
        add(3, "d999"),
        ChangeStep(line_id=the_id(2), qty_delta=-5),
        add(4, "d103"),
        add(5, "d101"),
    )
    outcomes = floor.steps(order_id, *steps)
    assert [(one.became, one.code, one.qty) for one in outcomes] == [
        ("gone", "", 0),
        ("refused", "unknown_dish", 0),
        ("partly", "", 1),
        ("refused", "too_few_modifiers", 0),
        ("done", "", 1),
    ]
    assert [line.left_qty for line in floor.order(order_id).lines] == [0, 1]


def test_a_step_that_stands_alone_is_refused_as_a_whole_and_changes_nothing(rig, floor):
    order_id = floor.open(1, add(2))
    before = rig.tables()
    assert refused(floor.try_steps(order_id, add(3, "d999")), "unknown_dish") == {"dish_id": "d999"}
    refused(floor.try_steps(order_id, msgspec.structs.replace(add(3), line_id="z" * 32)), "malformed")
    assert rig.tables() == before


def test_a_line_that_all_pieces_were_taken_of_comes_back_with_more(floor):
    order_id = floor.open(1, add(2))
    assert floor.became(order_id, ChangeStep(line_id=the_id(2), qty_delta=-1)) == ["done"]
    assert floor.became(order_id, ChangeStep(line_id=the_id(2), note="x")) == ["gone"]
    assert floor.became(order_id, ChangeStep(line_id=the_id(2), qty_delta=1)) == ["done"]
    assert floor.line(order_id, 2).left_qty == 1


def test_repeats_change_nothing_also_where_stored_answers_are_gone(rig, floor):
    order_id = floor.open(1, add(2, qty=5))
    steps = (add(3), ChangeStep(line_id=the_id(2), qty_delta=1), VoidStep(line_id=the_id(2), qty=2))
    first = floor.try_steps(order_id, *steps, request_id=the_id(50))
    again = floor.try_steps(order_id, *steps, request_id=the_id(50))
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert again.answer == first.answer
    refused(floor.try_steps(order_id, add(4), request_id=the_id(50)), "request_id_reused")
    before = floor.order(order_id)
    floor.forget_answers()
    late = floor.try_steps(order_id, *steps, request_id=the_id(50))
    assert isinstance(late, Done)
    outcomes = msgspec.json.decode(late.answer, type=OrderAnswer).outcomes
    assert [one.became for one in outcomes] == ["already"] * 3
    assert floor.order(order_id) == before


def test_without_the_remembered_request_a_late_repeat_would_count_twice(rig, floor):
    """The negative control of the test above."""
    order_id = floor.open(1, add(2, qty=5))
    floor.try_steps(order_id, VoidStep(line_id=the_id(2), qty=2), request_id=the_id(50))
    floor.forget_answers()
    order = msgspec.structs.replace(floor.order(order_id), asked=())
    rig.db.write(lambda tx: kept.keep(tx, order, 1_000))
    floor.try_steps(order_id, VoidStep(line_id=the_id(2), qty=2), request_id=the_id(50))
    assert floor.line(order_id, 2).left_qty == 1
    # The table was spoiled by hand; the fixture asks it to say what the facts say.
    spoiled = msgspec.structs.replace(floor.order(order_id), asked=(f"{the_id(50)}.0",))
    rig.db.write(lambda tx: kept.keep(tx, spoiled, journal.counter(tx, "n")))


@pytest.mark.parametrize("what", ["steps", "move", "merge", "split", "cancel"])
def test_an_order_that_was_merged_says_where_its_lines_are(rig, floor, what):
    one, two, three = floor.open(1, add(11)), floor.open(2, add(12), table="t2"), floor.open(3, table="t3")
    assert both(floor.merge(one, two)).order.state == "merged"
    floor.merge(two, three)
    asked = {
        "steps": lambda: floor.try_steps(one, add(13)),
        "move": lambda: floor.move(one, "t4"),
        "merge": lambda: floor.merge(one, three),
        "split": lambda: floor.split(one, 9, (11, 1, 19)),
        "cancel": lambda: floor.cancel(one),
    }[what]
    assert refused(asked(), "order_closed") == {"state": "merged", "into": three}
    assert floor.became(three, ChangeStep(line_id=the_id(11), qty_delta=1)) == ["done"]


def test_an_order_that_nobody_opened_is_not_there(floor):
    refused(floor.try_steps(the_id(77), add(2)), "not_found")
    refused(floor.cancel(the_id(77)), "not_found")


# Bounds


def test_an_order_has_so_many_lines_and_so_much_on_it(rig, floor):
    order_id = floor.open(1, *[add(100 + at) for at in range(99)])
    floor.steps(order_id, *[add(300 + at) for at in range(100)])
    floor.steps(order_id, add(500))
    assert refused(floor.try_steps(order_id, add(501)), "too_large") == {"lines_max": 200}
    rich = floor.open(2, add(600, "d104", 10), table="t2")
    refused(floor.try_steps(rich, add(601)), "amount_too_large")
    refused(floor.try_steps(rich, ChangeStep(line_id=the_id(600), qty_delta=1)), "amount_too_large")
    refused(
        floor.try_steps(rich, PriceStep(line_id=the_id(600), unit_fen=10_000_000 + 1, reason="x")), "amount_too_large"
    )
    assert LINES_MAX > 200


def test_a_quantity_stays_within_bounds(floor):
    order_id = floor.open(1, add(2, qty=999))
    assert refused(floor.try_steps(order_id, ChangeStep(line_id=the_id(2), qty_delta=1)), "qty_out_of_range") == {
        "qty_max": 999
    }


# Changing a line


def test_choices_of_a_line_change_until_the_kitchen_has_it(floor):
    order_id = floor.open(1, add(2, "d101"))
    said = ChangeStep(line_id=the_id(2), modifiers=("hot", "x3"), note="少盐", seat=2, course=1)
    assert floor.became(order_id, said) == ["done"]
    line = floor.line(order_id, 2)
    assert ([one.id for one in line.modifiers], line.note, line.seat, line.course) == (["hot", "x3"], "少盐", 2, 1)
    assert line.amount_fen == 3_800 + 300
    refused(floor.try_steps(order_id, ChangeStep(line_id=the_id(2), modifiers=("large",))), "unknown_modifier")
    refused(floor.try_steps(order_id, ChangeStep(line_id=the_id(2), note="\x1b@")), "bad_text")
    refused(floor.try_steps(order_id, ChangeStep(line_id=the_id(2), weight_g=5)), "weight_not_taken")
    floor.steps(order_id, SendStep())
    for late in (
        ChangeStep(line_id=the_id(2), note="x"),
        ChangeStep(line_id=the_id(2), modifiers=()),
        ChangeStep(line_id=the_id(2), course=2),
        ChangeStep(line_id=the_id(2), qty_delta=-1),
    ):
        refused(floor.try_steps(order_id, late), "line_sent")
    assert floor.became(order_id, ChangeStep(line_id=the_id(2), seat=3, qty_delta=1)) == ["done"]
    assert (floor.line(order_id, 2).seat, floor.line(order_id, 2).unsent_qty) == (3, 1)


def test_the_menu_that_the_waiter_saw_prices_the_line(rig, floor):
    order_id = floor.open(1, add(2))
    assert floor.line(order_id, 2).menu == 1
    assert rig.rows("SELECT raw FROM facts WHERE kind = 'order.line_added'")[0][0].find(b'"versions":{"menu":1}') > 0


# The kitchen


def test_each_send_is_a_round_of_what_the_kitchen_does_not_have(floor):
    order_id = floor.open(1, add(2, qty=2), add(3, course=2))
    assert floor.became(order_id, SendStep(line_ids=(the_id(2),)), SendStep(line_ids=(the_id(2),))) == [
        "done",
        "nothing",
    ]
    floor.steps(order_id, ChangeStep(line_id=the_id(2), qty_delta=1), SendStep())
    two, three = floor.line(order_id, 2), floor.line(order_id, 3)
    assert (two.sent_qty, two.round, three.sent_qty, three.held_qty, three.round) == (3, 2, 1, 1, 2)
    assert floor.order(order_id).rounds == 2
    assert floor.became(order_id, FireStep()) == ["done"]
    assert floor.line(order_id, 3).held_qty == 0
    floor.steps(order_id, add(4, course=2), add(5, course=3), SendStep())
    assert (floor.line(order_id, 4).held_qty, floor.line(order_id, 5).held_qty) == (0, 1)
    assert floor.became(order_id, FireStep(course=9), FireStep(line_ids=(the_id(5),)), FireStep()) == [
        "nothing", "done", "nothing"]  # fmt: skip


def test_what_the_kitchen_has_and_is_not_done_with_can_be_asked_after(rig, floor):
    order_id = floor.open(1, add(2), add(3, course=1), SendStep(), add(4))
    rig.clock.advance(60_000)
    assert floor.steps(order_id, ChaseStep())[0].qty == 1
    line = floor.line(order_id, 2)
    assert (line.chases, line.chased_ms - line.sent_ms) == (1, 60_000)
    bumped = orders.Bumped(order_id=order_id, round=1, station="", line_ids=(the_id(2),), done=True)

    def serve(deed: deeds.Deed) -> msgspec.Struct:
        deed.write(orders.BUMPED, bumped)
        return bumped

    assert isinstance(deeds.transact(rig.node, floor.who, floor.id(), bumped, serve), Done)
    assert floor.line(order_id, 2).done_ms == rig.clock.now_ms()
    assert floor.became(order_id, ChaseStep()) == ["nothing"]


def test_the_kitchens_word_finds_lines_that_were_merged_meanwhile(rig, floor):
    one, two = floor.open(1, add(11), SendStep()), floor.open(2, table="t2")
    floor.merge(one, two)
    bumped = orders.Bumped(order_id=one, round=1, station="", line_ids=(the_id(11),), done=True)
    deeds.transact(rig.node, floor.who, floor.id(), bumped, lambda deed: (deed.write(orders.BUMPED, bumped), bumped)[1])
    assert floor.line(two, 11).done_ms > 0


def test_listeners_hear_each_step_with_the_order_before_and_after(rig, floor, monkeypatch):
    heard = []
    listeners = (lambda deed, before, after, step: heard.append((type(step).__name__, before.rounds, after.rounds)),)
    monkeypatch.setattr(order_listeners, "LISTENERS", listeners)
    order_id = floor.open(1, add(2), SendStep())
    floor.move(order_id, "t2")
    floor.steps(order_id, VoidStep(line_id=the_id(2), reason="cold"))
    assert heard == [("LineAdded", 0, 0), ("OrderSent", 0, 1), ("OrderMoved", 1, 1), ("LineVoided", 1, 1)]


# What needs somebody's word


def test_a_void_before_the_kitchen_is_free_and_after_it_takes_a_word_and_a_reason(rig, floor):
    floor.who = CASHIER_1
    order_id = floor.open(1, add(2, qty=3))
    assert floor.became(order_id, VoidStep(line_id=the_id(2), qty=1)) == ["done"]
    floor.steps(order_id, SendStep())
    refused(floor.try_steps(order_id, VoidStep(line_id=the_id(2), qty=1)), "reason_missing")
    void = VoidStep(line_id=the_id(2), qty=1, reason="cold")
    needed = refused(floor.try_steps(order_id, void), "needs_approval")
    assert needed == {"action": "void_line", "target": the_id(2), "amount_fen": 300, "rate_bp": 0}
    approval_id = floor.approve(needed)
    assert floor.became(order_id, msgspec.structs.replace(void, approval_id=approval_id)) == ["done"]
    assert (floor.line(order_id, 2).left_qty, floor.line(order_id, 2).sent_qty) == (1, 1)
    again = floor.try_steps(order_id, msgspec.structs.replace(void, approval_id=approval_id))
    assert refused(again, "needs_approval")["why"] == "used"
    [(raw,)] = rig.rows("SELECT raw FROM facts WHERE kind = 'order.line_voided' ORDER BY n DESC LIMIT 1")
    assert b'"sent_qty":1' in raw
    assert b'"approved_by":"m1"' in raw


def test_a_supervisor_voids_without_asking(floor):
    order_id = floor.open(1, add(2), SendStep())
    done = floor.try_steps(order_id, VoidStep(line_id=the_id(2), reason="cold"), who=SUPERVISOR_1)
    assert isinstance(done, Done)


@pytest.mark.parametrize(
    ("step", "needed"),
    [
        (PriceStep(line_id=the_id(2), gift=True, reason="r"), ("gift", the_id(2), 7_600, 0)),
        (PriceStep(line_id=the_id(2), unit_fen=1, reason="r"), ("override_price", the_id(2), 1, 0)),
        (PriceStep(line_id=the_id(2), rate_bp=1_001, reason="r"), ("discount", the_id(2), 0, 1_001)),
        (PriceStep(line_id=the_id(2), discount_fen=761, reason="r"), ("discount", the_id(2), 761, 1_002)),
        (DiscountStep(rate_bp=1_001, reason="r"), ("discount", the_id(1), 0, 1_001)),
        (DiscountStep(amount_fen=800, reason="r"), ("discount", the_id(1), 800, 1_013)),
        (DiscountStep(comp=True, reason="r"), ("comp", the_id(1), 7_900, 0)),
    ],
)
def test_what_makes_an_order_cheaper_asks_a_manager_beyond_the_limit(rig, floor, step, needed):
    order_id = floor.open(1, add(2, "d101", 2), add(3))
    before = rig.tables()
    found = refused(floor.try_steps(order_id, step, who=SUPERVISOR_1), "needs_approval")
    assert (found["action"], found["target"], found["amount_fen"], found["rate_bp"]) == needed
    refused(floor.try_steps(order_id, msgspec.structs.replace(step, reason=" ")), "reason_missing")
    assert rig.tables() == before
    assert floor.became(order_id, step) == ["done"]


def test_a_discount_within_the_limit_is_a_supervisors_and_two_that_lie_on_each_other_are_one(floor):
    order_id = floor.open(1, add(2, "d101", 2), add(3))
    small = PriceStep(line_id=the_id(2), rate_bp=600, reason="r")
    assert isinstance(floor.try_steps(order_id, small, who=SUPERVISOR_1), Done)
    both_together = floor.try_steps(order_id, DiscountStep(rate_bp=600, reason="r"), who=SUPERVISOR_1)
    assert refused(both_together, "needs_approval")["rate_bp"] == 1_200
    assert isinstance(floor.try_steps(order_id, DiscountStep(rate_bp=400, reason="r"), who=SUPERVISOR_1), Done)
    more = PriceStep(line_id=the_id(3), rate_bp=700, reason="r")
    assert refused(floor.try_steps(order_id, more, who=SUPERVISOR_1), "needs_approval")["rate_bp"] == 1_100


def test_a_discount_is_taken_back_by_anybody_and_more_than_all_is_none(floor):
    order_id = floor.open(1, add(2), DiscountStep(rate_bp=500, reason="r"))
    floor.steps(order_id, PriceStep(line_id=the_id(2), gift=True, reason="r"))
    take_back = (PriceStep(line_id=the_id(2), gift=False), DiscountStep())
    assert [one.became for one in floor.steps(order_id, *take_back, who=CASHIER_1)] == ["done", "done"]
    assert floor.became(order_id, DiscountStep()) == ["nothing"]
    too_much = PriceStep(line_id=the_id(2), discount_fen=301, reason="r")
    assert refused(floor.try_steps(order_id, too_much), "discount_too_large") == {"amount_fen_max": 300}
    refused(floor.try_steps(order_id, DiscountStep(amount_fen=301, reason="r")), "discount_too_large")
    two_words = PriceStep(line_id=the_id(2), rate_bp=1, gift=True, reason="r")
    refused(floor.try_steps(order_id, two_words), "malformed")


def test_the_limits_are_those_of_the_table_of_roles(floor, monkeypatch):
    """The negative control of the tests above: without the table everything would be done."""
    order_id = floor.open(1, add(2))
    monkeypatch.setattr(roles, "DISCOUNT_BP_MAX", 10_000)
    assert isinstance(floor.try_steps(order_id, DiscountStep(rate_bp=9_000, reason="r"), who=SUPERVISOR_1), Done)


# What guests ask for by phone


def test_what_a_guest_asks_for_waits_for_a_waiter(rig, floor):
    order_id = floor.open(1, add(2))
    asked = order_deeds.ask_as_guest(rig.node, order_id, the_id(60), (add(61, "d101"), add(62, qty=2)))
    assert isinstance(asked, Done)
    assert floor.became(order_id, SendStep(line_ids=(the_id(61),))) == ["nothing"]
    assert floor.steps(order_id, ConfirmStep(line_ids=(the_id(61),)), SendStep())[1].qty == 2
    assert floor.became(order_id, ConfirmStep(accepted=False), ConfirmStep()) == ["done", "nothing"]
    left = [(line.line_id, line.left_qty) for line in floor.order(order_id).lines]
    assert left == [(the_id(2), 1), (the_id(61), 1), (the_id(62), 0)]
    assert floor.became(order_id, VoidStep(line_id=the_id(62)), ChangeStep(line_id=the_id(62), qty_delta=1)) == [
        "gone", "gone"]  # fmt: skip


# Between tables


def test_an_order_moves_to_a_table_that_is_free_or_shared(rig, floor):
    order_id, other = floor.open(1, add(2)), floor.open(3, table="t2")
    assert refused(floor.move(order_id, "t2"), "table_taken") == {"table": "t2", "order_id": other}
    refused(floor.move(order_id, "t99"), "unknown_table")
    assert isinstance(floor.move(order_id, "t3"), Done)
    assert isinstance(floor.move(order_id, "t3"), Done)
    assert isinstance(floor.move(order_id, "t2", beside=True), Done)
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'order.moved'") == [(2,)]
    assert floor.order(order_id).table == "t2"


def test_a_merge_that_is_repeated_is_answered_again(rig, floor):
    one, two = floor.open(1, add(11)), floor.open(2, add(12), table="t2")
    first = both(floor.merge(one, two, the_id(70)))
    floor.forget_answers()
    again = both(floor.merge(one, two, the_id(70)))
    assert (first.order.n, again.order.n, again.other.n) == (first.order.n, first.order.n, first.other.n)
    order = floor.order(two)
    assert ([line.line_id for line in order.lines], order.covers) == ([the_id(12), the_id(11)], 4)
    refused(floor.merge(two, two), "same_order")
    refused(floor.merge(two, one), "other_order_closed")


def test_pieces_are_split_to_a_new_order_at_the_same_table(rig, floor):
    order_id = floor.open(1, add(2, qty=3), add(3), SendStep(), EditStep(allergies="花生"))
    answer = both(floor.split(order_id, 9, (2, 2, 12), (99, 1, 13), covers=1))
    assert [one.became for one in answer.order.outcomes] == ["done", "gone"]
    old, new = floor.order(order_id), floor.order(the_id(9))
    assert ([line.left_qty for line in old.lines], old.covers) == ([1, 1], 1)
    assert ([line.left_qty for line in new.lines], new.covers, new.table, new.from_order) == ([2], 1, "t1", order_id)
    assert new.allergies == "花生"
    assert new.lines[0].unsent_qty == 0
    floor.forget_answers()
    both(floor.split(order_id, 9, (2, 2, 12), (99, 1, 13), covers=1))
    assert floor.order(order_id) == old
    refused(floor.split(order_id, 10, (99, 1, 14)), "nothing_left")
    refused(floor.split(order_id, 10, (2, 1, 14), covers=5), "too_many_covers")
    refused(floor.split(order_id, 10, (2, 1, 14), (2, 1, 15)), "malformed")
    assert not rig.rows("SELECT 1 FROM orders WHERE order_id = ?", (the_id(10),))


def test_a_step_on_a_line_that_was_split_off_says_where_it_is(floor):
    order_id = floor.open(1, add(2))
    floor.split(order_id, 9, (2, 0, 12))
    [outcome] = floor.steps(order_id, VoidStep(line_id=the_id(2)))
    assert (outcome.became, outcome.into, outcome.line_id) == ("moved", the_id(9), the_id(12))


def test_pieces_go_to_another_open_order(rig, floor):
    one, two = floor.open(1, add(2, qty=2)), floor.open(3, add(4), table="t2")
    both(floor.split(one, 9, (2, 1, 12), into=two))
    assert [line.left_qty for line in floor.order(two).lines] == [1, 1]
    refused(floor.split(one, 10, (2, 1, 4), into=two), "line_id_reused")
    refused(floor.split(one, 10, (2, 1, 13), into=one), "same_order")
    assert not rig.rows("SELECT 1 FROM orders WHERE order_id = ?", (the_id(9),))


def test_of_what_was_paid_in_part_nothing_is_merged_split_or_discounted_as_a_whole(rig, floor):
    one, two = floor.open(1, add(2, qty=2)), floor.open(3, add(4), table="t2")
    settled = orders.OrderSettled(
        order_id=one, sale_id=the_id(80), lines=(orders.Paid(line_id=the_id(2), qty=1),), closed=False
    )
    deeds.transact(
        rig.node, floor.who, floor.id(), settled, lambda deed: (deed.write(orders.SETTLED, settled), settled)[1]
    )
    refused(floor.merge(one, two), "order_part_paid")
    refused(floor.merge(two, one), "order_part_paid")
    refused(floor.split(one, 9, (2, 1, 12)), "order_part_paid")
    refused(floor.split(two, 9, (4, 1, 12), into=one), "order_part_paid")
    refused(floor.try_steps(one, DiscountStep(rate_bp=100, reason="r")), "order_part_paid")
    for step in (
        PriceStep(line_id=the_id(2), gift=True, reason="r"),
        ChangeStep(line_id=the_id(2), qty_delta=1),
        ChangeStep(line_id=the_id(2), note="x"),
    ):
        refused(floor.try_steps(one, step), "line_paid")
    assert floor.became(one, VoidStep(line_id=the_id(2))) == ["done"]
    assert isinstance(floor.cancel(one), Done)
    assert floor.order(one).state == "settled"


def test_only_an_order_with_nothing_on_it_is_cancelled(rig, floor):
    order_id = floor.open(1, add(2, qty=2))
    assert refused(floor.cancel(order_id), "order_not_empty") == {"left": 2}
    floor.steps(order_id, VoidStep(line_id=the_id(2)))
    assert isinstance(floor.cancel(order_id, "left"), Done)
    assert (floor.order(order_id).state, floor.order(order_id).note) == ("cancelled", "left")
    floor.forget_answers()
    assert isinstance(floor.cancel(order_id, "left"), Done)
    with rig.db.read() as reader:
        assert (kept.open_count(reader), kept.open_at(reader, "t1")) == (0, [])


# A cut anywhere


def test_a_cut_before_any_statement_leaves_all_steps_of_a_request_or_none(tmp_path):
    with Rig(tmp_path) as rig:
        floor = Floor(rig)
        order_id = floor.open(1, add(2))
        before, node = rig.tables(), rig.node
        for at in range(1, 500):
            broken = BreakingStorage(rig.db, at)
            rig.node = rig.over(broken)
            try:
                done = floor.try_steps(order_id, add(3, "d101"), SendStep(), request_id=the_id(50))
            except PowerCut:
                assert rig.tables() == before
                continue
            assert isinstance(done, Done)
            break
        else:
            pytest.fail("it never got through")
        rig.node = node
        assert at > 10
        assert floor.order(order_id).rounds == 1
        assert verify_journal.verify(rig.node).ok


def test_an_order_outlives_a_restart_and_a_rebuild(rig, floor):
    order_id = floor.open(1, add(2, "d101", 2), SendStep())
    before = floor.order(order_id)
    rig.restart()
    assert floor.order(order_id) == before


# Reading


def test_the_list_and_one_order_say_what_is_to_pay(rig, floor):
    one = floor.open(1, add(2, "d101", 2), add(3), SendStep(line_ids=(the_id(2),)), label="Zhang")
    two = floor.open(4, add(5), table="t2", allergies="milk")
    floor.steps(one, DiscountStep(rate_bp=1_000, reason="r"))
    listed = read_orders.every_open(rig.node)
    assert [(each.order_id, each.total_fen, each.unsent, each.table_name) for each in listed.orders] == [
        (one, 7_110, 1, "A1"),
        (two, 300, 1, "A2"),
    ]
    view = read_orders.one(rig.node, one)
    assert view is not None
    assert (view.bill.total_fen, view.bill.lines_fen, view.table_name, view.head.lines) == (7_110, 7_900, "A1", ())
    assert [(line.left_qty, line.unsent_qty, line.amount_fen) for line in view.lines] == [(2, 0, 7_600), (1, 1, 300)]
    assert read_orders.one(rig.node, the_id(99)) is None


def test_changes_name_what_changed_behind_a_version_and_not_more_than_there_is_room_for(rig, floor):
    def since(after: int) -> house_changes.HouseChanges:
        return house_changes.read_since(rig.node, after)

    start = since(0)
    assert not start.is_news
    one = floor.open(1, add(2))
    first = since(0)
    assert [(each.order_id, each.state) for each in first.orders] == [(one, "open")]
    assert not since(first.n).is_news
    two = floor.open(3, table="t2")
    floor.merge(two, one)
    assert {(each.order_id, each.state) for each in since(first.n).orders} == {(one, "open"), (two, "merged")}
    for number in range(house_changes.NAMED_MAX):
        floor.open(1_000 + number, table="", service="takeaway")
    assert since(first.n).everything
    assert since(first.n).orders == ()


def test_paying_looks_at_no_past_order(rig, floor):
    """Every query by which an order is found or counted goes by an index that past orders are not in, or by its id."""
    floor.open(1, add(2))
    for sql in (
        "SELECT count(*) FROM orders WHERE state = 'open'",
        "SELECT n, doc FROM orders WHERE state = 'open' ORDER BY opened_ms, order_id",
        "SELECT order_id FROM orders WHERE state = 'open' AND table_id <> '' AND table_id = 't1' ORDER BY opened_ms",
        "SELECT n, doc FROM orders WHERE order_id = 'x'",
        "SELECT max(n) FROM orders",
        "SELECT order_id, n, state FROM orders WHERE n > 5 ORDER BY n LIMIT 5",
    ):
        plan = " ".join(str(row[3]) for row in rig.rows(f"EXPLAIN QUERY PLAN {sql}"))
        assert "INDEX" in plan, (sql, plan)


def test_an_open_price_dish_is_ordered_at_what_the_till_says(tmp_path):
    dish = Dish(id="d9", code="9", name=name("Crab"), category="hot", price_fen=0, open_price=True)
    with Rig(tmp_path) as rig:
        import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=(*MENU.dishes, dish)))
        floor = Floor(rig)
        order_id = floor.open(1)
        refused(floor.try_steps(order_id, add(2, "d9")), "price_missing")
        assert floor.became(order_id, add(2, "d9", unit_fen=8_800)) == ["done"]
        assert floor.line(order_id, 2).amount_fen == 8_800
        assert floor.became(order_id, ChangeStep(line_id=the_id(2), modifiers=())) == ["done"]
        assert verify_journal.verify(rig.node).ok
