"""The arithmetic, the wording and the paper of the hub's pages, without a server."""

from datetime import UTC

import msgspec
import pytest

from cloud.services.views import (
    HourTaking,
    InviteView,
    LaneVerified,
    LaneWaiting,
    LineView,
    ModifierView,
    SaleView,
    StoreView,
    TakingsView,
    TenderView,
)
from cloud.web import attention, auth, figures, openapi, paper
from cloud.web.show import Speaker
from cloud.web.words import Words
from sync.contract.trade import Adjustment, TaxLine
from sync.contract.words import ZH, Name

NOW_MS = 1_795_344_300_000


class Echo(Words):
    """A catalogue in which every text is its own key, so that no file is read."""

    def __init__(self) -> None:
        super().__init__({})

    def text(self, key: str, locale: str, /, **values: object) -> str:
        return " ".join([key, *(str(value) for value in values.values())])

    def has(self, key: str) -> bool:
        return not key.endswith(".strange")


SAY = Speaker(Echo(), ZH, UTC)


def takings(*hours: tuple[int, int]) -> TakingsView:
    rows = tuple(HourTaking(hour, 1, fen) for hour, fen in hours)
    total_fen = sum(fen for _, fen in hours)
    return TakingsView(day="2026-11-22", known=True, stores=(), hours=rows, sales=len(rows), amount_fen=total_fen)


def store(**changes: object) -> StoreView:
    held: dict[str, object] = {
        "id": "near",
        "name": Name("近店", "Near"),
        "epoch": 1,
        "state": "online",
        "last_seen_ms": NOW_MS,
        "data_as_of_ms": NOW_MS,
        "waiting": LaneWaiting(0, 0),
        "verified": LaneVerified(1, 1),
        "chain_ok": True,
        "sales": 0,
        "amount_fen": 0,
        "day": "2026-11-22",
        "day_sales": 0,
        "day_amount_fen": 0,
        "quarantined": 0,
        "parked": 0,
    }
    return StoreView(**{**held, **changes})  # type: ignore[arg-type]  # one table of fields for many tests


# ----------------------------------------------------------------------------------------------------------- hours


def test_a_business_day_runs_over_midnight() -> None:
    assert figures.hours_of([takings((23, 1), (1, 1))], 240) == [23, 0, 1]
    assert figures.hours_of([takings((5, 1)), takings((3, 1))], 240) == [*range(5, 24), 0, 1, 2, 3]
    assert figures.hours_of([takings()], 240) == []


def test_a_running_hour_and_those_to_come_stay_out_of_the_comparison() -> None:
    hours = [17, 18, 19]
    before = {17: 50, 18: 1000, 19: 1000}
    cells = figures.hour_cells(hours, {17: 100, 18: 10}, before, running=18, cutoff_minutes=240)
    assert [(cell.running, cell.to_come) for cell in cells] == [(False, False), (True, False), (False, True)]
    assert figures.compare(cells, 18) == (100, 50, 18)


def test_a_day_that_is_over_is_compared_whole() -> None:
    cells = figures.hour_cells([23, 0], {23: 1, 0: 2}, {23: 3, 0: 4}, running=None, cutoff_minutes=240)
    assert figures.compare(cells, None) == (3, 7, None)


def test_after_midnight_the_evening_is_over_and_the_night_runs() -> None:
    cells = figures.hour_cells([22, 23, 0, 1], {22: 1, 23: 1, 0: 1}, {}, running=0, cutoff_minutes=240)
    assert [cell.to_come for cell in cells] == [False, False, False, True]
    assert figures.compare(cells, 0).amount_fen == 2


def test_the_week_before_is_the_same_weekday() -> None:
    assert figures.week_before("2026-03-01") == "2026-02-22"
    assert figures.day_before("2026-03-01") == "2026-02-28"


# ------------------------------------------------------------------------------------------------------- attention


def test_what_is_well_needs_no_look() -> None:
    assert attention.looks((store(),), NOW_MS, SAY) == []
    assert attention.looks((store(waiting=None),), NOW_MS, SAY) == []


def test_dangers_stand_before_faults_and_faults_before_what_is_away() -> None:
    found = attention.looks(
        (
            store(state="never", last_seen_ms=None, data_as_of_ms=None),
            store(state="away", last_seen_ms=NOW_MS - 60_000),
            store(quarantined=2),
            store(parked=1),
            store(waiting=LaneWaiting(20, 5)),
            store(chain_ok=False),
        ),
        NOW_MS,
        SAY,
    )
    assert [look.shape for look in found] == ["triangle", "diamond", "diamond", "diamond", "ring", "dot"]
    assert found[0].sentence.startswith("look.fork ")


def test_a_sale_on_its_way_is_no_exception_and_an_old_count_of_an_away_store_is_none_either() -> None:
    assert attention.looks((store(waiting=LaneWaiting(24, 0)),), NOW_MS, SAY) == []
    found = attention.looks((store(state="away", waiting=LaneWaiting(99, 0)),), NOW_MS, SAY)
    assert [look.shape for look in found] == ["ring"]


# ------------------------------------------------------------------------------------------------------------- words


def test_spans_are_said_in_their_two_largest_units() -> None:
    assert SAY.span(-5) == "span.seconds 0"
    assert SAY.span(59_999) == "span.seconds 59"
    assert SAY.span(60_000) == "span.minutes 1"
    assert SAY.span(3_600_000) == "span.hours 1 0"
    assert SAY.span(90_000_000) == "span.days 1 1"
    assert SAY.fine_span(690) == "span.seconds 0.690"


