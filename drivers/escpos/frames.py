"""How long each ESC/POS command is: framing only, for drawn and undrawn commands alike.

A decoder that knows the length of a command it cannot draw stays in step; one that guesses prints the payload as text. So
every length-prefixed family is framed (drivers.md §5): GS ( , GS 8 L, FS (, ESC (, ESC *, GS v 0, GS k, ESC &, GS *, ESC D,
FS 2, FS q and the like, and ESC Z, the QR code of some clones.
"""

from collections.abc import Callable
from typing import Final

DLE: Final = 0x10
ESC: Final = 0x1B
FS: Final = 0x1C
GS: Final = 0x1D
SINGLE: Final = frozenset({0x00, 0x09, 0x0A, 0x0C, 0x0D, 0x18})
"""NUL, HT, LF, FF, CR and CAN: commands of one byte."""

UNKNOWN: Final = 0
PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
"""A longer payload is taken for garbage; a 58 cm picture at 576 dots is 0.33 MB."""

# Whole length, introducer included, of the commands that have one.
_ESC_FIXED: Final = {
    **dict.fromkeys(b"<@LSimv2\x0c", 2),
    **dict.fromkeys(b" !%-3=?EGJKMRTUVade9rtu{j", 3),
    **dict.fromkeys(b"$\\cBf", 4),
    ord("p"): 5,
    ord("W"): 10,
}
_GS_FIXED: Final = {
    **dict.fromkeys(b":c<", 2),
    **dict.fromkeys(b"!/BHITabfhjrw", 3),
    **dict.fromkeys(b"$LPW\\", 4),
    ord("^"): 5,
    ord("z"): 5,
    ord("g"): 6,
}
_FS_FIXED: Final = {
    **dict.fromkeys(b"&.", 2),
    **dict.fromkeys(b"!-WC", 3),
    **dict.fromkeys(b"S?p", 4),
    ord("2"): 76,
}
_DLE_DC4: Final = {0x01: 5, 0x02: 5, 0x07: 4, 0x08: 10}
_DLE_EOT_LONG: Final = frozenset({0x07, 0x08, 0x12})

_Measure = Callable[[bytes | bytearray, int], int | None]


def frame_length(data: bytes | bytearray, start: int) -> int | None:
    """Measure the command that begins at a control byte.

    Returns:
        Its whole length in bytes, which may reach beyond what is there; None while its header is incomplete;
        `UNKNOWN` when no command begins like this.
    """
    introducer = data[start]
    if introducer in SINGLE:
        return 1
    if introducer not in _TABLES:
        return UNKNOWN
    if len(data) - start < 2:
        return None
    fixed, measured = _TABLES[introducer]
    selector = data[start + 1]
    if (length := fixed.get(selector)) is not None:
        return length
    if (measure := measured.get(selector)) is None:
        return UNKNOWN
    measured_length = measure(data, start)
    if measured_length is not None and measured_length > PAYLOAD_BYTES_MAX:
        return UNKNOWN
    return measured_length


def _number(data: bytes | bytearray, start: int, size: int) -> int | None:
    """Read a little-endian number, None while it is not all there."""
    end = start + size
    return int.from_bytes(data[start:end], "little") if end <= len(data) else None


def _prefixed(header: int, size: int) -> _Measure:
    """Measure a command whose `size` bytes before `header` bytes are up hold the length of what follows."""

    def measure(data: bytes | bytearray, start: int) -> int | None:
        count = _number(data, start + header - size, size)
        return None if count is None else header + count

    return measure


def _raster(data: bytes | bytearray, start: int) -> int | None:
    width_bytes = _number(data, start + 4, 2)
    rows = _number(data, start + 6, 2)
    if width_bytes is None or rows is None:
        return None
    return 8 + width_bytes * rows


def _bit_image(data: bytes | bytearray, start: int) -> int | None:
    columns = _number(data, start + 3, 2)
    if columns is None:
        return None
    return 5 + columns * (3 if data[start + 2] in (32, 33) else 1)


def _until_nul(data: bytes | bytearray, start: int, skip: int) -> int | None:
    # Tab stops have at most 32 entries and a barcode at most 255 characters; longer means that the NUL was lost.
    end = data.find(0, start + skip, start + skip + 256)
    if end >= 0:
        return end - start + 1
    return UNKNOWN if len(data) - start > skip + 256 else None


def _tab_stops(data: bytes | bytearray, start: int) -> int | None:
    return _until_nul(data, start, 2)


def _user_characters(data: bytes | bytearray, start: int) -> int | None:
    header = data[start + 2 : start + 5]
    if len(header) < 3:
        return None
    height_bytes, first, last = header
    end = start + 5
    for _ in range(last - first + 1):
        if end >= len(data):
            return None
        end += 1 + data[end] * height_bytes
    return end - start


def _downloaded_image(data: bytes | bytearray, start: int) -> int | None:
    size = data[start + 2 : start + 4]
    return None if len(size) < 2 else 4 + size[0] * size[1] * 8


def _barcode(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    if data[start + 2] < 65:
        return _until_nul(data, start, 3)
    count = _number(data, start + 3, 1)
    return None if count is None else 4 + count


def _cut(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    return 3 if data[start + 2] in (0, 1, 48, 49) else 4


def _counter(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    return {0x30: 5, 0x31: 9, 0x32: 5}.get(data[start + 2], UNKNOWN)


def _stored_images(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    end = start + 3
    for _ in range(data[start + 2]):
        across, down = _number(data, end, 2), _number(data, end + 2, 2)
        if across is None or down is None:
            return None
        end += 4 + across * down * 8
        if end - start > PAYLOAD_BYTES_MAX:
            return UNKNOWN
    return end - start


def _user_memory(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    if data[start + 2] == 0x32:
        return 10
    count = _number(data, start + 8, 2)
    return None if count is None else 10 + count


def _status_question(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    return 4 if data[start + 2] in _DLE_EOT_LONG else 3


def _real_time_request(data: bytes | bytearray, start: int) -> int | None:
    if len(data) - start < 3:
        return None
    return _DLE_DC4.get(data[start + 2], UNKNOWN)


_PARENTHESIS: Final = _prefixed(5, 2)
_TABLES: Final[dict[int, tuple[dict[int, int], dict[int, _Measure]]]] = {
    DLE: ({0x05: 3}, {0x04: _status_question, 0x14: _real_time_request}),
    ESC: (
        _ESC_FIXED,
        {
            ord("("): _PARENTHESIS,
            ord("*"): _bit_image,
            ord("D"): _tab_stops,
            ord("&"): _user_characters,
            ord("Z"): _prefixed(7, 2),
        },
    ),
    FS: (_FS_FIXED, {ord("("): _PARENTHESIS, ord("q"): _stored_images, ord("g"): _user_memory}),
    GS: (
        _GS_FIXED,
        {
            ord("("): _PARENTHESIS,
            ord("8"): _prefixed(7, 4),
            ord("*"): _downloaded_image,
            ord("k"): _barcode,
            ord("v"): _raster,
            ord("Q"): _raster,
            ord("V"): _cut,
            ord("C"): _counter,
        },
    ),
}
