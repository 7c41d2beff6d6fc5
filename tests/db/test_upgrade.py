"""From a version to the next and back, with sales in each: nothing lost, whatever the new version does or wherever it dies."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from edge.db import journal
from edge.db.journal import Draft, Place
from edge.db.migrations import steps
from edge.services.care.upgrade import PROGRAM
from edge.services.copies import snapshots
from edge.services.copies.restore import restore
from edge.services.copies.snapshots import Shelf
from sync.contract.operations import COMMAND_DONE, CommandSettled
from sync.node import database, keys, migrate
from sync.node.migrate import NewerDatabaseError, Steps
from sync.node.ports import ManualClock, SeededChance, SystemClock
from sync.node.snapshots import Keyring, SnapshotError, unseal
from sync.node.upgrade import CURRENT, PREVIOUS, TRIAL, Answer, Installation, Patience, UpgradeError
from tests.kit import machine as machines
from tests.kit.machine import Manager, install_next, machine
from tests.kit.nodes import START_MS, STORE, Rig, store_identity
from tests.kit.waiting import PATIENCE_S

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
KILLS = 100 if DEEP else 6
HASTE = Patience(healthy_within_s=PATIENCE_S, steady_s=0.4, back_within_s=PATIENCE_S)
IMPATIENCE = Patience(healthy_within_s=6.0, steady_s=2.5, back_within_s=PATIENCE_S)
"""Longer steady than what falls over stands, also where a machine lets it stand for a while more."""


FAULTS = [("FALLS_OVER", "does not (answer|stay)")]
"""What is wrong with the next version, and the word of the verdict."""
if DEEP:
    FAULTS += [("IS_ILL", "no answer from writer"), ("NEVER_SERVES", "does not answer")]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One machine for all: each test begins with the version that the one before left."""
    with machine(tmp_path_factory.mktemp("machine")) as manager:
        install_next(manager.folder, "v2")
        yield manager


def place_of(manager: Manager) -> Installation:
    return Installation(manager.folder, PROGRAM, SystemClock())


def switch(manager: Manager, to: str) -> None:
    verdict = place_of(manager).switch(manager.folder / to, manager, HASTE)
    assert verdict.ok, (verdict, manager.log())


def other(manager: Manager) -> Path:
    """Give the version that does not run: this one, or the one of the future."""
    return manager.folder / ("v1" if current(manager) == "v2" else "v2")


def current(manager: Manager) -> str:
    return (manager.folder / CURRENT).resolve().name


def sales_of(manager: Manager) -> dict[str, int]:
    with manager.till() as door:
        listed = door.ask_patiently("GET", "/api/v1/sales?limit=500").body["sales"]
    assert len({sale["sale_id"] for sale in listed}) == len(listed)
    return {sale["sale_id"]: sale["total_fen"] for sale in listed}


def sell(manager: Manager, *numbers: int) -> dict[str, int]:
    with manager.till() as door:
        return {sold["sale_id"]: sold["total_fen"] for sold in (manager.sell(door, number) for number in numbers)}


def before_upgrades(manager: Manager) -> list[Path]:
    return [
        path for _, path in snapshots.listed(manager.data / snapshots.FOLDER) if path.stem.endswith(snapshots.BEFORE)
    ]


def sales_in(manager: Manager, copy: Path, opened: Path) -> dict[str, int]:
    """Open a copy with the keys of the node and give the sales in it."""
    ring = Keyring(keys.load(manager.data / "keys.json"), SeededChance("open"))
    unseal(copy, opened, ring)
    snapshots.check(opened)
    with closing(database.connect(opened)) as raw:
        assert migrate.lacking(raw, steps) == []
        return dict(raw.execute("SELECT sale_id, total_fen FROM sales").fetchall())


