"""Step 5: users, roles and the audit log. A released step is never edited; a change is a new step."""

import sqlalchemy as sa
from alembic import op

revision = "0005_accounts"
down_revision = "0004_keys"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GENESIS = "be2325c287be353694f1a5ba81d75dd2a00a36b4738ff8d9914aa895e5596667"


def upgrade() -> None:
    """Turn the one account into users with roles, and begin the audit log."""
    _make_users()
    _make_log()


def _make_users() -> None:
    op.create_table(
        "users",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("password_due", WHOLE, nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=True),
        sa.Column("totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", WHOLE, nullable=False),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.Column("seen_ms", WHOLE, nullable=True),
        sa.Column("disabled_ms", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("account"),
        sqlite_strict=True,
    )
    # Its password is the one in the file, which therefore counts as applied.
    op.execute(
        "INSERT INTO users (account, name, role, password_hash, password_due, file_hash, totp_step, created_ms) "
        "SELECT 'admin', 'admin', 'admin', password_hash, 0, password_hash, 0, 0 FROM accounts"
    )
    # Whoever was signed in signs in again: a session now knows more.
    op.drop_table("sessions")
    op.drop_table("accounts")
    op.create_table(
        "recovery_codes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_ms", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["users.account"]),
        sa.PrimaryKeyConstraint("account", "code_hash"),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("created_ms", WHOLE, nullable=False),
        sa.Column("used_ms", WHOLE, nullable=False),
        sa.Column("sure_ms", WHOLE, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("draft", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["users.account"]),
        sa.PrimaryKeyConstraint("token_hash"),
        sqlite_strict=True,
    )
    op.create_index("sessions_by_account", "sessions", ["account"], unique=False)
    op.create_table(
        "signin_tries",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("wrong", WHOLE, nullable=False),
        sa.Column("last_ms", WHOLE, nullable=False),
        sa.Column("until_ms", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("account", "place"),
        sqlite_strict=True,
    )
    op.create_index("signin_tries_by_time", "signin_tries", ["last_ms"], unique=False)


def _make_log() -> None:
    op.create_table(
        "audit",
        sa.Column("n", WHOLE, autoincrement=False, nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_strict=True,
    )
    op.create_index("audit_by_actor", "audit", ["actor", "n"], unique=False)
    op.create_index("audit_by_action", "audit", ["action", "n"], unique=False)
    op.create_index("audit_by_time", "audit", ["at_ms"], unique=False)
    head = op.create_table(
        "audit_head",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"id": 1, "n": 0, "chain": bytes.fromhex(GENESIS)}])
    op.create_table(
        "audit_checkpoints",
        sa.Column("k", WHOLE, autoincrement=False, nullable=False),
        sa.Column("n", WHOLE, nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", WHOLE, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("k"),
        sqlite_strict=True,
    )
    for deed in ("UPDATE", "DELETE"):
        _refuse(deed)


def _refuse(deed: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER audit_no_{deed.lower()} BEFORE {deed} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION audit_no_{deed.lower()}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is never changed'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER audit_no_{deed.lower()} BEFORE {deed} ON audit "
        f"FOR EACH ROW EXECUTE FUNCTION audit_no_{deed.lower()}()"
    )
