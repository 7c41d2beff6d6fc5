"""A disk in memory for SQLite that remembers every write, truncate and sync, so that a power cut can be put anywhere.

SQLite believes that what it synced is there and that nothing else need be. `Power` replays the record up to a point and
builds the files as a cut at that point may leave them: what was synced is there, of the rest nothing, all, a random part,
or torn sectors. The disk can also refuse the k-th write or sync, and run full.

Only a connection that holds its file alone can use write-ahead logging here (`locking_mode=EXCLUSIVE`): there is no shared
memory on this disk.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import apsw

Keep = Literal["none", "all", "random", "prefix", "torn512", "torn4096"]
KEEPS: tuple[Keep, ...] = ("none", "all", "random", "prefix", "torn512", "torn4096")
"""What of the unsynced writes a cut leaves: nothing, everything, any of them, the first ones, any sectors of them."""
_SECTOR: dict[Keep, int] = {"torn512": 512, "torn4096": 4096}
_CODES = {apsw.IOError: apsw.SQLITE_IOERR, apsw.FullError: apsw.SQLITE_FULL}
HALF = 0.5


class Step(NamedTuple):
    """One thing that was done to a file. `at` is an offset, or the new size of a truncate."""

    kind: Literal["create", "write", "truncate", "sync", "delete"]
    name: str
    at: int = 0
    data: bytes = b""


@dataclass
class Trouble:
    """Makes the k-th write or sync from now on fail; `lasting` = every later one fails too."""

    kind: Literal["write", "sync"]
    at: int
    error: type[apsw.Error] = apsw.IOError
    lasting: bool = False
    seen: int = 0

    def meet(self, kind: str) -> None:
        """Count one write or sync, and fail when it is the one.

        Raises:
            Error: of the chosen kind; SQLite sees its result code.
        """
        if kind != self.kind:
            return
        self.seen += 1
        if self.seen == self.at or (self.lasting and self.seen > self.at):
            raise refusal(self.error)


def refusal(kind: type[apsw.Error]) -> apsw.Error:
    """Make the exception of a disk that refuses, with SQLite's code where the product's own driver has it."""
    error = kind()
    error.sqlite_errorcode = _CODES[kind]  # type: ignore[attr-defined]
    return error


@dataclass
class Disk:
    """The files as the running process sees them, and the record of how they came to be."""

    files: dict[str, bytearray] = field(default_factory=dict)
    record: list[Step] = field(default_factory=list)
    trouble: Trouble | None = None
    room: int | None = None
    """Bytes that all files together may take; None = no bound."""

    def note(self, step: Step) -> None:
        """Do a step and write it down; a refused one does nothing.

        Raises:
            IOError, FullError: the disk refuses.
        """
        if self.trouble is not None:
            self.trouble.meet(step.kind)
        if step.kind == "write":
            self._make_room(step)
        apply(self.files.setdefault(step.name, bytearray()), step)
        if step.kind == "delete":
            del self.files[step.name]
        self.record.append(step)

    def _make_room(self, step: Step) -> None:
        growth = step.at + len(step.data) - len(self.files.get(step.name, b""))
        if self.room is not None and growth > 0 and sum(map(len, self.files.values())) + growth > self.room:
            raise refusal(apsw.FullError)


def apply(content: bytearray, step: Step) -> None:
    """Change a file's bytes by a write or truncate."""
    if step.kind == "write":
        if step.at > len(content):
            content.extend(bytes(step.at - len(content)))
        content[step.at : step.at + len(step.data)] = step.data
    elif step.kind == "truncate":
        del content[step.at :]
        content.extend(bytes(step.at - len(content)))


