"""Which facts lie in which archive file, and the only way by which rows of the journal are ever deleted.

The file's own rules stand behind this: a fact's row goes only when a checked archive covers it, the hub has acknowledged it
and, where the hub keeps backups, one of them has it (migrations, step 004).
"""

from typing import NamedTuple

from sync.node.archives import ArchivedFact
from sync.node.database import Reader, Tx

_FACT = "facts.epoch, facts.lane, facts.seq, facts.n, facts.fact_id, facts.kind, facts.at_ms, facts.raw, facts.chain, facts.seal"


class ArchiveRow(NamedTuple):
    """An archive file. `checked`: its content was read back and compared. `missing`: it was not there when last looked."""

    name: str
    day: str
    first_n: int
    last_n: int
    facts: int
    sha256: bytes
    size: int
    made_ms: int
    checked: int = 0
    missing: int = 0


class ArchiveLane(NamedTuple):
    """What an archive holds of a lane, and the chain before and behind it."""

    epoch: int
    lane: int
    first_seq: int
    last_seq: int
    chain_before: bytes
    chain_after: bytes


def register(tx: Tx, row: ArchiveRow, lanes: list[ArchiveLane]) -> None:
    """Note a file that stands in its place; nothing may be deleted for it before `set_checked`."""
    tx.execute(
        "INSERT INTO archives (name, day, first_n, last_n, facts, sha256, size, made_ms, checked, missing)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    tx.executemany(
        "INSERT INTO archive_lanes (name, epoch, lane, first_seq, last_seq, chain_before, chain_after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(row.name, *lane) for lane in lanes],
    )


def set_checked(tx: Tx, name: str) -> None:
    """Note that a file's content was read back and is what the rows say."""
    tx.execute("UPDATE archives SET checked = 1 WHERE name = ?", (name,))


def set_missing(tx: Tx, name: str, missing: bool) -> None:  # noqa: FBT001 - the value of a column
    """Note whether a file is in its place."""
    tx.execute("UPDATE archives SET missing = ? WHERE name = ? AND missing <> ?", (missing, name, missing))


def all_archives(reader: Reader) -> list[ArchiveRow]:
    """List the archives in the order of their facts."""
    rows = reader.execute(
        "SELECT name, day, first_n, last_n, facts, sha256, size, made_ms, checked, missing FROM archives ORDER BY first_n"
    )
    return [ArchiveRow(*row) for row in rows]


def lanes_of(reader: Reader, name: str) -> list[ArchiveLane]:
    """Say what an archive holds of each lane."""
    rows = reader.execute(
        "SELECT epoch, lane, first_seq, last_seq, chain_before, chain_after FROM archive_lanes WHERE name = ?"
        " ORDER BY epoch, lane",
        (name,),
    )
    return [ArchiveLane(*row) for row in rows]


def holding(reader: Reader, epoch: int, lane: int, seq: int) -> ArchiveRow | None:
    """Find the archive that holds a fact."""
    rows = reader.execute(
        "SELECT a.name, day, first_n, last_n, facts, sha256, size, made_ms, checked, missing"
        " FROM archive_lanes AS l JOIN archives AS a ON a.name = l.name"
        " WHERE l.epoch = ? AND l.lane = ? AND ? BETWEEN l.first_seq AND l.last_seq",
        (epoch, lane, seq),
    )
    return ArchiveRow(*rows[0]) if rows else None


def last_n(reader: Reader) -> int:
    """Give the number of the last fact that lies in an archive."""
    return int(reader.execute("SELECT coalesce(max(last_n), 0) FROM archives")[0][0])


def candidates(reader: Reader, after_n: int, limit: int) -> list[tuple[ArchivedFact, bool]]:
    """List facts in commit order behind a number; each with whether the hub has it for good."""
    rows = reader.execute(
        f"SELECT {_FACT}, coalesce(facts.seq <= min(lanes.acked_seq, coalesce(lanes.durable_seq, lanes.acked_seq)), 0)"  # noqa: S608 - our own columns
        " FROM facts LEFT JOIN lanes ON lanes.epoch = facts.epoch AND lanes.lane = facts.lane"
        " WHERE facts.n > ? ORDER BY facts.n LIMIT ?",
        (after_n, limit),
    )
    return [(ArchivedFact(*row[:-1]), bool(row[-1])) for row in rows]


def rows_between(reader: Reader, first_n: int, to_n: int) -> list[ArchivedFact]:
    """Give the facts of a stretch that still lie in the table."""
    rows = reader.execute(f"SELECT {_FACT} FROM facts WHERE n BETWEEN ? AND ? ORDER BY n", (first_n, to_n))  # noqa: S608 - our own columns
    return [ArchivedFact(*row) for row in rows]


def chain_before(reader: Reader, fact: ArchivedFact) -> bytes | None:
    """Give the chain value that a fact was linked to, from the table or from the archive before; None at a beginning."""
    rows = reader.execute(
        "SELECT chain FROM facts WHERE epoch = ?1 AND lane = ?2 AND seq = ?3 UNION ALL"
        " SELECT chain_after FROM archive_lanes WHERE epoch = ?1 AND lane = ?2 AND last_seq = ?3",
        (fact.epoch, fact.lane, fact.seq - 1),
    )
    return None if not rows else bytes(rows[0][0])


def delete_archived(tx: Tx, row: ArchiveRow, limit: int) -> int:
    """Delete rows that an archive covers, oldest first.

    Returns:
        How many went; fewer than `limit` when none is left.

    Raises:
        sync.node.database.IntegrityError: the file's own rules forbid one of them; then none went.
    """
    numbers = tx.execute(
        "SELECT n FROM facts WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?", (row.first_n, row.last_n, limit)
    )
    if numbers:
        tx.execute("DELETE FROM facts WHERE n BETWEEN ? AND ?", (numbers[0][0], numbers[-1][0]))
    return len(numbers)
