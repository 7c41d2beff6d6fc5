"""The one arithmetic of a bill, by the worked figures of its documentation: each is a figure that somebody can check by hand."""

import msgspec
import pytest

from sync.contract import bill, house, steering, trade
from sync.contract.bill import Ask, BillLine, Why
from sync.contract.facts import ContractError
from sync.contract.house import Preset, Rules, TaxRule
from sync.contract.trade import Adjustment, SalePaid, SoldLine, TaxLine, Tender
from sync.contract.words import Name

VAT = TaxRule(id="vat", name=Name("增值税", "VAT"), rate_bp=600)
CITY = TaxRule(id="city", name=Name("城建税", "City tax"), rate_bp=825, included=False)


def sold(unit_fen, qty=1, **more):
    return SoldLine(dish_id="d", code="1", name=Name("菜", "Dish"), qty=qty, unit_fen=unit_fen,
                    amount_fen=unit_fen * qty, **more)  # fmt: skip


def lines_of(*each):
    return [one if isinstance(one, BillLine) else BillLine(sold(*one)) for one in each]


def kinds_of(made):
    return [(one.kind, one.amount_fen, one.line) for one in made.adjustments]


def test_the_worked_bill_of_the_documentation():
    rules = Rules(cover_fen=200, service_bp=1_000, taxes=(VAT,), line_tax="vat", charge_tax="vat", rounding="jiao_down")
    ask = Ask(service="dine_in", covers=2, rate_bp=800)
    made = bill.compute([BillLine(sold(3_800)), BillLine(sold(1_200, 3), rate_bp=1_000)], ask, rules)
    assert kinds_of(made) == [("discount", -360, 1), ("discount", -563, -1), ("cover", 400, -1), ("service", 648, -1)]
    assert made.total_fen == 7_525
    assert made.taxes == (
        TaxLine(tax_id="vat", name=VAT.name, rate_bp=600, included=True, base_fen=7_099, tax_fen=426),
    )
    assert bill.round_off(made.total_fen, rules.rounding) == -5


# Taxes: both algorithms, included and on top.


@pytest.mark.parametrize(
    ("rate_bp", "amount_fen", "base_fen", "tax_fen"),
    # 106.00 holds 6.00; 100.00 at 6 % is 94.34 + 5.66; 0.01 holds nothing; 9 % of 12.34 is 1.0189; 13 % of 99.99 is 11.5033.
    [(600, 10_600, 10_000, 600), (600, 10_000, 9_434, 566), (600, 1, 1, 0), (900, 1_234, 1_132, 102),
     (1_300, 9_999, 8_849, 1_150)],
)  # fmt: skip
def test_an_included_tax_is_taken_out_of_the_price_and_changes_no_total(rate_bp, amount_fen, base_fen, tax_fen):
    rule = msgspec.structs.replace(VAT, rate_bp=rate_bp)
    made = bill.compute(lines_of((amount_fen,)), Ask(), Rules(taxes=(rule,), line_tax="vat"))
    [tax] = made.taxes
    assert (tax.base_fen, tax.tax_fen, made.total_fen) == (base_fen, tax_fen, amount_fen)


@pytest.mark.parametrize(
    ("amount_fen", "tax_fen"),
    # 8.25 % of 10.00 is 0.825, half up 0.83; of 20.00 is 1.65; of 0.06 is 0.00495; of 0.07 is 0.005775.
    [(1_000, 83), (2_000, 165), (6, 0), (7, 1), (0, None)],
)
def test_a_tax_on_top_is_added_half_up(amount_fen, tax_fen):
    made = bill.compute(lines_of((amount_fen,)), Ask(), Rules(taxes=(CITY,), line_tax="city"))
    assert [tax.tax_fen for tax in made.taxes] == ([] if tax_fen is None else [tax_fen])
    assert made.total_fen == amount_fen + (tax_fen or 0)


@pytest.mark.parametrize(("how", "tax_fen"), [("bill", 248), ("line", 249)])
def test_the_two_ways_of_rounding_a_tax_differ_where_they_should(how, tax_fen):
    """Three dishes at 10.00 and 8.25 %: 30.00 × 0.0825 = 2.475 → 2.48, but three times 0.825 → 0.83 make 2.49."""
    rules = Rules(taxes=(CITY,), line_tax="city", tax_rounding=how)
    assert bill.compute(lines_of((1_000,), (1_000,), (1_000,)), Ask(), rules).taxes[0].tax_fen == tax_fen


def test_two_taxes_stand_apart_and_a_tax_that_the_house_has_not_is_none():
    rules = Rules(taxes=(VAT, CITY), line_tax="vat", charge_tax="city", cover_fen=500)
    made = bill.compute(
        lines_of((1_060,), BillLine(sold(2_000, tax="city")), BillLine(sold(777, tax="gone"))),
        Ask(service="dine_in", covers=1),
        rules,
    )
    assert [(tax.tax_id, tax.base_fen, tax.tax_fen) for tax in made.taxes] == [("vat", 1_000, 60), ("city", 2_500, 206)]
    assert [line.tax for line in made.lines] == ["vat", "city", ""]
    assert made.total_fen == 1_060 + 2_000 + 777 + 500 + 206


