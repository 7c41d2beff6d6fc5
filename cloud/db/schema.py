"""Every table of the hub. The released steps in `cloud/db/migrations` build exactly this; a test compares the two.

Facts and their lanes are the truth; `READ_MODELS` are rebuilt from them by a replay. Times are wall ms of the hub unless
the name says otherwise; amounts are whole minor units.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from cloud.db import base
from cloud.db.base import WHOLE
from cloud.db.member_tables import KEPT_BY_TRIGGERS, LEDGER_TRIGGERS

metadata = base.metadata

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

# ------------------------------------------------------------------------------------------ certificates and enrolment

certificates = Table(
    "certificates",
    metadata,
    Column("serial", Text, primary_key=True),  # hex
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("not_before_ms", WHOLE, nullable=False),
    Column("not_after_ms", WHOLE, nullable=False),
    Column("pem", Text, nullable=False),
    Column("revoked_ms", WHOLE),
    ForeignKeyConstraint(["store", "epoch"], ["store_keys.store", "store_keys.epoch"]),
    Index("certificates_by_key", "store", "epoch"),
    sqlite_strict=True,
)

approvals = Table(
    "approvals",
    metadata,
    Column("store", Text, primary_key=True),
    Column("code_hash", Text, nullable=False),  # of the code that it came with
    Column("node", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("asked_ms", WHOLE, nullable=False),
    Column("decision", Text, nullable=False),  # waiting, approved, refused
    Column("decided_ms", WHOLE),
    Column("decided_by", Text),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    sqlite_strict=True,
)

link_generations = Table(
    "link_generations",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("generation", WHOLE, nullable=False),  # of the keys in use
    Column("previous", WHOLE, nullable=False),  # still taken, for what was under way
    Column("since_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "epoch"),
    ForeignKeyConstraint(["store", "epoch"], ["store_keys.store", "store_keys.epoch"]),
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
    Column("disk_free_mb", WHOLE),
    Column("clock_offset_ms", WHOLE),  # store minus hub, as the store estimates it
    Column("alarms", Text),  # codes, separated by blanks; none before a heartbeat said
    Column("refusal", Text),  # why there is no session; none since the last one that there was
    Column("refused_ms", WHOLE),
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

# ------------------------------------------------------------------------------------------- accounts and the audit log

users = Table(
    "users",
    metadata,
    Column("account", Text, primary_key=True),  # what one signs in with
    Column("name", Text, nullable=False),  # what one is called
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("password_due", WHOLE, nullable=False),  # 1: the password is somebody else's, a new one comes first
    Column("file_hash", Text),  # of the password file as it was last applied; only the first account's
    Column("totp", LargeBinary),  # the sealed secret
    Column("totp_step", WHOLE, nullable=False),  # the last time step whose code was taken
    Column("created_ms", WHOLE, nullable=False),
    Column("seen_ms", WHOLE),  # the last sign-in
    Column("disabled_ms", WHOLE),
    sqlite_strict=True,
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account", Text, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    Column("used_ms", WHOLE),
    PrimaryKeyConstraint("account", "code_hash"),
    ForeignKeyConstraint(["account"], ["users.account"]),
    sqlite_strict=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("stage", Text, nullable=False),  # full, or the step of the sign-in that is still to be done
    Column("created_ms", WHOLE, nullable=False),
    Column("used_ms", WHOLE, nullable=False),
    Column("sure_ms", WHOLE, nullable=False),  # when password and code were last shown
    Column("address", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("draft", LargeBinary),  # the sealed secret of a second factor that is being set up
    ForeignKeyConstraint(["account"], ["users.account"]),
    Index("sessions_by_account", "account"),
    sqlite_strict=True,
)

signin_tries = Table(
    "signin_tries",
    metadata,
    Column("account", Text, nullable=False),  # a name, the hash of one that is nobody's, or * for all
    Column("place", Text, nullable=False),  # an address, a known browser, or * for all
    Column("wrong", WHOLE, nullable=False),
    Column("last_ms", WHOLE, nullable=False),
    Column("until_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("account", "place"),
    Index("signin_tries_by_time", "last_ms"),
    sqlite_strict=True,
)

audit = Table(
    "audit",
    metadata,
    Column("n", WHOLE, primary_key=True, autoincrement=False),  # 1, 2, 3 … without a gap
    Column("at_ms", WHOLE, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON with sorted keys, as it was hashed
    Column("chain", LargeBinary, nullable=False),
    Index("audit_by_actor", "actor", "n"),
    Index("audit_by_action", "action", "n"),
    Index("audit_by_time", "at_ms"),
    sqlite_strict=True,
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("n", WHOLE, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    sqlite_strict=True,
)
"""One row that is the end of the audit log; whoever adds to the log holds its lock."""

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("k", WHOLE, primary_key=True, autoincrement=False),  # 1, 2, 3 … without a gap
    Column("n", WHOLE, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # the hub's, Ed25519
    sqlite_strict=True,
)

# ------------------------------------------------------------------------------------------------------ the up lanes

lane_marks = Table(
    "lane_marks",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("lane", WHOLE, nullable=False),
    Column("late_seq", WHOLE),  # from here on the facts came after the epoch was replaced
    Column("late_ms", WHOLE),  # when the first of them came
    Column("durable_seq", WHOLE),  # up to here a backup has the lane too
    Column("checked_seq", WHOLE),  # up to here the stored bytes were hashed again …
    Column("checked_chain", LargeBinary),  # … and came to this
    PrimaryKeyConstraint("store", "epoch", "lane"),
    sqlite_strict=True,
)
"""What is noted of a lane beside its place: seldom written, so that the row which every batch moves stays small."""

upkeep = Table(
    "upkeep",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_strict=True,
)
"""What the hub did once and need not do again, such as for which version of the code parked facts were tried."""

# ------------------------------------------------------------------------------------------------ workers and leases

PARTITION_SLOTS = 256
"""The partitions of topics; a lease has the number of its partition."""
JOBS_SLOT = 256
"""The lease of the one process that projects, checks chains and rings the doorbell."""

leases = Table(
    "leases",
    metadata,
    Column("slot", WHOLE, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),  # empty where nobody holds it
    Column("fence", WHOLE, nullable=False),  # one more with every new holder
    Column("until_ms", WHOLE, nullable=False),
    sqlite_strict=True,
)

workers = Table(
    "workers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("until_ms", WHOLE, nullable=False),  # unheard of until then, it counts as gone
    sqlite_strict=True,
)

# ---------------------------------------------------------------------------- down streams, publications, commands, answers

stream_snapshots = Table(
    "stream_snapshots",
    metadata,
    Column("stream", Text, nullable=False),
    Column("version", WHOLE, nullable=False),  # the newest one's is the log's floor: steps up to it are folded away
    Column("checksum", LargeBinary, nullable=False),  # of the log behind that version
    Column("size", WHOLE, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("chunks", LargeBinary, nullable=False),  # the digests of the pieces, one behind the other
    Column("made_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("stream", "version"),
    sqlite_strict=True,
)

stream_chunks = Table(
    "stream_chunks",
    metadata,
    Column("stream", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("stream", "digest"),
    sqlite_strict=True,
)

stream_marks = Table(
    "stream_marks",
    metadata,
    Column("stream", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("version", WHOLE, nullable=False),  # the stream's head at that time
    PrimaryKeyConstraint("stream", "at_ms"),
    sqlite_strict=True,
)

store_streams = Table(
    "store_streams",
    metadata,
    Column("store", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("version", WHOLE, nullable=False),  # what the store said that it has
    Column("at_ms", WHOLE, nullable=False),  # since when it has it
    PrimaryKeyConstraint("store", "stream"),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    sqlite_strict=True,
)

publications = Table(
    "publications",
    metadata,
    Column("stream", Text, nullable=False),
    Column("number", WHOLE, nullable=False),
    Column("effective_from", Text, nullable=False),
    Column("at_once", WHOLE, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("published_ms", WHOLE, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("again", WHOLE),  # the number whose content this is once more
    PrimaryKeyConstraint("stream", "number"),
    sqlite_strict=True,
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("store", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("made_ms", WHOLE, nullable=False),
    Column("expires_ms", WHOLE, nullable=False),
    Column("made_by", Text, nullable=False),
    ForeignKeyConstraint(["store"], ["stores.store"]),
    Index("commands_by_store", "store", "made_ms"),
    sqlite_strict=True,
)

answers = Table(
    "answers",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("question_id", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of what was asked
    Column("verdict", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("not_after_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "epoch", "question_id"),
    sqlite_strict=True,
)

# ---------------------------------------------------------------------------------------------------------- backups

backup_line = Table(
    "backup_line",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("line", Text, nullable=False),
    sqlite_strict=True,
)
"""One row: under which name this database's history is backed up. A restored one begins another, for its ids go other ways."""

