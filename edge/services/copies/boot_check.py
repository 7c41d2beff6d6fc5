"""Before a node sells: does its data file hold, and is what was committed last still there (ux-security §12, test 6).

Three looks: the note of the last commit beside the file, ours along the chain from the newest fact backwards, and SQLite's own over
the pages. A start takes half a second for them, so that a cashier does not wait for a year of sales to be read; what it did not get
to is looked at while the node serves (`look_on`), and the next start remembers what that found. What they miss, `verify`
finds; what they find, nobody may sell on.
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

BUDGET_MS = 500
"""A start may take so long for looking: the hot file of a quiet month is read in it, the newest facts of any."""
CHAIN_SHARE = 2
"""The chain may take so large a part of it, one half; the pages have the rest."""
NEWEST = 20
"""So many facts are followed in any case."""
SUSPECT_NAME = "node.suspect"
"""Beside the file while something was found in it: the next start looks at all of it before anything else."""
_STEPS = 200

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
    suspect = path.with_name(SUSPECT_NAME)
    begun_ms = clock.monotonic_ms()

    def later_than(part_ms: int) -> Callable[[], bool]:
        return lambda: clock.monotonic_ms() > begun_ms + part_ms and not suspect.exists()

    late = later_than(budget_ms // CHAIN_SHARE)
    with as_damage(path):
        # The newest facts are looked at however slow the disk is: a page of them is read at once, and not ended midway.
        with _reading(path, lambda: False) as reader:
            there = _is_all_there(reader, path, note)
            looked = _follow(reader, path, identity, late) if there else Looked(0, whole=True)
        with _reading(path, later_than(budget_ms)) as reader:
            whole = _pages_hold(reader, path) and looked.whole
    if whole:
        suspect.unlink(missing_ok=True)
    return Looked(looked.facts, whole)


def look_on(path: Path, identity: Identity, late: Callable[[], bool]) -> str:
    """Look at all of a file whose node serves, and leave word of what was found for the next start.

    Args:
        late: asked every few hundred steps; true ends the look, and until it answers nothing is read.

    Returns:
        What was found; empty when it holds, or the look was ended.
    """
    try:
        with as_damage(path), _reading(path, late) as reader:
            if _follow(reader, path, identity, late).whole:
                _pages_hold(reader, path)
    except DamagedFileError as error:
        path.with_name(SUSPECT_NAME).write_text(error.found, encoding="utf-8")
        return error.found
    return ""


def refuse_unreadable(path: Path) -> None:
    """Look at the pages of a file, and whether its newest commits are there: for a command that reads the facts itself.

    Raises:
        DamagedFileError: it cannot be read, or its newest commits are gone.
    """
    if path.exists():
        with as_damage(path), _reading(path, lambda: False) as reader:
            if _is_all_there(reader, path, HeadNote(path)):
                _pages_hold(reader, path)


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


def _is_all_there(reader: Reader, path: Path, note: HeadNote) -> bool:
    """Hold the note of the last commit against the file; gives whether there is a journal in it.

    Raises:
        DamagedFileError: less is in it than was.
    """
    noted = note.read()
    if not reader.execute("SELECT 1 FROM sqlite_schema WHERE name = 'facts'"):
        if noted:
            raise DamagedFileError(path, f"it is empty, and held {noted} facts")
        return False
    reached = journal.counter(reader, "n")
    if noted is not None and noted > reached:
        raise DamagedFileError(path, f"its newest facts are gone: it held {noted}, {reached} are left")
    return True


def _pages_hold(reader: Reader, path: Path) -> bool:
    """Have SQLite look through the pages; gives whether it came to the end.

    Raises:
        DamagedFileError: they do not hold.
    """
    try:
        pages = figures.pages_hold(reader)
    except OperationalError as error:
        if not _is_interrupt(error):
            raise
        return False
    if pages != "ok":
        raise DamagedFileError(path, pages)
    return True


def _follow(reader: Reader, path: Path, identity: Identity, late: Callable[[], bool]) -> Looked:
    """Follow the chain from the newest fact backwards.

    Raises:
        DamagedFileError: a fact does not fit, or a lane does not end where it says.
    """
    seen: set[tuple[int, int]] = set()
    count = 0
    try:
        for fact in tail.newest_first(reader):
            where = f"fact {fact.seq} of lane {fact.lane}, epoch {fact.epoch}"
            if fact.before is not None and facts.link(fact.before, fact.raw) != fact.chain:
                raise DamagedFileError(path, f"{where} does not fit the chain")
            if identity.seal_of(fact.chain) != fact.seal:
                raise DamagedFileError(path, f"{where} does not carry this node's seal")
            first = (fact.epoch, fact.lane) not in seen and fact.head_seq is not None
            if first and (fact.head_seq, fact.head_chain) != (fact.seq, fact.chain):
                raise DamagedFileError(path, f"lane {fact.lane} of epoch {fact.epoch} does not end at its last fact")
            seen.add((fact.epoch, fact.lane))
            count += 1
            if count >= NEWEST and late():
                return Looked(count, whole=False)
    except OperationalError as error:
        if not _is_interrupt(error):
            raise
        return Looked(count, whole=False)
    return Looked(count, whole=True)


def _is_interrupt(error: Exception) -> bool:
    """Say whether an error is the end of the time that there was."""
    return "interrupt" in str(error)


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
