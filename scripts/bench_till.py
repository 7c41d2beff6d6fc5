"""`bench till`: what a paid order costs at a node, from the request to the answer, with 1 and more tills at once.

What runs: a real node process (`python -m edge run`) with its own temporary folder and a made-up enrolment whose
broker never answers; a virtual printer in a process of its own (at a lower priority, for a real one has a processor of
its own), so that every sale goes through the spool onto paper while the tills go on; one process for each till. No hub
is connected and no browser follows the live status. An order has three lines, one cash tender and an invite. Latency is
measured at the till, closed loop without pauses; CPU and memory are those of the node process alone, and its CPU
counts from the first request until the last slip of the run is on paper.
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
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge import settings as edge_settings
from edge.services.money.settle_sale import SellCommand
from scripts.bench_bare import BareFile, record_order
from scripts.bench_figures import ORDERS_MIN, Bare, Report, Run, missed, percentile
from scripts.bench_load import Errand, make_orders, send_all
from scripts.bench_processes import TILLS_MAX, BenchError, NodeUnderTest, slips_on_paper, started, write_node

PRINTER_NICENESS = 10
"""A printer has a processor of its own; its twin must not take the node's."""
RUN_LIMIT_S = 70.0
"""How long the tills of one run may take; what is not sent by then counts as refused."""
SPOOL_LIMIT_S = 60.0
POLL_S = 0.1
BARE_COMMITS = 200
"""After each run, so that a disk that changes its pace does so for both."""
WARM_UP_ORDERS = 50


@dataclass(frozen=True)
class Plan:
    """What is to be measured: tills at once per run, orders in all runs together, the dice, with paper or without."""

    terminals: tuple[int, ...]
    orders: int
    seed: int
    paper: bool


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """One benchmark under way: the node, its paper, the bare file, and what is left of the orders."""

    def __init__(self, node: NodeUnderTest, bare: BareFile, orders: tuple[bytes, ...], *, paper: bool) -> None:
        self._node = node
        self._bare = bare
        self._paper = paper
        self._orders = orders
        self._pause = threading.Event()
        self.bare_ms: list[float] = []
        self.confirmed = 0
        self.cpu_ms = 0.0

    def run(self, terminals: int, count: int) -> Run:
        """Let so many tills send so many orders between them, wait for their paper, then time bare commits.

        Raises:
            BenchError: not one order was confirmed.
        """
        cookies = [self._node.sign_in(str(till + 1)) for till in range(terminals)]
        mine, self._orders = self._orders[:count], self._orders[count:]
        errands = [
            Errand(self._node.port, cookie, mine[at::terminals], RUN_LIMIT_S) for at, cookie in enumerate(cookies)
        ]
        cpu_before_ms = self._node.cpu_ms()
        load = send_all(errands)
        self._wait_for_paper()
        cpu_ms = self._node.cpu_ms() - cpu_before_ms
        took_ms = load.latencies_ms
        for kind, times in load.refusals.items():
            say(f"bench: refused {times} times: {kind}")
        if not took_ms:
            raise BenchError("no order was confirmed")
        self.confirmed += len(took_ms)
        self.cpu_ms += cpu_ms
        self.bare_ms += self._bare.commits(BARE_COMMITS)
        return Run(
            terminals=terminals,
            orders=len(took_ms),
            p50_ms=round(percentile(took_ms, 50), 2),
            p99_ms=round(percentile(took_ms, 99), 2),
            refused=sum(load.refusals.values()),
            orders_per_s=round(len(took_ms) / load.seconds, 1),
            cpu_ms_per_order=round(cpu_ms / len(took_ms), 2),
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
    with contextlib.ExitStack() as stack:
        # Bound and never listening: whoever connects is refused at once, and nobody else can take the port meanwhile.
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        broker_port, printer_port, roll_port = deaf.getsockname()[1], 0, 0
        if plan.paper:
            arguments = [
                "-m",
                "drivers.virtual",
                "printer",
                "--port",
                "0",
                "--web-port",
                "0",
                "--paper-dir",
                str(folder / "paper"),
            ]
            _, told = stack.enter_context(started(arguments, folder / "printer.log", niceness=PRINTER_NICENESS))
            printer_port, roll_port = told["port"], told["web_port"]
        config = write_node(folder / "node", broker_port, printer_port)
        pid, told = stack.enter_context(started(["-m", "edge", "run", "--config", str(config)], folder / "node.log"))
        pin = (config.parent / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()
        node = NodeUnderTest(pid, told["url"], pin)
        node.sign_in("1")
        orders = make_orders(node.menu(), WARM_UP_ORDERS + plan.orders, random.Random(plan.seed))
        samples = [msgspec.json.decode(body, type=SellCommand) for body in orders[:2]]
        written = record_order(edge_settings.load(write_node(folder / "spare", broker_port, printer_port)), samples)
        say(f"bench: an order inserts {len(written.inserts)} rows and changes {written.updates}")
        bare = BareFile(folder / "bare.db", written)
        stack.callback(bare.close)
        bench = Bench(node, bare, orders, paper=plan.paper)
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
            printed=slips_on_paper(roll_port) - WARM_UP_ORDERS if plan.paper else None,
            rows_per_order=written.rows,
        )


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
    parser.add_argument("--terminals", default="1,8", help="tills at once, one run for each number (default 1,8)")
    parser.add_argument("--orders", type=int, default=ORDERS_MIN, help="orders in all runs together (default 5000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same orders")
    parser.add_argument("--no-paper", action="store_true", help="a store without a printer: no spool, no slips")
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
    return Plan(terminals, chosen.orders, chosen.seed, not chosen.no_paper), chosen.json


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
        print(f"node: {report.node_rss_mb} MB after {report.orders} orders, {report.printed} slips printed")
        print("\n".join(f"missed: {one}" for one in short) or "every target is met")
    return 0 if not short else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
