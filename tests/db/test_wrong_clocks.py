"""A wrong clock loses no sale and no number: ±2 h, −1 d, 2038, DST, leap day, a step mid-sale (ux-security §12, test 9)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud.db.engine import Reader
from cloud.services.bunch import Bunch
from cloud.services.gate import End
from cloud.services.session import Sessions
from edge.services.care import verify_journal
from edge.services.care.clock_watch import STEPPED, WRONG, ClockState, ClockWatch
from edge.services.hub.outbox import NodeOutbox
from edge.services.money.settle_sale import Settled, read_answer, settle_sale
from scripts.fuzz_pair import FuzzedIngest, Wirepair
from scripts.sim_hub import TENANT
from sync.contract.times import business_day
from sync.engine.transport import LinkState, Message
from sync.node.ports import ManualClock, SeededChance
from tests.kit.nodes import AT_TILL_1, START_MS, BreakingStorage, Rig, sell_command

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path) as made:
        yield made


def at(zone: str, *when: int) -> int:
    year, month, day, hour, minute, second = (*when, 0)[:6]
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize("by_ms", [2 * HOUR_MS, -2 * HOUR_MS, -DAY_MS, 12 * 366 * DAY_MS, -START_MS])
def test_numbers_go_on_and_nothing_is_lost_when_the_clock_jumps(rig, by_ms):
    for number in range(1, 4):
        rig.sell(number)
    rig.clock.step_wall(by_ms)
    rig.restart()
    answers = [rig.sell(number) for number in range(4, 7)]
    assert [answer.receipt_no for answer in answers] == [f"1-1-{number:06d}" for number in range(4, 7)]
    numbers = [row[0] for row in rig.rows("SELECT number FROM sales ORDER BY n")]
    assert numbers == list(range(1, 7))
    told = business_day(rig.clock.now_ms(), rig.node.zone, 240)
    assert answers[-1].business_day == max("2026-09-21", told), "the day never goes before the last one known"
    assert verify_journal.verify(rig.node).ok
    hybrid = rig.rows("SELECT value FROM counters WHERE name = 'hlc'")[0][0]
    assert hybrid >> 16 >= START_MS, "the hybrid clock never goes back"


def test_a_step_in_the_middle_of_a_sale_changes_nothing_of_it(rig):
    class Stepping(BreakingStorage):
        def statement(self) -> None:
            super().statement()
            if self.statements == 5:
                rig.clock.step_wall(-DAY_MS)

    rig.sell(1)
    watch = ClockWatch(rig.clock)
    storage = Stepping(rig.db, at=0)
    settled = settle_sale(replace(rig.node, db=storage), AT_TILL_1, sell_command(2))
    assert storage.statements > 5
    assert isinstance(settled, Settled)
    answer = read_answer(settled.answer)
    assert (answer.receipt_no, answer.business_day) == ("1-1-000002", "2026-09-21")
    facts = rig.rows("SELECT DISTINCT at_ms FROM facts WHERE lane = 0 AND seq > 2")
    assert facts == [(START_MS,)], "all that one sale writes has one time"
    step = watch.look()
    assert step is not None
    assert step.by_ms == -DAY_MS
    assert rig.sell(3).receipt_no == "1-1-000003"
    assert verify_journal.verify(rig.node).ok


def test_a_clock_in_1970_books_into_the_last_day_known_and_the_page_says_so(rig):
    watch = ClockWatch(rig.clock)
    rig.sell(1)
    rig.clock.step_wall(DAY_MS - rig.clock.now_ms())
    node = replace(rig.node, clock_watch=watch)
    settled = settle_sale(node, AT_TILL_1, sell_command(2))
    assert isinstance(settled, Settled)
    assert read_answer(settled.answer).business_day == "2026-09-21"
    clock = rig.client(node=node).get("/api/v1/status").json["clock"]
    assert (clock["state"], clock["held_day"]) == ("wrong", "2026-09-21")
    assert rig.rows("SELECT day, sales FROM day_totals") == [("2026-09-21", 2)]


def test_a_day_booked_too_far_ahead_is_left_again_once_the_hubs_clock_agrees(rig):
    watch = ClockWatch(rig.clock)
    node = replace(rig.node, clock_watch=watch)
    rig.clock.step_wall(400 * DAY_MS)
    rig.sell(1)
    rig.clock.step_wall(-400 * DAY_MS)
    assert node.today() == node.held_day() == "2027-10-26", "nobody said which of the two is right"
    watch.hub_said(rig.clock.now_ms() + 300, rig.clock.monotonic_ms())
    assert (node.today(), node.held_day()) == ("2026-09-21", "")
    rig.node = node
    rig.sell(2)
    assert rig.rows("SELECT day, sales FROM day_totals ORDER BY day") == [("2026-09-21", 1), ("2027-10-26", 1)]


@pytest.mark.parametrize(
    ("zone", "when", "day"),
    [
        ("Asia/Shanghai", (2028, 2, 29, 12, 0), "2028-02-29"),
        ("Asia/Shanghai", (2028, 3, 1, 3, 59), "2028-02-29"),
        ("Asia/Shanghai", (2038, 1, 19, 11, 14, 8), "2038-01-19"),
        ("Asia/Shanghai", (2040, 1, 1, 3, 59, 59), "2039-12-31"),
        # The night in which an hour is missing, and the one in which an hour comes twice.
        ("Europe/Berlin", (2027, 3, 28, 1, 59), "2027-03-27"),
        ("Europe/Berlin", (2027, 3, 28, 3, 59), "2027-03-27"),
        ("Europe/Berlin", (2027, 3, 28, 4, 0), "2027-03-28"),
        ("Europe/Berlin", (2027, 10, 31, 2, 30), "2027-10-30"),
        ("Europe/Berlin", (2027, 10, 31, 4, 0), "2027-10-31"),
    ],
)
def test_the_business_day_is_right_over_leap_days_2038_and_summer_time(rig, zone, when, day):
    rig.clock.step_wall(at(zone, *when) - rig.clock.now_ms())
    node = replace(rig.node, zone=ZoneInfo(zone))
    settled = settle_sale(node, AT_TILL_1, sell_command(1))
    assert isinstance(settled, Settled)
    assert read_answer(settled.answer).business_day == day


def test_the_hour_that_comes_twice_is_one_business_day_and_both_times_are_told_apart(rig):
    zone = ZoneInfo("Europe/Berlin")
    first = int(datetime(2027, 10, 31, 2, 30, tzinfo=zone, fold=0).timestamp() * 1000)
    second = int(datetime(2027, 10, 31, 2, 30, tzinfo=zone, fold=1).timestamp() * 1000)
    assert second - first == HOUR_MS
    assert business_day(first, zone, 240) == business_day(second, zone, 240) == "2027-10-30"


# ------------------------------------------------------------------------------------------------------------- the watch


@pytest.mark.parametrize("by_ms", [5_000, -5_000, 2 * HOUR_MS, -DAY_MS])
def test_a_step_is_seen_once_and_shown_for_a_shift(by_ms):
    clock = ManualClock(START_MS)
    watch = ClockWatch(clock)
    clock.advance(60_000)
    assert watch.look() is None
    clock.step_wall(by_ms)
    clock.advance(1_000)
    step = watch.look()
    assert step is not None
    assert (step.by_ms, step.at_ms) == (by_ms, clock.now_ms())
    assert watch.look() is None
    view = watch.view()
    assert (view.state, view.alarms, view.last_step) == (ClockState.STEPPED, (STEPPED,), step)
    clock.advance(12 * HOUR_MS)
    assert watch.view().state is ClockState.OK


def test_time_that_only_goes_by_is_no_step():
    """The negative control: neither hours nor the small corrections of a time server are one."""
    clock = ManualClock(START_MS)
    watch = ClockWatch(clock)
    for _ in range(1_000):
        clock.advance(DAY_MS // 100)
        clock.step_wall(40)
        assert watch.look() is None
    assert watch.view() == watch.view()
    assert watch.view().state is ClockState.OK


def test_the_offset_is_reckoned_from_the_middle_of_the_question():
    clock = ManualClock(START_MS)
    watch = ClockWatch(clock)
    asked = clock.monotonic_ms()
    clock.advance(400)
    assert watch.hub_said(START_MS + 200 - 3_000, asked) == 3_000
    assert (watch.view().offset_ms, watch.view().state) == (3_000, ClockState.OK)


def test_a_clock_far_from_the_hubs_is_wrong_until_it_is_set_right():
    clock = ManualClock(START_MS)
    watch = ClockWatch(clock)
    watch.hub_said(START_MS + DAY_MS, clock.monotonic_ms())
    assert (watch.view().state, watch.view().alarms) == (ClockState.WRONG, (WRONG,))
    clock.step_wall(DAY_MS)
    assert (watch.view().state, watch.view().offset_ms) == (ClockState.OK, 0)


def test_an_answer_that_took_too_long_says_nothing():
    clock = ManualClock(START_MS)
    watch = ClockWatch(clock)
    asked = clock.monotonic_ms()
    clock.advance(20_001)
    assert watch.hub_said(START_MS - DAY_MS, asked) is None
    assert watch.view().offset_ms is None


@pytest.mark.parametrize("now_ms", [0, 1_767_225_599_999, 4_102_444_800_001])
def test_a_time_that_cannot_be_is_wrong_without_any_hub(now_ms):
    assert ClockWatch(ManualClock(now_ms)).view().state is ClockState.WRONG


def test_the_page_says_that_the_clock_was_set_and_that_it_is_wrong(rig):
    watch = ClockWatch(rig.clock)
    node = replace(rig.node, clock_watch=watch)
    client = rig.client(node=node)
    assert client.get("/api/v1/status").json["clock"] == {"state": "ok", "offset_ms": None}
    rig.clock.step_wall(-HOUR_MS)
    assert client.get("/api/v1/status").json["clock"]["state"] == "stepped"
    watch.hub_said(rig.clock.now_ms() + HOUR_MS, rig.clock.monotonic_ms())
    assert client.get("/api/v1/status").json["clock"] == {"state": "wrong", "offset_ms": -HOUR_MS}


# ------------------------------------------------------------------------------------- measured at each sign of life


class ShiftedWall:
    """The same time gone by, under a wall clock that somebody set."""

    def __init__(self, inner: ManualClock) -> None:
        self.inner = inner
        self.by_ms = 0

    def now_ms(self) -> int:
        return self.inner.now_ms() + self.by_ms

    def monotonic_ms(self) -> int:
        return self.inner.monotonic_ms()


class OfBefore(Sessions):
    """A hub that does not say which heartbeat it answers."""

    def acknowledge(self, reader: Reader, bunch: Bunch, end: End, **place: Any) -> None:
        bunch.beaten.clear()
        super().acknowledge(reader, bunch, end, **place)


class OlderIngest(FuzzedIngest):
    make_sessions = OfBefore


@dataclass
class Talk:
    """A store in session with a hub whose wall clock can be set apart."""

    pair: Wirepair
    wall: ShiftedWall
    watch: ClockWatch

    def offset_s(self) -> float | None:
        offset_ms = self.watch.view().offset_ms
        return None if offset_ms is None else round(offset_ms / 1_000)

    def greetings(self) -> int:
        return sum(topic.endswith("/hi") for topic, _ in self.pair.ups)


def talking(ingest: type[FuzzedIngest]) -> Iterator[Talk]:
    pair = Wirepair("clocks")
    wall, watch = ShiftedWall(pair.clock), ClockWatch(pair.clock)
    chance = SeededChance("clocks/hub")
    pair.ingest = ingest(pair.hub.disk, pair.hub.identity, tenant=TENANT, clock=wall, chance=chance)
    assert pair.store.node is not None
    assert pair.store.link is not None
    pair.store.link._outbox = NodeOutbox(replace(pair.store.node, clock_watch=watch))
    pair.talk(24)
    yield Talk(pair, wall, watch)
    pair.close()


@pytest.fixture
def talk() -> Iterator[Talk]:
    yield from talking(FuzzedIngest)


@pytest.fixture
def talk_of_before() -> Iterator[Talk]:
    yield from talking(OlderIngest)


def test_a_hubs_clock_that_moves_within_a_session_shows_with_the_next_heartbeat(talk: Talk) -> None:
    assert talk.offset_s() == 0
    greeted = talk.greetings()
    talk.wall.by_ms = 300_000
    talk.pair.talk(12)
    assert talk.offset_s() == -300, "this clock is behind the hub's now"
    assert talk.watch.view().state is ClockState.WRONG
    talk.wall.by_ms = 0
    talk.pair.talk(12)
    assert talk.offset_s() == 0
    assert talk.greetings() == greeted, "no greeting was needed"


def test_an_answer_that_comes_late_or_twice_says_nothing(talk: Talk) -> None:
    acks = [wire for topic, wire in talk.pair.downs if topic.endswith("/a")]
    talk.pair.clock.advance(4_000)
    for wire in acks:
        talk.pair.line.inbox.append(Message(talk.pair.names.ack, wire, retained=False))
    talk.pair.talk(1)
    assert talk.offset_s() == 0


def test_with_a_hub_of_before_the_greeting_alone_measures_and_nothing_breaks(talk_of_before: Talk) -> None:
    talk = talk_of_before
    assert talk.offset_s() == 0
    talk.wall.by_ms = 300_000
    talk.pair.talk(12)
    assert talk.offset_s() == 0, "the negative control: nobody measured"
    talk.pair.line.inbox.extend((LinkState.DOWN, LinkState.UP))
    talk.pair.talk(12)
    assert talk.offset_s() == -300
