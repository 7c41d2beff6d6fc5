"""Backups of the hub on both databases: what comes back, from when, and that the stores fill in the rest (§12 number 32)."""

import queue
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from cloud.db import backup as data
from cloud.db import journal, migrate, schema
from cloud.db.engine import HubDatabase, open_engine
from cloud.services import backup, restore, verify
from cloud.services.backup import Backups
from cloud.settings import BackupSettings, BrokerSettings, HubSettings, ListenSettings
from edge.db import journal as edge_journal
from edge.services.hub.outbox import NodeOutbox
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.transport import LinkState, Message
from sync.engine.uplink import Pace
from sync.node import keys, sealing
from sync.node.ports import ManualClock, SeededChance
from sync.node.snapshots import Keyring, SnapshotError
from tests.kit.hub_store import NAME, TENANT, HubKit, StoreKit, request
from tests.kit.nodes import HUB, Rig

MINUTE_MS, DAY_MS = 60_000, 86_400_000


@dataclass
class Kept:
    """A hub with backups in a folder apart."""

    hub: HubKit
    made: Backups
    stores: dict[str, StoreKit] = field(default_factory=dict)

    @property
    def clock(self) -> ManualClock:
        clock: ManualClock = self.hub.clock
        return clock


def settings_of(folder: Path, url: str, **changes) -> HubSettings:
    return HubSettings(
        data_dir=str(folder),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
        database="sqlite" if url.startswith("sqlite") else url,
        backup=BackupSettings(folder=str(folder.parent / "apart"), **changes),
    )


@pytest.fixture
def kept(tmp_path) -> Iterator[Kept]:
    """A hub on SQLite, for what no database has a part in."""
    folder = tmp_path / "hub"
    folder.mkdir()
    settings = settings_of(folder, "sqlite")
    with closing(open_engine(settings.database_url)) as database:
        migrate.migrate(database)
        hub = HubKit(database, folder, identity=HUB)
        yield Kept(hub, Backups(database, settings, HUB, hub.clock, SeededChance("backup")))


@pytest.fixture
def kept_on_both(hub_database: HubDatabase, hub_url: str, tmp_path) -> Kept:
    folder = tmp_path / "hub"
    folder.mkdir()
    hub = HubKit(hub_database, folder, identity=HUB)
    made = Backups(hub_database, settings_of(folder, hub_url), HUB, hub.clock, SeededChance("backup"))
    return Kept(hub, made)


@pytest.fixture
def blank(tmp_path) -> Iterator[HubDatabase]:
    with closing(open_engine(f"sqlite:///{tmp_path / 'blank.db'}")) as database:
        yield database


@pytest.fixture
def blank_on_both(request: pytest.FixtureRequest, hub_url: str, tmp_path) -> Iterator[HubDatabase]:
    """An empty database of the same kind as the hub's."""
    if hub_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'blank.db'}"
    else:
        cluster = request.getfixturevalue("postgres")
        url = cluster.url(cluster.make_database())
    with closing(open_engine(url)) as database:
        yield database


def sold(kept: Kept, count: int, store: str = "s1"):
    """Let a store sell and send."""
    if store not in kept.stores:
        kept.stores[store] = kept.hub.enrolled(store, seed=store.encode())
    kit = kept.stores[store]
    before = {lane: len(raws) for lane, raws in kit.lanes.items()}
    for _ in range(count):
        kit.printed(kit.sell().sale_id)
    kit.send(*[kit.batch(before[lane] + 1, len(raws), lane) for lane, raws in kit.lanes.items()])
    kept.hub.projector.catch_up()
    return kit


