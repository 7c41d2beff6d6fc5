"""Counter sales with more than cash, and orders paid whole, in parts, by seat and by share: one transaction, one sale."""

from pathlib import Path

import msgspec
import pytest

from edge.db import orders as kept
from edge.db.staff import Cashier, Session
from edge.domain.payment import AskedTender
from edge.domain.pricing import AskedPart, BasketLine
from edge.domain.refusal import Refused
from edge.domain.roles import Action, Role
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import pay_order, payments
from edge.services.money.book_sale import read_answer
from edge.services.money.pay_order import PayCommand, PayLine, Share
from edge.services.money.payments import TakeCommand
from edge.services.money.settle_sale import OrderDiscount, SellCommand, settle_sale
from edge.services.ordering import floor, import_menu, orders, stock
from edge.services.ordering.order_work import AddStep
from edge.services.ordering.orders import OpenOrderCommand, StepsCommand
from edge.services.people import approvals
from edge.services.people.approvals import ApproveCommand
from sync.contract.facts import decode
from sync.contract.menu import PartChoice, PartGroup
from sync.contract.orders import Area, Table
from sync.contract.trade import Adjustment, Tender
from sync.contract.words import Name
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, MENU, BreakingStorage, PowerCut, Rig, basket, name, uuid7_hex

CASHIER = Session("1", "k1", "小王", Role.CASHIER)
MANAGER = Cashier("m1", "经理", Role.MANAGER)
MANAGER_PIN = "739154"
VAT = {"id": "vat", "name": {"zh": "增值税", "en": "VAT"}, "rate_bp": 600, "included": True}
HOUSE = {"cover_fen": 200, "service_bp": 1_000, "taxes": [VAT], "line_tax": "vat", "charge_tax": "vat",
         "rounding": "jiao_down"}  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


@pytest.fixture
def house(rig):
    rig.node.rules.put(HOUSE)
    return rig


def cash(received_fen=10_000_000):
    return AskedTender(kind="cash", received_fen=received_fen)


def card(amount_fen=-1):
    return AskedTender(kind="card", amount_fen=amount_fen, reference="T-1")


def sale(number, *tenders, lines=None, **more):
    return SellCommand(
        sale_id=uuid7_hex(number), lines=lines or basket(("d101", 2), ("d102", 1)), tenders=tenders or (cash(),), **more
    )


def settled(rig, command, who=AT_TILL_1):
    done = settle_sale(rig.node, who, command)
    assert isinstance(done, Done), done
    return read_answer(done.answer)


def amounts(answer):
    return [(one.kind, one.amount_fen) for one in answer.adjustments]


def sound(rig):
    report = verify_journal.verify(rig.node)
    assert report.ok, report


# At the counter


def test_a_plain_cash_sale_is_written_as_it_always_was(rig):
    """The bytes of the fact and of the answer, field by field: nothing of what is new is in them."""
    answer = settle_sale(rig.node, AT_TILL_1, sale(1))
    assert isinstance(answer, Done)
    [(raw,)] = rig.rows("SELECT raw FROM facts WHERE kind = 'sale.paid'")
    body = msgspec.json.decode(decode(raw).body)
    assert list(body) == [
        "sale_id",
        "till",
        "number",
        "receipt_no",
        "currency",
        "lines",
        "tenders",
        "total_fen",
        "locale",
    ]
    assert list(body["lines"][0]) == ["dish_id", "code", "name", "qty", "unit_fen", "modifiers", "note", "amount_fen"]
    assert list(body["tenders"][0]) == ["kind", "received_fen", "change_fen", "amount_fen"]
    assert list(msgspec.json.decode(answer.answer)) == [
        "sale_id", "store", "till", "receipt_no", "business_day", "total_fen", "received_fen", "change_fen", "currency",
        "saved_ms", "n", "lines", "tenders", "invite",
    ]  # fmt: skip


def test_mixed_tenders_tip_and_rounding_make_one_sale(house):
    answer = settled(house, sale(1, card(5_000), cash(3_000), tip_fen=95, lines=basket(("d101", 2), ("d105", 3))))
    # 76.00 + 0.95 tip; 50.00 by card, 26.00 of the bill in cash, which is round already.
    assert (answer.total_fen, answer.tip_fen, answer.change_fen) == (7_600, 95, 305)
    assert [one.amount_fen for one in answer.tenders] == [5_000, 2_695]
    assert [(tax.base_fen, tax.tax_fen) for tax in answer.taxes] == [(7_170, 430)]
    sound(house)


