"""Sealed days leave the table for archive files: nothing before its time, nothing lost, everything still within reach."""

import stat
from dataclasses import replace

import msgspec
import pytest

from drivers.printer import profiles
from edge import wiring
from edge.db import archives, journal, print_jobs
from edge.domain.refusal import Refused
from edge.services.care.verify_journal import verify
from edge.services.copies import compact
from edge.services.copies.archive import Archives
from edge.services.hub.outbox import NodeOutbox
from edge.services.money.settle_sale import Settled, settle_sale
from edge.services.printing import slip_papers
from edge.settings import EdgeSettings, JournalSettings, StoreSettings
from sync.contract import facts
from sync.node.archives import ArchiveFolder, ArchiveLost, pack, unpack
from sync.node.database import IntegrityError
from tests.kit.nodes import AT_TILL_1, EPOCH, STORE, Rig, acknowledge, grant, sell_command

DAY_MS = 86_400_000
KEPT_DAYS = 60


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path / "node") as made:
        yield made


def days_of_trade(rig: Rig, days: int = 3, sales: int = 4) -> None:
    for day in range(days):
        for sale in range(sales):
            rig.sell(100 * day + sale)
        rig.clock.advance(DAY_MS)


def acknowledged(rig: Rig) -> None:
    for lane in journal.LANES:
        acknowledge(rig, lane)


def two_months_on(rig: Rig) -> None:
    days_of_trade(rig)
    acknowledged(rig)
    rig.clock.advance(KEPT_DAYS * DAY_MS)


def count(rig: Rig) -> int:
    return int(rig.rows("SELECT count(*) FROM facts")[0][0])


def raws(rig: Rig, lane: int = 0) -> list[bytes]:
    return [raw for (raw,) in rig.rows("SELECT raw FROM facts WHERE lane = ? ORDER BY seq", (lane,))]


def files(rig: Rig) -> list[str]:
    return sorted(path.name for path in (rig.folder / "archive").iterdir())


def damage(rig: Rig, name: str) -> None:
    path = rig.folder / "archive" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    path.write_bytes(data)


def test_old_days_move_into_files_of_one_day_each_and_leave_the_table(rig):
    two_months_on(rig)
    before = count(rig)
    done = compact.compact(rig.node)
    assert (done.files, done.archived, done.deleted, done.missing) == (3, before, before, ())
    assert count(rig) == 0
    assert [name.split("-n")[0][:16] for name in files(rig)] == [
        "facts-2026-09-21",
        "facts-2026-09-22",
        "facts-2026-09-23",
    ]
    folder = rig.folder / "archive"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_days_of_the_last_two_months_stay(rig):
    two_months_on(rig)
    rig.clock.advance(-2 * DAY_MS)
    assert compact.compact(rig.node).files == 1, "only the first day is older than sixty days"
    rig.clock.advance(2 * DAY_MS)
    longer = msgspec.structs.replace(rig.settings, journal=JournalSettings(keep_days=400))
    assert compact.compact(replace(rig.node, settings=longer)).files == 0
    rig.node.rules.put({"retention_days": 400})
    assert compact.compact(rig.node).files == 0, "what HQ says holds over the file"
    rig.node.rules.put({})
    assert compact.compact(rig.node).files > 0, "the negative control"


def test_what_the_hub_has_not_acknowledged_stays_and_so_does_what_lies_behind_it(rig):
    days_of_trade(rig)
    acknowledge(rig, 0)
    rig.clock.advance(KEPT_DAYS * DAY_MS)
    done = compact.compact(rig.node)
    first_unacknowledged = rig.rows("SELECT min(n) FROM facts WHERE lane = 1")[0][0]
    assert done.archived == first_unacknowledged - 1
    assert verify(rig.node).ok


def test_where_the_hub_keeps_backups_only_what_one_of_them_covers_goes(rig):
    two_months_on(rig)
    outbox = NodeOutbox(rig.node)
    for lane in journal.LANES:
        outbox.keep_durable(lane, 0)
    assert compact.compact(rig.node).archived == 0
    for lane, head in outbox.heads().items():
        outbox.keep_durable(lane, head.head_seq)
    assert compact.compact(rig.node).archived > 0


def test_the_file_itself_forbids_to_delete_what_is_unacknowledged_or_unarchived(rig):
    days_of_trade(rig)
    refused = "never deleted before it is acknowledged and lies in a checked archive"
    for prepare in (lambda: None, lambda: acknowledged(rig)):
        prepare()
        with pytest.raises(IntegrityError, match=refused):
            rig.db.write(lambda tx: tx.execute("DELETE FROM facts WHERE n = 1"))
    rig.clock.advance(KEPT_DAYS * DAY_MS)
    rows = compact._next_file(rig.node)
    row = compact._write_file(rig.node, rows)
    with pytest.raises(IntegrityError, match=refused):
        rig.db.write(lambda tx: archives.delete_archived(tx, row, 500))
    compact._check(rig.node, row)
    rig.db.write(lambda tx: tx.execute("UPDATE lanes SET acked_seq = 0"))
    with pytest.raises(IntegrityError, match=refused):
        rig.db.write(lambda tx: archives.delete_archived(tx, row, 500))
    acknowledged(rig)
    assert rig.db.write(lambda tx: archives.delete_archived(tx, row, 500)) == len(rows)


