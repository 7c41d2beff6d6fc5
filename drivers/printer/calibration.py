"""Finding out what a printer can do: a slip that tries everything, questions about what came out, a profile from the answers.

No database says which printers have Chinese characters and how they are sized (drivers.md §1), so the person in front of the
paper does. Each part of the slip begins with a letter, starts from ESC @ so that one misunderstood command spoils no other
part, and the commands most likely to be misunderstood come last. Nothing here kicks a drawer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from drivers.document import Barcode
from drivers.errors import DeviceRejected
from drivers.escpos.encoder import CUT, FULL_CUT, JOB_START, native_barcode, native_buzzer, native_qr
from drivers.escpos.glyphs import GlyphSource, line_rows
from drivers.escpos.profile import DOTS_PER_COLUMN, BuzzerKind, HanziSize, PrinterProfile
from drivers.escpos.raster import qr_rows, raster
from drivers.escpos.text import KANJI_OFF, KANJI_ON

COLUMNS_TRIED: Final = (32, 36, 42, 44, 48)
WIDTHS_TRIED: Final = (384, 432, 504, 512, 576)
HANZI_SAMPLE: Final = "中文打印"
FOURBYTE_SAMPLE: Final = "㐂㐄㒨"
"""Three characters of CJK extension A: four bytes each in GB18030, none in GBK."""
QR_SAMPLE: Final = "HTTPS://EXAMPLE.TEST/QR"
BARCODE_SAMPLE: Final = "690123456789"

_BAR_ROWS: Final = 12
_END_MARK_DOTS: Final = 24
_CLONE_BEEPS: Final = 1
_EPSON_BEEPS: Final = 3
_YES_NO: Final = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the form; its words live with the screens.

    Attributes:
        key: the name of the answer.
        letter: where on the slip to look.
        options: what may be answered.
        many: any number of the options, joined by commas, none of them included.
    """

    key: str
    letter: str
    options: tuple[str, ...]
    many: bool = False


QUESTIONS: Final = (
    Question("columns", "A", tuple(map(str, COLUMNS_TRIED))),
    Question("width_dots", "B", (*map(str, WIDTHS_TRIED), "none")),
    Question("chinese", "C", _YES_NO),
    Question("large_hanzi", "D", ("D1", "D2", "D3"), many=True),
    Question("dots", "E", _YES_NO),
    Question("fourbyte", "F", _YES_NO),
    Question("qr", "G", _YES_NO),
    Question("barcode", "H", _YES_NO),
    Question("buzzer", "I", ("0", "1", "3", "4")),
    Question("cut", "J", _YES_NO),
)
"""In the order of the slip: A the longest row of figures that stays on one line; B the longest bar whose end has a block, none where
there is no bar at all; C are the four hanzi right; D which lines have hanzi twice as large as C; E is there a QR code; F are the three hanzi right; G and H is
there a QR code, a barcode; I how many times it sounded; J was the paper cut."""


def calibration_slip(profile: PrinterProfile, glyphs: GlyphSource | None = None) -> bytes:
    """Build the slip. It goes to any ESC/POS printer; nothing of the profile is relied on but the QR code's size.

    Args:
        profile: the one in use; tells how large a code may be.
        glyphs: a font, so that part F can show beside its characters how they ought to look.
    """
    # Nothing of ours is wider than the narrowest paper, except what measures the paper.
    module_dots = 4 if profile.width_dots < 512 else 5
    return b"".join(
        (
            *(_part(b"A" if index == 0 else b"", _ruler(columns)) for index, columns in enumerate(COLUMNS_TRIED)),
            *(_part(b"B %d" % width, raster(_bar(width))) for width in WIDTHS_TRIED),
            _part(b"C", _hanzi(HANZI_SAMPLE) + b"\n"),
            _part(b"D1", b"\x1d!\x11" + _hanzi(HANZI_SAMPLE) + b"\x1d!\x00\n"),
            _part(b"D2", b"\x1c!\x0c" + _hanzi(HANZI_SAMPLE) + b"\x1c!\x00\n"),
            _part(b"D3", b"\x1cW\x01" + _hanzi(HANZI_SAMPLE) + b"\x1cW\x00\n"),
            _part(b"E", raster(qr_rows(QR_SAMPLE, module_dots))),
            _part(b"F", _fourbyte(glyphs)),
            _part(b"G", native_qr(QR_SAMPLE, module_dots)),
            _part(b"H", native_barcode(Barcode(BARCODE_SAMPLE, "EAN13")) + b"\n"),
            _part(b"I", native_buzzer("clone", _CLONE_BEEPS) + b"\n" + native_buzzer("epson", _EPSON_BEEPS) + b"\n"),
            _part(b"J 1", CUT),
            _part(b"J 2", FULL_CUT),
        )
    )


