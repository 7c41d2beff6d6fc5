"""One suite for every Transport: in memory, through paho to the embedded broker, through paho to Mosquitto.

Each guard has a negative control at the end: a transport without it fails the same check.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any, Protocol

import pytest

from sync.contract import limits
from sync.engine.memory import MemoryBroker, MemoryTransport
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.transport import FullJitter, LinkState, Message, Transport, Will
from sync.node.ports import SeededChance, SystemClock
from tests.kit.broker_process import TOKENS, BrokerProcess
from tests.kit.waiting import PATIENCE_S

QUIET_S = 0.4
"""How long it is listened for what must not come; what must come is waited for."""
LOOK_S = 0.02
_worlds = count(1)


class World(Protocol):
    """A broker and what can happen to it; its number tells its topics from those of every other test."""

    number: int

    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport: ...
    def take(self, transport: Transport, timeout_s: float = PATIENCE_S) -> Message | LinkState | None: ...
    def broker_dies(self) -> None: ...
    def broker_returns(self) -> None: ...
    def broker_stands_still(self) -> None: ...
    def broker_goes_on(self) -> None: ...
    def sever(self, transport: Transport) -> None: ...
    def answered(self, transport: Transport) -> bool: ...
    def end(self) -> None: ...


class MemoryWorld:
    """Simulated time: taking lets it pass in steps."""

    def __init__(self) -> None:
        self.number = next(_worlds)
        self.broker = MemoryBroker("contract", reconnect_base_ms=50, reconnect_cap_ms=200)
        self.made: list[Transport] = []
        self.still = False

    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        transport = self.broker.transport(name, subscriptions, **more)
        self.made.append(transport)
        return transport

    def take(self, transport: Transport, timeout_s: float = PATIENCE_S) -> Message | LinkState | None:
        for _ in range(max(1, int(timeout_s * 100))):
            item = transport.poll(0)
            if item is not None:
                return item
            if not self.still:
                self.broker.advance(self.broker.now_ms + 10)
        return None

    def broker_dies(self) -> None:
        self.broker.kill()

    def broker_returns(self) -> None:
        self.broker.revive()

    def broker_stands_still(self) -> None:
        self.still = True

    def broker_goes_on(self) -> None:
        self.still = False

    def sever(self, transport: Transport) -> None:
        assert isinstance(transport, MemoryTransport)
        transport.lose()

    def answered(self, transport: Transport) -> bool:
        assert isinstance(transport, MemoryTransport)
        return transport._outstanding == 0

    def end(self) -> None:
        for transport in self.made:
            transport.stop()


class MqttWorld:
    """A real broker process and real time."""

    def __init__(self, process: BrokerProcess) -> None:
        self.number = next(_worlds)
        self.process = process
        self.made: list[Transport] = []
        self.kind: type[MqttTransport] = MqttTransport

    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        will = more.pop("will", None)
        settings = MqttSettings(port=self.process.port, reconnect_base_ms=50, reconnect_cap_ms=200, watch_ms=50, **more)
        transport = self.kind(
            settings,
            client_id=f"{name}-{self.number}",  # an embedded broker remembers too much of a client it knows
            username="hub",
            password=TOKENS["hub"],
            subscriptions=subscriptions,
            clock=SystemClock(),
            chance=SeededChance(name),
            will=will,
        )
        self.made.append(transport)
        return transport

    def take(self, transport: Transport, timeout_s: float = PATIENCE_S) -> Message | LinkState | None:
        return transport.poll(timeout_s)

    def broker_dies(self) -> None:
        self.process.kill()

    def broker_returns(self) -> None:
        self.process.start()

    def broker_stands_still(self) -> None:
        self.process.pause()

    def broker_goes_on(self) -> None:
        self.process.resume()

    def sever(self, transport: Transport) -> None:
        assert isinstance(transport, MqttTransport)
        network_socket_of(transport).shutdown(socket.SHUT_RDWR)

    def answered(self, transport: Transport) -> bool:
        assert isinstance(transport, MqttTransport)
        return transport._link is not None and transport._link.outstanding == 0

    def end(self) -> None:
        with suppress(AssertionError):  # a test that ended while the broker was dead
            self.process.resume()
        for transport in self.made:
            transport.stop()


def network_socket_of(transport: MqttTransport) -> socket.socket:
    link = transport._link
    assert link is not None
    assert link._socket is not None
    return link._socket


@pytest.fixture(scope="module", params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with BrokerProcess(request.param, tmp_path_factory.mktemp(request.param)) as process:
        yield process


@pytest.fixture
def mqtt(broker: BrokerProcess) -> Iterator[MqttWorld]:
    world = MqttWorld(broker)
    yield world
    world.end()
    if broker._process is None:
        broker.start()


def up(world: World, name: str, subscriptions: list[str], **more: Any) -> Transport:
    transport = world.make(name, subscriptions, **more)
    transport.start()
    assert world.take(transport) is LinkState.UP
    return transport


def everything(world: World, transport: Transport, at_least: int = 0) -> list[Message | LinkState]:
    """Take what comes: wait for so many things, and then until nothing came for a while."""
    taken: list[Message | LinkState] = []
    while (item := world.take(transport, PATIENCE_S if len(taken) < at_least else QUIET_S)) is not None:
        taken.append(item)
    return taken


def comes_about(world: World, transport: Transport, holds: Callable[[], bool]) -> bool:
    """Wait until something is so, while nothing happens on a transport."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if holds():
            return True
        assert world.take(transport, LOOK_S) is None
    return False


