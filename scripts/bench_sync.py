"""`dev.py bench sync`: how fast a store that was cut off hands over what it sold, beside the same rows inserted by nothing but the driver.

Every process is the product's own: a node with a busy week in its file, Mosquitto, the hub. The week drains to a hub on SQLite
and to one on PostgreSQL; then the hub's very rows are inserted again into an empty table of the same shape, in the same
transaction sizes, and the two speeds are set side by side. A smaller store behind a counting wire says how long 1,000 orders
take to stand at HQ and how many bytes they cost, greetings, acknowledgements and heartbeats included.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from scripts import bench_rows
from scripts.bench_backlog import Backlog
from scripts.bench_processes import BenchError, cpu_ms, rss_mb
from scripts.bench_replace import replace_seconds
from scripts.bench_stores import backlogs, enrol_many, return_at_once
from scripts.bench_week import OPERATIONS_PER_ORDER
from scripts.demo_client import Door, all_sales, hub
from scripts.demo_world import ROOT, World
from scripts.postgres import DURABLE, Cluster
from scripts.wire import CountingWire
from sync.contract.menu import checked
from sync.node.ports import SystemClock

ORDERS = 7_000
CUT_OFF_ORDERS = 1_000
RUNS = 3
STORES = 100
FACTS_A_STORE = 2_000
RETURN_S_MAX = 120
REPLACE_MB = 100
REPLACE_S_MAX = 60.0
FACTS_PER_ORDER = 2 + OPERATIONS_PER_ORDER
DRAIN_PER_S_MIN = {"sqlite": 12_000, "postgresql": 8_000}
RATIO_MIN = {"sqlite": 0.33, "postgresql": 0.25}
ORDERS_1000_S_MAX = 5.0
BYTES_PER_ORDER_MAX = 1_700
LIMIT_S = 120
POLL_S = 0.05
SELDOM_S = 0.2
NEARLY_FACTS = 10_000
"""With more waiting the node is asked seldom: each question costs it what it has for sending."""


@dataclass
class Report:
    """The figures under the names of the command table (DESIGN §14)."""

    ok: bool = False
    facts: int = 0
    drain_per_s: dict[str, int] = field(default_factory=dict)
    bare_per_s: dict[str, int] = field(default_factory=dict)
    ratio: dict[str, float] = field(default_factory=dict)
    transaction_facts_median: dict[str, int] = field(default_factory=dict)
    wire_bytes_per_fact: float = 0.0
    wire_bytes_per_order: float = 0.0
    orders_1000_s: float = 0.0
    return_s: dict[str, float] = field(default_factory=dict)
    """Of many stores that return at once: when the first, the middle and the last one was done."""
    return_per_s: int = 0
    replace_s: float = 0.0
    hub_cpu_us_per_fact: dict[str, float] = field(default_factory=dict)
    hub_rss_mb: dict[str, float] = field(default_factory=dict)
    node_rss_mb: float = 0.0
    missed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drained:
    """How one store's backlog went over."""

    facts: int
    acknowledged_s: float
    """From WELCOME until the store was told that everything is stored."""
    shown_s: float
    """From WELCOME until the hub's figures have every sale."""
    hub_rss_mb: float
    node_rss_mb: float
    hub_cpu_us_per_fact: float
    """Everything the hub's process did meanwhile, the read models included."""


