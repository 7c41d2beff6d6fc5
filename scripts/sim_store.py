"""A store of the simulated world: the real node's services on a file in memory, through any number of lives."""

import contextlib
import functools
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from edge.db import journal
from edge.db.journal import Draft
from edge.db.migrations import steps
from edge.db.print_jobs import Job
from edge.db.staff import Session
from edge.domain.device_rows import read_rows
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.domain.refusal import Refused
from edge.services.copies.archive import Archives
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.hub.outbox import NodeOutbox
from edge.services.money.settle_sale import SellCommand, settle_sale
from edge.services.node import VERSION, Node
from edge.services.ordering import import_menu
from edge.services.printing import slips, spool
from edge.services.printing.spool import NodeSpool
from edge.settings import EdgeSettings, JournalSettings, StoreSettings
from scripts.sim_faults import DiskRefused, Doom, MortalStorage
from scripts.sim_oracles import Oracle, WatchedLine, WatchedOpener, WatchedOutbox, WatchedSealer
from sync.contract import ids, operations, streams, topics
from sync.contract.enrolling import Enrolled, EnrolRequest
from sync.contract.facts import genesis
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.messages import STORES_STREAM
from sync.contract.operations import NodeStarted
from sync.contract.words import Name
from sync.engine.memory import FaultPlan, MemoryBroker, MemoryTransport
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.store_links import StoreLinks
from sync.engine.transport import Transport, Will
from sync.engine.uplink import Phase
from sync.node import certificates, enrolling, keys, migrate, sealing
from sync.node.archives import MemoryArchives
from sync.node.database import InlineDatabase, Storage
from sync.node.passwords import Cost, Vault
from sync.node.ports import IdSource, ManualClock, SeededChance

ZONE = ZoneInfo("Asia/Shanghai")
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
DEVICES = ({"kind": "printer", "id": "counter", "address": "tcp://127.0.0.1:9100"},)
TILLS = (Session("1", "c1", "A"), Session("2", "c2", "B"))
MENU = Menu(
    currency="CNY",
    categories=(Category("hot", Name("热菜", "Hot dishes")),),
    dishes=(
        Dish(
            id="d1",
            code="101",
            name=Name("宫保鸡丁", "Kung Pao chicken"),
            category="hot",
            price_fen=3_800,
            modifier_groups=("spice",),
        ),
        Dish(id="d2", code="102", name=Name("米饭", "Rice"), category="hot", price_fen=300),
        Dish(id="d3", code="103", name=Name("豆浆", "Soy milk"), category="hot", price_fen=650),
    ),
    modifier_groups=(
        ModifierGroup(
            "spice",
            Name("辣度", "Spice"),
            (ModifierOption("mild", Name("微辣", "Mild"), 0), ModifierOption("hot", Name("重辣", "Hot"), 200)),
            max=1,
        ),
    ),
)
CONFIG_KEYS = 6
RETRY_MS = 1_000
"""What the link's thread waits after an error."""
LinkMaker = Callable[..., StoreLink]


class File(Storage, Protocol):
    """A store's file, as a world holds it."""

    def close(self) -> None:
        """Free it."""
        ...


DISK_CODES = {"disk_full", "disk_error", "disk_read_only"}
FUTURE_KIND = "future.kind"
ALL_AT_ONCE = JournalSettings(keep_days=-2)
"""No store may be told this: here a minute must do for two months, and whatever is acknowledged may leave the table."""


@dataclass
class StoreSnapshot:
    """A copy of a store's file, and what its till had been told by then."""

    disk: InlineDatabase
    numbers: int
    confirmed: dict[str, int]
    epoch: int


