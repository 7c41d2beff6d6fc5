"""`dev.py sim sync`: many seeded worlds of one hub and its stores, and the guards of the protocol switched off in turn.

Every run is drawn from one number. A run that failed is told with its number, and `--replay NUMBER` lives it again,
step by step the same. With `--mutants` each guard is also switched off until a run notices.
"""

import argparse
import concurrent.futures
import functools
import gc
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from scripts.sim_mutants import MUTANTS, WHOLE
from scripts.sim_world import Outcome, run

SEEDS = 200
WORKERS_MAX = 2
MUTANT_SEEDS_MAX = 120
"""Within so many seeds a guard that is off must be noticed."""
PIECE = 4
GC_EVERY = 20_000
TOLD_MAX = 10


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


def quiet() -> None:
    """Keep the product from telling of every fault: here they are all on purpose."""
    logging.disable(logging.CRITICAL)
    # What the modules made stays for good: a world's own rubbish is all there is to look through.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_EVERY)


def run_named(mutant: str, seed: int) -> Outcome:
    """Run one seed with a guard off, by its name; the empty name is the whole protocol."""
    return run(seed, MUTANTS[mutant] if mutant else WHOLE)


def run_seeds(pool: Executor, seeds: Sequence[int]) -> Iterator[Outcome]:
    """Run the whole protocol over seeds, in their order."""
    yield from pool.map(functools.partial(run_named, ""), seeds, chunksize=PIECE)


def first_catch(mutant: str) -> Outcome | None:
    """Run seeds from 1 on with a guard off until one notices that holds with it on; None when none does in the bound."""
    for seed in range(1, MUTANT_SEEDS_MAX + 1):
        outcome = run_named(mutant, seed)
        if outcome.violation and not run_named("", seed).violation:
            return outcome
    return None


def told(outcome: Outcome) -> str:
    """One run for a person."""
    verdict = outcome.violation or f"agreed {outcome.catch_up_ms} ms after all was mended"
    return f"seed {outcome.seed}: {outcome.facts} facts, trace {outcome.trace}, at {outcome.at_ms} ms: {verdict}"


def judge_mutants(pool: Executor) -> dict[str, bool]:
    """Switch each guard off until a run notices; say for each whether one did."""
    caught: dict[str, bool] = {}
    for name, outcome in zip(MUTANTS, pool.map(first_catch, MUTANTS), strict=True):
        caught[name] = outcome is not None
        say(f"sim: {name} ({MUTANTS[name].guard}): " + (told(outcome) if outcome is not None else "NOT NOTICED"))
    return caught


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py sim sync", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many worlds, seeds 1 to N (default {SEEDS})")
    parser.add_argument("--replay", type=int, metavar="S", help="this one seed again, with all its faults told")
    parser.add_argument("--mutants", action="store_true", help="also switch each guard off and see that it is noticed")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 1:
        parser.error("--seeds: at least 1")
    seeds = range(1, chosen.seeds + 1) if chosen.replay is None else [chosen.replay]
    quiet()
    begun_s = time.monotonic()
    outcomes: list[Outcome] = []
    caught: dict[str, bool] = {}
    workers = min(WORKERS_MAX, os.cpu_count() or 1)
    with concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=quiet
    ) as pool:
        for outcome in run_seeds(pool, seeds):
            outcomes.append(outcome)
            if outcome.violation or chosen.replay is not None:
                say(f"sim: {told(outcome)}")
            if len(outcomes) % 50 == 0:
                say(f"sim: {len(outcomes)} of {len(seeds)} seeds, {time.monotonic() - begun_s:.0f} s")
        if chosen.mutants:
            caught = judge_mutants(pool)
    return report(outcomes, caught, time.monotonic() - begun_s, as_json=chosen.json)


def report(outcomes: list[Outcome], caught: dict[str, bool], seconds: float, *, as_json: bool) -> int:
    """Print what all runs came to; the exit code is 0 only if nothing was violated and every mutant noticed."""
    bad = [outcome for outcome in outcomes if outcome.violation]
    faults = sum((outcome.faults for outcome in outcomes), Counter[str]())
    ok = not bad and all(caught.values())
    for outcome in bad[:TOLD_MAX]:
        say(f"sim: again: python3 scripts/dev.py sim sync --replay {outcome.seed}")
    summary = {
        "ok": ok,
        "seeds": len(outcomes),
        "facts": sum(outcome.facts for outcome in outcomes),
        "faults": dict(sorted(faults.items())),
        "violations": len(bad),
        "first_bad_seed": bad[0].seed if bad else None,
        "mutants": caught,
        "catch_up_ms_max": max(outcome.catch_up_ms for outcome in outcomes),
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
