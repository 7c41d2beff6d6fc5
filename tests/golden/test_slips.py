"""The slips that are held fast, byte for byte and line for line."""

import re

import pytest
import zxingcpp

from drivers.document import Columns, ReceiptDoc, Text
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.escpos.glyphs import NO_FONT_SENTENCE
from drivers.escpos.ops import DrawerPulse
from drivers.paper.fonts import PaperFonts, system_fonts
from drivers.paper.glyphs import system_glyphs
from drivers.paper.picture import FONT_NOTE, render
from drivers.paper.rows import RasterRow, TextRow, set_rows
from drivers.printer.profiles import PROFILES
from tests.golden.slips import CASES, FOLDER, GLYPHS, made
from tests.kit.printers import INVITE_URL


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_slip_has_exactly_the_bytes_and_lines_that_were_accepted(name):
    data, text = made(name)

    assert text == (FOLDER / f"{name}.txt").read_text("utf-8")
    assert data == (FOLDER / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_accepted_slip_decodes_whole_without_a_drawer_pulse_and_fits_its_paper(name):
    decoded = decode((FOLDER / f"{name}.bin").read_bytes())

    assert decoded.complete
    assert decoded.unknown == []
    assert not any(isinstance(op, DrawerPulse) for op in decoded.ops)


def test_no_accepted_file_is_left_without_a_case():
    assert {path.stem for path in FOLDER.iterdir()} == set(CASES)


QR_CASES = ["receipt-48", "receipt-48-reprint", "receipt-42", "receipt-32", "receipt-image-qr"]
QR_CASES += [name for name in CASES if name.startswith("chinese-")]


@pytest.mark.parametrize("name", QR_CASES)
def test_an_outside_reader_reads_the_invite_off_the_picture_of_the_paper(name):
    ops = decode((FOLDER / f"{name}.bin").read_bytes()).ops

    picture = render(ops, CASES[name][1])

    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert [code.text for code in found] == [INVITE_URL]
    assert len(INVITE_URL) == 170


@pytest.mark.parametrize("name", ["chinese-48", "chinese-42", "chinese-32"])
def test_a_chinese_slip_says_exactly_what_was_written(name):
    text = decode((FOLDER / f"{name}.bin").read_bytes()).text

    written = ["囍·镕鑫餐馆", "宫保鸡丁", "￥38.00", "微辣·", "￥1,288.00", "é 咖啡【大杯】①", "￥ 9.50", "￥1,335.50"]
    assert [part for part in written if part not in text] == []
    assert text.count("「川味」：麻、辣、鲜、香；地道！") == 1
    assert text.count("□") == 3
    assert not set(text) & set("¥—½𠮷")


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("chinese-")])
def test_every_price_ends_on_the_same_dot_column_in_characters_and_in_dots(name):
    _, profile, _ = CASES[name]
    rows = set_rows(decode((FOLDER / f"{name}.bin").read_bytes()).ops, profile.width_dots)

    edges = [_right_edge(row) for row in rows if _has_price(row, profile)]

    assert len(edges) >= 5
    assert set(edges) == {profile.columns * 12}


def test_negative_control_a_price_set_by_counting_characters_ends_elsewhere():
    data = encode(
        ReceiptDoc((Text("宫保鸡丁".ljust(42) + "￥38.00"), Columns("面", "￥9.00"))), PROFILES["epson-80"]
    ).data

    assert len({_right_edge(row) for row in set_rows(decode(data).ops, 576)}) == 2


def test_a_raster_slip_has_a_row_of_dots_for_every_line_that_has_characters():
    _, profile, _ = CASES["chinese-dots-48"]
    rows = set_rows(decode((FOLDER / "chinese-dots-48.bin").read_bytes()).ops, profile.width_dots)

    first = next(row for row in rows if isinstance(row, RasterRow))
    glyph = GLYPHS.glyph("囍")
    assert glyph is not None
    left = (576 - 12 * 24) // 2
    lines = [int.from_bytes(first.dots[at : at + 72], "big") for at in range(0, len(first.dots), 72)]
    drawn = [line >> (576 - left - 48) & (1 << 48) - 1 for line in lines[:48]]
    # Twice as large, and bold: each dot two wide, two high, and one dot of the font beside it inked as well.
    doubled = [int("".join(bit * 2 for bit in f"{row | row >> 1:024b}"), 2) for row in glyph for _ in range(2)]
    assert drawn == doubled


