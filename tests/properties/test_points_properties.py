"""Points: the worked figures of the contract, and refunds that come to the same in every order."""

from hypothesis import given
from hypothesis import strategies as st

from sync.contract import points
from sync.contract.points import DoubleDay, Rules
from sync.contract.trade import SalePaid, Tender

rules = st.builds(
    Rules,
    points=st.integers(0, 5),
    per_fen=st.sampled_from([1, 7, 100, 1_000]),
    bill_max=st.sampled_from([0, 0, 50]),
)


def _sale(*tenders: tuple[str, int], tip_fen: int = 0) -> SalePaid:
    total = sum(amount for _, amount in tenders)
    return SalePaid(
        sale_id="0" * 32, till="1", number=1, receipt_no="1-1-1", currency="CNY", lines=(), total_fen=total - tip_fen, locale="zh-CN",
        tenders=tuple(Tender(kind=kind, received_fen=fen, change_fen=0, amount_fen=fen) for kind, fen in tenders), tip_fen=tip_fen,
    )  # fmt: skip


def test_the_worked_figures() -> None:
    base = points.base_fen(_sale(("code", 10_000), ("points", 2_850)))
    assert base == 10_000
    plain, double = Rules(), Rules(doubles=(DoubleDay(multiplier_bp=20_000, days=("2026-11-11",)),))
    assert points.earn(plain, base).points == 100
    multiplier = points.multiplier_bp(double, "2026-11-11")
    earned = points.earn(double, base, multiplier)
    assert (earned.points, points.multiplier_bp(double, "2026-11-12")) == (200, 10_000)
    assert points.taken_back(double, earned, 0, 3_000) == 60
    assert points.taken_back(double, earned, 3_000, 7_000) == 140


def test_tips_platforms_and_points_earn_nothing() -> None:
    assert points.base_fen(_sale(("cash", 1_000), ("platform", 5_000), ("points", 300), tip_fen=200)) == 800
    assert points.base_fen(_sale(("points", 300), ("cash", 100), tip_fen=200)) == 0


@given(
    rules,
    st.integers(0, 100_000),
    st.sampled_from([10_000, 20_000, 15_000]),
    st.lists(st.integers(1, 30_000), max_size=8),
)
def test_refunds_in_any_parts_take_back_what_one_whole_refund_takes(
    rules: Rules, base: int, multiplier: int, cuts: list[int]
) -> None:
    earned = points.earn(rules, base, multiplier)
    gone = taken = 0
    for cut in [*cuts, base]:
        part = min(cut, base - gone)
        back = points.taken_back(rules, earned, gone, part)
        assert back >= 0
        taken += back
        gone += part
    assert taken == earned.points == points.taken_back(rules, earned, 0, base)


@given(rules, st.integers(0, 5_000), st.integers(0, 100_000))
def test_points_never_pay_more_than_a_bill_takes_nor_than_there_are(rules: Rules, held: int, bill_fen: int) -> None:
    spent = points.spendable(rules, held, bill_fen)
    assert spent <= held
    assert spent % rules.step == 0
    assert points.worth_fen(rules, spent) <= bill_fen * rules.spend_bill_bp // 10_000


def test_multipliers_never_multiply_each_other() -> None:
    both = Rules(
        doubles=(DoubleDay(multiplier_bp=20_000, weekdays=(7,)), DoubleDay(multiplier_bp=15_000, month_days=(22,)))
    )
    assert points.multiplier_bp(both, "2026-11-22", [12_000]) == 20_000
    assert points.multiplier_bp(both, "2026-11-23", [12_000]) == 12_000


def test_points_end_with_a_month() -> None:
    assert points.last_day(Rules(valid_months=12), "2026-11-22") == "2027-11-30"
    assert points.last_day(Rules(valid_months=3), "2026-11-30") == "2027-02-28"
    assert points.last_day(Rules(valid_months=15), "2026-11-30") == "2028-02-29"
    assert points.last_day(Rules(valid_months=0), "2026-11-30") == ""
