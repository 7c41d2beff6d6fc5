"""A guest's payment code is charged through the gateway: once, whatever is repeated, cut or killed.

1. That the gateway is about to be asked is committed (`gateway_attempts`) before it is asked. A repeat finds that and asks nothing.
2. What the gateway said becomes facts: taken, or that nobody knows. A node that died in between asks the gateway again by the id.
3. An unknown payment is asked for with growing pauses (`edge.services.money.payment_care`), and a cashier may cancel it: then it is reversed
   as soon as the gateway answers, and money that was taken all the same goes straight back. Or it is taken on the word of the
   guest's phone, flagged, and the gateway still has the last word.
4. While a code payment of an order is undecided, no other code is charged for that order, unless the till says it is somebody else's
   share; nobody pays twice because a line was slow.

The code itself is in memory only, from the shelf of `edge.domain.bearer` to the gateway.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from edge.db import payments as db
from edge.db.payments import Attempt
from edge.db.staff import Session
from edge.domain import gateway, part_payment
from edge.domain.bearer import Bearer
from edge.domain.gateway import Answer, Asked, Charge, Step
from edge.domain.part_payment import Handed
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.care import disk
from edge.services.deeds import Deed
from edge.services.money import deposits, money_views, payments
from edge.services.money.money_views import MoneyView
from edge.services.money.payments import CODE
from edge.services.node import Node
from edge.services.people.permit import may
from sync.contract import ids
from sync.contract import payments as contract
from sync.contract.payments import PaymentDoubted, PaymentReturned
from sync.node.database import Reader, Tx

TAKE_BACK_REASON = "cancelled"
"""Why money went back that came although the payment had been cancelled."""
TakeCode = Callable[[str], Bearer | None]
"""Gives a scanned code out for its handle, once."""


@dataclass(frozen=True)
class CodeCharge:
    """What a code is charged for; with a `for_day` it is a deposit under `label`."""

    payment_id: str
    amount_fen: int
    order_id: str = ""
    label: str = ""
    for_day: str = ""
    beside: bool = False


class _Settled(msgspec.Struct, frozen=True):
    payment_id: str


class _Decided(msgspec.Struct, frozen=True):
    payment_id: str
    step: str


def charge(node: Node, who: Session, asked: CodeCharge, handle: str, take_code: TakeCode) -> MoneyView | Refused:
    """Charge a scanned code and say where the payment stands then: `taken`, `refused` or `unknown`.

    Returns:
        A refusal where the gateway was not asked: `no_gateway`, `code_gone` (scan again), `payment_undecided` with the payment that
        must be decided first, `request_id_reused`, `order_closed`, or why this node takes no money.
    """
    if not ids.is_uuid7_hex(asked.payment_id):
        return Refused("malformed", {"field": "payment_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    money = part_payment.handed(CODE, asked.amount_fen)
    if isinstance(money, Refused):
        return money
    with node.db.read() as reader:
        before = _before(reader, who, asked)
    if before is not None:
        return before
    if node.gateway.gateway is None:
        return Refused("no_gateway")
    refusal = deeds.standing(node)
    if refusal is not None:
        return refusal
    if not may(who, Action.SELL):
        return Refused("not_allowed", {"action": Action.SELL.value})
    with node.gateway.in_the_air(asked.payment_id) as first:
        if not first:
            return Refused("busy")
        code = take_code(handle)
        if code is None:
            return Refused("code_gone")
        with code:
            begun = _begin(node, who, asked)
            if begun is not None:
                return begun
            wanted = Charge(asked.payment_id, asked.amount_fen, who.till)
            answer = node.gateway.ask(lambda at: at.charge(wanted, code))
    settle(node, asked.payment_id, Asked.CHARGE, answer)
    node.gateway.bell.set()
    return _view(node, asked.payment_id)


def _before(reader: Reader, who: Session, asked: CodeCharge) -> MoneyView | Refused | None:
    """Answer a repeat, or say why no code is charged; None = go on."""
    found = money_views.view(reader, asked.payment_id)
    if found is not None:
        meant = (CODE, asked.amount_fen, asked.label, asked.for_day)
        same = (found.kind, found.amount_fen, found.label, found.for_day) == meant
        return found if same else Refused("request_id_reused")
    refusal = payments.check_order_id(asked.order_id) or payments.order_refuses(reader, asked.order_id)
    if refusal is not None:
        return refusal
    if not asked.beside:
        for other in db.undecided_for(reader, asked.order_id):
            # Without an order it is a basket at the counter, and each till has its own.
            if other.state in (gateway.SENT, gateway.UNCERTAIN) and (asked.order_id or other.till == who.till):
                return Refused(
                    "payment_undecided",
                    {"payment_id": other.payment_id, "till": other.till, "amount_fen": other.amount_fen},
                )
    return None


def _begin(node: Node, who: Session, asked: CodeCharge) -> MoneyView | Refused | None:
    """Commit that the gateway is about to be asked; gives the answer instead where that was so already."""
    now_ms = node.clock.now_ms()
    attempt = Attempt(asked.payment_id, asked.order_id, who.till, who.cashier_id, asked.amount_fen, asked.label,
                      asked.for_day, now_ms, gateway.SENT, "")  # fmt: skip

    def work(tx: Tx) -> MoneyView | Refused | None:
        before = _before(tx, who, asked)
        if before is None:
            db.forget_ended(tx, now_ms)
            db.add_attempt(tx, attempt)
        return before

    try:
        return disk.plain(node.db).write(work)
    except Exception as error:
        code = disk.refusal_of(error, node.disk)
        if code is None:
            raise
        return Refused(code)


def settle(node: Node, payment_id: str, asked: Asked, answer: Answer) -> Step:
    """Do what follows from an answer of the gateway; give what that was.

    Safe to call from several threads with several answers: what follows is decided by the state in the transaction.
    """
    with node.db.read() as reader:
        attempt = db.attempt(reader, payment_id)
    if attempt is None:
        return Step.NOTHING
    step = gateway.next_step(attempt.state, asked, answer.outcome)
    if step is Step.NOTHING:
        if answer.reason != attempt.reason and attempt.state in (gateway.UNCERTAIN, gateway.CANCELLING):
            node.db.write(lambda tx: db.set_attempt(tx, payment_id, attempt.state, answer.reason))
            node.changed.notify()
        return step
    if step is Step.TAKE:
        _take(node, attempt, answer, asked)
        return step

    def work(deed: Deed) -> _Settled | Refused:
        now = db.attempt(deed.tx, payment_id)
        if now is None or gateway.next_step(now.state, asked, answer.outcome) is not step:
            return Refused("payment_settled")
        _WRITE[step](deed, now, answer)
        return _Settled(payment_id)

    deeds.transact(node, person_of(attempt), node.ids.uuid7().hex(), _Decided(payment_id, step), work, vital=True)
    return step


def _take(node: Node, attempt: Attempt, answer: Answer, asked: Asked) -> None:
    """Say that money is taken, under the payment's own id: a second answer finds it said."""

    def work(deed: Deed) -> MoneyView | Refused:
        now = db.attempt(deed.tx, attempt.payment_id)
        if now is None or gateway.next_step(now.state, asked, answer.outcome) is not Step.TAKE:
            return Refused("payment_settled")
        _book(deed, now, answer)
        db.set_attempt(deed.tx, now.payment_id, gateway.TAKEN)
        found = money_views.view(deed.tx, now.payment_id)
        assert found is not None
        return found

    deeds.transact(node, person_of(attempt), attempt.payment_id, _Settled(attempt.payment_id), work, vital=True)


