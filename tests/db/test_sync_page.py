"""The node's sync page, its JSON, the figures for Prometheus, and alarms as facts."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from edge.app import create_app
from edge.db import alarms as table
from edge.db import copies, journal
from edge.db.archives import ArchiveRow, set_missing
from edge.db.archives import register as register_archive
from edge.db.copies import Drill
from edge.services.care import verify_journal
from edge.services.care.alarms import Alarms, CertificateView, certificate_of
from edge.services.care.clock_watch import OFF_MS, RTT_MAX_MS, ClockWatch
from edge.services.care.disk import VitalStorage
from edge.services.care.status import Desk
from edge.services.commit_times import CommitTimes, TimedStorage
from edge.services.copies import drill, snapshots
from edge.services.hub.enrolment import TLS_FILE
from edge.services.hub.outbox import NodeOutbox
from edge.services.hub.sync_view import SyncView, sync_view
from edge.services.node import Node
from edge.settings import MetricsSettings
from edge.web import words
from edge.web.live import StreamSeats
from edge.wiring.link import client_id
from sync.contract import kinds, operations
from sync.contract.facts import decode
from sync.contract.operations import ALARM_CODES, AlarmChanged
from sync.engine import troubles
from sync.engine.store_link import LinkStatus
from sync.engine.uplink import Phase
from sync.node import certificates
from sync.node.database import OperationalError
from sync.node.disk import LOW_BYTES, MIB, RED_BYTES, DiskWatch, Reserve
from sync.node.ports import SeededChance
from tests.kit.nodes import EPOCH, Rig, acknowledge

DAY_MS = 86_400_000
TOKEN = "a-token-of-the-settings"


class Disk:
    """A disk that has as much room as the test says."""

    def __init__(self, free: int) -> None:
        self.free = free

    def free_bytes(self) -> int:
        return self.free


class Seat:
    """A node with everything around it that the sync page tells of, moved by the test."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.rig = Rig(folder)
        self.disk = Disk(10 * LOW_BYTES)
        self.link: LinkStatus | None = None
        self.trouble = ""
        self.versions: dict[str, int] = {}
        clock = self.rig.clock
        # A reserve of its own size would be written: a test has no 32 MB to spare.
        watch = DiskWatch(self.disk, Reserve(folder, 4_096), clock)
        node = replace(self.rig.node, disk=watch, clock_watch=ClockWatch(clock), **changes)
        times = CommitTimes()
        self.node = replace(node, db=TimedStorage(node.db, times, clock), commits=times)
        self.desk = Desk(
            self.node, link=lambda: self.link, devices=list, trouble=lambda: self.trouble,
            hub_versions=lambda: self.versions,
        )  # fmt: skip
        self.alarms = Alarms(self.node, self.desk.link)
        if not self.rig.rows("SELECT 1 FROM staff"):
            self.rig.add_cashier()

    def client(self, *, signed_in: bool = True) -> FlaskClient:
        client = create_app(self.desk, StreamSeats(1)).test_client()
        if signed_in:
            assert client.post("/api/v1/session", json={"pin": "402817", "till": "1"}).status_code == 200
        return client

    def page(self, language: str = "en") -> str:
        answer = self.client().get(f"/sync?lang={language}")
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def view(self) -> SyncView:
        return sync_view(self.desk)

    def pass_ms(self, length_ms: int) -> None:
        self.rig.clock.advance(length_ms)

    def told(self) -> list[tuple[str, str]]:
        """Every alarm fact of the journal: kind and code."""
        raws = self.rig.rows("SELECT raw FROM facts WHERE kind LIKE 'alarm.%' ORDER BY n")
        found = []
        for (raw,) in raws:
            fact = decode(raw)
            body = kinds.read(fact)
            assert isinstance(body, AlarmChanged)
            assert fact.lane == 1
            found.append((fact.kind, body.code))
        return found

    def figures(self, **headers: str) -> dict[str, float]:
        answer = self.client(signed_in=False).get("/metrics", headers=headers)
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain")
        return figures(answer.get_data(as_text=True))


