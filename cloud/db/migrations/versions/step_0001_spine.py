"""Step 1: the tables of the first release. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0001_spine"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table, the one row that hands out ingest ids, and the triggers that keep facts as they are."""
    op.create_table(
        "accounts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("wrong", WHOLE, nullable=False),
        sa.Column("locked_until_ms", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("account"),
        sqlite_strict=True,
    )
    op.create_table(
        "cursors",
        sa.Column("projector", sa.Text(), nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("projector"),
        sqlite_strict=True,
    )
    op.create_table(
        "facts",
        sa.Column("ingest_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("lane", WHOLE, nullable=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("fact_id", sa.LargeBinary(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("received_ms", WHOLE, nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ingest_id"),
        sa.UniqueConstraint("store", "epoch", "lane", "seq"),
        sa.UniqueConstraint("store", "fact_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "ingest_head",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("last", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "invites",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("invite_id", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("expires_day", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "invite_id"),
        sqlite_strict=True,
    )
    op.create_index("invites_by_sale", "invites", ["store", "sale_id"], unique=False)
    op.create_index("invites_by_short", "invites", ["short"], unique=False)
    op.create_table(
        "parked",
        sa.Column("ingest_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("ingest_id"),
        sqlite_strict=True,
    )
    op.create_index("parked_by_store", "parked", ["store"], unique=False)
    op.create_table(
        "prints",
        sa.Column("ingest_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("copy", WHOLE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("ingest_id"),
        sqlite_strict=True,
    )
    op.create_index("prints_by_sale", "prints", ["store", "sale_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("first_ms", WHOLE, nullable=False),
        sa.Column("last_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("reason", "store"),
        sqlite_strict=True,
    )
    op.create_table(
        "sales",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("hour", WHOLE, nullable=False),
        sa.Column("total_fen", WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.Column("stored_ms", WHOLE, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("store", "sale_id"),
        sa.UniqueConstraint("store", "receipt_no"),
        sqlite_strict=True,
    )
    op.create_index("sales_by_arrival", "sales", ["ingest_id"], unique=True)
    op.create_index("sales_by_place", "sales", ["store", "epoch", "seq"], unique=True)
    op.create_table(
        "stores",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store"),
        sqlite_strict=True,
    )
    op.create_table(
        "stream_heads",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
        sqlite_strict=True,
    )
    op.create_table(
        "streams",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("op IN ('put', 'remove')", name="streams_op"),
        sa.PrimaryKeyConstraint("stream", "version"),
        sqlite_strict=True,
    )
    op.create_table(
        "takings",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("hour", WHOLE, nullable=False),
        sa.Column("sales", WHOLE, nullable=False),
        sa.Column("amount_fen", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "day", "hour"),
        sqlite_strict=True,
    )
    op.create_index("takings_by_day", "takings", ["day"], unique=False)
    op.create_table(
        "activations",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("made_ms", WHOLE, nullable=False),
        sa.Column("expires_ms", WHOLE, nullable=False),
        sa.Column("tries", WHOLE, nullable=False),
        sa.Column("used_ms", WHOLE, nullable=True),
        sa.Column("used_epoch", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(
            ["store"],
            ["stores.store"],
        ),
        sa.PrimaryKeyConstraint("store"),
        sqlite_strict=True,
    )
    op.create_table(
        "presence",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("last_seen_ms", WHOLE, nullable=False),
        sa.Column("data_as_of_ms", WHOLE, nullable=True),
        sa.Column("left_ms", WHOLE, nullable=True),
        sa.Column("waiting_trade", WHOLE, nullable=True),
        sa.Column("waiting_operations", WHOLE, nullable=True),
        sa.Column("oldest_waiting_ms", WHOLE, nullable=True),
        sa.Column("day", sa.Text(), nullable=True),
        sa.Column("day_sales", WHOLE, nullable=True),
        sa.Column("day_amount_fen", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(
            ["store"],
            ["stores.store"],
        ),
        sa.PrimaryKeyConstraint("store"),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.Column("used_ms", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.account"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "store_keys",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("signing_public", sa.LargeBinary(), nullable=False),
        sa.Column("agreement_public", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_ms", WHOLE, nullable=False),
        sa.Column("revoked_ms", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(
            ["store"],
            ["stores.store"],
        ),
        sa.PrimaryKeyConstraint("store", "epoch"),
        sqlite_strict=True,
    )
    op.create_index("store_keys_by_key", "store_keys", ["key_id"], unique=False)
    op.create_table(
        "lanes",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("lane", WHOLE, nullable=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("fork_seq", WHOLE, nullable=True),
        sa.Column("bad_seq", WHOLE, nullable=True),
        sa.Column("checked_ms", WHOLE, nullable=True),
        sa.Column("updated_ms", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["store", "epoch"],
            ["store_keys.store", "store_keys.epoch"],
        ),
        sa.PrimaryKeyConstraint("store", "epoch", "lane"),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO ingest_head (id, last) VALUES (1, 0)")
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER facts_no_{deed.lower()} BEFORE {deed} ON facts "
                "BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END"
            )