def topic(world: World, name: str) -> str:
    """A topic that no other test of the same broker uses."""
    return f"rs1/{world.number}/{name}"


def keeps(world: World, sender: Transport, name: str, payload: bytes) -> None:
    """Publish what the broker shall keep, and wait until it answered for it."""
    assert sender.publish(topic(world, name), payload, retain=True)
    assert comes_about(world, sender, lambda: world.answered(sender))


def check_a_message_arrives_as_it_was_sent(world: World) -> None:
    hub = up(world, "hub", [topic(world, "+")])
    store = up(world, "store", [])
    payload = bytes(range(256)) * 800
    assert store.publish(topic(world, "u"), payload)
    assert world.take(hub) == Message(topic(world, "u"), payload, retained=False)


def check_nothing_is_accepted_before_the_link_is_up(world: World) -> None:
    hub = up(world, "hub", [topic(world, "#")])
    world.broker_dies()
    assert world.take(hub) is LinkState.DOWN
    early = world.make("early", [])
    assert not early.publish(topic(world, "u"), b"before start")
    early.start()
    assert not early.connected
    assert early.poll(0) is None
    assert not early.publish(topic(world, "u"), b"before the link is up")
    world.broker_returns()
    assert world.take(early) is LinkState.UP
    assert world.take(hub) is LinkState.UP
    assert everything(world, hub) == []


def check_a_lost_link_is_told_and_comes_back_with_its_subscriptions(world: World) -> None:
    hub = up(world, "hub", [topic(world, "one"), topic(world, "two")])
    store = up(world, "store", [])
    world.sever(hub)
    assert [world.take(hub), world.take(hub)] == [LinkState.DOWN, LinkState.UP]
    assert hub.connected
    for name in ("one", "two"):
        assert store.publish(topic(world, name), name.encode())
    assert {item.payload for item in everything(world, hub, 2) if isinstance(item, Message)} == {b"one", b"two"}


def check_what_is_published_while_down_is_never_sent(world: World) -> None:
    hub = up(world, "hub", [topic(world, "#")])
    store = up(world, "store", [])
    world.broker_dies()
    assert world.take(hub) is LinkState.DOWN
    assert world.take(store) is LinkState.DOWN
    assert not store.connected
    assert not store.publish(topic(world, "u"), b"while down")
    world.broker_returns()
    assert world.take(store) is LinkState.UP
    assert world.take(hub) is LinkState.UP
    assert store.publish(topic(world, "u"), b"after")
    assert [item.payload for item in everything(world, hub, 1) if isinstance(item, Message)] == [b"after"]


