"""A scale's twin: what lies on it, said in one of three dialects (drivers.md §2.5), with what goes wrong on a counter."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.transport.address import Address, SerialAddress
from drivers.virtual.device import Kind, WiredTwin, checked
from drivers.virtual.menu import MenuRow
from drivers.virtual.timers import Later
from drivers.virtual.wires import PtyWire

MG_PER_G: Final = 1_000
PERIOD_MS: Final = 100
"""A scale that talks by itself does so about ten times a second."""
FLOOD_FRAMES: Final = 40
"""In every period, when flooded: more than a 9600 baud line carries, and more than anybody reads."""
_MG_PER_UNIT: Final = {"kg": 1_000_000.0, "g": 1_000.0, "jin": 500_000.0, "lb": 453_592.37}
_DECIMALS: Final = {"kg": 3, "g": 0, "jin": 3, "lb": 3}
_MOTION, _OVER, _UNDER, _NO_ZERO, _ZERO, _ALWAYS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x60

_Grams = Annotated[float, msgspec.Meta(ge=-100_000, le=100_000)]


class ScaleSwitches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the scale is set and what is wrong with it.

    Attributes:
        dialect: how it talks; `toledo-8217` only when asked, the others by themselves.
        baud: the speed in its address; Toledo has 7 bits and even parity there.
        capacity_g: more than this is an overload.
        settle_ms: how long a new load swings.
        seed: what the swinging begins with.
        load_g: what lies on it at the start.
        unit: what it shows; somebody may change it at its keys.
        unstable: it never comes to rest.
        overload, negative: it says so whatever lies on it.
        silent: it says nothing.
        flood: it says much more than anybody reads.
        garbage: it says bytes of no dialect.
        wrong_baud: it runs at another speed than its address says.
    """

    dialect: Literal["toledo-8217", "st-gs", "ff-bcd"] = "st-gs"
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    capacity_g: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 15_000
    settle_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 400
    seed: int = 0
    load_g: _Grams = 0.0
    unit: Literal["kg", "g", "jin", "lb"] = "kg"
    unstable: bool = False
    overload: bool = False
    negative: bool = False
    silent: bool = False
    flood: bool = False
    garbage: bool = False
    wrong_baud: bool = False


