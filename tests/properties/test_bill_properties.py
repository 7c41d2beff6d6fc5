"""However a bill is split, discounted or rounded: nothing is lost, nothing is charged twice, no share is below zero."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sync.contract import bill, trade
from sync.contract.bill import Ask, BillLine
from sync.contract.house import Rules, TaxRule
from sync.contract.trade import Adjustment, SalePaid, SoldLine, Tender
from sync.contract.words import Name

NAME = Name("菜", "Dish")
TAXES = (
    TaxRule(id="in", name=NAME, rate_bp=600, included=True),
    TaxRule(id="on", name=NAME, rate_bp=825, included=False),
)
fen = st.integers(0, 50_000)
rates = st.sampled_from([0, 0, 1, 333, 1_000, 5_000, 10_000])

rules = st.builds(
    Rules,
    cover_fen=st.integers(0, 2_000),
    service_bp=rates,
    packing_fen=st.integers(0, 500),
    taxes=st.just(TAXES),
    line_tax=st.sampled_from(["", "in", "on"]),
    charge_tax=st.sampled_from(["", "in", "on"]),
    tax_rounding=st.sampled_from(["bill", "line"]),
    rounding=st.sampled_from(["none", "jiao_down", "jiao_near", "yuan_down", "yuan_near"]),
)
asks = st.builds(
    Ask,
    service=st.sampled_from(["", "dine_in", "takeaway"]),
    covers=st.integers(0, 12),
    rate_bp=rates,
    amount_fen=st.one_of(st.just(0), fen),
    comp=st.sampled_from([False, False, False, True]),
    minimum_fen=st.one_of(st.just(0), st.integers(0, 200_000)),
)


@st.composite
def bill_lines(draw):
    unit_fen, qty = draw(fen), draw(st.integers(1, 9))
    sold = SoldLine(dish_id="d", code="1", name=NAME, qty=qty, unit_fen=unit_fen, amount_fen=unit_fen * qty,
                    tax=draw(st.sampled_from(["", "in", "on"])), no_discount=draw(st.booleans()))  # fmt: skip
    rate_bp = draw(rates)
    return BillLine(
        sold,
        packing_fen=draw(st.integers(0, 200)),
        rate_bp=rate_bp,
        discount_fen=0 if rate_bp else draw(st.one_of(st.just(0), fen)),
        gift=draw(st.sampled_from([False, False, True])),
    )


baskets = st.lists(bill_lines(), min_size=1, max_size=6)


def sale_of(made, off_fen=0):
    total_fen = made.total_fen + off_fen
    rounding = (Adjustment(kind="rounding", amount_fen=off_fen),) if off_fen else ()
    return SalePaid(sale_id="s", till="1", number=1, receipt_no="n", currency="CNY", lines=made.lines, locale="en",
                    tenders=(Tender(kind="cash", received_fen=total_fen, change_fen=0, amount_fen=total_fen),),
                    total_fen=total_fen, adjustments=made.adjustments + rounding, taxes=made.taxes)  # fmt: skip


@given(baskets, asks, rules)
def test_a_bill_adds_up_for_node_and_hub_and_asks_nothing_below_zero(lines, ask, house):
    made = bill.compute(lines, ask, house)
    off_fen = bill.round_off(made.total_fen, house.rounding)
    sale = sale_of(made, off_fen)
    trade.check_sums(sale)
    assert made.total_fen >= 0
    assert sale.total_fen >= 0
    assert min(made.nets) >= 0
    assert all(one.amount_fen <= 0 for one in made.adjustments if one.kind in ("discount", "gift", "comp"))
    shares = bill.share_of_lines(sale)
    assert all(share >= 0 for share in shares)
    apart = sum(one.amount_fen for one in sale.adjustments if one.kind in ("cover", "packing", "minimum"))
    # Rounding is shared by the lines also where it is of seats; a line of nearly nothing stops at zero.
    assert sum(shares) + apart <= sale.total_fen + 100


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=40))
def test_shares_add_up_and_are_fair_to_a_fen(amount_fen, weights):
    shares = bill.allocate(amount_fen, weights)
    assert sum(shares) == amount_fen
    total = sum(weights)
    if total:
        assert all(
            abs(share * total - amount_fen * weight) < total for share, weight in zip(shares, weights, strict=True)
        )


@given(st.data(), baskets, asks, rules)
def test_the_parts_of_a_split_bill_are_together_the_whole(data, lines, ask, house):
    whole = bill.compute(lines, ask, house)
    paid = [0] * len(lines)
    before: dict[str, int] = {}
    sums: dict[tuple[str, int], int] = {}
    total_fen = taxes_fen = 0
    parts = 0
    while any(done < line.sold.qty for done, line in zip(paid, lines, strict=True)):
        left = [line.sold.qty - done for done, line in zip(paid, lines, strict=True)]
        now = [data.draw(st.integers(0, each)) for each in left]
        if not any(now):
            now = left
        parts += 1
        cut = [replace(line, paid=done, now=each) for line, done, each in zip(lines, paid, now, strict=True)]
        made = bill.compute(cut, replace(ask, before=dict(before)), house)
        trade.check_sums(sale_of(made))
        assert made.total_fen >= 0
        position_of = [at for at, each in enumerate(now) if each]
        for one in made.adjustments:
            key = (one.kind, position_of[one.line] if one.line >= 0 else -1)
            sums[key] = sums.get(key, 0) + one.amount_fen
        for kind, amount_fen in bill.charges_of(sale_of(made)).items():
            before[kind] = before.get(kind, 0) + amount_fen
        total_fen += made.total_fen
        taxes_fen += sum(tax.tax_fen for tax in made.taxes if not tax.included)
        paid = [done + each for done, each in zip(paid, now, strict=True)]
    wanted: dict[tuple[str, int], int] = {}
    for one in whole.adjustments:
        key = (one.kind, one.line)
        wanted[key] = wanted.get(key, 0) + one.amount_fen
    assert {key: value for key, value in sums.items() if value} == wanted
    whole_taxes = sum(tax.tax_fen for tax in whole.taxes if not tax.included)
    assert total_fen - taxes_fen == whole.total_fen - whole_taxes
    # Each receipt's tax is right by itself; together they may differ by the rounding of each part (and each line of it).
    rounded = parts * (len(lines) + 4) if house.tax_rounding == "line" else parts
    assert abs(taxes_fen - whole_taxes) <= rounded
