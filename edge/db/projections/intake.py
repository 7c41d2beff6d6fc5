"""Orders of takeaway platforms as their facts leave them, and what the platforms are to be told of it."""

from typing import Any

import msgspec

from edge.db.projections.handling import Handler
from edge.domain.intake import Tell
from sync.contract.facts import Fact
from sync.contract.intake import PlatformAccepted, PlatformCancelled, PlatformReady, PlatformReceived
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "platform_orders": "platform, platform_no, order_id, state, sale_id, refund_id, cancelled_by, reason, day, at_ms, n, doc"
}


def received(tx: Tx, fact: Fact, order: PlatformReceived) -> None:
    """List an order that waits for the store's word."""
    tx.execute(
        "INSERT INTO platform_orders (platform, platform_no, order_id, state, sale_id, refund_id, cancelled_by, reason, day,"
        " at_ms, n, doc) VALUES (?, ?, ?, 'waiting', '', '', '', '', ?, ?, ?, ?)",
        (
            order.platform,
            order.platform_no,
            order.order_id,
            fact.day,
            fact.at_ms,
            fact.n,
            msgspec.json.encode(order).decode(),
        ),
    )


def accepted(tx: Tx, fact: Fact, body: PlatformAccepted) -> None:
    """It is a sale now; the platform said so before, and hears it once more from a node that was built again."""
    tx.execute(
        "UPDATE platform_orders SET state = 'accepted', sale_id = ?, n = ? WHERE platform = ? AND platform_no = ?",
        (body.sale_id, fact.n, body.platform, body.platform_no),
    )
    _tell(tx, fact, body.platform, body.platform_no, Tell.ACCEPT)


def ready(tx: Tx, fact: Fact, body: PlatformReady) -> None:
    """It stands ready."""
    tx.execute(
        "UPDATE platform_orders SET state = 'ready', n = ? WHERE platform = ? AND platform_no = ?",
        (fact.n, body.platform, body.platform_no),
    )
    _tell(tx, fact, body.platform, body.platform_no, Tell.READY)


def cancelled(tx: Tx, fact: Fact, body: PlatformCancelled) -> None:
    """It is off; a platform that said so itself need not hear it."""
    tx.execute(
        "UPDATE platform_orders SET state = 'cancelled', refund_id = ?, cancelled_by = ?, reason = ?, n = ?"
        " WHERE platform = ? AND platform_no = ?",
        (body.refund_id, body.by, body.reason, fact.n, body.platform, body.platform_no),
    )
    # What it was not told yet of an order that is off interests nobody.
    tx.execute(
        "UPDATE platform_tells SET state = 'done' WHERE platform = ? AND platform_no = ? AND state = 'waiting'",
        (body.platform, body.platform_no),
    )
    if body.by == "store":
        _tell(tx, fact, body.platform, body.platform_no, Tell.CANCEL if body.refund_id else Tell.DECLINE, body.reason)


def _tell(tx: Tx, fact: Fact, platform: str, platform_no: str, what: Tell, reason: str = "") -> None:
    tx.execute(
        "INSERT OR IGNORE INTO platform_tells (platform, platform_no, what, reason, n, state, answer)"
        " VALUES (?, ?, ?, ?, ?, 'waiting', '')",
        (platform, platform_no, what.value, reason, fact.n),
    )


HANDLERS: dict[type[Any], Handler] = {
    PlatformReceived: received,
    PlatformAccepted: accepted,
    PlatformReady: ready,
    PlatformCancelled: cancelled,
}