def test_cash_is_rounded_by_a_line_of_its_own_and_a_card_is_not(house):
    lines = (BasketLine(dish_id="d102", qty=1, discount_fen=7, reason="缺口"),)
    in_cash, by_card = settled(house, sale(1, lines=lines)), settled(house, sale(2, card(), lines=lines))
    assert (in_cash.total_fen, amounts(in_cash)) == (290, [("discount", -7), ("rounding", -3)])
    assert (by_card.total_fen, amounts(by_card)) == (293, [("discount", -7)])
    sound(house)


def test_what_is_taken_away_pays_for_packing(rig):
    rig.node.rules.put({"packing_fen": 100})
    assert amounts(settled(rig, sale(1, service="takeaway"))) == [("packing", 100)]
    assert amounts(settled(rig, sale(2))) == []


def test_the_drawer_stays_shut_where_no_cash_is_put_into_it(tmp_path):
    devices = ({"kind": "printer", "id": "counter", "address": "tcp://127.0.0.1:9100"},
               {"kind": "drawer", "id": "drawer", "printer": "counter"})  # fmt: skip
    with Rig(tmp_path, devices=devices) as rig:
        settled(rig, sale(1, card()))
        assert rig.rows("SELECT count(*) FROM drawer_jobs") == [(0,)]
        settled(rig, sale(2, card(100), cash()))
        assert rig.rows("SELECT count(*) FROM drawer_jobs") == [(1,)]


def test_prices_of_the_day_and_what_is_left_hold_at_the_counter_too(rig):
    price = stock.DayPriceCommand(request_id=uuid7_hex(900), price_fen=4_400)
    left = stock.StockCommand(request_id=uuid7_hex(901), left=2)
    assert isinstance(stock.set_price(rig.node, AT_TILL_1, "d101", price), Done)
    assert isinstance(stock.set_left(rig.node, AT_TILL_1, "d101", left), Done)
    assert settled(rig, sale(1)).total_fen == 2 * 4_400 + 300
    assert settle_sale(rig.node, AT_TILL_1, sale(2)) == Refused("sold_out", {"dish_id": "d101", "left": 0})
    sound(rig)


def test_a_set_menu_is_sold_with_what_was_chosen(rig):
    group = PartGroup("g", name("Main"), (PartChoice("d101", price_fen=200), PartChoice("d102")))
    lunch = msgspec.structs.replace(MENU.dishes[1], id="set", code="set", price_fen=5_000, parts=(group,))
    import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=(*MENU.dishes, lunch)))
    answer = settled(rig, sale(1, lines=(BasketLine(dish_id="set", qty=1, parts=(AskedPart("g", "d101"),)),)))
    assert (answer.total_fen, answer.lines[0].parts[0].dish_id) == (5_200, "d101")
    sound(rig)


def test_a_sale_that_no_fact_can_carry_is_refused_and_is_paid_in_two(rig):
    note = "不要香菜不要葱不要蒜不要辣少盐少油" * 3
    lines = (BasketLine(dish_id="d101", qty=1, modifiers=("hot", "x1", "x2"), note=note),) * 150
    before = rig.tables()
    found = settle_sale(rig.node, AT_TILL_1, sale(1, lines=lines))
    assert found == Refused("too_large", {"lines": 150, "lines_max": 75})
    assert rig.tables() == before
    assert settled(rig, sale(1, lines=lines[:75])).total_fen == 75 * 4_100


# Discounts and who may give them


def approved(rig, refusal, request=500):
    details = refusal.details
    asked = ApproveCommand(
        request_id=uuid7_hex(request), action=Action(details["action"]), target=details["target"],
        amount_fen=details["amount_fen"], rate_bp=details["rate_bp"], person_id=MANAGER.cashier_id, pin=MANAGER_PIN,
    )  # fmt: skip
    done = approvals.approve(rig.node, CASHIER, asked)
    assert isinstance(done, Done), done
    return {details["action"]: asked.request_id}


