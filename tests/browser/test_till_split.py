"""A table's bill in a real Chromium: a guest pays their dish by card, the others in shares, and the bill is taken back and made again."""

from playwright.sync_api import Page, expect

from tests.browser.test_till_devices import scan
from tests.browser.test_till_money import CODE
from tests.browser.test_till_page import complaints, fetch, money, plain_dishes, type_dish
from tests.browser.test_till_tables import cleared, open_table, orders_of, settled

__all__ = ["cleared", "complaints"]


def sale_of(page: Page, node_url: str, number: str) -> dict[str, object]:
    found = fetch(page, node_url, f"/sales/find?text={number}")["sales"][0]
    return dict(fetch(page, node_url, f"/sales/{found['sale_id']}"))


def test_a_table_is_paid_by_dish_and_by_shares_and_its_bill_is_reversed_and_redone(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    one, two = plain_dishes(page, node_url)[:2]
    open_table(page, "6")
    type_dish(page, f"3*{one['code']}")
    type_dish(page, two["code"])
    page.keyboard.press("F1")
    settled(page)

    # One guest pays one piece of the first dish by card.
    page.keyboard.press("F12")
    page.get_by_test_id("way-split").click()
    page.get_by_test_id(f"split-more-{one['id']}").click()
    page.get_by_test_id("split-go").click()
    expect(page.get_by_test_id("pay-due")).to_have_text(money(one["price_fen"]))
    page.get_by_test_id("way-card").click()
    page.keyboard.press("8")
    page.keyboard.press("Enter")
    page.keyboard.press("F12")
    left_fen = 2 * one["price_fen"] + two["price_fen"]
    expect(page.get_by_test_id("total")).to_contain_text(money(left_fen))

    # The others halve what is left: cash with change, then a code, which finishes the bill by itself.
    page.keyboard.press("F12")
    page.get_by_test_id("way-split").click()
    page.get_by_test_id("split-2").click()
    half_fen = left_fen - left_fen // 2
    expect(page.get_by_test_id("pay-due")).to_have_text(money(half_fen))
    page.get_by_test_id("pad-likely-1").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-note")).to_contain_text("1/2")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(left_fen - half_fen))
    scan(page, CODE)
    expect(page.get_by_test_id("saved")).to_be_visible()
    # The first guest has their change; what stands there now is what the second one gets.
    expect(page.get_by_test_id("change-due")).to_have_text("0.00")
    number = page.get_by_test_id("receipt-no").inner_text()
    sale = sale_of(page, node_url, number)
    assert (sale["total_fen"], sale["part"], sale["covers"]) == (left_fen, "2/2", 2)
    assert orders_of(page, node_url) == []

    # The bill was wrong: it goes back the way it came, and the same dishes lie open in the slip.
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-refund").click()
    page.get_by_test_id(f"sale-{number}").click()
    page.get_by_test_id("reverse").click()
    page.get_by_test_id("chip-reason-2").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("total")).to_contain_text(money(left_fen))
    (again,) = orders_of(page, node_url)
    assert (again["total_fen"], again.get("unsent", 0)) == (left_fen, 0)
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    remade = sale_of(page, node_url, page.get_by_test_id("receipt-no").inner_text())
    assert remade["replaces"] == sale["sale_id"]
