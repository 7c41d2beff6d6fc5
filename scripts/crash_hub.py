"""The hub's half of `crash`: real schema, real ingest and projector on a disk that forgets what was not synced.

A store sends its facts and hears acknowledgements. After a cut the hub opens what is left by its own driver. All that an ACK or a
WELCOME named must be there, byte by byte as the store has it, and nothing that the store never said. Then the store greets that
hub, sends what it lacks, and both are equal; the read models are those of the facts.
"""

import contextlib
import logging
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from cloud.db import engine as hub_engine
from cloud.db import journal, migrate, stores
from cloud.db.engine import HubDatabase
from cloud.db.stores import KeyRow, StoreRow
from cloud.services import verify
from cloud.services.ingest import Ingest
from cloud.services.project import Projector
from scripts import crash_dbapi
from scripts.bench_replace import NAME, STORE, Days
from scripts.bench_restore import NODE, Store
from scripts.crash_outcome import Outcome, places, scratch_parent
from scripts.crash_store import Sync
from scripts.crash_vfs import KEEPS, CrashVfs, Disk, Keep, Power
from sync.contract.messages import Ack, Welcome
from sync.node import keys, sealing
from sync.node.ports import ManualClock, SeededChance

FILE = "hub.db"
TENANT = "crash"
ZONE = ZoneInfo("Asia/Shanghai")
DEEDS = 40
FACTS_MAX = 60


class Promise(NamedTuple):
    """What the hub said when the record was `at` steps long: it holds this lane up to here."""

    at: int
    lane: int
    seq: int


@dataclass
class CrashHub:
    """A hub's life on a crash disk, and its one store, which forgets nothing; `promises` is what a cut must keep."""

    seed: str
    sync: Sync = "full"
    disk: Disk = field(default_factory=Disk)
    promises: list[Promise] = field(default_factory=list)
    lives: int = 0

    def __post_init__(self) -> None:
        """Make what outlives a process: keys, clock, the store."""
        self.clock = ManualClock()
        self.chance = random.Random(self.seed)
        self.identity = keys.make_identity(b"the hub's thirty-two bytes......")
        self.own = keys.make_identity(self.seed.encode().ljust(32, b"."))
        self.store = self.greeting_store("life")
        self.store.days = Days(self.clock.now_ms())

    def greeting_store(self, life: str) -> Store:
        """Give the store's end of a link; with each hub that comes back it seals under nonces of its own."""
        party = sealing.Party(TENANT, STORE, NODE, 1)
        link = sealing.link_keys(self.own, self.identity.public.agreement, tenant=TENANT, store=STORE, epoch=1)
        sealer = sealing.Sealer(self.own, link.up, party, SeededChance(f"{self.seed}/{life}"))
        return Store(sealer, sealing.Opener(self.identity.public.signing, link.down, party), TENANT, Days(0))

    def start(self) -> None:
        """Open the file, bring its schema up to date, and build the hub's ingest."""
        self.lives += 1
        name = f"crash-hub-{self.seed}-{self.lives}"
        self.vfs = CrashVfs(name, self.disk)
        self.database = open_on(name, self.sync)
        migrate.migrate(self.database)
        with self.database.write() as tx:
            if stores.store_by_id(tx, STORE) is None:
                public = self.own.public
                stores.put_store(tx, StoreRow(STORE, NAME.zh, NAME.en, 0, 1))
                stores.insert_key(tx, KeyRow(STORE, 1, public.key_id, NODE, public.signing, public.agreement, 1, None))
                stores.set_epoch(tx, STORE, 1)
        self.ingest, self.projector = hub_on(self.database, self.identity, self.clock, f"{self.seed}/{self.lives}")

    def stop(self) -> None:
        """Close the file; what the next life finds is on the disk."""
        self.database.close()
        self.vfs.unregister()

    def live(self, deeds: int) -> None:
        """Take facts in, some of them twice, let the read models follow, and start anew now and then."""
        held = {0: 0, 1: 0}
        for _ in range(deeds):
            self.clock.advance(self.chance.randint(1, 90_000))
            what = self.chance.random()
            if what < 0.65:  # noqa: PLR2004 - most of what a hub does is taking facts in
                self.store.happen(self.chance.randint(1, FACTS_MAX))
                # Some of it was sent before: an ack was lost.
                since = {lane: max(0, seq - self.chance.choice((0, 0, 0, 7))) for lane, seq in held.items()}
                self.hears(*self.store.batches(since))
                held = {lane: len(raws) for lane, raws in self.store.raws.items()}
            elif what < 0.8:  # noqa: PLR2004 - and telling the figures
                self.projector.run_once(self.chance.randint(20, 200))
            elif what < 0.95:  # noqa: PLR2004 - and being greeted
                self.hears(self.store.hello())
            else:
                self.stop()
                self.start()

    def hears(self, *arrived: tuple[str, bytes]) -> None:
        """Take a bunch in; what is answered is a promise."""
        for said in self.store.heard(self.ingest.receive(list(arrived))):
            self.promises += [Promise(len(self.disk.record), lane, seq) for lane, seq in named(said)]


