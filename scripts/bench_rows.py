"""The bare rows beside `bench sync`: the facts a hub has stored, inserted again by the driver alone.

Same database engine, same settings, a table of the same columns and unique rules, the same rows, in transactions of the same
sizes; no envelope, no signature, no chain, no acknowledgement. What a fact costs above it is ours.
"""

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cloud.db import migrate
from cloud.db.engine import HubDatabase, open_engine
from cloud.db.schema import facts

COLUMNS = ", ".join(column.name for column in facts.columns)
SAME_AGAIN = "facts_again"


@dataclass(frozen=True)
class Bare:
    """What was inserted, how long it took, how large a transaction was."""

    facts: int
    seconds: float
    transaction_facts_median: int


def insert_again(url: str, scratch: Path) -> Bare:
    """Insert a stopped hub's facts again.

    Args:
        url: the hub's database; a PostgreSQL takes the rows into a second table of its own.
        scratch: a new SQLite file, for a hub on SQLite.
    """
    hub = open_engine(url)
    try:
        with hub.read() as reader:
            rows = [tuple(row) for row in reader.rows(select(facts).order_by(facts.c.ingest_id))]
        received = [column.name for column in facts.columns].index("received_ms")
        # What was committed together was received together.
        bunches = [list(bunch) for _, bunch in itertools.groupby(rows, key=lambda row: row[received])]
        seconds = _sqlite(scratch, bunches) if hub.engine.dialect.name == "sqlite" else _postgresql(hub, bunches)
    finally:
        hub.close()
    return Bare(len(rows), seconds, int(statistics.median(len(bunch) for bunch in bunches)))


def _sqlite(scratch: Path, bunches: Sequence[Sequence[tuple[Any, ...]]]) -> float:
    made = open_engine(f"sqlite:///{scratch}")
    try:
        with made.write() as tx:
            migrate.create_all(tx)
        raw: Any = made.engine.raw_connection()
        insert = f"INSERT INTO facts ({COLUMNS}) VALUES ({', '.join('?' * len(facts.columns))})"  # noqa: S608 - our own names
        begun = time.perf_counter()
        for bunch in bunches:
            raw.driver_connection.execute("BEGIN IMMEDIATE")
            raw.driver_connection.executemany(insert, bunch)
            raw.driver_connection.execute("COMMIT")
        seconds = time.perf_counter() - begun
        raw.close()
    finally:
        made.close()
    return seconds


def _postgresql(hub: HubDatabase, bunches: Sequence[Sequence[tuple[Any, ...]]]) -> float:
    raw: Any = hub.engine.raw_connection()
    driver = raw.driver_connection
    driver.execute(f"CREATE TABLE {SAME_AGAIN} (LIKE facts INCLUDING ALL)")
    driver.commit()
    kinds = [column.type.compile(dialect=hub.engine.dialect).lower() for column in facts.columns]
    begun = time.perf_counter()
    for bunch in bunches:
        with driver.cursor().copy(f"COPY {SAME_AGAIN} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(kinds)
            for row in bunch:
                copy.write_row(row)
        driver.commit()
    seconds = time.perf_counter() - begun
    raw.close()
    return seconds