@pytest.mark.timeout(400)
def test_to_the_next_version_and_back_and_forth_again_every_sale_stays_and_every_table_holds(running, tmp_path):
    kept = sell(running, 1, 2, 3)
    before = kept.copy()
    switch(running, "v2")
    kept |= sell(running, 4, 5)
    first = running.verify()
    assert (first["ok"], first["parked"]) == (True, 0), first
    assert {"notes": True, "till_takings": True}.items() <= first["projections"].items()
    [copy] = before_upgrades(running)
    assert sales_in(running, copy, tmp_path / "opened.db") == before

    # Back: the file as it is, with the sales of the new version, and its notes kept for it.
    switch(running, PREVIOUS)
    assert current(running) == "v1"
    kept |= sell(running, 6, 7, 8)
    beside = running.verify()
    assert (beside["ok"], beside["parked"]) == (True, 1), beside
    assert "notes" not in beside["projections"]

    # Forth: what the old version sold is in the tables that it never knew.
    switch(running, "v2")
    kept |= sell(running, 9)
    again = running.verify()
    assert (again["ok"], again["parked"]) == (True, 0), again
    assert {"notes": True, "till_takings": True}.items() <= again["projections"].items()
    assert sales_of(running).items() >= kept.items()
    assert before_upgrades(running) == [copy]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_version_that_is_not_healthy_goes_back_by_itself(running, fault, reason):
    sick = running.folder / fault.lower()
    install_next(running.folder, sick.name, wiring=machines.USE + getattr(machines, fault))
    kept, old = sell(running, 20), current(running)
    verdict = place_of(running).switch(sick, running, IMPATIENCE)
    assert not verdict.ok
    assert Path(verdict.current).name == current(running) == old
    assert re.search(reason, verdict.reason), verdict
    assert not (running.folder / TRIAL).exists()
    kept |= sell(running, 21)
    assert sales_of(running).items() >= kept.items()
    assert running.verify()["ok"]


@pytest.mark.timeout(400)
def test_a_switch_that_was_broken_off_is_settled_by_whoever_comes_next(running):
    class PowerCut(Exception):
        pass

    class Cut:
        health = running.health

        def restart(self):
            raise PowerCut

    place, to = place_of(running), other(running)
    with pytest.raises(PowerCut):
        place.switch(to, Cut(), HASTE)
    assert (running.folder / TRIAL).exists()
    with pytest.raises(UpgradeError, match="--settle"):
        place.switch(other(running), running, HASTE)
    verdict = place_of(running).settle(running, HASTE)
    assert (verdict.ok, current(running)) == (True, to.name)
    assert place.settle(running, HASTE).ok


def test_the_command_switches_through_systemctl_and_says_what_became_of_it(running, tmp_path):
    """A `systemctl` of a few lines stands for the real one, which needs systemd as the first process."""
    orders = tmp_path / "orders"
    os.mkfifo(orders)
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(f'#!/bin/sh\necho "$@" > "{orders}"\n')
    stand_in.chmod(0o755)
    environment = {**running.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    to = other(running)
    command = [str(running.program()), "upgrade", "--config", str(running.config), "--json", "--steady", "0.3"]
    command += ["--installation", str(running.folder), "--to", str(to)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert orders.read_text().split() == ["--no-block", "restart", "zhanggui-edge.service"]
        running.restart()
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    assert current(running) == to.name


def test_what_is_no_version_is_refused_and_nothing_changes(running, tmp_path):
    here = current(running)
    with pytest.raises(UpgradeError, match="holds no version"):
        place_of(running).switch(tmp_path, running, HASTE)
    with pytest.raises(UpgradeError, match="no link"):
        Installation(tmp_path, PROGRAM, ManualClock()).switch(running.folder / "v2", running, HASTE)
    assert current(running) == here


@dataclass
class Pretended:
    """A machine in this process: each question costs a second, and the next version answers as it is told to."""

    folder: Path
    clock: ManualClock
    new: Callable[[int], Answer | None]
    boots: int = 0
    asked: int = 0

    def restart(self) -> None:
        self.boots += 1
        self.asked = 0

    def health(self) -> Answer | None:
        self.clock.advance(1_000)
        self.asked += 1
        if (self.folder / CURRENT).resolve().name == "old":
            return Answer(f"old {self.boots}", ok=True)
        return self.new(self.asked)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (lambda asked: None, "it does not answer"),
        (lambda asked: Answer("new", ok=False, detail="no answer from writer"), "not healthy: no answer from writer"),
        (lambda asked: Answer("new", ok=True) if asked < 3 else None, "it does not answer"),
        (lambda asked: Answer(f"new {asked // 2}", ok=True), "it does not stay up"),
    ],
    ids=["never serves", "is ill", "falls over", "starts again and again"],
)
def test_every_kind_of_unhealthy_version_is_left_for_the_old_one_with_its_reason(tmp_path, new, reason):
    for name in ("old", "new"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / PROGRAM).touch(mode=0o755)
    (tmp_path / CURRENT).symlink_to("old")
    clock = ManualClock()
    place = Installation(tmp_path, PROGRAM, clock)
    place._pause.set()  # Nobody waits: the clock of this machine goes on by itself.
    verdict = place.switch(tmp_path / "new", Pretended(tmp_path, clock, new), Patience(5.0, 3.0, back_within_s=9.0))
    assert (verdict.ok, Path(verdict.current).name, (tmp_path / CURRENT).resolve().name) == (False, "old", "old")
    assert verdict.reason == f"new: {reason} (waited 5 s)"
    assert not (tmp_path / TRIAL).exists()


