"""People at the console in a real browser: the steps of a sign-in, users, audit; by keyboard and by touch."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from cloud.app import create_app
from cloud.settings import ConsoleSettings
from cloud.wiring import Core, open_core
from sync.node.ports import SystemChance, SystemClock
from tests.kit.hub_people import OWN_PASSWORD, code_at
from tests.kit.hub_stores import CHEAP, hub_settings

TOUCH_PX = 44


@dataclass
class House:
    url: str
    core: Core
    password: str


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A hub of its own, which wants a second factor; the demo's hub stays with its one account."""
    settings = msgspec.structs.replace(hub_settings(tmp_path), console=ConsoleSettings(totp="required"))
    core = open_core(settings, clock=SystemClock(), chance=SystemChance(), cost=CHEAP)
    server = make_server("127.0.0.1", 0, create_app(core.hub), threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    password = (tmp_path / "console-password.txt").read_text(encoding="ascii").strip()
    yield House(f"http://127.0.0.1:{server.server_port}", core, password)
    server.shutdown()
    serving.join()
    server.server_close()
    core.database.close()


def signed_in(page: Page, house: House) -> str:
    """Sign in for the first time with the keyboard alone, and give the phone's secret."""
    page.goto(f"{house.url}/users")
    expect(page.locator("#account")).to_have_value("admin")
    expect(page.locator("#password")).to_be_focused()
    page.keyboard.type(house.password)
    page.keyboard.press("Enter")
    expect(page.locator("#qr")).to_be_visible()
    expect(page.locator("#code")).to_be_focused()
    secret = (page.locator("#secret").text_content() or "").replace(" ", "")
    page.keyboard.type(code_at(secret, house.core.hub.clock.now_ms()))
    page.keyboard.press("Enter")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    page.locator("#go-on").click()
    expect(page.locator("#users")).to_be_visible()
    return secret


def check_touch(page: Page) -> None:
    """Every key and field in sight is large enough for a finger, and nothing runs out of the screen."""
    # All in one go: a page that draws itself anew in between would have other keys.
    keys = page.locator("main button, main a.key, main select, main form input:visible")
    small = keys.evaluate_all(
        """(nodes, floor) => nodes
          .filter((node) => node.checkVisibility({ visibilityProperty: true }) && node.getBoundingClientRect().height < floor)
          .map((node) => node.outerHTML)""",
        TOUCH_PX,
    )
    assert small == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_the_first_sign_in_sets_up_a_phone_and_the_next_asks_for_its_code(page: Page, house: House) -> None:
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    signed_in(page, house)
    page.locator("#sign-out").click()
    expect(page.locator("#account")).to_have_value("admin")
    page.locator("#password").fill(house.password)
    page.locator("#sign-in").click()
    expect(page.locator("#code")).to_be_focused()
    page.locator("#code").fill("000000")
    page.locator("#sign-in").click()
    expect(page.locator("#refusal")).to_be_visible()
    assert [text for text in errors if "Content Security Policy" in text] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_pages_fit_a_finger_and_a_phone(browser: Browser, house: House, theme: str, language: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale=language, color_scheme="dark" if theme == "dark" else "light"
    )
    try:
        page = context.new_page()
        page.goto(f"{house.url}/sign-in")
        check_touch(page)
        signed_in(page, house)
        for path in ("/users", "/audit", "/account", "/confirm", "/account/second-factor"):
            page.goto(f"{house.url}{path}")
            expect(page.locator("h1")).to_be_visible()
            check_touch(page)
    finally:
        context.close()


def test_an_admin_adds_a_user_and_verifies_the_log(page: Page, browser: Browser, house: House) -> None:
    signed_in(page, house)
    page.locator("#account").fill("mei")
    page.locator("#name").fill("Chen Mei")
    page.locator("#role").select_option("viewer")
    page.locator("#add-user").click()
    made = page.locator("#made-password").text_content() or ""
    theirs = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
    try:
        other = theirs.new_page()
        other.goto(f"{house.url}/sign-in")
        other.locator("#account").fill("mei")
        other.locator("#password").fill(made)
        other.locator("#sign-in").click()
        # Both pages have a field for a password: this is the one that also wants it again.
        expect(other.locator("#again")).to_be_visible()
        other.locator("#password").fill(OWN_PASSWORD)
        other.locator("#again").fill(OWN_PASSWORD)
        other.locator("#choose").click()
        expect(other.locator("#me")).to_contain_text("Chen Mei")
        expect(other.locator('nav a[href="/audit"]')).to_have_count(0)
        with page.expect_response("**/users/role") as changed:
            page.locator('tr[data-account="mei"] select').select_option("finance")
        assert changed.value.ok or changed.value.status in {302, 303}
        expect(page.locator('tr[data-account="mei"] select')).to_have_value("finance")
        other.reload()
        expect(other.locator("#password")).to_be_visible()
    finally:
        theirs.close()
    page.goto(f"{house.url}/audit")
    page.locator("#verify").click()
    expect(page.locator('[data-proof="whole"]')).to_be_visible()
    page.locator('select[name="what"]').select_option("user.role_changed")
    expect(page.locator("#audit tbody tr")).to_have_count(1)
