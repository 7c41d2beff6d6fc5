"""The house that the till's machine runs: the real services on a real file, a ledger beside them, what must be so after every step.

Every deed goes through `do`: what is committed may lose its answer, the power may be cut before any statement of it or before its commit;
then the node starts again on its file and the deed is asked for once more under the same id.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.db import orders as kept
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import pay_order, read_sales
from edge.services.node import Node
from edge.services.ordering import import_menu, orders
from edge.services.ordering.order_work import (
    Outcome,
    Step,
)
from edge.services.ordering.orders import OrderAnswer, StepsCommand
from edge.services.shifts import shift_figures
from sync.contract.menu import Category, Dish, Menu
from sync.contract.words import Name
from tests.kit import till_ledger as ledger
from tests.kit.nodes import BreakingStorage, PowerCut, Rig, uuid7_hex
from tests.kit.till_ledger import Guests, Ledger

T = TypeVar("T", bound=msgspec.Struct)
HOUSE = {
    "cover_fen": ledger.COVER_FEN,
    "service_bp": ledger.SERVICE_BP,
    "packing_fen": ledger.PACKING_FEN,
    "rounding": "jiao_down",
    "taxes": [{"id": "vat", "name": {"zh": "增值税", "en": "VAT"}, "rate_bp": 600, "included": True}],
    "line_tax": "vat",
    "charge_tax": "vat",
}
MENU = Menu(
    currency="CNY",
    categories=(Category("all", Name("全部", "All")),),
    dishes=tuple(
        Dish(id=dish, code=dish, name=Name(f"菜{dish}", f"Dish {dish}"), category="all", price_fen=fen)
        for dish, fen in ledger.PRICES.items()
    ),
)
MEMORY = Path("/dev/shm")
"""The power is cut between statements here, never below the file; so a file in memory is as good, and a busy disk is left alone."""
MINUTE_MS, DAY_MS = 60_000, 86_400_000
JUMPS_MS = (90_000, -45 * MINUTE_MS, 5 * 60 * MINUTE_MS, DAY_MS, -3 * DAY_MS, 72 * 60 * MINUTE_MS, -20_000 * DAY_MS)
"""A little later, back as NTP may, into the night, days on and back, and 1970."""

LATEST_MS = 2_000_000_000_000

PICK = st.integers(0, 997)
TILL = st.sampled_from(("1", "2"))
DISH = st.sampled_from(tuple(ledger.PRICES))
QTY = st.integers(1, 5)
PERCENT = st.sampled_from((0, 0, 0, 33, 50, 100))
LINES = st.lists(st.tuples(DISH, QTY), min_size=1, max_size=3)
PARTS = st.lists(PICK, min_size=1, max_size=2)
OFF = st.sampled_from(("", "", "rate", "amount", "gift"))


class House(RuleBasedStateMachine):
    """Two tills, four tables, one file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="zhanggui-till-", dir=MEMORY if MEMORY.is_dir() else None)
        self.rig = Rig(Path(self.folder.name))
        self.rig.node.rules.put(HOUSE)
        import_menu.bring_into_force(self.rig.node, MENU)
        self.ledger = Ledger()
        self.drawn = 0
        self.cut_at = 0
        self.lose_answer = False

    @rule(
        what=st.sampled_from(("cut", "cut", "lost", "restart", "clock")),
        at=st.integers(1, 60),
        jump=st.sampled_from(JUMPS_MS),
    )
    def mishap(self, what: str, at: int, jump: int) -> None:
        """The power is cut during the next deed, its answer is lost, the node starts again, the wall clock steps far or back."""
        if what == "cut":
            self.cut_at = at
        elif what == "lost":
            self.lose_answer = True
        elif what == "restart":
            self.start_again()
        elif DAY_MS < self.rig.clock.now_ms() + jump < LATEST_MS:
            self.rig.clock.step_wall(jump)

    @invariant()
    def the_tills_agree(self) -> None:
        """Drawer, sums of each way, sales, refunds, tips of both tills are the ledger's."""
        with self.rig.db.read() as reader:
            for till, heap in self.ledger.tills.items():
                now = shift_figures.running(reader, till)
                said = Counter({one.kind: one.taken_fen - one.returned_fen for one in now.totals.tenders})
                assert {way: fen for way, fen in said.items() if fen} == {
                    way: fen for way, fen in heap.ways.items() if fen
                }, till
                totals = now.totals
                assert (now.expected_fen, totals.sales, totals.sales_fen, totals.refunds_fen, totals.tips_fen) == (
                    heap.drawer, heap.sales, heap.sales_fen, heap.refunds_fen, heap.tips), till  # fmt: skip
                assert totals.net_fen == heap.sales_fen - heap.refunds_fen

    @invariant()
    def the_numbers_have_no_gap(self) -> None:
        """Receipts and refunds of each till are 1, 2, 3 … and as many as there were."""
        for table, counted in (("sales", "receipts"), ("refunds", "refunds")):
            rows = self.rig.rows(
                f"SELECT till, count(*), count(DISTINCT number), max(number) FROM {table} GROUP BY till"
            )
            found = {till: tuple(numbers) for till, *numbers in rows}
            wanted = {till: getattr(heap, counted) for till, heap in self.ledger.tills.items()}
            assert found == {till: (count, count, count) for till, count in wanted.items() if count}, table

    @invariant()
    def the_tables_stand_as_they_were_left(self) -> None:
        """Open orders with their tables, and what of each dish is left to pay and stands at the kitchen."""
        with self.rig.db.read() as reader:
            open_now = [stamped.order for stamped in kept.open_orders(reader)]
        found = {
            order.order_id: (
                order.table,
                order.covers,
                {line.line_id: (line.left_qty, line.sent_qty) for line in order.lines_left},
            )
            for order in open_now
        }
        assert found == {
            order_id: (one.table, one.covers, {name: (left, one.dishes[name].sent) for name, left in one.left.items()})
            for order_id, one in self.ledger.orders.items()
        }

    @invariant()
    def the_bills_agree(self) -> None:
        """What each open order comes to, before anybody pays."""
        for order_id, guests in self.ledger.orders.items():
            if guests.left:
                answer = pay_order.read_bill(self.rig.node, order_id)
                assert not isinstance(answer, Refused), answer
                assert answer.total_fen == ledger.bill(guests, guests.left).fen

    @invariant()
    def the_days_add_up(self) -> None:
        """Each business day has the sales that were made on it."""
        assert {day: fen for day, _, fen in read_sales.totals(self.rig.node, None)} == dict(self.ledger.days)

    def teardown(self) -> None:
        """At the end the file proves itself: chain and signatures hold, every table is rebuilt the same, every sale has its slip once."""
        try:
            report = verify_journal.verify(self.rig.node)
            assert report.ok, report
            slips = self.rig.rows(
                "SELECT subject, count(*) FROM print_jobs WHERE document = 'receipt' GROUP BY subject"
            )
            assert dict(slips) == dict.fromkeys(self.ledger.sold, 1)
        finally:
            self.rig.db.close()
            self.folder.cleanup()

    def do(self, ask: Callable[[Node], Done | Refused]) -> Done | Refused:
        cut_at, self.cut_at = self.cut_at, 0
        lost, self.lose_answer = self.lose_answer, False
        first: Done | Refused | None = None
        if cut_at:
            try:
                first = ask(self.rig.over(BreakingStorage(self.rig.db, cut_at)))
            except PowerCut:
                self.start_again()
        done = ask(self.rig.node) if first is None or isinstance(first, Done) else first
        if isinstance(first, Done) or (lost and isinstance(done, Done)):
            told, again = first or done, ask(self.rig.node)
            assert isinstance(told, Done), told
            assert isinstance(again, Done), again
            assert again.repeated
            assert again.answer == told.answer
        return done

    def start_again(self) -> None:
        self.rig.restart()
        self.rig.node.rules.put(HOUSE)

    def told(self, ask: Callable[[Node], Done | Refused], kind: type[T]) -> T:
        done = self.do(ask)
        assert isinstance(done, Done), done
        return read(done, kind)

    def step(self, order_id: str, step: Step) -> Outcome:
        command = StepsCommand(request_id=self.id(), steps=(step,))
        answer = self.told(lambda node: orders.change(node, self.cashier("1"), order_id, command), OrderAnswer)
        return answer.outcomes[0]

    def pick(self, at: int, fits: Callable[[Guests], bool] = lambda _: True) -> tuple[str, Guests]:
        return one_of({key: one for key, one in self.ledger.orders.items() if fits(one)}, at)

    def id(self) -> str:
        self.drawn += 1
        return uuid7_hex(self.drawn)

    @staticmethod
    def refused(done: Done | Refused, code: str) -> None:
        assert isinstance(done, Refused), done
        assert done.code == code, done

    @staticmethod
    def cashier(till: str) -> Session:
        return Session(till, "c1", "收银员", Role.MANAGER)

    @staticmethod
    def manager(till: str) -> Session:
        return Session(till, "m1", "经理", Role.MANAGER)


def one_of(found: dict[str, Any], pick: int) -> tuple[str, Any]:
    names = sorted(found)
    name = names[pick % len(names)]
    return name, found[name]


def read(done: Done, kind: type[T]) -> T:
    return msgspec.json.decode(done.answer, type=kind)
