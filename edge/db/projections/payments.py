"""Money taken before its sale, and deposits.

`payment_moves` has one row for each fact that moved money here, for the shift: what was taken, what was given back, at which till and
in which way. `gateway_queue` is no projection: it says how far the gateway was told of a refund (`edge.db.payments`). A fact puts a
refund in line there all the same, so that a node that was built again asks the gateway once more, under the number of before.
"""

from typing import Any

from edge.db.projections.handling import Handler
from sync.contract.facts import Fact
from sync.contract.orders import OrderMerged
from sync.contract.payments import (
    DepositReturned,
    DepositTaken,
    PaymentDoubted,
    PaymentReturned,
    PaymentTaken,
    RefundSettled,
)
from sync.contract.refunds import SaleRefunded
from sync.contract.trade import SalePaid
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "payments": "payment_id, n, order_id, till, day, at_ms, kind, received_fen, change_fen, amount_fen, provider, reference,"
    " flagged, state, sale_id",
    "payment_uses": "payment_id, sale_id, position, kind, amount_fen",
    "payment_moves": "n, move_id, till, what, kind, amount_fen",
    "payment_doubts": "payment_id, n, order_id, till, amount_fen, at_ms, outcome",
    "deposits": "deposit_id, n, epoch, till, number, receipt_no, day, at_ms, label, for_day, kind, received_fen, change_fen,"
    " amount_fen, reference, spent_fen, returned_fen",
    "gateway_refunds": "refund_no, n, payment_id, amount_fen, at_ms",
    "refunds_settled": "refund_no, n, outcome, at_ms",
}

CODE = "code"
DEPOSIT = "deposit"


def payment_taken(tx: Tx, fact: Fact, taken: PaymentTaken) -> None:
    """List a payment that waits for its sale."""
    tx.execute(
        "INSERT INTO payments (payment_id, n, order_id, till, day, at_ms, kind, received_fen, change_fen, amount_fen, provider,"
        " reference, flagged, state, sale_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', '')",
        (taken.payment_id, fact.n, taken.order_id, taken.till, fact.day, fact.at_ms, taken.kind, taken.received_fen,
         taken.change_fen, taken.amount_fen, taken.provider, taken.reference, int(taken.flagged)),
    )  # fmt: skip
    _move(tx, fact, taken.payment_id, (taken.till, "payment", taken.kind), taken.amount_fen)
    tx.execute("UPDATE payment_doubts SET outcome = 'taken' WHERE payment_id = ?", (taken.payment_id,))


def payment_returned(tx: Tx, fact: Fact, returned: PaymentReturned) -> None:
    """Let a payment be no sale's any more, and put its refund in line where the gateway is to be asked."""
    tx.execute("UPDATE payments SET state = 'returned' WHERE payment_id = ?", (returned.payment_id,))
    [(kind,)] = tx.execute("SELECT kind FROM payments WHERE payment_id = ?", (returned.payment_id,)) or [(CODE,)]
    _move(tx, fact, returned.payment_id, (returned.till, "payment_returned", kind), returned.amount_fen)
    if returned.queued:
        _refund(tx, fact, f"{returned.payment_id}-0", returned.payment_id, returned.amount_fen)


def payment_doubted(tx: Tx, fact: Fact, doubted: PaymentDoubted) -> None:
    """Note that nobody knows of a payment, or how that ended."""
    tx.execute(
        "INSERT INTO payment_doubts (payment_id, n, order_id, till, amount_fen, at_ms, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (payment_id) DO UPDATE SET outcome = excluded.outcome, n = excluded.n, at_ms = excluded.at_ms",
        (doubted.payment_id, fact.n, doubted.order_id, doubted.till, doubted.amount_fen, fact.at_ms, doubted.outcome),
    )


def deposit_taken(tx: Tx, fact: Fact, taken: DepositTaken) -> None:
    """List a deposit."""
    tx.execute(
        "INSERT INTO deposits (deposit_id, n, epoch, till, number, receipt_no, day, at_ms, label, for_day, kind, received_fen,"
        " change_fen, amount_fen, reference, spent_fen, returned_fen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
        (taken.deposit_id, fact.n, fact.epoch, taken.till, taken.number, taken.receipt_no, fact.day, fact.at_ms, taken.label,
         taken.for_day, taken.kind, taken.received_fen, taken.change_fen, taken.amount_fen, taken.reference),
    )  # fmt: skip
    _move(tx, fact, taken.deposit_id, (taken.till, DEPOSIT, taken.kind), taken.amount_fen)
    tx.execute("UPDATE payment_doubts SET outcome = 'taken' WHERE payment_id = ?", (taken.deposit_id,))


