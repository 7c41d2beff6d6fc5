"""What members hold in their hands: their own invite, the code on their phone, the slip that opens their page; offline, too."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from cloud.db import referrals
from cloud.services.members import centre, friends
from drivers.document import QrCode
from drivers.escpos.profile import PrinterProfile
from edge.app import create_guest_app
from edge.db import print_jobs
from edge.db.print_jobs import Job
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.domain.scanned import Kind, Routed, route
from edge.services.care.status import Desk
from edge.services.deeds import Done
from edge.services.guests.verify_invite import verify_invite
from edge.services.house.lan import Lan
from edge.services.members import find, handing
from edge.services.members.handing import HandCommand
from edge.services.printing import slip_papers
from sync.contract import friend_codes, member_codes
from sync.contract.codes import Verdict
from sync.contract.member_doors import MemberDoorGiven
from tests.db.test_guest_join import send
from tests.kit.member_tills import Till, World, world
from tests.kit.nodes import AT_TILL_1

CASHIER = AT_TILL_1._replace(role=Role.CASHIER, cashier_id="c2")
PHONE = "13812345678"
GENERIC = PrinterProfile("test", 576, 48)
AGREED = {"purpose_membership": "yes"}
MINUTE_MS = 60_000


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def member(till: Till, phone: str = PHONE) -> str:
    """Somebody who joined and whom the hub knows."""
    member_id = till.join(phone).member_id
    till.sync()
    till.sync()
    return member_id


def paper(till: Till, document: str) -> tuple[str, Job]:
    """What the newest slip of a kind has in its QR, and the slip."""
    with till.rig.db.read() as reader:
        job = [job for job in print_jobs.open_jobs(reader, 100) if job.document == document][-1]
    made = slip_papers.document(till.node, job, GENERIC)
    return next(one.data for one in made.elements if isinstance(one, QrCode)), job


def handed(till: Till, member_id: str) -> str:
    """The address on a member's printed invite."""
    done = handing.invite(till.node, AT_TILL_1, member_id, HandCommand(request_id=till.new_id()))
    assert isinstance(done, Done), done
    return paper(till, "friend")[0]


def code_on_phone(shops: World, member_id: str) -> str:
    shown = centre.code_now(shops.hub.shared, member_id)
    assert shown is not None
    return shown[0]


def found(till: Till, text: str) -> tuple[list[str], str]:
    result = find.find(till.node, text)
    assert result is not None
    return result.member_ids, result.asked


# -------------------------------------------------------------------------------------------------------- friends' invites


