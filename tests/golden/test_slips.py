"""The slips that are held fast, byte for byte and line for line."""

import pytest
import zxingcpp

from drivers.escpos.decoder import decode
from drivers.escpos.ops import DrawerPulse
from drivers.paper.fonts import PaperFonts, system_fonts
from drivers.paper.picture import FONT_NOTE, render
from tests.golden.slips import CASES, FOLDER, made
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


@pytest.mark.parametrize("name", ["receipt-48", "receipt-48-reprint", "receipt-42", "receipt-32", "receipt-image-qr"])
def test_an_outside_reader_reads_the_invite_off_the_picture_of_the_paper(name):
    ops = decode((FOLDER / f"{name}.bin").read_bytes()).ops

    picture = render(ops, CASES[name][1])

    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert [code.text for code in found] == [INVITE_URL]
    assert len(INVITE_URL) == 170


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
