"""The facts of a refund (lane 0): a new, opposite sale that names the one it takes back; nothing is ever edited.

A sale of another store is given back in four words: `refund.asked` at the store where the guest stands, `refund.ceded` at the store that
sold it (which counts the amount as gone from then on, and is the only one that may say so), `sale.refunded` where the guest stands. Or
`refund.dropped` there, after which `refund.regained` counts it back at the store that sold it.
"""

import msgspec

from sync.contract.facts import ContractError
from sync.contract.words import Name

SALE_REFUNDED = "sale.refunded"
ASKED = "refund.asked"
CEDED = "refund.ceded"
DROPPED = "refund.dropped"
REGAINED = "refund.regained"


class RefundedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of one line of the sale, by its position; `amount_fen` is their share of what was paid (`sync.contract.bill`)."""

    line: int
    qty: int
    amount_fen: int


class RefundTender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went back by which way; `queued` = a code payment whose gateway is still to be asked, the guest has a slip for it."""

    kind: str
    amount_fen: int
    payment_id: str = ""
    reference: str = ""
    queued: bool = False


class SaleRefunded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money of a sale went back. `lines` is empty for a refund by amount; `amount_fen` is above zero.

    `whole` says that the sale is taken back as it stands (with it 反结账, whose new order is `reopened_as`). `number` is gapless
    per till and epoch, a series of its own. `tip_fen` is the part of the amount that was a tip.
    """

    refund_id: str
    sale_id: str
    sale_store: str
    sale_receipt_no: str
    sale_day: str
    till: str
    number: int
    receipt_no: str
    currency: str
    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]
    amount_fen: int
    reason: str
    whole: bool = False
    tip_fen: int = 0
    reopened_as: str = ""
    approved_by: str = ""
    approval_id: str = ""
    locale: str = "zh-CN"


class RefundAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody here wants to give money of another store's sale back; that store is asked through the hub.

    `wanted` is the JSON of what is to go back, as it travels to that store; `names` are the dishes of the sale, for the guest's slip.
    Nothing is given yet.
    """

    refund_id: str
    sale_id: str
    sale_store: str
    sale_receipt_no: str
    sale_day: str
    till: str
    amount_fen: int
    wanted: str
    reason: str
    names: tuple[Name, ...]
    locale: str = "zh-CN"
    currency: str = "CNY"
    approved_by: str = ""
    approval_id: str = ""


class RefundCeded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The store of a sale leaves so much of it to another store to give back; it counts as gone here from now on."""

    refund_id: str
    sale_id: str
    to_store: str
    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]
    amount_fen: int
    tip_fen: int = 0
    whole: bool = False


class RefundDropped(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refund that was asked for will never be given here; `drop_id` asks the sale's store to count it back, empty = it never ceded it."""

    refund_id: str
    reason: str
    drop_id: str = ""


class RefundRegained(msgspec.Struct, frozen=True, kw_only=True):
    """What was ceded under an id was dropped at the other store, and may go back here again."""

    refund_id: str
    sale_id: str


KINDS: dict[str, type[msgspec.Struct]] = {
    SALE_REFUNDED: SaleRefunded,
    ASKED: RefundAsked,
    CEDED: RefundCeded,
    DROPPED: RefundDropped,
    REGAINED: RefundRegained,
}


def refund_no(till: str, epoch: int, number: int) -> str:
    """Write a refund's number: till, epoch, R and a gapless number, so that it is never taken for a sale's."""
    return f"{till}-{epoch}-R{number:05d}"


def check_sums(refund: SaleRefunded | RefundCeded) -> None:
    """Add a refund up.

    Raises:
        ContractError: nothing or less goes back, or tenders or lines say another amount.
    """
    if refund.amount_fen <= 0 or any(tender.amount_fen <= 0 for tender in refund.tenders):
        raise ContractError(f"refund {refund.refund_id}: an amount is not above zero")
    if sum(tender.amount_fen for tender in refund.tenders) != refund.amount_fen:
        raise ContractError(f"refund {refund.refund_id}: the tenders do not add up")
    if not 0 <= refund.tip_fen <= refund.amount_fen:
        raise ContractError(f"refund {refund.refund_id}: the tip is no part of the amount")
    if refund.lines and sum(line.amount_fen for line in refund.lines) + refund.tip_fen != refund.amount_fen:
        raise ContractError(f"refund {refund.refund_id}: the lines do not add up")
