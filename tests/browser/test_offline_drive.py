"""`dev.py offline` as people run it: what failed with the uplink cut is what the page "what works now" says needs the network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.domain import functions
from edge.domain.functions import Offline
from edge.services.care.works import register
from scripts import offline_drive

ROOT = Path(__file__).resolve().parents[2]
DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
SOME = ("pay.", "order.send", "sell.cash", "sell.exact", "undo.whole", "till.works")
"""What is driven without `--deep`: every way of paying, the kitchen's paper, a browser, money back, the page itself."""
DRIVEN = ("",) if DEEP else SOME


def on_the_page() -> list[str]:
    """What the page lists as needing the network, of what is driven."""
    people = functions.of_people(register())
    return [one.id for one in people if one.offline is Offline.NETWORK and one.id.startswith(DRIVEN)]


@pytest.mark.timeout(1800 if DEEP else 180)
@pytest.mark.parametrize("hours", [72, 0] if DEEP else [72])
def test_a_cut_fails_what_the_page_says_and_nothing_else(hours: int) -> None:
    # A process of its own: this one holds the browser of all other tests.
    command = [
        sys.executable,
        "-m",
        "scripts.offline_drive",
        "--json",
        "--hours",
        str(hours),
        "--only",
        ",".join(DRIVEN),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["failed"] == on_the_page(), report["why"]
    # The same drivers passed while the network was there.
    assert report["broken"] == []
    assert (done.returncode, report["ok"]) == (0, True)
    assert report["functions"] == report["passed"] + len(report["failed"]) >= (120 if DEEP else len(SOME))
    if DEEP:
        assert report["score"] >= 0.85
        assert report["score_weighted"] >= offline_drive.TARGET