@pytest.mark.parametrize(
    ("more", "needs"),
    [
        ({"discount": OrderDiscount(rate_bp=1_000, reason="老客")},
         {"action": "discount", "amount_fen": 790, "rate_bp": 1_000}),
        ({"discount": OrderDiscount(amount_fen=79, reason="老客")}, {"action": "discount", "amount_fen": 79, "rate_bp": 100}),
        ({"discount": OrderDiscount(comp=True, reason="老板朋友")}, {"action": "comp", "amount_fen": 7_900, "rate_bp": 0}),
        ({"lines": (BasketLine(dish_id="d102", qty=2, gift=True, reason="等久了"),)},
         {"action": "gift", "amount_fen": 600, "rate_bp": 0}),
        ({"lines": (BasketLine(dish_id="d102", qty=2, unit_fen=100, reason="碎了"),)},
         {"action": "override_price", "amount_fen": 200, "rate_bp": 0}),
    ],
)  # fmt: skip
def test_a_cashier_makes_nothing_cheaper_without_somebodys_word(rig, more, needs):
    rig.add_person(MANAGER, MANAGER_PIN)
    rig.add_person(Cashier(CASHIER.cashier_id, CASHIER.cashier_name, Role.CASHIER), "402817")
    before = rig.rows("SELECT count(*) FROM sales")
    refusal = settle_sale(rig.node, CASHIER, sale(1, **more))
    assert refusal == Refused("needs_approval", {"target": uuid7_hex(1), **needs})
    assert rig.rows("SELECT count(*) FROM sales") == before
    word = approved(rig, refusal)
    answer = settled(rig, sale(1, **more, approvals=word), CASHIER)
    assert all((one.approved_by, one.approval_id) == ("m1", uuid7_hex(500)) for one in answer.adjustments)
    # The same word a second time, for another sale: nothing.
    again = settle_sale(rig.node, CASHIER, sale(2, **more, approvals=word))
    assert isinstance(again, Refused)
    assert again.code == "needs_approval"
    sound(rig)


def test_a_word_for_less_is_no_word_for_more(rig):
    """The negative control of the one above: the approval is bound to the rate and the amount that were shown."""
    rig.add_person(MANAGER, MANAGER_PIN)
    rig.add_person(Cashier(CASHIER.cashier_id, CASHIER.cashier_name, Role.CASHIER), "402817")
    small = settle_sale(rig.node, CASHIER, sale(1, discount=OrderDiscount(rate_bp=100, reason="r")))
    word = approved(rig, small)
    more = settle_sale(rig.node, CASHIER, sale(1, discount=OrderDiscount(rate_bp=5_000, reason="r"), approvals=word))
    assert isinstance(more, Refused)
    assert more.details["why"] == "altered"


def test_two_small_discounts_are_one_large_one(rig):
    supervisor = Session("1", "s1", "主管", Role.SUPERVISOR)
    lines = (BasketLine(dish_id="d101", qty=1, rate_bp=1_000, reason="r"),)
    assert isinstance(settle_sale(rig.node, supervisor, sale(1, lines=lines)), Done)
    both = settle_sale(rig.node, supervisor, sale(2, lines=lines, discount=OrderDiscount(rate_bp=1_000, reason="r")))
    assert isinstance(both, Refused)
    assert both.details["rate_bp"] == 1_900


@pytest.mark.parametrize(
    "more",
    [
        {"discount": OrderDiscount(rate_bp=100)},
        {"lines": (BasketLine(dish_id="d102", qty=1, gift=True),)},
        {"lines": (BasketLine(dish_id="d102", qty=1, unit_fen=1),)},
    ],
)
def test_nothing_is_cheaper_without_a_reason(rig, more):
    assert settle_sale(rig.node, AT_TILL_1, sale(1, **more)) == Refused("reason_missing")


# Orders


def opened(
    rig, number=100, *, table="", service="dine_in", covers=2, who=AT_TILL_1, adds=(("d101", 2), ("d102", 3)), seats=()
):
    order_id = uuid7_hex(number)
    asked = OpenOrderCommand(order_id=order_id, service=service, table=table, covers=covers)
    assert isinstance(orders.open_order(rig.node, who, asked), Done)
    steps = [
        {
            "do": "add",
            "line_id": uuid7_hex(number * 10 + at),
            "dish_id": dish,
            "qty": qty,
            "seat": seats[at] if seats else 0,
        }
        for at, (dish, qty) in enumerate(adds)
    ]
    stepped(rig, order_id, *steps, number=number + 50_000)
    return order_id


def stepped(rig, order_id, *steps, number, who=AT_TILL_1):
    asked = msgspec.convert({"request_id": uuid7_hex(number), "steps": list(steps)}, StepsCommand)
    done = orders.change(rig.node, who, order_id, asked)
    assert isinstance(done, Done), done
    return done


