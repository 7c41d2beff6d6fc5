"""Payments, deposits, undecided codes and refunds in line, as screens show them."""

from typing import Literal

import msgspec

from edge.db import deposits
from edge.db import payments as db
from edge.db.deposits import Deposit
from edge.db.payments import Attempt, Payment
from edge.domain.gateway import ACCEPTED, ENDED_REFUSED
from edge.services.node import Node
from sync.node.database import Reader

UNCONFIRMED = "unconfirmed"
MISSING = "missing"


class MoneyView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment or deposit as screens show it.

    `state`: `taken`, `used`, `returned`; of a deposit `held` or `gone`; of a code that is not settled `sent`, `unknown`, `cancelling`,
    and at its end `refused` or `cancelled`. `reason` says why: a word of `edge.domain.gateway.REASONS`; of a payment that was taken on
    the guest's word `unconfirmed` while the gateway has not said so, `missing` when it said no.
    """

    payment_id: str
    order_id: str
    till: str
    kind: str
    state: str
    amount_fen: int
    received_fen: int
    change_fen: int
    provider: str = ""
    reference: str = ""
    reason: str = ""
    flagged: bool = False
    at_ms: int = 0
    sale_id: str = ""
    left_fen: int = 0
    receipt_no: str = ""
    label: str = ""
    for_day: str = ""


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that the gateway is still to be told of (`waiting`), or that it refused."""

    refund_no: str
    payment_id: str
    amount_fen: int
    state: Literal["waiting", "done", "refused"]
    reason: str = ""


class OpenMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody must look at: undecided codes, payments that no sale used, refunds in line. `gateway` = there is one."""

    gateway: bool
    away: bool
    undecided: tuple[MoneyView, ...]
    unused: tuple[MoneyView, ...]
    missing: tuple[MoneyView, ...]
    refunds: tuple[RefundView, ...]


def view(reader: Reader, payment_id: str) -> MoneyView | None:
    """Find a payment, a deposit or an attempt, whichever the id names."""
    attempt = db.attempt(reader, payment_id)
    payment = db.by_id(reader, payment_id)
    if payment is not None:
        return _of_payment(payment, attempt)
    deposit = deposits.by_id(reader, payment_id)
    if deposit is not None:
        return of_deposit(deposit)
    return None if attempt is None else of_attempt(attempt)


def must_view(reader: Reader, payment_id: str) -> MoneyView:
    """Find what was written a moment ago."""
    found = view(reader, payment_id)
    assert found is not None
    return found


def open_money(node: Node) -> OpenMoney:
    """Give what somebody must look at, of all tills."""
    with node.db.read() as reader:
        undecided = [of_attempt(each) for each in db.open_attempts(reader) if each.state != ACCEPTED]
        unused = [_of_payment(each, db.attempt(reader, each.payment_id)) for each in db.unused(reader)]
        missing = [_of_payment(each, None) for each in db.missing(reader)]
        refunds = [_refund_view(each) for each in db.refunds_in_line(reader)]
    return OpenMoney(
        gateway=node.gateway.gateway is not None,
        away=node.gateway.away,
        undecided=tuple(undecided),
        unused=tuple(unused),
        missing=tuple(msgspec.structs.replace(each, reason=MISSING) for each in missing),
        refunds=tuple(refunds),
    )


def of_order(node: Node, order_id: str) -> tuple[MoneyView, ...]:
    """Give what was paid towards an order, and what is not decided of it."""
    with node.db.read() as reader:
        taken = [_of_payment(each, db.attempt(reader, each.payment_id)) for each in db.taken_for(reader, order_id)]
        open_ones = [of_attempt(each) for each in db.undecided_for(reader, order_id) if each.state != ACCEPTED]
    return (*taken, *open_ones)


def one(node: Node, payment_id: str) -> MoneyView | None:
    """Find a payment, a deposit or an attempt."""
    with node.db.read() as reader:
        return view(reader, payment_id)


def _of_payment(payment: Payment, attempt: Attempt | None) -> MoneyView:
    reason = {ACCEPTED: UNCONFIRMED, ENDED_REFUSED: MISSING}.get(attempt.state if attempt else "", "")
    return MoneyView(
        payment_id=payment.payment_id,
        order_id=payment.order_id,
        till=payment.till,
        kind=payment.kind,
        state="taken" if payment.state == "open" else payment.state,
        amount_fen=payment.amount_fen,
        received_fen=payment.received_fen,
        change_fen=payment.change_fen,
        provider=payment.provider,
        reference=payment.reference,
        reason=reason,
        flagged=payment.flagged,
        at_ms=payment.at_ms,
        sale_id=payment.sale_id,
        left_fen=payment.amount_fen if payment.state == "open" else 0,
    )


def of_deposit(deposit: Deposit) -> MoneyView:
    """Show a deposit."""
    return MoneyView(
        payment_id=deposit.deposit_id,
        order_id="",
        till=deposit.till,
        kind=deposit.kind,
        state="held" if deposit.left_fen > 0 else "gone",
        amount_fen=deposit.amount_fen,
        received_fen=deposit.received_fen,
        change_fen=deposit.change_fen,
        reference=deposit.reference,
        at_ms=deposit.at_ms,
        left_fen=deposit.left_fen,
        receipt_no=deposit.receipt_no,
        label=deposit.label,
        for_day=deposit.for_day,
    )


def of_attempt(attempt: Attempt) -> MoneyView:
    """Show a code payment that is not taken."""
    return MoneyView(
        payment_id=attempt.payment_id,
        order_id=attempt.order_id,
        till=attempt.till,
        kind="code",
        state=attempt.state,
        amount_fen=attempt.amount_fen,
        received_fen=attempt.amount_fen,
        change_fen=0,
        reason=attempt.reason,
        at_ms=attempt.at_ms,
        label=attempt.label,
        for_day=attempt.for_day,
    )


def _refund_view(each: db.QueuedRefund) -> RefundView:
    return RefundView(
        refund_no=each.refund_no,
        payment_id=each.payment_id,
        amount_fen=each.amount_fen,
        state=each.state,  # type: ignore[arg-type]
        reason=each.reason,
    )
