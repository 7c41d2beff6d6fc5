"""Practice: everything of the till works on a scratch world, and the store's file is the same to the row before and after."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from edge.app import create_app
from edge.db import terminals
from edge.db.staff import Cashier
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.care import verify_journal
from edge.services.care.status import Desk
from edge.services.house import first_start
from edge.services.house.first_start import EnrolCommand
from edge.services.practice import hall as halls
from edge.settings import is_loopback
from edge.web.access import TERMINAL_COOKIE, Door
from edge.web.live import StreamSeats
from edge.wiring.practice import FOLDER, Practice
from tests.kit.nodes import CASHIER, COUNTER, PIN, Rig, sell_body, uuid7_hex
from tests.kit.waiting import until

DRAWER: dict[str, Any] = {"kind": "drawer", "id": "drawer", "printer": "counter"}
JUNIOR = Cashier("c9", "小王", Role.CASHIER)
JUNIOR_PIN = "739164"
BAND = 'data-testid="practice-band"'


class Browser:
    """A browser before a rig's pages and its practice."""

    def __init__(self, gate: Any) -> None:
        self._client = Client(gate)

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> TestResponse:
        headers = {"Accept": "text/html"} if "/api/" not in path else {}
        return self._client.open(path, method=method, json=body, headers=headers, base_url="http://127.0.0.1", **more)

    def sign_in(self, prefix: str = "", pin: str = PIN) -> None:
        answer = self.ask("POST", f"{prefix}/api/v1/session", {"pin": pin, "till": "1"})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, DRAWER)) as made:
        made.add_cashier()
        made.add_person(JUNIOR, JUNIOR_PIN)
        yield made


@pytest.fixture
def practice(rig: Rig):
    made = Practice(rig.node, StreamSeats(4))
    yield made
    made.hall.close()


@pytest.fixture
def browser(rig: Rig, practice: Practice) -> Browser:
    desk = Desk(rig.node, link=lambda: None, devices=list)
    return Browser(practice.gate(create_app(desk, StreamSeats(4), hall=practice.hall), is_loopback))


def entered(browser: Browser) -> Browser:
    browser.sign_in()
    assert browser.ask("POST", "/api/v1/practice", {}).get_json() == {"path": "/practice/till/"}
    browser.sign_in("/practice")
    return browser


def test_a_whole_day_of_practice_leaves_the_store_as_it_was(rig: Rig, practice: Practice, browser: Browser):
    rig.sell(1)
    entered(browser)
    before = rig.tables("sessions")
    sold = browser.ask("POST", "/practice/api/v1/sales", sell_body(2))
    assert (sold.status_code, sold.get_json()["store"], sold.get_json()["receipt_no"]) == (
        201,
        "practice",
        "1-1-000001",
    )
    order = {"order_id": uuid7_hex(3), "service": "dine_in", "table": "t1", "covers": 2,
             "steps": [{"do": "add", "line_id": uuid7_hex(4), "dish_id": "d102", "qty": 2}, {"do": "send"}]}  # fmt: skip
    plan = browser.ask("GET", "/practice/api/v1/floor").get_json()
    order["table"] = plan["areas"][0]["tables"][0]["id"]
    assert browser.ask("POST", "/practice/api/v1/orders", order).status_code == 201
    paid = {"sale_id": uuid7_hex(5), "tenders": [{"kind": "cash", "received_fen": 10_000}]}
    assert browser.ask("POST", f"/practice/api/v1/orders/{uuid7_hex(3)}/pay", paid).status_code == 201
    left = {"request_id": uuid7_hex(6), "left": 0}
    assert browser.ask("POST", "/practice/api/v1/dishes/d101/stock", left).status_code == 200
    back = {"refund_id": uuid7_hex(7), "sale_id": uuid7_hex(2), "whole": True, "reason": "练习"}
    assert browser.ask("POST", "/practice/api/v1/refunds", back).status_code in (201, 409)
    assert practice.hall.world is not None
    scratch = practice.hall.world.node
    until(lambda: len(roll(browser)) >= 2)
    assert verify_journal.verify(scratch).ok
    # The same rows in every table of the store, and the next sale has the next number.
    assert rig.tables("sessions") == before
    assert rig.sell(8).receipt_no == "1-1-000002"
    assert verify_journal.verify(rig.node).ok


