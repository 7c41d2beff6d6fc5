"""Shifts of tills: every fact that an X or a Z counts, as one row under its till and number, and the closes.

Money stands where it was taken: a tender of a sale that names a payment or a deposit is not taken a second time, and what payments
and deposits moved is read from their own rows (`edge.db.payments.moves`).
"""

from sync.contract.facts import Fact
from sync.contract.orders import LineVoided
from sync.contract.refunds import SaleRefunded
from sync.contract.shifts import CashMoved, TillClosed, TillHandedOver, TillOpened
from sync.contract.trade import Adjustment, SalePaid
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "till_entries": (
        "till, n, what, ref, receipt_no, day, at_ms, actor, note, amount_fen, gross_fen, discounts_fen, charges_fen,"
        " rounding_fen, taxes_added_fen, taxes_included_fen, tips_fen, covers, platform"
    ),
    "till_tenders": "till, n, position, kind, taken_fen, returned_fen",
    "z_reports": (
        "till, n, epoch, z, seq, day, at_ms, actor, sales_fen, net_fen, variance_fen, left_fen, grand_total_fen"
    ),
}
_DISCOUNTS = frozenset({"discount", "gift", "comp"})
_CHARGES = frozenset({"cover", "service", "packing", "minimum"})
_NO_SPLIT = (0, 0, 0, 0, 0, 0)


def sale_paid(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    """Enter a sale with what it was made up of, and the money that no fact before it took."""
    split = (
        sum(line.amount_fen for line in sale.lines),
        -_sum(sale.adjustments, _DISCOUNTS),
        _sum(sale.adjustments, _CHARGES),
        _sum(sale.adjustments, frozenset({"rounding"})),
        sum(tax.tax_fen for tax in sale.taxes if not tax.included),
        sum(tax.tax_fen for tax in sale.taxes if tax.included),
    )
    # The guests of a split bill are counted with its first part, those of a sale made anew with the one that it replaces.
    is_first = not sale.replaces and (sale.part == "" or sale.part.startswith("1/"))
    covers = sale.covers if is_first else 0
    _enter(tx, fact, sale.till, "sale", ref=sale.sale_id, receipt_no=sale.receipt_no, amount_fen=sale.total_fen, split=split,
           tips_fen=sale.tip_fen, covers=covers, platform=bool(sale.platform))  # fmt: skip
    _tenders(tx, fact, sale.till, [(one.kind, one.amount_fen, 0) for one in sale.tenders if not one.payment_id])


def sale_refunded(tx: Tx, fact: Fact, refund: SaleRefunded) -> None:
    """Enter a refund where it was given, with the ways by which it went back."""
    _enter(tx, fact, refund.till, "refund", ref=refund.refund_id, receipt_no=refund.receipt_no,
           amount_fen=refund.amount_fen - refund.tip_fen, tips_fen=-refund.tip_fen, note=refund.reason)  # fmt: skip
    _tenders(tx, fact, refund.till, [(one.kind, 0, one.amount_fen) for one in refund.tenders])


def cash_moved(tx: Tx, fact: Fact, moved: CashMoved) -> None:
    """Enter cash in or out beside any sale."""
    _enter(tx, fact, moved.till, moved.move, ref=moved.move_id, amount_fen=moved.amount_fen, note=moved.reason)


def line_voided(tx: Tx, fact: Fact, voided: LineVoided) -> None:
    """Enter what was taken back after it stood at the kitchen; `amount_fen` is no money here but how many pieces."""
    device = fact.device or ""
    if voided.sent_qty > 0 and device.startswith("till-"):
        _enter(tx, fact, device.removeprefix("till-"), "void", ref=voided.order_id, amount_fen=voided.sent_qty,
               note=voided.reason)  # fmt: skip


def till_opened(tx: Tx, fact: Fact, opened: TillOpened) -> None:
    """Enter a float."""
    _enter(tx, fact, opened.till, "opened", amount_fen=opened.float_fen)


def till_handed_over(tx: Tx, fact: Fact, handed: TillHandedOver) -> None:
    """Enter that another person goes on; the amount is what was counted, −1 where nothing was."""
    _enter(tx, fact, handed.till, "handed_over", ref=handed.to_person, amount_fen=handed.counted_fen)


def till_closed(tx: Tx, fact: Fact, closed: TillClosed) -> None:
    """List a Z; what comes after its number is another shift. A count that waited for it is used."""
    tx.execute(
        "INSERT INTO z_reports (till, epoch, z, seq, n, day, at_ms, actor, sales_fen, net_fen, variance_fen, left_fen,"
        " grand_total_fen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (closed.till, fact.epoch, closed.z, fact.seq, fact.n, fact.day, fact.at_ms, fact.actor or "",
         closed.totals.sales_fen, closed.totals.net_fen, closed.variance_fen, closed.left_fen, closed.grand_total_fen),
    )  # fmt: skip
    tx.execute("DELETE FROM till_counts WHERE till = ?", (closed.till,))


def _sum(adjustments: tuple[Adjustment, ...], kinds: frozenset[str]) -> int:
    return sum(one.amount_fen for one in adjustments if one.kind in kinds)


def _enter(
    tx: Tx,
    fact: Fact,
    till: str,
    what: str,
    *,
    amount_fen: int,
    ref: str = "",
    receipt_no: str = "",
    note: str = "",
    split: tuple[int, int, int, int, int, int] = _NO_SPLIT,
    tips_fen: int = 0,
    covers: int = 0,
    platform: bool = False,
) -> None:
    # A sale's actor stands in its fact; old sales were entered by the step of the schema, which sees no facts.
    actor = "" if what == "sale" else fact.actor or ""
    tx.execute(
        "INSERT INTO till_entries (till, n, what, ref, receipt_no, day, at_ms, actor, note, amount_fen, gross_fen,"
        " discounts_fen, charges_fen, rounding_fen, taxes_added_fen, taxes_included_fen, tips_fen, covers, platform)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (till, fact.n, what, ref, receipt_no, fact.day, fact.at_ms, actor, note, amount_fen, *split, tips_fen, covers,
         int(platform)),
    )  # fmt: skip


def _tenders(tx: Tx, fact: Fact, till: str, tenders: list[tuple[str, int, int]]) -> None:
    tx.executemany(
        "INSERT INTO till_tenders (till, n, position, kind, taken_fen, returned_fen) VALUES (?, ?, ?, ?, ?, ?)",
        [(till, fact.n, at, *tender) for at, tender in enumerate(tenders)],
    )


HANDLERS = {
    SalePaid: sale_paid,
    SaleRefunded: sale_refunded,
    CashMoved: cash_moved,
    LineVoided: line_voided,
    TillOpened: till_opened,
    TillHandedOver: till_handed_over,
    TillClosed: till_closed,
}
