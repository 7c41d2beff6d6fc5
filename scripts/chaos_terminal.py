"""A terminal of `chaos till`: trades at a node that may die at any moment, and knows what it was told.

As the product's own page it has one request on its way at most, and asks for it under the same id until it is answered. What it was
told is what must be there in the end.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scripts.demo_client import Answer, Door, Unanswered
from sync.node.ports import IdSource

RETRY_S = 0.05
PAUSE_S = 0.002
REFUND_FEN_MAX = 5_000
"""Small enough for whoever sold it to give it back alone."""
LINES_MAX = 6
SHARED_LINES_MAX = 60
HTTP_UNAUTHORIZED, HTTP_UNAVAILABLE = 401, 503


@dataclass
class Table:
    """An order as this terminal was last told of it: how many of each line are left to pay, and stand at the kitchen."""

    table: str
    left: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    taken_fen: int = 0


@dataclass
class Told:
    """What the node said is so: sales, money given back of them, tables, lines on the table of all, payments."""

    asked: set[str] = field(default_factory=set)
    sales: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, Counter[str]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    cash_fen: int = 0
    card_fen: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Dish:
    """What is sold here."""

    id: str
    price_fen: int


class Terminal:
    """One till's screen and whoever stands at it."""

    def __init__(self, url: str, number: str, pin: str, seed: int, ids: IdSource) -> None:
        self.number = number
        self.told = Told()
        self.answered = threading.Event()
        self.in_flight = False
        self.shared = ""
        self.dishes: tuple[Dish, ...] = ()
        self._door = Door(url)
        self._credentials = {"pin": pin, "till": number}
        self._dice = random.Random(f"terminal-{number}-{seed}")
        self._ids = ids
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"terminal-{number}", daemon=True)

    def sit_down(self) -> None:
        """Sign in and learn the menu."""
        self._sign_in()
        menu = self._ask("GET", "/api/v1/menu", None).body
        plain = [dish for dish in menu["dishes"] if not dish.get("modifier_groups") and not dish.get("per_g")]
        self.dishes = tuple(
            Dish(one["id"], one["price_fen"]) for one in plain if 0 < one["price_fen"] < REFUND_FEN_MAX
        )[:8]

    def start(self) -> None:
        """Trade until told to stop."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is in hand."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, and let go of the connection.

        Raises:
            RuntimeError: its last request was not answered in that time.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise RuntimeError(f"terminal {self.number} still waits for an answer")
        self._door.close()

    def open_shared(self) -> str:
        """Open the order that all terminals put lines on; gives its id. Asked of one terminal before any trades."""
        order_id = self._id()
        self._deed("/api/v1/orders", {"order_id": order_id, "service": "takeaway", "label": "all"})
        return order_id

    def _work(self) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (40, self._sell), (14, self._open), (14, self._add), (8, self._send), (6, self._void), (8, self._pay), (4, self._share),
            (6, self._refund), (6, self._add_shared),
        ]  # fmt: skip
        weights, does = [weight for weight, _ in acts], [act for _, act in acts]
        while not self._stopping.is_set():
            self._dice.choices(does, weights)[0]()
            self._stopping.wait(PAUSE_S)

    def _sell(self) -> None:
        sale_id, dish, qty = self._id(), self._dish(), self._dice.randint(1, 4)
        due_fen = dish.price_fen * qty
        by_card = self._dice.random() < 0.25  # noqa: PLR2004
        card = {"kind": "card", "amount_fen": due_fen // 2 or 1, "reference": "T-1"}
        tenders = (
            [card, {"kind": "cash", "received_fen": due_fen}]
            if by_card
            else [{"kind": "cash", "received_fen": due_fen}]
        )
        self.told.asked.add(sale_id)
        body = {"sale_id": sale_id, "lines": [{"dish_id": dish.id, "qty": qty}], "tenders": tenders}
        answer = self._deed("/api/v1/sales", body)
        if answer is not None:
            self._took(sale_id, answer)

    def _open(self) -> None:
        free = [f"t{4 * at + int(self.number)}" for at in range(3)]
        free = [name for name in free if name not in {one.table for one in self.told.tables.values()}]
        if not free:
            return
        order_id, line, dish, qty = self._id(), self._id(), self._dish(), self._dice.randint(1, 4)
        step = {"do": "add", "line_id": line, "dish_id": dish.id, "qty": qty}
        body = {"order_id": order_id, "service": "dine_in", "table": free[0], "covers": 2, "steps": [step]}
        if self._deed("/api/v1/orders", body) is not None:
            self.told.tables[order_id] = Table(free[0], {line: qty})

    def _add(self) -> None:
        for order_id, table in self._some_table(lambda one: len(one.left) < LINES_MAX):
            line, qty = self._id(), self._dice.randint(1, 4)
            step = {"do": "add", "line_id": line, "dish_id": self._dish().id, "qty": qty}
            if self._steps(order_id, step) is not None:
                table.left[line] = qty

    def _send(self) -> None:
        for order_id, table in self._some_table(lambda one: bool(one.left)):
            if self._steps(order_id, {"do": "send"}) is not None:
                table.sent = dict(table.left)

    def _void(self) -> None:
        for order_id, table in self._some_table(lambda one: len(one.left) > 1):
            line = self._dice.choice(sorted(table.left))
            if self._steps(order_id, {"do": "void", "line_id": line, "reason": "chaos"}) is not None:
                del table.left[line]
                table.sent.pop(line, None)

    def _share(self) -> None:
        for order_id, table in self._some_table(lambda one: bool(one.left) and not one.taken_fen):
            payment_id, fen = self._id(), self._dice.randint(1, 100)
            body = {"payment_id": payment_id, "kind": "cash", "amount_fen": fen, "order_id": order_id}
            if self._deed("/api/v1/payments", body) is not None:
                table.taken_fen = fen
                self.told.cash_fen += fen

    def _pay(self) -> None:
        for order_id, table in self._some_table(lambda one: bool(one.left)):
            sale_id = self._id()
            self.told.asked.add(sale_id)
            body = {"sale_id": sale_id, "tenders": [{"kind": "cash", "received_fen": 1_000_000}]}
            answer = self._deed(f"/api/v1/orders/{order_id}/pay", body)
            if answer is not None:
                self._took(sale_id, answer)
                self.told.cash_fen -= table.taken_fen
                del self.told.tables[order_id]

    def _refund(self) -> None:
        may = [
            key
            for key, one in self.told.sales.items()
            if one["total_fen"] <= REFUND_FEN_MAX and key not in self.told.refunds
        ]
        if not may:
            return
        sale_id, refund_id = self._dice.choice(sorted(may)), self._id()
        fen = self._dice.randint(1, self.told.sales[sale_id]["total_fen"])
        body = {"refund_id": refund_id, "sale_id": sale_id, "reason": "chaos", "amount_fen": fen}
        answer = self._deed("/api/v1/refunds", body)
        if answer is not None:
            self.told.refunds[sale_id] = Counter({refund_id: fen})
            self._money(answer, -1)

    def _add_shared(self) -> None:
        if self.shared and len(self.told.shared) < SHARED_LINES_MAX // 4:
            line, qty = self._id(), self._dice.randint(1, 4)
            step = {"do": "add", "line_id": line, "dish_id": self._dish().id, "qty": qty}
            if self._steps(self.shared, step) is not None:
                self.told.shared[line] = qty

    def _took(self, sale_id: str, answer: dict[str, Any]) -> None:
        self.told.sales[sale_id] = answer
        self._money(answer, 1)

    def _money(self, answer: dict[str, Any], sign: int) -> None:
        for tender in answer["tenders"]:
            if tender["kind"] == "cash":
                self.told.cash_fen += sign * tender["amount_fen"]
            else:
                self.told.card_fen += sign * tender["amount_fen"]

    def _steps(self, order_id: str, step: dict[str, Any]) -> dict[str, Any] | None:
        return self._deed(f"/api/v1/orders/{order_id}/steps", {"request_id": self._id(), "steps": [step]})

    def _deed(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Ask until it is answered; None where it was refused, which is noted: nothing that is asked here may be."""
        self.in_flight = True
        answer = self._ask("POST", path, body)
        self.in_flight = False
        self.answered.set()
        if not answer.fine:
            self.told.refused.append(f"{path}: {answer.status} {answer.body}"[:300])
            return None
        told: dict[str, Any] = answer.body
        return told

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        while True:
            try:
                answer = self._door.ask(method, path, body)
            except Unanswered:
                threading.Event().wait(RETRY_S)
                continue
            if answer.status == HTTP_UNAUTHORIZED:
                self._sign_in()
            elif answer.status == HTTP_UNAVAILABLE:
                threading.Event().wait(RETRY_S)
            else:
                return answer

    def _sign_in(self) -> None:
        try:
            self._door.ask("POST", "/api/v1/session", self._credentials)
        except Unanswered:
            threading.Event().wait(RETRY_S)

    def _some_table(self, fits: Callable[[Table], bool]) -> list[tuple[str, Table]]:
        """Draw one of the tables that fit; none where none does."""
        found = sorted((key for key, one in self.told.tables.items() if fits(one)))
        return [(key, self.told.tables[key]) for key in ([self._dice.choice(found)] if found else [])]

    def _dish(self) -> Dish:
        return self._dice.choice(self.dishes)

    def _id(self) -> str:
        return self._ids.uuid7().hex()
