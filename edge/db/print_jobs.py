"""The spool: every slip that must reach paper, in order, with the state it is in (`reference` drivers §5.6).

`queued → claimed → sending → sent → confirmed`; side exits `held` (nothing was handed over; with `asked` 1 it waits for a
person) and `unknown` (something was, and no word came). `sending` is committed before the first byte, so that after a crash nothing that may lie on
paper looks as if it did not.
"""

from typing import NamedTuple

from sync.node.database import Reader, Tx

WAITING = "('queued','claimed','held')"
_OPEN = "state NOT IN ('confirmed','discarded')"
"""Word for word the condition of the index `print_jobs_open`: SQLite uses a partial index only for a query that states
its condition, and without it every slip ever printed is looked at for the next one."""
_COLUMNS = "job_id, position, document, subject, label, state, reason, copy, attempt, created_ms, station, printer, moved_from, asked"
ASKING = 1
ANSWERED = 2


class Job(NamedTuple):
    """A slip on its way to paper.

    `copy` 0 is the original, from 1 on the slip says 补打/REPRINT. `printer` is the printer that has it now, empty for one of
    the time when there was one printer only; `moved_from` the one that it was meant for. `asked` is 0 until a person is asked
    about it, then 1, and 2 once the person said that it is wanted.
    """

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
    station: str
    printer: str
    moved_from: str
    asked: int


class NewSlip(NamedTuple):
    """A slip before it has its place: what it is, of what, what screens call it, for which station, at which printer."""

    job_id: str
    document: str
    subject: str
    label: str
    station: str
    printer: str


def add(tx: Tx, slip: NewSlip, copy: int, at_ms: int) -> None:
    """Queue a slip behind all others."""
    tx.execute(
        "INSERT INTO print_jobs (job_id, document, subject, label, station, printer, state, copy, created_ms, position)"
        " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM print_jobs))",
        (*slip, copy, at_ms),
    )


def next_waiting(reader: Reader, printers: tuple[str, str]) -> Job | None:
    """Find the oldest slip that a printer may take: queued, or held for something that may be mended by now.

    Args:
        printers: the printer's id, twice, or with the empty id when it also prints the slips of before there were many.
    """
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state IN {WAITING} AND asked <> {ASKING}"  # noqa: S608
        " AND printer IN (?, ?) ORDER BY position LIMIT 1",
        printers,
    )
    return Job(*rows[0]) if rows else None


def waiting_at(reader: Reader, printers: tuple[str, str]) -> list[Job]:
    """List what waits at a printer and asks nobody, oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state IN {WAITING} AND asked <> {ASKING}"  # noqa: S608
        " AND printer IN (?, ?) ORDER BY position",
        printers,
    )
    return [Job(*row) for row in rows]


def asking(reader: Reader, reason: str) -> list[Job]:
    """List what waits for a person for a reason, oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state = 'held' AND asked = {ASKING} AND reason = ?"  # noqa: S608
        " ORDER BY position",
        (reason,),
    )
    return [Job(*row) for row in rows]


def waiting_anywhere(reader: Reader) -> list[Job]:
    """List what waits for any printer, oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM print_jobs WHERE {_OPEN} AND state IN {WAITING} ORDER BY position"  # noqa: S608
    )
    return [Job(*row) for row in rows]


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
    """Give how many slips wait for a printer and how many wait for a person."""
    person = f"state = 'unknown' OR (state = 'held' AND asked = {ASKING})"
    [(waiting, parked)] = reader.execute(
        f"SELECT count(*) FILTER (WHERE NOT ({person})), count(*) FILTER (WHERE {person})"  # noqa: S608
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


def ask(tx: Tx, job_id: str, reason: str) -> bool:
    """Hold a slip until a person says what to do with it; False when it does not wait any more."""
    held = tx.execute(
        f"UPDATE print_jobs SET state = 'held', reason = ?, asked = {ASKING}"  # noqa: S608
        f" WHERE job_id = ? AND state IN {WAITING} RETURNING job_id",
        (reason, job_id),
    )
    return bool(held)


def release(tx: Tx, job_id: str, asked: int) -> None:
    """Let a held slip wait for its printer again, at its old place."""
    tx.execute(
        "UPDATE print_jobs SET state = 'queued', reason = '', asked = ? WHERE job_id = ? AND state = 'held'",
        (asked, job_id),
    )


def begin_attempt(tx: Tx, job: Job) -> bool:
    """Say durably that the first byte is about to go out.

    False when the slip is no more what it was when it was taken: a person settled it, or it went to another printer, or
    another task has it. Then nothing may be sent of it.
    """
    taken = tx.execute(
        "UPDATE print_jobs SET state = 'sending', reason = '', attempt = attempt + 1"  # noqa: S608
        f" WHERE job_id = ? AND state IN {WAITING} AND asked <> {ASKING}"
        " AND copy = ? AND printer = ? AND moved_from = ? RETURNING job_id",
        (job.job_id, job.copy, job.printer, job.moved_from),
    )
    return bool(taken)


def put_back(tx: Tx, job_id: str, state: str, reason: str) -> None:
    """Return a slip from the queue's hands to the state it was taken in; one that was discarded meanwhile stays so."""
    tx.execute(
        "UPDATE print_jobs SET state = ?, reason = ?"  # noqa: S608
        f" WHERE job_id = ? AND state IN ('queued', 'claimed', 'held', 'sending', 'sent') AND asked <> {ASKING}",
        (state, reason, job_id),
    )


def requeue_marked(tx: Tx, job_id: str, copy: int, asked: int = ANSWERED) -> None:
    """Queue a slip again at its old place, now as a marked copy."""
    tx.execute(
        "UPDATE print_jobs SET state = 'queued', reason = '', copy = ?, asked = ? WHERE job_id = ?",
        (copy, asked, job_id),
    )


def move(tx: Tx, job: Job, printer: str, moved_from: str) -> None:
    """Give a slip to another printer, at its old place."""
    tx.execute("UPDATE print_jobs SET printer = ?, moved_from = ? WHERE job_id = ?", (printer, moved_from, job.job_id))


def handed(tx: Tx, job_id: str, bytes_handed: int) -> None:
    """Note how many bytes of a slip the connection took."""
    tx.execute("UPDATE print_jobs SET bytes_handed = ? WHERE job_id = ?", (bytes_handed, job_id))


def next_copy(reader: Reader, subject: str, document: str, station: str) -> int:
    """Give the copy number that the next marked slip of its kind must carry, from 1."""
    [(last,)] = reader.execute(
        "SELECT max(copy) FROM print_jobs WHERE subject = ? AND document = ? AND station = ?",
        (subject, document, station),
    )
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
