"""What charges earlier parts of a split bill had. A projection writes it."""

from collections.abc import Iterable

from sync.node.database import Reader


def before(reader: Reader, sale_ids: Iterable[str]) -> dict[str, int]:
    """Add up the charges of sales, by kind."""
    sums: dict[str, int] = {}
    for sale_id in sale_ids:
        for key, amount_fen in reader.execute("SELECT key, amount_fen FROM order_parts WHERE sale_id = ?", (sale_id,)):
            sums[key] = sums.get(key, 0) + amount_fen
    return sums
