"""A store's file on the disk of `crash_vfs`, for the worlds where the power is cut: what was not synced may be gone."""

import contextlib
import functools
import itertools
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import apsw

from edge.db.migrations import steps
from scripts.crash_store import FILE, ApswRaw, ApswStorage, Sync
from scripts.crash_vfs import KEEPS, Disk, Power, Step
from sync.node import migrate
from sync.node.database import Reader, Tx

T = TypeVar("T")

_NUMBERS = itertools.count(1)


class PowerFile:
    """`sync.node.database.InlineDatabase` on a disk that forgets what was not synced; `raw` it has none."""

    def __init__(self, sync: Sync) -> None:
        """Begin with the empty schema, which is durable."""
        self._sync = sync
        self._open({FILE: _migrated()})

    def _open(self, files: dict[str, bytes]) -> None:
        self._disk = Disk({name: bytearray(content) for name, content in files.items()})
        self._power = Power()
        for name, content in files.items():
            self._power.follow([Step("create", name), Step("write", name, 0, content), Step("sync", name)])
        self._storage = ApswStorage(self._disk, f"power-{next(_NUMBERS)}", self._sync, lambda _: None)
        self._follow()

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction."""
        result = self._storage.write(work)
        self._follow()
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend the connection."""
        with self._storage.read() as reader:
            yield reader

    def cut(self, dice: random.Random) -> None:
        """Cut the power: the disk keeps what was synced, and of the rest what the dice leave."""
        self._follow()
        keep = dice.choice(KEEPS)
        left = self._power.cut(keep, dice)
        # The process is gone: what closing the connection still writes goes to a disk that nobody reads again.
        with contextlib.suppress(apsw.Error):
            self._storage.abandon()
        self._open(left)

    def close(self) -> None:
        """Free the file."""
        self._storage.abandon()

    def _follow(self) -> None:
        self._power.follow(self._disk.record)
        self._disk.record.clear()


@functools.cache
def _migrated() -> bytes:
    disk = Disk()
    storage = ApswStorage(disk, "power-schema", "full", lambda _: None)
    migrate.apply(ApswRaw(storage.connection), steps)
    storage.close()
    assert list(disk.files) == [FILE], "a file that was closed has no log beside it"
    return bytes(disk.files[FILE])
