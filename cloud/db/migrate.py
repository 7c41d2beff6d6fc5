"""Brings a database to the schema of this code, step by step, and refuses one that is newer than the code."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from cloud.db.engine import HubDatabase, Tx, refusals_as_sentences
from cloud.db.member_tables import ledger_head
from cloud.db.schema import APPEND_ONLY, JOBS_SLOT, audit_head, ingest_head, leases, metadata
from cloud.domain.audit_chain import GENESIS


class NewerDatabaseError(RuntimeError):
    """The database was written by newer code; older code could lose what it does not know."""


def migrate(database: HubDatabase, upto: str | None = None) -> str:
    """Apply the steps that the database lacks, all in one transaction.

    Args:
        database: the database.
        upto: the step to stop at, for rows that were kept from there; without one, all of them.

    Returns:
        The name of the last step.

    Raises:
        NewerDatabaseError: the database, or `upto`, is a step that this code does not know.
        BadDatabase: the server does not let this user make tables.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    script = ScriptDirectory.from_config(config)
    head = upto or script.get_current_head()
    assert head is not None
    # Alone and patient: of several processes that start at once, one migrates and the others wait for it.
    with refusals_as_sentences(database), database.write(patient=True) as tx:
        applied = MigrationContext.configure(tx.connection).get_current_revision()
        known = {revision.revision for revision in script.walk_revisions()}
        newer = next((step for step in (applied, head) if step is not None and step not in known), None)
        if newer is not None:
            raise NewerDatabaseError(
                f"this database has the step {newer!r} that this version does not know; install the newer version, or put "
                "the backup that was made before it in its place: `zhanggui-hub restore --from …`"
            )
        if applied != head:
            _upgrade(tx, config, script, head)
    return head


def create_all(tx: Tx) -> None:
    """Make the tables of this code at once, for a database that is thrown away: a rebuild, a simulation, a test."""
    metadata.create_all(tx.connection)
    if tx.connection.dialect.name == "sqlite":
        for trigger in APPEND_ONLY:
            tx.connection.exec_driver_sql(trigger)
    tx.run(ingest_head.insert(), {"id": 1, "last": 0})
    tx.run(leases.insert(), [{"slot": slot, "holder": "", "fence": 0, "until_ms": 0} for slot in range(JOBS_SLOT + 1)])
    tx.run(audit_head.insert(), {"id": 1, "n": 0, "chain": GENESIS})
    tx.run(ledger_head.insert(), {"id": 1, "last": 0, "booked": 0})


def _upgrade(tx: Tx, config: Config, script: ScriptDirectory, head: str) -> None:
    def steps(revision: Any, _context: MigrationContext) -> Any:  # noqa: ANN401 - Alembic's own shapes
        return script._upgrade_revs(head, revision)  # noqa: SLF001 - what Alembic's own upgrade command calls

    with EnvironmentContext(config, script, fn=steps, destination_rev=head) as environment:
        environment.configure(connection=tx.connection, target_metadata=metadata, transactional_ddl=True)
        environment.run_migrations()
