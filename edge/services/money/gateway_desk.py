"""The node's end of the payment gateway: which one there is, whose call is in the air, and a bell for the worker."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from edge.domain.gateway import AWAY, Answer, Gateway

log = logging.getLogger(__name__)


class GatewayDesk:
    """Thread-safe; lives as long as the process. What must outlive it lies in the file (`edge.db.payments`).

    Args:
        gateway: None = the store has none, and no code is charged here.
    """

    def __init__(self, gateway: Gateway | None = None) -> None:
        self.gateway: Final = gateway
        self.bell: Final = threading.Event()
        self._lock = threading.Lock()
        self._in_the_air: set[str] = set()
        self._away = False

    @property
    def away(self) -> bool:
        """Whether nobody answered the last time."""
        return self._away

    def is_in_the_air(self, payment_id: str) -> bool:
        """Say whether a charge of a payment is being made right now: until it came back, nothing else is asked about it."""
        with self._lock:
            return payment_id in self._in_the_air

    @contextmanager
    def in_the_air(self, payment_id: str) -> Iterator[bool]:
        """Let nobody else ask about a payment while its charge is made; gives False where somebody makes it already."""
        with self._lock:
            first = payment_id not in self._in_the_air
            self._in_the_air.add(payment_id)
        try:
            yield first
        finally:
            if first:
                with self._lock:
                    self._in_the_air.discard(payment_id)

    def ask(self, question: Callable[[Gateway], Answer]) -> Answer:
        """Ask the gateway something; whatever goes wrong on the way is `unknown`.

        The text of an exception may hold the guest's code, so its kind is all that is logged of it.
        """
        if self.gateway is None:
            return AWAY
        try:
            answer = question(self.gateway)
        except Exception as error:  # noqa: BLE001 - a fault of the way there is no answer, and no payment either
            log.error("gateway.failed", extra={"kind": type(error).__name__})  # noqa: TRY400 - see above
            answer = AWAY
        self._away = not answer.reached
        return answer
