"""A node in this process: real SQLite file, manual clock, seeded chance, a small menu, a hub that only signs."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from flask.testing import FlaskClient

from edge.app import create_app
from edge.db import journal, staff
from edge.db.migrations import steps
from edge.db.staff import Cashier, Session
from edge.domain.device_rows import read_rows
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine, Catalogue
from edge.domain.roles import Role
from edge.services.care.status import Desk
from edge.services.copies.archive import Archives
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.money.settle_sale import SaleAnswer, SellCommand, Settled, read_answer, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.people import sign_in
from edge.services.people.sign_in import Shown
from edge.settings import EdgeSettings, StoreSettings
from edge.web.live import StreamSeats
from sync.contract import ids, messages
from sync.contract.envelope import MessageKind
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.messages import Ack
from sync.contract.words import Name
from sync.node import keys, migrate, sealing
from sync.node.archives import ArchiveFolder
from sync.node.database import Database, Reader, Row, Storage, Tx
from sync.node.passwords import Cost, Vault
from sync.node.ports import IdSource, ManualClock, SeededChance

T = TypeVar("T")

START_MS = 1_790_000_000_000
TENANT, STORE, EPOCH = "demo", "qingci", 1
PIN = "402817"
CASHIER = Cashier("c1", "收银员 1", Role.MANAGER)
"""Who works at a rig unless a test says otherwise: may do everything."""
AT_TILL_1 = Session("1", *CASHIER)
AT_TILL_2 = Session("2", *CASHIER)
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
COUNTER: dict[str, Any] = {"kind": "printer", "id": "counter", "address": "tcp://127.0.0.1:9100"}
"""The receipt printer that a rig has unless it is told otherwise, as a row of the settings."""


def name(en: str) -> Name:
    return Name(f"中文{en}", en)


MENU = Menu(
    currency="CNY",
    categories=(Category("hot", name("Hot")),),
    dishes=(
        Dish(id="d101", code="101", name=Name("宫保鸡丁", "Kung Pao chicken"), category="hot", price_fen=3_800,
             initials="gbjd", modifier_groups=("spice", "extra")),
        Dish(id="d102", code="102", name=Name("米饭", "Rice"), category="hot", price_fen=300, initials="mf"),
        Dish(id="d103", code="103", name=Name("豆浆", "Soy milk"), category="hot", price_fen=600, initials="dj",
             modifier_groups=("size",)),
        Dish(id="d104", code="104", name=Name("宴席", "Banquet"), category="hot", price_fen=10_000_000),
        Dish(id="d105", code="105", name=Name("茶水", "Water"), category="hot", price_fen=0),
    ),
    modifier_groups=(
        ModifierGroup("spice", name("Spice"), (ModifierOption("mild", name("Mild")), ModifierOption("hot", name("Hot")))),
        ModifierGroup("extra", name("Extra"), tuple(ModifierOption(f"x{n}", name(f"Extra {n}"), 100 * n)
                                                   for n in range(1, 4)), max=2),
        ModifierGroup("size", name("Size"), (ModifierOption("small", name("Small")),
                                             ModifierOption("large", name("Large"), 200)), min=1, max=1),
    ),
)  # fmt: skip

HUB = keys.make_identity(b"the hub's thirty-two bytes......")


def store_identity(seed: str = "node") -> keys.Identity:
    return keys.make_identity(hashlib.sha256(seed.encode()).digest())


def uuid7_hex(number: int) -> str:
    """The id that a till would make for its `number`-th sale."""
    return ids.uuid7(START_MS + number, hashlib.sha256(b"till %d" % number).digest()[:10]).hex()


def grant(store: str = STORE, epoch: int = EPOCH) -> Enrolment:
    return Enrolment(
        tenant=TENANT,
        store=store,
        epoch=epoch,
        node="0" * 32,
        hub_signing=base64.b64encode(HUB.public.signing).decode(),
        hub_agreement=base64.b64encode(HUB.public.agreement).decode(),
        name=Name("巷里小馆·青瓷巷店", "Lane Bistro Qingci"),
        broker=Broker(host="127.0.0.1", port=1, username=f"store-{store}-{epoch}", token="x"),
        public_url="http://127.0.0.1:8701",
    )


def basket(*lines: tuple[str, int]) -> tuple[BasketLine, ...]:
    return tuple(BasketLine(dish_id=dish_id, qty=qty) for dish_id, qty in lines)


def sell_command(number: int, lines: tuple[BasketLine, ...] | None = None, received_fen: int = 100_000) -> SellCommand:
    return SellCommand(
        sale_id=uuid7_hex(number),
        lines=basket(("d101", 2), ("d102", 1)) if lines is None else lines,
        tenders=(AskedTender(kind="cash", received_fen=received_fen),),
    )


def sell_body(number: int, **changes: Any) -> dict[str, Any]:
    """The same sale as the till's JSON."""
    body: dict[str, Any] = {
        "sale_id": uuid7_hex(number),
        "lines": [{"dish_id": "d101", "qty": 2}, {"dish_id": "d102", "qty": 1}],
        "tenders": [{"kind": "cash", "received_fen": 100_000}],
    }
    return {**body, **changes}


