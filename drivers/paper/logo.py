"""A picture file as dots for a slip: a store's logo."""

import io
from typing import Final

from drivers.document import PICTURE_ROWS_MAX, Picture
from drivers.errors import DeviceRejected

FILE_BYTES_MAX: Final = 2_000_000
PIXELS_MAX: Final = 16_000_000


def logo(data: bytes, width_dots: int) -> Picture:
    """Turn a PNG, JPEG, GIF or BMP into black dots on white paper, grey drawn as a pattern.

    Args:
        data: the file; what is see-through becomes white.
        width_dots: the most it may be wide; a smaller picture keeps its size.

    Raises:
        DeviceRejected: no picture, or too large a one; the sentence says what is wanted.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - Pillow costs 60 ms and is needed only for logos

    if len(data) > FILE_BYTES_MAX:
        raise DeviceRejected(f"this picture has more than {FILE_BYTES_MAX // 1_000_000} MB: save it smaller")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "BMP")) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                raise DeviceRejected(f"this picture has {opened.width} x {opened.height} dots: save it smaller")
            seen = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        if isinstance(error, DeviceRejected):
            raise
        raise DeviceRejected("this file is no picture that can be read: save it as PNG") from error
    grey = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("L")
    if grey.width > width_dots:
        grey = grey.resize((width_dots, max(1, round(grey.height * width_dots / grey.width))))
    if grey.height > PICTURE_ROWS_MAX:
        raise DeviceRejected(f"this picture is {grey.height} dots high: cut it to {PICTURE_ROWS_MAX}")
    width_bytes = (grey.width + 7) // 8
    padded = Image.new("L", (width_bytes * 8, grey.height), 255)
    padded.paste(grey, (0, 0))
    dots = bytes(byte ^ 0xFF for byte in padded.convert("1").tobytes())
    return Picture(tuple(dots[at : at + width_bytes] for at in range(0, len(dots), width_bytes)))
