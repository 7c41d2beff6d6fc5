"""Reading ESC/POS back: framing, modes, garbage, and what stands where on the paper."""

import json

import pytest
from click.testing import CliRunner

from drivers.escpos.decoder import Decoder, decode, transcript
from drivers.escpos.ops import (
    BarcodePrinted,
    BuzzerSounded,
    Characters,
    NotDrawn,
    PaperCut,
    QrPrinted,
    Raster,
    Truncated,
)
from drivers.paper.rows import QrRow, RasterRow, TextRow, is_reprint, set_rows
from edge.cli import main
from tests.kit.captures import FAMILIES


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


def test_a_barcode_whose_data_makes_none_is_told_of_though_not_drawn():
    (op,) = decode(FAMILIES["GS k A"]).ops

    assert isinstance(op, NotDrawn)


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (b"\x1dk\x02690123456789\x00", "EAN13", "690123456789"),
        (b"\x1dk\x04CODE39\x00", "CODE39", "CODE39"),
        (b"\x1dk\x46\x041234", "ITF", "1234"),
        (b"\x1dk\x49\x06{C\x0c\x22{B", "CODE128", "1234"),
        (b"\x1dk\x49\x06{A\x01Z{1", "CODE128", " Z"),
    ],
)
def test_barcodes_of_both_forms_and_all_code_sets_are_read(data, kind, text):
    (op,) = decode(data).ops

    assert isinstance(op, BarcodePrinted)
    assert (op.kind, op.text) == (kind, text)
    assert set(op.modules) == {"0", "1"}


def test_the_characters_of_a_barcode_stand_where_gs_h_put_them():
    both, bars = (set_rows(decode(b"\x1dH" + where + b"\x1dk\x041\x00").ops, 576) for where in (b"\x03", b"\x00"))

    assert [type(row).__name__ for row in both] == ["TextRow", "RasterRow", "TextRow"]
    assert [type(row).__name__ for row in bars] == ["RasterRow"]


@pytest.mark.parametrize("command", [b"\x1d(L\x0c\x00", b"\x1d8L\x0c\x00\x00\x00"])
def test_a_picture_put_by_is_drawn_when_it_is_printed(command):
    ops = decode(command + b"0p0\x01\x011\x08\x00\x02\x00\xff\x0f" + b"\x1d(L\x02\x0002").ops

    assert isinstance(ops[1], Raster)
    assert (ops[1].width_bytes, ops[1].rows, ops[1].dots) == (1, 2, b"\xff\x0f")


def test_strips_of_columns_are_turned_into_rows_and_lie_close_to_each_other():
    strip = b"\x1b*\x21\x02\x00" + b"\x80\x00\x01" + b"\x00\x00\x00"

    rows = set_rows(decode(strip + b"\n" + strip + b"\n").ops, 576)

    first, second = rows
    assert isinstance(first, RasterRow)
    assert isinstance(second, RasterRow)
    assert first.dots == second.dots == b"\x80" + b"\x00" * 22 + b"\x80"


@pytest.mark.parametrize(("data", "times"), [(b"\x1bB\x03\x02", 3), (b"\x1b(A\x04\x0001\x05\x02", 5)])
def test_a_buzzer_is_heard_and_leaves_nothing_on_the_paper(data, times):
    decoded = decode(b"x\n\x1dVB\x00" + data)

    assert isinstance(decoded.ops[-1], BuzzerSounded)
    assert decoded.ops[-1].times == times
    assert decoded.complete


def test_what_the_stream_ended_inside_is_told_with_its_offset():
    decoded = decode(b"ab\n\x1dv0\x00\x02\x00\x02\x00\xff")

    assert decoded.tail == (3, b"\x1dv0\x00\x02\x00\x02\x00\xff")
    assert decoded.text == "ab"
    assert decode(b"ab\n").tail is None


def test_the_decode_command_lists_the_unknown_and_the_cut_tail_and_is_content(tmp_path):
    capture = tmp_path / "capture.bin"
    capture.write_bytes(b"\x1b@ab\x07\n\x1d(k\x06\x001P0ABC\x1d(k\x03\x001Q0\x1dVB\x00\x1dv0\x00\x02")

    result = CliRunner().invoke(main, ["decode", str(capture), "--json", "--png", str(tmp_path / "x.png")])

    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "ok": True,
        "complete": False,
        "commands": 6,
        "unknown": [{"offset": 4, "bytes": "07"}],
        "tail": {"offset": 29, "bytes": "1d76300002"},
        "qr": ["ABC"],
        "text": "ab",
    }
    assert (tmp_path / "x.png").stat().st_size > 0


def test_the_decode_command_prints_the_transcript(tmp_path):
    capture = tmp_path / "capture.bin"
    capture.write_bytes(b"\x1ba\x01ab\n\x07\x1d")

    result = CliRunner().invoke(main, ["decode", str(capture)])

    assert result.exit_code == 0
    assert result.output == "[centre] ab\n[unknown at 6: 07]\n[broken off at 7: 1 bytes]\n"


@pytest.mark.parametrize("there", ["nothing", "an empty file", "a folder"])
def test_the_decode_command_says_what_it_needs_when_there_is_no_capture(tmp_path, there):
    capture = tmp_path / "capture.bin"
    if there == "an empty file":
        capture.write_bytes(b"")
    elif there == "a folder":
        capture.mkdir()

    result = CliRunner().invoke(main, ["decode", str(capture), "--json"])

    assert result.exit_code == 2
    assert str(capture) in result.output


def test_the_styles_that_foreign_programs_set_are_read():
    data = b"\x1b!\xb8a\x1b!\x00\x1dB\x01b\x1dB\x00\x1b-\x01c\x1b-\x00\x1c-\x01\x1c&\xb9\xac\x1c!\x0c\xb1\xa3\n"

    assert transcript(decode(data).ops) == ("[bold] [underline] [2x2] a[inverse] b[underline] c宫[2x2] 保\n")


def test_a_picture_printed_without_having_been_put_by_leaves_nothing():
    decoded = decode(b"\x1d(L\x02\x0002")

    assert set_rows(decoded.ops, 576) == []


def test_questions_and_requests_are_told_in_the_transcript():
    data = b"\x10\x04\x01\x10\x05\x02\x1dr\x01\x1da\xff\x1dIA\x1b*\x05\x01\x00\x00"

    assert transcript(decode(data).ops).splitlines() == [
        "[status 1?]",
        "[RealTimeRequest: 10 05 02]",
        "[PaperAsked: 1d 72 01]",
        "[automatic status 0xff]",
        "[IdentityAsked: 1d 49 41]",
        "[not drawn: ESC *, 6 bytes]",
    ]
