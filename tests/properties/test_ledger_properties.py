"""The laws of the book: whatever is earned, spent, given back and ended, every journal sums to nothing and lots are what is held."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.contract import ledger
from sync.contract.ledger import Draw, Entry, Journal, LedgerError, Lot, NewLot

POINTS = ledger.member_account("a", ledger.MEMBER_POINTS)
days = st.sampled_from(["", "2026-01-31", "2026-02-28", "2026-12-31"])
lots = st.lists(
    st.builds(Lot, st.uuids().map(str), st.just(POINTS), st.integers(0, 500), st.sampled_from(["2026-01-01", "2026-02-01"]), days, st.just("")),
    max_size=8,
    unique_by=lambda lot: lot.lot_id,
)  # fmt: skip


@given(lots, st.integers(0, 2_000), st.sampled_from(["2026-01-15", "2026-02-10", "2027-01-01"]))
def test_a_spend_takes_what_is_usable_and_nothing_that_ends_later_first(lots: list[Lot], qty: int, day: str) -> None:
    draws, missing = ledger.take(lots, qty, day)
    usable = {lot.lot_id: lot for lot in lots if lot.usable(day)}
    assert ledger.drawn(draws) + missing == qty
    assert missing == max(0, qty - sum(lot.left for lot in usable.values()))
    assert all(0 < draw.qty <= usable[draw.lot_id].left for draw in draws)
    emptied = {draw.lot_id for draw in draws if draw.qty == usable[draw.lot_id].left}
    for draw in draws:
        sooner = [lot for lot in usable.values() if (lot.last_day or "9") < (usable[draw.lot_id].last_day or "9")]
        assert {lot.lot_id for lot in sooner} <= emptied


@given(lots, st.integers(1, 2_000), st.lists(st.integers(1, 400), max_size=8))
def test_what_is_given_back_in_parts_restores_every_lot_to_the_point(
    lots: list[Lot], qty: int, parts: list[int]
) -> None:
    draws, missing = ledger.take(lots, qty, "2026-02-10")
    last_days = {lot.lot_id: lot.last_day for lot in lots}
    given_back: defaultdict[str, int] = defaultdict(int)
    left = qty - missing
    for part in [*parts, 10_000]:
        back = ledger.give_back(draws, given_back, min(part, left), last_days)
        left -= min(part, left)
        for draw in back:
            assert draw.qty < 0
            given_back[draw.lot_id] -= draw.qty
    assert given_back == {draw.lot_id: draw.qty for draw in draws}
    with pytest.raises(LedgerError):
        ledger.give_back(draws, given_back, 1, last_days)


def _earned(points: int = 100, lot: int = 100) -> Journal:
    return Journal(
        "i", "points.earned", "sale:1", "2026-01-01",
        (Entry(POINTS, points), Entry(ledger.ISSUED, -points)),
        (NewLot("l", POINTS, lot, "2026-01-01", "", "sale:1"),),
    )  # fmt: skip


def test_a_journal_that_holds_is_taken() -> None:
    ledger.check(_earned())
    debt = ledger.member_account("a", ledger.MEMBER_DEBT)
    ledger.check(
        Journal(
            "r", "points.reversed", "refund:1", "2026-01-02",
            (Entry(POINTS, -60), Entry(debt, -40), Entry(ledger.ISSUED, 100)),
            draws=(Draw("l", POINTS, 60),),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        _earned(lot=99),
        _earned()._replace(entries=(Entry(POINTS, 100), Entry(ledger.ISSUED, -99))),
        _earned()._replace(entries=(Entry(POINTS, 100), Entry("sys:growth", -100))),
        _earned()._replace(entries=()),
        _earned()._replace(idem=""),
        _earned()._replace(entries=(*_earned().entries, Entry(ledger.EXPIRED, 0))),
        _earned()._replace(draws=(Draw("x", POINTS, 1),)),
        _earned()._replace(lots=(*_earned().lots, NewLot("m", POINTS, 0, "", "", ""))),
    ],
    ids=["lots short", "sum", "units", "empty", "nameless", "nothing", "draw", "empty lot"],
)
def test_a_journal_that_breaks_a_law_is_not(broken: Journal) -> None:
    with pytest.raises(LedgerError):
        ledger.check(broken)
