"""Copies of the node's file: each night and before a change of its schema, checked, encrypted, thinned out with age.

The till goes on while one is made. A copy that cannot be made stops nothing: it is told, and the next night tries again.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.db import copies, figures
from edge.services.hub import enrolment
from edge.settings import EdgeSettings
from sync.node import database, snapshots
from sync.node.keys import Identity
from sync.node.ports import Chance, Clock
from sync.node.snapshots import Keyring, Meta, SnapshotError

FOLDER = "backups"
OF = "node"
DAYS, WEEKS, MONTHS = 7, 4, 12
"""How many are kept: one for each of the last days, weeks and months that have one (ux-security §10.8)."""
BEFORE, BEFORE_KEPT = "-before", 2
"""How the name of a copy ends that was made before a schema step: the way back from it, so the last ones stay whatever their age."""
OLD_AFTER_MS = 36 * 3_600_000
"""A nightly copy older than this was missed."""

_NAME = re.compile(r"node-([a-z0-9-]+)-([0-9]{13})(?:-before)?\.zgs")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shelf:
    """Where the copies of a node lie and with which keys they are made."""

    data: Path
    folder: Path
    identity: Identity
    clock: Clock
    chance: Chance

    @property
    def keyring(self) -> Keyring:
        """The keys of copies: this node's, and the hub's as the one who can help."""
        grant = enrolment.load(self.data)
        return Keyring(self.identity, self.chance, b"" if grant is None else grant.hub_agreement_key)


def shelf_of(settings: EdgeSettings, identity: Identity, clock: Clock, chance: Chance) -> Shelf:
    """Give the shelf of a node's settings."""
    data = Path(settings.data_dir)
    return Shelf(data, backup_folder(settings), identity, clock, chance)


def backup_folder(settings: EdgeSettings) -> Path:
    """Give the folder of the copies: that of the settings, or one in the data folder."""
    return Path(settings.backup.folder) if settings.backup.folder else Path(settings.data_dir) / FOLDER


def make(shelf: Shelf, mark: str = "") -> Path:
    """Make a copy of the node's file as it is now, check it, and thin out the old ones.

    Args:
        shelf: where it goes.
        mark: how its name ends.

    Raises:
        SnapshotError: there is no good copy; what is wrong and what to do.
    """
    grant = enrolment.load(shelf.data)
    now_ms = shelf.clock.now_ms()
    scratch = shelf.data / "snapshot.making"
    name = f"node-{'none' if grant is None else grant.store}-{now_ms:013d}{mark}.zgs"
    try:
        snapshots.copy_database(shelf.data / "node.db", scratch)
        n, count = check(scratch)
        meta = Meta(
            of=OF,
            made_ms=now_ms,
            name="" if grant is None else grant.store,
            at={"n": n, "facts": count, "epoch": 0 if grant is None else grant.epoch},
        )
        with scratch.open("rb") as source:
            snapshots.seal(source, shelf.folder / name, meta, shelf.keyring, shelf.chance)
        _carry_archives(shelf)
    except OSError as error:
        raise SnapshotError(
            f"{shelf.folder}: {error.strerror}; make room there, or name another folder in [backup]"
        ) from error
    finally:
        remove_database(scratch)
    _thin_out(shelf.folder)
    log.info("snapshot.made", extra={"file": name, "facts": count})
    return shelf.folder / name


def check(path: Path) -> tuple[int, int]:
    """Look through a copy's pages and hash its chains again; gives its last number and how many facts it has.

    Raises:
        SnapshotError: it does not hold.
    """
    try:
        db = database.Database(path)
        try:
            with db.read() as reader:
                pages = figures.pages_hold(reader)
                bad = copies.first_bad(reader) if pages == "ok" else ""
                reach = copies.reach(reader) if pages == "ok" and not bad else (0, 0)
        finally:
            db.close()
    except database.DatabaseError as error:
        raise SnapshotError(f"the copy cannot be read: {error}") from error
    if pages != "ok":
        raise SnapshotError(f"the copy's pages do not hold: {pages}; run `zhanggui-edge doctor`")
    if bad:
        raise SnapshotError(f"the copy's chain breaks at {bad}; run `zhanggui-edge verify`")
    return reach


def nightly(shelf: Shelf) -> bool:
    """Make a copy, whatever happens: the till must not notice. Gives whether there is one."""
    try:
        make(shelf)
    except Exception as error:
        log.exception("snapshot.failed", extra={"kind": type(error).__name__})
        return False
    return True


def before_upgrade(shelf: Shelf) -> None:
    """Make a copy before a change of the schema, when there is anything to copy.

    Raises:
        SnapshotError: there is none; the change must not be made.
    """
    if (shelf.data / "node.db").exists():
        make(shelf, BEFORE)


def listed(folder: Path) -> list[tuple[int, Path]]:
    """List the copies in a folder with the time of each, oldest first."""
    if not folder.is_dir():
        return []
    found = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)) is not None]
    return sorted((int(match.group(2)), path) for match, path in found)


def kept(times_ms: Iterable[int]) -> set[int]:
    """Say which copies stay: the newest of each of the last 7 days, 4 weeks and 12 months that have one."""
    newest_first = sorted(set(times_ms), reverse=True)
    keep: set[int] = set(newest_first[:1])
    for spans_kept, span in ((DAYS, "%Y-%m-%d"), (WEEKS, "%G-%V"), (MONTHS, "%Y-%m")):
        seen: set[str] = set()
        for at_ms in newest_first:
            name = datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime(span)
            if name not in seen and len(seen) < spans_kept:
                seen.add(name)
                keep.add(at_ms)
    return keep


def remove_database(path: Path) -> None:
    """Remove a database file with what SQLite lays beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _thin_out(folder: Path) -> None:
    there = listed(folder)
    stay = kept(at_ms for at_ms, _ in there)
    stay.update([at_ms for at_ms, path in there if path.stem.endswith(BEFORE)][-BEFORE_KEPT:])
    for at_ms, path in there:
        if at_ms not in stay:
            path.unlink(missing_ok=True)


def _carry_archives(shelf: Shelf) -> None:
    """Copy sealed days that are not there yet; an archive file is never written again, so once is enough."""
    source = shelf.data / "archive"
    for path in sorted(source.iterdir()) if source.is_dir() else ():
        target = shelf.folder / "archive" / f"{path.name}.zgs"
        if path.suffix != ".part" and not target.exists():
            meta = Meta(of="archive", made_ms=shelf.clock.now_ms(), name=path.name)
            with path.open("rb") as content:
                snapshots.seal(content, target, meta, shelf.keyring, shelf.chance)
