"""The hub's disk: how much room is seen on it, and that the database itself found it full.

Full counts as said by the database, whatever the disk says of itself (a quota, no free inode, a PostgreSQL on another
machine). Then no facts are taken for a while, every store is told to wait, the console says so, and nothing is
acknowledged that is not stored: what the stores hold they send again.
"""

import logging

from sync.node.disk import DiskWatch, Room, Trouble, trouble_of
from sync.node.ports import Clock

FULL_MS = 30_000
"""So long after the database found no room nothing new is tried; it may find none again, and the page must not flicker."""
_DISK_FULL = "53100"
"""PostgreSQL's own word for it (appendix A of its manual)."""

log = logging.getLogger(__name__)


class HubDisk:
    """How much room there is for facts. Any thread may ask and tell.

    Args:
        watch: looks at the disk of the data folder; None where the database is on a server of its own, whose disk it is.
        clock: for how long its word counts.
    """

    def __init__(self, watch: DiskWatch | None, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock
        self._full_ms: int | None = None

    def room(self) -> Room:
        """Give how much room there is."""
        full_ms = self._full_ms
        if full_ms is not None and self._clock.monotonic_ms() - full_ms < FULL_MS:
            return Room.RED
        return Room.OK if self._watch is None else self._watch.state().room

    def failed(self, error: BaseException) -> None:
        """Learn from a write that failed; the reserve is freed, so that what is small can still be written."""
        if not is_full(error):
            return
        self._full_ms = self._clock.monotonic_ms()
        freed = self._watch is not None and self._watch.give_back_reserve()
        log.error("disk.ran_full", extra={"reserve_freed": freed})


def is_full(error: BaseException) -> bool:
    """Say whether a database refused because there is no room.

    SQLite then undoes the whole transaction by itself, so that going back to a savepoint fails too: the first error counts.
    """
    seen: BaseException | None = error
    while seen is not None:
        # The driver's own error, where it came wrapped: only that one is about the disk and not about a statement.
        cause = getattr(seen, "orig", None) or seen
        if trouble_of(cause) is Trouble.FULL or getattr(cause, "sqlstate", None) == _DISK_FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
