"""`dev.py chaos sync`: real processes, killed at random with `kill -9`, and every confirmed sale looked for afterwards.

A broker with Mosquitto's own default limits and no persistence, the hub, two nodes and two tills at each run as processes of
their own. Any of them is killed at any moment, several at once, and started again after a while. Then all is left in peace
until the stores say that nothing waits, and three lists are compared: what the tills wrote down, what the stores have, what
the hub has. The chains are hashed again on both sides and must end alike.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.chaos_client import DISH_ID, PRICE_FEN, Journal, journals
from scripts.demo_client import all_sales, hub, till
from scripts.demo_world import ROOT, STORES, Process, Store, World
from scripts.postgres import DURABLE, Cluster
from sync.contract.menu import Category, Dish, Menu
from sync.contract.words import Name
from sync.node.ports import SystemClock

KILLS = 40
TILLS = ("1", "2")
BETWEEN_KILLS_S = (0.1, 1.2)
DOWN_S = (0.0, 2.5)
AT_ONCE_MAX = 3
"""So many may be down at a time; more would only mean that nothing happens meanwhile."""
HEAL_S_MAX = 150
VERIFY_S_MAX = 240
POLL_S = 0.1


@dataclass
class Verdict:
    """The figures under the names of the command table (DESIGN §14)."""

    ok: bool = False
    kills: int = 0
    confirmed: int = 0
    lost: int = 0
    doubled: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    at_edge: int = 0
    at_hub: int = 0
    facts: int = 0
    chain_ok: bool = False
    catch_up_s: float = 0.0
    db: str = "sqlite"
    seed: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)


def menu() -> Menu:
    """One dish: the sales are told apart by their ids and amounts."""
    name = Name("面", "Noodles")
    dish = Dish(id=DISH_ID, code="1", name=name, category="all", price_fen=PRICE_FEN)
    return Menu(currency="CNY", categories=(Category("all", name),), dishes=(dish,))


@dataclass
class Victim:
    """A process that may be killed. One thread at a time tends it."""

    name: str
    process: Process
    turn: threading.Lock = field(default_factory=threading.Lock)
    failure: str = ""

    def die_and_return(self, pause_s: float, ending: threading.Event) -> None:
        """Kill it, leave it dead for a while, start it again. The caller has taken its turn; it is given back here."""
        try:
            self.process.kill()
            ending.wait(pause_s)
            self.process.start()
        except Exception as error:  # noqa: BLE001 - told by whoever waits; a thread's own trace would be lost
            self.failure = f"{self.name}: {error}"
        finally:
            self.turn.release()


def rampage(victims: Sequence[Victim], kills: int, seed: int, say: Callable[[str], None]) -> Counter[str]:
    """Kill at random until there were so many; gives who was killed how often, when all live again.

    Raises:
        RuntimeError: somebody did not come back.
    """
    dice = random.Random(f"chaos-{seed}")
    killed: Counter[str] = Counter()
    ending = threading.Event()
    tenders: list[threading.Thread] = []
    while killed.total() < kills:
        ending.wait(dice.uniform(*BETWEEN_KILLS_S))
        victim, pause_s = dice.choice(victims), dice.uniform(*DOWN_S)
        tenders = [one for one in tenders if one.is_alive()]
        if len(tenders) >= AT_ONCE_MAX or not victim.turn.acquire(blocking=False):
            continue
        killed[victim.name] += 1
        if killed.total() % 10 == 0:
            say(f"{killed.total()} of {kills} kills")
        tender = threading.Thread(target=victim.die_and_return, args=(pause_s, ending))
        tender.start()
        tenders.append(tender)
    for tender in tenders:
        tender.join()
    failures = [victim.failure for victim in victims if victim.failure]
    if failures:
        raise RuntimeError("; ".join(failures))
    return killed


def run(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Build the world, let it suffer, let it heal, judge."""
    clock = SystemClock()
    begun_ms = clock.monotonic_ms()
    verdict = Verdict(db=options.db, seed=options.seed)
    tills: list[Process] = []
    with contextlib.ExitStack() as stack:
        url = ""
        if options.db == "postgresql":
            cluster = stack.enter_context(Cluster(DURABLE))
            url = cluster.url(cluster.make_database())
        world = World(
            folder, options.broker, menu(), say, tills=TILLS, desk=False, printers=False, stock_limits=True, database_url=url
        )  # fmt: skip
        stack.callback(world.stop)
        stack.callback(_end, tills)
        world.start()
        journal_folder = folder / "tills"
        journal_folder.mkdir()
        tills = [
            _till_process(store, number, journal_folder, options.broken) for store in world.stores for number in TILLS
        ]
        for process in tills:
            process.start()
        _all_sell(journal_folder, clock)
        victims = [Victim("broker", world.broker), Victim("hub", world.hub)]
        victims += [Victim("node", store.node) for store in world.stores]
        victims += [Victim("till", process) for process in tills]
        killed = rampage(victims, options.kills, options.seed, say)
        verdict.kills, verdict.killed = killed.total(), dict(killed)
        say("all live again; the tills finish their orders")
        for process in tills:
            process.stop()
        if any(process.popen is None or process.popen.returncode != 0 for process in tills):
            verdict.failed.append("a till ended before its last order was confirmed")
        healed_ms = clock.monotonic_ms()
        if not _healed(world, clock):
            verdict.failed.append(f"nothing waits within {HEAL_S_MAX} s")
        verdict.catch_up_s = round((clock.monotonic_ms() - healed_ms) / 1000, 1)
        say("comparing every order of the tills with both sides")
        _compare(verdict, world, list(journals(journal_folder)), clock)
        world.stop()
        say("hashing every chain again")
        _verify(verdict, world)
    verdict.seconds = round((clock.monotonic_ms() - begun_ms) / 1000, 1)
    _conclude(verdict, options.kills)
    return verdict


