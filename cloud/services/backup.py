"""`zhanggui-hub backup`: every few minutes what is new goes into files that lie apart, encrypted, alike for both databases.

A backup folder holds for each history of the database a line of its own: **facts** in files from one ingest id to another,
written once, and the **state** of everything else at a moment, small and whole. Read models are in neither: they are rebuilt.
To go back to a moment is to take its state and the facts up to it. Facts are append-only, so a backup costs what is new, one
transaction reads both, and the writer waits for none of it. `pg_basebackup` with archived WAL would give single
transactions to go back to, but needs a superuser, a second way for SQLite, and a server of the very same version.

What it takes to open the files is the hub's keys.json, which is in none of them: keep a copy of it in another place.
"""

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from cloud.db import backup as data
from cloud.db.backup import BackupRow, LaneEnd, Page
from cloud.db.engine import HubDatabase, Reader
from cloud.services import audit, secrets
from cloud.services.pieces import Pieces, parted
from cloud.settings import HubSettings
from sync.node import keys, snapshots
from sync.node.ports import Chance, Clock
from sync.node.snapshots import Keyring, Meta, SnapshotError

FACTS, STATE = "facts", "state"
SEGMENT_FACTS = 100_000
"""Ingest ids in one file of facts at most."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
EVERY_ONE_MS, EVERY_HOUR_MS = 2 * DAY_MS, 14 * DAY_MS
"""States stay all for two days, then one an hour for two weeks, then one a day."""

_LINE = re.compile(r"line-[0-9]{13}")
_FACTS = re.compile(r"facts-([0-9]{16})-([0-9]{16})\.zgs")
_STATE = re.compile(r"state-([0-9]{13})-([0-9]{16})\.zgs")
_LEFT_OUT = frozenset({secrets.IDENTITY_FILE})
_SECRET_BYTES_MAX = 1024 * 1024

log = logging.getLogger(__name__)


class Segment(NamedTuple):
    """A file of facts: those behind one ingest id, up to another."""

    after: int
    upto: int
    path: Path


class Moment(NamedTuple):
    """A state that can be gone back to."""

    made_ms: int
    upto: int
    path: Path


class SecretFile(msgspec.Struct, frozen=True, array_like=True):
    """A small file of the hub's folder: certificates, tokens, who may speak to the broker."""

    name: str
    content: bytes


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a state: which step of the schema it is of, and where the lanes end."""

    step: str
    lanes: list[LaneEnd]
    files: list[SecretFile]


@dataclass(frozen=True)
class Backups:
    """Makes and reads the backups of one hub."""

    database: HubDatabase
    settings: HubSettings
    identity: keys.Identity
    clock: Clock
    chance: Chance

    @property
    def folder(self) -> Path:
        """Where they lie by the settings."""
        return folder_of(self.settings)

    def make(self, to: Path | None = None, by: str = "") -> BackupRow:
        """Write what is new since the last backup in a folder, and the state of now.

        Args:
            to: another folder than that of the settings.
            by: who wants it, for the audit log; nobody when it is made by the clock.

        Raises:
            SnapshotError: it is not finished; what is wrong and what to do. What was there stays good.
        """
        target = to or self.folder
        started_ms, made_ms = self.clock.monotonic_ms(), self.clock.now_ms()
        try:
            with _alone(target), self.database.write() as tx:
                name = data.line(tx, f"line-{made_ms:013d}")
            with _alone(target):
                size, count, upto, ends = self._write(target / name, made_ms)
                _thin_out(target, name, made_ms, self.settings.backup.keep_days)
        except OSError as error:
            raise SnapshotError(f"{target}: {error.strerror}; make room there, or name another folder") from error
        row = BackupRow(made_ms, str(target), upto, count, size, self.clock.monotonic_ms() - started_ms)
        with self.database.write() as tx:
            data.keep_backup(tx, row, off_site=is_apart(target, self.settings.folder), ends=ends)
            if by:
                detail = {"facts": row.facts, "upto": row.upto}
                audit.record(tx, at_ms=made_ms, actor=by, action="hub.backed_up", target=str(target), detail=detail)
        log.info("backup.made", extra={"facts": count, "size": size})
        return row

    def make_quietly(self) -> bool:
        """Make one by the clock, whatever happens; gives whether it is finished."""
        try:
            self.make()
        except Exception as error:
            log.exception("backup.failed", extra={"kind": type(error).__name__})
            return False
        return True

    def _write(self, folder: Path, made_ms: int) -> tuple[int, int, int, list[LaneEnd]]:
        ring, size = Keyring(self.identity, self.chance), 0
        with self.database.read() as reader:
            upto = data.last_id(reader)
            held = segments(folder)
            after = count = held[-1].upto if held else 0
            while after < upto:
                end = min(after + SEGMENT_FACTS, upto)
                path = folder / f"{FACTS}-{after:016d}-{end:016d}.zgs"
                meta = Meta(of=FACTS, made_ms=made_ms, name=folder.name, at={"after": after, "upto": end})
                snapshots.seal(Pieces(_packed(data.fact_pages(reader, after, end))), path, meta, ring, self.chance)
                size += path.stat().st_size
                after = end
            ends = data.lane_ends(reader)
            head = Head(step=data.step_of(reader), lanes=ends, files=_secret_files(self.settings.folder))
            path = folder / f"{STATE}-{made_ms:013d}-{upto:016d}.zgs"
            meta = Meta(of=STATE, made_ms=made_ms, name=folder.name, at={"upto": upto})
            snapshots.seal(Pieces(_state(reader, head)), path, meta, ring, self.chance)
            size += path.stat().st_size
        return size, upto - count, upto, ends


def folder_of(settings: HubSettings) -> Path:
    """Give the folder of backups: that of the settings, or one in the data folder."""
    return Path(settings.backup.folder) if settings.backup.folder else settings.folder / "backups"


def is_apart(target: Path, home: Path) -> bool:
    """Say whether a folder lies outside the hub's own, which one accident may take as a whole."""
    return home.resolve() not in target.resolve().parents


