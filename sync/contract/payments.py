"""The facts of money that is taken before its sale is (lane 0): part payments, code payments with their outcome, deposits.

Money counts where it was taken. A tender of a sale that names one of these by `payment_id` is not counted a second time.
"""

from typing import Literal

import msgspec

TAKEN = "payment.taken"
RETURNED = "payment.returned"
DOUBTED = "payment.doubted"
DEPOSIT_TAKEN = "deposit.taken"
DEPOSIT_RETURNED = "deposit.returned"
REFUND_SETTLED = "payment.refund_settled"

PaymentKind = Literal["cash", "code", "static_code", "card"]


class PaymentTaken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money was taken towards an order: a part of a split bill, or a code payment that the gateway calls paid.

    `provider` is `wechat` or `alipay` where the gateway says so; `reference` is its own number of the payment.
    """

    payment_id: str
    order_id: str
    till: str
    kind: PaymentKind
    received_fen: int
    change_fen: int
    amount_fen: int
    provider: str = ""
    reference: str = ""
    flagged: bool = False


class PaymentReturned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment that no sale used was given back; `queued` = the gateway is still to be asked (no network)."""

    payment_id: str
    till: str
    amount_fen: int
    reason: str
    queued: bool = False
    approved_by: str = ""
    approval_id: str = ""


class PaymentDoubted(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody knows whether a code payment was made (`unknown`), or now it is known that it was not (`refused`, `cancelled`)."""

    payment_id: str
    order_id: str
    till: str
    amount_fen: int
    outcome: Literal["unknown", "refused", "cancelled"]


class DepositTaken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deposit (订金) was taken for a day, under a name that its giver chose; `number` is gapless per till and epoch."""

    deposit_id: str
    till: str
    number: int
    receipt_no: str
    label: str
    for_day: str
    kind: PaymentKind
    received_fen: int
    change_fen: int
    amount_fen: int
    reference: str = ""


class DepositReturned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deposit that was not spent went back to its giver."""

    deposit_id: str
    till: str
    amount_fen: int
    kind: PaymentKind
    reason: str
    approved_by: str = ""
    approval_id: str = ""


class RefundSettled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gateway answered a refund that was in line: it went back (`done`), or it never will by this way (`refused`).

    `refund_no` is the refund's number there: `<refund id>-<tender>` of a sale's refund, `<payment id>-0` of a payment that came back.
    """

    refund_no: str
    payment_id: str
    amount_fen: int
    outcome: Literal["done", "refused"]
    reason: str = ""


KINDS: dict[str, type[msgspec.Struct]] = {
    TAKEN: PaymentTaken,
    RETURNED: PaymentReturned,
    DOUBTED: PaymentDoubted,
    DEPOSIT_TAKEN: DepositTaken,
    DEPOSIT_RETURNED: DepositReturned,
    REFUND_SETTLED: RefundSettled,
}
