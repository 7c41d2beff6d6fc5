"""A real Chromium killed right after its page said "saved", and one killed while it pays: nothing is lost, nothing is sold twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.chaos_browser import BrowserKills

ROOT = Path(__file__).resolve().parents[2]
DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
KILLS = 14 if DEEP else 1


@pytest.mark.timeout(1_800 if DEEP else 180)
def test_a_browser_that_is_killed_after_saved_or_while_it_pays_loses_nothing_and_sells_nothing_twice():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.chaos_till", "--kills", "0", "--browser-kills", str(KILLS), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, told["failed"]) == (0, [])
    assert (told["browser_kills"], told["browser_kills_paying"]) == (KILLS, KILLS)
    assert (told["browser_lost"], told["browser_doubled"]) == (0, 0)


@pytest.mark.parametrize(
    ("shown", "after", "lost", "doubled"),
    [
        ("1-1-000002", ["1-1-000001", "1-1-000002"], 0, 0),
        ("", ["1-1-000001", "1-1-000002"], 0, 0),
        ("1-1-000002", ["1-1-000001"], 1, 0),
        ("1-1-000002", ["1-1-000001", "1-1-000003"], 1, 0),
        ("", ["1-1-000001"], 0, 0),
        ("", ["1-1-000002"], 1, 0),
        ("1-1-000002", ["1-1-000001", "1-1-000002", "1-1-000003"], 0, 1),
    ],
)
def test_what_a_killed_browser_lost_or_sold_twice_is_counted(shown, after, lost, doubled):
    found = BrowserKills()
    found.count(shown, ["1-1-000001"], after)
    assert (found.lost, found.doubled) == (lost, doubled)
