"""Every table of the hub. The released steps in `cloud/db/migrations` build exactly this; a test compares the two.

Facts and their lanes are the truth; `READ_MODELS` are rebuilt from them by a replay. Times are wall ms of the hub unless
the name says otherwise; amounts are whole minor units.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

WHOLE = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; on SQLite the word must be INTEGER for STRICT tables and for a key that is the row id."""

stores = Table(
    "stores",
    metadata,
    Column("store", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),  # the current one; 0 before the first enrolment
    Column("created_ms", WHOLE, nullable=False),
    sqlite_strict=True,
)

store_keys = Table(
    "store_keys",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("node", Text, nullable=False),
    Column("signing_public", LargeBinary, nullable=False),
    Column("agreement_public", LargeBinary, nullable=False),
    Column("enrolled_ms", WHOLE, nullable=False),
    Column("revoked_ms", WHOLE),
    PrimaryKeyConstraint("store", "epoch"),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    Index("store_keys_by_key", "key_id"),
    sqlite_strict=True,
)

activations = Table(
    "activations",
    metadata,
    Column("store", Text, primary_key=True),
    Column("code_hash", Text, nullable=False),
    Column("made_ms", WHOLE, nullable=False),
    Column("expires_ms", WHOLE, nullable=False),
    Column("tries", WHOLE, nullable=False),
    Column("used_ms", WHOLE),
    Column("used_epoch", WHOLE),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    sqlite_strict=True,
)

lanes = Table(
    "lanes",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("lane", WHOLE, nullable=False),
    Column("seq", WHOLE, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("fork_seq", WHOLE),  # the held seq behind which another history was shown
    Column("bad_seq", WHOLE),  # the first seq that a later check found damaged
    Column("checked_ms", WHOLE),
    Column("updated_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "epoch", "lane"),
    ForeignKeyConstraint(["store", "epoch"], ["store_keys.store", "store_keys.epoch"]),
    sqlite_strict=True,
)

ingest_head = Table(
    "ingest_head",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("last", WHOLE, nullable=False),
    sqlite_strict=True,
)
"""One row that hands out ingest ids under its lock, so that ids become visible in their order on any database."""

facts = Table(
    "facts",
    metadata,
    Column("ingest_id", WHOLE, primary_key=True, autoincrement=False),
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("lane", WHOLE, nullable=False),
    Column("seq", WHOLE, nullable=False),
    Column("fact_id", LargeBinary),  # none where the bytes name none, or one that the store used before
    Column("kind", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),  # the store's
    Column("received_ms", WHOLE, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    UniqueConstraint("store", "epoch", "lane", "seq"),
    UniqueConstraint("store", "fact_id"),
    sqlite_strict=True,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("reason", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("count", WHOLE, nullable=False),
    Column("first_ms", WHOLE, nullable=False),
    Column("last_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("reason", "store"),
    sqlite_strict=True,
)

presence = Table(
    "presence",
    metadata,
    Column("store", Text, primary_key=True),
    Column("last_seen_ms", WHOLE, nullable=False),
    Column("data_as_of_ms", WHOLE),
    Column("left_ms", WHOLE),  # the broker said goodbye for it; nothing since
    Column("waiting_trade", WHOLE),
    Column("waiting_operations", WHOLE),
    Column("oldest_waiting_ms", WHOLE),
    Column("day", Text),
    Column("day_sales", WHOLE),
    Column("day_amount_fen", WHOLE),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    sqlite_strict=True,
)

stream_heads = Table(
    "stream_heads",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("version", WHOLE, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    sqlite_strict=True,
)

streams = Table(
    "streams",
    metadata,
    Column("stream", Text, nullable=False),
    Column("version", WHOLE, nullable=False),
    Column("op", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("checksum", LargeBinary, nullable=False),  # running, behind this step
    PrimaryKeyConstraint("stream", "version"),
    CheckConstraint("op IN ('put', 'remove')", name="streams_op"),
    sqlite_strict=True,
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("wrong", WHOLE, nullable=False),
    Column("locked_until_ms", WHOLE),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("created_ms", WHOLE, nullable=False),
    Column("used_ms", WHOLE, nullable=False),
    ForeignKeyConstraint(["account"], ["accounts.account"]),
    sqlite_strict=True,
)

# ------------------------------------------------------------------------------------------------ rebuilt from facts

cursors = Table(
    "cursors",
    metadata,
    Column("projector", Text, primary_key=True),
    Column("ingest_id", WHOLE, nullable=False),
    sqlite_strict=True,
)

parked = Table(
    "parked",
    metadata,
    Column("ingest_id", WHOLE, primary_key=True, autoincrement=False),
    Column("store", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Index("parked_by_store", "store"),
    sqlite_strict=True,
)

sales = Table(
    "sales",
    metadata,
    Column("store", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("receipt_no", Text, nullable=False),
    Column("till", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("hour", WHOLE, nullable=False),
    Column("total_fen", WHOLE, nullable=False),
    Column("currency", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("seq", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    Column("stored_ms", WHOLE, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the fact's body, as first encoded
    PrimaryKeyConstraint("store", "sale_id"),
    UniqueConstraint("store", "receipt_no"),
    Index("sales_by_arrival", "ingest_id", unique=True),
    Index("sales_by_place", "store", "epoch", "seq", unique=True),
    sqlite_strict=True,
)

invites = Table(
    "invites",
    metadata,
    Column("store", Text, nullable=False),
    Column("invite_id", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("short", Text, nullable=False),
    Column("expires_day", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "invite_id"),
    Index("invites_by_sale", "store", "sale_id"),
    Index("invites_by_short", "short"),
    sqlite_strict=True,
)

prints = Table(
    "prints",
    metadata,
    Column("ingest_id", WHOLE, primary_key=True, autoincrement=False),
    Column("store", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("copy", WHOLE, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Index("prints_by_sale", "store", "sale_id"),
    sqlite_strict=True,
)

takings = Table(
    "takings",
    metadata,
    Column("store", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("hour", WHOLE, nullable=False),
    Column("sales", WHOLE, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "day", "hour"),
    Index("takings_by_day", "day"),
    sqlite_strict=True,
)

READ_MODELS = (sales, invites, prints, takings, parked)

APPEND_ONLY = tuple(
    f"CREATE TRIGGER facts_no_{deed.lower()} BEFORE {deed} ON facts "
    "BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END"
    for deed in ("UPDATE", "DELETE")
)
"""SQLite's guard; on PostgreSQL the hub's role has no such right."""
