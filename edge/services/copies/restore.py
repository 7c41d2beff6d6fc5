"""`zhanggui-edge restore`: the node's file from a copy. What was there is kept aside, and nothing is sold before a new epoch.

The steps are in an order that a kill may break anywhere: (1) the copy is decrypted and checked beside the old file; (2) it is
noted that this node needs a new epoch; (3) the old file and what SQLite laid beside it are moved aside; (4) the copy takes
its name. From (2) on the node sells nothing until `enrol --replace` brought what came after the copy from the hub.
"""

from dataclasses import dataclass
from pathlib import Path

from edge.services.copies import snapshots
from edge.services.copies.snapshots import Shelf
from edge.services.hub import enrolment, recovery
from edge.services.hub.recovery import RESTORED, Recovery
from sync.node import database
from sync.node import snapshots as files
from sync.node.snapshots import SnapshotError

NEWEST = "newest"


@dataclass(frozen=True)
class Restored:
    """What was restored: the copy, its time and reach, and where the file of before lies (empty when there was none)."""

    source: Path
    made_ms: int
    n: int
    facts: int
    aside: str


def restore(shelf: Shelf, source: str) -> Restored:
    """Put a copy in the place of the node's file. The caller holds the folder's lock.

    Args:
        shelf: where copies lie, and the keys.
        source: a file, or `newest`: then copies that do not open are passed over for older ones.

    Raises:
        SnapshotError: no copy opens and holds; the node's file is as it was.
    """
    making = shelf.data / "node.restoring"
    snapshots.remove_database(making)
    try:
        chosen = _choose(shelf, source, making)
        held = enrolment.load(shelf.data)
        before = recovery.load(shelf.data)
        epoch = before.epoch if before is not None else 0 if held is None else held.epoch
        recovery.note(shelf.data, Recovery(state=RESTORED, epoch=epoch))
        aside = _move_aside(shelf)
        making.replace(shelf.data / "node.db")
        files.sync_folder(shelf.data)
    except OSError as error:
        raise SnapshotError(f"{shelf.data}: {error.strerror}; make room there and try again") from error
    finally:
        snapshots.remove_database(making)
    _bring_archives(shelf)
    return Restored(chosen[0], chosen[1], chosen[2], chosen[3], aside)


def _choose(shelf: Shelf, source: str, making: Path) -> tuple[Path, int, int, int]:
    if source != NEWEST:
        return _opened(shelf, Path(source), making)
    there = snapshots.listed(shelf.folder)
    if not there:
        raise SnapshotError(f"{shelf.folder} holds no copy; name one, or bring the store back from the hub")
    problem: SnapshotError | None = None
    for _, path in reversed(there):
        try:
            return _opened(shelf, path, making)
        except SnapshotError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _opened(shelf: Shelf, path: Path, making: Path) -> tuple[Path, int, int, int]:
    meta = files.unseal(path, making, shelf.keyring)
    if meta.of != snapshots.OF:
        raise SnapshotError(f"{path} is a copy of something else; name one of the node")
    held = enrolment.load(shelf.data)
    if held is not None and meta.name not in {"", held.store}:
        raise SnapshotError(f"{path} is of the store {meta.name}, and this node is {held.store}'s")
    n, count = snapshots.check(making)
    return path, meta.made_ms, n, count


def _move_aside(shelf: Shelf) -> str:
    name = f"node.db.before-{shelf.clock.now_ms():013d}"
    moved = ""
    database.narrow(shelf.data / "node.db")
    # What SQLite laid beside the old file goes first: beside the new one it would be taken for its own.
    for end in ("-wal", "-shm", ""):
        path = shelf.data / f"node.db{end}"
        if path.exists():
            path.replace(shelf.data / f"{name}{end}")
            moved = name
    files.sync_folder(shelf.data)
    return moved


def _bring_archives(shelf: Shelf) -> None:
    folder = shelf.folder / "archive"
    for path in sorted(folder.glob("*.zgs")) if folder.is_dir() else ():
        target = shelf.data / "archive" / path.name.removesuffix(".zgs")
        if not target.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            files.unseal(path, target, shelf.keyring)
