"""The bytes of a slip, and that no text can be a command."""

import pytest

from drivers.document import Columns, Cut, QrCode, ReceiptDoc, Text
from drivers.errors import DeviceRejected
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.escpos.ops import Characters, DrawerPulse
from drivers.escpos.raster import raster, without_real_time
from drivers.escpos.text import _TABLES, clean, encode_cleaned
from drivers.printer.profiles import PROFILES
from drivers.virtual.printer import VirtualPrinter

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


@pytest.mark.parametrize(
    "element", [Text(DRAWER_NAME), Columns(DRAWER_NAME, DRAWER_NAME), Text("a\x10\x14\x01\x00\x01b")]
)
def test_a_dish_name_with_a_drawer_command_opens_no_drawer(element):
    data = encode(ReceiptDoc((element, Cut())), EPSON).data

    twin = VirtualPrinter(EPSON)
    twin.receive(data)
    assert twin.drawer_pulses == 0
    assert not any(isinstance(op, DrawerPulse) for op in decode(data).ops)


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
    assert reaction.answer == b"\x12"


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