def rows(database: HubDatabase, *without: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that a backup brings back, read models included."""
    found = {}
    with database.read() as reader:
        for table in schema.metadata.sorted_tables:
            if table.name not in {*schema.NOT_BACKED_UP, "drills", "lane_marks", *without} - {"facts"}:
                found[table.name] = sorted((tuple(row) for row in reader.rows(table.select())), key=repr)
    return found


def put_back(kept: Kept, database: HubDatabase, at_ms: int | None = None) -> int:
    moment = restore.choose(kept.made.folder, at_ms)
    _, count = restore.restore_into(database, moment, Keyring(HUB, SeededChance("x")), kept.made.settings)
    return count


def test_everything_comes_back_to_the_row(kept_on_both: Kept, blank_on_both: HubDatabase, tmp_path):
    sold(kept_on_both, 5)
    sold(kept_on_both, 3, store="s2")
    kept_on_both.made.make()
    assert put_back(kept_on_both, blank_on_both) == 8 * 3
    assert rows(blank_on_both) == rows(kept_on_both.hub.database)
    assert verify.verify(blank_on_both, kept_on_both.hub.zone, tmp_path).ok


def test_a_backup_of_one_database_goes_into_the_other(kept_on_both: Kept, hub_url: str, tmp_path, request):
    sold(kept_on_both, 4)
    kept_on_both.made.make()
    if hub_url.startswith("sqlite"):
        cluster = request.getfixturevalue("postgres")
        url = cluster.url(cluster.make_database())
    else:
        url = f"sqlite:///{tmp_path / 'other.db'}"
    with closing(open_engine(url)) as other:
        put_back(kept_on_both, other)
        assert rows(other) == rows(kept_on_both.hub.database)


def test_the_second_backup_holds_only_what_is_new_and_the_first_moment_can_be_gone_back_to(
    kept_on_both: Kept, blank_on_both: HubDatabase
):
    sold(kept_on_both, 4)
    first = kept_on_both.made.make()
    then = rows(kept_on_both.hub.database, "presence", "quarantine")
    kept_on_both.clock.advance(2 * MINUTE_MS)
    sold(kept_on_both, 2)
    second = kept_on_both.made.make()
    assert (first.facts, second.facts) == (12, 6)
    assert second.size < first.size + 4_096
    assert put_back(kept_on_both, blank_on_both, at_ms=kept_on_both.clock.now_ms() - MINUTE_MS) == 12
    assert rows(blank_on_both, "presence", "quarantine") == then


def test_without_news_a_backup_writes_no_facts_again(kept: Kept):
    sold(kept, 4)
    kept.made.make()
    kept.clock.advance(MINUTE_MS)
    assert kept.made.make().facts == 0
    [line] = backup.lines(kept.made.folder)
    assert [(one.after, one.upto) for one in backup.segments(line)] == [(0, 12)]


def test_before_the_first_backup_there_is_nothing_to_go_back_to(kept: Kept):
    with pytest.raises(SnapshotError, match="holds no backup"):
        restore.choose(kept.made.folder, None)
    kept.made.make()
    with pytest.raises(SnapshotError, match="that old"):
        restore.choose(kept.made.folder, 1)


@pytest.mark.parametrize("pattern", ["facts-*", "state-*"])
def test_a_flipped_byte_in_any_file_is_refused(kept: Kept, blank: HubDatabase, pattern):
    sold(kept, 4)
    kept.made.make()
    [path] = kept.made.folder.glob(f"*/{pattern}")
    raw = bytearray(path.read_bytes())
    raw[-100] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SnapshotError, match="damaged"):
        put_back(kept, blank)


def test_a_missing_file_of_facts_is_noticed(kept: Kept, blank: HubDatabase):
    for _ in range(3):
        sold(kept, 1)
        kept.made.make()
        kept.clock.advance(MINUTE_MS)
    sorted(kept.made.folder.glob("*/facts-*"))[1].unlink()
    with pytest.raises(SnapshotError, match="lacks the facts"):
        put_back(kept, blank)


def test_another_hubs_key_opens_nothing(kept: Kept, blank: HubDatabase):
    sold(kept, 1)
    kept.made.make()
    stranger = Keyring(keys.make_identity(b"stranger" * 4), SeededChance("x"))
    with pytest.raises(SnapshotError, match="another key file"):
        restore.restore_into(blank, restore.choose(kept.made.folder, None), stranger, kept.made.settings)


def test_nothing_that_was_sold_and_no_key_lies_open_in_a_backup(kept: Kept):
    (kept.hub.folder / "api-token.txt").write_text("a-secret-token\n")
    sold(kept, 3)
    kept.made.make()
    for path in kept.made.folder.glob("*/*"):
        content = path.read_bytes()
        assert not any(word in content for word in (b"sale.paid", b"Kung Pao", b"a-secret-token", b"Celadon"))


def test_a_database_with_something_in_it_is_not_restored_over(kept: Kept):
    sold(kept, 1)
    kept.made.make()
    with pytest.raises(SnapshotError, match="not empty"):
        put_back(kept, kept.hub.database)


def test_only_a_backup_apart_makes_facts_durable(kept_on_both: Kept):
    sold(kept_on_both, 2)
    kept_on_both.made.make(to=kept_on_both.hub.folder / "backups")
    with kept_on_both.hub.database.read() as reader:
        assert data.durable_seqs(reader) == {}
    kept_on_both.made.make()
    sold(kept_on_both, 2)
    with kept_on_both.hub.database.read() as reader:
        assert data.durable_seqs(reader) == {("s1", 1, 0): 4, ("s1", 1, 1): 2}


def test_a_backup_that_cannot_be_written_stops_nothing_and_leaves_the_last_one_good(
    kept: Kept, blank: HubDatabase, tmp_path
):
    sold(kept, 2)
    kept.made.make()
    (tmp_path / "a file").write_text("")
    broken = replace(
        kept.made,
        settings=msgspec.structs.replace(kept.made.settings, backup=BackupSettings(folder=str(tmp_path / "a file"))),
    )
    assert not broken.make_quietly()
    put_back(kept, blank)


def test_a_restored_hub_begins_a_line_of_its_own(kept: Kept, blank: HubDatabase):
    sold(kept, 2)
    kept.made.make()
    put_back(kept, blank)
    kept.clock.advance(MINUTE_MS)
    again = replace(kept.made, database=blank)
    assert again.make().facts == 6
    assert len(backup.lines(kept.made.folder)) == 2


def test_states_thin_out_and_the_newest_always_stays():
    now = 1_790_000_000_000
    times = sorted(now - minute * MINUTE_MS * 10 for minute in range(6 * 24 * 60))
    stay = backup.kept_moments(times, now, 35)
    assert {at for at in times if at >= now - 2 * DAY_MS} <= stay
    assert len([at for at in stay if now - 14 * DAY_MS < at < now - 3 * DAY_MS]) in {264, 263, 265}
    assert min(stay) >= now - 35 * DAY_MS
    assert backup.kept_moments([now - 90 * DAY_MS], now, 35) == {now - 90 * DAY_MS}


# ----------------------------------------------------------------------------------------------------- the command


def test_on_sqlite_the_restored_file_takes_the_place_and_the_old_one_is_kept(tmp_path):
    folder = tmp_path / "hub"
    folder.mkdir()
    settings = settings_of(folder, "sqlite")
    database = open_engine(settings.database_url)
    migrate.migrate(database)
    hub = HubKit(database, folder, identity=HUB)
    kept = Kept(hub, Backups(database, settings, HUB, hub.clock, SeededChance("b")))
    sold(kept, 3)
    (folder / "api-token.txt").write_text("token\n")
    kept.made.make()
    then = rows(database)
    sold(kept, 2)
    database.close()
    (folder / "api-token.txt").unlink()
    (folder / "hub.db").chmod(0o644)
    done = restore.restore(settings, HUB, kept.made.folder, None, (hub.clock, SeededChance("r")))
    with closing(open_engine(settings.database_url)) as again:
        back = rows(again)
        told = back.pop("audit")
        assert (told[:-1], told[-1][2:4]) == (then.pop("audit"), ("cli", "hub.restored"))
        assert (back.pop("audit_head")[0][1], then.pop("audit_head")[0][1]) == (len(told), len(told) - 1)
        assert (done.facts, back) == (9, then)
    aside = list(folder.glob("hub.db.before-*"))
    assert aside
    assert {stat.S_IMODE(one.stat().st_mode) for one in (folder / "hub.db", *aside)} == {0o600}
    assert (folder / "api-token.txt").read_text() == "token\n"
    assert not list(folder.glob("hub.restoring*"))


def test_a_restore_that_fails_leaves_the_hub_as_it_was(tmp_path):
    folder = tmp_path / "hub"
    folder.mkdir()
    settings = settings_of(folder, "sqlite")
    database = open_engine(settings.database_url)
    migrate.migrate(database)
    hub = HubKit(database, folder, identity=HUB)
    kept = Kept(hub, Backups(database, settings, HUB, hub.clock, SeededChance("b")))
    sold(kept, 3)
    kept.made.make()
    then = rows(database)
    database.close()
    [path] = kept.made.folder.glob("*/facts-*")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(SnapshotError):
        restore.restore(settings, HUB, kept.made.folder, None, (hub.clock, SeededChance("r")))
    with closing(open_engine(settings.database_url)) as again:
        assert rows(again) == then
    assert not list(folder.glob("hub.restoring*"))


# ----------------------------------------------------------------------------------------------------------- drill


def test_a_drill_of_a_sound_hub_holds_and_is_signed(kept_on_both: Kept):
    sold(kept_on_both, 6)
    kept_on_both.made.make()
    sold(kept_on_both, 2)
    kept_on_both.clock.advance(MINUTE_MS)
    record = restore.drill(kept_on_both.made)
    assert record.ok, record.checks
    assert (record.facts, record.rpo_ms) == (18, MINUTE_MS)
    with kept_on_both.hub.database.read() as reader:
        row = data.newest_drill(reader)
    assert row is not None
    assert restore.proven(row, HUB.public.signing)
    assert not restore.proven(msgspec.structs.replace(row, record=row.record + b" "), HUB.public.signing)
    assert list(kept_on_both.hub.folder.glob("drill-*")) == []


TAMPERINGS = {
    "bytes": "UPDATE facts SET raw = {bytes} WHERE ingest_id = 2",
    "chain": "UPDATE facts SET chain = {bytes} WHERE lane = 0 AND seq = 12",
    "a fact gone": "DELETE FROM facts WHERE ingest_id = 18",
    "a total": "UPDATE sales SET total_fen = total_fen + 1 WHERE seq = 1",
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_drill_against_a_tampered_live_database_fails(kept_on_both: Kept, what):
    sold(kept_on_both, 6)
    kept_on_both.made.make()
    on_sqlite = kept_on_both.hub.database.engine.dialect.name == "sqlite"
    with kept_on_both.hub.database.write() as tx:
        run = tx.connection.exec_driver_sql
        if on_sqlite:
            run("DROP TRIGGER facts_no_update")
            run("DROP TRIGGER facts_no_delete")
        else:
            run("ALTER TABLE facts DISABLE TRIGGER USER")
        run(TAMPERINGS[what].format(bytes="x'00'" if on_sqlite else "'\\x00'"))
    record = restore.drill(kept_on_both.made)
    assert not record.ok


def test_a_drill_on_a_damaged_backup_fails_and_says_so(kept: Kept):
    sold(kept, 2)
    kept.made.make()
    [path] = kept.made.folder.glob("*/facts-*")
    path.write_bytes(path.read_bytes()[:-1])
    record = restore.drill(kept.made)
    assert [(check.name, check.ok) for check in record.checks] == [("backup", False)]


# --------------------------------------------------------------------------------------- a hub that was put back


class Direct:
    """A wire without a broker: what the store sends is taken in at once, what the hub answers waits in the inbox."""

    def __init__(self, hub: HubKit) -> None:
        self.hub = hub
        self.inbox: queue.SimpleQueue[Message | LinkState] = queue.SimpleQueue()
        self.connected = False

    def start(self) -> None:
        self.connected = True
        self.inbox.put(LinkState.UP)

    def stop(self) -> None:
        self.connected = False

    def cut(self, hub: HubKit) -> None:
        """Lose the line, and come up to another hub."""
        self.inbox.put(LinkState.DOWN)
        self.hub = hub
        self.inbox.put(LinkState.UP)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        for answered, wire in self.hub.ingest.receive([(topic, payload)]):
            self.inbox.put(Message(answered, wire, retained=False))
        return True

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        try:
            return self.inbox.get_nowait()
        except queue.Empty:
            return None


def test_a_hub_that_was_put_back_gets_from_its_stores_what_it_lost(
    kept_on_both: Kept, blank_on_both: HubDatabase, tmp_path
):
    with Rig(tmp_path / "node", store="s9") as rig:
        grant = rig.node.enrolment
        assert grant is not None
        code = kept_on_both.hub.enrolment.make_code("s9", NAME).code
        kept_on_both.hub.enrolment.redeem(request("s9", code, rig.identity, node=grant.node))
        rig.node = replace(rig.node, enrolment=msgspec.structs.replace(grant, tenant=TENANT))
        party = sealing.Party(TENANT, "s9", grant.node, grant.epoch)
        link_keys = sealing.link_keys(rig.identity, HUB.public.agreement, tenant=TENANT, store="s9", epoch=grant.epoch)
        wire = Direct(kept_on_both.hub)
        clock = ManualClock()
        link = StoreLink(
            identity=LinkIdentity(party, "boot", "test", HUB.public.signing),
            sealer=sealing.Sealer(rig.identity, link_keys.up, party, SeededChance("up")),
            opener=sealing.Opener(HUB.public.signing, link_keys.down, party),
            outbox=NodeOutbox(rig.node),
            transport=wire,
            clock=clock,
            chance=SeededChance("link"),
            pace=Pace(linger_ms=(0, 0)),
        )

        def until_all_is_acknowledged() -> None:
            for _ in range(600):
                clock.advance(500)
                link.tick(0.0)
                with rig.db.read() as reader:
                    heads = edge_journal.heads(reader, grant.epoch)
                if all(head.acked_seq == head.head_seq for head in heads.values()) and not link.status.refusal:
                    with wire.hub.database.read() as reader:
                        held = {lane: journal.lane_of(reader, "s9", grant.epoch, lane) for lane in heads}
                    if all(row is not None and row.seq == heads[lane].head_seq for lane, row in held.items()):
                        return
            raise AssertionError(link.status)

        for number in range(6):
            rig.sell(number)
        wire.start()
        until_all_is_acknowledged()
        kept_on_both.made.make()
        for number in range(6, 16):
            rig.sell(number)
        until_all_is_acknowledged()
        put_back(kept_on_both, blank_on_both)
        back = HubKit(blank_on_both, tmp_path / "hub", identity=HUB)
        assert back.fact_count() == 13
        wire.cut(back)
        rig.sell(16)
        until_all_is_acknowledged()
        mine = rig.rows("SELECT lane, seq, raw, chain FROM facts ORDER BY lane, seq")
    query = "SELECT lane, seq, raw, chain FROM facts ORDER BY lane, seq"
    with blank_on_both.read() as reader:
        theirs = [tuple(row) for row in reader.connection.exec_driver_sql(query)]
    assert [(lane, seq, bytes(raw), bytes(chain)) for lane, seq, raw, chain in theirs] == mine
    back.projector.catch_up()
    assert verify.verify(blank_on_both, back.zone, tmp_path).ok
    assert back.reports.totals(None).sales == 17
