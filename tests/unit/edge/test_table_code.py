"""The code on a table: what is written is read again, any other spelling is none, and a camera reads the drawing."""

import re

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge.domain import table_code
from edge.domain.table_code import NUMBER_MAX, TableClaims
from edge.services import qr

KEY, SIGNATURE = b"k" * 8, bytes(range(64))
TABLES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True)
_RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\3z")
DOT, QUIET = 4, 4


@given(table=TABLES, number=st.integers(1, NUMBER_MAX), key=st.binary(min_size=8, max_size=8))
def test_what_is_written_is_read_again(table: str, number: int, key: bytes) -> None:
    claims = TableClaims(key, number, table)
    code = table_code.assemble(claims, SIGNATURE)
    found = table_code.take_apart(code)
    assert found is not None
    assert found == (claims, table_code.to_sign(claims), SIGNATURE)
    assert len(table_code.url("http://192.168.100.100:65535", code)) <= 210


@given(table=TABLES, at=st.integers(0, 200), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_another_spelling_is_another_code_or_none(table: str, at: int, letter: str) -> None:
    claims = TableClaims(KEY, 1, table)
    code = table_code.assemble(claims, SIGNATURE)
    at %= len(code)
    found = table_code.take_apart(code[:at] + letter + code[at + 1 :])
    same = code[at] == letter
    assert same or found is None or found != (claims, table_code.to_sign(claims), SIGNATURE)


@pytest.mark.parametrize("text", ["", "A" * 124, "a" * 124, "A" * 500, "/T/", "1" * 124, "=" * 128])
def test_what_is_no_code_is_none(text: str) -> None:
    assert table_code.take_apart(text) is None


def test_a_signature_of_another_length_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        table_code.assemble(TableClaims(KEY, 1, "t1"), b"x")


def test_a_camera_reads_the_drawing() -> None:
    code = table_code.assemble(TableClaims(KEY, 1, "window-4"), SIGNATURE)
    url = table_code.url("http://192.168.1.10:8680", code)
    drawn = qr.path_of(url)
    side = drawn.size + 2 * QUIET
    picture = Image.new("L", (side, side), 255)
    for x, y, wide in ((int(each) for each in run) for run in _RUN.findall(drawn.d)):
        picture.paste(0, (x + QUIET, y + QUIET, x + QUIET + wide, y + QUIET + 1))
    found = zxingcpp.read_barcodes(
        picture.resize((side * DOT, side * DOT), Image.Resampling.NEAREST),
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
    )
    assert [each.text for each in found] == [url]
