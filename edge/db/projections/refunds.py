"""Refunds, how much of each sale and of each line went back, and which sale was made anew by which (反结账)."""

from sync.contract.facts import Fact
from sync.contract.refunds import SaleRefunded
from sync.contract.trade import SalePaid
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "refunds": "refund_id, sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, amount_fen, tip_fen, whole, reopened_as",
    "refund_lines": "refund_id, position, line, qty, amount_fen",
    "refund_tenders": "refund_id, position, kind, amount_fen, payment_id, reference, queued",
    "day_refunds": "day, refunds, amount_fen",
    "remade_sales": "by_sale, sale_id",
}


def sale_refunded(tx: Tx, fact: Fact, refund: SaleRefunded) -> None:
    """List a refund, its lines and ways, and add it to its day."""
    tx.execute(
        "INSERT INTO refunds (refund_id, sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, amount_fen, tip_fen,"
        " whole, reopened_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (refund.refund_id, refund.sale_id, fact.epoch, fact.seq, fact.n, refund.till, refund.number, refund.receipt_no,
         fact.day, fact.at_ms, refund.amount_fen, refund.tip_fen, int(refund.whole), refund.reopened_as),
    )  # fmt: skip
    tx.executemany(
        "INSERT INTO refund_lines (refund_id, position, line, qty, amount_fen) VALUES (?, ?, ?, ?, ?)",
        [(refund.refund_id, at, line.line, line.qty, line.amount_fen) for at, line in enumerate(refund.lines)],
    )
    tx.executemany(
        "INSERT INTO refund_tenders (refund_id, position, kind, amount_fen, payment_id, reference, queued)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (refund.refund_id, at, one.kind, one.amount_fen, one.payment_id, one.reference, int(one.queued))
            for at, one in enumerate(refund.tenders)
        ],
    )
    tx.execute(
        "INSERT INTO day_refunds (day, refunds, amount_fen) VALUES (?, 1, ?) ON CONFLICT (day)"
        " DO UPDATE SET refunds = refunds + 1, amount_fen = amount_fen + excluded.amount_fen",
        (fact.day, refund.amount_fen),
    )


def sale_paid(tx: Tx, _fact: Fact, sale: SalePaid) -> None:
    """Keep which sale was made anew by this one."""
    if sale.replaces:
        tx.execute("INSERT INTO remade_sales (sale_id, by_sale) VALUES (?, ?)", (sale.replaces, sale.sale_id))


HANDLERS = {SaleRefunded: sale_refunded, SalePaid: sale_paid}
