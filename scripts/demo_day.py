"""The driver: sells a day at both stores straight through an outage, and keeps a list of its own.

It behaves as tills and people do: an unanswered submit is repeated under the same sale id until it is confirmed, paper is
put in again, a slip that may not have come out is sent again at the screen.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from scripts.demo_client import ANSWER_S, Answer, Door, Roll, hub, till
from scripts.demo_orders import Order
from scripts.demo_world import Store, World
from sync.node.ports import IdSource, SystemChance, SystemClock

CATCH_UP_S_MAX = 60
PRINT_S_MAX = 240
DIE_AFTER_BYTES = 700
"""Behind the receipt number, before the cut: the paper shows which receipt it was."""
_POLL_S = 0.05


@dataclass
class Sale:
    """One order as the driver remembers it; `answer` is what the store confirmed."""

    sale_id: str
    store: str
    order: Order
    answer: dict[str, Any] | None = None


@dataclass
class Outage:
    """What was measured of the outage, in seconds."""

    cut_at: float = 0.0
    outage_s: float = 0.0
    catch_up_s: float = 0.0


@dataclass
class Seller:
    """A till at a store and the orders dealt to it."""

    store: Store
    orders: list[Order]
    ids: IdSource
    door: Door
    sales: list[Sale] = field(default_factory=list)

    def sell(self, count: int) -> None:
        """Sell the next orders."""
        for order in self.orders[len(self.sales) : len(self.sales) + count]:
            self._settle(self._new(order))

    def sell_into_a_kill(self) -> None:
        """Send an order and kill the node before its answer; start it again and repeat until confirmed."""
        sale = self._new(self.orders[len(self.sales)])
        connection = self.door.send("POST", "/api/v1/sales", _body(sale))
        self.store.node.kill()
        connection.close()
        self.door.close()
        self.store.node.start()
        self._settle(sale)

    def sell_twice_as_a_forgetful_till(self) -> None:
        """The fault of a till that repeats under a new id: the same order is booked twice."""
        sale = self.sales[-1]
        self._settle(Sale(self.ids.uuid7().hex(), self.store.id, sale.order))

    def believe_without_an_answer(self) -> None:
        """The fault of a till that says "saved" before the node did: the last sale of the list never happened."""
        order = self.orders[len(self.sales)]
        total_fen = order.total_fen
        answer = {"sale_id": "", "receipt_no": "", "total_fen": total_fen}
        self.sales.append(Sale(self.ids.uuid7().hex(), self.store.id, order, answer))

    def _new(self, order: Order) -> Sale:
        sale = Sale(self.ids.uuid7().hex(), self.store.id, order)
        self.sales.append(sale)
        return sale

    def _settle(self, sale: Sale) -> None:
        answer = self.door.ask_patiently("POST", "/api/v1/sales", _body(sale))
        if not answer.fine:
            raise RuntimeError(f"{self.store.id} refused a sale: {answer.body}")
        sale.answer = answer.body


def _body(sale: Sale) -> dict[str, object]:
    return {
        "sale_id": sale.sale_id,
        "lines": [
            {"dish_id": line.dish_id, "qty": line.qty, "modifiers": list(line.modifiers), "weight_g": line.weight_g}
            for line in sale.order.lines
        ],
        "tenders": [{"kind": "cash", "received_fen": sale.order.received_fen}],
    }


class Desk:
    """The people at a store's screen while it is busy: they repair printers and send parked slips again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._door = till(store, "2")
        self.roll = Roll(store.roll_url)

    def printer(self) -> dict[str, Any]:
        """Read the printer's part of the state bar."""
        state: dict[str, Any] = self._door.ask_patiently("GET", "/api/v1/status").body["printer"]
        return state

    def waiting(self) -> int:
        """Read how many facts HQ does not have yet."""
        waiting = self._door.ask_patiently("GET", "/api/v1/status").body["hub"]["waiting"]
        return int(waiting["trade"]) + int(waiting["operations"])

    def send_parked_again(self) -> int:
        """Press retry on every slip that waits for a person; gives how many."""
        jobs = self._door.ask_patiently("GET", "/api/v1/print-jobs").body["jobs"]
        parked = [job for job in jobs if job["state"] == "unknown"]
        for job in parked:
            self._door.ask_patiently("POST", f"/api/v1/print-jobs/{job['id']}/retry", {})
        return len(parked)

    def reprint(self, sale_id: str, request_id: str) -> Answer:
        """Press reprint for a sale."""
        return self._door.ask_patiently("POST", f"/api/v1/sales/{sale_id}/reprint", {"request_id": request_id})

    def wait_for(self, what: str, met: Callable[[], bool], limit_s: float) -> float:
        """Wait until something is so; gives the seconds it took.

        Raises:
            RuntimeError: it did not become so.
        """
        began = time.monotonic()
        while not met():
            if time.monotonic() - began > limit_s:
                raise RuntimeError(f"{self._store.id}: {what} took longer than {limit_s:.0f} s")
            time.sleep(_POLL_S)  # noqa: TID251 - between two looks at another process
        return time.monotonic() - began


