"""Apply named schema steps once, in order (sqlite-utils' `Migrations`), and refuse a file newer than the code."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The database module puts the right SQLite driver in place, so it is imported before sqlite-utils.
from sync.node import database  # isort: skip
import sqlite_utils
from sqlite_utils.migrations import Migrations


class NewerDatabaseError(RuntimeError):
    """The file was written by newer code; running older code on it could lose what it does not know."""


def apply(raw: Any, steps: Migrations) -> list[str]:  # noqa: ANN401 - the driver has no types
    """Apply to a raw connection the steps that the file lacks, each in a transaction with its own record.

    Returns:
        The names applied now.

    Raises:
        NewerDatabaseError: the file has a step that this code does not know.
    """
    db = sqlite_utils.Database(raw)
    pending = [step.name for step in steps.pending(db)]
    known = {step.name for step in steps.pending(sqlite_utils.Database(memory=True))}
    newer = [step.name for step in steps.applied(db) if step.name not in known]
    if newer:
        message = f"this database has the step {newer[-1]!r} that this version does not know; install the newer version"
        raise NewerDatabaseError(message)
    steps.apply(db)
    return pending


def opened(path: Path, steps: Migrations) -> database.Database:
    """Open a node's file: refuse an unsafe SQLite, apply the steps, start the writer.

    Raises:
        UnsafeSqliteError: the SQLite at hand is below 3.51.3.
        NewerDatabaseError: the file is newer than the code.
    """
    database.refuse_unsafe()
    raw = database.connect(path)
    try:
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
