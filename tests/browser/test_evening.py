"""One full evening in real Chromium, in both languages: float, tables, guests' phones, courses, kitchen, a cut network, split bill, refund, hand-over, count, Z."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts.demo_world import World
from tests.browser import looks
from tests.browser.evening import Evening
from tests.browser.test_till_money import somebody_at_the_till
from tests.browser.test_till_page import complaints, fetch, money, type_dish, use_language

__all__ = ["complaints"]

FLOAT_YUAN = 300
CARD_FEN = 1_000


@dataclass
class Words:
    """What the people of the evening read."""

    held: str
    fired: str
    hub_away: str
    to_confirm: str


WORDS = {
    "zh-CN": Words("叫起", "起菜", "总部断开", "待确认"),
    "en": Words("On hold", "Fired", "Hub away", "To confirm"),
}


@pytest.fixture
def broker(world: World) -> Iterator[World]:
    """The uplink of the store; there again after the test, whatever the test did."""
    yield world
    if world.broker.popen is None or world.broker.popen.poll() is not None:
        world.broker.start()


@pytest.fixture
def others(browser: Browser) -> Iterator[list[BrowserContext]]:
    """The other screens of the evening; closed with it."""
    opened: list[BrowserContext] = []
    yield opened
    for context in opened:
        context.close()


def phone_at(browser: Browser, others: list[BrowserContext], address: str, language: str) -> Page:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale=language, has_touch=True, is_mobile=True
    )
    others.append(context)
    page = context.new_page()
    page.goto(address)
    return page


@pytest.mark.parametrize(("language", "dark"), [("zh-CN", False), ("en", True)])
def test_a_whole_evening_from_the_float_to_the_z(
    page: Page, node_url: str, cashier_pin: str, browser: Browser, broker: World, others: list[BrowserContext],
    language: str, dark: bool, complaints: list[str],
) -> None:  # fmt: skip
    words = WORDS[language]
    waiter_pin = somebody_at_the_till(page, node_url, cashier_pin)
    if dark:
        page.get_by_test_id("theme").click()
    use_language(page, language)
    looks.check(page, "sign-in")
    evening = Evening(page, node_url, language)

    # Opening: a manager counts the float in, then the waiter takes the till over.
    evening.sign_in(cashier_pin)
    evening.empty_house()
    people = {one["name"]: one["id"] for one in fetch(page, node_url, "/sign-in")["people"]}
    manager = fetch(page, node_url, "/session")["cashier"]["id"]
    code = evening.table_code("t9")
    z_before = fetch(page, node_url, "/shift")["last_z"]
    evening.say_float(FLOAT_YUAN)
    evening.hand_over(waiter_pin, people["小林"])

    # A table orders two courses; one of them cannot eat peanuts. The kitchen sees it.
    one, two, three = evening.menu()[:3]
    evening.open_table("9", 3)
    type_dish(page, f"2*{one['code']}")
    type_dish(page, two["code"])
    evening.look("order")
    evening.later_course(two)
    evening.avoid("花生")
    page.keyboard.press("F1")
    evening.settled()
    kitchen = browser.new_context(viewport={"width": 1280, "height": 800}, locale=language).new_page()
    others.append(kitchen.context)
    kitchen.goto(f"{node_url}/kitchen")
    if kitchen.locator("html").get_attribute("lang") != language:
        kitchen.locator("#lang").click()
    ticket = kitchen.get_by_test_id("ticket").filter(has_text="A9").first
    expect(ticket).to_contain_text("花生")
    expect(ticket).to_contain_text(words.held)
    assert looks.small_targets(kitchen) == []
    assert looks.axe_faults(kitchen) == []

    # From here on nothing reaches the hub.
    broker.broker.stop()
    expect(page.get_by_test_id("state-hub")).to_contain_text(words.hub_away)

    # A guest orders from the phone; the waiter accepts, sends and fires the next course.
    phone = phone_at(browser, others, code, language)
    phone.get_by_test_id(f"add-{three['id']}").tap()
    looks.check(phone, "guest's dish")
    phone.get_by_test_id("take").tap()
    phone.get_by_test_id("to-basket").tap()
    looks.check(phone, "guest's basket")
    phone.get_by_test_id("ask").tap()
    expect(page.get_by_test_id("slip-waiting")).to_be_visible()
    page.keyboard.press("F5")
    expect(page.get_by_test_id("table-t9")).to_contain_text(words.to_confirm)
    page.keyboard.press("F5")
    evening.look("guests' lines")
    page.get_by_test_id("guests-accept").click()
    expect(page.get_by_test_id("slip-waiting")).to_be_hidden()
    page.keyboard.press("F1")
    evening.settled()
    page.get_by_test_id("order-sheet").click()
    page.get_by_test_id("order-fire").click()
    evening.settled()
    expect(ticket).to_contain_text(words.fired)
    (order,) = evening.orders()
    lines = fetch(page, node_url, f"/orders/{order['order_id']}")["lines"]
    assert [(each["line"]["dish_id"], each["unsent_qty"]) for each in lines] == [
        (d["id"], 0) for d in (one, two, three)
    ]
    tickets = kitchen.get_by_test_id("ticket").filter(has_text="A9")
    expect(tickets.filter(has_text=three["name"]["en" if language == "en" else "zh"])).not_to_have_count(0)
    while (left := tickets.count()) > 0:
        tickets.first.get_by_test_id("done").click()
        expect(tickets).to_have_count(left - 1)

    # The bill: two guests halve it, the first of them by card and cash.
    total_fen = 2 * one["price_fen"] + two["price_fen"] + three["price_fen"]
    expect(page.get_by_test_id("total")).to_contain_text(money(total_fen))
    evening.split_in_two(CARD_FEN, total_fen)
    last = evening.receipt()
    assert (last["covers"], last["part"]) == (3, "2/2")
    assert evening.orders() == []

    # Over the counter, and back again with the manager's word.
    sale = evening.sell_for_cash(one)
    evening.refund_whole(sale["receipt_no"], cashier_pin)

    # The manager takes over, counts blind and closes, still offline; then the network is back.
    evening.hand_over(cashier_pin, manager)
    z = evening.count_and_close()
    assert (z["z"], z["variance_fen"], z["counted_fen"]) == (z_before + 1, 0, evening.drawer_fen)
    expect(page.get_by_test_id("state-hub")).to_contain_text(words.hub_away)
    broker.broker.start()
    expect(page.get_by_test_id("state-hub")).not_to_contain_text(words.hub_away)
    assert len(evening.looked_at) > 15
