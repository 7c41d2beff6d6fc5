"""Who hears of each step of an order, in the transaction of its deed: dockets of the kitchen are queued there.

A step was written when a listener hears of it. It may write facts and queue slips of its own (`Deed.write`, `Deed.print`); it may
not refuse.
"""

from collections.abc import Callable
from typing import Final

from edge.domain.order_state import Order
from edge.services.deeds import Deed
from edge.services.ordering import kitchen
from sync.contract.orders import OrderStep

Listener = Callable[[Deed, Order, Order, OrderStep], None]
"""Is given the deed, the order before and after the step, and the step."""

LISTENERS: Final[tuple[Listener, ...]] = (kitchen.hear,)


def tell(deed: Deed, before: Order, after: Order, step: OrderStep) -> None:
    """Tell everybody of a step."""
    for listener in LISTENERS:
        listener(deed, before, after, step)
