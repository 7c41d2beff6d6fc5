"""Opens the hub's database right and hands out its two kinds of connection: readers, and one writer at a time.

SQLite comes through `sync.node.database.dbapi()` with WAL, FULL and foreign keys; SQLAlchemy's own begin is replaced
(its "pysqlite" recipe), so that a writer starts with BEGIN IMMEDIATE and never has to be upgraded half-way.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Executable, StaticPool, Table, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import IntegrityError

from sync.node import database

Repeated = IntegrityError
"""What an insert raises when a unique rule refuses it."""

_WRITES = "zhanggui_writes"


@dataclass(frozen=True)
class Reader:
    """A connection with one consistent view."""

    connection: Connection

    def rows(self, query: Executable, parameters: dict[str, Any] | None = None) -> Sequence[Any]:
        """Run a query and give its rows."""
        return self.connection.execute(query, parameters).all()

    def row(self, query: Executable, parameters: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - a row of any query
        """Run a query and give its first row, or None."""
        return self.connection.execute(query, parameters).first()


@dataclass(frozen=True)
class Tx(Reader):
    """An open write transaction. Only `HubDatabase.write` makes one, so that no write happens outside."""

    def run(
        self, statement: Executable, parameters: dict[str, Any] | list[dict[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement once, or once for each of a list of parameters."""
        result = self.connection.execute(statement, parameters)
        assert isinstance(result, CursorResult)
        return result

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo only what happens inside the block when it raises."""
        with self.connection.begin_nested():
            yield


class HubDatabase:
    """The hub's database. `write` gives one transaction at a time within this process, `read` any number."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writers = engine.execution_options(**{_WRITES: True})
        # SQLite has one writer: waiting here is fair and costs nothing, waiting on its lock is neither.
        self._turn: contextlib.AbstractContextManager[Any] = (
            threading.RLock() if engine.dialect.name == "sqlite" else contextlib.nullcontext()
        )

    @contextlib.contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a write transaction; leaving the block commits with fsync, an exception undoes it all."""
        with self._turn, self._writers.begin() as connection:
            yield Tx(connection)

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend a reader; every query in the block sees the same state."""
        with self.engine.begin() as connection:
            yield Reader(connection)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_engine(url: str) -> HubDatabase:
    """Open a database by its SQLAlchemy URL; `sqlite://` is one in memory, for a rebuild or a simulation.

    Raises:
        UnsafeSqliteError: the SQLite at hand can lose data.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return HubDatabase(create_engine(parsed))
    database.refuse_unsafe()
    if parsed.database:
        engine = create_engine(parsed, module=database.dbapi(), pool_size=16, max_overflow=48)
    else:
        engine = create_engine(
            parsed, module=database.dbapi(), poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return HubDatabase(engine)


def insert_many(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows whose values the driver takes as they are: whole numbers, text, bytes.

    Going round SQLAlchemy's conversion of each value halves the cost of a fact, which is the cost of ingest.

    Args:
        tx: the transaction.
        table: the table.
        rows: all with the same columns; none is fine.

    Raises:
        Repeated: a unique rule refuses a row; then the transaction must undo them all.
    """
    if not rows:
        return
    compiled = insert(table).compile(dialect=tx.connection.dialect, column_keys=list(rows[0]))
    if compiled.positional:
        names = compiled.positiontup or []
        tx.connection.exec_driver_sql(str(compiled), [tuple(row[name] for name in names) for row in rows])
    else:
        tx.connection.exec_driver_sql(str(compiled), rows)


def upsert(tx: Tx, table: Table, row: dict[str, Any] | list[dict[str, Any]], changes: dict[str, Any]) -> None:
    """Insert rows, or change those whose primary key stands already.

    Args:
        tx: the transaction.
        table: a table with a primary key.
        row: one row or several, all with the same columns.
        changes: what to set on a row that stands; values may use `new(table)`'s column through `excluded`.
    """
    if not row:
        return
    insert = _insert(tx, table)
    resolved = {name: value(insert.excluded) if callable(value) else value for name, value in changes.items()}
    tx.run(insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=resolved), row)


def _insert(tx: Tx, table: Table) -> sqlite.Insert | postgresql.Insert:
    if tx.connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _prepare(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver has no types
    # None: the driver starts no transaction of its own; `_begin` does.
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout={database.BUSY_TIMEOUT_MS}")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA cache_size=-8192")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
