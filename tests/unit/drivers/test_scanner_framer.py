"""A scanner's bytes become whole codes; whatever is not surely one becomes noise."""

import pytest

from drivers.errors import DeviceRejected
from drivers.scanner.framer import Framer, Framing, Noise, Read, Scan
from drivers.scanner.repeats import Repeats

EAN = "6901234567892"
WECHAT = "134567890123456789"
INVITE = "HTTPS://JOIN.EXAMPLE/J/" + "AB2C3D4E5F6G7" * 10


def read(data: bytes, framing: Framing | None = None, *, quiet_ms: int = 60) -> list[Read]:
    """Feed at once, then let the silence pass."""
    framer = Framer(framing)
    return framer.feed(data, 1000) + framer.tick(1000 + quiet_ms)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\t", b"\x03"], ids=["CR", "LF", "CRLF", "TAB", "ETX"])
def test_every_usual_terminator_ends_a_code_at_once_and_only_once(end):
    framer = Framer()

    assert framer.feed(EAN.encode() + end, 0) == [Scan(EAN)]
    assert framer.tick(1000) == []


def test_a_scanner_without_a_terminator_is_heard_after_the_silence_and_not_before():
    framer = Framer()

    assert framer.feed(EAN.encode(), 0) == []
    assert framer.tick(59) == []
    assert framer.tick(60) == [Scan(EAN)]
    assert framer.tick(120) == []


def test_a_code_after_a_silence_without_a_tick_does_not_grow_onto_the_one_before():
    framer = Framer()
    framer.feed(EAN.encode(), 0)

    assert framer.feed(WECHAT.encode() + b"\r", 200) == [Scan(EAN), Scan(WECHAT)]


def test_two_codes_in_one_read_are_two_scans_in_order():
    assert read(f"{EAN}\r\n{WECHAT}\r\n".encode()) == [Scan(EAN), Scan(WECHAT)]
    assert read(f"\x02{EAN}\x03\x02{WECHAT}\x03".encode()) == [Scan(EAN), Scan(WECHAT)]


def test_half_a_code_and_then_an_unplug_is_noise_and_never_a_scan():
    framer = Framer()
    framer.feed(WECHAT[:9].encode(), 0)

    assert framer.reset() == [Noise("unfinished", 9)]
    assert framer.tick(1000) == []
    assert framer.feed(EAN.encode() + b"\r", 2000) == [Scan(EAN)]


def test_without_the_reset_the_half_code_would_be_taken_for_a_whole_one():
    """The negative control of the test above: silence alone cannot tell."""
    framer = Framer()
    framer.feed(WECHAT[:9].encode(), 0)

    assert framer.tick(1000) == [Scan(WECHAT[:9])]


def test_with_a_suffix_set_silence_never_makes_half_a_code_whole():
    framer = Framer(Framing(suffix="\r"))
    framer.feed(WECHAT[:9].encode(), 0)

    assert framer.tick(60) == []
    assert framer.feed(WECHAT[9:].encode() + b"\r", 200) == [Scan(WECHAT)]
    framer.feed(WECHAT[:9].encode(), 1000)
    assert framer.tick(1600) == [Noise("unfinished", 9)]


def test_a_stx_in_mid_code_begins_a_new_one():
    assert read(f"{WECHAT[:9]}\x02{EAN}\r".encode()) == [Noise("unfinished", 9), Scan(EAN)]


def test_a_stx_among_garbage_does_not_make_the_rest_of_the_burst_clean():
    assert read(f"\xff\xfe\x02{EAN}\r".encode("latin-1")) == [Noise("garbage", 2)]


def test_nul_and_stx_are_dropped_wherever_they_stand():
    assert read(b"\0\0\x026901\x00234567892\0\r\0\0") == [Scan(EAN)]


def test_prefix_aim_id_and_suffix_are_off_the_text():
    framing = Framing(prefix="#", suffix="*\r")

    assert read(f"#]E0{EAN}*\r".encode(), framing) == [Scan(EAN)]
    assert read(f"]Q3{INVITE}\r".encode()) == [Scan(INVITE)]
    assert read(b"]nothing\r") == [Scan("]nothing")]


