"""Read models of money beside sales: refunds, what was left to other stores, payments and deposits, refunds by gateway, Z reports."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table, select, update

from cloud.db.engine import Reader, Tx, insert_many
from cloud.db.schema import ceded_refunds, gateway_refunds, payments, refunds, sales, z_reports
from sync.contract.facts import Fact
from sync.contract.payments import (
    DepositReturned,
    DepositTaken,
    PaymentDoubted,
    PaymentReturned,
    PaymentTaken,
    RefundSettled,
)
from sync.contract.refunds import RefundCeded, RefundRegained, SaleRefunded
from sync.contract.shifts import TillClosed
from sync.contract.trade import SalePaid

DEPOSIT = "deposit"
PAYMENT = "payment"


class Moved(NamedTuple):
    """A fact of money beside sales, or a sale that used what was taken before it, with its place of arrival."""

    ingest_id: int
    fact: Fact
    body: Any


class RefundRow(msgspec.Struct, frozen=True):
    """A refund; `body` is the fact's body as first encoded."""

    store: str
    refund_id: str
    sale_store: str
    sale_id: str
    receipt_no: str
    till: str
    at_ms: int
    day: str
    amount_fen: int
    tip_fen: int
    ingest_id: int
    body: bytes


class CededRow(msgspec.Struct, frozen=True):
    """What a store left to another of a sale."""

    store: str
    refund_id: str
    sale_id: str
    to_store: str
    amount_fen: int
    at_ms: int
    regained: int
    ingest_id: int
    body: bytes


class ZRow(msgspec.Struct, frozen=True):
    """The close of a shift."""

    store: str
    till: str
    epoch: int
    z: int
    at_ms: int
    day: str
    sales_fen: int
    refunds_fen: int
    net_fen: int
    variance_fen: int
    ingest_id: int
    body: bytes


class PaymentRow(msgspec.Struct, frozen=True):
    """Money that was taken before its sale: `what` is `payment` or `deposit`.

    `state` is `open`, `used`, `returned`, or while nobody knows whether it was taken `unknown`, and then `refused` or `cancelled`.
    """

    store: str
    payment_id: str
    what: str
    kind: str
    till: str
    at_ms: int
    day: str
    amount_fen: int
    flagged: int
    state: str
    sale_id: str
    reference: str
    label: str
    ingest_id: int


class GatewayRefundRow(msgspec.Struct, frozen=True):
    """A refund by the gateway; `outcome` is empty while it has not answered."""

    store: str
    refund_no: str
    payment_id: str
    amount_fen: int
    at_ms: int
    day: str
    outcome: str
    reason: str
    settled_ms: int
    ingest_id: int


# ---------------------------------------------------------------------------------------------------------- writing


def fold(tx: Tx, one: Moved) -> str:
    """Take a fact into the read models; call it in order of arrival.

    Returns:
        Why it is parked: it claims what stands already, and the first that arrived holds; empty where it was taken in.
    """
    match one.body:
        case SaleRefunded() as body:
            return _refunded(tx, one, body)
        case RefundCeded() as body:
            row = CededRow(one.fact.store, body.refund_id, body.sale_id, body.to_store, body.amount_fen, one.fact.at_ms, 0,
                           one.ingest_id, bytes(one.fact.body))  # fmt: skip
            return _insert(tx, ceded_refunds, row, (row.store, row.refund_id), "refund_id_twice")
        case RefundRegained() as body:
            tx.run(
                update(ceded_refunds).where(*_key(ceded_refunds, (one.fact.store, body.refund_id))).values(regained=1)
            )
        case TillClosed() as body:
            totals = body.totals
            closed = ZRow(one.fact.store, body.till, one.fact.epoch, body.z, one.fact.at_ms, one.fact.day, totals.sales_fen,
                          totals.refunds_fen, totals.net_fen, body.variance_fen, one.ingest_id, bytes(one.fact.body))  # fmt: skip
            return _insert(tx, z_reports, closed, (closed.store, closed.till, closed.epoch, closed.z), "z_twice")
        case SalePaid() as body:
            _used(tx, one, body)
        case RefundSettled() as body:
            tx.run(
                update(gateway_refunds)
                .where(*_key(gateway_refunds, (one.fact.store, body.refund_no)))
                .values(outcome=body.outcome, reason=_plain(body.reason), settled_ms=one.fact.at_ms)
            )
        case _:
            return _paid(tx, one)
    return ""


