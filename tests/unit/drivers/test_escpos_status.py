"""Telling the printer's replies apart."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceRejected
from drivers.escpos.status import (
    AutoStatus,
    Cleared,
    Condition,
    Garbled,
    Identity,
    PaperInOrder,
    ProcessId,
    RealTime,
    StatusReader,
    ask_process_id,
    condition_of,
)

ALL = b"\x12" + b"\x18\x00\x0f\x00" + b"\x7e" + b"\x0c" + b"\x37\x22AB12\x00" + b"\x5fEPSON\x00" + b"\x16"
EXPECTED = [
    RealTime(0x12),
    AutoStatus(b"\x18\x00\x0f\x00"),
    RealTime(0x7E),
    PaperInOrder(0x0C),
    ProcessId(b"AB12"),
    Identity("EPSON"),
    RealTime(0x16),
]


def test_each_reply_is_told_from_the_others():
    assert StatusReader().feed(ALL) == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_replies_cut_anywhere_read_the_same(size):
    reader = StatusReader()

    assert [reply for at in range(0, len(ALL), size) for reply in reader.feed(ALL[at : at + size])] == EXPECTED


def test_flow_control_inside_a_block_is_passed_over():
    assert StatusReader().feed(b"\x37\x22A\x13B\x1112\x00") == [ProcessId(b"AB12")]


def test_an_automatic_status_says_why_printing_stopped():
    (reply,) = StatusReader().feed(b"\x38\x00\x0f\x00")

    assert isinstance(reply, AutoStatus)
    assert reply.cover_open
    assert reply.paper_out


def test_noise_is_garbled_and_never_an_answer():
    replies = StatusReader().feed(b"\x90\xff\x18\x90\x37\x22AB\x90")

    assert replies
    assert all(isinstance(reply, Garbled) for reply in replies)


def test_after_a_broken_block_the_next_reply_is_read():
    assert StatusReader().feed(b"\x37\x22AB\xff\x12")[-1] == RealTime(0x12)


def test_a_clear_reply_is_no_process_id():
    assert StatusReader().feed(b"\x37\x25\x00") == [Cleared()]


@pytest.mark.parametrize("tag", [b"", b"ABC", b"ABCDE", b"AB\x1f1", b"AB\x7f1"])
def test_a_job_tag_is_four_printable_bytes(tag):
    with pytest.raises(DeviceRejected):
        ask_process_id(tag)


def test_an_identity_may_be_empty_and_text_with_the_other_header_inside_stays_one_block():
    assert StatusReader().feed(b"\x5f\x00\x5fTM_77\x00") == [Identity(""), Identity("TM_77")]


def test_a_real_time_reply_that_cuts_into_an_automatic_status_is_told_by_its_bits():
    assert StatusReader().feed(b"\x18\x00\x7e\x0f\x00") == [RealTime(0x7E), AutoStatus(b"\x18\x00\x0f\x00")]


def test_an_automatic_status_that_cuts_into_a_block_is_told_by_its_bits():
    assert StatusReader().feed(b"\x37\x22A\x14\x00\x00\x0fB12\x00") == [
        AutoStatus(b"\x14\x00\x00\x0f"),
        ProcessId(b"AB12"),
    ]


@pytest.mark.parametrize(
    ("status", "condition"),
    [
        (b"\x10\x00\x00\x00", Condition("", near_end=False, drawer_pin_high=False)),
        (b"\x14\x00\x03\x00", Condition("", near_end=True, drawer_pin_high=True)),
        (b"\x18\x00\x00\x00", Condition("offline", drawer_pin_high=False)),
        (b"\x18\x00\x0f\x00", Condition("paper_out", near_end=True, drawer_pin_high=False)),
        (b"\x38\x00\x0f\x00", Condition("cover_open", near_end=True, drawer_pin_high=False)),
        (b"\x58\x00\x00\x00", Condition("feed_pressed", drawer_pin_high=False)),
        (b"\x50\x00\x00\x00", Condition("", drawer_pin_high=False)),
        (b"\x18\x08\x00\x00", Condition("cutter", drawer_pin_high=False)),
        (b"\x18\x20\x00\x00", Condition("fatal", drawer_pin_high=False)),
        (b"\x18\x40\x00\x00", Condition("overheated", drawer_pin_high=False)),
    ],
)
def test_each_bit_of_an_automatic_status_has_its_word(status, condition):
    (reply,) = StatusReader().feed(status)

    assert isinstance(reply, AutoStatus)
    assert reply.condition == condition


def test_near_end_and_the_drawer_are_read_from_the_real_time_replies_as_well():
    assert condition_of(0x16, 0x12, None, 0x1E) == Condition("", near_end=True, drawer_pin_high=True)


# --------------------------------------------------------------------------------------------- any replies, cut in any way
def of_bits(fixed, free):
    """Every byte with the fixed bits set, its others as the mask allows."""
    return st.integers(0, 255).map(lambda bits: fixed | (bits & free))


PLAIN = of_bits(0x00, 0x6F)
REAL_TIME = of_bits(0x12, 0x6C).map(lambda value: (bytes((value,)), RealTime(value)))
IN_ORDER = PLAIN.map(lambda value: (bytes((value,)), PaperInOrder(value)))
AUTO = st.tuples(of_bits(0x10, 0x6C), PLAIN, PLAIN, PLAIN).map(lambda four: (bytes(four), AutoStatus(bytes(four))))
LETTERS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
IDENTITY = LETTERS.map(lambda text: (b"\x5f" + text.encode() + b"\x00", Identity(text)))
TAGS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=4, max_size=4).map(str.encode)
PROCESS = TAGS.map(lambda tag: (b"\x37\x22" + tag + b"\x00", ProcessId(tag)))
CLEARED = st.just((b"\x37\x25\x00", Cleared()))
REPLIES = st.lists(st.one_of(REAL_TIME, IN_ORDER, AUTO, IDENTITY, PROCESS, CLEARED), max_size=12)


def fed(stream, cuts):
    """What a reader makes of a stream that comes in these pieces."""
    reader = StatusReader()
    ends = [*sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    return list(chain.from_iterable(reader.feed(stream[a:b]) for a, b in zip([0, *ends], ends, strict=False)))


@given(REPLIES, st.lists(st.integers(0, 400), max_size=20))
def test_any_replies_one_after_another_are_told_apart_wherever_the_reads_fall(replies, cuts):
    stream = b"".join(raw for raw, _ in replies)

    assert fed(stream, cuts) == [reply for _, reply in replies]


@given(REPLIES, st.lists(st.tuples(st.integers(0, 400), st.sampled_from((0x11, 0x13))), max_size=20))
def test_flow_control_anywhere_changes_nothing(replies, controls):
    stream = bytearray(b"".join(raw for raw, _ in replies))
    for at, control in controls:
        stream.insert(at % (len(stream) + 1), control)

    assert StatusReader().feed(bytes(stream)) == [reply for _, reply in replies]


@given(AUTO, st.lists(st.tuples(st.integers(1, 3), REAL_TIME), max_size=3), st.lists(st.integers(0, 10), max_size=4))
def test_real_time_replies_cut_into_an_automatic_status_wherever_they_like(auto, cutting, cuts):
    raw, status = auto
    by_place = sorted(cutting, key=lambda cut: cut[0])
    stream = bytearray(raw)
    for at, (byte, _) in reversed(by_place):
        stream[at:at] = byte

    assert fed(bytes(stream), cuts) == [*(reply for _, (_, reply) in by_place), status]


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_any_noise_reads_the_same_in_any_pieces(noise, cuts):
    assert fed(noise, cuts) == StatusReader().feed(noise)


@given(PROCESS, st.integers(1, 6), st.integers(0, 255))
def test_a_process_id_with_one_byte_spoilt_never_confirms_the_job(process, at, other):
    raw, reply = process
    spoilt = raw[:at] + bytes((other,)) + raw[at + 1 :]

    assert spoilt == raw or reply not in StatusReader().feed(spoilt)
