"""Step 5: users, roles and the audit log. A released step is never edited; a change is a new step."""

revision = "0005_accounts"
down_revision = "0004_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