def drain(backlog: Backlog, number: int, orders: int) -> Drained:
    """Connect a store that sold in silence, and wait until all is over; the hub runs already.

    Raises:
        BenchError: it took too long.
    """
    clock, pause = SystemClock(), threading.Event()
    world, facts = backlog.world, backlog.facts[number]
    store = world.stores[number]
    hub_cpu_ms = cpu_ms(world.hub.pid)
    world.run_store(store)
    node, console = Door(store.url), hub(world.console_url, world.api_token)
    deadline_ms = clock.monotonic_ms() + LIMIT_S * 1000
    opened_ms = acknowledged_ms = shown_ms = waiting = 0
    while not (acknowledged_ms and shown_ms):
        if clock.monotonic_ms() > deadline_ms:
            raise BenchError(f"the store was not drained within {LIMIT_S} s")
        state = node.ask("GET", "/api/v1/status").body["hub"]
        if state["state"] == "connected":
            opened_ms = int(state["since_ms"])
            waiting = sum(state["waiting"].values())
            if not acknowledged_ms and not waiting:
                acknowledged_ms = clock.now_ms()
        if acknowledged_ms and console.ask("GET", "/api/v1/totals").body["sales"] >= orders:
            shown_ms = clock.now_ms()
        pause.wait(POLL_S if waiting < NEARLY_FACTS else SELDOM_S)
    return Drained(
        facts,
        (acknowledged_ms - opened_ms) / 1000,
        (shown_ms - opened_ms) / 1000,
        rss_mb(world.hub.pid),
        rss_mb(store.node.pid),
        (cpu_ms(world.hub.pid) - hub_cpu_ms) * 1000 / facts,
    )


def run(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> Report:
    """Measure everything."""
    report = Report()
    menu = checked((ROOT / "config" / "demo" / "menu.json").read_bytes())
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(DURABLE)) if "postgresql" in options.db else None
        world = World(folder / "week", options.broker, menu, say, desk=False, printers=False)
        stack.enter_context(stopping(world))
        backlog = Backlog(world, (options.orders, CUT_OFF_ORDERS), options.seed, say)
        for name in options.db:
            runs: list[tuple[Drained, bench_rows.Bare]] = []
            for number in range(options.runs):
                say(f"a week to a hub on {name}, run {number + 1} of {options.runs}")
                url = backlog.move_to(cluster) if cluster and name == "postgresql" else ""
                runs.append(_drain_and_bare(backlog, options.orders, url, say))
            _note_drains(report, name, runs)
        _measure_return(report, options, backlog, say)
        _measure_cut_off(report, backlog, say)
        backlog.stop()
    say(f"a blank machine becomes a store of {options.replace_mb} MB again")
    report.replace_s = round(replace_seconds(options.replace_mb), 1)
    _conclude(report, options)
    return report


def _drain_and_bare(
    backlog: Backlog, orders: int, url: str, say: Callable[[str], None]
) -> tuple[Drained, bench_rows.Bare]:
    backlog.put_back(url)
    world = backlog.world
    backlog.start_hub()
    drained = drain(backlog, 0, orders)
    backlog.stop()
    say(
        f"{drained.facts} facts in {drained.acknowledged_s:.2f} s, shown after {drained.shown_s:.2f} s; now the bare rows"
    )
    bare = bench_rows.insert_again(url or f"sqlite:///{world.folder / 'hub' / 'hub.db'}", world.folder / "bare.db")
    say(f"{bare.facts} bare rows in {bare.seconds:.2f} s, {bare.transaction_facts_median} to a transaction")
    return drained, bare


def _note_drains(report: Report, name: str, runs: list[tuple[Drained, bench_rows.Bare]]) -> None:
    """Take the medians; a ratio is of one run, because the machine is another from minute to minute."""
    drains = [drained.facts / drained.acknowledged_s for drained, _ in runs]
    bares = [bare.facts / bare.seconds for _, bare in runs]
    report.facts = min(drained.facts for drained, _ in runs)
    report.drain_per_s[name], report.bare_per_s[name] = round(median(drains)), round(median(bares))
    report.ratio[name] = round(median(ours / bare for ours, bare in zip(drains, bares, strict=True)), 3)
    report.transaction_facts_median[name] = round(median(bare.transaction_facts_median for _, bare in runs))
    report.hub_cpu_us_per_fact[name] = round(median(drained.hub_cpu_us_per_fact for drained, _ in runs), 1)
    report.hub_rss_mb[name] = round(max(drained.hub_rss_mb for drained, _ in runs), 1)
    report.node_rss_mb = round(max(drained.node_rss_mb for drained, _ in runs), 1)


