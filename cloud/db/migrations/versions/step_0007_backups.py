"""Step 7: drills and backups. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0007_backups"
down_revision = "0006_uplane"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the name of the history's backups, the list of them, and the drills."""
    op.create_table(
        "backup_line",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "backups",
        sa.Column("made_ms", WHOLE, autoincrement=False, nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("upto", WHOLE, nullable=False),
        sa.Column("facts", WHOLE, nullable=False),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("took_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("made_ms"),
        sqlite_strict=True,
    )
    op.create_table(
        "drills",
        sa.Column("at_ms", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ok", WHOLE, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("at_ms"),
        sqlite_strict=True,
    )
