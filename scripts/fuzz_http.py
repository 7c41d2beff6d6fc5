"""`dev.py fuzz http`: every operation of the node's and the hub's own API documents, tried with what they allow and what they forbid.

Two processes share the operations; each has a node and a hub of its own on files in a temporary folder, and asks their apps
without a socket between. A refusal of the node must leave its file as it was, and its journal must prove itself afterwards.
Same counts, same requests. The deep count (1,500 cases for each operation and mode) takes hours.

`--break totals` lets the node's totals fail for some requests: that must be noticed.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from flask import request

from edge.services.care import verify_journal
from tests.kit.http_fuzz import MODES, Answers, Door, fuzz, hub_door, node_door, operations

CASES = 40
CASES_DEEP = 1_500
WORKERS = 2
TOLD_MAX = 10


@dataclass(frozen=True)
class Share:
    """One process's part: every so-manyth operation of those whose path has `only` in it, each so often in each mode."""

    number: int
    of: int
    cases: int
    broken: bool
    only: str


@dataclass
class Outcome:
    """What a part came to; `proved` = the node's journal proves itself after it."""

    answers: Answers
    operations: int
    proved: bool


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


def run_share(share: Share) -> Outcome:
    """Ask one part of all operations."""
    logging.disable(logging.CRITICAL)
    answers, asked = Answers(), 0
    with tempfile.TemporaryDirectory(prefix="zhanggui-fuzz-") as folder:
        with node_door(Path(folder) / "node") as (door, rig):
            if share.broken:
                break_totals(door)
            asked += _ask(door, share, answers)
            proved = verify_journal.verify(rig.node).ok
        with hub_door(Path(folder) / "hub") as door:
            asked += _ask(door, share, answers)
    return Outcome(answers, asked, proved)


def _ask(door: Door, share: Share, answers: Answers) -> int:
    mine = [one for one in operations(door) if share.only in one.path][share.number :: share.of]
    for mode in MODES:
        answers.add(fuzz(door, mode, mine, share.cases))
    return len(mine)


def break_totals(door: Door) -> None:
    """Seed a fault that only some requests meet."""
    inner: Any = door.app.view_functions["api.read_totals"]

    def faulty() -> Any:  # noqa: ANN401 - whatever the view gives
        if "day" in request.args:
            raise ZeroDivisionError
        return inner()

    door.app.view_functions["api.read_totals"] = faulty


def judged(outcomes: list[Outcome], seconds: float) -> dict[str, object]:
    """Give the figures under the keys of the command table (DESIGN §14)."""
    all_of = Answers()
    for outcome in outcomes:
        all_of.add(outcome.answers)
    proved = all(outcome.proved for outcome in outcomes)
    return {
        "ok": all_of.cases.total() > 0 and all_of.server_errors == 0 and not all_of.changed and proved,
        "cases": all_of.cases.total(),
        "server_errors": all_of.server_errors,
        "operations": sum(outcome.operations for outcome in outcomes),
        "changed_by_refusals": len(all_of.changed),
        "journal_proved": proved,
        "statuses": {str(status): times for status, times in sorted(all_of.statuses.items())},
        "faults": (all_of.faults + all_of.changed)[:TOLD_MAX],
        "seconds": round(seconds, 1),
    }


def main(arguments: list[str]) -> int:
    """Ask, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz http", description=__doc__)
    parser.add_argument("--n", type=int, default=CASES, help=f"cases for each operation and mode (default {CASES})")
    parser.add_argument("--deep", action="store_true", help=f"{CASES_DEEP} cases for each operation and mode")
    parser.add_argument("--only", default="", help="operations with this in their path alone, such as /refunds")
    parser.add_argument("--break", dest="broken", choices=("totals",), help="seed a fault: it must be noticed")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.n < 1:
        parser.error("--n: at least 1")
    cases = CASES_DEEP if chosen.deep else chosen.n
    begun_s = time.monotonic()
    shares = [Share(number, WORKERS, cases, chosen.broken is not None, chosen.only) for number in range(WORKERS)]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(run_share, shares))
    summary = judged(outcomes, time.monotonic() - begun_s)
    for text in summary["faults"]:  # type: ignore[attr-defined]
        say(f"fuzz: {text}")
    if chosen.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for key, value in summary.items():
            print(f"{key}: {value}")
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
