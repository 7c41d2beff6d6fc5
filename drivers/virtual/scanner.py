"""A scanner's twin: a serial line or a keyboard that says a code, with all the bad manners of real ones (drivers.md §7)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.transport.address import Address, HidAddress, SerialAddress
from drivers.transport.port import Clock
from drivers.virtual import keys
from drivers.virtual.device import Kind, WiredTwin, checked, masked
from drivers.virtual.menu import MenuRow
from drivers.virtual.timers import Later
from drivers.virtual.wires import PtyWire

CODE_BYTES_MAX: Final = 8_192
FLOOD_BYTES: Final = 20_000
_HELD_MS: Final = 120
_HELD_TIMES: Final = 10
_TAILS: Final = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "tab": b"\t", "none": b""}
_HEADS: Final = {"none": b"", "stx": b"\x02", "nul": b"\x00\x00", "s": b"S"}


class ScannerSwitches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the scanner is set and what is wrong with it.

    Attributes:
        type: `serial` = USB-COM mode, `hid` = keyboard.
        baud: the speed in its address.
        suffix, prefix: what it puts behind and before a code.
        aim: puts the AIM id of the kind of code before it.
        held_trigger: the trigger is held: each code comes ten times.
        half_code: only the first half of each code comes, without an end.
        two_codes: a code waits for the next one, and both come in one piece.
        wrong_baud: it runs at another speed than its address says.
        split_ms: a pause after every byte or key. 0 = all at once.
        key_repeat: a keyboard whose keys repeat (value 2).
        caps_lock: somebody presses caps lock on the keyboard before each code.
    """

    type: Literal["serial", "hid"] = "serial"
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    suffix: Literal["cr", "lf", "crlf", "tab", "none"] = "cr"
    prefix: Literal["none", "stx", "nul", "s"] = "none"
    aim: bool = False
    held_trigger: bool = False
    half_code: bool = False
    two_codes: bool = False
    wrong_baud: bool = False
    split_ms: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    key_repeat: bool = False
    caps_lock: bool = False


class ScannerTwin(WiredTwin[ScannerSwitches]):
    """One scanner."""

    kind: ClassVar[Kind] = "scanner"
    menu: ClassVar[tuple[MenuRow, ...]] = (
        MenuRow("suffix", "choice", "scanner.suffix", choices=tuple(_TAILS)),
        MenuRow("prefix", "choice", "scanner.prefix", choices=tuple(_HEADS)),
        MenuRow("aim", "switch", "scanner.aim"),
        MenuRow("held_trigger", "switch", "scanner.held_trigger"),
        MenuRow("half_code", "switch", "scanner.half_code"),
        MenuRow("two_codes", "switch", "scanner.two_codes"),
        MenuRow("wrong_baud", "switch", "scanner.wrong_baud"),
        MenuRow("split_ms", "number", "scanner.split", "unit.ms", 1_000),
        MenuRow("key_repeat", "switch", "scanner.key_repeat"),
        MenuRow("caps_lock", "switch", "scanner.caps_lock"),
    )

    def __init__(
        self,
        name: str,
        switches: ScannerSwitches,
        folder: Path,
        clock: Clock,
        later: Later,
        changed: Callable[[], None],
    ) -> None:
        """Build it; its name in the folder becomes the device file. See `WiredTwin`."""
        super().__init__(name, switches, later, changed)
        self._clock = clock
        self._typing = switches.type == "hid"
        self._wire = self.pty(folder, None if self._typing else switches.baud)
        self._link = str(folder / f"scanner-{name}")
        self._waiting = ""
        self._busy_until_ms = 0
        self.switched()

    @property
    def wire(self) -> PtyWire:
        """What it hangs on."""
        return self._wire

    @property
    def address(self) -> Address:
        """Where a driver finds it."""
        return HidAddress(self._link) if self._typing else SerialAddress(self._link, baud=self.switches.baud)

    def own_actions(self) -> dict[str, Callable[[object], Callable[[], None]]]:
        """Scan a code; say garbage."""
        code = Annotated[str, msgspec.Meta(min_length=1, max_length=CODE_BYTES_MAX)]
        return {
            "scan": lambda value: partial(self.scan, checked(value, code, '"6901234567892"')),
            "garbage": lambda _: self.garbage,
        }

    def switched(self) -> None:
        """Take over the switches that are the line's; see `WiredTwin`."""
        self._wire.off_speed = self.switches.wrong_baud

    def scan(self, code: str) -> None:
        """Read a code: say it as the switches have it."""
        with self.lock:
            switches = self.switches
            if switches.two_codes and not self._waiting:
                self._waiting = code
                self.note("scan", masked(code))
            else:
                codes, self._waiting = [*([self._waiting] if self._waiting else []), code], ""
                times = _HELD_TIMES if switches.held_trigger else 1
                for time in range(times):
                    self._say(codes, time * _HELD_MS)
                self.note("scan", masked(code))
        self.changed()

    def garbage(self) -> None:
        """Say a flood of what no scanner means: 0xFF, NUL and half frames, or keys without sense."""
        with self.lock:
            if self._typing:
                self._send(keys.typed("qzjx" * 200, self._clock.monotonic_ms()), 0)
            else:
                self._send((b"\xff\x00\x02]E\xfe" * FLOOD_BYTES)[:FLOOD_BYTES], 0)
            self.note("garbage", "")
        self.changed()

    def _say(self, codes: list[str], after_ms: int) -> None:
        now_ms = self._clock.monotonic_ms()
        switches = self.switches
        start_ms = max(after_ms, self._busy_until_ms - now_ms, 0)
        for data in self._pieces(codes, now_ms):
            self._send(data, start_ms)
            start_ms += switches.split_ms
        self._busy_until_ms = now_ms + start_ms

    def _pieces(self, codes: list[str], now_ms: int) -> list[bytes]:
        """Give the bytes of some codes, in one piece or as many as the pauses between them ask for."""
        switches = self.switches
        if self._typing:
            text = "".join(code + _TAILS[switches.suffix].decode() for code in codes)
            text = text[: len(text) // 2] if switches.half_code else text
            head = [keys.caps_lock(now_ms)] if switches.caps_lock else []
            repeats = 3 if switches.key_repeat else 0
            strokes = head + [keys.typed(character, now_ms, repeats=repeats) for character in text]
            return strokes if switches.split_ms else [b"".join(strokes)]
        said = b"".join(self._framed(code) for code in codes)
        said = said[: len(said) // 2] if switches.half_code else said
        return [bytes((byte,)) for byte in said] if switches.split_ms else [said]

    def _framed(self, code: str) -> bytes:
        switches = self.switches
        aim = aim_id(code).encode() if switches.aim else b""
        return _HEADS[switches.prefix] + aim + code.encode() + _TAILS[switches.suffix]

    def _send(self, data: bytes, after_ms: int) -> None:
        # At once when it can be: whoever scanned then knows that it has been said.
        if after_ms <= 0:
            self._wire.send(data)
        else:
            self.later.after(after_ms, partial(self._say_now, data))

    def _say_now(self, data: bytes) -> None:
        self._wire.send(data)

    def own_view(self) -> dict[str, Any]:
        """Say how it speaks, and whether a first of two codes waits."""
        return {"type": self.switches.type, "waiting": bool(self._waiting)}


def aim_id(code: str) -> str:
    """Give the AIM id of the kind of code that such a text usually is printed as."""
    if code.isascii() and code.isdigit() and len(code) in (8, 13):
        return "]E4" if len(code) == 8 else "]E0"
    return "]Q1" if not code.isascii() or "/" in code or len(code) > 30 else "]C0"
