"""A refund, an X and a Z with a bit of everything on them, for the golden slips."""

from zoneinfo import ZoneInfo

from drivers.document import ReceiptDoc
from edge.domain import shift
from edge.domain.shift import Moved, Tally
from edge.receipts.receipt import Heading
from edge.receipts.refund import refund
from edge.receipts.shift_report import Head, x_report, z_report
from sync.contract.refunds import RefundedLine, RefundTender, SaleRefunded
from sync.contract.shifts import Counted, TillClosed
from sync.contract.trade import SoldLine
from sync.contract.words import EN, ZH, Name

AT_MS = 1_790_000_000_000
HEADING = Heading(
    "qingci", Name("巷里小馆·青瓷巷店", "Lane Bistro Qingci"), ZoneInfo("Asia/Shanghai"), "http://hub.test"
)
CHICKEN = SoldLine(
    dish_id="d101", code="101", name=Name("宫保鸡丁", "Kung Pao chicken"), qty=2, unit_fen=3_800, amount_fen=7_600
)
REFUND = SaleRefunded(
    refund_id="0" * 32, sale_id="1" * 32, sale_store="qingci", sale_receipt_no="1-1-000017", sale_day="2026-09-21", till="1",
    number=3, receipt_no="1-1-R00003", currency="CNY", lines=(RefundedLine(line=0, qty=1, amount_fen=3_800),),
    tenders=(RefundTender(kind="code", amount_fen=3_000, payment_id="2" * 32, queued=True), RefundTender(kind="cash", amount_fen=1_000)),
    amount_fen=4_000, reason="上错菜", tip_fen=200, approved_by="m",
)  # fmt: skip
_TALLIES = (
    Tally("opened", 0, 1, 30_000),
    Tally("sale", 0, 1, 10_500, gross_fen=10_000, discounts_fen=500, charges_fen=900, rounding_fen=-5, taxes_added_fen=105,
          taxes_included_fen=594, tips_fen=200, covers=3),
    Tally("sale", 1, 1, 5_000, gross_fen=5_000),
    Tally("refund", 0, 1, 1_000),
    Tally("pay_out", 0, 1, 1_200),
    Tally("drop", 0, 1, 20_000),
    Tally("void", 0, 1, 2),
)  # fmt: skip
_MOVED = (
    Moved("tender", "cash", 1, 10_700, 1_000), Moved("tender", "platform", 1, 5_000, 0),
    Moved("deposit", "code", 1, 50_000, 0), Moved("deposit_returned", "code", 0, 0, 20_000),
)  # fmt: skip
TOTALS = shift.totals(_TALLIES, _MOVED, ("1-1-000001", "1-1-000002"))
EXPECTED_FEN = shift.expected(30_000, TOTALS)
CLOSED = TillClosed(
    till="1", z=7, float_fen=30_000, counted=(Counted(unit_fen=10_000, pieces=1), Counted(unit_fen=100, pieces=80)),
    counted_fen=18_000, expected_fen=EXPECTED_FEN, variance_fen=18_000 - EXPECTED_FEN, reason="少收一位", left_fen=15_000,
    totals=TOTALS, grand_total_fen=123_456_789, open_orders=2, days=("2026-09-21", "2026-09-22"), chain="5d" * 32, chain_seq=4_711,
)  # fmt: skip


def refund_slip(copy: int = 0) -> ReceiptDoc:
    return refund(REFUND, (CHICKEN.name,), HEADING, AT_MS, copy, "陈店长")


def z_slip(copy: int = 0, locale: str = ZH) -> ReceiptDoc:
    return z_report(Head(HEADING, "1", "陈店长" if locale == ZH else "Chen", AT_MS, locale), CLOSED, copy)


def x_slip() -> ReceiptDoc:
    return x_report(Head(HEADING, "1", "", AT_MS, EN), TOTALS, (30_000, EXPECTED_FEN))
