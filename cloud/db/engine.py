"""Opens the hub's database right and hands out its two kinds of connection: readers and writers.

SQLite comes through `sync.node.database.dbapi()` with WAL, FULL and foreign keys; SQLAlchemy's own begin is replaced
(its "pysqlite" recipe), so that a writer starts with BEGIN IMMEDIATE and never has to be upgraded half-way. There is
one writer at a time. PostgreSQL has any number in any number of processes; whom each shuts out is its `Turn`, and why
it is done so stands in `cloud.db.postgres`.
"""

import contextlib
import functools
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, Executable, StaticPool, Table, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, CursorResult, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from sync.node import database

Repeated = IntegrityError
"""What an insert raises when a unique rule refuses it."""

_WRITES = "zhanggui_writes"
_INSUFFICIENT_PRIVILEGE = "42501"


class Turn(StrEnum):
    """Whom a write transaction keeps out until it ends, over all processes on a PostgreSQL; SQLite has one turn only.

    ALONE is the rule: no other ALONE and no INGEST runs beside it, so that what it read first still holds when it
    writes, as on SQLite. INGEST runs beside its like (each on its own partitions), PROJECTOR and LEASES beside all
    others but their like: they write tables that nobody else writes.
    """

    ALONE = "alone"
    INGEST = "ingest"
    PROJECTOR = "projector"
    LEASES = "leases"


class BadDatabase(RuntimeError):
    """The database cannot be used as it is named in the settings; the sentence says what to do, without the password."""


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
    """The hub's database. `write` waits for its turn, `read` never waits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.on_postgresql = engine.dialect.name == "postgresql"
        self._postgres = _postgres() if self.on_postgresql else None
        self._writers = engine.execution_options(**{_WRITES: True})
        self._readers = self._postgres.readers(engine) if self._postgres is not None else engine
        # SQLite has one writer: waiting here is fair and costs nothing, waiting on its lock is neither.
        self._turn: contextlib.AbstractContextManager[Any] = (
            contextlib.nullcontext() if self.on_postgresql else threading.RLock()
        )

    @contextlib.contextmanager
    def write(self, turn: Turn = Turn.ALONE, *, patient: bool = False) -> Iterator[Tx]:
        """Open a write transaction; leaving the block commits with fsync, an exception undoes it all.

        Args:
            turn: whom to keep out meanwhile.
            patient: no limit to how long it and each of its statements may wait and take, for a change of the schema.
        """
        with self._turn, self._writers.begin() as connection:
            if self._postgres is not None:
                self._postgres.take_turn(connection, turn, patient=patient)
            yield Tx(connection)

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend a reader; every query in the block sees the same state."""
        with self._readers.begin() as connection:
            yield Reader(connection)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_engine(url: str) -> HubDatabase:
    """Open a database by its SQLAlchemy URL; `sqlite://` is one in memory, for a rebuild or a simulation.

    Raises:
        UnsafeSqliteError: the SQLite at hand can lose data.
        BadDatabase: the URL names no database of a known kind, or the server cannot be used as it is.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        engine: Engine = _postgres().make_engine(parsed)
        try:
            _postgres().check(engine)
        except BaseException:
            engine.dispose()
            raise
        return HubDatabase(engine)
    database.refuse_unsafe()
    # Errors must not carry parameters into logs: they are bodies of facts, hashes, keys.
    if parsed.database:
        database.keep_private(Path(parsed.database))
        engine = create_engine(parsed, module=database.dbapi(), pool_size=16, max_overflow=48, hide_parameters=True)
    else:
        engine = create_engine(
            parsed,
            module=database.dbapi(),
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
            hide_parameters=True,
        )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return HubDatabase(engine)


@contextlib.contextmanager
def refusals_as_sentences(held: HubDatabase) -> Iterator[None]:
    """Say in one sentence when the server does not let this user do what the block does.

    Raises:
        BadDatabase: instead of the driver's error.
    """
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
            raise
        name, user = held.engine.url.database, held.engine.url.username
        raise BadDatabase(
            f"the user {user!r} may not make tables in the database {name!r}; "
            "make it the owner: ALTER DATABASE … OWNER TO …"
        ) from None


def passing(error: BaseException) -> bool:
    """Say whether the same transaction may well succeed when it is tried again from its beginning.

    So it is with a deadlock, a wait for a lock that took too long, a connection that was lost, a server that starts.
    """
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    return error.connection_invalidated or (
        type(error.orig).__module__.startswith("psycopg") and bool(_postgres().may_pass(error.orig))
    )


def insert_many(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows whose values the driver takes as they are: whole numbers, text, bytes. PostgreSQL takes them by COPY.

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
    if tx.connection.dialect.name == "postgresql":
        _postgres().copy(tx.connection, table, rows)
        return
    statement, values = _positional(table, tuple(rows[0]))
    tx.connection.exec_driver_sql(statement, list(map(values, rows)))


@functools.cache
def _positional(table: Table, columns: tuple[str, ...]) -> tuple[str, Callable[[dict[str, Any]], Any]]:
    """Give SQLite's insert of these columns, and what puts a row's values in its order; compiled once."""
    compiled = insert(table).compile(dialect=sqlite.dialect(), column_keys=list(columns))
    names = compiled.positiontup or []
    return str(compiled), operator.itemgetter(*names)


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
    insert = _insert(tx.connection.dialect.name, table)
    resolved = {name: value(insert.excluded) if callable(value) else value for name, value in changes.items()}
    tx.run(insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=resolved), row)


@functools.cache
def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Give the bare statement; kept, for the columns of `excluded` cost more to make than the statement to run."""
    if dialect == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _parsed(url: str) -> URL:
    parsed = None
    with contextlib.suppress(ArgumentError, ValueError):
        parsed = make_url(url)
    if parsed is None or parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        # The URL itself may hold a password, so it is not repeated.
        raise BadDatabase(
            "the setting `database` is neither 'sqlite' nor of the form postgresql://user@host:5432/name; "
            "see config/hub.example.toml"
        )
    return parsed


def _postgres() -> ModuleType:
    # Loaded with the first PostgreSQL: a hub on SQLite has no use for its driver.
    from cloud.db import postgres  # noqa: PLC0415

    return postgres


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
