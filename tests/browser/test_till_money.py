"""Money at the till in a real Chromium: any mix of ways, a code that nobody knows of, a shift from float to Z, a refund with another's word."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from sync.node.ports import IdSource, SystemChance, SystemClock
from tests.browser.test_till_devices import scan
from tests.browser.test_till_page import complaints, fetch, money, plain_dishes, sign_in, type_dish

__all__ = ["complaints"]

CASHIER_PIN = "730194"
CASHIER_BADGE = "ZGS-4F6T8V"
MANAGER_BADGE = "ZGS-7H2K9M"
CODE = "134567890123456789"
COUNT_IS_KEPT = """() => new Promise((resolve) => {
  const opening = indexedDB.open("zhanggui-till", 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction("kept").objectStore("kept").get("count:1");
    asked.onsuccess = () => { opening.result.close(); resolve(asked.result?.pieces[10000] === 2); };
  };
})"""


def uuid7() -> str:
    return IdSource(SystemClock(), SystemChance()).uuid7().hex()


def call(page: Page, node_url: str, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = page.request.fetch(f"{node_url}/api/v1{path}", method=method, data=body)
    assert answer.ok, (path, answer.status, answer.text())
    return answer.json()


def lose_first_answer(page: Page, path: str) -> list[Any]:
    """Let the node do what is asked at `path` but drop its first answer; gives what was sent, as it comes."""
    seen: list[Any] = []

    def drop(route: Route) -> None:
        seen.append(route.request.post_data_json)
        if len(seen) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(path, drop)
    return seen


@pytest.fixture
def faults(page: Page, node_url: str) -> Iterator[dict[str, Any]]:
    """Faults of the gateway as the test sets them with `call`; mended afterwards."""
    yield {"guest_confirms": -1}
    page.request.put(f"{node_url}/api/v1/gateway/faults", data={})


@pytest.fixture
def cashier(page: Page, node_url: str, cashier_pin: str) -> str:
    """The PIN of somebody who is no more than a cashier; they and the manager have badges."""
    return somebody_at_the_till(page, node_url, cashier_pin)


def somebody_at_the_till(page: Page, node_url: str, cashier_pin: str) -> str:
    sign_in(page, node_url, cashier_pin)
    body = {"request_id": uuid7(), "name": "小林", "role": "cashier", "locale": "zh-CN", "pin": CASHIER_PIN}
    answer = page.request.post(f"{node_url}/api/v1/people", data=body)
    if answer.ok:
        manager = fetch(page, node_url, "/session")["cashier"]["id"]
        for person, badge in ((manager, MANAGER_BADGE), (body["request_id"], CASHIER_BADGE)):
            call(page, node_url, "POST", f"/people/{person}/badge", {"request_id": uuid7(), "badge": badge})
    else:
        assert answer.json()["code"] == "pin_taken"
    page.get_by_test_id("who").click()
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    return CASHIER_PIN


def test_a_bill_is_paid_in_any_mix_and_a_code_that_nobody_knows_of_is_cancelled(
    page: Page, node_url: str, cashier_pin: str, faults: dict[str, Any], complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    call(page, node_url, "PUT", "/gateway/faults", faults)
    dish = plain_dishes(page, node_url)[0]
    type_dish(page, f"2*{dish['code']}")
    due_fen = 2 * dish["price_fen"]
    page.keyboard.press("F12")
    page.get_by_test_id("tip").click()
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(due_fen + 500))

    page.keyboard.press("1")
    page.keyboard.press("0")
    page.get_by_test_id("way-card").click()
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(due_fen - 500))

    scan(page, CODE)
    expect(page.get_by_test_id("code-says")).to_contain_text("不知道")
    expect(page.get_by_test_id("finish")).to_be_disabled()
    # A reload in the middle forgets nothing: the code is still looked at.
    page.reload()
    expect(page.locator("#tiles .tile").first).to_be_visible()
    page.keyboard.press("F12")
    page.get_by_test_id("part-look").click()
    page.get_by_test_id("code-cancel").click()
    expect(page.get_by_test_id("part-code")).to_have_count(0)
    expect(page.get_by_test_id("pay-due")).to_have_text(money(due_fen - 500))
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("saved")).to_be_visible()

    number = page.get_by_test_id("receipt-no").inner_text()
    found = fetch(page, node_url, f"/sales/find?text={number}")["sales"][0]
    sale = fetch(page, node_url, f"/sales/{found['sale_id']}")
    assert [(one["kind"], one["amount_fen"]) for one in sale["tenders"]] == [("card", 1000), ("cash", due_fen - 500)]
    assert (sale["total_fen"], sale["tip_fen"]) == (due_fen, 500)
    assert fetch(page, node_url, "/payments/open")["unused"] == []


def test_shares_of_a_bill_are_taken_one_after_the_other_and_a_code_finishes_it_by_itself(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[1]
    type_dish(page, dish["code"])
    half_fen = dish["price_fen"] // 2
    page.keyboard.press("F12")
    page.get_by_test_id("way-split").click()
    page.get_by_test_id("split-2").click()
    expect(page.get_by_test_id("pay-due")).to_have_text(money(dish["price_fen"] - half_fen))
    page.get_by_test_id("pad-exact").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-note")).to_contain_text("1/2")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(half_fen))
    scan(page, CODE)
    expect(page.get_by_test_id("saved")).to_be_visible()
    number = page.get_by_test_id("receipt-no").inner_text()
    found = fetch(page, node_url, f"/sales/find?text={number}")["sales"][0]
    sale = fetch(page, node_url, f"/sales/{found['sale_id']}")
    assert sorted((one["kind"], one["amount_fen"]) for one in sale["tenders"]) == [
        ("cash", dish["price_fen"] - half_fen),
        ("code", half_fen),
    ]


def test_a_shift_goes_from_its_float_through_a_blind_count_to_its_z(
    page: Page, node_url: str, cashier_pin: str, cashier: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier)
    page.get_by_test_id("more").click()
    expect(page.get_by_test_id("more-staff")).to_have_count(0)
    page.get_by_test_id("more-shift").click()
    expect(page.get_by_test_id("shift-x")).to_have_count(0)
    asked = lose_first_answer(page, "**/api/v1/shift/open")
    page.get_by_test_id("shift-float-key").click()
    for key in "300":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("shift-float")).to_have_text("300.00")
    # The answer was lost on its way: the same deed went again, and was done once.
    assert len(asked) == 2
    assert asked[0] == asked[1]

    # A cashier takes cash out with another person's word; their own is none, and a wrong PIN says so.
    page.get_by_test_id("shift-pay-out").click()
    page.keyboard.press("9")
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("sheet-approve")).to_contain_text("9.00")
    for pin in (cashier, "902817"):
        page.keyboard.type(pin)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("ask-message")).not_to_be_empty()
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("desk-note")).to_contain_text("9.00")

    page.get_by_test_id("shift-count").click()
    expect(page.get_by_test_id("count-10000")).to_be_visible()
    expect(page.get_by_test_id("desk-side")).to_contain_text("交上后显示")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    # Half counted, then the power goes: whatever is on the browser's disk by then stays.
    page.wait_for_function(COUNT_IS_KEPT)
    page.reload()
    expect(page.locator("#tiles .tile").first).to_be_visible()
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-count").click()
    expect(page.get_by_test_id("count-10000")).to_have_text("2")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("count-said")).to_be_visible()
    page.keyboard.press("F12")
    page.get_by_test_id("chip-reason-3").click()
    page.get_by_test_id("ask-go").click()
    hand_on = page.get_by_test_id("sheet-open-orders").get_by_test_id("ask-go")
    expect(page.get_by_test_id("report-print").or_(hand_on)).to_be_visible()
    if hand_on.is_visible():
        hand_on.click()
    expect(page.get_by_test_id("report-print")).to_be_visible()
    assert fetch(page, node_url, "/shift")["last_z"] >= 1


def test_a_cashier_gives_a_dish_back_with_a_word_and_a_locked_till_keeps_its_cart(
    page: Page, node_url: str, cashier_pin: str, cashier: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier)
    dish = min(plain_dishes(page, node_url), key=lambda one: int(one["price_fen"]))
    type_dish(page, f"2*{dish['code']}")
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    number = page.get_by_test_id("receipt-no").inner_text()
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-refund").click()
    page.get_by_test_id("find-text").fill(number)
    page.get_by_test_id(f"sale-{number}").click()
    page.get_by_test_id("refund-lines").click()
    page.get_by_test_id(f"refund-more-{dish['id']}").click()
    expect(page.get_by_test_id("desk-figure")).to_have_text(money(dish["price_fen"]))
    expect(page.get_by_test_id("refund-go")).to_be_disabled()
    page.get_by_test_id("refund-reason-1").click()
    page.get_by_test_id("refund-go").click()
    expect(page.get_by_test_id("sheet-approve")).to_be_visible()
    # One's own badge is no word of another person.
    for badge in (CASHIER_BADGE, MANAGER_BADGE):
        expect(page.get_by_test_id("sheet-approve")).to_be_visible()
        page.keyboard.type(badge)
        page.keyboard.press("Enter")
        if badge == CASHIER_BADGE:
            expect(page.get_by_test_id("ask-message")).not_to_be_empty()
    expect(page.get_by_test_id("desk-note")).to_contain_text(money(dish["price_fen"]))
    sale_id = fetch(page, node_url, f"/sales/find?text={number}")["sales"][0]["sale_id"]
    refunds = fetch(page, node_url, f"/sales/{sale_id}/refunds")["refunds"]
    assert [(one["amount_fen"], bool(one["approved_by"])) for one in refunds] == [(dish["price_fen"], True)]

    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    type_dish(page, dish["code"])
    page.get_by_test_id("who").click()
    page.get_by_test_id("lock").click()
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    assert page.request.get(f"{node_url}/api/v1/session").json()["locked"] is True
    page.keyboard.type(CASHIER_BADGE)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"line-{dish['id']}")).to_be_visible()


def test_a_basket_that_money_was_taken_for_keeps_its_last_line(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    """Or the next guest's dishes would be paid with the money of the guest before."""
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    type_dish(page, f"2*{dish['code']}")
    page.keyboard.press("F12")
    page.get_by_test_id("way-split").click()
    page.get_by_test_id("split-2").click()
    page.get_by_test_id("pad-likely-1").click()
    # The answer to the first share waits, as on a slow line: nobody leaves the page with it on its way.
    answer: list[Route] = []
    page.route(
        "**/api/v1/payments",
        lambda route: answer.append(route) if route.request.method == "POST" else route.continue_(),
    )
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/payments")):
        page.keyboard.press("F12")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("toast")).to_contain_text("正在收")
    expect(page.get_by_test_id("pay-due")).to_be_visible()
    # Nor is a code taken that is scanned meanwhile: its money would be no share's.
    scan(page, CODE)
    expect(page.get_by_test_id("pay-note")).to_contain_text("正在收")
    expect(page.get_by_test_id("part-code")).to_have_count(0)
    answer[0].continue_()
    page.unroute("**/api/v1/payments")
    expect(page.get_by_test_id("pay-note")).to_contain_text("1/2")
    expect(page.get_by_test_id("pay-due")).to_have_text(money(dish["price_fen"]))
    page.keyboard.press("Escape")
    lines = page.locator("#lines li")
    expect(lines).to_have_count(1)
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("toast")).to_contain_text("已收过钱")
    expect(lines).to_have_count(1)
    # Paid to its end, it is a sale as any other.
    page.keyboard.press("F12")
    page.get_by_test_id("pad-likely-1").click()
    page.keyboard.press("F12")
    expect(page.get_by_test_id("saved")).to_be_visible()