@pytest.mark.parametrize("data", [f"{EAN}*\r", f"#{EAN}\r", f"{EAN[:4]}*\r"], ids=["no prefix", "no suffix", "tail"])
def test_a_code_without_the_prefix_or_suffix_of_its_scanner_is_unfinished(data):
    found = read(data.encode(), Framing(prefix="#", suffix="*\r"), quiet_ms=600)

    assert [noise.reason for noise in found if isinstance(noise, Noise)] == ["unfinished"]
    assert not any(isinstance(one, Scan) for one in found)


def test_a_prefix_that_names_stx_still_fits():
    assert read(f"\x02#{EAN}\x03".encode(), Framing(prefix="\x02#")) == [Scan(EAN)]


def test_a_4_kb_qr_code_comes_through_whole_and_one_byte_more_does_not():
    code = "HTTPS://X.EXAMPLE/" + "A" * 4078
    assert len(code) == 4096

    assert read(code.encode() + b"\r") == [Scan(code)]
    assert read(code.encode() + b"A\r") == [Noise("too_long", 4097)]


def test_too_long_a_code_is_said_once_and_the_next_terminator_brings_the_stream_back_in_step():
    framer = Framer(Framing(max_bytes=20))

    found = framer.feed(b"7" * 5000, 0) + framer.feed(b"7" * 5000 + b"\r" + EAN.encode() + b"\r", 10)

    assert found == [Noise("too_long", 24), Scan(EAN)]


def test_too_long_a_code_without_any_terminator_ends_with_the_silence():
    framer = Framer(Framing(max_bytes=20))
    framer.feed(b"7" * 5000, 0)

    assert framer.tick(60) == []
    assert framer.feed(EAN.encode() + b"\r", 100) == [Scan(EAN)]


def test_too_long_a_code_with_a_suffix_ends_with_it_and_not_with_a_pause():
    framer = Framer(Framing(max_bytes=20, suffix="*"))
    framer.feed(b"7" * 50, 0)

    assert framer.tick(100) == []
    assert framer.feed(b"77*" + EAN.encode() + b"*", 100) == [Scan(EAN)]
    framer.feed(b"7" * 50, 200)
    assert framer.tick(800) == []
    assert framer.feed(EAN.encode() + b"*", 900) == [Scan(EAN)]


@pytest.mark.parametrize("text", ["12", "A", "   "])
def test_a_code_of_one_or_two_characters_is_none(text):
    assert read(text.encode() + b"\r") == [Noise("too_short", len(text))]


def test_empty_lines_are_nothing():
    assert read(b"\r\n\r\n\t\x03\0\0\r") == []


def test_a_short_code_counts_once_the_line_is_silent_after_it():
    framer = Framer()

    assert framer.feed(b"A12\r\n", 0) == []
    assert framer.tick(60) == [Scan("A12")]


def test_a_short_code_counts_at_once_when_a_good_one_follows():
    assert Framer().feed(f"A12\r{EAN}\r".encode(), 0) == [Scan("A12"), Scan(EAN)]


def test_a_few_characters_that_only_silence_ended_are_half_a_code():
    assert read(b"A12") == [Noise("unfinished", 3)]
    assert read(b"JkKjzz") == [Noise("unfinished", 6)]


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_chinese_in_a_qr_code_is_read_in_either_encoding(encoding):
    text = "会员卡:宫保鸡丁 0012"

    assert read(text.encode(encoding) + b"\r\n") == [Scan(text)]
    assert read("宫保鸡丁".encode(encoding) + b"\r\n") == [Scan("宫保鸡丁")]


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert read("宫保鸡丁".encode("utf-8-sig") + b"\r") == [Scan("宫保鸡丁")]


