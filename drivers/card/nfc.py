"""Contactless cards through a PC/SC reader: a card lies down, its UID is asked for, its UID comes.

Pure, over the records of the PC/SC port: kind (1 byte), length (2 bytes, high byte first), payload; `I` + ATR = card in,
`O` = card out, `A` + answer to an APDU. A UID can be cloned: it says who somebody claims to be and never authorises money
(drivers.md §5.8). The payment application of a bank card is never selected.
"""

from dataclasses import dataclass
from typing import Final

from drivers.card.magstripe import CardUnread

ASK_UID: Final = bytes.fromhex("FFCA000000")
PAYLOAD_BYTES_MAX: Final = 512
QUIET_MS: Final = 500
"""After records out of step nothing is believed until the line was this long without a byte."""
_HEADER_BYTES: Final = 3
_CARD_IN, _CARD_OUT, _ANSWER = ord("I"), ord("O"), ord("A")
_DONE: Final = b"\x90\x00"
_UID_SIZES: Final = (4, 7, 8, 10)
"""ISO 14443 A has 4, 7 or 10 bytes, ISO 15693 has 8."""
_RANDOM_UID: Final = 0x08
"""A four-byte UID that begins with 08 is a new one at every tap (telephones, some bank cards): it names nobody."""


@dataclass(frozen=True, slots=True, repr=False)
class Uid:
    """A card's own number in upper-case hex. The repr hides it."""

    hex: str

    def __repr__(self) -> str:
        """Show no more than the length."""
        return f"Uid({len(self.hex) // 2} bytes)"


@dataclass(frozen=True, slots=True)
class Ask:
    """An APDU to send to the card that lies on the reader."""

    apdu: bytes


Tap = Uid | CardUnread | Ask


class NfcReader:
    """Reads one reader's records; two readers are two of these. `now_ms` is a monotonic time.

    Args:
        debounce_ms: a card that flutters at the edge of the field counts once until it was away for this long.
        answer_ms: how long a card may take to answer before it counts as silent.
    """

    def __init__(self, debounce_ms: int = 800, answer_ms: int = 2000) -> None:
        self._debounce_ms = debounce_ms
        self._answer_ms = answer_ms
        self._records = bytearray()
        self._asked_ms: int | None = None
        self._spoilt = False
        self._last_ms = 0
        self._lying = ""  # the UID that lies there, or lay there last
        self._seen_ms = 0

    def feed(self, data: bytes, now_ms: int) -> list[Tap]:
        """Take records as they came, cut anywhere; give what they mean, and the APDU to send."""
        found: list[Tap] = [*self.tick(now_ms)]
        if data:
            self._last_ms = now_ms
        if self._spoilt:
            return found
        self._records += data
        while len(self._records) >= _HEADER_BYTES:
            kind, size = self._records[0], int.from_bytes(self._records[1:_HEADER_BYTES], "big")
            if kind not in (_CARD_IN, _CARD_OUT, _ANSWER) or size > PAYLOAD_BYTES_MAX:
                self._records.clear()
                self._asked_ms = None
                self._spoilt = True
                found.append(CardUnread("garbled"))
                break
            if len(self._records) < _HEADER_BYTES + size:
                break
            payload = bytes(self._records[_HEADER_BYTES : _HEADER_BYTES + size])
            del self._records[: _HEADER_BYTES + size]
            self._take(kind, payload, now_ms, found)
        return found

    def tick(self, now_ms: int) -> list[CardUnread]:
        """Let time pass: a card that says nothing was not read, half a record gets no other half."""
        if now_ms - self._last_ms >= QUIET_MS:
            self._spoilt = False
            self._records.clear()
        if self._asked_ms is None or now_ms - self._asked_ms < self._answer_ms:
            return []
        self._asked_ms = None
        return [CardUnread("no_answer")]

    def reset(self) -> list[CardUnread]:
        """Forget everything because the reader or the PC/SC service is gone; a late answer belongs to nobody."""
        asked = self._asked_ms is not None
        self._records.clear()
        self._spoilt = False
        self._asked_ms = None
        self._lying = ""
        return [CardUnread("removed")] if asked else []

    def _take(self, kind: int, payload: bytes, now_ms: int, found: list[Tap]) -> None:
        if kind == _CARD_IN:
            self._asked_ms = now_ms
            found.append(Ask(ASK_UID))
        elif kind == _CARD_OUT:
            if self._asked_ms is not None:
                found.append(CardUnread("removed"))
            elif self._lying:
                self._seen_ms = now_ms
            self._asked_ms = None
        elif self._asked_ms is not None:
            self._asked_ms = None
            self._answered(payload, now_ms, found)

    def _answered(self, answer: bytes, now_ms: int, found: list[Tap]) -> None:
        uid, status = answer[:-2], answer[-2:]
        if status != _DONE or len(uid) not in _UID_SIZES or (len(uid) == 4 and uid[0] == _RANDOM_UID):
            found.append(CardUnread("unsupported"))
            return
        name = uid.hex().upper()
        fresh = name != self._lying or now_ms - self._seen_ms >= self._debounce_ms
        self._lying, self._seen_ms = name, now_ms
        if fresh:
            found.append(Uid(name))
