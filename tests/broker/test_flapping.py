"""A broker that flaps: 200 cuts at random bytes, duplicates, a week's backlog; all arrives once and in order.

ux-security §12, test 10, over the real Mosquitto with its default limits.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.db.journal import lane_of
from cloud.jobs import LinkWorker
from cloud.services.verify import first_bad_seq
from edge.db import journal
from edge.db.journal import Draft
from edge.services.care import verify_journal
from sync.contract import operations, topics
from sync.contract.operations import NodeStarted
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.node.ports import SeededChance, SystemClock
from tests.broker.conftest import Clients
from tests.broker.test_store_to_hub import Ends, enrolled, store_link
from tests.kit.broker_process import TOKENS, BrokerProcess
from tests.kit.cut_proxy import CutProxy
from tests.kit.hub_store import TENANT, HubKit, open_file
from tests.kit.nodes import HUB, Rig

DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))
CUTS = 2_000 if DEEP else 200
BACKLOG = 70_000 if DEEP else 7_000
SALES_BEFORE = 200
GROWTH_MB_MAX = 60
"""What the cuts may add to this process; a session's leavings of each cut would be several times that."""
PAGE_BYTES = 4_096


class Echoing(MqttTransport):
    """A transport that says every third message twice, as QoS 1 may."""

    said = 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        self.said += 1
        taken = super().publish(topic, payload, retain=retain, qos=qos)
        if taken and self.said % 3 == 0:
            super().publish(topic, payload, retain=retain, qos=qos)
        return taken


class FlappingClients(Clients):
    """Clients behind the proxy, with little patience."""

    proxy: CutProxy

    def make(self, username: str, subscriptions: list[str], token: str | None = None) -> MqttTransport:
        transport = Echoing(
            MqttSettings(port=self.proxy.port, reconnect_base_ms=10, reconnect_cap_ms=60, watch_ms=20),
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


@pytest.fixture
def proxy(mosquitto: BrokerProcess) -> Iterator[CutProxy]:
    made = CutProxy(mosquitto.port, seed=7)
    yield made
    made.close()


@pytest.fixture
def ends(mosquitto: BrokerProcess, proxy: CutProxy, tmp_path: Path) -> Iterator[Ends]:
    clients = FlappingClients(mosquitto)
    clients.proxy = proxy
    database = open_file(tmp_path / "hub.db")
    hub = HubKit(database, tmp_path, identity=HUB)
    with Rig(tmp_path, store="s1") as rig:
        enrolled(hub, rig)
        worker = LinkWorker(
            clients.make("hub", topics.hub_subscriptions(TENANT)),
            hub.ingest,
            database,
            hub.identity,
            tenant=TENANT,
            clock=SystemClock(),
            on_facts=lambda: None,
        )
        yield Ends(clients, rig, hub, store_link(rig, clients), worker)
        for transport in clients.made:
            transport.stop()
    database.close()


def pile_up(rig: Rig, count: int) -> None:
    """A week without a hub: sales, and what the node itself has to say."""
    for number in range(SALES_BEFORE):
        rig.sell(number)
    place = rig.node.place()
    drafts = [
        Draft(rig.node.ids.uuid7(), 1, operations.NODE_STARTED, 1, NodeStarted(version="test", boot=f"{number:016x}"))
        for number in range(count - 2 * SALES_BEFORE)
    ]
    rig.db.write(lambda tx: journal.append(tx, place, rig.identity, drafts))


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES / 1e6


@pytest.mark.timeout(3_600 if DEEP else 600)
def test_two_hundred_cuts_a_weeks_backlog_and_duplicates_change_nothing_but_the_time(ends: Ends, proxy: CutProxy):
    pile_up(ends.rig, BACKLOG)
    before_mb = rss_mb()
    clock = SystemClock()
    begun_ms = clock.monotonic_ms()
    number = SALES_BEFORE
    # On a slow machine many connections are cut for their silence: those at bytes have to come to some number, too.
    while proxy.cuts < CUTS or len(set(proxy.cut_bytes)) <= CUTS // 4:
        assert clock.monotonic_ms() - begun_ms < (3_000_000 if DEEP else 400_000), proxy.cuts
        ends.link.tick(0.005)
        ends.worker.step(0.005)
        # Trade goes on, so that there is always something to cut.
        ends.rig.sell(number)
        number += 1
    proxy.cutting = False
    ends.until(ends.settled)
    assert ends.at_hub() == ends.at_store(), "once each, in the store's order"
    assert len(ends.at_store()) >= BACKLOG
    assert all(acked == head for acked, head in ends.heads().values()), "nothing waits in the outbox"
    with ends.hub.database.read() as reader:
        for lane in (0, 1):
            row = lane_of(reader, "s1", 1, lane)
            assert row is not None
            assert (row.fork_seq, first_bad_seq(reader, row)) == (None, None)
    ends.hub.projector.catch_up()
    assert ends.hub.parked() == []
    assert ends.hub_rows("SELECT count(*) FROM sales") == [(number,)]
    assert len(set(proxy.cut_bytes)) > CUTS // 4, "the cuts were at any byte"
    assert set(ends.hub.refused()) <= {"replayed"}, "what was cut is never taken for a message"
    grown_mb = rss_mb() - before_mb
    assert grown_mb < GROWTH_MB_MAX
    assert verify_journal.verify(ends.rig.node).ok
