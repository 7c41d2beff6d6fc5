"""`dev.py chaos till`: a node killed with `kill -9` while four terminals trade, and a browser killed right after it showed "saved".

The node is a process of its own on a disk; each terminal has at most one request on its way and repeats it under its id, as the page does.
A kill comes some milliseconds after an answer, when the next requests are on their way; the node starts again on the same file. When the kills
are done, what every terminal was told is held against what the node has: each sale once with its number and amount, no other sale,
numbers without a gap, each table with its lines as they were last, every refund, the money of each till, and the node's own proof.

A real Chromium is then killed, whole, 0 to 400 ms after its page said "saved", and also while a sale is on its way: nothing of either is
lost, and a browser started again on the same profile neither sells it twice nor stands still.
"""

import argparse
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench_processes import write_node
from scripts.chaos_browser import kill_browsers
from scripts.chaos_terminal import Terminal, Told
from scripts.demo_client import Door, all_sales
from scripts.demo_world import ROOT, Process, StartError
from sync.node.ports import IdSource, SystemChance, SystemClock

KILLS = 40
BROWSER_KILLS = 7
TERMINALS = ("1", "2", "3", "4")
AFTER_ANSWER_S = (0.0, 0.03)
"""A deed takes some milliseconds: so long after an answer the next ones are under way."""
ANSWERS_A_LIFE = (1, 12)
LIFE_S_MAX = 20.0
END_S_MAX = 120.0
VERIFY_S_MAX = 120
BROKEN = {"": "", "early": "answer_before_commit", "forget": "answer_for_nothing"}


@dataclass
class Verdict:
    """The figures under the names of the command table (DESIGN §14)."""

    ok: bool = False
    kills: int = 0
    in_flight: int = 0
    """Requests that had no answer when the node was killed."""
    confirmed: int = 0
    lost: int = 0
    doubled: int = 0
    gaps: int = 0
    tables: int = 0
    tables_wrong: int = 0
    refunds: int = 0
    refunds_wrong: int = 0
    money_off_fen: int = 0
    refused: int = 0
    verified: bool = False
    stood_still: bool = False
    """The node did not start again."""
    browser_kills: int = 0
    browser_lost: int = 0
    browser_doubled: int = 0
    browser_kills_paying: int = 0
    browser_baskets_gone: int = 0
    browser_kills_ms: list[int] = field(default_factory=list)
    seed: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)