def figures(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shown(page: str, testid: str) -> str:
    found = re.search(rf'data-testid="{testid}"[^>]*>(.*?)</(?:dd|p|ul|div|table)>', page, re.DOTALL)
    assert found is not None, testid
    return re.sub(r"<[^>]+>", " ", found.group(1)).strip()


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


# --------------------------------------------------------------------------------------------------------------- the page
def test_it_says_what_waits_how_long_and_what_was_acknowledged_last(seat: Seat) -> None:
    seat.rig.sell(1)
    seat.pass_ms(5 * 60_000)
    before = seat.view()
    outbox = NodeOutbox(seat.node)
    assert (before.waiting.trade, before.acked_ms) == (2, None)
    assert before.oldest_waiting_ms is not None
    assert "5 minutes ago" in shown(seat.page(), "oldest")

    head = outbox.heads()[0]
    outbox.keep_ack(0, head.head_seq, head.head_chain, b"signed")

    after = seat.view()
    assert after.waiting.trade == 0
    assert after.acked_ms == seat.rig.clock.now_ms()
    assert [lane.acked_seq for lane in after.lanes if lane.lane == 0] == [2]
    assert shown(seat.page(), "waiting-trade") == "0"
    assert verify_journal.verify(seat.node).findings[0].what  # the made-up signature is found; nothing else looks at it


@pytest.mark.parametrize(
    ("phase", "refusal", "heard", "state"),
    [
        (Phase.OPEN, "", True, "connected"),
        (Phase.DOWN, "", True, "away"),
        (Phase.GREETING, "", False, "never"),
        (Phase.REFUSED, "fork", True, "refused"),
        (Phase.DOWN, "revoked", True, "refused"),
    ],
)
def test_every_state_of_the_way_has_words_in_both_languages(
    seat: Seat, phase: Phase, refusal: str, heard: bool, state: str
) -> None:
    now_ms = seat.rig.clock.now_ms()
    seat.link = LinkStatus(phase, now_ms, refusal, now_ms if heard else None)
    seat.pass_ms(3 * 3_600_000)
    assert seat.view().hub.state == state
    for language in ("zh", "en"):
        page = seat.page(language)
        assert words.catalogue()[language][f"sync.state_{state}"] in page
        if refusal:
            assert words.catalogue()[language][f"sheet.refused_{refusal}"].replace("'", "&#39;") in page
        said = shown(page, "sync-state")
        assert ("3 h 0 min ago" in said) == (heard and language == "en")


def test_broker_trouble_a_replaced_node_and_a_refusal_nobody_taught_it_are_sentences(seat: Seat) -> None:
    english = words.catalogue()["en"]
    for code in troubles.CODES:
        seat.trouble = code
        assert english[f"link.trouble.{code}"].replace("'", "&#39;") in seat.page()
    seat.trouble = ""
    assert 'data-testid="sync-trouble"' not in seat.page()
    seat.link = LinkStatus(Phase.REFUSED, 0, "something_new", 1)
    assert english["sheet.refused_other"].replace("'", "&#39;") in seat.page()
    seat.node.fence.put(seat.node.db, EPOCH)
    page = seat.page()
    assert english["sync.state_fenced"] in page
    assert "sync-fenced" in page
    assert seat.view().cut.stopped == ("sell", "receipts")


def test_a_revoked_node_says_so_whatever_the_broker_says_and_a_broker_alone_ends_nothing(seat: Seat) -> None:
    seat.trouble = "sign_in_refused"
    seat.link = LinkStatus(Phase.DOWN, 0, "", None)
    view = seat.view()
    assert (view.hub.state, view.hub.refusal) == ("never", "")
    assert not seat.node.revoked, "a broker's refusal is no word of the hub's"
    NodeOutbox(seat.node).keep_revoked()
    for link in (seat.link, None):
        seat.link = link
        view = seat.view()
        assert (view.hub.state, view.hub.refusal, view.hub.trouble) == ("refused", "revoked", "sign_in_refused")
    assert view.cut.stopped == ("sell", "receipts")
    for language in ("zh", "en"):
        page = seat.page(language)
        for key in ("sheet.refused_revoked", "sheet.revoked_works"):
            assert words.catalogue()[language][key].replace("'", "&#39;") in page
    answer = seat.client().get("/api/v1/status").get_json()
    assert (answer["node"]["revoked"], answer["hub"]["refusal"]) == (True, "revoked")
    with seat.node.db.read() as reader:
        assert "hub.revoked" in seat.alarms.conditions(reader)


def test_a_connection_is_named_anew_at_each_start_so_that_a_copy_of_the_node_is_another_client(seat: Seat) -> None:
    held = seat.node.enrolment
    assert held is not None
    names = [client_id(held, SeededChance(seed)) for seed in ("original", "copy")]
    assert len(set(names)) == 2
    assert all(name.startswith(f"{held.store}-{held.epoch}-{held.node[-12:]}-") for name in names)


def test_a_clock_more_than_two_minutes_off_is_said_in_words_and_one_less_is_only_shown(seat: Seat) -> None:
    watch, clock = seat.node.clock_watch, seat.rig.clock
    assert watch is not None
    watch.hub_said(clock.now_ms() - OFF_MS + 1_000, clock.monotonic_ms())
    assert "119 s ahead of head office" in shown(seat.page(), "clock")
    assert "sync-clock-off" not in seat.page()
    watch.hub_said(clock.now_ms() + OFF_MS, clock.monotonic_ms())
    assert "120 s behind head office" in shown(seat.page(), "sync-clock-off")


def test_the_offset_is_learned_from_the_greeting_and_told_in_the_heartbeat(seat: Seat) -> None:
    outbox = NodeOutbox(seat.node)
    asked_ms = seat.rig.clock.monotonic_ms()
    seat.pass_ms(RTT_MAX_MS + 1)
    outbox.merge_time(seat.rig.clock.now_ms() - 10_000, asked_ms)
    assert outbox.heartbeat().clock_offset_ms is None, "an answer that took so long says nothing"
    asked_ms = seat.rig.clock.monotonic_ms()
    seat.pass_ms(200)
    outbox.merge_time(seat.rig.clock.now_ms() - 100 - 90_000, asked_ms)
    beat = outbox.heartbeat()
    assert beat.clock_offset_ms == 90_000
    assert beat.disk_free_mb == 10 * LOW_BYTES // MIB


def test_a_cut_means_less_on_a_full_disk_and_in_training(seat: Seat, tmp_path: Path) -> None:
    assert "sell" in seat.view().cut.works
    assert seat.view().cut.stopped == ()
    assert seat.view().cut.waits
    seat.disk.free = RED_BYTES - 1
    seat.pass_ms(2_000)
    assert "sell" not in seat.view().cut.works
    assert shown(seat.page(), "cut-stopped").startswith("Does not work now")
    with Rig(tmp_path / "training", enrolled=False) as rig:
        view = sync_view(Desk(rig.node, link=lambda: None, devices=list))
        assert (view.hub.state, view.cut.waits, view.cut.stopped) == ("training", (), ("sell", "receipts"))


def test_streams_name_the_version_held_and_the_hubs(seat: Seat) -> None:
    seat.node.db.write(
        lambda tx: tx.execute("INSERT INTO streams (stream, version, checksum) VALUES ('menu', 3, x'00')")
    )
    assert [(one.stream, one.held, one.hub) for one in seat.view().streams] == [("menu", 3, None)]
    seat.versions = {"menu": 5, "stores": 2, "prices": 0}
    assert {one.stream: (one.held, one.hub) for one in seat.view().streams} == {"menu": (3, 5), "stores": (0, 2)}
    assert "Menu" in shown(seat.page(), "streams")


def test_only_staff_see_it_and_a_part_comes_only_when_it_changed(seat: Seat) -> None:
    stranger = seat.client(signed_in=False)
    assert stranger.get("/sync").status_code == 401
    assert stranger.get("/api/v1/sync").status_code == 401
    assert stranger.get("/sync/_part").headers["HX-Refresh"] == "true"
    client = seat.client()
    page = client.get("/sync?lang=en").get_data(as_text=True)
    seen = re.search(r"seen=([0-9a-f]{16})", page)
    assert seen is not None
    assert client.get(f"/sync/_part?seen={seen.group(1)}").status_code == 204
    seat.rig.sell(7)
    changed = client.get(f"/sync/_part?seen={seen.group(1)}")
    assert changed.status_code == 200
    assert 'hx-swap-oob="true"' in changed.get_data(as_text=True)


def test_its_json_is_what_the_page_shows_and_is_described(seat: Seat) -> None:
    seat.rig.sell(3)
    client = seat.client()
    answer = msgspec.json.decode(client.get("/api/v1/sync").data, type=SyncView, strict=True)
    assert answer == seat.view()
    described = client.get("/api/v1/openapi.json").get_json()
    assert described["paths"]["/sync"]["get"]["responses"]["200"]["content"]
    assert "oldest_waiting_ms" in described["components"]["schemas"]["SyncView"]["properties"]


# ------------------------------------------------------------------------------------------------------------- prometheus
def test_the_figures_are_the_truth(seat: Seat) -> None:
    for number in range(1, 4):
        seat.rig.sell(number)
    acknowledge(seat.rig, 1)
    seat.pass_ms(90_000)
    seat.node.db.write(lambda tx: seat.pass_ms(30))
    now = seat.figures()
    with seat.node.db.read() as reader:
        heads = journal.heads(reader, EPOCH)
    assert now["zhanggui_edge_facts_waiting{lane=trade}"] == heads[0].head_seq == 6
    assert now["zhanggui_edge_facts_waiting{lane=operations}"] == 0
    assert now["zhanggui_edge_oldest_waiting_seconds"] == 90.03
    assert now["zhanggui_edge_sales_total"] == 3
    assert not [name for name in now if "amount" in name], "whoever counts blind can open this page too"
    assert now["zhanggui_edge_link_up"] == 0
    assert now["zhanggui_edge_disk_free_bytes"] == 10 * LOW_BYTES
    assert now["zhanggui_edge_commit_seconds_bucket{le=0.05}"] == now["zhanggui_edge_commit_seconds_count"]
    assert now["zhanggui_edge_commit_seconds_bucket{le=0.02}"] == now["zhanggui_edge_commit_seconds_count"] - 1
    assert now["zhanggui_edge_commit_seconds_sum"] == 0.03
    assert now["zhanggui_edge_alarm{code=disk.red}"] == 0
    seat.link = LinkStatus(Phase.OPEN, 0, "", 1)
    assert seat.figures()["zhanggui_edge_link_up"] == 1


def test_figures_are_for_this_machine_or_for_the_token_of_the_settings(seat: Seat, tmp_path: Path) -> None:
    def asked(of: Seat, address: str = "127.0.0.1", **headers: str) -> int:
        client = of.client(signed_in=False)
        return client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    assert asked(seat) == asked(seat, "::1") == 200
    assert asked(seat, "192.0.2.8") == 403
    assert asked(seat, **{"X-Forwarded-For": "192.0.2.8"}) == 403, "what a proxy passes on is not from here"
    assert asked(seat, "192.0.2.8", Authorization="Bearer ") == 403, "no token is set, and none opens"
    told = Seat(tmp_path / "token")
    settings = msgspec.structs.replace(told.node.settings, metrics=MetricsSettings(token=TOKEN))
    told.desk = replace(told.desk, node=replace(told.node, settings=settings))
    assert asked(told, "192.0.2.8", Authorization=f"Bearer {TOKEN}") == 200
    assert asked(told, "192.0.2.8", Authorization=f"Bearer {TOKEN}x") == 403
    assert asked(told, Authorization="Bearer wrong") == 403, "a wrong token is refused from here too"
    assert asked(told) == 200


def test_no_label_and_no_figure_names_a_person(seat: Seat) -> None:
    seat.rig.sell(1)
    text = seat.client(signed_in=False).get("/metrics").get_data(as_text=True)
    assert seat.rig.rows("SELECT name FROM staff")[0][0] not in text
    labels = {key for family in text_string_to_metric_families(text) for one in family.samples for key in one.labels}
    assert labels == {"lane", "code", "le", "version"}


# ----------------------------------------------------------------------------------------------------------------- alarms
def test_an_alarm_is_raised_once_and_cleared_once_and_a_restart_forgets_nothing(seat: Seat) -> None:
    assert seat.alarms.look() == []
    assert seat.told() == [], "a node that is well tells nothing"
    seat.disk.free = LOW_BYTES - 1
    seat.pass_ms(2_000)
    assert [one.code for one in seat.alarms.look()] == ["disk.low"]
    assert seat.alarms.look() == []
    again = Alarms(seat.node, seat.desk.link)
    assert again.look() == []
    assert NodeOutbox(seat.node).heartbeat().alarms == ("disk.low",)
    assert "disk has little room" in shown(seat.page(), "sync-alarms")
    assert seat.figures()["zhanggui_edge_alarm{code=disk.low}"] == 1
    seat.disk.free = 10 * LOW_BYTES
    seat.pass_ms(2_000)
    again.look()
    assert seat.told() == [("alarm.raised", "disk.low"), ("alarm.cleared", "disk.low")]
    assert NodeOutbox(seat.node).heartbeat().alarms == ()
    assert verify_journal.verify(seat.node).ok


def test_everything_a_person_must_look_at_has_its_code(seat: Seat, tmp_path: Path) -> None:
    node, clock = seat.node, seat.rig.clock

    def codes() -> set[str]:
        with node.db.read() as reader:
            return set(seat.alarms.conditions(reader))

    assert codes() == set()
    for refusal in ("fork", "rewind", "revoked", "upgrade"):
        seat.link = LinkStatus(Phase.REFUSED, 0, refusal, 1)
        assert codes() == {f"hub.{refusal}"}
    seat.link = LinkStatus(Phase.REFUSED, 0, "busy", 1)
    assert codes() == set(), "what is tried again by itself needs nobody"
    seat.link = None
    clock.step_wall(-3_600_000)
    assert codes() == {"clock.stepped"}
    assert node.clock_watch is not None
    node.clock_watch.hub_said(clock.now_ms() + 3_600_000, clock.monotonic_ms())
    assert codes() == {"clock.wrong"}
    node.clock_watch.hub_said(clock.now_ms(), clock.monotonic_ms())
    seat.disk.free = RED_BYTES - 1
    seat.pass_ms(2_000)
    assert codes() == {"disk.red"}
    seat.disk.free = 10 * LOW_BYTES
    archive = ArchiveRow("2026-01-01.zga", "2026-01-01", 1, 2, 2, b"x" * 32, 10, 1)
    node.db.write(lambda tx: register_archive(tx, archive, []))
    seat.pass_ms(2_000)
    assert codes() == set()
    node.db.write(lambda tx: set_missing(tx, archive.name, True))
    assert codes() == {"archive.damaged"}
    node.db.write(lambda tx: set_missing(tx, archive.name, False))
    seat.rig.sell(1)
    seat.pass_ms(snapshots.OLD_AFTER_MS + 7_200_000)
    assert codes() == {"snapshot.overdue"}
    folder = tmp_path / snapshots.FOLDER
    folder.mkdir()
    (folder / f"node-qingci-{clock.now_ms():013d}.zgs").write_bytes(b"")
    assert codes() == set()
    node.db.write(lambda tx: copies.keep_drill(tx, Drill(clock.now_ms(), ok=False, record=b"{}", signature=b"")))
    assert codes() == {"drill.failed"}
    node.db.write(lambda tx: copies.keep_drill(tx, Drill(clock.now_ms() + 1, ok=True, record=b"{}", signature=b"")))
    seat.pass_ms(drill.OLD_AFTER_MS + 2)
    assert codes() == {"drill.overdue", "snapshot.overdue"}


def test_a_certificate_near_its_end_is_an_alarm_and_one_due_for_renewal_is_none(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    assert certificate_of(seat.node) is None
    grant = seat.node.enrolment
    assert grant is not None
    broker = msgspec.structs.replace(grant.broker, tls="mutual")
    node: Node = replace(seat.node, enrolment=msgspec.structs.replace(grant, broker=broker))
    now_ms = seat.rig.clock.now_ms()
    root, sealed = certificates.new_authority("demo", b"serial-of-the-root", now_ms, b"password")
    issuer = certificates.open_authority(root, sealed, b"password")
    csr = certificates.request(certificates.seeded_key(b"node"), "node")
    issued = certificates.issue(issuer, csr, certificates.Leaf("node", "client"), b"serial-of-the-leaf", now_ms)
    (tmp_path / TLS_FILE).write_text(issued)
    told = certificates.read(issued)
    assert certificate_of(node) == CertificateView(told.not_after_ms, "good")
    life_ms = told.not_after_ms - told.not_before_ms
    seat.pass_ms(life_ms * 3 // 4)
    looking = Alarms(node, lambda: None)
    with node.db.read() as reader:
        assert certificate_of(node) == CertificateView(told.not_after_ms, "due")
        assert "certificate.ending" not in looking.conditions(reader)
        seat.rig.clock.advance(told.not_after_ms - seat.rig.clock.now_ms() - 1_000)
        assert "certificate.ending" in looking.conditions(reader)
        seat.rig.clock.advance(2_000)
        assert "certificate.expired" in looking.conditions(reader)


def test_a_full_disk_that_refuses_the_fact_stops_nothing_and_spends_no_reserve(seat: Seat) -> None:
    class Full:
        inner = seat.node.db

        def write(self, work: Any) -> Any:
            raise OperationalError("database or disk is full")

        def read(self) -> Any:
            return self.inner.read()

    watch = seat.node.disk
    assert watch is not None
    assert watch.start().reserve_held
    node = replace(seat.node, db=VitalStorage(Full(), watch))
    seat.disk.free = LOW_BYTES - 1
    seat.pass_ms(2_000)
    Alarms(node, lambda: None).quietly()
    assert seat.told() == []
    assert watch.state().reserve_held
    with pytest.raises(OperationalError):
        node.db.write(lambda tx: None)
    assert not watch.state().reserve_held, "what closes a shift may spend it"
    with seat.node.db.read() as reader:
        assert table.open_alarms(reader, EPOCH) == []


def test_alarms_of_another_epoch_are_not_this_computers(seat: Seat) -> None:
    seat.node.db.write(lambda tx: table.put(tx, EPOCH + 1, table.Alarm("disk.low", "", 1)))
    assert NodeOutbox(seat.node).heartbeat().alarms == ()
    assert seat.view().alarms == ()


def test_training_tells_nobody_and_every_code_has_words(tmp_path: Path) -> None:
    with Rig(tmp_path, enrolled=False) as rig:
        assert Alarms(rig.node, lambda: None).look() == []
    for language in ("zh", "en"):
        assert not [
            code for code in ALARM_CODES if f"alarm.{code.replace('.', '_')}" not in words.catalogue()[language]
        ]
    assert operations.ALARM_RAISED == "alarm.raised"
