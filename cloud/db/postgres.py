"""PostgreSQL: isolation, turns, time-outs, COPY. The only module that knows its driver, psycopg 3.

Readers have REPEATABLE READ, read only: one snapshot for a whole block, never a lock, never a failure to serialize.

Writers have READ COMMITTED and locks that are taken first. SERIALIZABLE would be the other way to keep what the
services were written against (one writer at a time): but every writer of facts moves the one row that hands out ingest
ids, so that of two at once one would always fail and do its work twice, just when there is most to do. With READ
COMMITTED the second waits for the first instead. What must not happen between reading and writing is kept out by
advisory locks of the transaction (`Turn`), taken before anything is read, all in one order: no deadlock among them.
"""

import contextlib
import functools
import operator
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from cloud.db.engine import BadDatabase, Turn

LOCK_TIMEOUT_MS = 10_000
STATEMENT_TIMEOUT_MS = 120_000
IDLE_TIMEOUT_MS = 30_000
"""A writer that stands still with its locks held (a stopped process, a dead machine) is thrown out after this."""
CONNECT_TIMEOUT_S = 5
SILENCE_MS = 15_000
"""A server that answers nothing for so long counts as lost."""
POOL_KEPT = 4
POOL_MAX = 32
"""Connections a process may open; a server's own limit is 100 unless it was raised."""
VERSION_MIN = 130_000

_WRITERS, _PROJECTOR, _LEASES = 0x7A_67_00_01, 0x7A_67_00_02, 0x7A_67_00_03
_LOCKS = {
    Turn.ALONE: f"SELECT pg_advisory_xact_lock({_WRITERS})",
    Turn.INGEST: f"SELECT pg_advisory_xact_lock_shared({_WRITERS})",
    Turn.PROJECTOR: f"SELECT pg_advisory_xact_lock({_PROJECTOR})",
    Turn.LEASES: f"SELECT pg_advisory_xact_lock({_LEASES})",
}
_PASSING = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "25P03"})
"""serialization_failure, deadlock_detected, lock_not_available, the server stops or starts, idle for too long."""
_CONNECTION_LOST = "08"


def make_engine(url: URL) -> Engine:
    """Build the engine; nothing is opened yet. What the URL itself says of an option holds."""
    options = {
        "lock_timeout": LOCK_TIMEOUT_MS,
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    }
    wanted: dict[str, Any] = {
        "application_name": "zhanggui-hub",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "tcp_user_timeout": SILENCE_MS,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        pool_size=POOL_KEPT,
        max_overflow=POOL_MAX - POOL_KEPT,
        pool_timeout=LOCK_TIMEOUT_MS / 1_000,
        # A connection that died with its server must cost nobody a request.
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={name: value for name, value in wanted.items() if name not in url.query},
    )


def readers(engine: Engine) -> Engine:
    """Give the engine of readers, over the same connections."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def check(engine: Engine) -> None:
    """Reach the server once and see that it can be used.

    Raises:
        BadDatabase: with one sentence that says what to do.
    """
    where = f"PostgreSQL at {_address(engine.url)}"
    try:
        with engine.begin() as connection:
            driver = _driver(connection)
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
            replica = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one()
    except OperationalError as error:
        raise BadDatabase(f"{where}: {_remedy(error.orig)}") from None
    except DBAPIError as error:
        raise BadDatabase(f"{where} cannot be used: {_first_line(error.orig)}") from None
    if driver.info.server_version < VERSION_MIN:
        raise BadDatabase(f"{where} is older than version 13; install a newer one")
    if encoding != "UTF8":
        raise BadDatabase(f"{where} has the encoding {encoding}; create the database with ENCODING 'UTF8'")
    if replica:
        raise BadDatabase(f"{where} is a stand-by that takes no writes; name the primary in the setting `database`")


def take_turn(connection: Connection, turn: Turn, *, patient: bool) -> None:
    """Take the locks of a turn, before anything is read."""
    if patient:
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(_LOCKS[turn])


def may_pass(error: BaseException) -> bool:
    """Say whether an error of the driver is of the moment."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        # The driver's own word for a connection that was lost or never made.
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate in _PASSING or error.sqlstate.startswith(_CONNECTION_LOST)


def copy(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows by COPY in its binary form: whole numbers, text and bytes as they are, nothing parsed twice.

    Raises:
        IntegrityError: a rule refuses a row; then the transaction (or its savepoint) must be undone.
        DBAPIError: any other refusal of the server.
    """
    names = tuple(rows[0])
    dialect = connection.dialect
    statement, kinds = _copy_into(table, names)
    values = operator.itemgetter(*names)
    try:
        with _driver(connection).cursor() as cursor, cursor.copy(statement) as copying:
            copying.set_types(kinds)
            for row in map(values, rows):
                copying.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, dialect=dialect
        ) from error


@functools.cache
def _copy_into(table: Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Give the statement that takes these columns, two at least, and their types in the server's words."""
    make: Any = postgresql.dialect  # it has no types
    dialect = make()
    columns = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    kinds = tuple(table.c[name].type.compile(dialect=dialect).lower() for name in names)
    return f"COPY {dialect.identifier_preparer.format_table(table)} ({columns}) FROM STDIN (FORMAT BINARY)", kinds


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def _address(url: URL) -> str:
    host = url.host or url.query.get("host") or "the local socket"
    return f"{host}{f':{url.port}' if url.port else ''}, database {url.database or 'of its default'!r}"


def _remedy(error: BaseException | None) -> str:
    told = _first_line(error)
    with contextlib.suppress(AttributeError):
        told = getattr(error, "diag").message_primary or told  # noqa: B009 - not every error has one
    if "password" in told or "authentication" in told or "role" in told:
        return f"{told}; check user and password in the setting `database` (or in ~/.pgpass)"
    if "database" in told and "does not exist" in told:
        return f"{told}; create it: CREATE DATABASE … ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    return f"{told}; start the server, or correct host and port in the setting `database`"


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else "no answer"
