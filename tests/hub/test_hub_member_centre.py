"""A member's own page on the phone, from the address that opens it to leaving; the slips, codes and limits around it."""

import csv
import io
import json
import re
from dataclasses import dataclass, replace

import msgspec
import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from cloud.app import create_guest_app
from cloud.db import members, referrals, stores
from cloud.services.members import centre, friends
from cloud.wiring import Core
from sync.contract import friend_codes, member_codes, member_doors, times
from sync.contract import members as contract
from sync.contract.facts import Lane
from sync.contract.member_cards import Profile
from sync.contract.member_doors import MemberDoorGiven
from sync.contract.members import Consent, MemberJoined, Origin, PointsEarned
from sync.contract.words import Name
from sync.node import member_seal
from sync.node.ports import ManualClock
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub

PHONE = "13800138000"
AGREED = {"purpose_membership": "yes"}
DAY_MS = 86_400_000
BYTES_MAX = 30_000


@dataclass
class House:
    core: Core
    clock: ManualClock
    store: StoreByHand
    guest: FlaskClient

    @property
    def shared(self):
        return self.core.hub.members.shared

    def invite(self, number=1):
        """A receipt's invite, as the store issued it."""
        return self.store.invite(f"{number:032x}", self.clock.now_ms())

    def look(self, path):
        return self.guest.get(f"{path}?lang=en")

    def send(self, code, page=None, guest=None, **fields):
        once = re.search(r'name="once" value="([0-9a-f]{32})"', (page or self.look(f"/J/{code}")).text)
        assert once is not None
        return (guest or self.guest).post(f"/J/{code}?lang=en", data={"once": once[1], **fields})

    def member(self, number=1, **fields):
        """Somebody who joined without a phone number; gives the address of their page and who they are."""
        page = self.send(self.invite(number).code, **AGREED, **fields)
        found = re.search(r'id="door" href="(/m/[0-9a-f]{64})', page.text)
        assert found is not None
        return found[1], found[1].removeprefix("/m/")[:32]

    def told(self, kind, body):
        self.store.write(Lane.TRADE, kind, msgspec.json.encode(body), self.clock.now_ms())
        self.store.deliver()
        self.core.hub.members.booker.catch_up()

    def count(self):
        return self.core.hub.members.desk.count()


@pytest.fixture
def house(tmp_path, hub_url):
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock, hub_url)
    store = StoreByHand(core, "near", Name("近店", "Near"), clock)
    yield House(core, clock, store, create_guest_app(core.hub).test_client())
    core.database.close()


def qr_of(page):
    found = re.search(r'data-code="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def test_every_page_of_a_member_is_small_without_script_cookie_and_third_party(house):
    door, _ = house.member()
    for path in (door, f"{door}/code", f"{door}/invite"):
        for lang in ("zh", "en"):
            page = house.guest.get(f"{path}?lang={lang}")
            files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
            assert page.status_code == 200
            assert len(page.data) + sum(len(house.guest.get(one, buffered=True).data) for one in files) <= BYTES_MAX
            assert "<script" not in page.text
            assert "Set-Cookie" not in page.headers
            assert page.headers["Cache-Control"] == "no-store"
            assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page.text)


def test_history_says_in_words_what_moved_and_leaves_out_what_only_moved_to_a_store(house):
    door, member_id = house.member()
    sale = house.store.sell([("米饭", 1, 4000)], at_ms=house.clock.now_ms())
    earned = PointsEarned(
        post_id="a" * 32,
        idem=f"sale:{sale.sale_id}",
        by="sale",
        ref=f"sale:{sale.sale_id}",
        points=40,
        from_day="2026-11-22",
        last_day="2027-11-30",
        member_id=member_id,
    )
    house.told(contract.POINTS_EARNED, earned)
    house.core.hub.members.grants.nightly()
    page = house.look(door).text
    lines = re.findall(r"<li><span>([^<]+) <time[^>]*>[^<]*</time></span><b>([^<]+)</b></li>", page)
    assert lines == [("For a bill", "+40")]
    assert house.core.hub.members.desk.page(member_id).granted == 40, (
        "the points lie at the store, and are the member's"
    )
    assert "40 points" in page


