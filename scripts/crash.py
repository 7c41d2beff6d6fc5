"""`dev.py crash`: cut the power at random points of a node's life and see what is there when it starts again.

The node is the real one: schema, sale, spool, on an SQLite whose disk remembers every write and sync (`crash_vfs`). After a
cut the files are opened by the product's own driver. Every sale that was confirmed must be there once, the commit number
may not be lower than the last that was confirmed, pages and journal must hold, and the till's next submit must be one sale.

With `--hub` it is the hub: every fact that an acknowledgement or a WELCOME named must be there with its bytes, and the store goes
on from what is left.

`--sync normal` runs the same with `synchronous=NORMAL`: that must lose sales, or this would prove nothing.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import json
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from edge.db import figures, journal
from edge.db.migrations import steps
from edge.services.care import verify_journal
from edge.services.money.settle_sale import Settled, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu
from scripts import crash_hub
from scripts.crash_outcome import Outcome, places, scratch_parent
from scripts.crash_store import CrashStore, Promise, Sync, a_sale, node_on
from scripts.crash_vfs import KEEPS, Keep, Power
from scripts.sim_store import MENU, TILLS
from sync.node import migrate
from sync.node.database import Database, DatabaseError
from sync.node.migrate import NewerDatabaseError

POINTS = 1_000
POINTS_A_LIFE = 25
DEEDS = 45
WORKERS_MAX = 2
TOLD_MAX = 10


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


def quiet() -> None:
    """Keep the product from telling of every trouble: here they are all on purpose."""
    logging.disable(logging.CRITICAL)


def run_life(life: tuple[str, int], sync: Sync = "full") -> Outcome:
    """Let a store live once, and cut its power at so many points of that life.

    Args:
        life: its seed, and how many points.
        sync: how SQLite syncs.
    """
    seed, points = life
    quiet()
    store = CrashStore(seed, sync)
    store.start()
    store.live(DEEDS)
    store.storage.abandon()
    chance = random.Random(f"{seed}/cuts")
    record = store.disk.record
    outcome = Outcome(seed)
    power, followed = Power(), 0
    with tempfile.TemporaryDirectory(dir=scratch_parent()) as folder:
        for at in places(record, [promise.at for promise in store.promises], points, chance):
            power.follow(record[followed:at])
            followed = at
            keep = chance.choice(KEEPS)
            outcome.points += 1
            outcome.kept[keep] += 1
            outcome.steps[record[at - 1].kind] += 1
            for path in Path(folder).iterdir():
                path.unlink()
            for name, content in power.cut(keep, chance).items():
                (Path(folder) / name).write_bytes(content)
            _judge(store, Path(folder) / "node.db", at, keep, outcome)
    return outcome


def _judge(store: CrashStore, path: Path, at: int, keep: Keep, outcome: Outcome) -> None:
    """Start the node on what the cut left and hold it against what was promised by then."""
    promised = [promise for promise in store.promises if promise.at <= at]
    where = f"seed {store.seed}, step {at}, {keep}"
    try:
        db = migrate.opened(path, steps)
    except (DatabaseError, NewerDatabaseError) as error:
        outcome.corrupt += 1
        outcome.told.append(f"{where}: does not open: {error}")
        return
    with contextlib.closing(db):
        try:
            _hold(store, db, promised, outcome, where)
        except DatabaseError as error:
            outcome.corrupt += 1
            outcome.told.append(f"{where}: {error}")


def _hold(store: CrashStore, db: Database, promised: list[Promise], outcome: Outcome, where: str) -> None:
    with db.read() as reader:
        pages = figures.pages_hold(reader)
        there = Counter(row[0] for row in reader.execute("SELECT sale_id FROM sales"))
        n = journal.counter(reader, "n")
    if pages != "ok":
        outcome.corrupt += 1
        outcome.told.append(f"{where}: {pages}")
        return
    sales = [promise.sale_id for promise in promised if promise.sale_id]
    outcome.confirmed += len(sales)
    lost = [sale_id for sale_id in sales if sale_id not in there]
    behind = max((promise.n for promise in promised), default=0) - n
    if lost or behind > 0:
        outcome.lost += max(1, len(lost))
        outcome.told.append(f"{where}: {len(lost)} sales and {max(0, behind)} commit numbers are gone")
        # A till that lost what it confirmed would give its numbers again: nothing behind this can hold.
        return
    node = node_on(db, store.identity, store.clock, f"{store.seed}/after/{where}")
    import_menu.bring_into_force(node, MENU)
    _sell_on(store, node, sales, outcome, where)
    report = verify_journal.verify(node)
    if not report.ok:
        outcome.corrupt += 1
        outcome.told.append(f"{where}: {report.findings[0].what}")


def _sell_on(store: CrashStore, node: Node, sales: list[str], outcome: Outcome, where: str) -> None:
    """Submit again the last sale that was confirmed and the one that never was, and a new one: one sale each."""
    ids_in_order = list(store.commands)
    again = ids_in_order[max(0, len(sales) - 1) : len(sales) + 1]
    for sale_id in again:
        number = ids_in_order.index(sale_id) + 1
        settled = settle_sale(node, TILLS[number % 2], store.commands[sale_id])
        assert isinstance(settled, Settled), settled
    new = a_sale(60_000, store.clock.now_ms(), random.Random(where))
    assert isinstance(settle_sale(node, TILLS[0], new), Settled)
    with node.db.read() as reader:
        rows = reader.execute("SELECT sale_id, count(*) FROM sales GROUP BY 1")
        numbers = reader.execute("SELECT till, count(*), max(number) FROM sales GROUP BY 1")
    counts: dict[object, object] = dict(rows)
    wanted = {*sales, *again, new.sale_id}
    wrong = [sale_id for sale_id in wanted if counts.get(sale_id) != 1]
    holes = [till for till, count, highest in numbers if count != highest]
    if wrong or holes:
        outcome.doubled += max(1, len(wrong))
        outcome.told.append(f"{where}: {len(wrong)} sales are not there once; holes in the numbers of tills {holes}")


def lives(points: int, seed: int) -> list[tuple[str, int]]:
    """Part the points into lives: the seed of each, and its points."""
    return [
        (f"{seed}.{number}", min(POINTS_A_LIFE, points - done))
        for number, done in enumerate(range(0, points, POINTS_A_LIFE), start=1)
    ]


def summed(outcomes: list[Outcome], sync: Sync, seconds: float) -> dict[str, object]:
    """Give the figures of all lives under the keys of the command table (DESIGN §14)."""
    lost, corrupt, doubled = (sum(getattr(one, name) for one in outcomes) for name in ("lost", "corrupt", "doubled"))
    return {
        "ok": lost == 0 and corrupt == 0 and doubled == 0,
        "points": sum(one.points for one in outcomes),
        "lost": lost,
        "corrupt": corrupt,
        "doubled": doubled,
        "sync": sync,
        "confirmed": sum(one.confirmed for one in outcomes),
        "kept": dict(sorted(sum((one.kept for one in outcomes), Counter[str]()).items())),
        "cut_behind": dict(sorted(sum((one.steps for one in outcomes), Counter[str]()).items())),
        "seconds": round(seconds, 1),
    }


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py crash", description=__doc__)
    parser.add_argument("--points", type=int, default=POINTS, help=f"how many power cuts (default {POINTS})")
    parser.add_argument("--sync", choices=("full", "normal"), default="full", help="how SQLite syncs (default full)")
    parser.add_argument("--hub", action="store_true", help="cut the hub's power instead of a node's")
    parser.add_argument("--seed", type=int, default=1, help="what all lives and cuts are drawn from (default 1)")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.points < 1:
        parser.error("--points: at least 1")
    begun_s = time.monotonic()
    outcomes: list[Outcome] = []
    done = 0
    with concurrent.futures.ProcessPoolExecutor(
        min(WORKERS_MAX, os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn"), initializer=quiet
    ) as pool:
        live = crash_hub.run_life if chosen.hub else run_life
        for outcome in pool.map(functools.partial(live, sync=chosen.sync), lives(chosen.points, chosen.seed)):
            outcomes.append(outcome)
            done += outcome.points
            for text in outcome.told[: max(0, TOLD_MAX - sum(len(one.told) for one in outcomes[:-1]))]:
                say(f"crash: {text}")
            if len(outcomes) % 8 == 0:
                say(f"crash: {done} of {chosen.points} points, {time.monotonic() - begun_s:.0f} s")
    summary = summed(outcomes, chosen.sync, time.monotonic() - begun_s)
    if chosen.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        for key, value in summary.items():
            print(f"{key}: {value}")
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
