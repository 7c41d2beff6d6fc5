"""A damaged data file is found before anything is sold from it (ux-security §12, test 6)."""

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.services.care import verify_journal
from edge.services.copies.boot_check import DamagedFileError, NotedStorage, look_on, refuse_damaged
from edge.wiring import look as file_look
from scripts.bench_processes import write_node
from sync.node.control import FolderLock
from sync.node.database import InlineDatabase
from sync.node.head_note import HeadNote
from sync.node.ports import ManualClock, SystemClock
from tests.kit.nodes import Rig, store_identity
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(200)
PAGE = 4_096
SALES = 40


@pytest.fixture(scope="module")
def sold(tmp_path_factory):
    """A node's folder after some trade: closed files, and the same with the log that a killed process leaves."""
    folder = tmp_path_factory.mktemp("sold")
    with Rig(folder / "killed") as rig:
        note = HeadNote(rig.folder / "node.db")
        noted = NotedStorage(rig.db, note)
        for number in range(1, SALES + 1):
            rig.sell(number)
            if number == SALES // 2:
                rig.db.write(lambda tx: tx.execute("SELECT 1"))
                with rig.db.read() as reader:
                    reader.execute("SELECT 1")
        noted.write(lambda tx: tx.execute("SELECT 1"))
        shutil.copytree(rig.folder, folder / "with_log")
    shutil.copytree(folder / "killed", folder / "closed")
    return folder


def copy(sold: Path, which: str, to: Path) -> Path:
    """Copy a folder; its note is made to speak of the copied file, as it did of the first."""
    shutil.copytree(sold / which, to)
    number = HeadNote(sold / "killed" / "node.db").read()
    assert number is not None
    assert number > SALES
    (to / "node.head").unlink(missing_ok=True)
    HeadNote(to / "node.db").put(number)
    return to / "node.db"


def look(path: Path, budget_ms: int = 60_000):
    return refuse_damaged(path, store_identity(), SystemClock(), budget_ms=budget_ms)


def refused(path: Path) -> str | None:
    """Why a node would not start on the file."""
    try:
        look(path)
    except DamagedFileError as error:
        return str(error)
    return None


def sane(path: Path) -> bool:
    """Whether the file says all that it said, to the last column: then what was done to it did no harm."""
    with Rig.__new__(Rig) as rig:
        Rig.__init__(rig, path.parent)
        return verify_journal.verify(rig.node).ok and rig.rows("SELECT count(*) FROM sales") == [(SALES,)]


def test_a_whole_file_holds_with_and_without_its_log(sold, tmp_path):
    for which in ("closed", "with_log"):
        looked = look(copy(sold, which, tmp_path / which))
        assert looked.whole
        assert looked.facts > 2 * SALES


def test_a_page_of_rubbish_is_found_wherever_it_lies(sold, tmp_path):
    pages = (sold / "closed" / "node.db").stat().st_size // PAGE
    found, harmless = 0, []
    for seed in SEEDS:
        chance = random.Random(seed)
        path = copy(sold, "closed", tmp_path / f"{seed}")
        page = chance.randrange(pages)
        with path.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE))
        told = refused(path)
        if told is None:
            harmless.append(path)
        else:
            found += 1
            assert "zhanggui-edge restore --config FILE --from newest" in told
            shutil.rmtree(path.parent)
    assert found > 150
    assert all(sane(path) for path in harmless), "a page that was missed held something"


