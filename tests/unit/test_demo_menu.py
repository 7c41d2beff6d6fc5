"""The demo restaurant's menu: that of a real kitchen, and fit for the till's tiles, keys and search."""

import textwrap
from collections import Counter
from pathlib import Path

import pytest

from sync.contract import limits
from sync.contract.facts import ContractError
from sync.contract.menu import Menu, checked, mistakes

RAW = (Path(__file__).resolve().parent.parent.parent / "config" / "demo" / "menu.json").read_bytes()
MENU = checked(RAW)

TILE_ZH_MAX = 10
TILE_LINE_LETTERS = 11
POLYPHONES = {
    "重庆小面": "cqxm",  # chóng, not zhòng
    "重庆火锅鸡": "cqhgj",
    "可口可乐": "kkkl",  # lè, not yuè
    "生煎包": "sjb",
    "豉汁蒸排骨": "czzpg",  # chǐ
    "干锅花菜": "gghc",  # gān
    "蚝油生菜": "hysc",
    "辣炒蛤蜊": "lcgl",  # gé lí, not há
    "糖醋里脊": "tclj",  # jǐ
    "担担面": "ddm",
    "番茄炒蛋": "fqcd",  # qié
    "萝卜糕": "lbg",  # bo
    "酸菜鱼": "scy",
    "白切鸡": "bqj",
}


def dish_names(menu: Menu) -> dict[str, str]:
    return {dish.name.zh: dish.initials for dish in menu.dishes}


def test_there_are_dishes_enough_in_every_category() -> None:
    per_category = Counter(dish.category for dish in MENU.dishes)
    assert len(MENU.dishes) >= 88
    assert len(MENU.categories) in {8, 9}
    assert set(per_category) == {category.id for category in MENU.categories}
    assert min(per_category.values()) >= 6


def test_codes_and_names_are_unique_and_ids_follow_the_codes() -> None:
    assert mistakes(MENU) == []
    assert all(dish.id == f"d{dish.code}" and dish.code.isdigit() and len(dish.code) == 3 for dish in MENU.dishes)
    assert max(Counter(dish.name.zh for dish in MENU.dishes).values()) == 1
    assert max(Counter(dish.name.en for dish in MENU.dishes).values()) == 1


def test_the_leading_digit_of_a_code_is_its_category() -> None:
    order = [category.id for category in MENU.categories]
    assert all(order.index(dish.category) + 1 == int(dish.code[0]) for dish in MENU.dishes)


def test_every_price_is_above_zero_and_what_a_restaurant_asks() -> None:
    assert all(300 <= dish.price_fen <= 30_000 and dish.price_fen % 100 == 0 for dish in MENU.dishes)
    assert all(0 <= option.price_fen <= 2_000 for group in MENU.modifier_groups for option in group.options)


def test_every_group_is_used_and_every_dish_could_take_all_its_modifiers() -> None:
    groups = {group.id: group for group in MENU.modifier_groups}
    assert {group for dish in MENU.dishes for group in dish.modifier_groups} == set(groups)
    for dish in MENU.dishes:
        assert len(set(dish.modifier_groups)) == len(dish.modifier_groups)
        assert sum(groups[group].max for group in dish.modifier_groups) <= limits.LINE_MODIFIERS_MAX


def test_a_dish_can_be_sold_without_choosing_anything() -> None:
    assert all(group.min == 0 for group in MENU.modifier_groups)


def test_the_kinds_of_modifiers_a_kitchen_needs_are_there() -> None:
    surcharged = {group.id for group in MENU.modifier_groups if any(option.price_fen for option in group.options)}
    assert {"spice", "size", "avoid", "cut", "ice", "sugar", "extra"} <= {group.id for group in MENU.modifier_groups}
    assert {"size", "extra", "cup", "topping", "cut"} <= surcharged


def test_every_dish_is_made_at_one_of_the_five_stations() -> None:
    assert {dish.station for dish in MENU.dishes} == {"wok", "cold", "steam", "noodle", "bar"}


def test_every_name_fits_a_tile_in_both_languages() -> None:
    for dish in MENU.dishes:
        assert len(dish.name.zh) <= TILE_ZH_MAX
        lines = textwrap.wrap(dish.name.en, TILE_LINE_LETTERS, break_long_words=False)
        assert len(lines) <= 2, dish.name.en
        assert max(map(len, lines)) <= TILE_LINE_LETTERS, dish.name.en


def test_every_name_can_be_printed_in_gbk_and_english_ones_in_ascii() -> None:
    named = [item.name for item in MENU.dishes]
    named += [item.name for item in MENU.categories]
    named += [item.name for item in MENU.modifier_groups]
    options = [option for group in MENU.modifier_groups for option in group.options]
    for name in named + [option.name for option in options]:
        assert name.zh.encode("gbk")
        assert name.en.isascii()


def test_initials_are_one_lower_case_letter_a_character() -> None:
    for dish in MENU.dishes:
        assert dish.initials.isascii()
        assert dish.initials.islower()
        assert len(dish.initials) == len(dish.name.zh), dish.name.zh


def test_characters_with_several_readings_have_the_right_one() -> None:
    initials = dish_names(MENU)
    assert {name: initials[name] for name in POLYPHONES} == POLYPHONES


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"code": "102"', b'"code": "101"'),
        (b'"category": "drink"', b'"category": "drinks"'),
        (b'"modifier_groups": ["spice"', b'"modifier_groups": ["spices"'),
        (b'"price_fen": 3800', b'"price_fen": -1'),
        (b'"price_fen": 3800', b'"price_fen": 38.00'),
    ],
)
def test_a_slip_in_the_file_would_be_noticed(right: bytes, wrong: bytes) -> None:
    assert right in RAW
    with pytest.raises(ContractError):
        checked(RAW.replace(right, wrong, 1))
