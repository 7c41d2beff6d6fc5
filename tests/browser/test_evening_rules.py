"""What holds on every evening: sizes, names and contrast can be found wanting, a terminal's looks and sounds are its own, and Undo takes back."""

from playwright.sync_api import Page, expect

from tests.browser import looks
from tests.browser.test_till_page import complaints, money, plain_dishes, sign_in, type_dish
from tests.browser.test_till_tables import cleared, open_table, orders_of, settled

__all__ = ["cleared", "complaints"]

COUNTED_SOUNDS = """() => {
  window.sounds = 0;
  const make = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () { window.sounds += 1; return make.call(this); };
}"""


def test_a_small_key_a_nameless_one_and_pale_words_are_found(page: Page) -> None:
    looks.check(page, "as it is")
    page.get_by_test_id("undo").evaluate(
        "node => { node.style.flex = 'none'; node.style.minWidth = '0'; node.style.width = '30px'; }"
    )
    assert [fault.partition(":")[0] for fault in looks.small_targets(page)] == ["undo"]
    assert looks.axe_faults(page) == []
    page.locator("#slip-count").evaluate("node => { node.textContent = 'pale'; node.style.color = '#ccc'; }")
    page.get_by_test_id("more").evaluate("node => { node.textContent = ''; }")
    assert {fault.partition(":")[0] for fault in looks.axe_faults(page)} == {"color-contrast", "button-name"}


def test_help_and_the_sheets_of_a_phone_can_be_read_and_pressed(page: Page, complaints: list[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    looks.check(page, "dishes")
    page.keyboard.press("?")
    expect(page.get_by_test_id("sheet-keys")).to_contain_text("F12")
    looks.check(page, "keys")
    page.get_by_test_id("help-topics").click()
    looks.check(page, "topics")
    page.keyboard.press("?")
    expect(page.get_by_test_id("sheet-keys")).to_be_hidden()
    page.keyboard.press("F5")
    looks.check(page, "plan")
    page.keyboard.press("F5")
    page.get_by_test_id("more").click()
    looks.check(page, "more")


def test_this_terminal_is_dark_or_silent_for_itself_alone(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    page.evaluate(COUNTED_SOUNDS)
    theme = page.locator("html")
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-device").click()
    page.get_by_test_id("theme-dark").click()
    expect(theme).to_have_attribute("data-theme", "dark")
    page.get_by_test_id("theme-device").click()
    expect(theme).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(theme).to_have_attribute("data-theme", "dark")
    page.get_by_test_id("theme-light").click()
    expect(theme).to_have_attribute("data-theme", "light")
    heard = page.evaluate("() => window.sounds")
    page.get_by_test_id("sound-on").click()
    assert page.evaluate("() => window.sounds") > heard
    heard = page.evaluate("() => window.sounds")
    page.get_by_test_id("sound-off").click()
    expect(page.get_by_test_id("sound-off")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("() => window.sounds") == heard
    page.reload()
    expect(page.locator("#tiles .tile").first).to_be_visible()
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-device").click()
    expect(page.get_by_test_id("sound-off")).to_have_attribute("aria-pressed", "true")
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(locale="zh-CN")
    other = context.new_page()
    sign_in(other, node_url, cashier_pin)
    other.get_by_test_id("more").click()
    other.get_by_test_id("more-device").click()
    expect(other.get_by_test_id("sound-on")).to_have_attribute("aria-pressed", "true")
    context.close()


def test_what_was_changed_about_an_order_is_taken_back_within_five_seconds(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    dish = plain_dishes(page, node_url)[0]
    open_table(page, "10")
    type_dish(page, f"2*{dish['code']}")
    total = page.get_by_test_id("total")
    undo = page.get_by_test_id("toast-undo")
    expect(total).to_contain_text(money(2 * dish["price_fen"]))
    page.keyboard.press("F4")
    page.keyboard.type("10")
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(total).to_contain_text(money(2 * dish["price_fen"] * 9 // 10))
    undo.click()
    expect(total).to_contain_text(money(2 * dish["price_fen"]))
    settled(page)

    page.get_by_test_id("order-sheet").click()
    page.get_by_test_id("order-move").click()
    page.get_by_test_id("table-t11").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("A11")
    undo.click()
    expect(page.get_by_test_id("slip-title")).to_have_text("A10")
    (order,) = orders_of(page, node_url)
    assert (order["table"], order["lines"]) == ("t10", 1)
    assert page.evaluate("() => document.querySelector('[data-testid=toast-undo]') === null")