def lines(folder: Path) -> list[Path]:
    """List the histories in a folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and _LINE.fullmatch(path.name))


def segments(line: Path) -> list[Segment]:
    """List the files of facts that follow on each other from the first one on."""
    found: list[Segment] = []
    for path in sorted(line.glob("facts-*.zgs")) if line.is_dir() else ():
        match = _FACTS.fullmatch(path.name)
        if match is not None and int(match.group(1)) == (found[-1].upto if found else 0):
            found.append(Segment(int(match.group(1)), int(match.group(2)), path))
    return found


def moments(line: Path) -> list[Moment]:
    """List the states in a history, oldest first."""
    if not line.is_dir():
        return []
    matches = ((_STATE.fullmatch(path.name), path) for path in line.iterdir())
    return sorted(
        Moment(int(match.group(1)), int(match.group(2)), path) for match, path in matches if match is not None
    )


def read_state(path: Path, ring: Keyring) -> tuple[Head, Iterator[Page]]:
    """Open a state: its beginning, and its rows.

    Raises:
        SnapshotError: it was changed, cut off, or made with another key.
    """
    pieces = parted(plain for _, plain in snapshots.opened(path, ring))
    head = msgspec.msgpack.decode(next(pieces), type=Head)
    return head, (msgspec.msgpack.decode(piece, type=Page) for piece in pieces)


def read_facts(path: Path, ring: Keyring) -> Iterator[Page]:
    """Open a file of facts.

    Raises:
        SnapshotError: it was changed, cut off, or made with another key.
    """
    pieces = parted(plain for _, plain in snapshots.opened(path, ring))
    return (msgspec.msgpack.decode(piece, type=Page) for piece in pieces)


def kept_moments(times_ms: list[int], now_ms: int, keep_days: int) -> set[int]:
    """Say which states stay: all of two days, one an hour of two weeks, one a day until they are too old; the newest always."""
    keep: set[int] = set(times_ms[-1:])
    seen: set[tuple[int, int]] = set()
    for at_ms in sorted(times_ms, reverse=True):
        age_ms = now_ms - at_ms
        grain_ms = 1 if age_ms <= EVERY_ONE_MS else HOUR_MS if age_ms <= EVERY_HOUR_MS else DAY_MS
        place = (grain_ms, at_ms // grain_ms)
        if age_ms <= keep_days * DAY_MS and place not in seen:
            seen.add(place)
            keep.add(at_ms)
    return keep


def _packed(pages: Iterator[Page]) -> Iterator[bytes]:
    return (msgspec.msgpack.encode(page) for page in pages)


def _state(reader: Reader, head: Head) -> Iterator[bytes]:
    yield msgspec.msgpack.encode(head)
    yield from _packed(data.state_pages(reader))


def _secret_files(folder: Path) -> list[SecretFile]:
    """Collect the small files without which a restored hub would not be the same to anybody: all but its key file."""
    found: list[SecretFile] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        wanted = (
            path.suffix in {".json", ".txt", ".pem", ".key", ".crt", ".crl", ".acl", ".conf"} and name not in _LEFT_OUT
        )
        if wanted and path.is_file() and not path.is_symlink() and path.stat().st_size <= _SECRET_BYTES_MAX:
            found.append(SecretFile(name, path.read_bytes()))
    return found


def _thin_out(folder: Path, current: str, now_ms: int, keep_days: int) -> None:
    for line in lines(folder):
        there = moments(line)
        stay = kept_moments([one.made_ms for one in there], now_ms, keep_days)
        for one in there:
            if one.made_ms not in stay:
                one.path.unlink(missing_ok=True)
        if line.name != current and there and there[-1].made_ms < now_ms - keep_days * DAY_MS:
            # A history that was left behind by a restore, and nobody can want to go back to any more.
            for path in line.iterdir():
                path.unlink(missing_ok=True)
            line.rmdir()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write into a backup folder; the others wait."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "backup.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
