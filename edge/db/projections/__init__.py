"""Facts become tables: the same function writes them in the transaction of the use case and in a rebuild.

Each module beside this one keeps a part: its tables with their columns, and a function for each body that changes them.
"""

from typing import Any

from edge.db.projections import (
    devices,
    elsewhere,
    house_day,
    intake,
    kitchen,
    members,
    orders,
    parts,
    payments,
    people,
    refunds,
    sales,
    shifts,
    terminals,
)
from edge.db.projections.handling import Handler
from sync.contract import kinds
from sync.contract.facts import Fact
from sync.node.database import Reader, Row, Tx

_PARTS = (
    sales,
    parts,
    devices,
    orders,
    kitchen,
    payments,
    refunds,
    shifts,
    people,
    terminals,
    elsewhere,
    house_day,
    intake,
    members,
)

TABLES: dict[str, str] = {table: columns for part in _PARTS for table, columns in part.TABLES.items()}
"""Every projection with its columns; `verify` rebuilds and compares each."""

_HANDLERS: dict[type[Any], list[Handler]] = {}
for _part in _PARTS:
    for _body, _handler in _part.HANDLERS.items():
        # A body may change tables of several parts: a sale settles an order, uses a payment and counts in a shift.
        _HANDLERS.setdefault(_body, []).append(_handler)


def project(tx: Tx, fact: Fact) -> None:
    """Write what one fact changes.

    Raises:
        ContractError: the fact is of a kind or shape that this version does not know.
    """
    body = kinds.read(fact)
    for handler in _HANDLERS.get(type(body), ()):
        handler(tx, fact, body)


def rows_of(reader: Reader, table: str) -> list[Row]:
    """Read a whole projection in a fixed order."""
    columns = TABLES[table]
    return reader.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2")  # noqa: S608 - names from our own table


def place_of(reader: Reader, table: str, row: Row) -> tuple[int, int] | None:
    """Say which fact (lane, seq) wrote a row of a projection, where one fact did."""
    if table == "prints":
        return 1, int(row[5])
    if table not in {"sales", "sale_lines", "sale_tenders", "invites"}:
        return None
    sale_id = row[1] if table == "invites" else row[0]
    found = reader.execute("SELECT seq FROM sales WHERE sale_id = ?", (sale_id,))
    if not found:
        return None
    return 0, int(found[0][0]) + (1 if table == "invites" else 0)
