"""Dishes sold by weight at the till: typed by hand, taken from a scale, by keyboard and by touch, in both languages."""

import random
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sync.contract import weights
from tests.browser.test_till_page import fetch, money, plain_dishes, sign_in

# The part of the page that asks the node for the weight hears nothing, so that a test can be the scale.
INSTEAD_OF_THE_NODE = """
  window.wanted = [];
  window.addEventListener("zg-weight-wanted", (event) => {
    window.wanted.push(event.detail.wanted);
    event.stopImmediatePropagation();
  });
"""
SAY = "detail => window.dispatchEvent(new CustomEvent('zg-weight', { detail }))"


def dish_by_weight(page: Page, node_url: str, per_g: int = 500) -> dict[str, Any]:
    dish: dict[str, Any] = next(one for one in fetch(page, node_url, "/menu")["dishes"] if one.get("per_g") == per_g)
    return dish


def say(page: Page, state: str, weight_g: int = 0, reason: str = "") -> None:
    """What the part of the page that listens to the scale would say."""
    page.evaluate(SAY, {"state": state, "weight_g": weight_g, "reason": reason})


def last_sale(page: Page, node_url: str) -> dict[str, Any]:
    sales = fetch(page, node_url, "/sales?limit=500")["sales"]
    number = page.get_by_test_id("receipt-no").inner_text()
    sale: dict[str, Any] = next(one for one in sales if one["receipt_no"] == number)
    return sale


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_dish_by_weight_is_typed_by_hand_and_paid(page: Page, node_url: str, cashier_pin: str, language: str) -> None:
    sign_in(page, node_url, cashier_pin, language)
    dish = dish_by_weight(page, node_url)
    due_fen = weights.weighed_fen(dish["price_fen"], 486, 500)

    page.keyboard.type(dish["code"])
    page.keyboard.press("Enter")
    pad = page.get_by_test_id("sheet-weigh")
    expect(pad).to_contain_text(dish["name"]["zh" if language == "zh-CN" else "en"])
    expect(pad).to_contain_text(f"{money(dish['price_fen'])}/500g")
    expect(page.get_by_test_id("weigh-use")).to_be_hidden()
    expect(page.get_by_test_id("weigh-add")).to_be_disabled()
    page.keyboard.press("Enter")
    page.keyboard.type("0.486")
    expect(page.get_by_test_id("weigh-unit-kg")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("weigh-amount")).to_have_text(money(due_fen))
    page.keyboard.press("F9")
    page.keyboard.press("F12")
    expect(pad).to_be_visible()
    page.keyboard.press("Enter")
    expect(pad).to_be_hidden()
    line = page.get_by_test_id(f"line-{dish['id']}")
    expect(line).to_contain_text(f"0.486kg × {money(dish['price_fen'])}/500g")
    expect(line).to_contain_text(money(due_fen))
    expect(page.get_by_test_id("total")).to_contain_text(money(due_fen))
    expect(page.get_by_test_id("line-qty")).to_have_text("0.486kg")

    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    sold = last_sale(page, node_url)["lines"][0]
    assert (sold["weight_g"], sold["per_g"], sold["qty"], sold["amount_fen"]) == (486, 500, 1, due_fen)


def test_a_weight_is_tapped_in_grams_and_bounds_are_said_and_the_pad_is_left_with_escape(
    page: Page, node_url: str, cashier_pin: str
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = dish_by_weight(page, node_url, 1_000)
    page.get_by_test_id("search").fill(dish["code"])
    page.get_by_test_id(f"tile-{dish['id']}").click()
    for key in ("3", "0", "00", "0"):
        page.get_by_test_id(f"weigh-{key}").click()
    expect(page.get_by_test_id("weigh-typed")).to_have_text("30000g")
    page.get_by_test_id("weigh-clear").click()
    page.keyboard.type("30001")
    expect(page.get_by_test_id("weigh-typed")).to_have_text("3000g")
    expect(page.get_by_test_id("weigh-check")).not_to_be_empty()
    page.get_by_test_id("weigh-delete").click()
    page.get_by_test_id("weigh-unit-kg").click()
    expect(page.get_by_test_id("weigh-typed")).to_have_text("—")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("sheet-weigh")).to_be_hidden()
    expect(page.get_by_test_id("clear")).to_be_disabled()

    page.get_by_test_id("search").fill(dish["code"])
    page.get_by_test_id(f"tile-{dish['id']}").click()
    page.get_by_test_id("weigh-5").click()
    page.get_by_test_id("weigh-00").click()
    # Enter means the main key, also after a key of the pad was pressed with the mouse.
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("line-qty")).to_have_text("0.500kg")
    page.get_by_test_id("line-more").click()
    expect(page.get_by_test_id("weigh-typed")).to_have_text("—")
    page.keyboard.type("750")
    page.get_by_test_id("weigh-add").click()
    expect(page.get_by_test_id("line-qty")).to_have_text("0.750kg")
    expect(page.get_by_test_id("total")).to_contain_text(money(weights.weighed_fen(dish["price_fen"], 750, 1_000)))
    page.get_by_test_id("clear").click()


