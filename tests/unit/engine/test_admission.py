"""Who may catch up at the hub, and in which order."""

import pytest

from sync.engine.admission import LAPSE_MS, LATER_MS, LIVE_FACTS_MAX, NEXT_MS, Admission, Grant

MANY = LIVE_FACTS_MAX + 1


def behind(admission: Admission, *stores: str) -> None:
    for store in stores:
        admission.claims((store, 1), MANY)


def ask(admission: Admission, store: str, now_ms: int = 0) -> Grant:
    return admission.grant((store, 1), now_ms)


def test_a_store_with_little_waiting_is_never_throttled():
    admission = Admission(turns=1, credit=8)
    behind(admission, "a", "b")
    assert ask(admission, "a") == Grant(8)
    assert ask(admission, "b").credit == 0
    admission.claims(("live", 1), LIVE_FACTS_MAX)
    assert ask(admission, "live") == Grant(8)
    assert ask(admission, "unheard of") == Grant(8)


def test_so_many_stores_catch_up_and_the_others_come_by_the_order_in_which_they_asked():
    admission = Admission(turns=2, credit=8)
    behind(admission, "a", "b", "c", "d")
    assert [ask(admission, store).credit for store in "abcd"] == [8, 8, 0, 0]
    admission.stored(("a", 1), MANY)
    assert ask(admission, "a", 10) == Grant(8), "it is live now, and made room"
    assert ask(admission, "d", 20).credit == 0, "c asked first"
    assert ask(admission, "c", 30).credit == 8
    assert (admission.busy, admission.waiting) == (2, 1)


def test_whoever_waits_far_behind_asks_more_rarely():
    admission = Admission(turns=1, credit=8)
    behind(admission, *"abcdefg")
    told = [ask(admission, store).retry_after_ms for store in "abcdefg"]
    assert told == [0, NEXT_MS, NEXT_MS, NEXT_MS, NEXT_MS, LATER_MS, LATER_MS]


def test_a_turn_ends_when_another_waits_and_only_then():
    admission = Admission(turns=1, credit=8, turn_ms=10_000)
    behind(admission, "a")
    ask(admission, "a", 0)
    assert ask(admission, "a", 10_000) == Grant(8), "nobody waits"
    behind(admission, "b")
    ask(admission, "b", 10_001)
    assert ask(admission, "a", 10_002).credit == 0
    assert ask(admission, "b", 10_003).credit == 8


def test_whoever_falls_silent_loses_turn_and_place():
    admission = Admission(turns=1, credit=8)
    behind(admission, *"abc")
    for store in "abc":
        ask(admission, store, 0)
    assert ask(admission, "c", LAPSE_MS + 1).credit == 8, "a and b were not heard of"


@pytest.mark.parametrize("who", ["a", "b"])
def test_a_store_that_is_refused_leaves_no_trace(who):
    admission = Admission(turns=1, credit=8)
    behind(admission, "a", "b")
    ask(admission, "a")
    ask(admission, "b")
    admission.gone((who, 1))
    other = "b" if who == "a" else "a"
    assert ask(admission, other, 10).credit == 8
    assert admission.waiting == 0
