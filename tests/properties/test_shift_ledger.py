"""Any evening at two tills, through the projections, against a ledger that a child could keep: a drawer, a purse for each way, a heap of slips.

The ledger never looks at rows: it moves money as it happens. What an X says must be what lies there, after every step and over every Z.
"""

from collections import Counter
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.db import projections, shifts
from edge.db.migrations import steps
from edge.domain import shift
from sync.contract import kinds, payments, refunds, trade
from sync.contract import shifts as contract
from sync.contract.facts import Fact
from sync.contract.payments import DepositReturned, DepositTaken, PaymentKind, PaymentReturned, PaymentTaken
from sync.contract.refunds import RefundTender, SaleRefunded
from sync.contract.shifts import CashMove, CashMoved, TillClosed, TillOpened
from sync.contract.trade import Adjustment, SalePaid, SoldLine, TaxLine, Tender
from sync.contract.words import Name
from sync.node import migrate
from sync.node.database import Tx

NAME = Name("菜", "Dish")
WAYS = ("cash", "code", "card", "static_code")


@dataclass
class Heap:
    """What lies at a till since its last Z."""

    drawer_fen: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    sales_fen: int = 0
    refunds_fen: int = 0
    tips_fen: int = 0
    sales: int = 0
    float_fen: int = 0
    moved_fen: int = 0

    def take(self, way: str, amount_fen: int) -> None:
        self.ways[way] += amount_fen
        if way == "cash":
            self.drawer_fen += amount_fen

    def say_float(self, float_fen: int) -> None:
        self.drawer_fen += float_fen - self.float_fen
        self.float_fen = float_fen

    def move(self, amount_fen: int) -> None:
        self.drawer_fen += amount_fen
        self.moved_fen += amount_fen