def test_the_page_says_what_members_get(house):
    door, _ = house.member()
    page = house.look(door).text
    assert "Points earned for each ￥1.00: 1" in page
    assert "100 points pay ￥1.00, up to 50% of a bill" in page


def test_consents_are_shown_with_their_day_and_withdrawn_and_allergies_go_with_theirs(house):
    door, member_id = house.member(purpose_allergy="yes", allergies="花生", purpose_sms="yes")
    page = house.look(door).text
    assert set(re.findall(r'name="purpose_(\w+)" value="yes" checked', page)) == {"allergy", "sms"}
    assert page.count("agreed on") == 2
    assert house.guest.post(f"{door}?lang=en", data={"consents": "yes", "purpose_sms": "yes"}).status_code == 200
    after = house.look(door).text
    assert re.findall(r'name="purpose_(\w+)" value="yes" checked', after) == ["sms"]
    assert (after.count("agreed on"), after.count("taken back on")) == (1, 1)
    profile = house.core.hub.members.joining.profile(member_id)
    assert profile is not None
    assert profile.allergies == ()
    said = [(one.purpose, one.given) for one in house.core.hub.members.desk.page(member_id).said]
    assert ("allergy", 0) in said, "that it was taken back is kept"


def test_a_member_takes_everything_along_that_is_held_of_them(house):
    door, member_id = house.member(name="=王女士", purpose_profiling="yes")
    told = json.loads(house.guest.get(f"{door}/data.json").data)
    assert told["member_id"] == member_id
    assert told["profile"]["name"] == "=王女士"
    assert {one["purpose"] for one in told["consents"]} == {"membership", "profiling"}
    table = house.guest.get(f"{door}/data.csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="member.csv"'
    rows = list(csv.reader(io.StringIO(table.data.decode("utf-8-sig"))))
    assert ["profile", "1", "name", "'=王女士"] in rows, "no cell is a formula"
    assert {row[0] for row in rows[1:]} == set(told) - {one for one, value in told.items() if value in ([], {})}


def test_the_code_changes_every_half_minute_and_the_page_asks_for_the_next(house):
    door, member_id = house.member()
    first = house.look(f"{door}/code")
    assert centre.of_code(house.shared, qr_of(first)) == member_id
    wait = re.search(r'http-equiv="refresh" content="(\d+)"', first.text)
    assert wait is not None
    assert 1 < int(wait[1]) <= member_codes.STEP_S + 1
    house.clock.advance(int(wait[1]) * 1_000)
    second = qr_of(house.look(f"{door}/code"))
    assert second != qr_of(first)
    assert centre.of_code(house.shared, second) == member_id
    house.clock.advance(4 * member_codes.STEP_S * 1_000)
    assert centre.of_code(house.shared, second) is None, "a picture of it is of no use later"


def test_whoever_joins_with_a_members_invite_was_brought_by_them(house):
    door, member_id = house.member()
    url = qr_of(house.look(f"{door}/invite"))
    assert len(url) <= 180
    code = url.rsplit("/", 1)[-1]
    page = house.look(f"/J/{code}")
    assert "A friend invites you" in page.text
    assert " checked" not in page.text
    done = house.send(code, page, **AGREED)
    assert "you and your friend both get points" in done.text
    friend = re.search(r"/m/([0-9a-f]{32})", done.text)
    assert friend is not None
    with house.core.database.read() as reader:
        row = referrals.referral_of(reader, friend[1])
    assert row is not None
    assert (row.referrer, row.state) == (member_id, referrals.BOUND)


def test_a_members_invite_of_somebody_who_left_or_that_is_forged_brings_nobody(house):
    door, member_id = house.member()
    code = friends.code_of(house.shared, member_id)
    forged = code[:40] + ("A" if code[40] != "A" else "B") + code[41:]
    assert friend_codes.take_apart(forged) is not None
    refused = house.guest.post(f"/J/{forged}?lang=en", data={"once": "e" * 32, **AGREED})
    assert ("We did not issue" in refused.text, house.count()) == (True, 1)
    house.guest.post(door, data={"leave": "yes"})
    page = house.look(f"/J/{code}").text
    assert ('data-verdict="revoked"' in page, 'id="join"' in page) == (True, False)


def test_an_invite_signed_by_a_stores_key_counts_at_hq_and_none_signed_behind_its_end(house):
    _, member_id = house.member()
    hint = house.store.identity.public.key_id[: friend_codes.KEY_HINT_BYTES]
    today = times.epoch_day(house.shared.day())

    def told(day):
        claims = friend_codes.FriendClaims(hint, member_id, day)
        code = friend_codes.assemble(claims, house.store.identity.sign(friend_codes.to_sign(claims)))
        found = friends.verify(house.shared, code)
        assert found is not None
        return found

    assert told(today).member_id == member_id
    with house.core.database.write() as tx:
        stores.revoke_key(tx, "near", house.store.epoch, house.clock.now_ms())
    assert (told(today).verdict, told(today + 1).verdict) == ("valid", "revoked")
    stranger = friend_codes.assemble(friend_codes.FriendClaims(hint, member_id, today), b"\1" * 64)
    forged = friends.verify(house.shared, stranger)
    assert forged is not None
    assert forged.verdict == "forged"


def test_the_invite_is_kept_as_a_picture_and_as_a_poster(house):
    door, _ = house.member()
    png = house.guest.get(f"{door}/invite.png")
    [read] = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.data)))
    assert read.text == qr_of(house.look(f"{door}/invite"))
    poster = house.guest.get(f"{door}/invite.svg?lang=en")
    assert poster.mimetype == "image/svg+xml"
    assert "points for both of us" in poster.text