def test_a_log_that_was_cut_short_is_found_unless_nothing_was_in_what_it_lost(sold, tmp_path):
    found = 0
    for keep in range(0, 100, 4):
        path = copy(sold, "with_log", tmp_path / f"{keep}")
        log = path.with_name("node.db-wal")
        assert log.stat().st_size > 100 * PAGE
        os.truncate(log, log.stat().st_size * keep // 100)
        if refused(path) is None:
            assert sane(path), keep
        else:
            found += 1
    assert found > 3


def test_without_the_note_a_log_that_was_cut_short_opens_without_a_word(sold, tmp_path):
    """The negative control: SQLite takes the earlier commit for the last."""
    path = copy(sold, "with_log", tmp_path / "node")
    path.with_name("node.head").unlink()
    os.truncate(path.with_name("node.db-wal"), 10 * PAGE)
    assert look(path).whole
    assert not sane(path)


@pytest.mark.parametrize("size", [16, 100, 4_096])
def test_a_zeroed_header_is_found(sold, tmp_path, size):
    path = copy(sold, "closed", tmp_path / "node")
    with path.open("r+b") as file:
        file.write(bytes(size))
    with pytest.raises(DamagedFileError, match=r"not a database|malformed"):
        look(path)


def test_an_empty_file_and_a_file_that_is_gone_are_found(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "empty")
    os.truncate(path, 0)
    with pytest.raises(DamagedFileError, match="it is empty"):
        look(path)
    path = copy(sold, "closed", tmp_path / "gone")
    path.unlink()
    with pytest.raises(DamagedFileError, match="it is gone"):
        look(path)


def test_a_fact_that_was_edited_in_place_is_found_and_without_the_chain_it_would_not_be(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    bare = InlineDatabase(str(path))
    bare.tx.execute("DROP TRIGGER facts_are_never_edited")
    edited = "CAST(replace(CAST(raw AS TEXT), '7900', '7800') AS BLOB)"
    bare.tx.execute(f"UPDATE facts SET raw = {edited} WHERE kind = 'sale.paid' AND seq = 21")
    bare.close()
    with pytest.raises(DamagedFileError, match="does not fit the chain"):
        look(path)
    bare = InlineDatabase(str(path))
    assert bare.tx.execute("PRAGMA quick_check") == [("ok",)]
    bare.close()


def test_a_file_sealed_by_another_node_is_found(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    with pytest.raises(DamagedFileError, match="seal"):
        refuse_damaged(path, store_identity("somebody else"), SystemClock())


def test_the_look_ends_in_its_time_and_says_how_far_it_came(sold, tmp_path):
    class Late(ManualClock):
        def monotonic_ms(self) -> int:
            self.advance(40)
            return super().monotonic_ms()

    path = copy(sold, "closed", tmp_path / "node")
    looked = refuse_damaged(path, store_identity(), Late(), budget_ms=80)
    assert not looked.whole
    assert looked.facts < SALES
    assert look_on(path, store_identity(), lambda: False) == ""


def spoil_old_page(path: Path) -> None:
    """Damage a page of a table that no look along the chain reads."""
    bare = InlineDatabase(str(path))
    [(page,)] = bare.tx.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sale_lines'")
    bare.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def test_damage_that_a_start_had_no_time_for_is_found_while_the_node_serves_and_the_next_start_looks_at_all(
    sold, tmp_path
):
    path = copy(sold, "closed", tmp_path / "node")
    spoil_old_page(path)
    # The negative control: no time at all, and nothing is remembered yet.
    assert not look(path, budget_ms=0).whole
    told = look_on(path, store_identity(), lambda: False)
    assert told
    with pytest.raises(DamagedFileError, match="damaged"):
        look(path, budget_ms=0)
    # What is put in its place is looked at as a whole once, and then no more.
    shutil.copy(copy(sold, "closed", tmp_path / "whole"), path)
    assert look(path, budget_ms=0).whole
    assert not look(path, budget_ms=0).whole


def test_a_look_beside_a_node_that_serves_ends_when_it_stops(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    spoil_old_page(path)
    assert look_on(path, store_identity(), lambda: True) == ""
    assert not path.with_name("node.suspect").exists()


def test_what_is_found_beside_a_node_that_serves_ends_it_so_that_its_next_start_says_why(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    for spoilt in (False, True):
        if spoilt:
            spoil_old_page(path)
        restarted = threading.Event()
        stops: list[Callable[[], None]] = []
        file_look.go_on(path, store_identity(), restarted.set, stops)
        assert restarted.wait(PATIENCE_S if spoilt else 0.3) is spoilt
        for stop in stops:
            stop()
        assert path.with_name("node.suspect").exists() is spoilt
    with pytest.raises(DamagedFileError):
        look(path, budget_ms=0)


def test_a_restored_copy_is_another_file_and_the_note_says_nothing_of_it(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    note = HeadNote(path)
    note.put(1_000_000)
    with pytest.raises(DamagedFileError, match="newest facts are gone"):
        look(path)
    aside = path.with_name("copy.db")
    shutil.copy(path, aside)
    aside.replace(path)
    assert HeadNote(path).read() is None
    assert look(path).whole


def test_a_note_that_was_torn_says_nothing(sold, tmp_path):
    path = copy(sold, "closed", tmp_path / "node")
    note = path.with_name("node.head")
    note.write_bytes(note.read_bytes()[:-1] + b"?")
    assert HeadNote(path).read() is None


def test_a_new_node_has_nothing_to_look_at(tmp_path):
    assert look(tmp_path / "node.db").facts == 0


def run(config: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(config)],
        cwd=ROOT, capture_output=True, text=True, timeout=160, check=False,
    )  # fmt: skip


def test_a_node_with_a_damaged_file_does_not_serve_and_names_the_way_back(tmp_path):
    config = write_node(tmp_path / "node", broker_port=free_port(), printer_port=0)
    (tmp_path / "node" / "data" / "node.db").write_bytes(b"\0" * 40_960)
    ended = run(config)
    assert ended.returncode == 2
    assert "zhanggui-edge restore" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert '"ready"' not in ended.stdout


def test_a_second_process_on_the_same_folder_ends_with_75_and_touches_nothing(tmp_path):
    """ux-security §12, test 7."""
    config = write_node(tmp_path / "node", broker_port=free_port(), printer_port=0)
    data = tmp_path / "node" / "data"
    lock = FolderLock(data)
    before = sorted(path.name for path in data.iterdir())
    try:
        ended = run(config)
        assert ended.returncode == 75, ended.stderr
        assert "Traceback" not in ended.stderr
        assert [name for name in sorted(path.name for path in data.iterdir()) if "log" not in name] == before
    finally:
        lock.release()
