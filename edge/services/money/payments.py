"""Money that is taken before its sale: parts of a split bill, and what a sale then uses, or what goes back.

A payment is taken once under the id that the till drew. It waits (`taken`) until a sale names it in a tender (`used`) or it is given
back (`returned`); a sale uses it whole. Codes go through the gateway: see `edge.services.money.code_payments`.
"""

from functools import partial
from typing import Annotated, Final

import msgspec

from edge.db import deposits, drawer_jobs, orders
from edge.db import payments as db
from edge.db.deposits import Deposit
from edge.db.drawer_jobs import Wanted
from edge.db.payments import Payment
from edge.db.staff import Session
from edge.domain import part_payment, slip_rules
from edge.domain.gateway import Outcome
from edge.domain.part_payment import Handed
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.money import money_papers
from edge.services.money.money_views import MoneyView, must_view, view
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import ids
from sync.contract import payments as contract
from sync.contract.payments import PaymentKind, PaymentReturned, PaymentTaken, RefundSettled
from sync.contract.trade import Tender
from sync.node.database import Reader

CASH: Final = "cash"
CODE: Final = "code"
DEPOSIT: Final = "deposit"
BY_PAYMENT = "payment"
BY_RETURN = "return"
"""Why a drawer opened."""
REFUNDS_AT_ONCE = 20
AmountFen = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Hex = Annotated[str, msgspec.Meta(max_length=32)]


class TakeCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A payment towards an order, or towards the basket whose sale will have the id `order_id`.

    `handle` is what the scan of a payment code answered; the code itself is not here. `beside` says that another payment of the
    same order may be in the air: somebody else's share.
    """

    payment_id: Hex
    kind: PaymentKind
    amount_fen: AmountFen
    order_id: Hex = ""
    received_fen: AmountFen = 0
    reference: Annotated[str, msgspec.Meta(max_length=64)] = ""
    handle: Annotated[str, msgspec.Meta(max_length=64)] = ""
    beside: bool = False


class ReturnCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Gives back what no sale used."""

    request_id: Hex
    reason: Annotated[str, msgspec.Meta(max_length=200)]
    approval_id: Hex = ""


class ReturnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What went back; `queued` = by the gateway, which is asked right after (`refund_no` names it there)."""

    payment_id: str
    kind: str
    amount_fen: int
    queued: bool = False
    refund_no: str = ""


class _Take(msgspec.Struct, frozen=True):
    """What a stored answer of a payment is held against."""

    payment_id: str
    order_id: str
    kind: str
    amount_fen: int
    received_fen: int
    reference: str


class _Return(msgspec.Struct, frozen=True):
    payment_id: str
    reason: str


def take(node: Node, who: Session, asked: TakeCommand) -> Done | Refused:
    """Take cash, the word of a card terminal, or what the guest's phone shows of the shop's printed code.

    Returns:
        The `MoneyView` as bytes, or why nothing was taken: `order_closed` with where its lines went, what `part_payment.handed`
        refuses, or what the table of roles asks for.
    """
    money = part_payment.handed(asked.kind, asked.amount_fen, asked.received_fen, asked.reference)
    if isinstance(money, Refused):
        return money
    refusal = check_order_id(asked.order_id)
    if refusal is not None:
        return refusal
    if asked.kind == CODE:
        return Refused("malformed", {"field": "kind", "expected": "a way of paying that needs no gateway"})
    command = _Take(asked.payment_id, asked.order_id, asked.kind, asked.amount_fen, asked.received_fen, asked.reference)

    def work(deed: Deed) -> MoneyView | Refused:
        before = repeated(deed.tx, asked.payment_id, (asked.kind, asked.amount_fen, asked.order_id))
        if before is not None:
            return before
        refusal = may_take(deed, money, asked.payment_id) or order_refuses(deed.tx, asked.order_id)
        if refusal is not None:
            return refusal
        book_payment(deed, asked.payment_id, asked.order_id, money)
        return must_view(deed.tx, asked.payment_id)

    return deeds.transact(node, who, asked.payment_id, command, work)


def repeated(reader: Reader, payment_id: str, meant: tuple[str, int, str]) -> MoneyView | Refused | None:
    """Answer a payment that a node before this one took under the id: the same again, or `request_id_reused` for another."""
    found = view(reader, payment_id)
    if found is None:
        return None
    if (found.kind, found.amount_fen) != meant[:2] or (found.order_id != meant[2] and found.state == "taken"):
        return Refused("request_id_reused")
    return found


def may_take(deed: Deed, money: Handed, target: str) -> Refused | None:
    """Ask the table of roles about a way of paying."""
    action = Action.STATIC_CODE if money.kind == "static_code" else Action.SELL
    allowed = permit(deed, action, target)
    return allowed if isinstance(allowed, Refused) else None


def check_order_id(order_id: str) -> Refused | None:
    """Refuse what can be no order's id."""
    if order_id and not ids.is_uuid7_hex(order_id):
        return Refused(
            "malformed", {"field": "order_id", "expected": "a UUIDv7 as 32 lower-case hex digits, or nothing"}
        )
    return None


