"""A store with a past beside a young one: how soon its till page is there after a start, and what paying costs at both.

Both nodes run at once and are asked in turns, so that whatever the machine does happens to both. Neither has a printer: what is
compared is the request, its reads and its commit.
"""

import contextlib
import http.client
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.bench_figures import Aged, percentile
from scripts.bench_guests import draw_guests
from scripts.bench_load import PAY, SELL, TABLES_OF_TILL, Errand, Load, send_all
from scripts.bench_members_node import lay_members
from scripts.bench_past import Past
from scripts.bench_processes import BenchError, NodeUnderTest, started, write_node

STARTS = 3
SHORT = (1, 2, 20)
"""Starts, rounds and guests of a past so short that nothing is shown of it."""
PAGE_AFTER = 100_000
"""Past sales behind which a start is timed."""
ROUNDS = 8
ROUND_GUESTS = 60
ROUND_LIMIT_S = 60.0
PAGE_TIMEOUT_S = 60.0
MB = 1_000_000


@dataclass(frozen=True)
class Store:
    """A node that runs, with its tables and how many members it knows."""

    node: NodeUnderTest
    tables: tuple[str, ...]
    members: int


def compare(folder: Path, menu: Path, orders: int, seed: int, members: int, say: Callable[[str], None]) -> Aged:
    """Write a past of so many orders, time starts behind 100,000 of them (or all), then paying behind all of them.

    Args:
        members: how many both stores know; 0 = members are off at both.

    Raises:
        BenchError: something did not start or was refused.
    """
    begun = time.monotonic()
    old, young = (write_node(folder / name, 1, 0, menu_file=menu, members=bool(members)) for name in ("old", "young"))
    for config in (old, young):
        if members:
            lay_members(config, members)
    past = Past(old, orders, seed, members)
    page_after = min(PAGE_AFTER, orders)
    starts, rounds, guests = (STARTS, ROUNDS, ROUND_GUESTS) if orders >= PAGE_AFTER else SHORT
    past.grow(page_after, say)
    # The first start makes the manager's PIN, whatever the file holds: it is no start of every day.
    page_s = [_start_to_page(old, folder) for _ in range(starts + 1)][1:]
    say(f"bench: till page {statistics.median(page_s):.2f} s after a start behind {page_after} orders")
    past.grow(orders, say)
    with _running(old, folder, members) as aged, _running(young, folder, members) as fresh:
        dice = random.Random(seed)
        _serve(fresh, guests, dice, 0)
        _serve(aged, guests, dice, 0)
        took: dict[Store, list[float]] = {fresh: [], aged: []}
        for number in range(1, rounds + 1):
            for store in (fresh, aged) if number % 2 else (aged, fresh):
                load = _serve(store, guests, dice, number)
                took[store] += load.kinds[SELL] + load.kinds[PAY]
        rss_mb = aged.node.rss_mb()
    file = old.parent / "data" / "node.db"
    return Aged(
        orders=orders,
        facts=past.facts,
        file_mb=round(file.stat().st_size / MB),
        page_orders=page_after,
        start_to_page_s=round(statistics.median(page_s), 2),
        pay_young_p50_ms=round(percentile(took[fresh], 50), 2),
        pay_old_p50_ms=round(percentile(took[aged], 50), 2),
        node_rss_mb=round(rss_mb, 1),
        seconds=round(time.monotonic() - begun, 1),
    )


def _start_to_page(config: Path, folder: Path) -> float:
    """Start a node and ask for its till page as soon as it listens; gives the seconds from the start to the page's last byte."""
    begun = time.monotonic()
    with started(["-m", "edge", "run", "--config", str(config)], folder / "start.log") as (_, told):
        link = http.client.HTTPConnection(
            "127.0.0.1", int(told["url"].rstrip("/").rpartition(":")[2]), timeout=PAGE_TIMEOUT_S
        )
        try:
            link.request("GET", "/till/")
            answer = link.getresponse()
            page = answer.read()
        finally:
            link.close()
        took_s = time.monotonic() - begun
    if answer.status != http.HTTPStatus.OK or b"<html" not in page:
        raise BenchError(f"the till page was answered with {answer.status}")
    return took_s


@contextlib.contextmanager
def _running(config: Path, folder: Path, members: int) -> Iterator[Store]:
    log = folder / f"{config.parent.name}.log"
    with started(["-m", "edge", "run", "--config", str(config)], log) as (pid, told):
        pin = (config.parent / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()
        node = NodeUnderTest(pid, told["url"], pin)
        node.sign_in("1")
        yield Store(node, node.draw_tables(TABLES_OF_TILL), members)


def _serve(store: Store, count: int, dice: random.Random, number: int) -> Load:
    guests = tuple(draw_guests(store.node.menu(), count, dice, first=number * count, members=store.members))
    load = send_all([Errand(store.node.port, store.node.sign_in("1"), guests, ROUND_LIMIT_S, store.tables)])
    if load.refusals:
        raise BenchError(f"guests were refused: {json.dumps(load.refusals)}")
    return load
