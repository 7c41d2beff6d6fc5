"""Members at the hub: who they are, what stores are told, grants that no two places hold, referrals, leaving for good."""

import base64
import threading

import msgspec
import pytest

from cloud.db import grants as grant_rows
from cloud.db import ledger as rows
from cloud.db import members as member_rows
from cloud.db import referrals
from cloud.db.engine import Turn, open_engine
from cloud.db.ledger import By
from cloud.services import streams
from cloud.services.members import asks, erase, issue, merge, people
from cloud.services.members.hub import Members
from cloud.services.members.shared import BadDeed, NoMember, Policy
from sync.contract import ledger, member_asks, times
from sync.contract import streams as names
from sync.contract.grants import LAPSE_MS, OUTAGE_MAX_MS
from sync.contract.member_asks import AskGrant, AskIndexKey, AskKeys, Find, Granted, IndexKey, Keys, Taken
from sync.contract.member_cards import Profile
from sync.contract.members import (
    CARD_BOUND,
    CONSENTED,
    GRANT_RELEASED,
    PROFILED,
    CardBound,
    Consent,
    GrantReleased,
    MemberConsented,
    MemberProfiled,
    SpentLot,
)
from sync.contract.messages import Question
from sync.node import member_seal
from tests.kit.member_hub import MemberHub

PHONE = "+8613800138000"
ANNE = By("anne", 1_790_000_000_000, reason="sorry for the wait")
BOB = By("bob", 1_790_000_000_000)


@pytest.fixture
def hub(tmp_path, sqlite_hub):
    return MemberHub(sqlite_hub, tmp_path)


@pytest.fixture
def any_hub(tmp_path, hub_database):
    return MemberHub(hub_database, tmp_path)


def deed(hub, work):
    with hub.database.write() as tx:
        rows.hold(tx)
        return work(tx)


# --------------------------------------------------------------------------------------------------- one phone, one member


@pytest.mark.parametrize("order", [("s1", "s2"), ("s2", "s1")])
def test_two_stores_that_enrol_the_same_phone_offline_come_to_one_member_and_one_gift(any_hub, order):
    hub = any_hub
    older = hub.store("s1").join(PHONE, welcome=50)
    hub.clock.advance(60_000)
    younger = hub.store("s2").join(PHONE, welcome=50)
    for name in order:
        hub.settle(hub.store(name))
    assert hub.resolve(younger) == hub.resolve(older) == older
    assert (hub.points(older), hub.debt(older)) == (50, 0)
    card = hub.card("s2", younger)
    assert card is not None
    assert card.merged_into == older
    survivor = hub.card("s2", older)
    assert survivor is not None
    assert survivor.points == 50
    assert "gift_doubled" in hub.conflicts()
    hub.proven()


@pytest.mark.parametrize("first", ["older", "younger"])
def test_a_phone_has_one_gift_where_both_arrive_behind_the_merge(any_hub, first):
    hub = any_hub
    here, there = hub.store("s1"), hub.store("s2")
    older = here.join(PHONE)
    hub.clock.advance(60_000)
    younger = there.join(PHONE)
    hub.settle()
    assert hub.resolve(younger) == older
    gifts = [(here, older), (there, younger)]
    for store, member in gifts if first == "older" else reversed(gifts):
        store.earn(member, 50, by="welcome", idem=f"welcome:{member}")
        hub.settle(store)
    assert (hub.points(older), hub.debt(older)) == (50, 0)
    assert hub.conflicts().count("gift_doubled") == 1
    hub.proven()


def test_the_key_may_come_before_or_behind_the_join(hub):
    here, there = hub.store("s1"), hub.store("s2")
    older = here.join(PHONE)
    hub.clock.advance(60_000)
    younger = there.join(PHONE, give_key=False)
    hub.settle()
    assert hub.resolve(younger) == younger
    taken = msgspec.json.decode(there.give_key(younger).body, type=Taken)
    assert taken.merged_into == older
    assert hub.resolve(younger) == older


def test_a_debt_that_a_key_brings_to_light_calls_all_grants_back_at_once(any_hub):
    hub = any_hub
    here, there = hub.store("s1"), hub.store("s2")
    here.join(PHONE, welcome=50)
    hub.clock.advance(60_000)
    younger = there.join(PHONE, give_key=False, welcome=50)
    hub.settle()
    granted = {name: [one.recalled for one in hub.granted(name)] for name in ("s1", "s2")}
    assert granted == {"s1": [False], "s2": [False]}, "what is put aside cannot pay"
    assert there.give_key(younger).verdict == "done"
    older = hub.resolve(younger)
    assert (hub.debt(older), hub.free(older)) == (50, 0)
    assert {name: [one.recalled for one in hub.granted(name)] for name in ("s1", "s2")} == {"s1": [True], "s2": [True]}
    for name in ("s1", "s2"):
        [grant] = hub.granted(name)
        hub.store(name).release(grant.grant_id, 50)
    hub.settle()
    assert (hub.points(older), hub.debt(older)) == (50, 0)
    hub.proven()


