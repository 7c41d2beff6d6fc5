"""`FF`, flags, three BCD bytes with the low one first, and on some scales a unit (pure; drivers.md §2.5).

Flags as in the manual of Yousheng's JCS-B series, "Data format": D0 to D2 number of decimals (0 to 5), D3 and D4 mode (00
weighing, 01 counting, 10 percent), D5 negative, D6 stable, D7 overflow; the sixth byte is the unit, 0 kg, 1 lb. Older scales of
the same family send five bytes: then the unit is the one the caller gives, kg unless told otherwise. A second table of the
same frame in circulation counts the decimal point from 1 (1 = none, 4 = three decimals): `decimals_from=1`. The two cannot be
told apart by the bytes, so the weight on the till is compared with the scale's own figure when it is set up.

`FF` is in no other byte, so it always begins a frame. A five-byte frame is complete when the next one begins.
"""

from typing import Final

from drivers.scale.reading import Noise, Reading, ScaleTrouble, Unit, Weight, milligrams

_START: Final = 0xFF
_SHORT_BYTES: Final = 5
_UNITS: Final[dict[int, Unit]] = {0: "kg", 1: "lb"}
_UNIT_MAX: Final = 0x0F
_DECIMALS_MAX: Final = 5
_POINT, _MODE, _NEGATIVE, _STABLE, _OVERFLOW = 0x07, 0x18, 0x20, 0x40, 0x80


class FfBcd:
    """The binary frames of many Chinese price and counting scales.

    Args:
        unit: the unit of frames that name none.
        decimals_from: what the decimal field says for no decimals, 0 or 1.
    """

    question = b""
    poll_ms = 0

    def __init__(self, unit: Unit = "kg", decimals_from: int = 0) -> None:
        self.name = "ff-bcd" if decimals_from == 0 else "ff-bcd-from-1"
        self._unit = unit
        self._decimals_from = decimals_from
        self.reset()

    def reset(self) -> None:
        """Forget the beginning of a frame."""
        self._frame = bytearray()
        self._noise = Noise()

    def feed(self, data: bytes) -> list[Reading]:
        """Take bytes; give the readings they complete."""
        readings: list[Reading] = []
        for byte in data:
            readings += self._take(byte)
        return readings

    def _take(self, byte: int) -> list[Reading]:
        frame = self._frame
        if byte == _START:
            self._frame = bytearray([byte])
            if len(frame) == _SHORT_BYTES:
                return self._read(bytes(frame), self._unit)
            return self._noise.drop(len(frame)) if frame else []
        if not frame:
            return self._noise.drop()
        if len(frame) < _SHORT_BYTES:
            frame.append(byte)
            return []
        self._frame = bytearray()
        if byte > _UNIT_MAX:
            return self._noise.drop(len(frame) + 1)
        return self._read(bytes(frame), _UNITS.get(byte))

    def _read(self, frame: bytes, unit: Unit | None) -> list[Reading]:
        flags = frame[1]
        decimals = (flags & _POINT) - self._decimals_from
        figure = frame[4:1:-1].hex()
        if not 0 <= decimals <= _DECIMALS_MAX or not figure.isdecimal():
            return self._noise.drop(len(frame))
        self._noise.frame()
        if flags & _OVERFLOW:
            return [ScaleTrouble("overload")]
        if unit is None or flags & _MODE:
            return [ScaleTrouble("unit")]
        weight_mg = milligrams(int(figure), decimals, unit)
        if flags & _NEGATIVE and weight_mg:
            return [ScaleTrouble("negative")]
        return [Weight(weight_mg, stable=bool(flags & _STABLE))]
