"""What devices have for the screen of a till: events in order, kept in memory for a screen that was away for a moment."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from sync.node.ports import Clock

KEPT: Final = 50
REPLAY_MS: Final = 30_000
"""What was scanned longer ago than this belongs to another moment, perhaps to another guest."""


@dataclass(frozen=True)
class InboxEvent:
    """One event: its number (rising over all tills, also over a restart), its name and its data as JSON.

    Attributes:
        replayed: whether a screen that was away still gets it; what can be used once only is not told twice.
        at_ms: when it came, on the monotonic clock.
    """

    id: int
    name: str
    data: bytes
    replayed: bool
    at_ms: int


class TillInbox:
    """The events of every till. Thread-safe.

    Args:
        first_id: a number above those that any screen may still remember of an earlier life; the wall time in ms is one.
        notify: told after each event, so that whoever waits looks again.
    """

    def __init__(self, tills: Iterable[str], first_id: int, clock: Clock, notify: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._notify = notify
        self._last_id = first_id
        self._events: dict[str, deque[InboxEvent]] = {till: deque(maxlen=KEPT) for till in tills}

    @property
    def last_id(self) -> int:
        """The number of the newest event of any till."""
        return self._last_id

    def post(self, till: str, event: str, data: msgspec.Struct, *, replayed: bool = True) -> None:
        """Tell the screen of a till something; a till that does not exist has none."""
        encoded = msgspec.json.encode(data)
        with self._lock:
            events = self._events.get(till)
            if events is None:
                return
            self._last_id += 1
            events.append(InboxEvent(self._last_id, event, encoded, replayed, self._clock.monotonic_ms()))
        self._notify()

    def since(self, till: str, event_id: int) -> list[InboxEvent]:
        """Give what came after an event, oldest first."""
        with self._lock:
            return [event for event in self._events.get(till, ()) if event.id > event_id]

    def missed(self, till: str, event_id: int) -> list[InboxEvent]:
        """Give what a screen that comes back has missed and may still have; nothing when its last event is too old to know."""
        with self._lock:
            events = self._events.get(till, deque())
            if not 0 < event_id <= self._last_id or (len(events) == KEPT and event_id < events[0].id - 1):
                return []
            oldest_ms = self._clock.monotonic_ms() - REPLAY_MS
            return [event for event in events if event.id > event_id and event.replayed and event.at_ms >= oldest_ms]
