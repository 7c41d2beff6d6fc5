"""How often somebody may ask: so many at once, then one more each while, for each key; in memory and bounded."""

import threading
from collections.abc import Hashable
from typing import Final, NamedTuple

KEYS_MAX: Final = 2_000


class _Bucket(NamedTuple):
    left: float
    at_ms: int


class Allowance:
    """So many at once, and one more each `every_ms`, for each key. Thread-safe."""

    def __init__(self, at_once: int, every_ms: int, keys_max: int = KEYS_MAX) -> None:
        self._at_once = at_once
        self._every_ms = every_ms
        self._keys_max = keys_max
        self._buckets: dict[Hashable, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, now_ms: int) -> int:
        """Take one; gives 0, or after how many ms there is one again.

        Args:
            key: who asks, or for what.
            now_ms: monotonic.
        """
        with self._lock:
            held = self._buckets.pop(key, None)
            if held is None and len(self._buckets) >= self._keys_max:
                # The one that was asked longest ago is the first in the dict.
                del self._buckets[next(iter(self._buckets))]
            left = float(self._at_once)
            if held is not None:
                left = min(left, held.left + (now_ms - held.at_ms) / self._every_ms)
            taken = left >= 1
            self._buckets[key] = _Bucket(left - 1 if taken else left, now_ms)
            return 0 if taken else max(1, int((1 - left) * self._every_ms))
