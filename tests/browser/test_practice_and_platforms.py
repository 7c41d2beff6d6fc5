"""In a real Chromium: a manager leads a till into practice and out again; a platform's order is accepted, made ready and called off."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.services.care import verify_journal
from edge.services.ordering import import_menu
from scripts import demo_orders
from tests.kit.nodes import COUNTER, PIN, Rig
from tests.kit.practice import Served, served
from tests.kit.waiting import until

SHORT_MS = 15_000


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Served]:
    with Rig(tmp_path, devices=(COUNTER,)) as rig:
        import_menu.bring_into_force(rig.node, demo_orders.demo_menu())
        rig.add_cashier()
        with served(rig) as made:
            yield made
        report = verify_journal.verify(rig.node)
        assert report.ok, report.findings


def page_of(browser: Browser, locale: str) -> Page:
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 800}, timezone_id="Asia/Shanghai")
    context.set_default_timeout(SHORT_MS)
    return context.new_page()


def sign_in(page: Page) -> None:
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#tiles .tile").first).to_be_visible()


def test_a_manager_leads_a_till_into_practice_and_nothing_of_it_stays(till: Served, browser: Browser) -> None:
    page = page_of(browser, "en")
    page.goto(f"{till.url}/till/")
    sign_in(page)
    expect(page.get_by_test_id("practice-band")).to_have_count(0)
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-practice").click()
    page.get_by_test_id("ask-go").click()
    page.wait_for_url("**/practice/till/")
    before = till.platform.rig.tables("sessions")
    sign_in(page)
    band = page.get_by_test_id("practice-band")
    expect(band).to_be_visible()
    # A whole sale by keyboard; the band stands in the way of nothing.
    page.keyboard.type("210")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("count")).to_contain_text("1")
    page.keyboard.press("F9")
    expect(page.get_by_test_id("last-sale")).to_be_visible()
    box, bar = band.bounding_box(), page.locator("#state-bar").bounding_box()
    assert box is not None
    assert bar is not None
    assert box["y"] + box["height"] <= bar["y"]
    page.get_by_test_id("practice-paper").click()
    expect(page.get_by_test_id("practice-slip").first).to_be_visible()
    page.get_by_test_id("practice-leave").click()
    page.locator("#pin").fill("111113")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("refused")).to_be_visible()
    page.locator("#pin").fill(PIN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/")
    # The session of the store is still there, and the store is what it was.
    expect(page.locator("#tiles .tile").first).to_be_visible()
    expect(page.get_by_test_id("practice-band")).to_have_count(0)
    assert till.platform.rig.tables("sessions") == before
    until(lambda: till.practice.hall.world is None)
    page.context.close()


def test_a_platforms_order_is_seen_accepted_made_ready_and_called_off(till: Served, browser: Browser) -> None:
    page = page_of(browser, "zh-CN")
    page.goto(f"{till.url}/till/")
    sign_in(page)
    number = till.platform.place(("d210", 2, 2_800), note="不要香菜")
    till.look()
    expect(page.get_by_test_id("state-platforms")).to_contain_text("1")
    page.get_by_test_id("state-platforms").click()
    expect(page.get_by_test_id("platforms-waiting")).to_contain_text("不要香菜")
    page.get_by_test_id(f"platform-accept-{number}").click()
    expect(page.get_by_test_id("platforms-cooking")).to_contain_text(number)
    assert till.platform.state_there(number) == "accepted"
    page.get_by_test_id(f"platform-ready-{number}").click()
    expect(page.get_by_test_id("platforms-past")).to_contain_text(number)
    until(lambda: till.platform.state_there(number) == "ready")
    page.get_by_test_id(f"platform-cancel-{number}").click()
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    row = page.get_by_test_id("platforms-past").get_by_test_id("platform-order")
    expect(row).to_have_attribute("data-state", "cancelled")
    until(lambda: till.platform.state_there(number) == "cancelled")
    # A dish that is none of ours cannot be accepted, and why is said.
    till.platform.place(("nobody", 1, 900))
    till.look()
    expect(page.get_by_test_id("platforms-waiting")).to_be_visible()
    expect(page.get_by_test_id("platforms-waiting").locator(".primary")).to_be_disabled()
    # The platform goes away: what holds and what does not is said on the sheet.
    till.platform.faults(away=True)
    till.look()
    page.keyboard.press("Escape")
    until(lambda: till.platform.node.intake.is_away("mt"))
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-platforms").click()
    expect(page.get_by_test_id("platform-away")).to_be_visible()
    page.context.close()
