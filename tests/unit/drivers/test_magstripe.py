"""Swipes: a member's card gives its id, a bank card gives nothing at all."""

import pytest

from drivers.card.magstripe import BankCard, CardUnread, MagstripeReader, MemberCard, Swipe, holds_pan

VISA = "4111111111111111"
TRACK_1 = f"%B{VISA}^DOE/JOHN^28122010000000000?"
TRACK_2 = f";{VISA}=28122010000000?"
TRACK_3 = f"+01{VISA}==1561?"
MEMBER_1 = "%ZG600123^WANG^?"
MEMBER_2 = ";600123?"


def swipe(text: str, *, quiet_ms: int = 500) -> list[Swipe]:
    """Feed at once, then let the quiet pass."""
    reader = MagstripeReader()
    return reader.feed(text.encode(), 1000) + reader.tick(1000 + quiet_ms)


def lrc(track: str) -> str:
    base, mask = (0x30, 15) if track[0] == ";" else (0x20, 63)
    check = 0
    for sign in track:
        check ^= (ord(sign) - base) & mask
    return track + chr(base + check)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\t"])
def test_a_member_card_gives_its_id_at_the_line_end(end):
    reader = MagstripeReader()

    assert reader.feed((MEMBER_1 + MEMBER_2 + end).encode(), 0) == [MemberCard("600123", 2)]
    assert reader.tick(1000) == []


def test_a_swipe_without_a_line_end_counts_after_the_quiet():
    reader = MagstripeReader()

    assert reader.feed((MEMBER_1 + MEMBER_2).encode(), 0) == []
    assert reader.tick(99) == []
    assert reader.tick(100) == [MemberCard("600123", 2)]


def test_only_track_2_is_enough():
    assert swipe(";600123=99120000?\r") == [MemberCard("600123", 2)]


@pytest.mark.parametrize(("text", "card"), [("%ZG600123?", ("ZG600123", 1)), ("+600124?", ("600124", 3))])
def test_only_track_1_or_only_track_3_is_enough(text, card):
    assert swipe(text + "\r") == [MemberCard(*card)]


def test_a_reader_that_ends_every_track_with_a_line_end_gives_one_card():
    assert swipe(f"{MEMBER_1}\r{MEMBER_2}\r+778899?\r") == [MemberCard("600123", 2)]
    assert swipe(f"{TRACK_1}\r{TRACK_2}\r") == [BankCard()]


def test_the_check_character_behind_the_end_is_checked_where_a_reader_sends_it():
    sound = lrc(MEMBER_2)
    wrong = sound[:-1] + chr(ord(sound[-1]) ^ 1)

    assert swipe(sound + "\r") == [MemberCard("600123", 2)]
    assert swipe(lrc(MEMBER_1) + sound) == [MemberCard("600123", 2)]
    assert swipe(wrong + "\r") == [CardUnread("garbled")]


@pytest.mark.parametrize("number", range(600100, 600164))
def test_no_check_character_is_mistaken_for_the_next_track(number):
    """Among these are check characters that look like the sentinels of tracks 1, 2 and 3."""
    assert swipe(lrc(f"%ZG{number}?") + lrc(f";{number}?")) == [MemberCard(str(number), 2)]


def test_some_of_those_check_characters_are_sentinels():
    ends = {lrc(f"%ZG{number}?")[-1] for number in range(600100, 600164)}
    ends |= {lrc(f";{number}?")[-1] for number in range(600100, 600164)}

    assert ";" in ends


def test_a_read_error_on_one_track_leaves_the_others_and_on_all_of_them_is_said():
    assert swipe("%E?;600123?\r") == [MemberCard("600123", 2)]
    assert swipe("%E?;E?+E?\r") == [CardUnread("read_error")]
    assert swipe(f"%E?{lrc(MEMBER_2)}\r") == [MemberCard("600123", 2)]
    assert swipe(f"%E?{TRACK_2}\r") == [BankCard()]


def test_a_card_swiped_backwards_is_read():
    assert swipe((MEMBER_1 + MEMBER_2)[::-1] + "\r") == [MemberCard("600123", 2)]
    assert swipe((lrc(MEMBER_1) + lrc(MEMBER_2))[::-1]) == [MemberCard("600123", 2)]
    assert swipe(MEMBER_1[::-1] + MEMBER_2[::-1]) == [MemberCard("600123", 2)]
    assert swipe(f"{MEMBER_1[::-1]}\r{MEMBER_2[::-1]}\r") == [MemberCard("600123", 2)]


@pytest.mark.parametrize("text", [TRACK_1, TRACK_2, TRACK_3, TRACK_1 + TRACK_2 + TRACK_3])
def test_a_bank_card_swiped_backwards_is_a_bank_card(text):
    assert swipe(text[::-1] + "\r") == [BankCard()]


@pytest.mark.parametrize("size", range(1, 38))
def test_half_a_swipe_is_given_up_after_half_a_second_and_never_a_member(size):
    reader = MagstripeReader()
    reader.feed((MEMBER_1 + TRACK_2)[:size].encode(), 0)

    assert reader.tick(99) == []
    found = reader.tick(500)
    if size == len(MEMBER_1):
        assert found == [MemberCard("ZG600123", 1)]
    else:
        assert found in ([CardUnread("half")], [BankCard()])


