"""When a slip asks, repeats itself or goes elsewhere: rules without a clock of their own."""

import pytest

from edge.domain.slip_rules import (
    DRAWER_LIFE_MS,
    MINUTE_MS,
    TRIES_HERE,
    TRIES_IN_ALL,
    after_no_word,
    age_ms,
    is_stale,
    pulse_is_wanted,
)


@pytest.mark.parametrize(
    ("created_ms", "now_ms", "minutes", "stale"),
    [
        (0, 10 * MINUTE_MS, 10, True),
        (0, 10 * MINUTE_MS - 1, 10, False),
        (0, 10**12, 0, False),
        (10**12, 0, 1, False),
    ],
    ids=["at the limit", "just before it", "never asks", "made in the future"],
)
def test_a_slip_is_stale_from_its_limit_on(created_ms, now_ms, minutes, stale):
    assert is_stale(created_ms, now_ms, minutes) is stale


def test_nothing_is_younger_than_just_made():
    assert age_ms(1_000, 400) == 0
    assert age_ms(400, 1_000) == 600


@pytest.mark.parametrize(
    ("wall_ms", "monotonic_ms", "wanted"),
    [
        (0, 0, True),
        (DRAWER_LIFE_MS, DRAWER_LIFE_MS, True),
        (DRAWER_LIFE_MS + 1, 0, False),
        (0, DRAWER_LIFE_MS + 1, False),
        (-3_600_000, 100, True),
        (-3_600_000, DRAWER_LIFE_MS + 1, False),
        (100, -1, False),
    ],
    ids=["at once", "at the end", "wall over", "monotonic over", "set back", "set back and late", "another life"],
)
def test_a_pulse_is_wanted_for_five_seconds_by_both_clocks(wall_ms, monotonic_ms, wanted):
    assert pulse_is_wanted((10**12, 50_000), (10**12 + wall_ms, 50_000 + monotonic_ms)) is wanted


@pytest.mark.parametrize("document", ["receipt", "test"])
@pytest.mark.parametrize("attempts", [0, 1, 5])
def test_only_a_docket_repeats_itself(document, attempts):
    assert after_no_word(document, attempts, moved=False, has_fallback=True) == "person"


def test_a_docket_is_tried_here_then_at_the_fall_back_and_then_waits_for_a_person():
    tries = [after_no_word("docket", n, moved=False, has_fallback=True) for n in range(1, TRIES_HERE + 1)]
    assert tries == ["here", "there"]
    moved = [after_no_word("docket", n, moved=True, has_fallback=True) for n in range(TRIES_HERE + 1, TRIES_IN_ALL + 1)]
    assert moved == ["here", "person"]
    assert after_no_word("docket", TRIES_HERE, moved=False, has_fallback=False) == "person"
