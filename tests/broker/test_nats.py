"""The same protocol over NATS: no code of ours knows which broker it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine.transport import Message
from sync.engine.uplink import Phase
from tests.broker.conftest import Clients, everything
from tests.broker.test_store_to_hub import Ends, both_ends
from tests.kit.nats_process import NatsProcess


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with NatsProcess(tmp_path / "nats") as broker:
        made = Clients(broker)
        yield made
        for transport in made.made:
            transport.stop()


@pytest.fixture
def ends(clients: Clients, tmp_path: Path) -> Iterator[Ends]:
    with both_ends(clients, tmp_path) as made:
        yield made


def test_facts_reach_the_hub_exactly_once_through_the_death_of_nats(ends: Ends) -> None:
    broker = ends.clients.broker
    for number in range(5):
        ends.rig.sell(number)
    ends.until(ends.settled)
    for number in range(5, 10):
        ends.rig.sell(number)
    ends.link.tick(0.0)
    broker.kill()
    try:
        for number in range(10, 30):
            ends.rig.sell(number)
        ends.until(lambda: ends.link.status.phase is Phase.DOWN)
        assert not ends.settled()
    finally:
        broker.start()
    ends.until(ends.settled)
    assert ends.at_hub() == ends.at_store()
    assert len(ends.at_store()) >= 60


def test_a_stores_rights_end_at_its_own_topics_and_a_wrong_token_at_the_door(clients: Clients) -> None:
    own, foreign = "rs1/17/zhanggui/s1", "rs1/17/zhanggui/s2"
    hub = clients.up("hub", ["rs1/#"])
    store = clients.up("store-s1-1", [f"{own}/wel", f"{foreign}/wel", "$MQTT/sub/#", "rs1/#"])
    assert store.publish(f"{foreign}/u/0", b"foreign")
    assert store.publish(f"{own}/u/0", b"own")
    assert [item.payload for item in everything(hub, 1) if isinstance(item, Message)] == [b"own"]
    assert hub.publish(f"{foreign}/wel", b"not for s1")
    assert hub.publish(f"{own}/wel", b"welcome")
    assert [item.payload for item in everything(store, 1) if isinstance(item, Message)] == [b"welcome"]
    stranger = clients.refused("store-s1-1", "wrong-token-0123456789abc")
    assert stranger.trouble == "sign_in_refused"