def _end(processes: Sequence[Process]) -> None:
    for process in processes:
        process.kill()


def _all_sell(folder: Path, clock: SystemClock) -> None:
    """Wait until every till had an order confirmed: on a busy machine all kills may be over before the first one.

    Raises:
        RuntimeError: a till sold nothing.
    """
    deadline_ms, pause = clock.monotonic_ms() + HEAL_S_MAX * 1000, threading.Event()
    # Looked at from outside: the journal itself mends its file when it is opened, and here a till is writing.
    while sum(b'"step": "confirmed"' in path.read_bytes() for path in folder.glob("*.jsonl")) < len(STORES) * len(
        TILLS
    ):
        if clock.monotonic_ms() > deadline_ms:
            raise RuntimeError(f"not every till sold something within {HEAL_S_MAX} s")
        pause.wait(POLL_S)


def _till_process(store: Store, number: str, folder: Path, broken: str) -> Process:
    name = f"{store.id}-till-{number}"
    command = [
        sys.executable, "-m", "scripts.chaos_client", "--url", store.url, "--till", number,
        "--pin-file", str(store.folder / "data" / "cashier-pin.txt"), "--journal", str(folder / f"{name}.jsonl"),
        "--break", broken,
    ]  # fmt: skip
    return Process(name, command, folder / f"{name}.log")


def _healed(world: World, clock: SystemClock) -> bool:
    """Wait until every store has said that HQ has all of it."""
    deadline_ms = clock.monotonic_ms() + HEAL_S_MAX * 1000
    doors = [till(store) for store in world.stores]
    pause = threading.Event()
    while clock.monotonic_ms() < deadline_ms:
        states = [door.ask_patiently("GET", "/api/v1/status").body["hub"] for door in doors]
        if all(state["state"] == "connected" and not any(state["waiting"].values()) for state in states):
            return True
        pause.wait(POLL_S)
    return False


