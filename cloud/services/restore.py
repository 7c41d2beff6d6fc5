"""`zhanggui-hub restore` and `zhanggui-hub drill`: a backup becomes a hub's database again, for good or to see that it does.

A hub that was put back holds less than its stores were told it had. They notice at their next greeting and send it again
(protocol §5.4); that is why a store keeps its facts longer than a backup is kept.
"""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cloud.db import backup as data
from cloud.db import journal, ledger, migrate
from cloud.db.backup import DrillRow
from cloud.db.engine import HubDatabase, open_engine
from cloud.services import backup, verify
from cloud.services.accounts import CLI
from cloud.services.audit_log import AuditLog
from cloud.services.backup import Backups, Head, Moment
from cloud.services.members import proof
from cloud.services.project import Projector
from cloud.settings import HubSettings
from sync.node import database as files
from sync.node import keys, snapshots
from sync.node.drills import CheckResult
from sync.node.ports import Chance, Clock
from sync.node.snapshots import Keyring, SnapshotError

PREFIX = b"zhanggui-hub drill"

log = logging.getLogger(__name__)


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored: the moment, the facts, and how long it took."""

    made_ms: int
    line: str
    facts: int
    took_ms: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A drill as it is signed. `rto_ms`: from files to a complete database; `rpo_ms`: how old its newest moment was."""

    ok: bool
    at_ms: int
    backup_ms: int
    facts: int
    rto_ms: int
    rpo_ms: int
    checks: tuple[CheckResult, ...]
    key_id: str


@dataclass(frozen=True)
class Scene:
    """What a check is given: the live database, the restored one, the beginning of the state, and its last ingest id."""

    live: HubDatabase
    scratch: HubDatabase
    head: Head
    upto: int


Check = Callable[[Scene], tuple[bool, str]]


def choose(folder: Path, at_ms: int | None) -> Moment:
    """Find the newest moment that is not after a time, in whatever history it lies.

    Raises:
        SnapshotError: there is none.
    """
    there = sorted(one for line in backup.lines(folder) for one in backup.moments(line))
    fit = [one for one in there if at_ms is None or one.made_ms <= at_ms]
    if not fit:
        told = "holds no backup" if not there else "holds no backup that old"
        raise SnapshotError(f"{folder} {told}; name another folder or a later time")
    return fit[-1]


def restore_into(database: HubDatabase, moment: Moment, ring: Keyring, settings: HubSettings) -> tuple[Head, int]:
    """Fill an empty database from a backup and rebuild the read models; gives the state's beginning and how many facts.

    Raises:
        SnapshotError: a file is damaged, missing, or made with another key; the database is not to be used then.
    """
    if not data.is_empty(database):
        raise SnapshotError("the database of the settings is not empty: name an empty one there, and restore into that")
    head, pages = backup.read_state(moment.path, ring)
    migrate.migrate(database, upto=head.step)
    with database.write(patient=True) as tx:
        data.insert_pages(tx, pages, data.reflected(tx))
    count = reached = 0
    for segment in backup.segments(moment.path.parent):
        if reached >= moment.upto:
            break
        with database.write(patient=True) as tx:
            count += data.insert_pages(tx, backup.read_facts(segment.path, ring), data.reflected(tx))
        reached = segment.upto
    if reached != moment.upto:
        raise SnapshotError(f"{moment.path.parent} lacks the facts behind {reached}; take an older time")
    migrate.migrate(database)
    Projector(database, settings.zone).catch_up()
    _check_whole(database, head)
    return head, count