backups = Table(
    "backups",
    metadata,
    Column("made_ms", WHOLE, primary_key=True, autoincrement=False),
    Column("folder", Text, nullable=False),
    Column("upto", WHOLE, nullable=False),  # the last ingest id that it holds
    Column("facts", WHOLE, nullable=False),  # new ones since the backup before
    Column("size", WHOLE, nullable=False),
    Column("took_ms", WHOLE, nullable=False),
    sqlite_strict=True,
)

drills = Table(
    "drills",
    metadata,
    Column("at_ms", WHOLE, primary_key=True, autoincrement=False),
    Column("ok", WHOLE, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # the hub's, Ed25519
    sqlite_strict=True,
)

NOT_BACKED_UP = (
    "facts",
    "backup_line",
    "backups",
    "cursors",
    "leases",
    "workers",
    "sessions",
    "signin_tries",
    "member_devices",
    *KEPT_BY_TRIGGERS,
)
"""Tables that are no part of a backup's state: facts have files of their own, the others belong to one running hub."""

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

command_results = Table(
    "command_results",
    metadata,
    Column("store", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "command_id"),
    sqlite_strict=True,
)

alarms = Table(
    "alarms",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),  # the store's: when it was raised
    Column("ingest_id", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "epoch", "code"),
    sqlite_strict=True,
)
"""Open alarms of stores. Those of a replaced computer are nobody's any more: readers take the store's own epoch."""

