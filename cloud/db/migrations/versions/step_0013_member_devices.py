"""Step 13: which devices members joined with, for as long as that is needed. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0013_member_devices"
down_revision = "0012_live_codes"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of keyed digests of devices."""
    op.create_table(
        "member_devices",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("digest", "member_id"),
        sqlite_strict=True,
    )
    op.create_index("member_devices_of", "member_devices", ["member_id"])
    op.create_index("member_devices_by_time", "member_devices", ["at_ms"])
