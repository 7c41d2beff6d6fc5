"""What nobody should hand in, each case by name: refused or resolved by rule, with a sentence in both languages, and the book sums to zero."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud.domain.roles import Role
from cloud.services.members import proof
from cloud.services.members.hub import Members
from cloud.services.members.shared import BadDeed
from cloud.web import words as hub_words
from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.members.join import Said
from edge.services.money import book_sale, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.refunds import RefundAnswer, RefundCommand
from edge.services.money.settle_sale import SellCommand
from edge.web import words as till_words
from sync.contract import phones
from sync.contract.member_cards import DateOf, Profile
from sync.contract.members import Consent, Origin
from sync.contract.points import Rules
from sync.contract.words import LOCALES, Name
from tests.hub.test_hub_guest_join import House, count, house
from tests.hub.test_hub_people_http import Hub, hub, send
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub
from tests.kit.member_tills import Till, World, cash, world
from tests.kit.nodes import AT_TILL_1, basket

__all__ = ["house", "hub"]

DAY_MS = 86_400_000
PHONE = "+8613800138000"
FORMATS = (
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "+86 13800138000",
    "0086 138 0013 8000",
    "１３８００１３８０００",
)
YES = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)
MEAL = basket(("d101", 2), ("d102", 1))


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, Rules(version=1, welcome=50)) as made:
        yield made


# ---------------------------------------------------------------------------------------------------------- what is held


def sums_to_zero(database: Any, entries: bool = True) -> None:
    """Hold the whole book: each unit sums to zero, every law holds, and (unless said otherwise) it is not empty."""
    with database.read() as reader:
        sums = reader.connection.exec_driver_sql("SELECT unit, sum(amount) FROM ledger_entries GROUP BY unit").all()
        found = proof.prove(reader)
    assert all(total == 0 for _, total in sums)
    assert found.wrongs == []
    assert bool(found.entries) == entries


def says(house: House, code: str, kind: str) -> None:
    """Hold that a guest is told in both languages what is wrong with a code, and is offered no form."""
    for locale, lang in zip(LOCALES, ("zh", "en"), strict=True):
        page = house.guest.get(f"/J/{code}?lang={lang}").text
        for key in (f"guest.lead_{kind}", f"guest.do_{kind}"):
            assert hub_words.load().text(key, locale).replace("'", "&#39;") in page
        assert 'id="join"' not in page


def nobody_joins(house: House, code: str) -> None:
    """Hold that a form sent with a code all the same makes nobody a member."""
    before = count(house)
    form = {"once": "f" * 32, "phone": "13900139000", "purpose_membership": "yes"}
    house.guest.post(f"/J/{code}?lang=en", data=form)
    assert count(house) == before


def sentence(code: str) -> None:
    """Hold that the till has a sentence for a refusal, in both languages."""
    told = [till_words.of(f"error.{code}", locale) for locale in LOCALES]
    assert all(re.search(r"[.。]$", one) for one in told), told


def refused(done: Done | Refused, code: str) -> None:
    assert isinstance(done, Refused), done
    assert done.code == code
    sentence(code)


def sell(till: Till, member_id: str = "") -> SaleAnswer:
    command = SellCommand(sale_id=till.new_id(), lines=MEAL, tenders=(cash(100_000),), member_id=member_id)
    done = settle_sale.settle_sale(till.node, AT_TILL_1, command)
    assert isinstance(done, Done), done
    return book_sale.read_answer(done.answer)


def give_back(till: Till, sale: SaleAnswer, refund_id: str = "") -> Done | Refused:
    command = RefundCommand(refund_id=refund_id or till.new_id(), sale_id=sale.sale_id, reason="cold", whole=True)
    return refunds.give_back(till.node, AT_TILL_1._replace(cashier_id="c9"), command)


def code_of(sale: SaleAnswer) -> str:
    return sale.invite.url.rpartition("/")[2]


# --------------------------------------------------------------------------------------------------------------- codes


def test_a_reused_code_gives_nothing_a_second_time(house: House) -> None:
    house.hold()
    first = house.send(phone=PHONE, purpose_membership="yes")
    assert 'data-claimed="yes"' in first.text
    says(house, house.code, "used")
    nobody_joins(house, house.code)
    assert house.core.hub.members.desk.liability().in_receipts == 0
    sums_to_zero(house.core.database)


def test_a_forged_code_is_told_and_makes_nobody_a_member(house: House) -> None:
    house.hold()
    for at in (30, 60, 100):
        forged = house.code[:at] + ("A" if house.code[at] != "A" else "B") + house.code[at + 1 :]
        says(house, forged, "forged")
        nobody_joins(house, forged)
    assert 'id="join"' in house.look().text, "the right one still opens"
    sums_to_zero(house.core.database)


def test_an_expired_code_is_told_and_makes_nobody_a_member(house: House) -> None:
    house.hold()
    house.clock.advance(30 * DAY_MS)
    assert 'id="join"' in house.look().text, "it counts on its last day"
    house.clock.advance(DAY_MS)
    says(house, house.code, "expired")
    nobody_joins(house, house.code)
    sums_to_zero(house.core.database)


def test_a_foreign_code_looks_like_one_that_is_not_ours(house: House, tmp_path: Path) -> None:
    elsewhere = open_hub(tmp_path / "elsewhere", house.clock)
    foreign = StoreByHand(elsewhere, "theirs", Name("别家", "Theirs"), house.clock).invite("9" * 32, EVENING_MS)
    elsewhere.database.close()
    says(house, foreign.code, "forged")
    nobody_joins(house, foreign.code)
    sums_to_zero(house.core.database, entries=False)


def test_a_revoked_code_is_told_and_what_was_signed_before_still_counts(house: House) -> None:
    house.hold()
    house.clock.advance(DAY_MS)
    house.core.hub.enrolment.revoke("near", house.store.epoch)
    house.clock.advance(DAY_MS)
    late = house.store.invite("8" * 32, house.clock.now_ms())
    says(house, late.code, "revoked")
    nobody_joins(house, late.code)
    assert 'id="join"' in house.look().text
    sums_to_zero(house.core.database)


@pytest.mark.parametrize("what", ["forged", "unknown_store", "expired"])
def test_the_till_says_what_is_wrong_with_a_code_and_the_guest_is_a_member_all_the_same(
    shops: World, what: str
) -> None:
    near, far = shops.till("near"), shops.till("far")
    code = code_of(sell(near))
    near.sync()
    if what == "forged":
        code = code[:60] + ("A" if code[60] != "A" else "B") + code[61:]
    elif what == "unknown_store":
        stranger = shops.hub.kit.enrolled("lost", b"lost" * 8)
        code = stranger.invite("7" * 32).code
    else:
        shops.hub.clock.advance(31 * DAY_MS)
    joined = far.join("13900139000", place="slip", invite=code)
    assert joined.claim == f"invite_{what}"
    sentence(joined.claim)
    shops.sync()
    assert shops.hub.points(joined.member_id) == 50, "the welcome gift, and nothing of the receipt"
    sums_to_zero(shops.database)


def test_a_code_that_two_stores_take_at_once_gives_its_points_once(shops: World) -> None:
    near, far, third = (shops.till(name) for name in ("near", "far", "third"))
    sale = sell(near)
    assert sale.points is not None
    far.online = third.online = False
    first = far.join("13900139000", place="slip", invite=code_of(sale))
    second = third.join("13900139001", place="slip", invite=code_of(sale))
    assert (first.claim, second.claim) == ("", ""), "neither can know"
    far.online = third.online = True
    shops.sync()
    had = sorted(shops.hub.points(one.member_id) for one in (first, second))
    assert had == [50, 50 + sale.points.earned]
    assert shops.hub.conflicts() == ["claimed_twice"]
    assert hub_words.load().text("members.conflict_claimed_twice", "en").endswith(".")
    sums_to_zero(shops.database)


# ------------------------------------------------------------------------------------------------------------- refunds


def test_a_refund_twice_takes_its_points_once(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join("13900139000").member_id
    sale = sell(near, member_id)
    refund_id = near.new_id()
    first = give_back(near, sale, refund_id)
    assert isinstance(first, Done)
    again = give_back(near, sale, refund_id)
    assert isinstance(again, Done)
    assert msgspec.json.decode(again.answer, type=RefundAnswer) == msgspec.json.decode(first.answer, type=RefundAnswer)
    refused(give_back(near, sale), "nothing_to_refund")
    near.sync()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (50, 0)
    assert len(near.facts("points.reversed")) == 1
    sums_to_zero(shops.database)


def test_a_refund_that_the_hub_is_told_of_twice_takes_its_points_once(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join("13900139000").member_id
    give_back(near, sell(near, member_id))
    near.sync()
    near.kit.lanes[0] = [bytes(raw) for (raw,) in near.rig.rows("SELECT raw FROM facts WHERE lane = 0 ORDER BY seq")]
    shops.hub.kit.ingest.receive([near.kit.batch(1, len(near.kit.lanes[0]), 0)])
    shops.hub.booker.catch_up()
    assert (shops.hub.points(member_id), shops.hub.debt(member_id)) == (50, 0)
    sums_to_zero(shops.database)


@pytest.mark.parametrize("where", ["till", "phone"])
def test_a_claim_after_the_receipt_was_refunded_gives_nothing(shops: World, where: str) -> None:
    near, far = shops.till("near"), shops.till("far")
    sale = sell(near)
    give_back(near, sale)
    if where == "till":
        joined = near.join("13900139000", sale_id=sale.sale_id)
        assert joined.claim == "claim_refunded"
        sentence(joined.claim)
        member_id = joined.member_id
    else:
        # The other store cannot know yet; the hub has the last word.
        joined = far.join("13900139000", place="slip", invite=code_of(sale))
        assert joined.claim == ""
        member_id = joined.member_id
    shops.sync()
    assert shops.hub.points(member_id) == 50
    assert shops.hub.conflicts() == ([] if where == "till" else ["claim_of_refunded"])
    sums_to_zero(shops.database)


def test_the_page_says_that_a_receipt_was_refunded(shops: World) -> None:
    near = shops.till("near")
    sale = sell(near)
    give_back(near, sale)
    near.sync()
    box = Members(shops.hub.shared, shops.hub.booker)
    invite_id = near.facts("invite.issued")[0]["invite_id"]
    assert box.joining.receipt(invite_id) == "refunded"
    told = box.joining.join(Profile(phone=PHONE), YES, Origin(place="slip", store="near", code=invite_id), invite_id)
    assert told.claimed == "claim_of_refunded"
    assert all(hub_words.load().text(f"guest_join.claimed_{told.claimed}", locale) for locale in LOCALES)
    assert shops.hub.points(told.member_id) == 50
    sums_to_zero(shops.database)


# ---------------------------------------------------------------------------------------------------------- who they are


def test_a_phone_in_six_formats_is_one_member_with_one_gift(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    assert {phones.normal(text) for text in FORMATS} == {PHONE}
    first = near.join(FORMATS[0])
    shops.sync()
    for till in (near, far):
        assert {till.join(text).member_id for text in FORMATS} == {first.member_id}
    box = Members(shops.hub.shared, shops.hub.booker)
    assert all(box.desk.search(text)[0].member_id == first.member_id for text in FORMATS)
    shops.sync()
    assert (box.desk.count(), shops.hub.points(first.member_id)) == (1, 50)
    sums_to_zero(shops.database)


def test_stores_that_are_cut_off_and_write_a_phone_differently_make_one_member_of_it(shops: World) -> None:
    tills = [shops.till(name) for name in ("near", "far", "third")]
    for till in tills:
        till.online = False
    joined = []
    for till, text in zip(tills, FORMATS[1::2], strict=True):
        shops.hub.clock.advance(1_000)
        joined.append(till.join(text).member_id)
    for till in tills:
        till.online = True
    shops.sync()
    shops.sync()
    assert {shops.hub.resolve(one) for one in joined} == {joined[0]}
    assert (shops.hub.points(joined[0]), shops.hub.debt(joined[0])) == (50, 0)
    sums_to_zero(shops.database)


@pytest.mark.parametrize("text", ["1380013800", "138001380000", "12800138000", "+86 12345", "phone", "１３８"])
def test_a_phone_that_is_none_is_refused_with_a_sentence(shops: World, text: str) -> None:
    near = shops.till("near")
    refused(near.try_join(text), "phone_wrong")
    assert near.facts("member.joined") == []
    sums_to_zero(shops.database, entries=False)


def test_a_phone_that_is_none_is_told_on_the_guests_own_phone(house: House) -> None:
    page = house.send(phone="1380013800", purpose_membership="yes")
    assert (page.status_code, count(house)) == (400, 0)
    assert hub_words.load().text("guest_join.wrong_phone", "en") in page.text


def test_a_birthday_of_30_february_is_refused_with_a_sentence(shops: World) -> None:
    near = shops.till("near")
    said = Said(phone="13900139000", birthday=DateOf(what="birthday", month_day="02-30"))
    done = near.try_join(said=said)
    refused(done, "profile_wrong")
    assert isinstance(done, Refused)
    assert done.details == {"fields": ["birthday"]}
    box = Members(shops.hub.shared, shops.hub.booker)
    born = Profile(phone=PHONE, birthday=DateOf(what="birthday", month_day="02-30"))
    with pytest.raises(BadDeed, match="please look again at: birthday"):
        box.joining.join(born, YES, Origin(place="slip", store="near"))
    assert box.desk.count() == 0
    leap = Said(phone="13900139000", birthday=DateOf(what="birthday", month_day="02-29"))
    assert isinstance(near.try_join(said=leap), Done), "29 February is a day"
    near.sync()
    sums_to_zero(shops.database)


def test_a_member_is_not_merged_into_himself(hub: Hub) -> None:
    box = hub.core.hub.members
    him, other = (
        box.joining.join(Profile(phone=f"+86138001380{n:02d}"), YES, Origin(place="slip", store="s1")).member_id
        for n in range(2)
    )
    admin, path = hub.as_role(Role.ADMIN), f"/members/{him}"
    answer = send(admin, f"{path}/merge", where=path, other=him, reason="they asked")
    assert answer.status_code == 409
    assert hub_words.load().text("members.not_done", LOCALES[0]) in answer.get_data(as_text=True)
    assert box.desk.page(him).merged_from == ()
    assert send(admin, f"{path}/merge", where=path, other=other, reason="one person").status_code == 303
    # Nor back again, into the one he is part of by now.
    again = send(admin, f"{path}/merge", where=path, other=other, reason="once more")
    assert again.status_code == 409
    assert (box.desk.page(him).line.member_id, box.desk.count()) == (other, 1)
    sums_to_zero(hub.core.database)


def test_the_book_that_is_held_here_would_be_seen_to_break(shops: World) -> None:
    """The negative control of `sums_to_zero`: a balance that somebody changed by hand is found."""
    near = shops.till("near")
    near.join("13900139000")
    near.sync()
    sums_to_zero(shops.database)
    with shops.database.write() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE ledger_balances SET balance = balance + 1 WHERE account LIKE 'm:%:points'"
        )
    with pytest.raises(AssertionError):
        sums_to_zero(shops.database)
