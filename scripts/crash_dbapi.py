"""apsw as a DB-API 2 module, as far as SQLAlchemy's SQLite dialect asks: the hub's own engine on the disk of `crash_vfs`.

A connection holds its file alone and checkpoints often, like the node's (`crash_store.ApswStorage`).
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apsw

from scripts.crash_store import CHECKPOINT_PAGES

apilevel, threadsafety, paramstyle = "2.0", 1, "qmark"
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(int(part) for part in sqlite_version.split("."))
Binary = bytes
Row = tuple[Any, ...]


class Error(Exception):
    """Whatever SQLite refuses."""


class DatabaseError(Error):
    """The same, by the name that DB-API has for it."""


class OperationalError(DatabaseError):
    """Not the statement's fault."""


class IntegrityError(DatabaseError):
    """A rule of the schema refused."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


InterfaceError = InternalError = DataError = NotSupportedError = DatabaseError


@contextlib.contextmanager
def _by_their_names() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise IntegrityError(str(error)) from error
    except apsw.SQLError as error:
        raise ProgrammingError(str(error)) from error
    except apsw.Error as error:
        raise OperationalError(str(error)) from error


class Cursor:
    """One statement and its rows, all fetched."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        """Begin without a statement."""
        self._connection = connection
        self._rows: Iterator[Row] = iter(())
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1
        self.lastrowid = 0

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> "Cursor":
        """Run a statement to its end."""
        described: list[tuple[Any, ...]] = []
        cursor = self._connection.cursor()

        def begun(_cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            # Only here are the columns of a statement known that then gives no row.
            described.append(cursor.description)
            return True

        cursor.exec_trace = begun
        with _by_their_names():
            cursor.execute(sql, parameters)
            self._rows = iter(cursor.fetchall())
        self.description = (described[0] or None) if described else None
        self.rowcount = self._connection.changes()
        self.lastrowid = self._connection.last_insert_rowid()
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> "Cursor":
        """Run a statement for each set of parameters."""
        before = self._connection.total_changes()
        with _by_their_names():
            self._connection.executemany(sql, parameters)
        self.description, self._rows = None, iter(())
        self.rowcount = self._connection.total_changes() - before
        return self

    def fetchone(self) -> Row | None:
        """Give the next row."""
        return next(self._rows, None)

    def fetchmany(self, size: int = arraysize) -> list[Row]:
        """Give some rows."""
        return [row for _, row in zip(range(size), self._rows, strict=False)]

    def fetchall(self) -> list[Row]:
        """Give the rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = iter(())


class Connection:
    """An open file."""

    isolation_level: str | None = None

    def __init__(self, file: str, vfs: str) -> None:
        """Open a file of a disk."""
        self.raw = apsw.Connection(file, vfs=vfs)
        self.raw.execute("PRAGMA locking_mode=EXCLUSIVE")

    def checkpoint_often(self) -> None:
        """Checkpoint after few pages; SQLite's own checkpoint passes over its faults, through this driver they would end a commit."""
        self.raw.set_wal_hook(self._checkpoint)

    def _checkpoint(self, _connection: apsw.Connection, name: str, pages: int) -> int:
        if pages >= CHECKPOINT_PAGES:
            with contextlib.suppress(apsw.Error):
                self.raw.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK

    def create_function(
        self, name: str, arguments: int, work: Callable[..., Any], *, deterministic: bool = False
    ) -> None:
        """Let SQL call a function."""
        self.raw.create_scalar_function(name, work, arguments, deterministic=deterministic)

    def cursor(self) -> Cursor:
        """Give a cursor."""
        return Cursor(self.raw)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run a statement."""
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        """End the transaction, if there is one."""
        if self.raw.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


def connect(file: str, vfs: str) -> Connection:
    """Open a file of a disk."""
    return Connection(file, vfs)
