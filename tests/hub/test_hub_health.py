"""The hub's health door: what it looks at, what it says when a part is gone, and that asking changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.app import create_app
from cloud.db import migrate, probe
from cloud.db.engine import HubDatabase, open_engine
from cloud.services.health import Checkup
from cloud.web import words
from cloud.wiring import Core, open_core
from sync.node.disk import RESERVE_NAME, Room
from sync.node.ports import ManualClock, SeededChance
from sync.node.watchdog import Vitals
from tests.kit.hub_stores import CHEAP, EVENING_MS, open_hub


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    held = open_hub(tmp_path, ManualClock(EVENING_MS))
    yield held
    held.database.close()


def checkup(database: HubDatabase, vitals: Vitals | None = None, clock: ManualClock | None = None) -> Checkup:
    return Checkup(database, {} if vitals is None else vitals, "9.9", clock or ManualClock(EVENING_MS))


def test_a_hub_in_order_says_so_to_anybody_and_says_nothing_else(core: Core) -> None:
    core.vitals["link"] = core.vitals["projector"] = lambda: True
    answer = create_app(core.hub).test_client().get("/api/v1/health")
    assert answer.status_code == 200
    checks = {"readable": True, "writable": True, "link": True, "projector": True}
    assert answer.get_json() == {
        "ok": True,
        "version": core.hub.version,
        "step": migrate.migrate(core.database),
        "checks": checks,
    }


@pytest.mark.parametrize("gone", ["link", "projector"])
def test_a_loop_that_stands_still_is_named(core: Core, gone: str) -> None:
    core.vitals["link"] = core.vitals["projector"] = lambda: True
    core.vitals[gone] = lambda: False
    answer = create_app(core.hub).test_client().get("/api/v1/health")
    assert answer.status_code == 503
    assert [name for name, well in answer.get_json()["checks"].items() if not well] == [gone]
    assert not answer.get_json()["ok"]


def test_a_trial_write_leaves_nothing_behind(hub_database: HubDatabase) -> None:
    def leases() -> list[tuple[object, ...]]:
        with hub_database.read() as reader:
            rows = reader.connection.exec_driver_sql("SELECT slot, holder, fence, until_ms FROM leases ORDER BY slot")
            return [tuple(row) for row in rows]

    before = leases()
    assert before
    assert probe.writable(hub_database)
    assert leases() == before
    assert probe.step(hub_database) == migrate.migrate(hub_database)


def test_a_file_that_may_only_be_read_is_told_apart_from_one_that_is_gone(core: Core, tmp_path: Path) -> None:
    only_read = open_engine(f"sqlite:///file:{tmp_path / 'hub.db'}?mode=ro&uri=true")
    found = checkup(only_read).look()
    assert (found.ok, found.checks) == (False, {"readable": True, "writable": False})
    only_read.close()
    gone = open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'hub.db'}")
    found = checkup(gone).look()
    assert (found.ok, found.step, found.checks) == (False, "", {"readable": False, "writable": False})
    gone.close()


def test_whoever_asks_often_costs_the_hub_one_look_a_second(core: Core) -> None:
    looked: list[int] = []
    clock = ManualClock(EVENING_MS)

    def link() -> bool:
        looked.append(1)
        return len(looked) == 1

    desk = checkup(core.database, {"link": link}, clock)
    assert all(desk.look().ok for _ in range(20))
    assert len(looked) == 1
    clock.advance(1_000)
    assert not desk.look().ok


def test_a_hub_that_takes_in_facts_watches_the_disk_under_them(core: Core, tmp_path: Path) -> None:
    reserve = tmp_path / RESERVE_NAME
    assert core.ingest._room() is core.hub.fleets._room() is Room.OK
    assert not reserve.exists(), "commands on the files of a stopped hub take in nothing, and hold no room"
    at_work = open_core(
        core.hub.settings, clock=ManualClock(EVENING_MS), chance=SeededChance("hub"), cost=CHEAP, worker="w"
    )
    assert at_work.ingest._room == at_work.hub.fleets._room
    assert at_work.ingest._room() in set(Room)
    assert reserve.exists()
    at_work.database.close()


def test_a_full_disk_stands_in_the_attention_list(core: Core) -> None:
    fleets = core.hub.fleets
    assert "disk_red" not in {alarm.code for alarm in fleets.hub_alarms()}
    fleets._room = lambda: Room.RED
    assert "disk_red" in {alarm.code for alarm in fleets.hub_alarms()}
    page = create_app(core.hub).test_client()
    password = (core.hub.settings.folder / "console-password.txt").read_text().strip()
    assert page.post("/api/v1/session", json={"password": password}).status_code == 200
    said = words.load().text("look.hub_disk_red", "zh-CN")
    assert said in page.get("/overview").text
