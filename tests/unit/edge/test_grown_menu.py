"""What a menu can say since there are tables: open prices, set menus, courses, taxes, packing, allergens."""

import hashlib

import msgspec
import pytest

from edge.domain.pricing import AskedLine, AskedPart, BasketLine, Beside, Catalogue, Priced
from edge.domain.refusal import Refused
from sync.contract import menu as menus
from sync.contract.menu import Category, Dish, Menu, PartChoice, PartGroup
from sync.contract.orders import OrderLine
from sync.contract.trade import SoldPart
from sync.contract.words import Name
from tests.kit.nodes import MENU, sell_command, uuid7_hex

NAME = Name("菜", "Dish")
LINE = uuid7_hex(7)


def dish(dish_id, price_fen=1_000, **more):
    return Dish(id=dish_id, code=dish_id, name=NAME, category="c", price_fen=price_fen, **more)


SET = dish(
    "set",
    8_800,
    parts=(
        PartGroup("soup", NAME, (PartChoice("soup1"),)),
        PartGroup("main", NAME, (PartChoice("fish", price_fen=500), PartChoice("duck"), PartChoice("rice", 2)), max=2),
        PartGroup("sweet", NAME, (PartChoice("tea"),), min=0),
    ),
)
GROWN = Menu(
    currency="CNY",
    categories=(Category("c", NAME),),
    version=4,
    dishes=(
        dish("crab", 20_000, open_price=True, tax="vat", course=2, packing_fen=50, station="hot", no_discount=True),
        dish("fish", allergens=("fish", "soy")), dish("duck"), dish("rice", 300), dish("soup1"), dish("tea"), SET,
    ),
)  # fmt: skip
SHELF = Catalogue(GROWN)


def test_the_menu_of_these_tests_has_no_mistake_and_comes_back_from_its_json():
    assert menus.mistakes(GROWN) == []
    assert menus.checked(msgspec.json.encode(GROWN)) == GROWN


def test_menus_and_baskets_of_before_are_what_they_were_to_the_byte():
    """Their digests were taken before any of this was there: a menu keeps its digest, a repeat is known across the update."""
    assert menus.digest(MENU) == "edb14fa531268a5f939281bac83337ffa74612c32569467e188ce484869c6e8a"
    command = msgspec.json.encode(sell_command(1))
    assert hashlib.sha256(command).hexdigest() == "e7ed123e821f5ed7cf88f6a7a07109e705093eb5e8624bcbcb9b01b6c59f3473"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"course": 10}, "the course is 0 to 9"),
        ({"packing_fen": -1}, "the packing lies outside"),
        ({"tax": "v a t"}, "a tax is named by"),
        ({"allergens": ("gluten", "dust")}, "there is no allergen 'dust'"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("gone"),)),)}, "there is no dish 'gone'"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("set"),)),)}, "cannot be within one"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("tea"), PartChoice("tea"))),)}, "stands twice"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("tea"),), max=2),)}, "min and max do not fit"),
        ({"parts": (PartGroup("g", NAME, ()),)}, "min and max do not fit"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("tea", 0),)),)}, "the quantity is"),
        ({"parts": (PartGroup("g", NAME, (PartChoice("tea", 1, -5),)),)}, "a surcharge lies outside"),
        ({"parts": (PartGroup("g", Name("", "x"), (PartChoice("tea"),)),)}, "needs a name in both languages"),
        ({"parts": SET.parts, "per_g": 500}, "not sold by weight"),
    ],
)
def test_a_mistake_in_what_is_new_is_named(changed, sentence):
    wrong = msgspec.structs.replace(dish("x"), **changed)
    found = menus.mistakes(msgspec.structs.replace(GROWN, dishes=(*GROWN.dishes, wrong)))
    assert any(sentence in one for one in found), found


def priced(line, prices=None):
    return SHELF.price((line,), prices or {})


# Open prices