def line_id(number, at):
    return uuid7_hex(number * 10 + at)


def paid(rig, order_id, number, *tenders, who=AT_TILL_1, **more):
    asked = PayCommand(sale_id=uuid7_hex(number), tenders=tenders or (cash(),), **more)
    done = pay_order.pay_order(rig.node, who, order_id, asked)
    assert isinstance(done, Done), done
    return read_answer(done.answer)


def refused(rig, order_id, number, *tenders, **more):
    asked = PayCommand(sale_id=uuid7_hex(number), tenders=tenders or (cash(),), **more)
    found = pay_order.pay_order(rig.node, AT_TILL_1, order_id, asked)
    assert isinstance(found, Refused), found
    return found


def state(rig, order_id):
    with rig.db.read() as reader:
        order = kept.by_id(reader, order_id)
    assert order is not None
    return order


def test_an_order_is_paid_with_its_charges_taxes_and_rounding(house):
    order_id = opened(house)
    answer = paid(house, order_id, 1)
    # 76.00 + 9.00 = 85.00; seats 4.00; service 8.50; 97.50 is round.
    assert (answer.total_fen, amounts(answer)) == (9_750, [("cover", 400), ("service", 850)])
    assert [(tax.base_fen, tax.tax_fen) for tax in answer.taxes] == [(9_198, 552)]
    assert (answer.order_id, answer.service, answer.covers, answer.part) == (order_id, "dine_in", 2, "")
    order = state(house, order_id)
    assert (order.state, order.sales) == ("settled", (uuid7_hex(1),))
    kinds = [kind for (kind,) in house.rows("SELECT kind FROM facts WHERE lane = 0")]
    assert kinds == ["sale.paid", "invite.issued"]
    assert house.rows("SELECT document, label FROM print_jobs WHERE document = 'receipt'") == [
        ("receipt", "1-1-000001")
    ]
    sound(house)


def test_what_is_paid_and_was_not_sent_goes_to_the_kitchen_with_it(rig):
    order_id = opened(rig, service="takeaway")
    paid(rig, order_id, 1)
    assert all(line.sent_qty == line.qty and line.held_qty == 0 for line in state(rig, order_id).lines)


def test_a_repeat_is_answered_alike_and_another_command_under_the_id_is_refused(rig):
    order_id = opened(rig)
    asked = PayCommand(sale_id=uuid7_hex(1), tenders=(cash(),))
    first = pay_order.pay_order(rig.node, AT_TILL_1, order_id, asked)
    again = pay_order.pay_order(rig.node, AT_TILL_1, order_id, asked)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (again.answer, again.repeated) == (first.answer, True)
    other = msgspec.structs.replace(asked, tip_fen=100)
    assert pay_order.pay_order(rig.node, AT_TILL_1, order_id, other) == Refused("sale_id_reused")
    assert refused(rig, order_id, 2) == Refused("order_closed", {"state": "settled", "into": ""})
    assert rig.rows("SELECT count(*) FROM sales") == [(1,)]


def test_a_bill_that_changed_meanwhile_is_not_paid_unseen(rig):
    order_id = opened(rig)
    assert refused(rig, order_id, 1, due_fen=1).code == "price_changed"
    assert paid(rig, order_id, 1, due_fen=8_500).total_fen == 8_500


def test_a_bill_split_by_lines_comes_to_the_whole_to_the_fen(house):
    order_id = opened(house, covers=3)
    stepped(house, order_id, {"do": "discount", "rate_bp": 333, "reason": "老客"}, number=7_000)
    whole = pay_order.read_bill(house.node, order_id)
    assert not isinstance(whole, Refused)
    first = paid(house, order_id, 1, card(), lines=(PayLine(line_id=line_id(100, 0), qty=1),))
    second = paid(house, order_id, 2, card(), lines=(PayLine(line_id=line_id(100, 1), qty=2),))
    assert state(house, order_id).is_open
    last = paid(house, order_id, 3, card())
    assert first.total_fen + second.total_fen + last.total_fen == whole.total_fen
    for kind in ("cover", "service", "discount"):
        parts = [one.amount_fen for answer in (first, second, last) for one in answer.adjustments if one.kind == kind]
        assert sum(parts) == sum(one.amount_fen for one in whole.adjustments if one.kind == kind)
    assert [answer.part for answer in (first, second, last)] == ["1", "2", "3"]
    assert state(house, order_id).state == "settled"
    sound(house)


