"""Reading ESC/POS back: framing, modes, garbage, and what stands where on the paper."""

import pytest

from drivers.escpos.decoder import Decoder, decode, transcript
from drivers.escpos.ops import Characters, NotDrawn, PaperCut, QrPrinted, Raster, Truncated
from drivers.paper.rows import QrRow, TextRow, is_reprint, set_rows

PAYLOAD = b"\x1bp\x00\x19\xfaABC\n\x1dVB\x00"
FAMILIES = {
    "GS (": b"\x1d(L" + len(PAYLOAD).to_bytes(2, "little") + PAYLOAD,
    "GS 8 L": b"\x1d8L" + len(PAYLOAD).to_bytes(4, "little") + PAYLOAD,
    "FS (": b"\x1c(A" + len(PAYLOAD).to_bytes(2, "little") + PAYLOAD,
    "ESC (": b"\x1b(A" + len(PAYLOAD).to_bytes(2, "little") + PAYLOAD,
    "ESC * 8": b"\x1b*\x00" + len(PAYLOAD).to_bytes(2, "little") + PAYLOAD,
    "ESC * 24": b"\x1b*\x21" + (4).to_bytes(2, "little") + PAYLOAD[:12],
    "GS v 0": b"\x1dv0\x00" + bytes([len(PAYLOAD), 0, 1, 0]) + PAYLOAD,
    "GS k A": b"\x1dk\x49" + bytes([len(PAYLOAD)]) + PAYLOAD,
    "GS k B": b"\x1dk\x04CODE39\x00",
    "ESC &": b"\x1b&\x03AA\x04" + PAYLOAD[:12],
    "GS *": b"\x1d*\x01\x01" + PAYLOAD[:8],
    "ESC D": b"\x1bD\x08\x10\x1b\x00",
    "FS 2": b"\x1c2\xfe\xa1" + (PAYLOAD * 6)[:72],
    "FS q": b"\x1cq\x01\x01\x00\x01\x00" + PAYLOAD[:8],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_command_with_a_length_takes_its_whole_payload_with_it(name):
    decoded = decode(FAMILIES[name] + b"after\n")

    assert decoded.text == "after"
    assert decoded.unknown == []
    assert len(decoded.ops) == 3
    assert decoded.ops[0].raw == FAMILIES[name]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_command_broken_off_is_said_to_be(name):
    decoded = decode(FAMILIES[name][:-1])

    assert isinstance(decoded.ops[-1], Truncated)
    assert not decoded.complete


def test_unknown_bytes_are_listed_with_their_offset_and_decoding_goes_on():
    decoded = decode(b"ab\x07cd\x1b\x7e\n")

    assert decoded.unknown == [(2, b"\x07"), (5, b"\x1b\x7e")]
    assert decoded.text == "abcd"


def test_chinese_mode_is_kept_and_left_as_told():
    decoded = decode(b"\x1c&\xb9\xac\x1c.\x82\n\x1b@\xb9\xac", power_on_kanji=True)

    assert [op.text for op in decoded.ops if isinstance(op, Characters)] == ["宫", "é", "宫"]
    assert decode(b"\x1b@\x82", power_on_kanji=False).text == "é"


def test_a_control_byte_after_half_a_hanzi_is_obeyed_not_swallowed():
    decoded = decode(b"\x1c&\xb9\n\x1dVB\x00")

    assert decoded.unknown == [(2, b"\xb9")]
    assert isinstance(decoded.ops[-1], PaperCut)


def test_a_qr_code_keeps_size_level_and_data():
    data = b"\x1d(k\x03\x001C\x05\x1d(k\x03\x001E3\x1d(k\x06\x001P0ABC\x1d(k\x03\x001Q0"

    (qr,) = [op for op in decode(data).ops if isinstance(op, QrPrinted)]

    assert (qr.data, qr.module_dots, qr.level) == (b"ABC", 5, "H")


def test_a_slip_is_complete_only_when_the_last_thing_on_the_paper_is_a_cut():
    assert decode(b"a\n\x1dVB\x00\x1d(H\x06\x0000AAAA").complete
    assert not decode(b"a\n").complete
    assert not decode(b"a\n\x1dVB\x00b").complete
    assert not decode(b"a\n\x1dVB\x00\x1d(H\x06\x0000A").complete
    assert not decode(b"").complete


def test_an_absurd_length_is_garbage_and_does_not_swallow_the_rest():
    assert decode(b"\x1d8L\xff\xff\xff\xff\x1b@still here\n").text.endswith("still here")


def test_a_wide_picture_is_read_with_its_scale():
    (op,) = decode(b"\x1dv0\x03\x01\x00\x02\x00\xff\x0f").ops

    assert isinstance(op, Raster)
    assert (op.width_bytes, op.rows, op.dots, op.scale_x, op.scale_y) == (1, 2, b"\xff\x0f", 2, 2)


def test_a_long_line_wraps_as_the_printer_wraps_it():
    rows = set_rows(decode(b"x" * 50 + b"\n").ops, 576)

    assert [row.text for row in rows if isinstance(row, TextRow)] == ["x" * 48, "xx"]


def test_what_was_under_way_stays_readable():
    decoder = Decoder()
    ops = decoder.feed("半张 ".encode("gbk") + b"Slip") + decoder.finish()

    assert transcript(ops) == "半张 Slip [no line end]\n"


def test_a_reprint_is_known_by_its_first_line_only():
    assert is_reprint(set_rows(decode("\n补打 REPRINT 1\n".encode("gbk")).ops, 576))
    assert not is_reprint(set_rows(decode("小票\n补打 REPRINT 1\n".encode("gbk")).ops, 576))


def test_a_qr_code_too_long_for_any_symbol_is_an_empty_row_and_no_exception():
    body = b"1P0" + b"x" * 3_000
    data = b"\x1d(k" + len(body).to_bytes(2, "little") + body + b"\x1d(k\x03\x001Q0"

    (row,) = set_rows(decode(data).ops, 576)

    assert isinstance(row, QrRow)
    assert row.matrix == ()


def test_a_barcode_is_told_of_though_not_drawn():
    (op,) = decode(FAMILIES["GS k A"]).ops

    assert isinstance(op, NotDrawn)