def order_refuses(reader: Reader, order_id: str) -> Refused | None:
    """Refuse money towards an order that is over; an id that is no order's is that of a basket at the counter."""
    order = orders.by_id(reader, order_id) if order_id else None
    if order is None or order.state == "open":
        return None
    now = orders.where_now(reader, order_id)
    return Refused("order_closed", {"into": now.order_id if now is not None and now.order_id != order_id else ""})


def book_payment(deed: Deed, payment_id: str, order_id: str, money: Handed, provider: str = "") -> None:
    """Write that a payment was taken at the till of the deed; cash opens the drawer."""
    assert deed.who is not None
    body = PaymentTaken(
        payment_id=payment_id,
        order_id=order_id,
        till=deed.who.till,
        kind=money.kind,
        received_fen=money.received_fen,
        change_fen=money.change_fen,
        amount_fen=money.amount_fen,
        provider=provider,
        reference=money.reference,
        flagged=money.flagged,
    )
    deed.write(contract.TAKEN, body)
    if money.kind == CASH:
        open_drawer(deed, payment_id, BY_PAYMENT)


def open_drawer(deed: Deed, job_id: str, reason: str) -> None:
    """Let the drawer of the deed's till open once, where it has one."""
    assert deed.who is not None
    row = deed.node.devices.drawer_for(deed.who.till)
    if row is not None:
        wanted = Wanted(job_id, row.id, row.printer, deed.who.till, reason, "", deed.who.cashier_id)
        drawer_jobs.add(deed.tx, wanted, deed.place.at_ms, deed.node.clock.monotonic_ms())
        deed.prints = True


def give_back(node: Node, who: Session, payment_id: str, asked: ReturnCommand) -> Done | Refused:
    """Give back a payment that no sale used, the way it came.

    A code payment's refund is written down first and sent to the gateway right after, and again until the gateway has answered.

    Returns:
        A `ReturnAnswer` as bytes; `payment_used` with the sale (refund that), `payment_returned` when it went back before.
    """
    wrong = part_payment.check_words(asked.reason, part_payment.REASON_CHARS_MAX)
    if wrong is not None:
        return wrong

    def work(deed: Deed) -> ReturnAnswer | Refused:
        found = db.by_id(deed.tx, payment_id)
        if found is None:
            return Refused("not_found")
        if found.state == "used":
            return Refused("payment_used", {"sale_id": found.sale_id})
        if found.state == "returned":
            return Refused("payment_returned")
        about = About(amount_fen=found.amount_fen)
        allowed = permit(deed, Action.RETURN_PAYMENT, payment_id, about, asked.approval_id)
        if isinstance(allowed, Refused):
            return allowed
        queued = found.kind == CODE
        assert deed.who is not None
        body = PaymentReturned(
            payment_id=payment_id,
            till=deed.who.till,
            amount_fen=found.amount_fen,
            reason=asked.reason.strip(),
            queued=queued,
            approved_by=allowed.approved_by,
            approval_id=allowed.approval_id,
        )
        fact = deed.write(contract.RETURNED, body)
        money_papers.queue(deed, slip_rules.MONEY_BACK, str(fact.n), found.reference or payment_id[-6:])
        if found.kind == CASH:
            open_drawer(deed, asked.request_id, BY_RETURN)
        refund_no = f"{payment_id}-0" if queued else ""
        return ReturnAnswer(
            payment_id=payment_id, kind=found.kind, amount_fen=found.amount_fen, queued=queued, refund_no=refund_no
        )

    done = deeds.transact(node, who, asked.request_id, _Return(payment_id, asked.reason), work, vital=True)
    if isinstance(done, Done):
        node.gateway.bell.set()
    return done