def profile_from(answers: Mapping[str, str], base: PrinterProfile) -> PrinterProfile:
    """Make the profile that the answers describe.

    Args:
        answers: one for each of `QUESTIONS`.
        base: keeps what the slip cannot tell: the model, how it confirms, whether a drawer hangs on it.

    Raises:
        DeviceRejected: an answer is missing or none of those offered; the sentence says which.
    """
    for question in QUESTIONS:
        if question.key not in answers:
            raise DeviceRejected(f"calibration: the question {question.letter} ({question.key}) was not answered")
        given = answers[question.key]
        chosen = [part for part in given.split(",") if part] if question.many else [given]
        if wrong := [part for part in chosen if part not in question.options]:
            raise DeviceRejected(
                f"calibration: {question.key} is {wrong[0]!r}; it may be {', '.join(question.options)}"
            )
    if unknown := answers.keys() - {question.key for question in QUESTIONS}:
        raise DeviceRejected(f"calibration: there is no question {min(unknown)!r}")
    columns = int(answers["columns"])
    width_dots = columns * DOTS_PER_COLUMN if answers["width_dots"] == "none" else int(answers["width_dots"])
    chinese = answers["chinese"] == "yes"
    return replace(
        base,
        name=base.name if base.name.endswith("-calibrated") else f"{base.name}-calibrated",
        width_dots=width_dots,
        columns=min(columns, width_dots // DOTS_PER_COLUMN),
        # With neither Chinese characters nor dots there is no way to print Chinese; characters at least cost no paper.
        raster_text=not chinese and answers["dots"] == "yes",
        hanzi_size=_hanzi_size(answers["large_hanzi"].split(","), base.hanzi_size),
        fourbyte=chinese and answers["fourbyte"] == "yes",
        native_qr=answers["qr"] == "yes",
        barcode=answers["barcode"] == "yes",
        buzzer=_buzzer(int(answers["buzzer"])),
        cutter=answers["cut"] == "yes",
    )


def _hanzi_size(large: list[str], base: HanziSize) -> HanziSize:
    """Choose one command only: some printers multiply GS ! by FS !, and four times as large fits no line."""
    if "D1" in large:
        return "gs"
    if "D2" in large:
        return "fs"
    return "fs_w" if "D3" in large else base


def _buzzer(beeps: int) -> BuzzerKind:
    """Tell by the count which command was obeyed; one that obeys both gets the clone's, which it was tried with first."""
    if beeps in {_CLONE_BEEPS, _CLONE_BEEPS + _EPSON_BEEPS}:
        return "clone"
    return "epson" if beeps == _EPSON_BEEPS else "none"


def _part(label: bytes, content: bytes) -> bytes:
    return JOB_START + (label + b"\n" if label else b"") + content


def _ruler(columns: int) -> bytes:
    """Draw a line of exactly so many characters that ends in their number; on narrower paper the number goes to the next."""
    number = b"%d" % columns
    return b"." * (columns - len(number)) + number + b"\n"


def _bar(width_dots: int) -> list[bytes]:
    """Draw a thin bar that ends in a block at its last dots; on narrower paper the block is missing."""
    width_bytes = width_dots // 8
    mark_bytes = _END_MARK_DOTS // 8
    thin = b"\x00" * (width_bytes - mark_bytes) + b"\xff" * mark_bytes
    return [thin] * 5 + [b"\xff" * width_bytes] * 2 + [thin] * (_BAR_ROWS - 7)


def _hanzi(text: str) -> bytes:
    return KANJI_ON + text.encode("gb18030") + KANJI_OFF


def _fourbyte(glyphs: GlyphSource | None) -> bytes:
    sample = _hanzi(FOURBYTE_SAMPLE) + b"\n"
    if glyphs is None or any(glyphs.glyph(character) is None for character in FOURBYTE_SAMPLE):
        return sample
    width_dots = len(FOURBYTE_SAMPLE) * 2 * DOTS_PER_COLUMN
    return sample + b"=\n" + raster(line_rows(FOURBYTE_SAMPLE, glyphs, width_dots, left_dots=0, size=1, bold=False))