# The steps themselves


def after(folder: Path, name: str, code: str) -> Path:
    return install_next(folder, name, steps=code) / "code"


MIGRATE = """
import os, signal, sys
from pathlib import Path
from edge.db.migrations import steps
from sync.node import database, migrate

def run(path, left):
    raw = database.connect(path)
    def count(_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    raw.set_trace_callback(count)
    migrate.apply(raw, steps)
    raw.set_trace_callback(None)
    return left

for line in sys.stdin:
    # A child for each: what it was doing is gone with it, and the program needs to be read only once.
    path, _, number = line.rstrip().rpartition(" ")
    left_at, leave = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(leave, str(run(Path(path), int(number))).encode())
        os._exit(0)
    os.close(leave)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), os.read(left_at, 20).decode() or "-", flush=True)
    os.close(left_at)
"""


class Migrator:
    """The next version, which applies its steps to a file and may be killed at a statement."""

    def __init__(self, code: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", MIGRATE], cwd=code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def apply(self, path: Path, kill_at: int = 0) -> tuple[int, str]:
        """Give how the process ended, and how many statements of `kill_at` were left when it came to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(path, kill_at, file=self._process.stdin, flush=True)
        status, left = self._process.stdout.readline().split()
        return int(status), left


@pytest.mark.timeout(1_200 if DEEP else 400)
def test_killed_at_any_statement_of_the_steps_every_sale_stays_and_either_version_goes_on(tmp_path):
    code = after(tmp_path, "v2", machines.STEP)
    first = tmp_path / "first"
    with Rig(first) as rig:
        sold = [rig.sell(number).sale_id for number in range(1, 6)]
    whole = tmp_path / "whole.db"
    copy(first / "node.db", whole)
    with Migrator(code) as migrator:
        killed_at_any_statement(migrator, whole, first / "node.db", sold)


def killed_at_any_statement(migrator: Migrator, whole: Path, first: Path, sold: list[str]) -> None:
    status, left = migrator.apply(whole, 1_000_000)
    assert status == 0
    statements = 1_000_000 - int(left)
    assert statements > 20
    for kill in range(KILLS):
        with_kill = whole.parent / f"kill-{kill}"
        with_kill.mkdir()
        path = with_kill / "node.db"
        copy(first, path)
        assert migrator.apply(path, 1 + kill * (statements - 1) // (KILLS - 1)) == (-signal.SIGKILL, "-")
        # The version before runs on it, whatever stood when the power went …
        with Rig(with_kill, seed=f"after kill {kill}") as rig:
            assert rig.rows("PRAGMA integrity_check") == [("ok",)]
            assert [row[0] for row in rig.rows("SELECT sale_id FROM sales ORDER BY n")] == sold
            sold_since = rig.sell(100 + kill).sale_id
        # … and the next one brings it to its end.
        assert migrator.apply(path)[0] == 0
        with closing(database.connect(path)) as raw:
            tx = database.tx_of(raw)
            assert [row[0] for row in tx.execute("SELECT sale_id FROM sales ORDER BY n")] == [*sold, sold_since]
            assert tx.execute("SELECT sum(sales) FROM till_takings") == [(len(sold) + 1,)]
            assert tx.execute("SELECT count(*) FROM additive_steps WHERE missed = 1") == [(0,)]
            assert migrate.last(tx, steps) == "900_notes"


def copy(source: Path, target: Path) -> None:
    with closing(database.connect(source)) as raw:
        raw.execute("VACUUM INTO ?", (str(target),))


def test_a_step_that_is_not_additive_closes_the_file_to_older_code_and_says_what_to_do(tmp_path):
    """The negative control of the way back: without the promise there is none."""
    code = after(tmp_path, "v2", machines.CLOSED_STEP)
    with Rig(tmp_path / "data") as rig:
        rig.sell(1)
    path = tmp_path / "data" / "node.db"
    with Migrator(code) as migrator:
        assert migrator.apply(path)[0] == 0
    with pytest.raises(NewerDatabaseError, match=r"901_closed.*restore the copy"):
        migrate.opened(path, steps)


def future(*fills: str) -> Steps:
    """The steps of this code and one more for each name; each counts the facts into a table of its own."""
    made = Steps("edge")
    for step in steps._migrations:
        made(name=step.name)(step.fn)
    made.fills.update(steps.fills)
    for name in fills:

        def fill(tx, name=name) -> None:
            tx.execute(f"DELETE FROM t_{name}")
            tx.execute(f"INSERT INTO t_{name} SELECT count(*) FROM sales")

        def make(db, name=name) -> None:
            db.execute(f"CREATE TABLE t_{name} (n INTEGER)")

        made.additive(name=name, fill=fill)(make)
    return made


def counted(path: Path, name: str) -> int:
    with closing(database.connect(path)) as raw:
        [(found,)] = raw.execute(f"SELECT n FROM t_{name}").fetchall()
        return int(found)


def apply(path: Path, made: Steps) -> None:
    with closing(database.connect(path)) as raw:
        migrate.apply(raw, made)


def test_a_step_is_filled_at_first_and_again_only_after_older_code_ran(tmp_path):
    path = tmp_path / "node.db"
    with Rig(tmp_path) as rig:
        rig.sell(1)
    apply(path, future("900"))
    assert counted(path, "900") == 1
    with closing(database.connect(path)) as raw:
        raw.execute("UPDATE t_900 SET n = 77")
    apply(path, future("900"))
    assert counted(path, "900") == 77
    with Rig(tmp_path, seed="again") as rig:
        rig.sell(2)
    apply(path, future("900"))
    assert counted(path, "900") == 2


def test_a_filling_that_fails_is_tried_again_at_the_next_start(tmp_path):
    path = tmp_path / "node.db"
    with Rig(tmp_path) as rig:
        rig.sell(1)
    broken = future("900")

    def fail(tx) -> None:
        tx.execute("INSERT INTO t_900 VALUES (5)")
        tx.execute("INSERT INTO t_900 VALUES (no_such)")

    broken.fills["900"] = fail
    with pytest.raises(database.OperationalError):
        apply(path, broken)
    apply(path, future("900"))
    assert counted(path, "900") == 1


def test_a_copy_is_made_before_the_first_step_and_none_without_one(tmp_path):
    clock, chance = ManualClock(), SeededChance("copies")
    data = tmp_path / "data"
    with Rig(data) as rig:
        shelf = Shelf(data, tmp_path / "copies", rig.identity, clock, chance)
        sold = rig.sell(1).sale_id

    def open_with(steps_now: Steps) -> list[Path]:
        clock.advance(1)
        migrate.opened(data / "node.db", steps_now, before=lambda: snapshots.before_upgrade(shelf)).close()
        return [path for _, path in snapshots.listed(shelf.folder)]

    assert open_with(steps) == []
    [first] = open_with(future("900"))
    assert b"SQLite" not in first.read_bytes()
    assert open_with(future("900")) == [first]
    open_with(future("900", "901"))
    last_two = open_with(future("900", "901", "902"))
    assert len(last_two) == 2
    assert first not in last_two
    # The way back outlives the copy of the night that follows on the same day.
    clock.advance(3_600_000)
    nightly = snapshots.make(shelf)
    assert [path for _, path in snapshots.listed(shelf.folder)] == [*last_two, nightly]

    restore(shelf, str(last_two[0]))
    with closing(database.connect(data / "node.db")) as raw:
        assert raw.execute("SELECT sale_id FROM sales").fetchall() == [(sold,)]
        assert migrate.last(database.tx_of(raw), steps) == "900"


def test_where_no_copy_can_be_made_the_schema_stays_as_it_is(tmp_path):
    path = tmp_path / "node.db"
    with Rig(tmp_path) as rig:
        rig.sell(1)
        shelf = Shelf(tmp_path, tmp_path / "copies", rig.identity, rig.clock, SeededChance("copies"))
    # A damaged file: the copy reads every page, a step might not.
    raw = path.read_bytes()
    path.write_bytes(raw[:8192] + b"\xff" * 4096 + raw[12288:])
    with pytest.raises(SnapshotError, match="copy"):
        migrate.opened(path, future("900"), before=lambda: snapshots.before_upgrade(shelf))
    assert snapshots.listed(shelf.folder) == []
    with closing(database.connect(path)) as again:
        assert migrate.lacking(again, future("900")) == ["900"]


def test_older_code_runs_beside_the_streams_and_what_it_left_out_is_made_good(tmp_path):
    path, identity = tmp_path / "node.db", store_identity()

    def with_steps(*names: str) -> Steps:
        made = Steps("edge")
        for step in steps._migrations:
            if step.name in names:
                made(name=step.name)(step.fn)
        made.fills.update({name: fill for name, fill in steps.fills.items() if name in names})
        return made

    older, newer = with_steps("001_spine", "002_devices"), with_steps("001_spine", "002_devices", "003_streams")
    apply(path, older)
    apply(path, newer)
    done = CommandSettled(command_id="c" * 32, name="run_verify")
    with closing(database.connect(path)) as raw:
        tx = database.tx_of(raw)
        journal.open_epoch(tx, STORE, 1)
        journal.append(
            tx, Place(STORE, 1, START_MS, "2026-09-21"), identity, [Draft(b"1" * 16, 1, COMMAND_DONE, 1, done)]
        )
        # As older code leaves it: the fact came back from the hub and was kept; keys came anew and their doubt stayed.
        tx.execute("INSERT INTO streams (stream, version, checksum, doubted) VALUES ('stores', 7, x'00', 1)")
        tx.execute(
            "INSERT INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en) VALUES ('a', 1, x'', x'', '', '')"
        )
    apply(path, newer)
    settled = "SELECT command_id, outcome FROM commands_settled"
    with closing(database.connect(path)) as raw:
        assert raw.execute(settled).fetchall() == [], "nothing ran beside it, so nothing is filled"
    apply(path, older)
    apply(path, newer)
    with closing(database.connect(path)) as raw:
        assert raw.execute(settled).fetchall() == [("c" * 32, "done")]
        assert raw.execute("SELECT stream, version, doubted FROM streams").fetchall() == [("stores", 0, 1)]
        assert raw.execute("SELECT doubted FROM store_keys").fetchall() == [(1,)], "kept until the hub said all again"
