"""The hub of the simulated world: the real ingest, streams and projector on a database in memory, any number of lives."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud.db import migrate, presence
from cloud.db.engine import HubDatabase, open_engine
from cloud.jobs import LinkWorker
from cloud.services.enrol import Enrolled, Enrolment, Grants
from cloud.services.ingest import HARMLESS, Ingest, Outgoing
from cloud.services.project import Projector
from cloud.services.secrets import BrokerUsers
from scripts.sim_faults import Doom, MortalHubDatabase
from scripts.sim_oracles import Broken, HubLine, LaneKey, Oracle
from scripts.sim_store import CHEAP, SimStore
from sync.contract import topics
from sync.contract.words import Name
from sync.engine.memory import FaultPlan, MemoryBroker, MemoryTransport
from sync.engine.receiver import Rules
from sync.node import keys, sealing
from sync.node.database import InlineDatabase
from sync.node.passwords import Vault
from sync.node.ports import ManualClock, SeededChance

TENANT = "sim"
ZONE = ZoneInfo("Asia/Shanghai")
CREDIT = 8
COUNTED_ELSEWHERE = HARMLESS | {"fork"}
"""Reasons under which honest messages are counted too; every other count is a message that was damaged on the way."""


class SimIngest(Ingest):
    """The real ingest; an exception out of it is a finding, and a hub that acknowledges too early can do so."""

    publish_early: Callable[[Outgoing], None]

    def receive(
        self, arrived: Sequence[tuple[str, bytes]], publish_early: Callable[[Outgoing], None] | None = None
    ) -> Outgoing:
        """Take in a bunch of messages."""
        try:
            return super().receive(arrived, publish_early or self.publish_early)
        except Exception as error:
            # The worker would log it and go on, which is right in a restaurant and wrong here.
            raise Broken(f"ingest raised {error!r}") from error


class _Users(BrokerUsers):
    """Who may speak to the broker, kept in memory: this broker lets everybody in."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._held: dict[str, str] = {}

    def _read(self) -> dict[str, str]:
        return dict(self._held)

    def _write(self, users: dict[str, str]) -> None:
        self._held = users


@dataclass
class HubSnapshot:
    """A copy of the hub's database, and what the oracles knew of it."""

    disk: InlineDatabase
    held: dict[LaneKey, list[bytes]]
    last_ingest: int