@dataclass
class SimStore:
    """One store. What dies with the process is `node`, `link` and `transport`; `disk` and the till's own wits stay."""

    seed: str
    store: str
    broker: MemoryBroker
    oracle: Oracle
    make_link: LinkMaker
    clock: ManualClock
    make_links: type[StoreLinks] = StoreLinks
    make_outbox: type[NodeOutbox] = NodeOutbox
    make_disk: Callable[[], File] | None = None
    inbox_max: int = 1_024
    machine: int = 1
    """Which computer of the store this is; a replaced one may live on beside the next."""
    doom: Doom = field(default_factory=Doom)
    lives: int = 0
    sold: int = 0
    refused_as: str = ""
    rolled_back: bool = False
    plans: tuple[FaultPlan, FaultPlan] = (FaultPlan(), FaultPlan())
    confirmed: dict[str, int] = field(default_factory=dict)
    snapshot: StoreSnapshot | None = None
    node: Node | None = None
    link: StoreLink | None = None
    transport: MemoryTransport | None = None
    grant: Enrolment | None = None

    def __post_init__(self) -> None:
        """Make the file, the keys, and the chance of everything that happens at this store."""
        self.disk: File = new_disk() if self.make_disk is None else self.make_disk()
        self.name = self.store if self.machine == 1 else f"{self.store}#{self.machine}"
        self.identity = keys.make_identity(hashlib.sha256(f"{self.seed}/{self.name}/keys".encode()).digest())
        self.trade = random.Random(f"{self.seed}/{self.name}/trade")
        self.paper = random.Random(f"{self.seed}/{self.name}/paper")
        self.pending: SellCommand | None = None
        self.archives = Archives(MemoryArchives())
        self.links: StoreLinks | None = None
        self.streams = (STORES_STREAM, streams.CONFIG, streams.own(streams.CONFIG, self.store))
        self.client_id = ""
        self._again_ms = 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.node is not None

    # ---------------------------------------------------------------------------------------------------- enrolment

    def request(self, code: str) -> EnrolRequest:
        """Give what the node sends with its one-time code."""
        tls_key = certificates.seeded_key(self.identity.public.signing)
        return enrolling.make_request(self.identity, tls_key, store=self.store, code=code, node=f"node-of-{self.store}")

    def stolen_request(self, code: str) -> EnrolRequest:
        """Give what somebody else sends who saw the code."""
        thief = keys.make_identity(hashlib.sha256(f"{self.seed}/thief/keys".encode()).digest())
        tls_key = certificates.seeded_key(thief.public.signing)
        return enrolling.make_request(thief, tls_key, store=self.store, code=code, node="node-of-a-thief")

    def granted(self, answer: Enrolled) -> None:
        """Keep what the hub granted, as the node's file beside its keys does."""
        access = answer.broker
        self.grant = Enrolment(
            tenant=answer.tenant,
            store=answer.store,
            epoch=answer.epoch,
            node=f"node-of-{self.store}",
            hub_signing=answer.hub_signing,
            hub_agreement=answer.hub_agreement,
            name=answer.name,
            broker=Broker(host=access.host, port=access.port, username=access.username, token=access.token),
            public_url=answer.public_url,
        )
        self.refused_as = ""

    # --------------------------------------------------------------------------------------------------------- lives

    def start(self) -> None:
        """Begin a life as `edge.wiring` does: the file, the menu, the spool, the link."""
        grant = self.grant
        assert grant is not None
        self.lives += 1
        chance = SeededChance(f"{self.seed}/{self.name}/{self.lives}")
        storage = MortalStorage(self.disk, self.doom, self._note_commits)
        node = Node(
            settings=EdgeSettings(data_dir=".", devices=DEVICES, journal=ALL_AT_ONCE),
            db=storage,
            clock=self.clock,
            chance=chance,
            ids=IdSource(self.clock, chance),
            identity=self.identity,
            enrolment=grant,
            vault=Vault(self.identity.journal, CHEAP),
            zone=ZONE,
            devices=read_rows(DEVICES, StoreSettings().tills),
            archives=self.archives,
        )
        node.recall()
        storage.write(lambda tx: journal.open_epoch(tx, grant.store, grant.epoch))
        import_menu.load_in_force(node)
        boot = chance.token(8).hex()
        place = node.place()
        draft = Draft(node.ids.uuid7(), 1, operations.NODE_STARTED, 1, NodeStarted(version=VERSION, boot=boot))
        storage.write(lambda tx: journal.append(tx, place, self.identity, [draft]))
        import_menu.bring_into_force(node, MENU)
        spool.recover(node)
        self.node = node
        self._connect(node, grant, boot, chance)

    def _connect(self, node: Node, grant: Enrolment, boot: str, chance: SeededChance) -> None:
        names = topics.of_store(grant.tenant, grant.store)
        will = Will(names.state, genesis(grant.store, grant.epoch, 1))
        self.client_id = f"{self.name}-node"
        heard = (names.welcome, names.ack, names.data, topics.doorbell(grant.tenant))
        self.transport = self.broker.transport(self.client_id, heard, will=will, inbox_max=self.inbox_max)
        self.transport.up.plan, self.transport.down.plan = self.plans
        line = WatchedLine(self.transport, self.doom, self.oracle, self.name)

        def make(epoch: int, port: Transport) -> StoreLink:
            return self._link_of(node, grant, boot, chance, epoch, port)

        def older() -> list[int]:
            with node.db.read() as reader:
                return journal.own_epochs(reader, grant.epoch, ())

        self.links = self.make_links(line, grant.epoch, make, older, node.clock)
        self.link = self.links.now
        self.transport.start()

    def _link_of(
        self, node: Node, grant: Enrolment, boot: str, chance: SeededChance, epoch: int, port: Transport
    ) -> StoreLink:
        party = sealing.Party(grant.tenant, grant.store, grant.node, epoch)
        link_keys = sealing.link_keys(
            self.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=epoch
        )
        opener = WatchedOpener(grant.hub_signing_key, link_keys.down, party, oracle=self.oracle)
        return self.make_link(
            identity=LinkIdentity(party, boot, VERSION, grant.hub_signing_key),
            sealer=WatchedSealer(self.identity, link_keys.up, party, chance, oracle=self.oracle),
            opener=opener,
            outbox=WatchedOutbox(self.make_outbox(node, epoch), opener, party, self.oracle),
            transport=port,
            clock=node.clock,
            chance=chance,
            streams=self.streams if epoch == grant.epoch else (),
        )

    def die(self) -> None:
        """End as SIGKILL does: the file stays, nothing else."""
        self.doom.disarm()
        if self.transport is not None:
            self.transport.crash()
        self.node = self.link = self.links = self.transport = None

    def _note_commits(self) -> None:
        assert self.grant is not None
        with self.disk.read() as reader:
            self.oracle.store_committed(self.name, self.store, reader)

    # ---------------------------------------------------------------------------------------------------------- deeds

    def tick(self) -> None:
        """Let the link work once."""
        assert self.links is not None
        if self.clock.monotonic_ms() < self._again_ms:
            return
        try:
            self.links.tick(0.0)
        except DiskRefused:
            self._again_ms = self.clock.monotonic_ms() + RETRY_MS
        status = self.links.status
        self.refused_as = status.refusal if status.phase is Phase.REFUSED else ""

    def sell(self) -> None:
        """Submit a sale, or again the one that was never answered, as a till does under the same sale id."""
        assert self.node is not None
        if self.pending is None:
            self.pending = self._command()
        assert self.link is not None
        assert self.grant is not None
        try:
            settled = settle_sale(self.node, TILLS[self.sold % 2], self.pending)
        except DiskRefused:
            return
        if isinstance(settled, Refused):
            if settled.code in DISK_CODES:
                return  # Nobody knows whether it was kept: the till asks again under the same id.
            assert settled.code == "fenced", settled
            self.pending = None
            return
        told = self.oracle.is_fenced(self.store, self.grant.epoch) and not settled.repeated
        self.oracle.insist(not told, f"{self.name} sells under an epoch that it was told is replaced")
        self.confirmed[self.pending.sale_id] = len(settled.answer)
        self.pending = None

    def _command(self) -> SellCommand:
        self.sold += 1
        random_part = self.trade.randbytes(10)
        lines = tuple(
            BasketLine(
                dish_id=dish_id,
                qty=self.trade.randint(1, 4),
                modifiers=(self.trade.choice(["mild", "hot"]),) if dish_id == "d1" else (),
            )
            for dish_id in self.trade.sample(["d1", "d2", "d3"], self.trade.randint(1, 3))
        )
        return SellCommand(
            sale_id=ids.uuid7(max(0, self.clock.now_ms()), random_part).hex(),
            lines=lines,
            tenders=(AskedTender(kind="cash", received_fen=50_000),),
        )

    def print_one(self) -> None:
        """Let the printer take a slip, with some bad luck, and a person deal with what is parked."""
        with contextlib.suppress(DiskRefused):
            self._print_one()

    def _print_one(self) -> None:
        assert self.node is not None
        queue = NodeSpool(self.node)
        job = queue.next_job()
        if job is not None:
            luck = self.paper.random()
            if luck < 0.1:  # noqa: PLR2004 - one slip in ten finds no paper
                queue.settle(job, "held", "paper_out")
                return
            queue.begin(job)
            queue.settle(job, *(("unknown", "no_answer") if luck < 0.2 else ("confirmed", "")))  # noqa: PLR2004 - ditto
        elif self.paper.random() < 0.3:  # noqa: PLR2004 - now and then somebody looks at the parked ones
            self._tidy_up(slips.open_jobs(self.node))

    def _tidy_up(self, jobs: list[Job]) -> None:
        assert self.node is not None
        parked = [job for job in jobs if job.state == "unknown"]
        if parked and self.paper.random() < 0.5:  # noqa: PLR2004 - heads or tails
            slips.retry(self.node, parked[0].job_id)
        elif parked:
            slips.discard(self.node, parked[0].job_id, "not wanted")

    # -------------------------------------------------------------------------------------------------------- disasters

    def compact(self, work: Callable[[Node], object]) -> None:
        """Move what the hub has into archive files."""
        assert self.node is not None
        with contextlib.suppress(DiskRefused):
            work(self.node)

    def poison(self, lane: int) -> None:
        """Write a fact of a kind that no hub of today knows, as a newer version would."""
        node = self.node
        assert node is not None
        place, draft = node.place(), Draft(node.ids.uuid7(), lane, FUTURE_KIND, 1, NodeStarted(version="9", boot="9"))
        with contextlib.suppress(DiskRefused):
            node.db.write(lambda tx: journal.append(tx, place, self.identity, [draft]))

    def take_snapshot(self) -> None:
        """Copy the file, as a backup of a running node would; a file on the disk that forgets is not copied."""
        if not isinstance(self.disk, InlineDatabase):
            return
        copy = InlineDatabase()
        _copy(self.disk.raw, copy.raw)
        with copy.read() as reader:
            numbers = journal.counter(reader, "n")
        assert self.grant is not None
        self._drop_snapshot()
        self.snapshot = StoreSnapshot(copy, numbers, dict(self.confirmed), self.grant.epoch)

    def roll_back(self) -> bool:
        """Put the copy in place of the file of a dead node; False when that would change nothing of the facts."""
        assert not self.alive
        assert self.grant is not None
        if (
            self.snapshot is None
            or not isinstance(self.disk, InlineDatabase)
            or self.snapshot.epoch != self.grant.epoch
        ):
            return False
        with self.disk.read() as reader:
            if journal.counter(reader, "n") == self.snapshot.numbers:
                return False
        _copy(self.snapshot.disk.raw, self.disk.raw)
        self.confirmed = dict(self.snapshot.confirmed)
        self.pending = None
        self.rolled_back = True
        with self.disk.read() as reader:
            self.oracle.store_rolled_back(self.name, self.store, reader)
        self._drop_snapshot()
        return True

    def close(self) -> None:
        """Free the file."""
        self._drop_snapshot()
        self.disk.close()

    def _drop_snapshot(self) -> None:
        if self.snapshot is not None:
            self.snapshot.disk.close()
            self.snapshot = None


def new_disk() -> InlineDatabase:
    """Give a store's empty file in memory. The steps of the schema run once a process; every world copies what came of it."""
    made = InlineDatabase()
    _copy(_migrated().raw, made.raw)
    return made


@functools.cache
def _migrated() -> InlineDatabase:
    return migrate.inline(steps)


def _copy(source: Any, target: Any) -> None:  # noqa: ANN401 - the driver has no types
    source.backup(target)