def test_half_a_bank_card_is_refused_as_soon_as_its_number_is_there():
    assert swipe(f";{VISA}=2812") == [BankCard()]
    assert swipe(f";{VISA[:12]}") == [CardUnread("half")]
    assert swipe(f";{VISA}=2812"[::-1]) == [BankCard()]


def test_a_reader_that_goes_in_mid_swipe_leaves_half_a_card_and_no_data():
    reader = MagstripeReader()
    reader.feed(TRACK_2[:20].encode(), 0)

    assert reader.reset() == [CardUnread("half")]
    assert not any(reader._swipe)
    assert reader.feed(f"{MEMBER_2}\r".encode(), 1) == [MemberCard("600123", 2)]


@pytest.mark.parametrize(
    "text",
    [
        TRACK_1,
        TRACK_2,
        TRACK_3,
        f"%{VISA}?",
        f"{MEMBER_1};{VISA}?",
        f"%MEMBER CARD {VISA[:4]} {VISA[4:8]} {VISA[8:12]} {VISA[12:]}?",
        f"my card is {VISA[:4]}-{VISA[4:8]}-{VISA[8:12]}-{VISA[12:]} thanks",
        f";{VISA}2812?",
        "%B4111 1111 1111 1112^DOE/JOHN^2812?",
        ";4111111111111112=28122010000?",
        ";6212345678901232=28122010000?",
    ],
    ids=[
        "track 1 format B",
        "track 2",
        "track 3 behind its format code",
        "a number alone",
        "on the second track",
        "in blocks on track 1",
        "in free text",
        "with its date glued on",
        "format B that fails Luhn",
        "a bank's second track that fails Luhn",
        "UnionPay",
    ],
)
def test_whatever_bears_a_card_number_is_a_bank_card_and_carries_nothing(text):
    found = swipe(text + "\r")

    assert found == [BankCard()]
    assert not hasattr(found[0], "__dict__")
    assert not any(digit in repr(found) for digit in "0123456789")


def test_a_gift_card_with_as_many_digits_that_fails_luhn_is_a_member_card():
    assert swipe(";4111111111111112?\r") == [MemberCard("4111111111111112", 2)]


def test_a_driving_licence_is_no_member_card():
    track_1 = "%CASAN FRANCISCO^DOE$JOHN^1 MAIN ST^?"

    assert swipe(f"{track_1};636014123456784=251219770725?\r") == [CardUnread("licence")]
    # One licence number in ten passes Luhn: when in doubt a card is a bank card.
    assert swipe(f"{track_1};636014123456785=251219770725?\r") == [BankCard()]


def test_a_card_without_an_id_says_so():
    assert swipe("%A B^?\r") == [CardUnread("no_member_id")]
    assert swipe(";12?\r") == [CardUnread("no_member_id")]


def test_two_swipes_in_one_read_are_two_cards():
    assert swipe(f"{MEMBER_2}\r;600124?\r") == [MemberCard("600123", 2), MemberCard("600124", 2)]


@pytest.mark.parametrize("data", [b"\xff" * 3000, b"\x81" * 100 + b"\r" * 5, b"7" * 3000, b"hello\r"])
def test_garbage_is_said_once_until_the_line_is_quiet(data):
    reader = MagstripeReader()

    assert reader.feed(data, 0) + reader.tick(500) == [CardUnread("garbled")]
    assert reader.feed(f"{MEMBER_2}\r".encode(), 700) == [MemberCard("600123", 2)]


def test_lines_without_a_swipe_are_nothing():
    assert swipe("\r\n\r\n\0\t") == []


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        f"pan{VISA}x",
        "４１１１１１１１１１１１１１１１",
        "378282246310005",
        "12 4111111111111111",
    ],
)
def test_a_card_number_is_found_anywhere_in_a_text(text):
    assert holds_pan(text)


@pytest.mark.parametrize(
    "text", ["", "4111111111111112", "411111111111", "table 12, 3 guests", "1-1-000123", "4.111" * 4]
)
def test_a_text_without_a_card_number_is_none(text):
    assert not holds_pan(text)


class Keeping(MagstripeReader):
    """The negative control: a reader that forgets to overwrite."""

    def _wipe(self) -> None:
        self._length = 0
        self._turned = False


def leftovers(reader: MagstripeReader, text: str) -> bytes:
    """What of a swipe is still in the reader's memory after its answer."""
    buffer = reader._swipe
    typed = bytearray(text.encode())
    reader.feed(typed, 0)
    reader.tick(500)
    assert reader._swipe is buffer
    assert not any(typed)
    return bytes(buffer).strip(b"\0")


@pytest.mark.parametrize(
    "text", [TRACK_2, TRACK_1 + TRACK_2 + "\r", TRACK_2[:25], TRACK_2[::-1], MEMBER_2, "9" * 600, "\xff"]
)
def test_after_every_answer_the_buffer_is_zero_and_so_is_what_was_handed_in(text):
    assert leftovers(MagstripeReader(), text) == b""


def test_a_reader_that_does_not_overwrite_is_found_by_the_same_check():
    assert VISA.encode() in leftovers(Keeping(), TRACK_2)


def test_the_repr_of_a_member_card_hides_the_id():
    assert repr(MemberCard("600123", 2)) == "MemberCard(6 characters, track 2)"
