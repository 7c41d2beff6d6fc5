"""The till says what it holds, in a real Chromium: money taken, the tip, an order that changed, who is signed in."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.test_till_money import call, uuid7
from tests.browser.test_till_page import complaints, fetch, money, plain_dishes, sign_in, type_dish

__all__ = ["complaints"]


def test_a_basket_left_half_paid_says_what_is_taken_and_what_is_to_go(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    type_dish(page, f"2*{dish['code']}")
    page.keyboard.press("F12")
    page.get_by_test_id("way-split").click()
    page.get_by_test_id("split-2").click()
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-note")).to_contain_text("1/2")
    page.keyboard.press("Escape")
    expect(page.locator("#pay-rows dd")).to_have_text([money(dish["price_fen"])] * 2)
    expect(page.locator("#exact-amount")).to_contain_text(money(dish["price_fen"]))
    page.keyboard.press("F12")
    # Which share is next is remembered, and what is due is one figure in the band and on the slip.
    expect(page.locator("#pay-page h2")).to_contain_text("2/2")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(dish["price_fen"]))
    expect(page.get_by_test_id("total")).to_contain_text(money(dish["price_fen"]))
    expect(page.locator("#pay-rows dd").last).to_have_text("\u2212" + money(dish["price_fen"]))
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("saved")).to_be_visible()


def test_a_tip_far_above_the_bill_is_not_taken_and_one_that_is_stands_in_the_sum(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    expect(page.locator("#who-name")).to_contain_text("店长")
    dish = plain_dishes(page, node_url)[0]
    type_dish(page, dish["code"])
    page.keyboard.press("F12")
    page.get_by_test_id("tip").click()
    page.keyboard.type("3000")
    expect(page.get_by_test_id("ask-tip_fen")).to_have_text("3,000.00")
    expect(page.get_by_test_id("ask-go")).to_be_disabled()
    for _ in range(3):
        page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(dish["price_fen"] + 300))
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("last-tip")).to_have_text("3.00")


def recalled(page: Page, node_url: str, dish: dict[str, Any], label: str) -> str:
    """Hold a takeaway order of one dish and take it up at the till; gives its id."""
    order_id = uuid7()
    steps = [{"do": "add", "line_id": uuid7(), "dish_id": dish["id"], "qty": 1}]
    body = {"order_id": order_id, "service": "takeaway", "label": label, "held": True, "steps": steps}
    call(page, node_url, "POST", "/orders", body)
    page.keyboard.press("F7")
    page.get_by_test_id("recall-" + order_id).click()
    expect(page.get_by_test_id("total")).to_contain_text(money(dish["price_fen"]))
    return order_id


def test_a_dish_that_a_colleague_adds_while_money_is_taken_is_due_at_once(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    one, two = plain_dishes(page, node_url)[:2]
    order_id = recalled(page, node_url, one, "外带九")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(one["price_fen"]))
    more = [{"do": "add", "line_id": uuid7(), "dish_id": two["id"], "qty": 1}]
    call(page, node_url, "POST", f"/orders/{order_id}/steps", {"request_id": uuid7(), "steps": more})
    expect(page.get_by_test_id("pay-due")).to_have_text(money(one["price_fen"] + two["price_fen"]))
    expect(page.get_by_test_id("pay-note")).to_contain_text("单子改过")
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("saved")).to_be_visible()


def test_a_bill_that_is_paid_elsewhere_leaves_the_payment_page_and_says_that_nothing_is_booked_here(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    order_id = recalled(page, node_url, dish, "外带八")
    page.keyboard.press("F12")
    page.get_by_test_id("pad-exact").click()
    bill_fen = int(fetch(page, node_url, f"/orders/{order_id}/bill")["total_fen"])
    paid = {"sale_id": uuid7(), "tenders": [{"kind": "cash", "received_fen": bill_fen}], "due_fen": bill_fen}
    call(page, node_url, "POST", f"/orders/{order_id}/pay", paid)
    expect(page.locator("#notice")).to_contain_text("外带八")
    expect(page.locator("#notice")).to_contain_text("没有记账")
    expect(page.get_by_test_id("pay-page")).to_be_hidden()
    page.locator("#notice .key").click()
    expect(page.locator("#notice")).to_be_hidden()


def test_times_are_the_shops_whatever_zone_the_device_is_in(browser: Browser, node_url: str, cashier_pin: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN", timezone_id="America/Lima")
    try:
        page = context.new_page()
        sign_in(page, node_url, cashier_pin)
        shown = page.evaluate(
            """async () => {
              const clock = await import(document.querySelector("script[type=module]").src.replace("till/main.js", "wall_clock.js"));
              const ms = Date.UTC(2026, 11, 31, 16, 5, 9);
              const wall = document.getElementById("clock").textContent;
              return {
                device: new Date(ms).getHours(), said: [clock.clockOf(ms), clock.secondOf(ms), clock.dayOf(ms), clock.stampOf(ms), clock.hourOf(ms)],
                wall, now: [clock.clockOf(Date.now() - 2000), clock.clockOf(Date.now())],
              };
            }"""
        )
    finally:
        context.close()
    assert shown["device"] == 11, "the device is elsewhere indeed"
    assert shown["said"] == ["00:05", "00:05:09", "2027-01-01", "01-01 00:05", 0]
    assert shown["wall"] in shown["now"]
