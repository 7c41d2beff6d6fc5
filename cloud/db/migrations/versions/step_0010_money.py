"""Step 10: refunds, what was left to other stores, payments, refunds by gateway, Z reports. A released step is never edited.

The tables are empty here: the projector rebuilds its read models once when it finds that they are of an older code.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010_money"
down_revision = "0009_drills"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KINDS: dict[str, sa.types.TypeEngine[Any]] = {"t": sa.Text(), "w": WHOLE, "b": sa.LargeBinary()}
_TABLES = {
    "refunds": ("store refund_id sale_store sale_id receipt_no till", "at_ms:w day:t amount_fen:w tip_fen:w ingest_id:w body:b", 2),
    "ceded_refunds": ("store refund_id sale_id to_store", "amount_fen:w at_ms:w regained:w ingest_id:w body:b", 2),
    "z_reports": ("store till", "epoch:w z:w at_ms:w day:t sales_fen:w refunds_fen:w net_fen:w variance_fen:w ingest_id:w body:b", 4),
    "payments": ("store payment_id what kind till", "at_ms:w day:t amount_fen:w flagged:w state:t sale_id:t reference:t label:t ingest_id:w", 2),
    "gateway_refunds": ("store refund_no payment_id", "amount_fen:w at_ms:w day:t outcome:t reason:t settled_ms:w ingest_id:w", 2),
}  # fmt: skip
"""Texts, then the others with their kind, then how many columns are the key."""


def upgrade() -> None:
    """Make the tables."""
    for table, (texts, others, keys) in _TABLES.items():
        named = [(name, "t") for name in texts.split()] + [
            (name, kind) for name, _, kind in (each.partition(":") for each in others.split())
        ]
        columns = [sa.Column(name, _KINDS[kind], nullable=False) for name, kind in named]
        key = sa.PrimaryKeyConstraint(*(name for name, _ in named[:keys]))
        op.create_table(table, *columns, key, sqlite_strict=True)
        op.create_index(f"{table}_by_arrival", table, ["ingest_id"])
    op.create_index("refunds_by_sale", "refunds", ["sale_store", "sale_id"])
    op.create_index("ceded_refunds_by_sale", "ceded_refunds", ["store", "sale_id"])
    op.create_index("payments_by_sale", "payments", ["store", "sale_id"])