def test_a_debt_that_a_person_or_a_reward_leaves_calls_grants_back(hub):
    store = hub.store()
    member, rich = store.join(), store.join()
    for one in (member, rich):
        store.earn(one, 100)
    hub.settle()
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, -30, ANNE))
    recalled = {one.member_id: one.recalled for one in hub.granted("s1")}
    assert recalled == {member: True, rich: False}
    hub.proven()


def test_what_is_earned_under_the_merged_name_comes_to_the_survivor_and_a_refund_finds_it(hub):
    here, there = hub.store("s1"), hub.store("s2")
    older = here.join(PHONE)
    hub.clock.advance(60_000)
    younger = there.join(PHONE)
    sale = there.sell(younger, earns=80)
    hub.settle()
    assert hub.points(older) == 80
    there.reverse(sale.sale_id, younger, taken=80)
    hub.settle()
    [grant] = hub.granted("s2")
    assert grant.recalled  # what the store still holds pays the debt as soon as it is back
    there.release(grant.grant_id, 80)
    hub.settle()
    assert (hub.points(older), hub.debt(older)) == (0, 0)
    hub.proven()


def test_a_merge_is_taken_back_within_thirty_days_and_not_made_again(hub):
    store = hub.store()
    older = store.join(PHONE)
    hub.clock.advance(60_000)
    younger = store.join(PHONE)
    store.earn(younger, 30)
    hub.settle()
    assert hub.resolve(younger) == older
    with hub.database.read() as reader:
        [made] = member_rows.merges_of(reader, older)
    held = hub.granted("s1")
    for grant in held:
        store.release(grant.grant_id, grant.qty)
    hub.settle()
    deed(hub, lambda tx: merge.undo(tx, hub.shared, made.merge_id, ANNE._replace(at_ms=hub.clock.now_ms())))
    assert hub.resolve(younger) == younger
    store.give_key(younger)
    assert hub.resolve(younger) == younger
    hub.proven()
    with pytest.raises(BadDeed, match="already"):
        deed(hub, lambda tx: merge.undo(tx, hub.shared, made.merge_id, ANNE))


def test_points_that_came_with_a_merge_go_back_with_it(hub):
    store = hub.store()
    first, second = store.join(), store.join()
    store.earn(second, 30)
    hub.settle()
    for grant in hub.granted("s1"):
        store.release(grant.grant_id, grant.qty)
    hub.settle()
    merge_id = deed(hub, lambda tx: merge.by_hand(tx, hub.shared, second, first, ANNE))
    assert hub.free(first) == 30
    deed(hub, lambda tx: merge.undo(tx, hub.shared, merge_id, ANNE))
    assert (hub.free(first), hub.free(second)) == (0, 30)
    hub.proven()
    merge_id = deed(hub, lambda tx: merge.by_hand(tx, hub.shared, second, first, ANNE))
    late = ANNE._replace(at_ms=ANNE.at_ms + 31 * times.DAY_MS)
    with pytest.raises(BadDeed, match="thirty days"):
        deed(hub, lambda tx: merge.undo(tx, hub.shared, merge_id, late))


def test_nobody_is_merged_into_themselves_or_into_nobody(hub):
    store = hub.store()
    member, other = store.join(), store.join()
    hub.settle()
    with pytest.raises(BadDeed, match="themselves"):
        deed(hub, lambda tx: merge.by_hand(tx, hub.shared, member, member, ANNE))
    with pytest.raises(NoMember):
        deed(hub, lambda tx: merge.by_hand(tx, hub.shared, member, "0" * 32, ANNE))
    deed(hub, lambda tx: merge.by_hand(tx, hub.shared, member, other, ANNE))
    with pytest.raises(BadDeed, match="merged already"):
        deed(hub, lambda tx: merge.by_hand(tx, hub.shared, member, other, ANNE))


def test_the_cards_of_a_chain_of_merges_all_name_the_one_who_stands(any_hub):
    hub = any_hub
    first, second, third = hub.store("s1").join(), hub.store("s2").join(), hub.store("s3").join()
    hub.store("s1").earn(first, 30)
    hub.settle()
    deed(hub, lambda tx: merge.by_hand(tx, hub.shared, first, second, ANNE))
    later = deed(hub, lambda tx: merge.by_hand(tx, hub.shared, second, third, ANNE))

    def named(store, member_id):
        card = hub.card(store, member_id)
        assert card is not None
        return card.merged_into

    assert (named("s1", first), named("s1", second), named("s2", second)) == (third, third, third)
    standing = hub.card("s1", third)
    assert standing is not None
    assert (standing.merged_into, standing.points) == ("", 30)
    deed(hub, lambda tx: merge.undo(tx, hub.shared, later, ANNE))
    assert (named("s1", first), named("s1", second), named("s2", second)) == (second, "", "")
    hub.proven()


