"""Characters as dots, drawn by the system's fonts: for the picture of the paper, and for printers without Chinese ones."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from drivers.escpos.glyphs import GlyphSource
from drivers.escpos.profile import DOTS_PER_COLUMN
from drivers.paper.fonts import CELL_HEIGHT_DOTS, FontFile, PaperFonts, load, system_fonts

if TYPE_CHECKING:
    from PIL.Image import Image

INK_THRESHOLD: Final = 110
GLYPHS_KEPT_MAX: Final = 8_192
# No face has these two; what it draws for both is its sign for a character that it has not got.
_NO_CHARACTERS: Final = ("\U000f8fff", "\U0010fffd")


class SystemGlyphs:
    """The glyph source over a machine's fonts; keeps what it has drawn, up to `GLYPHS_KEPT_MAX` characters."""

    def __init__(self, fonts: PaperFonts) -> None:
        """Take fonts of which at least the Chinese one is there."""
        assert fonts.hanzi is not None, "without a Chinese font there is no glyph source, see `system_glyphs`"
        self._fonts = fonts
        self._kept: dict[str, tuple[int, ...] | None] = {}
        self._missing: frozenset[bytes] | None = None

    def glyph(self, character: str) -> tuple[int, ...] | None:
        """Give the 24 rows of a character, 12 dots wide for ASCII and 24 for any other; None when the font lacks it."""
        if character not in self._kept:
            if len(self._kept) >= GLYPHS_KEPT_MAX:
                self._kept.clear()
            self._kept[character] = self._drawn(character)
        return self._kept[character]

    def _drawn(self, character: str) -> tuple[int, ...] | None:
        wide = character > "\x7f"
        dots = self._dots(character, wide=wide)
        if self._missing is None:
            self._missing = frozenset(self._dots(absent, wide=True) for absent in _NO_CHARACTERS)
        if wide and (dots in self._missing or not (any(dots) or character.isspace())):
            return None
        width = DOTS_PER_COLUMN * (2 if wide else 1)
        bytes_across = (width + 7) // 8
        return tuple(
            int.from_bytes(dots[at : at + bytes_across], "big") >> (bytes_across * 8 - width)
            for at in range(0, len(dots), bytes_across)
        )

    def _dots(self, character: str, *, wide: bool) -> bytes:
        font = self._fonts.hanzi if wide else self._fonts.latin
        width = DOTS_PER_COLUMN * (2 if wide else 1)
        return ink(character, font, width, CELL_HEIGHT_DOTS, wide=wide, bold=False).convert("1").tobytes()


@lru_cache(maxsize=4)
def _glyphs_of(fonts: PaperFonts) -> GlyphSource | None:
    return None if fonts.hanzi is None else SystemGlyphs(fonts)


def system_glyphs(fonts: PaperFonts | None = None) -> GlyphSource | None:
    """Give the dots of this machine's fonts, or of those given; None when there is no Chinese font.

    The same fonts give the same source, so its drawn characters are kept from slip to slip.
    """
    return _glyphs_of(system_fonts() if fonts is None else fonts)


@lru_cache(maxsize=20_000)
def ink(
    character: str,
    font: FontFile | None,
    width: int,
    height: int,
    *,
    wide: bool,
    bold: bool,
) -> "Image":
    """Draw one character in its cell as a mask of ink, pure black or none: a thermal head has no grey."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - Pillow costs 60 ms and is needed only where dots are drawn

    cell_width, cell_height = DOTS_PER_COLUMN * (2 if wide else 1), CELL_HEIGHT_DOTS
    scale = min(width // cell_width, height // cell_height)
    mask = Image.new("L", (cell_width * scale, cell_height * scale), 0)
    draw = ImageDraw.Draw(mask)
    if wide and font is None:
        # Two dots where a hanzi would stand: neither a box nor a wrong character.
        for at in (cell_width * scale // 3, 2 * cell_width * scale // 3):
            draw.ellipse((at - 2, cell_height * scale // 2 - 2, at + 2, cell_height * scale // 2 + 2), fill=255)
    else:
        face = load(font, scale)
        ascent, descent = face.getmetrics()
        base = round(cell_height * scale * 0.5 + (ascent - descent) * 0.5)
        if wide or font is None or "CJK" in font.family or "Hei" in font.family:
            base = round(cell_height * scale * 0.85)
        draw.text((cell_width * scale / 2, base), character, font=face, fill=255, anchor="ms")
        if bold:
            draw.text((cell_width * scale / 2 + scale, base), character, font=face, fill=255, anchor="ms")
    if mask.size != (width, height):
        mask = mask.resize((width, height))
    return mask.point(lambda value: 255 if value > INK_THRESHOLD else 0)
