"""A broker and its links without sockets, threads or time of their own, with faults that a seed determines.

Everything that happens is an entry of one agenda and happens in `MemoryBroker.advance`; the same seed and the same
calls give the same run. Each direction of each link draws from its own derived seed, so that adding a link or a fault
leaves the others as they were. The faults are harsher than MQTT's own, for the protocol must not care.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import msgspec

from sync.engine.transport import FullJitter, Inbox, LinkState, Message, Will, check_publish, topic_matches
from sync.node.ports import SeededChance

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Span = Annotated[int, msgspec.Meta(ge=0)]


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one direction of a link does to the messages on it. Shares are chances per message, 0 to 1."""

    loss: Share = 0.0
    """1.0 is a one-way partition: the link stays up and nothing gets through."""
    duplicate: Share = 0.0
    duplicate_delay_ms_max: Span = 1_000
    """A second copy comes up to this much later than the first."""
    reorder: Share = 0.0
    reorder_delay_ms_max: Span = 1_000
    """A message that is held back lets later ones pass for up to this long."""
    delay_ms_max: Span = 0
    """Every message takes 0 to this long, drawn anew, which reorders too."""
    corrupt: Share = 0.0
    """One bit is flipped, or the tail is cut off."""


CLEAN = FaultPlan()
PARTITION = FaultPlan(loss=1.0)


