"""What a slip may contain, and how its lines are set."""

import io

import pytest
import segno
from PIL import Image

from drivers.document import Barcode, Buzzer, Feed, Picture, QrCode, Text, ean_check_digit
from drivers.errors import DeviceRejected
from drivers.escpos.layout import rule, set_columns, wrap
from drivers.escpos.qr_size import fitting_module_dots, modules_across
from drivers.escpos.text import clean, columns_of
from drivers.paper.logo import logo


@pytest.mark.parametrize("data", ["", "x" * 601, "邀请", "a\x1b", "line\nbreak"])
def test_a_qr_code_takes_only_printable_ascii_within_bounds(data):
    with pytest.raises(DeviceRejected):
        QrCode(data)


@pytest.mark.parametrize(
    ("kind", "values"), [(QrCode, ("A", 1)), (QrCode, ("A", 17)), (Feed, (0,)), (Feed, (256,)), (Text, ("x" * 10_001,))]
)
def test_sizes_out_of_bounds_are_refused(kind, values):
    with pytest.raises(DeviceRejected):
        kind(*values)


def test_columns_are_gbk_bytes_also_for_the_signs_that_unicode_calls_ambiguous():
    for sign in "·…×°①℃±→★※éΩα￥【，":
        text = clean(sign).text
        assert text == sign
        assert columns_of(text) == len(sign.encode("gbk")) == 2


def test_a_line_breaks_between_words_and_never_inside_a_hanzi():
    assert wrap("Kung Pao chicken", 9) == ["Kung Pao", "chicken"]
    assert wrap("宫保鸡丁", 5) == ["宫保", "鸡丁"]
    assert wrap("", 5) == [""]
    assert wrap("abcdefgh", 3) == ["abc", "def", "gh"]


def test_a_line_never_begins_with_closing_punctuation_when_it_can_be_helped():
    assert wrap("一二三四。", 8) == ["一二三", "四。"]


def test_the_right_column_ends_at_the_edge_and_the_left_wraps_beside_it():
    lines = set_columns("宫保鸡丁 Kung Pao chicken", "38.00", 20)

    assert lines[0] == "宫保鸡丁 Kung  38.00"
    assert columns_of(lines[0]) == 20
    assert lines[1:] == ["Pao chicken"]


def test_a_right_part_too_wide_to_stand_beside_goes_below():
    assert set_columns("左边的字", "x" * 18, 20) == ["左边的字", "  " + "x" * 18]


def test_rules_fill_the_width_in_ascii():
    assert rule("single", 5) == "-----"
    assert rule("double", 5) == "====="
    assert rule("dashed", 5) == "- - -"


@pytest.mark.parametrize(
    "data",
    ["A" * n for n in (1, 20, 21, 154, 155, 178, 179, 400, 600)] + ["a" * n for n in (1, 14, 15, 152, 180, 181, 600)],
)
def test_the_width_of_a_qr_code_is_known_without_drawing_it(data):
    assert modules_across(data) == len(segno.make_qr(data, error="m", boost_error=False).matrix)


def test_a_qr_code_shrinks_until_it_fits_with_its_quiet_zone():
    assert fitting_module_dots("A" * 170, 6, 576) == 6
    dots = fitting_module_dots("a" * 600, 16, 384)
    assert (modules_across("a" * 600) + 8) * dots <= 384 < (modules_across("a" * 600) + 8) * (dots + 1)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("EAN13", "69012345678"),
        ("EAN13", "6901234567890"),
        ("EAN8", "96385073"),
        ("CODE39", "lower"),
        ("CODE39", ""),
        ("CODE128", "汉字"),
        ("CODE128", "x" * 61),
        ("CODE128", "a\x00"),
        ("ITF", "123"),
        ("ITF", "١٢"),
    ],
)
def test_a_barcode_takes_only_what_its_kind_can_say(kind, data):
    with pytest.raises(DeviceRejected):
        Barcode(data, kind)


def test_the_check_digit_of_an_ean_is_added_when_it_is_not_there():
    assert Barcode("690123456789", "EAN13").printed == Barcode("6901234567892", "EAN13").printed == "6901234567892"
    assert Barcode("9638507", "EAN8").printed == "96385074"
    assert ean_check_digit("400638133393") == "1"


@pytest.mark.parametrize("rows", [(), (b"",), (b"a", b"bc"), (b"x" * 145,), (b"x",) * 2_401])
def test_a_picture_has_rows_of_one_length_within_bounds(rows):
    with pytest.raises(DeviceRejected):
        Picture(rows)


@pytest.mark.parametrize("times", [0, 10])
def test_a_buzzer_does_not_sound_for_ever(times):
    with pytest.raises(DeviceRejected):
        Buzzer(times)


def test_a_logo_becomes_black_dots_and_what_is_see_through_stays_white():
    image = Image.new("RGBA", (12, 2), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    image.putpixel((11, 1), (0, 0, 0, 255))

    assert logo(_png(image), 576).rows == (b"\x80\x00", b"\x00\x10")


def test_a_logo_wider_than_the_paper_is_made_as_wide_as_the_paper():
    picture = logo(_png(Image.new("L", (1_000, 500), 0)), 384)

    assert (len(picture.rows), len(picture.rows[0])) == (192, 48)
    assert picture.rows[100] == b"\xff" * 48


@pytest.mark.parametrize("kind", ["text", "cut off", "huge file", "many dots", "a strip"])
def test_a_file_that_makes_no_logo_is_refused_with_what_to_do(kind):
    whole = _png(Image.effect_noise((64, 64), 90))
    data = {
        "text": b"no picture",
        "cut off": whole[: len(whole) // 2],
        "huge file": bytes(2_000_001),
        "many dots": _png(Image.new("1", (5_000, 4_000))),
        "a strip": _png(Image.new("1", (8, 2_401))),
    }[kind]

    with pytest.raises(DeviceRejected, match=r"save it|cut it"):
        logo(data, 576)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