def roll(browser: Browser) -> list[str]:
    page = browser.ask("GET", "/practice/paper").text
    return [part.split('"')[0] for part in page.split('img src="')[1:]]


def test_negative_control_the_same_sale_outside_practice_changes_the_store(rig: Rig, browser: Browser):
    entered(browser)
    before = rig.tables("sessions")
    assert browser.ask("POST", "/api/v1/sales", sell_body(2)).status_code == 201
    assert rig.tables("sessions") != before


def test_every_page_has_the_band_and_every_slip_says_that_it_is_void(practice: Practice, browser: Browser):
    entered(browser)
    for path in (
        "till/",
        "display?till=1",
        "kitchen",
        "devices",
        "staff",
        "terminals",
        "sync",
        "paper",
        "leave",
        "tables/codes",
    ):
        answer = browser.ask("GET", f"/practice/{path}")
        if answer.mimetype == "text/html":
            assert BAND in answer.text, path
            assert 'data-base="/practice"' in answer.text, path
            for place in answer.text.split(' href="')[1:]:
                assert not place.startswith("/") or place.startswith("/practice/"), (path, place[:60])
        else:
            assert path == "tables/codes", path
    assert BAND not in browser.ask("GET", "/till/").text
    browser.ask("POST", "/practice/api/v1/sales", sell_body(2))
    until(lambda: len(roll(browser)) >= 1)
    world = practice.hall.world
    assert world is not None
    from edge.devices.practice_paper import Roll  # noqa: PLC0415

    paper: Roll = world.apps[False].extensions["practice_roll"]  # type: ignore[attr-defined]
    assert browser.ask("GET", roll(browser)[0]).data.startswith(b"\x89PNG")
    from drivers.escpos.decoder import decode  # noqa: PLC0415

    for slip in paper.slips():
        text = decode(slip.data).text.strip().splitlines()
        assert "练习单" in text[0]
        assert sum("练习单" in line for line in text) >= 2


def test_only_a_manager_leads_in_and_out(practice: Practice, browser: Browser):
    browser.sign_in(pin=JUNIOR_PIN)
    assert browser.ask("POST", "/api/v1/practice", {}).get_json()["code"] == "not_allowed"
    assert practice.hall.world is None
    # Whoever was not let in is led back to the store.
    assert browser.ask("GET", "/practice/till/").headers["Location"] == "/till/"
    assert browser.ask("GET", "/practice/api/v1/status").status_code == 410
    entered(browser)
    for wrong in (JUNIOR_PIN, "111199", ""):
        assert browser.ask("POST", "/practice/leave", data={"pin": wrong}).status_code == 422
    assert browser.ask("GET", "/practice/till/").status_code == 200
    left = browser.ask("POST", "/practice/leave", data={"pin": PIN}, buffered=True)
    assert (left.status_code, left.headers["Location"]) == (303, "/till/")
    left.close()
    assert practice.hall.world is None
    assert browser.ask("GET", "/practice/api/v1/status").status_code == 410
    # The session of the store was never touched.
    assert browser.ask("GET", "/api/v1/session").status_code == 200


def test_with_the_last_terminal_nothing_of_it_is_left(rig: Rig, practice: Practice):
    first, second = practice.hall.enter(), practice.hall.enter()
    folder = rig.folder / FOLDER
    assert (folder / "node.db").exists()
    practice.hall.leave(first)
    assert not practice.hall.admits(first)
    assert practice.hall.admits(second)
    rig.clock.advance(halls.LASTS_MS)
    assert not practice.hall.admits(second)
    practice.hall.leave(second)
    assert not folder.exists()