def deposit_returned(tx: Tx, fact: Fact, returned: DepositReturned) -> None:
    """Take what went back off a deposit; what was paid by code goes back by the gateway."""
    tx.execute(
        "UPDATE deposits SET returned_fen = returned_fen + ? WHERE deposit_id = ?",
        (returned.amount_fen, returned.deposit_id),
    )
    _move(tx, fact, returned.deposit_id, (returned.till, "deposit_returned", returned.kind), returned.amount_fen)
    if returned.kind == CODE:
        _refund(tx, fact, f"{returned.deposit_id}-0", returned.deposit_id, returned.amount_fen)


def sale_paid(tx: Tx, _fact: Fact, sale: SalePaid) -> None:
    """Mark the payments and deposits that a sale used."""
    for at, tender in enumerate(sale.tenders):
        if not tender.payment_id:
            continue
        tx.execute(
            "INSERT INTO payment_uses (payment_id, sale_id, position, kind, amount_fen) VALUES (?, ?, ?, ?, ?)",
            (tender.payment_id, sale.sale_id, at, tender.kind, tender.amount_fen),
        )
        if tender.kind == DEPOSIT:
            tx.execute(
                "UPDATE deposits SET spent_fen = spent_fen + ? WHERE deposit_id = ?",
                (tender.amount_fen, tender.payment_id),
            )
        else:
            tx.execute(
                "UPDATE payments SET state = 'used', sale_id = ? WHERE payment_id = ?",
                (sale.sale_id, tender.payment_id),
            )


def sale_refunded(tx: Tx, fact: Fact, refund: SaleRefunded) -> None:
    """Put what goes back by the gateway in line."""
    for at, tender in enumerate(refund.tenders):
        if tender.queued:
            _refund(tx, fact, f"{refund.refund_id}-{at}", tender.payment_id, tender.amount_fen)


def order_merged(tx: Tx, _fact: Fact, merged: OrderMerged) -> None:
    """What was paid towards an order goes where its lines go."""
    tx.execute("UPDATE payments SET order_id = ? WHERE order_id = ? AND state = 'open'", (merged.into, merged.order_id))


def refund_settled(tx: Tx, fact: Fact, settled: RefundSettled) -> None:
    """Keep what the gateway said, and take the refund out of the line."""
    tx.execute(
        "INSERT OR IGNORE INTO refunds_settled (refund_no, n, outcome, at_ms) VALUES (?, ?, ?, ?)",
        (settled.refund_no, fact.n, settled.outcome, fact.at_ms),
    )
    tx.execute(
        "UPDATE gateway_queue SET state = ?, reason = ?, settled_ms = ? WHERE refund_no = ? AND state = 'waiting'",
        (settled.outcome, settled.reason, fact.at_ms, settled.refund_no),
    )


def _move(tx: Tx, fact: Fact, move_id: str, about: tuple[str, str, str], amount_fen: int) -> None:
    tx.execute(
        "INSERT INTO payment_moves (n, move_id, till, what, kind, amount_fen) VALUES (?, ?, ?, ?, ?, ?)",
        (fact.n, move_id, *about, amount_fen),
    )


def _refund(tx: Tx, fact: Fact, refund_no: str, payment_id: str, amount_fen: int) -> None:
    tx.execute(
        "INSERT INTO gateway_refunds (refund_no, n, payment_id, amount_fen, at_ms) VALUES (?, ?, ?, ?, ?)",
        (refund_no, fact.n, payment_id, amount_fen, fact.at_ms),
    )
    tx.execute(
        "INSERT OR IGNORE INTO gateway_queue (refund_no, payment_id, amount_fen, state, reason, settled_ms)"
        " VALUES (?, ?, ?, 'waiting', '', 0)",
        (refund_no, payment_id, amount_fen),
    )


HANDLERS: dict[type[Any], Handler] = {
    PaymentTaken: payment_taken,
    PaymentReturned: payment_returned,
    PaymentDoubted: payment_doubted,
    DepositTaken: deposit_taken,
    DepositReturned: deposit_returned,
    SalePaid: sale_paid,
    SaleRefunded: sale_refunded,
    RefundSettled: refund_settled,
    OrderMerged: order_merged,
}
