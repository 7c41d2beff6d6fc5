"""`chaos sync` as people run it, with few kills: nothing is lost or doubled, and a till with a fault is found out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.chaos_client import Journal

ROOT = Path(__file__).resolve().parents[2]
KILLS = 40 if os.environ.get("ZHANGGUI_DEEP") else 6


def chaos(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.chaos_sync", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, told


@pytest.mark.timeout(600)
def test_after_kills_at_random_every_confirmed_sale_is_at_the_hub_once():
    code, told = chaos("--kills", str(KILLS))
    assert (code, told["ok"], told["failed"]) == (0, True, [])
    assert told["kills"] == sum(told["killed"].values()) == KILLS
    assert told["confirmed"] > 0
    assert (told["lost"], told["doubled"]) == (0, 0)
    assert told["confirmed"] == told["at_edge"] == told["at_hub"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("fault", "found"), [("lose", "lost"), ("double", "doubled")])
def test_a_till_with_a_fault_is_found_out(fault, found):
    code, told = chaos("--kills", "0", "--break", fault)
    assert (code, told["ok"]) == (1, False)
    assert told[found] >= 1


def test_a_tills_journal_that_was_cut_in_its_last_line_goes_on_from_the_line_before(tmp_path):
    path = tmp_path / "till.jsonl"
    asked = {"step": "asked", "sale_id": "a", "what": {"sale_id": "a"}}
    whole = json.dumps(asked) + "\n"
    path.write_text(whole + '{"step": "confirmed", "sal', encoding="utf-8")
    journal = Journal(path)
    assert (journal.pending, journal.confirmed) == ({"sale_id": "a"}, {})
    assert path.read_text(encoding="utf-8") == whole
