"""The drill: the newest copy is restored to a scratch file and held against the live one; the result is signed and kept.

What is not tried does not restore. Later parts of the node add their own check to `DRILL_CHECKS`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge.db import copies, journal, projections
from edge.db.copies import Drill
from edge.db.journal import Draft
from edge.services.care import verify_journal
from edge.services.copies import snapshots
from edge.services.copies.snapshots import Shelf
from edge.services.node import Node
from sync.contract import operations
from sync.contract.operations import DrillDone
from sync.node import database, keys
from sync.node import snapshots as files
from sync.node.database import Reader, Tx
from sync.node.drills import CheckResult
from sync.node.snapshots import SnapshotError

OLD_AFTER_MS = 35 * 86_400_000
"""Drilled each month by itself; red when the last one is older (ux-security §10.8)."""
PREFIX = b"zhanggui drill"

log = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A drill as it is signed."""

    ok: bool
    at_ms: int
    store: str
    epoch: int
    snapshot: str
    snapshot_ms: int
    n: int
    facts: int
    took_ms: int
    checks: tuple[CheckResult, ...]
    key_id: str


@dataclass(frozen=True)
class Scene:
    """What a check is given: the live node, the restored file as a node, a reader on each, and up to where the copy reaches."""

    live: Node
    scratch: Node
    live_reader: Reader
    scratch_reader: Reader
    n: int


Check = Callable[[Scene], tuple[bool, str]]


def _journal(scene: Scene) -> tuple[bool, str]:
    report = verify_journal.verify(scene.scratch)
    first = f"; first: {report.findings[0].what}" if report.findings else ""
    return report.ok, f"{report.facts} facts, {len(report.projections)} projections{first}"


def _same_facts(scene: Scene) -> tuple[bool, str]:
    spans = copies.spans(scene.scratch_reader)
    live = copies.spans(scene.live_reader)
    # Days that were archived since lie in files whose hashes `verify` checks.
    shared = {
        place: (max(first, live.get(place, (last + 1, 0))[0]), last)
        for place, (first, last) in spans.items()
        if live.get(place, (last + 1, 0))[0] <= last
    }
    there, here = copies.digests(scene.scratch_reader, shared), copies.digests(scene.live_reader, shared)
    wrong = [f"epoch {epoch} lane {lane}" for epoch, lane in shared if there[epoch, lane] != here[epoch, lane]]
    return not wrong, f"{len(shared)} lanes byte by byte" + (f"; other bytes in {', '.join(wrong)}" if wrong else "")


def _totals(scene: Scene) -> tuple[bool, str]:
    there = copies.kept_totals(scene.scratch_reader)
    here = copies.totals(scene.live_reader, scene.n)
    lines = copies.days(scene.scratch_reader, scene.n) == copies.days(scene.live_reader, scene.n)
    wrong = sorted({str(row[0]) for row in set(map(tuple, there)) ^ set(map(tuple, here))})
    told = f"{len(there)} days, {sum(row[1] for row in there)} sales, {sum(row[2] for row in there)} fen"
    if wrong:
        told += f"; differ: {', '.join(wrong[:5])}"
    elif not lines:
        told += "; the lines of the sales differ"
    return not wrong and lines, told


def _tables(scene: Scene) -> tuple[bool, str]:
    missing = [name for name in projections.TABLES if not _readable(scene.scratch_reader, name)]
    return not missing, f"{len(projections.TABLES)} tables" + (
        f"; not readable: {', '.join(missing)}" if missing else ""
    )


def _readable(reader: Reader, table: str) -> bool:
    try:
        projections.rows_of(reader, table)
    except database.DatabaseError:
        return False
    return True


DRILL_CHECKS: list[tuple[str, Check]] = [
    ("journal", _journal),
    ("facts", _same_facts),
    ("totals", _totals),
    ("tables", _tables),
]
"""Every check by name; a part of the node that keeps something adds how to prove that it comes back."""


