"""A hub of several processes on PostgreSQL: one ingest worker is killed in the middle of a batch, and nothing is lost.

Real processes over a real Mosquitto: two ingest workers, the jobs, two stores whose partitions lie with different
workers. The kill comes while the worker's transaction stands between its rows and its commit.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud import wiring
from cloud.db.engine import Turn
from cloud.settings import BrokerSettings, HubSettings, ListenSettings
from cloud.wiring import Core
from edge.db import journal
from edge.services.hub.outbox import NodeOutbox
from scripts.demo_world import Process
from scripts.postgres import DURABLE, Cluster
from sync.contract import topics
from sync.contract.enrolling import Enrolled
from sync.contract.words import Name
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.uplink import Pace
from sync.node import sealing
from sync.node.ports import SeededChance, SystemChance, SystemClock
from tests.broker.conftest import Clients
from tests.kit.broker_process import TOKENS, BrokerProcess
from tests.kit.hub_store import QUICK_COST, TENANT, request
from tests.kit.hubs import hub_process
from tests.kit.nodes import Rig
from tests.kit.waiting import until

STORES = ("s1", "s2")
FAR_MS = 9_000_000_000_000
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE ingest_head%%'"


@dataclass
class Shop:
    """A store: its node in this process, and its end of the wire."""

    name: str
    rig: Rig
    link: StoreLink
    sold: int = 0

    def sell(self, count: int) -> None:
        for _ in range(count):
            self.rig.sell(self.sold)
            self.sold += 1

    def settled(self) -> bool:
        """Say whether the store was told that everything is stored."""
        with self.rig.db.read() as reader:
            heads = journal.heads(reader, 1).values()
        return all(head.acked_seq == head.head_seq > 0 for head in heads)

    def wrote(self) -> list[tuple[Any, ...]]:
        return list(self.rig.rows("SELECT lane, seq, raw, chain FROM facts ORDER BY lane, seq"))


@dataclass
class City:
    """All of it; the stores are worked from this one thread."""

    core: Core
    shops: dict[str, Shop]
    processes: dict[str, Process]

    def until(self, holds: Callable[[], bool]) -> None:

        def held() -> bool:
            if holds():
                return True
            for shop in self.shops.values():
                shop.link.tick(0.02)
            return False

        until(held, self.holders, look_s=0)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.core.database.read() as reader:
            return [tuple(row) for row in reader.connection.exec_driver_sql(sql)]

    def holders(self) -> dict[str, int]:
        """Give how many partitions each worker holds."""
        sql = "SELECT holder, count(*) FROM leases WHERE slot < 256 AND holder <> '' GROUP BY holder"
        return dict(self.ask(sql))

    def holder_of(self, store: str) -> str:
        ((holder,),) = self.ask(f"SELECT holder FROM leases WHERE slot = {topics.partition(store)}")
        return str(holder)

    def process_of(self, store: str) -> Process:
        """Give the process that holds a store's lease; a worker's name tells its process id."""
        number = int(self.holder_of(store).rsplit("-", 2)[1])
        return next(one for one in self.processes.values() if one.popen is not None and one.pid == number)

    def stored(self, store: str) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT lane, seq, raw, chain FROM facts WHERE store = '{store}' ORDER BY lane, seq")

    def last(self, holder: str) -> None:
        """Let the leases of a dead worker last until the test says otherwise, however slow the machine is."""
        self._until(holder, FAR_MS)

    def run_out(self, holder: str) -> None:
        """Let the time of a worker's leases pass at once."""
        self._until(holder, 1)

    def _until(self, holder: str, until_ms: int) -> None:
        with self.core.database.write(Turn.LEASES) as tx:
            tx.connection.exec_driver_sql(f"UPDATE leases SET until_ms = {until_ms} WHERE holder = '{holder}'")
            tx.connection.exec_driver_sql(f"UPDATE workers SET until_ms = {until_ms} WHERE worker = '{holder}'")


def shop(core: Core, clients: Clients, folder: Path, store: str) -> Shop:
    """Open a store's node, enrol it at the hub, and connect it."""
    rig = Rig(folder, store=store, seed=store)
    rig.__enter__()
    grant = rig.node.enrolment
    assert grant is not None
    code = core.hub.enrolment.make_code(store, Name(store, store)).code
    answer = core.hub.enrolment.redeem(request(store, code, rig.identity, node=grant.node))
    assert isinstance(answer, Enrolled), answer
    rig.node = replace(rig.node, enrolment=msgspec.structs.replace(grant, tenant=TENANT))
    public, chance, names = core.identity.public, SeededChance(store), topics.of_store(TENANT, store)
    party = sealing.Party(TENANT, store, grant.node, 1)
    keys = sealing.link_keys(rig.identity, public.agreement, tenant=TENANT, store=store, epoch=1)
    link = StoreLink(
        identity=LinkIdentity(party, "boot", "test", public.signing),
        sealer=sealing.Sealer(rig.identity, keys.up, party, chance),
        opener=sealing.Opener(public.signing, keys.down, party),
        outbox=NodeOutbox(rig.node),
        transport=clients.make(f"store-{store}-1", [names.welcome, names.ack, names.data, topics.doorbell(TENANT)]),
        clock=SystemClock(),
        chance=chance,
        pace=Pace(linger_ms=(50, 50)),
    )
    return Shop(store, rig, link)


