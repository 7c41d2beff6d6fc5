"""Scanners that pretend to be keyboards, read below the desktop's layout and input method."""

import pytest

from drivers.scanner.framer import Framing, Noise, Read, Scan
from drivers.scanner.keys import RECORD, UNKNOWN, Keyboard, KeyReader

EAN = "6901234567892"
SHIFT, CAPS, ENTER, KP_ENTER, TAB, F1, CTRL, ALT = 42, 58, 28, 96, 15, 59, 29, 56
KEYS = "\0\x1b1234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))


def event(kind: int, code: int, value: int) -> bytes:
    return RECORD.pack(1_700_000_000, 123_456, kind, code, value)


def stroke(code: int) -> bytes:
    """A key pressed and let go, as the kernel reports it: scan code, key, sync."""
    return b"".join(event(4, 4, code) + event(1, code, value) + event(0, 0, 0) for value in (1, 0))


def held(modifier: int, inner: bytes) -> bytes:
    return event(1, modifier, 1) + event(0, 0, 0) + inner + event(1, modifier, 0) + event(0, 0, 0)


def typing(text: str, end: int | None = ENTER) -> bytes:
    strokes = b""
    for sign in text:
        lower = SHIFTED.get(sign, sign.lower())
        key = stroke(KEYS.index(lower))
        strokes += key if lower == sign else held(SHIFT, key)
    return strokes + (b"" if end is None else stroke(end))


def read(records: bytes, *, quiet_ms: int = 100) -> list[Read]:
    reader = KeyReader()
    return reader.feed(records, 1000) + reader.tick(1000 + quiet_ms)


def test_a_record_is_what_the_kernel_writes_on_64_bits():
    assert RECORD.size == 24


@pytest.mark.parametrize("end", [ENTER, KP_ENTER, TAB], ids=["Enter", "keypad Enter", "TAB"])
def test_enter_keypad_enter_and_tab_end_a_code(end):
    assert KeyReader().feed(typing(EAN, end), 0) == [Scan(EAN)]


def test_every_sign_of_the_us_layout_is_typed_as_it_is_printed_on_the_key():
    text = "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./ ~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?"

    assert Keyboard().typed(typing(text, None)) == text.encode()


def test_the_keypad_types_digits_whatever_num_lock_says():
    records = stroke(69) + b"".join(
        stroke(code) for code in (82, 79, 80, 81, 75, 76, 77, 71, 72, 73, 98, 55, 74, 78, 83)
    )

    assert Keyboard().typed(records) == b"0123456789/*-+."


def test_caps_lock_changes_nothing():
    code = "HTTPS://x.example/J/AbC123"

    assert read(stroke(CAPS) + typing(code)) == [Scan(code)]
    assert read(event(17, 1, 1) + typing(code)) == [Scan(code)]


def test_an_input_method_cannot_eat_letters_because_keys_are_read_below_it():
    assert read(typing("gongbaojiding 1")) == [Scan("gongbaojiding 1")]


def test_key_repeat_events_type_nothing():
    repeated = b"".join(event(1, KEYS.index("6"), 2) + event(0, 0, 1) for _ in range(30))

    assert read(typing("6", None) + repeated + typing(EAN[1:])) == [Scan(EAN)]


def test_if_repeats_were_taken_for_presses_the_code_would_be_wrong():
    """The negative control: the same records with the repeats as presses."""
    pressed = b"".join(event(1, KEYS.index("6"), 1) for _ in range(30))

    assert read(typing("6", None) + pressed + typing(EAN[1:])) == [Scan("6" * 30 + EAN)]


def test_a_held_enter_ends_one_code_once():
    assert read(typing(EAN) + event(1, ENTER, 2) * 20) == [Scan(EAN)]


def test_half_a_code_and_then_an_unplug_is_noise_and_lets_go_of_shift():
    reader = KeyReader()
    reader.feed(typing("6901", None) + event(1, SHIFT, 1) + event(1, 30, 1)[:11], 0)

    assert reader.reset() == [Noise("unfinished", 4)]
    assert reader.feed(typing("abc1"), 10) == [Scan("abc1")]


def test_a_pause_leaves_half_a_code_and_the_next_one_is_whole():
    reader = KeyReader()
    reader.feed(typing("6901", None), 0)

    assert reader.tick(99) == []
    assert reader.feed(typing(EAN), 100) == [Noise("unfinished", 4), Scan(EAN)]


def test_a_pause_may_end_a_code_where_the_scanner_types_no_enter():
    reader = KeyReader(idle_ends=True)

    assert reader.feed(typing(EAN, None), 0) == []
    assert reader.tick(100) == [Scan(EAN)]


def test_a_shift_whose_release_was_lost_is_let_go_after_a_pause():
    reader = KeyReader()
    reader.feed(event(1, SHIFT, 1), 0)

    assert reader.feed(typing("abc1"), 200) == [Scan("abc1")]


@pytest.mark.parametrize(
    "records",
    [stroke(F1), held(ALT, stroke(79)), event(0, 3, 0), event(9000, 1, 1), event(1, 30, 77), held(CTRL, stroke(46))],
    ids=["function key", "Alt with keypad", "events lost", "no event at all", "impossible value", "Ctrl+C"],
)
def test_an_unknown_key_makes_the_whole_code_noise_and_the_next_one_is_whole(records):
    found = read(typing("690", None) + records + typing("1234") + typing(EAN))

    assert [type(one) for one in found] == [Noise, Scan]
    assert found[0] == Noise("garbage", 8)
    assert found[1] == Scan(EAN)


def test_a_separator_typed_with_control_stays_in_the_text():
    assert read(typing("01069012", None) + held(CTRL, stroke(27)) + typing("10LOT7")) == [Scan("01069012\x1d10LOT7")]


def test_too_long_a_code_is_said_once_and_ends_with_enter():
    reader = KeyReader(framing=Framing(max_bytes=20))

    assert reader.feed(typing("7" * 100) + typing(EAN), 0) == [Noise("too_long", 21), Scan(EAN)]


def test_prefix_and_aim_id_are_off_and_a_code_without_its_prefix_is_unfinished():
    reader = KeyReader(framing=Framing(prefix="#"))

    assert reader.feed(typing("#]E0" + EAN) + typing(EAN), 0) == [Scan(EAN), Noise("unfinished", 13)]


def test_too_short_a_code_is_noise_and_enter_alone_is_nothing():
    assert read(typing("12") + stroke(ENTER)) == [Noise("too_short", 2)]


def test_records_cut_at_every_byte_read_the_same():
    records = typing("Ab1") + typing(EAN)
    reader = KeyReader()

    found = [one for at in range(len(records)) for one in reader.feed(records[at : at + 1], 0)]

    assert found == [Scan("Ab1"), Scan(EAN)]


def test_a_card_readers_keys_come_as_bytes_that_can_be_overwritten():
    typed = Keyboard().typed(typing("%ABC?", None) + stroke(F1))

    assert typed == b"%ABC?" + bytes((UNKNOWN,))
    assert isinstance(typed, bytearray)
