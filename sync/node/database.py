"""The one door to SQLite: opened right, one writer thread, readers on their own connections.

No other module imports the driver, and no other process opens the files of a running node: a second SQLite in one
process, or a bare `open()` of the file, can drop the locks of the first (SQLite, "How To Corrupt", §2.2).
"""

import contextlib
import os
import queue
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import sqlcipher3.dbapi2 as driver

# sqlite-utils takes the driver it finds under this name; without it, it would bring the system's older SQLite along.
sys.modules.setdefault("pysqlite3", driver)

T = TypeVar("T")
Row = tuple[Any, ...]

SQLITE_VERSION_MIN = (3, 51, 3)
"""Older ones can corrupt a write-ahead log when several connections checkpoint (fixed in 3.51.3)."""

BUSY_TIMEOUT_MS = 5000
_AGAIN_MS = 10
_PRIVATE = 0o600

IntegrityError: type[Exception] = driver.IntegrityError
OperationalError: type[Exception] = driver.OperationalError
DatabaseError: type[Exception] = driver.DatabaseError


class UnsafeSqliteError(RuntimeError):
    """The SQLite at hand can lose data; the hint says what to install."""


class Closed(RuntimeError):
    """The database was asked after it was closed."""


class Writer(StrEnum):
    """How the writer thread was found."""

    WRITES = "writes"
    REFUSES = "refuses"
    """It answers, but the file cannot be written: read-only, or an I/O error."""
    SILENT = "silent"
    """It did not answer in time."""


class _Undone(Exception):
    """Rolls a trial write back."""


def dbapi() -> ModuleType:
    """Give the driver module for SQLAlchemy's `module=`; nothing else may ask for it."""
    module: ModuleType = driver
    return module


def refuse_unsafe(version: tuple[int, ...] | None = None) -> None:
    """Refuse an SQLite below 3.51.3.

    Raises:
        UnsafeSqliteError: with the version found and the remedy.
    """
    found = version if version is not None else tuple(int(part) for part in driver.sqlite_version.split("."))
    if found < SQLITE_VERSION_MIN:
        message = (
            f"SQLite {'.'.join(map(str, found))} can corrupt its write-ahead log; "
            "install the locked requirements again (sqlcipher3 brings SQLite 3.51.3 or newer)"
        )
        raise UnsafeSqliteError(message)


class Tx(Protocol):
    """An open write transaction: plain SQL, nothing more, so that a crash-testing VFS can stand behind it too."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and give its rows."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each set of parameters."""
        ...


class Reader(Protocol):
    """A connection that only reads."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one query and give its rows."""
        ...


class _Connection:
    """A raw connection as `Tx` or `Reader`."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - the driver has no types
        self._raw = raw

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows: list[Row] = self._raw.execute(sql, tuple(parameters)).fetchall()
        return rows

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._raw.executemany(sql, parameters)


def tx_of(raw: Any) -> Tx:  # noqa: ANN401 - the driver has no types
    """Give a raw connection as `Tx`; the caller begins and commits."""
    return _Connection(raw)


def connect(path: Path, *, read_only: bool = False) -> Any:  # noqa: ANN401 - the driver has no types
    """Open one raw connection with the pragmas every connection of ours has: WAL, FULL, foreign keys, 5 s patience."""
    keep_private(path)
    raw = driver.connect(str(path), isolation_level=None, check_same_thread=False, cached_statements=256)
    _to_wal(raw)
    raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")
    # Without it, REPLACE deletes rows past the triggers that forbid deleting.
    raw.execute("PRAGMA recursive_triggers=ON")
    raw.execute("PRAGMA cache_size=-4096")
    if read_only:
        raw.execute("PRAGMA query_only=ON")
    return raw


def _to_wal(raw: Any) -> None:  # noqa: ANN401 - the driver has no types
    """Put a database into WAL mode.

    Two that do so to a new file at once would wait for each other, so SQLite turns one away without any patience of its own.

    Raises:
        DatabaseError: the file is held by somebody else for longer than every connection's patience.
    """
    pause = threading.Event()
    raw.execute("PRAGMA busy_timeout=0")
    for left in reversed(range(BUSY_TIMEOUT_MS // _AGAIN_MS)):
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except driver.OperationalError as error:
            if not left or "locked" not in str(error):
                raise
            pause.wait(_AGAIN_MS / 1_000)
        else:
            return


def keep_private(path: Path) -> None:
    """See that only its owner may read a database, there or not: SQLite makes files by the umask, and its log as the file is.

    A file that is there is never opened for it: to close it would drop the locks that SQLite holds on it (see above).
    """
    with contextlib.suppress(OSError):
        # Whatever cannot be done here, SQLite says better.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        except FileExistsError:
            narrow(path)


def narrow(path: Path) -> None:
    """Take from everybody but the owner the right to read a database and what SQLite laid beside it."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            one = path.with_name(path.name + end)
            if stat.S_IMODE(one.stat().st_mode) != _PRIVATE:
                one.chmod(_PRIVATE)


