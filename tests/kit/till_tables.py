"""What waiters do, as rules of the till's machine: orders are opened, changed, moved, merged, split, ended."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.ordering import order_moves, orders
from edge.services.ordering.order_moves import MergeOrdersCommand, MoveOrderCommand, SplitLine, SplitOrderCommand
from edge.services.ordering.order_work import (
    AddStep,
    ChangeStep,
    DiscountStep,
    PriceStep,
    SendStep,
    VoidStep,
)
from edge.services.ordering.orders import CancelOrderCommand, OpenOrderCommand
from tests.kit import till_ledger as ledger
from tests.kit.till_house import DISH, LINES, PICK, QTY, TILL, House, one_of
from tests.kit.till_ledger import Guests

TABLES = ("t1", "t2", "t3", "t4")


class Tables(House):
    """Steps and moves of open orders."""

    @rule(till=TILL, table=st.integers(0, 5), covers=st.integers(0, 4), lines=LINES)
    def open(self, till: str, table: int, covers: int, lines: list[tuple[str, int]]) -> None:
        """Guests sit down, or somebody orders something to take away."""
        seat = TABLES[table] if table < len(TABLES) else ""
        taken = any(one.table == seat for one in self.ledger.orders.values())
        guests = Guests(ledger.DINE_IN if seat else ledger.TAKEAWAY, seat, covers if seat else 0)
        steps = []
        for dish, qty in lines:
            line = self.id()
            steps.append(AddStep(line_id=line, dish_id=dish, qty=qty))
            guests.dishes[line] = ledger.Dish(ledger.PRICES[dish], qty)
        command = OpenOrderCommand(order_id=self.id(), service="dine_in" if seat else "takeaway", table=seat, covers=guests.covers,
                                   steps=tuple(steps))  # fmt: skip
        done = self.do(lambda node: orders.open_order(node, self.cashier(till), command))
        if seat and taken:
            self.refused(done, "table_taken")
            return
        assert isinstance(done, Done), done
        self.ledger.orders[command.order_id] = guests

    @precondition(lambda self: self.ledger.orders)
    @rule(at=PICK, dish=DISH, qty=QTY)
    def add(self, at: int, dish: str, qty: int) -> None:
        """One more dish."""
        order_id, guests = self.pick(at)
        line = self.id()
        self.step(order_id, AddStep(line_id=line, dish_id=dish, qty=qty))
        guests.dishes[line] = ledger.Dish(ledger.PRICES[dish], qty)

    @precondition(lambda self: self.ledger.orders)
    @rule(at=PICK, line=PICK, delta=st.integers(-3, 3))
    def change(self, at: int, line: int, delta: int) -> None:
        """More or fewer of a dish; nothing that was cooked or paid is taken away by it."""
        order_id, guests = self.pick(at)
        name, dish = one_of(guests.dishes, line)
        if delta == 0 or (delta > 0 and (dish.paid or dish.wanted == 0)) or (delta < 0 and dish.free == 0):
            return
        became = self.step(order_id, ChangeStep(line_id=name, qty_delta=delta))
        moved = max(delta, -dish.free)
        assert (became.became, became.qty) == ("done" if moved == delta else "partly", abs(moved))
        dish.wanted += moved

    @precondition(lambda self: self.ledger.orders)
    @rule(at=PICK)
    def send(self, at: int) -> None:
        """All of it goes to the kitchen."""
        order_id, guests = self.pick(at)
        unsent = sum(one.wanted - one.sent for one in guests.dishes.values())
        became = self.step(order_id, SendStep())
        assert (became.became, became.qty) == (("done", unsent) if unsent else ("nothing", 0))
        for dish in guests.dishes.values():
            dish.sent = dish.wanted

    @precondition(lambda self: any(one.left for one in self.ledger.orders.values()))
    @rule(at=PICK, line=PICK, qty=QTY)
    def void(self, at: int, line: int, qty: int) -> None:
        """Pieces are not wanted, also those that stand at the kitchen."""
        order_id, guests = self.pick(at, lambda one: bool(one.left))
        name, dish = one_of({key: guests.dishes[key] for key in guests.left}, line)
        became = self.step(order_id, VoidStep(line_id=name, qty=qty, reason="客退"))
        gone = min(qty, dish.left)
        assert became.qty == gone
        dish.sent -= min(max(0, gone - dish.free), dish.sent)
        dish.wanted -= gone
        dish.sent = min(dish.sent, dish.wanted)

    @precondition(lambda self: any(one.left for one in self.ledger.orders.values()))
    @rule(at=PICK, line=PICK, how=st.sampled_from(("rate", "amount", "gift")), size=st.integers(1, 99))
    def cheapen(self, at: int, line: int, how: str, size: int) -> None:
        """A dish is cheaper, or a gift."""
        order_id, guests = self.pick(at, lambda one: bool(one.left))
        name, dish = one_of({key: guests.dishes[key] for key in guests.left}, line)
        if dish.paid:
            return
        if how == "rate":
            self.step(order_id, PriceStep(line_id=name, rate_bp=size * 100, reason="老客"))
            dish.rate_bp, dish.off_fen = size * 100, 0
        elif how == "amount":
            fen = min(size * 7, dish.unit * dish.left)
            self.step(order_id, PriceStep(line_id=name, discount_fen=fen, reason="老客"))
            dish.rate_bp, dish.off_fen = 0, fen
        else:
            self.step(order_id, PriceStep(line_id=name, gift=True, reason="等久了"))
            dish.gift = True

    @precondition(lambda self: self.ledger.orders)
    @rule(at=PICK, how=st.sampled_from(("rate", "both", "comp", "none")), size=st.integers(1, 99))
    def discount(self, at: int, how: str, size: int) -> None:
        """The whole of it is cheaper, or on the house, or neither any more."""
        order_id, guests = self.pick(at)
        if guests.parts:
            return
        rate_bp = size * 100 if how in ("rate", "both") else 0
        fen = min(size * 11, guests.worth) if how == "both" else 0
        comp = how == "comp"
        self.step(order_id, DiscountStep(rate_bp=rate_bp, amount_fen=fen, comp=comp, reason="店庆"))
        guests.rate_bp, guests.off_fen, guests.comp = rate_bp, fen, comp

    @precondition(lambda self: self.ledger.orders)
    @rule(at=PICK, table=st.integers(0, 3))
    def move(self, at: int, table: int) -> None:
        """To another table."""
        order_id, guests = self.pick(at)
        seat = TABLES[table]
        taken = any(one.table == seat for one in self.ledger.orders.values()) and guests.table != seat
        command = MoveOrderCommand(request_id=self.id(), table=seat)
        done = self.do(lambda node: order_moves.move(node, self.cashier("1"), order_id, command))
        if taken:
            self.refused(done, "table_taken")
        else:
            assert isinstance(done, Done), done
            guests.table = seat

    @precondition(lambda self: len(self.ledger.orders) > 1)
    @rule(at=PICK, other=PICK)
    def merge(self, at: int, other: int) -> None:
        """All of it goes to another order."""
        order_id, guests = self.pick(at)
        into_id, into = self.pick(other, lambda one: one is not guests or other % 9 == 0)
        command = MergeOrdersCommand(request_id=self.id(), into=into_id)
        done = self.do(lambda node: order_moves.merge(node, self.cashier("1"), order_id, command))
        if order_id == into_id or guests.parts or into.parts or guests.waiting:
            assert isinstance(done, Refused), done
            return
        assert isinstance(done, Done), done
        into.dishes |= guests.dishes
        into.covers += guests.covers
        self.ledger.close(order_id)

    @precondition(lambda self: len(self.ledger.orders) > 1 and any(one.left for one in self.ledger.orders.values()))
    @rule(at=PICK, line=PICK, qty=QTY, into=st.one_of(st.none(), PICK, PICK), covers=st.integers(0, 2))
    def split(self, at: int, line: int, qty: int, into: int | None, covers: int) -> None:
        """Pieces go to an order of their own, or to another that is there."""
        order_id, guests = self.pick(at, lambda one: bool(one.left))
        name, dish = one_of({key: guests.dishes[key] for key in guests.left}, line)
        into_id, other = ("", None) if into is None else self.pick(into, lambda one: one is not guests or into % 9 == 0)
        covers = 0 if other is not None else min(covers, guests.covers)
        as_line, wanted = self.id(), min(qty, dish.left)
        command = SplitOrderCommand(request_id=self.id(), lines=(SplitLine(line_id=name, as_line=as_line, qty=wanted),), into=into_id,
                                    covers=covers)  # fmt: skip
        done = self.do(lambda node: order_moves.split(node, self.cashier("2"), order_id, command))
        if guests.parts or (other is not None and (other is guests or other.parts)):
            assert isinstance(done, Refused), done
            return
        assert isinstance(done, Done), done
        if other is None:
            other = Guests(guests.service, guests.table, covers)
            guests.covers -= covers
            self.ledger.orders[command.request_id] = other
        sent, off = min(dish.sent, wanted), dish.off_fen * wanted // dish.wanted
        other.dishes[as_line] = ledger.Dish(dish.unit, wanted, sent, 0, dish.rate_bp, off, dish.gift)
        dish.wanted, dish.sent, dish.off_fen = dish.wanted - wanted, dish.sent - sent, dish.off_fen - off

    @precondition(lambda self: any(not one.left for one in self.ledger.orders.values()))
    @rule(at=PICK)
    def cancel(self, at: int) -> None:
        """An order on which nothing is left ends."""
        order_id, guests = self.pick(at, lambda one: not one.left)
        command = CancelOrderCommand(request_id=self.id(), reason="走了")
        done = self.do(lambda node: orders.cancel(node, self.cashier("1"), order_id, command))
        if guests.waiting:
            self.refused(done, "order_has_payments")
        else:
            assert isinstance(done, Done), done
            self.ledger.close(order_id)
