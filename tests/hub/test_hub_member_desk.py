"""What HQ's people and guests do with members: masked, with a reason, in the log; joining on the hub's own page; the night's work."""

from dataclasses import replace

import msgspec
import pytest

from cloud.db import backup, migrate
from cloud.db import ledger as rows
from cloud.db import members as member_rows
from cloud.db.engine import open_engine
from cloud.services import restore
from cloud.services.accounts import Who
from cloud.services.backup import Backups
from cloud.services.fleet import Fleets
from cloud.services.members import erase, people, proof
from cloud.services.members.hub import Members
from cloud.services.members.shared import BadDeed, NoMember
from cloud.services.publish import Publisher
from cloud.services.streams import state_at_head
from cloud.services.verify import verify
from cloud.services.versions import Versions
from cloud.settings import BackupSettings, BrokerSettings, HubSettings, ListenSettings, MemberSettings
from cloud.wiring import open_core
from sync.contract import ledger, times
from sync.contract.member_cards import DateOf, Profile, rules_in_force
from sync.contract.members import Consent, Origin
from sync.contract.points import Rules
from sync.node.keys import KeyFileError
from sync.node.ports import ManualClock, SeededChance
from sync.node.snapshots import Keyring
from tests.kit.hub_store import QUICK_COST
from tests.kit.hub_stores import hub_settings
from tests.kit.member_hub import MemberHub

PHONE = "+8613800138000"
ANNE, BOB = Who("anne", "10.0.0.7"), Who("bob")
YES = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)
AT_S1 = Origin(place="slip", store="s1", code="ab")


@pytest.fixture
def hub(tmp_path, sqlite_hub):
    return MemberHub(sqlite_hub, tmp_path)


@pytest.fixture
def box(hub):
    return Members(hub.shared, hub.booker)


def audited(hub):
    with hub.database.read() as reader:
        found = reader.connection.exec_driver_sql("SELECT actor, action, target, detail FROM audit ORDER BY n").all()
    return [tuple(row) for row in found]


# ------------------------------------------------------------------------------------------------------------- looking


@pytest.mark.parametrize(
    "text", ["138 0013 8000", "138-0013-8000", "+86 13800138000", "8613800138000", "１３８００１３８０００", "8000"]
)
def test_a_member_is_found_by_the_number_however_it_is_written_and_shown_masked(hub, box, text):
    member = hub.store().join(PHONE)
    hub.settle()
    [line] = box.desk.search(text)
    assert (line.member_id, line.phone, line.name) == (member, "138****8000", "王**")
    assert "13800138000" not in repr(box.desk.page(member))


def test_what_finds_nobody_finds_nobody(hub, box):
    hub.store().join(PHONE)
    hub.settle()
    for text in ("", "13900139000", "0000", "王", "0" * 32, "'; --"):
        assert box.desk.search(text) == ()


def test_the_page_says_what_a_member_has_and_where_it_comes_from(hub, box):
    store = hub.store()
    member = store.join(PHONE)
    store.sell(member, 10_000, earns=100)
    hub.settle()
    page = box.desk.page(member)
    assert (page.points, page.granted, page.debt, page.stores) == (100, 100, 0, ("s1",))
    assert [one.purpose for one in page.consents] == ["membership", "profiling", "sharing"]
    assert (len(page.sales), page.member.sealed, page.readable) == (1, "", True)
    [aside, earned] = box.desk.timeline(member)
    assert (earned.amount, earned.journal.kind, earned.journal.actor) == (100, "points.earned", "store:s1")
    assert (aside.amount, aside.journal.kind) == (-100, "grant.made")
    with pytest.raises(NoMember):
        box.desk.page("0" * 32)


def test_to_see_somebody_in_clear_takes_a_reason_and_is_in_the_log_first(hub, box):
    member = hub.store().join(PHONE)
    hub.settle()
    with pytest.raises(BadDeed, match="say why"):
        box.desk.reveal(member, ANNE, " ")
    assert audited(hub) == [row for row in audited(hub) if row[1] != "member.revealed"]
    assert box.desk.reveal(member, ANNE, "asked us to call back").phone == PHONE
    actor, action, target, detail = audited(hub)[-1]
    assert (actor, action, target) == ("anne", "member.revealed", member)
    assert "call back" in detail
    assert PHONE[1:] not in str(audited(hub))


def test_a_member_gets_everything_that_is_held_of_them(hub, box):
    store = hub.store()
    member = store.join(PHONE)
    store.sell(member, 10_000, earns=100)
    hub.settle()
    told = box.desk.export(member, ANNE, "asked for it")
    assert told["profile"]["phone"] == PHONE
    assert len(told["bills"]) == 1
    assert {one["kind"] for one in told["points"]} == {"points.earned", "grant.made"}
    assert msgspec.json.encode(told)
    assert audited(hub)[-1][1] == "member.exported"