def test_an_allergy_is_not_lost_in_a_merge(hub):
    store = hub.store()
    store.join(PHONE, profile=Profile(phone=PHONE, name="王女士"))
    hub.clock.advance(60_000)
    store.join(PHONE, profile=Profile(phone=PHONE, allergies=("虾",)))
    hub.settle()
    with hub.database.read() as reader:
        found = people.find_phone(reader, hub.shared, PHONE)
        assert found is not None
        row = member_rows.member(reader, found)
    assert row is not None
    profile = people.open_profile(hub.shared, row)
    assert profile is not None
    assert (profile.name, profile.allergies) == ("王女士", ("虾",))


def test_a_profile_that_is_put_right_is_found_by_the_new_number_only(hub):
    store = hub.store()
    member = store.join(PHONE)
    hub.settle()
    key = store.keys[member]
    sealed = member_seal.seal(Profile(phone="+8613911112222"), member, key, store.kit.chance)
    store.write(PROFILED, MemberProfiled(member_id=member, key_id=member_seal.key_id(key), sealed=sealed))
    hub.settle()
    with hub.database.read() as reader:
        assert people.find_phone(reader, hub.shared, "+8613911112222") == member
        assert people.find_phone(reader, hub.shared, PHONE) is None
        assert people.find_tail(reader, hub.shared, "2222") == [member]


# ------------------------------------------------------------------------------------------------------------ questions


def test_a_store_finds_a_member_of_another_by_phone_and_may_spend_at_once(any_hub):
    hub = any_hub
    member = hub.store("s1").join(PHONE)
    hub.store("s2")
    hub.settle()
    hub.store("s1").earn(member, 100)
    hub.settle()
    for grant in hub.granted("s1"):
        hub.store("s1").release(grant.grant_id, 100)
    hub.settle()
    found = hub.store("s2").find(phone=PHONE)
    assert found.card is not None
    assert (found.card.member_id, found.card.points) == (member, 100)
    assert sum(grant.qty for grant in found.grants) == 100
    assert found.key is not None
    profile = member_seal.unseal(found.card.sealed, member, base64.b64decode(found.key.key))
    assert profile.phone == PHONE
    assert hub.card("s2", member) == found.card
    assert [grant.grant_id for grant in hub.granted("s2")] == [grant.grant_id for grant in found.grants]
    assert hub.store("s2").find(phone="+8613800000000").card is None


def test_a_store_is_told_who_somebody_is_only_where_they_agreed_to_it(hub):
    member = hub.store("s1").join(PHONE, agreed=("membership",))
    hub.store("s2")
    hub.settle()
    found = hub.store("s2").find(phone=PHONE)
    assert found.card is not None
    assert (found.card.sealed, found.key) == ("", None)
    asked = AskKeys(member_ids=(member,))
    answer = msgspec.json.decode(hub.store("s2").ask(member_asks.KEYS, asked).body, type=Keys)
    assert answer.keys == ()
    own = msgspec.json.decode(hub.store("s1").ask(member_asks.KEYS, asked).body, type=Keys)
    assert [key.member_id for key in own.keys] == [member]


def test_a_store_is_given_no_key_of_a_member_it_has_nothing_to_do_with(hub):
    member = hub.store("s1").join(PHONE)
    hub.settle()
    asked = AskKeys(member_ids=(member,))
    assert msgspec.json.decode(hub.store("s2").ask(member_asks.KEYS, asked).body, type=Keys) == Keys()


def test_no_answer_with_a_key_or_a_member_is_kept(hub):
    store = hub.store()
    store.join(PHONE)
    hub.settle()
    store.find(phone=PHONE)
    store.ask(member_asks.INDEX_KEY, AskIndexKey())
    with hub.database.read() as reader:
        kept = reader.connection.exec_driver_sql("SELECT count(*) FROM answers").scalar_one()
    assert kept == 0
    store.ask(member_asks.GRANT_ASK, AskGrant(member_id="0" * 32, points=1))  # negative control: others are
    with hub.database.read() as reader:
        assert reader.connection.exec_driver_sql("SELECT count(*) FROM answers").scalar_one() == 1


def test_index_keys_differ_by_store_and_card_keys_do_not(hub):
    told = {
        name: msgspec.json.decode(hub.store(name).ask(member_asks.INDEX_KEY, AskIndexKey()).body, type=IndexKey)
        for name in ("s1", "s2")
    }
    assert told["s1"].phone != told["s2"].phone
    assert told["s1"].token == told["s2"].token
    assert told["s1"].phone not in repr(told["s1"])


def test_a_key_that_is_not_the_members_is_refused(hub):
    store = hub.store()
    member = store.join(PHONE)
    hub.settle()
    store.keys[member] = b"x" * 32
    answer = store.give_key(member)
    assert (answer.verdict, msgspec.json.decode(answer.body)) == ("refused", {"reason": "other_key"})