def _book(deed: Deed, attempt: Attempt, answer: Answer, *, flagged: bool = False) -> None:
    money = Handed("code", attempt.amount_fen, 0, attempt.amount_fen, answer.reference, flagged)
    if attempt.for_day:
        deposits.book(deed, attempt.payment_id, money, attempt.label, attempt.for_day)
    else:
        payments.book_payment(deed, attempt.payment_id, attempt.order_id, money, answer.provider)


def _doubted(deed: Deed, attempt: Attempt, answer: Answer) -> None:
    _say(deed, attempt, "unknown")
    db.set_attempt(deed.tx, attempt.payment_id, gateway.UNCERTAIN, answer.reason)


def _refused(deed: Deed, attempt: Attempt, answer: Answer) -> None:
    # A plain no is no news: nothing happened. That a doubt ended is.
    if db.doubt_outcome(deed.tx, attempt.payment_id):
        _say(deed, attempt, "refused")
    db.set_attempt(deed.tx, attempt.payment_id, gateway.ENDED_REFUSED, answer.reason)


def _cancelled(deed: Deed, attempt: Attempt, _answer: Answer) -> None:
    _say(deed, attempt, "cancelled")
    db.set_attempt(deed.tx, attempt.payment_id, gateway.ENDED_CANCELLED)


def _confirmed(deed: Deed, attempt: Attempt, _answer: Answer) -> None:
    db.set_attempt(deed.tx, attempt.payment_id, gateway.TAKEN)


def _missing(deed: Deed, attempt: Attempt, answer: Answer) -> None:
    _say(deed, attempt, "refused")
    db.set_attempt(deed.tx, attempt.payment_id, gateway.ENDED_REFUSED, answer.reason)


