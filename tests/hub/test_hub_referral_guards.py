"""Who may not be rewarded for bringing somebody, and whom a person looks at first; each guard beside one that it lets pass."""

import pytest

from cloud.db import devices as device_rows
from cloud.db import ledger as rows
from cloud.db import members as member_rows
from cloud.db import referrals
from cloud.db.ledger import By
from cloud.services.members import merge
from cloud.services.members.hub import Members
from cloud.services.members.joining import Joining
from sync.contract import times
from sync.contract.member_cards import Profile
from sync.contract.members import Consent, Origin
from tests.kit.member_hub import MemberHub

OLD, NEW = "+8613911110000", "+8613922220000"
WEEK_MS = 7 * times.DAY_MS
MARKER, OTHER_MARKER = "ab" * 16, "cd" * 16
ANNE = By("anne", 1_790_000_000_000, reason="two people")
YES = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)


@pytest.fixture
def hub(tmp_path, sqlite_hub):
    return MemberHub(sqlite_hub, tmp_path)


@pytest.fixture
def any_hub(tmp_path, hub_database):
    return MemberHub(hub_database, tmp_path)


def friend_of(hub, referrer, phone=NEW, *flags, store="s2"):
    """Let a friend join at a store, named by who brought them, and pay."""
    there = hub.store(store)
    friend = there.join(phone, by_member=referrer)
    there.bring(friend, referrer, *flags)
    there.sell(friend, 8_000)
    return friend


def after_a_week(hub, friend):
    """Let the cooling pass; says how far a referral has come."""
    hub.settle()
    hub.clock.advance(WEEK_MS + 1)
    hub.referrals.settle_due()
    hub.proven()
    with hub.database.read() as reader:
        row = referrals.referral_of(reader, friend)
    assert row is not None
    return row.state, row.reason


def a_referrer(hub, phone=OLD):
    member = hub.store("s1").join(phone)
    hub.settle()
    return member


def on_phone(hub, phone, marker, by_member=""):
    """Let somebody join on the hub's own page, on a phone with a marker."""
    origin = Origin(place="member" if by_member else "slip", store="s2", by_member=by_member)
    return Joining(hub.shared).join(Profile(phone=phone), YES, origin, device=marker).member_id


def test_a_friend_against_whom_nothing_stands_is_rewarded(any_hub):
    hub = any_hub
    referrer = a_referrer(hub)
    friend = friend_of(hub, referrer)
    assert after_a_week(hub, friend) == ("rewarded", "")
    assert (hub.points(referrer), hub.points(friend)) == (100, 100)


def test_nobody_brings_themselves(hub):
    referrer = a_referrer(hub)
    hub.store("s1").bring(referrer, referrer)
    assert after_a_week(hub, referrer) == ("refused", "self")


def test_the_same_phone_under_another_name_is_nobody_new(any_hub):
    hub = any_hub
    referrer = a_referrer(hub)
    hub.clock.advance(1_000)
    assert after_a_week(hub, friend_of(hub, referrer, OLD)) == ("refused", "self")
    assert hub.points(referrer) == 0


def test_the_phone_of_another_member_is_nobody_new(hub):
    referrer, known = a_referrer(hub), a_referrer(hub, NEW)
    hub.clock.advance(1_000)
    assert after_a_week(hub, friend_of(hub, referrer, NEW)) == ("refused", "existing")
    assert (hub.points(referrer), hub.points(known)) == (0, 0)


@pytest.mark.parametrize(("had_the_gift", "comes_to"), [(True, ("refused", "existing")), (False, ("rewarded", ""))])
def test_whoever_left_and_joins_again_is_nobody_new(hub, had_the_gift, comes_to):
    referrer, here = a_referrer(hub), hub.store("s1")
    gone = here.join(NEW, welcome=50 if had_the_gift else 0)
    here.leave(gone)
    hub.settle()
    hub.clock.advance(1_000)
    assert after_a_week(hub, friend_of(hub, referrer, NEW)) == comes_to


def test_two_of_whom_a_person_said_that_they_are_two_are_looked_at(hub):
    referrer = a_referrer(hub)
    hub.clock.advance(1_000)
    friend = hub.store("s2").join(OLD)
    hub.settle()
    with hub.database.write() as tx:
        rows.hold(tx)
        [made] = member_rows.merges_of(tx, friend)
        merge.undo(tx, hub.shared, made.merge_id, ANNE._replace(at_ms=hub.clock.now_ms()))
    hub.store("s2").bring(friend, referrer)
    hub.store("s2").sell(friend, 8_000)
    assert after_a_week(hub, friend) == ("review", "same_phone")


@pytest.mark.parametrize(
    ("marker", "comes_to"),
    [(MARKER, ("review", "same_device")), (OTHER_MARKER, ("rewarded", "")), ("", ("rewarded", ""))],
)
def test_a_friend_on_the_same_phone_is_looked_at_by_a_person(any_hub, marker, comes_to):
    hub = any_hub
    hub.store("s2")
    referrer = on_phone(hub, OLD, MARKER)
    friend = on_phone(hub, NEW, marker, by_member=referrer)
    hub.store("s2").sell(friend, 8_000)
    assert after_a_week(hub, friend) == comes_to