def sell_day(
    world: World, orders: list[Order], say: Callable[[str], None], spoil: str | None = None
) -> tuple[list[Sale], Outage, dict[str, Desk]]:
    """Sell all orders: a third with everything well, a third without the broker, the rest after it is back.

    During the outage one printer runs out of paper, the other dies inside a slip, and a node is killed between a
    request and its answer.

    Args:
        spoil: `lose` or `double` makes one till behave as a bad one does, once; the judge must notice.

    Returns:
        The driver's own list, the times, and the people at the screens.
    """
    ids = IdSource(SystemClock(), SystemChance())
    sellers = [
        Seller(store, orders[at :: len(world.stores)], ids, till(store)) for at, store in enumerate(world.stores)
    ]
    desks = {store.id: Desk(store) for store in world.stores}
    outage = Outage()
    third = [len(seller.orders) // 3 for seller in sellers]

    say("selling with everything well")
    _together(sellers, third)
    say("the broker is killed")
    world.broker.kill()
    outage.cut_at = time.monotonic()
    _sell_through_the_outage(sellers, third, desks, say)
    say("the broker is started again")
    world.broker.start()
    outage.outage_s = time.monotonic() - outage.cut_at
    began = time.monotonic()
    for store in world.stores:
        desks[store.id].wait_for("catching up", lambda desk=desks[store.id]: desk.waiting() == 0, CATCH_UP_S_MAX)  # type: ignore[misc]
    outage.catch_up_s = time.monotonic() - began
    say(f"caught up in {outage.catch_up_s:.1f} s; selling the rest")
    rest = [len(seller.orders) - len(seller.sales) for seller in sellers]
    if spoil == "lose":
        rest[0] -= 1
    _together(sellers, rest)
    if spoil == "lose":
        sellers[0].believe_without_an_answer()
    elif spoil == "double":
        sellers[0].sell_twice_as_a_forgetful_till()
    return [sale for seller in sellers for sale in seller.sales], outage, desks


def settle_paper_and_wire(world: World, desks: dict[str, Desk], say: Callable[[str], None]) -> None:
    """Wait until every slip is on paper and every fact at the hub, sending parked slips again as people do."""
    say("waiting for paper and hub")
    for store in world.stores:
        desk = desks[store.id]

        def printed(desk: Desk = desk) -> bool:
            state = desk.printer()
            if state["parked"]:
                desk.send_parked_again()
            return not state["waiting"] and not state["parked"]

        desk.wait_for("printing", printed, PRINT_S_MAX)
    for store in world.stores:
        desk = desks[store.id]
        desk.wait_for("reaching the hub", lambda desk=desk: desk.waiting() == 0, CATCH_UP_S_MAX)  # type: ignore[misc]
    door = hub(world.console_url, world.api_token)
    for store in world.stores:
        expected = till(store).ask_patiently("GET", "/api/v1/totals").body["sales"]

        def projected(store: Store = store, expected: int = expected) -> bool:
            totals = door.ask_patiently("GET", "/api/v1/totals").body["stores"]
            return any(total["id"] == store.id and total["sales"] >= expected for total in totals)

        # Facts are acknowledged when they are stored; the pages follow a moment later.
        with contextlib.suppress(RuntimeError):
            desks[store.id].wait_for("showing at the hub", projected, 30)


def repeat_bytes_unmarked(world: World) -> None:
    """The fault of a spooler without memory: the bytes of a slip that came out are sent once more as they were."""
    store = world.stores[0]
    slip = next(slip for slip in reversed(Roll(store.roll_url).slips()) if slip.complete)
    with socket.create_connection(("127.0.0.1", store.paper_port), timeout=5) as printer:
        printer.sendall(slip.raw)
        printer.shutdown(socket.SHUT_WR)
        while printer.recv(4096):
            pass


def _together(sellers: list[Seller], counts: list[int]) -> None:
    with ThreadPoolExecutor(len(sellers)) as pool:
        for done in [pool.submit(seller.sell, count) for seller, count in zip(sellers, counts, strict=True)]:
            done.result()


def _sell_through_the_outage(
    sellers: list[Seller], counts: list[int], desks: dict[str, Desk], say: Callable[[str], None]
) -> None:
    first, second = sellers
    paper, power = desks[first.store.id].roll, desks[second.store.id].roll
    say(f"{first.store.id}: the printer runs out of paper; {second.store.id}: the printer dies inside a slip")
    _wait_idle(desks)
    paper.faults(paper_out=True)
    power.faults(die_at_byte=DIE_AFTER_BYTES)
    half = [count // 2 for count in counts]
    _together(sellers, half)
    desks[second.store.id].wait_for("the printer's end", lambda: not power.state()["faults"]["power"], 30)
    paper.faults(paper_out=False)
    power.faults(power=True)
    say(f"{first.store.id}: the node is killed between a request and its answer")
    killed = threading.Thread(target=first.sell_into_a_kill)
    killed.start()
    killed.join(timeout=2 * ANSWER_S)
    _together(sellers, [counts[0] - half[0] - 1, counts[1] - half[1]])


def _wait_idle(desks: dict[str, Desk]) -> None:
    for desk in desks.values():
        desk.wait_for("printing", lambda desk=desk: not desk.printer()["waiting"], PRINT_S_MAX)  # type: ignore[misc]