def test_what_practice_signs_is_believed_by_nobody(rig: Rig, practice: Practice, browser: Browser):
    entered(browser)
    invite = browser.ask("POST", "/practice/api/v1/sales", sell_body(2)).get_json()["invite"]
    verified = browser.ask("POST", "/api/v1/invites/verify", {"code": invite["code"]})
    assert verified.get_json().get("verdict", verified.get_json().get("state")) not in ("valid", "good", "ok")
    assert practice.hall.world is not None
    assert practice.hall.world.node.identity.public != rig.node.identity.public
    assert "practice.invalid" in invite["url"].lower()
    # Nor is a code of the hub spent on it: nobody is asked.
    code = EnrolCommand(hub="http://127.0.0.1:1", store="s", code="7K2M49XQ0D")
    assert first_start.enrol(practice.hall.world.node, code) == Refused("already_enrolled")


def test_a_terminal_of_the_house_practises_over_tls_until_it_is_no_terminal_any_more(rig: Rig, practice: Practice):
    shown = "f" * 64
    digest = hashlib.sha256(shown.encode()).digest()
    rig.db.write(lambda tx: tx.execute("INSERT INTO terminals VALUES ('p1', 'Pad', '2', 0, 0)"))
    rig.db.write(lambda tx: terminals.set_token(tx, "p1", digest, 0))
    desk = Desk(rig.node, link=lambda: None, devices=list)
    door = Door(lambda name: name == "till.local", house=True)
    client = Client(
        practice.gate(create_app(desk, StreamSeats(4), door=door, hall=practice.hall), door.admits, house=True)
    )
    client.set_cookie(TERMINAL_COOKIE, shown, domain="till.local", secure=True)

    def ask(method: str, path: str, body: object = None) -> TestResponse:
        return client.open(
            path, method=method, json=body, base_url="https://till.local", headers={"Accept": "text/html"}
        )

    assert ask("POST", "/api/v1/session", {"pin": PIN, "till": "2"}).status_code == 200
    assert ask("POST", "/api/v1/practice", {}).status_code == 201
    assert BAND in ask("GET", "/practice/till/").text
    assert ask("POST", "/practice/api/v1/session", {"pin": PIN, "till": "1"}).get_json()["code"] == "unknown_till"
    assert ask("POST", "/practice/api/v1/session", {"pin": PIN, "till": "2"}).status_code == 200
    names = {cookie.key for cookie in (client._cookies or {}).values()}
    assert {"__Host-zhanggui_till", "__Host-zhanggui_till_practice", "__Host-zhanggui_practice"} <= names
    rig.db.write(lambda tx: terminals.drop_token(tx, "p1"))
    assert ask("GET", "/practice/till/").headers["Location"] == "/till/"


def test_a_node_that_is_not_enrolled_can_be_learned_on(tmp_path: Path):
    with Rig(tmp_path, enrolled=False) as rig:
        rig.add_person(CASHIER, PIN)
        practice = Practice(rig.node, StreamSeats(4))
        app = create_app(Desk(rig.node, link=lambda: None, devices=list), StreamSeats(4), hall=practice.hall)
        browser = Browser(practice.gate(app, is_loopback))
        entered(browser)
        body = sell_body(2, lines=[{"dish_id": "p101", "qty": 1}])
        assert browser.ask("POST", "/api/v1/sales", body).get_json()["code"] == "training_mode"
        assert browser.ask("POST", "/practice/api/v1/sales", body).status_code == 201
        led = browser.ask("POST", "/first-start/practice")
        assert (led.status_code, led.headers["Location"]) == (303, "/practice/till/"), (
            "the first start leads to a till with a menu"
        )
        tried = browser.ask("POST", "/api/v1/menu/try", {"name": "menu.csv", "content": "Y29kZQ=="})
        assert tried.get_json()["code"] == "training_mode", "said before the file is mended, not behind it"
        practice.hall.close()