def _refunded(tx: Tx, one: Moved, body: SaleRefunded) -> str:
    fact = one.fact
    row = RefundRow(fact.store, body.refund_id, body.sale_store, body.sale_id, body.receipt_no, body.till, fact.at_ms, fact.day,
                    body.amount_fen, body.tip_fen, one.ingest_id, bytes(fact.body))  # fmt: skip
    reason = _insert(tx, refunds, row, (row.store, row.refund_id), "refund_id_twice")
    if not reason:
        for at, tender in enumerate(body.tenders):
            if tender.queued:
                _in_line(tx, one, f"{body.refund_id}-{at}", tender.payment_id, tender.amount_fen)
    return reason


def _paid(tx: Tx, one: Moved) -> str:
    fact = one.fact
    match one.body:
        case PaymentTaken() as body:
            row = PaymentRow(fact.store, body.payment_id, PAYMENT, body.kind, body.till, fact.at_ms, fact.day, body.amount_fen,
                             int(body.flagged), "open", "", _plain(body.reference), "", one.ingest_id)  # fmt: skip
            return _take(tx, row)
        case DepositTaken() as body:
            row = PaymentRow(fact.store, body.deposit_id, DEPOSIT, body.kind, body.till, fact.at_ms, fact.day, body.amount_fen,
                             0, "open", "", _plain(body.reference), _plain(body.receipt_no), one.ingest_id)  # fmt: skip
            return _take(tx, row)
        case PaymentDoubted() as body:
            row = PaymentRow(fact.store, body.payment_id, PAYMENT, "code", body.till, fact.at_ms, fact.day, body.amount_fen, 0,
                             body.outcome, "", "", "", one.ingest_id)  # fmt: skip
            _doubt(tx, row)
        case PaymentReturned() as body:
            _state(tx, fact.store, body.payment_id, state="returned")
            if body.queued:
                _in_line(tx, one, f"{body.payment_id}-0", body.payment_id, body.amount_fen)
        case DepositReturned() as body:
            _state(tx, fact.store, body.deposit_id, state="returned")
            if body.kind == "code":
                _in_line(tx, one, f"{body.deposit_id}-0", body.deposit_id, body.amount_fen)
        case _:
            pass
    return ""


def _take(tx: Tx, row: PaymentRow) -> str:
    held = payment_by_id(tx, row.store, row.payment_id)
    if held is not None and held.state in ("unknown", "refused", "cancelled"):
        # A doubt came first: now it was taken after all.
        values = {**msgspec.structs.asdict(row), "ingest_id": held.ingest_id}
        tx.run(update(payments).where(*_key(payments, (row.store, row.payment_id))).values(**values))
        return ""
    return _insert(tx, payments, row, (row.store, row.payment_id), "payment_id_twice")


def _doubt(tx: Tx, row: PaymentRow) -> None:
    held = payment_by_id(tx, row.store, row.payment_id)
    if held is None:
        insert_many(tx, payments, [msgspec.structs.asdict(row)])
    elif held.state in ("unknown", "refused", "cancelled") or held.flagged:
        # Taken on the guest's word and denied by the gateway: it stays where it is, and says so.
        _state(tx, row.store, row.payment_id, state=row.state)


def _used(tx: Tx, one: Moved, sale: SalePaid) -> None:
    for tender in sale.tenders:
        if tender.payment_id:
            _state(tx, one.fact.store, tender.payment_id, state="used", sale_id=sale.sale_id)


def _state(tx: Tx, store: str, payment_id: str, **values: str) -> None:
    tx.run(update(payments).where(*_key(payments, (store, payment_id))).values(**values))


def _in_line(tx: Tx, one: Moved, refund_no: str, payment_id: str, amount_fen: int) -> None:
    row = GatewayRefundRow(one.fact.store, refund_no, payment_id, amount_fen, one.fact.at_ms, one.fact.day, "", "", 0,
                           one.ingest_id)  # fmt: skip
    _insert(tx, gateway_refunds, row, (row.store, row.refund_no), "")


def _insert(tx: Tx, table: Table, row: msgspec.Struct, key: tuple[str | int, ...], reason: str) -> str:
    if tx.row(select(table.c.ingest_id).where(*_key(table, key))) is not None:
        return reason
    insert_many(tx, table, [msgspec.structs.asdict(row)])
    return ""


def _key(table: Table, key: tuple[str | int, ...]) -> list[Any]:
    return [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]


def _plain(text: str) -> str:
    return text.replace("\0", "\ufffd")  # PostgreSQL takes no NUL in a text


