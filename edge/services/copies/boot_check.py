"""Before a node sells: does its data file hold, and is what was committed last still there (ux-security §12, test 6).

Three looks, bounded in time: SQLite's own over the pages, ours along the chain from the newest fact backwards, and the note of
the last commit beside the file. What they miss, `verify` finds; what they find, nobody may sell on.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge.db import figures, journal, tail
from sync.contract import facts
from sync.node import database
from sync.node.database import DatabaseError, OperationalError, Reader, Storage, Tx
from sync.node.disk import Trouble, trouble_of
from sync.node.head_note import HeadNote
from sync.node.keys import Identity
from sync.node.ports import Clock

T = TypeVar("T")

BUDGET_MS = 3_000
"""A start may take so long for looking: a busy year's hot file is read in it, and the cashier does not wait longer."""
_STEPS = 2_000


WAY_BACK = (
    "Leave the folder as it is and put the newest copy in its place: zhanggui-edge restore --config FILE --from newest. "
    "What is newer than the copy comes back from the hub"
)


class DamagedFileError(RuntimeError):
    """The data file must not be sold from; the message says what was found, and what to do. `found` is the first alone."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(f"the data file {path} is damaged ({found}), so nothing is sold from it. {WAY_BACK}")
        self.found = found


@dataclass(frozen=True)
class Looked:
    """What a look came to: facts checked, and whether all were."""

    facts: int
    whole: bool


def refuse_damaged(path: Path, identity: Identity, clock: Clock, *, budget_ms: int = BUDGET_MS) -> Looked:
    """Look at a node's file before anything is written to it; one that is not there yet holds.

    Raises:
        DamagedFileError: it does not hold, or its newest commits are gone.
    """
    note = HeadNote(path)
    if note.orphaned:
        raise DamagedFileError(path, "it is gone")
    if not path.exists():
        return Looked(0, whole=True)
    until_ms = clock.monotonic_ms() + budget_ms
    with as_damage(path), _reading(path, lambda: clock.monotonic_ms() > until_ms) as reader:
        return _look(reader, path, identity, note, lambda: clock.monotonic_ms() > until_ms)


def refuse_unreadable(path: Path) -> None:
    """Look at the pages of a file, and whether its newest commits are there: for a command that reads the facts itself.

    Raises:
        DamagedFileError: it cannot be read, or its newest commits are gone.
    """
    if path.exists():
        with as_damage(path), _reading(path, lambda: False) as reader:
            _pages_hold(reader, path, HeadNote(path))


@contextlib.contextmanager
def as_damage(path: Path) -> Iterator[None]:
    """Say as a sentence what SQLite says of a file that it cannot read.

    Raises:
        DamagedFileError: instead of the driver's error.
    """
    try:
        yield
    except DatabaseError as error:
        if trouble_of(error) in {Trouble.CORRUPT, Trouble.ERROR}:
            raise DamagedFileError(path, str(error)) from error
        raise


def _look(reader: Reader, path: Path, identity: Identity, note: HeadNote, late: Callable[[], bool]) -> Looked:
    try:
        holds_facts = _pages_hold(reader, path, note)
    except OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return Looked(0, whole=False)
    return _follow(reader, path, identity, late) if holds_facts else Looked(0, whole=True)


def _pages_hold(reader: Reader, path: Path, note: HeadNote) -> bool:
    """Have SQLite look through the pages; gives whether there is a journal in them.

    Raises:
        DamagedFileError: they do not hold, or less is in them than was.
    """
    noted = note.read()
    if not reader.execute("SELECT 1 FROM sqlite_schema WHERE name = 'facts'"):
        if noted:
            raise DamagedFileError(path, f"it is empty, and held {noted} facts")
        return False
    reached = journal.counter(reader, "n")
    if noted is not None and noted > reached:
        raise DamagedFileError(path, f"its newest facts are gone: it held {noted}, {reached} are left")
    pages = figures.pages_hold(reader)
    if pages != "ok":
        raise DamagedFileError(path, pages)
    return True


def _follow(reader: Reader, path: Path, identity: Identity, late: Callable[[], bool]) -> Looked:
    heads = tail.lane_heads(reader)
    newest: dict[tuple[int, int], tuple[int, bytes]] = {}
    count = 0
    try:
        for fact in tail.newest_first(reader):
            where = f"fact {fact.seq} of lane {fact.lane}, epoch {fact.epoch}"
            newest.setdefault((fact.epoch, fact.lane), (fact.seq, fact.chain))
            if fact.before is not None and facts.link(fact.before, fact.raw) != fact.chain:
                raise DamagedFileError(path, f"{where} does not fit the chain")
            if identity.seal_of(fact.chain) != fact.seal:
                raise DamagedFileError(path, f"{where} does not carry this node's seal")
            count += 1
            if late():
                return Looked(count, whole=False)
    except OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return Looked(count, whole=False)
    for place, head in newest.items():
        if heads.get(place) != head:
            raise DamagedFileError(path, f"lane {place[1]} of epoch {place[0]} does not end at its last fact")
    return Looked(count, whole=True)


@contextlib.contextmanager
def _reading(path: Path, late: Callable[[], bool]) -> Iterator[Reader]:
    """Lend a connection that writes nothing of its own and gives up when it is late."""
    raw = database.connect(path, read_only=True)
    try:
        raw.set_progress_handler(lambda: int(late()), _STEPS)
        yield database.tx_of(raw)
    finally:
        raw.close()


class NotedStorage:
    """A storage that notes, after each commit, how far the journal is."""

    def __init__(self, inner: Storage, note: HeadNote) -> None:
        """Stand before a storage."""
        self._inner = inner
        self._note = note

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction."""
        reached = 0

        def noted(tx: Tx) -> T:
            nonlocal reached
            result = work(tx)
            reached = journal.counter(tx, "n")
            return result

        result = self._inner.write(noted)
        self._note.put(reached)
        return result

    def read(self) -> contextlib.AbstractContextManager[Reader]:
        """Lend a reader."""
        return self._inner.read()
