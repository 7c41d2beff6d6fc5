"""The hub of the simulated world: the real ingest, streams and projector on a database in memory, any number of lives."""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud.db import migrate, presence
from cloud.db.engine import HubDatabase, Tx, open_engine
from cloud.jobs import LinkWorker, Share
from cloud.services import folding, streams
from cloud.services.approvals import Policy
from cloud.services.bunch import Bunch, Outgoing
from cloud.services.enrol import Enrolment, Grants
from cloud.services.ingest import HARMLESS, Ingest
from cloud.services.leases import Leases
from cloud.services.project import Projector
from cloud.services.secrets import BrokerUsers
from scripts.sim_faults import Doom, MortalHubDatabase, Pause
from scripts.sim_oracles import Broken, HubLine, LaneKey, Oracle
from scripts.sim_store import CHEAP, SimStore
from sync.contract import topics
from sync.contract.enrolling import Enrolled
from sync.contract.words import Name
from sync.engine.admission import Admission
from sync.engine.memory import FaultPlan, MemoryBroker, MemoryTransport
from sync.engine.receiver import Rules
from sync.node import keys, sealing
from sync.node.database import InlineDatabase
from sync.node.passwords import Vault
from sync.node.ports import ManualClock, SeededChance

TENANT = "sim"
ZONE = ZoneInfo("Asia/Shanghai")
CREDIT = 8
LIVE_FACTS_MAX = 20
TURN_MS = 4_000
COUNTED_ELSEWHERE = HARMLESS | {"fork"}
"""Reasons under which honest messages are counted too; every other count is a message that was damaged on the way."""


class SimIngest(Ingest):
    """The real ingest; an exception out of it is a finding, and a hub that acknowledges too early can do so."""

    publish_early: Callable[[Outgoing], None]
    judge_leases: Callable[[Tx, set[str]], None]

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as it came
        super().__init__(*arguments, **named)
        # In so small a world a backlog is small: one store at a time catches up, and not for long.
        self._admission.live_facts_max, self._admission.turn_ms = LIVE_FACTS_MAX, TURN_MS

    def receive(
        self, arrived: Sequence[tuple[str, bytes]], publish_early: Callable[[Outgoing], None] | None = None
    ) -> Outgoing:
        """Take in a bunch of messages."""
        try:
            return super().receive(arrived, publish_early or self.publish_early)
        except Exception as error:
            # The worker would log it and go on, which is right in a restaurant and wrong here.
            raise Broken(f"ingest raised {error!r}") from error

    def starve(self) -> None:
        """Let nobody catch up."""
        self._admission = Admission(turns=0, credit=CREDIT, live_facts_max=-1)
        self._sessions._admission = self._admission  # noqa: SLF001 - the hub has no such switch

    def _store(self, tx: Tx, bunch: Bunch) -> None:
        super()._store(tx, bunch)
        self.judge_leases(tx, {row["store"] for row in bunch.facts} | set(bunch.seen))