# ---------------------------------------------------------------------------------------------------------- reading


def refunds_of(reader: Reader, store: str, sale_id: str) -> list[RefundRow]:
    """List the refunds that a sale's own store gave."""
    query = select(refunds).where(refunds.c.sale_store == store, refunds.c.sale_id == sale_id, refunds.c.store == store)
    return [RefundRow(*row) for row in reader.rows(query.order_by(refunds.c.ingest_id))]


def all_refunds_of(reader: Reader, store: str, sale_id: str) -> list[RefundRow]:
    """List every refund of a sale, whichever store gave it."""
    query = select(refunds).where(refunds.c.sale_store == store, refunds.c.sale_id == sale_id)
    return [RefundRow(*row) for row in reader.rows(query.order_by(refunds.c.ingest_id))]


def ceded_of(reader: Reader, store: str, sale_id: str) -> list[CededRow]:
    """List what a store left to others of a sale."""
    query = select(ceded_refunds).where(ceded_refunds.c.store == store, ceded_refunds.c.sale_id == sale_id)
    return [CededRow(*row) for row in reader.rows(query.order_by(ceded_refunds.c.ingest_id))]


def ceded(reader: Reader, store: str, refund_id: str) -> CededRow | None:
    """Find what a store left to another under an id."""
    row = reader.row(select(ceded_refunds).where(*_key(ceded_refunds, (store, refund_id))))
    return None if row is None else CededRow(*row)


def payment_by_id(reader: Reader, store: str, payment_id: str) -> PaymentRow | None:
    """Find a payment or a deposit."""
    row = reader.row(select(payments).where(*_key(payments, (store, payment_id))))
    return None if row is None else PaymentRow(*row)


def deposit_kinds(reader: Reader, store: str, sale_id: str) -> dict[str, str]:
    """Say how the deposits that a sale spent last were once paid."""
    query = select(payments).where(payments.c.store == store, payments.c.sale_id == sale_id, payments.c.what == DEPOSIT)
    return {row.payment_id: row.kind for row in reader.rows(query)}


def recent(
    reader: Reader, table: Table, *, store: str | None, day: str | None, before: int | None, limit: int
) -> Sequence[Any]:
    """List the rows of one of these tables against the order of arrival, before one."""
    query = select(table)
    if store is not None:
        query = query.where(table.c.store == store)
    if day is not None:
        query = query.where(table.c.day == day)
    if before is not None:
        query = query.where(table.c.ingest_id < before)
    return reader.rows(query.order_by(table.c.ingest_id.desc(), table.primary_key.columns[1]).limit(limit))


def recent_refunds(
    reader: Reader, *, store: str | None, day: str | None, before: int | None, limit: int
) -> list[RefundRow]:
    """List refunds, the latest first."""
    return [RefundRow(*row) for row in recent(reader, refunds, store=store, day=day, before=before, limit=limit)]


def recent_z(reader: Reader, *, store: str | None, day: str | None, before: int | None, limit: int) -> list[ZRow]:
    """List the closes of shifts, the latest first."""
    return [ZRow(*row) for row in recent(reader, z_reports, store=store, day=day, before=before, limit=limit)]


def recent_payments(
    reader: Reader, *, store: str | None, day: str | None, before: int | None, limit: int
) -> list[PaymentRow]:
    """List payments and deposits, the latest first."""
    return [PaymentRow(*row) for row in recent(reader, payments, store=store, day=day, before=before, limit=limit)]


def open_gateway_refunds(reader: Reader, store: str | None, limit: int) -> list[GatewayRefundRow]:
    """List refunds that the gateway has not answered, or refused, the latest first."""
    query = select(gateway_refunds).where(gateway_refunds.c.outcome != "done")
    if store is not None:
        query = query.where(gateway_refunds.c.store == store)
    rows = reader.rows(query.order_by(gateway_refunds.c.ingest_id.desc()).limit(limit))
    return [GatewayRefundRow(*row) for row in rows]


def receipt_numbers(reader: Reader, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Give the receipt numbers of sales by (store, id); those that are not here are left out."""
    found: dict[tuple[str, str], str] = {}
    for store in {store for store, _ in wanted}:
        ids = [sale_id for of, sale_id in wanted if of == store and sale_id]
        query = select(sales.c.sale_id, sales.c.receipt_no).where(sales.c.store == store, sales.c.sale_id.in_(ids))
        found.update({(store, row.sale_id): row.receipt_no for row in reader.rows(query)})
    return found
