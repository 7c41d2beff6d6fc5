"""Step 6: late facts, admission and alarms. A released step is never edited; a change is a new step."""

revision = "0006_uplane"
down_revision = "0005_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
