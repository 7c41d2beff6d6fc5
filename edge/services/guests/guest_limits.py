"""How often guests' phones may ask: a bucket a table, a bucket a phone, one for the house; all in memory, all bounded."""

import threading
from collections.abc import Hashable
from typing import Final, NamedTuple

KEYS_MAX: Final = 2_000


class _Bucket(NamedTuple):
    left: float
    at_ms: int


class Allowance:
    """So many at once, and one more each `every_ms`, for each key."""

    def __init__(self, at_once: int, every_ms: int) -> None:
        self._at_once = at_once
        self._every_ms = every_ms
        self._buckets: dict[Hashable, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, now_ms: int) -> int:
        """Take one; gives 0, or after how many ms there is one again.

        Args:
            now_ms: monotonic.
        """
        with self._lock:
            held = self._buckets.pop(key, None)
            if held is None and len(self._buckets) >= KEYS_MAX:
                # The one that was asked longest ago is the first in the dict.
                del self._buckets[next(iter(self._buckets))]
            left = float(self._at_once)
            if held is not None:
                left = min(left, held.left + (now_ms - held.at_ms) / self._every_ms)
            taken = left >= 1
            self._buckets[key] = _Bucket(left - 1 if taken else left, now_ms)
            return 0 if taken else max(1, int((1 - left) * self._every_ms))


class GuestLimits:
    """What phones may do."""

    def __init__(self) -> None:
        self.asks_of_table = Allowance(at_once=6, every_ms=15_000)
        """Baskets sent from one table."""
        self.asks_of_house = Allowance(at_once=60, every_ms=500)
        """Baskets sent from all of them: the till's own writes come first."""
        self.joins = Allowance(at_once=20, every_ms=10_000)
        """Joining on phones, of all of them: nobody tries numbers in numbers."""
        self.looks = Allowance(at_once=300, every_ms=50)
        """Anything asked from one address; the guests of a house may all have the same, that of its access point."""
