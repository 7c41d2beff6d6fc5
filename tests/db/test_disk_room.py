"""A disk almost full refuses sales before money is taken, and the shift still closes (ux-security §12, tests 4 and 5)."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.care.disk import VitalStorage
from edge.services.money.settle_sale import Settled, settle_sale
from edge.services.printing.spool import NodeSpool
from sync.node.database import DatabaseError
from sync.node.disk import MIB, DiskState, DiskWatch, FolderDisk, Reserve, Room, Trouble, trouble_of
from sync.node.ports import ManualClock
from tests.kit.nodes import AT_TILL_1, Rig, sell_body, sell_command

ROOT = Path(__file__).resolve().parents[2]


class Space:
    """A disk with as much room as a test says."""

    def __init__(self, free: int | None = 10_000 * MIB):
        self.free = free
        self.asked = 0

    def free_bytes(self) -> int:
        self.asked += 1
        if self.free is None:
            raise OSError
        return self.free


class QuotaReserve(Reserve):
    """A reserve whose return makes room in a file that SQLite holds to a number of pages."""

    def __init__(self, folder: Path):
        super().__init__(folder, size=4_096)
        self.rig: Rig | None = None

    def give_back(self) -> bool:
        given = super().give_back()
        if given and self.rig is not None:
            pages(self.rig, 1_000_000)
        return given


def pages(rig: Rig, most: int) -> None:
    rig.db.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {most}"))


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path / "node") as made:
        yield made


def watched(rig: Rig, space: Space, reserve: Reserve | None = None):
    watch = DiskWatch(space, reserve or Reserve(rig.folder, size=4_096), rig.clock)
    watch.start()
    return replace(rig.node, db=VitalStorage(rig.db, watch), disk=watch), watch


def test_at_the_red_line_a_sale_is_refused_and_nothing_of_it_is_kept(rig):
    space = Space()
    node, _ = watched(rig, space)
    assert isinstance(settle_sale(node, AT_TILL_1, sell_command(1)), Settled)
    space.free = 63 * MIB
    rig.clock.advance(1_001)
    before = rig.tables()
    assert settle_sale(node, AT_TILL_1, sell_command(2)) == Refused("disk_full")
    assert rig.tables() == before


def test_without_the_watch_the_red_line_is_not_seen(rig):
    """The negative control: the refusal is the watch's."""
    node, _ = watched(rig, Space(free=1))
    assert settle_sale(node, AT_TILL_1, sell_command(1)) == Refused("disk_full")
    assert isinstance(settle_sale(replace(node, disk=None), AT_TILL_1, sell_command(1)), Settled)


def test_a_sale_that_was_settled_is_answered_on_a_red_disk_too(rig):
    space = Space()
    node, _ = watched(rig, space)
    first = settle_sale(node, AT_TILL_1, sell_command(1))
    space.free = 0
    rig.clock.advance(1_001)
    again = settle_sale(node, AT_TILL_1, sell_command(1))
    assert isinstance(first, Settled)
    assert isinstance(again, Settled)
    assert (again.answer, again.repeated) == (first.answer, True)


def test_on_a_red_disk_slips_are_printed_and_their_facts_written(rig):
    space = Space()
    node, _ = watched(rig, space)
    settle_sale(node, AT_TILL_1, sell_command(1))
    space.free = 0
    rig.clock.advance(1_001)
    queue = NodeSpool(node)
    job = queue.next_job()
    assert job is not None
    assert queue.begin(job)
    queue.settle(job, "confirmed", "")
    assert rig.rows("SELECT kind FROM facts WHERE lane = 1 AND kind = 'print.confirmed'") == [("print.confirmed",)]


def fill(rig: Rig, node) -> int:
    """Sell into a file that may not grow; gives the number of the sale that found no room."""
    pages(rig, rig.rows("PRAGMA page_count")[0][0])
    for number in range(100, 400):
        if settle_sale(node, AT_TILL_1, sell_command(number)) == Refused("disk_full"):
            return number
    pytest.fail("the file never ran full")


def test_a_full_file_refuses_the_sale_whole_and_keeps_the_reserve_for_closing(rig):
    reserve = QuotaReserve(rig.folder)
    node, watch = watched(rig, Space(), reserve)
    reserve.rig = rig
    node.db.write(lambda tx: tx.execute("CREATE TABLE filler (x BLOB)"))
    number = fill(rig, node)
    assert rig.rows("SELECT count(*) FROM sales WHERE sale_id = ?", (sell_command(number).sale_id,)) == [(0,)]
    assert reserve.held, "a sale may not use the reserve"
    assert watch.state().room == "red"
    # Closing the shift must write, and does: the reserve goes.
    node.db.write(lambda tx: tx.execute("INSERT INTO filler VALUES (zeroblob(300000))"))
    assert not (rig.folder / "reserve.bin").exists()
    assert rig.rows("SELECT count(*) FROM filler") == [(1,)]
    rig.clock.advance(1_001)
    assert isinstance(settle_sale(node, AT_TILL_1, sell_command(number)), Settled)
    assert verify_journal.verify(rig.node).ok


def test_without_its_reserve_the_same_write_fails(rig):
    """The negative control: it is the reserve that lets a shift close."""
    node, _ = watched(rig, Space())
    node.db.write(lambda tx: tx.execute("CREATE TABLE filler (x BLOB)"))
    fill(rig, node)
    with pytest.raises(DatabaseError) as caught:
        rig.db.write(lambda tx: tx.execute("INSERT INTO filler VALUES (zeroblob(300000))"))
    assert trouble_of(caught.value) is Trouble.FULL