def restore(
    settings: HubSettings, identity: keys.Identity, source: Path, at_ms: int | None, ports: tuple[Clock, Chance]
) -> Restored:
    """Put a backup in the place of the hub's database. The caller holds the folder's lock.

    On SQLite the file of before is kept aside; on PostgreSQL the settings must name an empty database.

    Raises:
        SnapshotError: it cannot be restored; the hub's database is as it was.
    """
    clock, chance = ports
    started_ms = clock.monotonic_ms()
    moment = choose(source, at_ms)
    ring = Keyring(identity, chance)
    making = settings.folder / "hub.restoring"
    url = settings.database_url if settings.on_postgresql else f"sqlite:///{making}"
    _remove(making)
    try:
        database = open_engine(url)
        try:
            head, count = restore_into(database, moment, ring, settings)
        finally:
            database.close()
        if not settings.on_postgresql:
            _take_place(making, settings.folder, clock.now_ms())
    finally:
        _remove(making)
    _put_files(settings.folder, head)
    _say_in_the_log(settings, identity, clock, moment, count)
    log.warning("backup.restored", extra={"facts": count})
    return Restored(
        made_ms=moment.made_ms, line=moment.path.parent.name, facts=count, took_ms=clock.monotonic_ms() - started_ms
    )


# ------------------------------------------------------------------------------------------------------------- drill


def _counts(scene: Scene) -> tuple[bool, str]:
    with scene.live.read() as live, scene.scratch.read() as scratch:
        here, there = data.count_facts(live, scene.upto), data.count_facts(scratch, scene.upto)
    return here == there, f"{there} facts" if here == there else f"{there} facts, and the live database has {here}"


def _chains(scene: Scene) -> tuple[bool, str]:
    wrong: list[str] = []
    with scene.live.read() as live, scene.scratch.read() as scratch:
        for end in scene.head.lanes:
            place = f"{end.store}/{end.epoch}/{end.lane}"
            row = journal.lane_of(scratch, end.store, end.epoch, end.lane)
            held = journal.fact_at(live, end.store, end.epoch, end.lane, end.seq)
            kept_here = end.seq == 0 or (held is not None and held.chain == end.chain)
            if row is None or not kept_here or verify.first_bad_seq(scratch, row) is not None:
                wrong.append(place)
    return not wrong, f"{len(scene.head.lanes)} lanes" + (f"; broken: {', '.join(wrong[:5])}" if wrong else "")


def _same_bytes(scene: Scene) -> tuple[bool, str]:
    with scene.live.read() as live, scene.scratch.read() as scratch:
        pairs = zip(data.facts_between(live, 0, scene.upto), data.facts_between(scratch, 0, scene.upto), strict=False)
        for here, there in pairs:
            if here != there:
                return False, f"the fact that arrived as {there[0]} has other bytes"
    return True, "byte by byte"


def _totals(scene: Scene) -> tuple[bool, str]:
    with scene.scratch.read() as scratch, scene.live.read() as live:
        there, here = data.sold(scratch, scene.upto), data.sold(live, scene.upto)
    wrong = sorted({f"{row[0]} {row[1]}" for row in set(here) ^ set(there)})
    said = f"{len(there)} store days, {sum(row[2] for row in there)} sales, {sum(row[3] for row in there)} fen"
    return not wrong, said + (f"; differ: {', '.join(wrong[:5])}" if wrong else "")


def _book(scene: Scene) -> tuple[bool, str]:
    with scene.live.read() as live, scene.scratch.read() as scratch:
        found = proof.prove(scratch)
        held = ledger.count_entries(live, upto=ledger.last(scratch))
    if found.wrongs:
        return False, f"{found.wrongs[0].law}: {found.wrongs[0].where}"
    same = held == found.entries
    return same, f"{found.entries} entries" + ("" if same else f", and the live database has {held}")


DRILL_CHECKS: list[tuple[str, Check]] = [
    ("counts", _counts),
    ("chains", _chains),
    ("facts", _same_bytes),
    ("totals", _totals),
    ("book", _book),
]
"""Every check by name; a part of the hub that keeps something adds how to prove that it comes back."""


