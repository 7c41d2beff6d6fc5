"""Step 7: drills and backups. A released step is never edited; a change is a new step."""

revision = "0007_backups"
down_revision = "0006_uplane"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