# ---------------------------------------------------------------------------------------------- the slip that opens a page


@pytest.fixture
def numbered(house):
    """Somebody who joined at the till with a number, and was handed a slip; gives who, and its token."""
    member_id, key = "c" * 32, b"k" * 32
    profile = Profile(phone=f"+86{PHONE}")
    house.shared.keys.put(member_id, member_seal.key_id(key), key)
    body = MemberJoined(
        member_id=member_id,
        origin=Origin(place="till", store="near"),
        consents=(Consent(purpose="membership", given=True, text="v1", channel="till"),),
        key_id=member_seal.key_id(key),
        sealed=member_seal.seal(profile, member_id, key, house.shared.chance),
    )
    house.told(contract.JOINED, body)
    return member_id, hand(house, member_id, b"t" * 16)


def hand(house, member_id, secret, life_ms=member_doors.LIFE_MS):
    token = member_doors.token_of(secret)
    until_ms = house.clock.now_ms() + life_ms
    body = MemberDoorGiven(member_id=member_id, digest=member_doors.digest(token), until_ms=until_ms)
    house.told(member_doors.DOOR_GIVEN, body)
    return token


def enter(house, token):
    answer = house.guest.post(f"/D/{token}?lang=en")
    return answer.headers.get("Location", ""), answer.status_code


def test_a_number_alone_opens_no_page_and_the_page_says_how_to_get_one(house):
    page = house.send(house.invite().code, phone=PHONE, **AGREED).text
    assert "/m/" not in page
    assert "ask our staff for a slip" in page


def test_a_slip_opens_the_page_of_a_member_with_a_number_once(house, numbered):
    _, token = numbered
    for _ in range(2):
        assert house.look(f"/D/{token}").status_code == 200, "a program that looks ahead does not use it up"
    to, status = enter(house, token)
    assert (status, house.guest.get(to).status_code) == (303, 200)
    assert "138****8000" in house.guest.get(to).text
    assert enter(house, token) == ("", 404)
    assert house.look(f"/D/{token}").status_code == 404


def test_another_slip_gives_the_page_another_address_and_the_old_one_ends(house, numbered):
    member_id, token = numbered
    first, _ = enter(house, token)
    second, _ = enter(house, hand(house, member_id, b"u" * 16))
    assert first != second
    assert (house.guest.get(first).status_code, house.guest.get(second).status_code) == (404, 200)


def test_only_the_newest_slip_opens_and_none_after_a_day(house, numbered):
    member_id, token = numbered
    newer = hand(house, member_id, b"v" * 16, life_ms=40 * DAY_MS)
    assert enter(house, token) == ("", 404)
    assert house.look(f"/D/{newer}").status_code == 200
    house.clock.advance(member_doors.LIFE_MS + 1)
    assert enter(house, newer) == ("", 404), "whatever the store said, a slip lives a day"


