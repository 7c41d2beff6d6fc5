"""The figures of `bench till`: percentiles, targets, and the same orders from the same seed."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from scripts.bench_figures import Aged, Bare, Report, Run, missed, percentile
from scripts.bench_guests import EVENING, AtCounter, AtTable, draw_guests, large_menu, make_orders
from scripts.bench_load import Haul, Load
from scripts.bench_processes import MENU as DEMO_MENU
from scripts.bench_till import read_plan, shares
from sync.contract import ids
from sync.contract.menu import checked

ONE = Run(terminals=1, orders=2500, p50_ms=4, p99_ms=20, refused=0, orders_per_s=200, cpu_ms_per_order=5)
EIGHT = Run(terminals=8, orders=2500, p50_ms=20, p99_ms=40, refused=0, orders_per_s=400, cpu_ms_per_order=6)
PAST = Aged(
    orders=150_000,
    facts=600_000,
    file_mb=1_000,
    page_orders=100_000,
    start_to_page_s=1.5,
    pay_young_p50_ms=5.0,
    pay_old_p50_ms=6.0,
    node_rss_mb=100,
    seconds=150,
)
GOOD = Report(
    runs=(ONE, EIGHT),
    bare=Bare(0.4, 2.0),
    cpu_ms_per_order_overall=5.5,
    node_rss_mb=70,
    orders=5000,
    slips=20_000,
    printed=20_000,
    rows_per_order=15,
    dishes=2000,
    past=PAST,
)
MENU: dict[str, Any] = {
    "version": 3,
    "dishes": [
        {"id": f"d{number}", "price_fen": 100 * number, "modifier_groups": ["size"] if number % 2 else []}
        for number in range(1, 9)
    ],
    "modifier_groups": [
        {"id": "size", "min": 1, "max": 1, "options": [{"id": "big", "price_fen": 50}, {"id": "small", "price_fen": 0}]}
    ],
}


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [
        ([7.0], 1, 7.0),
        ([7.0], 100, 7.0),
        ([3.0, 1.0, 2.0, 4.0], 50, 2.0),
        ([3.0, 1.0, 2.0, 4.0], 51, 3.0),
        ([float(at) for at in range(1, 101)], 99, 99.0),
        ([float(at) for at in range(1, 201)], 99, 198.0),
        ([float(at) for at in range(1, 200)], 99, 198.0),
    ],
)
def test_a_percentile_is_a_sample_by_nearest_rank(samples, percent, expected):
    assert percentile(samples, percent) == expected


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_or_outside_the_scale_is_an_error(samples, percent):
    with pytest.raises(ValueError, match="no percentile"):
        percentile(samples, percent)


def test_figures_within_the_targets_are_ok():
    assert missed(GOOD) == []
    told = GOOD.as_json(seed=1)
    assert told["ok"] is True
    assert told["cpu_ms_per_order"] == 5
    assert GOOD.past is not None
    assert GOOD.past.slower == 1.2


def test_the_one_line_of_json_has_the_keys_that_the_design_names():
    told = json.loads(json.dumps(GOOD.as_json(seed=1)))
    wanted = {"ok", "runs", "cpu_ms_per_order", "node_rss_mb", "bare_commit_p50_ms", "bare_commit_p99_ms"}
    assert wanted <= set(told)
    assert {"terminals", "p50_ms", "p99_ms", "refused"} <= set(told["runs"][0])


@pytest.mark.parametrize(
    ("report", "named"),
    [
        (replace(GOOD, runs=(replace(ONE, p50_ms=10.01), EIGHT)), "1 till p50"),
        (replace(GOOD, runs=(replace(ONE, p99_ms=50.01), EIGHT)), "1 till p99"),
        (replace(GOOD, runs=(ONE, replace(EIGHT, p99_ms=200.01))), "8 tills p99"),
        (replace(GOOD, runs=(replace(ONE, refused=1), EIGHT)), "1 tills refused"),
        (replace(GOOD, runs=(ONE, replace(EIGHT, refused=1))), "8 tills refused"),
        (replace(GOOD, runs=(replace(ONE, cpu_ms_per_order=20.01), EIGHT)), "cpu ms"),
        (replace(GOOD, node_rss_mb=120.01), "node rss"),
        (replace(GOOD, orders=4999), "orders"),
        (replace(GOOD, printed=19_999), "printed"),
        (replace(GOOD, printed=20_001), "printed"),
        (replace(GOOD, past=replace(PAST, start_to_page_s=2.01)), "start to page"),
        (replace(GOOD, past=replace(PAST, pay_old_p50_ms=6.01)), "paying with a past"),
        (replace(GOOD, past=replace(PAST, node_rss_mb=120.1)), "node rss mb with a past"),
        (replace(GOOD, past=replace(PAST, orders=149_999)), "past: 149999"),
        (replace(GOOD, past=replace(PAST, page_orders=99_999)), "past: 150000"),
        (replace(GOOD, runs=(replace(ONE, p50_ms=float("nan")), EIGHT)), "1 till p50"),
    ],
)
def test_each_target_fails_by_itself_and_is_named(report, named):
    [only] = missed(report)
    assert only.startswith(named)
    assert report.as_json(seed=1)["ok"] is False


def test_on_a_slow_disk_the_p99_of_one_till_may_be_four_times_the_bare_commit_and_no_more():
    slow_disk = replace(GOOD, bare=Bare(5.0, 30.0))
    assert missed(replace(slow_disk, runs=(replace(ONE, p99_ms=120.0), EIGHT))) == []
    assert missed(replace(slow_disk, runs=(replace(ONE, p99_ms=120.1), EIGHT))) != []
    slowest = replace(GOOD, bare=Bare(20.0, 60.0))
    assert missed(replace(slowest, runs=(ONE, replace(EIGHT, p99_ms=240.0)))) == []
    assert missed(replace(slowest, runs=(ONE, replace(EIGHT, p99_ms=240.1)))) != []


def test_without_a_printer_no_slip_is_missing():
    assert missed(replace(GOOD, printed=None)) == []


def test_a_run_without_a_past_says_nothing_of_one():
    short = replace(GOOD, past=None)
    assert missed(short) == []
    assert short.as_json(seed=1)["past"] is None


def test_the_same_seed_makes_the_same_orders_and_another_seed_others():
    first, again, other = (make_orders(MENU, 20, random.Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_an_order_has_three_lines_and_one_cash_tender_that_covers_what_is_due():
    prices = {dish["id"]: dish["price_fen"] for dish in MENU["dishes"]}
    extra = {"big": 50, "small": 0}
    for body in make_orders(MENU, 50, random.Random(1)):
        order = json.loads(body)
        due_fen = sum(
            line["qty"] * (prices[line["dish_id"]] + sum(extra[one] for one in line["modifiers"]))
            for line in order["lines"]
        )
        [tender] = order["tenders"]
        assert ids.is_uuid7_hex(order["sale_id"])
        assert len({line["dish_id"] for line in order["lines"]}) == 3
        assert order["due_fen"] == due_fen <= tender["received_fen"]
        assert all(len(line["modifiers"]) == int(line["dish_id"][1:]) % 2 for line in order["lines"])


def test_twenty_guests_are_the_evening_and_have_ids_of_their_own():
    guests = list(draw_guests(MENU, 40, random.Random(1)))
    again = list(draw_guests(MENU, 40, random.Random(1)))
    later = list(draw_guests(MENU, 40, random.Random(1), first=40))
    assert guests == again
    assert sum(isinstance(guest, AtTable) for guest in guests[:20]) == sum(kind >= 4 for kind in EVENING) == 7
    assert [bool(guest.refund) for guest in guests[:20] if isinstance(guest, AtCounter)].count(True) == 1
    named = [guest.sale_ids for guest in (*guests, *later) if isinstance(guest, AtTable)]
    assert len({sale_id for ids_of in named for sale_id in ids_of}) == sum(map(len, named))
    parted = [guest for guest in guests if isinstance(guest, AtTable) and guest.first_part]
    assert [len(guest.sale_ids) for guest in parted] == [2, 2]


def test_papers_are_one_of_each_station_for_each_send_and_a_receipt_for_each_payer():
    stations = [{**dish, "station": "wok" if number % 2 else "cold"} for number, dish in enumerate(MENU["dishes"])]
    for guest in draw_guests({**MENU, "dishes": stations}, 60, random.Random(3)):
        if isinstance(guest, AtCounter):
            assert 2 <= guest.slips <= 3 + bool(guest.refund)
        else:
            assert 3 <= guest.slips <= 4 + len(guest.sale_ids) + len(guest.later) - 1
    assert {guest.slips for guest in draw_guests(MENU, 20, random.Random(1)) if isinstance(guest, AtCounter)} == {1, 2}


def test_a_large_menu_is_sound_and_repeats_no_dish():
    menu = checked(json.dumps(large_menu(json.loads(DEMO_MENU.read_bytes()), 2000)).encode())
    assert len(menu.dishes) == len(menu.by_id) == 2000
    assert len({dish.code for dish in menu.dishes}) == 2000


def test_what_all_tills_saw_is_counted_together():
    one = Haul({"sell": [1.0]}, {"sell: 409 price_changed": 1}, orders=1, slips=2)
    other = Haul({"sell": [2.0], "pay": [3.0]}, {"sell: 409 price_changed": 2, "pay: OSError": 1}, orders=2, slips=7)
    load = Load((one, other), 1.0)
    assert load.kinds == {"sell": [1.0, 2.0], "pay": [3.0]}
    assert load.refusals == {"sell: 409 price_changed": 3, "pay: OSError": 1}
    assert (load.orders, load.slips) == (3, 9)


def test_orders_are_parted_among_the_runs_without_losing_any():
    assert shares(5000, 2) == [2500, 2500]
    assert shares(5, 3) == [2, 2, 1]


@pytest.mark.parametrize(
    "arguments",
    [["--terminals", "x"], ["--terminals", "0"], ["--terminals", "17"], ["--orders", "3"], ["--past", "-1"]],
)
def test_a_plan_that_cannot_be_run_is_refused_before_anything_starts(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        read_plan(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_the_plan_of_the_issue_is_the_default():
    plan, as_json = read_plan(["--json"])
    assert (plan.terminals, plan.orders, plan.paper, as_json) == ((1, 2, 4, 8), 5000, True, True)
    assert (plan.dishes, plan.past) == (2000, 150_000)
