"""The bare commit beside `bench till`: what an order writes is recorded once, then as much is committed with nothing else.

The driver, the pragmas and the disk are the node's. The rows lie in one plain table without a further index, so the
figure is what the disk and SQLite ask at least; what an order costs above it is the node's own.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from edge import wiring
from edge.db.staff import Session
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.ordering import import_menu
from edge.settings import EdgeSettings
from scripts.bench_processes import BenchError
from sync.node import database
from sync.node.database import Database, Reader, Row, Tx

T = TypeVar("T")


@dataclass(frozen=True)
class Written:
    """What one order writes: the bytes of each row inserted, and how many rows it changes in place."""

    inserts: tuple[int, ...]
    updates: int

    @property
    def rows(self) -> int:
        """Rows written in all."""
        return len(self.inserts) + self.updates


class _Recorder:
    """A transaction that notes what passes through it."""

    def __init__(self, tx: Tx, inserts: list[int], updates: list[str]) -> None:
        self._tx = tx
        self._inserts = inserts
        self._updates = updates

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        rows = self._tx.execute(sql, parameters)
        if sql.startswith("UPDATE"):
            # An update that finds nothing, such as of a dish that nobody counts, writes nothing either.
            [(changed,)] = self._tx.execute("SELECT changes()")
            self._updates += [sql] * changed
        elif "DO UPDATE" in sql:
            # An upsert finds its row from the second order on, and that is the order that is recorded.
            self._updates.append(sql)
        elif sql.startswith("INSERT"):
            self._inserts.append(sum(_bytes(value) for value in parameters))
        return rows

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        for one in parameters:
            self.execute(sql, one)


class _RecordingStorage:
    """The node's database, watched."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.inserts: list[int] = []
        self.updates: list[str] = []

    def write(self, work: Callable[[Tx], T]) -> T:
        return self._db.write(lambda tx: work(_Recorder(tx, self.inserts, self.updates)))

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        with self._db.read() as reader:
            yield reader


def record_order(settings: EdgeSettings, commands: Sequence[SellCommand]) -> Written:
    """Settle orders by the node's own use case in a folder of its own; record what the last one wrote.

    Raises:
        BenchError: an order was refused, so there is nothing to count.
    """
    node, db = wiring.open_node(settings)
    try:
        import_menu.bring_into_force(node, import_menu.read_file(Path(settings.store.menu_file)))
        storage = _RecordingStorage(db)
        watched = replace(node, db=storage)
        for command in commands:
            storage.inserts.clear()
            storage.updates.clear()
            settled = settle_sale(watched, Session(settings.store.tills[0], "c1", "bench"), command)
            if not isinstance(settled, Settled):
                raise BenchError(f"the order to count was refused: {settled.code}")
        return Written(tuple(storage.inserts), len(storage.updates))
    finally:
        db.close()


class BareFile:
    """A file with the node's pragmas and one plain table."""

    def __init__(self, path: Path, written: Written) -> None:
        self._written = written
        self._raw = database.connect(path)
        self._raw.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
        self._raw.execute("CREATE TABLE marks (id INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT")
        self._raw.executemany("INSERT INTO marks VALUES (?, 0)", [(at,) for at in range(written.updates)])

    def commits(self, count: int) -> list[float]:
        """Commit as many times what one order writes; gives the ms of each."""
        rows = [(b"\xa5" * size,) for size in self._written.inserts]
        marks = [(at,) for at in range(self._written.updates)]
        took_ms: list[float] = []
        for _ in range(count):
            begun = time.perf_counter()
            self._raw.execute("BEGIN IMMEDIATE")
            self._raw.executemany("INSERT INTO rows (body) VALUES (?)", rows)
            self._raw.executemany("UPDATE marks SET value = value + 1 WHERE id = ?", marks)
            self._raw.execute("COMMIT")
            took_ms.append((time.perf_counter() - begun) * 1000)
        return took_ms

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


def _bytes(value: object) -> int:
    if isinstance(value, (bytes, str)):
        return len(value if isinstance(value, bytes) else value.encode())
    return 0 if value is None else 4
