"""Guests join on their phones in the shop's network: with the uplink cut, once, and shown nothing of anybody."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edge.app import create_guest_app
from edge.services.care.status import Desk
from edge.services.deeds import Done
from edge.services.house.lan import Lan
from edge.services.money import book_sale, settle_sale
from edge.services.money.settle_sale import SellCommand
from tests.kit.member_tills import Till, World, cash, world
from tests.kit.nodes import AT_TILL_1, basket

PHONE = "138 1234 5678"
AGREED = {"purpose_membership": "yes"}


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def near(shops: World) -> Till:
    return shops.till("near")


@pytest.fixture
def phone(near: Till) -> FlaskClient:
    return create_guest_app(Desk(near.node, link=lambda: None, devices=list), Lan(), lambda _: True).test_client()


def code_of(till: Till) -> str:
    """Sell to somebody unknown; gives the code on the receipt."""
    command = SellCommand(sale_id=till.new_id(), lines=basket(("d101", 1)), tenders=(cash(100_000),))
    done = settle_sale.settle_sale(till.node, AT_TILL_1, command)
    assert isinstance(done, Done), done
    answer = book_sale.read_answer(done.answer)
    assert answer.invite is not None
    return answer.invite.code


def send(phone: FlaskClient, code: str, page: TestResponse | None = None, /, **fields: str) -> TestResponse:
    page = page or phone.get(f"/J/{code}?lang=en")
    once = re.search(r'name="once" value="([0-9a-f]{32})"', page.text)
    assert once is not None
    return phone.post(f"/J/{code}?lang=en", data={"once": once[1], **fields})


def members_of(till: Till) -> int:
    return int(till.rig.rows("SELECT count(*) FROM members_here")[0][0])


def test_a_guest_joins_with_the_receipt_while_the_uplink_is_cut(near: Till, phone: FlaskClient) -> None:
    near.online = False
    code = code_of(near)
    page = send(phone, code, phone=PHONE, name="王女士", **AGREED)
    assert (page.status_code, 'data-claim=""' in page.text) == (200, True)
    for word in ("138", "5678", "王"):
        assert word not in page.text
    found = near.rig.rows("SELECT member_id FROM invite_claims")
    assert len(found) == members_of(near) == 1
    assert near.view(found[0][0]).phone == "138****5678"
    near.online = True
    near.verified()


def test_a_browsers_own_form_is_taken_and_one_that_names_no_origin_is_not(near: Till, phone: FlaskClient) -> None:
    """Where no referrer may be sent, a browser sends `Origin: null` with a form: the page has to allow its own."""
    code = code_of(near)
    page = phone.get(f"/J/{code}")
    assert page.headers["Referrer-Policy"] == "same-origin"
    once = re.search(r'name="once" value="([0-9a-f]{32})"', page.text)
    assert once is not None
    form = {"once": once[1], **AGREED}
    assert phone.post(f"/J/{code}", data=form, headers={"Origin": "null"}).status_code == 403
    assert members_of(near) == 0
    assert phone.post(f"/J/{code}", data=form, headers={"Origin": "http://localhost"}).status_code == 200
    assert members_of(near) == 1


def test_no_box_is_ticked_and_the_page_is_small_and_loads_nothing_foreign(near: Till, phone: FlaskClient) -> None:
    page = phone.get(f"/J/{code_of(near)}")
    assert 'name="purpose_membership"' in page.text
    assert " checked" not in page.text
    assert "<script" not in page.text
    assert "Set-Cookie" not in page.headers
    assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page.text)
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
    assert files
    assert len(page.data) + sum(len(phone.get(one, buffered=True).data) for one in files) <= 30_000


def test_forged_expired_and_used_are_told_apart(near: Till, phone: FlaskClient, shops: World) -> None:
    code, late = code_of(near), code_of(near)
    page = phone.get(f"/J/{code}")
    first = send(phone, code, page, **AGREED)
    assert send(phone, code, page, **AGREED).text.count('data-claim=""') == first.text.count('data-claim=""') == 1
    assert members_of(near) == 1, "a second tap makes nobody twice"
    forged = code[:60] + ("A" if code[60] != "A" else "B") + code[61:]
    shown = {"claim_used": phone.get(f"/J/{code}").text, "invite_forged": phone.get(f"/J/{forged}").text}
    shops.hub.clock.advance(40 * 86_400_000)
    shown["invite_expired"] = phone.get(f"/J/{late}").text
    for refusal, text in shown.items():
        assert f'data-refused="error.{refusal}"' in text
        assert 'id="join"' not in text
    assert "data-refused" in phone.post(f"/J/{forged}", data={"once": near.new_id(), **AGREED}).text
    assert members_of(near) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "has not agreed"),
        ({**AGREED, "phone": "12345"}, "no phone number"),
        ({**AGREED, "name": "x" * 41}, "profile"),
    ],
    ids=["membership", "phone", "name"],
)
def test_what_is_not_sound_is_said_and_nobody_joins(
    near: Till, phone: FlaskClient, fields: dict[str, str], said: str
) -> None:
    page = send(phone, code_of(near), **fields)
    assert (page.status_code, said in page.text, members_of(near)) == (400, True, 0)


def test_phones_that_join_too_often_wait(near: Till, phone: FlaskClient) -> None:
    answers = [phone.post("/J/X", data=AGREED).status_code for _ in range(21)]
    assert (set(answers[:20]), answers[20]) == ({400}, 429)
    near.rig.clock.advance(10_000)
    assert phone.post("/J/X", data=AGREED).status_code == 400
