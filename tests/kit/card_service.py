"""A PC/SC service without a service: readers and cards as switches, with the codes and states of winscard.h."""

import threading
from dataclasses import dataclass, field

from drivers.transport import pcsc

ACR122U = "ACS ACR122U PICC Interface 00 00"
OMNIKEY = "HID Global OMNIKEY 5022 Smart Card Reader 01 00"
ATR = bytes.fromhex("3b8f8001804f0ca000000306030001000000006a")
UID_APDU = bytes.fromhex("ffca000000")
UID_ANSWER = bytes.fromhex("04a1b2c39000")
EMPTY = 0x10


@dataclass
class FakeCardService:
    """`connect_code` and `transmit_codes` are handed out before anything works; `on_transmit` runs in the middle of one."""

    names: list[str] = field(default_factory=lambda: [ACR122U])
    running: bool = True
    card: bytes | None = None
    mute: bool = False
    answers: dict[bytes, bytes] = field(default_factory=lambda: {UID_APDU: UID_ANSWER})
    connect_code: int = pcsc.SUCCESS
    transmit_codes: list[int] = field(default_factory=list)
    pulled_in_transmit: bool = False
    changes: int = 0
    generation: int = 1
    contexts: int = 0
    cards: int = 0
    sent: list[bytes] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    # ------------------------------------------------------------------------------------------- what a test does
    def put_card(self, atr: bytes = ATR) -> None:
        with self.changed:
            self.card, self.changes = atr, self.changes + 1
            self.changed.notify_all()

    def take_card(self) -> None:
        with self.changed:
            self.card, self.changes = None, self.changes + 1
            self.changed.notify_all()

    def pull_reader(self) -> None:
        with self.changed:
            self.names = []
            self.changed.notify_all()

    def restart(self) -> None:
        """Start anew: no context or card of before means anything."""
        with self.changed:
            self.generation += 1
            self.changed.notify_all()

    # ------------------------------------------------------------------------------------------------ CardService
    def establish(self) -> tuple[int, object]:
        if not self.running:
            return pcsc.NO_SERVICE, 0
        self.contexts += 1
        return pcsc.SUCCESS, self.generation

    def release(self, context: object) -> None:
        self.contexts -= 1

    def readers(self, context: object) -> tuple[int, list[str]]:
        return (pcsc.SUCCESS, list(self.names)) if self.names else (pcsc.NO_READERS, [])

    def status(self, context: object, timeout_ms: int, reader: str, known: int) -> tuple[int, int, bytes]:
        with self.changed:
            moved = self.changed.wait_for(
                lambda: self._code(context, reader) or self._state() != known, timeout_ms / 1000
            )
            code = self._code(context, reader)
            if code:
                return code, known, b""
            if not moved:
                return pcsc.TIMEOUT, known, b""
            return pcsc.SUCCESS, self._state() | 2, self.card or b""

    def connect(self, context: object, reader: str) -> tuple[int, object, int]:
        code = self._code(context, reader) or self.connect_code
        if code:
            return code, None, 0
        if self.card is None:
            return 0x8010000C, None, 0  # SCARD_E_NO_SMARTCARD
        self.cards += 1
        return pcsc.SUCCESS, (self.generation, self.changes), 2

    def transmit(self, card: object, protocol: int, apdu: bytes) -> tuple[int, bytes]:
        self.sent.append(apdu)
        if self.pulled_in_transmit:
            self.take_card()
            return 0x80100069, b""  # SCARD_W_REMOVED_CARD
        if card != (self.generation, self.changes):
            return pcsc.INVALID_HANDLE, b""
        if self.transmit_codes:
            return self.transmit_codes.pop(0), b""
        return pcsc.SUCCESS, self.answers.get(apdu, bytes.fromhex("6a81"))

    def disconnect(self, card: object) -> None:
        self.cards -= 1

    def _code(self, context: object, reader: str) -> int:
        if context != self.generation or not self.running:
            return pcsc.INVALID_HANDLE
        return pcsc.SUCCESS if reader in self.names else pcsc.UNKNOWN_READER

    def _state(self) -> int:
        flags = EMPTY if self.card is None else pcsc.STATE_PRESENT | (pcsc.STATE_MUTE if self.mute else 0)
        return self.changes << 16 | flags
