"""What a guest sees of an order at the till: a line of it, its total, the change (pure). Nothing personal is in it."""

from typing import Annotated, Literal

import msgspec

from sync.contract import limits
from sync.contract.words import Name

Fen = Annotated[int, msgspec.Meta(ge=0, le=limits.RECEIVED_FEN_MAX)]
Qty = Annotated[int, msgspec.Meta(ge=0, le=limits.LINE_QTY_MAX)]


class GuestLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the order."""

    name: Name
    qty: Qty
    amount_fen: Fen


class GuestView(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the guest is shown now; amounts that do not belong to `show` are ignored."""

    show: Literal["welcome", "item", "total", "change", "idle"]
    """`item` = the line just rung up and the total so far, `total` = what is due, `change` = what goes back, `idle` = dark."""
    name: Name | None = None
    """The line just rung up, with `qty` and `amount_fen`."""
    qty: Qty = 1
    amount_fen: Fen = 0
    total_fen: Fen = 0
    received_fen: Fen = 0
    change_fen: Fen = 0
    lines: Annotated[tuple[GuestLine, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    """The whole order, for a display that has room for it."""


WELCOME = GuestView(show="welcome")
