"""The API of money before its sale: payments by any way, codes that are not decided, deposits, refunds in line, the bill file."""

from typing import Annotated

import msgspec
from flask import Blueprint, Response, request

from edge.domain.bill_file import Reconciled
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.deeds import Done
from edge.services.money import code_payments, deposits, money_views, payments, reconcile
from edge.services.money.code_payments import CodeCharge
from edge.services.money.deposits import DepositCommand, ReturnDepositCommand
from edge.services.money.gateway_fake import FakeGateway, Faults
from edge.services.money.money_views import MoneyView, OpenMoney
from edge.services.money.payments import CODE, ReturnCommand, TakeCommand
from edge.web import problems
from edge.web.access import command, desk, only, signed_in, staff_only, till_devices
from edge.web.problems import Problem
from sync.contract import ids, times

money = Blueprint("money", __name__, url_prefix="/api/v1")

_SETTLED = {"taken", "held", "used", "gone", "returned"}


class Payments(msgspec.Struct, frozen=True):
    """Payments and deposits."""

    payments: tuple[MoneyView, ...]


class BillCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A day's bill file to be held against the node; an empty text asks the gateway for it."""

    csv: Annotated[str, msgspec.Meta(max_length=250_000)] = ""


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def _viewed(found: MoneyView | Refused, status: int = 200) -> Response:
    return problems.refused(found) if isinstance(found, Refused) else _json(found, status)


def _done(done: Done | Refused) -> Response:
    if isinstance(done, Refused):
        return problems.refused(done)
    return Response(done.answer, status=200 if done.repeated else 201, mimetype="application/json")


def _id(text: str) -> str:
    if not ids.is_uuid7_hex(text):
        raise Problem("not_found")
    return text


def _charged(found: MoneyView | Refused) -> Response:
    """Answer a charge: 201 when the money is there, 202 while nobody knows, 200 when it was refused."""
    if isinstance(found, Refused):
        return problems.refused(found)
    return _json(found, 201 if found.state in _SETTLED else 200 if found.state in {"refused", "cancelled"} else 202)


@money.post("/payments")
def take_payment() -> Response:
    """Take money towards an order; a repeat gets what became of it."""
    session, asked = signed_in(), command(TakeCommand)
    if asked.kind != CODE:
        return _done(payments.take(desk().node, session, asked))
    wanted = CodeCharge(asked.payment_id, asked.amount_fen, asked.order_id, beside=asked.beside)
    take_code = till_devices().scanning.take_payment
    return _charged(code_payments.charge(desk().node, session, wanted, asked.handle, take_code))


@money.get("/payments")
@staff_only
def list_payments() -> Response:
    """List what was paid towards an order and is no sale's yet, and what is not decided of it."""
    return _json(Payments(money_views.of_order(desk().node, _id(request.args.get("order_id", "")))))


@money.get("/payments/open")
@staff_only
def open_payments() -> Response:
    """List what somebody must look at: undecided codes, unused payments, refunds in line."""
    found: OpenMoney = money_views.open_money(desk().node)
    return _json(found)


@money.get("/payments/<payment_id>")
@staff_only
def read_payment(payment_id: str) -> Response:
    """Give one payment, deposit or attempt."""
    found = money_views.one(desk().node, _id(payment_id))
    if found is None:
        raise Problem("not_found")
    return _json(found)


@money.post("/payments/<payment_id>/query")
@only(Action.SELL)
def query_payment(payment_id: str) -> Response:
    """Ask the gateway now."""
    return _viewed(code_payments.ask_again(desk().node, _id(payment_id)))


@money.post("/payments/<payment_id>/cancel")
def cancel_payment(payment_id: str) -> Response:
    """Cancel a payment that is not decided."""
    return _viewed(code_payments.cancel(desk().node, signed_in(), _id(payment_id)))


@money.post("/payments/<payment_id>/accept")
def accept_payment(payment_id: str) -> Response:
    """Take an undecided payment on the word of the guest's phone, flagged."""
    return _viewed(code_payments.accept(desk().node, signed_in(), _id(payment_id)))


@money.post("/payments/<payment_id>/return")
def return_payment(payment_id: str) -> Response:
    """Give back a payment that no sale used."""
    session, asked = signed_in(), command(ReturnCommand)
    return _done(payments.give_back(desk().node, session, _id(payment_id), asked))


@money.post("/deposits")
def take_deposit() -> Response:
    """Take a deposit."""
    session, asked = signed_in(), command(DepositCommand)
    if asked.kind != CODE:
        return _done(deposits.take(desk().node, session, asked))
    wrong = deposits.check(desk().node, asked)
    if wrong is not None:
        return problems.refused(wrong)
    wanted = CodeCharge(asked.deposit_id, asked.amount_fen, label=asked.label.strip(), for_day=asked.for_day)
    take_code = till_devices().scanning.take_payment
    return _charged(code_payments.charge(desk().node, session, wanted, asked.handle, take_code))


@money.get("/deposits")
@staff_only
def list_deposits() -> Response:
    """List deposits by the day that they are for; without a day, from today on; with `held`, those that have something left."""
    node = desk().node
    if "held" in request.args:
        return _json(Payments(deposits.held(node)))
    today = node.today()
    first = request.args.get("from", today)
    last = request.args.get("to")
    if last is None:
        try:
            last = times.day_of_epoch(times.epoch_day(first) + deposits.LIST_DAYS_MAX)
        except (ValueError, OverflowError):
            raise Problem("malformed", field="from", expected="YYYY-MM-DD") from None
    found = deposits.for_days(node, first, last)
    return problems.refused(found) if isinstance(found, Refused) else _json(Payments(found))


@money.post("/deposits/<deposit_id>/return")
def return_deposit(deposit_id: str) -> Response:
    """Give back what is left of a deposit."""
    session, asked = signed_in(), command(ReturnDepositCommand)
    return _done(deposits.give_back(desk().node, session, _id(deposit_id), asked))


@money.get("/gateway/bills/<day>")
@only(Action.SEE_MANAGER)
def read_bill(day: str) -> Response:
    """Give what the bill file of a calendar day came to."""
    found = reconcile.kept(desk().node, day)
    if found is None:
        raise Problem("not_found")
    return _json(found)


@money.post("/gateway/bills/<day>")
@only(Action.SEE_MANAGER)
def hold_bill(day: str) -> Response:
    """Hold the bill file of a calendar day against the node."""
    found: Reconciled | Refused = reconcile.reconcile(desk().node, day, command(BillCommand).csv or None)
    return problems.refused(found) if isinstance(found, Refused) else _json(found)


@money.get("/gateway/faults")
@only(Action.SETTINGS)
def read_faults() -> Response:
    """Say what goes wrong at the fake gateway."""
    return _json(_fake().faults)


@money.put("/gateway/faults")
@only(Action.SETTINGS)
def put_faults() -> Response:
    """Switch faults of the fake gateway."""
    fake, wanted = _fake(), command(Faults)
    fake.put_faults(wanted)
    desk().node.gateway.bell.set()
    return _json(wanted)


def _fake() -> FakeGateway:
    gateway = desk().node.gateway.gateway
    if not isinstance(gateway, FakeGateway):
        raise Problem("not_found")
    return gateway
