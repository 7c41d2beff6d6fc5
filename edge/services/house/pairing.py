"""Codes that a manager shows to a browser of the house so that it becomes a terminal: few, short-lived, each for one browser.

They live in memory only: a restart of the node forgets them, and the manager makes another.
"""

import threading
from typing import Final, NamedTuple

from edge.domain.refusal import Refused
from sync.contract import ids
from sync.node.ports import Chance

LIFE_MS: Final = 600_000
"""For so long a code may be typed."""
DIGITS: Final = 8
"""Crockford digits of a code: 40 bits."""
OFFERS_MAX: Final = 20
WRONG_MAX: Final = 100
"""So many wrong codes, whoever sent them, end all that wait: guessing comes to 1 in ten milliard at most."""


class Offer(NamedTuple):
    """What a code makes of the browser that types it.

    Attributes:
        by: the person who offered it.
        until_ms: monotonic.
        taken_by: the request that used it; the same request may come again, another may not.
    """

    code: str
    name: str
    till: str
    by: str
    until_ms: int
    taken_by: str = ""


class Pairings:
    """The codes that wait."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._wrong = 0
        self._lock = threading.Lock()

    def offer(self, chance: Chance, name: str, till: str, by: str, now_ms: int) -> Offer | Refused:
        """Make a code."""
        code = ids.crockford_encode(int.from_bytes(chance.token(5), "big"), DIGITS)
        made = Offer(code, name, till, by, now_ms + LIFE_MS)
        with self._lock:
            self._forget(now_ms)
            if len(self._offers) >= OFFERS_MAX:
                return Refused("too_many_codes", {"codes_max": OFFERS_MAX})
            if not any(not one.taken_by for one in self._offers.values()):
                self._wrong = 0
            self._offers[code] = made
        return made

    def take(self, text: str, request_id: str, now_ms: int) -> Offer | Refused:
        """Give what a code says to the first request that shows it, and to that one again."""
        code = ids.crockford_clean(text)
        with self._lock:
            self._forget(now_ms)
            found = self._offers.get(code)
            if found is not None and found.taken_by in ("", request_id):
                taken = found._replace(taken_by=request_id)
                self._offers[code] = taken
                return taken
            self._wrong += 1
            if self._wrong >= WRONG_MAX:
                self._offers.clear()
            return Refused("pairing_code_wrong")

    def give_back(self, offer: Offer) -> None:
        """Let a code be used after all: the browser that took it became no terminal."""
        with self._lock:
            if offer.code in self._offers:
                self._offers[offer.code] = offer._replace(taken_by="")

    def waiting(self, now_ms: int) -> int:
        """Count the codes that nobody used yet."""
        with self._lock:
            self._forget(now_ms)
            return sum(1 for one in self._offers.values() if not one.taken_by)

    def _forget(self, now_ms: int) -> None:
        self._offers = {code: one for code, one in self._offers.items() if now_ms < one.until_ms}
