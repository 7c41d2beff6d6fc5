"""Ends what is over: points behind their last day, and receipts' points that nobody can claim any more. Nightly; done twice it is done once."""

import logging

from cloud.db import ledger as rows
from cloud.db.engine import Turn
from cloud.domain import moves
from cloud.services.members import cards
from cloud.services.members.shared import LedgerBook, Shared, post
from sync.contract import times

ROUND = 500
CLAIM_SLACK_MS = 40 * times.DAY_MS
"""A claim that was made in time may reach the hub so much later: as long as a store may be cut off, and some days."""

log = logging.getLogger(__name__)


class Expiry:
    """Runs the night's expiry. Any thread may use it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def run(self) -> dict[str, int]:
        """End everything that is over today; gives how many lots and receipts that were."""
        done = {"lots": self._end_lots(), "receipts": self._end_receipts()}
        self._shared.on_stream()
        log.info("points.expired", extra=done)
        return done

    def _end_lots(self) -> int:
        total = 0
        while True:
            with self._shared.database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                day = self._shared.day()
                found = rows.ending(tx, day, ROUND)
                for lot in found:
                    post(tx, moves.expire(LedgerBook(tx, self._shared), lot, day), self._shared.by_system())
                cards.publish(tx, self._shared, [lot.account.split(":")[1] for lot in found])
            total += len(found)
            if len(found) < ROUND:
                return total

    def _end_receipts(self) -> int:
        total = 0
        while True:
            with self._shared.database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                rules = self._shared.rulebook.now(tx)
                before_ms = self._shared.clock.now_ms() - rules.claim_days * times.DAY_MS - CLAIM_SLACK_MS
                found = rows.old_escrows(tx, before_ms, ROUND)
                for invite_id in found:
                    deed = moves.end_escrow(LedgerBook(tx, self._shared), invite_id, self._shared.day())
                    post(tx, deed, self._shared.by_system())
            total += len(found)
            if len(found) < ROUND:
                return total