@pytest.mark.parametrize("what", [{}, {"phone": "13800138000"}, {"phone": PHONE, "token": "x"}])
def test_a_question_that_names_nobody_properly_is_refused(hub, what):
    answer = hub.store().ask(member_asks.FIND, Find(salt="0" * 32, **what))
    assert answer.verdict == "refused"


def test_a_store_cannot_try_out_all_phone_numbers(hub, monkeypatch):
    monkeypatch.setattr(asks, "FINDS_PER_HOUR", 2)
    store = hub.store()
    answers = [store.ask(member_asks.FIND, Find(salt="0" * 32, phone=f"+86138000000{n:02d}")).verdict for n in range(3)]
    assert answers == ["done", "done", "refused"]
    hub.clock.advance(3_600_000)
    assert store.ask(member_asks.FIND, Find(salt="0" * 32, phone=PHONE)).verdict == "done"


def test_a_card_finds_its_member_and_a_new_owner_takes_it_over(hub):
    store = hub.store()
    first, second = store.join(PHONE), store.join("+8613900139000")
    store.write(CARD_BOUND, CardBound(member_id=first, token="ab12"))
    hub.settle()
    found = store.find(token="ab12")
    assert found.card is not None
    assert (found.card.member_id, found.card.tokens) == (first, ("ab12",))
    store.write(CARD_BOUND, CardBound(member_id=second, token="ab12"))
    hub.settle()
    found = store.find(token="ab12")
    assert found.card is not None
    assert found.card.member_id == second
    assert hub.conflicts() == ["card_of_another"]


# --------------------------------------------------------------------------------------------------------------- grants


def test_two_stores_at_once_are_never_given_more_than_there_is(any_hub):
    hub = any_hub
    here, there = hub.store("s1"), hub.store("s2")
    member = here.join(PHONE)
    hub.settle()
    here.earn(member, 200)
    hub.settle()
    first = sum(grant.qty for grant in hub.granted("s1"))
    there.find(phone=PHONE)
    second = sum(grant.qty for grant in hub.granted("s2"))
    assert first + second + hub.free(member) == 200
    assert (first, second) == (200, 0)
    assert hub.granted("s1")[0].recalled  # the other store wants some: give back what you do not need
    here.spend_granted(member, 150)
    here.release(hub.granted("s1")[0].grant_id, 50)
    hub.settle()
    assert hub.granted("s1") == []
    answer = there.ask(member_asks.GRANT_ASK, AskGrant(member_id=member, points=51))
    assert msgspec.json.decode(answer.body) == {"reason": "short"}
    answer = there.ask(member_asks.GRANT_ASK, AskGrant(member_id=member, points=50))
    granted = msgspec.json.decode(answer.body, type=Granted)
    assert (granted.grant.qty, granted.card.points, hub.free(member)) == (50, 50, 0)
    hub.proven()


def test_a_grant_that_was_asked_for_twice_under_one_id_is_one(hub):
    store = hub.store()
    member = store.join()
    hub.settle()
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 100, ANNE))
    question = b"q" * 16
    answers = {store.ask(member_asks.GRANT_ASK, AskGrant(member_id=member, points=10), question).body for _ in range(3)}
    assert len(answers) == 1
    assert (hub.free(member), hub.points(member)) == (90, 100)


def test_a_store_holds_no_more_than_its_limit(tmp_path, sqlite_hub):
    hub = MemberHub(sqlite_hub, tmp_path, policy=Policy(member_max=80, store_max=100))
    store = hub.store()
    members = [store.join() for _ in range(3)]
    hub.settle()
    for member in members:
        store.earn(member, 200)
    hub.settle()
    assert sorted(grant.qty for grant in hub.granted("s1")) == [20, 80]
    answer = store.ask(member_asks.GRANT_ASK, AskGrant(member_id=members[0], points=1))
    assert msgspec.json.decode(answer.body) == {"reason": "limit"}


def test_a_replaced_node_starts_with_no_rights_and_the_old_grant_stays_reserved(any_hub):
    hub = any_hub
    store = hub.store()
    member = store.join()
    hub.settle()
    store.earn(member, 100)
    hub.settle()
    [old] = hub.granted("s1")
    fresh = hub.replace("s1")
    assert (old.epoch, fresh.epoch) == (1, 2)
    found = fresh.find(member_id=member)
    assert found.grants == ()
    assert hub.free(member) == 0
    hub.clock.advance(LAPSE_MS + times.DAY_MS)
    assert hub.grants.nightly()["freed"] == 0  # by the clock alone nothing is freed
    hub.clock.advance(OUTAGE_MAX_MS)
    assert hub.grants.nightly()["freed"] == 1
    assert hub.points(member) == 100
    hub.proven()


