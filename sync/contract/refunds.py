"""The fact of a refund (lane 0): a new, opposite sale that names the one it takes back; nothing is ever edited."""

import msgspec

from sync.contract.facts import ContractError

SALE_REFUNDED = "sale.refunded"


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


KINDS: dict[str, type[SaleRefunded]] = {SALE_REFUNDED: SaleRefunded}


def refund_no(till: str, epoch: int, number: int) -> str:
    """Write a refund's number: till, epoch, R and a gapless number, so that it is never taken for a sale's."""
    return f"{till}-{epoch}-R{number:05d}"


def check_sums(refund: SaleRefunded) -> None:
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
