"""What head office sees of money beside the sales: refunds, shifts that were closed, payments and deposits. Reads only."""

import msgspec

from cloud.db import money, stores
from cloud.db.engine import HubDatabase, Reader
from cloud.db.money import GatewayRefundRow, PaymentRow
from sync.contract.refunds import SaleRefunded
from sync.contract.shifts import TillClosed
from sync.contract.words import Name

OPEN_SHOWN_MAX = 50
_REFUNDED = msgspec.json.Decoder(SaleRefunded)
_CLOSED = msgspec.json.Decoder(TillClosed)
_NAMELESS = Name("", "")


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund with the ways by which it went back; `sale_known` says whether the sale it is of has arrived."""

    n: int
    store: str
    store_name: Name
    refund_id: str
    receipt_no: str
    till: str
    business_day: str
    at_ms: int
    amount_fen: int
    ways: tuple[str, ...]
    reason: str
    approved_by: str
    sale_store: str
    sale_store_name: Name
    sale_id: str
    sale_receipt_no: str
    sale_known: bool


class ShiftView(msgspec.Struct, frozen=True, kw_only=True):
    """A shift as its Z closed it; `variance_fen` is what was counted less what should have been there."""

    n: int
    store: str
    store_name: Name
    till: str
    epoch: int
    z: int
    business_day: str
    at_ms: int
    sales: int
    sales_fen: int
    refunds_fen: int
    net_fen: int
    expected_fen: int
    counted_fen: int
    variance_fen: int
    reason: str
    open_orders: int
    grand_total_fen: int


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """Money that was taken before its sale; `receipt_no` names the sale that used it, where that has arrived."""

    store_name: Name
    row: PaymentRow
    receipt_no: str


class GatewayRefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that the gateway has not answered, or refused."""

    store_name: Name
    row: GatewayRefundRow


class Money:
    """Answers questions from one consistent view each. Any thread may use it."""

    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def refunds(self, store: str | None, day: str | None, before: int | None, limit: int) -> tuple[RefundView, ...]:
        """List refunds, the latest first."""
        with self._database.read() as reader:
            rows = money.recent_refunds(reader, store=store, day=day, before=before, limit=limit)
            return self._refunds(reader, rows)

    def refunds_of(self, store: str, sale_id: str) -> tuple[RefundView, ...]:
        """List what went back of a sale, whichever store gave it."""
        with self._database.read() as reader:
            return self._refunds(reader, money.all_refunds_of(reader, store, sale_id))

    def shifts(self, store: str | None, day: str | None, before: int | None, limit: int) -> tuple[ShiftView, ...]:
        """List closed shifts, the latest first."""
        with self._database.read() as reader:
            names = _names(reader)
            rows = money.recent_z(reader, store=store, day=day, before=before, limit=limit)
        found: list[ShiftView] = []
        for row in rows:
            closed = _CLOSED.decode(row.body)
            found.append(
                ShiftView(
                    n=row.ingest_id,
                    store=row.store,
                    store_name=names.get(row.store, _NAMELESS),
                    till=row.till,
                    epoch=row.epoch,
                    z=row.z,
                    business_day=row.day,
                    at_ms=row.at_ms,
                    sales=closed.totals.sales,
                    sales_fen=row.sales_fen,
                    refunds_fen=row.refunds_fen,
                    net_fen=row.net_fen,
                    expected_fen=closed.expected_fen,
                    counted_fen=closed.counted_fen,
                    variance_fen=row.variance_fen,
                    reason=closed.reason,
                    open_orders=closed.open_orders,
                    grand_total_fen=closed.grand_total_fen,
                )
            )
        return tuple(found)

    def payments(self, store: str | None, day: str | None, before: int | None, limit: int) -> tuple[PaymentView, ...]:
        """List payments and deposits, the latest first."""
        with self._database.read() as reader:
            names = _names(reader)
            rows = money.recent_payments(reader, store=store, day=day, before=before, limit=limit)
            numbers = money.receipt_numbers(reader, [(row.store, row.sale_id) for row in rows])
        return tuple(
            PaymentView(
                store_name=names.get(row.store, _NAMELESS),
                row=row,
                receipt_no=numbers.get((row.store, row.sale_id), ""),
            )
            for row in rows
        )

    def open_gateway_refunds(self, store: str | None) -> tuple[GatewayRefundView, ...]:
        """List refunds that the gateway has not answered, or refused."""
        with self._database.read() as reader:
            names = _names(reader)
            rows = money.open_gateway_refunds(reader, store, OPEN_SHOWN_MAX)
        return tuple(GatewayRefundView(store_name=names.get(row.store, _NAMELESS), row=row) for row in rows)

    def _refunds(self, reader: Reader, rows: list[money.RefundRow]) -> tuple[RefundView, ...]:
        names = _names(reader)
        known = money.receipt_numbers(reader, [(row.sale_store, row.sale_id) for row in rows])
        found: list[RefundView] = []
        for row in rows:
            body = _REFUNDED.decode(row.body)
            found.append(
                RefundView(
                    n=row.ingest_id,
                    store=row.store,
                    store_name=names.get(row.store, _NAMELESS),
                    refund_id=row.refund_id,
                    receipt_no=row.receipt_no,
                    till=row.till,
                    business_day=row.day,
                    at_ms=row.at_ms,
                    amount_fen=row.amount_fen,
                    ways=tuple(dict.fromkeys(tender.kind for tender in body.tenders)),
                    reason=body.reason,
                    approved_by=body.approved_by,
                    sale_store=row.sale_store,
                    sale_store_name=names.get(row.sale_store, _NAMELESS),
                    sale_id=row.sale_id,
                    sale_receipt_no=body.sale_receipt_no,
                    sale_known=(row.sale_store, row.sale_id) in known,
                )
            )
        return tuple(found)


def _names(reader: Reader) -> dict[str, Name]:
    return {row.store: Name(row.name_zh, row.name_en) for row in stores.all_stores(reader)}
