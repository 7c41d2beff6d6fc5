"""The port between the protocol and whatever carries its messages, and the small parts every carrier shares.

A transport is a hint channel: it may lose, repeat, reorder and delay. Nothing may depend on it for correctness, so it
keeps no queue of its own while the link is down; the database is the only queue (protocol §5, forbidden list §7).
"""

import threading
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from sync.contract import limits

QOS_MAX = 1
"""QoS 1 is flow control. QoS 2 loses more than it keeps (231 of 300 in the measurements of the reference, §2)."""

_PACKET_OVERHEAD_BYTES = 16
"""Fixed header, topic length and packet id of a PUBLISH, rounded up."""


class Message(NamedTuple):
    """One message as it came off the wire. `retained` means the broker had it before we subscribed."""

    topic: str
    payload: bytes
    retained: bool


class Will(NamedTuple):
    """What the broker says for us when we vanish without a goodbye."""

    topic: str
    payload: bytes


class LinkState(StrEnum):
    """Whether the broker hears us; told through the inbox at each change."""

    UP = "up"
    DOWN = "down"


class Clock(Protocol):
    """The time a transport needs: only differences mean anything."""

    def monotonic_ms(self) -> int:
        """Time in ms that never steps."""
        ...


class Chance(Protocol):
    """The randomness a transport needs: the jitter of its reconnects."""

    def random(self) -> float:
        """Give a number in [0, 1)."""
        ...


class Transport(Protocol):
    """Carries messages to and from one broker under one client id.

    The link begins as down; `poll` tells UP after the subscriptions stand, and DOWN when the link is lost. Messages
    come only between an UP and the next DOWN, apart from those that were in the inbox already.
    """

    @property
    def connected(self) -> bool:
        """Whether the link is up now."""
        ...

    def start(self) -> None:
        """Begin to connect, and to reconnect for good; returns at once and never fails because the broker is away."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Hand a message to the link.

        Returns:
            False when the message was not accepted: the link is down, or as many messages as allowed are without an
            answer from the broker. True promises nothing about arrival.

        Raises:
            ValueError: the topic, the QoS or the size can never be right (`check_publish`); our own mistake.
        """
        ...

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        """Give the next thing that happened, oldest first; None when nothing did within `timeout_s` (0 never waits)."""
        ...

    def stop(self) -> None:
        """Say goodbye to the broker and end; afterwards no thread is left and nothing is accepted."""
        ...


@runtime_checkable
class MovingTransport(Transport, Protocol):
    """A transport that can be told to listen to other topics while it runs."""

    def listen(self, subscriptions: Sequence[str]) -> None:
        """Listen to these topics from now on, and after every reconnect; what came for others before stays in the inbox.

        A link that stands stays up. Messages that are published while the change is on its way may be missed, like any.
        """
        ...


def check_publish(topic: str, payload: bytes, qos: int) -> None:
    """Refuse a message that no broker of ours could take, before it costs the link.

    A broker answers a packet above its limit by cutting the connection, and the same message would cut it again.

    Raises:
        ValueError: wildcard or empty topic, QoS other than 0 or 1, or a packet above `limits.WIRE_BYTES_MAX`.
    """
    if not topic or "+" in topic or "#" in topic or "\0" in topic:
        raise ValueError(f"not a topic to publish to: {topic!r}")
    if qos not in range(QOS_MAX + 1):
        raise ValueError(f"QoS {qos} is not used here: 0 or 1")
    size = len(topic.encode()) + len(payload) + _PACKET_OVERHEAD_BYTES
    if size > limits.WIRE_BYTES_MAX:
        raise ValueError(f"a packet of {size} bytes is above the limit of {limits.WIRE_BYTES_MAX}")


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a subscription covers a topic, by the rules of MQTT 3.1.1 §4.7."""
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    wanted, given = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in {"+", given[index]}:
            return False
    return len(wanted) == len(given)


class FullJitter:
    """Reconnect delays with full jitter: each is drawn evenly from 0 to a ceiling that doubles up to a cap.

    A fleet that lost its broker at the same instant thereby comes back spread out (protocol §5.2).
    """

    def __init__(self, base_ms: int, cap_ms: int, chance: Chance) -> None:
        if not 0 < base_ms <= cap_ms:
            raise ValueError(f"a back-off needs 0 < base ({base_ms} ms) <= cap ({cap_ms} ms)")
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self._chance = chance
        self._ceiling_ms = base_ms

    def next_ms(self) -> int:
        """Draw the next delay in ms, at most the cap, and double the ceiling."""
        delay_ms = int(self._chance.random() * self._ceiling_ms)
        self._ceiling_ms = min(self._ceiling_ms * 2, self._cap_ms)
        return delay_ms

    def reset(self) -> None:
        """Start again at the base; called when a connection has proved stable."""
        self._ceiling_ms = self._base_ms


class Inbox:
    """What came in and was not yet polled: one bounded queue for messages and link changes, safe between threads.

    A full inbox drops the new message and counts it, for the protocol repairs a loss while a blocked network thread
    would lose the link. A link change is never dropped; a change and its undoing with nothing between them are folded,
    which bounds their number by that of the messages.
    """

    def __init__(self, messages_max: int) -> None:
        if messages_max < 1:
            raise ValueError("an inbox holds at least one message")
        self._messages_max = messages_max
        self._items: deque[Message | LinkState] = deque()
        self._messages = 0
        self._dropped = 0
        self._told = LinkState.DOWN
        self._arrived = threading.Condition()

    @property
    def dropped(self) -> int:
        """How many messages found the inbox full."""
        return self._dropped

    def add(self, message: Message) -> bool:
        """Take a message in; False when the inbox was full and the message was dropped."""
        with self._arrived:
            if self._messages >= self._messages_max:
                self._dropped += 1
                return False
            self._items.append(message)
            self._messages += 1
            self._arrived.notify()
            return True

    def tell(self, state: LinkState) -> None:
        """Take a link change in; saying the same twice says nothing."""
        with self._arrived:
            if state is self._told:
                return
            self._told = state
            # ... UP, DOWN + UP is the same news as ... UP: whoever reads it has seen neither yet.
            last_two = [self._items[-2], self._items[-1]] if len(self._items) > 1 else []
            if last_two and all(isinstance(item, LinkState) for item in last_two):
                self._items.pop()
            else:
                self._items.append(state)
            self._arrived.notify()

    def take(self, timeout_s: float) -> Message | LinkState | None:
        """Give the oldest item, waiting for one up to `timeout_s` seconds; None when there is none."""
        with self._arrived:
            if not self._items and timeout_s > 0:
                self._arrived.wait_for(lambda: bool(self._items), timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Message):
                self._messages -= 1
            return item
