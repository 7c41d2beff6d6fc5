"""What must hold for any text and any bytes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.document import Barcode, Buzzer, Columns, Cut, Picture, QrCode, ReceiptDoc, Text
from drivers.escpos.decoder import Decoder, decode, transcript
from drivers.escpos.encoder import encode
from drivers.escpos.layout import set_columns, wrap
from drivers.escpos.ops import (
    Aligned,
    Characters,
    DrawerPulse,
    FeedLines,
    LineEnd,
    Op,
    PaperCut,
    Reset,
    Setting,
    StatusAsked,
)
from drivers.escpos.raster import REAL_TIME
from drivers.escpos.recovery import interrupted
from drivers.escpos.status import StatusReader
from drivers.escpos.text import clean, columns_of, encode_cleaned
from drivers.paper.rows import RasterRow, TextRow, set_rows
from drivers.printer.profiles import PROFILES
from drivers.virtual.printer import VirtualPrinter
from tests.golden.slips import CASES, FOLDER, GLYPHS
from tests.kit.captures import FAMILIES
from tests.kit.printers import full_receipt, short_receipt

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
FAMILY = st.sampled_from(sorted(FAMILIES)).map(FAMILIES.__getitem__)
STREAM = st.lists(st.one_of(COMMANDS, FAMILY, st.binary(max_size=6)), max_size=40).map(b"".join)
KINDS = [
    *PROFILES.values(),
    replace(PROFILES["generic-80"], raster_text=True),
    replace(PROFILES["clone-58"], cutter=False),
]
PROFILE = st.sampled_from(sorted(PROFILES)).map(PROFILES.__getitem__)
KIND = st.sampled_from(KINDS)
SIZE = st.sampled_from((1, 2))
ALIGN = st.sampled_from(("left", "centre", "right"))
DANGEROUS = st.lists(st.sampled_from(b"\x10\x04\x05\x14\x01\x00\x1b"), min_size=4, max_size=4).map(bytes)
PICTURE = st.lists(DANGEROUS, min_size=1, max_size=140).map(lambda rows: Picture(tuple(rows)))
ELEMENT = st.one_of(
    st.builds(Text, ANY_TEXT, align=ALIGN, bold=st.booleans(), size=SIZE),
    st.builds(Columns, ANY_TEXT, ANY_TEXT, bold=st.booleans(), size=SIZE),
    st.builds(Barcode, st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)),
    st.builds(QrCode, st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)),
    PICTURE,
    st.builds(Buzzer, st.integers(1, 9)),
)
DOC = st.lists(ELEMENT, max_size=8).map(lambda elements: ReceiptDoc((*elements, Cut())))
GLYPH_SOURCE = st.sampled_from((None, GLYPHS))


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

    assert decoded.complete == profile.cutter
    last = PaperCut if profile.cutter else FeedLines
    assert all(isinstance(op, Characters | LineEnd | Setting | Aligned | Reset | last) for op in decoded.ops)
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


@given(DOC, KIND, GLYPH_SOURCE)
def test_no_slip_whatever_it_says_or_shows_holds_a_real_time_command_or_a_drawer_pulse(doc, profile, glyphs):
    encoded = encode(doc, profile, glyphs)

    assert REAL_TIME.search(encoded.data) is None
    decoded = decode(encoded.data)
    assert decoded.unknown == []
    assert decoded.tail is None
    assert not any(isinstance(op, (DrawerPulse, StatusAsked)) for op in decoded.ops)


@given(ANY_TEXT, ANY_TEXT, KIND, SIZE)
def test_text_sent_as_dots_is_cut_into_lines_that_fit_and_slices_of_64_rows(left, right, profile, size):
    doc = ReceiptDoc((Text(left, size=size), Columns(left, right, size=size)))

    rows = set_rows(decode(encode(doc, profile, GLYPHS).data).ops, profile.width_dots)

    for row in rows:
        if isinstance(row, RasterRow):
            assert row.width_bytes * 8 <= profile.width_dots
            assert 1 <= row.rows <= 64
        elif isinstance(row, TextRow):
            assert row.width_dots <= profile.width_dots


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_slip_cut_in_two_at_every_byte_boundary_gives_the_same_transcript(name):
    stream = (FOLDER / f"{name}.bin").read_bytes()
    expected = transcript(decode(stream).ops)
    # Of the long ones, whose bytes are nearly all dots, the beginning and the end of each slice tell all there is to tell.
    cuts = range(len(stream) + 1) if len(stream) < 2_000 else _around_headers(stream)

    for at in cuts:
        assert transcript(_decoded_in(stream[:at], stream[at:])) == expected


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_capture_of_every_family_byte_by_byte_gives_the_same_transcript(family):
    stream = b"\x1c&\xb9\xac" + FAMILIES[family] + b"\xb9\xacab\n\x07" + FAMILIES[family][:-1]

    assert transcript(_decoded_in(*(stream[at : at + 1] for at in range(len(stream))))) == transcript(
        decode(stream).ops
    )


BROKEN_OFF = ReceiptDoc(
    (
        Text("巷里小馆 ½", size=2),
        Picture(tuple(bytes([0xF0, row, 0x10, 0x0F]) for row in range(70))),
        Barcode("A{1}"),
        QrCode("HTTPS://HQ.EXAMPLE/J/ABCDE"),
        Buzzer(2),
        Cut(),
    )
)
BREAKS = [replace(PROFILES["epson-80"], buzzer="clone"), replace(PROFILES["generic-58"], buzzer="epson", cutter=True)]


@pytest.mark.parametrize("profile", BREAKS, ids=lambda profile: profile.name)
def test_after_a_job_broken_off_at_any_byte_the_next_slip_prints_whole(profile):
    broken, slip = encode(BROKEN_OFF, profile).data, encode(short_receipt(), profile).data

    # Inside a long run of dots one place is as good as another.
    breaks = range(len(broken) + 1) if len(broken) < 2_000 else [*_around_headers(broken), *range(0, len(broken), 61)]

    lost = [at for at in breaks if not _printed_whole(broken[:at] + interrupted(broken, at), slip)]

    assert lost == []


def test_it_prints_whole_also_when_the_connection_took_more_than_the_printer_did():
    profile = BREAKS[0]
    broken, slip = encode(BROKEN_OFF, profile).data, encode(short_receipt(), profile).data
    recovery = interrupted(broken, len(broken))

    assert [at for at in range(len(broken) + 1) if not _printed_whole(broken[:at] + recovery, slip)] == []


def test_negative_control_without_nuls_the_next_slip_is_swallowed_by_the_open_picture():
    profile = BREAKS[0]
    broken, slip = encode(BROKEN_OFF, profile).data, encode(short_receipt(), profile).data

    lost = [at for at in range(len(broken) + 1) if not _printed_whole(broken[:at] + b"\x1b@", slip)]

    assert len(lost) > 250


@given(STREAM, st.integers(0, 400))
def test_the_recovery_of_any_stream_is_nuls_and_a_reset_and_never_absurdly_long(stream, taken):
    recovery = interrupted(stream, taken)

    assert recovery.strip(b"\x00") == b"\x1b@"
    assert 256 <= len(recovery) - 2 <= 4 * 1024 * 1024 + 256


def _printed_whole(before: bytes, slip: bytes) -> bool:
    """Whether a printer that got something before still obeys every command of a slip."""
    expected = decode(slip).ops
    return [(type(op), op.raw) for op in decode(before + slip).ops[-len(expected) :]] == [
        (type(op), op.raw) for op in expected
    ]


def _decoded_in(*chunks: bytes) -> list[Op]:
    decoder = Decoder()
    ops = [op for chunk in chunks for op in decoder.feed(chunk)]
    return ops + decoder.finish()


def _around_headers(stream: bytes) -> list[int]:
    headers = [at for at in range(len(stream)) if stream.startswith(b"\x1dv0", at)]
    return sorted({at + step for at in headers for step in range(-12, 13) if 0 <= at + step <= len(stream)})


@given(st.binary(max_size=60), st.integers(1, 5))
def test_replies_cut_anywhere_read_the_same_and_no_noise_is_lost(data, size):
    whole, pieces = StatusReader(), StatusReader()

    assert whole.feed(data) == [
        reply for at in range(0, len(data), size) for reply in pieces.feed(data[at : at + size])
    ]