def test_a_store_opens_no_page_of_somebody_who_is_not_its_guest(house):
    _, stranger = house.member()
    with house.core.database.write() as tx:
        members.drop_guest(tx, "near", stranger)
    assert enter(house, hand(house, stranger, b"x" * 16)) == ("", 404)
    with house.core.database.write() as tx:
        members.note_guest(tx, "near", stranger, house.clock.now_ms())
    assert enter(house, hand(house, stranger, b"y" * 16))[1] == 303


def test_no_slip_and_no_address_opens_the_page_of_somebody_who_left(house, numbered):
    member_id, token = numbered
    to, _ = enter(house, token)
    later = hand(house, member_id, b"w" * 16)
    house.guest.post(to, data={"leave": "yes"})
    assert house.guest.get(to).status_code == 404
    assert enter(house, later) == ("", 404)


@pytest.mark.parametrize("token", ["A" * 26, "a" * 26, "x", "A" * 27, "%", "A" * 25 + "_"])
def test_what_is_no_slip_of_ours_opens_nothing(house, numbered, token):
    assert enter(house, token)[1] == 404


# ------------------------------------------------------------------------------------------------- limits, other processes


def test_a_form_that_was_sent_to_one_process_is_answered_again_by_another(house, tmp_path, hub_url):
    invite = house.invite()
    page = house.look(f"/J/{invite.code}")
    first = house.send(invite.code, page, **AGREED)
    beside = open_hub(tmp_path, house.clock, hub_url)
    other = create_guest_app(beside.hub).test_client()
    assert house.send(invite.code, page, other, **AGREED).text == first.text
    assert house.count() == 1
    second = house.invite(2)
    assert house.send(second.code, None, other, phone=PHONE, **AGREED).status_code == 200
    assert house.count() == 2, "another form is another guest"
    beside.database.close()


def from_address(house, address):
    """Phones as a proxy in front tells of them."""
    settings = house.core.hub.settings
    told = msgspec.structs.replace(settings, guest=msgspec.structs.replace(settings.guest, proxy_hops=1))
    return create_guest_app(replace(house.core.hub, settings=told)).test_client(), {"X-Forwarded-For": address}


def test_an_address_that_joins_too_often_waits_and_others_do_not(house):
    guest, first = from_address(house, "203.0.113.7")
    codes = [house.invite(number).code for number in range(1, 25)]
    said = [guest.post(f"/J/{code}", data={}, headers=first).status_code for code in codes]
    assert said == [400] * 20 + [429] * 4
    assert guest.post(f"/J/{codes[0]}", data={}, headers={"X-Forwarded-For": "203.0.113.8"}).status_code == 400
    assert guest.get(f"/J/{codes[0]}", headers=first).status_code == 200, "looking is another matter"
    house.clock.advance(10_000)
    answer = guest.post(f"/J/{codes[0]}", data={}, headers=first)
    assert answer.status_code == 400


def test_one_network_of_the_newer_kind_is_one_address(house):
    guest, _ = from_address(house, "")
    codes = [house.invite(number).code for number in range(1, 23)]
    said = [
        guest.post(f"/J/{code}", data={}, headers={"X-Forwarded-For": f"2001:db8::{number + 1:x}"}).status_code
        for number, code in enumerate(codes)
    ]
    assert said == [400] * 20 + [429] * 2


def test_an_invite_that_is_tried_too_often_waits_whoever_tries(house):
    code = house.invite().code
    said = []
    for number in range(22):
        guest, header = from_address(house, f"203.0.113.{number + 1}")
        said.append((guest, header))
    guest = said[0][0]
    answers = [guest.post(f"/J/{code}", data={}, headers=header) for _, header in said]
    assert [one.status_code for one in answers] == [400] * 20 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_slips_are_not_tried_in_numbers(house):
    guest, header = from_address(house, "203.0.113.9")
    said = [guest.post("/D/" + "A" * 26, headers=header).status_code for _ in range(21)]
    assert said == [404] * 20 + [429]


def test_without_a_proxy_that_hq_knows_everybody_is_one_house_with_a_wide_bound(house):
    said = [house.guest.post("/J/X", data={}).status_code for _ in range(21)]
    assert set(said) == {200, 429}, "one text is one invite, and its bucket is narrow"
    others = [house.guest.post(f"/J/X{number}", data={}).status_code for number in range(30)]
    assert set(others) == {200}