def test_differences_have_a_true_sign_and_per_cent_of_nothing_is_no_number() -> None:
    assert (SAY.signed(5), SAY.signed(-5), SAY.signed(0)) == ("+0.05", "−0.05", "0.00")
    assert (SAY.percent(110, 100), SAY.percent(90, 100), SAY.percent(100, 100), SAY.percent(5, 0)) == (
        "+10.0%",
        "−10.0%",
        "0.0%",
        "–",
    )


def test_a_reason_without_words_is_shown_as_it_is() -> None:
    assert SAY.reason("strange") == "strange"
    assert SAY.reason("garbage") == "reason.garbage"


def test_only_paths_of_our_own_lead_on() -> None:
    assert auth.way_on("/sales?day=2026-11-22") == "/sales?day=2026-11-22"
    for wanted in ("", "//x", "https://x/", "/\\x", "x", "/a\nb", "/a\tb", "http://[", "/%0d\r"):
        assert auth.way_on(wanted) == auth.HOME, wanted


# ------------------------------------------------------------------------------------------------------------- paper


def a_sale(name: str, *, invite: bool = True) -> SaleView:
    return SaleView(
        n=1,
        sale_id="0" * 32,
        store="near",
        store_name=Name("近店", "Near"),
        till="1",
        receipt_no="1-1-000001",
        business_day="2026-11-22",
        hour=18,
        total_fen=7900,
        received_fen=10_000,
        change_fen=2100,
        currency="CNY",
        locale=ZH,
        saved_ms=NOW_MS,
        stored_ms=NOW_MS + 700,
        epoch=1,
        lane=0,
        seq=1,
        lines=(
            LineView(
                dish_id="d1",
                code="101",
                name=Name(name, name),
                qty=2,
                unit_fen=3950,
                modifiers=(ModifierView("m", Name("微辣", "Mild"), 0),),
                note="不要香菜",
                amount_fen=7900,
            ),
        ),
        tenders=(TenderView(kind="cash", received_fen=10_000, change_fen=2100, amount_fen=7900),),
        invite=InviteView(
            invite_id="a", code="A" * 141, short="Q7KD3-M9X4T", url="HTTP://X/J/" + "A" * 141, expires_day="2026-12-22"
        )
        if invite
        else None,
    )


def with_bill(sale: SaleView, reason: str) -> SaleView:
    """The same sale with a discount of a line and of the whole, a charge, a tax on top, a tip and a card."""
    card = TenderView(kind="card", received_fen=8_000, change_fen=0, amount_fen=8_000)
    return msgspec.structs.replace(
        sale,
        tenders=(card,),
        adjustments=(
            Adjustment(kind="gift", amount_fen=-300, line=0, reason=reason),
            Adjustment(kind="discount", amount_fen=-500, rate_bp=633, reason=reason),
            Adjustment(kind="cover", amount_fen=400),
        ),
        taxes=(
            TaxLine(tax_id="t", name=Name("城建税", "City"), rate_bp=825, included=False, base_fen=6_000, tax_fen=495),
        ),
        tip_fen=88,
    )


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "name", ["宫保鸡丁", "Kung Pao chicken", "干锅有机花菜配五花肉加麻加辣特大份" * 7, "W" * 120, " "]
)
def test_every_character_of_the_paper_stands_on_its_cell_within_the_paper(name: str, full: bool) -> None:
    sale = with_bill(a_sale(name), name[:80]) if full else a_sale(name)
    drawn = paper.draw(sale, Echo(), SAY.moment)
    for run in drawn.runs:
        xs = [int(x) for x in run.xs.split()]
        assert len(xs) == len(run.text)
        for x, character in zip(xs, run.text, strict=True):
            assert (x - paper.MARGIN_PX) % paper.CELL_PX == 0
            width = paper.cells(character) * paper.CELL_PX * (2 if run.large else 1)
            assert paper.MARGIN_PX <= x <= paper.WIDTH_PX - paper.MARGIN_PX - width
        # Two characters never share a cell.
        ends = [x + paper.cells(c) * paper.CELL_PX * (2 if run.large else 1) for x, c in zip(xs, run.text, strict=True)]
        assert all(end <= following for end, following in zip(ends, xs[1:], strict=False))
    assert drawn.height_px > max(run.y for run in drawn.runs)


def test_the_paper_says_what_the_sale_says() -> None:
    drawn = paper.draw(a_sale("宫保鸡丁"), Echo(), SAY.moment)
    for part in ("1-1-000001", "宫保鸡丁", "微辣 不要香菜", "79.00", "100.00", "21.00", "Q7KD3-M9X4T"):
        assert part in drawn.text
    assert "−" not in drawn.text
    bill = paper.draw(with_bill(a_sale("宫保鸡丁"), "老客"), Echo(), SAY.moment)
    for part in ("−3.00", "−5.00", "4.00", "城建税", "4.95", "0.88", "80.00", "老客"):
        assert part in bill.text
    assert drawn.qr_path.startswith("M")
    assert not paper.draw(a_sale("宫保鸡丁", invite=False), Echo(), SAY.moment).qr_path


def test_the_document_of_the_api_names_every_schema_that_it_refers_to() -> None:
    document = openapi.build("1")
    text = str(document)
    for name in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"], name
