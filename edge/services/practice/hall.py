"""Who practises: terminals that a manager let into the scratch world, and how long that world lasts.

A browser is let in by a manager and has a token from then on; without one the world does not exist for it, so that nobody rings up a
guest's money in a world that forgets it. The world begins with the first terminal and ends with the last one, with the node, or
after `LASTS_MS`; nothing of it is kept.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from wsgiref.types import WSGIApplication

from edge.services.node import Node
from sync.node.ports import Chance, Clock

LASTS_MS: Final = 12 * 3_600_000
"""A terminal that was forgotten in practice is back in the store after a shift at the latest."""
TERMINALS_MAX: Final = 16
QUIET_S: Final = 3.0
"""For so long what is being answered may go on after the end."""
TOKEN_BYTES: Final = 32


@dataclass
class World:
    """The scratch world while it is open.

    Attributes:
        node: its node: a file, keys, an epoch, a printer of its own.
        apps: what answers its pages, by listener: False = the node's own, True = that for other machines of the house.
        stop: ends everything in it and throws its file away.
    """

    node: Node
    apps: dict[bool, WSGIApplication]
    stop: Callable[[], None]
    _busy: int = 0
    _rest: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Keep the world open while something is answered."""
        with self._rest:
            self._busy += 1
        try:
            yield
        finally:
            with self._rest:
                self._busy -= 1
                self._rest.notify_all()

    def end(self) -> None:
        """Stop it, after what is being answered."""
        with self._rest:
            self._rest.wait_for(lambda: self._busy == 0, QUIET_S)
        self.stop()


class Hall:
    """The door between the store and its practice; thread-safe.

    Args:
        open_world: builds the scratch world (`edge.wiring.practice`).
    """

    def __init__(self, open_world: Callable[[], World], clock: Clock, chance: Chance) -> None:
        self._open_world = open_world
        self._clock = clock
        self._chance = chance
        self._lock = threading.RLock()
        self._world: World | None = None
        self._let_in: dict[bytes, int] = {}

    @property
    def world(self) -> World | None:
        """The scratch world; None while nobody practises."""
        return self._world

    def enter(self) -> str:
        """Let a terminal in, and open the world where it is the first; gives the token that it shows from now on."""
        with self._lock:
            self._drop_old()
            if self._world is None:
                self._world = self._open_world()
            while len(self._let_in) >= TERMINALS_MAX:
                del self._let_in[min(self._let_in, key=self._let_in.__getitem__)]
            token = self._chance.token(TOKEN_BYTES).hex()
            self._let_in[_hashed(token)] = self._clock.monotonic_ms()
            return token

    def admits(self, token: str | None) -> bool:
        """Say whether a token is that of a terminal in practice."""
        if not token or self._world is None:
            return False
        with self._lock:
            self._drop_old()
            return _hashed(token) in self._let_in

    def leave(self, token: str) -> None:
        """Let a terminal go back to the store; with the last one the world ends."""
        with self._lock:
            self._let_in.pop(_hashed(token), None)
            ended = self._ended()
        if ended is not None:
            ended.end()

    def close(self) -> None:
        """End the world with the node."""
        with self._lock:
            self._let_in.clear()
            ended = self._ended()
        if ended is not None:
            ended.end()

    def _drop_old(self) -> None:
        now_ms = self._clock.monotonic_ms()
        self._let_in = {one: since for one, since in self._let_in.items() if now_ms - since < LASTS_MS}

    def _ended(self) -> World | None:
        if self._let_in:
            return None
        world, self._world = self._world, None
        return world


def _hashed(token: str) -> bytes:
    # A cookie is whatever somebody sent.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
