"""ESC/POS customer display: two rows of twenty columns, addressed by cursor (pure).

Commands as in the "EPSON mode" tables of the XP8200 and POS-408 manuals: `ESC @` initial state, `US 01` overwrite mode, `US C 0`
cursor off, `CLR` clear, `US $ x y` cursor to column and row from 1. `FS &` begins the Chinese mode as on printers.
"""

from typing import Final

from drivers.display.screen import Screen, row

_SELECT: Final = b"\x1b=\x02"
_INITIALISE: Final = b"\x1b@"
_OVERWRITE: Final = b"\x1f\x01"
_CURSOR_OFF: Final = b"\x1fC\x00"
_HANZI_ON: Final = b"\x1c&"
_CLEAR: Final = b"\x0c"
_UPPER: Final = b"\x1f$\x01\x01"
_LOWER: Final = b"\x1f$\x01\x02"


class EscPosVfd:
    """A fluorescent display with Epson's commands; `hanzi` when it has Chinese characters (GBK)."""

    name = "escpos-vfd"
    columns = 20

    def __init__(self, *, hanzi: bool = False) -> None:
        self._hanzi = hanzi

    def initial(self) -> bytes:
        """Select it, go back to the power-on state, no scrolling, no cursor, clear.

        Clearing comes last, so that a display which does not know one of these shows nothing of it.
        """
        hanzi = _HANZI_ON if self._hanzi else b""
        return _SELECT + _INITIALISE + _OVERWRITE + _CURSOR_OFF + hanzi + _CLEAR

    def show(self, screen: Screen) -> bytes:
        """Write both rows in full."""
        upper = _UPPER + row(screen.upper, self.columns, hanzi=self._hanzi)
        return upper + _LOWER + row(screen.lower, self.columns, hanzi=self._hanzi)
