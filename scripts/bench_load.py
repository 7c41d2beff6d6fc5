"""The tills of `bench till`: one process each, so that one till's work is never another till's waiting."""

import http.client
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from sync.contract import ids

LINES = 3
QTY_MAX = 3
NOTE_FEN = 10_000
SALES_PATH = "/api/v1/sales"
JSON_HEADERS = {"Content-Type": "application/json", "Accept-Language": "zh-CN"}
REQUEST_TIMEOUT_S = 30.0
READY_TIMEOUT_S = 60.0
ORDER_AT_MS = 1_790_000_000_000
"""The time inside the orders' ids: fixed, because the same seed makes the same orders."""


@dataclass(frozen=True)
class Errand:
    """What one till is to send, with the session it is signed in under; it gives up after `limit_s`."""

    port: int
    cookie: str
    bodies: tuple[bytes, ...]
    limit_s: float


@dataclass(frozen=True)
class Haul:
    """What one till saw: ms from request to the answer's last byte for each sale, and what was no sale, by kind."""

    latencies_ms: tuple[float, ...]
    refusals: dict[str, int]


@dataclass(frozen=True)
class Load:
    """What all tills of one run saw, and how long it took in s."""

    hauls: tuple[Haul, ...]
    seconds: float

    @property
    def latencies_ms(self) -> list[float]:
        """The latencies of all tills."""
        return [latency_ms for haul in self.hauls for latency_ms in haul.latencies_ms]

    @property
    def refusals(self) -> dict[str, int]:
        """What was refused, by kind."""
        found: dict[str, int] = {}
        for haul in self.hauls:
            for kind, times in haul.refusals.items():
                found[kind] = found.get(kind, 0) + times
        return found


def make_orders(menu: dict[str, Any], count: int, dice: random.Random) -> tuple[bytes, ...]:
    """Draw paid orders of three lines and one cash tender, as the till submits them."""
    dishes = [dish for dish in menu["dishes"] if not dish.get("per_g")]
    groups = {group["id"]: group for group in menu["modifier_groups"]}
    orders: list[bytes] = []
    for number in range(count):
        lines: list[dict[str, object]] = []
        due_fen = 0
        for dish in dice.sample(dishes, LINES):
            chosen = [
                option
                for group in (groups[group_id] for group_id in dish["modifier_groups"])
                for option in dice.sample(group["options"], max(group["min"], dice.randint(0, 1)))
            ]
            qty = dice.randint(1, QTY_MAX)
            due_fen += qty * (dish["price_fen"] + sum(option["price_fen"] for option in chosen))
            lines.append({"dish_id": dish["id"], "qty": qty, "modifiers": [option["id"] for option in chosen]})
        order = {
            "sale_id": ids.uuid7(ORDER_AT_MS + number, dice.randbytes(10)).hex(),
            "lines": lines,
            "tenders": [{"kind": "cash", "received_fen": -(-due_fen // NOTE_FEN) * NOTE_FEN}],
            "due_fen": due_fen,
            "menu_version": menu["version"],
        }
        orders.append(json.dumps(order).encode())
    return tuple(orders)


def send_all(errands: Sequence[Errand]) -> Load:
    """Send every till's orders, all tills starting together, each over one connection that stays open.

    Raises:
        RuntimeError: a till did not come up or died.
    """
    spawn = get_context("spawn")
    tills = []
    try:
        for errand in errands:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=run_till, args=(theirs, errand), daemon=True)
            process.start()
            theirs.close()
            tills.append((process, ours))
        for _, pipe in tills:
            _take(pipe, READY_TIMEOUT_S)
        begun = time.monotonic()
        for _, pipe in tills:
            pipe.send("go")
        hauls = [
            _take(pipe, errand.limit_s + REQUEST_TIMEOUT_S) for (_, pipe), errand in zip(tills, errands, strict=True)
        ]
        return Load(tuple(hauls), time.monotonic() - begun)
    finally:
        for process, pipe in tills:
            pipe.close()
            process.join(timeout=1)
            if process.is_alive():
                process.kill()
                process.join()


def run_till(pipe: Connection, errand: Errand) -> None:
    """Be one till: connect, wait for the word, send order after order."""
    link = http.client.HTTPConnection("127.0.0.1", errand.port, timeout=REQUEST_TIMEOUT_S)
    headers = {**JSON_HEADERS, "Cookie": errand.cookie}
    link.request("GET", "/api/v1/status", headers=headers)
    link.getresponse().read()
    pipe.send("ready")
    pipe.recv()
    latencies_ms: list[float] = []
    refusals: dict[str, int] = {}
    deadline = time.monotonic() + errand.limit_s
    for at, body in enumerate(errand.bodies):
        begun = time.perf_counter()
        if time.monotonic() > deadline:
            refusals["not sent in time"] = len(errand.bodies) - at
            break
        try:
            link.request("POST", SALES_PATH, body=body, headers=headers)
            answer = link.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            link.close()
            _count(refusals, type(error).__name__)
            continue
        if answer.status == http.HTTPStatus.CREATED:
            latencies_ms.append((time.perf_counter() - begun) * 1000)
        else:
            _count(refusals, f"{answer.status} {_code(told)}")
    link.close()
    pipe.send(Haul(tuple(latencies_ms), refusals))


def _take(pipe: Connection, timeout_s: float) -> Any:  # noqa: ANN401 - a pipe carries whatever was sent
    try:
        if pipe.poll(timeout_s):
            return pipe.recv()
    except EOFError:
        pass
    raise RuntimeError(f"a till of the benchmark died or was silent for {timeout_s:.0f} s")


def _count(refusals: dict[str, int], kind: str) -> None:
    refusals[kind] = refusals.get(kind, 0) + 1


def _code(told: bytes) -> str:
    try:
        return str(json.loads(told)["code"])
    except (ValueError, KeyError, TypeError):
        return "no code"