def test_an_archive_is_neither_forgotten_nor_changed(rig):
    two_months_on(rig)
    compact.compact(rig.node)
    for statement in ("DELETE FROM archives", "DELETE FROM archive_lanes", "UPDATE archives SET sha256 = x''"):
        with pytest.raises(IntegrityError, match="an archive is never"):
            rig.db.write(lambda tx, statement=statement: tx.execute(statement))


class Counting:
    """A storage that notes how many facts each transaction took away."""

    def __init__(self, rig: Rig):
        self._rig = rig
        self.went: list[int] = []

    def write(self, work):
        before = count(self._rig)
        result = self._rig.db.write(work)
        self.went.append(before - count(self._rig))
        return result

    def read(self):
        return self._rig.db.read()


def test_rows_go_in_small_steps(rig):
    two_months_on(rig)
    counting = Counting(rig)
    compact.compact(rig.over(counting), rows_per_step=5)
    assert max(counting.went) == 5
    assert count(rig) == 0


def test_verify_walks_the_chain_through_the_archives_and_compares_every_table(rig):
    two_months_on(rig)
    whole = verify(rig.node)
    compact.compact(rig.node)
    rig.sell(999)
    report = verify(rig.node)
    assert report.ok, report.findings
    assert report.facts == whole.facts + rig.rows("SELECT count(*) FROM facts")[0][0]
    assert all(report.projections.values())


@pytest.mark.parametrize("spoil", [damage, lambda rig, name: (rig.folder / "archive" / name).unlink()])
def test_a_missing_or_damaged_archive_is_found_and_named_and_is_one_finding(rig, spoil):
    two_months_on(rig)
    compact.compact(rig.node)
    rig.sell(999)
    rig.node = replace(rig.node, archives=Archives(rig.node.archives.files))  # nothing of it is unpacked in memory
    name = files(rig)[1]
    spoil(rig, name)
    report = verify(rig.node)
    assert [name in finding.what for finding in report.findings] == [True], report.findings
    assert "archive folder" in report.findings[0].what


def test_a_flipped_fact_in_a_file_that_was_hashed_anew_still_breaks_the_chain(rig):
    two_months_on(rig)
    compact.compact(rig.node)
    with rig.db.read() as reader:
        row = archives.all_archives(reader)[0]
    held = rig.node.archives.facts_of(row)
    changed = [held[0]._replace(raw=held[0].raw.replace(b'"v":1', b'"v":2')), *held[1:]]
    data, digest = pack(changed)
    rig.node.archives.files.write(row.name, data)
    rig.db.write(lambda tx: tx.execute("DROP TRIGGER archives_stay_what_they_are"))
    rig.db.write(lambda tx: tx.execute("UPDATE archives SET sha256 = ? WHERE name = ?", (digest, row.name)))
    rig.restart()
    assert not verify(rig.node).ok


def test_the_hub_gets_what_left_the_table_as_if_it_were_still_there(rig):
    two_months_on(rig)
    sent = {lane: raws(rig, lane) for lane in journal.LANES}
    compact.compact(rig.node)
    rig.sell(999)
    outbox = NodeOutbox(rig.node)
    for lane, before in sent.items():
        seq, chain, got = 1, facts.genesis(STORE, EPOCH, lane), []
        head = outbox.heads()[lane]
        assert head.oldest_seq == 1
        while seq <= head.head_seq:
            batch = outbox.read(lane, seq, seq + 2)
            assert batch.chain_before == chain
            for raw in batch.raws:
                chain = facts.link(chain, raw)
            assert batch.chain_after == chain
            got += batch.raws
            seq += len(batch.raws)
        assert got == before + raws(rig, lane)


def test_a_lost_archive_shows_in_the_oldest_seq_and_in_what_cannot_be_sent(rig):
    two_months_on(rig)
    compact.compact(rig.node)
    name = files(rig)[0]
    (rig.folder / "archive" / name).rename(rig.folder / "elsewhere")
    assert compact.compact(rig.node).missing == (name,)
    rig.restart()
    outbox = NodeOutbox(rig.node)
    with rig.db.read() as reader:
        lost = {lane.lane: lane.last_seq for lane in archives.lanes_of(reader, name)}
    assert outbox.heads()[0].oldest_seq == lost[0] + 1
    with pytest.raises(ArchiveLost, match=name):
        outbox.read(0, 1, 5)
    (rig.folder / "elsewhere").rename(rig.folder / "archive" / name)
    assert compact.compact(rig.node).missing == ()
    assert outbox.heads()[0].oldest_seq == 1


