"""When each session was last at work, in monotonic time: no commit for every tap, and no wall clock that may be set."""

import threading

SEATS_MAX = 1_000


class Presence:
    """What the process remembers of sessions; after a restart the file's coarser word holds until the next request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen_ms: dict[bytes, int] = {}

    def seen_ms(self, token_hash: bytes) -> int | None:
        """Give when a session was last at work (monotonic ms); None where this process does not know it yet."""
        with self._lock:
            return self._seen_ms.get(token_hash)

    def note(self, token_hash: bytes, monotonic_ms: int) -> None:
        """Remember that a session was at work."""
        with self._lock:
            self._seen_ms.pop(token_hash, None)
            self._seen_ms[token_hash] = monotonic_ms
            while len(self._seen_ms) > SEATS_MAX:
                del self._seen_ms[next(iter(self._seen_ms))]

    def forget(self, token_hash: bytes) -> None:
        """Forget a session that ended."""
        with self._lock:
            self._seen_ms.pop(token_hash, None)
