"""Openings of cash drawers: each is tried once or not at all, and its row says what became of it.

`waiting → sending → opened | failed`. A row that is still open when the node starts belongs to a dead process: it failed.
"""

from typing import NamedTuple

from sync.node.database import Reader, Tx

_OPEN = "state IN ('waiting', 'sending')"
_COLUMNS = "job_id, drawer, printer, till, reason, sale_id, actor, state, outcome, created_ms, created_monotonic_ms, settled_ms"


class DrawerJob(NamedTuple):
    """One opening of a drawer: who caused it, why, and at which till; `created_monotonic_ms` means nothing after a restart."""

    job_id: str
    drawer: str
    printer: str
    till: str
    reason: str
    sale_id: str
    actor: str
    state: str
    outcome: str
    created_ms: int
    created_monotonic_ms: int
    settled_ms: int | None


class Wanted(NamedTuple):
    """An opening before it has its row."""

    job_id: str
    drawer: str
    printer: str
    till: str
    reason: str
    sale_id: str
    actor: str


def add(tx: Tx, wanted: Wanted, at_ms: int, monotonic_ms: int) -> None:
    """Ask for a drawer to be opened."""
    tx.execute(
        "INSERT INTO drawer_jobs (job_id, drawer, printer, till, reason, sale_id, actor, state, created_ms,"
        " created_monotonic_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
        (*wanted, at_ms, monotonic_ms),
    )


def by_id(reader: Reader, job_id: str) -> DrawerJob | None:
    """Find an opening."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM drawer_jobs WHERE job_id = ?", (job_id,))  # noqa: S608
    return DrawerJob(*rows[0]) if rows else None


def open_jobs(reader: Reader) -> list[DrawerJob]:
    """List what is not settled, oldest first."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM drawer_jobs WHERE {_OPEN} ORDER BY created_ms")  # noqa: S608
    return [DrawerJob(*row) for row in rows]


def begin(tx: Tx, job_id: str) -> bool:
    """Say durably that the pulse is about to leave; False when somebody else took or settled it."""
    taken = tx.execute(
        "UPDATE drawer_jobs SET state = 'sending' WHERE job_id = ? AND state = 'waiting' RETURNING job_id", (job_id,)
    )
    return bool(taken)


def settle(tx: Tx, job_id: str, state: str, outcome: str, at_ms: int) -> bool:
    """Say what became of an opening; False when that was said before."""
    done = tx.execute(
        f"UPDATE drawer_jobs SET state = ?, outcome = ?, settled_ms = ? WHERE job_id = ? AND {_OPEN}"  # noqa: S608
        " RETURNING job_id",
        (state, outcome, at_ms, job_id),
    )
    return bool(done)
