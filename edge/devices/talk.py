"""What the supervisor and a device family agree on: a conversation over one connection, and what came of it."""

import threading
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True)
class Heard:
    """What a talk made of what came.

    Attributes:
        answered: the device said something that only a working one of its kind says.
        trouble: a code for what is wrong with it although it answers; empty when nothing is.
        garbage: something came that no such device means.
        hopeless: with it, what came is never bad luck: at this speed nothing will ever make sense.
        events: how many things went on to the till.
        reply: bytes to write back at once.
        notes: codes for the device page; nothing secret.
    """

    answered: bool = False
    trouble: str = ""
    garbage: bool = False
    hopeless: bool = False
    events: int = 0
    reply: bytes = b""
    notes: tuple[str, ...] = ()


NOTHING: Final = Heard()


class Talk(Protocol):
    """One connection's conversation: a protocol with what becomes of what it hears. Made anew for each connection."""

    @property
    def poll_ms(self) -> int:
        """How often the device speaks or is asked; 0 when its silence says nothing."""
        ...

    @property
    def linger_ms(self) -> int:
        """How long after the last byte `tick` still has something to settle; 0 = never."""
        ...

    @property
    def listens(self) -> bool:
        """Whether the device has anything to say; one that only shows things is never waited for."""
        ...

    def hello(self) -> bytes:
        """Give what is written after connecting."""
        ...

    def question(self) -> bytes:
        """Give what is written each `poll_ms`; empty for a device that speaks by itself."""
        ...

    def outgoing(self) -> bytes:
        """Give what is to be written now, once; empty when nothing is."""
        ...

    def feed(self, data: bytes, now_ms: int) -> Heard:
        """Take what came."""
        ...

    def tick(self, now_ms: int) -> Heard:
        """Let time pass."""
        ...

    def closed(self, now_ms: int) -> Heard:
        """The connection is gone."""
        ...


class Bell:
    """Ends a device's wait; rung by whoever has something for it."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """End the wait, or the next one."""
        self._rung.set()

    def wait(self, ms: int) -> None:
        """Wait for a ring, at most so long."""
        self._rung.wait(ms / 1000)
        self._rung.clear()
