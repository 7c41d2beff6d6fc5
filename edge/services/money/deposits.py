"""Deposits (订金): money held for a day under a name, spent by sales of any day and till, and given back."""

from typing import Annotated

import msgspec

from edge.db import deposits as db
from edge.db.staff import Session
from edge.domain import part_payment, slip_rules
from edge.domain.part_payment import Handed
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.money import money_papers, money_views, payments
from edge.services.money.money_views import MoneyView
from edge.services.money.payments import CASH, CODE, AmountFen, Hex, ReturnAnswer
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import payments as contract
from sync.contract import times
from sync.contract.payments import DepositReturned, DepositTaken, PaymentKind

LIST_DAYS_MAX = 400
"""So many days are listed at once, and so far ahead a deposit may be for."""


class DepositCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A deposit for a day (`YYYY-MM-DD`), under a name that its giver chose. A code is charged by its `handle`."""

    deposit_id: Hex
    kind: PaymentKind
    amount_fen: AmountFen
    label: Annotated[str, msgspec.Meta(max_length=200)]
    for_day: Annotated[str, msgspec.Meta(max_length=10)]
    received_fen: AmountFen = 0
    reference: Annotated[str, msgspec.Meta(max_length=64)] = ""
    handle: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ReturnDepositCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Gives back what is left of a deposit, the way it came; `in_cash` where that way is shut."""

    request_id: Hex
    reason: Annotated[str, msgspec.Meta(max_length=200)]
    in_cash: bool = False
    approval_id: Hex = ""


class _Take(msgspec.Struct, frozen=True):
    deposit_id: str
    kind: str
    amount_fen: int
    label: str
    for_day: str


class _Return(msgspec.Struct, frozen=True):
    deposit_id: str
    reason: str
    in_cash: bool


def check(node: Node, asked: DepositCommand) -> Refused | None:
    """Refuse a name that is none, and a day that is none, is over, or so far ahead that it is a slip of the finger."""
    try:
        ahead = times.epoch_day(asked.for_day) - times.epoch_day(node.today())
    except ValueError:
        return Refused("malformed", {"field": "for_day", "expected": "YYYY-MM-DD"})
    if not 0 <= ahead <= LIST_DAYS_MAX:
        return Refused("deposit_day", {"day": asked.for_day, "days": LIST_DAYS_MAX})
    return part_payment.check_words(asked.label, part_payment.LABEL_CHARS_MAX)


def take(node: Node, who: Session, asked: DepositCommand) -> Done | Refused:
    """Take a deposit in any way but by code; that is `edge.services.money.code_payments.charge` with the same name and day.

    Returns:
        The `MoneyView` as bytes, or why nothing was taken.
    """
    money = part_payment.handed(asked.kind, asked.amount_fen, asked.received_fen, asked.reference)
    if isinstance(money, Refused):
        return money
    if asked.kind == CODE:
        return Refused("malformed", {"field": "kind", "expected": "a way of paying that needs no gateway"})
    label = asked.label.strip()

    def work(deed: Deed) -> MoneyView | Refused:
        before = money_views.view(deed.tx, asked.deposit_id)
        if before is not None:
            meant = (asked.kind, asked.amount_fen, label, asked.for_day)
            same = (before.kind, before.amount_fen, before.label, before.for_day) == meant
            return before if same else Refused("request_id_reused")
        refusal = check(node, asked) or payments.may_take(deed, money, asked.deposit_id)
        if refusal is not None:
            return refusal
        book(deed, asked.deposit_id, money, label, asked.for_day)
        found = money_views.view(deed.tx, asked.deposit_id)
        assert found is not None
        return found

    command = _Take(asked.deposit_id, asked.kind, asked.amount_fen, label, asked.for_day)
    return deeds.transact(node, who, asked.deposit_id, command, work)


def book(deed: Deed, deposit_id: str, money: Handed, label: str, for_day: str) -> None:
    """Write that a deposit was taken at the till of the deed, under its next number."""
    assert deed.who is not None
    till = deed.who.till
    number = db.next_number(deed.tx, till, deed.place.epoch)
    body = DepositTaken(
        deposit_id=deposit_id,
        till=till,
        number=number,
        receipt_no=f"{till}-{deed.place.epoch}-D{number:05d}",
        label=label,
        for_day=for_day,
        kind=money.kind,
        received_fen=money.received_fen,
        change_fen=money.change_fen,
        amount_fen=money.amount_fen,
        reference=money.reference,
    )
    deed.write(contract.DEPOSIT_TAKEN, body)
    money_papers.queue(deed, slip_rules.DEPOSIT, deposit_id, body.receipt_no)
    if money.kind == CASH:
        payments.open_drawer(deed, deposit_id, payments.BY_PAYMENT)


def give_back(node: Node, who: Session, deposit_id: str, asked: ReturnDepositCommand) -> Done | Refused:
    """Give back all that is left of a deposit.

    Returns:
        A `ReturnAnswer` as bytes; `not_found`, or `deposit_gone` when nothing is left.
    """
    wrong = part_payment.check_words(asked.reason, part_payment.REASON_CHARS_MAX)
    if wrong is not None:
        return wrong

    def work(deed: Deed) -> ReturnAnswer | Refused:
        found = db.by_id(deed.tx, deposit_id)
        if found is None:
            return Refused("not_found")
        if found.left_fen <= 0:
            return Refused("deposit_gone", {"spent_fen": found.spent_fen, "returned_fen": found.returned_fen})
        about = About(amount_fen=found.left_fen)
        allowed = permit(deed, Action.RETURN_DEPOSIT, deposit_id, about, asked.approval_id)
        if isinstance(allowed, Refused):
            return allowed
        assert deed.who is not None
        kind: PaymentKind = CASH if asked.in_cash else found.kind  # type: ignore[assignment]
        body = DepositReturned(
            deposit_id=deposit_id,
            till=deed.who.till,
            amount_fen=found.left_fen,
            kind=kind,
            reason=asked.reason.strip(),
            approved_by=allowed.approved_by,
            approval_id=allowed.approval_id,
        )
        fact = deed.write(contract.DEPOSIT_RETURNED, body)
        money_papers.queue(deed, slip_rules.MONEY_BACK, str(fact.n), found.receipt_no)
        if kind == CASH:
            payments.open_drawer(deed, asked.request_id, payments.BY_RETURN)
        queued = kind == CODE
        return ReturnAnswer(
            payment_id=deposit_id,
            kind=kind,
            amount_fen=found.left_fen,
            queued=queued,
            refund_no=f"{deposit_id}-0" if queued else "",
        )

    command = _Return(deposit_id, asked.reason, asked.in_cash)
    done = deeds.transact(node, who, asked.request_id, command, work, vital=True)
    if isinstance(done, Done):
        node.gateway.bell.set()
    return done


def held(node: Node) -> tuple[MoneyView, ...]:
    """List the deposits that have something left, whatever their day: that money lies here."""
    with node.db.read() as reader:
        return tuple(money_views.of_deposit(each) for each in db.held(reader))


def for_days(node: Node, first: str, last: str) -> tuple[MoneyView, ...] | Refused:
    """List the deposits that are held, or were, for days between two, both included."""
    try:
        span = times.epoch_day(last) - times.epoch_day(first)
    except ValueError:
        return Refused("malformed", {"field": "day", "expected": "YYYY-MM-DD"})
    if not 0 <= span <= LIST_DAYS_MAX:
        return Refused("malformed", {"field": "to", "expected": f"at most {LIST_DAYS_MAX} days behind the first"})
    with node.db.read() as reader:
        return tuple(money_views.of_deposit(each) for each in db.for_days(reader, first, last))
