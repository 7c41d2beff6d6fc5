"""The hub's console and guest page in a real Chromium: both languages, light and dark, keys, the chart and its twin.

Fixtures (tests/browser/conftest.py): `hub_url` and `guest_url` of a running hub, `console_password`, `page`, and a store's
`node_url` and `cashier_pin`, where the sales are made.
"""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import APIRequestContext, ConsoleMessage, Page, Request, expect

from sync.contract import ids
from sync.node.ports import SystemClock
from tests.kit.waiting import PATIENCE_S, until

CHART_MS = PATIENCE_S * 1_000
SALES = 3
TARGET_FLOOR_PX = 24
PAGES = ("/overview", "/overview?view=table", "/stores", "/sales", "/takings", "/takings?view=table", "/parked")

# What WCAG 2.x 1.4.3 asks: every text against the ground that really lies under it.
FAINT_TEXTS = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("svg, .sr, [hidden]") || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${element.tagName}.${element.className}: ${element.textContent.trim()}`);
  }
  return faint;
}"""

SMALL_TARGETS = """(floor) => [...document.querySelectorAll("button, select, input:not([type=hidden]), .key, .segments a, .nav a")]
  .filter((one) => one.checkVisibility() && !one.closest(".sr"))
  .filter((one) => { const box = one.getBoundingClientRect(); return box.width < floor || box.height < floor; })
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """Everything the browser complains of: violations of the policy, errors, failed requests, foreign addresses."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            found.append(message.text)

    def follow(request: Request) -> None:
        if not _same_site(request.url):
            found.append(f"foreign: {request.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", follow)
    yield found
    assert found == []


@pytest.fixture
def sold(page: Page, node_url: str, cashier_pin: str, hub_url: str, console_password: str) -> None:
    """Make a few sales at the store, as the till does, and see them arrive at the hub; once is enough."""
    ask = page.request
    assert ask.post(f"{hub_url}/api/v1/session", data={"password": console_password}).ok
    if _at_hub(ask, hub_url) < SALES:
        assert ask.post(f"{node_url}/api/v1/session", data={"pin": cashier_pin, "till": "1"}).ok
        dish = ask.get(f"{node_url}/api/v1/menu").json()["dishes"][0]["id"]
        for qty in range(1, SALES + 1):
            sale = {
                "sale_id": ids.uuid7(SystemClock().now_ms(), os.urandom(10)).hex(),
                "lines": [{"dish_id": dish, "qty": qty}],
                "tenders": [{"kind": "cash", "received_fen": 10_000_000}],
            }
            answer = ask.post(f"{node_url}/api/v1/sales", data=sale)
            assert answer.status == 201, answer.text()
        until(lambda: _at_hub(ask, hub_url) >= SALES, lambda: "the sales did not reach the hub", look_s=0.1)
    page.context.clear_cookies()


def _at_hub(ask: APIRequestContext, hub_url: str) -> int:
    return int(ask.get(f"{hub_url}/api/v1/totals").json()["sales"])


def _same_site(address: str) -> bool:
    return re.match(r"(http://(127\.0\.0\.1|localhost)[:/]|data:|blob:)", address) is not None


@pytest.fixture
def signed_in(page: Page, sold: None, hub_url: str, console_password: str) -> Page:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{hub_url}/sign-in")
    page.locator("#password").fill(console_password)
    page.keyboard.press("Enter")
    expect(page.locator("#stores")).to_be_visible()
    return page


def use(page: Page, *, language: str, theme: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        page.locator("#to-en" if language == "en" else "#to-zh").click()
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.wait_for_load_state()
    key = page.locator(f"#to-{theme}")
    if key.is_visible():
        key.click()
    expect(page.locator(f"#to-{'light' if theme == 'dark' else 'dark'}")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_is_readable_in_both_languages_and_themes_without_one_complaint(
    signed_in: Page, complaints: list[str], hub_url: str, language: str, theme: str
) -> None:
    page = signed_in
    use(page, language=language, theme=theme)
    page.goto(f"{hub_url}/sales")
    sale = page.locator("a[data-row]").first.get_attribute("href")
    for path in (*PAGES, sale):
        page.goto(f"{hub_url}{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate(FAINT_TEXTS) == [], path
        assert page.evaluate(SMALL_TARGETS, TARGET_FLOOR_PX) == [], path
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
    assert complaints == []


def test_the_contrast_check_finds_a_faint_text(signed_in: Page) -> None:
    signed_in.locator("h1").evaluate("(title) => { title.style.color = 'rgb(200, 200, 200)'; }")
    assert any(found.startswith("H1") for found in signed_in.evaluate(FAINT_TEXTS))


def test_an_inline_script_and_style_are_stopped_by_the_policy(signed_in: Page) -> None:
    heard: list[str] = []
    signed_in.on("console", lambda message: heard.append(message.text))
    with signed_in.expect_console_message(lambda message: "Content Security Policy" in message.text):
        signed_in.locator("main").evaluate(
            "(main) => main.insertAdjacentHTML('beforeend', '<p style=\"color: red\" onclick=\"alert(1)\">x</p>')"
        )
    assert any("Content Security Policy" in text for text in heard)


def test_chart_and_table_show_the_same_and_a_key_turns_between_them(
    signed_in: Page, complaints: list[str], hub_url: str
) -> None:
    page = signed_in
    for path in ("/overview", "/takings"):
        page.goto(f"{hub_url}{path}")
        expect(page.locator("#chart canvas")).to_be_visible(timeout=CHART_MS)
        expect(page.locator("#hours")).to_be_hidden()
        page.keyboard.press("t")
        expect(page.locator("#hours")).to_be_visible()
        expect(page.locator("#chart")).to_be_hidden()
        expect(page).to_have_url(re.compile("view=table"))
        page.reload()
        expect(page.locator("#hours")).to_be_visible()
        page.locator("#twin-chart").click()
        expect(page.locator("#chart canvas")).to_be_visible(timeout=CHART_MS)
        box = page.locator("#chart").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    assert complaints == []


def test_the_chart_survives_the_page_refreshing_itself(signed_in: Page, complaints: list[str], hub_url: str) -> None:
    page = signed_in
    page.goto(f"{hub_url}/overview")
    expect(page.locator("#chart canvas")).to_be_visible(timeout=CHART_MS)
    page.locator("#live").evaluate("(live) => live.classList.add('before')")
    expect(page.locator("#live.before")).to_have_count(0, timeout=CHART_MS)
    expect(page.locator("#chart canvas")).to_be_visible(timeout=CHART_MS)
    assert complaints == []


def test_without_the_chart_engine_the_table_stands_in(signed_in: Page, hub_url: str) -> None:
    page = signed_in
    page.route("**/vendor/echarts/**", lambda route: route.abort())
    page.goto(f"{hub_url}/overview")
    expect(page.locator("#no-chart")).to_be_visible(timeout=CHART_MS)
    expect(page.locator("#hours")).to_be_visible()


def test_from_the_list_to_the_proof_by_keyboard_alone(signed_in: Page, complaints: list[str], hub_url: str) -> None:
    page = signed_in
    page.goto(f"{hub_url}/sales")
    rows = page.locator("a[data-row]")
    newest, second = rows.nth(0).inner_text(), rows.nth(1).inner_text()
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(newest)
    expect(page.locator("#paper")).to_be_visible()
    expect(page.locator("#checks [data-holds=yes]")).to_have_count(4)
    page.wait_for_load_state()  # a page can be read before it hears keys
    page.keyboard.press("k")
    expect(page.locator("h1")).not_to_have_text(newest)
    page.wait_for_load_state()
    page.keyboard.press("j")
    expect(page.locator("h1")).to_have_text(newest)
    page.wait_for_load_state()
    page.locator("#verify").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verified-at")).to_be_visible()
    page.wait_for_load_state()
    expect(page.locator("#checks [data-holds=yes]")).to_have_count(4)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type(second)
    page.keyboard.press("Enter")
    expect(page.locator("#sales")).to_contain_text(second)
    assert complaints == []


def test_every_stop_of_the_tab_key_shows_its_focus(signed_in: Page, hub_url: str) -> None:
    page = signed_in
    page.goto(f"{hub_url}/overview")
    for _ in range(25):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => {
              const one = document.activeElement;
              if (!one || one === document.body) return true;
              return [one, one.closest(".search")].some((each) => {
                if (!each) return false;
                const style = getComputedStyle(each);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 3;
              });
            }"""
        )
        assert shown, page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)")


def test_old_figures_stay_with_their_time_while_the_hub_is_silent(signed_in: Page, hub_url: str) -> None:
    page = signed_in
    page.goto(f"{hub_url}/overview")
    total = page.locator("#stores-total").inner_text()
    page.route("**/overview*", lambda route: route.abort())
    expect(page.locator("#hub-silent")).to_be_visible(timeout=CHART_MS)
    expect(page.locator("#stores-total")).to_have_text(total)
    page.unroute("**/overview*")
    expect(page.locator("#hub-silent")).to_be_hidden(timeout=CHART_MS)


def test_the_console_fits_a_phone(signed_in: Page, hub_url: str) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES:
        page.goto(f"{hub_url}{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path


def test_a_wrong_password_says_so_and_signing_out_closes_the_door(
    page: Page, sold: None, hub_url: str, console_password: str
) -> None:
    page.goto(f"{hub_url}/sales")
    page.locator("#password").fill("wrong")
    page.locator("#sign-in").click()
    expect(page.locator("#refusal")).to_be_visible()
    page.locator("#password").fill(console_password)
    page.locator("#sign-in").click()
    expect(page.locator("#sales")).to_be_visible()
    page.locator("#sign-out").click()
    expect(page.locator("#password")).to_be_visible()
    page.goto(f"{hub_url}/overview")
    expect(page.locator("#password")).to_be_visible()


def test_the_guest_page_on_a_phone(signed_in: Page, hub_url: str, guest_url: str) -> None:
    answer = signed_in.request.get(f"{hub_url}/api/v1/sales?limit=1").json()
    invite = answer["sales"][0]["invite"]["url"]
    base = guest_url.rstrip("/")
    browser = signed_in.context.browser
    assert browser is not None
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en-GB", java_script_enabled=False, color_scheme="dark"
    )
    try:
        page = phone.new_page()
        page.goto(f"{base}/J/{invite.rsplit('/', 1)[-1]}")
        expect(page.locator("#verdict")).to_have_text("Valid")
        expect(page.locator("#until")).to_be_visible()
        page.locator("#to-zh").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        page.goto(f"{base}/j/hello")
        expect(page.locator("#verdict")).to_have_text("Not our code")
        assert phone.cookies() == []
    finally:
        phone.close()