def test_parts_that_forgot_what_was_charged_would_charge_it_twice(house):
    """The negative control of the one above: what earlier parts had is in the table that their sales wrote."""
    order_id = opened(house, covers=3)
    paid(house, order_id, 1, card(), lines=(PayLine(line_id=line_id(100, 0), qty=1),))
    right = pay_order.read_bill(house.node, order_id)
    house.db.write(lambda tx: tx.execute("DELETE FROM order_parts"))
    wrong = pay_order.read_bill(house.node, order_id)
    assert not isinstance(right, Refused)
    assert not isinstance(wrong, Refused)
    assert wrong.total_fen > right.total_fen
    assert not verify_journal.verify(house.node).ok


def test_a_bill_split_by_seats(rig):
    order_id = opened(rig, seats=(1, 2))
    assert paid(rig, order_id, 1, seat=2).total_fen == 900
    assert refused(rig, order_id, 2, seat=2) == Refused("empty_sale")
    assert paid(rig, order_id, 3, seat=1).total_fen == 7_600
    assert state(rig, order_id).state == "settled"
    sound(rig)


def test_a_bill_split_by_amount_uses_the_shares_that_were_taken(house):
    order_id = opened(house)
    shares = pay_order.read_bill(house.node, order_id, of=3)
    assert not isinstance(shares, Refused)
    assert (shares.shares, shares.left_fen, shares.cash_fen) == ((3_250, 3_250, 3_250), 9_750, 9_750)
    in_cash = TakeCommand(
        payment_id=uuid7_hex(800), kind="cash", amount_fen=3_250, order_id=order_id, received_fen=4_000
    )
    by_card = TakeCommand(payment_id=uuid7_hex(801), kind="card", amount_fen=3_250, order_id=order_id, reference="T-9")
    for take in (in_cash, by_card):
        assert isinstance(payments.take(house.node, AT_TILL_2, take), Done)
    rest = pay_order.read_bill(house.node, order_id)
    assert not isinstance(rest, Refused)
    assert (rest.taken_fen, rest.left_fen) == (6_500, 3_250)
    answer = paid(house, order_id, 1, cash(5_000), share=Share(k=3, of=3))
    assert answer.part == "3/3"
    assert [(one.kind, one.amount_fen, bool(one.payment_id)) for one in answer.tenders] == [
        ("cash", 3_250, True), ("card", 3_250, True), ("cash", 3_250, False),
    ]  # fmt: skip
    assert house.rows("SELECT DISTINCT state FROM payments") == [("used",)]
    sound(house)


def test_when_all_shares_were_taken_the_sale_needs_no_tender(rig):
    order_id = opened(rig)
    take = TakeCommand(payment_id=uuid7_hex(800), kind="cash", amount_fen=8_500, order_id=order_id, received_fen=8_500)
    assert isinstance(payments.take(rig.node, AT_TILL_1, take), Done)
    asked = PayCommand(sale_id=uuid7_hex(1), tenders=())
    done = pay_order.pay_order(rig.node, AT_TILL_1, order_id, asked)
    assert isinstance(done, Done), done
    assert [one.payment_id for one in read_answer(done.answer).tenders] == [uuid7_hex(800)]


def test_pieces_that_are_not_left_are_not_paid(rig):
    order_id = opened(rig)
    gone = Refused("line_gone", {"line_id": line_id(100, 0), "left": 2})
    assert refused(rig, order_id, 1, lines=(PayLine(line_id=line_id(100, 0), qty=3),)) == gone
    paid(rig, order_id, 2, lines=(PayLine(line_id=line_id(100, 0)),))
    assert refused(rig, order_id, 3, lines=(PayLine(line_id=line_id(100, 0)),)).details["left"] == 0
    assert refused(rig, order_id, 4, share=Share(k=3, of=2)).code == "malformed"


def test_guests_dishes_that_wait_are_confirmed_before_the_last_payment(rig):
    order_id = opened(rig)
    add = msgspec.convert({"do": "add", "line_id": uuid7_hex(77), "dish_id": "d102", "qty": 1}, AddStep)
    assert isinstance(orders.ask_as_guest(rig.node, order_id, uuid7_hex(78), (add,)), Done)
    assert refused(rig, order_id, 1) == Refused("lines_waiting", {"line_ids": [uuid7_hex(77)]})
    stepped(rig, order_id, {"do": "confirm", "accepted": True}, number=79)
    assert paid(rig, order_id, 2).total_fen == 8_800


