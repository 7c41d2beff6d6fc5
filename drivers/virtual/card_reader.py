"""Card readers' twins: a magnetic stripe on a serial line or a keyboard, and contactless cards as PC/SC records over TCP.

What was on a card stays here: the history says what kind of card it was, not its number.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from drivers.errors import DeviceRejected
from drivers.transport.address import Address, HidAddress, SerialAddress, TcpAddress
from drivers.transport.port import Clock
from drivers.virtual import keys
from drivers.virtual.device import Kind, WiredTwin, checked
from drivers.virtual.menu import MenuRow
from drivers.virtual.timers import Later
from drivers.virtual.wires import LOOPBACK, PtyWire, TcpWire

TRACK_CHARACTERS_MAX: Final = 107
"""On track 3; track 1 has 79, track 2 has 40 (ISO 7813)."""
ATR: Final = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
"""What a reader says of a contactless storage card (PC/SC part 3)."""
_TAP_MS: Final = 400
_RESTART_MS: Final = 500
_ANSWER_FOUND, _ANSWER_NO_SUCH, _ANSWER_UNKNOWN = b"\x90\x00", b"\x6a\x81", b"\x6d\x00"


class StripeSwitches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the stripe reader is set and what is wrong with it.

    Attributes:
        type: `magstripe` = a serial line, `hid` = a keyboard.
        reversed: cards are drawn through the other way round, and it does not notice.
        half: only the first half of a swipe is read.
        misread: each track that has something on it reads as an error (`E?`).
        lrc: the check character follows each track's `?`.
        only_track_2: nothing but track 2 is read.
        wrong_baud: it runs at another speed than its address says.
    """

    type: Literal["magstripe", "hid"] = "magstripe"
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    reversed: bool = False
    half: bool = False
    misread: bool = False
    lrc: bool = False
    only_track_2: bool = False
    wrong_baud: bool = False


class Tracks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written on a card, sentinels left out; empty = nothing on that track."""

    track1: Annotated[str, msgspec.Meta(max_length=TRACK_CHARACTERS_MAX, pattern=r"^[ -~]*$")] = ""
    track2: Annotated[str, msgspec.Meta(max_length=TRACK_CHARACTERS_MAX, pattern=r"^[0-9=:<>;]*$")] = ""
    track3: Annotated[str, msgspec.Meta(max_length=TRACK_CHARACTERS_MAX, pattern=r"^[0-9=:<>;]*$")] = ""


_CARDS: Final = {
    "member": Tracks("M6000123^LIN/MEI", "6000123"),
    "staff": Tracks(track2="9001=7"),
    # The number that every payment processor publishes for tests.
    "bank": Tracks("B4111111111111111^WANG/WEI^30121010000000000000", "4111111111111111=30121010000000000000"),
}


class StripeTwin(WiredTwin[StripeSwitches]):
    """One reader of magnetic stripes."""

    kind: ClassVar[Kind] = "card_reader"
    menu: ClassVar[tuple[MenuRow, ...]] = (
        MenuRow("reversed", "switch", "card.reversed"),
        MenuRow("half", "switch", "card.half"),
        MenuRow("misread", "switch", "card.misread"),
        MenuRow("lrc", "switch", "card.lrc"),
        MenuRow("only_track_2", "switch", "card.only_track_2"),
        MenuRow("wrong_baud", "switch", "card.wrong_baud"),
    )

    def __init__(
        self, name: str, switches: StripeSwitches, folder: Path, clock: Clock, later: Later, changed: Callable[[], None]
    ) -> None:
        """Build it; its name in the folder becomes the device file. See `WiredTwin`."""
        super().__init__(name, switches, later, changed)
        self._clock = clock
        self._typing = switches.type == "hid"
        self._wire = self.pty(folder, None if self._typing else switches.baud)
        self._link = str(folder / f"card_reader-{name}")
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
        """Swipe a card."""
        return {"swipe": self._prepare_swipe}

    def switched(self) -> None:
        """Take over the switch that is the line's; see `WiredTwin`."""
        self._wire.off_speed = self.switches.wrong_baud

    def _prepare_swipe(self, value: object) -> Callable[[], None]:
        if isinstance(value, str) and value in _CARDS:
            return partial(self.swipe, _CARDS[value], value)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = {"track2": value}
        sample = f'{", ".join(_CARDS)}, a number, or {{"track1": …, "track2": …, "track3": …}}'
        return partial(self.swipe, checked(value, Tracks, sample), "other")

    def swipe(self, card: Tracks, what: str) -> None:
        """Draw a card through."""
        with self.lock:
            said = swiped(card, self.switches)
            if self._typing:
                self._wire.send(keys.typed(said, self._clock.monotonic_ms()))
            else:
                self._wire.send(said.encode("ascii"))
            self.note("swipe", what)
        self.changed()

    def own_view(self) -> dict[str, Any]:
        """Say what it is and which cards lie beside it."""
        return {"type": self.switches.type, "cards": list(_CARDS)}


