"""The plan of the tables that was drawn last. Projections write it."""

from typing import NamedTuple

import msgspec

from sync.contract.orders import FloorDrawn, Table
from sync.node.database import Reader, Tx

_DECODER = msgspec.json.Decoder(FloorDrawn)


class Drawn(NamedTuple):
    """A plan with the number of the fact that drew it."""

    n: int
    plan: FloorDrawn


def drawn(reader: Reader) -> Drawn | None:
    """Give the plan in force; None before anybody drew one."""
    rows = reader.execute("SELECT n, doc FROM floor_plans WHERE id = 1")
    return Drawn(rows[0][0], _DECODER.decode(rows[0][1])) if rows else None


def last_n(reader: Reader) -> int:
    """Give the number of the fact that drew the plan; 0 for none."""
    rows = reader.execute("SELECT n FROM floor_plans WHERE id = 1")
    return int(rows[0][0]) if rows else 0


def tables_of(plan: FloorDrawn) -> dict[str, Table]:
    """Give the tables of a plan by their ids."""
    return {table.id: table for area in plan.areas for table in area.tables}


def keep(tx: Tx, plan: FloorDrawn, n: int) -> None:
    """Let a plan be in force."""
    tx.execute(
        "INSERT INTO floor_plans (id, version, n, doc) VALUES (1, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, n = excluded.n, doc = excluded.doc",
        (plan.version, n, msgspec.json.encode(plan).decode()),
    )
