"""A disk that is full at the hub: nothing is acknowledged, nothing is lost, the page and every answer say what to do."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from cloud.app import create_app
from cloud.db.engine import HubDatabase
from cloud.jobs import LinkWorker
from cloud.services.disk import FULL_MS, HubDisk, is_full
from cloud.wiring import Core, open_core
from sync.contract import topics
from sync.contract.facts import Lane
from sync.contract.words import Name
from sync.node.disk import LOOK_MS, DiskWatch, Reserve, Room
from sync.node.ports import ManualClock, SeededChance
from tests.hub.test_hub_link_worker import ListTransport, heard
from tests.kit.hub_stores import CHEAP, EVENING_MS, StoreByHand, hub_settings

GIB = 1 << 30


@dataclass
class House:
    core: Core
    clock: ManualClock
    store: StoreByHand
    worker: LinkWorker
    line: ListTransport

    def facts(self) -> int:
        with self.core.database.read() as reader:
            return int(reader.connection.exec_driver_sql("SELECT count(*) FROM facts").scalar_one())

    def alarms(self) -> list[str]:
        return [one.code for one in self.core.hub.fleets.hub_alarms()]

    def sells(self, sales: int) -> list[tuple[str, bytes]]:
        """Sell, and give all of it as a batch."""
        for _ in range(sales):
            self.store.sell([("Rice", 1, 300)], printed=False)
        return [self.store.batch(Lane.TRADE)]

    def takes(self, *arrived: tuple[str, bytes]) -> list[str]:
        """Let the hub's worker take messages in; gives the kinds of its answers to the store."""
        self.line.arrived = [heard(one) for one in arrived]
        self.line.published.clear()
        with contextlib.suppress(DBAPIError):
            self.worker.step(0)
        prefix = topics.of_store(self.store.tenant, self.store.store).prefix
        return [topic.rpartition("/")[2] for topic, _ in self.line.published if topic.startswith(prefix)]


@pytest.fixture
def house(tmp_path: Path, hub_url: str) -> Iterator[House]:
    clock = ManualClock(EVENING_MS)
    core = open_core(hub_settings(tmp_path, hub_url), clock=clock, chance=SeededChance("hub"), cost=CHEAP, worker="w")
    store = StoreByHand(core, "near", Name("店", "Near"), clock)
    assert core.leases is not None
    core.leases.tend()
    line = ListTransport()
    worker = LinkWorker(
        line, core.ingest, core.database, core.identity, tenant=store.tenant, clock=clock, on_facts=lambda: None
    )
    yield House(core, clock, store, worker, line)
    core.database.close()


@contextlib.contextmanager
def no_room(database: HubDatabase) -> Iterator[None]:
    """Let the database itself say that it has no room for facts, as it does on a full disk."""
    if database.on_postgresql:
        refuse = "BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END"
        script = [
            f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$",
            "CREATE TRIGGER no_room BEFORE INSERT ON facts EXECUTE FUNCTION no_room()",
        ]
        undo = ["DROP TRIGGER no_room ON facts", "DROP FUNCTION no_room"]
    else:
        pages = "SELECT page_count FROM pragma_page_count"
        with database.read() as reader:
            count = reader.connection.exec_driver_sql(pages).scalar_one()
        # The bound is each connection's own; the pool gives back the one that was used last.
        script, undo = [f"PRAGMA max_page_count = {count}"], ["PRAGMA max_page_count = 4294967294"]
    for statements in (script, None, undo):
        if statements is None:
            yield
            continue
        with database.write() as tx:
            for statement in statements:
                tx.connection.exec_driver_sql(statement)


def test_a_database_without_room_takes_nothing_acknowledges_nothing_and_says_so_until_there_is_room(
    house: House,
) -> None:
    assert house.alarms() == []
    facts = house.sells(100)
    with no_room(house.core.database):
        assert house.takes(*facts) == [], "no ack, for nothing is stored"
        assert house.facts() == 0
        assert house.alarms() == ["disk_red"], "the page says it, whatever the disk says of itself"
        # While it lasts nothing is even tried: the store is told to wait, and keeps what it has.
        assert house.takes(*facts) == ["a"]
        assert house.facts() == 0
        house.clock.advance(FULL_MS)
        assert house.takes(*facts) == [], "it is tried again, and there is no room yet"
        assert house.alarms() == ["disk_red"]
    house.clock.advance(FULL_MS)
    assert house.alarms() == []
    assert house.takes(*facts) == ["a"]
    assert house.facts() == 200, "nothing is lost, nothing is doubled"


def test_other_troubles_of_the_database_are_not_called_a_full_disk(house: House) -> None:
    facts = house.sells(1)
    with house.core.database.write() as tx:
        tx.connection.exec_driver_sql("ALTER TABLE lane_marks RENAME TO elsewhere")
    assert house.takes(*facts) == []
    assert house.alarms() == []


def test_the_console_says_that_nothing_was_changed_and_what_to_do(house: House, tmp_path: Path) -> None:
    client = create_app(house.core.hub).test_client()
    password = (tmp_path / "console-password.txt").read_text().strip()
    assert client.post("/api/v1/session", json={"password": password}).status_code == 200

    def full() -> None:
        raise OperationalError("INSERT", {}, _full_error())

    fleets: Any = house.core.hub.fleets
    fleets.fleet = lambda *_: full()
    for language, words in (("en", "Make room, then try again"), ("zh", "腾出空间再试")):
        answer = client.get("/api/v1/fleet", headers={"Accept-Language": language})
        told = answer.get_json()
        assert (answer.status_code, told["code"]) == (507, "disk_full")
        assert words in told["message"]


def _full_error() -> Exception:
    class DatabaseError(Exception):
        pass

    return DatabaseError("database or disk is full")


class Space:
    def __init__(self, free: int) -> None:
        self.free = free

    def free_bytes(self) -> int:
        return self.free


def test_the_reserve_is_freed_for_what_is_small_and_taken_again_when_there_is_room(tmp_path: Path) -> None:
    clock, space, reserve = ManualClock(EVENING_MS), Space(GIB), Reserve(tmp_path, size=4_096)
    disk = HubDisk(DiskWatch(space, reserve, clock), clock)
    assert (disk.room(), reserve.held) == (Room.OK, True)
    disk.failed(ValueError("not about the disk"))
    assert (disk.room(), reserve.held) == (Room.OK, True)
    space.free = 0
    disk.failed(_full_error())
    assert (disk.room(), reserve.held) == (Room.RED, False)
    clock.advance(FULL_MS + LOOK_MS)
    assert disk.room() is Room.RED, "the disk says so itself now"
    space.free = GIB
    clock.advance(LOOK_MS)
    assert (disk.room(), reserve.held) == (Room.OK, True)


def test_a_full_disk_is_known_by_the_drivers_own_word() -> None:
    assert is_full(OperationalError("x", {}, _full_error()))
    assert not is_full(OperationalError("x", {}, type("DatabaseError", (Exception,), {})("database is locked")))
    assert not is_full(OSError("disk is full")), "who says it is no database"