def _taken_back(deed: Deed, attempt: Attempt, answer: Answer) -> None:
    """Book what came too late to be reversed, and put its refund in line: the cashier had cancelled it, the guest paid otherwise."""
    # Never a deposit: it goes back at once, and needs no number and no paper.
    payments.book_payment(
        deed,
        attempt.payment_id,
        attempt.order_id,
        Handed("code", attempt.amount_fen, 0, attempt.amount_fen, answer.reference, flagged=True),
        answer.provider,
    )
    back = PaymentReturned(
        payment_id=attempt.payment_id,
        till=attempt.till,
        amount_fen=attempt.amount_fen,
        reason=TAKE_BACK_REASON,
        queued=True,
    )
    deed.write(contract.RETURNED, back)
    db.set_attempt(deed.tx, attempt.payment_id, gateway.TAKEN)
    deed.node.gateway.bell.set()


_WRITE: dict[Step, Callable[[Deed, Attempt, Answer], None]] = {
    Step.DOUBT: _doubted,
    Step.REFUSE: _refused,
    Step.CANCELLED: _cancelled,
    Step.CONFIRM: _confirmed,
    Step.MISSING: _missing,
    Step.TAKE_BACK: _taken_back,
}


def _say(deed: Deed, attempt: Attempt, outcome: str) -> None:
    body = PaymentDoubted(
        payment_id=attempt.payment_id,
        order_id=attempt.order_id,
        till=attempt.till,
        amount_fen=attempt.amount_fen,
        outcome=outcome,  # type: ignore[arg-type]
    )
    deed.write(contract.DOUBTED, body)


def person_of(attempt: Attempt) -> Session:
    """Give who asked for a payment, for the facts that say what became of it."""
    return Session(attempt.till, attempt.person, "")


def ask_again(node: Node, payment_id: str) -> MoneyView | Refused:
    """Ask the gateway now what became of a payment; what is being cancelled is reversed."""
    with node.db.read() as reader:
        attempt = db.attempt(reader, payment_id)
    if attempt is not None and not node.gateway.is_in_the_air(payment_id):
        ask(node, attempt)
    return _view(node, payment_id)


def ask(node: Node, attempt: Attempt) -> tuple[Step, Answer]:
    """Put the question that the state of an attempt calls for, and do what follows."""
    payment_id = attempt.payment_id
    if attempt.state == gateway.CANCELLING:
        asked, answer = Asked.REVERSE, node.gateway.ask(lambda at: at.reverse(payment_id))
    else:
        asked, answer = Asked.QUERY, node.gateway.ask(lambda at: at.query(payment_id))
    return settle(node, payment_id, asked, answer), answer


def cancel(node: Node, who: Session, payment_id: str) -> MoneyView | Refused:
    """Cancel a payment that is not decided: it is reversed now, or as soon as the gateway answers.

    From here on the guest may pay another way; money that came all the same goes back.

    Returns:
        Where the payment stands then: `cancelled`, `cancelling`, or what became of it before.
    """

    def work(deed: Deed) -> _Settled | Refused:
        refusal = payments.may_take(deed, Handed("code", 0, 0, 0), payment_id)
        if refusal is not None:
            return refusal
        now = db.attempt(deed.tx, payment_id)
        if now is None:
            return Refused("not_found")
        if now.state in (gateway.SENT, gateway.UNCERTAIN):
            if not db.doubt_outcome(deed.tx, payment_id):
                # A file that is built again from facts must know that there is something to be reversed.
                _say(deed, now, "unknown")
            db.set_attempt(deed.tx, payment_id, gateway.CANCELLING, now.reason)
        return _Settled(payment_id)

    done = deeds.transact(node, who, node.ids.uuid7().hex(), _Settled(payment_id), work, vital=True)
    if isinstance(done, Refused):
        return done
    node.gateway.bell.set()
    return ask_again(node, payment_id)


def accept(node: Node, who: Session, payment_id: str) -> MoneyView | Refused:
    """Take a payment on the word of the guest's phone while the gateway is silent: flagged, and still asked for.

    Returns:
        The payment; `payment_settled` when it is decided or being cancelled, or what the table of roles asks for.
    """

    def work(deed: Deed) -> _Settled | Refused:
        now = db.attempt(deed.tx, payment_id)
        if now is None:
            return Refused("not_found")
        if now.state != gateway.UNCERTAIN:
            return Refused("payment_settled", {"state": now.state})
        refusal = payments.may_take(deed, Handed("static_code", 0, 0, 0), payment_id)
        if refusal is not None:
            return refusal
        _book(deed, now, gateway.AWAY, flagged=True)
        db.set_attempt(deed.tx, payment_id, gateway.ACCEPTED)
        return _Settled(payment_id)

    done = deeds.transact(node, who, node.ids.uuid7().hex(), _Settled(payment_id), work)
    return done if isinstance(done, Refused) else _view(node, payment_id)


def _view(node: Node, payment_id: str) -> MoneyView | Refused:
    with node.db.read() as reader:
        found = money_views.view(reader, payment_id)
    return Refused("not_found") if found is None else found
