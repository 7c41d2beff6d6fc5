"""Step 12: live codes (活码) and how often they are opened. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0012_live_codes"
down_revision = "0011_members"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the codes, and the two counts of their scans: on the hub's own page, and what stores told."""
    op.create_table(
        "live_codes",
        sa.Column("code_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("label_zh", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("stopped_ms", WHOLE, nullable=True),
        sa.Column("made_ms", WHOLE, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("changed_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("code_id"),
        sa.CheckConstraint("place IN ('table', 'till', 'door', 'staff', 'queue')", name="live_codes_place"),
        sqlite_strict=True,
    )
    op.create_index("live_codes_of_store", "live_codes", ["store", "place"])
    op.create_table(
        "live_scans",
        sa.Column("code_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("scans", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("code_id", "day"),
        sqlite_strict=True,
    )
    op.create_table(
        "live_scans_told",
        sa.Column("code_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("scans", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("code_id", "store", "day"),
        sqlite_strict=True,
    )