store_drills = Table(
    "store_drills",
    metadata,
    Column("store", Text, primary_key=True),
    Column("held_ms", WHOLE, nullable=False),  # the store's, and never later than the hub's when it was told
    sqlite_strict=True,
)
"""When a store's last drill held; without one it is in no row."""

# ---------------------------------------------------------------------------------------------- money beside the sales

refunds = Table(
    "refunds",
    metadata,
    Column("store", Text, nullable=False),  # that gave it
    Column("refund_id", Text, nullable=False),
    Column("sale_store", Text, nullable=False),  # that sold
    Column("sale_id", Text, nullable=False),
    Column("receipt_no", Text, nullable=False),
    Column("till", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    Column("tip_fen", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("store", "refund_id"),
    Index("refunds_by_arrival", "ingest_id"),
    Index("refunds_by_sale", "sale_store", "sale_id"),
    sqlite_strict=True,
)

ceded_refunds = Table(
    "ceded_refunds",
    metadata,
    Column("store", Text, nullable=False),  # that sold, and left it to another
    Column("refund_id", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("to_store", Text, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("regained", WHOLE, nullable=False),  # 1: the other never gave it
    Column("ingest_id", WHOLE, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("store", "refund_id"),
    Index("ceded_refunds_by_arrival", "ingest_id"),
    Index("ceded_refunds_by_sale", "store", "sale_id"),
    sqlite_strict=True,
)

z_reports = Table(
    "z_reports",
    metadata,
    Column("store", Text, nullable=False),
    Column("till", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("z", WHOLE, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("sales_fen", WHOLE, nullable=False),
    Column("refunds_fen", WHOLE, nullable=False),
    Column("net_fen", WHOLE, nullable=False),
    Column("variance_fen", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("store", "till", "epoch", "z"),
    Index("z_reports_by_arrival", "ingest_id"),
    sqlite_strict=True,
)

payments = Table(
    "payments",
    metadata,
    Column("store", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("what", Text, nullable=False),  # payment, deposit
    Column("kind", Text, nullable=False),
    Column("till", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    Column("flagged", WHOLE, nullable=False),
    Column("state", Text, nullable=False),  # open, used, returned; unknown, refused, cancelled
    Column("sale_id", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("label", Text, nullable=False),  # a deposit's number
    Column("ingest_id", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "payment_id"),
    Index("payments_by_arrival", "ingest_id"),
    Index("payments_by_sale", "store", "sale_id"),
    sqlite_strict=True,
)

gateway_refunds = Table(
    "gateway_refunds",
    metadata,
    Column("store", Text, nullable=False),
    Column("refund_no", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # empty while the gateway has not answered
    Column("reason", Text, nullable=False),
    Column("settled_ms", WHOLE, nullable=False),
    Column("ingest_id", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "refund_no"),
    Index("gateway_refunds_by_arrival", "ingest_id"),
    sqlite_strict=True,
)

# ----------------------------------------------------------------------------------------------------------- live codes

live_codes = Table(
    "live_codes",
    metadata,
    Column("code_id", Text, primary_key=True),
    Column("store", Text, nullable=False),
    Column("place", Text, nullable=False),  # table, till, door, staff, queue
    Column("at", Text, nullable=False),
    Column("label_zh", Text, nullable=False),
    Column("label_en", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("target", LargeBinary, nullable=False),  # JSON
    Column("stopped_ms", WHOLE),
    Column("made_ms", WHOLE, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("changed_ms", WHOLE, nullable=False),
    CheckConstraint("place IN ('table', 'till', 'door', 'staff', 'queue')", name="live_codes_place"),
    Index("live_codes_of_store", "store", "place"),
    sqlite_strict=True,
)

live_scans = Table(
    "live_scans",
    metadata,
    Column("code_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("scans", WHOLE, nullable=False),
    PrimaryKeyConstraint("code_id", "day"),
    sqlite_strict=True,
)
"""How often a code was opened on the hub's own page."""

live_scans_told = Table(
    "live_scans_told",
    metadata,
    Column("code_id", Text, nullable=False),
    Column("store", Text, nullable=False),  # where it was opened
    Column("day", Text, nullable=False),
    Column("scans", WHOLE, nullable=False),
    PrimaryKeyConstraint("code_id", "store", "day"),
    sqlite_strict=True,
)
"""How often stores said that it was opened in their network."""

# ------------------------------------------------------------------------------------------- devices that members joined with

member_devices = Table(
    "member_devices",
    metadata,
    Column("digest", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("digest", "member_id"),
    Index("member_devices_of", "member_id"),
    Index("member_devices_by_time", "at_ms"),
    sqlite_strict=True,
)
"""Keyed digests of the markers of phones, kept for `Policy.device_ms` and in no backup."""

READ_MODELS = (
    sales,
    invites,
    prints,
    takings,
    parked,
    command_results,
    alarms,
    store_drills,
    refunds,
    ceded_refunds,
    z_reports,
    payments,
    gateway_refunds,
    live_scans_told,
)
READ_MODELS_VERSION = "3"
"""Another one whenever a table comes to them, or a kind of fact that was only noted is taken in: then they are rebuilt once."""

APPEND_ONLY = (
    *LEDGER_TRIGGERS,
    *(
        f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{words} never changed'); END"
        for table, words in (("facts", "facts are"), ("audit", "the audit log is"))
        for deed in ("UPDATE", "DELETE")
    ),
)
"""SQLite's guard, for tables that are made at once; steps 2 and 5 make that of PostgreSQL."""
