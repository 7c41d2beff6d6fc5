"""`bench sync` as people run it, with very little of everything: all parts measure, and a short run owns up to being short."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgresql") if os.environ.get("ZHANGGUI_DEEP") else ("sqlite",)
SMALL = ("--orders", "30", "--runs", "1", "--stores", "3", "--replace-mb", "1", "--broker", "embedded")


@pytest.mark.timeout(600)
def test_a_small_run_measures_every_part():
    wanted = [argument for name in DATABASES for argument in ("--db", name)]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench_sync", "--json", *SMALL, *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert "error" not in told, told
    assert told["facts"] >= 30 * 6
    for figures in ("drain_per_s", "bare_per_s", "ratio", "hub_cpu_us_per_fact"):
        assert set(told[figures]) == set(DATABASES)
        assert all(figure > 0 for figure in told[figures].values())
    assert 100 < told["wire_bytes_per_order"] < 3_000
    assert told["return_s"]["first"] <= told["return_s"]["last"]
    assert told["replace_s"] > 0
    # So few facts say nothing about speed, and the run says so.
    assert (done.returncode == 0) == told["ok"] == (not told["missed"])