def named(said: Ack | Welcome) -> list[tuple[int, int]]:
    """List what an answer says that the hub holds: lane and seq."""
    if isinstance(said, Ack):
        return [(said.lane, said.seq)]
    return [(lane, place.seq) for lane, place in said.lanes.items()]


def open_on(vfs: str, sync: Sync) -> HubDatabase:
    """Open the hub's engine on a crash disk, with its own pragmas but for what `sync` changes."""
    made = create_engine(
        "sqlite://",
        module=crash_dbapi,
        creator=lambda: crash_dbapi.connect(FILE, vfs),
        poolclass=StaticPool,
        hide_parameters=True,
    )
    event.listen(made, "connect", hub_engine._prepare)  # noqa: SLF001 - what is judged is the hub's own way to open a file
    event.listen(made, "connect", lambda raw, _record: _as_told(raw, sync))
    event.listen(made, "begin", hub_engine._begin)  # noqa: SLF001 - ditto
    return HubDatabase(made)


def _as_told(raw: crash_dbapi.Connection, sync: Sync) -> None:
    if sync != "full":
        raw.execute(f"PRAGMA synchronous={sync.upper()}")
    raw.checkpoint_often()


def hub_on(database: HubDatabase, identity: keys.Identity, clock: ManualClock, seed: str) -> tuple[Ingest, Projector]:
    """Build what takes facts in and what reads them."""
    return Ingest(database, identity, tenant=TENANT, clock=clock, chance=SeededChance(seed)), Projector(database, ZONE)


def run_life(life: tuple[str, int], sync: Sync = "full") -> Outcome:
    """Let a hub live once, and cut its power at so many points of that life.

    Args:
        life: its seed, and how many points.
        sync: how SQLite syncs.
    """
    seed, points = life
    logging.disable(logging.CRITICAL)
    hub = CrashHub(seed, sync)
    hub.start()
    hub.live(DEEDS)
    hub.stop()
    chance = random.Random(f"{seed}/cuts")
    return cut_at(hub, places(hub.disk.record, [promise.at for promise in hub.promises], points, chance), "cuts")


def cut_at(hub: CrashHub, cuts: list[int], luck: str) -> Outcome:
    """Cut the power at these points of a life that is over, in their order; gives what that came to."""
    chance = random.Random(f"{hub.seed}/{luck}/kept")
    record, outcome, power, followed = hub.disk.record, Outcome(hub.seed), Power(), 0
    with tempfile.TemporaryDirectory(dir=scratch_parent()) as folder:
        for at in cuts:
            power.follow(record[followed:at])
            followed = at
            keep = chance.choice(KEEPS)
            outcome.points += 1
            outcome.kept[keep] += 1
            outcome.steps[record[at - 1].kind] += 1
            for path in Path(folder).iterdir():
                path.unlink()
            for name, content in power.cut(keep, chance).items():
                (Path(folder) / name).write_bytes(content)
            judge(hub, Path(folder), at, keep, outcome)
    return outcome


