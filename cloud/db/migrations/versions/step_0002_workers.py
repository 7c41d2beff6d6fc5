"""Step 2: leases of partitions. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0002_workers"
down_revision = "0001_spine"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SLOTS = 257
"""256 partitions, and the jobs."""


def upgrade() -> None:
    """Make the leases, the list of workers, and on PostgreSQL the guard of facts that SQLite has from step 1 on."""
    leases = op.create_table(
        "leases",
        sa.Column("slot", WHOLE, autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", WHOLE, nullable=False),
        sa.Column("until_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("slot"),
        sqlite_strict=True,
    )
    op.bulk_insert(leases, [{"slot": slot, "holder": "", "fence": 0, "until_ms": 0} for slot in range(SLOTS)])
    op.create_table(
        "workers",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("until_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("worker"),
        sqlite_strict=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION facts_never_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'facts are never changed'; END $$"
        )
        for deed in ("UPDATE", "DELETE", "TRUNCATE"):
            op.execute(
                f"CREATE TRIGGER facts_no_{deed.lower()} BEFORE {deed} ON facts "
                "FOR EACH STATEMENT EXECUTE FUNCTION facts_never_change()"
            )
