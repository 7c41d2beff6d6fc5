"""The spool: every slip that must reach paper, in order, with the state it is in (`reference` drivers §5.6).

`queued → claimed → sending → sent → confirmed`; side exits `held` (nothing was handed over) and `unknown` (something
was, and no word came). `sending` is committed before the first byte, so that after a crash nothing that may lie on
paper looks as if it did not.
"""

from typing import NamedTuple

from sync.node.database import Reader, Tx

WAITING = "('queued','claimed','held')"
_OPEN = "state NOT IN ('confirmed','discarded')"
"""Word for word the condition of the index `print_jobs_open`: SQLite uses a partial index only for a query that states
its condition, and without it every slip ever printed is looked at for the next one."""
_COLUMNS = "job_id, position, document, subject, label, state, reason, copy, attempt, created_ms"


class Job(NamedTuple):
    """A slip on its way to paper; `copy` 0 is the original, from 1 on the slip says 补打/REPRINT."""

    job_id: str
    position: int
    document: str
    subject: str
    label: str
    state: str
    reason: str
    copy: int
    attempt: int
    created_ms: int


def add(tx: Tx, job: tuple[str, str, str, str], copy: int, at_ms: int) -> None:
    """Queue a slip behind all others.

    Args:
        job: job id, document kind, subject, label for the screen.
    """
    tx.execute(
        "INSERT INTO print_jobs (job_id, document, subject, label, state, copy, created_ms, position)"
        " VALUES (?, ?, ?, ?, 'queued', ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM print_jobs))",
        (*job, copy, at_ms),
    )


def next_waiting(reader: Reader) -> Job | None:
    """Find the oldest slip that the printer may take: queued, or held for something that may be mended by now."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state IN {WAITING} ORDER BY position LIMIT 1"  # noqa: S608
    )
    return Job(*rows[0]) if rows else None


def by_id(reader: Reader, job_id: str) -> Job | None:
    """Find a slip."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM print_jobs WHERE job_id = ?", (job_id,))  # noqa: S608
    return Job(*rows[0]) if rows else None


def of_subject(reader: Reader, subject: str) -> list[Job]:
    """List the slips of a sale, oldest first."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM print_jobs WHERE subject = ? ORDER BY position", (subject,))  # noqa: S608
    return [Job(*row) for row in rows]


def open_jobs(reader: Reader, limit: int) -> list[Job]:
    """List what is not settled, oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} ORDER BY position LIMIT ?",  # noqa: S608
        (limit,),
    )
    return [Job(*row) for row in rows]


def counts(reader: Reader) -> tuple[int, int]:
    """Give how many slips wait for the printer and how many wait for a person."""
    [(waiting, parked)] = reader.execute(
        f"SELECT count(*) FILTER (WHERE state <> 'unknown'), count(*) FILTER (WHERE state = 'unknown')"  # noqa: S608
        f" FROM print_jobs WHERE {_OPEN}"
    )
    return int(waiting), int(parked)


def left_in_hand(reader: Reader) -> list[Job]:
    """List what a dead process left in the middle: bytes may lie on paper."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state IN ('sending','sent') ORDER BY position"  # noqa: S608
    )
    return [Job(*row) for row in rows]


def set_state(tx: Tx, job_id: str, state: str, reason: str, at_ms: int) -> None:
    """Move a slip to a state with the reason a person reads."""
    settled_ms = at_ms if state in {"confirmed", "discarded"} else None
    tx.execute(
        "UPDATE print_jobs SET state = ?, reason = ?, settled_ms = ? WHERE job_id = ?",
        (state, reason, settled_ms, job_id),
    )


def begin_attempt(tx: Tx, job_id: str) -> bool:
    """Say durably that the first byte is about to go out; False when a person settled the slip meanwhile."""
    taken = tx.execute(
        "UPDATE print_jobs SET state = 'sending', reason = '', attempt = attempt + 1"  # noqa: S608
        f" WHERE job_id = ? AND state IN {WAITING} RETURNING job_id",
        (job_id,),
    )
    return bool(taken)


def put_back(tx: Tx, job_id: str, state: str, reason: str) -> None:
    """Return a slip from the queue's hands to the state it was taken in; one that was discarded meanwhile stays so."""
    tx.execute(
        "UPDATE print_jobs SET state = ?, reason = ?"
        " WHERE job_id = ? AND state IN ('queued', 'claimed', 'held', 'sending', 'sent')",
        (state, reason, job_id),
    )


def requeue_marked(tx: Tx, job_id: str, copy: int) -> None:
    """Queue a slip again at its old place, now as a marked copy."""
    tx.execute("UPDATE print_jobs SET state = 'queued', reason = '', copy = ? WHERE job_id = ?", (copy, job_id))


def next_copy(reader: Reader, subject: str) -> int:
    """Give the copy number that the next marked slip of a subject must carry, from 1."""
    [(last,)] = reader.execute("SELECT max(copy) FROM print_jobs WHERE subject = ?", (subject,))
    return int(last or 0) + 1


def contradicting(reader: Reader) -> list[tuple[str, int]]:
    """List slips whose row says something else than the facts: (job id, seq of the lane 1 fact).

    A slip that a fact calls printed or discarded must still be that, under the same copy number; one that may be on
    paper must wait for a person or carry a higher copy number, or it would be repeated without its mark.
    """
    rows = reader.execute(
        "SELECT prints.job_id, prints.seq FROM prints LEFT JOIN print_jobs USING (job_id)"
        " WHERE print_jobs.job_id IS NULL OR print_jobs.copy < prints.copy"
        " OR (prints.state IN ('confirmed', 'discarded')"
        "     AND (print_jobs.state <> prints.state OR print_jobs.copy <> prints.copy))"
        " OR (prints.state = 'unknown' AND print_jobs.state NOT IN ('unknown', 'discarded')"
        "     AND print_jobs.copy = prints.copy)"
        " ORDER BY prints.seq"
    )
    return [(job_id, seq) for job_id, seq in rows]
