"""Step 9: when each store's last drill held. A released step is never edited; a change is a new step."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009_drills"
down_revision = "0008_alarms"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, and fill it from the facts that the read models reach to: it must not look as if nobody ever drilled."""
    made = op.create_table(
        "store_drills",
        sa.Column("store", sa.Text(), primary_key=True),
        sa.Column("held_ms", WHOLE, nullable=False),
        sqlite_strict=True,
    )
    told = op.get_bind().execute(
        sa.text(
            "SELECT store, received_ms, raw FROM facts WHERE kind = 'drill.done'"
            " AND ingest_id <= (SELECT coalesce(max(ingest_id), 0) FROM cursors)"
            " AND ingest_id NOT IN (SELECT ingest_id FROM parked)"
        )
    )
    held: dict[str, int] = {}
    for store, received_ms, raw in told:
        fact = json.loads(bytes(raw))
        if fact["body"]["ok"]:
            held[store] = max(held.get(store, 0), min(fact["at_ms"], received_ms))
    if held:
        op.bulk_insert(made, [{"store": store, "held_ms": at_ms} for store, at_ms in sorted(held.items())])
