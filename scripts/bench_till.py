"""`bench till`: what an evening's guests cost at a node, from the request to the answer, with 1 and more tills at once.

What runs: a real node process (`python -m edge run`) with 2,000 dishes, its own temporary folder and a made-up enrolment whose
broker never answers; a virtual printer for the counter and one for the kitchen, each a process of its own (at a lower
priority, for real ones have a processor of their own), so that every receipt and docket goes through the spool onto paper while the
tills go on; one process for each till. No hub is connected and no browser follows the live status. Guests pay baskets and
eat at tables (`bench_guests`); a third of them are members, found by their number, whose bills earn points and some of whom pay with
them; every other receipt holds its points. Latency is measured at the till, closed loop without pauses; CPU and memory are those of the
node process alone, and its CPU counts from the first request until the last slip of the run is on paper.

Then a store with a past of 150,000 orders stands beside a young one (`bench_aged`).
"""

import argparse
import contextlib
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from edge import settings as edge_settings
from edge.services.money.settle_sale import SellCommand
from scripts import bench_aged
from scripts.bench_bare import BareFile, record_order
from scripts.bench_figures import ORDERS_MIN, PAST_ORDERS_MIN, Bare, Report, Run, missed, percentile
from scripts.bench_guests import Guest, draw_guests, large_menu, make_orders
from scripts.bench_load import LOOKS, TABLES_OF_TILL, Errand, send_all
from scripts.bench_members_node import lay_members
from scripts.bench_processes import MENU, TILLS_MAX, BenchError, NodeUnderTest, slips_on_paper, started, write_node

PRINTER_NICENESS = 10
"""A printer has a processor of its own; its twin must not take the node's."""
RUN_LIMIT_S = 90.0
"""How long the tills of one run may take; what is not sent by then counts as refused."""
SPOOL_LIMIT_S = 60.0
POLL_S = 0.1
BARE_COMMITS = 200
"""After each run, so that a disk that changes its pace does so for both."""
WARM_UP_ORDERS = 60
DISHES = 2_000
MEMBERS = 2_000


@dataclass(frozen=True)
class Plan:
    """What is to be measured: tills at once per run, orders in all runs together, the dice, with paper or without, dishes, past orders, members."""

    terminals: tuple[int, ...]
    orders: int
    seed: int
    paper: bool
    dishes: int
    past: int
    members: int


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """One benchmark under way: the node, its tables, the bare file, and who is still to come."""

    def __init__(self, node: NodeUnderTest, bare: BareFile, guests: tuple[Guest, ...], *, paper: bool) -> None:
        self._node = node
        self._bare = bare
        self._paper = paper
        self._guests = guests
        self._tables = node.draw_tables(TILLS_MAX * TABLES_OF_TILL)
        self._pause = threading.Event()
        self.bare_ms: list[float] = []
        self.confirmed = 0
        self.slips = 0
        self.cpu_ms = 0.0

    def run(self, terminals: int, count: int) -> Run:
        """Let so many tills serve so many guests between them, wait for their paper, then time bare commits.

        Raises:
            BenchError: not one order was confirmed.
        """
        cookies = [self._node.sign_in(str(till + 1)) for till in range(terminals)]
        mine, self._guests = self._guests[:count], self._guests[count:]
        errands = [
            Errand(self._node.port, cookie, mine[at::terminals], RUN_LIMIT_S, self._tables[at::TILLS_MAX])
            for at, cookie in enumerate(cookies)
        ]
        cpu_before_ms = self._node.cpu_ms()
        load = send_all(errands)
        self._wait_for_paper()
        cpu_ms = self._node.cpu_ms() - cpu_before_ms
        for kind, times in load.refusals.items():
            say(f"bench: refused {times} times: {kind}")
        took_ms = [one for kind, times in load.kinds.items() if kind not in LOOKS for one in times]
        if not load.orders:
            raise BenchError("no order was confirmed")
        self.confirmed += load.orders
        self.slips += load.slips
        self.cpu_ms += cpu_ms
        self.bare_ms += self._bare.commits(BARE_COMMITS)
        return Run(
            terminals=terminals,
            orders=load.orders,
            p50_ms=round(percentile(took_ms, 50), 2),
            p99_ms=round(percentile(took_ms, 99), 2),
            refused=sum(load.refusals.values()),
            orders_per_s=round(load.orders / load.seconds, 1),
            cpu_ms_per_order=round(cpu_ms / load.orders, 2),
            kinds={
                kind: (len(times), round(percentile(times, 50), 2), round(percentile(times, 99), 2))
                for kind, times in sorted(load.kinds.items())
            },
        )

    def _wait_for_paper(self) -> None:
        deadline = time.monotonic() + SPOOL_LIMIT_S
        while self._paper and (left := self._node.slips_waiting()) > 0:
            if time.monotonic() > deadline:
                say(f"bench: {left} slips are still waiting for the printer")
                return
            self._pause.wait(POLL_S)