class World:
    """Facts projected one after the other, and the heaps beside them."""

    def __init__(self, tx: Tx) -> None:
        self.tx, self.n = tx, 0
        self.heaps = {"1": Heap(), "2": Heap()}
        self.z: Counter[str] = Counter()
        self.grand: Counter[str] = Counter()
        self.payments: list[tuple[str, str, int]] = []
        self.sold: list[tuple[str, int]] = []

    def fact(self, kind: str, body: msgspec.Struct) -> None:
        self.n += 1
        projections.project(
            self.tx,
            Fact(store="s", epoch=1, lane=kinds.lane_of(kind), seq=self.n, n=self.n, id=f"{self.n:032x}", kind=kind, v=1,
                 at_ms=self.n, hlc="0", day="2026-09-21", actor="c1", device="till-1", versions={},
                 body=msgspec.Raw(msgspec.json.encode(body))),
        )  # fmt: skip

    def sale(self, till: str, gross: int, off: int, extra: int, way: str, split: int, tip: int) -> None:
        off = min(off, gross)
        total = gross - off + extra + extra
        first = min(split, total + tip)
        parts = [(way, first), ("cash", total + tip - first)]
        tenders = [Tender(kind=kind, received_fen=fen, change_fen=0, amount_fen=fen) for kind, fen in parts if fen]
        if self.payments:
            kind, payment_id, fen = self.payments[-1]
            if fen <= total + tip:
                # It was taken before: only the rest is taken now.
                self.payments.pop()
                rest = total + tip - fen
                parts = [("cash", rest)]
                tenders = [Tender(kind="cash", received_fen=rest, change_fen=0, amount_fen=rest)]
                tenders.append(Tender(kind=kind, received_fen=fen, change_fen=0, amount_fen=fen, payment_id=payment_id))
        line = SoldLine(dish_id="d", code="1", name=NAME, qty=1, unit_fen=gross, amount_fen=gross)
        number = len(self.sold) + 1
        body = SalePaid(
            sale_id=f"{number:032x}", till=till, number=number, receipt_no=f"{till}-1-{number:06d}",
            currency="CNY", lines=(line,), tenders=tuple(tenders), total_fen=total, locale="zh-CN", tip_fen=tip,
            adjustments=(Adjustment(kind="discount", amount_fen=-off), Adjustment(kind="cover", amount_fen=extra)),
            taxes=(TaxLine(tax_id="t", name=NAME, rate_bp=600, included=False, base_fen=gross, tax_fen=extra),),
        )  # fmt: skip
        self.fact(trade.SALE_PAID, body)
        self.sold.append((body.sale_id, total))
        heap = self.heaps[till]
        heap.sales, heap.sales_fen, heap.tips_fen = heap.sales + 1, heap.sales_fen + total, heap.tips_fen + tip
        for kind, fen in parts:
            heap.take(kind, fen)

    def refund(self, till: str, fen: int, way: str, tip: int) -> None:
        tip = min(tip, fen)
        number = self.n + 1
        body = SaleRefunded(
            refund_id=f"{number:032x}", sale_id="0" * 32, sale_store="s", sale_receipt_no="x", sale_day="2026-09-21", till=till,
            number=number, receipt_no=f"{till}-R{number}", currency="CNY", lines=(), amount_fen=fen, reason="x", tip_fen=tip,
            tenders=(RefundTender(kind=way, amount_fen=fen),),
        )  # fmt: skip
        self.fact(refunds.SALE_REFUNDED, body)
        heap = self.heaps[till]
        heap.refunds_fen, heap.tips_fen = heap.refunds_fen + fen - tip, heap.tips_fen - tip
        heap.take(way, -fen)

    def payment(self, till: str, fen: int, way: PaymentKind, back: bool) -> None:
        payment_id = f"{self.n + 1:032x}"
        self.fact(payments.TAKEN, PaymentTaken(payment_id=payment_id, order_id="", till=till, kind=way, received_fen=fen,
                                               change_fen=0, amount_fen=fen))  # fmt: skip
        self.heaps[till].take(way, fen)
        if back:
            other = "2" if till == "1" else "1"
            self.fact(payments.RETURNED, PaymentReturned(payment_id=payment_id, till=other, amount_fen=fen, reason="x"))
            self.heaps[other].take(way, -fen)
        else:
            self.payments.append((way, payment_id, fen))

    def deposit(self, till: str, fen: int, way: PaymentKind, back: bool) -> None:
        number = self.n + 1
        deposit_id = f"{number:032x}"
        self.fact(payments.DEPOSIT_TAKEN, DepositTaken(
            deposit_id=deposit_id, till=till, number=number, receipt_no=f"D{number}", label="x", for_day="2026-10-01",
            kind=way, received_fen=fen, change_fen=0, amount_fen=fen))  # fmt: skip
        self.heaps[till].take(way, fen)
        if back:
            self.fact(payments.DEPOSIT_RETURNED, DepositReturned(deposit_id=deposit_id, till=till, amount_fen=fen, kind="cash",
                                                                 reason="x"))  # fmt: skip
            self.heaps[till].take("cash", -fen)

    def move(self, till: str, what: CashMove, fen: int) -> None:
        number = self.n + 1
        self.fact(
            contract.CASH_MOVED, CashMoved(move_id=f"{number:032x}", till=till, move=what, amount_fen=fen, reason="x")
        )
        self.heaps[till].move(fen if what == "pay_in" else -fen)

    def open(self, till: str, fen: int) -> None:
        self.fact(contract.OPENED, TillOpened(till=till, float_fen=fen))
        self.heaps[till].say_float(fen)

    def close(self, till: str) -> None:
        totals, float_fen = self.x(till)
        expected = shift.expected(float_fen, totals)
        self.z[till] += 1
        self.grand[till] += self.heaps[till].sales_fen
        assert shifts.next_z(self.tx, till, 1) == self.z[till]
        closed = TillClosed(
            till=till, z=self.z[till], float_fen=float_fen, counted=(), counted_fen=0, expected_fen=expected,
            variance_fen=-expected, reason="", left_fen=0, totals=totals,
            grand_total_fen=shifts.grand_total(self.tx, till, 1) + totals.sales_fen, open_orders=0, days=(), chain="", chain_seq=0,
        )  # fmt: skip
        # The contract's own check adds the Z up when it is read.
        self.fact(contract.CLOSED, closed)
        assert shifts.grand_total(self.tx, till, 1) == self.grand[till]
        self.heaps[till] = Heap()

    def x(self, till: str) -> tuple[contract.ShiftTotals, int]:
        last = shifts.last_z(self.tx, till)
        begin = 0 if last is None else last.n
        totals = shift.totals(shifts.tallies(self.tx, till, begin), shifts.moved(self.tx, till, begin))
        return totals, shift.float_of(shifts.beside(self.tx, till, begin)) or 0

    def check(self) -> None:
        for till, heap in self.heaps.items():
            totals, float_fen = self.x(till)
            assert shift.expected(float_fen, totals) == heap.drawer_fen
            said = Counter({one.kind: one.taken_fen - one.returned_fen for one in totals.tenders})
            assert {way: said[way] for way in WAYS} == {way: heap.ways[way] for way in WAYS}
            assert (totals.sales, totals.sales_fen, totals.refunds_fen, totals.tips_fen) == (
                heap.sales, heap.sales_fen, heap.refunds_fen, heap.tips_fen)  # fmt: skip
            assert totals.net_fen == heap.sales_fen - heap.refunds_fen


