"""Time, ids and chance as things that are handed in: the real ones, and the ones that tests steer."""

import hashlib
import secrets
import threading
import time
from typing import Protocol

from sync.contract import ids


class Clock(Protocol):
    """Wall time for people and facts, monotonic time for time-outs."""

    def now_ms(self) -> int:
        """Wall time in ms since 1970; it may step."""
        ...

    def monotonic_ms(self) -> int:
        """Time in ms that never steps; only differences mean anything."""
        ...


class Chance(Protocol):
    """Randomness: for jitter, and for ids and secrets."""

    def random(self) -> float:
        """Give a number in [0, 1)."""
        ...

    def token(self, size: int) -> bytes:
        """Give random bytes."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        """Wall time in ms since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Monotonic ms."""
        return time.monotonic_ns() // 1_000_000


class SystemChance:
    """The randomness of the machine, fit for secrets."""

    def __init__(self) -> None:
        self._dice = secrets.SystemRandom()

    def random(self) -> float:
        """Give a number in [0, 1)."""
        return self._dice.random()

    def token(self, size: int) -> bytes:
        """Give random bytes."""
        return secrets.token_bytes(size)


class ManualClock:
    """A clock that moves only when told to; both readings move together."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        """The time it was set to."""
        return self._now_ms

    def monotonic_ms(self) -> int:
        """The ms it was advanced by so far."""
        return self._monotonic_ms

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._now_ms += ms
        self._monotonic_ms += ms

    def step_wall(self, ms: int) -> None:
        """Set the wall clock forward or back, as NTP or a person may."""
        self._now_ms += ms


class SeededChance:
    """Randomness that a seed determines, on every platform alike; never for secrets that must hold."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def random(self) -> float:
        """Give the next number in [0, 1)."""
        return int.from_bytes(self.token(7), "big") / (1 << 56)

    def token(self, size: int) -> bytes:
        """Give the next bytes."""
        out = b""
        while len(out) < size:
            out += hashlib.blake2b(self._seed + self._drawn.to_bytes(8, "big"), digest_size=32).digest()
            self._drawn += 1
        return out[:size]


class IdSource:
    """Makes UUIDv7 ids that rise even when the clock does not."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._last_ms = 0

    def uuid7(self) -> bytes:
        """Give a new id as 16 bytes."""
        with self._lock:
            self._last_ms = max(self._last_ms, self._clock.now_ms())
            return ids.uuid7(self._last_ms, self._chance.token(10))