def hold(node: Node, shelf: Shelf, *, fresh: bool = False) -> Record:
    """Hold a drill on the newest copy, keep its signed record, and say so in a fact.

    Args:
        node: the live node.
        shelf: its copies.
        fresh: make a new copy first.

    Raises:
        SnapshotError: there is no copy at all.
    """
    if fresh:
        snapshots.make(shelf)
    there = snapshots.listed(shelf.folder)
    if not there:
        raise SnapshotError(f"{shelf.folder} holds no copy to drill with; the next night makes one, or give --fresh")
    snapshot_ms, path = there[-1]
    started_ms, at_ms = node.clock.monotonic_ms(), node.clock.now_ms()
    scratch = shelf.data / "drill.db"
    snapshots.remove_database(scratch)
    n = count = 0
    try:
        results: list[CheckResult] = []
        try:
            files.unseal(path, scratch, shelf.keyring)
            n, count = snapshots.check(scratch)
            results += _checked(node, scratch, n)
        except (SnapshotError, database.DatabaseError) as error:
            results.append(CheckResult(name="copy", ok=False, seen=str(error)))
    finally:
        snapshots.remove_database(scratch)
    grant = node.enrolment
    record = Record(
        ok=all(result.ok for result in results),
        at_ms=at_ms,
        store="" if grant is None else grant.store,
        epoch=0 if grant is None else grant.epoch,
        snapshot=path.name,
        snapshot_ms=snapshot_ms,
        n=n,
        facts=count,
        took_ms=node.clock.monotonic_ms() - started_ms,
        checks=tuple(results),
        key_id=node.identity.public.key_id.hex(),
    )
    _keep(node, record)
    return record


def answer(node: Node, shelf: Shelf, *, fresh: bool) -> dict[str, object]:
    """Hold a drill and give its record as plain data, for a command."""
    try:
        return dict(msgspec.to_builtins(hold(node, shelf, fresh=fresh)))
    except SnapshotError as error:
        return {"ok": False, "error": str(error)}


def monthly(node: Node, shelf: Shelf) -> None:
    """Hold the month's drill, whatever happens: the till must not notice."""
    try:
        record = hold(node, shelf)
    except Exception as error:
        log.exception("drill.failed", extra={"kind": type(error).__name__})
        return
    log.log(
        logging.INFO if record.ok else logging.ERROR, "drill.done", extra={"held": record.ok, "facts": record.facts}
    )


def is_due(node: Node, every_ms: int) -> bool:
    """Say whether the last drill that held is older than this, or never was."""
    with node.db.read() as reader:
        newest = copies.newest_drill(reader)
    return newest is None or not newest.ok or node.clock.now_ms() - newest.at_ms >= every_ms


def proven(drill: Drill, signing_public: bytes) -> bool:
    """Say whether a kept record is the node's own."""
    return keys.verified(signing_public, PREFIX + drill.record, drill.signature)


def _checked(node: Node, scratch: Path, n: int) -> list[CheckResult]:
    db = database.Database(scratch)
    try:
        copy = replace(node, db=db)
        with node.db.read() as live_reader, db.read() as scratch_reader:
            scene = Scene(node, copy, live_reader, scratch_reader, n)
            results = []
            for name, check in DRILL_CHECKS:
                ok, seen = check(scene)
                results.append(CheckResult(name=name, ok=ok, seen=seen))
            return results
    finally:
        db.close()


def _keep(node: Node, record: Record) -> None:
    raw = msgspec.json.encode(record)
    drill = Drill(record.at_ms, record.ok, raw, node.identity.sign(PREFIX + raw))
    body = DrillDone(
        ok=record.ok,
        snapshot_ms=record.snapshot_ms,
        facts=record.facts,
        took_ms=record.took_ms,
        failed=tuple(result.name for result in record.checks if not result.ok),
    )
    place = None if node.training else node.place()
    draft = Draft(node.ids.uuid7(), 1, operations.DRILL_DONE, 1, body)

    def work(tx: Tx) -> None:
        copies.keep_drill(tx, drill)
        if place is not None:
            for fact in journal.append(tx, place, node.identity, [draft]):
                projections.project(tx, fact)

    node.db.write(work)
    node.committed.notify()
    node.changed.notify()
