"""Tables at the till in a real Chromium: opened by number, sent, paid; two waiters at one table; lost answers; between tables; dishes of today."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_till_money import call, uuid7
from tests.browser.test_till_page import complaints, fetch, money, plain_dishes, sign_in, type_dish

__all__ = ["complaints"]


# The node does what it is asked, and the page never hears of it; in the page itself, because what a service worker lets pass is not always intercepted.
LOSE_ANSWERS = """(() => {
  const real = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await real(...asked);
    if (!sessionStorage.getItem("losing") || !/\\/orders\\/[^/]+\\/steps$/.test(String(asked[0]))) return answer;
    const before = JSON.parse(sessionStorage.getItem("asked") ?? "[]");
    sessionStorage.setItem("asked", JSON.stringify([...before, JSON.parse(asked[1].body).request_id]));
    throw new TypeError("the answer was lost");
  };
})();"""


def orders_of(page: Page, node_url: str) -> list[dict[str, Any]]:
    return list(fetch(page, node_url, "/orders")["orders"])


def settled(page: Page) -> None:
    """Everything that was done here was answered by the node."""
    expect(page.locator("#slip")).to_have_attribute("data-waiting", "0")


def open_table(page: Page, number: str, covers: str = "2") -> None:
    if page.get_by_test_id("plan-page").is_hidden():
        page.keyboard.press("F5")
    expect(page.get_by_test_id("plan-page")).to_be_visible()
    expect(page.locator("#plan-grid .table").first).to_be_visible()
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("sheet-open-table")).to_be_visible()
    page.keyboard.type(covers)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("slip-title")).to_have_text(f"A{number}")


@pytest.fixture(autouse=True)
def cleared(page: Page, node_url: str, cashier_pin: str) -> None:
    """No table of another test is taken."""
    sign_in(page, node_url, cashier_pin)
    for order in orders_of(page, node_url):
        path = f"/orders/{order['order_id']}"
        lines = [line["line"]["line_id"] for line in fetch(page, node_url, path)["lines"] if line["open_qty"]]
        for line_id in lines:
            step = {"do": "void", "line_id": line_id, "reason": "test"}
            call(page, node_url, "POST", f"{path}/steps", {"request_id": uuid7(), "steps": [step]})
        call(page, node_url, "POST", f"{path}/cancel", {"request_id": uuid7()})


def test_a_table_is_opened_by_its_number_sent_to_the_kitchen_and_paid_without_a_mouse(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    one, two = plain_dishes(page, node_url)[:2]
    open_table(page, "7", "3")
    type_dish(page, f"2*{one['code']}")
    type_dish(page, two["code"])
    line = page.get_by_test_id(f"line-{one['id']}")
    expect(line).to_contain_text("未送厨")
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * one["price_fen"] + two["price_fen"]))
    page.keyboard.press("F1")
    expect(line).not_to_contain_text("未送厨")
    settled(page)
    (order,) = orders_of(page, node_url)
    assert (order["covers"], order.get("unsent", 0), order["lines"]) == (3, 0, 2)

    page.keyboard.press("F5")
    tile = page.get_by_test_id("table-t7")
    expect(tile).to_contain_text("在吃")
    expect(tile).to_contain_text("3 位")
    # A dish that the kitchen has goes with a reason only, and keeps its place struck through.
    page.keyboard.press("F5")
    page.get_by_test_id(f"line-{two['id']}").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("sheet-line-void")).to_be_visible()
    expect(page.get_by_test_id("ask-go")).to_be_disabled()
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id(f"line-{two['id']}")).to_contain_text("已退")
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * one["price_fen"]))
    page.keyboard.press("F4")
    page.keyboard.type("10")
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * one["price_fen"] * 9 // 10))
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert orders_of(page, node_url) == []


def test_what_was_ordered_while_answers_were_lost_is_shown_at_once_and_stands_there_once_after_a_reload(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    one, two = plain_dishes(page, node_url)[:2]
    open_table(page, "3")
    page.add_init_script(LOSE_ANSWERS)
    page.evaluate(LOSE_ANSWERS)
    page.evaluate("sessionStorage.setItem('losing', 'yes')")
    type_dish(page, one["code"])
    type_dish(page, f"3*{two['code']}")
    expect(page.get_by_test_id(f"line-{two['id']}")).to_contain_text(money(3 * two["price_fen"]))
    expect(page.get_by_test_id("sending")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id(f"line-{two['id']}")).to_contain_text(money(3 * two["price_fen"]))
    expect(page.get_by_test_id("sending")).to_be_visible()
    # What the kitchen does not surely have is not said to be there.
    page.keyboard.press("F1")
    expect(page.get_by_test_id(f"line-{one['id']}")).to_contain_text("正在送厨")
    expect(page.get_by_test_id("toast")).to_be_hidden()
    # Paying waits for what is on its way: it would be missing on the bill.
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-page")).to_be_hidden()
    page.evaluate("sessionStorage.removeItem('losing')")
    expect(page.get_by_test_id("sending")).to_be_hidden()
    settled(page)
    asked = page.evaluate("JSON.parse(sessionStorage.getItem('asked'))")
    assert len(asked) > len(set(asked))
    (order,) = orders_of(page, node_url)
    lines = fetch(page, node_url, f"/orders/{order['order_id']}")["lines"]
    assert [(line["line"]["dish_id"], line["open_qty"], line["unsent_qty"]) for line in lines] == [
        (one["id"], 1, 0),
        (two["id"], 3, 0),
    ]


def test_two_waiters_at_one_table_see_each_other_and_nothing_moves_under_the_thumb(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    one, two, three = plain_dishes(page, node_url)[:3]
    open_table(page, "5")
    type_dish(page, one["code"])
    type_dish(page, two["code"])
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    try:
        other = context.new_page()
        sign_in(other, node_url, cashier_pin)
        other.keyboard.press("F5")
        other.get_by_test_id("table-t5").click()
        expect(other.get_by_test_id(f"line-{two['id']}")).to_be_visible()
        before = other.get_by_test_id(f"line-{two['id']}").bounding_box()
        type_dish(page, three["code"])
        expect(other.get_by_test_id(f"line-{three['id']}")).to_be_visible()
        page.get_by_test_id(f"line-{one['id']}").click()
        page.keyboard.press("Delete")
        expect(page.get_by_test_id(f"line-{one['id']}")).to_have_count(0)
        expect(other.get_by_test_id(f"line-{one['id']}")).to_contain_text("已退")
        assert other.get_by_test_id(f"line-{two['id']}").bounding_box() == before
        page.get_by_test_id("toast-undo").click()
        expect(other.get_by_test_id(f"line-{one['id']}")).not_to_contain_text("已退")
        expect(page.get_by_test_id(f"line-{one['id']}")).to_be_visible()
    finally:
        context.close()


def test_between_tables_an_order_is_moved_split_merged_held_and_taken_up_again(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    one, two = plain_dishes(page, node_url)[:2]
    open_table(page, "1")
    type_dish(page, f"2*{one['code']}")
    type_dish(page, two["code"])
    page.keyboard.press("F5")
    page.get_by_test_id("fn-move").click()
    page.get_by_test_id("table-t2").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("A2")
    page.get_by_test_id("fn-split").click()
    page.get_by_test_id(f"split-more-{one['id']}").click()
    page.get_by_test_id("split-table").click()
    page.get_by_test_id("table-t4").click()
    expect(page.get_by_test_id("table-t4")).to_contain_text(money(one["price_fen"]))
    expect(page.get_by_test_id("total")).to_contain_text(money(one["price_fen"] + two["price_fen"]))
    page.get_by_test_id("fn-merge").click()
    page.get_by_test_id("table-t4").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("A4")
    expect(page.get_by_test_id("table-t2")).to_contain_text("空")
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * one["price_fen"] + two["price_fen"]))
    page.keyboard.press("F5")
    page.keyboard.press("Escape")

    # The basket of the counter is put aside, and taken up as an order.
    expect(page.get_by_test_id("slip-title")).not_to_have_text("A4")
    type_dish(page, two["code"])
    page.keyboard.press("F6")
    page.get_by_test_id("ask-label").fill("七号")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("lines").locator("li")).to_have_count(0)
    expect(page.get_by_test_id("fn-recall")).to_contain_text("1")
    page.keyboard.press("F7")
    page.locator("[data-testid^=recall-]").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("七号")
    expect(page.get_by_test_id(f"line-{two['id']}")).to_be_visible()

    # Whoever presses pay right behind the recall pays that order, even where the node takes its time with it.
    page.keyboard.press("F6")
    expect(page.get_by_test_id("fn-recall")).to_contain_text("1")
    held: list[Route] = []

    def hold(route: Route) -> None:
        # The first answer is held back; whatever is asked behind it goes its way.
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/api/v1/orders/[0-9a-f]+$"), hold)
    page.keyboard.press("F7")
    page.locator("[data-testid^=recall-]").click()
    expect(page.get_by_test_id(f"line-{two['id']}")).to_be_hidden()
    page.keyboard.press("F12")
    held[0].continue_()
    expect(page.get_by_test_id("pay-due")).to_have_text(money(two["price_fen"]))
    page.unroute(re.compile(r"/api/v1/orders/[0-9a-f]+$"), hold)
    page.keyboard.press("Escape")


def test_a_dish_is_counted_down_and_sold_out_for_the_whole_house(page: Page, node_url: str) -> None:
    dish = plain_dishes(page, node_url)[2]
    tile = page.get_by_test_id(f"tile-{dish['id']}")
    tile.click(delay=800)
    expect(page.get_by_test_id("sheet-stock")).to_be_visible()
    page.keyboard.type("2")
    page.get_by_test_id("ask-go").click()
    try:
        expect(tile).to_contain_text("余 2")
        expect(page.get_by_test_id("lines").locator("li")).to_have_count(0)
        open_table(page, "6")
        type_dish(page, f"2*{dish['code']}")
        expect(tile).to_contain_text("沽清")
        tile.click()
        expect(page.get_by_test_id("toast")).to_contain_text("沽清")
        settled(page)
        (order,) = orders_of(page, node_url)
        assert order["lines"] == 1
    finally:
        call(page, node_url, "POST", f"/dishes/{dish['id']}/stock", {"request_id": uuid7(), "left": -1})


def test_dishes_of_a_basket_find_their_table_later_and_a_discount_makes_it_an_order_of_the_counter(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    one, two = plain_dishes(page, node_url)[:2]
    type_dish(page, one["code"])
    page.keyboard.press("F1")
    page.get_by_test_id("place-table").click()
    page.get_by_test_id("table-t8").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("A8")
    settled(page)
    (order,) = orders_of(page, node_url)
    assert (order["table"], order["lines"], order.get("unsent", 0)) == ("t8", 1, 0)
    page.get_by_test_id("order-sheet").click()
    page.get_by_test_id("order-chase").click()
    page.keyboard.press("F5")
    expect(page.get_by_test_id("table-t8")).to_contain_text("催菜")
    page.keyboard.press("F5")
    page.get_by_test_id("order-leave").click()

    type_dish(page, f"2*{two['code']}")
    page.keyboard.press("F4")
    page.get_by_test_id("ask-by-amount").click()
    page.keyboard.type("5")
    page.get_by_test_id("chip-reason-2").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * two["price_fen"] - 500))
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert [each["table"] for each in orders_of(page, node_url)] == ["t8"]
