"""Who may catch up now, as a pure function of who asked when: the hub's admission control (protocol §5.6).

A store with little waiting is always let through. Of those with much, so many catch up at once; the others are given
credit 0 and told when to ask again, and are let in by the order in which they first asked. A turn is bounded while
others wait, so that one store with a month of facts cannot hold up the rest.
"""

import itertools
from dataclasses import dataclass, field

LIVE_FACTS_MAX = 500
"""With at most so many facts waiting a store is live: two full batches, less than one round trip of work."""
TURN_MS = 60_000
"""After so long a store that is still behind makes room, if another waits."""
LAPSE_MS = 20_000
"""A store unheard of for so long loses its turn or its place: it asks at least every five seconds."""
LOOK_MS = 1_000
NEXT_MS = 250
"""When those next in line ask again: a turn that nobody takes up is idle for about half of it."""
LATER_MS = 5_000
NEXT_TURNS = 4
"""So many times the turns are next in line; who joins them later was told to ask later."""

Who = tuple[str, int]


@dataclass(frozen=True)
class Grant:
    """What a store is told: batches it may have in flight, and with none, when to ask again."""

    credit: int
    retry_after_ms: int = 0


@dataclass
class _Turn:
    since_ms: int
    heard_ms: int


@dataclass
class Admission:
    """The order of those who are behind. Losing it (a restart) costs places in the queue and nothing else.

    Args:
        turns: stores that may catch up at once, 1 or more.
        credit: batches in flight that a store is granted.
        live_facts_max: with at most so many waiting a store needs no turn.
        turn_ms: how long a turn lasts while others wait.
        closed: nothing at all is taken now, so nobody is let in; who waits keeps its place.
    """

    turns: int = 8
    credit: int = 8
    live_facts_max: int = LIVE_FACTS_MAX
    turn_ms: int = TURN_MS
    closed: bool = False
    _behind: dict[Who, int] = field(default_factory=dict)
    _catching_up: dict[Who, _Turn] = field(default_factory=dict)
    _queue: dict[Who, int] = field(default_factory=dict)
    _looked_ms: int = -LAPSE_MS

    def claims(self, who: Who, behind: int) -> None:
        """A store said how many facts the hub lacks."""
        self._behind[who] = behind

    def stored(self, who: Who, count: int) -> None:
        """So many facts of a store were taken in."""
        if who in self._behind:
            self._behind[who] = max(0, self._behind[who] - count)

    def gone(self, who: Who) -> None:
        """A store was refused or forgotten."""
        self._behind.pop(who, None)
        self._catching_up.pop(who, None)
        self._queue.pop(who, None)

    def grant(self, who: Who, now_ms: int) -> Grant:
        """Say what a store may do now; asked whenever it is answered, and never throttling one that is live.

        Args:
            who: the store and its epoch.
            now_ms: of a clock that never steps: with a wall clock that is set back no turn would ever end.
        """
        self._lapse(now_ms)
        if self.closed:
            return Grant(0, LATER_MS)
        if self._behind.get(who, 0) <= self.live_facts_max:
            self._catching_up.pop(who, None)
            self._queue.pop(who, None)
            return Grant(self.credit)
        turn = self._catching_up.get(who)
        if turn is not None:
            turn.heard_ms = now_ms
            if now_ms - turn.since_ms < self.turn_ms or not self._queue:
                return Grant(self.credit)
            del self._catching_up[who]
        # One that waits already keeps its place: writing to a key that stands does not move it.
        self._queue[who] = now_ms
        front = list(itertools.islice(self._queue, NEXT_TURNS * self.turns))
        if who in front[: self.turns - len(self._catching_up)]:
            del self._queue[who]
            self._catching_up[who] = _Turn(now_ms, now_ms)
            return Grant(self.credit)
        return Grant(0, NEXT_MS if who in front else LATER_MS)

    @property
    def busy(self) -> int:
        """How many stores catch up now."""
        return len(self._catching_up)

    @property
    def waiting(self) -> int:
        """How many stores wait for their turn."""
        return len(self._queue)

    def _lapse(self, now_ms: int) -> None:
        if now_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        for who in [who for who, turn in self._catching_up.items() if now_ms - turn.heard_ms > LAPSE_MS]:
            del self._catching_up[who]
        for who in [who for who, heard_ms in self._queue.items() if now_ms - heard_ms > LAPSE_MS]:
            del self._queue[who]
