"""Bills that were printed for open orders, as their slips are built from; projections write them."""

from typing import NamedTuple

import msgspec

from sync.contract.orders import OrderBilled
from sync.node.database import Reader

_BILLED = msgspec.json.Decoder(OrderBilled)


class BillShown(NamedTuple):
    """A bill and when it was shown."""

    at_ms: int
    body: OrderBilled


def by_n(reader: Reader, n: int) -> BillShown | None:
    """Find the bill of a fact."""
    rows = reader.execute("SELECT at_ms, doc FROM bills_shown WHERE n = ?", (n,))
    return BillShown(rows[0][0], _BILLED.decode(rows[0][1])) if rows else None


def count(reader: Reader, order_id: str) -> int:
    """Count the bills that an order's guests were shown."""
    return int(reader.execute("SELECT count(*) FROM bills_shown WHERE order_id = ?", (order_id,))[0][0])


def before(reader: Reader, order_id: str, n: int) -> int:
    """Count those of them before one."""
    return int(reader.execute("SELECT count(*) FROM bills_shown WHERE order_id = ? AND n < ?", (order_id, n))[0][0])
