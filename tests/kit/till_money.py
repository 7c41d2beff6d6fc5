"""What moves money, as rules of the till's machine: sales, bills in parts and mixes, shares, refunds, the drawer, the Z."""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from edge.db import orders as kept
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.domain.refund import AskedLine
from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.money import pay_order, payments, refunds, reverse
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.pay_order import PayCommand, PayLine
from edge.services.money.payments import ReturnCommand, TakeCommand
from edge.services.money.refunds import RefundAnswer, RefundCommand
from edge.services.money.reverse import ReverseCommand
from edge.services.money.settle_sale import OrderDiscount, SellCommand, settle_sale
from edge.services.shifts import shifts
from edge.services.shifts.shift_figures import ZAnswer
from edge.services.shifts.shifts import CashCommand, CloseCommand, CountCommand, OpenTillCommand
from tests.kit import till_ledger as ledger
from tests.kit.shifts import notes
from tests.kit.till_house import LINES, OFF, PARTS, PERCENT, PICK, TILL, House, one_of, read
from tests.kit.till_ledger import Guests, Sold


class Money(House):
    """Everything that is taken, given back and counted."""

    @rule(till=TILL, lines=LINES, off=OFF, size=st.integers(1, 50), card=PERCENT, code=PERCENT, tip=st.sampled_from((0, 0, 95)),
          takeaway=st.booleans())  # fmt: skip
    def sell(
        self,
        till: str,
        lines: list[tuple[str, int]],
        off: str,
        size: int,
        card: int,
        code: int,
        tip: int,
        takeaway: bool,
    ) -> None:
        """A basket over the counter."""
        guests = Guests(ledger.TAKEAWAY if takeaway else ledger.COUNTER)
        asked = []
        for at, (dish, qty) in enumerate(lines):
            of_kind: dict[str, dict[str, Any]] = {
                "rate": {"rate_bp": size * 100},
                "amount": {"discount_fen": size},
                "gift": {"gift": True},
            }
            said = of_kind.get(off, {}) if at == 0 else {}
            asked.append(BasketLine(dish_id=dish, qty=qty, reason="老客" if said else "", **said))
            guests.dishes[str(at)] = ledger.Dish(ledger.PRICES[dish], qty, rate_bp=said.get("rate_bp", 0),
                                                 off_fen=said.get("discount_fen", 0), gift=bool(said.get("gift")))  # fmt: skip
        if off and size % 3 == 0:
            guests.rate_bp = size * 50
        discount = OrderDiscount(rate_bp=guests.rate_bp, reason="老客") if guests.rate_bp else None
        due = ledger.bill(guests, guests.left)
        paid, tenders = self._pay(due.fen, tip, [], (card, code))
        command = SellCommand(sale_id=self.id(), lines=tuple(asked), tenders=tenders, due_fen=due.fen, discount=discount, tip_fen=tip,
                              service="takeaway" if takeaway else "")  # fmt: skip
        answer = self.told(lambda node: settle_sale(node, self.cashier(till), command), SaleAnswer)
        self._sold(till, guests, answer, due, paid, guests.left)

    @precondition(lambda self: any(one.left for one in self.ledger.orders.values()))
    @rule(till=TILL, at=PICK, part=st.one_of(st.none(), PARTS, PARTS), card=PERCENT, code=PERCENT,
          tip=st.sampled_from((0, 0, 188)))  # fmt: skip
    def pay(self, till: str, at: int, part: list[int] | None, card: int, code: int, tip: int) -> None:
        """An order is paid, whole or some pieces of it, in a mix of ways, with all that was taken towards it."""
        order_id, guests = self.pick(at, lambda one: bool(one.left))
        now = guests.left
        if part is not None:
            names = sorted(now)
            now = {names[pick % len(names)]: pick % now[names[pick % len(names)]] + 1 for pick in part}
        closes = now == guests.left
        due = ledger.bill(guests, now)
        before = list(guests.waiting.values()) if closes else []
        found = ledger.settle(due.fen, tip, before, [], 0)
        paid, tenders = (None, ()) if found is None else self._pay(due.fen, tip, before, (card, code))
        lines = () if part is None else tuple(PayLine(line_id=name, qty=qty) for name, qty in now.items())
        command = PayCommand(sale_id=self.id(), tenders=tenders, lines=lines, tip_fen=tip, due_fen=due.fen)
        done = self.do(lambda node: pay_order.pay_order(node, self.cashier(till), order_id, command))
        if paid is None:
            self.refused(done, "payment_exceeds")
            return
        assert isinstance(done, Done), done
        self._sold(till, guests, read(done, SaleAnswer), due, paid, now)
        if closes:
            self.ledger.used += guests.waiting
            guests.waiting.clear()
            self.ledger.close(order_id)

    @precondition(lambda self: any(one.left for one in self.ledger.orders.values()))
    @rule(
        till=TILL,
        at=PICK,
        way=st.sampled_from(("cash", "card", "static_code")),
        percent=st.integers(1, 100),
        extra=st.integers(0, 900),
    )
    def pay_towards(self, till: str, at: int, way: Any, percent: int, extra: int) -> None:
        """A share of a bill is taken before its sale."""
        order_id, guests = self.pick(at, lambda one: bool(one.left))
        left = ledger.bill(guests, guests.left).fen - sum(fen for _, fen in guests.waiting.values())
        fen = left * percent // 100
        if fen <= 0:
            return
        command = TakeCommand(payment_id=self.id(), kind=way, amount_fen=fen, order_id=order_id,
                              received_fen=fen + extra if way == "cash" else 0, reference="T-1" if way == "card" else "")  # fmt: skip
        assert isinstance(self.do(lambda node: payments.take(node, self.cashier(till), command)), Done)
        guests.waiting[command.payment_id] = (way, fen)
        self.ledger.tills[till].take(way, fen)

    @precondition(lambda self: any(one.waiting for one in self.ledger.orders.values()))
    @rule(till=TILL, at=PICK, which=PICK)
    def give_share_back(self, till: str, at: int, which: int) -> None:
        """What no sale used goes back, maybe at the other till."""
        _, guests = self.pick(at, lambda one: bool(one.waiting))
        payment_id, (way, fen) = one_of(guests.waiting, which)
        command = ReturnCommand(request_id=self.id(), reason="走了")
        done = self.do(lambda node: payments.give_back(node, self.cashier(till), payment_id, command))
        assert isinstance(done, Done), done
        del guests.waiting[payment_id]
        self.ledger.tills[till].take(way, -fen)

    @precondition(lambda self: self.ledger.sold)
    @rule(
        till=TILL,
        at=PICK,
        how=st.sampled_from(("whole", "line", "amount", "too_much")),
        pick=PICK,
        in_cash=st.booleans(),
    )
    def refund(self, till: str, at: int, how: str, pick: int, in_cash: bool) -> None:
        """Money goes back: never more than was paid, by the ways it came."""
        sale_id, sold = one_of(self.ledger.sold, at)
        line = pick % len(sold.pieces)
        unit, qty = sold.pieces[line]
        left = qty - sold.gone[line]
        goods = sold.left - sold.tip_left
        asked: dict[str, Any] = {"whole": True}
        wanted: int | None = sold.left
        if how == "line":
            if not left:
                return
            count = pick % left + 1
            asked = {"lines": (AskedLine(line=line, qty=count),)}
            wanted = unit * count if sold.exact else None
        elif how == "amount":
            wanted = pick * 13 % goods + 1 if goods else 1
            asked = {"amount_fen": wanted}
        elif how == "too_much":
            wanted = goods + 1 + pick
            asked = {"amount_fen": wanted}
        command = RefundCommand(refund_id=self.id(), sale_id=sale_id, reason="上错菜", in_cash=in_cash, **asked)
        done = self.do(lambda node: refunds.give_back(node, self.manager(till), command))
        may = sold.left > 0 and (how == "whole" or wanted is None or wanted <= goods)
        if isinstance(done, Refused):
            assert done.code in {"nothing_to_refund", "refund_too_much"}, done
            assert not may or wanted is None, done
            return
        assert may, "more went back than was paid"
        answer = read(done, RefundAnswer)
        if how == "line":
            sold.gone[line] += pick % left + 1
        elif how == "whole":
            sold.gone = Counter({at: qty for at, (_, qty) in enumerate(sold.pieces)})
        self._given_back(till, sold, answer, wanted, in_cash)

    @precondition(lambda self: any(self._reversible(one) for one in self.ledger.sold.values()))
    @rule(till=TILL, at=PICK)
    def reverse(self, till: str, at: int) -> None:
        """A sale is taken back whole and stands open again, cooked as it is, at its table where that is free (反结账)."""
        sale_id, sold = one_of({key: one for key, one in self.ledger.sold.items() if self._reversible(one)}, at)
        command = ReverseCommand(refund_id=self.id(), order_id=self.id(), sale_id=sale_id, reason="少收一位")
        answer = self.told(lambda node: reverse.reverse(node, self.manager(till), command), RefundAnswer)
        sold.gone = Counter({at: qty for at, (_, qty) in enumerate(sold.pieces)})
        self._given_back(till, sold, answer, sold.left, in_cash=False)
        with self.rig.db.read() as reader:
            order = kept.by_id(reader, command.order_id)
        assert order is not None
        names = [line.line_id for line in order.lines]
        dishes = {name: ledger.Dish(unit, qty, qty) for name, (unit, qty) in zip(names, sold.pieces, strict=True)}
        self.ledger.orders[command.order_id] = Guests(
            sold.service, self.ledger.free_seat(sold.table), sold.covers, dishes
        )

    @rule(
        till=TILL,
        what=st.sampled_from(("pay_in", "pay_out", "drop", "float", "close", "close")),
        fen=st.integers(1, 50_000),
    )
    def beside(self, till: str, what: Any, fen: int) -> None:
        """Cash in or out beside any sale, a float, the end of a shift."""
        heap = self.ledger.tills[till]
        if what == "float":
            opening = OpenTillCommand(request_id=self.id(), float_fen=fen)
            assert isinstance(self.do(lambda node: shifts.open_till(node, self.cashier(till), opening)), Done)
            heap.say_float(fen)
        elif what == "close":
            self._close(till, (0, 100, -700)[fen % 3])
        else:
            moving = CashCommand(move_id=self.id(), move=what, amount_fen=fen, reason="买冰")
            assert isinstance(self.do(lambda node: shifts.move_cash(node, self.cashier(till), moving)), Done)
            heap.drawer += fen if what == "pay_in" else -fen

    def _close(self, till: str, off: int) -> None:
        """The drawer is counted and the shift ends with its Z."""
        heap = self.ledger.tills[till]
        counted = max(0, heap.drawer + off)
        count = CountCommand(request_id=self.id(), counted=notes(counted))
        assert isinstance(self.do(lambda node: shifts.count_drawer(node, self.cashier(till), count)), Done)
        command = CloseCommand(request_id=self.id(), left_fen=0, reason="数过", open_orders_stay=True)
        z = self.told(lambda node: shifts.close_till(node, self.cashier(till), command), ZAnswer).report
        assert (z.z, z.expected_fen, z.variance_fen) == (heap.z + 1, heap.drawer, counted - heap.drawer)
        assert (z.totals.sales, z.totals.sales_fen, z.totals.refunds_fen) == (
            heap.sales,
            heap.sales_fen,
            heap.refunds_fen,
        )
        assert (z.grand_total_fen, z.open_orders) == (heap.grand + heap.sales_fen, len(self.ledger.orders))
        heap.close()

    @precondition(lambda self: self.ledger.used)
    @rule(at=PICK, sells=st.booleans())
    def spend_again(self, at: int, sells: bool) -> None:
        """A share that a sale used is neither spent nor given back once more."""
        payment_id = self.ledger.used[at % len(self.ledger.used)]
        if sells:
            tenders = (
                AskedTender(kind="cash", payment_id=payment_id),
                AskedTender(kind="cash", received_fen=10_000_000),
            )
            selling = SellCommand(sale_id=self.id(), lines=(BasketLine(dish_id="a", qty=90),), tenders=tenders)
            done = self.do(lambda node: settle_sale(node, self.cashier("1"), selling))
        else:
            back = ReturnCommand(request_id=self.id(), reason="走了")
            done = self.do(lambda node: payments.give_back(node, self.cashier("1"), payment_id, back))
        self.refused(done, "payment_used")

    def _pay(
        self, due: int, tip: int, before: list[tuple[str, int]], percent: tuple[int, int]
    ) -> tuple[ledger.Settled, tuple[AskedTender, ...]]:
        """Draw up the ways of paying what is left after what was taken before; cash pays the rest."""
        left = due + tip - sum(fen for _, fen in before)
        other: list[tuple[str, int]] = []
        for kind, share in zip(("card", "static_code"), percent, strict=True):
            fen = left * share // 100
            if fen:
                other.append((kind, fen))
                left -= fen
        settled = ledger.settle(due, tip, before, other, 0)
        assert settled is not None
        tenders = [AskedTender(kind="card" if kind == "card" else "static_code", amount_fen=fen, reference="T-1" if kind == "card" else "")
                   for kind, fen in other]  # fmt: skip
        if left or not (before or other):
            extra = due % 1_000
            tenders.append(AskedTender(kind="cash", received_fen=settled.fresh["cash"] + extra))
            settled.change = extra
        else:
            settled.change = 0
        return settled, tuple(tenders)

    def _sold(
        self, till: str, guests: Guests, answer: SaleAnswer, due: ledger.Due, paid: ledger.Settled, now: dict[str, int]
    ) -> None:
        wall_ms = self.rig.clock.now_ms()
        # A clock that steps back takes no sale back to a day before the last one known.
        assert answer.business_day >= max(ledger.business_day(wall_ms), *self.ledger.days, "")
        about = (answer.sale_id, answer.tip_fen, answer.business_day)
        sold = self.ledger.book(till, guests, due, paid, now, about)
        assert (answer.till, answer.total_fen) == (till, sold.total)
        assert int(answer.receipt_no.rpartition("-")[2]) == self.ledger.tills[till].receipts
        ways = Counter[str]()
        for tender in answer.tenders:
            ways[tender.kind] += tender.amount_fen
        assert +ways == +paid.ways
        change = sum(tender.change_fen for tender in answer.tenders if not tender.payment_id)
        assert change == paid.change

    def _given_back(self, till: str, sold: Sold, answer: RefundAnswer, wanted: int | None, in_cash: bool) -> None:
        ways = Counter[str]()
        for tender in answer.tenders:
            ways[tender.kind] += tender.amount_fen
        assert ways.total() == answer.amount_fen
        assert wanted is None or answer.amount_fen == wanted
        if in_cash:
            assert set(ways) == {"cash"}
        elif not sold.in_cash:
            assert ways == ledger.allotted(sold, answer.amount_fen)
        sold.in_cash = sold.in_cash or in_cash
        sold.back += ways
        sold.tip_back += answer.tip_fen
        assert sold.left >= 0, "more went back than was paid"
        heap = self.ledger.tills[till]
        heap.refunds += 1
        heap.refunds_fen += answer.amount_fen - answer.tip_fen
        heap.tips -= answer.tip_fen
        for way, fen in ways.items():
            heap.take(way, -fen)
        assert int(answer.receipt_no.rpartition("R")[2]) == heap.refunds

    @staticmethod
    def _reversible(sold: Sold) -> bool:
        return sold.plain and sold.whole and sold.left > 0 and not sold.back
