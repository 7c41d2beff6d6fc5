"""Dots as ESC/POS raster slices that cannot be mistaken for real-time commands (drivers.md §2.3)."""

import re
from collections.abc import Sequence
from typing import Final

SLICE_ROWS_MAX: Final = 64
"""An interrupted slice swallows what follows until it is full, so slices stay small (4.6 kB at 576 dots)."""

# Printers obey these even inside image data: DLE EOT (status), DLE ENQ (recover), DLE DC4 (drawer pulse, clear buffer).
REAL_TIME: Final = re.compile(rb"\x10[\x04\x05\x14]")


def raster(rows: Sequence[bytes]) -> bytes:
    """Encode rows of packed dots (most significant bit left, 1 = black) as GS v 0 slices.

    Args:
        rows: all of the same length, 1 to 72 bytes each.
    """
    width_bytes = len(rows[0])
    assert all(len(row) == width_bytes for row in rows), "rows of one picture have one length"
    out = bytearray()
    for top in range(0, len(rows), SLICE_ROWS_MAX):
        part = rows[top : top + SLICE_ROWS_MAX]
        out += b"\x1dv0\x00" + width_bytes.to_bytes(2, "little") + len(part).to_bytes(2, "little")
        out += without_real_time(b"".join(part))
    return bytes(out)


def without_real_time(dots: bytes) -> bytes:
    """Flip one dot in every byte pair that a printer would take for a real-time command."""
    # 0x10 -> 0x11 adds one dot beside another: invisible on paper, and it cannot make a new pair.
    return REAL_TIME.sub(lambda found: b"\x11" + found.group()[1:], dots)


def qr_rows(data: str, module_dots: int) -> list[bytes]:
    """Draw a QR code (model 2, error correction M) with its quiet zone as rows of packed dots."""
    import segno  # noqa: PLC0415 - 20 ms of import that a printer with native QR never needs

    matrix = segno.make_qr(data, error="m", boost_error=False).matrix
    side_dots = (len(matrix) + 8) * module_dots
    width_bytes = (side_dots + 7) // 8
    blank = bytes(width_bytes)
    rows = [blank] * (4 * module_dots)
    for line in matrix:
        bits = "0" * (4 * module_dots) + "".join(("1" if dark else "0") * module_dots for dark in line)
        packed = int(bits.ljust(width_bytes * 8, "0"), 2).to_bytes(width_bytes, "big")
        rows += [packed] * module_dots
    return rows + [blank] * (4 * module_dots)