def _measure_cut_off(report: Report, backlog: Backlog, say: Callable[[str], None]) -> None:
    """Drain the other store, whose every byte goes through a wire that counts."""
    say(f"{CUT_OFF_ORDERS} orders sold offline, behind a wire that counts")
    world = backlog.world
    backlog.put_back()
    with CountingWire(lambda: world.broker_port) as wire:
        backlog.reroute(1, wire.port)
        backlog.start_hub()
        drained = drain(backlog, 1, CUT_OFF_ORDERS)
        bytes_all = wire.bytes_up + wire.bytes_down
        if len(all_sales(hub(world.console_url, world.api_token), "/api/v1/sales")) != CUT_OFF_ORDERS:
            raise BenchError("the hub does not have every order once")
    report.orders_1000_s = round(drained.shown_s * 1000 / CUT_OFF_ORDERS, 2)
    report.wire_bytes_per_fact = round(bytes_all / drained.facts, 1)
    report.wire_bytes_per_order = round(bytes_all / CUT_OFF_ORDERS, 1)


def _measure_return(report: Report, options: argparse.Namespace, backlog: Backlog, say: Callable[[str], None]) -> None:
    say(f"{options.stores} stores with {FACTS_A_STORE} facts each return in one moment")
    backlog.put_back()
    world = backlog.world
    granted = enrol_many(world.folder / "hub.toml", options.stores)
    stores = list(zip(granted, backlogs(world.stores[0].config, granted, FACTS_A_STORE), strict=True))
    backlog.start_hub()
    took_s = sorted(return_at_once(stores, world.broker_port, RETURN_S_MAX))
    report.return_s = {
        "first": round(took_s[0], 1),
        "median": round(median(took_s), 1),
        "last": round(took_s[-1], 1),
    }
    report.return_per_s = round(options.stores * FACTS_A_STORE / took_s[-1])
    report.hub_rss_mb["return"] = round(rss_mb(world.hub.pid), 1)


@contextlib.contextmanager
def stopping(world: World) -> Iterator[None]:
    """Stop a world's processes at the end of the block."""
    try:
        yield
    finally:
        world.stop()


def _conclude(report: Report, options: argparse.Namespace) -> None:
    rules: dict[str, bool] = {}
    for name in options.db:
        rules[f"{name}: drain ≥ {DRAIN_PER_S_MIN[name]} facts/s"] = report.drain_per_s[name] >= DRAIN_PER_S_MIN[name]
        rules[f"{name}: ≥ {RATIO_MIN[name]} of the bare rows"] = report.ratio[name] >= RATIO_MIN[name]
    rules[f"1,000 orders ≤ {ORDERS_1000_S_MAX} s"] = report.orders_1000_s <= ORDERS_1000_S_MAX
    rules[f"an order ≤ {BYTES_PER_ORDER_MAX} bytes"] = report.wire_bytes_per_order <= BYTES_PER_ORDER_MAX
    rules[f"blank machine to selling ≤ {REPLACE_S_MAX} s"] = report.replace_s <= REPLACE_S_MAX
    rules[f"≥ {options.orders * FACTS_PER_ORDER} facts"] = report.facts >= options.orders * FACTS_PER_ORDER
    report.missed = [rule for rule, met in rules.items() if not met]
    report.ok = not report.missed


def main(arguments: list[str]) -> int:
    """Measure, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py bench sync", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"orders of the busy week (default {ORDERS})")
    parser.add_argument("--db", choices=("sqlite", "postgresql"), action="append", help="only this hub database")
    parser.add_argument(
        "--runs", type=int, default=RUNS, help=f"drains per database; medians are told (default {RUNS})"
    )
    parser.add_argument("--stores", type=int, default=STORES, help=f"how many return at once (default {STORES})")
    parser.add_argument(
        "--replace-mb", type=int, default=REPLACE_MB, help=f"a replaced store's size (default {REPLACE_MB})"
    )
    parser.add_argument("--broker", choices=("mosquitto", "embedded"), default="mosquitto")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same orders")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    chosen.db = chosen.db or ["sqlite", "postgresql"]

    def say(text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-") as name:
        try:
            report = run(chosen, Path(name), say)
        except (BenchError, RuntimeError, OSError) as error:
            say(str(error))
            if chosen.json:
                print(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
            return 1
    told: dict[str, Any] = asdict(report)
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for key, value in told.items():
            print(f"{key}: {value}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
