"""Worlds of one hub and two to five stores, each drawn from one seed: whatever befalls them, both sides end in agreement."""

import functools
import json
import os
import random
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from edge.db import journal
from scripts import sim_sync
from scripts.sim_faults import DiskRefused, Doom, Killed, Pause, plan_of_events
from scripts.sim_power import PowerFile
from scripts.sim_world import PARTIES, STORES, Outcome, run

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = range(1_000, 1_300 if os.environ.get("ZHANGGUI_DEEP") else 1_060)
FAILED = tomllib.loads(Path(__file__).with_name("failed_seeded_runs.toml").read_text(encoding="utf-8"))["run"]
TOLD = ("ok", "seeds", "facts", "faults", "violations", "first_bad_seed", "mutants")
RUN_APART = "import sys; from scripts.sim_world import run; print(run(int(sys.argv[1])).trace)"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_ends_in_agreement(seed):
    outcome = run(seed)
    assert outcome.violation == "", sim_sync.told(outcome)
    assert outcome.facts > 20


@pytest.mark.parametrize("seed", [one["seed"] for one in FAILED])
def test_a_world_that_ever_failed_ends_in_agreement(seed):
    outcome = run(seed)
    assert outcome.violation == "", sim_sync.told(outcome)


def test_the_same_seed_lives_the_same_life_and_another_one_another():
    first, again, other = run(1), run(1), run(2)
    assert (first.trace, first.facts, first.faults, first.at_ms) == (
        again.trace,
        again.facts,
        again.faults,
        again.at_ms,
    )
    assert first.trace != other.trace


def test_a_life_does_not_hang_on_how_a_process_orders_its_hashes():
    traces = {
        subprocess.run(
            [sys.executable, "-c", RUN_APART, "4"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": number, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    }
    assert traces == {run(4).trace + "\n"}


def test_everything_that_can_befall_a_world_befalls_one():
    kinds = {
        event.kind
        for seed in range(40)
        for event in plan_of_events(f"{seed}", PARTIES, STORES, 100_000, workers=("hub", "hub2"), powered=STORES[:1])
    }
    assert kinds == {
        "boot_1970", "broker_kill", "broker_wipe", "burst", "compact", "cut", "deploy", "disk_refuses", "doom",
        "enrol_anew", "freeze", "hub_restore", "hub_snapshot", "kill", "old_head", "outage", "pause", "poison",
        "power_cut", "publish", "rename", "replace", "stall", "starve", "store_rollback", "store_snapshot", "swizzle",
        "takeover", "wall_step", "weather",
    }  # fmt: skip


def test_a_disk_that_refuses_counts_statements_and_lets_messages_pass():
    doom = Doom()
    doom.arm(1, "database or disk is full")
    doom.step("before publish")
    with pytest.raises(DiskRefused, match="full"):
        doom.step("statement")
    doom.step("statement")


@pytest.mark.parametrize(("sync", "loses"), [("full", False), ("normal", True)])
def test_a_power_cut_takes_what_was_not_synced_and_nothing_else(sync, loses):
    lost = 0
    for seed in range(10):
        file = PowerFile(sync)
        for number in range(10):
            file.write(functools.partial(journal.set_counter, name="n", value=number))
        file.cut(random.Random(seed))
        with file.read() as reader:
            lost += 9 - journal.counter(reader, "n")
        file.close()
    assert (lost > 0) == loses


def test_a_process_that_stands_still_does_so_once():
    slept: list[int] = []
    pause = Pause()
    pause.sleep = slept.append
    pause.point()
    pause.arm(20_000)
    pause.point()
    pause.point()
    assert slept == [20_000]


def test_doom_strikes_once_at_the_chosen_step():
    doom = Doom()
    doom.arm(2)
    doom.step("one")
    with pytest.raises(Killed, match="two"):
        doom.step("two")
    doom.step("the next life")


def test_the_command_tells_its_figures_in_one_last_line(capfd):
    assert sim_sync.main(["--seeds", "2", "--json"]) == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert [key for key in TOLD if key not in told] == []
    assert (told["ok"], told["seeds"], told["violations"], told["first_bad_seed"]) == (True, 2, 0, None)
    assert told["facts"] > 100


def test_a_violation_and_a_guard_that_nobody_missed_both_fail_the_command(capsys):
    good = Outcome(1, 10, Counter(), "", 5, "t", 3)
    bad = Outcome(2, 10, Counter(), "a fact is gone", 5, "t", 0)
    assert sim_sync.report([good, bad], {}, 1.0, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["violations"], told["first_bad_seed"]) == (False, 1, 2)
    assert sim_sync.report([good], {"dedupe_off": False}, 1.0, as_json=True) == 1
    assert sim_sync.report([good], {"dedupe_off": True}, 1.0, as_json=True) == 0