@pytest.mark.parametrize("name", ["codes-48", "codes-as-dots-48", "codes-32"])
def test_an_outside_reader_reads_every_barcode_whether_the_printer_draws_it_or_we_do(name):
    picture = render(decode((FOLDER / f"{name}.bin").read_bytes()).ops, CASES[name][1])

    found = {(str(code.format), code.text) for code in zxingcpp.read_barcodes(picture) if code.text != ""}

    wanted = {("EAN-13", "6901234567892"), ("EAN-8", "96385074"), ("Code 39", "TABLE 12"), ("Code 128", "Order{7}")}
    assert wanted | {("ITF", "00012345")} <= found


def test_the_machines_own_font_reads_as_well_on_a_printer_without_chinese_characters():
    doc, profile, _ = CASES["chinese-dots-48"]
    glyphs = system_glyphs(_fonts())

    encoded = encode(doc, profile, glyphs)

    assert encoded.unprintable == 0
    rows = [row for row in set_rows(decode(encoded.data).ops, 576) if isinstance(row, RasterRow)]
    assert sum(any(row.dots) for row in rows) >= 8


def test_the_machines_own_font_says_which_characters_it_lacks():
    glyphs = system_glyphs(_fonts())

    assert glyphs is not None
    assert glyphs.glyph("\U0001f9ff") is None
    assert glyphs.glyph("\u3000") == (0,) * 24
    assert any(glyphs.glyph("宫") or ())


def test_without_a_chinese_font_there_is_no_source_of_dots():
    assert system_glyphs(system_fonts(folders=())) is None


def test_without_a_chinese_font_a_printer_without_chinese_characters_prints_that_sentence_and_no_boxes():
    text = decode((FOLDER / "chinese-no-font-48.bin").read_bytes()).text

    assert "".join(text.splitlines()[:2]).replace("installfonts", "install fonts") == NO_FONT_SENTENCE
    assert "□" not in text
    assert text.isascii()


def _has_price(row, profile):
    if isinstance(row, TextRow):
        return re.search(r"[0-9]\.[0-9]{2}$", row.text) is not None
    # Of the dots, those as wide as the paper; the codes are narrower. Centred lines end earlier.
    return (
        isinstance(row, RasterRow)
        and row.width_bytes * 8 == profile.width_dots
        and _right_edge(row) > 0.95 * (profile.width_dots)
    )


def _right_edge(row):
    if isinstance(row, TextRow):
        return row.width_dots
    width = row.width_bytes
    inked = 0
    for at in range(0, len(row.dots), width):
        inked |= int.from_bytes(row.dots[at : at + width], "big")
    return width * 8 - ((inked & -inked).bit_length() - 1)


def test_without_a_chinese_font_the_paper_says_so_instead_of_drawing_boxes():
    ops = decode((FOLDER / "receipt-48.bin").read_bytes()).ops
    profile = CASES["receipt-48"][1]

    picture = render(ops, profile, PaperFonts(hanzi=None, latin=None))

    assert picture.info["paper_note"] == FONT_NOTE
    assert picture.height == render(ops, profile, _fonts()).height + 2 * 30


def test_with_a_chinese_font_the_paper_says_nothing_of_fonts():
    ops = decode((FOLDER / "receipt-48.bin").read_bytes()).ops

    assert "paper_note" not in render(ops, CASES["receipt-48"][1], _fonts()).info


def _fonts():
    fonts = system_fonts()
    assert fonts.hanzi is not None, "the test machine needs fonts-noto-cjk or fonts-wqy-microhei"
    return fonts
