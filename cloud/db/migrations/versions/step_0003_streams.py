"""Step 3: down streams: snapshots and who holds what. A released step is never edited; a change is a new step."""

revision = "0003_streams"
down_revision = "0002_workers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
