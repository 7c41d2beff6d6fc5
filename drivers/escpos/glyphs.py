"""Lines of text as dots, for what the printer's own characters cannot say. Pure: the glyphs come from whoever has a font.

A line is one big integer of all its rows side by side, so that setting a character is a shift and an OR; a receipt of forty
lines takes well under a millisecond once its characters have been drawn (drivers.md §6 asks for 60 receipts a second).
"""

from collections.abc import Hashable
from functools import lru_cache
from typing import Final, Protocol

from drivers.escpos.profile import DOTS_PER_COLUMN
from drivers.escpos.text import REPLACEMENT

GLYPH_ROWS: Final = 24
LINE_ROWS: Final = 30
"""Rows of a line as the printer feeds it after ESC @, so that text and dots keep one pitch."""
NO_FONT_SENTENCE: Final = "[no Chinese font on this machine: install fonts-noto-cjk]"


class GlyphSource(Hashable, Protocol):
    """Where dots come from. Hashable, and the same for as long as it lives."""

    def glyph(self, character: str) -> tuple[int, ...] | None:
        """Give the 24 rows of a character, 12 dots wide for ASCII and 24 for any other, highest bit left.

        None when the font has not got it.
        """
        ...


def line_rows(line: str, glyphs: GlyphSource, width_dots: int, *, left_dots: int, size: int, bold: bool) -> list[bytes]:
    """Draw one line as rows of packed dots over the whole width.

    Args:
        line: cleaned text that fits.
        left_dots: white before the first character.
        size: 1, or 2 for double width and height.
    """
    dots = 0
    used = left_dots
    for character in line:
        cell = DOTS_PER_COLUMN * size * (1 if character <= "\x7f" else 2)
        used += cell
        if character != " " and used <= width_dots:
            dots |= _spread(glyphs, character, width_dots, size, bold) << (width_dots - used)
    height = GLYPH_ROWS * size
    width_bytes = width_dots // 8
    packed = dots.to_bytes(height * width_bytes, "big")
    rows = [packed[at : at + width_bytes] for at in range(0, len(packed), width_bytes)]
    return rows + [bytes(width_bytes)] * (LINE_ROWS - GLYPH_ROWS)


@lru_cache(maxsize=8_192)
def _spread(glyphs: GlyphSource, character: str, stride_dots: int, size: int, bold: bool) -> int:  # noqa: FBT001 - cached
    """Give a character's rows as one number with `stride_dots` from row to row, standing at the right edge."""
    rows = glyphs.glyph(character) or _SQUARE
    spread = 0
    for row in rows:
        inked = row | row >> 1 if bold else row
        for _ in range(size):
            spread = spread << stride_dots | (_doubled(inked) if size == 2 else inked)
    return spread


def _doubled(row: int) -> int:
    return int("".join(bit * 2 for bit in f"{row:b}"), 2)


def _square() -> tuple[int, ...]:
    edge, side = 0x1FFFF8, 0x100008
    return (0, 0, 0, edge, *[side] * 16, edge, 0, 0, 0)


_SQUARE: Final = _square()
"""The hollow square, drawn here so that it does not depend on a font."""


def drawable(glyphs: GlyphSource, character: str) -> bool:
    """Whether a character can be drawn; the hollow square and blanks always can."""
    return character in {REPLACEMENT, "\u3000"} or glyphs.glyph(character) is not None
