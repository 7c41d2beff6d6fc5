"""A store of the simulated world: the real node's services on a file in memory, through any number of lives."""

import base64
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from cloud.services.enrol import Enrolled, EnrolRequest
from edge.db import journal
from edge.db.journal import Draft
from edge.db.migrations import steps
from edge.db.print_jobs import Job
from edge.db.staff import Session
from edge.domain.device_rows import read_rows
from edge.domain.payment import CashTender
from edge.domain.pricing import BasketLine
from edge.services import import_menu, slips, spool
from edge.services.enrolment import Broker, Enrolment
from edge.services.node import VERSION, Node
from edge.services.outbox import NodeOutbox
from edge.services.settle_sale import SellCommand, Settled, settle_sale
from edge.services.spool import NodeSpool
from edge.settings import EdgeSettings, StoreSettings
from scripts.sim_faults import Doom, MortalStorage
from scripts.sim_oracles import Oracle, WatchedLine, WatchedOpener, WatchedOutbox, WatchedSealer
from sync.contract import ids, operations, topics
from sync.contract.facts import genesis
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.operations import NodeStarted
from sync.contract.words import Name
from sync.engine.memory import FaultPlan, MemoryBroker, MemoryTransport
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.transport import Will
from sync.engine.uplink import Phase
from sync.node import keys, migrate, sealing
from sync.node.database import InlineDatabase
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
LinkMaker = Callable[..., StoreLink]


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
        self.disk = migrate.inline(steps)
        self.identity = keys.make_identity(hashlib.sha256(f"{self.seed}/{self.store}/keys".encode()).digest())
        self.trade = random.Random(f"{self.seed}/{self.store}/trade")
        self.paper = random.Random(f"{self.seed}/{self.store}/paper")
        self.pending: SellCommand | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.node is not None

    # ---------------------------------------------------------------------------------------------------- enrolment

    def request(self, code: str) -> EnrolRequest:
        """Give what the node sends with its one-time code."""
        public = self.identity.public
        return EnrolRequest(
            store=self.store,
            code=code,
            node=f"node-of-{self.store}",
            signing_public=base64.b64encode(public.signing).decode(),
            agreement_public=base64.b64encode(public.agreement).decode(),
        )

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
        chance = SeededChance(f"{self.seed}/{self.store}/{self.lives}")
        storage = MortalStorage(self.disk, self.doom, self._note_commits)
        node = Node(
            settings=EdgeSettings(data_dir=".", devices=DEVICES),
            db=storage,
            clock=self.clock,
            chance=chance,
            ids=IdSource(self.clock, chance),
            identity=self.identity,
            enrolment=grant,
            vault=Vault(self.identity.journal, CHEAP),
            zone=ZONE,
            devices=read_rows(DEVICES, StoreSettings().tills),
        )
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
        party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
        link_keys = sealing.link_keys(
            self.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=grant.epoch
        )
        names = topics.of_store(grant.tenant, grant.store)
        will = Will(names.state, genesis(grant.store, grant.epoch, 1))
        self.transport = self.broker.transport(
            f"{grant.store}-node", (names.welcome, names.ack, names.data, topics.doorbell(grant.tenant)), will=will
        )
        self.transport.up.plan, self.transport.down.plan = self.plans
        opener = WatchedOpener(grant.hub_signing_key, link_keys.down, party, oracle=self.oracle)
        self.link = self.make_link(
            identity=LinkIdentity(party, boot, VERSION, grant.hub_signing_key),
            sealer=WatchedSealer(self.identity, link_keys.up, party, chance, oracle=self.oracle),
            opener=opener,
            outbox=WatchedOutbox(NodeOutbox(node), opener, party, self.oracle),
            transport=WatchedLine(self.transport, self.doom, self.oracle, self.store),
            clock=node.clock,
            chance=chance,
        )
        self.transport.start()

    def die(self) -> None:
        """End as SIGKILL does: the file stays, nothing else."""
        self.doom.disarm()
        if self.transport is not None:
            self.transport.crash()
        self.node = self.link = self.transport = None

    def _note_commits(self) -> None:
        assert self.grant is not None
        with self.disk.read() as reader:
            self.oracle.store_committed(self.store, reader)

    # ---------------------------------------------------------------------------------------------------------- deeds

    def tick(self) -> None:
        """Let the link work once."""
        assert self.link is not None
        self.link.tick(0.0)
        status = self.link.status
        self.refused_as = status.refusal if status.phase is Phase.REFUSED else ""

    def sell(self) -> None:
        """Submit a sale, or again the one that was never answered, as a till does under the same sale id."""
        assert self.node is not None
        if self.pending is None:
            self.pending = self._command()
        settled = settle_sale(self.node, TILLS[self.sold % 2], self.pending)
        assert isinstance(settled, Settled), settled
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
            tenders=(CashTender(kind="cash", received_fen=50_000),),
        )

    def print_one(self) -> None:
        """Let the printer take a slip, with some bad luck, and a person deal with what is parked."""
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

    def take_snapshot(self) -> None:
        """Copy the file, as a backup of a running node would."""
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
        if self.snapshot is None or self.snapshot.epoch != self.grant.epoch:
            return False
        with self.disk.read() as reader:
            if journal.counter(reader, "n") == self.snapshot.numbers:
                return False
        _copy(self.snapshot.disk.raw, self.disk.raw)
        self.confirmed = dict(self.snapshot.confirmed)
        self.pending = None
        self.rolled_back = True
        with self.disk.read() as reader:
            self.oracle.store_rolled_back(self.store, reader)
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


def _copy(source: Any, target: Any) -> None:  # noqa: ANN401 - the driver has no types
    source.backup(target)