def tender_of(deed: Deed, payment_id: str, wanted_fen: int) -> Tender | Refused:
    """Give the tender by which a sale uses a payment or a deposit.

    The sale's own projection marks it used, so put the tender into the sale as it is, and name an id once in a sale.

    Args:
        wanted_fen: how much of the sale is still to be paid. A deposit is spent as far as that; a payment is used whole.

    Returns:
        `not_found`; `payment_used` with its sale; `payment_returned`; `payment_exceeds` with its amount when it is more than is wanted.
    """
    if wanted_fen <= 0:
        return Refused("payment_exceeds", {"payment_id": payment_id, "wanted_fen": wanted_fen})
    deposit = deposits.by_id(deed.tx, payment_id)
    if deposit is not None:
        return _tender_of_deposit(deposit, wanted_fen)
    found = db.by_id(deed.tx, payment_id)
    if found is None:
        return Refused("not_found", {"payment_id": payment_id})
    if found.state == "used":
        return Refused("payment_used", {"payment_id": payment_id, "sale_id": found.sale_id})
    if found.state == "returned":
        return Refused("payment_returned", {"payment_id": payment_id})
    if found.amount_fen > wanted_fen:
        return Refused(
            "payment_exceeds", {"payment_id": payment_id, "amount_fen": found.amount_fen, "wanted_fen": wanted_fen}
        )
    return Tender(
        kind=found.kind,
        received_fen=found.received_fen,
        change_fen=found.change_fen,
        amount_fen=found.amount_fen,
        payment_id=payment_id,
        reference=found.reference,
        flagged=found.flagged,
    )


def _tender_of_deposit(deposit: Deposit, wanted_fen: int) -> Tender | Refused:
    if deposit.left_fen <= 0:
        code = "payment_returned" if deposit.returned_fen else "payment_used"
        return Refused(code, {"payment_id": deposit.deposit_id})
    spent_fen = min(deposit.left_fen, wanted_fen)
    return Tender(
        kind=DEPOSIT,
        received_fen=spent_fen,
        change_fen=0,
        amount_fen=spent_fen,
        payment_id=deposit.deposit_id,
        reference=deposit.receipt_no,
    )


def taken_for(reader: Reader, order_id: str) -> list[Payment]:
    """List what was paid towards an order and is no sale's yet, oldest first."""
    return db.taken_for(reader, order_id)


def _refund_settled(body: RefundSettled, deed: Deed) -> RefundSettled | Refused:
    """Say what the gateway said, once however many asked it at the same time."""
    queued = db.refund(deed.tx, body.refund_no)
    if queued is None or queued.state != "waiting":
        return Refused("payment_settled")
    deed.write(contract.REFUND_SETTLED, body)
    return body


def send_refunds(node: Node) -> int:
    """Tell the gateway of the refunds in line, until it does not answer; give how many it settled.

    Any number of callers at once and any number of repeats are harmless: a refund number is paid back once.
    """
    if node.gateway.gateway is None or deeds.standing(node, vital=True) is not None:
        return 0
    with node.db.read() as reader:
        waiting = [each for each in db.refunds_in_line(reader) if each.state == "waiting"]
    settled = 0
    for each in waiting[:REFUNDS_AT_ONCE]:
        payment_id, refund_no, amount_fen = each.payment_id, each.refund_no, each.amount_fen
        answer = node.gateway.ask(lambda at, p=payment_id, r=refund_no, a=amount_fen: at.refund(p, r, a))  # type: ignore[misc]
        if not answer.reached:
            break
        if answer.outcome is Outcome.UNKNOWN:
            continue
        body = RefundSettled(
            refund_no=refund_no,
            payment_id=payment_id,
            amount_fen=amount_fen,
            outcome="done" if answer.outcome is Outcome.PAID else "refused",
            reason=answer.reason,
        )
        request_id = node.ids.uuid7().hex()
        done = deeds.transact(node, None, request_id, body, partial(_refund_settled, body), vital=True)
        settled += isinstance(done, Done)
    if settled:
        node.changed.notify()
    return settled