class Doomed:
    """The node: it always comes back on the same address."""

    def __init__(self, folder: Path, broken: str) -> None:
        with socket.socket() as free, socket.socket() as deaf:
            free.bind(("127.0.0.1", 0))
            deaf.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
            self.config = write_node(folder, int(deaf.getsockname()[1]), 0)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("port = 0\n", f"port = {self.port}\n", 1), encoding="utf-8")
        program = ["-m", "edge"] if not broken else ["-m", "scripts.spoiled", broken, "edge"]
        command = [sys.executable, *program, "run", "--config", str(self.config)]
        self.process = Process("node", command, folder / "node.log")
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def pin(self) -> str:
        """The PIN of the first person."""
        return (self.config.parent / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()


def run(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Let the node die and come back so often, then judge."""
    clock = SystemClock()
    begun_ms = clock.monotonic_ms()
    verdict = Verdict(seed=options.seed)
    doomed = Doomed(folder / "node", BROKEN[options.broken])
    with contextlib.ExitStack() as stack:
        stack.callback(doomed.process.kill)
        doomed.process.start()
        ids = IdSource(clock, SystemChance())
        terminals = [Terminal(doomed.url, number, doomed.pin, options.seed, ids) for number in TERMINALS]
        if options.kills:
            try:
                trade(doomed, terminals, options, verdict, say)
            except StartError as error:
                # It says of its own file that something is gone which it had answered for.
                verdict.stood_still = True
                verdict.failed.append(str(error).splitlines()[-1])
            else:
                judge(verdict, doomed, terminals)
        if options.browser_kills and not verdict.stood_still:
            say(f"a browser is killed {options.browser_kills} times")
            found = kill_browsers(doomed.url, doomed.pin, folder, options.browser_kills, options.seed)
            verdict.browser_kills, verdict.browser_kills_ms = len(found.after_ms), found.after_ms
            verdict.browser_kills_paying, verdict.browser_baskets_gone = found.paying, found.baskets_gone
            verdict.browser_lost, verdict.browser_doubled = found.lost, found.doubled
        doomed.process.stop()
    say("the node proves its file")
    verdict.verified = verified(doomed.config)
    verdict.seconds = round((clock.monotonic_ms() - begun_ms) / 1000, 1)
    conclude(verdict, options)
    return verdict


def trade(
    doomed: Doomed, terminals: list[Terminal], options: argparse.Namespace, verdict: Verdict, say: Callable[[str], None]
) -> None:
    """Let the terminals trade through all kills, and end with nothing on its way."""
    dice = random.Random(f"chaos-till-{options.seed}")
    pause = threading.Event()
    for terminal in terminals:
        terminal.sit_down()
    shared = terminals[0].open_shared()
    for terminal in terminals:
        terminal.shared = shared
        terminal.start()
    try:
        for number in range(1, options.kills + 1):
            for _ in range(dice.randint(*ANSWERS_A_LIFE)):
                watched = dice.choice(terminals)
                watched.answered.clear()
                watched.answered.wait(LIFE_S_MAX)
            pause.wait(dice.uniform(*AFTER_ANSWER_S))
            verdict.in_flight += sum(terminal.in_flight for terminal in terminals)
            doomed.process.kill()
            verdict.kills += 1
            if number % 20 == 0:
                say(f"{number} of {options.kills} kills, {sum(len(one.told.sales) for one in terminals)} sales")
            doomed.process.start()
    finally:
        for terminal in terminals:
            terminal.stop()
    for terminal in terminals:
        terminal.join(END_S_MAX)


def judge(verdict: Verdict, doomed: Doomed, terminals: list[Terminal]) -> None:
    """Hold what the terminals were told against what the node has."""
    door = Door(doomed.url)
    with contextlib.closing(door):
        door.ask_patiently("POST", "/api/v1/session", {"pin": doomed.pin, "till": "1"})
        told = [terminal.told for terminal in terminals]
        sales = all_sales(door, "/api/v1/sales")
        _judge_sales(verdict, told, sales)
        _judge_tables(verdict, door, told, terminals[0].shared)
        _judge_refunds(verdict, door, told)
    for terminal in terminals:
        verdict.money_off_fen += _money_off(doomed, terminal)
    refused = [line for one in told for line in one.refused]
    verdict.refused = len(refused)
    verdict.failed += refused[:5]


def _judge_sales(verdict: Verdict, told: list[Told], sales: list[dict[str, Any]]) -> None:
    confirmed = {sale_id: answer for one in told for sale_id, answer in one.sales.items()}
    asked = {sale_id for one in told for sale_id in one.asked}
    by_id = {sale["sale_id"]: (sale["receipt_no"], sale["total_fen"]) for sale in sales}
    verdict.confirmed = len(confirmed)
    verdict.lost = sum(
        by_id.get(sale_id) != (one["receipt_no"], one["total_fen"]) for sale_id, one in confirmed.items()
    )
    counts, numbers = Counter(sale["sale_id"] for sale in sales), Counter(sale["receipt_no"] for sale in sales)
    twice = {sale["sale_id"] for sale in sales if counts[sale["sale_id"]] > 1 or numbers[sale["receipt_no"]] > 1}
    # A sale that nobody asked for is somebody's order booked a second time.
    verdict.doubled = len(twice | (set(by_id) - asked))
    series: dict[str, list[int]] = {}
    for number in numbers:
        till, _, tail = number.rpartition("-")
        series.setdefault(till, []).append(int(tail))
    verdict.gaps = sum(sorted(found) != list(range(1, len(found) + 1)) for found in series.values())


def _judge_tables(verdict: Verdict, door: Door, told: list[Told], shared: str) -> None:
    found = {}
    for one in door.ask_patiently("GET", "/api/v1/orders").body["orders"]:
        order = door.ask_patiently("GET", f"/api/v1/orders/{one['order_id']}").body
        lines = {line["line"]["line_id"]: line for line in order["lines"] if line["left_qty"]}
        left = {name: line["left_qty"] for name, line in lines.items()}
        sent = {name: line["line"].get("sent_qty", 0) for name, line in lines.items()}
        found[one["order_id"]] = (
            order["head"].get("table", ""),
            left,
            {name: qty for name, qty in sent.items() if qty},
        )
    wanted = {key: (one.table, one.left, one.sent) for each in told for key, one in each.tables.items()}
    wanted[shared] = ("", {line: qty for each in told for line, qty in each.shared.items()}, {})
    verdict.tables = len(wanted)
    verdict.tables_wrong = sum(found.get(key) != wanted.get(key) for key in set(found) | set(wanted))


def _judge_refunds(verdict: Verdict, door: Door, told: list[Told]) -> None:
    for one in told:
        for sale_id, given in one.refunds.items():
            verdict.refunds += 1
            state = door.ask_patiently("GET", f"/api/v1/sales/{sale_id}/refunds").body
            found = Counter({each["refund_id"]: each["amount_fen"] for each in state["refunds"]})
            verdict.refunds_wrong += found != given


def _money_off(doomed: Doomed, terminal: Terminal) -> int:
    """Say by how many fen the X of a terminal's till is not what it was told."""
    door = Door(doomed.url)
    with contextlib.closing(door):
        door.ask_patiently("POST", "/api/v1/session", {"pin": doomed.pin, "till": terminal.number})
        totals = door.ask_patiently("GET", "/api/v1/shift/x").body["totals"]
    by_kind: dict[str, int] = {one["kind"]: one["taken_fen"] - one["returned_fen"] for one in totals["tenders"]}
    told = terminal.told
    return abs(by_kind.get("cash", 0) - told.cash_fen) + abs(by_kind.get("card", 0) - told.card_fen)


def verified(config: Path) -> bool:
    """Let the node hash its chain and build its tables anew."""
    done = subprocess.run(
        [sys.executable, "-m", "edge", "verify", "--config", str(config), "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=VERIFY_S_MAX, check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads((done.stdout.strip().splitlines() or ["{}"])[-1])
    return bool(told.get("ok"))


def conclude(verdict: Verdict, options: argparse.Namespace) -> None:
    """Judge all of it."""
    rules = {
        f"kills ≥ {options.kills}": verdict.kills >= options.kills,
        f"browser kills ≥ {options.browser_kills}": verdict.browser_kills >= options.browser_kills,
        "requests were under way": verdict.in_flight > 0 or not options.kills,
        "confirmed > 0": verdict.confirmed > 0 or not options.kills,
        "lost = 0": verdict.lost == 0,
        "doubled = 0": verdict.doubled == 0,
        "numbers without a gap": verdict.gaps == 0,
        "every table as it was last": verdict.tables_wrong == 0,
        "every refund once": verdict.refunds_wrong == 0,
        "money agrees": verdict.money_off_fen == 0,
        "nothing refused": verdict.refused == 0,
        "the node came back": not verdict.stood_still,
        "the file proves itself": verdict.verified,
        "nothing lost with a browser": verdict.browser_lost == 0 and verdict.browser_doubled == 0,
    }
    verdict.failed += [rule for rule, met in rules.items() if not met]
    verdict.ok = not verdict.failed


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py chaos till", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help=f"how often the node is killed (default {KILLS})")
    parser.add_argument(
        "--browser-kills", type=int, default=BROWSER_KILLS, help=f"how often a browser is (default {BROWSER_KILLS})"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="draws what is done and when; what happens then is the machine's"
    )
    parser.add_argument(
        "--break",
        dest="broken",
        choices=tuple(BROKEN),
        default="",
        help="a node that answers before it commits, or for nothing",
    )
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if min(chosen.kills, chosen.browser_kills) < 0:
        parser.error("--kills, --browser-kills: 0 or more")

    def say(text: str) -> None:
        print(f"chaos: {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="zhanggui-chaos-") as name:
        verdict = run(chosen, Path(name), say)
    if chosen.json:
        print(json.dumps(asdict(verdict), ensure_ascii=False))
    else:
        for key, value in asdict(verdict).items():
            print(f"{key}: {value}")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