# Discounts


def test_a_gift_costs_nothing_and_no_discount_takes_more_than_there_is():
    made = bill.compute(
        [BillLine(sold(1_000), gift=True, rate_bp=500), BillLine(sold(300), discount_fen=999)], Ask(), Rules()
    )
    assert kinds_of(made) == [("gift", -1_000, 0), ("discount", -300, 1)]
    assert made.total_fen == 0


def test_the_discount_of_an_order_leaves_alone_what_must_not_be_discounted():
    lines = lines_of((1_000,), BillLine(sold(5_000, no_discount=True)), (2_000,))
    made = bill.compute(lines, Ask(rate_bp=1_000, why=Why("老客")), Rules())
    assert made.adjustments == (Adjustment(kind="discount", amount_fen=-300, rate_bp=1_000, reason="老客"),)
    assert made.nets == (900, 5_000, 1_800)
    # An amount too, and no more than there is to discount.
    made = bill.compute(lines, Ask(amount_fen=9_999), Rules())
    assert (made.nets, made.total_fen) == ((0, 5_000, 0), 5_000)


def test_rate_and_amount_of_an_order_are_taken_off_one_after_the_other():
    made = bill.compute(lines_of((10_000,)), Ask(rate_bp=1_000, amount_fen=500), Rules())
    assert kinds_of(made) == [("discount", -1_000, -1), ("discount", -500, -1)]
    assert made.total_fen == 8_500


def test_on_the_house_means_nothing_to_pay_no_charges_either():
    rules = Rules(cover_fen=500, service_bp=1_000, taxes=(CITY,), line_tax="city", charge_tax="city")
    lines = [BillLine(sold(1_000), rate_bp=1_000), *lines_of((500,))]
    made = bill.compute(lines, Ask(service="dine_in", covers=4, comp=True, minimum_fen=90_000), rules)
    assert (kinds_of(made), made.total_fen, made.taxes) == ([("discount", -100, 0), ("comp", -1_400, -1)], 0, ())


@pytest.mark.parametrize(
    ("lines", "ask", "bp"),
    [
        ([(10_000,)], Ask(rate_bp=1_000), 1_000),
        ([(10_000,)], Ask(rate_bp=1_000, amount_fen=1), 1_001),
        ([BillLine(sold(10_000), rate_bp=1_000)], Ask(rate_bp=1_000), 1_900),
        ([BillLine(sold(10_000), gift=True), (1_000,)], Ask(amount_fen=100), 1_000),
        ([(10_000,)], Ask(), 0),
        ([(10_000,)], Ask(comp=True), 0),
    ],
)
def test_what_all_discounts_come_to_is_what_a_limit_looks_at(lines, ask, bp):
    assert bill.effective_bp(bill.compute(lines_of(*lines), ask, Rules())) == bp


# Charges


@pytest.mark.parametrize(
    ("service", "kinds"),
    [
        ("dine_in", [("cover", 600), ("minimum", 4_000), ("service", 600)]),
        ("takeaway", [("packing", 320), ("minimum", 4_000)]),
        ("delivery", [("packing", 320), ("minimum", 4_000)]),
        ("", [("minimum", 4_000)]),
    ],
)
def test_charges_belong_to_how_guests_eat(service, kinds):
    rules = Rules(cover_fen=200, service_bp=1_000, packing_fen=200)
    made = bill.compute(
        [BillLine(sold(2_000, 3), packing_fen=40)], Ask(service=service, covers=3, minimum_fen=10_000), rules
    )
    assert [(one.kind, one.amount_fen) for one in made.adjustments] == kinds
    assert made.total_fen == 6_000 + sum(amount_fen for _, amount_fen in kinds)


def test_the_minimum_counts_dishes_after_their_discounts():
    made = bill.compute(lines_of((10_000,)), Ask(rate_bp=1_000, minimum_fen=10_000), Rules())
    assert kinds_of(made) == [("discount", -1_000, -1), ("minimum", 1_000, -1)]


# Rounding and shares


@pytest.mark.parametrize(
    ("rounding", "amount_fen", "off_fen"),
    [("none", 1_239, 0), ("jiao_down", 1_239, -9), ("jiao_near", 1_235, 5), ("jiao_near", 1_234, -4), ("yuan_down", 1_299, -99),
     ("yuan_near", 1_250, 50), ("yuan_near", 1_249, -49), ("yuan_down", 0, 0), ("jiao_down", 1_230, 0)],
)  # fmt: skip
def test_cash_is_rounded_by_the_rule_of_the_house(rounding, amount_fen, off_fen):
    assert bill.round_off(amount_fen, rounding) == off_fen


