"""Contactless cards: a card lies down, is asked for its UID, and counts once."""

import pytest

from drivers.card.magstripe import CardUnread
from drivers.card.nfc import ASK_UID, Ask, NfcReader, Tap, Uid

IN = b"I\x00\x03\x3b\x80\x80"
OUT = b"O\x00\x00"


def answer(uid: bytes, status: bytes = b"\x90\x00") -> bytes:
    return b"A" + (len(uid) + 2).to_bytes(2, "big") + uid + status


UID = bytes.fromhex("04A1B2C3D4E5F6")
NAME = "04A1B2C3D4E5F6"


def test_a_card_is_asked_for_its_uid_and_gives_it():
    reader = NfcReader()

    assert reader.feed(IN, 0) == [Ask(bytes.fromhex("FFCA000000"))]
    assert reader.feed(answer(UID), 40) == [Uid(NAME)]


def test_records_cut_at_every_byte_read_the_same():
    stream = IN + answer(UID) + OUT + IN + answer(UID[:4]) + OUT
    reader = NfcReader()

    found = [one for at in range(len(stream)) for one in reader.feed(stream[at : at + 1], 0)]

    assert found == [Ask(ASK_UID), Uid(NAME), Ask(ASK_UID), Uid(NAME[:8])]


def test_a_card_pulled_in_mid_apdu_is_removed_and_its_late_answer_is_nobodys():
    reader = NfcReader()
    reader.feed(IN, 0)

    assert reader.feed(OUT, 10) == [CardUnread("removed")]
    assert reader.feed(answer(UID), 20) == []


def test_a_card_that_lies_there_and_goes_is_nothing_more():
    reader = NfcReader()
    reader.feed(IN + answer(UID), 0)

    assert reader.feed(OUT, 5000) == []


def test_a_card_that_flutters_at_the_edge_of_the_field_counts_once():
    reader = NfcReader()
    found: list[Tap] = []
    for now_ms in range(0, 4000, 400):
        found += reader.feed(IN + answer(UID), now_ms) + reader.feed(OUT, now_ms + 200)

    assert [one for one in found if isinstance(one, Uid)] == [Uid(NAME)]


def test_without_the_debounce_the_fluttering_card_counts_every_time():
    """The negative control."""
    reader = NfcReader(debounce_ms=0)
    found: list[Tap] = []
    for now_ms in range(0, 4000, 400):
        found += reader.feed(IN + answer(UID), now_ms) + reader.feed(OUT, now_ms + 200)

    assert [one for one in found if isinstance(one, Uid)] == [Uid(NAME)] * 10


def test_the_same_card_counts_again_after_it_was_away_and_another_one_at_once():
    reader = NfcReader()
    reader.feed(IN + answer(UID) + OUT, 0)

    assert reader.feed(IN + answer(UID[:4]) + OUT, 100) == [Ask(ASK_UID), Uid(NAME[:8])]
    assert reader.feed(IN + answer(UID[:4]), 900) == [Ask(ASK_UID), Uid(NAME[:8])]


def test_a_restart_of_the_pcsc_service_forgets_the_question_and_the_half_record():
    reader = NfcReader()
    reader.feed(IN + answer(UID)[:5], 0)

    assert reader.reset() == [CardUnread("removed")]
    assert reader.feed(answer(UID), 10) == []
    assert reader.feed(IN + answer(UID), 20) == [Ask(ASK_UID), Uid(NAME)]
    assert reader.reset() == []


def test_two_readers_do_not_know_each_others_cards():
    left, right = NfcReader(), NfcReader()
    left.feed(IN, 0)

    assert right.feed(answer(UID), 0) == []
    assert left.feed(answer(UID), 0) == [Uid(NAME)]
    assert right.feed(IN + answer(UID), 0) == [Ask(ASK_UID), Uid(NAME)]


def test_a_card_that_says_nothing_is_given_up_after_two_seconds():
    reader = NfcReader()
    reader.feed(IN, 0)

    assert reader.tick(1999) == []
    assert reader.tick(2000) == [CardUnread("no_answer")]
    assert reader.tick(9000) == []


@pytest.mark.parametrize(
    "record",
    [
        answer(UID, b"\x63\x00"),
        answer(b"", b"\x6a\x81"),
        answer(UID[:5]),
        answer(bytes.fromhex("08A1B2C3")),
        b"A\x00\x01\x90",
    ],
    ids=["failed", "not supported", "odd size", "a telephone's random UID", "half a status"],
)
def test_an_answer_without_a_lasting_uid_is_unsupported(record):
    reader = NfcReader()
    reader.feed(IN, 0)

    assert reader.feed(record, 1) == [CardUnread("unsupported")]


@pytest.mark.parametrize("garbage", [b"\xff" * 50, b"A\xff\xff", b"X\x00\x00"])
def test_records_out_of_step_are_garbled_once_and_a_card_after_a_quiet_is_read(garbage):
    reader = NfcReader()
    reader.feed(IN, 0)

    assert reader.feed(garbage, 1) == [CardUnread("garbled")]
    assert reader.feed(garbage + IN + answer(UID), 2) == []
    assert reader.feed(IN + answer(UID), 600) == [Ask(ASK_UID), Uid(NAME)]


def test_half_a_record_is_dropped_after_a_quiet():
    reader = NfcReader()
    reader.feed(IN[:4], 0)

    assert reader.feed(IN, 500) == [Ask(ASK_UID)]


def test_the_repr_of_a_uid_hides_it():
    assert repr(Uid(NAME)) == "Uid(7 bytes)"