def measure(plan: Plan, folder: Path) -> Report:
    """Run the benchmark in an empty folder.

    Raises:
        BenchError: something did not start, or no order was confirmed.
    """
    menu_file = folder / "menu.json"
    menu_file.write_text(json.dumps(large_menu(json.loads(MENU.read_bytes()), plan.dishes)), encoding="utf-8")
    report = _measure_runs(plan, folder, menu_file)
    if not plan.past:
        return report
    return replace(report, past=bench_aged.compare(folder, menu_file, plan.past, plan.seed, plan.members, say))


def _measure_runs(plan: Plan, folder: Path, menu_file: Path) -> Report:
    with contextlib.ExitStack() as stack:
        # Bound and never listening: whoever connects is refused at once, and nobody else can take the port meanwhile.
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        broker_port = deaf.getsockname()[1]
        twins = [stack.enter_context(_twin(folder / name)) for name in ("counter", "kitchen")] if plan.paper else []
        ports = [told["port"] for told in twins] or [0, 0]
        config, spare = (
            write_node(
                folder / name,
                broker_port,
                ports[0],
                kitchen_port=ports[1],
                menu_file=menu_file,
                members=bool(plan.members),
            )
            for name in ("node", "spare")
        )
        if plan.members:
            lay_members(config, plan.members)
        pid, told = stack.enter_context(started(["-m", "edge", "run", "--config", str(config)], folder / "node.log"))
        pin = (config.parent / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()
        node = NodeUnderTest(pid, told["url"], pin)
        node.sign_in("1")
        dice = random.Random(plan.seed)
        menu = node.menu()
        samples = [msgspec.json.decode(body, type=SellCommand) for body in make_orders(menu, 2, dice)]
        written = record_order(edge_settings.load(spare), samples)
        say(f"bench: a basket inserts {len(written.inserts)} rows and changes {written.updates}")
        bare = BareFile(folder / "bare.db", written)
        stack.callback(bare.close)
        guests = tuple(draw_guests(menu, WARM_UP_ORDERS + plan.orders, dice, members=plan.members))
        bench = Bench(node, bare, guests, paper=plan.paper)
        bench.run(1, WARM_UP_ORDERS)
        bench.confirmed, bench.cpu_ms = 0, 0.0
        runs: list[Run] = []
        for terminals, count in zip(plan.terminals, shares(plan.orders, len(plan.terminals)), strict=True):
            runs.append(bench.run(terminals, count))
            say(f"bench: {as_text(runs[-1])}")
        return Report(
            runs=tuple(runs),
            bare=Bare(round(percentile(bench.bare_ms, 50), 2), round(percentile(bench.bare_ms, 99), 2)),
            cpu_ms_per_order_overall=round(bench.cpu_ms / bench.confirmed, 2),
            node_rss_mb=round(node.rss_mb(), 1),
            orders=bench.confirmed,
            slips=bench.slips,
            printed=sum(slips_on_paper(told["web_port"]) for told in twins) if plan.paper else None,
            rows_per_order=written.rows,
            dishes=len(menu["dishes"]),
            members=plan.members,
        )


@contextlib.contextmanager
def _twin(paper: Path) -> Iterator[dict[str, Any]]:
    """Run a virtual printer; gives the ports that it told."""
    arguments = ["-m", "drivers.virtual", "printer", "--port", "0", "--web-port", "0", "--paper-dir", str(paper)]
    with started(arguments, paper.with_suffix(".log"), niceness=PRINTER_NICENESS) as (_, told):
        yield told


def shares(orders: int, runs: int) -> list[int]:
    """Part the orders among the runs; what is left over goes to the first ones."""
    return [orders // runs + (at < orders % runs) for at in range(runs)]


def as_text(run: Run) -> str:
    """One run for a person."""
    tills = "1 till" if run.terminals == 1 else f"{run.terminals} tills"
    return (
        f"{tills}: p50 {run.p50_ms} ms, p99 {run.p99_ms} ms, refused {run.refused} of {run.orders + run.refused}, "
        f"{run.orders_per_s} orders/s, CPU {run.cpu_ms_per_order} ms an order"
    )


def read_plan(arguments: list[str]) -> tuple[Plan, bool]:
    """Read the command line; the second part says whether JSON is wanted."""
    parser = argparse.ArgumentParser(prog="dev.py bench till", description=__doc__)
    parser.add_argument(
        "--terminals", default="1,2,4,8", help="tills at once, one run for each number (default 1,2,4,8)"
    )
    parser.add_argument("--orders", type=int, default=ORDERS_MIN, help="orders in all runs together (default 5000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same orders")
    parser.add_argument("--dishes", type=int, default=DISHES, help=f"on the menu (default {DISHES})")
    parser.add_argument(
        "--past",
        type=int,
        default=PAST_ORDERS_MIN,
        help=f"orders of the store with a past; 0 = none (default {PAST_ORDERS_MIN})",
    )
    parser.add_argument(
        "--members", type=int, default=MEMBERS, help=f"whom the store knows; 0 = members are off (default {MEMBERS})"
    )
    parser.add_argument("--no-paper", action="store_true", help="a store without printers: no spool, no slips")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    try:
        terminals = tuple(int(part) for part in chosen.terminals.split(","))
    except ValueError:
        parser.error(f"--terminals {chosen.terminals}: numbers with commas between them, such as 1,8")
    if not all(1 <= number <= TILLS_MAX for number in terminals):
        parser.error(f"--terminals {chosen.terminals}: each from 1 to {TILLS_MAX}")
    if chosen.orders < sum(terminals):
        parser.error(f"--orders {chosen.orders}: at least one for each till")
    if chosen.past < 0:
        parser.error(f"--past {chosen.past}: 0 or more")
    if chosen.members < 0:
        parser.error(f"--members {chosen.members}: 0 or more")
    plan = Plan(terminals, chosen.orders, chosen.seed, not chosen.no_paper, chosen.dishes, chosen.past, chosen.members)
    return plan, chosen.json


def main(arguments: list[str]) -> int:
    """Measure, tell, and judge."""
    plan, as_json = read_plan(arguments)
    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-") as folder:
        try:
            report = measure(plan, Path(folder))
        except (BenchError, RuntimeError, OSError) as error:
            say(f"bench: {error}")
            if as_json:
                print(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
            return 1
    short = missed(report)
    if as_json:
        print(json.dumps(report.as_json(plan.seed), ensure_ascii=False))
    else:
        for run in report.runs:
            print(as_text(run))
        print(f"bare commit of {report.rows_per_order} rows: p50 {report.bare.p50_ms} ms, p99 {report.bare.p99_ms} ms")
        print(
            f"node: {report.node_rss_mb} MB after {report.orders} orders, {report.printed} of {report.slips} slips printed"
        )
        if (past := report.past) is not None:
            print(
                f"{past.orders} past orders ({past.file_mb} MB): till page {past.start_to_page_s} s after a start behind "
                f"{past.page_orders}, paying {past.slower} times a young file ({past.pay_old_p50_ms} ms), {past.node_rss_mb} MB"
            )
        print("\n".join(f"missed: {one}" for one in short) or "every target is met")
    return 0 if not short else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