def test_a_spend_of_a_grant_that_was_freed_is_honoured_and_borne_by_the_store(hub):
    store = hub.store()
    member = store.join()
    hub.settle()
    store.earn(member, 100)
    hub.settle()
    lost = hub.granted("s1")[0]
    hub.replace("s1")
    hub.clock.advance(LAPSE_MS + OUTAGE_MAX_MS + times.DAY_MS)
    hub.grants.nightly()
    hub.store("s1").spend_granted(member, 100)
    hub.settle(hub.store("s1"))
    assert hub.points(member) == 0
    hub.store("s1").spend(member, (SpentLot(grant_id=lost.grant_id, lot_id=lost.lots[0].lot_id, qty=40),))
    hub.settle(hub.store("s1"))
    assert hub.conflicts() == ["grant_closed"]
    assert hub.risk("s1") == 40
    hub.proven()


def test_a_grant_past_its_end_is_asked_back_and_given_anew_at_home(hub):
    store = hub.store()
    member = store.join()
    hub.settle()
    store.earn(member, 100)
    hub.settle()
    [first] = hub.granted("s1")
    hub.clock.advance(LAPSE_MS + 1)
    assert hub.grants.nightly()["recalled"] == 1
    assert hub.granted("s1")[0].recalled
    store.release(first.grant_id, 100)
    hub.settle()
    assert hub.free(member) == 100
    assert hub.grants.nightly()["given"] == 1
    [second] = hub.granted("s1")
    assert (second.qty, second.recalled) == (100, False)
    with hub.database.read() as reader:
        closed = grant_rows.grant(reader, first.grant_id)
    assert closed is not None
    assert (closed.state, closed.closed_by) == ("closed", "released")


# ------------------------------------------------------------------------------------------------------------- cards


def test_a_card_says_up_to_which_fact_of_its_store_it_counts(hub):
    here, there = hub.store("s1"), hub.store("s2")
    member = here.join(PHONE)
    there.sell("")
    hub.settle()
    there.find(phone=PHONE)
    here.sell(member, earns=10)
    hub.settle()
    mine, theirs = hub.card("s1", member), hub.card("s2", member)
    assert mine is not None
    assert theirs is not None
    assert (mine.points, mine.booked_epoch, mine.booked_seq) == (10, 1, 3)
    assert (theirs.points, theirs.booked_epoch, theirs.booked_seq) == (10, 1, 1)


def test_pending_points_and_what_ends_next_are_told(hub):
    store = hub.store()
    member = store.join()
    store.earn(member, 10, from_day="2026-12-01")
    store.earn(member, 20, last_day="2026-10-31")
    store.earn(member, 30, last_day="2026-11-30")
    hub.settle()
    card = hub.card("s1", member)
    assert card is not None
    assert (card.points, card.pending, card.ends_day, card.ends_points) == (60, 10, "2026-10-31", 20)
    assert sum(grant.qty for grant in hub.granted("s1")) == 50  # what is pending is put aside for nobody


def test_habits_are_counted_only_for_who_agreed_to_it_and_go_with_the_word(hub):
    store = hub.store()
    agreed, silent = store.join(), store.join(agreed=("membership",))
    for member in (agreed, silent):
        store.sell(member, 5_000)
        store.sell(member, 3_000)
    hub.settle()
    card, plain = hub.card("s1", agreed), hub.card("s1", silent)
    assert card is not None
    assert card.habits is not None
    assert plain is not None
    assert plain.habits is None
    assert (card.habits.visits, card.habits.spent_fen, card.habits.last_store) == (1, 8_000, "s1")
    assert card.habits.interval_days == -1
    store.sell(agreed, day="2026-09-26", at_ms=hub.clock.now_ms() + 1)
    store.sell(agreed, day="2026-10-01", at_ms=hub.clock.now_ms() + 2)
    hub.clock.advance(10)
    hub.settle()
    again = hub.card("s1", agreed)
    assert again is not None
    assert again.habits is not None
    assert (again.habits.visits, again.habits.interval_days, again.habits.last_day) == (3, 5, "2026-10-01")
    assert len(card.habits.dishes) == 1
    no = Consent(purpose="profiling", given=False, text="v1", channel="phone")
    hub.clock.advance(1_000)
    store.write(CONSENTED, MemberConsented(member_id=agreed, consents=(no,)))
    hub.settle()
    card = hub.card("s1", agreed)
    assert card is not None
    assert card.habits is None
    with hub.database.read() as reader:
        assert member_rows.top_dishes(reader, [agreed], 5) == []


# ---------------------------------------------------------------------------------------------------------- expiry


def test_expiry_ends_a_lot_behind_its_last_day_and_once(any_hub):
    hub = any_hub
    store = hub.store()
    member = store.join()
    hub.settle()
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 70, ANNE))
    with hub.database.read() as reader:
        [lot] = rows.lots(reader, ledger.member_account(member, "points"))
    hub.clock.advance((times.epoch_day(lot.last_day) - times.epoch_day(hub.shared.day())) * times.DAY_MS)
    assert hub.expiry.run()["lots"] == 0  # on the last day it still counts
    hub.clock.advance(times.DAY_MS)
    assert hub.expiry.run()["lots"] == 1
    assert hub.expiry.run()["lots"] == 0
    assert (hub.points(member), hub.balance(ledger.EXPIRED)) == (0, 70)
    hub.proven()