def test_a_member_is_handed_an_invite_that_any_store_knows_without_a_network(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    near.pull()
    member_id = member(near)
    url = handed(near, member_id)
    assert (url, len(url) <= 180) == (url.upper(), True)
    far.pull()
    far.online = False
    verdict = verify_invite(far.node, url)
    assert (verdict.verdict, verdict.friend, verdict.store) == (Verdict.VALID, True, "near")
    friend = far.join("13900139000", invite=url)
    assert (friend.referred, friend.claim, friend.claimed) == (True, "", 0)
    [joined] = [one for one in far.facts("member.joined") if one["member_id"] == friend.member_id]
    assert (joined["origin"]["place"], joined["origin"]["by_member"]) == ("member", member_id)
    assert far.facts("referral.bound")[0]["referrer"] == member_id
    far.online = True
    shops.sync()
    with shops.hub.database.read() as reader:
        row = referrals.referral_of(reader, friend.member_id)
    assert row is not None
    assert (row.referrer, row.state) == (member_id, referrals.BOUND)
    far.verified()


def test_an_invite_of_hq_counts_at_a_store_that_is_cut_off(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    near.online = False
    code = friends.code_of(shops.hub.shared, member_id)
    verdict = verify_invite(near.node, code)
    assert (verdict.verdict, verdict.store, verdict.friend) == (Verdict.VALID, None, True)
    assert near.join("", invite=code).referred


def test_a_friends_invite_that_is_forged_or_too_old_brings_nobody(shops: World) -> None:
    near = shops.till("near")
    code = handed(near, member(near)).rsplit("/", 1)[-1]
    forged = code[:40] + ("A" if code[40] != "A" else "B") + code[41:]
    assert friend_codes.take_apart(forged) is not None, "it is of the form, and nothing but its signature is wrong"
    answer = near.join("13900139001", invite=forged)
    assert (answer.referred, answer.claim) == (False, "invite_forged")
    assert near.join("13900139002", invite=code).referred, "the true one does"
    shops.hub.clock.advance((friend_codes.DAYS_VALID + 1) * 86_400_000)
    answer = near.join("13900139003", invite=code)
    assert (answer.referred, answer.claim) == (False, "invite_expired")


def test_nobody_brings_themselves_with_their_own_poster(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    again = near.join(PHONE, invite=handed(near, member_id))
    assert (again.member_id, again.existing, again.referred) == (member_id, True, False)
    assert near.facts("referral.bound") == []


def test_a_scanner_tells_a_friends_invite_from_a_members_code(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    accepts = frozenset({Kind.INVITE, Kind.MEMBER})
    invite, code = route(handed(near, member_id), accepts), route(code_on_phone(shops, member_id), accepts)
    assert isinstance(invite, Routed)
    assert isinstance(code, Routed)
    assert (invite.kind, code.kind) == (Kind.INVITE, Kind.MEMBER)


def test_a_guest_joins_with_a_friends_invite_on_the_shops_own_page(shops: World) -> None:
    near = shops.till("near")
    code = handed(near, member(near)).rsplit("/", 1)[-1]
    near.online = False
    phone: FlaskClient = create_guest_app(
        Desk(near.node, link=lambda: None, devices=list), Lan(), lambda _: True
    ).test_client()
    page = phone.get(f"/J/{code}?lang=en")
    assert "A friend invites you" in page.text
    assert " checked" not in page.text
    done = send(phone, code, page, **AGREED)
    assert (done.status_code, "you and your friend both get points" in done.text) == (200, True)
    assert len(near.facts("referral.bound")) == 1
    assert send(phone, code, page, **AGREED).status_code == 200
    assert len(near.facts("referral.bound")) == 1, "a second tap brings nobody twice"


# ------------------------------------------------------------------------------------------------------ the code on a phone


def test_the_code_on_a_phone_names_the_member_at_a_store_that_is_cut_off(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    near.online = False
    code = code_on_phone(shops, member_id)
    near.questions.names.clear()
    assert found(near, code) == ([member_id], "")
    assert found(near, f"HTTPS://X.EXAMPLE/M/{code}") == ([member_id], "")
    assert near.questions.names == [], "nobody was asked"


def test_a_picture_of_the_code_is_of_no_use_later(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    old = code_on_phone(shops, member_id)
    shops.hub.clock.advance(MINUTE_MS)
    assert found(near, old)[0] == [member_id], "whoever needs a minute is served"
    shops.hub.clock.advance(MINUTE_MS)
    assert found(near, old) == ([], "code_old")
    assert code_on_phone(shops, member_id) != old


def test_a_code_of_another_key_or_another_member_names_nobody(shops: World) -> None:
    near = shops.till("near")
    one, other = member(near), member(near, "13900139009")
    shown = member_codes.find(code_on_phone(shops, one))
    assert shown is not None
    for forged in (
        member_codes.assemble(one, shown.step, bytes(8)),
        member_codes.assemble(other, shown.step, shown.mac),
        member_codes.assemble(one, shown.step + 1, shown.mac),
    ):
        assert found(near, forged) == ([], "code_wrong")


def test_the_hub_checks_the_code_of_a_guest_from_another_store(shops: World) -> None:
    near, far = shops.till("near"), shops.till("far")
    member_id = member(near)
    assert found(far, code_on_phone(shops, member_id)) == ([member_id], "found")
    third = shops.till("third")
    shown = member_codes.find(code_on_phone(shops, member_id))
    assert shown is not None
    assert found(third, member_codes.assemble(member_id, shown.step, bytes(8))) == ([], "nobody")
    third.online = False
    assert found(third, code_on_phone(shops, member_id)) == ([], "unknown")


# ----------------------------------------------------------------------------------------------- the slip that opens a page


def test_a_slip_opens_a_members_page_once_and_stands_in_no_fact(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    done = handing.door(near.node, AT_TILL_1, member_id, HandCommand(request_id=near.new_id()))
    assert isinstance(done, Done), done
    url, job = paper(near, "door")
    token = url.rsplit("/", 1)[-1]
    assert token not in job.subject
    told = msgspec.convert(near.facts("member.door_given")[0], MemberDoorGiven)
    assert token not in str(told)
    assert told.member_id == member_id
    assert not centre.slip_opens(shops.hub.shared, token), "HQ has not heard of it"
    near.sync()
    assert centre.slip_opens(shops.hub.shared, token)
    opened = centre.open_slip(shops.hub.shared, token)
    assert centre.behind(shops.hub.shared, opened) == member_id
    assert not centre.slip_opens(shops.hub.shared, token)
    assert paper(near, "door")[0] == url, "a reprint says the same"
    near.verified()


def test_a_cashier_hands_out_no_page_without_a_word(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    refused = handing.door(near.node, CASHIER, member_id, HandCommand(request_id=near.new_id()))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.details["action"]) == ("needs_approval", "reveal_member")
    assert near.facts("member.door_given") == []


def test_nobody_unknown_is_handed_anything(shops: World) -> None:
    near = shops.till("near")
    command = HandCommand(request_id=near.new_id())
    for done in (
        handing.invite(near.node, AT_TILL_1, "f" * 32, command),
        handing.door(near.node, AT_TILL_1, "f" * 32, command),
    ):
        assert isinstance(done, Refused)
        assert done.code == "member_unknown"


def test_a_till_without_a_printer_says_so(shops: World) -> None:
    near = shops.till("near", devices=())
    done = handing.invite(near.node, AT_TILL_1, member(near), HandCommand(request_id=near.new_id()))
    assert isinstance(done, Refused)
    assert done.code == "no_printer"
