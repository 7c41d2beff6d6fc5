"""Tables of the book of value and of members. They are state of the hub, not read models: what HQ decides is in them, too.

The book is append-only. The entries, lots and draws of a journal come first, then its row in `ledger_journals`: that insert is
what a trigger holds against the laws (`sync.contract.ledger`), and after it nothing is added to the journal any more. A journal
that never gets its row does not outlive its transaction (a deferred foreign key). `ledger_balances` and `ledger_rests` are kept
by triggers alone.
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
from sqlalchemy import text as sql

from cloud.db.base import WHOLE, metadata

# -------------------------------------------------------------------------------------------------------------- the book

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("last", WHOLE, nullable=False),  # the number of the last journal
    Column("booked", WHOLE, nullable=False),  # the ingest id up to which facts are booked
    sqlite_strict=True,
)
"""One row; who writes to the book holds it until the commit, so that journals are written one after the other."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("journal_id", WHOLE, nullable=False),
    Column("n", WHOLE, nullable=False),
    Column("account", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", WHOLE, nullable=False),
    Column("lots", WHOLE, nullable=False),  # 1: the account is made of lots
    PrimaryKeyConstraint("journal_id", "n"),
    ForeignKeyConstraint(
        ["journal_id"],
        ["ledger_journals.id"],
        name="ledger_entries_journal",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    CheckConstraint("amount <> 0", name="ledger_entries_amount"),
    CheckConstraint(
        "(lots = 1) = (substr(account, 1, 2) IN ('g:', 'e:')"
        " OR (substr(account, 1, 2) = 'm:' AND substr(account, length(account) - 6) = '\\:points'))",
        name="ledger_entries_lots",
    ),
    Index("ledger_entries_by_account", "account", "journal_id"),
    sqlite_strict=True,
)

ledger_lots = Table(
    "ledger_lots",
    metadata,
    Column("account", Text, nullable=False),
    Column("lot_id", Text, nullable=False),  # of where it came from: a piece of it keeps its name on every account
    Column("journal_id", WHOLE, nullable=False),
    Column("qty", WHOLE, nullable=False),
    Column("from_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("source", Text, nullable=False),
    PrimaryKeyConstraint("account", "lot_id"),
    ForeignKeyConstraint(
        ["journal_id"],
        ["ledger_journals.id"],
        name="ledger_lots_journal",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    CheckConstraint("qty > 0", name="ledger_lots_qty"),
    Index("ledger_lots_by_journal", "journal_id"),
    Index("ledger_lots_by_source", "source"),
    sqlite_strict=True,
)

ledger_draws = Table(
    "ledger_draws",
    metadata,
    Column("journal_id", WHOLE, nullable=False),
    Column("n", WHOLE, nullable=False),
    Column("account", Text, nullable=False),
    Column("lot_id", Text, nullable=False),
    Column("qty", WHOLE, nullable=False),  # below zero: given back
    PrimaryKeyConstraint("journal_id", "n"),
    ForeignKeyConstraint(
        ["journal_id"],
        ["ledger_journals.id"],
        name="ledger_draws_journal",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    ForeignKeyConstraint(["account", "lot_id"], ["ledger_lots.account", "ledger_lots.lot_id"]),
    CheckConstraint("qty <> 0", name="ledger_draws_qty"),
    Index("ledger_draws_by_lot", "account", "lot_id"),
    sqlite_strict=True,
)

ledger_journals = Table(
    "ledger_journals",
    metadata,
    Column("id", WHOLE, primary_key=True, autoincrement=False),
    Column("idem", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("reverses", Text, nullable=False),
    Column("store", Text, nullable=False),  # where it happened; empty for HQ
    Column("actor", Text, nullable=False),  # who: an account of HQ, `system`, or `store:<id>`
    Column("reason", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("ingest_id", WHOLE),  # of the fact that it books
    UniqueConstraint("idem"),
    Index("ledger_journals_by_ref", "ref", "kind"),
    Index("ledger_journals_by_fact", "ingest_id"),
    sqlite_strict=True,
)
ledger_journals.add_is_dependent_on(ledger_entries)
ledger_journals.add_is_dependent_on(ledger_lots)
ledger_journals.add_is_dependent_on(ledger_draws)

ledger_balances = Table(
    "ledger_balances",
    metadata,
    Column("account", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("balance", WHOLE, nullable=False),
    sqlite_strict=True,
)

ledger_rests = Table(
    "ledger_rests",
    metadata,
    Column("account", Text, nullable=False),
    Column("lot_id", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("rest", WHOLE, nullable=False),
    PrimaryKeyConstraint("account", "lot_id"),
    CheckConstraint("rest >= 0", name="ledger_rests_rest"),
    Index("ledger_rests_ending", "last_day", sqlite_where=sql("rest > 0"), postgresql_where=sql("rest > 0")),
    sqlite_strict=True,
)
"""How much of each lot is left."""

ledger_risks = Table(
    "ledger_risks",
    metadata,
    Column("post_id", Text, primary_key=True),
    Column("store", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("qty", WHOLE, nullable=False),
    Column("open", WHOLE, nullable=False),  # what was not found in the member's balance since
    Column("cause", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    CheckConstraint("open >= 0 AND open <= qty", name="ledger_risks_open"),
    Index("ledger_risks_open_of", "member_id", sqlite_where=sql("open > 0"), postgresql_where=sql("open > 0")),
    sqlite_strict=True,
)
"""What stores gave without a grant, each with its cause (OFFLINE_RISK)."""

ledger_spends = Table(
    "ledger_spends",
    metadata,
    Column("post_id", Text, nullable=False),
    Column("n", WHOLE, nullable=False),
    Column("ref", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("account", Text, nullable=False),  # empty: what stood as a risk
    Column("lot_id", Text, nullable=False),
    Column("qty", WHOLE, nullable=False),
    Column("back", WHOLE, nullable=False),  # what came back of it
    PrimaryKeyConstraint("post_id", "n"),
    CheckConstraint("back >= 0 AND back <= qty", name="ledger_spends_back"),
    Index("ledger_spends_by_ref", "ref"),
    sqlite_strict=True,
)
"""Where each spend came from, and how much of that came back, so that nothing comes back twice."""

ledger_conflicts = Table(
    "ledger_conflicts",
    metadata,
    Column("ingest_id", WHOLE, nullable=False),
    Column("n", WHOLE, nullable=False),
    Column("kind", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("qty", WHOLE, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("ingest_id", "n"),
    Index("ledger_conflicts_of_member", "member_id"),
    sqlite_strict=True,
)
"""What the book could not take as a store told it, by name; nothing is refused, and nothing is lost."""

ledger_waiting = Table(
    "ledger_waiting",
    metadata,
    Column("ingest_id", WHOLE, primary_key=True, autoincrement=False),
    Column("waits_for", Text, nullable=False),  # `sale:…`, `spend:…`, `invite:…`
    Index("ledger_waiting_for", "waits_for"),
    sqlite_strict=True,
)
"""Facts that speak of something which another store has not sent yet."""

booked_lanes = Table(
    "booked_lanes",
    metadata,
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("seq", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "epoch"),
    sqlite_strict=True,
)
"""Up to which fact of its lane 0 each store is booked."""

member_grants = Table(
    "member_grants",
    metadata,
    Column("grant_id", Text, primary_key=True),
    Column("member_id", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("epoch", WHOLE, nullable=False),
    Column("qty", WHOLE, nullable=False),
    Column("not_after_ms", WHOLE, nullable=False),
    Column("made_ms", WHOLE, nullable=False),
    Column("why", Text, nullable=False),  # visit, ask, home
    Column("state", Text, nullable=False),  # open, recalled, closed
    Column("closed_ms", WHOLE),
    Column("closed_by", Text, nullable=False),  # released, fenced
    CheckConstraint("state IN ('open', 'recalled', 'closed')", name="member_grants_state"),
    Index("member_grants_of_member", "member_id", "state"),
    Index("member_grants_of_store", "store", "state"),
    sqlite_strict=True,
)

# --------------------------------------------------------------------------------------------------------------- members

members = Table(
    "members",
    metadata,
    Column("member_id", Text, primary_key=True),
    Column("joined_ms", WHOLE, nullable=False),
    Column("joined_day", Text, nullable=False),
    Column("home_store", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("code", Text, nullable=False),  # the invite or live code that brought them
    Column("at", Text, nullable=False),
    Column("by_member", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("profiled_ms", WHOLE, nullable=False),
    Column("merged_into", Text, nullable=False),
    Column("merged_ms", WHOLE),
    Column("left_ms", WHOLE),
    Column("staff", WHOLE, nullable=False),
    Index("members_merged", "merged_into"),
    Index("members_brought", "by_member"),
    Index("members_by_joining", "joined_ms"),
    Index("members_by_code", "code"),
    sqlite_strict=True,
)

member_index = Table(
    "member_index",
    metadata,
    Column("kind", Text, nullable=False),  # phone, token, tail
    Column("digest", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    PrimaryKeyConstraint("kind", "digest", "member_id"),
    Index("member_index_of", "member_id"),
    sqlite_strict=True,
)

member_gifts = Table(
    "member_gifts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("member_id", Text, nullable=False),
    sqlite_strict=True,
)
"""For which phones the welcome gift was given: keyed digests under a key of their own. They say only that, and
outlive the member by `Policy.gift_ms`.
"""

member_consents = Table(
    "member_consents",
    metadata,
    Column("member_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("n", WHOLE, nullable=False),  # the ingest id, or below zero for what was said at the hub
    Column("given", WHOLE, nullable=False),
    Column("text", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("store", Text, nullable=False),
    PrimaryKeyConstraint("member_id", "purpose", "at_ms", "n"),
    sqlite_strict=True,
)

member_stores = Table(
    "member_stores",
    metadata,
    Column("store", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("seen_ms", WHOLE, nullable=False),
    PrimaryKeyConstraint("store", "member_id"),
    Index("member_stores_of", "member_id"),
    sqlite_strict=True,
)
"""Whose guest somebody is: these stores have the member's card."""

member_sales = Table(
    "member_sales",
    metadata,
    Column("sale_id", Text, primary_key=True),
    Column("store", Text, nullable=False),
    Column("member_id", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("day", Text, nullable=False),
    Column("hour", WHOLE, nullable=False),
    Column("table_no", Text, nullable=False),
    Column("receipt_no", Text, nullable=False),
    Column("total_fen", WHOLE, nullable=False),
    Index("member_sales_of", "member_id", "at_ms"),
    sqlite_strict=True,
)

member_returns = Table(
    "member_returns",
    metadata,
    Column("refund_id", Text, primary_key=True),
    Column("sale_id", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("amount_fen", WHOLE, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Index("member_returns_of", "sale_id"),
    sqlite_strict=True,
)
"""What went back of sales: of all sales, for whose they were may be told later."""

member_dishes = Table(
    "member_dishes",
    metadata,
    Column("member_id", Text, nullable=False),
    Column("dish_id", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("qty", WHOLE, nullable=False),
    PrimaryKeyConstraint("member_id", "dish_id"),
    sqlite_strict=True,
)
"""What members who agreed to it order most."""

member_referrals = Table(
    "member_referrals",
    metadata,
    Column("friend", Text, primary_key=True),
    Column("referrer", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("flags", Text, nullable=False),  # with spaces between
    Column("bound_ms", WHOLE, nullable=False),
    Column("state", Text, nullable=False),  # bound, cooling, review, rewarded, refused, taken_back
    Column("reason", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("paid_ms", WHOLE),
    Column("due_ms", WHOLE),
    Column("decided_by", Text, nullable=False),
    Column("decided_ms", WHOLE),
    Column("looked", WHOLE, nullable=False),  # 1: a person looked at it and let it pass
    CheckConstraint(
        "state IN ('bound', 'cooling', 'review', 'rewarded', 'refused', 'taken_back')", name="member_referrals_state"
    ),
    Index("member_referrals_by", "referrer", "state"),
    Index("member_referrals_due", "state", "due_ms"),
    Index("member_referrals_sale", "sale_id"),
    sqlite_strict=True,
)

member_merges = Table(
    "member_merges",
    metadata,
    Column("merge_id", Text, primary_key=True),
    Column("loser", Text, nullable=False),
    Column("survivor", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("undone_ms", WHOLE),
    Index("member_merges_of", "loser"),
    Index("member_merges_into", "survivor"),
    sqlite_strict=True,
)

member_claims = Table(
    "member_claims",
    metadata,
    Column("invite_id", Text, primary_key=True),
    Column("member_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("at_ms", WHOLE, nullable=False),
    sqlite_strict=True,
)
"""Receipts that were claimed on the hub's own page before their store told of them."""

member_issues = Table(
    "member_issues",
    metadata,
    Column("issue_id", Text, primary_key=True),
    Column("member_id", Text, nullable=False),
    Column("points", WHOLE, nullable=False),  # below zero: taken away
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_ms", WHOLE, nullable=False),
    Column("state", Text, nullable=False),  # waiting, done, refused
    Column("decided_by", Text, nullable=False),
    Column("decided_ms", WHOLE),
    CheckConstraint("state IN ('waiting', 'done', 'refused')", name="member_issues_state"),
    Index("member_issues_waiting", "state", "asked_ms"),
    Index("member_issues_of", "member_id"),
    sqlite_strict=True,
)
"""Points that HQ gave or took by hand; above a limit a second person says yes or no."""

ledger_proofs = Table(
    "ledger_proofs",
    metadata,
    Column("at_ms", WHOLE, primary_key=True, autoincrement=False),
    Column("ok", WHOLE, nullable=False),
    Column("entries", WHOLE, nullable=False),
    Column("took_ms", WHOLE, nullable=False),
    Column("findings", LargeBinary, nullable=False),  # JSON
    sqlite_strict=True,
)
"""What each night's proof of the book found."""

NAMES = tuple(metadata.tables)
"""Every table that step 11 makes."""
KEPT_BY_TRIGGERS = ("ledger_balances", "ledger_rests")
"""No part of a backup: they come with the entries, lots and draws."""
IN_ORDER = frozenset({"ledger_draws"})
"""Read for a backup in the order of their keys: a lot is given back to only behind what was drawn on it."""

_APPEND_ONLY = ("ledger_journals", "ledger_entries", "ledger_lots", "ledger_draws")
_PARTS = ("ledger_entries", "ledger_lots", "ledger_draws")

LEDGER_TRIGGERS = (
    *(
        f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the book is never changed'); END"
        for table in _APPEND_ONLY
        for deed in ("UPDATE", "DELETE")
    ),
    *(
        f"CREATE TRIGGER {table}_closed BEFORE INSERT ON {table} WHEN EXISTS "  # noqa: S608 - names of our own
        "(SELECT 1 FROM ledger_journals WHERE id = NEW.journal_id) "
        "BEGIN SELECT RAISE(ABORT, 'the journal is closed'); END"
        for table in _PARTS
    ),
    (
        "CREATE TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries BEGIN "
        "INSERT INTO ledger_balances (account, unit, balance) VALUES (NEW.account, NEW.unit, NEW.amount) "
        "ON CONFLICT (account) DO UPDATE SET balance = ledger_balances.balance + NEW.amount; END"
    ),
    (
        "CREATE TRIGGER ledger_lots_rest AFTER INSERT ON ledger_lots BEGIN "
        "INSERT INTO ledger_rests (account, lot_id, last_day, rest) "
        "VALUES (NEW.account, NEW.lot_id, NEW.last_day, NEW.qty); END"
    ),
    (
        "CREATE TRIGGER ledger_draws_rest AFTER INSERT ON ledger_draws BEGIN "
        "UPDATE ledger_rests SET rest = rest - NEW.qty WHERE account = NEW.account AND lot_id = NEW.lot_id; END"
    ),
    (
        "CREATE TRIGGER ledger_journals_hold BEFORE INSERT ON ledger_journals BEGIN "
        "SELECT RAISE(ABORT, 'a journal has entries') "
        "WHERE NOT EXISTS (SELECT 1 FROM ledger_entries WHERE journal_id = NEW.id); "
        "SELECT RAISE(ABORT, 'the journal does not sum to zero') WHERE EXISTS "
        "(SELECT 1 FROM ledger_entries WHERE journal_id = NEW.id GROUP BY unit HAVING sum(amount) <> 0); "
        "SELECT RAISE(ABORT, 'lots and entries of the journal differ') WHERE EXISTS (SELECT account FROM "
        "(SELECT account, amount AS moved FROM ledger_entries WHERE journal_id = NEW.id AND lots = 1 "
        "UNION ALL SELECT account, -qty FROM ledger_lots WHERE journal_id = NEW.id "
        "UNION ALL SELECT account, qty FROM ledger_draws WHERE journal_id = NEW.id) "
        "GROUP BY account HAVING sum(moved) <> 0); END"
    ),
)
"""SQLite's guards of the book, for tables that are made at once; step 11 makes these and those of PostgreSQL."""
