"""What each sale of an order had of its charges: the next part of a split bill counts on from there."""

from sync.contract import bill
from sync.contract.facts import Fact
from sync.contract.trade import SalePaid
from sync.node.database import Tx

TABLES = {"order_parts": "sale_id, key, amount_fen"}


def sale_paid(tx: Tx, _fact: Fact, sale: SalePaid) -> None:
    """Keep the charges of an order's sale by their kind."""
    if not sale.order_id:
        return
    tx.executemany(
        "INSERT INTO order_parts (sale_id, key, amount_fen) VALUES (?, ?, ?)",
        [(sale.sale_id, key, amount_fen) for key, amount_fen in bill.charges_of(sale).items()],
    )


HANDLERS = {SalePaid: sale_paid}
