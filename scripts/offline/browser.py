"""The till's page in a real Chromium, for what is a key or a press and nothing else."""

import shutil
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, expect, sync_playwright

from scripts.offline.frame import Missed

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
PATIENCE_MS = 45_000


class Screen:
    """A browser at till 1; whoever drives finds the order page before them, with nothing on the slip."""

    def __init__(self, url: str, pin: str) -> None:
        binary = shutil.which("chromium")
        if binary is None:
            raise Missed("chromium is not installed; `python3 scripts/dev.py test` installs it as root")
        self._url, self._pin = url, pin
        self._playwright: Playwright = sync_playwright().start()
        self._browser: Browser = self._playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE_MS)

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()
        self._playwright.stop()

    def fresh(self) -> Page:
        """Open the page in a browser that was never here, sign in, and give it."""
        for old in self._browser.contexts:
            old.close()
        context = self._browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="en", timezone_id="Asia/Shanghai"
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{self._url}/till/")
        expect(page.get_by_test_id("sign-in")).to_be_visible()
        page.keyboard.type(self._pin)
        page.keyboard.press("Enter")
        expect(page.locator("#tiles .tile").first).to_be_visible()
        return page


def typed(page: Page, text: str) -> None:
    """Type something and press Enter."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def totals(page: Page, fen: int) -> None:
    """Hold that the slip comes to so much."""
    expect(page.get_by_test_id("total")).to_contain_text(f"{fen // 100:,}.{fen % 100:02d}")


def saved(page: Page) -> Locator:
    """Hold that the sale is saved; gives the number of its receipt."""
    expect(page.get_by_test_id("saved")).to_be_visible()
    return page.get_by_test_id("receipt-no")


def told(page: Page, path: str) -> Any:  # noqa: ANN401 - JSON
    """Ask the node as the page does."""
    return page.evaluate("path => fetch(path).then((answer) => answer.json())", f"/api/v1/{path}")
