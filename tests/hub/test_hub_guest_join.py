"""Guests join on the hub's page with the invite of their receipt, and look after themselves on their own page."""

import re
from dataclasses import dataclass

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cloud.app import create_guest_app
from cloud.db import referrals
from cloud.services.members import friends
from cloud.wiring import Core
from sync.contract import members as contract
from sync.contract.facts import Lane
from sync.contract.members import PURPOSES, PointsEarned
from sync.contract.words import Name
from sync.node.ports import ManualClock
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub

SALE = "5" * 32
PHONE = "138 0013 8000"


@dataclass
class House:
    core: Core
    clock: ManualClock
    store: StoreByHand
    guest: FlaskClient
    code: str
    invite_id: str

    def hold(self, points=40):
        """The store tells of what the receipt holds, and the hub books it."""
        sale = self.store.sell([("米饭", 1, 4000)], at_ms=EVENING_MS)
        body = PointsEarned(
            post_id="a" * 32,
            idem=f"sale:{sale.sale_id}",
            by="sale",
            ref=f"sale:{sale.sale_id}",
            points=points,
            from_day="2026-11-22",
            last_day="2027-11-30",
            invite_id=self.invite_id,
        )
        self.store.write(Lane.TRADE, contract.POINTS_EARNED, msgspec.json.encode(body), EVENING_MS)
        self.store.deliver()
        self.core.hub.members.booker.catch_up()

    def look(self, code=""):
        return self.guest.get(f"/J/{code or self.code}?lang=en")

    def send(self, page=None, **fields):
        once = re.search(r'name="once" value="([0-9a-f]{32})"', (page or self.look()).text)
        assert once is not None
        return self.guest.post(f"/J/{self.code}?lang=en", data={"once": once[1], **fields})


@pytest.fixture
def house(tmp_path, hub_url):
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock, hub_url)
    store = StoreByHand(core, "near", Name("近店", "Near"), clock)
    invite = store.invite(SALE, EVENING_MS)
    yield House(core, clock, store, create_guest_app(core.hub).test_client(), invite.code, invite.invite_id)
    core.database.close()


def door_of(page: TestResponse) -> str:
    found = re.search(r'id="door" href="(/m/[0-9a-f]{64})', page.text)
    assert found is not None
    return found[1]


def count(house: House) -> int:
    return house.core.hub.members.desk.count()


def test_no_box_is_ticked_and_the_page_is_small_without_script_and_cookie(house):
    page = house.look()
    assert [f'name="purpose_{one}"' in page.text for one in PURPOSES] == [True] * len(PURPOSES)
    assert " checked" not in page.text
    assert "<script" not in page.text
    assert "Set-Cookie" not in page.headers
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
    assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page.text)
    assert len(page.data) + sum(len(house.guest.get(one, buffered=True).data) for one in files) <= 30_000


def test_a_guest_without_a_number_joins_and_has_a_page_of_their_own(house):
    house.hold()
    page = house.send(purpose_membership="yes", purpose_profiling="yes")
    assert (page.status_code, 'data-claimed="yes"' in page.text) == (200, True)
    own = house.guest.get(door_of(page) + "?lang=en").text
    assert "40 points" in own
    assert re.findall(r'name="purpose_(\w+)" value="yes" checked', own) == ["profiling"]


def test_used_refused_and_foreign_codes_are_told_apart(house):
    house.hold()
    assert 'id="join"' in house.look().text
    house.send(phone=PHONE, purpose_membership="yes")
    used = house.look().text
    assert ("taken already" in used, 'id="join"' in used) == (True, False)
    other = house.look(house.code[:-8] + ("B" if house.code[-8] == "A" else "A") + house.code[-7:]).text
    assert ("We did not issue" in other, 'id="join"' in other) == (True, False)
    house.clock.advance(31 * 86_400_000)
    late = house.look().text
    assert ('data-verdict="expired"' in late, 'id="join"' in late) == (True, False)


def test_a_second_tap_makes_nobody_twice(house):
    house.hold()
    page = house.look()
    first = house.send(page, purpose_membership="yes")
    assert door_of(house.send(page, purpose_membership="yes")) == door_of(first)
    assert count(house) == 1


