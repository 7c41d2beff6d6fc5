"""A customer display's twin: what its bytes leave on two rows of twenty columns, or on eight figures and four lamps.

It keeps cells, not text: a column is a byte, and a hanzi cut in half shows as two boxes, as on the glass.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import msgspec

from drivers.transport.address import Address, SerialAddress
from drivers.virtual.device import Kind, WiredTwin
from drivers.virtual.menu import MenuRow
from drivers.virtual.timers import Later
from drivers.virtual.wires import PtyWire

COLUMNS: Final = 20
FIGURES: Final = 8
BANNER: Final = (b"ZHANGGUI", b"READY")
"""What it shows from power-on until somebody clears it."""
_BLANK: Final = 0x20
_BOX: Final = "□"
_LAMPS: Final = {b"0": "", b"1": "unit_price", b"2": "total", b"3": "received", b"4": "change"}
# What follows ESC, US and FS: how many more bytes belong to the command.
_ESC: Final = {ord("@"): 0, ord("="): 1, ord("l"): 2, ord("s"): 1, ord("_"): 1, ord("R"): 1, ord("t"): 1, ord("%"): 1}
_ESC_MODES: Final = {0x11: 0, 0x12: 0, 0x13: 0}
_US: Final = {ord("$"): 2, ord("C"): 1, ord("X"): 1, ord("E"): 1, 0x01: 0, 0x02: 0, 0x03: 0, ord("@"): 0, ord("r"): 1}
_FS: Final = {ord("&"): 0, ord("."): 0}


class DisplaySwitches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the display is set and what is wrong with it.

    Attributes:
        dialect: the commands it knows.
        baud: the speed in its address; 0 = the usual one, 2400 for figures and 9600 for rows.
        wrong_baud: it runs at another speed than its address says.
        dark: it takes everything and shows nothing.
    """

    dialect: Literal["cd5220", "escpos-vfd", "led8"] = "cd5220"
    baud: Literal[0, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 0
    wrong_baud: bool = False
    dark: bool = False


class Glass:
    """What a display shows, from bytes cut anywhere (pure)."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self.unknown_bytes = 0
        self.initialised = False
        self._pending = bytearray()
        self._power_on()

    def _power_on(self) -> None:
        self._cells = [bytearray(text.center(COLUMNS)) for text in BANNER]
        self._figures = b"8" * FIGURES
        self.lamp = ""
        self._row = self._column = 0
        self._string: int | None = None
        self._selected = True

    @property
    def lines(self) -> tuple[str, str]:
        """The two rows as a person reads them; figures stand on the first."""
        if self._dialect == "led8":
            return self._figures.decode("ascii", "replace").rjust(FIGURES), ""
        upper, lower = (_read(cells) for cells in self._cells)
        return upper, lower

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._pending += data
        at = 0
        while at < len(self._pending) and (taken := self._take(at)):
            at += taken
        del self._pending[:at]

    def _take(self, at: int) -> int:
        """Obey what begins here; give how many bytes it was, 0 when it is not all there."""
        data = self._pending
        first = data[at]
        if self._string is not None and first not in (0x0D, 0x0C, 0x18):
            self._write_string(first)
            return 1
        if first in (0x1B, 0x1F, 0x1C):
            return self._command(at)
        if first >= _BLANK:
            self._write(first)
        else:
            self._control(first)
        return 1

    def _control(self, byte: int) -> None:
        match byte:
            case 0x0D if self._string is not None:
                self._string = None
            case 0x0C | 0x18:
                self._string = None
                self._clear(only_row=byte == 0x18)
            case 0x0D:
                self._column = 0
            case 0x0A:
                self._row = 1 - self._row
            case 0x0B:
                self._row = self._column = 0
            case 0x08:
                self._move(-1)
            case 0x09:
                self._move(1)
            case 0x00:
                pass
            case _:
                self.unknown_bytes += 1

    def _command(self, at: int) -> int:
        data = self._pending
        if len(data) - at < 2:
            return 0
        selector = data[at + 1]
        if data[at] == 0x1B and selector == ord("Q"):
            return self._begin_string(at)
        tables = {0x1B: _ESC | _ESC_MODES, 0x1F: _US, 0x1C: _FS}
        more = tables[data[at]].get(selector)
        if more is None:
            self.unknown_bytes += 2
            return 2
        if len(data) - at < 2 + more:
            return 0
        self._obey(data[at], selector, bytes(data[at + 2 : at + 2 + more]))
        return 2 + more

    def _begin_string(self, at: int) -> int:
        data = self._pending
        if len(data) - at < 3:
            return 0
        which = data[at + 2]
        rows = {ord("A"): 0} if self._dialect == "led8" else {ord("A"): 0, ord("B"): 1}
        if which in rows:
            self._string = rows[which]
            self._row, self._column = self._string, 0
            self._figures = b"" if self._dialect == "led8" else self._figures
            if self._selected and self._dialect != "led8":
                self._cells[self._string] = bytearray(b" " * COLUMNS)
        else:
            self.unknown_bytes += 3
        return 3

    def _obey(self, introducer: int, selector: int, rest: bytes) -> None:
        match introducer, selector:
            case 0x1B, 0x40:
                self._power_on()
                self._clear()
                self.initialised = True
            case 0x1B, 0x3D:
                self._selected = bool(rest[0] & 0x02)
            case (0x1B, 0x6C) | (0x1F, 0x24):
                column, row = rest
                if 1 <= column <= COLUMNS and row in (1, 2):
                    self._column, self._row = column - 1, row - 1
            case 0x1B, 0x73:
                self.lamp = _LAMPS.get(rest, self.lamp)
            case _:
                pass

    def _clear(self, *, only_row: bool = False) -> None:
        for row in (self._row,) if only_row else (0, 1):
            self._cells[row] = bytearray(b" " * COLUMNS)
        self._figures = b""
        self._column = 0
        self._row = self._row if only_row else 0

    def _write_string(self, byte: int) -> None:
        if not self._selected:
            return
        if self._dialect == "led8":
            # A point shares the place of the figure before it.
            room = len(self._figures.replace(b".", b"")) < FIGURES or byte == ord(".")
            if byte in b"0123456789.- " and room:
                self._figures += bytes((byte,))
            else:
                self.unknown_bytes += 1
        elif self._string is not None and self._column < COLUMNS:
            self._cells[self._string][self._column] = byte
            self._column += 1

    def _write(self, byte: int) -> None:
        if not self._selected:
            return
        if self._dialect == "led8":
            self.unknown_bytes += 1
            return
        self._cells[self._row][self._column] = byte
        self._move(1)

    def _move(self, step: int) -> None:
        at = (self._row * COLUMNS + self._column + step) % (2 * COLUMNS)
        self._row, self._column = divmod(at, COLUMNS)


class DisplayTwin(WiredTwin[DisplaySwitches]):
    """One customer display."""

    kind: ClassVar[Kind] = "display"
    menu: ClassVar[tuple[MenuRow, ...]] = (
        MenuRow("dark", "switch", "display.dark"),
        MenuRow("wrong_baud", "switch", "display.wrong_baud"),
    )

    def __init__(
        self, name: str, switches: DisplaySwitches, folder: Path, later: Later, changed: Callable[[], None]
    ) -> None:
        """Build it; its name in the folder becomes the device file. See `WiredTwin`."""
        super().__init__(name, switches, later, changed)
        self._baud = switches.baud or (2400 if switches.dialect == "led8" else 9600)
        self._wire = self.pty(folder, self._baud)
        self._link = str(folder / f"display-{name}")
        self._glass = Glass(switches.dialect)
        self._heard_bytes = 0
        self.switched()

    @property
    def wire(self) -> PtyWire:
        """What it hangs on."""
        return self._wire

    @property
    def address(self) -> Address:
        """Where a driver finds it."""
        return SerialAddress(self._link, baud=self._baud)

    def plug(self) -> None:
        """Plug it in: it wakes up as from the factory, whatever stood there before."""
        with self.lock:
            self._glass = Glass(self.switches.dialect)
        super().plug()

    def switched(self) -> None:
        """Take over the switch that is the line's; see `WiredTwin`."""
        self._wire.off_speed = self.switches.wrong_baud

    def hear(self, data: bytes) -> None:
        """Show what comes."""
        with self.lock:
            self._heard_bytes += len(data)
            self._glass.feed(data)
        self.changed()

    def own_view(self) -> dict[str, Any]:
        """Say what it shows."""
        shown = ("", "") if self.switches.dark else self._glass.lines
        return {
            "dialect": self.switches.dialect,
            "lines": shown,
            "lamp": self._glass.lamp,
            "initialised": self._glass.initialised,
            "heard_bytes": self._heard_bytes,
            "unknown_bytes": self._glass.unknown_bytes,
        }


def _read(cells: bytearray) -> str:
    """Read a row of cells as GBK; a byte that is half a hanzi is a box."""
    text = ""
    at = 0
    while at < len(cells):
        for length in (1, 2) if cells[at] < 0x80 else (2,):
            try:
                text += cells[at : at + length].decode("gbk")
            except UnicodeDecodeError:
                continue
            at += length
            break
        else:
            text += _BOX
            at += 1
    return text
