"""One transport for several links of one store: each of its epochs hears only what names it (protocol §5.8).

A node that was enrolled anew in its old folder may still hold facts of an older epoch. They go up under that epoch, in a
session of its own, over the one connection that the broker gives this client.
"""

from collections import deque

from sync.contract import envelope
from sync.contract.facts import ContractError
from sync.engine.transport import LinkState, Message, Transport

EVENTS_PER_PUMP_MAX = 256


class Port:
    """A link's end of the switch: a `Transport` whose connection somebody else starts and stops. Used by one thread."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._events: deque[Message | LinkState] = deque()

    @property
    def connected(self) -> bool:
        """Whether the link is up now."""
        return self._inner.connected

    def start(self) -> None:
        """Nothing to do: the switch's owner connects."""

    def stop(self) -> None:
        """Nothing to do: the switch's owner says goodbye."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Hand a message to the link."""
        return self._inner.publish(topic, payload, retain=retain, qos=qos)

    def poll(self, timeout_s: float) -> Message | LinkState | None:  # noqa: ARG002 - the switch has waited already
        """Give the next thing that is for this end; never waits."""
        return self._events.popleft() if self._events else None

    def give(self, event: Message | LinkState) -> None:
        """Put an event before this end."""
        self._events.append(event)


class Switch:
    """Hands what comes in to the end whose epoch it names. What names none goes to the epoch of now.

    Args:
        inner: the one connection; its owner starts and stops it.
        epoch: the epoch of now.
    """

    def __init__(self, inner: Transport, epoch: int) -> None:
        self._inner = inner
        self._epoch = epoch
        self._up = False
        self._ports: dict[int, Port] = {}
        self.port(epoch)

    def port(self, epoch: int) -> Port:
        """Give the end of an epoch, made when it is new; one that is made while the link is up is told so."""
        if epoch not in self._ports:
            self._ports[epoch] = Port(self._inner)
            if self._up:
                self._ports[epoch].give(LinkState.UP)
        return self._ports[epoch]

    def drop(self, epoch: int) -> None:
        """Forget the end of an old epoch."""
        assert epoch != self._epoch
        self._ports.pop(epoch, None)

    def pump(self, timeout_s: float) -> None:
        """Hand out what came, waiting at most so long for the first."""
        for _ in range(EVENTS_PER_PUMP_MAX):
            event = self._inner.poll(timeout_s)
            timeout_s = 0.0
            if event is None:
                return
            if isinstance(event, Message):
                self._ports.get(self._named(event), self._ports[self._epoch]).give(event)
                continue
            self._up = event is LinkState.UP
            for port in self._ports.values():
                port.give(event)

    def _named(self, message: Message) -> int:
        if len(self._ports) == 1:
            return self._epoch
        try:
            return envelope.take_apart(message.payload).header.epoch
        except ContractError:
            return self._epoch