class _Ticket:
    """One piece of work on its way to the writer thread and back."""

    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self.work = work
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class Database:
    """A node's SQLite file: `write` runs work in one immediate transaction, `read` lends a reading connection."""

    def __init__(self, path: Path) -> None:
        """Open the file and start the writer thread.

        Raises:
            UnsafeSqliteError: the SQLite at hand is below 3.51.3.
        """
        refuse_unsafe()
        self.path = path
        self._raw_writer = connect(path)
        self._tickets: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._idle_readers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False
        self._close_lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_loop, name="db-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one `BEGIN IMMEDIATE` transaction on the writer thread; returned means committed with fsync.

        Raises:
            Closed: the database was closed.
            Exception: whatever `work` raised; then nothing of it was kept.
        """
        ticket = _Ticket(work)
        with self._close_lock:
            if self._closed:
                message = "the database is closed"
                raise Closed(message)
            self._tickets.put(ticket)
        ticket.done.wait()
        if ticket.error is not None:
            raise ticket.error
        result: T = ticket.result
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend a reading connection with one consistent view for the length of the block."""
        try:
            raw = self._idle_readers.get_nowait()
        except queue.Empty:
            raw = connect(self.path, read_only=True)
        try:
            raw.execute("BEGIN")
            try:
                yield _Connection(raw)
            finally:
                raw.execute("COMMIT")
        finally:
            if self._closed:
                raw.close()
            else:
                self._idle_readers.put(raw)

    def close(self) -> None:
        """Finish what was handed in, then close every connection; safe to call twice."""
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
            self._tickets.put(None)
        self._thread.join()
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle_readers.get_nowait().close()
        self._raw_writer.close()

    def writer(self, timeout_s: float) -> Writer:
        """Try a write on the writer thread and undo it; waits at most so long, behind what is written already."""
        ticket = _Ticket(_try_a_write)
        with self._close_lock:
            if self._closed:
                return Writer.SILENT
            self._tickets.put(ticket)
        if not ticket.done.wait(timeout_s):
            return Writer.SILENT
        return Writer.WRITES if isinstance(ticket.error, _Undone) else Writer.REFUSES

    def _write_loop(self) -> None:
        raw = self._raw_writer
        tx = _Connection(raw)
        while (ticket := self._tickets.get()) is not None:
            try:
                raw.execute("BEGIN IMMEDIATE")
                try:
                    ticket.result = ticket.work(tx)
                except BaseException:
                    _roll_back(raw)
                    raise
                _commit(raw)
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                ticket.error = error
            ticket.done.set()


def _try_a_write(tx: Tx) -> None:
    """Touch the file's first page and undo it: no table is named, nothing reaches the disk."""
    [(held,)] = tx.execute("PRAGMA user_version")
    tx.execute(f"PRAGMA user_version={int(held)}")
    raise _Undone


def _commit(raw: Any) -> None:  # noqa: ANN401 - the driver has no types
    try:
        raw.execute("COMMIT")
    except BaseException:
        # A commit that failed (disk full) may leave the transaction open; nothing of it may leak into the next.
        _roll_back(raw)
        raise


def _roll_back(raw: Any) -> None:  # noqa: ANN401 - the driver has no types
    """End a transaction, unless SQLite did so itself (disk full, I/O error): that error is the one to tell of."""
    if raw.in_transaction:
        raw.execute("ROLLBACK")


class InlineDatabase:
    """`Database` without a thread, for one-threaded simulations: same promises, in memory or in a file."""

    def __init__(self, path: str = ":memory:") -> None:
        self._raw = driver.connect(path, isolation_level=None, check_same_thread=False)
        self._raw.execute("PRAGMA foreign_keys=ON")

    @property
    def raw(self) -> Any:  # noqa: ANN401 - the driver has no types
        """The connection itself, for schema steps."""
        return self._raw

    @property
    def tx(self) -> Tx:
        """The connection as a transaction port that commits each statement, for scratch work."""
        return _Connection(self._raw)

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction."""
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            result = work(_Connection(self._raw))
        except BaseException:
            _roll_back(self._raw)
            raise
        _commit(self._raw)
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend the connection."""
        yield _Connection(self._raw)

    def close(self) -> None:
        """Close it."""
        self._raw.close()


class Storage(Protocol):
    """What the shell needs of a database: one write at a time, many readers."""

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction."""
        ...

    def read(self) -> contextlib.AbstractContextManager[Reader]:
        """Lend a reader."""
        ...
