"""Step 4: the hub's CA and stores' certificates. A released step is never edited; a change is a new step."""

revision = "0004_keys"
down_revision = "0003_streams"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what this step brings."""
