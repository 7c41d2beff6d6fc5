"""What a slip may contain, and how its lines are set."""

import pytest
import segno

from drivers.document import Feed, QrCode, Text
from drivers.errors import DeviceRejected
from drivers.escpos.layout import rule, set_columns, wrap
from drivers.escpos.qr_size import fitting_module_dots, modules_across
from drivers.escpos.text import clean, columns_of


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
