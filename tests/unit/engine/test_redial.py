"""When a line that leads nowhere is hung up."""

from itertools import pairwise

from sync.engine.redial import CAP_MS, FIRST_MS, REVOKED_FIRST_MS, Redial
from sync.engine.store_link import LinkStatus
from sync.engine.uplink import Phase
from sync.node.ports import ManualClock, SeededChance

WELL = LinkStatus(Phase.OPEN, 0, "", 1)
SILENT = LinkStatus(Phase.GREETING, 0, "", None, trouble="hub_silent")
REVOKED = LinkStatus(Phase.REFUSED, 0, "revoked", 1)
FORKED = LinkStatus(Phase.REFUSED, 0, "fork", 1)
DOWN = LinkStatus(Phase.DOWN, 0, "", None)


def times(redial: Redial, clock: ManualClock, status: LinkStatus, length_ms: int) -> list[int]:
    """Ask every second; give the ms after which it was due."""
    began_ms, found = clock.monotonic_ms(), []
    for _ in range(length_ms // 1_000):
        if redial.due(status):
            found.append(clock.monotonic_ms() - began_ms)
        clock.advance(1_000)
    return found


def test_a_silent_line_is_dialled_anew_more_and_more_rarely():
    clock = ManualClock()
    at_ms = times(Redial(clock, SeededChance("a")), clock, SILENT, 2 * 3_600_000)
    assert FIRST_MS // 2 <= at_ms[0] <= FIRST_MS + 1_000
    spans = [later - earlier for earlier, later in pairwise(at_ms)]
    assert all(CAP_MS // 2 <= span <= CAP_MS + 1_000 for span in spans[4:])
    assert len(at_ms) < 25
    other = ManualClock()
    assert times(Redial(other, SeededChance("b")), other, SILENT, 600_000)[:2] != at_ms[:2], "not all in one instant"


def test_a_line_that_is_well_or_down_or_refused_by_the_hub_is_left_alone():
    for status in (WELL, DOWN, FORKED):
        clock = ManualClock()
        assert times(Redial(clock, SeededChance("a")), clock, status, 3_600_000) == []


def test_who_was_revoked_hangs_up_soon():
    clock = ManualClock()
    at_ms = times(Redial(clock, SeededChance("a")), clock, REVOKED, 60_000)
    assert REVOKED_FIRST_MS // 2 <= at_ms[0] <= REVOKED_FIRST_MS + 1_000


def test_the_moment_without_a_line_does_not_begin_the_count_anew_and_an_answer_does():
    clock = ManualClock()
    redial = Redial(clock, SeededChance("a"))
    times(redial, clock, SILENT, 20_000)
    times(redial, clock, DOWN, 10_000)
    assert times(redial, clock, SILENT, FIRST_MS), "counted on"
    redial.due(WELL)
    assert not times(redial, clock, SILENT, FIRST_MS // 2)
