"""The link worker: what one message fails on must not hold up the others, and nothing is answered that is not stored."""

import pytest
from sqlalchemy.exc import DBAPIError

from cloud.db import migrate
from cloud.db.engine import open_engine
from cloud.jobs import DOORBELL_EVERY_MS, TRIES, LinkWorker
from sync.contract import topics
from sync.engine.transport import Message
from tests.kit.hub_store import TENANT, HubKit


class ListTransport:
    """Gives what it was filled with, keeps what is published."""

    def __init__(self):
        self.arrived: list[Message] = []
        self.published: list[tuple[str, bytes]] = []
        self.connected = True

    def start(self):
        """Nothing to open."""

    def stop(self):
        """Nothing to close."""

    def publish(self, topic, payload, *, retain=False, qos=1):
        self.published.append((topic, payload))
        return True

    def poll(self, timeout_s):
        return self.arrived.pop(0) if self.arrived else None


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


def heard(arrived: tuple[str, bytes]) -> Message:
    topic, payload = arrived
    return Message(topic, payload, retained=False)


def worker_on(hub, woken: list[int] | None = None):
    transport = ListTransport()
    calls = [] if woken is None else woken
    worker = LinkWorker(
        transport,
        hub.ingest,
        hub.database,
        hub.identity,
        tenant=TENANT,
        clock=hub.clock,
        on_facts=lambda: calls.append(1),
    )
    return worker, transport


def test_a_store_whose_lane_is_damaged_does_not_hold_up_the_others(hub):
    damaged, sound = hub.enrolled("s1", b"one"), hub.enrolled("s2", b"two")
    damaged.sell()
    sound.sell()
    hub.ingest.receive([damaged.batch(1, 2)])
    with hub.database.write() as tx:
        # The lane says less than the facts: every insert now meets a place that is taken.
        tx.connection.exec_driver_sql("DELETE FROM lanes WHERE store = 's1'")
    worker, transport = worker_on(hub)
    transport.arrived = [heard(damaged.batch(1, 2)), heard(sound.batch(1, 2))]
    assert worker.step(0) == 2
    assert [ack.seq for ack in sound.read(transport.published)] == [2]
    assert damaged.read(transport.published) == []
    assert hub.fact_count() == 4


def test_facts_wake_the_projector_and_repeats_do_not(hub):
    store = hub.enrolled()
    store.sell()
    woken: list[int] = []
    worker, transport = worker_on(hub, woken)
    for _ in range(2):
        transport.arrived = [heard(store.batch(1, 2))]
        worker.step(0)
    assert woken == [1]
    assert len(transport.published) == 2


def test_a_bunch_is_bounded(hub):
    worker, transport = worker_on(hub)
    transport.arrived = [Message("x", b"", retained=False)] * 100
    assert worker.step(0) == 64
    assert worker.step(0) == 36


def test_counts_of_repeats_are_written_in_time(hub):
    store = hub.enrolled()
    store.sell()
    worker, transport = worker_on(hub)
    for _ in range(2):
        transport.arrived = [heard(store.batch(1, 2))]
        worker.step(0)
    assert hub.reports.quarantine().reasons == ()
    hub.clock.advance(5_000)
    worker.step(0)
    assert [row.reason for row in hub.reports.quarantine().reasons] == ["replayed"]


def test_the_doorbell_rings_again_now_and_then_for_whoever_missed_it(hub):
    worker, transport = worker_on(hub)
    worker.step(0)
    assert transport.published == []
    for rung in (1, 2):
        hub.clock.advance(DOORBELL_EVERY_MS - 1)
        worker.step(0)
        assert len(transport.published) == rung - 1
        hub.clock.advance(1)
        worker.step(0)
        assert [topic for topic, _ in transport.published] == [topics.doorbell(TENANT)] * rung


def test_what_goes_wrong_for_a_moment_is_tried_again_before_anything_is_said(hub):
    store = hub.enrolled()
    store.sell()
    worker, transport = worker_on(hub)
    take, tries = hub.ingest.receive, []

    def stumble(arrived):
        tries.append(len(arrived))
        if len(tries) < TRIES:
            raise DBAPIError("", None, Exception("the server stops"), connection_invalidated=True)
        return take(arrived)

    hub.ingest.receive = stumble
    transport.arrived = [heard(store.batch(1, 2)), heard(store.hello())]
    worker.step(0)
    assert tries == [2, 2, 2]
    assert len(transport.published) == 2


def test_what_stays_wrong_is_left_to_the_stores_and_not_tried_message_by_message(hub):
    worker, transport = worker_on(hub)
    tries = []

    def fail(arrived):
        tries.append(len(arrived))
        raise DBAPIError("", None, Exception("the server is away"), connection_invalidated=True)

    hub.ingest.receive = fail
    transport.arrived = [Message("x", b"", retained=False)] * 2
    with pytest.raises(DBAPIError):
        worker.step(0)
    assert tries == [2] * TRIES


def test_the_hub_works_on_a_database_in_memory_too(tmp_path):
    database = open_engine("sqlite://")
    with database.write() as tx:
        migrate.create_all(tx)
    hub = HubKit(database, tmp_path)
    store = hub.enrolled()
    store.sell()
    assert [type(one).__name__ for one in store.send(store.hello(), *store.everything())] == ["Welcome", "Ack"]
    assert hub.projector.catch_up() == 2
    assert hub.reports.totals().sales == 1
    database.close()
