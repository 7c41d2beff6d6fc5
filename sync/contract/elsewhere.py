"""What stores and the hub say to each other so that a sale of one store is given back at another (protocol §5.13).

Only the store of a sale knows for certain what of it may still go back: it gives refunds without a network. So the store where the guest
stands never decides, and neither does the hub: it asks the hub (`refund.reserve`), the hub passes it on as a command, and the sale's store
works the refund out, counts it as gone and says so (`refund.ceded`). Whatever is lost or late on the way, no money is left to two.
"""

from typing import Annotated

import msgspec

from sync.contract import limits
from sync.contract.refunds import RefundCeded, RefundedLine, RefundTender
from sync.contract.words import Name

LOOK = "sale.look"
"""Question: which sale a receipt is of, and what is known to have gone back of it; answered with `SaleThere`."""
RESERVE = "refund.reserve"
"""Question under the refund's own id: may it be given here? Answered with `refund.ceded`, or `waiting` while its store is not heard."""
DROP = "refund.drop"
"""Question: this refund will never be given here; its store counts it back when it hears of it."""
LOOK_LIVES_MS = 60_000
TEXT_CHARS_MAX = 400

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]


class Look(msgspec.Struct, frozen=True):
    """What was scanned of a receipt: the code on its paper, or the address on the guest's phone."""

    text: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)]


class AskedPieces(msgspec.Struct, frozen=True):
    """So many pieces of the line at a position of the sale."""

    line: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    qty: Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to go back: exactly one of `whole`, `lines`, `amount_fen`.

    `shown_fen` is what the guest was told; its store refuses another amount. `other_way` says that it was allowed here that cash goes
    back for what was not paid in cash.
    """

    shown_fen: Annotated[int, msgspec.Meta(ge=1, le=limits.SALE_TOTAL_FEN_MAX)]
    whole: bool = False
    lines: Annotated[tuple[AskedPieces, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    amount_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.SALE_TOTAL_FEN_MAX)] = 0
    tip: bool = False
    in_cash: bool = False
    other_way: bool = False


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for a refund of a store's sale; `wanted` is the JSON of `Wanted`."""

    refund_id: Id
    store: Annotated[str, msgspec.Meta(max_length=32)]
    sale_id: Id
    wanted: Annotated[str, msgspec.Meta(max_length=limits.QUESTION_BYTES_MAX // 2)]


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """Names the refund that is given up; `drop_id` is drawn for it."""

    store: Annotated[str, msgspec.Meta(max_length=32)]
    refund_id: Id
    drop_id: Id


class GoneBack(msgspec.Struct, frozen=True, kw_only=True):
    """What one refund took of a sale, as far as the hub knows."""

    amount_fen: int
    tip_fen: int
    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]


class SaleThere(msgspec.Struct, frozen=True, kw_only=True):
    """A sale of a store as the hub knows it; `sale` is the body of its fact, packed (`sync.node.packing`)."""

    store: str
    store_name: Name
    day: str
    at_ms: int
    sale: bytes
    gone: tuple[GoneBack, ...]
    deposit_kinds: dict[str, str]


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """The sale's store leaves a refund to the one that asked."""

    ceded: RefundCeded
