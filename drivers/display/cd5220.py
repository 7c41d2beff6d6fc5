"""CD5220: two rows of twenty columns, each written as one string (pure; drivers.md §2.5, command list in the manual's §6).

While a row's string mode is on, the display takes no other command but `0C`, which ends it, so that comes first.
"""

from typing import Final

from drivers.display.screen import Screen, row

_END_OF_STRING: Final = b"\r"
_CLEAR: Final = b"\x0c"
_INITIALISE: Final = b"\x1b@"
_UPPER: Final = b"\x1bQA"
_LOWER: Final = b"\x1bQB"


class Cd5220:
    """Most pole displays with two rows; `hanzi` when it has Chinese characters (GBK)."""

    name = "cd5220"
    columns = 20

    def __init__(self, *, hanzi: bool = False) -> None:
        self._hanzi = hanzi

    def initial(self) -> bytes:
        """End a row that an unplugged cable cut short, leave the string mode, go back to the power-on state, clear."""
        return _END_OF_STRING + _CLEAR + _INITIALISE + _CLEAR

    def show(self, screen: Screen) -> bytes:
        """Write both rows in full."""
        return b"".join(
            command + row(text, self.columns, hanzi=self._hanzi) + _END_OF_STRING
            for command, text in ((_UPPER, screen.upper), (_LOWER, screen.lower))
        )