def test_points_in_a_grant_end_when_the_store_gives_them_back(hub):
    store = hub.store()
    member = store.join()
    hub.settle()
    store.earn(member, 30, last_day="2026-09-30")
    hub.settle()
    [grant] = hub.granted("s1")
    hub.clock.advance(30 * times.DAY_MS)
    assert hub.expiry.run()["lots"] == 0
    store.write(GRANT_RELEASED, GrantReleased(grant_id=grant.grant_id, rest=30), day="2026-10-21")
    hub.settle()
    assert (hub.points(member), hub.balance(ledger.EXPIRED)) == (0, 30)
    hub.proven()


def test_a_receipt_that_nobody_claimed_ends_long_behind_its_last_day(hub):
    store = hub.store()
    store.hold(40)
    hub.settle()
    hub.clock.advance(69 * times.DAY_MS)
    assert hub.expiry.run()["receipts"] == 0
    hub.clock.advance(2 * times.DAY_MS)
    assert hub.expiry.run()["receipts"] == 1
    assert hub.balance(ledger.EXPIRED) == 40
    hub.proven()


# --------------------------------------------------------------------------------------------------------- referrals


def brought(hub, *flags, pays=True):
    """Let a friend join who was brought by a member, and pay at the other store."""
    here, there = hub.store("s1"), hub.store("s2")
    referrer = here.join("+8613911110000")
    hub.settle()
    friend = there.join("+8613922220000", by_member=referrer)
    there.bring(friend, referrer, *flags)
    sale = there.sell(friend, 8_000) if pays else None
    hub.settle()
    return referrer, friend, sale


def state(hub, friend):
    with hub.database.read() as reader:
        row = referrals.referral_of(reader, friend)
    assert row is not None
    return row.state, row.reason


def test_both_sides_are_rewarded_after_the_first_paid_bill_has_cooled(any_hub):
    hub = any_hub
    referrer, friend, _ = brought(hub)
    assert state(hub, friend) == ("cooling", "")
    assert hub.referrals.settle_due() == 0
    hub.clock.advance(7 * times.DAY_MS)
    assert hub.referrals.settle_due() == 1
    assert hub.referrals.settle_due() == 0
    assert state(hub, friend) == ("rewarded", "")
    assert (hub.points(referrer), hub.points(friend)) == (100, 100)
    card = hub.card("s1", referrer)
    assert card is not None
    assert (card.points, card.brought) == (100, 1)
    hub.proven()


def test_a_bill_that_was_refunded_while_it_cooled_does_not_count(hub):
    _, friend, sale = brought(hub)
    hub.store("s2").refund(sale)
    hub.settle()
    assert state(hub, friend) == ("bound", "")
    hub.store("s2").sell(friend, 6_000)
    hub.settle()
    assert state(hub, friend) == ("cooling", "")


def test_a_refund_behind_the_reward_takes_it_back(hub):
    referrer, friend, sale = brought(hub)
    hub.clock.advance(8 * times.DAY_MS)
    hub.referrals.settle_due()
    hub.store("s2").refund(sale)
    hub.settle()
    assert state(hub, friend) == ("taken_back", "refunded")
    assert (hub.points(referrer), hub.points(friend)) == (0, 0)
    hub.proven()


def test_a_reward_that_goes_back_behind_the_friend_leaves_no_debt_on_who_left(any_hub):
    hub = any_hub
    referrer, friend, sale = brought(hub)
    hub.clock.advance(8 * times.DAY_MS)
    hub.referrals.settle_due()
    hub.store("s2").leave(friend)
    hub.settle()
    hub.store("s2").refund(sale)
    hub.settle()
    assert state(hub, friend) == ("taken_back", "refunded")
    assert (hub.points(referrer), hub.points(friend), hub.debt(friend)) == (0, 0, 0)
    hub.proven()


@pytest.mark.parametrize("first_to_tell", ["s2", "s3"])
def test_a_refund_takes_the_reward_back_where_the_friend_was_two_members_and_both_name_the_bill(any_hub, first_to_tell):
    hub = any_hub
    referrer = hub.store("s1").join("+8613911110000")
    hub.settle()
    elder = hub.store("s2").join(PHONE, by_member=referrer)
    hub.store("s2").bring(elder, referrer)
    hub.clock.advance(60_000)
    younger = hub.store("s3").join(PHONE, by_member=referrer)
    hub.store("s3").bring(younger, referrer)
    sale = hub.store("s3").sell(younger, 8_000)
    hub.settle(hub.store(first_to_tell))
    hub.settle()
    hub.clock.advance(8 * times.DAY_MS)
    hub.referrals.settle_due()
    assert (state(hub, elder), state(hub, younger)) == (("rewarded", ""), ("refused", "existing"))
    hub.store("s3").refund(sale)
    hub.settle()
    assert state(hub, elder) == ("taken_back", "refunded")
    assert (hub.points(referrer), hub.points(elder)) == (0, 0)
    hub.proven()


def test_the_bill_may_arrive_before_the_word_of_who_brought_them(hub):
    here, there = hub.store("s1"), hub.store("s2")
    referrer, friend = here.join("+8613911110000"), here.join("+8613922220000")
    here.bring(friend, referrer)
    there.sell(friend, 8_000)
    hub.settle(there)
    hub.settle(here)
    assert state(hub, friend) == ("cooling", "")


def test_nobody_brings_themselves_a_member_or_staff(hub):
    store = hub.store()
    member = store.join("+8613911110000")
    store.bring(member, member)
    hub.settle()
    assert state(hub, member) == ("refused", "self")
    hub.clock.advance(1_000)
    again = store.join("+8613911110000")
    store.bring(again, store.join("+8613933330000"))
    hub.settle()
    assert state(hub, again) == ("refused", "existing")
    staff = store.join("+8613944440000")
    store.bring(staff, member, "staff")
    hub.settle()
    assert state(hub, staff) == ("refused", "staff")


def test_a_friend_at_the_same_table_is_looked_at_by_a_person(hub):
    referrer, friend, _ = brought(hub, "same_table")
    hub.clock.advance(8 * times.DAY_MS)
    hub.referrals.settle_due()
    assert state(hub, friend) == ("review", "same_table")
    assert hub.points(referrer) == 0
    deed(hub, lambda tx: hub.referrals.decide(tx, friend, allow=True, by=ANNE._replace(at_ms=hub.clock.now_ms())))
    assert state(hub, friend) == ("rewarded", "")
    assert hub.points(referrer) == 100
    with pytest.raises(BadDeed, match="waits"):
        deed(hub, lambda tx: hub.referrals.decide(tx, friend, allow=True, by=ANNE))


def test_a_referral_may_be_refused_by_a_person(hub):
    referrer, friend, _ = brought(hub, "same_device")
    hub.clock.advance(8 * times.DAY_MS)
    hub.referrals.settle_due()
    deed(hub, lambda tx: hub.referrals.decide(tx, friend, allow=False, by=ANNE))
    assert state(hub, friend) == ("refused", "by_person")
    assert hub.points(referrer) == 0


# ------------------------------------------------------------------------------------------------------------- by hand


def test_points_by_hand_need_a_second_person_above_the_limit(any_hub):
    hub = any_hub
    member = hub.store().join()
    hub.settle()
    small = deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 900, ANNE))
    assert small.state == "done"
    large = deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 200, ANNE))
    assert large.state == "waiting"  # 900 of today and 200 are more than one person may give
    assert hub.points(member) == 900
    with pytest.raises(BadDeed, match="second person"):
        deed(hub, lambda tx: issue.decide(tx, hub.shared, large.issue_id, allow=True, by=ANNE))
    deed(hub, lambda tx: issue.decide(tx, hub.shared, large.issue_id, allow=True, by=BOB))
    with pytest.raises(BadDeed, match="waits for nobody"):
        deed(hub, lambda tx: issue.decide(tx, hub.shared, large.issue_id, allow=True, by=BOB))
    assert hub.points(member) == 1_100
    with hub.database.read() as reader:
        line = rows.history(reader, [member], 1)[0]
    assert (line.amount, line.journal.actor, line.journal.reason) == (200, "bob", "sorry for the wait")
    hub.proven()


def test_points_that_are_taken_by_hand_leave_a_debt_and_never_less_than_nothing(hub):
    member = hub.store().join()
    hub.settle()
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 100, ANNE))
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, -150, ANNE))
    assert (hub.points(member), hub.debt(member)) == (0, 50)
    hub.proven()


@pytest.mark.parametrize(("points", "reason"), [(0, "because"), (10, ""), (2_000_000, "because")])
def test_points_by_hand_want_a_number_and_a_reason(hub, points, reason):
    member = hub.store().join()
    hub.settle()
    with pytest.raises(BadDeed):
        deed(hub, lambda tx: issue.ask(tx, hub.shared, member, points, ANNE._replace(reason=reason)))
    with pytest.raises(NoMember):
        deed(hub, lambda tx: issue.ask(tx, hub.shared, "0" * 32, 10, ANNE))


# ------------------------------------------------------------------------------------------------------------- leaving


