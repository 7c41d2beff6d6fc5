"""`dev.py sim value`: many seeded worlds of members, their points and the stores that may spend them, and the rules taken out in turn.

Every run is drawn from one number. A run that failed is told with its number, and `--replay NUMBER` lives it again, step by step the
same. With `--mutants` each rule is also taken out of the source until a run notices.
"""

import argparse
import concurrent.futures
import gc
import importlib
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from scripts.sim_value_mutants import MUTANTS
from scripts.spoiled import spoil

if TYPE_CHECKING:
    from scripts.sim_value_world import Outcome

SEEDS = 300
WORKERS_MAX = 2
MUTANT_SEEDS_MAX = 60
"""Within so many seeds a rule that is out must be noticed."""
PIECE = 4
TOLD_MAX = 10
TOLD_EVERY = 20
LAWS = ("overspent", "ledger_sum", "grants_breached", "balances", "people")
"""What is counted, as `sim_value_oracle` names it; the product is not imported here, so that a mutant can be laid over it first."""


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


def quiet() -> None:
    """Keep the product from telling of every fault: here they are all on purpose."""
    logging.disable(logging.CRITICAL)
    gc.set_threshold(20_000)


def run_seed(seed: int) -> "Outcome":
    """Live one world, in a process whose product is whole or was spoiled before."""
    world = importlib.import_module("scripts.sim_value_world")
    outcome: Outcome = world.run(seed)
    return outcome


def run_spoiled(name: str, seeds: Iterable[int]) -> "Outcome | None":
    """Lay a mutant over the source and run seeds until one notices; None when none does. For a process of its own."""
    quiet()
    spoil(MUTANTS[name])
    for seed in seeds:
        outcome = run_seed(seed)
        if outcome.violation:
            return outcome
    return None


def fresh(name: str, seeds: Sequence[int]) -> "Outcome | None":
    """Run a mutant in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run_spoiled, name, seeds).result()


def judge_mutants(workers: int, sound: Sequence[int]) -> dict[str, bool]:
    """Take out each rule until a world notices that holds with it; say for each whether one did."""
    caught: dict[str, bool] = {}
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        for name, outcome in zip(MUTANTS, threads.map(lambda name: fresh(name, sound), MUTANTS), strict=True):
            caught[name] = outcome is not None
            say(f"sim: {name} ({MUTANTS[name].rule}): " + (told(outcome) if outcome is not None else "NOT NOTICED"))
    return caught


def told(outcome: "Outcome") -> str:
    """One run for a person."""
    return f"seed {outcome.seed}: {outcome.facts} facts: {outcome.violation or 'every sum holds'}"


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py sim value", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many worlds, seeds 1 to N (default {SEEDS})")
    parser.add_argument("--replay", type=int, metavar="S", help="this one seed again, with all that it did told")
    parser.add_argument("--mutants", action="store_true", help="also take out each rule and see that it is noticed")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 1:
        parser.error("--seeds: at least 1")
    seeds = range(1, chosen.seeds + 1) if chosen.replay is None else [chosen.replay]
    begun_s = time.monotonic()
    outcomes: list[Outcome] = []
    caught: dict[str, bool] = {}
    workers = min(WORKERS_MAX, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=quiet) as pool:
        for outcome in pool.map(run_seed, seeds, chunksize=PIECE):
            outcomes.append(outcome)
            if outcome.violation or chosen.replay is not None:
                say(f"sim: {told(outcome)}")
            if chosen.replay is not None:
                replayed(outcome)
            if len(outcomes) % TOLD_EVERY == 0:
                say(f"sim: {len(outcomes)} of {len(seeds)} seeds, {time.monotonic() - begun_s:.0f} s")
        if chosen.mutants:
            known = {one.seed for one in outcomes}
            more = [seed for seed in range(1, MUTANT_SEEDS_MAX + 1) if seed not in known]
            tried = outcomes + list(pool.map(run_seed, more, chunksize=PIECE))
            sound = [one.seed for one in tried if one.seed <= MUTANT_SEEDS_MAX and not one.violation]
            caught = judge_mutants(workers, sorted(sound))
    return report(outcomes, caught, time.monotonic() - begun_s, as_json=chosen.json)


def replayed(outcome: "Outcome") -> None:
    """Tell all that happened in one world."""
    for name, times in sorted(outcome.done.items()):
        say(f"sim:   {name} {times}")
    for one in outcome.risks:
        say(f"sim:   offline risk {one}")
    for found in outcome.findings:
        say(f"sim:   {found.law}: {found.where}")


def report(outcomes: "list[Outcome]", caught: dict[str, bool], seconds: float, *, as_json: bool) -> int:
    """Print what all runs came to; the exit code is 0 only if every sum held and every mutant was noticed."""
    bad = [outcome for outcome in outcomes if outcome.violation]
    done = sum((outcome.done for outcome in outcomes), Counter[str]())
    ok = not bad and all(caught.values())
    for outcome in bad[:TOLD_MAX]:
        say(f"sim: again: python3 scripts/dev.py sim value --replay {outcome.seed}")
    summary = {
        "ok": ok,
        "seeds": len(outcomes),
        "facts": sum(outcome.facts for outcome in outcomes),
        **{law: sum(outcome.count(law) for outcome in outcomes) for law in LAWS},
        "offline_risk": [{"seed": outcome.seed, **risk} for outcome in outcomes for risk in outcome.risks],
        "done": dict(sorted(done.items())),
        "violations": len(bad),
        "first_bad_seed": bad[0].seed if bad else None,
        "mutants": caught,
        "seconds": round(seconds, 1),
    }
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for key, value in summary.items():
            print(f"{key}: {value}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
