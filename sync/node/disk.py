"""The room on the disk, and what SQLite says when the disk fails: for any process of ours.

The disk is asked through a port. A reserve file is made while there is room; given back, it lets a shift close on a disk
that is full (ux-security §12, test 4).
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from sync.node.ports import Clock

MIB: Final = 1 << 20
RESERVE_BYTES: Final = 32 * MIB
RED_BYTES: Final = 64 * MIB
"""Below this nothing new is begun: the log of SQLite alone may need some MB to write down what is open."""
LOW_BYTES: Final = 500 * MIB
"""Below this somebody should make room: a busy day needs some 100 MB."""
HYSTERESIS_BYTES: Final = 32 * MIB
"""A red disk is red until so much more is free, so that the till does not flicker."""
LOOK_MS: Final = 1_000
RESERVE_NAME: Final = "reserve.bin"


class Room(StrEnum):
    """How much room there is."""

    OK = "ok"
    LOW = "low"
    RED = "red"


class Trouble(StrEnum):
    """What is the matter when SQLite refuses; each is the code of a refusal."""

    FULL = "disk_full"
    READ_ONLY = "disk_read_only"
    ERROR = "disk_error"
    """It could not be read or written: what was asked may or may not have been kept, so it is asked again by its id."""
    CORRUPT = "database_damaged"


_TROUBLE_OF: Final = {8: Trouble.READ_ONLY, 10: Trouble.ERROR, 11: Trouble.CORRUPT, 13: Trouble.FULL, 14: Trouble.ERROR,
                      26: Trouble.CORRUPT}  # fmt: skip
"""By SQLite's primary result code."""
_TEXT_OF: Final = {
    "disk is full": Trouble.FULL,
    "readonly database": Trouble.READ_ONLY,
    "disk i/o error": Trouble.ERROR,
    "unable to open database file": Trouble.ERROR,
    "malformed": Trouble.CORRUPT,
    "not a database": Trouble.CORRUPT,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """Say what a driver's exception means for a person; None when it is not about the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _TROUBLE_OF.get(code & 0xFF)
    if not any(kind.__name__ in {"DatabaseError", "Error"} for kind in type(error).__mro__):
        return None
    text = str(error).lower()
    return next((trouble for part, trouble in _TEXT_OF.items() if part in text), None)


class FreeSpace(Protocol):
    """The port to a disk."""

    def free_bytes(self) -> int:
        """Give the bytes that may still be written.

        Raises:
            OSError: the disk does not answer.
        """
        ...


@dataclass(frozen=True)
class FolderDisk:
    """The disk that a folder lies on."""

    folder: Path

    def free_bytes(self) -> int:
        """Give the bytes that this process may still write there."""
        return shutil.disk_usage(self.folder).free


class Reserve:
    """A file that only takes room, to be given back when there is none."""

    def __init__(self, folder: Path, size: int = RESERVE_BYTES) -> None:
        """Look at a folder's reserve; `hold` makes it."""
        self._path = folder / RESERVE_NAME
        self.size = size

    @property
    def held(self) -> bool:
        """Whether the room is taken."""
        try:
            return self._path.stat().st_size >= self.size
        except OSError:
            return False

    def hold(self) -> bool:
        """Take the room; False when the disk does not give it."""
        if self.held:
            return True
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.size)
                os.fsync(file.fileno())
        except OSError:
            self.give_back()
            return False
        return True

    def give_back(self) -> bool:
        """Free the room; False when there was none to free."""
        held = self.held
        with contextlib.suppress(OSError):
            self._path.unlink()
        return held


@dataclass(frozen=True)
class DiskState:
    """How the disk is.

    Attributes:
        room: ok, low or red.
        free_bytes: what may still be written; None when the disk did not say.
        reserve_held: whether there is room that can be given back.
    """

    room: Room
    free_bytes: int | None
    reserve_held: bool


class DiskWatch:
    """Knows how much room there is; asks the disk at most once a second, and may be asked by any thread."""

    def __init__(
        self, disk: FreeSpace, reserve: Reserve, clock: Clock, *, red_bytes: int = RED_BYTES, low_bytes: int = LOW_BYTES
    ) -> None:
        """Watch a disk. Nothing is read or written before `state` or `start` is called."""
        self._disk = disk
        self._reserve = reserve
        self._clock = clock
        self._red_bytes = red_bytes
        self._low_bytes = low_bytes
        self._state: DiskState | None = None
        self._looked_ms = 0
        self._on_change: Callable[[], None] = lambda: None

    def start(self, on_change: Callable[[], None] | None = None) -> DiskState:
        """Look, and take the reserve while there is room for it; `on_change` is told when the room changes."""
        if on_change is not None:
            self._on_change = on_change
        state = self._look()
        if state.room is Room.OK and not state.reserve_held:
            self._reserve.hold()
            state = self._look()
        return state

    def state(self) -> DiskState:
        """Give how the disk is, at most a second old."""
        held = self._state
        if held is not None and self._clock.monotonic_ms() - self._looked_ms < LOOK_MS:
            return held
        state = self.start()
        if held is not None and held.room is not state.room:
            self._on_change()
        return state

    def ran_full(self) -> None:
        """Take SQLite's word that there is no room, whatever the disk says of itself (a quota, no free inode)."""
        now = self._look()
        self._state = DiskState(Room.RED, now.free_bytes, now.reserve_held)
        self._on_change()

    def give_back_reserve(self) -> bool:
        """Free the reserve for what must still be written; False when there is none."""
        freed = self._reserve.give_back()
        self.ran_full()
        return freed

    def _look(self) -> DiskState:
        self._looked_ms = self._clock.monotonic_ms()
        try:
            free = self._disk.free_bytes()
        except OSError:
            # A disk that does not say is not called full: the write itself will tell.
            self._state = DiskState(Room.LOW, None, self._reserve.held)
            return self._state
        was_red = self._state is not None and self._state.room is Room.RED
        red = self._red_bytes + (HYSTERESIS_BYTES if was_red else 0)
        # Without its reserve a node can only close: it begins again when the reserve fits beside the red line.
        held = self._reserve.held
        if was_red and not held:
            red += self._reserve.size
        room = Room.RED if free < red else Room.LOW if free < self._low_bytes else Room.OK
        self._state = DiskState(room, free, held)
        return self._state
