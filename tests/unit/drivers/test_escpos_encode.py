"""The bytes of a slip, and that no text can be a command."""

from dataclasses import replace

import pytest

from drivers.document import Barcode, Buzzer, Columns, Cut, Picture, QrCode, ReceiptDoc, Text
from drivers.errors import DeviceRejected
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.escpos.ops import Characters, DrawerPulse, Raster
from drivers.escpos.raster import REAL_TIME, fitted, raster, without_real_time
from drivers.escpos.recovery import interrupted
from drivers.escpos.text import _TABLES, clean, encode_cleaned
from drivers.paper.rows import TextRow, set_rows
from drivers.printer.profiles import PROFILES
from drivers.virtual.printer import VirtualPrinter
from tests.golden.slips import GLYPHS
from tests.kit.printers import full_receipt

EPSON = PROFILES["epson-80"]
DRAWER_NAME = "菜\x1bp\x00\x19\xfa名"


def test_a_job_begins_in_a_known_state_whatever_the_printers_own_default():
    assert encode(ReceiptDoc(()), EPSON).data == b"\x1b@\x1c.\x1bt\x00"


def test_hanzi_stand_between_fs_signs_and_ascii_does_not():
    assert encode(ReceiptDoc((Text("A宫1"),)), EPSON).data.endswith(b"A\x1c&\xb9\xac\x1c.1\n")


def test_double_size_is_sent_for_ascii_and_for_hanzi_and_taken_back():
    data = encode(ReceiptDoc((Text("大", size=2), Text("小"))), EPSON).data

    assert b"\x1d!\x11\x1c!\x0c" in data
    assert data.index(b"\x1d!\x00\x1c!\x00") > data.index(b"\x1d!\x11")


def test_the_yen_sign_of_a_keyboard_becomes_the_one_the_printer_has():
    assert clean("¥36").text == "￥36"


def test_a_character_the_printer_has_not_got_is_a_square_and_is_counted():
    encoded = encode(ReceiptDoc((Text("½ 😀"), Columns("𠮷", "1.00"))), EPSON)

    assert encoded.unprintable == 3
    assert decode(encoded.data).text.count("□") == 3
    assert encode(ReceiptDoc((Text("𠮷"),)), PROFILES["epson-80-gb18030"]).unprintable == 0


PULSE_ROW = b"\x10\x14\x01\x00\x01\x10\x14\x01"
DOTS = replace(PROFILES["generic-80"], raster_text=True)


@pytest.mark.parametrize(
    "profile", [EPSON, PROFILES["epson-80-gb18030"], PROFILES["generic-58"], DOTS], ids=lambda p: p.name
)
@pytest.mark.parametrize("glyphs", [None, GLYPHS], ids=["no font", "font"])
@pytest.mark.parametrize(
    "element",
    [
        Text(DRAWER_NAME),
        Text("备注 " + DRAWER_NAME + "½", size=2, align="centre"),
        Columns(DRAWER_NAME, DRAWER_NAME),
        Text("a\x10\x14\x01\x00\x01b"),
        Picture((PULSE_ROW,) * 130),
        Picture((b"\x00" * 7 + b"\x10", b"\x14\x01\x00\x01\x00\x00\x00\x10") * 40),
        QrCode("^[p@ 2%10%14%01"),
        Barcode("{1{A^[p{{"),
    ],
)
def test_a_dish_name_or_picture_with_a_drawer_command_opens_no_drawer(element, glyphs, profile):
    data = encode(ReceiptDoc((element, Cut())), profile, glyphs).data

    twin = VirtualPrinter(profile)
    twin.receive(data)
    assert twin.drawer_pulses == 0
    assert not any(isinstance(op, DrawerPulse) for op in decode(data).ops)
    assert REAL_TIME.search(data) is None


@pytest.mark.parametrize("data", [DRAWER_NAME, "a\x10\x14\x01\x00\x01b", "\x1bp\x00"])
def test_what_could_be_a_command_gets_into_no_code_at_all(data):
    for make in (QrCode, Barcode):
        with pytest.raises(DeviceRejected):
            make(data)


@pytest.mark.parametrize("name", [DRAWER_NAME, "a\x10\x14\x01\x00\x01b"])
def test_negative_control_the_same_name_encoded_raw_does_open_it(name):
    twin = VirtualPrinter(EPSON)

    twin.receive(b"\x1b@" + name.encode("gb18030").replace("\xfa".encode("gb18030"), b"\xfa") + b"\n\x1dVB\x00")

    assert twin.drawer_pulses == 1


def test_text_that_was_not_cleaned_is_refused_rather_than_sent():
    for text in ("\x1bp", "宫\x1bp"):
        with pytest.raises(DeviceRejected):
            encode_cleaned(text)