class _ServerClock:
    """The database server's clock, which all workers share and nobody steps."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        """Time since the world began."""
        return self._clock.monotonic_ms()

    def monotonic_ms(self) -> int:
        """The same."""
        return self._clock.monotonic_ms()


class _Users(BrokerUsers):
    """Who may speak to the broker, kept in memory: this broker lets everybody in."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._held: dict[str, str] = {}

    def _turn(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

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
    name: str = "hub"
    beside: "SimHub | None" = None
    """The worker whose database this one shares."""
    partitions: frozenset[int] | None = None
    """What the workers share; None where there is one only."""
    fenced: bool = True
    inbox_max: int = 1_024
    pause: Pause = field(default_factory=Pause)
    doom: Doom = field(default_factory=Doom)
    lives: int = 0
    plans: tuple[FaultPlan, FaultPlan] = (FaultPlan(), FaultPlan())
    snapshot: HubSnapshot | None = None
    worker: LinkWorker | None = None
    projector: Projector | None = None
    transport: MemoryTransport | None = None

    def __post_init__(self) -> None:
        """Make the database, the keys and the desk where stores are enrolled."""
        self.disk: HubDatabase = new_disk() if self.beside is None else self.beside.disk
        self.database = MortalHubDatabase(self.disk, self.doom, self._note_commit, self.pause)
        # The desk is another process, in which nobody dies.
        self.desk = MortalHubDatabase(self.disk, Doom(), self._note_commit)
        self.identity = keys.make_identity(hashlib.sha256(f"{self.seed}/hub/keys".encode()).digest())
        self.known: list[tuple[sealing.Party, bytes]] = [] if self.beside is None else self.beside.known
        self.others: list[SimHub] = []
        if self.beside is not None:
            self.beside.others.append(self)
        self.line: HubLine | None = None
        self._refused = 0
        self._in_step = -1
        self.enrolment = Enrolment(
            self.desk,
            self.identity,
            Vault(b"pepper", CHEAP),
            _Users(),
            Grants(TENANT, "127.0.0.1", 1, "https://example.com"),
            clock=self.clock,
            chance=SeededChance(f"{self.seed}/hub/desk"),
            policy=Policy.NEVER,
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
        chance = SeededChance(f"{self.seed}/{self.name}/{self.lives}")
        self._note_commit()
        heard = topics.hub_subscriptions(TENANT, None if self.partitions is None else ())
        self.transport = self.broker.transport(self.name, heard, inbox_max=self.inbox_max)
        self.transport.up.plan, self.transport.down.plan = self.plans
        line = HubLine(self.transport, self.doom, self.oracle, self.identity)
        for party, agreement in self.known:
            line.know(party, agreement)
        share = self._share(self.transport)
        ingest = self.make_ingest(
            self.database,
            self.identity,
            tenant=TENANT,
            clock=self.clock,
            chance=chance,
            rules=self.rules,
            credit=CREDIT,
            turns=1,
            fence=share.leases.fence if share is not None and self.fenced else None,
        )
        ingest.judge_leases = self._judge_leases
        ingest.publish_early = partial(_publish_all, line)
        self.line = line
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
            share=share,
        )
        self.ingest, self._leases = ingest, None if share is None else share.leases
        self.projector = Projector(self.database, ZONE)
        self._in_step = -1
        self.transport.start()

    def _share(self, transport: MemoryTransport) -> Share | None:
        if self.partitions is None:
            return None
        worker = f"{self.name}-{self.lives}"
        leases = Leases(self.database, worker, clock=_ServerClock(self.clock), slots=self.partitions)
        return Share(leases, transport.listen)

    def retire(self) -> None:
        """End as a deployment ends it: the leases are handed over, the broker hears a goodbye."""
        if self._leases is not None:
            self._leases.release()
        if self.transport is not None:
            self.transport.stop()
        self.die()

    def die(self) -> None:
        """End as SIGKILL does: the database stays, nothing else."""
        self.doom.disarm()
        self.pause.arm(0)
        if self.transport is not None:
            self.transport.crash()
        self.worker = self.projector = self.transport = self.line = None

    # ---------------------------------------------------------------------------------------------------------- deeds

    def step(self) -> None:
        """Take in a bunch and answer; whatever was damaged on the way must be counted, and nothing else."""
        assert self.worker is not None
        if self.partitions is not None:
            # Of two workers nobody can say from outside which of them had to count what.
            self.worker.step(0.0)
            return
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
        # Asking costs a query, and in most turns there is nothing new.
        if self._in_step != self.oracle.last_ingest and self.projector.run_once(limit) == 0:
            self._in_step = self.oracle.last_ingest

    def enrol(self, store: SimStore, name: Name) -> None:
        """Let a store's node in under the next epoch; nobody dies at this desk."""
        code = self.enrolment.make_code(store.store, name).code
        answer = self.enrolment.redeem(store.request(code))
        assert isinstance(answer, Enrolled), answer
        again = self.enrolment.redeem(store.stolen_request(code))
        self.oracle.insist(not isinstance(again, Enrolled), f"{store.store}: a code was used twice")
        party = sealing.Party(TENANT, store.store, f"node-of-{store.store}", answer.epoch)
        self.known.append((party, store.identity.public.agreement))
        for hub in (self, *self.others):
            if hub.line is not None:
                hub.line.know(*self.known[-1])
        self.oracle.enrolled(store.store, answer.epoch)
        # A hub that forgot a key needs a person; that is another story.
        self.drop_snapshot()
        store.granted(answer)

    def rename(self, store: str, name: Name) -> None:
        """Give a store another name, which is a step of the `stores` stream."""
        self.enrolment.make_code(store, name)

    def publish(self, stream: str, key: str, value: bytes) -> None:
        """Put an item into a stream, or take it out; the doorbell rings."""
        with self.desk.write() as tx:
            streams.append(tx, stream, op="put" if value else "remove", key=key, value=value)
        self._ring()

    def fold_streams(self) -> int:
        """Do what the hourly job does: steps that are old go into a snapshot."""
        return folding.tidy(self.desk, self.clock.monotonic_ms(), folding.DAYS)

    # -------------------------------------------------------------------------------------------------------- disasters

    def take_snapshot(self) -> None:
        """Copy the database, as a backup of a running hub would."""
        self.drop_snapshot()
        copy = InlineDatabase()
        _on_raw(self.disk, lambda raw: raw.backup(copy.raw))
        held = {key: list(lane) for key, lane in self.oracle.held.items()}
        self.snapshot = HubSnapshot(copy, held, self.oracle.last_ingest)

    def restore(self) -> bool:
        """Put the copy in place of a dead hub's database; False when there is none."""
        assert not self.alive
        taken = self.snapshot
        if taken is None:
            return False
        _on_raw(self.disk, taken.disk.raw.backup)
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

    def _note_commit(self) -> None:
        with self.disk.read() as reader:
            self.oracle.hub_committed(reader)

    def _refusals(self) -> int:
        with self.disk.read() as reader:
            return sum(row.count for row in presence.all_refusals(reader) if row.reason not in COUNTED_ELSEWHERE)

    def _ring(self) -> None:
        for hub in (self, *self.others):
            if hub.worker is not None:
                hub.worker.ring_doorbell()

    def _judge_leases(self, tx: Tx, stores: set[str]) -> None:
        """Something is about to be committed for these stores: the database itself must say that these stores are this worker's."""
        if self.partitions is None:
            return
        rows = tx.connection.exec_driver_sql("SELECT slot, holder FROM leases")
        holders: dict[int, str] = {row.slot: row.holder for row in rows}
        for store in sorted(stores):
            holder = holders[topics.partition(store)]
            mine = f"{self.name}-{self.lives}"
            self.oracle.insist(holder == mine, f"{store}: {mine} commits under a lease that {holder!r} holds")


def new_disk() -> HubDatabase:
    """Give the hub's empty database in memory; its tables are made once a process, and copied for every world."""
    made = open_engine("sqlite://")
    _on_raw(made, lambda raw: _on_raw(_made(), lambda source: source.backup(raw)))
    return made


@functools.cache
def _made() -> HubDatabase:
    made = open_engine("sqlite://")
    with made.write() as tx:
        migrate.create_all(tx)
    return made


def _on_raw(disk: HubDatabase, work: Callable[[Any], None]) -> None:
    lent = disk.engine.raw_connection()
    try:
        work(lent.driver_connection)
    finally:
        lent.close()


def _publish_all(line: HubLine, replies: Outgoing) -> None:
    for topic, payload in replies:
        line.publish(topic, payload)
