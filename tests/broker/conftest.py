"""Real brokers as processes of their own, on free ports, ended by their pid."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.transport import LinkState, Message
from sync.node.ports import SeededChance, SystemClock
from tests.kit.broker_process import TOKENS, BrokerProcess


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
        assert transport.poll(10) is LinkState.UP
        return transport


@pytest.fixture
def clients(broker: BrokerProcess) -> Iterator[Clients]:
    clients = Clients(broker)
    yield clients
    for transport in clients.made:
        transport.stop()


def everything(transport: MqttTransport, quiet_s: float = 0.4) -> list[Message | LinkState]:
    """Take what comes until nothing came for a while."""
    taken = []
    while (item := transport.poll(quiet_s)) is not None:
        taken.append(item)
    return taken