def drill(made: Backups, folder: Path | None = None) -> Record:
    """Restore the newest backup to a scratch database, hold it against the live one, keep the signed record.

    Args:
        made: the hub's backups.
        folder: where they lie, when not where the settings say.

    Raises:
        SnapshotError: there is no backup at all.
    """
    clock = made.clock
    moment = choose(folder or made.folder, None)
    at_ms, started_ms = clock.now_ms(), clock.monotonic_ms()
    results: list[CheckResult] = []
    count, rto_ms = 0, 0
    with tempfile.TemporaryDirectory(dir=made.settings.folder, prefix="drill-") as scratch_folder:
        scratch = open_engine(f"sqlite:///{Path(scratch_folder) / 'scratch.db'}")
        try:
            head, count = restore_into(scratch, moment, Keyring(made.identity, made.chance), made.settings)
            rto_ms = clock.monotonic_ms() - started_ms
            for name, check in DRILL_CHECKS:
                ok, seen = check(Scene(made.database, scratch, head, moment.upto))
                results.append(CheckResult(name=name, ok=ok, seen=seen))
        except SnapshotError as error:
            results.append(CheckResult(name="backup", ok=False, seen=str(error)))
        finally:
            scratch.close()
    record = Record(
        ok=all(result.ok for result in results),
        at_ms=at_ms,
        backup_ms=moment.made_ms,
        facts=count,
        rto_ms=rto_ms,
        rpo_ms=max(at_ms - moment.made_ms, 0),
        checks=tuple(results),
        key_id=made.identity.public.key_id.hex(),
    )
    raw = msgspec.json.encode(record)
    with made.database.write() as tx:
        data.keep_drill(tx, DrillRow(at_ms, int(record.ok), raw, made.identity.sign(PREFIX + raw)))
    log.log(logging.INFO if record.ok else logging.ERROR, "drill.done", extra={"held": record.ok, "facts": count})
    return record


def drill_if_due(made: Backups, every_ms: int) -> None:
    """Hold a drill when the last one that held is this old, whatever happens."""
    try:
        with made.database.read() as reader:
            newest = data.newest_drill(reader)
        if newest is None or not newest.ok or made.clock.now_ms() - newest.at_ms >= every_ms:
            drill(made)
    except Exception as error:
        log.exception("drill.failed", extra={"kind": type(error).__name__})


def proven(row: DrillRow, signing_public: bytes) -> bool:
    """Say whether a kept record is the hub's own."""
    return keys.verified(signing_public, PREFIX + row.record, row.signature)


def _check_whole(database: HubDatabase, head: Head) -> None:
    with database.read() as reader:
        for end in head.lanes:
            row = journal.lane_of(reader, end.store, end.epoch, end.lane)
            if (
                row is None
                or row.seq != end.seq
                or row.chain != end.chain
                or verify.first_bad_seq(reader, row) is not None
            ):
                raise SnapshotError(
                    f"the lane {end.store}/{end.epoch}/{end.lane} does not come back whole; take an older time"
                )


def _say_in_the_log(settings: HubSettings, identity: keys.Identity, clock: Clock, moment: Moment, count: int) -> None:
    """Have the audit log say itself which of its rows are gone, and that somebody put the hub back."""
    database = open_engine(settings.database_url)
    try:
        kept = AuditLog(database, identity, settings.folder, clock=clock)
        kept.accept_restore(CLI.actor)
        kept.record(CLI.actor, "hub.restored", moment.path.parent.name, made_ms=moment.made_ms, facts=count)
    finally:
        database.close()


def _take_place(making: Path, folder: Path, now_ms: int) -> None:
    files.narrow(folder / "hub.db")
    # What SQLite laid beside the old file goes first: beside the new one it would be taken for its own.
    for end in ("-wal", "-shm", ""):
        path = folder / f"hub.db{end}"
        if path.exists():
            path.replace(folder / f"hub.db.before-{now_ms:013d}{end}")
    snapshots.sync_folder(folder)
    making.replace(folder / "hub.db")
    snapshots.sync_folder(folder)


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _put_files(folder: Path, head: Head) -> None:
    """Put back the small files that are gone; what is there is newer or the same."""
    for file in head.files:
        target = folder / file.name
        if folder.resolve() in target.resolve().parents and not target.exists():
            keys.write_secret(target, file.content)
