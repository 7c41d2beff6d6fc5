"""Real brokers as processes of their own, on free ports, ended by their pid."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.transport import LinkState, Message
from sync.node.ports import SeededChance, SystemClock
from tests.kit.broker_process import TOKENS, BrokerProcess
from tests.kit.waiting import PATIENCE_S, until

QUIET_S = 0.4
"""How long it is listened for what must not come; what must come is waited for."""


def _run(kind: str, factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with BrokerProcess(kind, factory.mktemp(kind)) as process:
        yield process


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    yield from _run("embedded", tmp_path_factory)


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    yield from _run("mosquitto", tmp_path_factory)


@pytest.fixture(scope="module", params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    process: BrokerProcess = request.getfixturevalue(request.param)
    return process


@dataclass
class Clients:
    """Makes transports to one broker and stops them all."""

    broker: BrokerProcess
    made: list[MqttTransport] = field(default_factory=list)

    def make(self, username: str, subscriptions: list[str], token: str | None = None) -> MqttTransport:
        transport = MqttTransport(
            MqttSettings(port=self.broker.port, reconnect_base_ms=200, reconnect_cap_ms=1_000, watch_ms=50),
            client_id=f"{username}-{len(self.made)}",
            username=username,
            password=TOKENS[username] if token is None else token,
            subscriptions=subscriptions,
            clock=SystemClock(),
            chance=SeededChance(username),
        )
        self.made.append(transport)
        transport.start()
        return transport

    def up(self, username: str, subscriptions: list[str], token: str | None = None) -> MqttTransport:
        transport = self.make(username, subscriptions, token)
        assert transport.poll(PATIENCE_S) is LinkState.UP
        return transport

    def refused(self, username: str, token: str) -> MqttTransport:
        """Try to come in with a token until the broker says that it is wrong."""
        transport = self.make(username, [], token)
        until(lambda: transport.refusal, lambda: "nobody was refused")
        assert transport.poll(QUIET_S) is None
        return transport


@pytest.fixture
def clients(broker: BrokerProcess) -> Iterator[Clients]:
    clients = Clients(broker)
    yield clients
    for transport in clients.made:
        transport.stop()


def everything(transport: MqttTransport, at_least: int, quiet_s: float = QUIET_S) -> list[Message | LinkState]:
    """Take what comes: wait for so many things, and then until nothing came for a while."""
    taken: list[Message | LinkState] = []
    while (item := transport.poll(PATIENCE_S if len(taken) < at_least else quiet_s)) is not None:
        taken.append(item)
    return taken
