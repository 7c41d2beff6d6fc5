"""Refunds between stores: what was left to another store counts as gone here, what was asked of one is open until it is given or dropped."""

from typing import Any

import msgspec

from edge.db.projections.handling import Handler
from sync.contract.facts import Fact
from sync.contract.refunds import RefundAsked, RefundCeded, RefundDropped, RefundRegained, SaleRefunded
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "refunds_ceded": "refund_id, n, sale_id, to_store, at_ms, amount_fen, tip_fen, regained, doc",
    "refunds_asked": "refund_id, n, sale_id, sale_store, till, at_ms, state, drop_id, doc",
}


def ceded(tx: Tx, fact: Fact, body: RefundCeded) -> None:
    """List what another store gives back of a sale of ours."""
    tx.execute(
        "INSERT INTO refunds_ceded (refund_id, n, sale_id, to_store, at_ms, amount_fen, tip_fen, regained, doc)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
        (body.refund_id, fact.n, body.sale_id, body.to_store, fact.at_ms, body.amount_fen, body.tip_fen,
         msgspec.json.encode(body).decode()),
    )  # fmt: skip


def regained(tx: Tx, _fact: Fact, body: RefundRegained) -> None:
    """Count it back."""
    tx.execute("UPDATE refunds_ceded SET regained = 1 WHERE refund_id = ?", (body.refund_id,))


def asked(tx: Tx, fact: Fact, body: RefundAsked) -> None:
    """List a refund that another store's sale is asked for."""
    tx.execute(
        "INSERT INTO refunds_asked (refund_id, n, sale_id, sale_store, till, at_ms, state, drop_id, doc)"
        " VALUES (?, ?, ?, ?, ?, ?, 'asked', '', ?)",
        (body.refund_id, fact.n, body.sale_id, body.sale_store, body.till, fact.at_ms,
         msgspec.json.encode(body).decode()),
    )  # fmt: skip


def dropped(tx: Tx, _fact: Fact, body: RefundDropped) -> None:
    """It will never be given here."""
    tx.execute(
        "UPDATE refunds_asked SET state = 'dropped', drop_id = ? WHERE refund_id = ?", (body.drop_id, body.refund_id)
    )


def refunded(tx: Tx, _fact: Fact, body: SaleRefunded) -> None:
    """It was given."""
    tx.execute("UPDATE refunds_asked SET state = 'given' WHERE refund_id = ?", (body.refund_id,))


HANDLERS: dict[type[Any], Handler] = {
    RefundCeded: ceded,
    RefundRegained: regained,
    RefundAsked: asked,
    RefundDropped: dropped,
    SaleRefunded: refunded,
}
