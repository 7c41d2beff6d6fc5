"""The system's Chinese fonts for the paper's picture: none is shipped, and the absence of one is said, not hidden."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

CELL_HEIGHT_DOTS: Final = 24
FONT_FOLDERS: Final = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
)
# In order of preference: (file name, family inside the collection, pixels at which a hanzi fills its 24 dots).
_WANTED: Final = (
    ("NotoSansCJK-Regular.ttc", "Noto Sans Mono CJK SC", 23),
    ("NotoSansMonoCJKsc-Regular.otf", "Noto Sans Mono CJK SC", 23),
    ("wqy-microhei.ttc", "WenQuanYi Micro Hei Mono", 23),
    ("wqy-zenhei.ttc", "WenQuanYi Zen Hei Mono", 23),
    ("NotoSansCJKsc-Regular.otf", "Noto Sans CJK SC", 23),
    ("DroidSansFallbackFull.ttf", "Droid Sans Fallback", 23),
    ("DroidSansFallback.ttf", "Droid Sans Fallback", 23),
    ("uming.ttc", "AR PL UMing CN", 23),
    ("ukai.ttc", "AR PL UKai CN", 23),
)
_WANTED_LATIN: Final = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "NotoSansMono-Regular.ttf")
_LATIN_PIXELS: Final = 20


@dataclass(frozen=True, slots=True)
class FontFile:
    """One face: a file, its index in a collection, and the size that fits the printer's cell."""

    path: Path
    index: int
    pixels: int
    family: str


@dataclass(frozen=True, slots=True)
class PaperFonts:
    """The faces to draw with. `hanzi` is None when the system has no Chinese font; `latin` None means Pillow's own."""

    hanzi: FontFile | None
    latin: FontFile | None


@lru_cache(maxsize=4)
def system_fonts(folders: tuple[Path, ...] = FONT_FOLDERS) -> PaperFonts:
    """Search the folders once for the best Chinese face and a fixed-width Latin one."""
    files: dict[str, Path] = {}
    for folder in folders:
        for pattern in ("*.ttc", "*.ttf", "*.otf"):
            for path in sorted(folder.rglob(pattern)):
                files.setdefault(path.name, path)
    hanzi = None
    for name, family, pixels in _WANTED:
        if name in files and (index := _index_of(files[name], family)) is not None:
            hanzi = FontFile(files[name], index, pixels, family)
            break
    latin = next((FontFile(files[name], 0, _LATIN_PIXELS, name) for name in _WANTED_LATIN if name in files), None)
    # A fixed-width Chinese face has Latin letters of exactly half a hanzi; one design for both looks like one printer.
    if hanzi is not None and "Mono" in hanzi.family:
        latin = hanzi
    return PaperFonts(hanzi, latin)


def _index_of(path: Path, family: str) -> int | None:
    """Find a family in a font file or collection; the first face when the collection does not name it."""
    from PIL import ImageFont  # noqa: PLC0415 - Pillow costs 60 ms and is needed only where paper is drawn

    for index in range(20):
        try:
            name = ImageFont.truetype(str(path), 12, index=index).getname()[0]
        except OSError:
            return 0 if index else None
        if name == family:
            return index
    return 0


def load(font: FontFile | None, scale: int) -> "FreeTypeFont":
    """Load a face at a multiple of its cell size.

    Raises:
        OSError: the file went away since it was found.
    """
    from PIL import ImageFont  # noqa: PLC0415 - see above

    if font is not None:
        return ImageFont.truetype(str(font.path), font.pixels * scale, index=font.index)
    built_in = ImageFont.load_default(_LATIN_PIXELS * scale)
    assert isinstance(built_in, ImageFont.FreeTypeFont), "Pillow is built with FreeType in every wheel"
    return built_in
