"""The fleet page, alarms of stores as a read model, the hub's own alarms, and the hub's figures for Prometheus."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from cloud.app import create_app
from cloud.db import alarms as table
from cloud.db import backup, drills, member_tables, migrate, presence
from cloud.db.backup import BackupRow, DrillRow
from cloud.services import verify
from cloud.services.fleet import BACKUP_LATE, DRILL_OLD_MS, DRILL_OVERDUE, Fleet, FleetStore
from cloud.services.views import LaneWaiting
from cloud.settings import EnrolmentSettings
from cloud.web import words
from cloud.wiring import Core, open_core
from sync.contract import messages, operations, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import Lane
from sync.contract.messages import Heartbeat, Hello, LaneHead
from sync.contract.operations import ALARM_CODES, AlarmChanged, DrillDone
from sync.contract.words import Name
from sync.node.ports import ManualClock, SeededChance
from tests.kit.hub_stores import CHEAP, EVENING_MS, StoreByHand, hub_settings

MINUTE_MS = 60_000


@dataclass
class House:
    core: Core
    clock: ManualClock
    near: StoreByHand
    far: StoreByHand
    mute: StoreByHand
    folder: Path

    def fleet(self) -> dict[str, FleetStore]:
        return {store.id: store for store in self.core.hub.fleets.fleet().stores}

    def say(self, store: StoreByHand, kind: MessageKind, body: msgspec.Struct) -> None:
        named = topics.of_store(store.tenant, store.store)
        topic = named.hello if kind is MessageKind.HELLO else named.heartbeat
        self.core.ingest.receive([(topic, store.sealer.seal(kind, messages.encode(body)))])

    def beat(self, store: StoreByHand, **changes: Any) -> None:
        told: dict[str, Any] = {
            "wall_ms": self.clock.now_ms(), "waiting": {0: 0, 1: 0}, "oldest_waiting_ms": None,
            "day": self.core.hub.reports.business_day_now(), "day_sales": 0, "day_amount_fen": 0,
            "streams": {"stores": 9},
        }  # fmt: skip
        self.say(store, MessageKind.HEARTBEAT, Heartbeat(**{**told, **changes}))

    def alarm(self, store: StoreByHand, code: str, *, raised: bool = True, detail: str = "") -> None:
        kind = operations.ALARM_RAISED if raised else operations.ALARM_CLEARED
        body = msgspec.json.encode(AlarmChanged(code=code, detail=detail))
        store.write(Lane.OPERATIONS, kind, body, self.clock.now_ms())
        self.core.ingest.receive([store.batch(Lane.OPERATIONS)])
        self.core.projector.catch_up()

    def client(self) -> FlaskClient:
        client = create_app(self.core.hub).test_client()
        password = (self.folder / "console-password.txt").read_text().strip()
        assert client.post("/api/v1/session", json={"password": password}).status_code == 200
        return client

    def page(self, address: str = "/stores") -> str:
        answer = self.client().get(address, headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def token(self) -> str:
        return (self.folder / "api-token.txt").read_text().strip()


@pytest.fixture
def house(tmp_path: Path, hub_url: str) -> Iterator[House]:
    clock = ManualClock(EVENING_MS)
    # A second computer of a store waits for a person's word, unless the settings say otherwise.
    settings = msgspec.structs.replace(hub_settings(tmp_path, hub_url), enrolment=EnrolmentSettings(approval="never"))
    core = open_core(settings, clock=clock, chance=SeededChance("hub"), cost=CHEAP)
    made = [StoreByHand(core, name, Name(f"{name}店", name.title()), clock) for name in ("near", "far", "mute")]
    yield House(core, clock, made[0], made[1], made[2], tmp_path)
    core.database.close()


def row_of(page: str, store: str) -> str:
    found = re.search(rf'<tr id="store-{store}".*?</tr>', page, re.DOTALL)
    assert found is not None
    return found.group(0)


def test_a_store_that_is_away_is_grey_as_of_its_last_word_and_never_zero(house: House) -> None:
    house.near.sell([("Rice", 1, 300)])
    house.near.deliver()
    oldest_ms = house.clock.now_ms() - 30 * MINUTE_MS
    house.beat(
        house.near, waiting={0: 40, 1: 7}, oldest_waiting_ms=oldest_ms, day_sales=9, day_amount_fen=12_345,
        disk_free_mb=800, clock_offset_ms=-3_000, streams={"stores": 1},
    )  # fmt: skip
    assert house.fleet()["near"].state == "online"
    house.clock.advance(10 * MINUTE_MS)
    near, mute = house.fleet()["near"], house.fleet()["mute"]
    assert (near.state, near.waiting, near.as_of_ms) == ("away", LaneWaiting(40, 7), EVENING_MS)
    assert near.said is not None
    assert (near.said.sales, near.said.amount_fen) == (9, 12_345), "the store's own word"
    assert (near.said.arrived_sales, near.said.arrived_amount_fen) == (1, 300), "what is here"
    assert [(one.stream, one.held) for one in near.behind] == [("stores", 1)]
    assert (near.disk_free_mb, near.clock_offset_ms, near.clock_off) == (800, -3_000, False)
    assert (mute.state, mute.waiting, mute.said, mute.as_of_ms) == ("never", None, None, None)
    page = house.page()
    away, never = row_of(page, "near"), row_of(page, "mute")
    assert 'class="stale"' in away
    assert "40+7" in away
    assert away.count("as of 18:45") >= 2
    assert '<rect class="fill" width="100"' in away
    assert "9·123.45" in away
    assert "1·3.00" in away
    assert never.count("Unknown") == 5
    assert not re.search(r">\s*0[<·+.]", never), "what nobody said is not zero"


def test_the_one_that_needs_a_person_comes_first(house: House) -> None:
    house.beat(house.near)
    house.beat(house.far)
    assert [one.id for one in house.core.hub.fleets.fleet().stores] == ["mute", "far", "near"]
    house.beat(house.near, waiting={0: 25, 1: 0})
    assert next(iter(house.fleet())) == "near"
    house.beat(house.far, alarms=("disk.low",))
    assert list(house.fleet()) == ["far", "near", "mute"]
    house.beat(house.far, clock_offset_ms=121_000)
    assert house.fleet()["far"].clock_off
    hello = Hello(
        nonce=b"n" * 12, boot="b", software="1", wall_ms=house.clock.now_ms(), hlc=0,
        lanes={}, streams={},
    )  # fmt: skip
    house.near.sell([("Rice", 1, 300)])
    house.near.deliver()
    house.say(house.near, MessageKind.HELLO, hello)
    assert next((one.id, one.state, one.refusal) for one in house.core.hub.fleets.fleet().stores) == (
        "near",
        "refused",
        "rewind",
    )
    assert words.load().text("reason.rewind", "en").replace("'", "&#39;") in row_of(house.page(), "near")
    assert "Near is refused" in house.page("/overview")
    lanes = {
        lane: LaneHead(head_seq=end.seq, head_chain=end.chain, acked_seq=0, acked_chain=b"", oldest_seq=1)
        for lane, end in ((int(lane), end) for lane, end in house.near.lanes.items())
    }
    house.say(house.near, MessageKind.HELLO, msgspec.structs.replace(hello, nonce=b"m" * 12, lanes=lanes))
    assert house.fleet()["near"].refusal is None, "a welcome ends it"


def test_alarms_of_stores_are_facts_that_a_replay_rebuilds_and_a_new_computer_begins_without(house: House) -> None:
    house.beat(house.near)
    house.alarm(house.near, "disk.low", detail="412 MiB")
    house.alarm(house.near, "hub.fork")
    house.alarm(house.near, "disk.low", raised=False)
    house.alarm(house.near, "drill.overdue")
    house.alarm(house.far, "x.of_a_newer_node")
    near = house.fleet()["near"]
    assert [alarm.code for alarm in near.alarms] == ["hub.fork", "drill.overdue"], "the worst first"
    assert near.alarms[0].since_ms == EVENING_MS
    assert "refused: another history" in row_of(house.page(), "near")
    assert "x.of_a_newer_node" in row_of(house.page(), "far")
    overview = house.page("/overview")
    assert "Near needs a person, and 1 more" in overview
    with house.core.database.read() as reader:
        before = table.all_open(reader)
    house.core.projector.replay()
    with house.core.database.read() as reader:
        assert table.all_open(reader) == before
    assert len(before) == 3
    StoreByHand(house.core, "near", Name("近", "Near"), house.clock)
    assert house.fleet()["near"].alarms == (), "another computer took its place"


def test_a_heartbeat_tells_of_an_alarm_before_its_fact_comes_and_foreign_codes_are_refused(house: House) -> None:
    house.beat(house.near, alarms=("disk.red", "clock.wrong"))
    assert [(one.code, one.since_ms) for one in house.fleet()["near"].alarms] == [
        ("disk.red", None),
        ("clock.wrong", None),
    ]
    house.beat(house.near, alarms=("<script>",))
    house.beat(house.near, alarms=("a.b",) * 65)
    house.beat(house.near, disk_free_mb=-1)
    house.core.ingest.flush_counts()
    with house.core.database.read() as reader:
        assert {row.reason: row.count for row in presence.all_refusals(reader)} == {"bad_body": 3}
    assert [one.code for one in house.fleet()["near"].alarms] == ["disk.red", "clock.wrong"]


def test_a_replaced_computer_that_still_hands_over_is_named_until_it_is_done(house: House) -> None:
    house.near.sell([("Rice", 1, 300)])
    StoreByHand(house.core, "near", Name("近", "Near"), house.clock)
    assert house.fleet()["near"].handing_over == ()
    house.core.ingest.receive([house.near.batch(Lane.TRADE)])
    assert house.fleet()["near"].handing_over == (1,)
    assert "replaced computer 1 still handing over" in row_of(house.page(), "near")
    house.clock.advance(11 * MINUTE_MS)
    assert house.fleet()["near"].handing_over == ()


def test_the_hub_says_what_it_needs_a_person_for_itself(house: House) -> None:
    hub = house.core.hub
    assert hub.fleets.hub_alarms() == (), "an empty hub has nothing to lose"
    house.near.sell([("Rice", 1, 300)])
    house.core.ingest.receive([house.near.batch(Lane.TRADE)])
    house.clock.advance(30_000)
    assert hub.fleets.hub_alarms() == ()
    house.clock.advance(31_000)
    assert [(one.code, one.n) for one in hub.fleets.hub_alarms()] == [("projector_stuck", 2)]
    house.core.projector.catch_up()
    assert hub.fleets.hub_alarms() == ()
    house.clock.advance(BACKUP_LATE * 2 * MINUTE_MS)
    assert [one.code for one in hub.fleets.hub_alarms()] == ["backup_overdue"]
    row = BackupRow(house.clock.now_ms(), "x", 2, 2, 1, 1)
    with house.core.database.write() as tx:
        backup.keep_backup(tx, row, off_site=False, ends=[])
    assert hub.fleets.hub_alarms() == ()
    stranger = topics.of_store(house.near.tenant, "nobody").heartbeat
    house.core.ingest.receive([(stranger, b"what")])
    assert [one.code for one in hub.fleets.hub_alarms()] == ["stranger"]
    for address in ("/stores", "/overview"):
        assert "under a key that nobody knows" in house.page(address)
    house.clock.advance(25 * 60 * MINUTE_MS)
    assert "stranger" not in [one.code for one in hub.fleets.hub_alarms()]


def test_its_json_is_the_same_and_described_and_every_alarm_has_words(house: House) -> None:
    house.beat(house.near)
    client = house.client()
    answer = client.get("/api/v1/fleet")
    assert msgspec.json.decode(answer.data, type=Fleet, strict=True) == house.core.hub.fleets.fleet()
    described = client.get("/api/v1/openapi.json").get_json()
    assert described["paths"]["/fleet"]["get"]["operationId"] == "fleet"
    assert client.get("/fleet").headers["Location"] == "/stores"
    known = words.load()
    assert not [code for code in ALARM_CODES if not known.has(f"reason.alarm_{code.replace('.', '_')}")]


# ------------------------------------------------------------------------------------------------------------ prometheus


def figures(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_figures_are_the_truth_and_a_store_never_heard_has_none(house: House) -> None:
    house.near.sell([("Rice", 1, 300)])
    house.near.deliver()
    house.beat(
        house.near, waiting={0: 3, 1: 4}, oldest_waiting_ms=house.clock.now_ms() - 5_000, clock_offset_ms=1_500,
        disk_free_mb=2, alarms=("disk.red",),
    )  # fmt: skip
    house.far.sell([("Rice", 1, 300)])
    house.core.ingest.receive([house.far.batch(Lane.TRADE), ("rs1/zhanggui/up/nobody/hb", b"x")])
    house.clock.advance(4_000)
    client = create_app(house.core.hub).test_client()
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    now = figures(answer.get_data(as_text=True))
    assert now["zhanggui_hub_ingest_facts_total"] == 5
    assert now["zhanggui_hub_projector_lag_facts"] == 2
    assert now["zhanggui_hub_store_last_seen_seconds{store=near}"] == 4
    assert now["zhanggui_hub_store_facts_waiting{lane=trade}{store=near}"] == 3
    assert now["zhanggui_hub_store_facts_waiting{lane=operations}{store=near}"] == 4
    assert now["zhanggui_hub_store_oldest_waiting_seconds{store=near}"] == 9
    assert now["zhanggui_hub_store_clock_offset_seconds{store=near}"] == 1.5
    assert now["zhanggui_hub_store_disk_free_bytes{store=near}"] == 2 << 20
    assert now["zhanggui_hub_store_alarm{code=disk.red}{store=near}"] == 1
    assert now["zhanggui_hub_store_up{store=near}"] == 1
    assert now["zhanggui_hub_store_up{store=mute}"] == 0
    assert [name for name in now if "mute" in name] == [
        "zhanggui_hub_store_up{store=mute}",
        "zhanggui_hub_store_streams_behind{store=mute}",
    ]
    refused = {name: value for name, value in now.items() if name.startswith("zhanggui_hub_quarantined_total")}
    assert sum(refused.values()) == 1
    assert now["zhanggui_hub_console_sessions"] == 0
    assert house.client().get("/overview").status_code == 200
    assert figures(client.get("/metrics").get_data(as_text=True))["zhanggui_hub_console_sessions"] == 1


def test_figures_are_for_this_machine_or_for_the_programs_token(house: House) -> None:
    client = create_app(house.core.hub).test_client()

    def asked(address: str = "127.0.0.1", **headers: str) -> int:
        return client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    assert asked() == 200
    assert asked("192.0.2.9") == 403
    assert asked("192.0.2.9", Authorization=f"Bearer {house.token()}") == 200
    assert asked("192.0.2.9", Authorization="Bearer nearly") == 403
    assert asked(Authorization="Bearer nearly") == 403, "a wrong token is refused from here too"
    assert asked(**{"X-Forwarded-For": "192.0.2.9"}) == 403, "what a proxy passes on is not from here"


DAY_MS = 86_400_000


def drill(house: House, store: StoreByHand, at_ms: int, *, ok: bool = True) -> None:
    body = msgspec.json.encode(DrillDone(ok=ok, snapshot_ms=at_ms, facts=1, took_ms=1))
    store.write(Lane.OPERATIONS, operations.DRILL_DONE, body, at_ms)
    house.core.ingest.receive([store.batch(Lane.OPERATIONS)])
    house.core.projector.catch_up()


def overdue(house: House) -> dict[str, int | None]:
    alarms = {one.id: alarm for one in house.fleet().values() for alarm in one.alarms if alarm.code == DRILL_OVERDUE}
    return {store: alarm.since_ms for store, alarm in alarms.items()}


def test_a_store_whose_drill_is_old_or_never_was_turns_red_also_when_it_is_away(house: House) -> None:
    house.clock.advance(DRILL_OLD_MS)
    assert overdue(house) == {}, "a store that is younger owes none"
    drill(house, house.near, house.clock.now_ms() - 5_000)
    drill(house, house.far, house.clock.now_ms(), ok=False)
    house.clock.advance(1)
    assert overdue(house) == {"far": None, "mute": None}, "one that did not hold proves nothing"
    row = row_of(house.page(), "far")
    assert "no restore drill for long" in row
    assert "mark-triangle" in row.split('data-alarm="drill.overdue"')[1].split("</small>")[0]
    assert "很久没做恢复演练" in house.client().get("/stores", headers={"Accept-Language": "zh"}).get_data(as_text=True)
    house.clock.advance(DRILL_OLD_MS)
    held_ms = house.clock.now_ms() - DRILL_OLD_MS - 5_001
    assert overdue(house) == {"near": held_ms, "far": None, "mute": None}
    drill(house, house.near, house.clock.now_ms() + 400 * DAY_MS)
    assert "near" not in overdue(house)
    drill(house, house.near, held_ms)
    assert "near" not in overdue(house), "what comes late does not make the newer one old"
    house.clock.advance(DRILL_OLD_MS + 1)
    assert "near" in overdue(house), "a clock that is ahead buys no year"
    house.core.hub.enrolment.revoke("mute", 1)
    assert "mute" not in overdue(house), "nothing sells there"


def test_a_revoked_store_is_shown_as_refused_from_that_moment_whether_or_not_it_greets_again(house: House) -> None:
    house.beat(house.near)
    assert house.fleet()["near"].state == "online"
    assert house.core.hub.enrolment.revoke("near", 1)
    for passed_ms in (0, 10 * MINUTE_MS):
        house.clock.advance(passed_ms)
        near = house.fleet()["near"]
        assert (near.state, near.refusal, near.need) == ("refused", "revoked", 0)


def test_what_the_store_says_itself_of_its_drill_stands_once(house: House) -> None:
    house.clock.advance(DRILL_OLD_MS + 1)
    house.alarm(house.near, "drill.overdue")
    [alarm] = house.fleet()["near"].alarms
    assert (alarm.code, alarm.since_ms) == ("drill.overdue", house.clock.now_ms())


def test_the_hubs_own_drill_turns_red_in_both_languages(house: House) -> None:
    def alarms() -> list[tuple[str, int | None]]:
        return [(one.code, one.since_ms) for one in house.core.hub.fleets.hub_alarms() if one.code == "drill_overdue"]

    house.clock.advance(2 * DRILL_OLD_MS)
    assert alarms() == [], "a hub without facts has nothing to lose"
    house.near.sell([("Rice", 1, 300)])
    house.core.ingest.receive([house.near.batch(Lane.TRADE)])
    house.core.projector.catch_up()
    house.clock.advance(DRILL_OLD_MS)
    assert alarms() == []
    house.clock.advance(1)
    assert alarms() == [("drill_overdue", None)]
    for address in ("/stores", "/overview"):
        page = house.page(address)
        assert "The hub&#39;s restore drill is overdue: none ever held" in page
        there = page.split("restore drill is overdue")[0]
        assert there.rfind("triangle") > there.rfind("diamond"), "red"
        told = house.client().get(address, headers={"Accept-Language": "zh"}).get_data(as_text=True)
        assert "总部的恢复演练过期：从没成功过" in told
    with house.core.database.write() as tx:
        backup.keep_drill(tx, DrillRow(house.clock.now_ms(), 0, b"{}", b""))
    assert alarms() == [("drill_overdue", None)], "one that did not hold proves nothing"
    held_ms = house.clock.now_ms()
    with house.core.database.write() as tx:
        backup.keep_drill(tx, DrillRow(held_ms, 1, b"{}", b""))
    assert alarms() == []
    house.clock.advance(DRILL_OLD_MS + 1)
    assert alarms() == [("drill_overdue", held_ms)]


def test_a_hub_of_the_step_before_learns_its_stores_drills_from_the_facts_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    clock = ManualClock(EVENING_MS)
    core = open_core(hub_settings(folder, "sqlite"), clock=clock, chance=SeededChance("hub"), cost=CHEAP)
    store = StoreByHand(core, "near", Name("店", "Near"), clock)
    made = House(core, clock, store, store, store, folder)
    drill(made, store, EVENING_MS - 7_000, ok=False)
    drill(made, store, EVENING_MS - 5_000)
    with core.database.write() as tx:
        money = ("refunds", "ceded_refunds", "z_reports", "payments", "gateway_refunds")
        later = ("live_codes", "live_scans", "live_scans_told", "member_devices")
        for table in dict.fromkeys(("store_drills", *money, *member_tables.NAMES, *later)):
            tx.connection.exec_driver_sql(f"DROP TABLE {table}")
        tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008_alarms'")
    migrate.migrate(core.database)
    with core.database.read() as reader:
        assert drills.held_by_store(reader) == {"near": EVENING_MS - 5_000}
    assert verify.verify(core.database, core.hub.zone, folder).ok, "as a replay of the facts would have it"
    core.database.close()
