"""Step 3: down streams: snapshots, publications, commands, answers, and who holds what. A released step is never edited."""

import sqlalchemy as sa
from alembic import op

revision = "0003_streams"
down_revision = "0002_workers"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of everything that goes down."""
    op.create_table(
        "stream_snapshots",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=False),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("chunks", sa.LargeBinary(), nullable=False),
        sa.Column("made_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("stream", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "stream_chunks",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "stream_marks",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("stream", "at_ms"),
        sqlite_strict=True,
    )
    op.create_table(
        "store_streams",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "stream"),
        sa.ForeignKeyConstraint(["store"], ["stores.store"]),
        sqlite_strict=True,
    )
    op.create_table(
        "publications",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("effective_from", sa.Text(), nullable=False),
        sa.Column("at_once", WHOLE, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("published_ms", WHOLE, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("again", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("stream", "number"),
        sqlite_strict=True,
    )
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("made_ms", WHOLE, nullable=False),
        sa.Column("expires_ms", WHOLE, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["store"], ["stores.store"]),
        sa.PrimaryKeyConstraint("command_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "answers",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("question_id", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("not_after_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "epoch", "question_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "command_results",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "command_id"),
        sqlite_strict=True,
    )
    op.create_index("commands_by_store", "commands", ["store", "made_ms"])