def test_the_weight_of_a_scale_is_taken_only_while_it_stands_still(page: Page, node_url: str, cashier_pin: str) -> None:
    page.add_init_script(INSTEAD_OF_THE_NODE)
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = dish_by_weight(page, node_url)
    page.get_by_test_id("search").fill(dish["code"])
    page.get_by_test_id(f"tile-{dish['id']}").click()
    use, state = page.get_by_test_id("weigh-use"), page.get_by_test_id("weigh-state")
    assert page.evaluate("window.wanted") == [True]

    say(page, "stable", 486)
    expect(use).to_be_enabled()
    for said in (
        {"state": "unstable", "weight_g": 486},
        {"state": "stable", "weight_g": 0},
        {"state": "stable", "weight_g": 30_001},
        {"state": "trouble", "reason": "overload"},
        {"state": "trouble", "reason": "a reason of tomorrow"},
    ):
        say(page, **said)
        expect(use).to_be_disabled()
        expect(state).not_to_be_empty()
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("sheet-weigh")).to_be_visible()
        say(page, "stable", 486)
        expect(use).to_be_enabled()
    say(page, "none")
    expect(use).to_be_hidden()
    say(page, "nonsense", 486)
    expect(use).to_be_hidden()

    say(page, "stable", 1_204)
    use.click()
    expect(page.get_by_test_id("line-qty")).to_have_text("1.204kg")
    assert page.evaluate("window.wanted") == [True, False]
    page.get_by_test_id("clear").click()


def test_a_weight_that_the_scale_said_a_while_ago_is_no_weight(page: Page, node_url: str, cashier_pin: str) -> None:
    page.add_init_script(INSTEAD_OF_THE_NODE)
    sign_in(page, node_url, cashier_pin, "en")
    dish = dish_by_weight(page, node_url)
    page.clock.install()
    page.get_by_test_id("search").fill(dish["code"])
    page.get_by_test_id(f"tile-{dish['id']}").click()
    say(page, "stable", 486)
    expect(page.get_by_test_id("weigh-use")).to_be_enabled()
    page.clock.run_for(4_000)
    expect(page.get_by_test_id("weigh-use")).to_be_disabled()
    expect(page.get_by_test_id("weigh-state")).to_have_text("The scale is silent. Type the weight.")
    page.keyboard.press("Escape")


def test_a_dish_by_the_piece_still_goes_straight_into_the_order(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    dish = plain_dishes(page, node_url)[0]
    page.get_by_test_id(f"tile-{dish['id']}").click()
    expect(page.get_by_test_id("sheet-weigh")).to_be_hidden()
    expect(page.get_by_test_id("line-qty")).to_have_text("1")
    page.get_by_test_id("clear").click()


def test_the_page_prices_a_weight_as_the_node_does(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)
    dice = random.Random(7)
    cases = [(dice.randint(0, 10_000_000), dice.randint(1, 30_000), dice.choice((500, 1_000))) for _ in range(2_000)]
    base = page.locator("script[type=module]").get_attribute("src")
    assert base is not None
    found = page.evaluate(
        "async ([at, cases]) => { const w = await import(at); return cases.map((one) => w.weighedFen(...one)); }",
        [base.replace("main.js", "weights.js"), cases],
    )
    assert found == [weights.weighed_fen(*one) for one in cases]