@pytest.mark.parametrize(
    ("marker", "comes_to"), [(MARKER, ("review", "same_device")), (OTHER_MARKER, ("rewarded", ""))]
)
def test_who_opens_their_own_page_on_the_phone_of_their_friend_is_looked_at(hub, marker, comes_to):
    referrer = a_referrer(hub)
    hub.store("s2")
    friend = on_phone(hub, NEW, MARKER, by_member=referrer)
    hub.store("s2").sell(friend, 8_000)
    Joining(hub.shared).seen_on(referrer, marker)
    assert after_a_week(hub, friend) == comes_to


def test_what_is_kept_of_a_phone_is_a_digest_and_goes_with_the_time_and_with_the_member(hub):
    hub.store("s2")
    box = Members(hub.shared, hub.booker)
    first, second = on_phone(hub, OLD, MARKER), on_phone(hub, NEW, OTHER_MARKER)
    with hub.database.read() as reader:
        kept = {one: device_rows.devices_of(reader, [one]) for one in (first, second)}
    assert [len(found) for found in kept.values()] == [1, 1]
    assert not any(marker in digest for found in kept.values() for digest in found for marker in (MARKER, OTHER_MARKER))
    box.joining.leave(first)
    hub.clock.advance(hub.shared.policy.device_ms - 1)
    box.let_go()
    with hub.database.read() as reader:
        assert device_rows.devices_of(reader, [first]) == set()
        assert device_rows.devices_of(reader, [second]) == kept[second]
    hub.clock.advance(2)
    box.let_go()
    with hub.database.read() as reader:
        assert device_rows.devices_of(reader, [second]) == set()


def test_a_word_that_is_no_marker_is_not_kept(hub):
    hub.store("s2")
    member = on_phone(hub, OLD, "Mozilla/5.0")
    with hub.database.read() as reader:
        assert device_rows.devices_of(reader, [member]) == set()


@pytest.mark.parametrize("which", ["friend", "referrer"])
def test_nobody_who_works_here_is_rewarded(hub, which):
    referrer = a_referrer(hub)
    friend = friend_of(hub, referrer)
    hub.settle()
    with hub.database.write() as tx:
        member_rows.set_staff(tx, friend if which == "friend" else referrer, staff=True)
    assert after_a_week(hub, friend) == ("refused", "staff")
    assert (hub.points(referrer), hub.points(friend)) == (0, 0)


@pytest.mark.parametrize(
    ("flag", "comes_to"),
    [("staff", ("refused", "staff")), ("same_table", ("review", "same_table")), ("hello", ("rewarded", ""))],
)
def test_what_the_store_noticed_counts(hub, flag, comes_to):
    referrer = a_referrer(hub)
    assert after_a_week(hub, friend_of(hub, referrer, NEW, flag)) == comes_to


@pytest.mark.parametrize(
    ("friends", "apart_ms", "comes_to"),
    [
        (4, times.DAY_MS // 96, ("review", "velocity")),
        (3, times.DAY_MS // 96, ("rewarded", "")),
        (6, times.DAY_MS // 12, ("review", "velocity")),
        (5, times.DAY_MS // 12, ("rewarded", "")),
    ],
    ids=["four_an_hour", "three_an_hour", "six_a_day", "five_a_day"],
)
def test_many_friends_at_once_are_looked_at(hub, friends, apart_ms, comes_to):
    referrer = a_referrer(hub)
    found = []
    for n in range(friends):
        found.append(friend_of(hub, referrer, f"+86139{n:08d}"))
        hub.clock.advance(apart_ms)
    assert after_a_week(hub, found[0]) == comes_to


def test_the_queue_names_who_brought_whom_and_a_person_lets_it_pass_once(hub):
    hub.store("s2")
    referrer = on_phone(hub, OLD, MARKER)
    friend = on_phone(hub, NEW, MARKER, by_member=referrer)
    hub.store("s2").sell(friend, 8_000)
    assert after_a_week(hub, friend) == ("review", "same_device")
    with hub.database.read() as reader:
        [row] = referrals.in_state(reader, referrals.REVIEW)
    assert (row.friend, row.referrer, row.store) == (friend, referrer, "s2")
    with hub.database.write() as tx:
        decided = hub.referrals.decide(tx, friend, allow=True, by=ANNE._replace(at_ms=hub.clock.now_ms()))
    assert (decided.state, decided.decided_by) == ("rewarded", "anne")
    # The welcome gift of each, and the reward.
    assert (hub.points(referrer), hub.points(friend)) == (150, 150)
    Joining(hub.shared).seen_on(referrer, MARKER)
    with hub.database.read() as reader:
        again = referrals.referral_of(reader, friend)
    assert again is not None
    assert again.state == "rewarded"
    hub.proven()