class ScaleTwin(WiredTwin[ScaleSwitches]):
    """One scale."""

    kind: ClassVar[Kind] = "scale"
    built_in: ClassVar[frozenset[str]] = frozenset({"dialect", "baud", "seed"})
    menu: ClassVar[tuple[MenuRow, ...]] = (
        MenuRow("unstable", "switch", "scale.unstable"),
        MenuRow("overload", "switch", "scale.overload"),
        MenuRow("negative", "switch", "scale.negative"),
        MenuRow("silent", "switch", "scale.silent"),
        MenuRow("unit", "choice", "scale.unit", choices=("kg", "g", "jin", "lb")),
        MenuRow("flood", "switch", "scale.flood"),
        MenuRow("garbage", "switch", "scale.garbage"),
        MenuRow("wrong_baud", "switch", "scale.wrong_baud"),
        MenuRow("settle_ms", "number", "scale.settle", "unit.ms", 60_000, usual=400),
        MenuRow("capacity_g", "number", "scale.capacity", "unit.g", 100_000, 1, 15_000),
    )

    def __init__(
        self, name: str, switches: ScaleSwitches, folder: Path, later: Later, changed: Callable[[], None]
    ) -> None:
        """Build it; its name in the folder becomes the device file. See `WiredTwin`."""
        super().__init__(name, switches, later, changed)
        self._wire = self.pty(folder, switches.baud)
        self._link = str(folder / f"scale-{name}")
        self._chance = random.Random(switches.seed)  # noqa: S311 - a swing that can be had again, not a secret
        self._load_mg = round(switches.load_g * MG_PER_G)
        self._tare_mg = 0
        self._zero_mg = 0
        self._loads = 0
        self._swinging = False
        self._echoing = False
        self._turns = 0
        self.switched()

    @property
    def wire(self) -> PtyWire:
        """What it hangs on."""
        return self._wire

    @property
    def address(self) -> Address:
        """Where a driver finds it."""
        if self.switches.dialect == "toledo-8217":
            return SerialAddress(self._link, baud=self.switches.baud, bits=7, parity="E")
        return SerialAddress(self._link, baud=self.switches.baud)

    def own_actions(self) -> dict[str, Callable[[object], Callable[[], None]]]:
        """Lay something on it; press its keys."""
        return {
            "load": lambda value: partial(self.load, checked(value, _Grams, "250")),
            "zero": lambda _: self.zero,
            "tare": lambda _: self.tare,
        }

    def switched(self) -> None:
        """Take over the switches that are the line's, and the load if an address or script moved it; see `WiredTwin`."""
        self._wire.off_speed = self.switches.wrong_baud
        load_mg = round(self.switches.load_g * MG_PER_G)
        if load_mg != self._load_mg:
            self._put(load_mg)

    # -------------------------------------------------------------------------------------------------------- actions
    def load(self, grams: float) -> None:
        """Lay so much on it; it swings for a while."""
        with self.lock:
            self._put(round(grams * MG_PER_G))
            self.switches = msgspec.structs.replace(self.switches, load_g=float(grams))
        self.changed()

    def zero(self) -> None:
        """Press the zero key: what lies on it counts as nothing."""
        with self.lock:
            self._zero_mg, self._tare_mg = self._load_mg, 0
        self.changed()

    def tare(self) -> None:
        """Press the tare key: what lies on it is the bowl."""
        with self.lock:
            self._tare_mg = self._load_mg - self._zero_mg
        self.changed()

    def plug(self) -> None:
        """Plug it in: it begins to talk."""
        with self.lock:
            self._turns += 1
            self._zero_mg = self._tare_mg = 0
            self._echoing = False
            turn = self._turns
        super().plug()
        self._talk(turn)

    def _put(self, load_mg: int) -> None:
        self._load_mg = load_mg
        self._loads += 1
        loads = self._loads
        self._swinging = self.switches.settle_ms > 0
        if self._swinging:
            self.later.after(self.switches.settle_ms, lambda: self._settle(loads))

    def _settle(self, loads: int) -> None:
        with self.lock:
            if loads == self._loads:
                self._swinging = False
        self.changed()

    # ----------------------------------------------------------------------------------------------------- what it says
    def _talk(self, turn: int) -> None:
        """Say what lies there, and again after a while, until it is unplugged."""
        with self.lock:
            if turn != self._turns or not self._wire.plugged:
                return
            switches = self.switches
            by_itself = switches.dialect != "toledo-8217" and not switches.silent
            if switches.garbage and not switches.silent:
                self._wire.send(self._chance.randbytes(64))
            elif by_itself:
                for _ in range(FLOOD_FRAMES if switches.flood else 1):
                    self._wire.send(self._frame())
        self.later.after(PERIOD_MS, lambda: self._talk(turn))

    def hear(self, data: bytes) -> None:
        """Answer a Toledo's questions: W weight, Z zero, T tare, C clear, E … F echo."""
        with self.lock:
            if self.switches.dialect == "toledo-8217":
                for byte in data:
                    self._obey(bytes((byte,)))

    def _obey(self, asked: bytes) -> None:
        if self._echoing and asked != b"F":
            self._answer(asked)
        elif asked == b"W":
            for _ in range(FLOOD_FRAMES if self.switches.flood else 1):
                self._answer(self._frame())
        elif asked in (b"E", b"F"):
            self._echoing = asked == b"E"
            self._answer(b"\x02" + asked + b"\r")
        elif asked == b"Z":
            self.zero()
        elif asked == b"T":
            self.tare()
        elif asked == b"C":
            self._tare_mg = 0

    def _answer(self, data: bytes) -> None:
        if not self.switches.silent:
            self._wire.send(data)

    def _frame(self) -> bytes:
        shown_mg = self._load_mg - self._zero_mg - self._tare_mg
        moving = self._swinging or self.switches.unstable
        if moving:
            shown_mg += self._chance.randrange(-20, 21) * MG_PER_G
        over = self.switches.overload or self._load_mg > self.switches.capacity_g * MG_PER_G
        if self.switches.negative:
            shown_mg = -abs(shown_mg) - MG_PER_G
        say = {"toledo-8217": self._toledo, "st-gs": self._st_gs, "ff-bcd": self._ff_bcd}[self.switches.dialect]
        return say(shown_mg, moving=moving, over=over)

    def _toledo(self, shown_mg: int, *, moving: bool, over: bool) -> bytes:
        """`02 digits [N] 0D`, or `02 3F status 0D` when there is no weight to say (Mettler Toledo PS60 manual)."""
        status = (_MOTION if moving else 0) | (_OVER if over else 0) | (_UNDER if shown_mg < 0 else 0)
        if status:
            return bytes((0x02, ord("?"), status | _ALWAYS, 0x0D))
        decimals = _DECIMALS[self.switches.unit]
        digits = f"{_shown(shown_mg, self.switches.unit):0{6 if decimals else 5}.{decimals}f}"
        return b"\x02" + digits.encode("ascii") + (b"N" if self._tare_mg else b"") + b"\r"

    def _st_gs(self, shown_mg: int, *, moving: bool, over: bool) -> bytes:
        """`ST,GS,+  1.234 kg` and CR LF."""
        unit = self.switches.unit
        state = "OL" if over else "US" if moving else "ST"
        which = "NT" if self._tare_mg else "GS"
        sign = "-" if shown_mg < 0 else "+"
        figure = f"{abs(_shown(shown_mg, unit)):.{_DECIMALS[unit]}f}"
        return f"{state},{which},{sign}{figure:>8} {unit}\r\n".encode("ascii")

    def _ff_bcd(self, shown_mg: int, *, moving: bool, over: bool) -> bytes:
        """`FF`, flags, three BCD bytes low first, unit (Yousheng JCS-B manual): it knows kg and lb only."""
        unit = "lb" if self.switches.unit == "lb" else "kg"
        flags = 3 | (0x20 if shown_mg < 0 else 0) | (0 if moving else 0x40) | (0x80 if over else 0)
        figure = min(999_999, round(abs(_shown(shown_mg, unit)) * 1_000))
        low, middle, high = (int(f"{figure // 100**place % 100:02d}", 16) for place in range(3))
        other = {"kg": 0, "lb": 1}.get(self.switches.unit, 2)
        return bytes((0xFF, flags, low, middle, high, other))

    def own_view(self) -> dict[str, Any]:
        """Say what it shows."""
        return {
            "dialect": self.switches.dialect,
            "load_g": self._load_mg / MG_PER_G,
            "shown_g": (self._load_mg - self._zero_mg - self._tare_mg) / MG_PER_G,
            "stable": not (self._swinging or self.switches.unstable),
        }


def _shown(shown_mg: int, unit: str) -> float:
    return shown_mg / _MG_PER_UNIT[unit]
