"""The facts of orders from takeaway platforms (lane 1): received, accepted, ready, cancelled.

What is sold by them are sales and orders like any other (`sync.contract.trade`, `.orders`), with the platform's name and number; these
facts say what became of the platform's order itself. Nothing personal of a guest is in them: no name, no number, no address.
"""

from typing import Literal

import msgspec

RECEIVED = "platform.received"
ACCEPTED = "platform.accepted"
READY = "platform.ready"
CANCELLED = "platform.cancelled"

CancelledBy = Literal["platform", "store"]


class PlatformItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dish of a platform's order: `dish_id` is ours, as the platform was told; `unit_fen` what it sells a piece for, choices included."""

    dish_id: str
    name: str
    qty: int
    unit_fen: int
    note: str = ""


class PlatformReceived(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order came in. `items + packing_fen − discount_fen = total_fen`: what the platform owes the store for it.

    `order_id` was drawn by the node when it came. `discount_fen` is what the store gives of a promotion.
    """

    order_id: str
    platform: str
    platform_no: str
    items: tuple[PlatformItem, ...]
    total_fen: int
    packing_fen: int = 0
    discount_fen: int = 0
    note: str = ""
    placed_ms: int = 0


class PlatformAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The store took it; it is the sale `sale_id`. `by_hand` is false where the node took it by itself."""

    order_id: str
    platform: str
    platform_no: str
    sale_id: str
    by_hand: bool


class PlatformReady(msgspec.Struct, frozen=True, kw_only=True):
    """It stands ready for the courier."""

    order_id: str
    platform: str
    platform_no: str


class PlatformCancelled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It is off. `refund_id` names the refund of its sale where it had been accepted; without one it was declined in time."""

    order_id: str
    platform: str
    platform_no: str
    by: CancelledBy
    reason: str
    refund_id: str = ""


KINDS: dict[str, type[msgspec.Struct]] = {
    RECEIVED: PlatformReceived,
    ACCEPTED: PlatformAccepted,
    READY: PlatformReady,
    CANCELLED: PlatformCancelled,
}
