"""Scales: what each dialect says, every failure of drivers.md §7, and when a weight may be charged for."""

import random

import pytest

from drivers.scale import toledo
from drivers.scale.ascii import StGs
from drivers.scale.bcd import FfBcd
from drivers.scale.dialects import DIALECTS
from drivers.scale.reading import NotUsable, ScaleTrouble, SteadyWeight, Usable, Weight, milligrams
from drivers.scale.toledo import Toledo8217

STABLE, NEGATIVE, OVERFLOW = 0x40, 0x20, 0x80
HALF_A_KILO = Weight(486_000, stable=True)
GOOD = {
    "toledo-8217": b"\x0200.486\r",
    "st-gs": b"ST,GS,+  0.486 kg\r\n",
    "ff-bcd": bytes([0xFF, STABLE | 3, 0x86, 0x04, 0x00, 0]),
    "ff-bcd-from-1": bytes([0xFF, STABLE | 4, 0x86, 0x04, 0x00, 0]),
}


def bcd(figure: int, flags: int, unit: int | None = 0) -> bytes:
    low_first = bytes.fromhex(f"{figure:06d}")[::-1]
    return bytes([0xFF, flags]) + low_first + (b"" if unit is None else bytes([unit]))


# What the dialects say


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_reads_a_stable_weight_and_goes_by_its_name(name):
    dialect = DIALECTS[name]()

    assert dialect.name == name
    assert dialect.feed(GOOD[name]) == [HALF_A_KILO]
    assert bool(dialect.question) == (name == "toledo-8217")


@pytest.mark.parametrize(
    ("frame", "reading"),
    [
        (b"\x0200.486\r", HALF_A_KILO),
        (b"\x02   1.234N\r", Weight(1_234_000, stable=True)),
        (b"\x0200.000\r", Weight(0, stable=True)),
        (b"\x02?\x61\r", Weight(0, stable=False)),
        (b"\x02?\x62\r", ScaleTrouble("overload")),
        (b"\x02?\x64\r", ScaleTrouble("negative")),
        (b"\x02?\x68\r", ScaleTrouble("negative")),
        (b"\x02?\x63\r", ScaleTrouble("overload")),
        (b"\x02?\x65\r", ScaleTrouble("negative")),
        (b"\x02?\x70\r", Weight(0, stable=True)),
        (b"\x02?\x02\r", ScaleTrouble("overload")),
        (b"\x0200486\r", ScaleTrouble("unit")),
    ],
)
def test_a_toledo_answers_with_its_weight_or_with_what_is_wrong(frame, reading):
    assert Toledo8217().feed(frame) == [reading]


def test_a_toledo_that_shows_pounds_is_told_so_and_read_in_pounds():
    assert Toledo8217(unit="lb").feed(b"\x0201.00\r") == [Weight(453_592, stable=True)]
    assert Toledo8217().feed(b"\x0201.00\r") == [Weight(1_000_000, stable=True)]


def test_the_probe_of_a_toledo_is_never_what_the_dialect_asks_by_itself():
    assert toledo.answers_probe(b"\x02E\rhello")
    assert not toledo.answers_probe(b"\x0200.486\r")
    assert toledo.PROBE not in Toledo8217.question
    assert (toledo.PROBE, toledo.PROBE_END) == (b"Ehello", b"F")


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("ST,GS,+ 123.456 kg", Weight(123_456_000, stable=True)),
        ("ST,GS,+0.486kg", HALF_A_KILO),
        ("ST,NT,   0.486 ,kg", HALF_A_KILO),
        ("ST,GS,+   486 g", HALF_A_KILO),
        ("ST,GS,+  0.972 jin", HALF_A_KILO),
        ("ST,GS,+  0.972斤", HALF_A_KILO),
        ("ST,GS,+  0.486 KG", HALF_A_KILO),
        ("ST,+00012.78  g", Weight(12_780, stable=True)),
        ("ST,GS,+  1.000 lb", Weight(453_592, stable=True)),
        ("US,GS,+  0.486 kg", Weight(486_000, stable=False)),
        ("ST,GS,-  0.000 kg", Weight(0, stable=True)),
        ("ST,GS,-  0.002 kg", ScaleTrouble("negative")),
        ("OL,GS,+            ", ScaleTrouble("overload")),
        ("OL,GS,-            ", ScaleTrouble("negative")),
        ("OL,GS,+999.999 kg", ScaleTrouble("overload")),
        ("ST,GS,+  0.486", ScaleTrouble("unit")),
        ("ST,GS,+  0.486 oz", ScaleTrouble("unit")),
        ("ST,GS,+   12 PC", ScaleTrouble("unit")),
    ],
)
def test_a_line_says_its_state_its_sign_and_its_unit(line, reading):
    assert StGs().feed(line.encode() + b"\r\n") == [reading]
    assert StGs().feed(line.encode("gbk") + b"\n") == [reading]


