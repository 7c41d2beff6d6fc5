"""Telling the printer's replies apart."""

import pytest

from drivers.errors import DeviceRejected
from drivers.escpos.status import (
    AutoStatus,
    Garbled,
    Identity,
    PaperInOrder,
    ProcessId,
    RealTime,
    StatusReader,
    ask_process_id,
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
    assert StatusReader().feed(b"\x37\x25\x00") == [Garbled(b"\x37\x25\x00")]


@pytest.mark.parametrize("tag", [b"", b"ABC", b"ABCDE", b"AB\x1f1", b"AB\x7f1"])
def test_a_job_tag_is_four_printable_bytes(tag):
    with pytest.raises(DeviceRejected):
        ask_process_id(tag)
