"""What goes back of a sale: the worked figures of `edge.domain.refund`, and what holds for any sale and any row of refunds."""

from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.domain import refund
from edge.domain.refund import Asked, AskedLine, Earlier, Plan
from edge.domain.refusal import Refused
from sync.contract import bill
from sync.contract.refunds import RefundTender
from sync.contract.trade import Adjustment, SalePaid, SoldLine, Tender
from sync.contract.words import Name

CASH, CODE = "cash", "code"


def sold(qty: int, unit_fen: int) -> SoldLine:
    return SoldLine(
        dish_id="d", code="1", name=Name("菜", "Dish"), qty=qty, unit_fen=unit_fen, amount_fen=qty * unit_fen
    )


def tender(kind: str, amount_fen: int, payment_id: str = "") -> Tender:
    return Tender(kind=kind, received_fen=amount_fen, change_fen=0, amount_fen=amount_fen, payment_id=payment_id)


def sale_of(
    lines: tuple[SoldLine, ...], tenders: tuple[Tender, ...], adjustments: tuple[Adjustment, ...] = (), tip_fen: int = 0
) -> SalePaid:
    total_fen = sum(line.amount_fen for line in lines) + sum(one.amount_fen for one in adjustments)
    return SalePaid(
        sale_id="s", till="1", number=1, receipt_no="1-1-000001", currency="CNY", lines=lines, tenders=tenders,
        total_fen=total_fen, locale="zh-CN", adjustments=adjustments, tip_fen=tip_fen,
    )  # fmt: skip


WORKED = sale_of(
    (sold(2, 3_800), sold(3, 1_200)),
    (tender(CASH, 2_840), tender(CODE, 8_000, "p1")),
    (Adjustment(kind="discount", amount_fen=-360, line=1, rate_bp=1_000),),
)


def after(earlier: Earlier, planned: Plan) -> Earlier:
    pieces = dict(earlier.pieces)
    for line in planned.lines:
        pieces[line.line] = pieces.get(line.line, 0) + line.qty
    return Earlier(
        amount_fen=earlier.amount_fen + planned.amount_fen,
        tip_fen=earlier.tip_fen + planned.tip_fen,
        pieces=pieces,
        tenders=(*earlier.tenders, *planned.tenders),
    )


def planned(sale: SalePaid, earlier: Earlier = refund.NOTHING_BEFORE, **asked: object) -> Plan:
    found = refund.plan(sale, earlier, msgspec.convert(asked, Asked))
    assert isinstance(found, Plan), found
    return found


def ways(plan: Plan) -> list[tuple[str, int, bool]]:
    return [(one.kind, one.amount_fen, one.queued) for one in plan.tenders]


def test_the_worked_figures_of_the_module_are_what_comes_out():
    first = planned(WORKED, lines=[{"line": 1, "qty": 1}])
    assert (first.amount_fen, ways(first), first.other_way) == (1_080, [(CODE, 1_080, True)], False)
    rest = planned(WORKED, after(refund.NOTHING_BEFORE, first), whole=True)
    assert (rest.amount_fen, ways(rest)) == (9_760, [(CODE, 6_920, True), (CASH, 2_840, False)])
    assert [(line.line, line.qty, line.amount_fen) for line in rest.lines] == [(0, 2, 7_600), (1, 2, 2_160)]
    gone = refund.plan(WORKED, after(after(refund.NOTHING_BEFORE, first), rest), Asked(whole=True))
    assert gone == Refused("nothing_to_refund", {"left_fen": 0})


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (Asked(), "malformed"),
        (Asked(whole=True, amount_fen=1), "malformed"),
        (Asked(amount_fen=10_841), "refund_too_much"),
        (Asked(lines=(AskedLine(1, 4),)), "refund_pieces"),
        (Asked(lines=(AskedLine(1, 2), AskedLine(1, 2))), "refund_pieces"),
        (Asked(lines=(AskedLine(2, 1),)), "refund_pieces"),
    ],
)
def test_what_cannot_go_back_is_refused(asked, refusal):
    found = refund.plan(WORKED, refund.NOTHING_BEFORE, asked)
    assert isinstance(found, Refused)
    assert found.code == refusal


def test_cash_for_what_was_paid_by_code_is_another_way_and_still_counts_against_the_code():
    first = planned(WORKED, amount_fen=5_000, in_cash=True)
    assert (ways(first), first.other_way) == ([(CASH, 5_000, False)], True)
    left = refund.ways(WORKED, after(refund.NOTHING_BEFORE, first), {})
    assert [(way.kind, way.left_fen) for way in left] == [(CODE, 5_840)]
    small = planned(WORKED, amount_fen=2_840, in_cash=True)
    assert not small.other_way


def test_a_tip_goes_back_with_the_whole_or_when_it_is_asked_for():
    sale = sale_of((sold(1, 3_000),), (tender(CODE, 3_300, "p1"),), tip_fen=300)
    assert (planned(sale, whole=True).amount_fen, planned(sale, whole=True).tip_fen) == (3_300, 300)
    assert planned(sale, lines=[{"line": 0, "qty": 1}]).tip_fen == 0
    assert planned(sale, lines=[{"line": 0, "qty": 1}], tip=True).amount_fen == 3_300
    refused = refund.plan(sale, refund.NOTHING_BEFORE, Asked(amount_fen=3_001))
    assert refused == Refused("refund_too_much", {"left_fen": 3_000})
    assert planned(sale, amount_fen=3_200, tip=True).tip_fen == 200


