"""LED8: eight figures and four lamps, 2400 8N1 (pure).

`ESC Q A figures CR` as in the LED8N manual (digits, `-` and `.`; a point takes no place), `ESC s n` lamps with n as the character
`1` unit price, `2` total, `3` received, `4` change, `0` none (drivers.md §2.5; lamps not confirmed on a device yet).
"""

from typing import Final

from drivers.display.screen import Meaning, Screen, figure_of

_END: Final = b"\r"
_CLEAR: Final = b"\x0c"
_INITIALISE: Final = b"\x1b@"
_FIGURES: Final = b"\x1bQA"
_LAMP: Final = b"\x1bs"
_LAMPS: Final[dict[Meaning, bytes]] = {
    "": b"0",
    "unit_price": b"1",
    "total": b"2",
    "received": b"3",
    "change": b"4",
}


class Led8:
    """The usual Chinese customer display of figures; it shows no names, so `hanzi` changes nothing."""

    name = "led8"
    columns = 8

    def __init__(self, *, hanzi: bool = False) -> None:
        del hanzi

    def initial(self) -> bytes:
        """End a string that an unplugged cable cut short, go back to the power-on state, clear, lamps off."""
        return _END + _CLEAR + _INITIALISE + _CLEAR + _LAMP + _LAMPS[""]

    def show(self, screen: Screen) -> bytes:
        """Show the screen's figure and its lamp; dashes where it has more than eight places, nothing where there is none."""
        figure = figure_of(screen)
        if not figure:
            return _CLEAR + _LAMP + _LAMPS[""]
        if len(figure.replace(".", "")) > self.columns:
            figure = "-" * self.columns
        return _FIGURES + figure.encode("ascii") + _END + _LAMP + _LAMPS[screen.meaning]
