"""The node's file: opened by no unsafe SQLite and no older code, facts never edited, streams applied as one."""

import base64
import shutil
import stat
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database as SqliteUtils
from sqlite_utils import Migrations

from edge.db import journal, streams
from edge.db.migrations import steps
from sync.contract import streams as arithmetic
from sync.contract.facts import ContractError
from sync.contract.messages import STORES_STREAM, Operation, StoreKey, StreamBatch, StreamHead
from sync.node import database, migrate
from sync.node.database import SQLITE_VERSION_MIN, Closed, Database, UnsafeSqliteError
from sync.node.migrate import NewerDatabaseError
from tests.kit.nodes import EPOCH, STORE, Rig, store_identity


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


# The file and the SQLite under it


def test_a_file_of_newer_code_is_refused_and_not_touched(tmp_path):
    with Rig(tmp_path):
        pass
    path = tmp_path / "node.db"
    newer = Migrations("edge")
    for step in [*(each.name for each in steps.pending(SqliteUtils(memory=True))), "999_from_the_future"]:
        newer(name=step)(lambda db: None)
    with closing(database.connect(path)) as raw:
        migrate.apply(raw, newer)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    with pytest.raises(NewerDatabaseError, match="999_from_the_future"):
        migrate.opened(path, steps)
    assert path.read_bytes() == before


def test_a_file_of_this_code_opens_again(tmp_path):
    """The negative control: it is the unknown step that is refused, and nothing else."""
    for _ in range(2):
        migrate.opened(tmp_path / "node.db", steps).close()


