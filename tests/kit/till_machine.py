"""A restaurant's evening at two tills as a machine of hypothesis: whatever happens in whatever order, product and ledger agree."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from edge.domain.payment import AskedTender
from edge.services.money import pay_order
from edge.services.money.pay_order import PayCommand
from edge.services.ordering import orders
from edge.services.ordering.order_work import (
    AddStep,
)
from edge.services.ordering.orders import StepsCommand
from tests.kit.till_house import LINES, PICK
from tests.kit.till_money import Money
from tests.kit.till_tables import Tables


class TillMachine(Tables, Money):
    """All of it together."""

    @initialize(lines=LINES, covers=st.integers(0, 4))
    def guests_sit(self, lines: list[tuple[str, int]], covers: int) -> None:
        """Two tables are taken before the evening begins."""
        self.open("1", 0, covers, lines)
        self.open("2", 1, 2, [("a", 3), ("b", 2)])
        # An amount that no number of pieces divides.
        self.cheapen(1, 0, "amount", 143)

    @precondition(lambda self: self.ledger.closed)
    @rule(at=PICK, pays=st.booleans())
    def come_late(self, at: int, pays: bool) -> None:
        """A waiter who did not see that an order is over."""
        order_id = self.ledger.closed[at % len(self.ledger.closed)]
        if pays:
            paying = PayCommand(sale_id=self.id(), tenders=(AskedTender(kind="cash", received_fen=10_000_000),))
            done = self.do(lambda node: pay_order.pay_order(node, self.cashier("1"), order_id, paying))
        else:
            step = StepsCommand(request_id=self.id(), steps=(AddStep(line_id=self.id(), dish_id="a", qty=1),))
            done = self.do(lambda node: orders.change(node, self.cashier("1"), order_id, step))
        self.refused(done, "order_closed")