@pytest.mark.parametrize(
    ("amount_fen", "weights", "shares"),
    [(100, [1, 1, 1], [34, 33, 33]), (-100, [1, 1, 1], [-34, -33, -33]), (5, [0, 0], [3, 2]), (10, [3, 0, 1], [8, 0, 2]),
     (0, [1, 2], [0, 0]), (7, [], []), (1_000, [1, 999_999], [0, 1_000])],
)  # fmt: skip
def test_an_amount_is_shared_by_largest_remainder(amount_fen, weights, shares):
    assert bill.allocate(amount_fen, weights) == shares


def test_the_pieces_of_a_line_have_shares_that_add_up():
    assert [bill.pieces_share(-100, 3, before, 1) for before in range(3)] == [-33, -33, -34]


# What was paid for each line


def paid(made, **more):
    total_fen = made.total_fen + more.get("off_fen", 0)
    rounding = (Adjustment(kind="rounding", amount_fen=more["off_fen"]),) if "off_fen" in more else ()
    sale = SalePaid(sale_id="s", till="1", number=1, receipt_no="n", currency="CNY", lines=made.lines, locale="en",
                    tenders=(Tender(kind="cash", received_fen=total_fen, change_fen=0, amount_fen=total_fen),),
                    total_fen=total_fen, adjustments=made.adjustments + rounding, taxes=made.taxes)  # fmt: skip
    trade.check_sums(sale)
    return sale


def test_what_a_line_cost_in_the_end_has_its_discounts_service_rounding_and_tax_but_no_seats():
    rules = Rules(cover_fen=300, service_bp=1_000, taxes=(CITY,), line_tax="city", charge_tax="city")
    made = bill.compute(lines_of((2_000,), (1_000,)), Ask(service="dine_in", covers=2, rate_bp=1_000), rules)
    # 30.00 − 3.00 = 27.00; seats 6.00, service 2.70; 8.25 % of 35.70 is 2.95.
    sale = paid(made, off_fen=-5)
    assert sale.total_fen == 3_860
    shares = bill.share_of_lines(sale)
    # 18.00 + 1.80 + 1.49 − 0.03 and 9.00 + 0.90 + 0.74 − 0.02: without 6.00 for seats and the tax of seats and service.
    assert shares == (2_126, 1_062)


def test_a_line_that_must_not_be_discounted_was_paid_in_full():
    made = bill.compute(lines_of((1_000,), BillLine(sold(1_000, no_discount=True))), Ask(rate_bp=5_000), Rules())
    assert bill.share_of_lines(paid(made)) == (500, 1_000)


def test_a_sale_that_was_on_the_house_gives_nothing_back():
    made = bill.compute(lines_of((1_000,), (70,)), Ask(comp=True), Rules())
    assert bill.share_of_lines(paid(made)) == (0, 0)


def test_sums_that_do_not_hold_are_noticed():
    """The negative control of `paid`: the check that hub and node make sees an adjustment that is off by a fen."""
    sale = paid(bill.compute(lines_of((1_000,)), Ask(rate_bp=1_000), Rules()))
    wrong = msgspec.structs.replace(
        sale, adjustments=tuple(msgspec.structs.replace(one, amount_fen=one.amount_fen + 1) for one in sale.adjustments)
    )
    with pytest.raises(ContractError, match="do not add up to the total"):
        trade.check_sums(wrong)


# Rules of the house


@pytest.mark.parametrize(
    "rules",
    [
        Rules(taxes=(VAT, VAT)),
        Rules(line_tax="vat"),
        Rules(charge_tax="vat"),
        Rules(taxes=(VAT,) * 9),
        Rules(taxes=(msgspec.structs.replace(VAT, name=Name("", "VAT")),)),
        Rules(discounts=(Preset(name=Name("九折", "x\x07"), rate_bp=1_000),)),
        Rules(fapiao_url="ftp://example.test/{no}"),
        Rules(fapiao_url="https://example.test/{total}"),
        Rules(fapiao_url="https://example.test/" + "x" * 200),
        Rules(fapiao_url="https://exa mple.test/"),
    ],
)
def test_rules_that_do_not_hold_together_are_named(rules):
    assert house.rule_mistakes(rules)


def test_sound_rules_have_no_mistake_and_hq_sets_each_of_them():
    rules = Rules(cover_fen=200, taxes=(VAT,), line_tax="vat", rounding="jiao_down",
                  discounts=(Preset(name=Name("九折", "10 % off"), rate_bp=1_000),),
                  fapiao_url="https://example.test/f?s={store}&n={no}&d={day}&a={amount}")  # fmt: skip
    assert house.rule_mistakes(rules) == []
    held = {key: msgspec.json.encode(value) for key, value in msgspec.to_builtins(rules).items()}
    assert house.said(steering.read_settings(held)) == msgspec.structs.asdict(rules)


@pytest.mark.parametrize(
    ("key", "value"),
    [("cover_fen", -1), ("service_bp", 10_001), ("rounding", "up"), ("taxes", [{"id": "a b"}]), ("discounts", "10 %"),
     ("fapiao_url", "javascript:alert(1)"), ("packing_fen", 1.5)],
)  # fmt: skip
def test_hq_cannot_set_a_rule_to_nonsense(key, value):
    assert steering.setting_mistake(key, value)