class Power:
    """Follows a record and says what a cut would leave."""

    def __init__(self) -> None:
        """Begin with an empty disk."""
        self._synced: dict[str, bytearray] = {}
        self._waiting: dict[str, list[Step]] = {}
        # A deleted file whose folder was not synced since may be back after a cut.
        self._unlinked: dict[str, bytearray] = {}

    def follow(self, steps: Sequence[Step]) -> None:
        """Let steps happen."""
        for step in steps:
            self._take(step)

    def cut(self, keep: Keep, chance: random.Random) -> dict[str, bytes]:
        """Give the files as they are found when the power is back."""
        found: dict[str, bytes] = {name: bytes(content) for name, content in self._synced.items()}
        for name, steps in self._waiting.items():
            if name not in self._synced and not steps and keep in {"none", "random"}:
                continue
            content = bytearray(self._synced.get(name, b""))
            for step in _kept(steps, keep, chance):
                apply(content, step)
            if name in self._synced or keep != "none":
                found[name] = bytes(content)
        for name, content in self._unlinked.items():
            if keep == "none" or (keep != "all" and chance.random() < HALF):
                found.setdefault(name, bytes(content))
        return found

    def _take(self, step: Step) -> None:
        if step.kind == "create":
            self._waiting.setdefault(step.name, [])
            self._unlinked.pop(step.name, None)
        elif step.kind == "delete":
            self._waiting.pop(step.name, None)
            gone = self._synced.pop(step.name, None)
            if gone is not None and not step.at:
                self._unlinked[step.name] = gone
        elif step.kind == "sync":
            # At the first sync of a new file SQLite's unix VFS syncs the folder too: names made and names gone are durable.
            if step.name not in self._synced:
                self._unlinked.clear()
            content = self._synced.setdefault(step.name, bytearray())
            for each in self._waiting.pop(step.name, []):
                apply(content, each)
        else:
            self._waiting.setdefault(step.name, []).append(step)


def _kept(steps: Sequence[Step], keep: Keep, chance: random.Random) -> list[Step]:
    if keep == "none":
        return []
    if keep == "all":
        return list(steps)
    if keep == "random":
        return [step for step in steps if chance.random() < HALF]
    if keep == "prefix":
        count = chance.randint(0, len(steps))
        torn = [_short(steps[count], chance)] if count < len(steps) else []
        return [*steps[:count], *torn]
    return [piece for step in steps for piece in _pieces(step, _SECTOR[keep]) if chance.random() < HALF]


def _short(step: Step, chance: random.Random) -> Step:
    """Give the beginning of a write; a truncate happens whole."""
    return step._replace(data=step.data[: chance.randint(0, len(step.data))])


def _pieces(step: Step, sector: int) -> list[Step]:
    """Part a write at the sectors' bounds; bytes beside what was written are never harmed (SQLite: powersafe overwrite)."""
    if step.kind != "write":
        return [step]
    pieces = []
    at, end = step.at, step.at + len(step.data)
    while at < end:
        behind = min(end, (at // sector + 1) * sector)
        pieces.append(Step("write", step.name, at, step.data[at - step.at : behind - step.at]))
        at = behind
    return pieces


class CrashVfs(apsw.VFS):
    """SQLite's door to a `Disk`."""

    def __init__(self, name: str, disk: Disk) -> None:
        """Register the disk under a name; `unregister` when all connections are closed."""
        super().__init__(name, base="")
        self._disk = disk

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "CrashFile":  # type: ignore[override]  # noqa: N802
        """Open a file; a new one is written down."""
        known = name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary"
        if known not in self._disk.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError
            self._disk.note(Step("create", known))
        flags[1] = flags[0]
        return CrashFile(self._disk, known)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - SQLite's signature
        """Delete a file."""
        if filename in self._disk.files:
            self._disk.note(Step("delete", filename, int(syncdir)))

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802 - SQLite's signature
        """Say whether a file is there; whoever asks may also write it."""
        return pathname in self._disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Give the name: there are no folders."""
        return name


class CrashFile:
    """An open file of a `Disk`. One connection has it to itself, so locks are words."""

    def __init__(self, disk: Disk, name: str) -> None:
        """Open a file that is there."""
        self._disk = disk
        self._name = name

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """Give bytes; fewer at the end of the file."""
        return bytes(self._disk.files[self._name][offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write bytes."""
        self._disk.note(Step("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut the file, or lengthen it."""
        self._disk.note(Step("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802 - SQLite's signature
        """Make everything written so far durable."""
        self._disk.note(Step("sync", self._name))

    def xFileSize(self) -> int:  # noqa: N802
        """Give the size in bytes."""
        return len(self._disk.files[self._name])

    def xLock(self, level: int) -> None:  # noqa: N802
        """Lock."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Unlock."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        """Say that nobody else writes."""
        return False

    def xClose(self) -> None:  # noqa: N802
        """Close."""

    def xSectorSize(self) -> int:  # noqa: N802
        """Give the sector size that SQLite reckons with."""
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        """Promise what SQLite's unix VFS promises of every disk, and no more."""
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002, N802 - SQLite's signature
        """Know no extras."""
        return False
