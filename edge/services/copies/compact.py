"""Compaction at night: sealed days that the hub has for good move from the table into archive files (protocol §5.9).

In what order, and why a death between any two steps is harmless:
1. The file is written, synced and moved into place. Dead here: a file that nobody knows; it is written again.
2. The database notes the file and its hash. Dead here: noted and unchecked; the next night goes on with 3.
3. The file is read back and compared with the rows, fact by fact; only then is it checked.
4. Rows that it covers are deleted in small steps. Dead here: some rows are in both places, and the rest go the next night.
Nothing is deleted for want of disk, and nothing that the hub has not acknowledged: the database's own rules refuse it.
"""

import logging
from dataclasses import dataclass

from edge.db import archives
from edge.db.archives import ArchiveLane, ArchiveRow
from edge.services.node import Node
from sync.contract import facts, times
from sync.contract.facts import ContractError
from sync.node.archives import ArchivedFact, ArchiveLost, pack
from sync.node.database import Reader

FACTS_PER_FILE_MAX = 20_000
ROWS_PER_STEP = 500
PAGE = 1_000
DAY_MS = 86_400_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compacted:
    """What a night came to."""

    files: int
    archived: int
    deleted: int
    missing: tuple[str, ...]


def compact(node: Node, rows_per_step: int = ROWS_PER_STEP) -> Compacted:
    """Archive what is old enough, delete what is archived, and look whether every archive is in its place.

    Args:
        node: the node.
        rows_per_step: rows that one transaction deletes: a sale waits no longer than for one of these.

    Raises:
        ArchiveLost: a file is not what was just written; nothing was deleted for it.
    """
    files = archived = deleted = 0
    for row in _listed(node):
        if not row.checked:
            _check(node, row)
    while rows := _next_file(node):
        row = _write_file(node, rows)
        _check(node, row)
        files, archived = files + 1, archived + len(rows)
    for row in _listed(node):
        deleted += _delete(node, row, rows_per_step)
    missing = _look(node)
    if files or missing:
        log.info(
            "journal.compacted", extra={"files": files, "facts": archived, "deleted": deleted, "lost": len(missing)}
        )
    return Compacted(files, archived, deleted, missing)


def last_day(node: Node) -> str:
    """Give the last business day that may be archived now."""
    kept_ms = node.keep_days * DAY_MS
    cutoff_minutes = node.settings.store.cutoff_minutes
    return times.business_day(node.clock.now_ms() - kept_ms - DAY_MS, node.zone, cutoff_minutes)


def _listed(node: Node) -> list[ArchiveRow]:
    with node.db.read() as reader:
        return archives.all_archives(reader)


def _next_file(node: Node) -> list[ArchivedFact]:
    """Give the facts of the next file: one business day, from the first fact that lies in none; none when it must wait."""
    until = last_day(node)
    found: list[ArchivedFact] = []
    day = ""
    with node.db.read() as reader:
        after = archives.last_n(reader)
        while len(found) < FACTS_PER_FILE_MAX:
            page = archives.candidates(reader, after, PAGE)
            for fact, is_safe in page:
                its_day = _day_of(node, fact)
                if not is_safe or its_day > until or (found and its_day != day) or len(found) >= FACTS_PER_FILE_MAX:
                    return found
                found.append(fact)
                day, after = its_day, fact.n
            if len(page) < PAGE:
                break
    return found


def _write_file(node: Node, rows: list[ArchivedFact]) -> ArchiveRow:
    data, digest = pack(rows)
    day = _day_of(node, rows[0])
    # Named by its content too: a file that an older copy of the database knows is never written over.
    name = f"facts-{day}-{rows[0].n}-{digest.hex()[:8]}.zst"
    node.archives.files.write(name, data)
    row = ArchiveRow(name, day, rows[0].n, rows[-1].n, len(rows), digest, len(data), node.clock.now_ms())
    with node.db.read() as reader:
        lanes: dict[tuple[int, int], ArchiveLane] = {}
        for fact in rows:
            held = lanes.get((fact.epoch, fact.lane))
            if held is None:
                held = ArchiveLane(
                    fact.epoch, fact.lane, fact.seq, fact.seq, _chain_before(node, reader, fact), fact.chain
                )
            lanes[fact.epoch, fact.lane] = held._replace(last_seq=fact.seq, chain_after=fact.chain)
    node.db.write(lambda tx: archives.register(tx, row, list(lanes.values())))
    return row


def _chain_before(node: Node, reader: Reader, fact: ArchivedFact) -> bytes:
    assert node.enrolment is not None
    held = archives.chain_before(reader, fact)
    return facts.genesis(node.enrolment.store, fact.epoch, fact.lane) if held is None else held


def _check(node: Node, row: ArchiveRow) -> None:
    """Read a file back and compare it with the rows, every one of which still stands.

    Raises:
        ArchiveLost: it is missing or says something else.
    """
    held = node.archives.facts_of(row)
    with node.db.read() as reader:
        same = archives.rows_between(reader, row.first_n, row.last_n) == held
    if not same:
        raise ArchiveLost(
            f"the archive {row.name} does not say what the journal says; move it away and start the node anew"
        )
    node.db.write(lambda tx: archives.set_checked(tx, row.name))


def _delete(node: Node, row: ArchiveRow, rows_per_step: int) -> int:
    deleted = 0
    while count := node.db.write(lambda tx: archives.delete_archived(tx, row, rows_per_step)):
        deleted += count
    return deleted


def _look(node: Node) -> tuple[str, ...]:
    """Note which files are not in their place with their size, and which are again."""
    lost: list[str] = []
    for row in _listed(node):
        missing = node.archives.files.size(row.name) != row.size
        if missing:
            lost.append(row.name)
            log.error("archive.missing", extra={"archive": row.name})
        if missing != bool(row.missing):
            node.db.write(lambda tx, row=row, missing=missing: archives.set_missing(tx, row.name, missing))  # type: ignore[misc]
    return tuple(lost)


def _day_of(node: Node, fact: ArchivedFact) -> str:
    try:
        return facts.decode(fact.raw).day
    except ContractError:
        # Written by newer code in a shape of its own: the time of its row says as much.
        return times.business_day(fact.at_ms, node.zone, node.settings.store.cutoff_minutes)
