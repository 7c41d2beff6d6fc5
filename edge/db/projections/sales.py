"""Sales, their lines and tenders, their invites, and the takings of each day."""

from sync.contract.facts import Fact
from sync.contract.trade import InviteIssued, SalePaid
from sync.node.database import Tx

TABLES = {
    "sales": "sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, total_fen, currency",
    "sale_lines": "sale_id, position, dish_id, qty, amount_fen",
    "sale_tenders": "sale_id, position, kind, received_fen, change_fen, amount_fen",
    "invites": "invite_id, sale_id, short, code, expires_day, seq",
    "day_totals": "day, sales, amount_fen",
}


def sale_paid(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    """List a sale, its lines and tenders, and add it to its day."""
    tx.execute(
        "INSERT INTO sales (sale_id, epoch, seq, n, till, number, receipt_no, day, at_ms, total_fen, currency)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (sale.sale_id, fact.epoch, fact.seq, fact.n, sale.till, sale.number, sale.receipt_no, fact.day, fact.at_ms,
         sale.total_fen, sale.currency),
    )  # fmt: skip
    tx.executemany(
        "INSERT INTO sale_lines (sale_id, position, dish_id, qty, amount_fen) VALUES (?, ?, ?, ?, ?)",
        [(sale.sale_id, at, line.dish_id, line.qty, line.amount_fen) for at, line in enumerate(sale.lines)],
    )
    tx.executemany(
        "INSERT INTO sale_tenders (sale_id, position, kind, received_fen, change_fen, amount_fen)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (sale.sale_id, at, tender.kind, tender.received_fen, tender.change_fen, tender.amount_fen)
            for at, tender in enumerate(sale.tenders)
        ],
    )
    tx.execute(
        "INSERT INTO day_totals (day, sales, amount_fen) VALUES (?, 1, ?) ON CONFLICT (day)"
        " DO UPDATE SET sales = sales + 1, amount_fen = amount_fen + excluded.amount_fen",
        (fact.day, sale.total_fen),
    )


def invite_issued(tx: Tx, fact: Fact, invite: InviteIssued) -> None:
    """List the invite of a sale."""
    tx.execute(
        "INSERT INTO invites (invite_id, sale_id, short, code, expires_day, seq) VALUES (?, ?, ?, ?, ?, ?)",
        (invite.invite_id, invite.sale_id, invite.short, invite.code, invite.expires_day, fact.seq),
    )


HANDLERS = {SalePaid: sale_paid, InviteIssued: invite_issued}
