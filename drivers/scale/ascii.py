"""`ST,GS,+ 123.456 kg` and CR LF: lines that many counter scales send by themselves (pure; drivers.md §2.5).

First field: `ST` at rest, `US` moving, `OL` beyond the range (below it with a minus). Second: `GS` gross, `NT` net, `TR` the tare alone, which is what
was taken off and no weight to charge for. Then sign, figure and unit (kg, g, lb, jin or 斤 in GBK or UTF-8). The same table
stands in the manuals of Excell AM4, Tiger TI-02 and General Measure M02.
"""

import re
from typing import Final

from drivers.scale.reading import Noise, Reading, ScaleTrouble, Unit, Weight, milligrams

_LINE_BYTES_MAX: Final = 40
_ENDS: Final = frozenset(b"\r\n")
_LINE: Final = re.compile(
    rb" *(ST|US|OL) *, *(?:(GS|NT|TR) *, *)?([+-]?) *(?:(\d{1,7})(?:\.(\d{1,4}))?)?[ ,]*([^\d ,.+-]*) *"
)
_UNITS: Final[dict[bytes, Unit]] = {
    b"kg": "kg",
    b"g": "g",
    b"lb": "lb",
    b"jin": "jin",
    "斤".encode("gbk"): "jin",
    "斤".encode(): "jin",
}


class StGs:
    """The comma-separated lines of most Chinese and Taiwanese counter scales."""

    name = "st-gs"
    question = b""
    poll_ms = 0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the beginning of a line."""
        self._line = bytearray()
        self._noise = Noise()

    def feed(self, data: bytes) -> list[Reading]:
        """Take bytes; give the readings they complete."""
        readings: list[Reading] = []
        for byte in data:
            if byte in _ENDS:
                readings += self._end()
                continue
            self._line.append(byte)
            if len(self._line) > _LINE_BYTES_MAX:
                readings += self._noise.drop(len(self._line))
                self._line.clear()
        return readings

    def _end(self) -> list[Reading]:
        line = bytes(self._line)
        self._line.clear()
        if not line:
            return []
        match = _LINE.fullmatch(line)
        if match is None:
            return self._noise.drop(len(line))
        self._noise.frame()
        state, which, sign, whole, part, unit_text = match.groups()
        if which == b"TR":
            return []
        if state == b"OL":
            return [ScaleTrouble("negative" if sign == b"-" else "overload")]
        unit = _UNITS.get(unit_text.lower())
        if whole is None or unit is None:
            return [ScaleTrouble("unit")]
        weight_mg = milligrams(int(whole + (part or b"")), len(part or b""), unit)
        if sign == b"-" and weight_mg:
            return [ScaleTrouble("negative")]
        return [Weight(weight_mg, stable=state == b"ST")]
