"""Step 4: the hub's CA and stores' certificates. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0004_keys"
down_revision = "0003_streams"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of certificates, of enrolments that wait for a person, and of the generations of link keys."""
    op.create_table(
        "certificates",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("not_before_ms", WHOLE, nullable=False),
        sa.Column("not_after_ms", WHOLE, nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("revoked_ms", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["store", "epoch"], ["store_keys.store", "store_keys.epoch"]),
        sa.PrimaryKeyConstraint("serial"),
        sqlite_strict=True,
    )
    op.create_index("certificates_by_key", "certificates", ["store", "epoch"])
    op.create_table(
        "approvals",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("asked_ms", WHOLE, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_ms", WHOLE, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["store"], ["stores.store"]),
        sa.PrimaryKeyConstraint("store"),
        sqlite_strict=True,
    )
    op.create_table(
        "link_generations",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("generation", WHOLE, nullable=False),
        sa.Column("previous", WHOLE, nullable=False),
        sa.Column("since_ms", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["store", "epoch"], ["store_keys.store", "store_keys.epoch"]),
        sa.PrimaryKeyConstraint("store", "epoch"),
        sqlite_strict=True,
    )
