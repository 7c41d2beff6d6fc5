"""What must hold for any text and any bytes."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.document import Columns, Cut, ReceiptDoc, Text
from drivers.escpos.decoder import Decoder, decode, transcript
from drivers.escpos.encoder import encode
from drivers.escpos.layout import set_columns, wrap
from drivers.escpos.ops import Aligned, Characters, LineEnd, PaperCut, Reset, Setting
from drivers.escpos.status import StatusReader
from drivers.escpos.text import clean, columns_of, encode_cleaned
from drivers.paper.rows import TextRow, set_rows
from drivers.printer.profiles import PROFILES
from drivers.virtual.printer import VirtualPrinter
from tests.kit.printers import full_receipt

# Ordinary letters would be nearly all that is drawn: mix in the signs that bite.
NASTY = st.text(st.sampled_from("宫保，。¥½😀é\x1b\x1d\x10\x1c\x00\n\tp@Vk(04\x14 a1\udcff\u0301\u200b"), max_size=60)
ANY_TEXT = st.one_of(st.text(st.characters(exclude_categories=()), max_size=60), NASTY)
COMMANDS = st.sampled_from(
    [
        b"\x1b@",
        b"\x1c&",
        b"\x1c.",
        b"\x1d(k",
        b"\x1dv0",
        b"\x1d8L",
        b"\x1dk",
        b"\x1bD",
        b"\x1b&",
        b"\x1c2",
        b"\x1cq",
        b"\x10\x04",
        b"\x10\x14",
        b"\x1dV",
        b"\xb9\xac",
        b"\x81\x30\x81\x30",
    ]
)
STREAM = st.lists(st.one_of(COMMANDS, st.binary(max_size=6)), max_size=40).map(b"".join)
PROFILE = st.sampled_from(sorted(PROFILES)).map(PROFILES.__getitem__)


@given(ANY_TEXT, st.booleans())
def test_no_text_ever_brings_a_byte_below_a_blank(text, fourbyte):
    data = encode_cleaned(clean(text, fourbyte=fourbyte).text, fourbyte=fourbyte)

    bare = data.replace(b"\x1c&", b"").replace(b"\x1c.", b"")
    assert min(bare, default=0x20) >= 0x20
    assert 0x7F not in bare


@given(ANY_TEXT)
def test_clean_text_is_as_wide_as_its_gbk_bytes_and_cleaning_again_changes_nothing(text):
    cleaned = clean(text).text

    assert columns_of(cleaned) == len(cleaned.encode("gbk"))
    assert clean(cleaned).text == cleaned


@given(ANY_TEXT, ANY_TEXT, PROFILE)
def test_any_slip_reads_back_as_text_and_nothing_but_text(left, right, profile):
    doc = ReceiptDoc((Text(left), Columns(left, right, bold=True, size=2), Text(right, align="right"), Cut()))

    encoded = encode(doc, profile)
    decoded = decode(encoded.data)

    assert decoded.complete
    assert all(isinstance(op, Characters | LineEnd | Setting | Aligned | Reset | PaperCut) for op in decoded.ops)
    # Set again at the paper's true width, no line wraps: what was laid out is what is printed.
    rows = [row for row in set_rows(decoded.ops, profile.width_dots) if isinstance(row, TextRow)]
    assert len(rows) == sum(isinstance(op, LineEnd) for op in decoded.ops)


@given(ANY_TEXT, st.integers(2, 48))
def test_wrapped_lines_fit_and_lose_only_blanks(text, columns):
    cleaned = clean(text).text

    lines = wrap(cleaned, columns)

    assert all(columns_of(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == cleaned.replace(" ", "")


@given(ANY_TEXT, ANY_TEXT, st.integers(8, 48))
def test_columns_fit_and_lose_only_blanks(left, right, columns):
    left, right = clean(left).text, clean(right).text

    lines = set_columns(left, right, columns)

    assert all(columns_of(line) <= columns for line in lines)
    assert sorted("".join(lines).replace(" ", "")) == sorted((left + right).replace(" ", ""))


@given(STREAM, st.data())
def test_a_stream_cut_anywhere_decodes_the_same_and_loses_nothing(stream, data):
    whole = decode(stream)
    decoder = Decoder()
    ops = []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 7))
        ops += decoder.feed(stream[at : at + size])
        at += size
    ops += decoder.finish()

    assert ops == whole.ops
    assert b"".join(op.raw for op in ops) == stream
    assert [op.offset for op in ops] == [sum(len(before.raw) for before in ops[:index]) for index in range(len(ops))]
    transcript(ops)
    set_rows(ops, 384)


@given(st.integers(1, 50))
def test_a_real_receipt_cut_anywhere_decodes_the_same(size):
    stream = encode(full_receipt(), PROFILES["epson-80"]).data
    decoder = Decoder()

    ops = [op for at in range(0, len(stream), size) for op in decoder.feed(stream[at : at + size])]

    assert ops + decoder.finish() == decode(stream).ops


@given(STREAM, st.integers(1, 9))
def test_the_twin_survives_any_bytes_and_its_paper_does_not_depend_on_the_chunks(stream, size):
    whole, pieces = VirtualPrinter(PROFILES["epson-80"]), VirtualPrinter(PROFILES["epson-80"])

    one = [*whole.receive(stream).paper, *whole.end_connection().paper]
    many = [event for at in range(0, len(stream), size) for event in pieces.receive(stream[at : at + size]).paper]
    many += pieces.end_connection().paper

    assert one == many
    assert whole.drawer_pulses == pieces.drawer_pulses


@given(st.binary(max_size=60), st.integers(1, 5))
def test_replies_cut_anywhere_read_the_same_and_no_noise_is_lost(data, size):
    whole, pieces = StatusReader(), StatusReader()

    assert whole.feed(data) == [
        reply for at in range(0, len(data), size) for reply in pieces.feed(data[at : at + size])
    ]
