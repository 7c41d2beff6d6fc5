"""What must not grow with the days: the look for the next slip, and the memory behind sign-ins."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.db import drawer_jobs, print_jobs
from edge.db.migrations import steps
from sync.node import migrate
from sync.node.database import Reader, Row

ROOT = Path(__file__).resolve().parents[2]
SIGN_INS = """
import threading
from sync.node import memory
from sync.node.passwords import PIN_COST, Vault

{first}
vault = Vault(b"pepper", PIN_COST)
stored = vault.hash("271828")
# Each thread checks twice and stays, as the threads of a server do: what its arena keeps is still there at the end.
done, leave = threading.Barrier(7), threading.Event()
def check():
    for _ in range(2):
        assert vault.matches(stored, "271828")
        done.wait()
    leave.wait()
threads = [threading.Thread(target=check) for _ in range(6)]
for thread in threads:
    thread.start()
done.wait()
done.wait()
lines = open("/proc/self/status", encoding="ascii").read().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))
leave.set()
"""


class Planner:
    """A reader that notes how SQLite means to answer each query."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.plans: list[str] = []

    def execute(self, sql, parameters=()) -> list[Row]:
        self.plans += [str(row[3]) for row in self._reader.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        return self._reader.execute(sql, parameters)


@pytest.fixture
def planner(tmp_path):
    db = migrate.opened(tmp_path / "node.db", steps)
    with db.read() as reader:
        yield Planner(reader)
    db.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda reader: print_jobs.next_waiting(reader, ("counter", "")),
        lambda reader: print_jobs.waiting_at(reader, ("counter", "")),
        lambda reader: print_jobs.asking(reader, "stale"),
        print_jobs.waiting_anywhere,
        print_jobs.counts,
        print_jobs.left_in_hand,
        lambda reader: print_jobs.open_jobs(reader, 10),
    ],
    ids=["next_waiting", "waiting_at", "asking", "waiting_anywhere", "counts", "left_in_hand", "open_jobs"],
)
def test_slips_that_are_settled_are_never_looked_at_for_those_that_are_not(planner, ask):
    ask(planner)
    assert planner.plans == ["SCAN print_jobs USING INDEX print_jobs_open"]


def test_drawers_that_are_settled_are_never_looked_at_for_those_that_are_not(planner):
    drawer_jobs.open_jobs(planner)
    assert planner.plans == ["SCAN drawer_jobs USING INDEX drawer_jobs_open"]


def test_a_query_that_only_means_the_same_as_the_index_looks_at_every_slip(planner):
    planner.execute(
        "SELECT job_id FROM print_jobs WHERE state IN ('queued','claimed','held') ORDER BY position LIMIT 1"
    )
    assert "print_jobs_open" not in planner.plans[0]


def rss_kb(first: str) -> int:
    script = SIGN_INS.format(first=first)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=160, check=True
    )
    return int(done.stdout)


def test_memory_of_sign_ins_goes_back_and_without_the_switch_every_thread_keeps_some():
    assert rss_kb("assert memory.give_back_large_blocks()") < 60_000
    assert rss_kb("pass") > 80_000