def test_a_receipt_of_an_archived_sale_can_still_be_printed(rig):
    two_months_on(rig)
    [(job,)] = rig.rows("SELECT job_id FROM print_jobs WHERE document = 'receipt' ORDER BY position LIMIT 1")
    with rig.db.read() as reader:
        slip = print_jobs.by_id(reader, job)
    assert slip is not None
    before = slip_papers._unmoved(rig.node, slip, profiles.known("epson-80")[0])
    compact.compact(rig.node)
    assert slip_papers._unmoved(rig.node, slip, profiles.known("epson-80")[0]) == before


class PulledPlug(BaseException):
    """The power goes."""


class Unplugged:
    """A storage whose process dies before its `at`-th transaction, or behind it."""

    def __init__(self, db, at: int, *, behind: bool):
        self._db, self._left, self._behind = db, at, behind

    def write(self, work):
        self._left -= 1
        if self._left == 0 and not self._behind:
            raise PulledPlug
        result = self._db.write(work)
        if self._left == 0:
            raise PulledPlug
        return result

    def read(self):
        return self._db.read()


@pytest.mark.parametrize("behind", [False, True])
def test_a_death_between_any_two_steps_loses_nothing_and_the_next_night_goes_on(tmp_path, behind):
    for at in range(1, 40):
        with Rig(tmp_path / f"node-{at}") as rig:
            two_months_on(rig)
            before = [raws(rig, lane) for lane in journal.LANES]
            try:
                compact.compact(rig.over(Unplugged(rig.db, at, behind=behind)))
            except PulledPlug:
                rig.restart()
                assert verify(rig.node).ok, at
                compact.compact(rig.node)
            else:
                assert at > 9, "three files of three transactions each at least"
                return
            assert count(rig) == 0
            walked = [stored for _, stored in walk(rig)]
            assert [[one.raw for one in walked if one.lane == lane] for lane in journal.LANES] == before
    pytest.fail("it never came to an end")


def walk(rig):
    with rig.db.read() as reader:
        yield from rig.node.archives.walk(reader, lambda *lost: pytest.fail(str(lost)))


def test_files_are_whole_or_not_at_all_and_never_trusted(tmp_path):
    folder = ArchiveFolder(tmp_path / "archive")
    data, digest = pack([])
    folder.write("a", data)
    assert unpack("a", folder.read("a"), digest) == []
    assert (folder.size("a"), folder.size("b")) == (len(data), None)
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["a"]
    with pytest.raises(ArchiveLost, match="is not what was archived"):
        unpack("a", data + b"x", digest)
    with pytest.raises(ArchiveLost, match="the archive b cannot be read"):
        folder.read("b")


def test_the_fence_outlives_the_process_and_ends_selling(rig):
    rig.sell(1)
    NodeOutbox(rig.node, EPOCH).keep_fenced()
    rig.restart()
    assert rig.node.fenced
    before = rig.tables()
    refused = settle_sale(rig.node, AT_TILL_1, sell_command(2))
    assert isinstance(refused, Refused)
    assert refused.code == "fenced"
    repeated = settle_sale(rig.node, AT_TILL_1, sell_command(1))
    assert isinstance(repeated, Settled)
    assert repeated.repeated, "what was confirmed stays confirmed"
    assert rig.tables() == before


def test_a_revocation_outlives_the_process_and_ends_selling_until_there_is_a_new_epoch(rig):
    rig.sell(1)
    NodeOutbox(rig.node, EPOCH).keep_revoked()
    rig.restart()
    before = rig.tables()
    refused = settle_sale(rig.node, AT_TILL_1, sell_command(2))
    assert isinstance(refused, Refused)
    assert refused.code == "revoked"
    assert rig.tables() == before
    assert not rig.node.fenced, "nobody took its place"
    again = replace(rig.node, enrolment=grant(epoch=EPOCH + 1))
    again.db.write(lambda tx: journal.open_epoch(tx, STORE, EPOCH + 1))
    assert not again.revoked
    assert isinstance(settle_sale(again, AT_TILL_1, sell_command(2)), Settled)


def test_the_process_recalls_both_words_at_its_start(tmp_path):
    settings = EdgeSettings(data_dir=str(tmp_path / "node"), store=StoreSettings(tills=("1",)))
    node, db = wiring.open_node(settings)
    node.fence.put(node.db, 2)
    node.revocation.put(node.db, 3)
    db.close()
    node, db = wiring.open_node(settings)
    db.close()
    assert (node.fence.epoch, node.revocation.epoch) == (2, 3)


def test_an_older_epoch_that_was_replaced_or_revoked_is_no_news(rig):
    older = NodeOutbox(rig.node, EPOCH - 1)
    older.keep_fenced()
    older.keep_revoked()
    assert not rig.node.fenced
    assert not rig.node.revoked