class Rig(AbstractContextManager["Rig"]):
    """A node on a folder, through any number of lives."""

    def __init__(
        self,
        folder: Path,
        *,
        store: str = STORE,
        enrolled: bool = True,
        seed: str = "node",
        devices: Sequence[dict[str, Any]] = (COUNTER,),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clock = ManualClock(START_MS)
        self.identity = store_identity(seed)
        self._chance = SeededChance(seed)
        self._ids = IdSource(self.clock, self._chance)
        self._grant = grant(store) if enrolled else None
        self.settings = EdgeSettings(
            data_dir=str(folder),
            # Without members: what a sale writes is counted by many; those who want them say so.
            store=StoreSettings(tills=("1", "2"), members=False),
            devices=devices,
        )
        self.start()
        if enrolled:
            import_menu.bring_into_force(self.node, MENU)

    def start(self) -> None:
        """Open the file and build the node, as `edge.wiring` does."""
        self.db = migrate.opened(self.folder / "node.db", steps)
        self.node = Node(
            settings=self.settings,
            db=self.db,
            clock=self.clock,
            chance=self._chance,
            ids=self._ids,
            identity=self.identity,
            enrolment=self._grant,
            vault=Vault(self.identity.journal, CHEAP),
            zone=ZoneInfo("Asia/Shanghai"),
            devices=read_rows(self.settings.devices, self.settings.store.tills),
            archives=Archives(ArchiveFolder(self.folder / "archive")),
        )
        self.node.recall()
        if (granted := self._grant) is not None:
            self.db.write(lambda tx: journal.open_epoch(tx, granted.store, granted.epoch))
        import_menu.load_in_force(self.node)

    def restart(self) -> None:
        """Close everything and start again on the same file."""
        self.db.close()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def sell(self, number: int, who: Session = AT_TILL_1, lines: tuple[BasketLine, ...] | None = None) -> SaleAnswer:
        """Settle a sale that must succeed."""
        settled = settle_sale(self.node, who, sell_command(number, lines))
        assert isinstance(settled, Settled), settled
        return read_answer(settled.answer)

    def over(self, db: Storage) -> Node:
        """The same node over another storage."""
        return replace(self.node, db=db)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self.db.read() as reader:
            return reader.execute(sql, parameters)

    def tables(self, *without: str) -> dict[str, list[Row]]:
        """Every row of every table: what must not change when something is refused."""
        with self.db.read() as reader:
            return tables(reader, *without)

    def add_cashier(self) -> None:
        self.add_person(CASHIER, PIN)

    def add_person(self, one: Cashier, pin: str) -> None:
        """Let somebody sign in, without a fact of it: numbers of facts begin with what the test does."""
        shown = Shown(staff.PIN, pin)
        hashed, bucket = self.node.vault.hash(pin), sign_in.bucket(self.node, shown)

        def work(tx: Tx) -> None:
            staff.put_newcomer(tx, one)
            staff.set_credential(tx, one.cashier_id, staff.PIN, bucket, hashed)

        self.db.write(work)

    def client(self, *, signed_in: bool = True, node: Node | None = None) -> FlaskClient:
        """A test client of the real app; at till 1 when it is signed in."""
        desk = Desk(node or self.node, link=lambda: None, devices=list)
        client = create_app(desk, StreamSeats(2)).test_client()
        if signed_in:
            if not self.rows("SELECT 1 FROM staff"):
                self.add_cashier()
            assert client.post("/api/v1/session", json={"pin": PIN, "till": "1"}).status_code == 200
        return client


def tables(reader: Reader, *without: str) -> dict[str, list[Row]]:
    names = [row[0] for row in reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    return {each: sorted(reader.execute(f'SELECT * FROM "{each}"'), key=repr) for each in names if each not in without}


class PowerCut(Exception):
    """The process ends here."""


@dataclass
class BreakingStorage:
    """Passes work on, and cuts the power before the statement numbered `at` (from 1) or, beyond the last, the commit."""

    inner: Database
    at: int
    statements: int = 0

    def write(self, work: Callable[[Tx], T]) -> T:
        def broken(tx: Tx) -> T:
            result = work(_BreakingTx(tx, self))
            self.statement()
            return result

        return self.inner.write(broken)

    def read(self) -> AbstractContextManager[Reader]:
        return self.inner.read()

    def statement(self) -> None:
        self.statements += 1
        if self.statements == self.at:
            raise PowerCut


@dataclass
class _BreakingTx:
    inner: Tx
    storage: BreakingStorage

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.storage.statement()
        return self.inner.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        self.storage.statement()
        self.inner.executemany(sql, parameters)


def hub_sealer(node: keys.Identity, store: str = STORE, epoch: int = EPOCH) -> sealing.Sealer:
    """The hub's pen for one store."""
    down = sealing.link_keys(HUB, node.public.agreement, tenant=TENANT, store=store, epoch=epoch).down
    return sealing.Sealer(HUB, down, sealing.Party(TENANT, store, "hub", epoch), SeededChance("hub"))


def acknowledge(rig: Rig, lane: int) -> int:
    """Let the hub acknowledge a whole lane, with its signature; gives the seq."""
    with rig.db.read() as reader:
        head = journal.heads(reader, EPOCH)[lane]
    word = Ack(
        session=b"s", lane=lane, seq=head.head_seq, chain=head.head_chain, credit=4, hub_ms=rig.clock.now_ms(), gap=None
    )
    proof = hub_sealer(rig.identity).seal(MessageKind.ACK, messages.encode(word))
    rig.db.write(lambda tx: journal.keep_ack(tx, EPOCH, lane, (head.head_seq, head.head_chain), proof))
    return head.head_seq


def catalogue() -> Catalogue:
    return Catalogue(msgspec.structs.replace(MENU, version=1))
