"""Step 6: late facts, admission and alarms. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0006_uplane"
down_revision = "0005_accounts"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the marks of lanes, and the notes of what was done once."""
    op.create_table(
        "lane_marks",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("lane", WHOLE, nullable=False),
        sa.Column("late_seq", WHOLE, nullable=True),
        sa.Column("late_ms", WHOLE, nullable=True),
        sa.Column("durable_seq", WHOLE, nullable=True),
        sa.Column("checked_seq", WHOLE, nullable=True),
        sa.Column("checked_chain", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("store", "epoch", "lane"),
        sqlite_strict=True,
    )
    op.create_table(
        "upkeep",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )
