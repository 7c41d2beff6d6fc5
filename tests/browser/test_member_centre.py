"""A member's own page on a phone of 390 × 844, from the receipt to leaving: without a script, in both languages, and known at the till."""

import random
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cloud.web import guest_device
from scripts.demo_client import Door, till
from scripts.demo_world import World
from scripts.offline.paper import Paper
from tests.browser import looks
from tests.browser.conftest import IDS, PATIENCE_MS
from tests.browser.test_till_members import ask_who
from tests.browser.test_till_page import sign_in
from tests.kit.waiting import until

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
PHONE = {"width": 390, "height": 844}
TIMED = "meta-refresh"
"""The code's page asks for the next one by itself: that it changes is what it is for (WCAG 2.2.1, essential exception)."""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def counter(world: World) -> Iterator[Door]:
    door = till(world.stores[0])
    yield door
    door.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A guest's phone; nothing may be kept on it when the test is over."""
    context = browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="light", accept_downloads=True)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    yield context
    kept = {one["name"] for one in context.cookies()}
    context.close()
    assert kept <= {guest_device.COOKIE}


def ask(counter: Door, path: str, **body: Any) -> Any:
    answer = counter.ask("POST", f"/api/v1/{path}", {"request_id": IDS.uuid7().hex(), **body})
    assert answer.fine, answer.body
    return answer.body


def receipt(counter: Door) -> str:
    """Sell to somebody unknown; gives the code on the receipt."""
    dish = counter.ask("GET", "/api/v1/menu").body["dishes"][0]["id"]
    sale = {
        "sale_id": IDS.uuid7().hex(),
        "lines": [{"dish_id": dish, "qty": 1}],
        "tenders": [{"kind": "cash", "received_fen": 10_000_000}],
    }
    answer = counter.ask("POST", "/api/v1/sales", sale)
    assert answer.fine, answer.body
    return str(answer.body["invite"]["code"])


def look(page: Page, where: str) -> None:
    """Every page fits the phone, and is to be read and pressed, by day and by night, in both languages."""
    for language in ("zh", "en"):
        page.locator(f"#to-{language}").click()
        expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            said = f"{where}, {language}, {scheme}"
            assert page.evaluate(WIDER) <= 0, f"{said}: wider than the phone"
            assert looks.small_targets(page) == [], said
            assert [one for one in looks.axe_faults(page) if not one.startswith(TIMED)] == [], said


def test_from_the_receipt_to_leaving_on_a_phone(phone: BrowserContext, counter: Door, guest_url: str) -> None:
    base = guest_url.rstrip("/")
    page = phone.new_page()
    page.goto(f"{base}/J/{receipt(counter)}")
    expect(page.locator("#join")).to_be_visible()
    assert page.locator("input:checked").count() == 0
    look(page, "join")
    page.locator("[name=purpose_membership]").check()
    page.locator("[name=purpose_sms]").check()
    page.locator("#join button").click()
    page.locator("#door").click()
    expect(page.locator("#points")).to_be_visible()
    look(page, "member")
    door = page.url

    page.locator("#to-code").click()
    expect(page.locator("#qr")).to_be_visible()
    look(page, "code")
    code = page.locator("#qr").get_attribute("data-code")
    assert code is not None
    found = ask_find(counter, code)
    assert (len(found["members"]), found["by"]) == (1, "code"), "the till knows whose phone that is"

    page.locator("#back").click()
    page.locator("#to-invite").click()
    look(page, "invite")
    invite = page.locator("#qr").get_attribute("data-code")
    assert invite is not None
    verdict = counter.ask("POST", "/api/v1/invites/verify", {"code": invite}).body
    assert (verdict["verdict"], verdict["friend"]) == ("valid", True)
    for link, name in (("#save-svg", "invite.svg"), ("#save-png", "invite.png")):
        with page.expect_download() as saved:
            page.locator(link).click()
        assert saved.value.suggested_filename == name

    friend = phone.new_page()
    friend.goto(f"{base}/J/{invite.rsplit('/', 1)[-1]}")
    friend.locator("[name=purpose_membership]").check()
    friend.locator("#join button").click()
    expect(friend.locator("#friend")).to_be_visible()
    friend.close()

    page.goto(door)
    page.locator("[name=purpose_sms]").uncheck()
    page.locator("button[name=consents]").click()
    expect(page.locator("#notice")).to_be_visible()
    expect(page.locator("[name=purpose_sms]")).not_to_be_checked()
    for link, name in (("#data-json", "member.json"), ("#data-csv", "member.csv")):
        with page.expect_download() as saved:
            page.locator(link).click()
        assert saved.value.suggested_filename == name
    page.locator("[name=leave]").check()
    page.locator("button.out").last.click()
    expect(page.locator("h1")).to_have_text("You have left")
    page.goto(door)
    expect(page.locator("#problem")).to_be_visible()


def ask_find(counter: Door, text: str) -> Any:
    """Look somebody up at the till; the hub knows a member of its own page at once."""
    found: list[Any] = []

    def known() -> bool:
        answer = counter.ask("POST", "/api/v1/members/find", {"text": text})
        assert answer.fine, answer.body
        found[:] = [answer.body]
        return bool(answer.body["members"])

    until(known, lambda: found, look_s=0.2)
    return found[0]


def test_a_slip_of_the_till_opens_the_page_of_a_member_with_a_number(
    phone: BrowserContext, counter: Door, world: World, guest_url: str
) -> None:
    number = f"139{random.SystemRandom().randrange(10**8):08d}"
    member_id = ask(counter, "members", consents=["membership"], text="v1", said={"phone": number})["member_id"]
    paper = Paper(world.stores[0].roll_url)
    paper.mark()
    ask(counter, f"members/{member_id}/door")
    [url] = [one for one in paper.comes("会员页").codes if "/D/" in one]
    page = phone.new_page()
    base = guest_url.rstrip("/")

    def told() -> bool:
        answer = page.goto(f"{base}/D/{url.rsplit('/', 1)[-1]}")
        return answer is not None and answer.ok

    until(told, lambda: "HQ never heard of the slip", look_s=0.2)
    look(page, "slip")
    page.locator("#open").click()
    expect(page.locator("#points")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text(f"{number[:3]}****{number[-4:]}")
    assert number not in page.content()
    page.goto(f"{base}/D/{url.rsplit('/', 1)[-1]}")
    expect(page.locator("#open")).to_have_count(0)
    paper.close()


def test_the_till_prints_a_members_invite_and_the_slip_for_their_page(
    page: Page, world: World, cashier_pin: str
) -> None:
    number = f"139{random.SystemRandom().randrange(10**8):08d}"
    paper = Paper(world.stores[0].roll_url)
    paper.mark()
    sign_in(page, world.stores[0].url, cashier_pin)
    ask_who(page, number)
    expect(page.get_by_test_id("ask-message")).to_have_class("ask-message calm")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("slip-member")).to_contain_text(number[-4:])
    for key in ("member-invite", "member-door"):
        page.get_by_test_id("slip-member").click()
        page.get_by_test_id("member-more").click()
        page.get_by_test_id(key).click()
        if key == "member-door":
            page.keyboard.press("Enter")
        [code] = paper.comes("扫" if key == "member-invite" else "会员页").codes
        assert ("/J/" if key == "member-invite" else "/D/") in code
        page.keyboard.press("Escape")
    paper.close()