def test_charges_that_belong_to_no_line_go_back_with_the_whole_only():
    sale = sale_of((sold(2, 1_000),), (tender(CASH, 2_400),), (Adjustment(kind="cover", amount_fen=400),))
    assert planned(sale, lines=[{"line": 0, "qty": 2}]).amount_fen == 2_000
    whole = planned(sale, whole=True)
    assert (whole.amount_fen, whole.lines[0].amount_fen) == (2_400, 2_400)


def test_a_spent_deposit_goes_back_as_it_was_once_paid():
    sale = sale_of((sold(1, 5_000),), (tender("deposit", 4_000, "dep"), tender(CASH, 1_000)))
    by_code = refund.plan(sale, refund.NOTHING_BEFORE, Asked(whole=True), {"dep": CODE})
    assert isinstance(by_code, Plan)
    assert ways(by_code) == [(CODE, 4_000, True), (CASH, 1_000, False)]
    unknown = planned(sale, whole=True)
    assert ways(unknown) == [(CASH, 4_000, False), (CASH, 1_000, False)]
    again = refund.ways(sale, after(refund.NOTHING_BEFORE, by_code), {"dep": CODE})
    assert again == []


def test_nothing_goes_back_of_a_dish_that_was_a_gift():
    sale = sale_of(
        (sold(1, 1_000), sold(1, 500)), (tender(CASH, 1_000),), (Adjustment(kind="gift", amount_fen=-500, line=1),)
    )
    assert refund.plan(sale, refund.NOTHING_BEFORE, Asked(lines=(AskedLine(1, 1),))) == Refused(
        "nothing_to_refund", {"left_fen": 1_000}
    )


LINES = st.lists(st.builds(sold, st.integers(1, 5), st.integers(0, 5_000)), min_size=1, max_size=4).map(tuple)
ASKED = st.one_of(
    st.just(Asked(whole=True)),
    st.builds(Asked, lines=st.builds(lambda one: (one,), st.builds(AskedLine, st.integers(0, 4), st.integers(1, 5)))),
    st.builds(Asked, amount_fen=st.integers(1, 8_000), tip=st.booleans(), in_cash=st.booleans()),
)


@settings(max_examples=200, deadline=None)
@given(lines=LINES, less=st.integers(0, 3_000), cover=st.integers(0, 900), tip=st.integers(0, 700),
       cuts=st.lists(st.integers(0, 20_000), max_size=3), asked=st.lists(ASKED, max_size=6))  # fmt: skip
def test_no_row_of_refunds_gives_back_more_than_was_paid_by_no_way_and_of_no_line(lines, less, cover, tip, cuts, asked):
    gross = sum(line.amount_fen for line in lines)
    adjustments = (
        Adjustment(kind="discount", amount_fen=-min(less, gross)),
        Adjustment(kind="cover", amount_fen=cover),
    )
    total_fen = gross - min(less, gross) + cover + tip
    bounds = [0, *sorted(min(cut, total_fen) for cut in cuts), total_fen]
    kinds = ("card", CODE, CASH, "static_code")
    tenders = tuple(
        tender(kinds[at], high - low, "p" if kinds[at] == CODE else "")
        for at, (low, high) in enumerate(pairwise(bounds))
    )
    sale = sale_of(lines, tenders, adjustments, tip)
    earlier = refund.NOTHING_BEFORE
    for one in (*asked, Asked(whole=True)):
        found = refund.plan(sale, earlier, one)
        if isinstance(found, Refused):
            continue
        assert found.amount_fen > 0
        assert sum(back.amount_fen for back in found.tenders) == found.amount_fen
        assert not found.lines or sum(line.amount_fen for line in found.lines) + found.tip_fen == found.amount_fen
        earlier = after(earlier, found)
    # The last word was the whole of what was left: now everything went back, once.
    assert earlier.amount_fen == total_fen
    assert earlier.tip_fen == (tip if total_fen else 0) or total_fen == 0
    assert all(qty <= lines[at].qty for at, qty in earlier.pieces.items())
    if not any(one.in_cash for one in asked):
        for paid in tenders:
            back = sum(one.amount_fen for one in earlier.tenders if one.kind == paid.kind)
            assert back == paid.amount_fen


def test_without_the_earlier_refunds_more_would_go_back_than_was_paid():
    """The negative control of the property: what stops it is the sum over all refunds of the sale."""
    first = planned(WORKED, whole=True)
    forgot = replace(after(refund.NOTHING_BEFORE, first), amount_fen=0, pieces={}, tenders=())
    assert planned(WORKED, forgot, whole=True).amount_fen + first.amount_fen > WORKED.total_fen


def test_pieces_of_a_line_come_to_the_line_however_they_are_taken():
    sale = sale_of((sold(3, 100),), (tender(CASH, 200),), (Adjustment(kind="discount", amount_fen=-100, line=0),))
    earlier, amounts = refund.NOTHING_BEFORE, []
    for _ in range(3):
        found = planned(sale, earlier, lines=[{"line": 0, "qty": 1}])
        amounts.append(found.amount_fen)
        earlier = after(earlier, found)
    assert sum(amounts) == bill.share_of_lines(sale)[0] == 200
    assert max(amounts) - min(amounts) <= 1
    assert all(isinstance(one, RefundTender) for one in earlier.tenders)
