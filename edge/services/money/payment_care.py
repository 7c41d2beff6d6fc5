"""Looks after what the gateway has not decided: asks again with growing pauses, reverses what was cancelled, sends refunds in line.

Pauses are counted on the monotonic clock and in memory: a wall clock that is set wrong holds nothing up, and a node that starts again
asks at once.
"""

import logging

from edge.db import payments as db
from edge.db.payments import Attempt
from edge.domain import gateway
from edge.domain.gateway import Step
from edge.services import deeds
from edge.services.money import code_payments, payments
from edge.services.node import Node

PAUSES_MS = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000)
"""Between two questions about one payment; the last one goes on."""
UNKNOWN_MAX = 20
"""After so many answers of a gateway that is there and still does not know (about eight minutes), the payment is reversed: nobody
stands at the till any more who could say."""
IDLE_MS = 60_000

log = logging.getLogger(__name__)


class PaymentCare:
    """One worker's memory. Not thread-safe: one thread calls `look`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tries: dict[str, int] = {}
        self._due_ms: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._refund_tries = 0
        self._refunds_due_ms = 0

    def look(self, *, rung: bool = False) -> int:
        """Do everything that is due; give after how many ms to look again, at most.

        Args:
            rung: something is new: a refund in line is sent at once, whatever the pause of those before it.
        """
        node = self._node
        if rung:
            self._refunds_due_ms = 0
        if node.gateway.gateway is None or deeds.standing(node, vital=True) is not None:
            return IDLE_MS
        self._adopt()
        with node.db.read() as reader:
            attempts = db.open_attempts(reader)
        known = {attempt.payment_id for attempt in attempts}
        for memory in (self._tries, self._due_ms, self._unknown):
            for gone in set(memory) - known:
                del memory[gone]
        for attempt in attempts:
            self._look_at(attempt)
        self._send_refunds()
        now_ms = node.clock.monotonic_ms()
        dues = [due for due in (*self._due_ms.values(), self._refunds_due_ms) if due > now_ms]
        return min([IDLE_MS, *(due - now_ms for due in dues)])

    def _adopt(self) -> None:
        """Take over what the facts call unknown and this file does not ask for, because it was built again from them."""
        with self._node.db.read() as reader:
            lost = db.lost_doubts(reader)
        for doubt in lost:
            attempt = Attempt(doubt.payment_id, doubt.order_id, doubt.till, "", doubt.amount_fen, "", "", doubt.at_ms,
                              gateway.UNCERTAIN, "")  # fmt: skip
            self._node.db.write(lambda tx, a=attempt: db.add_attempt(tx, a))  # type: ignore[misc]
            log.info("payment.adopted", extra={"payment": doubt.payment_id})

    def _look_at(self, attempt: Attempt) -> None:
        node, payment_id = self._node, attempt.payment_id
        now_ms = node.clock.monotonic_ms()
        if node.gateway.is_in_the_air(payment_id) or now_ms < self._due_ms.get(payment_id, 0):
            return
        if attempt.state == gateway.UNCERTAIN and self._unknown.get(payment_id, 0) >= UNKNOWN_MAX:
            code_payments.cancel(node, code_payments.person_of(attempt), payment_id)
            self._unknown[payment_id] = 0
            step = Step.NOTHING
        else:
            step, answer = code_payments.ask(node, attempt)
            if answer.reached and answer.outcome is gateway.Outcome.UNKNOWN:
                self._unknown[payment_id] = self._unknown.get(payment_id, 0) + 1
        if step in (Step.NOTHING, Step.DOUBT):
            tries = self._tries.get(payment_id, 0)
            self._tries[payment_id] = tries + 1
            self._due_ms[payment_id] = now_ms + PAUSES_MS[min(tries, len(PAUSES_MS) - 1)]

    def _send_refunds(self) -> None:
        node = self._node
        now_ms = node.clock.monotonic_ms()
        with node.db.read() as reader:
            waiting = sum(each.state == "waiting" for each in db.refunds_in_line(reader))
        if not waiting:
            self._refund_tries = self._refunds_due_ms = 0
            return
        if now_ms < self._refunds_due_ms:
            return
        if payments.send_refunds(node) >= waiting:
            self._refund_tries = self._refunds_due_ms = 0
            return
        self._refunds_due_ms = now_ms + PAUSES_MS[min(self._refund_tries, len(PAUSES_MS) - 1)]
        self._refund_tries += 1
