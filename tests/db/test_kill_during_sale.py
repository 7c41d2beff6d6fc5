"""A real server process, killed in the middle of a sale again and again: what it acknowledged is there once.

ux-security §12, test 1. The client keeps the ids that were acknowledged and repeats the one that was not, as a till does.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from scripts.bench_processes import write_node
from scripts.demo_client import Door, Unanswered
from tests.kit.forked import edge_process
from tests.kit.nodes import uuid7_hex
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
KILLS = 1_000 if DEEP else 20
SALES_A_LIFE = 4


@contextlib.contextmanager
def life(config: Path) -> Iterator[tuple[ForkServerProcess, Door]]:
    """A life of the node; ends with SIGKILL unless it was killed before."""
    arguments = ["run", "--config", str(config)]
    with (
        edge_process(arguments, config.parent / "node.log") as (process, line),
        contextlib.closing(Door(json.loads(line)["url"].rstrip("/"))) as door,
    ):
        yield process, door


class Till:
    """A till in front of a node that dies: knows what was asked and what was answered."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data = data
        self.chance = random.Random(seed)
        self.dishes: list[str] = []
        self.cookie = ""
        self.asked = 0
        self.pending: dict[str, Any] | None = None
        self.told: dict[str, dict[str, Any]] = {}

    def sit_down(self, door: Door) -> None:
        """Sign in, or go on with the session of an earlier life."""
        door.headers["Cookie"] = self.cookie
        if door.ask("GET", "/api/v1/sales?limit=1").status != 200:
            pin = (self.data / "cashier-pin.txt").read_text(encoding="utf-8").strip()
            assert door.ask("POST", "/api/v1/session", {"pin": pin, "till": "1"}).status == 200
            self.cookie = door.headers["Cookie"]
        if not self.dishes:
            menu = door.ask("GET", "/api/v1/menu").body
            self.dishes = [
                dish["id"]
                for dish in menu["dishes"]
                if not dish.get("modifier_groups") and not dish.get("per_g") and dish["price_fen"]
            ][:5]

    def sell(self, door: Door) -> None:
        """Ask for a sale, or again for the one that was never answered."""
        if self.pending is None:
            self.asked += 1
            self.pending = {
                "sale_id": uuid7_hex(self.asked),
                "lines": [{"dish_id": self.chance.choice(self.dishes), "qty": self.chance.randint(1, 5)}],
                "tenders": [{"kind": "cash", "received_fen": 1_000_000}],
            }
        answer = door.ask("POST", "/api/v1/sales", self.pending)
        assert answer.status in {200, 201}, answer
        self.told[self.pending["sale_id"]] = answer.body
        self.pending = None


def verified(config: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "verify", "--config", str(config), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.timeout(7_200 if DEEP else 400)
def test_every_acknowledged_sale_is_there_once_however_often_the_server_is_killed_in_a_sale(tmp_path):
    config = write_node(tmp_path / "node", broker_port=free_port(), printer_port=0)
    till = Till(tmp_path / "node" / "data", seed=11)
    interrupted = 0
    for _ in range(KILLS):
        with life(config) as (process, door):
            till.sit_down(door)
            for _ in range(till.chance.randint(0, SALES_A_LIFE)):
                till.sell(door)
            # Somewhere between the request on its way and its answer: a sale takes a few milliseconds.
            killer = threading.Timer(till.chance.uniform(0, 0.008), process.kill)
            killer.start()
            try:
                for _ in range(1_000):
                    till.sell(door)
            except (Unanswered, http.client.HTTPException, OSError):
                interrupted += 1
            killer.join()
            process.join(PATIENCE_S)
            assert process.exitcode == -signal.SIGKILL
    assert interrupted == KILLS
    with life(config) as (_, door):
        till.sit_down(door)
        if till.pending is not None:
            till.sell(door)
        listed: list[dict[str, Any]] = []
        after = 0
        while True:
            page = door.ask("GET", f"/api/v1/sales?after={after}&limit=100").body
            listed += page["sales"]
            if page["next"] is None:
                break
            after = page["next"]
        totals = door.ask("GET", "/api/v1/totals").body
    assert sorted(sale["sale_id"] for sale in listed) == sorted(till.told), "each once, and no other"
    assert {sale["sale_id"]: sale["receipt_no"] for sale in listed} == {
        sale_id: answer["receipt_no"] for sale_id, answer in till.told.items()
    }
    numbers = sorted(int(sale["receipt_no"].rpartition("-")[2]) for sale in listed)
    assert numbers == list(range(1, len(till.told) + 1))
    assert totals["amount_fen"] == sum(answer["total_fen"] for answer in till.told.values())
    report = verified(config)
    assert (report["ok"], report["bad_seq"]) == (True, None), report
