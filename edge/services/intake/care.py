"""Looks after the takeaway platforms: reads what is new, accepts what may be accepted by itself, tells what they do not know yet.

Pauses are counted on the monotonic clock and in memory: a wall clock that is set wrong holds nothing up. A platform that does not answer is
asked ever less often and keeps nobody waiting; the others go on.
"""

import logging
from dataclasses import dataclass

from edge.db import intake as kept
from edge.domain import intake
from edge.domain.intake import Outcome, Tell
from edge.domain.refusal import Refused
from edge.services import deeds
from edge.services.intake import orders
from edge.services.intake.desk import Counter
from edge.services.intake.orders import AcceptCommand
from edge.services.node import Node

PAUSES_MS = (3_000, 5_000, 10_000, 20_000, 30_000)
"""Between two questions to a platform that does not answer; the last one goes on."""
IDLE_MS = 60_000
STOCK_AT_ONCE = 50
"""Dishes that a platform is told of in one look."""

log = logging.getLogger(__name__)


@dataclass
class _Backlog:
    """How often a platform did not answer, and when it is asked again (monotonic ms)."""

    tries: int = 0
    due_ms: int = 0


class IntakeCare:
    """One worker's memory. Not thread-safe: one thread calls `look`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._backlogs = {platform: _Backlog() for platform in node.intake.counters}

    def look(self) -> int:
        """Do everything that is due; give after how many ms to look again, at most."""
        node = self._node
        if not node.intake.counters or deeds.standing(node, vital=True) is not None:
            return IDLE_MS
        now_ms = node.clock.monotonic_ms()
        was_away = {platform: node.intake.is_away(platform) for platform in node.intake.counters}
        for platform, counter in node.intake.counters.items():
            backlog = self._backlogs[platform]
            if now_ms < backlog.due_ms:
                continue
            self._look_at(counter)
            if node.intake.is_away(platform):
                backlog.due_ms = now_ms + PAUSES_MS[min(backlog.tries, len(PAUSES_MS) - 1)]
                backlog.tries += 1
            else:
                backlog.due_ms = backlog.tries = 0
            if was_away[platform] != node.intake.is_away(platform):
                node.changed.notify()
        return node.settings.intake.every_s * 1_000

    def _look_at(self, counter: Counter) -> None:
        platform = counter.settings.id
        if not self._read(counter):
            return
        if counter.settings.auto:
            self._accept(platform)
        if self._tell(platform):
            self._tell_stock(platform)

    def _read(self, counter: Counter) -> bool:
        """Take in what is new; False where nobody answered, or it cannot be kept."""
        node, platform = self._node, counter.settings.id
        with node.db.read() as reader:
            after = kept.mark(reader, platform)
        news = node.intake.read(platform, lambda one: one.news(after))
        if news is None:
            return False
        for one in news:
            done = None
            if one.order is not None:
                done = orders.take_in(node, counter, one.order)
            elif one.off_no:
                done = orders.off(node, platform, one.off_no, one.reason)
            if isinstance(done, Refused) and done.code != "not_found":
                # It is there again at the next look.
                log.warning("platform.not_kept", extra={"platform": platform, "code": done.code})
                return False
            mark = one.n
            node.db.write(lambda tx, n=mark: kept.set_mark(tx, platform, n))  # type: ignore[misc]
        return True

    def _accept(self, platform: str) -> None:
        """Accept what waits, as far as every dish of it is there; the rest waits for a person."""
        node = self._node
        with node.db.read() as reader:
            waiting = [one for one in kept.at_work(reader) if one.platform == platform and one.state == "waiting"]
        for one in waiting:
            done = orders.accept(node, None, one.order_id, AcceptCommand(request_id=node.ids.uuid7().hex()))
            if isinstance(done, Refused) and done.code == "platform_away":
                return

    def _tell(self, platform: str) -> bool:
        """Tell what it does not know yet, in order; False where nobody answered."""
        node = self._node
        with node.db.read() as reader:
            waiting = [one for one in kept.due(reader) if one.platform == platform]
        for due in waiting:
            answer = node.intake.ask(
                platform,
                lambda one, due=due: one.tell(Tell(due.what), due.platform_no, due.reason),  # type: ignore[misc]
            )
            if answer.outcome is Outcome.UNKNOWN:
                return False
            state = "done" if answer.outcome is Outcome.DONE else "refused"
            if state == "refused":
                log.warning("platform.refused", extra={"platform": platform, "what": due.what})
            node.db.write(lambda tx, due=due, state=state, said=answer.reason: kept.settle(tx, due, state, said))  # type: ignore[misc]
        return True

    def _tell_stock(self, platform: str) -> None:
        """Tell which dishes are sold out, and which are back."""
        node = self._node
        with node.db.read() as reader:
            news = intake.stock_news(kept.stock_told(reader, platform), kept.sold_out_now(reader))
        for dish_id, gone in list(news.items())[:STOCK_AT_ONCE]:
            answer = node.intake.ask(
                platform,
                lambda one, dish_id=dish_id, gone=gone: one.sold_out(dish_id, sold_out=gone),  # type: ignore[misc]
            )
            if answer.outcome is Outcome.UNKNOWN:
                return
            node.db.write(
                lambda tx, dish_id=dish_id, gone=gone: kept.set_stock_told(tx, platform, dish_id, sold_out=gone)  # type: ignore[misc]
            )
