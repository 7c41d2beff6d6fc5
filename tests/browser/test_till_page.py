"""The till page in a real Chromium: orders by keyboard and by touch, both languages, reloads, and a node that goes away.

Fixtures (tests/browser/conftest.py): `node_url` of a running node with the demo menu, `cashier_pin`, `page`, `node` (stop/start).
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Locator, Page, Request, Route, expect

from tests.kit.waiting import PATIENCE_S

AWAY_MS = BACK_MS = PATIENCE_S * 1_000
TOUCH_FLOOR_PX = 44
KEY_FLOOR_PX = 76
SECONDARY_FLOOR_PX = 56

# Resolves once the service worker answers for the page, so that a reload needs no node.
SHELL_IS_KEPT = """async () => {
  if (!navigator.serviceWorker.controller) {
    await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
  }
}"""

# Resolves once the browser's disk holds as many lines of the open order as the slip shows.
CART_IS_KEPT = """(till) => new Promise((resolve) => {
  const opening = indexedDB.open("zhanggui-till", 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction("kept").objectStore("kept").get("cart:" + till);
    asked.onsuccess = () => {
      opening.result.close();
      resolve((asked.result?.lines.length ?? 0) === document.querySelectorAll("#lines > li").length);
    };
  };
})"""


class Node(Protocol):
    def stop(self) -> None: ...
    def start(self) -> None: ...


def sign_in(page: Page, node_url: str, pin: str, language: str | None = None) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{node_url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    if language:
        use_language(page, language)
    page.keyboard.type(pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lines")).to_be_visible()
    if language:
        use_language(page, language)
    expect(page.locator("#tiles .tile").first).to_be_visible()


def use_language(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        page.get_by_test_id("lang").click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def fetch(page: Page, node_url: str, path: str) -> Any:
    answer = page.request.get(f"{node_url}/api/v1{path}")
    assert answer.ok, (path, answer.status)
    return answer.json()


def sales_so_far(page: Page, node_url: str) -> int:
    return int(fetch(page, node_url, "/totals")["sales"])


def plain_dishes(page: Page, node_url: str) -> list[dict[str, Any]]:
    """Dishes by the piece without options that must be chosen, those of the first category first."""
    menu = fetch(page, node_url, "/menu")
    demanding = {group["id"] for group in menu["modifier_groups"] if group["min"] > 0}
    by_piece = [dish for dish in menu["dishes"] if not dish.get("per_g")]
    dishes = [dish for dish in by_piece if not demanding & set(dish.get("modifier_groups", []))]
    first = menu["categories"][0]["id"]
    assert len([dish for dish in dishes if dish["category"] == first]) >= 3
    return sorted(dishes, key=lambda dish: bool(dish["category"] != first))


def money(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def type_dish(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def reload(page: Page) -> None:
    """Load the page again once it has kept the open order: what was typed the moment before may not be on the disk yet."""
    page.wait_for_function(CART_IS_KEPT, arg="1")
    page.reload()


def place_of(locator: Locator) -> FloatRect:
    """Where it stands, once it can be seen; `bounding_box` alone answers None for what is not drawn yet."""
    expect(locator).to_be_visible()
    box = locator.bounding_box()
    assert box is not None
    return box


def lost_answers(page: Page, how_many: int) -> list[str]:
    """Let the node do the next sales but drop its answers; returns the ids that were sent, as they come."""
    seen: list[str] = []

    def drop(route: Route) -> None:
        body = route.request.post_data_json
        assert body is not None
        seen.append(body["sale_id"])
        if len(seen) <= how_many:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/sales", drop)
    return seen


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """Whatever the browser's console or the content policy has to complain about; a refused connection is no complaint."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    yield found
    assert [text for text in found if "Failed to load resource" not in text] == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_three_orders_by_keyboard_only(
    page: Page, node_url: str, cashier_pin: str, language: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, language)
    before = sales_so_far(page, node_url)
    one, two, three = plain_dishes(page, node_url)[:3]

    type_dish(page, one["code"])
    expect(page.get_by_test_id("total")).to_contain_text(money(one["price_fen"]))
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    expect(page.get_by_test_id("change-due")).to_have_text("0.00")
    first_number = page.get_by_test_id("receipt-no").inner_text()

    type_dish(page, f"3*{two['code']}")
    due_fen = 3 * two["price_fen"]
    expect(page.get_by_test_id("total")).to_contain_text(money(due_fen))
    page.keyboard.press("F12")
    received_fen = (due_fen // 10_000 + 1) * 10_000
    page.keyboard.type(str(received_fen // 100))
    expect(page.get_by_test_id("pay-change")).to_have_text(money(received_fen - due_fen))
    page.keyboard.press("F12")
    expect(page.get_by_test_id("change-due")).to_have_text(money(received_fen - due_fen))
    expect(page.get_by_test_id("receipt-no")).not_to_have_text(first_number)

    type_dish(page, three["code"])
    page.keyboard.type("2*")
    expect(page.get_by_test_id("armed")).to_contain_text("2")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * three["price_fen"]))
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("total")).to_contain_text(money(2 * three["price_fen"]))
    page.keyboard.press("F12")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("pay-page")).to_be_hidden()
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert sales_so_far(page, node_url) == before + 3