def test_a_number_that_is_known_and_a_new_one_hear_the_same(house):
    house.hold()
    page = house.send(phone=PHONE, purpose_membership="yes")
    assert 'id="door"' not in page.text
    again = house.store.invite("6" * 32, EVENING_MS)
    known = house.guest.post(
        f"/J/{again.code}?lang=en", data={"once": "b" * 32, "phone": "+8613800138000", "purpose_membership": "yes"}
    )
    third = house.store.invite("7" * 32, EVENING_MS)
    new = house.guest.post(
        f"/J/{third.code}?lang=en", data={"once": "c" * 32, "phone": "13900139000", "purpose_membership": "yes"}
    )
    assert known.text == new.text
    assert count(house) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "tick the first box"),
        ({"purpose_membership": "yes", "phone": "12345"}, "no phone number"),
        ({"purpose_membership": "yes", "allergies": "peanuts"}, "tick the box for them"),
        ({"purpose_membership": "yes", "name": "x" * 41}, "too long"),
        ({"purpose_membership": "yes", "once": "x"}, "once more"),
    ],
)
def test_what_is_not_sound_is_said_and_nobody_joins(house, fields, said):
    page = house.send(**fields)
    assert (page.status_code, said in page.text, count(house)) == (400, True, 0)


def test_a_form_from_a_foreign_page_is_refused(house):
    answer = house.guest.post(
        f"/J/{house.code}",
        data={"once": "d" * 32, "purpose_membership": "yes"},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert (answer.status_code, count(house)) == (403, 0)


def test_a_member_changes_their_mind_and_leaves_and_the_door_is_shut(house):
    house.hold()
    door = door_of(house.send(purpose_membership="yes", purpose_sms="yes"))
    member_id = door.removeprefix("/m/")[:32]
    kept = house.guest.post(door, data={"consents": "yes", "purpose_sharing": "yes"})
    assert kept.status_code == 200
    held = {one.purpose for one in house.core.hub.members.desk.page(member_id).consents}
    assert held == {"membership", "sharing"}
    assert house.guest.post(door, data={}).status_code == 200
    assert house.guest.get(door).status_code == 200
    house.guest.post(door, data={"leave": "yes"})
    assert house.guest.get(door).status_code == 404


@pytest.mark.parametrize("kept", [63, 36])
def test_a_door_that_is_not_ours_opens_nothing(house, kept):
    door = door_of(house.send(purpose_membership="yes"))
    assert house.guest.get(door).status_code == 200
    wrong = door[: kept + len("/m/")] + ("0" if door[-1] != "0" else "1")
    assert house.guest.get(wrong).status_code == 404
    assert house.guest.post(wrong, data={"leave": "yes"}).status_code == 404
    assert count(house) == 1


@pytest.mark.parametrize("same", [True, False], ids=["same_phone", "another_phone"])
def test_a_friend_on_the_phone_of_who_invited_them_is_looked_at(house, same):
    shared = house.core.hub.members.shared
    member_id = door_of(house.send(purpose_membership="yes")).removeprefix("/m/")[:32]
    phone = house.guest if same else create_guest_app(house.core.hub).test_client()
    code = friends.code_of(shared, member_id)
    form = {"once": "e" * 32, "phone": "13900139000", "purpose_membership": "yes"}
    assert phone.post(f"/J/{code}?lang=en", data=form).status_code == 200
    with shared.database.read() as reader:
        [row] = referrals.by_referrer(reader, [member_id])
    assert row.flags == ("same_device" if same else "")


def test_the_word_on_the_phone_comes_with_the_form_and_says_nothing(house):
    joined = house.send(phone=PHONE, purpose_membership="yes")
    told = joined.headers["Set-Cookie"]
    word = re.match(r"zg_phone=([0-9a-f]{32});", told)
    assert word is not None
    assert ("HttpOnly" in told, "SameSite=Lax" in told, f"Max-Age={30 * 86_400}" in told) == (True, True, True)
    assert "Set-Cookie" not in house.look().headers, "one word is enough"
    with house.core.database.read() as reader:
        held = reader.connection.exec_driver_sql("SELECT digest FROM member_devices").scalars().all()
    assert len(held) == 1
    assert word[1] not in held
    spoilt = create_guest_app(house.core.hub).test_client()
    spoilt.set_cookie("zg_phone", "'; --", domain="localhost")
    assert spoilt.get(f"/J/{house.code}").status_code == 200
