"""A live code from HQ's page to a guest's phone, in a real Chromium: made, printed by the store, led elsewhere, joined by."""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts.demo_world import World
from scripts.offline.paper import Paper
from tests.browser import looks
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_till_page import complaints, sign_in
from tests.kit.waiting import until

__all__ = ["complaints"]

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
PHONE = {"width": 390, "height": 844}
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A guest's phone."""
    context = browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def desk(page: Page, hub_url: str, console_password: str) -> Page:
    """Marketing at HQ's page of live codes."""
    page.goto(f"{hub_url}/sign-in")
    page.locator("#password").fill(console_password)
    page.keyboard.press("Enter")
    expect(page.locator("#stores")).to_be_visible()
    page.goto(f"{hub_url}/live-codes")
    return page


def make(desk: Page, world: World, place: str, ats: str) -> None:
    desk.locator("#store").select_option(world.stores[0].id)
    desk.locator("#place").select_option(place)
    desk.locator("#ats").fill(ats)
    desk.locator("#label-zh").fill("{at} 号")
    desk.locator("#label-en").fill("No. {at}")
    desk.locator("#make").click()
    expect(desk.locator("#codes tbody tr").filter(has_text=f"{ats.splitlines()[0]} 号")).to_be_visible()


def fits(page: Page) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(WIDER) <= 0
        assert looks.axe_faults(page) == []
        assert looks.small_targets(page) == []


def test_a_code_is_made_at_hq_printed_by_the_store_led_elsewhere_and_joined_by(
    desk: Page, browser: Browser, phone: BrowserContext, world: World, node_url: str, guest_url: str, cashier_pin: str
) -> None:
    make(desk, world, "staff", "B7\nB8")
    row = desk.locator("#codes tbody tr").filter(has_text="B7 号")
    code_id = row.get_attribute("data-code") or ""

    at_till = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    at_till.set_default_timeout(PATIENCE_MS)
    house = at_till.new_page()
    sign_in(house, node_url, cashier_pin)
    paper = Paper(world.stores[0].roll_url)
    paper.mark()

    def listed() -> bool:
        house.goto(f"{node_url}/house#codes")
        house.reload()
        expect(house.locator("main h1")).to_be_visible()
        return house.locator(f'[data-code="{code_id}"]').count() == 1

    until(listed, lambda: "the store did not hear of the code")
    assert looks.small_targets(house) == []
    assert looks.axe_faults(house) == []
    house.get_by_test_id(f"print-hub-{code_id}").click()
    [url] = paper.comes("B7 号").codes
    paper.close()
    at_till.close()
    path = urlsplit(url).path
    assert path.startswith("/C/")

    # Where it leads is changed on HQ's page; the paper stays.
    row.locator("input").check()
    desk.locator("#lead-target").select_option("text")
    desk.locator("#lead-title-zh").fill("秋天的菜")
    desk.locator("#lead-title-en").fill("Autumn dishes")
    desk.locator("#lead-body-en").fill("From today.")
    desk.locator("#lead").click()
    expect(row).to_contain_text("秋天的菜")

    guest = phone.new_page()
    guest.goto(f"{guest_url}{path}")
    expect(guest.locator("h1")).to_have_text("Autumn dishes")
    fits(guest)
    guest.locator("#to-join").click()
    expect(guest.locator("#join")).to_be_visible()
    expect(guest.locator("#where")).to_have_text("No. B7")
    fits(guest)
    guest.locator("#to-zh").click()
    expect(guest.locator("#where")).to_have_text("B7 号")
    guest.locator("#to-en").click()
    guest.locator('input[name="purpose_membership"]').check()
    guest.locator("#join button").click()
    expect(guest.locator("#door")).to_be_visible()

    desk.reload()
    expect(row.locator("[data-scans]")).to_have_text("1")
    expect(row.locator("[data-joins]")).to_have_text("1")
    desk.locator("#origins").click()
    expect(desk.locator('#origins tr[data-place="staff"]').first).to_contain_text("B7 号")


def test_the_page_of_codes_fits_a_screen_and_a_phone_and_prints_a_sheet(desk: Page, world: World) -> None:
    make(desk, world, "table", "X1\nX2")
    desk.locator("#codes tbody tr").filter(has_text="X1 号").locator("input").check()
    with desk.expect_download() as sheet:
        desk.locator("#sheet").click()
    assert sheet.value.path().read_bytes().startswith(b"%PDF-1.4")
    for width in (390, 1280):
        desk.set_viewport_size({"width": width, "height": 844})
        assert desk.evaluate(WIDER) <= 0
        assert looks.axe_faults(desk) == []
    desk.locator("#sure").check()
    desk.locator("#stop").click()
    expect(desk.locator("#codes tbody tr").filter(has_text="X1 号")).to_have_attribute("class", "stale")
    desk.goto(desk.url.replace("/live-codes", "/live-codes/origins"))
    assert looks.axe_faults(desk) == []