def test_a_dish_is_found_by_its_pinyin_initials(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = next(dish for dish in plain_dishes(page, node_url) if len(dish["initials"]) >= 3)
    page.keyboard.type(dish["initials"])
    expect(page.get_by_test_id(f"tile-{dish['id']}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("search")).to_have_value("")


def test_options_are_reached_and_pressed_by_keyboard(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    menu = fetch(page, node_url, "/menu")
    groups = {group["id"]: group for group in menu["modifier_groups"]}
    dish = next(d for d in menu["dishes"] if d.get("modifier_groups") and groups[d["modifier_groups"][0]]["options"])
    type_dish(page, dish["code"])
    group = groups[dish["modifier_groups"][0]]
    chip = page.get_by_test_id(f"chip-{group['options'][-1]['id']}")
    for _ in range(30):
        if chip.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    was = chip.get_attribute("aria-pressed")
    page.keyboard.press("Space")
    if was == "false":
        expect(chip).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()


def test_an_order_by_touch_takes_two_taps_with_exact_cash(page: Page, node_url: str, cashier_pin: str) -> None:
    browser = page.context.browser
    assert browser is not None
    context: BrowserContext = browser.new_context(
        has_touch=True, viewport={"width": 1280, "height": 800}, locale="zh-CN"
    )
    try:
        touch = context.new_page()
        touch.goto(f"{node_url}/till/")
        for digit in cashier_pin:
            touch.get_by_test_id(f"pin-{digit}").tap()
        touch.get_by_test_id("sign-in-enter").tap()
        expect(touch.get_by_test_id("lines")).to_be_visible()
        dish = plain_dishes(touch, node_url)[0]
        touch.get_by_test_id(f"tile-{dish['id']}").tap()
        touch.get_by_test_id("exact-cash").tap()
        expect(touch.get_by_test_id("saved")).to_be_visible()

        touch.get_by_test_id(f"tile-{dish['id']}").tap()
        touch.get_by_test_id("line-more").tap()
        expect(touch.get_by_test_id("line-qty")).to_have_text("2")
        touch.get_by_test_id("pay").tap()
        touch.get_by_test_id("pad-exact").tap()
        touch.get_by_test_id("pad-add-1000").tap()
        touch.get_by_test_id("finish").tap()
        expect(touch.get_by_test_id("change-due")).to_have_text("10.00")
    finally:
        context.close()


def test_both_languages_name_the_same_dish_in_the_same_place(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    tile = page.get_by_test_id(f"tile-{dish['id']}")
    expect(tile).to_contain_text(dish["name"]["zh"])
    place = place_of(tile)
    tile.click()
    use_language(page, "en")
    expect(tile).to_contain_text(dish["name"]["en"])
    expect(page.get_by_test_id("lines")).to_contain_text(dish["name"]["en"])
    assert place_of(tile) == place
    reload(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_test_id("lines")).to_contain_text(dish["name"]["en"])
    page.get_by_test_id("clear").click()
    use_language(page, "zh-CN")


def test_a_reload_with_the_node_down_keeps_the_page_and_the_cart_and_finishes_when_it_is_back(
    page: Page, node_url: str, cashier_pin: str, node: Node
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    before = sales_so_far(page, node_url)
    one, two = plain_dishes(page, node_url)[:2]
    page.evaluate(SHELL_IS_KEPT)
    page.get_by_test_id(f"tile-{one['id']}").click()
    expect(page.get_by_test_id("total")).to_contain_text(money(one["price_fen"]))
    node.stop()
    try:
        expect(page.get_by_test_id("state-node")).to_be_visible(timeout=AWAY_MS)
        expect(page.get_by_test_id("exact-cash")).to_be_disabled()
        place = place_of(page.get_by_test_id(f"tile-{one['id']}"))
        reload(page)
        expect(page.get_by_test_id(f"line-{one['id']}")).to_be_visible()
        page.get_by_test_id(f"tile-{two['id']}").click()
        expect(page.get_by_test_id("total")).to_contain_text(money(one["price_fen"] + two["price_fen"]))
        expect(page.get_by_test_id("state-node")).to_be_visible(timeout=AWAY_MS)
        assert place_of(page.get_by_test_id(f"tile-{one['id']}")) == place
        page.keyboard.press("F9")
        expect(page.get_by_test_id("saved")).to_be_hidden()
    finally:
        node.start()
    expect(page.get_by_test_id("state-hub")).to_be_visible(timeout=BACK_MS)
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert sales_so_far(page, node_url) == before + 1


def test_a_double_click_on_finish_makes_one_sale(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    before = sales_so_far(page, node_url)
    dish = plain_dishes(page, node_url)[0]
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("pay").click()
    page.get_by_test_id("pad-exact").click()
    page.get_by_test_id("finish").dblclick()
    expect(page.get_by_test_id("saved")).to_be_visible()
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("exact-cash").dblclick()
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert sales_so_far(page, node_url) == before + 2


def test_a_lost_answer_is_asked_for_again_under_the_same_sale_id(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    before = sales_so_far(page, node_url)
    seen = lost_answers(page, how_many=2)
    page.get_by_test_id(f"tile-{plain_dishes(page, node_url)[0]['id']}").click()
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", seen[0])
    assert sales_so_far(page, node_url) == before + 1


def test_a_reload_with_a_pending_sale_goes_on_with_the_same_sale_id(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin)
    before = sales_so_far(page, node_url)
    seen = lost_answers(page, how_many=1_000)
    dishes = plain_dishes(page, node_url)
    page.get_by_test_id(f"tile-{dishes[0]['id']}").click()
    with page.expect_request("**/api/v1/sales"):
        page.get_by_test_id("exact-cash").click()
    # The next order can be rung up, but not paid, while that one waits.
    page.get_by_test_id(f"tile-{dishes[1]['id']}").click()
    expect(page.get_by_test_id("exact-cash")).to_be_disabled()
    expect(page.get_by_test_id("saved")).to_be_hidden()
    page.unroute_all(behavior="wait")
    resumed: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/api/v1/sales"):
            resumed.append((request.post_data_json or {})["sale_id"])

    page.on("request", note)
    reload(page)
    expect(page.get_by_test_id(f"line-{dishes[1]['id']}")).to_be_visible()
    expect(page.get_by_test_id("exact-cash")).to_be_enabled()
    assert set(seen) | set(resumed) == {seen[0]}
    assert sales_so_far(page, node_url) == before + 1
    page.get_by_test_id("clear").click()
    expect(page.get_by_test_id("saved")).to_be_visible()


def test_a_changed_price_shows_the_old_and_the_new_total_and_one_key_goes_on(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin)
    before = sales_so_far(page, node_url)
    dish = plain_dishes(page, node_url)[0]
    answered: list[str] = []

    def refuse_once(route: Route) -> None:
        if answered:
            route.continue_()
            return
        answered.append("price_changed")
        details = {"due_fen": dish["price_fen"] + 100}
        route.fulfill(status=409, json={"status": 409, "code": "price_changed", "message": "", "details": details})

    page.route("**/api/v1/sales", refuse_once)
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("price-old")).to_contain_text(money(dish["price_fen"]))
    expect(page.get_by_test_id("price-new")).to_contain_text(money(dish["price_fen"] + 100))
    expect(page.get_by_test_id("saved")).to_be_hidden()
    page.get_by_test_id("price-go").click()
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert sales_so_far(page, node_url) == before + 1


def test_a_refused_sale_comes_back_to_the_slip_with_the_reason(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    before = sales_so_far(page, node_url)
    dish = plain_dishes(page, node_url)[0]

    def refuse(route: Route) -> None:
        route.fulfill(
            status=422, json={"status": 422, "code": "amount_too_large", "message": "too much", "details": {}}
        )

    page.route("**/api/v1/sales", refuse)
    tile = page.get_by_test_id(f"tile-{dish['id']}")
    place = place_of(tile)
    tile.click()
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("notice")).to_be_visible()
    expect(page.get_by_test_id("notice")).to_contain_text("AMOUNT-TOO-LARGE")
    expect(page.get_by_test_id(f"line-{dish['id']}")).to_be_visible()
    assert place_of(tile) == place
    page.unroute("**/api/v1/sales")
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("saved")).to_be_visible()
    assert sales_so_far(page, node_url) == before + 1


def test_too_little_cash_cannot_be_finished(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("pay").click()
    expect(page.get_by_test_id("finish")).to_be_disabled()
    page.keyboard.type("0.01")
    expect(page.get_by_test_id("missing")).to_have_text(money(dish["price_fen"] - 1))
    expect(page.get_by_test_id("finish")).to_be_disabled()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-page")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_test_id("clear").click()


def test_a_wrong_pin_is_said_in_place_and_the_pad_does_not_move(page: Page, node_url: str, cashier_pin: str) -> None:
    page.goto(f"{node_url}/till/")
    key = page.get_by_test_id("pin-5")
    place = place_of(key)
    wrong = "".join(str((int(digit) + 1) % 10) for digit in cashier_pin)
    page.keyboard.type(wrong)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("sign-in-error")).not_to_be_empty()
    assert place_of(key) == place
    assert [button.inner_text() for button in page.locator(".pin-keys button").all()][:3] == ["7", "8", "9"]
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lines")).to_be_visible()


def till_of(page: Page, node_url: str) -> str:
    return str(fetch(page, node_url, "/status")["till"])


@pytest.mark.parametrize("pin_first", [False, True])
def test_a_till_chosen_with_the_mouse_takes_the_pin_and_enter(
    page: Page, node_url: str, cashier_pin: str, pin_first: bool
) -> None:
    page.goto(f"{node_url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    if pin_first:
        page.keyboard.type(cashier_pin)
    page.get_by_test_id("till-2").click()
    if not pin_first:
        page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lines")).to_be_visible()
    assert till_of(page, node_url) == "2"


def test_a_till_chosen_by_keyboard_takes_the_pin_and_enter(page: Page, node_url: str, cashier_pin: str) -> None:
    page.goto(f"{node_url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    # With a PIN typed, Enter on a till that is not chosen yet chooses it; it never signs in at the other one.
    page.keyboard.type(cashier_pin)
    page.get_by_test_id("till-2").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("till-2")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    expect(page.get_by_test_id("till-2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lines")).to_be_visible()
    assert till_of(page, node_url) == "2"


def test_digits_do_not_gather_while_the_till_is_locked_and_the_pad_says_until_when(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    page.clock.install()
    page.route(
        "**/api/v1/session",
        lambda route: route.fulfill(
            status=429, json={"status": 429, "code": "pin_locked", "message": "", "details": {"retry_after_s": 30}}
        ),
    )
    page.goto(f"{node_url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type("0000")
    expect(page.get_by_test_id("pin-dots")).to_have_text("●●●●")
    page.keyboard.press("Enter")
    said = page.get_by_test_id("sign-in-error")
    expect(said).to_have_text(re.compile(r"\d\d:\d\d:\d\d 后再试，还有 \d+ 秒"))
    page.keyboard.type("123")
    expect(page.get_by_test_id("pin-dots")).to_have_text("")
    expect(page.get_by_test_id("pin-5")).to_be_disabled()
    expect(said).not_to_be_empty()
    # The node locks one till only.
    page.get_by_test_id("till-2").click()
    expect(said).to_be_empty()
    expect(page.get_by_test_id("pin-5")).to_be_enabled()
    page.get_by_test_id("till-1").click()
    expect(said).not_to_be_empty()
    page.clock.fast_forward(31_000)
    expect(said).to_be_empty()
    page.unroute("**/api/v1/session")
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lines")).to_be_visible()


def with_printer(page: Page, node_url: str, **printer: Any) -> None:
    """Let the node say something else about its printer from the next load on."""
    with_status(page, node_url, "printer", printer)


def with_status(page: Page, node_url: str, part: str, said: dict[str, Any]) -> None:
    """Let the node say something else about a part of it from the next load on."""
    answer = fetch(page, node_url, "/status")
    answer[part] |= said
    page.route("**/api/v1/events", lambda route: route.abort())
    page.route("**/api/v1/status", lambda route: route.fulfill(json=answer))
    reload(page)


@pytest.mark.parametrize(
    ("said", "state", "zh", "en"),
    [
        ({"training": True, "recovery": "replacing"}, "recovery", "正在恢复", "zhanggui-edge enrol --replace"),
        ({"training": True, "recovery": "restored"}, "recovery", "恢复未完", "zhanggui-edge enrol --replace"),
        ({"training": True}, "training", "练习", "can be tried"),
        ({"fenced": True}, "fenced", "已被替换", "Take payment on the new computer"),
        ({"revoked": True}, "revoked", "已被吊销", "ask head office for a new activation code"),
    ],
    ids=["being brought back", "restored", "training", "replaced", "revoked"],
)
def test_a_node_that_takes_no_money_is_named_and_its_sheet_says_what_to_do(
    page: Page, node_url: str, cashier_pin: str, said: dict[str, Any], state: str, zh: str, en: str
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    with_status(page, node_url, "node", said)
    expect(page.get_by_test_id(f"state-{state}")).to_have_text(zh)
    for other in {"recovery", "training", "fenced", "revoked"} - {state}:
        expect(page.get_by_test_id(f"state-{other}")).to_have_count(0)
    page.get_by_test_id(f"state-{state}").click()
    sheet = page.get_by_test_id(f"sheet-{state}")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    use_language(page, "en")
    page.get_by_test_id(f"state-{state}").click()
    expect(sheet).to_contain_text(en)


@pytest.mark.parametrize("state", ["disconnected", "on_fire"])
def test_a_printer_state_that_nobody_taught_the_page_is_a_fault_in_words(
    page: Page, node_url: str, cashier_pin: str, state: str
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    with_printer(page, node_url, state=state, waiting=0, parked=0)
    printer = page.get_by_test_id("state-printer")
    expect(printer).to_have_attribute("data-shape", "fault")
    expect(printer).to_have_text("打印机没有应答")
    expect(page.get_by_test_id("notice")).to_contain_text("PRN-NOT-ANSWERING")
    printer.click()
    sheet = page.get_by_test_id("sheet-printer")
    expect(sheet).to_contain_text("打印机没有应答")
    expect(sheet).not_to_contain_text(state)


@pytest.mark.parametrize(
    ("waiting", "parked", "zh", "en"),
    [
        (0, 0, "收款照常，小票会排队。", "Sales go on, slips will wait."),
        (1, 2, "1 张恢复后自动打印。 另有 2 张要人处理。", "1 slip prints once it is well. 2 need you."),
        (3, 1, "3 张恢复后自动打印。 另有 1 张要人处理。", "3 slips print once it is well. 1 needs you."),
        (0, 2, "收款照常，小票会排队。 另有 2 张要人处理。", "Sales go on, slips will wait. 2 need you."),
    ],
)
def test_the_notice_counts_what_prints_by_itself_apart_from_what_needs_a_person(
    page: Page, node_url: str, cashier_pin: str, waiting: int, parked: int, zh: str, en: str
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    with_printer(page, node_url, state="paper_out", waiting=waiting, parked=parked)
    sentence = page.locator("#notice p span")
    for language, text in (("zh-CN", zh), ("en", en)):
        use_language(page, language)
        expect(sentence).to_have_text(text)
        assert sentence.evaluate("node => node.scrollWidth <= node.clientWidth"), f"cut off in {language}"


def test_one_parked_slip_is_one_slip(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin, "en")
    with_printer(page, node_url, state="ready", waiting=0, parked=1)
    expect(page.get_by_test_id("state-printer")).to_have_text("1 slip parked")


def test_signing_out_ends_the_session_and_keeps_the_cart(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("who").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"line-{dish['id']}")).to_be_visible()
    page.get_by_test_id("clear").click()


def check_floor(locator: Locator, width_px: int, height_px: int) -> None:
    expect(locator.first).to_be_visible()
    # All in one go: a page that draws itself anew in between would have other keys.
    small = locator.evaluate_all(
        """(nodes, [width, height]) => nodes
          .filter((node) => node.getClientRects().length > 0)
          .map((node) => [node.outerHTML.slice(0, 120), node.getBoundingClientRect()])
          .filter(([, box]) => box.width < width || box.height < height)
          .map(([said, box]) => [said, box.width, box.height])""",
        [width_px, height_px],
    )
    assert small == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_everything_that_can_be_pressed_is_large_enough(
    page: Page, node_url: str, cashier_pin: str, language: str
) -> None:
    page.goto(f"{node_url}/till/")
    expect(page.get_by_test_id("sign-in-enter")).to_be_visible()
    check_floor(page.locator(".pin-keys button"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    sign_in(page, node_url, cashier_pin, language)
    dish = next(d for d in plain_dishes(page, node_url) if d.get("modifier_groups"))
    type_dish(page, dish["code"])
    check_floor(page.locator("button:visible"), TOUCH_FLOOR_PX, TOUCH_FLOOR_PX)
    check_floor(page.locator(".tile"), 120, 88)
    check_floor(page.locator("#function-bar button, #line-keys button"), SECONDARY_FLOOR_PX, SECONDARY_FLOOR_PX)
    check_floor(page.locator(".chip"), KEY_FLOOR_PX, 72)
    check_floor(page.get_by_test_id("pay"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    check_floor(page.get_by_test_id("exact-cash"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    page.get_by_test_id("pay").click()
    check_floor(page.locator(".numpad button, .notes button"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    check_floor(page.get_by_test_id("finish"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    check_floor(page.locator("button:visible"), TOUCH_FLOOR_PX, TOUCH_FLOOR_PX)
    assert page.get_by_test_id("total").evaluate("node => getComputedStyle(node).fontSize") == "56px"
    page.get_by_test_id("pad-exact").click()
    assert page.get_by_test_id("pay-change").evaluate("node => getComputedStyle(node).fontSize") == "72px"
    page.keyboard.press("Escape")
    page.get_by_test_id("clear").click()


def test_the_focus_ring_is_three_pixels_of_accent(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    for _ in range(6):
        page.keyboard.press("Tab")
    ring = page.evaluate(
        "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; }"
    )
    assert ring == ["solid", "3px"]


def test_the_page_asks_nobody_but_the_node(page: Page, node_url: str, cashier_pin: str, complaints: list[str]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, node_url, cashier_pin)
    page.get_by_test_id("theme").click()
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.get_by_test_id("theme").click()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((f"{node_url}/", "data:"))] == []


def test_each_state_is_a_button_that_opens_a_sheet_over_the_work_area_only(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin)
    slip = place_of(page.get_by_test_id("total"))
    slip_left = page.locator("#slip").evaluate("node => node.getBoundingClientRect().left")
    for name in ("hub", "printer"):
        page.get_by_test_id(f"state-{name}").click()
        sheet = page.get_by_test_id(f"sheet-{name}")
        expect(sheet).to_be_visible()
        # The sheet is drawn anew whenever the status changes: measure it in one go, inside the page.
        right = page.locator(f"[data-testid=sheet-{name}]").evaluate("node => node.getBoundingClientRect().right")
        assert right <= slip_left
        assert place_of(page.get_by_test_id("total")) == slip
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()


# What sticks out of the page, what is cut off in its own key, and which keys lie over each other.
LAID_OUT_WRONGLY = """() => {
  const wrong = [];
  const name = (node) => node.dataset.testid || node.id || node.textContent.slice(0, 20);
  const wide = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth, document.getElementById("work").scrollWidth);
  if (wide > innerWidth) wrong.push("the page scrolls sideways: " + wide);
  const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
  const cut = (node) => {
    for (let up = node.parentElement; up && up !== document.body; up = up.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  const keys = [...document.querySelectorAll("button")].filter(seen);
  const figures = [...document.querySelectorAll("[data-steps]")].filter(seen);
  for (const node of [...keys, ...figures]) {
    const box = node.getBoundingClientRect();
    if (!cut(node) && (box.left < -0.5 || box.right > innerWidth + 0.5)) wrong.push("out of the page: " + name(node));
    if (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX === "visible") wrong.push("does not fit: " + name(node));
  }
  for (const bar of ["function-bar", "slip-keys", "line-keys"]) {
    const row = keys.filter((key) => key.closest("#" + bar)).map((key) => [name(key), key.getBoundingClientRect()]);
    for (const [at, [one, box]] of row.entries())
      for (const [other, beside] of row.slice(at + 1))
        if (box.right > beside.left + 0.5 && beside.right > box.left + 0.5 && box.bottom > beside.top + 0.5 && beside.bottom > box.top + 0.5)
          wrong.push(one + " lies over " + other);
  }
  return wrong;
}"""
SIZES = [(390, 844), (800, 600), (1024, 768), (1280, 800)]


# Figures are fitted to their places right before a frame is drawn.
NEXT_FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def check_layout(page: Page, where: str) -> None:
    page.evaluate(NEXT_FRAME)
    assert page.evaluate(LAID_OUT_WRONGLY) == [], where


def test_the_check_of_the_layout_finds_what_sticks_out_and_what_is_cut_off(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin)
    check_layout(page, "before")
    # Hanzi would break into two rows and fit.
    narrow = (
        "node => Object.assign(node.style, { width: '20px', minWidth: '0', whiteSpace: 'nowrap', display: 'block' })"
    )
    page.get_by_test_id("undo").evaluate(narrow)
    page.get_by_test_id("slip-bar").evaluate("node => { node.style.display = 'block'; node.style.width = '2000px'; }")
    found = " ".join(page.evaluate(LAID_OUT_WRONGLY))
    assert "does not fit: undo" in found
    assert "out of the page: slip-bar" in found


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_fits_its_screen(
    page: Page, node_url: str, cashier_pin: str, width: int, height: int, language: str
) -> None:
    parked = {
        "id": "1", "kind": "receipt", "sale_id": "0", "receipt_no": "1-1-000120", "state": "unknown",
        "reason": "disconnected", "copy": 1, "created_ms": 1_795_000_000_000, "asks": False, "printer": "counter",
        "others": [{"id": "wok", "name": "热菜厨打"}],
    }  # fmt: skip
    printers = [{"id": "counter", "name": "前台小票机"}, {"id": "wok", "name": "热菜厨打"}]
    answer = {"jobs": [parked], "printers": printers}
    page.route("**/api/v1/print-jobs?open=1", lambda route: route.fulfill(json=answer))
    sign_in(page, node_url, cashier_pin, language)
    dish = next(d for d in plain_dishes(page, node_url) if d.get("modifier_groups"))
    type_dish(page, f"3*{dish['code']}")
    page.set_viewport_size({"width": width, "height": height})
    with_printer(page, node_url, state="not_answering", waiting=2, parked=2)
    expect(page.get_by_test_id("notice")).to_be_visible()
    expect(page.get_by_test_id(f"line-{dish['id']}")).to_be_attached()
    check_layout(page, "order")
    sentence = page.locator("#notice p span")
    assert sentence.evaluate(
        "node => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight + 2"
    )
    if width < 900:
        page.get_by_test_id("slip-bar").click()
        expect(page.get_by_test_id("total")).to_be_visible()
        check_layout(page, "slip")
        page.get_by_test_id("slip-close").click()

    page.get_by_test_id("state-printer").click()
    facts = place_of(page.locator("[data-testid=slip-1] p"))
    key = place_of(page.get_by_test_id("retry-1"))
    assert facts["x"] + facts["width"] <= key["x"] or facts["y"] + facts["height"] <= key["y"]
    assert page.locator("[data-testid=slip-1] p b").evaluate("node => node.getClientRects().length") == 1
    check_layout(page, "printer sheet")
    page.keyboard.press("Escape")

    page.keyboard.press("F12")
    for typed in ("500", "9999999.99"):
        page.keyboard.press("Delete")
        page.keyboard.type(typed)
        check_layout(page, f"payment of {typed}")
    last_key, finish = place_of(page.get_by_test_id("pad-0")), place_of(page.get_by_test_id("finish"))
    assert last_key["y"] + last_key["height"] <= finish["y"] or last_key["x"] + last_key["width"] <= finish["x"]
    check_floor(page.locator(".numpad button, .notes button"), KEY_FLOOR_PX, KEY_FLOOR_PX)
    check_floor(page.locator("button:visible"), TOUCH_FLOOR_PX, TOUCH_FLOOR_PX)
    page.keyboard.press("F12")
    if width < 900:
        expect(page.get_by_test_id("slip-bar")).to_contain_text("9,999")
        page.get_by_test_id("slip-bar").click()
    expect(page.get_by_test_id("saved")).to_be_visible()
    check_layout(page, "saved")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_sign_in_page_fits_its_screen_with_the_main_key_in_sight(
    page: Page, node_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{node_url}/till/")
    enter = place_of(page.get_by_test_id("sign-in-enter"))
    assert enter["y"] + enter["height"] <= height
    check_layout(page, "sign-in")
    check_floor(page.locator(".pin-keys button"), KEY_FLOOR_PX, KEY_FLOOR_PX)


def test_more_cash_than_the_till_takes_is_refused_in_words_and_what_stood_there_stays(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin, "en")
    type_dish(page, plain_dishes(page, node_url)[0]["code"])
    page.keyboard.press("F12")
    page.keyboard.type("999999999")
    expect(page.get_by_test_id("received")).to_have_text("9,999,999.00")
    expect(page.get_by_test_id("pay-check")).to_have_text("At most 9,999,999.99 can be received")
    page.get_by_test_id("pad-add-10000").click()
    expect(page.get_by_test_id("received")).to_have_text("9,999,999.00")
    page.get_by_test_id("pad-exact").click()
    expect(page.get_by_test_id("pay-check")).to_be_hidden()
    page.keyboard.press("Escape")
    page.get_by_test_id("clear").click()


def test_cash_far_above_the_due_amount_is_pointed_out_beside_the_change_and_still_goes_through(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    far_yuan = dish["price_fen"] * 100 // 100
    type_dish(page, dish["code"])
    page.keyboard.press("F12")
    page.keyboard.type(str(far_yuan))
    check = page.get_by_test_id("pay-check")
    expect(page.get_by_test_id("pay-change")).to_have_text(money(far_yuan * 100 - dish["price_fen"]))
    expect(check).to_be_hidden()
    page.keyboard.press("Delete")
    page.keyboard.type(str(far_yuan + 1))
    over = money((far_yuan + 1) * 100 - dish["price_fen"])
    expect(check).to_have_text(f"比应收多 {over}，核对一下")
    page.keyboard.press("Escape")

    # Of a larger order, ten thousand more than due is far enough.
    type_dish(page, f"300*{dish['code']}")
    due_fen = 301 * dish["price_fen"]
    page.keyboard.press("F12")
    page.keyboard.type(money(due_fen + 1_000_000).replace(",", ""))
    expect(page.get_by_test_id("pay-change")).to_have_text("10,000.00")
    expect(check).to_be_hidden()
    page.keyboard.press("Delete")
    page.keyboard.type(money(due_fen + 1_000_001).replace(",", ""))
    expect(check).to_have_text("比应收多 10,000.01，核对一下")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("saved")).to_be_visible()
    expect(page.get_by_test_id("change-due")).to_have_text("10,000.01")


def test_more_than_a_line_takes_is_said_in_a_toast(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin, "en")
    dish = plain_dishes(page, node_url)[0]
    toast = page.get_by_test_id("toast")
    type_dish(page, f"998*{dish['code']}")
    type_dish(page, dish["code"])
    expect(page.get_by_test_id("line-qty")).to_have_text("999")
    expect(toast).to_be_hidden()
    type_dish(page, dish["code"])
    expect(toast).to_contain_text("At most 999 in one line")
    expect(page.get_by_test_id("line-qty")).to_have_text("999")
    # The press that changed nothing is no step to take back.
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("line-qty")).to_have_text("998")
    page.get_by_test_id("line-more").click()
    expect(page.get_by_test_id("line-qty")).to_have_text("999")
    page.get_by_test_id("line-more").click()
    expect(toast).to_contain_text("At most 999 in one line")
    page.keyboard.type("1000*")
    expect(page.get_by_test_id("armed")).to_be_hidden()
    expect(page.get_by_test_id("search")).to_have_value("")
    page.get_by_test_id("clear").click()


def test_a_toast_is_seen_where_the_slip_is_a_page_of_its_own(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin, "en")
    page.set_viewport_size({"width": 390, "height": 844})
    type_dish(page, f"999*{plain_dishes(page, node_url)[0]['code']}")
    page.get_by_test_id(f"tile-{plain_dishes(page, node_url)[0]['id']}").click()
    expect(page.get_by_test_id("toast")).to_be_visible()
    check_layout(page, "toast")
