"""Orders of takeaway platforms, and what the platforms are still to be told.

`platform_orders` is what the facts say. `platform_tells` is a queue that the facts put something into (`edge.db.projections.intake`) and that
says how far the platform was told; it does not travel, and a node that was built again tells once more. `platform_marks` and
`platform_stock` are what this very file knows: up to where the news were read, and which dishes a platform believes to be sold out.
"""

from typing import NamedTuple

import msgspec

from sync.contract.intake import PlatformReceived
from sync.node.database import Reader, Row, Tx

OPEN_STATES = ("waiting", "accepted")


class Kept(NamedTuple):
    """An order of a platform.

    Attributes:
        n: of the last fact about it.
        sale_id: empty until it is accepted.
        by: who cancelled it, empty for nobody.
    """

    platform: str
    platform_no: str
    order_id: str
    state: str
    sale_id: str
    refund_id: str
    by: str
    reason: str
    day: str
    at_ms: int
    n: int
    order: PlatformReceived


class Due(NamedTuple):
    """Something that a platform is still to be told."""

    platform: str
    platform_no: str
    what: str
    reason: str


_SELECT = (
    "SELECT platform, platform_no, order_id, state, sale_id, refund_id, cancelled_by, reason, day, at_ms, n, doc"
    " FROM platform_orders"
)


def by_no(reader: Reader, platform: str, platform_no: str) -> Kept | None:
    """Find an order by the platform's number."""
    rows = reader.execute(f"{_SELECT} WHERE platform = ? AND platform_no = ?", (platform, platform_no))
    return _read(rows[0]) if rows else None


def by_id(reader: Reader, order_id: str) -> Kept | None:
    """Find an order by our own id."""
    rows = reader.execute(f"{_SELECT} WHERE order_id = ?", (order_id,))
    return _read(rows[0]) if rows else None


def at_work(reader: Reader) -> list[Kept]:
    """List what waits or is being cooked, the oldest first."""
    rows = reader.execute(f"{_SELECT} WHERE state IN ('waiting', 'accepted') ORDER BY at_ms, n")
    return [_read(row) for row in rows]


def latest(reader: Reader, limit: int) -> list[Kept]:
    """List what is ready or off, what changed last first."""
    rows = reader.execute(
        f"{_SELECT} WHERE state NOT IN ('waiting', 'accepted') ORDER BY n DESC LIMIT ?",
        (limit,),
    )
    return [_read(row) for row in rows]


def of_day(reader: Reader, day: str) -> list[Kept]:
    """List the orders that were received on a business day."""
    rows = reader.execute(f"{_SELECT} WHERE day = ? ORDER BY at_ms, n", (day,))
    return [_read(row) for row in rows]


def last_n(reader: Reader) -> int:
    """Give the number of the fact that changed an order last; 0 for none."""
    [(n,)] = reader.execute("SELECT max(n) FROM platform_orders")
    return int(n or 0)


def due(reader: Reader) -> list[Due]:
    """List what platforms are still to be told, in the order in which it happened."""
    rows = reader.execute(
        "SELECT platform, platform_no, what, reason FROM platform_tells WHERE state = 'waiting' ORDER BY n"
    )
    return [Due(*row) for row in rows]


def objected(reader: Reader) -> dict[tuple[str, str], str]:
    """Give what platforms refused to be told of, by platform and number, with their reason."""
    rows = reader.execute("SELECT platform, platform_no, answer FROM platform_tells WHERE state = 'refused' ORDER BY n")
    return {(platform, number): answer for platform, number, answer in rows}


def settle(tx: Tx, told: Due, state: str, answer: str) -> None:
    """Keep what a platform said; `state` is `done` or `refused`."""
    tx.execute(
        "UPDATE platform_tells SET state = ?, answer = ? WHERE platform = ? AND platform_no = ? AND what = ? AND state = 'waiting'",
        (state, answer, told.platform, told.platform_no, told.what),
    )


def mark(reader: Reader, platform: str) -> int:
    """Give the number up to which a platform's news were read."""
    rows = reader.execute("SELECT n FROM platform_marks WHERE platform = ?", (platform,))
    return int(rows[0][0]) if rows else 0


def set_mark(tx: Tx, platform: str, n: int) -> None:
    """Keep up to where a platform's news were read."""
    tx.execute(
        "INSERT INTO platform_marks (platform, n) VALUES (?, ?) ON CONFLICT (platform) DO UPDATE SET n = excluded.n",
        (platform, n),
    )


def stock_told(reader: Reader, platform: str) -> dict[str, bool]:
    """Give what a platform believes of dishes: True = sold out."""
    rows = reader.execute("SELECT dish_id, sold_out FROM platform_stock WHERE platform = ?", (platform,))
    return {dish_id: bool(gone) for dish_id, gone in rows}


def set_stock_told(tx: Tx, platform: str, dish_id: str, *, sold_out: bool) -> None:
    """Keep what a platform was told of a dish."""
    tx.execute(
        "INSERT INTO platform_stock (platform, dish_id, sold_out) VALUES (?, ?, ?) ON CONFLICT (platform, dish_id)"
        " DO UPDATE SET sold_out = excluded.sold_out",
        (platform, dish_id, int(sold_out)),
    )


def sold_out_now(reader: Reader) -> set[str]:
    """Name the dishes of which nothing is left."""
    return {row[0] for row in reader.execute("SELECT dish_id FROM dish_states WHERE left_qty = 0")}


def returned_fen(reader: Reader, sale_id: str) -> int:
    """Give what went back of a sale."""
    [(fen,)] = reader.execute("SELECT coalesce(sum(amount_fen), 0) FROM refunds WHERE sale_id = ?", (sale_id,))
    return int(fen)


def _read(row: Row) -> Kept:
    return Kept._make((*row[:-1], msgspec.json.decode(row[-1], type=PlatformReceived)))
