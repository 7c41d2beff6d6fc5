"""`bench till` as people run it, with very few orders: every process starts, every order is confirmed and printed."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench_till", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    told: dict[str, object] = json.loads(lines[-1])
    return done.returncode, told


def test_a_short_run_confirms_and_prints_every_order_and_owns_up_to_being_too_short():
    code, told = bench("--terminals", "1,2", "--orders", "21")
    runs = told["runs"]
    assert isinstance(runs, list)
    assert [(run["terminals"], run["orders"], run["refused"]) for run in runs] == [(1, 11, 0), (2, 10, 0)]
    assert told["orders"] == told["printed"] == 21
    # Two facts, the sale, three lines, tender, invite, stored answer, slip; two lanes, two counters, the day's total.
    assert told["rows_per_order"] == 15
    assert 0 < float(str(told["node_rss_mb"])) < 500
    assert 0 < float(str(told["bare_commit_p50_ms"])) <= float(str(told["bare_commit_p99_ms"]))
    missed = told["missed"]
    assert isinstance(missed, list)
    assert [one for one in missed if one.startswith("orders: 21")]
    assert (code, told["ok"]) == (1, False)


def test_a_store_without_a_printer_can_be_measured_too():
    _, told = bench("--terminals", "1", "--orders", "5", "--no-paper")
    assert told["orders"] == 5
    assert told["printed"] is None
    assert told["rows_per_order"] == 14
