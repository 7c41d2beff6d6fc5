"""A node on the disk of `crash_vfs`: the real schema and the real use cases over apsw behind the `Tx` port (DESIGN §3)."""

import base64
import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import apsw

from edge.db import journal
from edge.db.migrations import steps
from edge.db.staff import Session
from edge.domain.device_rows import read_rows
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.printing import slips
from edge.services.printing.spool import NodeSpool
from edge.settings import EdgeSettings, StoreSettings
from scripts.crash_vfs import CrashVfs, Disk
from scripts.sim_store import CHEAP, DEVICES, MENU, TILLS, ZONE
from sync.contract import ids
from sync.contract.words import Name
from sync.node import keys, migrate
from sync.node.database import Reader, Row, Storage, Tx
from sync.node.passwords import Vault
from sync.node.ports import IdSource, ManualClock, SeededChance

T = TypeVar("T")

Sync = Literal["full", "normal"]
FILE = "node.db"
STORE, EPOCH = "qingci", 1
CHECKPOINT_PAGES = 60
"""A small log, so that a short life has many checkpoints: they are where a cut is hardest."""


class ApswRaw:
    """An apsw connection in the shape of Python's usual driver, as far as sqlite-utils and our schema steps need it."""

    isolation_level = None

    def __init__(self, connection: apsw.Connection) -> None:
        """Wrap an open connection."""
        self.connection = connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self.connection.in_transaction

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> "ApswCursor":
        """Run a statement to its end."""
        return ApswCursor(self.connection, sql, parameters)

    def close(self) -> None:
        """Close it."""
        self.connection.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else sqlite-utils asks for
        """Ask the connection itself."""
        return getattr(self.connection, name)


class ApswCursor:
    """The rows of one statement, all fetched."""

    def __init__(self, connection: apsw.Connection, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> None:
        """Run it."""
        cursor = connection.cursor()
        cursor.execute(sql, parameters)
        try:
            self.description = cursor.description
        except apsw.ExecutionCompleteError:
            self.description = ()
        self._rows = iter(cursor.fetchall())
        self.rowcount = connection.changes()
        self.lastrowid = connection.last_insert_rowid()

    def fetchall(self) -> list[Row]:
        """Give the rows that are left."""
        return list(self._rows)

    def fetchone(self) -> Row | None:
        """Give the next row."""
        return next(self._rows, None)

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        return self._rows


@dataclass(frozen=True)
class ApswTx:
    """The port of plain SQL over apsw."""

    connection: apsw.Connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and give its rows."""
        return list(self.connection.execute(sql, tuple(parameters)))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each set of parameters."""
        self.connection.executemany(sql, (tuple(each) for each in parameters))


class ApswStorage:
    """`sync.node.database.Storage` on a crash disk: one connection, which holds the file alone."""

    def __init__(self, disk: Disk, name: str, sync: Sync, on_commit: Callable[["ApswStorage"], None]) -> None:
        """Open the file with the pragmas of `sync.node.database.connect`, but for what `sync` changes."""
        self._vfs = CrashVfs(name, disk)
        self._on_commit = on_commit
        self.connection = apsw.Connection(FILE, vfs=name)
        self.tx: Tx = ApswTx(self.connection)
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            f"synchronous={sync.upper()}",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            self.connection.execute(f"PRAGMA {pragma}")
        # SQLite's own checkpoint after a commit passes over its faults; through this driver they would end the commit that is done.
        self.connection.set_wal_hook(self._checkpoint)

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run work in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.tx)
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        self._on_commit(self)
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        """Lend the connection."""
        yield self.tx

    def close(self) -> None:
        """Close it, as a node that is stopped does."""
        self.connection.close()
        self._vfs.unregister()

    def _checkpoint(self, _connection: apsw.Connection, name: str, pages: int) -> int:
        if pages >= CHECKPOINT_PAGES:
            with contextlib.suppress(apsw.Error):
                self.connection.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK

    def abandon(self) -> None:
        """Drop it, as a node that dies does."""
        with contextlib.suppress(apsw.Error):
            self.connection.close()
        self._vfs.unregister()


@dataclass(frozen=True)
class Promise:
    """What was confirmed to somebody when the record was `at` steps long: a sale, or the commit number `n`."""

    at: int
    sale_id: str
    n: int


