"""Workers share the partitions, take over from the dead, and a stale one can write nothing more."""

import pytest

from cloud.db import leases as table
from cloud.db.engine import open_engine
from cloud.jobs import LinkWorker, Share
from cloud.services.ingest import Ingest
from cloud.services.leases import EVERY_MS, HUNGRY_MS, JOBS, TTL_MS, LeaseLost, Leases
from sync.contract import topics
from sync.engine.transport import LinkState, Message
from tests.kit.hub_store import TENANT, HubKit

EVERYTHING = frozenset(range(256))


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


def worker(hub, name: str, **more) -> Leases:
    return Leases(hub.database, name, clock=hub.clock, **more)


def run_out(hub, holder: str) -> None:
    """Let what one holds run out: the time of leases is the database's own."""
    with hub.database.write() as tx:
        tx.connection.exec_driver_sql(f"UPDATE leases SET until_ms = 1 WHERE holder = '{holder}'")
        tx.connection.exec_driver_sql(f"UPDATE workers SET until_ms = 1 WHERE worker = '{holder}'")


def tended(hub, *workers: Leases) -> None:
    """Let each have its turn."""
    hub.clock.advance(EVERY_MS)
    for one in workers:
        one.tend()


def fence_of(leases: Leases, hub, *slots: int) -> None:
    with hub.database.write() as tx:
        leases.fence(tx, slots)


def test_one_worker_holds_everything(hub):
    only = worker(hub, "a")
    assert only.tend()
    assert only.held == EVERYTHING
    assert not only.tend()
    fence_of(only, hub, 0, 255)


def test_a_second_worker_gets_its_half_and_no_partition_has_two(hub):
    first, second = worker(hub, "a"), worker(hub, "b")
    first.tend()
    for _ in range(3):
        tended(hub, second, first)
    tended(hub, second)
    assert len(first.held) == len(second.held) == 128
    assert first.held | second.held == EVERYTHING
    third = worker(hub, "c")
    for _ in range(4):
        tended(hub, third, first, second)
    assert sorted(map(len, (first.held, second.held, third.held))) == [84, 86, 86]
    assert first.held | second.held | third.held == EVERYTHING


def test_what_a_stopped_worker_held_is_free_at_once(hub):
    first, second = worker(hub, "a"), worker(hub, "b")
    first.tend()
    first.release()
    assert first.held == frozenset()
    second.tend()
    assert second.held == EVERYTHING


def test_what_a_dead_worker_held_is_taken_when_it_ran_out_and_not_before(hub):
    first, second = worker(hub, "a"), worker(hub, "b")
    first.tend()
    second.tend()
    assert second.held == frozenset()
    run_out(hub, "a")
    hub.clock.advance(HUNGRY_MS)
    second.tend()
    assert second.held == EVERYTHING


def test_a_worker_that_was_replaced_can_write_nothing_and_learns_of_it(hub):
    stale, fresh = worker(hub, "a"), worker(hub, "b")
    stale.tend()
    run_out(hub, "a")
    fresh.tend()
    assert stale.held == fresh.held == EVERYTHING
    with pytest.raises(LeaseLost):
        fence_of(stale, hub, 7)
    fence_of(fresh, hub, 7)
    assert stale.tend()
    assert stale.held == frozenset()


def test_a_lease_that_came_back_has_another_fence(hub):
    """Who held it, lost it and has it again does not know what was written meanwhile."""
    stale, other = worker(hub, "a"), worker(hub, "b")
    stale.tend()
    known = dict(stale._fences)
    run_out(hub, "a")
    other.tend()
    other.release()
    hub.clock.advance(EVERY_MS)
    stale.tend()
    assert stale.held == EVERYTHING
    assert all(stale._fences[slot] == fence + 2 for slot, fence in known.items())
    stale._fences = known
    with pytest.raises(LeaseLost):
        fence_of(stale, hub, 7)


def test_a_lease_that_ran_out_still_holds_while_nobody_took_it(hub):
    only = worker(hub, "a")
    only.tend()
    run_out(hub, "a")
    fence_of(only, hub, 7)
    hub.clock.advance(TTL_MS)
    assert not only.tend()
    fence_of(only, hub, 7)


def test_the_only_process_on_a_folder_takes_over_at_once_from_the_one_before(hub):
    dead, fresh = worker(hub, "a", sole=True), worker(hub, "b", sole=True)
    dead.tend()
    assert dead.held == EVERYTHING
    fresh.tend()
    assert fresh.held == EVERYTHING
    with pytest.raises(LeaseLost):
        fence_of(dead, hub, 0)


def test_of_all_who_could_do_the_jobs_one_does(hub):
    first, second = worker(hub, "a", slots=JOBS), worker(hub, "b", slots=JOBS)
    first.tend()
    second.tend()
    assert (len(first.held), len(second.held)) == (1, 0)
    first.release()
    tended(hub, second)
    assert len(second.held) == 1


def test_a_takeover_waits_for_the_transaction_under_way(postgres_url, tmp_path):
    """Else the stale worker's commit could come behind the fresh one's first look at a lane."""
    database, other = open_engine(postgres_url), open_engine(postgres_url)
    hub = HubKit(database, tmp_path)
    stale, fresh = worker(hub, "a"), Leases(other, "b", clock=hub.clock)
    stale.tend()
    run_out(hub, "a")
    with database.write() as tx:
        stale.fence(tx, [7, 9])
        fresh.tend()
        assert fresh.held == EVERYTHING - {7, 9}
    hub.clock.advance(EVERY_MS)
    fresh.tend()
    assert fresh.held == EVERYTHING
    database.close()
    other.close()


