"""The sync page in a real browser: from the till's state bar, live, by keyboard, both languages, both themes, on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_devices_page import (
    SMALL_KEYS,
    SOON_MS,
    WEAK_TEXTS,
    WIDER_THAN_THE_SCREEN,
    complaints,
    sign_in,
)
from tests.kit.device_nodes import DeviceNode


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceNode]:
    made = DeviceNode(tmp_path_factory.mktemp("sync"))
    yield made
    made.stop()


def test_it_follows_by_itself_and_is_readable_by_everybody(page: Page, house: DeviceNode) -> None:
    said = complaints(page)
    sign_in(page, house, "/sync?lang=en")
    waiting = page.get_by_test_id("waiting-trade")
    before = int(waiting.inner_text())
    page.locator("#to-devices").focus()
    house.sell()
    # The sale, its invite, and the points that lie on the receipt.
    expect(waiting).to_have_text(str(before + 3), timeout=SOON_MS)
    expect(page.locator("#to-devices")).to_be_focused()
    expect(page.get_by_test_id("cut-works")).to_contain_text("Sell and take money")
    for language in ("zh", "en"):
        for theme in ("light", "dark"):
            for width in (390, 800, 1280):
                page.set_viewport_size({"width": width, "height": 844})
                page.goto(f"{house.url}/sync?lang={language}&theme={theme}")
                assert page.evaluate(WEAK_TEXTS) == [], (language, theme, width)
                assert not page.evaluate(WIDER_THAN_THE_SCREEN), (language, theme, width)
                assert page.evaluate(SMALL_KEYS) == [], (language, theme, width)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.goto(f"{house.url}/devices?lang=en")
    page.get_by_test_id("sync-link").click()
    expect(page.get_by_test_id("sync-state")).to_be_visible()
    page.goto(f"{house.url}/till/")
    page.get_by_test_id("state-hub").click(timeout=SOON_MS)
    page.get_by_test_id("sheet-hub").get_by_test_id("sync-link").click()
    expect(page.get_by_test_id("sync-state")).to_be_visible()
    assert said == []
