"""The calibration: simulated printers with limited abilities, a person who reads their paper, and a profile that fits."""

from dataclasses import dataclass, replace

import pytest

from drivers.document import Barcode, Columns, Cut, QrCode, ReceiptDoc, Rule, Text
from drivers.errors import DeviceRejected
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.escpos.ops import (
    BarcodePrinted,
    BuzzerSounded,
    Characters,
    DrawerPulse,
    NotDrawn,
    PaperCut,
    QrPrinted,
    Raster,
    Setting,
    TextStyle,
)
from drivers.paper.rows import QrRow, RasterRow, Row, TextRow, set_rows
from drivers.printer.calibration import COLUMNS_TRIED, QUESTIONS, WIDTHS_TRIED, calibration_slip, profile_from
from drivers.printer.profiles import GENERIC_58, GENERIC_80, from_json, to_json
from tests.golden.slips import GLYPHS

GARBAGE = "?"


@dataclass(frozen=True)
class Limited:
    """A printer that can do less than our decoder: what it does not know it does not obey."""

    name: str
    width_dots: int = 576
    chinese: bool = True
    large_by: tuple[str, ...] = ("GS !", "FS !")
    fourbyte: bool = False
    qr: bool = True
    barcode: bool = True
    cutter: bool = True
    buzzer: tuple[str, ...] = ()

    def rows(self, data: bytes):
        """What stands on its paper, and what was heard and cut."""
        ops = decode(data).ops
        sizes = self._sizes(data)
        shown = []
        characters = 0
        for op in ops:
            if isinstance(op, Characters):
                shown.append(self._character_op(op, sizes[characters]))
                characters += 1
            elif (isinstance(op, QrPrinted) and not self.qr) or (isinstance(op, BarcodePrinted) and not self.barcode):
                continue
            elif isinstance(op, Raster):
                shown.append(self._clipped(op))
            else:
                shown.append(op)
        return set_rows(shown, self.width_dots), [op for op in shown if self._happens(op)]

    def _happens(self, op):
        if isinstance(op, BuzzerSounded):
            return ("clone" if op.raw[1:2] == b"B" else "epson") in self.buzzer
        return isinstance(op, DrawerPulse | NotDrawn) or (isinstance(op, PaperCut) and self.cutter)

    def _sizes(self, data):
        """The size of each run of hanzi by the commands that this printer obeys: decoded once for each command alone."""
        by_command = []
        for name in self.large_by:
            others = {"GS !", "FS !", "FS W"} - {name}
            kept = b"".join(op.raw for op in decode(data).ops if not (isinstance(op, Setting) and op.name in others))
            by_command.append([op.style.width for op in decode(kept).ops if isinstance(op, Characters)])
        total = sum(isinstance(op, Characters) for op in decode(data).ops)
        return [max((one[index] for one in by_command), default=1) for index in range(total)]

    def _character_op(self, op, size):
        if not op.wide:
            return op
        style = replace(op.style, width=size, height=size)
        if not self.chinese:
            return replace(op, text=GARBAGE * len(op.raw), wide=False, style=style)
        if not self.fourbyte and len(op.raw) == 4 * len(op.text):
            return replace(op, text="囗口" * len(op.text), style=style)
        return replace(op, style=style)

    def _clipped(self, op):
        keep = min(op.width_bytes, self.width_dots // 8)
        dots = b"".join(op.dots[at : at + keep] for at in range(0, len(op.dots), op.width_bytes))
        return replace(op, width_bytes=keep, dots=dots)


def answers_of(printer: Limited, data: bytes) -> dict[str, str]:
    """Read the paper as a person does: by the letters, without knowing the printer."""
    rows, heard = printer.rows(data)
    parts: dict[str, list[Row]] = {}
    letter = ""
    for row in rows:
        words = row.text.split() if isinstance(row, TextRow) else []
        if words and words[0] in {"A", "B", "C", "D1", "D2", "D3", "E", "F", "G", "H", "I", "J"}:
            letter = " ".join(words) if words[0] == "B" else words[0]
            parts[letter] = []
        elif letter:
            parts[letter].append(row)
    whole = [row.text for row in parts["A"] if isinstance(row, TextRow) and row.text.startswith("...")]
    fits = [n for n in COLUMNS_TRIED if any(line.endswith(str(n)) and len(line) == n for line in whole)]
    blocks = [n for n in WIDTHS_TRIED if any(_ends_in_block(row, n) for row in parts[f"B {n}"])]
    large = [name for name in ("D1", "D2", "D3") if any(_is_large(row) for row in parts[name])]
    cuts = [op for op in heard if isinstance(op, PaperCut)]
    return {
        "columns": str(max(fits)),
        "width_dots": str(max(blocks)),
        "chinese": _yes("中文打印" in _texts(parts["C"])),
        "large_hanzi": ",".join(large),
        "dots": _yes(any(isinstance(row, RasterRow) for row in parts["E"])),
        "fourbyte": _yes("㐂㐄㒨" in _texts(parts["F"])),
        "qr": _yes(any(isinstance(row, QrRow) for row in parts["G"])),
        "barcode": _yes(any(isinstance(row, RasterRow) for row in parts["H"])),
        "buzzer": str(sum(op.times for op in heard if isinstance(op, BuzzerSounded))),
        "cut": _yes(bool(cuts)),
    }


def _ends_in_block(row, width):
    return isinstance(row, RasterRow) and row.width_bytes * 8 == width and row.dots[row.width_bytes - 3] == 0xFF


def _is_large(row):
    return isinstance(row, TextRow) and any(run.style.width == 2 for run in row.runs if run.wide)


def _texts(rows):
    return [row.text for row in rows if isinstance(row, TextRow)]


def _yes(value):
    return "yes" if value else "no"


RECEIPT = ReceiptDoc(
    (
        Text("巷里小馆", size=2, align="centre"),
        Rule(),
        Columns("宫保鸡丁", "￥38.00"),
        Columns("合计", "￥38.00", size=2),
        Text("稀字 㐂"),
        QrCode("HTTPS://HQ.EXAMPLE/J/ABC", 5),
        Barcode("690123456789", "EAN13"),
        Cut(),
    )
)


def faults_on(printer: Limited, data: bytes) -> list[str]:
    """What is wrong on this printer's paper, for a slip like `RECEIPT`."""
    rows, heard = printer.rows(data)
    faults = []
    texts = "".join(row.text for row in rows if isinstance(row, TextRow))
    drawn = sum(isinstance(row, RasterRow) for row in rows)
    if GARBAGE in texts or "囗口" in texts:
        faults.append("garbage")
    if not printer.chinese and drawn < 4:
        faults.append("no dots instead of hanzi")
    if any(len({run.style.width for run in row.runs}) > 1 for row in rows if isinstance(row, TextRow)):
        faults.append("hanzi and figures of two sizes in one line")
    lines = sum(op.raw == b"\n" for op in decode(data).ops)
    if sum(isinstance(row, TextRow) for row in rows) != lines + (
        1 if printer.barcode and "6901234567892" in texts else 0
    ):
        faults.append("a line wrapped, or one is missing")
    codes = sum(isinstance(row, QrRow | RasterRow) for row in rows)
    if codes < 2 or "6901234567892" not in texts:
        faults.append("a code is missing")
    if any(isinstance(op, NotDrawn) for op in heard):
        faults.append("something is not understood")
    return faults


PRINTERS = [
    Limited("epson 80", large_by=("GS !",), buzzer=("epson",)),
    Limited("epson 80, 42 columns", width_dots=512, large_by=("GS !",)),
    Limited("clone 80", large_by=("FS !",), qr=False, buzzer=("clone",)),
    Limited("clone 80 with FS W", large_by=("FS W",), barcode=False),
    Limited("clone that obeys both", large_by=("GS !", "FS !"), buzzer=("clone", "epson")),
    Limited("clone 58 without a knife", width_dots=384, qr=False, barcode=False, cutter=False, large_by=("FS !",)),
    Limited("GB18030 80", fourbyte=True, large_by=("GS !",)),
    Limited("western 80", chinese=False, large_by=()),
    Limited("western 58", width_dots=384, chinese=False, large_by=(), qr=False, barcode=False, cutter=False),
]


@pytest.mark.parametrize("printer", PRINTERS, ids=lambda printer: printer.name)
@pytest.mark.parametrize("base", [GENERIC_80, GENERIC_58], ids=lambda base: base.name)
def test_answering_as_a_person_before_the_printer_gives_a_profile_that_prints_right_on_it(printer, base):
    answers = answers_of(printer, calibration_slip(base, GLYPHS))

    profile = profile_from(answers, base)

    assert (profile.width_dots, profile.columns) == (printer.width_dots, printer.width_dots // 12)
    assert profile.raster_text == (not printer.chinese)
    assert (profile.native_qr, profile.barcode, profile.cutter) == (printer.qr, printer.barcode, printer.cutter)
    assert profile.fourbyte == printer.fourbyte
    assert profile.buzzer == (printer.buzzer[0] if printer.buzzer else "none")
    assert faults_on(printer, encode(RECEIPT, profile, GLYPHS).data) == []


@pytest.mark.parametrize("printer", [PRINTERS[3], PRINTERS[5], PRINTERS[7]], ids=lambda printer: printer.name)
def test_negative_control_a_profile_of_another_printer_prints_wrong_there(printer):
    other = profile_from(answers_of(PRINTERS[6], calibration_slip(GENERIC_80)), GENERIC_80)

    assert faults_on(printer, encode(RECEIPT, other, GLYPHS).data) != []


def test_the_slip_says_nothing_that_our_decoder_does_not_know_and_kicks_no_drawer():
    decoded = decode(calibration_slip(GENERIC_80, GLYPHS))

    assert decoded.complete
    assert decoded.unknown == []
    assert not any(isinstance(op, NotDrawn | DrawerPulse) for op in decoded.ops)
    assert [op.partial for op in decoded.ops if isinstance(op, PaperCut)] == [True, False]


def test_each_part_begins_anew_so_that_one_misunderstood_command_spoils_no_other():
    data = calibration_slip(GENERIC_80)

    for letter in (b"A", b"B 576", b"C", b"D1", b"D2", b"D3", b"E", b"F", b"G", b"H", b"I", b"J 1", b"J 2"):
        assert b"\x1b@\x1c.\x1bt\x00" + letter + b"\n" in data
    styles = [op.style for op in decode(data).ops if isinstance(op, Characters) and not op.wide]
    assert set(styles) == {TextStyle()}


def test_every_question_has_its_letter_on_the_slip():
    text = decode(calibration_slip(GENERIC_80)).text.splitlines()

    for question in QUESTIONS:
        assert any(line.startswith(question.letter) for line in text)


RIGHT = {
    "columns": "48",
    "width_dots": "576",
    "chinese": "yes",
    "large_hanzi": "D1,D2",
    "dots": "yes",
    "fourbyte": "no",
    "qr": "yes",
    "barcode": "yes",
    "buzzer": "0",
    "cut": "yes",
}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"columns": "50"}, "columns"),
        ({"columns": ""}, "columns"),
        ({"large_hanzi": "D1,D4"}, "large_hanzi"),
        ({"chinese": "maybe"}, "chinese"),
        ({"smell": "yes"}, "smell"),
    ],
)
def test_an_answer_that_was_not_offered_is_refused_by_name(change, word):
    with pytest.raises(DeviceRejected, match=word):
        profile_from({**RIGHT, **change}, GENERIC_80)


@pytest.mark.parametrize("key", RIGHT)
def test_a_question_left_open_is_named(key):
    with pytest.raises(DeviceRejected, match=key):
        profile_from({name: answer for name, answer in RIGHT.items() if name != key}, GENERIC_80)


def test_what_the_paper_cannot_tell_is_kept_and_the_result_can_be_written_down():
    base = replace(GENERIC_80, model="XP-N160I", confirms="none", answers=False, drawer=False)

    once = profile_from(RIGHT, base)

    assert (once.model, once.confirms, once.answers, once.drawer) == ("XP-N160I", "none", False, False)
    assert once.name == profile_from(RIGHT, once).name == "generic-80-calibrated"
    assert from_json(to_json(once)) == once


def test_without_any_bar_the_width_follows_from_the_columns():
    profile = profile_from({**RIGHT, "columns": "42", "width_dots": "none", "dots": "no", "chinese": "no"}, GENERIC_80)

    assert (profile.width_dots, profile.columns, profile.raster_text) == (504, 42, False)
