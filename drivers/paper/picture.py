"""The picture of the paper: ops drawn dot by dot as the printer would, for people's eyes and for a QR reader."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from drivers.escpos.ops import Op, TextStyle
from drivers.escpos.profile import DOTS_PER_COLUMN, PrinterProfile
from drivers.paper.fonts import CELL_HEIGHT_DOTS, PaperFonts, system_fonts
from drivers.paper.glyphs import ink
from drivers.paper.rows import BlankRow, CutRow, NoteRow, QrRow, RasterRow, Row, Run, TextRow, set_rows

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN_DOTS: Final = 20
"""White paper around what can be printed: 80 mm paper is 616 dots wide, 576 of them printable."""
FONT_NOTE: Final = "no Chinese font on this machine: hanzi are printed but not drawn here"
PAPER_DOTS_MAX: Final = 60_000


def render(ops: Iterable[Op], profile: PrinterProfile, fonts: PaperFonts | None = None) -> "Image":
    """Draw ops on paper of the profile's width.

    Args:
        fonts: the faces to use; the system's own when left out.

    Returns:
        A picture of mode L, one pixel a dot, black on white, as wide as the paper. `info["paper_note"]` holds `FONT_NOTE`
        when the system has no Chinese font; the same sentence then stands on top of the paper.
    """
    from PIL import Image  # noqa: PLC0415 - Pillow costs 60 ms and is needed only where paper is drawn

    fonts = system_fonts() if fonts is None else fonts
    rows = set_rows(ops, profile.width_dots)
    hanzi_missing = fonts.hanzi is None and any(_has_hanzi(row) for row in rows)
    if hanzi_missing:
        rows = [*_note_rows(profile), *rows]
    height = min(PAPER_DOTS_MAX, sum(row.height_dots for row in rows) + 2 * MARGIN_DOTS)
    paper = Image.new("L", (profile.width_dots + 2 * MARGIN_DOTS, height), 255)
    top = MARGIN_DOTS
    for row in rows:
        if top >= height:
            break
        _draw(paper, row, top, profile.width_dots, fonts)
        top += row.height_dots
    if hanzi_missing:
        paper.info["paper_note"] = FONT_NOTE
    return paper


def _has_hanzi(row: Row) -> bool:
    return isinstance(row, TextRow) and any(run.wide for run in row.runs)


def _note_rows(profile: PrinterProfile) -> list[Row]:
    note = f"[{FONT_NOTE}]"
    return [NoteRow("not_drawn", note[at : at + profile.columns]) for at in range(0, len(note), profile.columns)]


def _draw(paper: "Image", row: Row, top: int, width_dots: int, fonts: PaperFonts) -> None:
    match row:
        case TextRow():
            _draw_text(paper, row, top, width_dots, fonts)
        case QrRow():
            picture = _qr_picture(row.matrix, row.module_dots)
            if picture is not None:
                paper.paste(picture, (_left(row.align, picture.width, width_dots), top))
        case RasterRow():
            _draw_raster(paper, row, top, width_dots)
        case NoteRow():
            note = Run(row.detail, wide=False, style=TextStyle())
            _draw_text(paper, TextRow((note,), "left"), top, width_dots, fonts)
        case BlankRow() | CutRow():
            pass


def _left(align: str, used_dots: int, width_dots: int) -> int:
    free = max(0, width_dots - used_dots)
    return MARGIN_DOTS + {"left": 0, "centre": free // 2, "right": free}[align]


def _draw_text(paper: "Image", row: TextRow, top: int, width_dots: int, fonts: PaperFonts) -> None:
    left = _left(row.align, row.width_dots, width_dots)
    line_height = max((run.style.height for run in row.runs), default=1) * CELL_HEIGHT_DOTS
    for run in row.runs:
        cell_width = run.style.width * DOTS_PER_COLUMN * (2 if run.wide else 1)
        cell_height = run.style.height * CELL_HEIGHT_DOTS
        font = fonts.hanzi if run.wide else fonts.latin
        for character in run.text:
            if character not in " \u3000" or run.style.inverse or run.style.underline:
                glyph = ink(character, font, cell_width, cell_height, wide=run.wide, bold=run.style.bold)
                if run.style.inverse:
                    glyph = glyph.point(lambda value: 255 - value)
                spot = (left, top + line_height - cell_height)
                paper.paste(0, spot, glyph)
                if run.style.underline:
                    paper.paste(0, (left, spot[1] + cell_height, left + cell_width, spot[1] + cell_height + 2))
            left += cell_width


@lru_cache(maxsize=64)
def _qr_picture(matrix: tuple[str, ...], module_dots: int) -> "Image | None":
    from PIL import Image  # noqa: PLC0415 - see render

    if not matrix:
        return None
    side = len(matrix)
    pixels = bytes(0 if module == "1" else 255 for line in matrix for module in line)
    symbol = Image.frombytes("L", (side, side), pixels)
    return symbol.resize((side * module_dots, side * module_dots), Image.Resampling.NEAREST)


def _draw_raster(paper: "Image", row: RasterRow, top: int, width_dots: int) -> None:
    from PIL import Image  # noqa: PLC0415 - see render

    if not row.width_bytes or not row.rows:
        return
    picture = Image.frombytes("1", (row.width_bytes * 8, row.rows), bytes(byte ^ 0xFF for byte in row.dots)).convert(
        "L"
    )
    if (row.scale_x, row.scale_y) != (1, 1):
        size = (picture.width * row.scale_x, picture.height * row.scale_y)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    picture = picture.crop((0, 0, min(picture.width, width_dots), picture.height))
    paper.paste(picture, (_left(row.align, picture.width, width_dots), top))