def check_unanswered_publishes_are_capped(world: World) -> None:
    store = up(world, "store", [], outstanding_max=8)
    world.broker_stands_still()
    accepted = [store.publish(topic(world, "u"), b"x" * 1000) for _ in range(40)]
    world.broker_goes_on()
    assert accepted == [True] * 8 + [False] * 32
    assert everything(world, store) == []
    assert comes_about(world, store, lambda: store.publish(topic(world, "u"), b"again"))


def check_a_full_inbox_drops_and_counts(world: World) -> None:
    hub: Any = up(world, "hub", [topic(world, "#")], inbox_max=5)
    witness = up(world, "witness", [topic(world, "#")])
    store = up(world, "store", [])
    for number in range(20):
        assert store.publish(topic(world, "u"), b"%d" % number)
    assert len(everything(world, witness, 20)) == 20
    # Before all have come there would be room again for those that come later.
    assert comes_about(world, witness, lambda: hub.dropped == 15)
    assert len(everything(world, hub, 5)) == 5
    assert hub.dropped == 15
    assert store.publish(topic(world, "u"), b"more")
    assert isinstance(world.take(hub), Message)


def check_a_retained_message_waits_for_newcomers(world: World) -> None:
    hub = up(world, "hub", [])
    keeps(world, hub, "head", b"v7")
    assert everything(world, hub) == []
    store = up(world, "store", [topic(world, "head")])
    assert world.take(store) == Message(topic(world, "head"), b"v7", retained=True)
    assert hub.publish(topic(world, "head"), b"v8", retain=True)
    assert world.take(store) == Message(topic(world, "head"), b"v8", retained=False)
    assert hub.publish(topic(world, "head"), b"", retain=True)


def check_a_broker_comes_back_empty(world: World) -> None:
    hub = up(world, "hub", [])
    keeps(world, hub, "head", b"v7")
    assert everything(world, hub) == []
    world.broker_dies()
    assert world.take(hub) is LinkState.DOWN
    world.broker_returns()
    assert world.take(hub) is LinkState.UP
    assert everything(world, up(world, "store", [topic(world, "head")])) == []


def check_the_will_is_said_for_the_lost_and_not_for_those_who_leave(world: World) -> None:
    hub = up(world, "hub", [topic(world, "+/st")])
    lost = up(world, "lost", [], will=Will(topic(world, "lost/st"), b"gone"))
    leaver = up(world, "leaver", [], will=Will(topic(world, "leaver/st"), b"gone"))
    leaver.stop()
    world.sever(lost)
    assert everything(world, hub, 1) == [Message(topic(world, "lost/st"), b"gone", retained=False)]


def check_impossible_messages_are_refused(world: World) -> None:
    store = up(world, "store", [])
    for bad in ("", "rs1/+/x", "rs1/#", "rs1/\0"):
        with pytest.raises(ValueError, match="topic"):
            store.publish(bad, b"")
    with pytest.raises(ValueError, match="QoS"):
        store.publish(topic(world, "u"), b"", qos=2)
    with pytest.raises(ValueError, match="above the limit"):
        store.publish(topic(world, "u"), bytes(limits.WIRE_BYTES_MAX))
    assert store.publish(topic(world, "u"), bytes(limits.WIRE_BYTES_MAX - 200))
    assert everything(world, store) == []
    assert store.connected


def check_nothing_is_left_after_stop(world: World) -> None:
    before = set(threading.enumerate())
    store = up(world, "store", [topic(world, "#")])
    store.stop()
    store.stop()
    assert set(threading.enumerate()) <= before
    assert not store.connected
    assert not store.publish(topic(world, "u"), b"")
    never_up = world.make("never-started", [])
    never_up.stop()


def check_a_transport_listens_to_what_it_was_told_last_also_after_a_reconnect(world: World) -> None:
    hub: Any = up(world, "hub", [topic(world, "1/u"), topic(world, "2/u")])
    store = up(world, "store", [])
    kept = Message(topic(world, "3/u"), b"kept for newcomers", retained=True)
    keeps(world, store, "3/u", kept.payload)
    assert everything(world, hub) == []
    hub.listen([topic(world, "2/u"), topic(world, "3/u")])
    assert world.take(hub) == kept
    assert hub.connected
    everything(world, hub)
    for _ in range(2):
        for number in (1, 2, 3):
            assert store.publish(topic(world, f"{number}/u"), b"%d" % number)
        assert sorted(one.payload for one in everything(world, hub, 2) if isinstance(one, Message)) == [b"2", b"3"]
        world.sever(hub)
        assert [world.take(hub), world.take(hub)] == [LinkState.DOWN, LinkState.UP]
        assert everything(world, hub, 1) == [kept]
    assert store.publish(topic(world, "3/u"), b"", retain=True)


