"""`dev.py fuzz wire`: hostile messages by the thousand, to the real hub and to a real store; none may be applied.

Half of them go to the hub's ingest, half to a store's link. What an honest party sent before is the material: it is damaged,
replayed, sent to the wrong place, forged under foreign keys, and under the right keys with claims that cannot be. After every
bunch the databases of both must be what they were, but for the counts of what was refused: one for each message at the hub,
with its reason. In between an honest sale must still come through.

`--break signature` lets the hub's gate open messages without looking at who signed them: that must be noticed.
"""

import argparse
import json
import logging
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from cloud.services.ingest import HARMLESS
from scripts.fuzz_draw import Forger
from scripts.fuzz_pair import Wirepair
from sync.engine.transport import Message

MESSAGES = 10_000
BUNCH = 20
HONEST_EVERY = 25
"""Bunches between two honest sales."""
GROWTH_MB_MAX = 32
SECONDS_MAX = 280
PAGE_BYTES = 4096
TOLD_MAX = 10


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Outcome:
    """What all messages came to."""

    messages: int = 0
    applied: int = 0
    quarantined: int = 0
    harmless: int = 0
    raised: int = 0
    honest: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    rss_before_mb: float = 0
    rss_after_mb: float = 0


def rss_mb() -> float:
    """How much memory this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES / 1e6


def run(count: int, seed: int, *, broken: bool = False) -> Outcome:
    """Send so many hostile messages, half to each side, with honest ones in between."""
    pair = Wirepair(f"fuzz-{seed}", broken)
    forger = Forger(pair, f"fuzz-{seed}/forger")
    out = Outcome()
    try:
        # The first bombs and batches set the size of every buffer there is.
        _warm_up(pair, forger)
        out.rss_before_mb = rss_mb()
        for number in range(0, count, 2 * BUNCH):
            left = min(2 * BUNCH, count - number)
            _at_the_hub(pair, forger, left - left // 2, out)
            _at_the_store(pair, forger, left // 2, out)
            if number // (2 * BUNCH) % HONEST_EVERY == 0:
                _honestly(pair, out)
            if out.applied or out.raised:
                break
        out.rss_after_mb = rss_mb()
    finally:
        pair.close()
    return out


def _warm_up(pair: Wirepair, forger: Forger) -> None:
    aside = Outcome()
    if pair.broken:
        return
    for _ in range(5):
        _at_the_hub(pair, forger, BUNCH, aside)
        _at_the_store(pair, forger, BUNCH, aside)


def _at_the_hub(pair: Wirepair, forger: Forger, count: int, out: Outcome) -> None:
    before, refused = pair.hub_tables(), pair.refused()
    drawn = [forger.to_hub() for _ in range(count)]
    out.messages += count
    out.kinds.update(f"up {kind}" for kind, _ in drawn)
    try:
        pair.ingest.receive([wire for _, wire in drawn])
    except Exception as error:  # noqa: BLE001 - whatever a message makes the hub raise is a finding
        out.raised += 1
        out.told.append(f"the hub raised {error!r} at {Counter(kind for kind, _ in drawn)}")
        return
    counted = pair.refused() - refused
    out.reasons.update(counted)
    out.harmless += sum(number for reason, number in counted.items() if reason in HARMLESS)
    out.quarantined += sum(number for reason, number in counted.items() if reason not in HARMLESS)
    unseen = count - counted.total()
    changed = [name for name, rows in pair.hub_tables().items() if rows != before[name]]
    if changed or unseen:
        out.applied += max(1, unseen)
        out.told.append(f"the hub changed {changed}, {unseen} not refused, of {Counter(kind for kind, _ in drawn)}")


def _at_the_store(pair: Wirepair, forger: Forger, count: int, out: Outcome) -> None:
    assert pair.store.link is not None
    before = pair.store_tables()
    drawn = [forger.to_store() for _ in range(count)]
    out.messages += count
    out.kinds.update(f"down {kind}" for kind, _ in drawn)
    pair.line.inbox.extend(Message(topic, wire, retained=False) for _, (topic, wire) in drawn)
    try:
        while pair.line.inbox:
            pair.store.link.tick(0.0)
    except Exception as error:  # noqa: BLE001 - whatever a message makes the store raise is a finding
        out.raised += 1
        out.told.append(f"the store raised {error!r} at {Counter(kind for kind, _ in drawn)}")
        return
    changed = [name for name, rows in pair.store_tables().items() if rows != before[name]]
    if changed:
        out.applied += 1
        out.told.append(f"the store changed {changed} of {Counter(kind for kind, _ in drawn)}")
    else:
        out.quarantined += count


def _honestly(pair: Wirepair, out: Outcome) -> None:
    """Sell, and see that it comes through: a hub that refuses everybody proves nothing."""
    before = pair.hub_lane().seq
    pair.store.sell()
    pair.talk()
    came = pair.hub_lane().seq - before
    out.honest += came
    if came <= 0:
        out.raised += 1
        out.told.append("an honest sale did not come through")


def judged(out: Outcome, seconds: float) -> dict[str, object]:
    """Give the figures under the keys of the command table (DESIGN §14)."""
    growth = out.rss_after_mb - out.rss_before_mb
    return {
        "ok": out.applied == 0 and out.raised == 0 and growth < GROWTH_MB_MAX and seconds < SECONDS_MAX,
        "messages": out.messages,
        "applied": out.applied,
        "quarantined": out.quarantined,
        "harmless": out.harmless,
        "raised": out.raised,
        "honest_facts": out.honest,
        "reasons": dict(sorted(out.reasons.items())),
        "kinds": dict(sorted(out.kinds.items())),
        "rss_growth_mb": round(growth, 1),
        "seconds": round(seconds, 1),
    }


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py fuzz wire", description=__doc__)
    parser.add_argument("--n", type=int, default=MESSAGES, help=f"how many messages (default {MESSAGES})")
    parser.add_argument("--seed", type=int, default=1, help="what all of them are drawn from (default 1)")
    parser.add_argument("--break", dest="broken", choices=("signature",), help="switch a guard off: it must be noticed")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.n < 1:
        parser.error("--n: at least 1")
    logging.disable(logging.CRITICAL)
    begun_s = time.monotonic()
    try:
        out = run(chosen.n, chosen.seed, broken=chosen.broken == "signature")
    finally:
        logging.disable(logging.NOTSET)
    for text in out.told[:TOLD_MAX]:
        say(f"fuzz: {text}")
    summary = judged(out, time.monotonic() - begun_s)
    if chosen.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for key, value in summary.items():
            print(f"{key}: {value}")
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
