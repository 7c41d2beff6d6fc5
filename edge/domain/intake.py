"""A takeaway platform as the node sees it, and what the node makes of its orders (pure).

An order counts here when the platform let the store have it: it is accepted there first, and is a sale the moment after. So accepting needs the
platform's answer; whatever follows (ready, cancelled, sold out) is written here first and told to the platform as soon as it can be reached.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

import msgspec

from sync.contract import limits
from sync.contract.intake import PlatformItem, PlatformReceived
from sync.contract.words import has_control

ITEMS_MAX: Final = 100
REASON_CHARS_MAX: Final = 80
State = Literal["waiting", "accepted", "ready", "cancelled"]

_No = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern="^[A-Za-z0-9-]+$")]
_Fen = Annotated[int, msgspec.Meta(ge=0, le=limits.SALE_TOTAL_FEN_MAX)]


class PlacedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dish that a guest asked for on a platform; see `sync.contract.intake.PlatformItem`."""

    dish_id: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    qty: Annotated[int, msgspec.Meta(ge=1, le=limits.LINE_QTY_MAX)] = 1
    unit_fen: _Fen
    note: Annotated[str, msgspec.Meta(max_length=limits.NOTE_CHARS_MAX)] = ""


class Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order as a platform tells it; what the guest pays the platform besides (delivery, its own fee) is none of the store's."""

    platform_no: _No
    items: Annotated[tuple[PlacedItem, ...], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)]
    total_fen: _Fen
    packing_fen: _Fen = 0
    discount_fen: _Fen = 0
    note: Annotated[str, msgspec.Meta(max_length=limits.NOTE_CHARS_MAX)] = ""
    placed_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class News(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something new on a platform: an order, or the end of one (`off_no`, by the guest or the platform)."""

    n: Annotated[int, msgspec.Meta(ge=1)]
    order: Placed | None = None
    off_no: Annotated[str, msgspec.Meta(max_length=32)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Tell(enum.StrEnum):
    """What a platform is told of an order."""

    ACCEPT = "accept"
    DECLINE = "decline"
    READY = "ready"
    CANCEL = "cancel"


class Outcome(enum.StrEnum):
    """What a platform says to that."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What came of it; `reason` is the platform's own word for a refusal."""

    outcome: Outcome
    reason: str = ""


AWAY: Final = Answer(Outcome.UNKNOWN, "away")
"""Nobody answered: whether it was done is unknown, and asking again is harmless."""


class Platform(Protocol):
    """A takeaway platform. No call lasts longer than a few seconds, and none raises for what happens on the way.

    What an implementation promises:
    * `news` gives what is behind a number, in order, the same again as often as it is asked;
    * telling the same of the same order twice is answered alike;
    * `accept` is refused for an order that is off already, and an order that was accepted is the store's until one side cancels it.
    """

    def news(self, after: int) -> list[News] | None:
        """Give what is new behind a number; None = nobody answered."""
        ...

    def tell(self, what: Tell, platform_no: str, reason: str = "") -> Answer:
        """Say what became of an order at the store."""
        ...

    def sold_out(self, dish_id: str, *, sold_out: bool) -> Answer:
        """Say that a dish is sold out, or to be had again."""
        ...


def mistake(placed: PlatformReceived) -> str:
    """Say what is wrong with an order that no bill could be made of; empty when it can be accepted."""
    items_fen = sum(item.qty * item.unit_fen for item in placed.items)
    if items_fen + placed.packing_fen - placed.discount_fen != placed.total_fen:
        return "sums"
    if placed.discount_fen > items_fen:
        return "sums"
    return ""


def received(placed: Placed, platform: str, order_id: str) -> PlatformReceived:
    """Give the fact of an order that came in."""
    return PlatformReceived(
        order_id=order_id,
        platform=platform,
        platform_no=placed.platform_no,
        items=tuple(
            PlatformItem(
                dish_id=one.dish_id, name=_clean(one.name), qty=one.qty, unit_fen=one.unit_fen, note=_clean(one.note)
            )
            for one in placed.items
        ),
        total_fen=placed.total_fen,
        packing_fen=placed.packing_fen,
        discount_fen=placed.discount_fen,
        note=_clean(placed.note),
        placed_ms=placed.placed_ms,
    )


def stock_news(told: Mapping[str, bool], gone: set[str]) -> dict[str, bool]:
    """Say which dishes a platform must hear of: those sold out that it does not know of, and those that are back.

    Args:
        told: what it was told last, by dish: True = sold out.
        gone: the dishes that are sold out now.
    """
    news = {dish_id: True for dish_id in sorted(gone) if not told.get(dish_id, False)}
    return news | {dish_id: False for dish_id in sorted(told) if told[dish_id] and dish_id not in gone}


def _clean(text: str) -> str:
    """Leave out what is no writing: nobody here chose these words."""
    return "".join(" " if has_control(letter) else letter for letter in text)
