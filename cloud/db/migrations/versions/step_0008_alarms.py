"""Step 8: alarms of stores, and what the fleet page shows of each. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0008_alarms"
down_revision = "0007_backups"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the list of open alarms, and room for what heartbeats say besides the backlog."""
    op.create_table(
        "alarms",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "epoch", "code"),
        sqlite_strict=True,
    )
    op.add_column("presence", sa.Column("disk_free_mb", WHOLE))
    op.add_column("presence", sa.Column("clock_offset_ms", WHOLE))
    op.add_column("presence", sa.Column("alarms", sa.Text()))
    op.add_column("presence", sa.Column("refusal", sa.Text()))
    op.add_column("presence", sa.Column("refused_ms", WHOLE))
