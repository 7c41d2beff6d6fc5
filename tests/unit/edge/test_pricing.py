"""The node prices: what may be sold, with which choices, for how much, against which cash."""

import msgspec
import pytest

from edge.domain import payment
from edge.domain.payment import AskedTender, Payment
from edge.domain.pricing import BasketLine, Catalogue, Priced
from edge.domain.refusal import Refused
from sync.contract import limits, menu
from sync.contract.facts import ContractError
from sync.contract.menu import Category, Dish, ModifierGroup, ModifierOption
from sync.contract.trade import Tender
from sync.contract.words import Name
from tests.kit.nodes import MENU, basket, catalogue


def priced(*lines: BasketLine) -> Priced:
    found = catalogue().price(lines)
    assert isinstance(found, Priced), found
    return found


def refused(*lines: BasketLine) -> Refused:
    found = catalogue().price(lines)
    assert isinstance(found, Refused), found
    return found


def line(dish_id: str = "d101", qty: int = 1, *modifiers: str, note: str = "") -> BasketLine:
    return BasketLine(dish_id=dish_id, qty=qty, modifiers=modifiers, note=note)


def test_a_line_is_the_dish_and_its_surcharges_times_the_quantity():
    found = priced(line("d101", 3, "mild", "x1", "x3", note="不要葱"), line("d103", 2, "large"))
    assert [one.amount_fen for one in found.lines] == [3 * (3_800 + 0 + 100 + 300), 2 * (600 + 200)]
    assert found.total_fen == 12_600 + 1_600
    first = found.lines[0]
    assert (first.code, first.name.en, first.unit_fen, first.note) == ("101", "Kung Pao chicken", 3_800, "不要葱")
    assert [modifier.price_fen for modifier in first.modifiers] == [0, 100, 300]


def test_a_dish_that_costs_nothing_may_be_sold():
    assert priced(line("d105", 999)).total_fen == 0


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line("d999"), "unknown_dish"),
        (line("D101"), "unknown_dish"),
        (line(""), "unknown_dish"),
        (line(qty=0), "qty_out_of_range"),
        (line(qty=-5), "qty_out_of_range"),
        (line(qty=limits.LINE_QTY_MAX + 1), "qty_out_of_range"),
        (line(qty=10**30), "qty_out_of_range"),
        (line("d101", 1, "gold"), "unknown_modifier"),
        (line("d101", 1, "large"), "unknown_modifier"),
        (line("d102", 1, "mild"), "unknown_modifier"),
        (line("d101", 1, ""), "unknown_modifier"),
        (line("d101", 1, "mild", "hot"), "too_many_modifiers"),
        (line("d101", 1, "x1", "x1"), "too_many_modifiers"),
        (line("d101", 1, "x1", "x2", "x3"), "too_many_modifiers"),
        (line("d101", 1, *(f"m{n}" for n in range(21))), "too_many_modifiers"),
        (line("d103"), "too_few_modifiers"),
        (line(note="x" * (limits.NOTE_CHARS_MAX + 1)), "bad_text"),
        (line(note="\x1b@"), "bad_text"),
    ],
)
def test_a_line_that_cannot_be_sold_is_named_by_its_position(bad, code):
    found = refused(line(), bad)
    assert found.code == code
    assert found.details["line"] == 1


def test_the_bounds_themselves_are_allowed():
    priced(line(qty=limits.LINE_QTY_MAX, note="菜" * limits.NOTE_CHARS_MAX))
    priced(*[line("d102")] * limits.SALE_LINES_MAX)


def test_a_basket_is_neither_empty_nor_endless_nor_beyond_price():
    assert refused() == Refused("empty_sale")
    assert refused(*[line("d102")] * (limits.SALE_LINES_MAX + 1)).code == "too_large"
    assert priced(line("d104", 10)).total_fen == limits.SALE_TOTAL_FEN_MAX
    assert refused(line("d104", 10), line("d102")).code == "amount_too_large"


def test_a_refusal_echoes_no_more_than_a_name_of_what_was_sent():
    assert len(str(refused(line("x" * 100_000)).details)) < 200


# Payment


@pytest.mark.parametrize(
    ("received_fen", "change_fen"), [(7_900, 0), (7_901, 1), (10_000, 2_100), (10**9, 10**9 - 7_900)]
)
def test_change_is_what_was_handed_over_beyond_the_total(received_fen, change_fen):
    paid = payment.pay(7_900, (AskedTender(kind="cash", received_fen=received_fen),))
    assert paid == Payment((Tender(kind="cash", received_fen=received_fen, change_fen=change_fen, amount_fen=7_900),))


@pytest.mark.parametrize("received_fen", [0, 1, 7_899])
def test_less_than_due_is_refused_with_what_is_missing(received_fen):
    refusal = payment.pay(7_900, (AskedTender(kind="cash", received_fen=received_fen),))
    assert refusal == Refused("underpaid", {"due_fen": 7_900, "missing_fen": 7_900 - received_fen})


