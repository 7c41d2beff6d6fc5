"""The node prices dishes by weight, refuses what does not fit, and prints the weight; the hub draws the same line."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from cloud.services.views import LineView
from cloud.web import paper
from drivers.document import Columns, Text
from edge.domain.pricing import BasketLine, Catalogue, Priced
from edge.domain.refusal import Refused
from edge.receipts.receipt import Heading, receipt
from sync.contract import limits
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.trade import InviteIssued, SalePaid
from sync.contract.words import EN, ZH, Name

NAME = Name("名", "Name")
MENU = Menu(
    currency="CNY",
    categories=(Category("c", NAME),),
    dishes=(
        Dish(id="shrimp", code="313", name=Name("基围虾", "Shrimp"), category="c", price_fen=5_800, per_g=500,
             modifier_groups=("way",)),
        Dish(id="beef", code="213", name=Name("五香牛肉", "Five spice beef"), category="c", price_fen=9_800, per_g=1_000),
        Dish(id="rice", code="701", name=Name("米饭", "Rice"), category="c", price_fen=300),
        Dish(id="gold", code="999", name=NAME, category="c", price_fen=limits.PRICE_FEN_MAX, per_g=500),
    ),
    modifier_groups=(
        ModifierGroup("way", NAME, (ModifierOption("plain", Name("白灼", "Poached")),
                                    ModifierOption("garlic", Name("蒜蓉", "Garlic"), 800)), max=2),
    ),
)  # fmt: skip
INVITE = InviteIssued(invite_id="0" * 20, sale_id="0" * 32, short="ABCD", code="C" * 40, expires_day="2026-12-31")
HEADING = Heading("s", NAME, ZoneInfo("Asia/Shanghai"), "http://127.0.0.1")


def line(dish_id: str, weight_g: int = 0, qty: int = 1, *modifiers: str) -> BasketLine:
    return BasketLine(dish_id=dish_id, qty=qty, modifiers=modifiers, weight_g=weight_g)


def priced(*lines: BasketLine) -> Priced:
    found = Catalogue(MENU).price(lines)
    assert isinstance(found, Priced), found
    return found


def refused(*lines: BasketLine) -> Refused:
    found = Catalogue(MENU).price(lines)
    assert isinstance(found, Refused), found
    return found


def paid(lines: tuple[BasketLine, ...], locale: str = ZH) -> SalePaid:
    found = priced(*lines)
    return SalePaid(
        sale_id="0" * 32, till="1", number=1, receipt_no="1-1-000001", currency="CNY", lines=found.lines, tenders=(),
        total_fen=found.total_fen, locale=locale,
    )  # fmt: skip


def test_a_dish_by_weight_costs_its_grams_and_its_surcharges_once():
    found = priced(line("shrimp", 486, 1, "garlic"), line("beef", 1_250), line("rice", qty=2))

    assert [one.amount_fen for one in found.lines] == [5_638 + 800, 12_250, 600]
    assert [(one.qty, one.weight_g, one.per_g) for one in found.lines] == [(1, 486, 500), (1, 1_250, 1_000), (2, 0, 0)]
    assert found.total_fen == 19_288


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (line("shrimp"), "weight_missing"),
        (line("rice", 1), "weight_not_taken"),
        (line("rice", -1), "weight_not_taken"),
        (line("shrimp", -1), "weight_out_of_range"),
        (line("shrimp", limits.LINE_WEIGHT_G_MAX + 1), "weight_out_of_range"),
        (line("shrimp", 10**30), "weight_out_of_range"),
        (line("shrimp", 486, 2), "qty_out_of_range"),
        (line("shrimp", 486, 0), "qty_out_of_range"),
        (line("gold", limits.LINE_WEIGHT_G_MAX), "amount_too_large"),
    ],
)
def test_a_weight_that_does_not_fit_its_dish_is_refused(bad, code):
    assert refused(line("rice"), bad).code == code


def test_one_gram_and_thirty_kilograms_may_be_sold():
    assert priced(line("shrimp", 1), line("shrimp", limits.LINE_WEIGHT_G_MAX)).total_fen == 12 + 348_000


def test_a_basket_line_without_a_weight_is_encoded_as_before_so_that_a_repeat_is_known():
    old = b'{"dish_id":"rice","qty":2,"modifiers":[],"note":""}'

    assert msgspec.json.encode(msgspec.json.decode(old, type=BasketLine)) == old
    assert msgspec.json.encode(line("shrimp", 486)) == (
        b'{"dish_id":"shrimp","qty":1,"modifiers":[],"note":"","weight_g":486}'
    )


@pytest.mark.parametrize(
    ("locale", "rows"),
    [
        (ZH, ["1 基围虾", "  0.486kg × 58.00/500g·蒜蓉·+8.00", "1 五香牛肉", "  1.250kg × 98.00/kg", "2 米饭", "  @3.00"]),
        (EN, ["1 Shrimp", "  0.486kg × 58.00/500g, Garlic, +8.00", "1 Five spice beef", "  1.250kg × 98.00/kg", "2 Rice",
              "  @3.00"]),
    ],
)  # fmt: skip
def test_the_receipt_says_what_was_weighed_and_what_the_price_was_for(locale, rows):
    sale = paid((line("shrimp", 486, 1, "garlic"), line("beef", 1_250), line("rice", qty=2)), locale)

    elements = receipt(sale, INVITE, HEADING, 0, 0).elements

    texts = [one.left if isinstance(one, Columns) else one.text for one in elements if isinstance(one, (Columns, Text))]
    at = texts.index(rows[0])
    assert texts[at : at + len(rows)] == rows


def test_the_hub_draws_the_weight_under_the_line_and_says_nothing_of_it_for_a_piece():
    slip = paper._Slip()
    weighed = LineView(
        dish_id="shrimp", code="313", name=Name("基围虾", "Shrimp"), qty=1, unit_fen=5_800, modifiers=(), note="",
        amount_fen=5_638, weight_g=486, per_g=500,
    )  # fmt: skip
    piece = msgspec.structs.replace(weighed, weight_g=0, per_g=0)

    paper._put_line(slip, weighed, ZH)
    paper._put_line(slip, piece, ZH)

    assert [row.strip() for row in slip.plain[1:2]] == ["0.486kg × 58.00/500g"]
    assert len(slip.plain) == 3
    assert b"weight" not in msgspec.json.encode(piece)
    assert b'"weight_g":486,"per_g":500' in msgspec.json.encode(weighed)
