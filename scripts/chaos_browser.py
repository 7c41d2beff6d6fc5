"""The browser of `chaos till`: a real Chromium at the till page, killed whole right after it said "saved", or while it pays.

The same profile is started again each time, as after a power cut: what it still had on its way is sent under the same id.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Error, Locator, Page, Playwright, expect, sync_playwright

from scripts.demo_client import Door, all_sales

AFTER_SAVED_MS = 400
PAYING_MS = 40
"""A sale is on its way for some milliseconds."""
PATIENCE_MS = 60_000
SIGN_IN_TRIES = 6
LOOK_S = 0.05
POLL_S = 0.005
LOOKS = 1_200
TILL = "1"
"""That of the page unless somebody chooses another."""
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--lang=zh-CN",
)


@dataclass
class BrowserKills:
    """What became of the sales of browsers that were killed: so many ms after "saved", and while they paid."""

    after_ms: list[int] = field(default_factory=list)
    paying: int = 0
    lost: int = 0
    doubled: int = 0
    baskets_gone: int = 0
    """Killed while they paid, before the page said anything: neither the sale nor its basket was on a disk yet."""

    def count(self, shown: str, before: list[str], after: list[str]) -> None:
        """Count what became of one sale; `shown` is the number that the page said was saved, empty where it said nothing."""
        self.lost += (shown != "" and after.count(shown) != 1) or not set(before) <= set(after)
        self.baskets_gone += shown == "" and len(after) <= len(before)
        self.doubled += max(0, len(after) - len(before) - 1)


class Chromium:
    """The system's Chromium on a profile that stays, in a process group of its own."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        binary = shutil.which("chromium")
        assert binary is not None, "chromium is not installed"
        self._port_file = profile / "DevToolsActivePort"
        self._port_file.unlink(missing_ok=True)
        with (profile.parent / "chromium.log").open("ab") as log:
            self._process = subprocess.Popen(
                [binary, *ARGUMENTS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            self._browser = playwright.chromium.connect_over_cdp(
                f"http://127.0.0.1:{self._port()}", timeout=PATIENCE_MS
            )
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        with contextlib.suppress(Error):
            self._browser.close()

    def page(self) -> Page:
        """The page that it began with."""
        page = self._browser.contexts[0].pages[0]
        page.set_default_timeout(PATIENCE_MS)
        return page

    def kill(self) -> None:
        """End it and all its processes at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _port(self) -> int:
        pause = threading.Event()
        for _ in range(LOOKS):
            with contextlib.suppress(FileNotFoundError, ValueError):
                # Port and path, a line each; half written at first.
                port, _ = self._port_file.read_text(encoding="ascii").splitlines()
                return int(port)
            pause.wait(LOOK_S)
        raise RuntimeError("chromium did not start")


class _Counter:
    """The node's sales, as they are seen beside the browser."""

    def __init__(self, url: str, pin: str) -> None:
        self.door = Door(url)
        self._credentials = {"pin": pin, "till": "9"}
        self._sign_in()

    def receipts(self) -> list[str]:
        """Every receipt number of the browser's till."""
        try:
            sales = all_sales(self.door, "/api/v1/sales")
        except RuntimeError:
            # Nobody worked at this till for some minutes, which may be over between one question and the next.
            self._sign_in()
            sales = all_sales(self.door, "/api/v1/sales")
        return [sale["receipt_no"] for sale in sales if sale["receipt_no"].startswith(f"{TILL}-")]

    def _sign_in(self) -> None:
        answer = self.door.ask_patiently("POST", "/api/v1/session", self._credentials)
        if not answer.fine:
            raise RuntimeError(f"sign-in beside the browser was refused: {answer.body}")

    def code(self) -> str:
        """The number of a dish that nothing must be said about."""
        menu: dict[str, Any] = self.door.ask_patiently("GET", "/api/v1/menu").body
        asks = ("modifier_groups", "per_g", "parts", "open_price")
        return next(
            str(one["code"]) for one in menu["dishes"] if one["price_fen"] and not any(one.get(key) for key in asks)
        )


def kill_browsers(url: str, pin: str, folder: Path, kills: int, seed: int) -> BrowserKills:
    """Sell and kill so often, and as often again while a sale is on its way."""
    found = BrowserKills()
    dice = random.Random(f"chaos-browser-{seed}")
    profile = folder / "profile"
    profile.mkdir()
    counter = _Counter(url, pin)
    expect.set_options(timeout=PATIENCE_MS)
    with contextlib.closing(counter.door), sync_playwright() as playwright:
        code = counter.code()
        for number in range(2 * kills):
            saved = number % 2 == 0
            # Spread over the whole of it, the shortest first: that is where others lost payments.
            after_ms = AFTER_SAVED_MS * (number // 2) // max(1, kills - 1)
            before = counter.receipts()
            with Chromium(playwright, profile) as chromium:
                page = chromium.page()
                _sit_down(page, url, pin)
                shown = _pay(page, code, before, pin) if saved else _press(page, code, pin, dice.uniform(0, PAYING_MS))
                threading.Event().wait(after_ms / 1000 if saved else 0)
                chromium.kill()
            with Chromium(playwright, profile) as chromium:
                page = chromium.page()
                _sit_down(page, url, pin)
                _finish(page, counter, len(before) + 1, pin)
            found.count(shown, before, counter.receipts())
            if saved:
                found.after_ms.append(after_ms)
            else:
                found.paying += 1
    return found


def _sit_down(page: Page, url: str, pin: str) -> None:
    page.goto(f"{url}/till/")
    tiles = page.locator("#tiles .tile").first
    for _ in range(SIGN_IN_TRIES):
        expect(page.locator("[data-testid=sign-in]:visible, #tiles .tile:visible").first).to_be_visible()
        _sign_in_where_asked(page, pin)
        # A page that was just put in the place of an older one begins anew, and what was typed is gone with the one before.
        with contextlib.suppress(AssertionError):
            expect(tiles).to_be_visible(timeout=PATIENCE_MS // SIGN_IN_TRIES)
            return
    raise RuntimeError("nobody could sign in at the page")


def _sign_in_where_asked(page: Page, pin: str) -> None:
    """A browser that was killed may know who worked here and have lost its cookie: it asks when the node does."""
    sign_in = page.get_by_test_id("sign-in")
    if sign_in.is_visible():
        page.keyboard.type(pin)
        page.keyboard.press("Enter")
        # One try at a time: a PIN that is typed into the one before it is a wrong PIN.
        with contextlib.suppress(AssertionError):
            expect(sign_in).to_be_hidden(timeout=PATIENCE_MS // SIGN_IN_TRIES)


def _type(page: Page, code: str, pin: str) -> None:
    for _ in range(SIGN_IN_TRIES):
        # A page shows what it kept before the node has told it that nobody is signed in any more.
        _sign_in_where_asked(page, pin)
        page.keyboard.press("Escape")
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        # As above: a page that was put in the place of an older one has nothing of what was typed into that.
        with contextlib.suppress(AssertionError):
            expect(_lines(page)).to_have_count(1, timeout=PATIENCE_MS // SIGN_IN_TRIES)
            return
    raise RuntimeError(f"the page takes no dish: {page.locator('body').inner_text()[-600:]}")


def _pay(page: Page, code: str, before: list[str], pin: str) -> str:
    """Sell a dish for exact cash, and give the number that the page shows as saved."""
    _type(page, code, pin)
    page.keyboard.press("F9")
    receipt = page.get_by_test_id("receipt-no")
    pause = threading.Event()
    for _ in range(LOOKS):
        # The page shows the sale before as saved until this one is.
        if receipt.count() and (shown := receipt.inner_text()) not in before:
            return shown
        _sign_in_where_asked(page, pin)
        pause.wait(POLL_S)
    raise RuntimeError(f"the page says nothing of its sale: {page.locator('body').inner_text()[-600:]}")


def _press(page: Page, code: str, pin: str, wait_ms: float) -> str:
    """Press the key that pays, and wait for nothing that the page says."""
    _type(page, code, pin)
    page.keyboard.press("F9")
    threading.Event().wait(wait_ms / 1000)
    return ""


def _finish(page: Page, counter: _Counter, wanted: int, pin: str) -> None:
    """Let a page that was started again send what it had on its way; pay what still lies in the slip where nothing was."""
    pause = threading.Event()
    for _ in range(LOOKS):
        if len(counter.receipts()) >= wanted:
            return
        _sign_in_where_asked(page, pin)
        if _lines(page).count() == 1 and page.get_by_test_id("exact-cash").is_enabled():
            page.keyboard.press("F9")
        pause.wait(LOOK_S)


def _lines(page: Page) -> Locator:
    return page.get_by_test_id("lines").locator(".line")