def test_two_that_open_a_new_file_at_once_both_get_in(tmp_path):
    """A node that starts beside a command that looks at its file: each puts a file that is there into WAL mode first."""
    turned_away: list[Exception] = []

    def come_in(path: Path, gate: threading.Barrier) -> None:
        gate.wait()
        try:
            database.connect(path).close()
        except database.DatabaseError as error:
            turned_away.append(error)

    for number in range(60):
        gate = threading.Barrier(4)
        threads = [threading.Thread(target=come_in, args=(tmp_path / f"{number}.db", gate)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert turned_away == []


def test_a_file_that_somebody_holds_is_given_up_after_the_stated_patience(tmp_path, monkeypatch):
    path = tmp_path / "node.db"
    with closing(database.connect(path)) as holder:
        holder.execute("PRAGMA journal_mode=DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
        with pytest.raises(database.DatabaseError, match="locked"):
            database.connect(path)


def test_a_step_that_fails_leaves_no_half_of_itself(tmp_path):
    broken = Migrations("edge")

    @broken(name="001_broken")
    def _break(db):
        db.execute("CREATE TABLE half (x)")
        db.execute("CREATE TABLE half (x)")

    with closing(database.connect(tmp_path / "node.db")) as raw:
        with pytest.raises(database.OperationalError):
            migrate.apply(raw, broken)
        assert raw.execute("SELECT name FROM sqlite_schema WHERE name = 'half'").fetchall() == []


def test_only_its_owner_reads_the_file_and_what_sqlite_lays_beside_it_whatever_the_umask_or_the_mode_before(tmp_path):
    path = tmp_path / "node.db"

    def modes(*ends: str) -> set[int]:
        return {stat.S_IMODE(path.with_name(f"node.db{end}").stat().st_mode) for end in ends}

    db = migrate.opened(path, steps)
    assert modes("", "-wal", "-shm") == {0o600}
    db.close()
    path.chmod(0o644)
    db = migrate.opened(path, steps)
    db.write(lambda tx: tx.execute("PRAGMA user_version=1"))
    assert modes("", "-wal", "-shm") == {0o600}
    db.close()


@pytest.mark.parametrize("version", [(3, 51, 2), (3, 46, 1), (3, 40, 0), (2, 99, 99)])
def test_an_sqlite_that_can_corrupt_a_log_is_refused_with_the_remedy(version):
    with pytest.raises(UnsafeSqliteError, match="install the locked requirements"):
        database.refuse_unsafe(version)


@pytest.mark.parametrize("version", [SQLITE_VERSION_MIN, (3, 52, 0), (4, 0, 0), None])
def test_an_sqlite_from_the_bound_on_and_the_one_at_hand_are_taken(version):
    database.refuse_unsafe(version)


def test_every_connection_is_full_and_walled_and_readers_cannot_write(rig):
    rows = {}
    rig.db.write(
        lambda tx: rows.update(
            {name: tx.execute(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")}
        )
    )
    assert rows == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with rig.db.read() as reader, pytest.raises(database.OperationalError, match="readonly"):
        reader.execute("DELETE FROM sales")


def test_work_that_raises_leaves_nothing_and_the_next_goes_on(rig):
    def work(tx):
        tx.execute("INSERT INTO counters (name, value) VALUES ('x', 1)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rig.db.write(work)
    assert rig.rows("SELECT * FROM counters WHERE name = 'x'") == []
    rig.db.write(lambda tx: journal.set_counter(tx, "x", 2))
    assert rig.rows("SELECT value FROM counters WHERE name = 'x'") == [(2,)]


def test_a_reader_sees_one_moment_for_as_long_as_it_reads(rig):
    with rig.db.read() as reader:
        before = reader.execute("SELECT count(*) FROM sales")
        rig.sell(1)
        assert reader.execute("SELECT count(*) FROM sales") == before
    assert rig.rows("SELECT count(*) FROM sales") == [(1,)]


def test_a_closed_database_says_so(tmp_path):
    db = Database(tmp_path / "x.db")
    db.close()
    db.close()
    with pytest.raises(Closed):
        db.write(lambda tx: None)


# Facts


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE facts SET raw = x'00'", "a fact is never edited"),
        ("UPDATE facts SET at_ms = at_ms", "a fact is never edited"),
        ("DELETE FROM facts", "a fact is never deleted"),
        ("REPLACE INTO facts SELECT * FROM facts LIMIT 1", "a fact is never deleted"),
    ],
)
def test_the_file_itself_refuses_to_edit_or_delete_a_fact(rig, sql, message):
    rig.sell(1)
    before = rig.rows("SELECT * FROM facts")
    with pytest.raises(database.DatabaseError, match=message):
        rig.db.write(lambda tx: tx.execute(sql))
    assert rig.rows("SELECT * FROM facts") == before


def test_without_the_triggers_it_would_not(rig):
    """The negative control."""
    rig.sell(1)
    for trigger in ("facts_are_never_edited", "facts_are_never_deleted"):
        rig.db.write(lambda tx, name=trigger: tx.execute(f"DROP TRIGGER {name}"))
    rig.db.write(lambda tx: tx.execute("UPDATE facts SET at_ms = 0"))
    rig.db.write(lambda tx: tx.execute("DELETE FROM facts"))
    assert rig.rows("SELECT count(*) FROM facts") == [(0,)]


def test_two_lanes_are_gapless_each_and_the_commit_number_over_both(rig):
    for number in range(1, 5):
        rig.sell(number)
    rows = rig.rows("SELECT lane, seq, n FROM facts ORDER BY n")
    assert [n for _, _, n in rows] == list(range(1, len(rows) + 1))
    for lane in (0, 1):
        mine = [seq for its, seq, _ in rows if its == lane]
        assert mine == list(range(1, len(mine) + 1))


def test_a_batch_is_cut_before_it_passes_its_size_but_never_empty(rig):
    for number in range(1, 60):
        rig.sell(number)
    with rig.db.read() as reader:
        whole = journal.read_batch(reader, (STORE, EPOCH, 0), 1, 250)
        rest = journal.read_batch(reader, (STORE, EPOCH, 0), len(whole.raws) + 1, 250)
        with pytest.raises(LookupError):
            journal.read_batch(reader, (STORE, EPOCH, 0), 500, 501)
    assert 1 <= len(whole.raws) < 118
    assert sum(map(len, whole.raws)) <= 64 * 1024
    assert rest.chain_before == whole.chain_after


# Streams


def entry(version: int, store: str = "s1", seed: str = "s1", revoked_ms: int | None = None) -> Operation:
    public = store_identity(seed).public
    value = StoreKey(store=store, epoch=1, key_id=public.key_id.hex(), public_key=base64.b64encode(public.signing).decode(),
                     name_zh="店", name_en="Store", revoked_ms=revoked_ms)  # fmt: skip
    return Operation(version=version, op="put", key=f"{store}/1", value=msgspec.json.encode(value))


def batch(
    after: int, *operations: Operation, before: bytes | None = None, checksum: bytes | None = None
) -> StreamBatch:
    running = arithmetic.checksum_start(STORES_STREAM) if before is None else before
    for operation in operations:
        running = arithmetic.checksum_next(running, operation)
    return StreamBatch(
        stream=STORES_STREAM,
        after=after,
        head=after + len(operations),
        operations=operations,
        checksum=checksum or running,
    )


def apply(rig: Rig, one: StreamBatch) -> int | None:
    return rig.db.write(lambda tx: streams.apply(tx, one))


def held(rig: Rig) -> tuple[int, list[str]]:
    with rig.db.read() as reader:
        return streams.heads(reader)[STORES_STREAM].version, [
            row[0] for row in reader.execute("SELECT store FROM store_keys ORDER BY 1")
        ]


def test_steps_and_cursor_are_applied_as_one(rig):
    first = batch(0, entry(1), entry(2, "s2", "s2"))
    assert apply(rig, first) == 2
    assert held(rig) == (2, ["s1", "s2"])
    gone = Operation(version=3, op="remove", key="s1/1", value=b"")
    assert apply(rig, batch(2, gone, before=first.checksum)) == 3
    assert held(rig) == (3, ["s2"])
    with rig.db.read() as reader:
        known = streams.keys_named(reader, store_identity("s2").public.key_id)
    assert [(key.store, key.public_key) for key in known] == [("s2", store_identity("s2").public.signing)]


def test_a_batch_that_begins_elsewhere_changes_nothing(rig):
    first = batch(0, entry(1))
    apply(rig, first)
    before = rig.tables()
    assert apply(rig, first) == 1
    assert apply(rig, batch(5, entry(6, "s6"))) == 1
    assert rig.tables() == before


@pytest.mark.parametrize(
    "spoilt",
    [
        batch(1, entry(3, "s3")),
        batch(1, entry(2, "s2"), checksum=b"\0" * 32),
        batch(1, entry(2, "s2"), entry(4, "s4")),
        batch(1, entry(2, "s2"), before=arithmetic.checksum_start("another")),
    ],
    ids=["hole", "checksum", "hole inside", "other history"],
)
def test_after_a_hole_or_a_wrong_checksum_the_stream_is_pulled_anew_and_what_is_held_serves_until_then(rig, spoilt):
    gone = entry(2, "s9", "s9")
    first = batch(0, entry(1), gone)
    apply(rig, first)
    late = msgspec.structs.replace(spoilt, after=2) if spoilt.after == 1 else spoilt
    assert apply(rig, late) is None
    assert held(rig) == (0, ["s1", "s9"]), "no invite of another store turns false while the list comes anew"
    anew = batch(0, entry(1), entry(2, "s2", "s2"))
    part = msgspec.structs.replace(batch(0, entry(1)), head=2)
    assert apply(rig, part) == 1
    assert held(rig) == (1, ["s1", "s9"])
    assert apply(rig, msgspec.structs.replace(anew, after=1, operations=anew.operations[1:])) == 2
    assert held(rig) == (2, ["s1", "s2"]), "what the hub did not say again is gone"


def test_the_same_steps_with_the_right_checksum_are_taken(rig):
    """The negative control."""
    first = batch(0, entry(1))
    apply(rig, first)
    assert apply(rig, batch(1, entry(2, "s2"), before=first.checksum)) == 2


@pytest.mark.parametrize(
    "operation",
    [
        Operation(version=1, op="put", key="s1/1", value=b"{}"),
        Operation(version=1, op="put", key="s1/1", value=b"\xff"),
        Operation(version=1, op="remove", key="s1/one", value=b""),
        Operation(version=1, op="remove", key="s1", value=b""),
        msgspec.structs.replace(entry(1), value=entry(1).value.replace(b'"key_id":"', b'"key_id":"zz')),
        msgspec.structs.replace(entry(1), value=entry(1).value.replace(b'"public_key":"', b'"public_key":"!')),
    ],
)
def test_a_step_that_says_nothing_readable_is_refused_and_keeps_nothing(rig, operation):
    with pytest.raises(ContractError):
        apply(rig, batch(0, entry(1, "s0"), msgspec.structs.replace(operation, version=2)))
    assert held(rig) == (0, [])


def test_a_stream_that_was_never_heard_of_stands_at_nothing(rig):
    with rig.db.read() as reader:
        assert streams.heads(reader) == {STORES_STREAM: StreamHead(0, arithmetic.checksum_start(STORES_STREAM))}


def test_a_copy_of_the_file_holds_what_the_file_held(rig, tmp_path):
    rig.sell(1)
    rig.db.close()
    shutil.copy(tmp_path / "node.db", tmp_path / "copy.db")
    rig.start()
    with closing(database.InlineDatabase(str(tmp_path / "copy.db"))) as copied:
        assert copied.tx.execute("SELECT sale_id FROM sales") == rig.rows("SELECT sale_id FROM sales")
