"""Members join at the till, with the network and without, and are found again; who they are is nowhere in clear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.services.members import cards
from edge.db.stream_appliers import applier_of
from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.members import care, changes, find, join, points, view
from edge.services.members.changes import CardCommand, ConsentCommand, LeaveCommand, ProfileCommand, RevealCommand
from edge.services.members.join import Said
from sync.contract import member_asks
from sync.contract.member_cards import DateOf
from sync.node.database import Tx
from tests.kit.member_tills import PHONE, TEXT, World, world
from tests.kit.nodes import AT_TILL_1


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_a_guest_joins_with_a_phone_and_is_welcomed_and_found_by_it_and_by_its_end(shops: World) -> None:
    near = shops.till("near")
    answer = near.join(PHONE, said=Said(phone=PHONE, name="王女士"))
    assert (answer.existing, answer.welcome) == (False, 50)
    for text in (
        "138 1234 5678",
        "+86 13812345678",
        "138-1234-5678",
        "１３８１２３４５６７８",
        "5678",
        "5678王",
        "5678 王",
    ):
        found = view.found(near.node, text)
        assert found is not None
        assert [one.member_id for one in found.members] == [answer.member_id], text
        assert (found.members[0].phone, found.members[0].name) == ("138****5678", "王**")
    wrong = view.found(near.node, "5678李")
    assert wrong is not None
    assert wrong.members == ()
    near.verified()


def test_the_hub_is_given_the_key_and_counts_what_the_store_counts(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    assert near.view(member_id).points == 50
    near.sync()
    assert shops.hub.points(member_id) == 50
    held = shops.hub.keys.get(member_id)
    assert held is not None
    assert near.view(member_id).points == 50
    assert near.view(member_id).as_of_hub
    shops.hub.proven()


def test_another_store_finds_by_phone_who_joined_elsewhere(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = near.join(PHONE).member_id
    near.sync()
    assert near.node.members.keys(near.node).owed() == []
    found = find.find(far.node, PHONE)
    assert found is not None
    assert (found.member_ids, found.asked) == ([member_id], "found")
    assert far.view(member_id).phone == "138****5678"
    # The points lie at the store where they came from; the hub asks for them, and that store gives them back.
    assert (far.view(member_id).spendable, near.view(member_id).spendable) == (0, 50)
    near.sync()
    assert near.view(member_id).spendable == 0
    assert points.fetch(far.node, member_id, 50)
    # Before the stream said anything, what may be spent here is known from the answer.
    assert far.view(member_id).spendable == 50
    far.sync()
    assert far.view(member_id).spendable == 50
    again = find.find(far.node, PHONE)
    assert again is not None
    assert again.asked == "", "now it is known here"


def test_a_phone_that_nobody_can_look_up_joins_all_the_same_and_the_hub_makes_one_of_two(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    near.online = far.online = False
    first = near.join(PHONE)
    shops.hub.clock.advance(1_000)
    second = far.join("+86 " + PHONE)
    assert not second.existing
    assert first.member_id != second.member_id
    near.online = far.online = True
    shops.sync()
    survivor = shops.hub.resolve(second.member_id)
    assert survivor == first.member_id == shops.hub.resolve(first.member_id)
    # The second welcome is taken back; it lies at the other store, so it is owed until that one gives it back.
    assert shops.hub.points(survivor) - shops.hub.debt(survivor) == 50, "one welcome for one phone"
    shops.sync()
    for till in (near, far):
        by_id = find.find(till.node, second.member_id)
        assert by_id is not None
        assert by_id.member_ids == [survivor], "both ids are the same member, wherever they are read"
        assert till.known(survivor).net == 50
        found = find.find(till.node, PHONE)
        assert found is not None
        assert found.member_ids == [survivor]
    shops.hub.proven()
    near.verified()
    far.verified()


def test_whoever_is_a_member_already_is_found_and_welcomed_once(shops: World) -> None:
    near = shops.till("near")
    first = near.join(PHONE)
    second = near.join("138-1234-5678")
    assert second.existing
    assert (second.member_id, second.welcome) == (first.member_id, 0)
    assert near.known(first.member_id).points == 50


def test_whoever_did_not_agree_that_stores_share_is_known_where_they_agree_again(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = near.join(PHONE, consents=("membership",)).member_id
    near.sync()
    assert find.find(far.node, PHONE).member_ids == [member_id]  # type: ignore[union-attr]
    far.sync()
    assert (far.view(member_id).phone, far.view(member_id).points) == ("", 50), "points work, the name stays away"
    answer = far.join(PHONE, consents=("membership",))
    assert (answer.existing, answer.member_id) == (True, member_id)
    far.sync()
    assert far.view(member_id).phone == "138****5678"
    far.verified()


def test_a_repeat_is_answered_the_same_and_leaves_no_key_of_nobody(shops: World) -> None:
    near = shops.till("near")
    command = near.join_command(PHONE)
    one = join.join(near.node, AT_TILL_1, command)
    two = join.join(near.node, AT_TILL_1, command)
    assert isinstance(one, Done)
    assert isinstance(two, Done)
    assert (one.answer, two.repeated) == (two.answer, True)
    other = join.join(near.node, AT_TILL_1, near.join_command("13900000000", request_id=command.request_id))
    assert other == Refused("request_id_reused")
    assert near.node.members.keys(near.node).held() == [join.read_answer(one.answer).member_id]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Said(phone="12345"), "phone_wrong"),
        (Said(phone="23812345678"), "phone_wrong"),
        (Said(phone=PHONE, birthday=DateOf(what="birthday", month_day="02-30")), "profile_wrong"),
        (Said(phone=PHONE, name="a" * 41), "profile_wrong"),
        (Said(phone=PHONE, allergies=("花生",)), "consent_missing"),
    ],
)
def test_what_is_not_sound_or_not_agreed_to_is_refused_and_leaves_nothing(shops: World, said: Said, code: str) -> None:
    near = shops.till("near")
    before = near.rig.tables()
    refused = near.try_join(said=said)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert near.rig.tables() == before
    assert near.node.members.keys(near.node).held() == []


def test_nobody_becomes_a_member_without_agreeing_to_it(shops: World) -> None:
    near = shops.till("near")
    assert near.try_join(PHONE, consents=("sms",)) == Refused("consent_missing", {"purpose": "membership"})


def test_somebody_without_a_phone_is_a_member_too(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join().member_id
    near.sync()
    assert shops.hub.points(member_id) == 50
    assert near.view(member_id).phone == ""


def test_a_birthday_of_29_february_is_one(shops: World) -> None:
    near = shops.till("near")
    near.join(said=Said(phone=PHONE, birthday=DateOf(what="birthday", month_day="02-29")))
    assert view.days_until("02-29", "2027-02-27") == 2
    assert view.days_until("02-29", "2028-02-27") == 2
    assert view.days_until("12-31", "2028-01-01") == 365


def test_a_card_stands_for_a_member_at_every_store(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = near.join(PHONE).member_id
    done = changes.bind_card(
        near.node, AT_TILL_1, CardCommand(request_id=near.new_id(), member_id=member_id, card="04A2-99")
    )
    assert isinstance(done, Done)
    near.sync()
    assert b"04A2-99" not in (near.rig.folder / "node.db").read_bytes()
    for till in (near, far):
        found = find.find(till.node, "04A2-99")
        assert found is not None
        assert (found.member_ids, found.by) == ([member_id], "card")


def test_before_the_hub_gave_the_key_of_cards_none_is_bound(shops: World) -> None:
    near = shops.till("near")
    near.node.members.close()
    near.online = False
    assert near.try_join(card="04A2-99") == Refused("members_not_ready")
    assert near.node.members.keys(near.node).held() == []


def test_a_profile_is_put_right_and_the_old_number_finds_nobody(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    other = near.join("13900000000").member_id
    said = Said(phone="13700001111", name="李")
    done = changes.put_right(
        near.node, AT_TILL_1, ProfileCommand(request_id=near.new_id(), member_id=member_id, said=said)
    )
    assert isinstance(done, Done)
    near.online = False
    found, gone = find.find(near.node, "13700001111"), find.find(near.node, PHONE)
    assert found is not None
    assert gone is not None
    assert (found.member_ids, gone.member_ids) == ([member_id], [])
    taken = changes.put_right(
        near.node, AT_TILL_1, ProfileCommand(request_id=near.new_id(), member_id=other, said=said)
    )
    assert taken == Refused("phone_taken")
    near.online = True
    near.sync()
    assert near.view(member_id).phone == "137****1111", "the hub's card says the same"


def test_allergies_go_with_their_consent(shops: World) -> None:
    near = shops.till("near")
    said = Said(phone=PHONE, allergies=("花生",))
    member_id = near.join(said=said, consents=("membership", "allergy")).member_id
    assert near.view(member_id).allergies == ("花生",)
    command = ConsentCommand(request_id=near.new_id(), member_id=member_id, purpose="allergy", given=False, text=TEXT)
    assert isinstance(changes.consent(near.node, AT_TILL_1, command), Done)
    assert near.view(member_id).allergies == ()
    near.sync()
    assert near.view(member_id).allergies == ()
    assert near.known(member_id).profile is not None
    leave = ConsentCommand(request_id=near.new_id(), member_id=member_id, purpose="membership", given=False, text=TEXT)
    assert changes.consent(near.node, AT_TILL_1, leave) == Refused("leave_instead")


def test_whoever_leaves_is_found_by_nothing_and_can_be_read_by_nobody(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = near.join(PHONE).member_id
    near.sync()
    find.find(far.node, PHONE)
    far.sync()
    assert far.view(member_id).phone == "138****5678"
    command = LeaveCommand(request_id=near.new_id(), member_id=member_id)
    assert isinstance(changes.leave(near.node, AT_TILL_1, command), Done)
    keys = near.node.members.keys(near.node)
    assert (keys.held(), keys.is_forgotten(member_id)) == ([], True)
    near.online = False
    gone = find.find(near.node, PHONE)
    assert gone is not None
    assert gone.member_ids == []
    assert view.member(near.node, member_id) is None
    near.online = True
    shops.sync()
    assert far.node.members.keys(far.node).held() == []
    assert view.member(far.node, member_id) is None
    assert find.find(far.node, PHONE).member_ids == []  # type: ignore[union-attr]
    assert shops.hub.keys.get(member_id) is None
    shops.hub.proven()
    near.verified()


def test_a_store_that_has_no_more_to_do_with_a_guest_lets_go_of_them_and_finds_them_again(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = near.join(PHONE).member_id
    near.sync()
    find.find(far.node, PHONE)
    far.sync()
    with shops.database.write() as tx:
        cards.remove(tx, "far", member_id)
    far.sync()
    assert far.node.members.keys(far.node).held() == []
    assert view.member(far.node, member_id) is None
    assert find.find(far.node, PHONE).asked == "found"  # type: ignore[union-attr]
    assert far.view(member_id).phone == "138****5678"


def test_a_hub_that_was_set_back_makes_nobody_forgotten(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    near.sync()
    stream = "members.near"

    def set_back(tx: Tx) -> None:
        applier = applier_of(stream)
        applier.doubt(tx, stream)
        applier.settle(tx, stream)

    near.rig.db.write(set_back)
    near.online = False
    care.care(near.node)
    assert near.node.members.keys(near.node).held() == [member_id]
    assert near.view(member_id).phone == "138****5678"
    shops.hub.keys.forget(member_id, 1)
    near.online = True
    care.care(near.node)
    assert near.node.members.keys(near.node).held() == [], "the hub says who is forgotten"
    assert view.member(near.node, member_id) is None


def test_who_somebody_is_is_shown_with_a_reason_and_a_fact(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    nothing = RevealCommand(request_id=near.new_id(), member_id=member_id, reason=" ")
    assert isinstance(changes.reveal(near.node, AT_TILL_1, nothing), Refused)
    assert near.facts("member.revealed") == []
    command = RevealCommand(request_id=near.new_id(), member_id=member_id, reason="回电：遗失物品")
    shown = changes.reveal(near.node, AT_TILL_1, command)
    assert isinstance(shown, changes.InClear)
    assert shown.profile is not None
    assert shown.profile.phone == "+86" + PHONE
    assert PHONE not in repr(shown)
    assert [one["reason"] for one in near.facts("member.revealed")] == ["回电：遗失物品"]


def test_the_key_is_handed_in_until_the_hub_says_that_it_has_it(shops: World) -> None:
    near = shops.till("near")
    near.questions.lost.add(member_asks.KEY)
    member_id = near.join(PHONE).member_id
    near.sync()
    assert [one for one, _ in near.node.members.keys(near.node).owed()] == [member_id]
    near.questions.lost.clear()
    near.sync()
    assert near.node.members.keys(near.node).owed() == []
    assert shops.hub.keys.get(member_id) is not None


def test_no_phone_of_a_hundred_is_in_the_file_or_its_log(shops: World) -> None:
    near = shops.till("near")
    phones = [f"139{number:08d}" for number in range(7_654_321, 7_654_421)]
    near.online = False
    for number in phones:
        near.join(number, said=Said(phone=number, name="赵钱孙李周"))
    near.online = True
    near.sync()
    for path in near.rig.folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not [one for one in phones if one.encode() in raw], path.name
            assert "赵钱孙李周".encode() not in raw, path.name
    assert len(near.node.members.keys(near.node).held()) == len(phones)
