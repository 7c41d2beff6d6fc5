"""What a node does about its disk: sell while there is room, and close the shift when there is none.

At the red line a new sale is refused before money is taken. What must still be written then (slips, their facts, the
close of a shift) may use the reserve: it is given back when SQLite first finds the disk full, and the write is made again.
"""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from sync.node.database import DatabaseError, Reader, Storage, Tx
from sync.node.disk import DiskState, DiskWatch, Room, Trouble, trouble_of

T = TypeVar("T")

AMPLE = DiskState(Room.OK, None, reserve_held=False)
"""What is said of a disk that nobody watches: a simulated node, or a test's."""


class VitalStorage:
    """A storage whose writes may use the reserve; what may not asks for `plain`."""

    def __init__(self, inner: Storage, watch: DiskWatch) -> None:
        """Stand before a storage."""
        self.inner = inner
        self._watch = watch

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction; once more with the reserve freed when the disk is full.

        Raises:
            Exception: whatever `work` or the driver raised; then nothing of it was kept.
        """
        try:
            return self.inner.write(work)
        except DatabaseError as error:
            if trouble_of(error) is not Trouble.FULL or not self._watch.give_back_reserve():
                raise
        return self.inner.write(work)

    def read(self) -> contextlib.AbstractContextManager[Reader]:
        """Lend a reader."""
        return self.inner.read()


def plain(storage: Storage) -> Storage:
    """Give the storage without its reserve, for what may be refused."""
    return storage.inner if isinstance(storage, VitalStorage) else storage


def state_of(watch: DiskWatch | None) -> DiskState:
    """Say how the disk is."""
    return AMPLE if watch is None else watch.state()


def refuses_sales(watch: DiskWatch | None) -> bool:
    """Whether a new sale must be refused now."""
    return state_of(watch).room is Room.RED


def refusal_of(error: BaseException, watch: DiskWatch | None) -> str | None:
    """Give the code of the sentence for a driver's exception, and let the watch know; None when it is another fault."""
    trouble = trouble_of(error)
    if trouble is None:
        return None
    if trouble is Trouble.FULL and watch is not None:
        watch.ran_full()
    return trouble.value