def test_nothing_due_may_be_paid_with_nothing():
    paid = payment.pay(0, (AskedTender(kind="cash", received_fen=0),))
    assert paid == Payment((Tender(kind="cash", received_fen=0, change_fen=0, amount_fen=0),))


@pytest.mark.parametrize("count", [0, 2, 3])
def test_something_pays_and_cash_is_counted_once(count):
    refusal = payment.pay(100, (AskedTender(kind="cash", received_fen=100),) * count)
    assert isinstance(refusal, Refused)
    assert refusal.code == "malformed"


# Menu


def test_the_menu_of_the_tests_has_no_mistake_and_comes_back_from_its_json():
    assert menu.mistakes(MENU) == []
    assert menu.checked(msgspec.json.encode(MENU)) == MENU
    assert menu.digest(MENU) == menu.digest(msgspec.structs.replace(MENU, version=9))


DISH = MENU.dishes[1]
NAME = Name("名", "Name")


def with_dish(**changes: object) -> menu.Menu:
    return msgspec.structs.replace(MENU, dishes=(msgspec.structs.replace(DISH, **changes),))


def with_group(group: ModifierGroup) -> menu.Menu:
    return msgspec.structs.replace(MENU, modifier_groups=(*MENU.modifier_groups, group))


ONE_OPTION = (ModifierOption("one", NAME),)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (msgspec.structs.replace(MENU, dishes=()), "at least one dish"),
        (msgspec.structs.replace(MENU, dishes=MENU.dishes * 2), "dish 'd101' stands twice"),
        (msgspec.structs.replace(MENU, categories=MENU.categories * 2), "category 'hot' stands twice"),
        (msgspec.structs.replace(MENU, categories=(Category("hot", Name("", "Hot")),)), "both languages"),
        (with_dish(code="101 "), "letters, digits"),
        (with_dish(id="\x1b"), "letters, digits"),
        (with_dish(name=Name("菜\x1b@", "Dish")), "control character"),
        (with_dish(name=Name("菜" * 121, "Dish")), "may have 120"),
        (with_dish(name=Name("菜", " ")), "both languages"),
        (with_dish(price_fen=-1), "the price lies outside"),
        (with_dish(price_fen=limits.PRICE_FEN_MAX + 1), "the price lies outside"),
        (with_dish(category="gone"), "no category 'gone'"),
        (with_dish(modifier_groups=("gone",)), "no modifier group 'gone'"),
        (with_group(ModifierGroup("g", NAME, ())), "min and max"),
        (with_group(ModifierGroup("g", NAME, ONE_OPTION, min=1, max=0)), "min and max"),
        (with_group(ModifierGroup("g", NAME, ONE_OPTION, min=-1)), "min and max"),
        (with_group(ModifierGroup("g", NAME, ONE_OPTION, max=2)), "min and max"),
        (with_group(ModifierGroup("g", NAME, (ModifierOption("mild", NAME),))), "modifier 'mild' stands twice"),
        (with_group(ModifierGroup("g", NAME, (ModifierOption("o", NAME, -1),))), "surcharge"),
    ],
)
def test_a_mistake_in_a_menu_is_named(bad, said):
    assert said in "; ".join(menu.mistakes(bad))
    with pytest.raises(ContractError):
        menu.checked(msgspec.json.encode(bad))


def test_all_mistakes_of_a_menu_are_in_one_message():
    bad = with_dish(price_fen=-1, category="gone", code="!")
    with pytest.raises(ContractError) as caught:
        menu.checked(msgspec.json.encode(bad))
    assert all(part in str(caught.value) for part in ("price", "gone", "letters"))


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"currency":"CNY","categories":[],"dishes":[],"x":1}', b"\xff"])
def test_what_is_no_menu_is_refused(raw):
    with pytest.raises(ContractError):
        menu.checked(raw)


def test_a_dish_whose_group_has_two_to_choose_must_have_two():
    group = ModifierGroup("two", NAME, tuple(ModifierOption(f"t{n}", NAME) for n in range(3)), min=2, max=2)
    dish = Dish(id="d", code="d", name=NAME, category="hot", price_fen=1, modifier_groups=("two",))
    shelf = Catalogue(msgspec.structs.replace(MENU, dishes=(dish,), modifier_groups=(group,)))
    one = shelf.price((BasketLine(dish_id="d", qty=1, modifiers=("t0",)),))
    assert isinstance(one, Refused)
    assert one.code == "too_few_modifiers"
    assert isinstance(shelf.price((BasketLine(dish_id="d", qty=1, modifiers=("t0", "t2")),)), Priced)
    assert basket(("d", 1))[0].modifiers == ()