def test_the_table_of_known_characters_does_not_grow_with_what_is_typed():
    before = len(_TABLES[False])

    clean("".join(chr(code) for code in range(0x20000, 0x20000 + 5_000)))

    assert len(_TABLES[False]) == before


def test_a_picture_that_holds_a_drawer_pulse_is_changed_by_one_dot_and_opens_nothing():
    row = b"\x10\x14\x01\x00\x01\x10\x04\x01"
    twin = VirtualPrinter(EPSON)

    reaction = twin.receive(raster([row]))

    assert twin.drawer_pulses == 0
    assert reaction.answer == b""
    assert without_real_time(row) == b"\x11\x14\x01\x00\x01\x11\x04\x01"


def test_negative_control_the_same_picture_sent_as_it_is_opens_the_drawer_and_draws_an_answer():
    row = b"\x10\x14\x01\x00\x01\x10\x04\x01"
    twin = VirtualPrinter(EPSON)

    reaction = twin.receive(b"\x1dv0\x00" + bytes([len(row), 0, 1, 0]) + row)

    assert twin.drawer_pulses == 1
    assert len(reaction.answer) == 1


def test_pictures_are_cut_into_slices_of_64_rows():
    data = raster([b"\xff" * 4] * 130)

    assert [data[at + 6] for at in range(len(data)) if data.startswith(b"\x1dv0\x00", at)] == [64, 64, 2]


def test_a_qr_code_has_white_paper_above_and_below_by_our_own_doing():
    data = encode(ReceiptDoc((Text("x"), QrCode("HTTPS://A.EXAMPLE/J/B", 5), Text("y"))), EPSON).data

    feed = b"\x1bJ\x14"
    assert data.count(feed) == 2
    assert data.index(feed) < data.index(b"\x1d(k") < data.rindex(feed)


def test_style_is_plain_again_after_a_styled_line():
    ops = decode(encode(ReceiptDoc((Text("大", bold=True, size=2), Text("小 a"))), EPSON).data).ops

    last = [op for op in ops if isinstance(op, Characters)][-1]
    assert (last.style.width, last.style.height, last.style.bold) == (1, 1, False)


def test_a_pair_across_two_rows_of_one_slice_is_broken_up_too():
    data = raster([b"\xaa\x10", b"\x14\x01"])

    assert data.endswith(b"\xaa\x11\x14\x01")


def test_between_two_slices_stands_a_header_that_is_half_of_no_pair():
    rows = [b"\x04\x10"] * 16 + [b"\x14\x10"] * 48 + [b"\x04\x10"] * 16

    data = raster(rows)

    assert data.count(b"\x1dv0\x00\x02\x00\x40\x00") == data.count(b"\x1dv0\x00\x02\x00\x10\x00") == 1
    assert REAL_TIME.search(data) is None


def test_only_a_printer_of_epsons_kind_is_told_once_to_take_no_pulse_from_dots():
    off = b"\x1d(D\x03\x00\x14\x01\x00"
    doc = ReceiptDoc((Picture((b"\xff",)), Picture((b"\xff",)), Cut()))

    assert encode(doc, EPSON).data.count(off) == 1
    assert encode(doc, PROFILES["clone-80"]).data.count(off) == 0
    assert encode(ReceiptDoc((Text("宫"), Cut())), EPSON).data.count(off) == 0


@pytest.mark.parametrize(
    ("hanzi_size", "sent", "not_sent"),
    [
        ("both", b"\x1d!\x11\x1c!\x0c", b"\x1cW"),
        ("gs", b"\x1d!\x11\x1c&", b"\x1c!"),
        ("fs", b"\x1d!\x11\x1c!\x0c", b"\x1cW"),
        ("fs_w", b"\x1d!\x11\x1cW\x01", b"\x1c!"),
    ],
)
def test_hanzi_are_doubled_by_the_command_of_the_profile(hanzi_size, sent, not_sent):
    data = encode(ReceiptDoc((Text("大", size=2), Text("小"))), replace(EPSON, hanzi_size=hanzi_size)).data

    assert sent in data
    assert not_sent not in data


def test_a_cut_is_partial_full_or_paper_to_tear_where_there_is_no_knife():
    assert encode(ReceiptDoc((Cut(),)), EPSON).data.endswith(b"\x1dVB\x00")
    assert encode(ReceiptDoc((Cut("full"),)), EPSON).data.endswith(b"\x1dVA\x00")
    assert encode(ReceiptDoc((Cut("full"),)), replace(EPSON, cutter=False)).data.endswith(b"\x1bd\x05")