def test_the_liability_adds_up(hub, box):
    store = hub.store()
    member = store.join(PHONE)
    store.earn(member, 300)
    store.hold(40)
    hub.settle()
    store.spend_granted(member, 100)
    store.spend(member, risk=500)
    hub.settle()
    told = box.desk.liability()
    assert (told.issued, told.redeemed, told.in_receipts, told.risk) == (340, 600, 40, {"s1": 500})
    assert (told.in_grants, told.with_members, told.outstanding) == (200, 0, 240)
    assert told.issued == told.outstanding + told.redeemed + told.expired - told.owed - sum(told.risk.values())
    assert sum(told.ends.values()) == told.outstanding
    assert told.worth_fen == 240


# --------------------------------------------------------------------------------------------------------------- deeds


def test_deeds_of_people_are_in_the_log_and_in_the_book(hub, box):
    store = hub.store()
    first, second = store.join(), store.join(PHONE)
    hub.settle()
    waiting = box.desk.issue(first, 5_000, ANNE, "opening week")
    assert [one.issue_id for one in box.desk.waiting_issues()] == [waiting.issue_id]
    box.desk.decide_issue(waiting.issue_id, BOB, allow=True)
    merge_id = box.desk.merge(first, second, ANNE, "same person")
    assert box.desk.page(first).line.member_id == second
    assert box.desk.undo_merge(merge_id, ANNE, "not the same") == first
    box.desk.set_staff(second, ANNE, staff=True)
    box.desk.erase(second, ANNE, "asked by letter")
    with pytest.raises(NoMember):
        box.desk.erase(second, ANNE, "asked by letter")
    assert [row[1] for row in audited(hub)][-6:] == [
        "points.issue_waiting",
        "points.issue_done",
        "member.merged",
        "member.parted",
        "member.staff_set",
        "member.erased",
    ]
    hub.proven()


def test_rules_are_published_under_the_next_number_and_hold_at_once(hub, box):
    assert box.desk.rules() == Rules()
    box.begin()
    assert box.desk.rules().version == 1
    box.begin()
    assert box.desk.publish_rules(Rules(welcome=88), ANNE) == 2
    assert box.desk.rules() == Rules(version=2, welcome=88)
    with hub.database.read() as reader:
        assert rules_in_force(state_at_head(reader, "rules")).welcome == 88


# ------------------------------------------------------------------------------------------------------------- joining


def test_a_guest_joins_on_the_phone_and_has_the_points_of_the_receipt(hub, box):
    store = hub.store()
    invite, _ = store.hold(40)
    hub.settle()
    told = box.joining.join(Profile(phone=PHONE, name="王"), YES, AT_S1, invite)
    assert (told.known, told.points, told.claimed) == (False, 90, "yes")
    card = hub.card("s1", told.member_id)
    assert card is not None
    assert (card.points, card.sealed != "") == (90, True)
    assert store.find(phone=PHONE).card == card
    hub.proven()


def test_a_receipt_that_the_hub_has_not_heard_of_is_claimed_as_soon_as_it_has(hub, box):
    store = hub.store()
    invite, _ = store.hold(40)
    told = box.joining.join(Profile(phone=PHONE), YES, AT_S1, invite)
    assert (told.points, told.claimed) == (50, "later")
    other = box.joining.join(Profile(phone="+8613900139000"), YES, AT_S1, invite)
    assert other.claimed == "claimed_twice"
    hub.settle()
    assert (hub.points(told.member_id), hub.points(other.member_id)) == (90, 50)
    hub.proven()


def test_somebody_who_is_a_member_joins_no_second_time_and_keeps_the_receipt(hub, box):
    store = hub.store()
    member = store.join(PHONE)
    first, _ = store.hold(40)
    hub.settle()
    told = box.joining.join(Profile(phone=PHONE), YES, AT_S1, first)
    assert (told.member_id, told.known, told.claimed) == (member, True, "yes")
    assert box.joining.claim(member, first) == "yes"  # told again it is the same
    assert hub.points(member) == 40


def test_whoever_gives_no_phone_gets_no_welcome_gift(hub, box):
    hub.store()
    told = box.joining.join(Profile(), YES, AT_S1)
    assert told.points == 0


@pytest.mark.parametrize(
    ("profile", "consents"),
    [
        (Profile(phone="13800138000"), YES),
        (Profile(birthday=DateOf(what="birthday", month_day="02-30")), YES),
        (Profile(), ()),
        (Profile(), (Consent(purpose="sms", given=True, text="v1", channel="phone"),)),
    ],
)
def test_what_is_not_sound_or_not_agreed_to_joins_nobody(hub, box, profile, consents):
    hub.store()
    with pytest.raises(BadDeed) as caught:
        box.joining.join(profile, consents, AT_S1)
    assert "138" not in str(caught.value)
    assert box.desk.count() == 0


