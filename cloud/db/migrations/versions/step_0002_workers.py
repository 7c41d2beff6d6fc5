"""Step 2: leases of partitions. A released step is never edited; a change is a new step."""

revision = "0002_workers"
down_revision = "0001_spine"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