def _sales_at_hub(world: World, least: int, clock: SystemClock) -> list[dict[str, Any]]:
    """List the hub's sales once there are so many: what it acknowledged is stored, and on a busy machine its pages follow a little later."""
    deadline_ms, pause = clock.monotonic_ms() + HEAL_S_MAX * 1000, threading.Event()
    while True:
        found = all_sales(hub(world.console_url, world.api_token), "/api/v1/sales")
        if len(found) >= least or clock.monotonic_ms() > deadline_ms:
            return found
        pause.wait(POLL_S)


def _compare(verdict: Verdict, world: World, written: list[Journal], clock: SystemClock) -> None:
    confirmed = {sale_id: answer for journal in written for sale_id, answer in journal.confirmed.items()}
    asked = {sale_id for journal in written for sale_id in journal.asked}
    amounts = {
        sale_id: body["tenders"][0]["received_fen"] for journal in written for sale_id, body in journal.asked.items()
    }
    at_edge = [sale | {"store": store.id} for store in world.stores for sale in all_sales(till(store), "/api/v1/sales")]
    at_hub = _sales_at_hub(world, len(at_edge), clock)
    verdict.confirmed, verdict.at_edge, verdict.at_hub = len(confirmed), len(at_edge), len(at_hub)
    lost: set[str] = set()
    doubled: set[str] = set()
    for found in (at_edge, at_hub):
        by_id = {sale["sale_id"]: sale for sale in found}
        for sale_id, answer in confirmed.items():
            sale = by_id.get(sale_id)
            if sale is None or (sale["receipt_no"], sale["total_fen"]) != (answer["receipt_no"], amounts[sale_id]):
                lost.add(sale_id)
        counts = Counter(sale["sale_id"] for sale in found)
        numbers = Counter((sale["store"], sale["receipt_no"]) for sale in found)
        doubled |= {sale_id for sale_id, count in counts.items() if count > 1}
        doubled |= {sale["sale_id"] for sale in found if numbers[sale["store"], sale["receipt_no"]] > 1}
        # A sale under an id that no till ever asked for is somebody's order booked a second time.
        doubled |= set(by_id) - asked
    verdict.lost, verdict.doubled = len(lost), len(doubled)


def _verify(verdict: Verdict, world: World) -> None:
    edge = [_command(["-m", "edge", "verify", "--config", str(store.config), "--json"]) for store in world.stores]
    at_hub = _command(["-m", "cloud", "verify", "--config", str(world.folder / "hub.toml"), "--json"])
    verdict.facts = int(at_hub.get("facts", 0))
    same = sum(int(one.get("facts", 0)) for one in edge) == verdict.facts
    # Each side hashed its own facts; the store also holds the hub's signed word on where its lanes end.
    verdict.chain_ok = same and all(one.get("ok") for one in [*edge, at_hub])


def _command(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=VERIFY_S_MAX, check=False
    )
    told: dict[str, Any] = json.loads((done.stdout.strip().splitlines() or ["{}"])[-1])
    return told


def _conclude(verdict: Verdict, kills: int) -> None:
    rules = {
        f"kills ≥ {kills}": verdict.kills >= kills,
        "confirmed > 0": verdict.confirmed > 0,
        "lost = 0": verdict.lost == 0,
        "doubled = 0": verdict.doubled == 0,
        "both sides have as many": verdict.at_edge == verdict.at_hub,
        "chains hold and end alike": verdict.chain_ok,
    }
    verdict.failed += [rule for rule, met in rules.items() if not met]
    verdict.ok = not verdict.failed


def main(arguments: list[str]) -> int:
    """Run, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py chaos sync", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help=f"how many kills (default {KILLS})")
    parser.add_argument("--db", choices=("sqlite", "postgresql"), default="sqlite", help="what the hub stores in")
    parser.add_argument("--broker", choices=("mosquitto", "embedded"), default="mosquitto")
    parser.add_argument(
        "--seed", type=int, default=1, help="draws who is killed when; what happens then is the machine's"
    )
    parser.add_argument("--break", dest="broken", choices=("lose", "double"), default="", help="a till with this fault")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    if chosen.kills < 0:
        parser.error("--kills: 0 or more")

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