def test_a_line_with_the_tare_alone_is_no_weight_to_charge_for():
    assert StGs().feed(b"ST,TR,+  0.200 kg\r\n") == []
    assert StGs().feed(b"ST,TR,+  0.200 kg\r\nST,NT,+  0.486 kg\r\n") == [HALF_A_KILO]


@pytest.mark.parametrize(
    ("frame", "reading"),
    [
        (bcd(486, STABLE | 3), HALF_A_KILO),
        (bcd(486, 3), Weight(486_000, stable=False)),
        (bcd(123_456, STABLE | 3), Weight(123_456_000, stable=True)),
        (bcd(7, STABLE), Weight(7_000_000, stable=True)),
        (bcd(0, STABLE | NEGATIVE | 3), Weight(0, stable=True)),
        (bcd(2, STABLE | NEGATIVE | 3), ScaleTrouble("negative")),
        (bcd(486, OVERFLOW | 3), ScaleTrouble("overload")),
        (bcd(1_000, STABLE | 3, unit=1), Weight(453_592, stable=True)),
        (bcd(486, STABLE | 3, unit=2), ScaleTrouble("unit")),
        (bcd(12, STABLE | 0x08), ScaleTrouble("unit")),
        (bcd(12, STABLE | 0x10), ScaleTrouble("unit")),
    ],
)
def test_a_bcd_frame_says_decimals_state_sign_and_unit(frame, reading):
    assert FfBcd().feed(frame) == [reading]


def test_a_five_byte_frame_counts_once_the_next_one_begins_and_has_the_unit_that_was_given():
    frame = bcd(486, STABLE | 3, unit=None)

    assert FfBcd().feed(frame) == []
    assert FfBcd().feed(frame * 3) == [HALF_A_KILO] * 2
    assert FfBcd(unit="jin").feed(frame * 2) == [Weight(243_000, stable=True)]


def test_the_two_ways_to_write_the_decimal_point_differ_by_ten_and_are_chosen_by_a_person():
    frame = bcd(486, STABLE | 4)

    assert FfBcd(decimals_from=1).feed(frame) == [HALF_A_KILO]
    assert FfBcd().feed(frame) == [Weight(48_600, stable=True)]
    assert FfBcd(decimals_from=1).feed(bcd(486, STABLE)) == []


@pytest.mark.parametrize(
    ("value", "decimals", "unit", "weight_mg"),
    [
        (486, 3, "kg", 486_000),
        (1, 0, "lb", 453_592),
        (1, 4, "g", 0),
        (5, 4, "g", 1),
        (15, 4, "g", 2),
        (1, 3, "jin", 500),
    ],
)
def test_a_figure_becomes_whole_milligrams_half_up(value, decimals, unit, weight_mg):
    assert milligrams(value, decimals, unit) == weight_mg


# Failures of drivers.md §7


