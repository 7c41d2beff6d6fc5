"""Proves the hub's data from the facts alone: every chain hashed again, every read model rebuilt and compared."""

import hashlib
import itertools
import logging
import tempfile
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from cloud.db import journal, migrate, sales, tables
from cloud.db.engine import HubDatabase, Reader, open_engine
from cloud.db.journal import LaneRow
from cloud.services import project
from cloud.services.members import proof
from sync.contract import facts

BOOK = "book"
"""The book of value is no projection: it is held against its own laws."""
STRETCH_FACTS = 5_000
"""Facts that a page hashes at most: those behind the last hourly check, at some 4 µs each."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was stored; `seq` is the place, as store/epoch/lane/seq."""

    seq: str
    what: str


@dataclass
class Report:
    """What a verification found."""

    facts: int = 0
    lanes: dict[str, int] = field(default_factory=dict)
    projections: dict[str, bool] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was stored."""
        return not self.findings and all(self.projections.values())

    def as_json(self) -> dict[str, Any]:
        """Give the report under the keys of the command table (DESIGN §14)."""
        return {
            "ok": self.ok,
            "facts": self.facts,
            "lanes": self.lanes,
            "bad_seq": self.findings[0].seq if self.findings else None,
            "projections": self.projections,
            "findings": [{"seq": one.seq, "what": one.what} for one in self.findings],
        }


def verify(database: HubDatabase, zone: tzinfo, scratch_dir: Path) -> Report:
    """Check everything once, on one consistent view; nothing of the database is changed.

    Args:
        database: the hub's database.
        zone: for the hours of takings.
        scratch_dir: where the rebuilt read models lie while they are compared.
    """
    report = Report()
    with database.read() as reader:
        report.facts = journal.count_facts(reader)
        rows = journal.all_lanes(reader)
        for lane in rows:
            report.lanes[f"{lane.store}/{lane.epoch}/{lane.lane}"] = lane.seq
            bad = first_bad_seq(reader, lane)
            if bad is not None:
                report.findings.append(Finding(f"{lane.store}/{lane.epoch}/{lane.lane}/{bad}", "the chain breaks here"))
        held = {(lane.store, lane.epoch, lane.lane) for lane in rows}
        for store, epoch, number in journal.lanes_with_facts(reader):
            if (store, epoch, number) not in held:
                report.findings.append(Finding(f"{store}/{epoch}/{number}/1", "facts without a lane"))
        _compare(reader, zone, scratch_dir, report)
        book = proof.prove_with_facts(reader)
        report.projections[BOOK] = book.ok
        report.findings += [Finding(BOOK, f"{one.law}: {one.where}") for one in book.wrongs]
    return report


def first_bad_since_check(reader: Reader, lane: LaneRow) -> tuple[int | None, int]:
    """Hash what came since a lane was last checked whole, a bounded stretch: what a page may cost.

    Returns:
        The first bad seq or None, and up to which seq that holds.
    """
    marks = journal.marks_of(reader, lane.store, lane.epoch, lane.lane)
    after, chain = 0, facts.genesis(lane.store, lane.epoch, lane.lane)
    if marks.checked_seq is not None and marks.checked_chain is not None and marks.checked_seq <= lane.seq:
        after, chain = marks.checked_seq, marks.checked_chain
    if lane.bad_seq is not None:
        return lane.bad_seq, lane.seq
    reached = min(lane.seq, after + STRETCH_FACTS)
    last = after
    walk = journal.walk_lane(reader, lane.store, lane.epoch, lane.lane, after)
    for seq, raw, kept in itertools.islice(walk, reached - after):
        chain = facts.link(chain, raw)
        if seq != last + 1 or kept != chain:
            return last + 1, reached
        last = seq
    if last < reached:
        return last + 1, reached
    return (last if reached == lane.seq and chain != lane.chain else None), reached


def first_bad_seq(reader: Reader, lane: LaneRow) -> int | None:
    """Hash a lane again from its beginning.

    Returns:
        The first seq at which the facts are not what was acknowledged; None when they all are.
    """
    chain = facts.genesis(lane.store, lane.epoch, lane.lane)
    last = 0
    for seq, raw, kept in journal.walk_lane(reader, lane.store, lane.epoch, lane.lane):
        chain = facts.link(chain, raw)
        if seq != last + 1 or seq > lane.seq or kept != chain:
            return last + 1
        last = seq
    if last < lane.seq:
        return last + 1
    return None if chain == lane.chain else last


def check_lanes(database: HubDatabase, now_ms: int) -> int:
    """Hash every lane again and note the first bad seq of each where the screens find it.

    Returns:
        How many lanes are bad.
    """
    with database.read() as reader:
        lanes = journal.all_lanes(reader)
    bad_lanes = 0
    for lane in lanes:
        with database.read() as reader:
            # The lane may have grown since it was listed: take it as it is in this very view.
            current = journal.lane_of(reader, lane.store, lane.epoch, lane.lane)
            assert current is not None
            bad = first_bad_seq(reader, current)
        if bad is not None:
            bad_lanes += 1
            log.error(
                "chain.broken", extra={"store_id": lane.store, "epoch": lane.epoch, "lane": lane.lane, "seq": bad}
            )
        with database.write() as tx:
            journal.note_check(tx, lane, bad, now_ms)
            if bad is None:
                journal.mark_checked(tx, current)
    return bad_lanes


def _compare(reader: Reader, zone: tzinfo, scratch_dir: Path, report: Report) -> None:
    """Rebuild the read models beside the live ones, up to the same fact, and compare them as sets of rows."""
    cursor = sales.cursor(reader)
    with tempfile.TemporaryDirectory(dir=scratch_dir, prefix="verify-") as folder:
        rebuilt = open_engine(f"sqlite:///{Path(folder) / 'rebuilt.db'}")
        try:
            with rebuilt.write() as tx:
                migrate.create_all(tx)
                after = 0
                while rows := journal.facts_after(reader, after, project.BATCH_FACTS):
                    rows = [row for row in rows if row.ingest_id <= cursor]
                    if not rows:
                        break
                    project.fold(tx, rows, zone)
                    after = rows[-1].ingest_id
            with rebuilt.read() as again:
                for name in tables.READ_MODEL_NAMES:
                    report.projections[name] = _digest(reader, name) == _digest(again, name)
        finally:
            rebuilt.close()


def _digest(reader: Reader, name: str) -> tuple[int, int]:
    """Sum the hashes of a table's rows: equal for equal sets of rows, in whatever order a database gives them."""
    count = total = 0
    for row in tables.every_row(reader, name):
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")
    return count, total % (1 << 256)
