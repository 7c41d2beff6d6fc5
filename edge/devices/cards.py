"""Card readers at a till: the id of a member's or staff card goes on; of a bank card only that it was one.

Nothing that was read is kept, counted by content or written anywhere (drivers.md §5.8).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from drivers.card.magstripe import BankCard, CardUnread, MagstripeReader, MemberCard, Swipe
from drivers.card.nfc import Ask, NfcReader, Uid
from drivers.scanner.keys import Keyboard
from drivers.transport.address import Address, HidAddress
from edge.devices.talk import NOTHING, Heard
from edge.domain.device_rows import CardReaderRow

TICK_MS: Final = 50
"""How often a swipe under way is looked at."""


@dataclass(frozen=True, repr=False)
class CardSeen:
    """What a reader saw.

    Attributes:
        what: `card` = an id of our kind; `tap` = the number of a chip, which anybody can copy; `bank` = a bank card;
            `unread` = nothing that could be used.
        text: the id or number; empty for the others.
        reason: why it was not read.
    """

    what: Literal["card", "tap", "bank", "unread"]
    text: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        """Show what it was, and nothing of what was on it."""
        return f"CardSeen({self.what})"


class OnCard(Protocol):
    """Takes what a till's reader saw."""

    def __call__(self, till: str, seen: CardSeen) -> None:
        """Pass it on."""
        ...


class MagstripeTalk:
    """One connection to one stripe reader; see `Talk`."""

    poll_ms = 0
    linger_ms = 2 * TICK_MS
    listens = True

    def __init__(self, row: CardReaderRow, at: Address, on_card: OnCard) -> None:
        self._reader = MagstripeReader()
        self._keyboard = Keyboard() if isinstance(at, HidAddress) else None
        self._till = row.till
        self._on_card = on_card
        # A stripe has no sign beyond ASCII: such bytes come of a wrong speed or parity, and one swipe says so.
        self._strange = False

    def hello(self) -> bytes:
        """A stripe reader is told nothing."""
        return b""

    question = outgoing = hello

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Take bytes as they came; they are gone from the reader's memory when the swipe is settled."""
        if self._keyboard is None:
            self._strange = self._strange or not data.isascii()
        typed = bytearray(data) if self._keyboard is None else self._keyboard.typed(data)
        return self._passed_on(self._reader.feed(typed, now_ms))

    def tick(self, now_ms: int) -> Heard:
        """Let a pause settle a swipe."""
        return self._passed_on(self._reader.tick(now_ms))

    def closed(self, now_ms: int) -> Heard:
        """Half a swipe is no card."""
        del now_ms
        if self._keyboard is not None:
            self._keyboard.reset()
        return self._passed_on(self._reader.reset())

    def _passed_on(self, found: Sequence[Swipe]) -> Heard:
        heard = _passed_on([_seen(swipe) for swipe in found], self._till, self._on_card)
        if not found:
            return heard
        strange, self._strange = self._strange, False
        return replace(heard, hopeless=strange and heard.garbage)


class NfcTalk:
    """One connection to one reader of cards that are tapped; see `Talk`."""

    poll_ms = 0
    linger_ms = 2 * TICK_MS
    listens = True

    def __init__(self, row: CardReaderRow, on_card: OnCard) -> None:
        self._reader = NfcReader()
        self._till = row.till
        self._on_card = on_card

    def hello(self) -> bytes:
        """A reader is told nothing before there is a card."""
        return b""

    question = outgoing = hello

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Take records as they came, and ask the card for its number."""
        return self._passed_on(self._reader.feed(data, now_ms))

    def tick(self, now_ms: int) -> Heard:
        """Let a card that does not answer go."""
        return self._passed_on(self._reader.tick(now_ms))

    def closed(self, now_ms: int) -> Heard:
        """Whatever card lay there is gone with the reader."""
        del now_ms
        self._reader.reset()
        return NOTHING

    def _passed_on(self, found: Sequence[Uid | CardUnread | Ask]) -> Heard:
        # One at a time: of two cards in a row only the one that lies there can answer.
        asks = next((one.apdu for one in reversed(found) if isinstance(one, Ask)), b"")
        seen = [
            CardSeen("tap", one.hex) if isinstance(one, Uid) else CardSeen("unread", reason=one.reason)
            for one in found
            if not isinstance(one, Ask)
        ]
        return _passed_on(seen, self._till, self._on_card, reply=asks)


def _passed_on(seen: Sequence[CardSeen], till: str, on_card: OnCard, reply: bytes = b"") -> Heard:
    if not seen and not reply:
        return NOTHING
    for card in seen:
        on_card(till, card)
    return Heard(
        answered=any(card.what != "unread" for card in seen),
        garbage=any(card.reason == "garbled" for card in seen),
        events=sum(card.what != "unread" for card in seen),
        reply=reply,
        notes=tuple(f"card.{card.reason}" for card in seen if card.what == "unread"),
    )


def _seen(swipe: Swipe) -> CardSeen:
    if isinstance(swipe, MemberCard):
        return CardSeen("card", swipe.id)
    return CardSeen("bank") if isinstance(swipe, BankCard) else CardSeen("unread", reason=swipe.reason)
