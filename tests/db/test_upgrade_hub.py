"""The hub's schema steps: killed at any statement, the database is as before or as after, and the next start goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloud.db import migrate
from cloud.db.engine import open_engine

ROOT = Path(__file__).resolve().parents[2]
DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
KILLS = 100 if DEEP else 6
FIRST = "0001_spine"
MIGRATE = """
import os, signal, sys
from sqlalchemy import event
from cloud.db import migrate
from cloud.db.engine import open_engine
database, left = open_engine(sys.argv[1]), int(sys.argv[2])
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(database.engine, "before_cursor_execute", count)
event.listen(database.engine, "commit", count)
migrate.migrate(database, *sys.argv[3:])
print(left)
database.close()
"""
SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
FACT = (
    "INSERT INTO facts (ingest_id, store, epoch, lane, seq, kind, at_ms, received_ms, chain, raw)"
    " VALUES (1, 's1', 1, 0, 1, 'sale.paid', 1, 1, x'00', x'01')"
)


def run(url: str, kill_at: int, *target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MIGRATE, url, str(kill_at), *target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def looked_at(url: str) -> tuple[str, object, object]:
    """Which step the database is at, its whole schema, and the facts in it."""
    database = open_engine(url)
    try:
        with database.read() as reader:
            run_sql = reader.connection.exec_driver_sql
            step = str(run_sql("SELECT version_num FROM alembic_version").scalar_one())
            kept = run_sql("SELECT ingest_id, store, seq, kind, raw FROM facts").all()
            assert run_sql("PRAGMA integrity_check").scalar_one() == "ok"
            return step, [tuple(row) for row in run_sql(SCHEMA).all()], [tuple(row) for row in kept]
    finally:
        database.close()


def seeded(path: Path) -> str:
    """A hub's database as the first release left it, with a fact in it."""
    url = f"sqlite:///{path}"
    database = open_engine(url)
    migrate.migrate(database, FIRST)
    with database.write() as tx:
        tx.connection.exec_driver_sql(FACT)
    database.close()
    return url


@pytest.mark.timeout(1_200 if DEEP else 400)
def test_killed_at_any_statement_the_database_is_as_before_or_as_after_and_the_fact_is_there(tmp_path):
    whole = seeded(tmp_path / "whole.db")
    before = looked_at(whole)
    done = run(whole, 1_000_000)
    assert done.returncode == 0, done.stderr
    statements = 1_000_000 - int(done.stdout)
    after = looked_at(whole)
    assert before[0] == FIRST != after[0]
    assert statements > 10
    seen = set()
    for kill in range(KILLS):
        url = seeded(tmp_path / f"kill-{kill}.db")
        died = run(url, 1 + kill * (statements - 1) // (KILLS - 1))
        assert died.returncode == -signal.SIGKILL, died.stderr
        found = looked_at(url)
        seen.add(found[0])
        assert found in (before, after)
        again = run(url, 0)
        assert again.returncode == 0, again.stderr
        assert looked_at(url) == after
    assert FIRST in seen
