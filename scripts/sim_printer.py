"""`dev.py sim printer`: slips under bad luck, and what lies on the paper in the end.

The printer dies at random bytes, loses its answers, runs out of paper and wakes up in another character mode; the node is
killed between any two steps (before and after each commit, each write, each answer). A person mends and presses "print
again" as long as something is parked. Then the paper is read: every slip must be there whole, once; a second one only with
补打 REPRINT on its first line. `--no-marking` repeats without the mark, and must be caught.
"""

import argparse
import json
import logging
import sys
import time
from collections import Counter as Count
from dataclasses import dataclass, field

from scripts.sim_counter import Counter
from scripts.sim_paper import Slip

JOBS = 2_000
SALES_PER_COUNTER = 40
"""Then a new counter with the next printer model opens, so that a run sees them all."""


@dataclass
class Verdict:
    """What the paper says."""

    jobs: int = 0
    lost: int = 0
    duplicated_marked: int = 0
    duplicated_unmarked: int = 0
    strange: int = 0
    first_bad: str = ""
    luck: Count[str] = field(default_factory=Count)

    @property
    def ok(self) -> bool:
        """Whether every slip is there, and none twice without its mark."""
        return not (self.lost or self.duplicated_unmarked or self.strange)


def judge(expected: dict[str, str], slips: list[Slip], verdict: Verdict) -> None:
    """Read the paper of a counter; `expected` is what each slip must say, by its job.

    A slip is on paper when a whole piece says exactly what it must, mark aside. A piece that broke off counts as an
    appearance of the slip whose text it begins; what says nothing anybody expects, whole, is `strange`: garbled paper.
    """
    wanted = {text: job_id for job_id, text in expected.items()}
    whole: Count[str] = Count()
    unmarked: Count[str] = Count()
    marked: Count[str] = Count()
    for slip in slips:
        job_id = wanted.get(slip.text) if slip.complete else _begun(slip.text, expected)
        if job_id is None:
            verdict.strange += slip.complete
            continue
        whole[job_id] += slip.complete
        (marked if slip.marked else unmarked)[job_id] += 1
    verdict.jobs += len(expected)
    for job_id in expected:
        verdict.lost += whole[job_id] == 0
        verdict.duplicated_marked += marked[job_id]
        verdict.duplicated_unmarked += max(0, unmarked[job_id] - 1)


def _begun(text: str, expected: dict[str, str]) -> str | None:
    """Find the slip that a torn piece is the beginning of; None when too little is on it to tell slips apart."""
    begun = text.rsplit("\n", 1)[0]
    found = [job_id for job_id, whole in expected.items() if begun and whole.startswith(begun + "\n")]
    return found[0] if len(found) == 1 else None


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py sim printer", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"slips at least (default {JOBS})")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same luck")
    parser.add_argument("--no-marking", action="store_true", help="repeat without the mark; must be caught")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.jobs < 1:
        parser.error("--jobs: at least 1")
    logging.disable(logging.CRITICAL)
    begun_s = time.monotonic()
    verdict = Verdict()
    number = 0
    while verdict.jobs < chosen.jobs:
        number += 1
        bad_before = not verdict.ok
        counter = Counter(chosen.seed, number, marking=not chosen.no_marking)
        counter.serve(SALES_PER_COUNTER)
        judge(counter.expected, counter.tray.slips, verdict)
        verdict.luck.update(counter.luck.counts)
        counter.close()
        if not verdict.ok and not bad_before:
            verdict.first_bad = f"seed {chosen.seed}, counter {number}"
            say(f"sim: first trouble at {verdict.first_bad}")
        if number % 5 == 0:
            say(f"sim: {verdict.jobs} slips, {time.monotonic() - begun_s:.0f} s")
    told = {
        "ok": verdict.ok,
        "jobs": verdict.jobs,
        "lost": verdict.lost,
        "duplicated_marked": verdict.duplicated_marked,
        "duplicated_unmarked": verdict.duplicated_unmarked,
        "strange": verdict.strange,
        "faults": dict(sorted(verdict.luck.items())),
        "first_bad": verdict.first_bad or None,
        "seconds": round(time.monotonic() - begun_s, 1),
    }
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for key, value in told.items():
            print(f"{key}: {value}")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
