"""Dishes by weight: the one arithmetic, and that nothing without a weight changed a byte."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.contract import facts, kinds, limits, menu, trade, weights
from sync.contract.facts import ContractError, Fact
from sync.contract.menu import Category, Dish, Menu
from sync.contract.trade import SalePaid, SoldLine, SoldModifier, Tender
from sync.contract.words import Name

NAME = Name("基围虾", "Shrimp")
OLD_DISH = (
    b'{"id":"d1","code":"1","name":{"zh":"a","en":"b"},"category":"c","price_fen":3800,'
    b'"station":"","initials":"","modifier_groups":[]}'
)
OLD_DIGEST = "f2bbc6f24d8a2c9cacbe03d402d20ab7f825e641cfbd1139960e9f185882bdeb"
OLD_LINE = (
    b'{"dish_id":"d1","code":"1","name":{"zh":"a","en":"b"},"qty":2,"unit_fen":3800,"modifiers":[],"note":"",'
    b'"amount_fen":7600}'
)


def sale(**changes: object) -> SalePaid:
    sold: dict[str, object] = {
        "dish_id": "d313", "code": "313", "name": NAME, "qty": 1, "unit_fen": 5_800, "weight_g": 486, "per_g": 500,
        "modifiers": (SoldModifier("x", NAME, 300),), "amount_fen": 5_638 + 300,
    }  # fmt: skip
    line = SoldLine(**{**sold, **changes})  # type: ignore[arg-type]  # one table of fields for many tests
    tender = Tender(kind="cash", received_fen=line.amount_fen, change_fen=0, amount_fen=line.amount_fen)
    return SalePaid(
        sale_id="0" * 32, till="1", number=1, receipt_no="1-1-000001", currency="CNY", lines=(line,),
        tenders=(tender,), total_fen=line.amount_fen, locale="zh-CN",
    )  # fmt: skip


def fact(body: SalePaid) -> Fact:
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Fact(
        store="s", epoch=1, lane=0, seq=1, n=1, id="x", kind=trade.SALE_PAID, v=1, at_ms=0, hlc="0", day="d", body=raw
    )


@pytest.mark.parametrize(
    ("price_fen", "weight_g", "per_g", "fen"),
    [
        (5_800, 486, 500, 5_638),  # 56.376
        (5_800, 500, 500, 5_800),
        (5_800, 1, 500, 12),  # 0.116
        (9_800, 1, 1_000, 10),  # 0.098
        (1, 250, 500, 1),  # half a fen goes up
        (1, 249, 500, 0),
        (1, 500, 1_000, 1),
        (0, 30_000, 500, 0),
        (limits.PRICE_FEN_MAX, limits.LINE_WEIGHT_G_MAX, 500, 600_000_000),
    ],
)
def test_a_weight_is_priced_in_whole_fen_and_half_a_fen_goes_up(price_fen, weight_g, per_g, fen):
    assert weights.weighed_fen(price_fen, weight_g, per_g) == fen


@given(st.integers(0, limits.PRICE_FEN_MAX), st.integers(1, limits.LINE_WEIGHT_G_MAX), st.sampled_from(limits.PER_G))
def test_the_price_of_a_weight_is_never_half_a_fen_off(price_fen, weight_g, per_g):
    exact = Fraction(price_fen * weight_g, per_g)

    assert Fraction(-1, 2) < weights.weighed_fen(price_fen, weight_g, per_g) - exact <= Fraction(1, 2)


def test_surcharges_are_for_the_line_and_not_for_the_gram():
    assert trade.line_amount_fen(5_800, [300, 200], 1, 486, 500) == 5_638 + 500
    assert trade.line_amount_fen(5_800, [300, 200], 3) == 3 * 6_300


def test_a_weight_and_what_its_price_is_for_are_written_as_scales_write_them():
    assert [weights.kilograms(g) for g in (1, 486, 1_000, 30_000)] == ["0.001kg", "0.486kg", "1.000kg", "30.000kg"]
    assert (weights.per(500), weights.per(1_000)) == ("500g", "kg")


# The wire


def test_a_sale_by_weight_comes_back_from_its_fact():
    assert kinds.read(facts.decode(facts.encode(fact(sale())))) == sale()


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight_g": 485},
        {"per_g": 1_000},
        {"per_g": 0},
        {"weight_g": 0},
        {"per_g": -500},
        {"weight_g": -486},
        {"weight_g": 30_001, "amount_fen": 348_312},
        {"qty": 2, "amount_fen": 2 * 5_938},
        {"amount_fen": 5_637 + 300},
    ],
)
def test_a_line_by_weight_that_does_not_add_up_or_hold_together_is_no_sale(wrong):
    with pytest.raises(ContractError):
        kinds.read(fact(sale(**wrong)))


def test_what_has_no_weight_is_read_and_written_byte_for_byte_as_before():
    dish = msgspec.json.decode(OLD_DISH, type=Dish)
    line = msgspec.json.decode(OLD_LINE, type=SoldLine)

    assert (dish.per_g, line.weight_g, line.per_g) == (0, 0, 0)
    assert msgspec.json.encode(dish) == OLD_DISH
    assert msgspec.json.encode(line) == OLD_LINE


def test_a_field_that_is_always_written_would_be_noticed():
    class Careless(msgspec.Struct, kw_only=True):
        dish_id: str
        weight_g: int = 0

    class Lazy(msgspec.Struct, kw_only=True, omit_defaults=True):
        dish_id: str
        note: str = ""

    assert msgspec.json.encode(Careless(dish_id="d1")) == b'{"dish_id":"d1","weight_g":0}'
    assert msgspec.json.encode(Lazy(dish_id="d1")) == b'{"dish_id":"d1"}'


def test_the_digest_of_a_menu_without_weights_is_what_it_was():
    dish = msgspec.json.decode(OLD_DISH, type=Dish)
    whole = Menu(currency="CNY", categories=(Category("c", NAME),), dishes=(dish,))

    assert menu.digest(whole) == OLD_DIGEST
    assert menu.digest(msgspec.structs.replace(whole, dishes=(msgspec.structs.replace(dish, per_g=500),))) != OLD_DIGEST


@pytest.mark.parametrize("per_g", [-500, 1, 100, 501, 1_001, 10**12])
def test_a_price_for_a_strange_weight_is_a_mistake_of_the_menu(per_g):
    dish = Dish(id="d", code="d", name=NAME, category="c", price_fen=1, per_g=per_g)

    found = menu.mistakes(Menu(currency="CNY", categories=(Category("c", NAME),), dishes=(dish,)))

    assert found == [f"dish 'd': a price by weight is for 500 or 1000 g; per_g is {per_g}"]


@pytest.mark.parametrize("per_g", [0, 500, 1_000])
def test_a_price_for_the_piece_for_500_g_or_for_a_kilogram_is_none(per_g):
    dish = Dish(id="d", code="d", name=NAME, category="c", price_fen=1, per_g=per_g)

    assert menu.mistakes(Menu(currency="CNY", categories=(Category("c", NAME),), dishes=(dish,))) == []