def test_a_scale_that_is_unstable_for_ever_never_gives_a_weight_and_says_so_in_the_end():
    scale, steady = StGs(), SteadyWeight(settle_ms=300, motion_ms=10_000)
    said = set()
    for now_ms in range(0, 60_000, 100):
        for reading in scale.feed(b"US,GS,+  0.4%02d kg\r\n" % (now_ms // 100 % 100)):
            steady.take(reading, now_ms)
        said.add((now_ms >= 10_000, steady.at(now_ms)))

    assert said == {(False, NotUsable("unstable")), (True, NotUsable("motion_for_long"))}


def test_a_toledo_in_motion_for_ever_never_gives_a_weight():
    scale, steady = Toledo8217(), SteadyWeight(settle_ms=0)
    for now_ms in range(0, 20_000, 200):
        for reading in scale.feed(b"\x02?\x61\r"):
            steady.take(reading, now_ms)
        assert isinstance(steady.at(now_ms), NotUsable)
    assert steady.at(20_000) == NotUsable("motion_for_long")


@pytest.mark.parametrize(
    ("name", "frame", "reason"),
    [
        ("toledo-8217", b"\x02?\x62\r", "overload"),
        ("st-gs", b"OL,GS,+       kg\r\n", "overload"),
        ("ff-bcd", bcd(0, OVERFLOW | STABLE | 3), "overload"),
        ("toledo-8217", b"\x02?\x64\r", "negative"),
        ("st-gs", b"ST,GS,-  0.486 kg\r\n", "negative"),
        ("ff-bcd", bcd(486, NEGATIVE | STABLE | 3), "negative"),
        ("toledo-8217", b"\x02000486\r", "unit"),
        ("st-gs", b"ST,GS,+  0.486 oz\r\n", "unit"),
        ("ff-bcd", bcd(486, STABLE | 3, unit=7), "unit"),
    ],
)
def test_overload_below_zero_and_a_strange_unit_take_the_weight_before_them_away(name, frame, reason):
    scale, steady = DIALECTS[name](), SteadyWeight(settle_ms=0)
    for reading in scale.feed(GOOD[name]):
        steady.take(reading, 0)
    assert steady.at(0) == Usable(486_000)

    for reading in scale.feed(frame):
        steady.take(reading, 100)

    assert steady.at(100) == NotUsable(reason)


def test_a_unit_changed_on_the_scale_changes_no_weight_and_an_unknown_one_gives_none():
    readings = StGs().feed(b"ST,GS,+ 0.500 kg\r\nST,GS,+ 1.000 jin\r\nST,GS,+ 500 g\r\nST,GS,+17.637 oz\r\n")

    assert readings == [Weight(500_000, stable=True)] * 3 + [ScaleTrouble("unit")]


def test_of_a_stream_faster_than_we_read_only_the_newest_frame_counts_and_the_buffer_stays_small():
    for name, frames in {
        "st-gs": [b"ST,GS,+%7.3f kg\r\n" % (n / 1_000) for n in range(1, 20_001)],
        "ff-bcd": [bcd(n, STABLE | 3) for n in range(1, 20_001)],
        "toledo-8217": [b"\x02%06.3f\r" % (n / 1_000) for n in range(1, 20_001)],
    }.items():
        scale, steady = DIALECTS[name](), SteadyWeight(settle_ms=0)
        for reading in scale.feed(b"".join(frames)):
            steady.take(reading, 0)

        assert steady.at(0) == Usable(20_000_000), name
        assert kept_bytes(scale) == 0, name


def test_a_load_that_changes_under_a_stream_must_settle_anew():
    steady = SteadyWeight(settle_ms=300)
    for now_ms in range(0, 500, 100):
        steady.take(Weight(486_000, stable=True), now_ms)
    assert steady.at(400) == Usable(486_000)

    steady.take(Weight(900_000, stable=True), 500)

    assert steady.at(500) == NotUsable("unstable")
    steady.take(Weight(900_000, stable=True), 800)
    assert steady.at(800) == Usable(900_000)


def test_lines_of_gross_and_net_in_turn_never_settle_on_either():
    steady = SteadyWeight(settle_ms=300)
    for now_ms in range(0, 5_000, 100):
        steady.take(Weight(500_000 if now_ms % 200 else 300_000, stable=True), now_ms)
        assert steady.at(now_ms) == NotUsable("unstable")


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize(
    "flood",
    [
        b"\xff" * 50_000,
        b"\x00" * 50_000,
        b"\x02" * 50_000,
        b"ST,GS,+" * 7_000,
        b"\x02?" * 20_000,
        bytes([0xFF, STABLE | 3, 0x86]) * 10_000,
        bytes(byte | 0x80 for byte in b"ST,GS,+  0.486 kg\r\n" * 2_000),
        random.Random(3).randbytes(50_000),
    ],
    ids=["ff", "nul", "stx", "half lines", "half status", "half bcd", "wrong parity", "chance"],
)
def test_a_garbage_flood_gives_no_weight_no_crash_and_no_growth(name, flood):
    scale, steady = DIALECTS[name](), SteadyWeight(settle_ms=300)
    said = set()
    for start in range(0, len(flood), 500):
        for reading in scale.feed(flood[start : start + 500]):
            steady.take(reading, start)
        said.add(steady.at(start))
        assert kept_bytes(scale) <= 41

    assert all(isinstance(state, NotUsable) for state in said)
    assert NotUsable("garbled") in said


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_next_good_frames_after_garbage_are_read(name):
    scale = DIALECTS[name]()
    scale.feed(b"\x02?ST,\xff\x43GS\x00" * 100)

    assert scale.feed(b"\r\n" + GOOD[name] * 3)[-1] == HALF_A_KILO


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_rest_of_a_frame_that_began_before_us_is_no_trouble_but_a_damaged_one_later_is(name):
    scale = DIALECTS[name]()

    assert scale.feed(GOOD[name][3:] + GOOD[name]) == [HALF_A_KILO]
    damaged = {"st-gs": b"ST,GS,+  0.4\x806 kg\r\n", "toledo-8217": b"\x0200.\xb486\r"}.get(
        name, b"\xff\x43\x8a\x04\x00\x00"
    )
    assert scale.feed(damaged) == [ScaleTrouble("garbled")]


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_replug_in_mid_frame_does_not_join_two_halves(name):
    scale = DIALECTS[name]()
    scale.feed(GOOD[name][:-3])
    scale.reset()

    assert scale.feed(GOOD[name][-3:]) == []


def test_without_the_reset_two_halves_would_be_joined():
    scale = StGs()
    scale.feed(b"ST,GS,+ 0.1")

    assert scale.feed(b"0.900 kg\r\nST,GS,+ 0.1") != [Weight(900_000, stable=True)]
    assert scale.feed(b"86 kg\r\n") == [Weight(186_000, stable=True)]


# When a weight may be charged for


def test_an_old_weight_is_unknown_and_never_shown_as_the_weight():
    steady = SteadyWeight(settle_ms=300, stale_ms=1_500)
    assert steady.at(0) == NotUsable("unknown")
    for now_ms in (0, 300):
        steady.take(HALF_A_KILO, now_ms)

    assert steady.at(1_800) == Usable(486_000)
    assert steady.at(1_801) == NotUsable("unknown")
    assert SteadyWeight(settle_ms=300, stale_ms=10**9).at(0) == NotUsable("unknown")


def test_without_the_guard_an_old_weight_would_still_be_charged():
    careless = SteadyWeight(settle_ms=0, stale_ms=10**9)
    careless.take(HALF_A_KILO, 0)

    assert careless.at(3_600_000) == Usable(486_000)


def test_a_weight_seen_again_after_a_silence_must_settle_again():
    steady = SteadyWeight(settle_ms=300)
    for now_ms in (0, 300, 5_000):
        steady.take(HALF_A_KILO, now_ms)

    assert steady.at(5_000) == NotUsable("unstable")


def test_an_empty_pan_and_a_swinging_one_are_no_weight():
    steady = SteadyWeight(settle_ms=0)
    steady.take(Weight(0, stable=True), 0)
    assert steady.at(0) == NotUsable("empty")
    steady.take(Weight(-1, stable=True), 0)
    assert steady.at(0) == NotUsable("negative")
    steady.take(Weight(486_000, stable=False), 0)
    assert steady.at(0) == NotUsable("unstable")


def kept_bytes(scale: object) -> int:
    return sum(len(value) for value in vars(scale).values() if isinstance(value, (bytes, bytearray)))
