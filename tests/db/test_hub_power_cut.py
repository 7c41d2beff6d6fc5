"""Power cuts at random points of a hub's life: what an acknowledgement or a WELCOME named is there, and the store goes on from it.

The real schema, ingest and projector over the hub's own engine, on a disk that forgets what was not synced (`scripts/crash_hub.py`).
"""

import json
import os

import pytest

from scripts import crash, crash_dbapi, crash_hub
from scripts.crash_hub import CrashHub
from scripts.crash_outcome import Outcome
from scripts.crash_vfs import CrashVfs, Disk

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
POINTS = 1_000 if DEEP else 50


@pytest.mark.timeout(1_200 if DEEP else 400)
def test_every_acknowledged_fact_is_there_with_its_bytes_after_a_power_cut_anywhere(capsys):
    assert crash.main(["--hub", "--points", str(POINTS), "--seed", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["ok"], told["points"], told["lost"], told["corrupt"], told["doubled"]) == (True, POINTS, 0, 0, 0)
    assert told["confirmed"] > 10 * POINTS
    assert set(told["kept"]) == {"none", "all", "random", "prefix", "torn512", "torn4096"}


def test_with_normal_syncs_acknowledged_facts_are_lost_and_the_command_says_so(capsys):
    """The negative control: the cuts do reach what was not synced."""
    assert crash.main(["--hub", "--points", "25", "--seed", "7", "--sync", "normal", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["ok"] is False
    assert told["lost"] > 0


def test_the_same_seed_cuts_the_same_life_of_a_hub_at_the_same_points():
    assert crash_hub.run_life(("5.1", 4)) == crash_hub.run_life(("5.1", 4))


def test_the_judge_sees_another_byte_a_missing_fact_and_a_fact_too_many():
    for deed, wrong in (
        ("UPDATE facts SET raw = x'00' WHERE lane = 0 AND seq = 1", "lost"),
        ("DELETE FROM facts WHERE lane = 1 AND seq = (SELECT max(seq) FROM facts WHERE lane = 1)", "lost"),
        ("UPDATE lanes SET seq = seq - 1 WHERE lane = 0", "lost"),
    ):
        outcome = judged(deed)
        assert getattr(outcome, wrong) > 0, deed
    assert judged("SELECT 1").told == []


def judged(deed: str) -> Outcome:
    """Let a hub live, harm what it holds, cut the power behind that, and judge."""
    hub = CrashHub("harm")
    hub.start()
    hub.live(12)
    for trigger in ("facts_no_update", "facts_no_delete"):
        with hub.database.write() as tx:
            tx.connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
    with hub.database.write() as tx:
        tx.connection.exec_driver_sql(deed)
    hub.stop()
    return crash_hub.cut_at(hub, [len(hub.disk.record)], "end")


def test_the_stand_in_driver_says_what_the_hubs_own_says():
    vfs = CrashVfs("stand-in", Disk())
    made = crash_dbapi.connect("f", "stand-in")
    made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT")
    cursor = made.cursor()
    assert cursor.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, "y")]).rowcount == 2
    with pytest.raises(crash_dbapi.IntegrityError):
        made.execute("INSERT INTO t VALUES (1, 'z')")
    with pytest.raises(crash_dbapi.ProgrammingError):
        made.execute("SELECT nothing")
    nothing = made.execute("SELECT a, b FROM t WHERE a = 9")
    assert [one[0] for one in nothing.description or ()] == ["a", "b"], "columns are known though no row came"
    assert nothing.fetchall() == []
    made.execute("BEGIN IMMEDIATE")
    made.execute("DELETE FROM t")
    made.rollback()
    assert made.execute("SELECT a FROM t ORDER BY a").fetchmany(1) == [(1,)]
    made.close()
    vfs.unregister()
