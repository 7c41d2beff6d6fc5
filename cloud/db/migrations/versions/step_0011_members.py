"""Step 11: the book of value and the members. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0011_members"
down_revision = "0010_money"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEVER = ("ledger_journals", "ledger_entries", "ledger_lots", "ledger_draws")
PARTS = ("ledger_entries", "ledger_lots", "ledger_draws")


def upgrade() -> None:
    """Make the tables, the one row that hands out journals' numbers, and the triggers that hold the book to its laws."""
    _make_book()
    _make_beside()
    _make_people()
    op.execute("INSERT INTO ledger_head (id, last, booked) VALUES (1, 0, 0)")
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
    else:
        _guard_on_postgresql()


def _make_book() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("journal_id", WHOLE, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("amount", WHOLE, nullable=False),
        sa.Column("lots", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "n"),
        sa.ForeignKeyConstraint(
            ["journal_id"],
            ["ledger_journals.id"],
            name="ledger_entries_journal",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.CheckConstraint("amount <> 0", name="ledger_entries_amount"),
        sa.CheckConstraint(
            "(lots = 1) = (substr(account, 1, 2) IN ('g:', 'e:') OR (substr(account, 1, 2) = 'm:' AND substr(account, length(account) - 6) = '\\:points'))",
            name="ledger_entries_lots",
        ),
        sqlite_strict=True,
    )
    op.create_index("ledger_entries_by_account", "ledger_entries", ["account", "journal_id"])
    op.create_table(
        "ledger_lots",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("journal_id", WHOLE, nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.Column("from_day", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "lot_id"),
        sa.ForeignKeyConstraint(
            ["journal_id"],
            ["ledger_journals.id"],
            name="ledger_lots_journal",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.CheckConstraint("qty > 0", name="ledger_lots_qty"),
        sqlite_strict=True,
    )
    op.create_index("ledger_lots_by_journal", "ledger_lots", ["journal_id"])
    op.create_index("ledger_lots_by_source", "ledger_lots", ["source"])
    op.create_table(
        "ledger_draws",
        sa.Column("journal_id", WHOLE, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "n"),
        sa.ForeignKeyConstraint(
            ["journal_id"],
            ["ledger_journals.id"],
            name="ledger_draws_journal",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["account", "lot_id"],
            ["ledger_lots.account", "ledger_lots.lot_id"],
        ),
        sa.CheckConstraint("qty <> 0", name="ledger_draws_qty"),
        sqlite_strict=True,
    )
    op.create_index("ledger_draws_by_lot", "ledger_draws", ["account", "lot_id"])
    op.create_table(
        "ledger_journals",
        sa.Column("id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("idem", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("reverses", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("ingest_id", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idem"),
        sqlite_strict=True,
    )
    op.create_index("ledger_journals_by_fact", "ledger_journals", ["ingest_id"])
    op.create_index("ledger_journals_by_ref", "ledger_journals", ["ref", "kind"])
    op.create_table(
        "ledger_balances",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("balance", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_rests",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Text(), nullable=False),
        sa.Column("rest", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("account", "lot_id"),
        sa.CheckConstraint("rest >= 0", name="ledger_rests_rest"),
        sqlite_strict=True,
    )
    op.create_index(
        "ledger_rests_ending",
        "ledger_rests",
        ["last_day"],
        sqlite_where=sa.text("rest > 0"),
        postgresql_where=sa.text("rest > 0"),
    )


def _make_beside() -> None:
    op.create_table(
        "ledger_head",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("last", WHOLE, nullable=False),
        sa.Column("booked", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_risks",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.Column("open", WHOLE, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("post_id"),
        sa.CheckConstraint("open >= 0 AND open <= qty", name="ledger_risks_open"),
        sqlite_strict=True,
    )
    op.create_index(
        "ledger_risks_open_of",
        "ledger_risks",
        ["member_id"],
        sqlite_where=sa.text("open > 0"),
        postgresql_where=sa.text("open > 0"),
    )
    op.create_table(
        "ledger_spends",
        sa.Column("post_id", sa.Text(), nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.Column("back", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("post_id", "n"),
        sa.CheckConstraint("back >= 0 AND back <= qty", name="ledger_spends_back"),
        sqlite_strict=True,
    )
    op.create_index("ledger_spends_by_ref", "ledger_spends", ["ref"])
    op.create_table(
        "ledger_conflicts",
        sa.Column("ingest_id", WHOLE, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("ingest_id", "n"),
        sqlite_strict=True,
    )
    op.create_index("ledger_conflicts_of_member", "ledger_conflicts", ["member_id"])
    op.create_table(
        "ledger_waiting",
        sa.Column("ingest_id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ingest_id"),
        sqlite_strict=True,
    )
    op.create_index("ledger_waiting_for", "ledger_waiting", ["waits_for"])
    op.create_table(
        "ledger_proofs",
        sa.Column("at_ms", WHOLE, autoincrement=False, nullable=False),
        sa.Column("ok", WHOLE, nullable=False),
        sa.Column("entries", WHOLE, nullable=False),
        sa.Column("took_ms", WHOLE, nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("at_ms"),
        sqlite_strict=True,
    )
    op.create_table(
        "booked_lanes",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "member_grants",
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("epoch", WHOLE, nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.Column("not_after_ms", WHOLE, nullable=False),
        sa.Column("made_ms", WHOLE, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_ms", WHOLE, nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("grant_id"),
        sa.CheckConstraint("state IN ('open', 'recalled', 'closed')", name="member_grants_state"),
        sqlite_strict=True,
    )
    op.create_index("member_grants_of_member", "member_grants", ["member_id", "state"])
    op.create_index("member_grants_of_store", "member_grants", ["store", "state"])


def _make_people() -> None:
    op.create_table(
        "member_claims",
        sa.Column("invite_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("invite_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "member_consents",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("given", WHOLE, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "purpose", "at_ms", "n"),
        sqlite_strict=True,
    )
    op.create_table(
        "member_dishes",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("dish_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("qty", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("member_id", "dish_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "member_gifts",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "member_index",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest", "member_id"),
        sqlite_strict=True,
    )
    op.create_index("member_index_of", "member_index", ["member_id"])
    op.create_table(
        "member_issues",
        sa.Column("issue_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("points", WHOLE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_ms", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_ms", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("issue_id"),
        sa.CheckConstraint("state IN ('waiting', 'done', 'refused')", name="member_issues_state"),
        sqlite_strict=True,
    )
    op.create_index("member_issues_of", "member_issues", ["member_id"])
    op.create_index("member_issues_waiting", "member_issues", ["state", "asked_ms"])
    op.create_table(
        "member_merges",
        sa.Column("merge_id", sa.Text(), nullable=False),
        sa.Column("loser", sa.Text(), nullable=False),
        sa.Column("survivor", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("undone_ms", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("merge_id"),
        sqlite_strict=True,
    )
    op.create_index("member_merges_into", "member_merges", ["survivor"])
    op.create_index("member_merges_of", "member_merges", ["loser"])
    op.create_table(
        "member_referrals",
        sa.Column("friend", sa.Text(), nullable=False),
        sa.Column("referrer", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("bound_ms", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("paid_ms", WHOLE, nullable=True),
        sa.Column("due_ms", WHOLE, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_ms", WHOLE, nullable=True),
        sa.Column("looked", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("friend"),
        sa.CheckConstraint(
            "state IN ('bound', 'cooling', 'review', 'rewarded', 'refused', 'taken_back')",
            name="member_referrals_state",
        ),
        sqlite_strict=True,
    )
    op.create_index("member_referrals_by", "member_referrals", ["referrer", "state"])
    op.create_index("member_referrals_due", "member_referrals", ["state", "due_ms"])
    op.create_index("member_referrals_sale", "member_referrals", ["sale_id"])
    op.create_table(
        "member_returns",
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("amount_fen", WHOLE, nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("refund_id"),
        sqlite_strict=True,
    )
    op.create_index("member_returns_of", "member_returns", ["sale_id"])
    op.create_table(
        "member_sales",
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("hour", WHOLE, nullable=False),
        sa.Column("table_no", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("total_fen", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("sale_id"),
        sqlite_strict=True,
    )
    op.create_index("member_sales_of", "member_sales", ["member_id", "at_ms"])
    op.create_table(
        "member_stores",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("seen_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("store", "member_id"),
        sqlite_strict=True,
    )
    op.create_index("member_stores_of", "member_stores", ["member_id"])
    op.create_table(
        "members",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("joined_ms", WHOLE, nullable=False),
        sa.Column("joined_day", sa.Text(), nullable=False),
        sa.Column("home_store", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("by_member", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("profiled_ms", WHOLE, nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=False),
        sa.Column("merged_ms", WHOLE, nullable=True),
        sa.Column("left_ms", WHOLE, nullable=True),
        sa.Column("staff", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("member_id"),
        sqlite_strict=True,
    )
    op.create_index("members_brought", "members", ["by_member"])
    op.create_index("members_by_code", "members", ["code"])
    op.create_index("members_by_joining", "members", ["joined_ms"])
    op.create_index("members_merged", "members", ["merged_into"])


def _guard_on_sqlite() -> None:
    for table in NEVER:
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the book is never changed'); END"
            )
    for table in PARTS:
        op.execute(
            f"CREATE TRIGGER {table}_closed BEFORE INSERT ON {table} WHEN EXISTS "  # noqa: S608 - names of our own
            "(SELECT 1 FROM ledger_journals WHERE id = NEW.journal_id) "
            "BEGIN SELECT RAISE(ABORT, 'the journal is closed'); END"
        )
    op.execute(
        "CREATE TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries BEGIN "
        "INSERT INTO ledger_balances (account, unit, balance) VALUES (NEW.account, NEW.unit, NEW.amount) "
        "ON CONFLICT (account) DO UPDATE SET balance = ledger_balances.balance + NEW.amount; END"
    )
    op.execute(
        "CREATE TRIGGER ledger_lots_rest AFTER INSERT ON ledger_lots BEGIN "
        "INSERT INTO ledger_rests (account, lot_id, last_day, rest) "
        "VALUES (NEW.account, NEW.lot_id, NEW.last_day, NEW.qty); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_draws_rest AFTER INSERT ON ledger_draws BEGIN "
        "UPDATE ledger_rests SET rest = rest - NEW.qty WHERE account = NEW.account AND lot_id = NEW.lot_id; END"
    )
    op.execute(
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
    )


def _guard_on_postgresql() -> None:
    for table in PARTS:
        # Beside the tables: each of the two needs the other one.
        op.create_foreign_key(
            f"{table}_journal", table, "ledger_journals", ["journal_id"], ["id"], deferrable=True, initially="DEFERRED"
        )
    _function("ledger_never_changes", "RAISE EXCEPTION 'the book is never changed';")
    for table in NEVER:
        for deed in ("UPDATE", "DELETE", "TRUNCATE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ledger_never_changes()"
            )
    _function(
        "ledger_closed",
        "IF EXISTS (SELECT 1 FROM ledger_journals WHERE id = NEW.journal_id) THEN "
        "RAISE EXCEPTION 'the journal is closed'; END IF; RETURN NEW;",
    )
    for table in PARTS:
        op.execute(
            f"CREATE TRIGGER {table}_closed BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION ledger_closed()"
        )
    _function(
        "ledger_entries_balance",
        "INSERT INTO ledger_balances (account, unit, balance) VALUES (NEW.account, NEW.unit, NEW.amount) "
        "ON CONFLICT (account) DO UPDATE SET balance = ledger_balances.balance + NEW.amount; RETURN NULL;",
    )
    _function(
        "ledger_lots_rest",
        "INSERT INTO ledger_rests (account, lot_id, last_day, rest) "
        "VALUES (NEW.account, NEW.lot_id, NEW.last_day, NEW.qty); RETURN NULL;",
    )
    _function(
        "ledger_draws_rest",
        "UPDATE ledger_rests SET rest = rest - NEW.qty WHERE account = NEW.account AND lot_id = NEW.lot_id; "
        "RETURN NULL;",
    )
    for name in ("ledger_entries_balance", "ledger_lots_rest", "ledger_draws_rest"):
        table = name.rpartition("_")[0]
        op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    _function(
        "ledger_journals_hold",
        "IF NOT EXISTS (SELECT 1 FROM ledger_entries WHERE journal_id = NEW.id) THEN "
        "RAISE EXCEPTION 'a journal has entries'; END IF; "
        "IF EXISTS (SELECT 1 FROM ledger_entries WHERE journal_id = NEW.id GROUP BY unit HAVING sum(amount) <> 0) THEN "
        "RAISE EXCEPTION 'the journal does not sum to zero'; END IF; "
        "IF EXISTS (SELECT account FROM "
        "(SELECT account, amount AS moved FROM ledger_entries WHERE journal_id = NEW.id AND lots = 1 "
        "UNION ALL SELECT account, -qty FROM ledger_lots WHERE journal_id = NEW.id "
        "UNION ALL SELECT account, qty FROM ledger_draws WHERE journal_id = NEW.id) AS parts "
        "GROUP BY account HAVING sum(moved) <> 0) THEN "
        "RAISE EXCEPTION 'lots and entries of the journal differ'; END IF; RETURN NEW;",
    )
    op.execute(
        "CREATE TRIGGER ledger_journals_hold BEFORE INSERT ON ledger_journals "
        "FOR EACH ROW EXECUTE FUNCTION ledger_journals_hold()"
    )


def _function(name: str, body: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