def test_gs1_separators_stay_in_the_text():
    assert read(b"]d20106901234567892\x1d10LOT7\r") == [Scan("0106901234567892\x1d10LOT7")]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 300,
        b"\xfe\xff\x80\xf0\r",
        b"\x01\x05\x06\x1b\x1c\x7f\r",
        b"69012\x1b345\r",
        b"\x1d\x1d\x1eAB12\r",
        b"\xc3\xf0\xc0\xcc\xcf\xcc\xf0\xc3\r",
        b"\xb0\xa1\0\xb0\xa1\xb0\xa2\r",
        b"A3\xb1\xb1\r",
        b"\x81\x40\x81\x41\xaa\x42\r",
        b"\xe5\xa5\xbd\xe2\x80\x8b\xe5\xa5\xbd\r",
        b"!!1!!1\r",
    ],
    ids=[
        "0xFF flood",
        "neither UTF-8 nor GBK",
        "control bytes",
        "one control byte",
        "mostly separators",
        "bits read at less than twice their rate",
        "NULs among hanzi",
        "a lone hanzi, which parity makes",
        "rare GBK pairs",
        "invisible characters",
        "mostly odd signs",
    ],
)
def test_what_a_wrong_baud_rate_makes_is_garbage(data):
    assert [one.reason for one in read(data) if isinstance(one, Noise)] == ["garbage"]
    assert not any(isinstance(one, Scan) for one in read(data))


def test_seven_bits_with_parity_read_as_eight_are_garbage():
    seven = b"HTTPS://X.EXAMPLE/J/C1C1C1"
    even = bytes(byte | (byte.bit_count() & 1) << 7 for byte in seven)

    assert [type(one) for one in read(even + b"\n")] == [Noise]


def test_garbage_spoils_the_clean_pieces_of_its_burst_but_not_the_next_burst():
    framer = Framer()

    found = framer.feed(b"A12\r\xff\x8a\r" + EAN.encode() + b"\r", 0)

    assert found == [Noise("garbage", 5)]
    assert framer.tick(60) == []
    assert framer.feed(EAN.encode() + b"\r", 70) == [Scan(EAN)]


def test_a_replug_ends_the_spoilt_burst():
    framer = Framer()
    framer.feed(b"A12\r\xff\xff\r", 0)

    assert framer.reset() == []
    assert framer.feed(EAN.encode() + b"\r", 10) == [Scan(EAN)]


def test_a_short_code_that_waits_for_silence_is_lost_with_the_plug_and_said_so():
    framer = Framer()
    framer.feed(b"A12\r", 0)

    assert framer.reset() == [Noise("unfinished", 3)]


def test_the_repr_of_a_scan_shows_its_length_and_two_characters_at_most():
    assert repr(Scan(WECHAT)) == "Scan('13'…, 18 characters)"
    assert WECHAT[2:5] not in str([Scan(WECHAT)])


@pytest.mark.parametrize("wrong", [{"min_chars": 0}, {"max_bytes": 2}, {"silence_ms": 0}])
def test_limits_that_no_code_can_keep_are_refused(wrong):
    with pytest.raises(DeviceRejected, match="set min_chars"):
        Framing(**wrong)


def test_a_held_trigger_gives_the_same_code_ten_times_and_counts_once():
    repeats = Repeats()

    assert [repeats.first(EAN, now_ms) for now_ms in range(0, 5000, 500)] == [True] + [False] * 9


def test_without_the_window_a_held_trigger_counts_ten_times():
    """The negative control."""
    repeats = Repeats(window_ms=0)

    assert all(repeats.first(EAN, now_ms) for now_ms in range(0, 5000, 500))


def test_the_same_dish_counts_again_once_it_was_out_of_sight_for_the_window():
    repeats = Repeats()
    repeats.first(EAN, 0)
    repeats.first(EAN, 700)

    assert not repeats.first(EAN, 1499)
    assert repeats.first(EAN, 2299)


def test_two_codes_in_sight_of_one_scanner_count_once_each():
    repeats = Repeats()

    seen = [repeats.first(code, now_ms) for now_ms, code in enumerate([EAN, WECHAT] * 5)]

    assert seen == [True, True] + [False] * 8


def test_the_guard_against_repeats_keeps_no_code_in_memory():
    repeats = Repeats()
    repeats.first(WECHAT, 0)

    assert WECHAT not in str(vars(repeats))
    repeats.first(EAN, 10_000)
    assert len(repeats._seen_ms) == 1
