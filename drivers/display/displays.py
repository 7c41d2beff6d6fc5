"""The displays by the name that settings use."""

from typing import Final

from drivers.display.cd5220 import Cd5220
from drivers.display.led8 import Led8
from drivers.display.screen import DisplayMaker
from drivers.display.vfd import EscPosVfd

DISPLAYS: Final[dict[str, DisplayMaker]] = {"cd5220": Cd5220, "escpos-vfd": EscPosVfd, "led8": Led8}