TILL, FEN, WAY = st.sampled_from(("1", "2")), st.integers(1, 9_999), st.sampled_from(WAYS)
STEP = st.one_of(
    st.tuples(st.just("sale"), TILL, FEN, st.integers(0, 5_000), st.integers(0, 300), WAY, FEN, st.integers(0, 500)),
    st.tuples(st.just("refund"), TILL, FEN, WAY, st.integers(0, 300)),
    st.tuples(st.just("payment"), TILL, FEN, WAY, st.booleans()),
    st.tuples(st.just("deposit"), TILL, FEN, WAY, st.booleans()),
    st.tuples(st.just("move"), TILL, st.sampled_from(("pay_in", "pay_out", "drop")), FEN),
    st.tuples(st.just("open"), TILL, st.integers(0, 50_000)),
    st.tuples(st.just("close"), TILL),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=25))
def test_what_an_x_says_is_what_lies_there_after_every_step(evening):
    with migrate.scratch(steps) as tx:
        world = World(tx)
        for name, *rest in evening:
            getattr(world, name)(*rest)
            world.check()


def test_a_tender_that_spends_a_payment_is_not_taken_twice():
    """The negative control of the property: count the tender again, and the ledger notices."""
    with migrate.scratch(steps) as tx:
        world = World(tx)
        world.payment("1", 500, "cash", back=False)
        world.sale("1", 2_000, 0, 0, "cash", 0, 0)
        world.check()
        tx.execute("INSERT INTO till_tenders VALUES ('1', ?, 9, 'cash', 500, 0)", (world.n,))
        totals, float_fen = world.x("1")
        assert shift.expected(float_fen, totals) == world.heaps["1"].drawer_fen + 500


def test_the_worked_figures_of_the_module_are_what_comes_out():
    with migrate.scratch(steps) as tx:
        world = World(tx)
        world.open("1", 30_000)
        world.sale("1", 7_900, 0, 0, "cash", 0, 0)
        world.sale("1", 5_000, 0, 0, "code", 5_000, 0)
        world.refund("1", 2_000, "cash", 0)
        world.move("1", "pay_out", 1_200)
        world.move("1", "drop", 20_000)
        totals, float_fen = world.x("1")
        assert (totals.sales_fen, totals.refunds_fen, totals.net_fen) == (12_900, 2_000, 10_900)
        assert shift.expected(float_fen, totals) == 14_700