class Direction:
    """One direction of one link: its plan, and its own chance."""

    def __init__(self, plan: FaultPlan, seed: str) -> None:
        self.plan = plan
        self._chance = SeededChance(seed)

    def copies(self, payload: bytes, faults: Counter[str]) -> list[tuple[int, bytes]]:
        """Give what becomes of a message: (delay in ms, payload) per copy that arrives; empty when it is lost."""
        plan = self.plan
        if self._hit(plan.loss):
            faults["loss"] += 1
            return []
        if self._hit(plan.corrupt):
            faults["corrupt"] += 1
            payload = self._corrupted(payload)
        delay_ms = self._up_to(plan.delay_ms_max)
        if self._hit(plan.reorder):
            faults["reorder"] += 1
            delay_ms += 1 + self._up_to(plan.reorder_delay_ms_max)
        faults["delay"] += delay_ms > 0
        copies = [(delay_ms, payload)]
        if self._hit(plan.duplicate):
            faults["duplicate"] += 1
            copies.append((delay_ms + self._up_to(plan.duplicate_delay_ms_max), payload))
        return copies

    def _hit(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _up_to(self, span_ms: int) -> int:
        return int(self._chance.random() * (span_ms + 1)) if span_ms else 0

    def _corrupted(self, payload: bytes) -> bytes:
        if not payload:
            return b"\x00"
        at = int(self._chance.random() * len(payload))
        if self._chance.random() < 0.5:  # noqa: PLR2004 - heads or tails
            return payload[:at]
        return payload[:at] + bytes([payload[at] ^ (1 << int(self._chance.random() * 8))]) + payload[at + 1 :]


class MemoryBroker:
    """The broker, the network and the clock of a simulated world; owns every transport made from it."""

    def __init__(
        self,
        seed: str,
        *,
        now_ms: int = 0,
        up: FaultPlan = CLEAN,
        down: FaultPlan = CLEAN,
        reconnect_base_ms: int = 1_000,
        reconnect_cap_ms: int = 5_000,
    ) -> None:
        """Begin an empty world.

        Args:
            seed: with the calls that follow it determines the whole run.
            now_ms: where its time begins.
            up: the plan of the way to the broker, for every link that gets none of its own.
            down: the same for the way back.
            reconnect_base_ms: first ceiling of the full jitter of a link that was lost.
            reconnect_cap_ms: last ceiling.
        """
        self.now_ms = now_ms
        self.alive = True
        self.retained: dict[str, bytes] = {}
        self.faults: Counter[str] = Counter()
        self._seed = seed
        self._plans = (up, down)
        self._jitter_ms = (reconnect_base_ms, reconnect_cap_ms)
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self._made = 0
        self._online: dict[str, MemoryTransport] = {}

    def transport(
        self,
        client_id: str,
        subscriptions: Sequence[str],
        *,
        will: Will | None = None,
        outstanding_max: int = 64,
        inbox_max: int = 1_024,
    ) -> "MemoryTransport":
        """Make a transport of this world; a second one under the same id throws the first out, as MQTT does."""
        self._made += 1
        seed = f"{self._seed}/{client_id}/{self._made}"
        up, down = (Direction(plan, f"{seed}/{way}") for plan, way in zip(self._plans, ("up", "down"), strict=True))
        backoff = FullJitter(*self._jitter_ms, SeededChance(f"{seed}/reconnect"))
        return MemoryTransport(
            self,
            client_id,
            tuple(subscriptions),
            up=up,
            down=down,
            backoff=backoff,
            will=will,
            outstanding_max=outstanding_max,
            inbox=Inbox(inbox_max),
        )

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due until `now_ms`, in order; time never goes back."""
        assert now_ms >= self.now_ms, "the time of the world only rises"
        while self._agenda and self._agenda[0][0] <= now_ms:
            due_ms, _, happen = heapq.heappop(self._agenda)
            self.now_ms = max(self.now_ms, due_ms)
            happen()
        self.now_ms = now_ms

    def next_due_ms(self) -> int | None:
        """When the next thing would happen; None when nothing is planned. Lets a scheduler jump over dead time."""
        return self._agenda[0][0] if self._agenda else None

    def kill(self) -> None:
        """End the broker as SIGKILL does: links and retained messages are gone, and so is what comes while it is dead."""
        self.alive = False
        self.retained.clear()
        self.faults["broker_kill"] += 1
        for link in list(self._online.values()):
            link.lose(say_will=False)

    def revive(self) -> None:
        """Start the broker again, empty; the links come back by themselves, each after its own jitter."""
        self.alive = True

    def wipe(self) -> None:
        """Forget the retained messages while everybody stays connected."""
        self.retained.clear()
        self.faults["broker_wipe"] += 1

    def plan(self, after_ms: int, happen: Callable[[], None]) -> None:
        """Put something on the agenda; what is due at the same ms happens in the order it was put there."""
        self._entries += 1
        heapq.heappush(self._agenda, (self.now_ms + after_ms, self._entries, happen))

    def join(self, link: "MemoryTransport") -> bool:
        """Accept a link unless the broker is dead or the link is cut; called by the link."""
        if not self.alive or link.cut_off:
            return False
        rival = self._online.get(link.client_id)
        if rival is not None:
            self.faults["takeover"] += 1
            rival.lose(say_will=True)
        self._online[link.client_id] = link
        return True

    def leave(self, link: "MemoryTransport", *, say_will: bool) -> None:
        """Forget a link; called by the link."""
        if self._online.get(link.client_id) is link:
            del self._online[link.client_id]
        if say_will and link.will is not None and self.alive:
            self.route(link.will.topic, link.will.payload, retain=False)

    def route(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Take a message that reached the broker and send it to everybody who listens."""
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for link in list(self._online.values()):
            if link.listens_to(topic):
                link.send_down(Message(topic, payload, retained=False))


class MemoryTransport:
    """A `Transport` whose time is the broker's: `poll` never waits, whatever its time-out."""

    def __init__(
        self,
        broker: MemoryBroker,
        client_id: str,
        subscriptions: tuple[str, ...],
        *,
        up: Direction,
        down: Direction,
        backoff: FullJitter,
        will: Will | None,
        outstanding_max: int,
        inbox: Inbox,
    ) -> None:
        self.client_id = client_id
        self.will = will
        self.cut_off = False
        self.up = up
        self.down = down
        self._broker = broker
        self._subscriptions = subscriptions
        self._backoff = backoff
        self._outstanding_max = outstanding_max
        self._inbox = inbox
        self._connected = False
        self._running = False
        self._attempts = 0
        self._outstanding = 0

    @property
    def connected(self) -> bool:
        """Whether the link is up now."""
        return self._connected

    @property
    def dropped(self) -> int:
        """How many incoming messages found the inbox full."""
        return self._inbox.dropped

    def start(self) -> None:
        """Plan the first attempt; it happens at the next `advance`."""
        assert not self._running, "a transport is started once"
        self._running = True
        self._plan_attempt(0)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Hand a message to the link, see `Transport.publish`."""
        check_publish(topic, payload, qos)
        if not self._connected or self._outstanding >= self._outstanding_max:
            return False
        self._outstanding += 1
        attempt = self._attempts
        copies = self.up.copies(payload, self._broker.faults)
        self._broker.plan(copies[0][0] if copies else 0, partial(self._answered, attempt))
        for after_ms, copy in copies:
            self._broker.plan(after_ms, partial(self._reach_broker, topic, copy, retain=retain))
        return True

    def poll(self, timeout_s: float) -> Message | LinkState | None:  # noqa: ARG002 - time is the world's, not ours
        """Give the next thing that happened, or None at once."""
        return self._inbox.take(0)

    def stop(self) -> None:
        """Leave with a goodbye, so without a will."""
        self._running = False
        self._go_down(say_will=False)

    def crash(self) -> None:
        """End as a killed process does: no goodbye, the broker says the will; this object is not used again."""
        self._running = False
        self._go_down(say_will=True)

    def lose(self, *, say_will: bool = True) -> None:
        """Lose the link once; it comes back by itself after its jitter."""
        self._broker.faults["link_lost"] += 1
        self._go_down(say_will=say_will)
        if self._running:
            self._plan_attempt(self._backoff.next_ms())

    def cut(self) -> None:
        """Cut the cable: the link is lost and every attempt fails until `mend`."""
        self.cut_off = True
        if self._connected:
            self.lose()

    def mend(self) -> None:
        """Join the cable; the next attempt succeeds."""
        self.cut_off = False

    def listen(self, subscriptions: Sequence[str]) -> None:
        """Listen to other topics, see `MovingTransport.listen`."""
        before, self._subscriptions = self._subscriptions, tuple(subscriptions)
        fresh = [topic_filter for topic_filter in self._subscriptions if topic_filter not in before]
        if self._connected:
            for topic, payload in self._broker.retained.items():
                if any(topic_matches(topic_filter, topic) for topic_filter in fresh):
                    self.send_down(Message(topic, payload, retained=True))

    def listens_to(self, topic: str) -> bool:
        """Tell whether a subscription of this link covers the topic."""
        return any(topic_matches(topic_filter, topic) for topic_filter in self._subscriptions)

    def send_down(self, message: Message) -> None:
        """Put a message on its way from the broker to this link."""
        for after_ms, copy in self.down.copies(message.payload, self._broker.faults):
            arriving = message._replace(payload=copy)
            self._broker.plan(after_ms, partial(self._arrive, arriving))

    def _plan_attempt(self, after_ms: int) -> None:
        self._attempts += 1
        attempt = self._attempts
        self._broker.plan(after_ms, partial(self._attempt, attempt))

    def _attempt(self, attempt: int) -> None:
        if not self._running or self._connected or attempt != self._attempts:
            return
        if not self._broker.join(self):
            self._plan_attempt(self._backoff.next_ms())
            return
        self._backoff.reset()
        self._connected = True
        self._outstanding = 0
        self._inbox.tell(LinkState.UP)
        for topic, payload in self._broker.retained.items():
            if self.listens_to(topic):
                self.send_down(Message(topic, payload, retained=True))

    def _go_down(self, *, say_will: bool) -> None:
        if self._connected:
            self._connected = False
            self._inbox.tell(LinkState.DOWN)
            self._broker.leave(self, say_will=say_will)

    def _answered(self, attempt: int) -> None:
        if attempt == self._attempts:
            self._outstanding -= 1

    def _reach_broker(self, topic: str, payload: bytes, *, retain: bool) -> None:
        # What is on the wire may still reach the broker after the link is gone.
        if self._broker.alive:
            self._broker.route(topic, payload, retain=retain)

    def _arrive(self, message: Message) -> None:
        # A copy that comes late may even find the next connection: the protocol must not care.
        if self._connected:
            self._inbox.add(message)
