"""A held trigger reads the same code ten times a second; a person means it once.

Pure. Only a digest of each code is kept, and only for the window: a payment code must not lie about in memory.
"""


class Repeats:
    """Tells the first sight of a code from its repeats, for one scanner."""

    def __init__(self, window_ms: int = 800) -> None:
        self._window_ms = window_ms
        self._seen_ms: dict[int, int] = {}

    def first(self, text: str, now_ms: int) -> bool:
        """Say whether this is a new scan and not the same code again within the window since it was *last* seen.

        So a trigger held for a minute is one scan, and a second portion of the same dish needs the code out of sight
        for the window.
        """
        self._seen_ms = {seen: at_ms for seen, at_ms in self._seen_ms.items() if now_ms - at_ms < self._window_ms}
        mark = hash(text)
        is_first = mark not in self._seen_ms
        self._seen_ms[mark] = now_ms
        return is_first