@dataclass
class CrashStore:
    """One store's life on a crash disk; `promises` is what a cut must keep."""

    seed: str
    sync: Sync = "full"
    disk: Disk = field(default_factory=Disk)
    promises: list[Promise] = field(default_factory=list)
    sold: int = 0
    lives: int = 0

    def __post_init__(self) -> None:
        """Make what outlives a process: keys, clock, chance."""
        self.identity = keys.make_identity(self.seed.encode().ljust(32, b"."))
        self.clock = ManualClock()
        self.chance = random.Random(self.seed)
        self.commands: dict[str, SellCommand] = {}
        self.opened: ApswStorage | None = None

    def start(self) -> None:
        """Open the file, bring its schema up to date, and build the node, as `edge.wiring` does."""
        self.lives += 1
        self.opened = None
        self.opened = ApswStorage(self.disk, f"crash-{self.seed}-{self.lives}", self.sync, self._committed)
        migrate.apply(ApswRaw(self.storage.connection), steps)
        self.node = node_on(self.storage, self.identity, self.clock, f"{self.seed}/{self.lives}")
        import_menu.bring_into_force(self.node, MENU)

    def forget(self) -> None:
        """Drop what a start that failed had open, as the end of the process does."""
        if self.opened is not None:
            self.opened.abandon()

    @property
    def storage(self) -> ApswStorage:
        """The file of this life."""
        assert self.opened is not None
        return self.opened

    def live(self, deeds: int) -> None:
        """Sell, print and mend slips for a while, with a restart in between now and then."""
        for _ in range(deeds):
            self.clock.advance(self.chance.randint(1, 90_000))
            what = self.chance.random()
            if what < 0.6:  # noqa: PLR2004 - most of what a till does is selling
                self.sell()
            elif what < 0.97:  # noqa: PLR2004 - and printing
                self.print_one()
            else:
                self.storage.close()
                self.start()

    def sell(self) -> None:
        """Settle a sale; that it was confirmed is a promise."""
        self.sold += 1
        command = a_sale(self.sold, self.clock.now_ms(), self.chance)
        self.commands[command.sale_id] = command
        settled = settle_sale(self.node, self._till(), command)
        assert isinstance(settled, Settled), settled
        self.promises.append(Promise(len(self.disk.record), command.sale_id, 0))

    def print_one(self) -> None:
        """Let the oldest slip be printed, or fail; sometimes a person sends a parked one again."""
        queue = NodeSpool(self.node)
        job = queue.next_job()
        if job is None:
            parked = [one for one in slips.open_jobs(self.node) if one.state == "unknown"]
            if parked:
                slips.retry(self.node, parked[0].job_id)
            return
        queue.begin(job)
        queue.settle(job, *(("confirmed", "") if self.chance.random() < 0.8 else ("unknown", "no_answer")))  # noqa: PLR2004

    def _till(self) -> Session:
        return TILLS[self.sold % 2]

    def _committed(self, storage: ApswStorage) -> None:
        tables = storage.tx.execute("SELECT 1 FROM sqlite_schema WHERE name = 'counters'")
        n = journal.counter(storage.tx, "n") if tables else 0
        self.promises.append(Promise(len(self.disk.record), "", n))


def a_sale(number: int, now_ms: int, chance: random.Random) -> SellCommand:
    """Make a basket."""
    lines = tuple(
        BasketLine(dish_id=dish_id, qty=chance.randint(1, 4))
        for dish_id in chance.sample(["d1", "d2", "d3"], chance.randint(1, 3))
    )
    return SellCommand(
        sale_id=ids.uuid7(now_ms, number.to_bytes(2, "big") + chance.randbytes(8)).hex(),
        lines=lines,
        tenders=(AskedTender(kind="cash", received_fen=50_000),),
    )


def node_on(storage: Storage, identity: keys.Identity, clock: ManualClock, seed: str) -> Node:
    """Build an enrolled node over a storage, its lanes open and the menu that it holds in force."""
    chance = SeededChance(seed)
    hub = keys.make_identity(b"the hub's thirty-two bytes......")
    node = Node(
        settings=EdgeSettings(data_dir=".", devices=DEVICES),
        db=storage,
        clock=clock,
        chance=chance,
        ids=IdSource(clock, chance),
        identity=identity,
        enrolment=grant_of(hub),
        vault=Vault(identity.journal, CHEAP),
        zone=ZONE,
        devices=read_rows(DEVICES, StoreSettings().tills),
    )
    storage.write(lambda tx: journal.open_epoch(tx, STORE, EPOCH))
    import_menu.load_in_force(node)
    return node


def grant_of(hub: keys.Identity) -> Enrolment:
    """Give what a hub of these keys grants the store."""
    return Enrolment(
        tenant="crash",
        store=STORE,
        epoch=EPOCH,
        node="0" * 32,
        hub_signing=base64.b64encode(hub.public.signing).decode(),
        hub_agreement=base64.b64encode(hub.public.agreement).decode(),
        name=Name("青瓷巷店", "Celadon Lane"),
        broker=Broker(host="127.0.0.1", port=1, username="store", token="x"),  # noqa: S106 - nobody is asked for it
        public_url="http://127.0.0.1:8701",
    )