def everything_at_rest(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_whoever_leaves_is_found_nowhere_and_the_book_still_sums(hub, tmp_path):
    store = hub.store()
    member = store.join(PHONE)
    hub.settle()
    store.earn(member, 100)
    hub.settle()
    [grant] = hub.granted("s1")
    key = store.keys[member]
    store.leave(member)
    hub.settle()
    assert store.find(phone=PHONE).card is None
    assert store.find(member_id=member).card is None
    assert hub.card("s1", member) is None
    answer = store.ask(member_asks.KEYS, AskKeys(member_ids=(member,)))
    assert msgspec.json.decode(answer.body, type=Keys).forgotten == (member,)
    assert msgspec.json.decode(store.give_key(member).body) == {"reason": "forgotten"}
    store.release(grant.grant_id, 100)
    hub.settle()
    assert (hub.points(member), hub.balance(ledger.EXPIRED)) == (0, 100)
    hub.proven()
    at_rest = everything_at_rest(tmp_path)
    for trace in (b"13800138000", "王女士".encode(), key, base64.b64encode(key)):
        assert trace not in at_rest
    assert member.encode() in at_rest  # negative control: the search finds the pseudonym


def test_no_phone_lies_in_clear_while_somebody_is_a_member(hub, tmp_path):
    store = hub.store()
    store.join(PHONE)
    hub.settle()
    store.find(phone=PHONE)
    assert b"13800138000" not in everything_at_rest(tmp_path)


def test_a_database_that_is_put_back_brings_nobody_back(hub, tmp_path):
    store = hub.store()
    member = store.join(PHONE)
    hub.settle()
    with hub.database.read() as reader:
        before = member_rows.member(reader, member)
    assert before is not None
    store.leave(member)
    hub.settle()
    with hub.database.write() as tx:  # the row as an old backup has it
        tx.connection.exec_driver_sql(f"UPDATE members SET left_ms = NULL, sealed = '{before.sealed}'")
        member_rows.put_index(tx, member_rows.PHONE, people.phone_digest(hub.shared, PHONE), member)
    assert people.open_profile(hub.shared, before) is None
    assert store.find(phone=PHONE).card is not None
    assert erase.settle(hub.shared) == 1
    assert store.find(phone=PHONE).card is None
    assert erase.settle(hub.shared) == 0


def test_a_commit_that_was_lost_behind_the_destroyed_key_is_finished_at_the_next_start(hub):
    store = hub.store()
    member = store.join(PHONE)
    hub.settle()
    hub.keys.forget(member, 5)
    assert erase.settle(hub.shared) == 1
    with hub.database.read() as reader:
        row = member_rows.member(reader, member)
    assert row is not None
    assert (row.left_ms is not None, row.sealed) == (True, "")


def test_a_join_that_arrives_behind_the_leaving_keeps_nothing(hub):
    here = hub.store("s1")
    member = here.join(PHONE, give_key=False)
    hub.keys.forget(member, 5)
    hub.settle()
    with hub.database.read() as reader:
        row = member_rows.member(reader, member)
    assert row is not None
    assert (row.sealed, row.left_ms is None) == ("", False)


def test_leaving_and_joining_again_brings_no_second_welcome_gift(hub):
    store = hub.store()
    first = store.join(PHONE, welcome=50)
    hub.settle()
    store.leave(first)
    hub.settle()
    second = store.join(PHONE, welcome=50)
    hub.settle()
    assert first != second
    assert hub.points(second) == 0
    hub.proven()


def test_that_a_phone_had_its_gift_is_known_for_a_year_behind_the_leaving_and_no_longer(any_hub):
    hub = any_hub
    store, box = hub.store(), Members(hub.shared, hub.booker)
    gone, stays = store.join(PHONE, welcome=50), store.join("+8613900139000", welcome=50)
    hub.settle()
    store.leave(gone)
    hub.settle()

    def known():
        with hub.database.read() as reader:
            return {row[0] for row in reader.connection.exec_driver_sql("SELECT member_id FROM member_gifts").all()}

    hub.clock.advance(hub.shared.policy.gift_ms)
    box.let_go()
    assert known() == {gone, stays}
    hub.clock.advance(1)
    box.let_go()
    assert known() == {stays}, "whoever is a member still has had it"
    again = store.join(PHONE, welcome=50)
    hub.settle()
    assert hub.points(again) == 50
    hub.proven()


def test_streams_of_members_are_among_those_that_a_store_follows(hub):
    store = hub.store()
    store.join(PHONE)
    hub.settle()
    with hub.database.read() as reader:
        held = streams.heads(reader, "s1")
    assert {names.own(names.MEMBERS, "s1")} <= set(held)
    assert names.own(names.GRANTS, "s1") in names.followed_by("s1")


def test_two_workers_that_are_asked_at_once_give_the_points_once(tmp_path, postgres_url):
    database = open_engine(postgres_url)
    hub = MemberHub(database, tmp_path)
    stores = [hub.store("s1"), hub.store("s2")]
    member = stores[0].join()
    hub.settle()
    deed(hub, lambda tx: issue.ask(tx, hub.shared, member, 200, ANNE))
    together = threading.Barrier(2)
    told = []

    def ask(store):
        body = msgspec.json.encode(AskGrant(member_id=member, points=150))
        question = Question(id=store.name.encode() * 8, name=member_asks.GRANT_ASK, body=body)
        with database.write(Turn.INGEST) as tx:
            together.wait(10)
            told.append(hub.questions(tx, store.name, store.epoch, question).verdict)

    threads = [threading.Thread(target=ask, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == ["done", "refused"]
    assert hub.free(member) == 50
    hub.proven()
    database.close()