def test_an_open_price_is_that_of_the_day_or_what_the_till_says():
    refused = priced(BasketLine(dish_id="crab", qty=1))
    assert refused == Refused("price_missing", {"line": 0, "dish_id": "crab"})
    said = priced(BasketLine(dish_id="crab", qty=2, unit_fen=18_800))
    assert isinstance(said, Priced)
    assert (said.total_fen, said.lines[0].unit_fen, said.lines[0].list_fen) == (37_600, 18_800, -1)
    assert said.beside == (Beside(packing_fen=50, overridden=False),)
    of_day = priced(BasketLine(dish_id="crab", qty=1), {"crab": 16_600})
    assert isinstance(of_day, Priced)
    assert (of_day.total_fen, of_day.beside[0].overridden) == (16_600, False)
    # With a price of the day another is an override, also for this dish.
    over = priced(BasketLine(dish_id="crab", qty=1, unit_fen=100), {"crab": 16_600})
    assert isinstance(over, Priced)
    assert over.beside[0].overridden


def test_another_price_than_the_menus_is_an_override_and_the_menus_is_kept_beside_it():
    over = priced(BasketLine(dish_id="duck", qty=1, unit_fen=900))
    assert isinstance(over, Priced)
    assert (over.lines[0].unit_fen, over.lines[0].list_fen, over.beside[0].overridden) == (900, 1_000, True)
    same = priced(BasketLine(dish_id="duck", qty=1, unit_fen=1_000))
    assert isinstance(same, Priced)
    assert (same.lines[0].list_fen, same.beside[0].overridden) == (-1, False)


# Set menus


def parts(*asked):
    return tuple(AskedPart(*one.split(":")) for one in asked)


def test_a_set_menu_says_what_it_consists_of_and_adds_its_surcharges():
    sold = priced(BasketLine(dish_id="set", qty=2, parts=parts("main:rice", "main:fish")))
    assert isinstance(sold, Priced)
    assert sold.lines[0].parts == (
        SoldPart(dish_id="soup1", code="soup1", name=NAME, qty=1, price_fen=0),
        SoldPart(dish_id="fish", code="fish", name=NAME, qty=1, price_fen=500),
        SoldPart(dish_id="rice", code="rice", name=NAME, qty=2, price_fen=0),
    )
    assert sold.total_fen == 2 * (8_800 + 500)


@pytest.mark.parametrize(
    "asked",
    [(), ("main:fish", "main:duck", "main:rice"), ("main:gone",), ("other:fish",), ("main:fish", "main:fish"),
     ("main:fish", "sweet:fish")],
)  # fmt: skip
def test_what_a_set_menu_does_not_offer_is_refused(asked):
    refused = priced(BasketLine(dish_id="set", qty=1, parts=parts(*asked)))
    assert isinstance(refused, Refused)
    assert refused.code == "wrong_parts"


def test_a_dish_that_is_no_set_has_no_parts():
    assert isinstance(priced(BasketLine(dish_id="duck", qty=1, parts=parts("main:fish"))), Refused)


# Lines of open orders


def test_a_line_of_an_order_carries_all_that_its_dish_says():
    line = SHELF.order_line(AskedLine(line_id=LINE, dish_id="crab", qty=1, unit_fen=9_900, seat=3), source="guest")
    assert line == OrderLine(line_id=LINE, dish_id="crab", code="crab", name=NAME, qty=1, unit_fen=9_900, seat=3, course=2,
                             station="hot", tax="vat", packing_fen=50, no_discount=True, menu=4, source="guest")  # fmt: skip
    said = SHELF.order_line(AskedLine(line_id=LINE, dish_id="crab", qty=1, course=0), {"crab": 1})
    assert isinstance(said, OrderLine)
    assert (said.course, said.unit_fen) == (0, 1)


def test_a_line_of_an_order_has_no_price_but_the_menus():
    refused = SHELF.order_line(AskedLine(line_id=LINE, dish_id="duck", qty=1, unit_fen=1))
    assert refused == Refused("price_fixed", {"dish_id": "duck"})