# ------------------------------------------------------------------------------------------------- in the link worker


class Ear:
    """Gives what it was filled with, keeps what is published and what it was told to listen to."""

    def __init__(self):
        self.arrived: list[Message | LinkState] = []
        self.published: list[tuple[str, bytes]] = []
        self.told: list[list[str]] = []
        self.connected = True

    def start(self):
        """Nothing to open."""

    def stop(self):
        """Nothing to close."""

    def listen(self, subscriptions):
        self.told.append(list(subscriptions))

    def publish(self, topic, payload, *, retain=False, qos=1):
        self.published.append((topic, payload))
        return True

    def poll(self, timeout_s):
        return self.arrived.pop(0) if self.arrived else None


def link(hub, leases: Leases) -> tuple[LinkWorker, Ear]:
    ear = Ear()
    ingest = Ingest(hub.database, hub.identity, tenant=TENANT, clock=hub.clock, chance=hub.chance, fence=leases.fence)
    made = LinkWorker(
        ear,
        ingest,
        hub.database,
        hub.identity,
        tenant=TENANT,
        clock=hub.clock,
        on_facts=lambda: None,
        share=Share(leases, ear.listen),
    )
    return made, ear


def heard(arrived: tuple[str, bytes]) -> Message:
    return Message(*arrived, retained=False)


def acks(store, ear: Ear) -> list[int]:
    return [one.seq for one in store.read(ear.published) if hasattr(one, "seq")]


def test_a_worker_listens_to_its_partitions_and_to_all_with_few_words(hub):
    first, ear = link(hub, worker(hub, "a"))
    first.step(0)
    assert ear.told == [topics.hub_subscriptions(TENANT)]
    worker(hub, "b").tend()
    hub.clock.advance(EVERY_MS)
    first.step(0)
    assert ear.told[1] == topics.hub_subscriptions(TENANT, range(128))
    assert len(ear.told[1]) == 128 * 6
    assert f"rs1/127/{TENANT}/+/u/+" in ear.told[1]


def test_a_stale_workers_bunch_is_dropped_without_an_answer_and_the_next_one_stores_it(hub):
    store = hub.enrolled()
    store.sell()
    stale, fresh = worker(hub, "a"), worker(hub, "b")
    old, old_ear = link(hub, stale)
    old.step(0)
    run_out(hub, "a")
    new, new_ear = link(hub, fresh)
    new.step(0)
    old_ear.arrived = [heard(store.batch(1, 2))]
    old.step(0)
    assert acks(store, old_ear) == []
    assert hub.fact_count() == 0
    new_ear.arrived = [heard(store.batch(1, 2))]
    new.step(0)
    assert acks(store, new_ear) == [2]
    assert hub.fact_count() == 2


def test_without_the_fence_the_stale_worker_would_write(hub):
    """The negative control of the test before."""
    store = hub.enrolled()
    store.sell()
    stale = worker(hub, "a")
    stale.tend()
    run_out(hub, "a")
    worker(hub, "b").tend()
    assert len(hub.ingest.receive([store.batch(1, 2)])) == 1
    assert hub.fact_count() == 2


def test_another_workers_message_left_in_the_inbox_does_not_spoil_a_bunch(hub):
    leases = worker(hub, "a")
    made, ear = link(hub, leases)
    made.step(0)
    worker(hub, "b").tend()
    hub.clock.advance(EVERY_MS)
    made.step(0)
    ours, theirs = two_stores(hub, leases)
    ear.arrived = [heard(theirs.batch(1, 2)), heard(ours.batch(1, 2))]
    assert made.step(0) == 1
    assert acks(ours, ear) == [2]
    assert hub.fact_count() == 2


def two_stores(hub, leases: Leases):
    """Give a store of a partition that is held and one of a partition that is not, each with a sale."""
    found: dict[bool, object] = {}
    for number in range(64):
        found.setdefault(topics.partition(f"s{number}") in leases.held, f"s{number}")
    made = [hub.enrolled(found[held], seed) for held, seed in ((True, b"one"), (False, b"two"))]
    for store in made:
        store.sell()
    return made


def test_a_worker_that_stops_hands_over(hub):
    made, _ = link(hub, worker(hub, "a"))
    made.start()
    made.stop()
    with hub.database.read() as reader:
        assert {row.holder for row in table.all_leases(reader)} == {""}


def test_a_hub_that_moved_to_another_worker_is_greeted_again(hub):
    """The session is in a worker's memory only: the next one answers under none, and the store says hello again."""
    store = hub.enrolled()
    first, second = worker(hub, "a"), worker(hub, "b")
    old, old_ear = link(hub, first)
    old_ear.arrived = [heard(store.hello())]
    old.step(0)
    assert len(store.read(old_ear.published)) == 1
    first.release()
    store.sell()
    new, new_ear = link(hub, second)
    new_ear.arrived = [heard(store.batch(1, 2))]
    new.step(0)
    (ack,) = store.read(new_ear.published)
    assert (ack.session, ack.seq) == (b"", 2)