def test_a_member_serves_themselves(hub, box):
    hub.store()
    member = box.joining.join(Profile(phone=PHONE), YES, AT_S1).member_id
    box.joining.put_profile(member, Profile(phone=PHONE, allergies=("虾",)))
    found = box.joining.profile(member)
    assert found is not None
    assert found.allergies == ("虾",)
    box.joining.consent(member, (Consent(purpose="sms", given=True, text="v1", channel="phone"),))
    assert [one.purpose for one in box.desk.page(member).consents] == ["membership", "sms"]
    with pytest.raises(BadDeed, match="leave"):
        box.joining.consent(member, (Consent(purpose="membership", given=False, text="v1", channel="phone"),))
    box.joining.leave(member)
    with pytest.raises(NoMember):
        box.joining.points(member)
    assert hub.card("s1", member) is None
    hub.proven()


def test_a_friend_who_joins_on_the_phone_is_bound_to_who_brought_them(hub, box):
    store = hub.store()
    referrer = store.join(PHONE)
    hub.settle()
    origin = Origin(place="member", store="s1", by_member=referrer)
    friend = box.joining.join(Profile(phone="+8613900139000"), YES, origin).member_id
    store.sell(friend, 9_000)
    hub.settle()
    hub.clock.advance(8 * times.DAY_MS)
    box.settle_due()
    assert (hub.points(referrer), hub.points(friend)) == (100, 150)


# --------------------------------------------------------------------------------------------------- night and proof


def test_the_night_is_done_once_for_a_day(hub, box):
    store = hub.store()
    member = store.join(PHONE)
    store.earn(member, 30)
    hub.settle()
    assert box.night_if_due()
    assert not box.night_if_due()
    told = box.desk.last_proof()
    assert told is not None
    assert (told.ok, told.findings) == (1, b"[]")
    hub.clock.advance(times.DAY_MS)
    assert box.night_if_due()


def test_guests_whom_a_store_has_not_seen_for_long_are_its_guests_no_more(hub, box):
    member = hub.store().join(PHONE)
    hub.settle()
    hub.clock.advance(399 * times.DAY_MS)
    assert box.part_from_guests() == 0
    hub.clock.advance(2 * times.DAY_MS)
    assert box.part_from_guests() == 1
    assert hub.card("s1", member) is None
    assert box.desk.page(member).readable


def test_verify_holds_the_book_against_its_laws(hub, tmp_path):
    store = hub.store()
    store.earn(store.join(), 30)
    hub.settle()
    hub.kit.projector.catch_up()
    assert verify(hub.database, hub.kit.zone, tmp_path).projections["book"]
    with hub.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE ledger_balances SET balance = balance + 1")
    report = verify(hub.database, hub.kit.zone, tmp_path)
    assert not report.ok
    assert not report.projections["book"]
    assert report.findings[0].what.startswith("a balance is the sum of its entries")


def test_a_book_that_is_broken_or_stands_still_is_told_to_a_person(hub, box):
    store = hub.store()
    store.earn(store.join(), 30)
    store.send()
    publisher = Publisher(hub.database, clock=hub.clock, zone=hub.kit.zone, cutoff_minutes=240)
    versions = Versions(hub.database, publisher)
    fleets = Fleets(hub.database, hub.kit.reports, versions, clock=hub.clock, backup_minutes=2)

    def codes():
        return {one.code for one in fleets.hub_alarms()} & {"booker_stuck", "book_broken"}

    assert codes() == set()
    hub.clock.advance(times.DAY_MS)
    assert codes() == {"booker_stuck"}
    hub.settle()
    box.night_if_due()
    assert codes() == set()
    with hub.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE ledger_balances SET balance = balance + 1")
    hub.clock.advance(times.DAY_MS)
    box.night_if_due()
    assert codes() == {"book_broken"}


def test_verify_finds_a_fact_of_points_that_never_reached_the_book(hub, tmp_path):
    store = hub.store()
    member = store.join()
    store.earn(member, 30)
    store.earn(member, 30, by="claim")  # said twice by its store: the claim itself moves it
    hub.settle()
    assert verify(hub.database, hub.kit.zone, tmp_path).projections["book"]
    store.earn(member, 30)
    store.send()
    with hub.database.write() as tx:
        rows.set_booked(tx, rows.booked(tx) + 1, {})  # a cursor that ran ahead
    report = verify(hub.database, hub.kit.zone, tmp_path)
    assert [one.what for one in report.findings] == ["a fact of points is booked: s1/1/0/4"]