def judge(hub: CrashHub, folder: Path, at: int, keep: Keep, outcome: Outcome) -> None:
    """Start the hub on what the cut left and hold it against what was promised by then."""
    where = f"hub, seed {hub.seed}, step {at}, {keep}"
    with contextlib.closing(hub_engine.open_engine(f"sqlite:///{folder / FILE}")) as database:
        try:
            migrate.migrate(database)
            _hold(hub, database, folder, _promised(hub, at), (outcome, where))
        except DBAPIError as error:
            outcome.corrupt += 1
            outcome.told.append(f"{where}: {error.orig}")


def _promised(hub: CrashHub, at: int) -> dict[int, int]:
    found = {0: 0, 1: 0}
    for promise in hub.promises:
        if promise.at <= at:
            found[promise.lane] = max(found[promise.lane], promise.seq)
    return found


def _hold(
    hub: CrashHub, database: HubDatabase, folder: Path, promised: dict[int, int], told: tuple[Outcome, str]
) -> None:
    outcome, where = told
    outcome.confirmed += sum(promised.values())
    with database.read() as reader:
        pages = reader.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
        there = {lane: list(_bytes_of(reader, lane)) for lane in promised}
        enrolled = stores.key_of(reader, STORE, 1) is not None
    if pages != "ok":
        outcome.corrupt += 1
        outcome.told.append(f"{where}: {pages}")
        return
    lost = sum(max(0, seq - len(there[lane])) for lane, seq in promised.items())
    foreign = sum(raws != hub.store.raws[lane][: len(raws)] for lane, raws in there.items())
    if lost or foreign:
        # A store may have dropped what it was told that the hub holds: nothing behind this can hold.
        outcome.lost += lost
        outcome.corrupt += foreign
        outcome.told.append(f"{where}: {lost} acknowledged facts are gone, {foreign} lanes are not the store's")
        return
    if enrolled:
        _go_on(hub, database, folder, told)


def _bytes_of(reader: hub_engine.Reader, lane: int) -> Iterator[bytes]:
    """Give a lane's facts as far as its row and its chain reach; a fact beyond them was never there."""
    row = journal.lane_of(reader, STORE, 1, lane)
    if row is None:
        return
    bad_seq = verify.first_bad_seq(reader, row)
    last = row.seq if bad_seq is None else bad_seq - 1
    yield from (bytes(raw) for seq, raw, _ in journal.walk_lane(reader, STORE, 1, lane) if seq <= last)


def _go_on(hub: CrashHub, database: HubDatabase, folder: Path, told: tuple[Outcome, str]) -> None:
    """Let the store greet the hub and send what it lacks: then both are equal, and the figures are those of the facts."""
    outcome, where = told
    store = hub.greeting_store(where)
    store.raws, store.chains = hub.store.raws, hub.store.chains
    ingest, projector = hub_on(database, hub.identity, hub.clock, where)
    welcomes = store.heard(ingest.receive([store.hello()]))
    if not welcomes:
        outcome.corrupt += 1
        outcome.told.append(f"{where}: the store is not welcome any more")
        return
    for message in store.batches(dict(named(welcomes[0]))):
        ingest.receive([message])
    projector.catch_up()
    with database.read() as reader:
        count = journal.count_facts(reader)
    report = verify.verify(database, ZONE, folder)
    wanted = sum(len(raws) for raws in store.raws.values())
    if count != wanted:
        outcome.doubled += max(0, count - wanted)
        outcome.lost += max(0, wanted - count)
        outcome.told.append(f"{where}: the hub has {count} facts of {wanted} in the end")
    if not report.ok:
        outcome.corrupt += 1
        outcome.told.append(f"{where}: {report.as_json()}")