@dataclass
class SimHub:
    """The hub. What dies with the process is `worker`, `projector` and `transport`; `disk` stays."""

    seed: str
    broker: MemoryBroker
    oracle: Oracle
    make_ingest: type[SimIngest]
    rules: Rules
    doorbell_every_ms: int
    clock: ManualClock
    doom: Doom = field(default_factory=Doom)
    lives: int = 0
    plans: tuple[FaultPlan, FaultPlan] = (FaultPlan(), FaultPlan())
    snapshot: HubSnapshot | None = None
    worker: LinkWorker | None = None
    projector: Projector | None = None
    transport: MemoryTransport | None = None

    def __post_init__(self) -> None:
        """Make the database, the keys and the desk where stores are enrolled."""
        self.disk: HubDatabase = open_engine("sqlite://")
        with self.disk.write() as tx:
            migrate.create_all(tx)
        self.database = MortalHubDatabase(self.disk, self.doom, self._note_commit)
        self.identity = keys.make_identity(hashlib.sha256(f"{self.seed}/hub/keys".encode()).digest())
        self._known: list[tuple[sealing.Party, bytes]] = []
        self._line: HubLine | None = None
        self._refused = 0
        self.enrolment = Enrolment(
            self.database,
            self.identity,
            Vault(b"pepper", CHEAP),
            _Users(),
            Grants(TENANT, "127.0.0.1", 1, "https://example.com"),
            clock=self.clock,
            chance=SeededChance(f"{self.seed}/hub/desk"),
            on_stream=self._ring,
        )

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.worker is not None

    # --------------------------------------------------------------------------------------------------------- lives

    def start(self) -> None:
        """Begin a life as `cloud.wiring` does, from nothing but the database."""
        self.lives += 1
        chance = SeededChance(f"{self.seed}/hub/{self.lives}")
        self._note_commit()
        self.transport = self.broker.transport("hub", topics.hub_subscriptions(TENANT))
        self.transport.up.plan, self.transport.down.plan = self.plans
        line = HubLine(self.transport, self.doom, self.oracle, self.identity)
        for party, agreement in self._known:
            line.know(party, agreement)
        ingest = self.make_ingest(
            self.database,
            self.identity,
            tenant=TENANT,
            clock=self.clock,
            chance=chance,
            rules=self.rules,
            credit=CREDIT,
        )
        ingest.publish_early = partial(_publish_all, line)
        self._line = line
        self._refused = self._refusals()
        self.worker = LinkWorker(
            line,
            ingest,
            self.database,
            self.identity,
            tenant=TENANT,
            clock=self.clock,
            on_facts=lambda: None,
            doorbell_every_ms=self.doorbell_every_ms,
        )
        self.projector = Projector(self.database, ZONE)
        self.transport.start()

    def die(self) -> None:
        """End as SIGKILL does: the database stays, nothing else."""
        self.doom.disarm()
        if self.transport is not None:
            self.transport.crash()
        self.worker = self.projector = self.transport = self._line = None

    # ---------------------------------------------------------------------------------------------------------- deeds

    def step(self) -> None:
        """Take in a bunch and answer; whatever was damaged on the way must be counted, and nothing else."""
        assert self.worker is not None
        self.oracle.corrupt_at_hub = 0
        commits = self.oracle.hub_commits
        self.worker.step(0.0)
        damaged = self.oracle.corrupt_at_hub
        if damaged or self.oracle.hub_commits != commits:
            before, self._refused = self._refused, self._refusals()
            counted = self._refused - before
            self.oracle.insist(counted == damaged, f"{damaged} damaged messages came in, {counted} were quarantined")

    def project(self, limit: int) -> None:
        """Bring the read models nearer to the facts."""
        assert self.projector is not None
        self.projector.run_once(limit)

    def enrol(self, store: SimStore, name: Name) -> None:
        """Let a store's node in under the next epoch; nobody dies at this desk."""
        self.doom.disarm()
        code = self.enrolment.make_code(store.store, name).code
        answer = self.enrolment.redeem(store.request(code))
        assert isinstance(answer, Enrolled), answer
        party = sealing.Party(TENANT, store.store, f"node-of-{store.store}", answer.epoch)
        self._known.append((party, store.identity.public.agreement))
        if self._line is not None:
            self._line.know(*self._known[-1])
        # A hub that forgot a key needs a person; that is another story.
        self.drop_snapshot()
        store.granted(answer)

    def rename(self, store: str, name: Name) -> None:
        """Give a store another name, which is a step of the `stores` stream."""
        self.enrolment.make_code(store, name)

    # -------------------------------------------------------------------------------------------------------- disasters

    def take_snapshot(self) -> None:
        """Copy the database, as a backup of a running hub would."""
        self.drop_snapshot()
        copy = InlineDatabase()
        self._on_raw(lambda raw: raw.backup(copy.raw))
        held = {key: list(lane) for key, lane in self.oracle.held.items()}
        self.snapshot = HubSnapshot(copy, held, self.oracle.last_ingest)

    def restore(self) -> bool:
        """Put the copy in place of a dead hub's database; False when there is none."""
        assert not self.alive
        taken = self.snapshot
        if taken is None:
            return False
        self._on_raw(taken.disk.raw.backup)
        self.oracle.hub_restored(taken.held, taken.last_ingest)
        return True

    def drop_snapshot(self) -> None:
        """Throw the copy away."""
        if self.snapshot is not None:
            self.snapshot.disk.close()
            self.snapshot = None

    def close(self) -> None:
        """Free the database."""
        self.drop_snapshot()
        self.disk.close()

    def _on_raw(self, work: Callable[[Any], None]) -> None:
        lent = self.disk.engine.raw_connection()
        try:
            work(lent.driver_connection)
        finally:
            lent.close()

    def _note_commit(self) -> None:
        with self.disk.read() as reader:
            self.oracle.hub_committed(reader)

    def _refusals(self) -> int:
        with self.disk.read() as reader:
            return sum(row.count for row in presence.all_refusals(reader) if row.reason not in COUNTED_ELSEWHERE)

    def _ring(self) -> None:
        if self.worker is not None:
            self.worker.ring_doorbell()


def _publish_all(line: HubLine, replies: Outgoing) -> None:
    for topic, payload in replies:
        line.publish(topic, payload)