def test_a_buzzer_sounds_by_the_makers_command_and_a_printer_without_one_is_sent_nothing():
    doc = ReceiptDoc((Buzzer(3),))

    assert encode(doc, replace(EPSON, buzzer="clone")).data.endswith(b"\x1bB\x03\x02")
    assert encode(doc, replace(EPSON, buzzer="epson")).data.endswith(b"\x1b(A\x04\x0001\x03\x02")
    assert encode(doc, EPSON) == encode(ReceiptDoc(()), EPSON)


def test_a_barcode_is_sent_counted_with_its_braces_doubled():
    data = encode(ReceiptDoc((Barcode("A{1}"),)), EPSON).data

    assert data.endswith(b"\x1dk\x49\x07{BA{{1}")


def test_a_barcode_too_wide_for_the_paper_is_text_and_said_to_be():
    encoded = encode(ReceiptDoc((Barcode("x" * 40),)), EPSON)

    assert decode(encoded.data).text == "x" * 40
    assert encoded.notes == ("a barcode of 40 characters is too wide for this paper: printed as text",)


def test_a_picture_wider_than_the_paper_is_made_smaller_and_no_line_of_it_is_lost():
    thin = [bytes([0x80] + [0] * 143), bytes(144), bytes(144)]

    small = fitted(thin, 576)

    assert [len(row) for row in small] == [72, 72]
    assert small[0][0] == 0x80
    assert not any(small[1])
    assert fitted(thin[:1], 1152) == thin[:1]


def test_a_rare_character_is_drawn_when_there_is_a_font_and_its_neighbours_lines_stay_characters():
    doc = ReceiptDoc((Text("普通"), Columns("䶮记", "1.00"), Text("普通")))

    encoded = encode(doc, EPSON, GLYPHS)

    assert [type(op).__name__ for op in decode(encoded.data).ops if isinstance(op, (Characters, Raster))] == [
        "Characters",
        "Raster",
        "Characters",
    ]
    assert (encoded.unprintable, encoded.notes) == (0, ())


def test_a_rare_character_that_no_font_has_is_a_square_is_counted_and_is_noted():
    encoded = encode(ReceiptDoc((Text("好😀䶮"),)), EPSON, GLYPHS)

    assert encoded.unprintable == 1
    assert encoded.notes == ("characters that neither the printer nor a font of this machine has: 1",)


def test_a_line_whose_ordinary_characters_the_font_lacks_is_sent_as_characters():
    class OnlyRare:
        def glyph(self, character):
            return (1,) * 24 if character == "䶮" else None

    encoded = encode(ReceiptDoc((Text("䶮记"),)), EPSON, OnlyRare())

    assert decode(encoded.data).text == "□记"
    assert encoded.unprintable == 1


def test_lines_of_ascii_stay_characters_on_a_printer_without_chinese():
    ops = decode(encode(ReceiptDoc((Text("Total"), Columns("应收", "1.00"))), DOTS, GLYPHS).data).ops

    assert [op.text for op in ops if isinstance(op, Characters)] == ["Total"]
    assert sum(isinstance(op, Raster) for op in ops) == 1


def test_a_slice_of_dots_never_has_more_than_64_rows_however_long_the_text():
    ops = decode(encode(ReceiptDoc((Text("宫保鸡丁" * 200, size=2, bold=True),)), DOTS, GLYPHS).data).ops

    assert {op.rows for op in ops if isinstance(op, Raster)} <= set(range(1, 65))
    assert max(op.rows for op in ops if isinstance(op, Raster)) == 64


def test_a_job_that_broke_off_is_closed_with_nuls_and_a_reset():
    data = encode(ReceiptDoc((Picture((b"\xff" * 72,) * 64),)), PROFILES["clone-80"]).data

    recovery = interrupted(data, data.index(b"\x1dv0") + 100)

    assert recovery.endswith(b"\x1b@")
    assert recovery.count(b"\x00") == len(recovery) - 2 >= 72 * 64 + 8 - 100 + 256
    assert interrupted(data, 0) == interrupted(b"", 5) == b"\x00" * 256 + b"\x1b@"
    assert len(interrupted(b"x" * 5_000, 5_000)) == 258


def test_a_slip_for_58_mm_is_whole_on_80_mm_paper_and_the_other_way_round_only_wraps():
    narrow, wide = (encode(full_receipt(), PROFILES[name]).data for name in ("epson-58", "epson-80"))
    lines = [line for line in decode(narrow).text.splitlines() if line]

    shown = [row.text.rstrip() for row in set_rows(decode(narrow).ops, 576) if isinstance(row, TextRow)]
    wrapped = "".join(row.text for row in set_rows(decode(wide).ops, 384) if isinstance(row, TextRow))

    assert [line for line in shown if line] == lines
    assert wrapped.replace(" ", "") == decode(wide).text.replace(" ", "").replace("\n", "")
