"""Apply named schema steps once, in order (sqlite-utils' `Migrations`), and judge whether this code may run on a newer file.

A roll-back to the version before must not cost a sale, so a step says whether older code may go on beside it. An **additive** step

* only adds tables, indexes, and columns that are nullable or have a default;
* brings no fact that changes a table which older code keeps: its new kinds of facts write to tables of their own.

The file records that word before the step is applied, so that code which never heard of the step can read it. Older code then
runs on the file as it is, keeps what it does not know, and notes that the new tables miss what happens meanwhile; the newer
code, when it comes back, fills them from the journal.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# The database module puts the right SQLite driver in place, so it is imported before sqlite-utils.
from sync.node import database  # isort: skip
import sqlite_utils
from sqlite_utils.migrations import Migrations

from sync.node.database import Reader, Tx

Apply = Callable[[sqlite_utils.Database], None]
Fill = Callable[[Tx], None]

_PROMISES = """
CREATE TABLE IF NOT EXISTS additive_steps (
    migration_set TEXT NOT NULL, name TEXT NOT NULL, missed INTEGER NOT NULL, PRIMARY KEY (migration_set, name)
) STRICT
"""

log = logging.getLogger(__name__)


class NewerDatabaseError(RuntimeError):
    """The file was written by newer code; running older code on it could lose what it does not know."""


class Steps(Migrations):
    """The steps of one schema. `@steps(name=…)` is a step that older code must not run beside; see `additive`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.fills: dict[str, Fill] = {}

    def additive(self, *, name: str, fill: Fill) -> Callable[[Apply], Apply]:
        """Declare an additive step.

        Args:
            name: as of any step; a released one is never edited.
            fill: makes the step's tables say what the journal says, whatever they said before. It runs in a transaction of its
                own after the step, and again after older code has run on the file.
        """
        self.fills[name] = fill
        return self(name=name)


def apply(raw: Any, steps: Migrations) -> list[str]:  # noqa: ANN401 - the driver has no types
    """Apply to a raw connection the steps that the file lacks, each in a transaction with its own record.

    Killed anywhere, it goes on at the next call where it was.

    Returns:
        The names applied now.

    Raises:
        NewerDatabaseError: the file has a step that this code does not know and may not run beside.
    """
    db = sqlite_utils.Database(raw)
    pending = [step.name for step in steps.pending(db)]
    known = _known(steps)
    tx = database.tx_of(raw)
    if newer := [step.name for step in steps.applied(db) if step.name not in known]:
        _stay_beside(tx, steps.name, newer)
    fills = steps.fills if isinstance(steps, Steps) else {}
    if promised := [(steps.name, name) for name in pending if name in fills]:
        # Before the step itself: a word for a step that is not there yet harms nobody, a step without its word does.
        tx.execute(_PROMISES)
        tx.executemany("INSERT OR IGNORE INTO additive_steps (migration_set, name, missed) VALUES (?, ?, 1)", promised)
    steps.apply(db)
    for name in _missed(tx, steps.name):
        if name in fills:
            _fill(raw, steps.name, name, fills[name])
    return pending


def lacking(raw: Any, steps: Migrations) -> list[str]:  # noqa: ANN401 - the driver has no types
    """Name the steps that a file lacks; none for a file that is new, since nothing in it can be lost."""
    db = sqlite_utils.Database(raw)
    return [step.name for step in steps.pending(db)] if steps.applied(db) else []


def beyond(reader: Reader, steps: Migrations) -> list[str]:
    """Name the applied steps that this code does not know."""
    known = _known(steps)
    return [name for name in _applied(reader, steps) if name not in known]


def last(reader: Reader, steps: Migrations) -> str:
    """Name the last step of a file, known or not; empty for a file without any."""
    return next(reversed(_applied(reader, steps)), "")


def opened(path: Path, steps: Migrations, before: Callable[[], object] | None = None) -> database.Database:
    """Open a node's file: refuse an unsafe SQLite, apply the steps, start the writer.

    Args:
        path: the file.
        steps: the schema of this code.
        before: called before the first step when the file holds something already: keeps a copy. What it raises ends the
            opening with the file as it was.

    Raises:
        UnsafeSqliteError: the SQLite at hand is below 3.51.3.
        NewerDatabaseError: the file is newer than the code, and the code may not run beside what is new.
    """
    database.refuse_unsafe()
    raw = database.connect(path)
    try:
        if before is not None and lacking(raw, steps):
            before()
        apply(raw, steps)
    finally:
        raw.close()
    return database.Database(path)


def inline(steps: Migrations) -> database.InlineDatabase:
    """Open a database in memory for a one-threaded simulation."""
    made = database.InlineDatabase()
    apply(made.raw, steps)
    return made


@contextlib.contextmanager
def scratch(steps: Migrations) -> Iterator[database.Tx]:
    """Lend a migrated database in memory, for a rebuild that is compared and thrown away."""
    made = inline(steps)
    try:
        yield made.tx
    finally:
        made.close()


def _known(steps: Migrations) -> set[str]:
    return {step.name for step in steps.pending(sqlite_utils.Database(memory=True))}


def _applied(reader: Reader, steps: Migrations) -> list[str]:
    if not reader.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (steps.migrations_table,)):
        return []
    rows = reader.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY id", (steps.name,))
    return [str(row[0]) for row in rows]


def _stay_beside(tx: Tx, set_name: str, newer: list[str]) -> None:
    promised = set(_promised(tx, set_name))
    closed = [name for name in newer if name not in promised]
    if closed:
        raise NewerDatabaseError(
            f"this database has the step {closed[-1]!r} that this version does not know and must not run beside; "
            "install the newer version again, or restore the copy that was made before the upgrade"
        )
    log.warning("schema.beside_newer", extra={"steps": newer})
    tx.executemany(
        "UPDATE additive_steps SET missed = 1 WHERE migration_set = ? AND name = ?",
        [(set_name, name) for name in newer],
    )


def _promised(tx: Tx, set_name: str, where: str = "") -> list[str]:
    if not tx.execute("SELECT 1 FROM sqlite_schema WHERE name = 'additive_steps'"):
        return []
    query = f"SELECT name FROM additive_steps WHERE migration_set = ? {where} ORDER BY rowid"  # noqa: S608 - our own text
    return [str(row[0]) for row in tx.execute(query, (set_name,))]


def _missed(tx: Tx, set_name: str) -> list[str]:
    return _promised(tx, set_name, "AND missed = 1")


def _fill(raw: Any, set_name: str, name: str, fill: Fill) -> None:  # noqa: ANN401 - the driver has no types
    tx = database.tx_of(raw)
    tx.execute("BEGIN IMMEDIATE")
    try:
        fill(tx)
        tx.execute("UPDATE additive_steps SET missed = 0 WHERE migration_set = ? AND name = ?", (set_name, name))
    except BaseException:
        tx.execute("ROLLBACK")
        raise
    tx.execute("COMMIT")
