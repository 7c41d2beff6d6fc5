"""Ids, times, money and topics: what both sides must compute alike."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sync.contract import ids, money, times, topics
from sync.node.ports import IdSource, ManualClock, SeededChance

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON_MS = 1_790_000_000_000
"""2026-09-21 22:13:20 in Shanghai."""


def test_a_uuid7_holds_its_time_its_version_and_its_variant():
    made = ids.uuid7(NOON_MS, bytes([0xFF] * 10))
    assert int.from_bytes(made[:6], "big") == NOON_MS
    assert made.hex()[12:] == "7fffbfffffffffffffff"
    assert ids.is_uuid7_hex(made.hex())
    assert ids.is_uuid7_hex(ids.uuid7(0, bytes(10)).hex())


@pytest.mark.parametrize("chance", [b"", bytes(9), bytes(11)])
def test_a_uuid7_takes_exactly_ten_random_bytes(chance):
    with pytest.raises(ValueError, match="ten"):
        ids.uuid7(0, chance)


@pytest.mark.parametrize("now_ms", [-1, 1 << 48])
def test_a_time_that_48_bits_do_not_hold_is_refused(now_ms):
    with pytest.raises(OverflowError):
        ids.uuid7(now_ms, bytes(10))


@pytest.mark.parametrize(
    "text",
    ["", "0" * 32, "01890a5dac96474bbcceb302099a8057", "01890a5dac96774b7cceb302099a8057", "01890A5DAC96774BBCCEB302099A8057",
     "01890a5dac96774bbcceb302099a805", "01890a5dac96774bbcceb302099a80577", "01890a5d-ac96-774b-bcce-b302099a8057",
     "01890a5dac96774bbcceb302099a8057\n", "٠1890a5dac96774bbcceb302099a8057"],
)  # fmt: skip
def test_what_is_no_uuid7_in_small_hex_is_told_apart(text):
    assert not ids.is_uuid7_hex(text)
    assert ids.is_uuid7_hex("01890a5dac96774bbcceb302099a8057")


def test_ids_rise_when_the_clock_steps_back():
    clock = ManualClock()
    source = IdSource(clock, SeededChance("ids"))
    first = source.uuid7()
    clock.step_wall(-3_600_000)
    second = source.uuid7()
    assert second[:6] == first[:6]
    assert second != first
    clock.step_wall(7_200_000)
    assert source.uuid7()[:6] > first[:6]


@pytest.mark.parametrize(
    ("value", "digits", "code"), [(0, 3, "000"), (31, 1, "Z"), (32, 2, "10"), (32**10 - 1, 10, "Z" * 10)]
)
def test_crockford_digits(value, digits, code):
    assert ids.crockford_encode(value, digits) == code


@pytest.mark.parametrize(("value", "digits"), [(-1, 3), (32, 1)])
def test_a_number_that_does_not_fit_its_digits_is_refused(value, digits):
    with pytest.raises(ValueError, match="does not fit"):
        ids.crockford_encode(value, digits)


def test_a_code_is_read_as_people_type_it():
    assert ids.crockford_clean(" abil-o1 0u ") == "AB11010U"
    assert ids.grouped("ABCDEFGHJK") == "ABCDE-FGHJK"


@pytest.mark.parametrize("store", ["a", "s1", "qing-ci", "0" * 32])
def test_names_that_a_store_may_have(store):
    assert ids.STORE_ID.fullmatch(store)


@pytest.mark.parametrize("store", ["", "-a", "a-", "A", "a/b", "a+b", "a#", "a b", "a" * 33, "巷", "a\n"])
def test_names_that_would_break_a_topic_are_none(store):
    assert ids.STORE_ID.fullmatch(store) is None


# Times


@pytest.mark.parametrize(
    ("local", "day"),
    [("2026-09-21T22:13", "2026-09-21"), ("2026-09-22T03:59", "2026-09-21"), ("2026-09-22T04:00", "2026-09-22"),
     ("2026-10-01T00:30", "2026-09-30"), ("2027-01-01T03:00", "2026-12-31"), ("2028-03-01T01:00", "2028-02-29")],
)  # fmt: skip
def test_a_business_day_ends_at_the_cut_off(local, day):
    wall_ms = int(datetime.fromisoformat(local).replace(tzinfo=SHANGHAI).timestamp() * 1000)
    assert times.business_day(wall_ms, SHANGHAI, 240) == day


def test_the_cut_off_at_midnight_is_the_calendar_day():
    midnight_ms = times.epoch_day("2026-09-22") * times.DAY_MS - 8 * 3_600_000
    assert times.business_day(midnight_ms - 1, SHANGHAI, 0) == "2026-09-21"
    assert times.business_day(midnight_ms, SHANGHAI, 0) == "2026-09-22"


def test_local_hour_and_text():
    assert times.local_hour(NOON_MS, SHANGHAI) == 22
    assert times.local_text(NOON_MS, SHANGHAI) == "2026-09-21 22:13:20"


def test_days_are_counted_there_and_back():
    assert times.epoch_day("1970-01-01") == 0
    for day in ("1970-01-01", "2026-02-28", "2026-12-31", "2149-06-06"):
        assert times.day_of_epoch(times.epoch_day(day)) == day
    with pytest.raises(OverflowError):
        times.day_of_epoch(10**7)


def test_the_hybrid_clock_follows_the_wall_and_never_goes_back():
    first = times.hlc_next(0, 1_000)
    assert first == 1_000 << 16
    assert times.hlc_next(first, 1_000) == first + 1
    assert times.hlc_next(first, 500) == first + 1
    assert times.hlc_next(first, 1_001) == 1_001 << 16


def test_the_hybrid_clock_passes_what_the_hub_says():
    hub = 5_000 << 16
    assert times.hlc_merge(1_000 << 16, 1_000, hub) == hub + 1
    assert times.hlc_merge(6_000 << 16, 1_000, hub) == (6_000 << 16) + 1
    assert times.hlc_merge(0, 9_000, hub) == 9_000 << 16


# Money


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0", 0), ("3.95", 395), ("3.9", 390), (" 12 ", 1_200), ("999999999.99", 99_999_999_999), ("0.01", 1)],
)
def test_a_price_is_read_as_whole_minor_units(text, fen):
    assert money.parse_decimal_fen(text) == fen


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.234", "1.", ".5", "1,000", "1e3", "0x10", "NaN", "1 2", "9" * 10, "1.5.5"]
)
def test_what_is_no_plain_price_is_refused(text):
    with pytest.raises(ValueError, match="price"):
        money.parse_decimal_fen(text)


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (123_450, "1,234.50"), (-50, "−0.50"), (-123_456_789, "−1,234,567.89")]
)
def test_an_amount_is_written_with_two_decimals(fen, text):
    assert money.plain(fen) == text


# Topics


def test_every_topic_of_a_store_lies_below_its_prefix_and_is_taken_apart_again():
    mine = topics.of_store("demo", "qingci")
    up = {"hi": mine.hello, "u": mine.facts(0), "hb": mine.heartbeat, "st": mine.state, "get": mine.pull}
    for kind, topic in up.items():
        assert topic.startswith(mine.prefix + "/")
        assert topics.parse_up(topic) == topics.UpTopic("demo", "qingci", kind)
    assert mine.facts(1).endswith("/u/1")
    assert len({*up.values(), mine.welcome, mine.ack, mine.data, mine.facts(1)}) == 9


def test_what_is_no_up_topic_of_ours_is_none():
    mine = topics.of_store("demo", "qingci")
    other = f"rs1/{(topics.partition('qingci') + 1) % 256}/demo/qingci/hi"
    for topic in (mine.welcome, mine.ack, mine.data, other, "", "rs1", "rs1/+/demo/+/hi", mine.hello + "/a/b",
                  mine.hello.replace("rs1", "rs2"), mine.hello.replace("qingci", "QINGCI")):  # fmt: skip
        assert topics.parse_up(topic) is None, topic


def test_partitions_spread_and_stay():
    assert topics.partition("qingci") == topics.partition("qingci")
    spread = {topics.partition(f"store-{number}") for number in range(2_000)}
    assert spread == set(range(256))


def test_the_hub_listens_to_every_up_topic_of_its_tenant():
    assert topics.hub_subscriptions("demo") == [
        "rs1/+/demo/+/hi", "rs1/+/demo/+/u/+", "rs1/+/demo/+/hb", "rs1/+/demo/+/st", "rs1/+/demo/+/get",
        "rs1/+/demo/+/rq",
    ]  # fmt: skip
    assert topics.doorbell("demo") == "rs1/demo/head"


def test_a_worker_of_a_hub_listens_to_its_partitions_only():
    assert topics.hub_subscriptions("demo", [7]) == [
        "rs1/7/demo/+/hi", "rs1/7/demo/+/u/+", "rs1/7/demo/+/hb", "rs1/7/demo/+/st", "rs1/7/demo/+/get",
        "rs1/7/demo/+/rq",
    ]  # fmt: skip
    assert topics.hub_subscriptions("demo", range(256)) == topics.hub_subscriptions("demo")
    assert topics.hub_subscriptions("demo", []) == []


def test_a_topic_tells_its_partition_whatever_else_it_says():
    mine = topics.of_store("demo", "qingci")
    assert topics.partition_in(mine.facts(0)) == topics.partition("qingci")
    for topic in ("", "rs1", "rs1/256/x", "rs1/-1/x", "rs1/+/x", "rs1/²/x", "rs2/7/x", "rs1/demo/head"):
        assert topics.partition_in(topic) is None, topic
