"""Toledo 8217: the scale answers a `W` with its weight or with why there is none (pure; drivers.md §2.5).

`STX digits [N] CR` is a weight at rest (`N` = after taking the tare off), `STX ? status CR` says what is wrong. Status bits
as in Mettler Toledo's PS60/PS6L manual, "Scale Status Byte Format": 0 in motion, 1 over capacity, 2 under zero, 3 outside the
zero capture range, 4 centre of zero, 5 and 6 always set. The line is 9600 7E1.

The frame names no unit: it is the one that the scale shows, kg unless the caller says otherwise. A figure without a decimal
point could be grams or kilograms, so it is a `unit` trouble and never a weight.
"""

import re
from typing import Final

from drivers.scale.reading import Noise, Reading, ScaleTrouble, Unit, Weight, milligrams

PROBE: Final = b"Ehello"
"""Asks the scale to repeat `hello`. A stranger may print it, so it goes only to a port that a person marked for probing."""
PROBE_ANSWER: Final = b"\x02E\rhello"
PROBE_END: Final = b"F"
"""Ends the echo that the probe began."""

_STX: Final = 0x02
_CR: Final = 0x0D
_FRAME_BYTES_MAX: Final = 16
_STATUS_BYTES: Final = 3
_WEIGHT: Final = re.compile(rb" *(\d{1,6})(?:\.(\d{1,4}))? *N?")
_MOTION, _OVER, _UNDER, _NO_ZERO, _ZERO = 0x01, 0x02, 0x04, 0x08, 0x10


def answers_probe(data: bytes) -> bool:
    """Say whether what came back after `PROBE` is a Toledo 8217."""
    return PROBE_ANSWER in data


class Toledo8217:
    """The dialect of Mettler Toledo's and many other counter scales."""

    name = "toledo-8217"
    question = b"W"
    poll_ms = 200

    def __init__(self, unit: Unit = "kg") -> None:
        self._unit = unit
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
        status = frame[1:2] == b"?" and len(frame) < _STATUS_BYTES
        if byte == _STX and not status:
            dropped = self._noise.drop(len(frame)) if frame else []
            self._frame = bytearray([byte])
            return dropped
        if not frame:
            return self._noise.drop()
        if byte == _CR and not status:
            self._frame = bytearray()
            reading = self._read(bytes(frame[1:]))
            if reading is None:
                return self._noise.drop(len(frame) + 1)
            self._noise.frame()
            return [reading]
        frame.append(byte)
        if len(frame) > _FRAME_BYTES_MAX:
            self._frame = bytearray()
            return self._noise.drop(len(frame))
        return []

    def _read(self, body: bytes) -> Reading | None:
        if len(body) == _STATUS_BYTES - 1 and body[:1] == b"?":
            return _status(body[1])
        match = _WEIGHT.fullmatch(body)
        if match is None:
            return None
        if match[2] is None:
            return ScaleTrouble("unit")
        return Weight(milligrams(int(match[1] + match[2]), len(match[2]), self._unit), stable=True)


def _status(status: int) -> Reading | None:
    if status & _OVER:
        return ScaleTrouble("overload")
    if status & (_UNDER | _NO_ZERO):
        return ScaleTrouble("negative")
    if status & _MOTION:
        return Weight(0, stable=False)
    return Weight(0, stable=True) if status & _ZERO else None