def test_the_page_says_what_to_do_in_both_languages_and_the_state_bar_is_red(rig):
    space = Space()
    node, _ = watched(rig, space)
    client = rig.client(node=node)
    assert client.get("/api/v1/status").json["disk"] == {"room": "ok", "free_mb": 10_000}
    space.free = 5 * MIB
    rig.clock.advance(1_001)
    assert client.get("/api/v1/status").json["disk"] == {"room": "red", "free_mb": 5}
    for language, words in (("zh-CN", "磁盘满了"), ("en", "disk is full")):
        answer = client.post("/api/v1/sales", json=sell_body(1), headers={"Accept-Language": language})
        assert (answer.status_code, answer.json["code"]) == (409, "disk_full")
        assert words in answer.json["message"]


def test_a_file_that_cannot_be_written_refuses_the_sale_and_is_still_read(rig):
    """As after a remount read-only: SQLite answers every write with READONLY, reads go on."""
    node, _ = watched(rig, Space())
    settle_sale(node, AT_TILL_1, sell_command(1))
    client = rig.client(node=node)
    rig.db.write(lambda tx: tx.execute("PRAGMA query_only = ON"))
    answer = client.post("/api/v1/sales", json=sell_body(2), headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json["code"]) == (409, "disk_read_only")
    assert "cannot be written" in answer.json["message"]
    assert len(client.get("/api/v1/sales").json["sales"]) == 1
    assert client.get("/api/v1/status").status_code == 200
    reprint = client.post(f"/api/v1/sales/{sell_command(1).sale_id}/reprint", json={"request_id": "0" * 32})
    assert reprint.json["code"] == "disk_read_only"
    rig.restart()
    assert rig.sell(2).receipt_no == "1-1-000002"


@pytest.mark.parametrize(
    ("free_mb", "room"), [(10_000, Room.OK), (500, Room.OK), (499, Room.LOW), (64, Room.LOW), (63, Room.RED)]
)
def test_the_room_by_free_bytes(tmp_path, free_mb, room):
    watch = DiskWatch(Space(free_mb * MIB), Reserve(tmp_path, size=4_096), ManualClock())
    assert watch.state().room is room


def test_a_red_disk_is_red_until_there_is_clearly_room_again(tmp_path):
    space, clock = Space(60 * MIB), ManualClock()
    reserve = Reserve(tmp_path, size=4_096)
    reserve.hold()
    watch = DiskWatch(space, reserve, clock)
    told = []
    watch.start(lambda: told.append(watch.state().room))
    for free_mb, room in ((70, Room.RED), (95, Room.RED), (97, Room.LOW), (70, Room.LOW), (10, Room.RED)):
        space.free = free_mb * MIB
        clock.advance(1_001)
        assert watch.state().room is room, free_mb
    assert told == [Room.LOW, Room.RED]


def test_the_disk_is_asked_once_a_second_and_a_silent_one_is_not_called_full(tmp_path):
    space, clock = Space(None), ManualClock()
    watch = DiskWatch(space, Reserve(tmp_path, size=4_096), clock)
    for _ in range(50):
        assert watch.state() == DiskState(Room.LOW, None, reserve_held=False)
    assert space.asked == 1
    clock.advance(1_001)
    watch.state()
    assert space.asked == 2


def test_the_reserve_really_takes_its_room_and_gives_it_back(tmp_path):
    reserve = Reserve(tmp_path, size=8 * MIB)
    assert not reserve.held
    assert reserve.hold()
    assert reserve.hold(), "twice is harmless"
    assert (tmp_path / "reserve.bin").stat().st_blocks * 512 >= 8 * MIB
    assert reserve.give_back()
    assert not reserve.give_back()
    assert FolderDisk(tmp_path).free_bytes() > 0
    assert not Reserve(tmp_path / "gone", size=4_096).hold()


def test_the_reserve_is_only_taken_while_there_is_room_for_it(tmp_path):
    space, clock = Space(100 * MIB), ManualClock()
    reserve = Reserve(tmp_path, size=4_096)
    watch = DiskWatch(space, reserve, clock)
    watch.start()
    assert not reserve.held
    space.free = 900 * MIB
    clock.advance(1_001)
    assert watch.state().reserve_held


BOUNDED = """
import json, resource, sys
from pathlib import Path
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.money.settle_sale import Settled, settle_sale
from tests.kit.nodes import AT_TILL_1, Rig, sell_command

with Rig(Path(sys.argv[1])) as rig:
    rig.sell(1)
    largest = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 65_536, resource.RLIM_INFINITY))
    refused = None
    for number in range(2, 400):
        answer = settle_sale(rig.node, AT_TILL_1, sell_command(number))
        if isinstance(answer, Refused):
            refused = answer.code
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    again = settle_sale(rig.node, AT_TILL_1, sell_command(number))
    rows = rig.rows("SELECT count(*) FROM sales")[0][0]
    print(json.dumps([refused, isinstance(again, Settled), rows == number, verify_journal.verify(rig.node).ok]))
"""


def test_a_real_file_that_the_system_lets_grow_no_further_refuses_the_sale_and_goes_on_later(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "node")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["disk_error", True, True, True]


def test_what_is_no_fault_of_the_disk_is_not_called_one():
    assert trouble_of(ValueError("disk is full")) is None
    assert trouble_of(KeyError("x")) is None