def test_the_book_comes_back_from_a_backup_with_its_sums_and_its_cursor(tmp_path, hub_database):
    hub = MemberHub(hub_database, tmp_path)
    store = hub.store()
    member = store.join(PHONE)
    store.earn(member, 60, last_day="2026-12-31")
    hub.settle()
    store.spend_granted(member, 50)
    hub.settle()
    with hub.database.read() as reader:
        pages = list(backup.state_pages(reader))
        last = rows.booked(reader)
        before = {one: rows.balances_like(reader, one) for one in ("m:", "g:", "sys:")}
    assert not {"ledger_balances", "ledger_rests"} & {page.table for page in pages}
    assert not any(b"member-keys" in msgspec.msgpack.encode(page.columns) for page in pages)
    again = open_engine(f"sqlite:///{tmp_path / 'again.db'}")
    migrate.migrate(again)
    with again.write() as tx:
        backup.insert_pages(tx, pages)
    with again.read() as reader:
        assert rows.booked(reader) == last
        assert {one: rows.balances_like(reader, one) for one in before} == before
        assert proof.prove(reader).wrongs == []
        assert member_rows.member(reader, member) is not None
        assert sum(lot.left for lot in rows.lots(reader, ledger.grant_account(hub.granted("s1")[0].grant_id))) == 10
    again.close()


@pytest.fixture
def copies(hub, tmp_path):
    settings = HubSettings(
        data_dir=str(tmp_path / "data"),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
        backup=BackupSettings(folder=str(tmp_path / "apart")),
    )
    (tmp_path / "data").mkdir()
    return Backups(hub.database, settings, hub.kit.identity, hub.clock, SeededChance("backup"))


def test_a_drill_proves_that_the_book_comes_back_and_no_backup_brings_back_who_was_forgotten(hub, copies, tmp_path):
    store = hub.store()
    member = store.join(PHONE)
    store.earn(member, 60)
    hub.settle()
    hub.kit.projector.catch_up()
    key = store.keys[member]
    made = copies.make()
    assert made is not None
    store.spend_granted(member, 50)
    store.leave(member)
    hub.settle()
    hub.kit.projector.catch_up()
    assert [check.name for check in restore.drill(copies).checks if not check.ok] == []
    moment = restore.choose(tmp_path / "apart", None)
    again = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    restore.restore_into(again, moment, Keyring(hub.kit.identity, SeededChance("r")), copies.settings)
    with again.read() as reader:
        row = member_rows.member(reader, member)
        assert rows.balance(reader, ledger.member_account(member, "points")) == 0
        assert sum(rows.balances_like(reader, "g:").values()) == 60
    assert row is not None
    assert (row.sealed != "", row.left_ms) == (True, None)  # the old database believes that they are here
    older = replace(hub.shared, database=again)
    assert people.open_profile(older, row) is None  # and cannot say who it is
    assert erase.settle(older) == 1
    with again.read() as reader:
        assert people.find_phone(reader, older, PHONE) is None
        assert proof.prove(reader).wrongs == []
    again.close()
    for file in (tmp_path / "apart").rglob("*"):
        assert not file.is_file() or key not in file.read_bytes()


def test_a_drill_finds_a_book_that_did_not_come_back_whole(hub, copies):
    store = hub.store()
    store.earn(store.join(), 60)
    hub.settle()
    hub.kit.projector.catch_up()
    copies.make()
    with hub.database.write() as tx:
        for table in ("ledger_entries", "ledger_draws"):
            tx.connection.exec_driver_sql(f"DROP TRIGGER {table}_closed")
        late = "INSERT INTO ledger_entries VALUES (1, 9, 'sys:x', 'points', 1, 0), (1, 10, 'sys:y', 'points', -1, 0)"
        tx.connection.exec_driver_sql(late)
    [failed] = [check for check in restore.drill(copies).checks if not check.ok]
    assert failed.name == "book"
    assert "live database has" in failed.seen


def test_a_damaged_file_of_keys_stops_the_start_with_the_way_back_and_a_copy_heals_it(tmp_path):
    apart = tmp_path / "another-disk"
    apart.mkdir()
    settings = msgspec.structs.replace(
        hub_settings(tmp_path / "data", "sqlite"), members=MemberSettings(keys_copy=str(apart))
    )

    def opened():
        return open_core(settings, clock=ManualClock(), chance=SeededChance("core"), cost=QUICK_COST)

    core = opened()
    told = core.hub.members.joining.join(Profile(phone=PHONE), YES, Origin(place="slip", store=""))
    core.close()
    held = tmp_path / "data" / "member-keys.db"
    held.write_bytes(b"no database at all" * 500)
    with pytest.raises(KeyFileError, match=r"Move it aside .* members\.keys_copy"):
        opened()
    held.rename(tmp_path / "damaged")
    core = opened()
    found = core.hub.members.joining.profile(told.member_id)
    core.close()
    assert found is not None
    assert found.phone == PHONE