CHECKS = [value for name, value in sorted(globals().items()) if name.startswith("check_")]


each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))


@each_check
def test_the_memory_transport_keeps_the_contract(check: Any) -> None:
    check(MemoryWorld())


@each_check
def test_the_paho_transport_keeps_the_contract(mqtt: MqttWorld, check: Any) -> None:
    check(mqtt)


# ------------------------------------------------------------------------------------------- what only real links have


def test_both_ends_send_without_delay(mqtt: MqttWorld) -> None:
    store = up(mqtt, "store", [])
    assert isinstance(store, MqttTransport)
    assert network_socket_of(store).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class RaisingOnce(MqttTransport):
    """Its first message raises on the network thread, as a mistake of ours in a callback would."""

    def _new_client(self) -> Any:
        client = super()._new_client()
        if not self.network_threads_died:
            client.message_callback_add("#", self._fail)
        return client

    def _fail(self, *_: object) -> None:
        raise RuntimeError("a mistake in a callback")


class RaisingUnwatched(RaisingOnce):
    """The watchdog is off."""

    def _network_thread_ended(self, link: Any) -> bool:
        return False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_network_thread_that_raised_is_noticed_and_replaced(mqtt: MqttWorld) -> None:
    mqtt.kind = RaisingOnce
    store: Any = up(mqtt, "store", [topic(mqtt, "#")])
    mqtt.kind = MqttTransport
    hub = up(mqtt, "hub", [])
    assert hub.publish(topic(mqtt, "a"), b"poison")
    assert [mqtt.take(store), mqtt.take(store)] == [LinkState.DOWN, LinkState.UP]
    assert store.network_threads_died == 1
    assert hub.publish(topic(mqtt, "a"), b"fine")
    assert mqtt.take(store) == Message(topic(mqtt, "a"), b"fine", retained=False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_without_the_watchdog_a_dead_network_thread_goes_unnoticed(mqtt: MqttWorld) -> None:
    mqtt.kind = RaisingUnwatched
    store: Any = up(mqtt, "store", [topic(mqtt, "#")])
    mqtt.kind = MqttTransport
    hub = up(mqtt, "hub", [])
    assert hub.publish(topic(mqtt, "a"), b"poison")
    assert mqtt.take(store, 1.0) is None
    assert store.connected


def test_a_stop_ends_a_connection_that_comes_about_only_afterwards(
    mqtt: MqttWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, gate = threading.Event(), threading.Event()
    connect = socket.create_connection

    def slowly(*where: Any, **how: Any) -> socket.socket:
        connecting.set()
        assert gate.wait(PATIENCE_S)
        return connect(*where, **how)

    monkeypatch.setattr(socket, "create_connection", slowly)
    monkeypatch.setattr("sync.engine.mqtt._GOODBYE_TIMEOUT_S", 0.01)
    store = mqtt.make("store", [topic(mqtt, "#")])
    store.start()
    assert connecting.wait(PATIENCE_S)
    stopper = threading.Thread(target=store.stop, daemon=True)
    stopper.start()
    stopper.join(QUIET_S)
    assert stopper.is_alive(), "a host that swallows packets holds up the stop until the connect gives up"
    gate.set()
    stopper.join(PATIENCE_S)
    assert not stopper.is_alive()


def test_a_refused_sign_in_is_told_and_tried_again(mqtt: MqttWorld) -> None:
    stranger = MqttTransport(
        MqttSettings(port=mqtt.process.port, reconnect_base_ms=20, reconnect_cap_ms=50),
        client_id="stranger",
        username="hub",
        password="wrong-token-0123456789abc",
        subscriptions=[],
        clock=SystemClock(),
        chance=SeededChance("stranger"),
    )
    stranger.start()
    assert comes_about(mqtt, stranger, lambda: stranger.refusal is not None)
    assert mqtt.take(stranger, 1.0) is None
    assert stranger.refusal is not None
    assert stranger.refusal.startswith("sign-in")
    stranger.stop()


def test_only_a_link_that_stood_for_a_while_resets_the_back_off(mqtt: MqttWorld) -> None:
    flapping: Any = up(mqtt, "flapping", [], stable_ms=60_000)
    steady: Any = up(mqtt, "steady", [], stable_ms=1)
    for _ in range(3):
        for transport in (flapping, steady):
            mqtt.sever(transport)
            assert [mqtt.take(transport), mqtt.take(transport)] == [LinkState.DOWN, LinkState.UP]
    assert flapping._backoff._ceiling_ms == 200
    assert comes_about(mqtt, steady, lambda: steady._backoff._ceiling_ms == 50)


# --------------------------------------------------------------------------------------------------- negative controls


class Queueing:
    """A transport that keeps what is published while down and sends it later, as paho by itself would."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.kept: list[tuple[str, bytes]] = []

    @property
    def connected(self) -> bool:
        return self.inner.connected

    def start(self) -> None:
        self.inner.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        if not self.inner.publish(topic, payload, retain=retain, qos=qos):
            self.kept.append((topic, payload))
        return True

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        item = self.inner.poll(timeout_s)
        if item is LinkState.UP:
            for topic, payload in self.kept:
                self.inner.publish(topic, payload)
        return item

    def stop(self) -> None:
        self.inner.stop()


class QueueingWorld(MemoryWorld):
    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        return Queueing(super().make(name, subscriptions, **more))


class UncappedWorld(MemoryWorld):
    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        return super().make(name, subscriptions, **{**more, "outstanding_max": 1_000_000})


class UnboundedInboxWorld(MemoryWorld):
    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        return super().make(name, subscriptions, **{**more, "inbox_max": 1_000_000})


class ForgetfulWorld(MemoryWorld):
    """After a reconnect the subscriptions are not made again."""

    def sever(self, transport: Transport) -> None:
        super().sever(transport)
        assert isinstance(transport, MemoryTransport)
        transport._subscriptions = ()


class StubbornWorld(MemoryWorld):
    """What it listens to is settled when it is made."""

    def make(self, name: str, subscriptions: list[str], **more: Any) -> Transport:
        made = super().make(name, subscriptions, **more)
        made.listen = lambda _: None  # type: ignore[attr-defined]
        return made


class RememberingBrokerWorld(MemoryWorld):
    def broker_returns(self) -> None:
        super().broker_returns()
        self.broker.retained[topic(self, "head")] = b"v7"


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (QueueingWorld, check_what_is_published_while_down_is_never_sent),
        (QueueingWorld, check_nothing_is_accepted_before_the_link_is_up),
        (UncappedWorld, check_unanswered_publishes_are_capped),
        (UnboundedInboxWorld, check_a_full_inbox_drops_and_counts),
        (ForgetfulWorld, check_a_lost_link_is_told_and_comes_back_with_its_subscriptions),
        (StubbornWorld, check_a_transport_listens_to_what_it_was_told_last_also_after_a_reconnect),
        (RememberingBrokerWorld, check_a_broker_comes_back_empty),
    ],
)
def test_the_suite_notices_a_transport_without_the_guard(broken: type[MemoryWorld], check: Any) -> None:
    with pytest.raises(AssertionError):
        check(broken())


def test_full_jitter_spreads_from_zero_to_a_doubling_ceiling_and_starts_again() -> None:
    jitter = FullJitter(1_000, 5_000, SeededChance("jitter"))
    for ceiling_ms in (1_000, 2_000, 4_000, 5_000, 5_000):
        assert 0 <= jitter.next_ms() < ceiling_ms
    jitter.reset()
    assert jitter.next_ms() < 1_000


def test_full_jitter_uses_the_whole_span() -> None:
    delays = [FullJitter(1_000, 1_000, SeededChance(str(seed))).next_ms() for seed in range(200)]
    assert min(delays) < 100
    assert max(delays) > 900
