"""Dots as ESC/POS raster slices that cannot be mistaken for real-time commands (drivers.md §2.3)."""

import re
from collections.abc import Sequence
from typing import Final

SLICE_ROWS_MAX: Final = 64
"""An interrupted slice swallows what follows until it is full, so slices stay small (4.6 kB at 576 dots)."""

NO_PULSE_IN_DOTS: Final = b"\x1d(D\x03\x00\x14\x01\x00"
"""GS ( D: tells an Epson to take no DLE DC4 drawer pulse until the next ESC @; the scan below stays the true guard."""
WIDTH_BYTES_MAX: Final = 255

# Printers obey these even inside image data: DLE EOT (status), DLE ENQ (recover), DLE DC4 (drawer pulse, clear buffer).
REAL_TIME: Final = re.compile(rb"\x10[\x04\x05\x14]")


def raster(rows: Sequence[bytes]) -> bytes:
    """Encode rows of packed dots (most significant bit left, 1 = black) as GS v 0 slices.

    Args:
        rows: all of the same length, 1 to 255 bytes each.
    """
    width_bytes = len(rows[0])
    assert 1 <= width_bytes <= WIDTH_BYTES_MAX, "a wider row would put a second byte, any byte, into the header"
    assert all(len(row) == width_bytes for row in rows), "rows of one picture have one length"
    out = bytearray()
    for top in range(0, len(rows), SLICE_ROWS_MAX):
        part = rows[top : top + SLICE_ROWS_MAX]
        out += b"\x1dv0\x00" + width_bytes.to_bytes(2, "little") + len(part).to_bytes(2, "little")
        out += without_real_time(b"".join(part))
    return bytes(out)


def without_real_time(dots: bytes) -> bytes:
    """Flip one dot in every byte pair that a printer would take for a real-time command.

    Rows of one slice follow each other without a byte between them, so the slice is scanned as one. Between slices stands a
    header, which begins with 1D and ends in 00: neither end of it can be half of a pair.
    """
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


def fitted(rows: Sequence[bytes], width_dots: int) -> Sequence[bytes]:
    """Make a picture smaller by 2, 3, … until it fits; a dot is black when any of those it stands for is."""
    across = len(rows[0]) * 8
    by = (across + width_dots - 1) // width_dots
    if by == 1:
        return rows
    width_bytes = ((across + by - 1) // by + 7) // 8
    smaller: list[bytes] = []
    for top in range(0, len(rows), by):
        dots = 0
        for row in rows[top : top + by]:
            dots |= int.from_bytes(row, "big")
        bits = f"{dots:0{across}b}"
        small = "".join("1" if "1" in bits[at : at + by] else "0" for at in range(0, across, by))
        smaller.append(int(small.ljust(width_bytes * 8, "0"), 2).to_bytes(width_bytes, "big"))
    return smaller
