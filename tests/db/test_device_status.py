"""What the state bar says of printers and devices, what the journal is told of them, and files from before there were many."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlite_utils import Database as SqliteUtils
from sqlite_utils import Migrations

from edge.db import print_jobs
from edge.db.migrations import spine, steps
from edge.devices.registry import Registry
from edge.domain.device_view import DeviceView
from edge.services.care import status
from edge.services.care.status import Desk
from edge.services.devices import device_facts
from edge.services.printing import slips
from sync.contract.operations import DeviceChanged
from sync.node import database, migrate
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, COUNTER, BreakingStorage, Rig
from tests.kit.queues import PAPER_OUT, ScriptedPrinter, queue_of, run_dry

SECOND: dict[str, Any] = {
    "kind": "printer", "id": "counter-2", "address": "tcp://127.0.0.1:9103", "tills": ["2"], "roll_url": "http://x/",
}  # fmt: skip
BROKEN: dict[str, Any] = {"kind": "scanner", "id": "gun", "address": "tcp://x", "till": "1"}


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, SECOND, BROKEN)) as made:
        yield made


def desk_of(rig: Rig, *views: DeviceView) -> Desk:
    return Desk(rig.node, link=lambda: None, devices=lambda: views)


def view(device: str, state: Any, cause: str = "") -> DeviceView:
    return DeviceView(device, "printer", device, "", state, cause, since_ms=7)


def test_a_till_is_told_of_its_own_receipt_printer(rig):
    desk = desk_of(rig, view("counter", "error", "paper_out"), view("counter-2", "ready"))
    first, second = status.status(desk, AT_TILL_1).printer, status.status(desk, AT_TILL_2).printer
    assert (first.state, first.since_ms, first.roll_url) == ("paper_out", 7, None)
    assert (second.state, second.roll_url) == ("ready", "http://x/")


@pytest.mark.parametrize(
    ("state", "cause", "shown"),
    [
        ("ready", "", "ready"),
        ("busy", "", "ready"),
        ("degraded", "near_end", "ready"),
        ("error", "paper_out", "paper_out"),
        ("error", "cover_open", "cover_open"),
        ("error", "cutter", "error"),
        ("absent", "not_answering", "not_answering"),
        ("unknown", "not_answering", "not_answering"),
        ("unknown", "unknown", "unknown"),
        ("connecting", "", "unknown"),
    ],
)
def test_the_state_bar_has_a_word_for_every_state_of_a_printer(rig, state, cause, shown):
    assert status.status(desk_of(rig, view("counter", state, cause)), AT_TILL_1).printer.state == shown


def test_devices_that_are_down_and_rows_that_cannot_be_used_are_counted(rig):
    desk = desk_of(rig, view("counter", "error"), view("counter-2", "absent"), view("gun", "connecting"))
    devices = status.status(desk, None).devices
    assert (devices.down, devices.problems) == (2, 1)


def test_a_slip_that_asks_a_person_counts_as_parked_and_one_that_waits_for_its_printer_does_not(rig):
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device)
    rig.sell(1)
    queue.step()
    assert counted(rig) == (1, 0)
    rig.clock.advance(3_600_000)
    device.status = type(PAPER_OUT)("ready", "")
    run_dry(queue)
    assert counted(rig) == (0, 1)


def counted(rig: Rig) -> tuple[int, int]:
    printer = status.status(desk_of(rig), AT_TILL_1).printer
    return printer.waiting, printer.parked


def test_the_list_of_slips_says_where_each_one_is_and_how_old(rig):
    client = rig.client()
    rig.sell(1)
    rig.clock.advance(90_000)
    slips.redirect(rig.node, slips.open_jobs(rig.node)[0].job_id, "counter-2")
    [job] = client.get("/api/v1/print-jobs").json["jobs"]
    assert (job["printer"], job["station"], job["moved_from"]) == ("counter-2", "receipt", "counter")
    assert (job["age_ms"], job["asks"]) == (90_000, False)
    rig.clock.step_wall(-3_600_000)
    assert client.get("/api/v1/print-jobs").json["jobs"][0]["age_ms"] == 0


def test_a_device_that_goes_down_is_told_to_the_journal_once_and_once_when_it_is_back(rig):
    registry = Registry(
        rig.node.devices.rows,
        rig.clock,
        lambda: None,
        lambda turn: device_facts.changed(
            rig.node,
            DeviceChanged(device=turn.device, kind=turn.kind, up=turn.up, state=turn.state, cause=turn.cause),
        ),
    )
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device, registry=registry)
    for _ in range(3):
        queue.step()
    device.status = type(PAPER_OUT)("ready", "")
    for _ in range(3):
        queue.step()
    raws = [raw for (raw,) in rig.rows("SELECT raw FROM facts WHERE kind = 'device.changed' ORDER BY n")]
    assert [(b'"up":true' in raw, b"paper_out" in raw) for raw in raws] == [(False, True), (True, False)]


def test_a_journal_that_cannot_be_written_does_not_stop_the_device(rig):
    turn = DeviceChanged(device="counter", kind="printer", up=False, state="error")
    device_facts.changed(rig.over(NoRoom(rig.db, at=0)), turn)
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'device.changed'") == [(0,)]


class NoRoom(BreakingStorage):
    def write(self, work):
        raise database.OperationalError("database or disk is full")


# Files from before


def test_slips_of_a_file_from_before_there_were_many_printers_are_kept_and_print(tmp_path):
    old = Migrations("edge")
    old(name="001_spine")(spine)
    tmp_path.joinpath("node").mkdir()
    with closing(database.connect(tmp_path / "node" / "node.db")) as raw:
        migrate.apply(raw, old)
        raw.execute(
            "INSERT INTO print_jobs (job_id, document, subject, label, state, created_ms, position)"
            " VALUES ('a', 'receipt', 'b', '1-1-000001', 'queued', 0, 1)"
        )
    with Rig(tmp_path / "node") as rig:
        [job] = slips.open_jobs(rig.node)
        assert (job.station, job.printer, job.moved_from, job.asked) == ("receipt", "", "", 0)
        with rig.db.read() as reader:
            assert print_jobs.next_waiting(reader, ("counter", "")) == job
            assert print_jobs.next_waiting(reader, ("counter", "counter")) is None
        assert not steps.pending(sqlite(rig)), "it has the schema of now"


def sqlite(rig: Rig) -> SqliteUtils:
    return SqliteUtils(database.connect(rig.folder / "node.db", read_only=True))


def test_a_node_without_devices_sells_and_says_that_it_has_no_printer(tmp_path):
    with Rig(tmp_path, devices=()) as rig:
        rig.sell(1)
        said = status.status(desk_of(rig), AT_TILL_1)
        assert (said.printer.state, said.devices.down, slips.open_jobs(rig.node)) == ("none", 0, [])
        assert msgspec.json.encode(said)