def test_a_table_with_a_minimum_pays_what_is_missing_to_it(rig):
    plan = floor.read(rig.node)
    area = Area(id="rooms", name=Name("包间", "Rooms"),
                tables=(Table(id="r1", name="牡丹厅", seats=10, x=0, y=0, minimum_fen=10_000),))  # fmt: skip
    asked = floor.DrawCommand(request_id=uuid7_hex(600), over=plan.version, areas=(area,))
    assert isinstance(floor.draw(rig.node, AT_TILL_1, asked), Done)
    answer = paid(rig, opened(rig, table="r1"), 1)
    assert (answer.table, amounts(answer), answer.total_fen) == ("牡丹厅", [("minimum", 1_500)], 10_000)


def test_gifts_and_comps_of_an_order_are_on_its_sale_with_who_allowed_them(rig):
    order_id = opened(rig)
    stepped(rig, order_id, {"do": "price", "line_id": line_id(100, 1), "gift": True, "reason": "等久了"}, number=90)
    answer = paid(rig, order_id, 1)
    assert answer.adjustments == (Adjustment(kind="gift", amount_fen=-900, line=1, reason="等久了"),)
    other = opened(rig, 200)
    stepped(rig, other, {"do": "discount", "comp": True, "reason": "试菜"}, number=91)
    free = paid(rig, other, 2, cash(0))
    assert (free.total_fen, free.tenders) == (0, (Tender(kind="cash", received_fen=0, change_fen=0, amount_fen=0),))
    sound(rig)


def test_a_cut_at_any_statement_of_a_payment_leaves_the_order_as_it_was(tmp_path):
    with Rig(tmp_path) as rig:
        order_id = opened(rig)
        untouched = rig.tables()
        asked = PayCommand(sale_id=uuid7_hex(1), tenders=(cash(),))
        at, done = 0, None
        while done is None:
            at += 1
            try:
                done = pay_order.pay_order(rig.over(BreakingStorage(rig.db, at=at)), AT_TILL_1, order_id, asked)
            except PowerCut:
                assert rig.tables() == untouched, f"something stayed after a cut at statement {at}"
        assert at > 30, "the transaction has far more statements than that: the cuts did not happen"
        assert isinstance(done, Done)
        sound(rig)


# Over HTTP


def test_a_waiter_reads_a_bill_and_pays_it_over_http(house):
    client = house.client()
    order_id = opened(house)
    bill = client.get(f"/api/v1/orders/{order_id}/bill?of=2")
    assert (bill.status_code, bill.json["total_fen"], bill.json["shares"]) == (200, 9_750, [4_875, 4_875])
    part = client.post(f"/api/v1/orders/{order_id}/bill", json={"lines": [{"line_id": line_id(100, 1), "qty": 1}]})
    assert (part.status_code, part.json["closes"]) == (200, False)
    body = {"sale_id": uuid7_hex(1), "tenders": [{"kind": "cash", "received_fen": 10_000}], "due_fen": 9_750}
    first, again = (client.post(f"/api/v1/orders/{order_id}/pay", json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.data == again.data
    closed = client.post(f"/api/v1/orders/{order_id}/pay", json={**body, "sale_id": uuid7_hex(2)})
    assert (closed.status_code, closed.json["code"]) == (409, "order_closed")
    assert client.get("/api/v1/house").json["service_bp"] == 1_000
    for path in ("x" * 32, "no-order"):
        assert client.get(f"/api/v1/orders/{path}/bill").status_code == 404


@pytest.mark.parametrize(
    "change", [{"tenders": [{"kind": "iou"}]}, {"tip_fen": -1}, {"seat": -1}, {"prices": 1}, {"lines": "all"}]
)
def test_a_payment_that_is_malformed_is_refused_over_http(rig, change):
    order_id = opened(rig)
    body = {"sale_id": uuid7_hex(1), "tenders": [{"kind": "cash", "received_fen": 10_000}], **change}
    assert rig.client().post(f"/api/v1/orders/{order_id}/pay", json=body).status_code == 400
    assert rig.client(signed_in=False).post(f"/api/v1/orders/{order_id}/pay", json=body).status_code == 401