def stop_all(clients: Clients) -> None:
    for transport in clients.made:
        transport.stop()


@pytest.fixture
def city(mosquitto: BrokerProcess, tmp_path: Path) -> Iterator[City]:
    with ExitStack() as closing:
        cluster = closing.enter_context(Cluster(DURABLE))
        token = tmp_path / "hub-token.txt"
        token.write_text(TOKENS["hub"])
        settings = HubSettings(
            data_dir=str(tmp_path / "hub"),
            web=ListenSettings(port=0),
            guest=ListenSettings(port=0),
            broker=BrokerSettings(port=mosquitto.port, token_file=str(token)),
            public_url="https://example.com",
            tenant=TENANT,
            database=cluster.url(cluster.make_database()),
            reconnect_cap_ms=1_000,
        )
        core = wiring.open_core(settings, clock=SystemClock(), chance=SystemChance(), cost=QUICK_COST)
        closing.callback(core.database.close)
        clients = Clients(mosquitto)
        shops = {}
        for store in STORES:
            (tmp_path / store).mkdir()
            shops[store] = shop(core, clients, tmp_path / store, store)
            closing.callback(shops[store].rig.__exit__, None, None, None)
        closing.callback(stop_all, clients)
        processes = {}
        for name, part in (("first", "ingest"), ("second", "ingest"), ("jobs", "jobs")):
            processes[name] = hub_process(settings, tmp_path, name, "--part", part)
            closing.callback(processes[name].kill)
            processes[name].start()
        yield City(core, shops, processes)


def test_a_worker_killed_in_mid_batch_costs_nothing_and_doubles_nothing(city: City):
    near, far = city.shops["s1"], city.shops["s2"]
    city.until(lambda: sorted(city.holders().values()) == [128, 128])
    assert city.holder_of("s1") != city.holder_of("s2")
    for one in city.shops.values():
        one.sell(5)
    city.until(lambda: near.settled() and far.settled())
    before = len(city.stored("s1"))
    dead, victim = city.holder_of("s1"), city.process_of("s1")
    near.sell(30)
    with city.core.database.write(Turn.PROJECTOR) as tx:
        # Whoever takes in facts now has written all but them, and waits for the ids between the two.
        tx.connection.exec_driver_sql("SELECT last FROM ingest_head FOR UPDATE")
        city.until(lambda: city.ask(WAITING) == [(1,)])
        victim.kill()
    city.last(dead)
    assert len(city.stored("s1")) == before
    assert not near.settled()
    far.sell(20)
    city.until(far.settled)
    assert not near.settled()
    city.run_out(dead)
    city.until(lambda: near.settled() and far.settled())
    city.until(lambda: list(city.holders().values()) == [256])
    victim.start()
    city.until(lambda: sorted(city.holders().values()) == [128, 128])
    for one in city.shops.values():
        one.sell(10)
    city.until(lambda: near.settled() and far.settled())
    for one in city.shops.values():
        assert city.stored(one.name) == one.wrote()
    assert [len([row for row in one.wrote() if row[0] == 0]) for one in (near, far)] == [90, 70]
    city.until(lambda: city.core.hub.reports.totals().sales == near.sold + far.sold == 80)


def test_of_two_processes_for_the_jobs_the_second_takes_over_from_a_killed_one(city: City):
    heir = hub_process(city.core.hub.settings, city.core.hub.settings.folder.parent, "heir", "--part", "jobs")
    heir.start()
    try:
        ((first,),) = city.ask("SELECT holder FROM leases WHERE slot = 256")
        city.processes["jobs"].kill()
        city.run_out(first)
        for one in city.shops.values():
            one.sell(3)
        city.until(lambda: city.core.hub.reports.totals().sales == 6)
        ((second,),) = city.ask("SELECT holder FROM leases WHERE slot = 256")
        assert second not in {"", first}
    finally:
        heir.stop()
    assert heir.popen is not None
    assert heir.popen.returncode == 0, heir.log.read_text()
    ((left,),) = city.ask("SELECT holder FROM leases WHERE slot = 256")
    assert left == ""