def swiped(card: Tracks, switches: StripeSwitches) -> str:
    """Give what a reader says of a card: each track between its sentinels, then a carriage return (ISO 7811-2)."""
    said = ""
    for start, track, text in (("%", 1, card.track1), (";", 2, card.track2), ("+", 3, card.track3)):
        if not text or (switches.only_track_2 and track != 2):
            continue
        framed = f"{start}E?" if switches.misread else f"{start}{text}?"
        said += framed + (_lrc(framed, track) if switches.lrc else "")
    if switches.reversed:
        said = said[::-1]
    if switches.half:
        return said[: len(said) // 2]
    return f"{said}\r"


def _lrc(framed: str, track: int) -> str:
    """Give the check character over a whole track: even parity down the columns (ISO 7811-2)."""
    base = 0x20 if track == 1 else 0x30
    check = 0
    for character in framed:
        check ^= (ord(character) - base) & (0x3F if track == 1 else 0x0F)
    return chr(base + check)


class ContactlessSwitches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the contactless reader is set and what is wrong with it.

    Attributes:
        type: `nfc`.
        pull_in_answer: the card is gone before it has answered.
        refuse_uid: the card does not tell its number.
        split: every record comes byte by byte.
    """

    type: Literal["nfc"] = "nfc"
    pull_in_answer: bool = False
    refuse_uid: bool = False
    split: bool = False


class ContactlessTwin(WiredTwin[ContactlessSwitches]):
    """One reader of contactless cards: says I + ATR, O, and A + answer; takes APDUs."""

    kind: ClassVar[Kind] = "card_reader"
    menu: ClassVar[tuple[MenuRow, ...]] = (
        MenuRow("pull_in_answer", "switch", "card.pull"),
        MenuRow("refuse_uid", "switch", "card.refuse_uid"),
        MenuRow("split", "switch", "card.split"),
    )

    def __init__(self, name: str, switches: ContactlessSwitches, later: Later, changed: Callable[[], None]) -> None:
        """Build it; see `WiredTwin`."""
        super().__init__(name, switches, later, changed)
        self._wire = TcpWire(self)
        self._uid: bytes | None = None
        self._taps = 0
        self._asked = bytearray()

    @property
    def wire(self) -> TcpWire:
        """What it hangs on."""
        return self._wire

    @property
    def address(self) -> Address:
        """Where a driver finds it."""
        return TcpAddress(LOOPBACK, self._wire.port)

    def own_actions(self) -> dict[str, Callable[[object], Callable[[], None]]]:
        """Tap a card, lay it on, take it off, restart the service."""
        return {
            "tap": lambda value: partial(self.tap, _uid(value)),
            "card_in": lambda value: partial(self.card_in, _uid(value)),
            "card_out": lambda _: self.card_out,
            "restart": lambda _: self.restart,
        }

    # -------------------------------------------------------------------------------------------------------- actions
    def tap(self, uid: bytes) -> None:
        """Hold a card to it for a moment."""
        self.card_in(uid)
        with self.lock:
            taps = self._taps
        self.later.after(_TAP_MS, lambda: self.card_out(taps))

    def card_in(self, uid: bytes) -> None:
        """Lay a card on it."""
        with self.lock:
            self._taps += 1
            self._uid = uid
            self._say(b"I", ATR)
            self.note("card_in", f"{len(uid)} B")
        self.changed()

    def card_out(self, taps: int | None = None) -> None:
        """Take the card off; one that another has replaced meanwhile is gone already."""
        with self.lock:
            if self._uid is not None and taps in (None, self._taps):
                self._uid = None
                self._say(b"O", b"")
                self.note("card_out", "")
        self.changed()

    def restart(self) -> None:
        """Restart the service behind it: the connection breaks and for half a second nobody listens."""
        self.unplug()
        self.note("restart", "")
        self.later.after(_RESTART_MS, self.plug)

    # ----------------------------------------------------------------------------------------------------- for the wire
    def opened(self) -> None:
        """Tell whoever connects of the card that lies there."""
        with self.lock:
            self._asked.clear()
            if self._uid is not None:
                self._say(b"I", ATR)
        self.changed()

    def hear(self, data: bytes) -> None:
        """Take APDUs, cut anywhere, and answer each."""
        with self.lock:
            self._asked += data
            while (length := apdu_length(self._asked)) is not None:
                asked = bytes(self._asked[:length])
                del self._asked[:length]
                if self._uid is not None and self.switches.pull_in_answer:
                    self._uid = None
                    self._say(b"O", b"")
                else:
                    self._say(b"A", self._answered(asked))
        self.changed()

    def _answered(self, apdu: bytes) -> bytes:
        if self._uid is None or apdu[:2] != b"\xff\xca":
            return _ANSWER_UNKNOWN
        if apdu[2] != 0 or self.switches.refuse_uid:
            return _ANSWER_NO_SUCH
        return self._uid + _ANSWER_FOUND

    def _say(self, kind: bytes, payload: bytes) -> None:
        record = kind + len(payload).to_bytes(2, "big") + payload
        for part in (record[at : at + 1] for at in range(len(record))) if self.switches.split else (record,):
            self._wire.send(part)

    def own_view(self) -> dict[str, Any]:
        """Say what it is and whether a card lies on it."""
        return {"type": "nfc", "card": self._uid is not None}


def apdu_length(data: bytes | bytearray) -> int | None:
    """Measure the APDU at the start: a head of 5 bytes, and its data when there is any; None while it is not all there.

    GET DATA and READ BINARY only ask, so their fifth byte is the length of the answer (ISO 7816-4).
    """
    if len(data) < 5:
        return None
    length = 5 if data[1] in (0xCA, 0xB0) else 5 + data[4]
    return length if len(data) >= length else None


def _uid(value: object) -> bytes:
    text = checked(value, str, '"04A2B3C4D5E680"')
    try:
        uid = bytes.fromhex(text)
    except ValueError as error:
        raise DeviceRejected('a card number is hexadecimal, such as "04A2B3C4D5E680"') from error
    if len(uid) not in (4, 7, 8, 10):
        raise DeviceRejected('a card number has 4, 7, 8 or 10 bytes, such as "04A2B3C4D5E680"')
    return uid
