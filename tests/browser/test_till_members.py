"""Members at the till in a real Chromium: known by number, card or receipt, told of, earning and spending, going back; both languages.

Whoever stands at the counter may read the screen: no number and no name stands there in full.
"""

import random
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import looks
from tests.browser.test_till_devices import scan
from tests.browser.test_till_money import call, cashier, uuid7
from tests.browser.test_till_page import check_layout, complaints, fetch, money, plain_dishes, sign_in, type_dish
from tests.kit.waiting import until

__all__ = ["cashier", "complaints"]

BY_HAND_MS = 45
"""Between two keys: what comes faster is a scanner."""
# Everything that a browser keeps of a page, and the page itself, as one text.
_KEPT = """async () => {
  const kept = [document.documentElement.outerHTML, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise((done) => { const asked = indexedDB.open(name); asked.onsuccess = () => done(asked.result); });
    for (const store of db.objectStoreNames) {
      kept.push(JSON.stringify(await new Promise((done) => { const asked = db.transaction(store).objectStore(store).getAll(); asked.onsuccess = () => done(asked.result); })));
    }
    db.close();
  }
  return kept.join("\\n");
}"""


def new_phone() -> str:
    """A number that nobody has yet."""
    return f"139{random.SystemRandom().randrange(10**8):08d}"


def look(page: Page, where: str) -> None:
    looks.check(page, where)
    check_layout(page, where)


def ask_who(page: Page, phone: str) -> None:
    """F3, eleven digits, one key."""
    page.keyboard.press("F3")
    expect(page.get_by_test_id("sheet-member")).to_be_visible()
    page.keyboard.type(phone, delay=BY_HAND_MS)
    page.keyboard.press("Enter")


def in_the_slip(page: Page, phone: str) -> None:
    """The slip is theirs, and nothing is asked any more."""
    expect(page.get_by_test_id("slip-member")).to_contain_text(phone[-4:])
    expect(page.get_by_test_id("sheet-member")).to_be_hidden()


def join_by_phone(page: Page, phone: str) -> None:
    """The same, and one key more."""
    ask_who(page, phone)
    expect(page.get_by_test_id("ask-message")).to_have_class("ask-message calm")
    page.keyboard.press("Enter")
    in_the_slip(page, phone)


def member_of(page: Page, node_url: str, phone: str) -> dict[str, Any]:
    """What the node shows of whoever has a number."""
    found = call(page, node_url, "POST", "/members/find", {"text": phone})["members"]
    assert len(found) == 1, found
    return dict(fetch(page, node_url, f"/members/{found[0]['member_id']}"))


def pay_exactly(page: Page) -> str:
    """Exact cash; gives the receipt's number."""
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()
    return page.get_by_test_id("receipt-no").inner_text()


def put_aside(page: Page, node_url: str, phone: str, points: int) -> None:
    """Wait until the hub put at least so much aside for this store."""
    until(lambda: member_of(page, node_url, phone)["spendable"] >= points)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_guest_becomes_a_member_by_eleven_digits_and_two_keys_and_is_looked_after(
    page: Page, node_url: str, cashier_pin: str, language: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, language)
    phone = new_phone()
    dish = plain_dishes(page, node_url)[0]
    ask_who(page, phone)
    # Nobody yet: what is said to the guest stands there calmly, and the same key makes them a member.
    expect(page.get_by_test_id("ask-message")).to_have_class("ask-message calm")
    expect(page.get_by_test_id("ask-go")).to_have_text({"en": "Join", "zh-CN": "入会"}[language])
    look(page, "join")
    page.keyboard.press("Enter")
    strip = page.get_by_test_id("slip-member")
    in_the_slip(page, phone)
    type_dish(page, dish["code"])
    expect(page.get_by_test_id("slip-member-gain")).to_contain_text(f"+{dish['price_fen'] // 100}")
    look(page, "strip")

    page.keyboard.press("F3")
    expect(page.get_by_test_id("member-points")).to_have_text("50")
    look(page, "member")
    page.get_by_test_id("member-profile").click()
    page.get_by_test_id("ask-name").fill("王小明")
    page.get_by_test_id("field-birthday").click()
    page.keyboard.type("0230")
    look(page, "profile")
    page.get_by_test_id("ask-go").click()
    # There is no 30 February; what was typed stands there still.
    expect(page.get_by_test_id("ask-message")).not_to_be_empty()
    expect(page.get_by_test_id("ask-name")).to_have_value("王小明")
    page.get_by_test_id("field-birthday").click()
    page.keyboard.type("0229")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("member-habits")).to_contain_text("02-29")

    page.get_by_test_id("member-profile").click()
    page.get_by_test_id("member-taste").click()
    page.get_by_test_id("chip-avoids-1").click()
    page.get_by_test_id("chip-allergies-1").click()
    page.get_by_test_id("chip-allergies-2").click()
    page.get_by_test_id("chip-allergies-2").click()
    # What hurts is sensitive: it is kept only with a word of its own.
    expect(page.get_by_test_id("ask-go")).to_be_disabled()
    look(page, "taste")
    page.get_by_test_id("ask-agrees-yes").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("member-allergy")).to_be_visible()
    expect(strip).to_have_class("allergy")
    look(page, "member with an allergy")
    shown = member_of(page, node_url, phone)
    assert (len(shown["allergies"]), len(shown["avoids"])) == (1, 1)
    assert (shown["name"], shown["phone"]) == ("王**", f"{phone[:3]}****{phone[-4:]}"), (
        "name and number stayed as they were"
    )

    page.get_by_test_id("member-profile").click()
    page.get_by_test_id("member-dates").click()
    page.get_by_test_id("dates-add").click()
    page.get_by_test_id("chip-what-1").click()
    page.get_by_test_id("field-day").click()
    page.keyboard.type("0520")
    look(page, "date")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("date-remove-05-20")).to_be_visible()
    look(page, "dates")
    page.get_by_test_id("dates-back").click()
    expect(page.get_by_test_id("member-habits")).to_contain_text("05-20")

    page.get_by_test_id("member-more").click()
    look(page, "more")
    page.get_by_test_id("member-consents").click()
    for purpose, pressed in (("allergy", "true"), ("profiling", "false"), ("sharing", "false"), ("sms", "false")):
        expect(page.get_by_test_id(f"consent-{purpose}")).to_have_attribute("aria-pressed", pressed)
    look(page, "consents")
    page.get_by_test_id("consent-allergy").click()
    expect(page.get_by_test_id("consent-allergy")).to_have_attribute("aria-pressed", "false")
    page.get_by_test_id("consents-back").click()
    expect(strip).not_to_have_class("allergy")

    page.get_by_test_id("member-more").click()
    page.get_by_test_id("member-sign-in").click()
    expect(page.get_by_test_id("toast")).to_contain_text("5")
    expect(page.get_by_test_id("member-points")).to_have_text("55")
    page.get_by_test_id("member-back").click()
    pay_exactly(page)
    expect(page.get_by_test_id("last-points")).to_contain_text(str(55 + dish["price_fen"] // 100))
    look(page, "saved")

    # Whoever comes again is found by one key; the sheet, the strip, the browser's disk say neither number nor name.
    ask_who(page, phone)
    in_the_slip(page, phone)
    expect(strip).to_contain_text("王**")
    page.keyboard.press("F3")
    expect(page.get_by_test_id("member-lately")).not_to_be_empty()
    kept = page.evaluate(_KEPT)
    assert phone not in kept
    assert "王小明" not in kept
    assert phone[-4:] in kept, "the search finds what is there"


def test_the_receipt_of_a_moment_ago_goes_to_whoever_joins_and_not_to_the_next_guest(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    earned = dish["price_fen"] // 100
    type_dish(page, dish["code"])
    pay_exactly(page)
    expect(page.get_by_test_id("last-points")).to_contain_text(str(earned))
    phone = new_phone()
    ask_who(page, phone)
    expect(page.get_by_test_id("member-receipt")).to_contain_text(str(earned))
    look(page, "join with the receipt")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("toast")).to_contain_text(f"{earned} 分")
    expect(page.get_by_test_id("last-points")).to_contain_text(str(50 + earned))
    assert member_of(page, node_url, phone)["points"] == 50 + earned
    expect(page.get_by_test_id("slip-member")).to_be_hidden()

    # Somebody else's receipt is nobody's who joins behind them.
    type_dish(page, dish["code"])
    pay_exactly(page)
    other = new_phone()
    page.keyboard.press("F3")
    page.get_by_test_id("member-not-theirs").click()
    expect(page.get_by_test_id("member-receipt")).to_be_hidden()
    page.keyboard.type(other, delay=BY_HAND_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ask-message")).to_have_class("ask-message calm")
    page.keyboard.press("Enter")
    in_the_slip(page, other)
    assert member_of(page, node_url, other)["points"] == 50


def test_a_card_joins_by_one_scan_and_one_key_and_is_known_by_one_scan(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    card = f"ZGM-{random.SystemRandom().randrange(10**8):08d}"
    # The key of cards is the hub's and comes by itself.
    find = {"text": card}
    until(lambda: call(page, node_url, "POST", "/members/find", find)["asked"] == "nobody")
    scan(page, card)
    expect(page.get_by_test_id("ask-message")).to_have_class("ask-message calm")
    look(page, "a card that is nobody's")
    page.keyboard.press("Enter")
    strip = page.get_by_test_id("slip-member")
    expect(strip).to_be_visible()
    dish = plain_dishes(page, node_url)[0]
    type_dish(page, dish["code"])
    pay_exactly(page)
    expect(strip).to_be_hidden()
    scan(page, card)
    expect(strip).to_contain_text(str(50 + dish["price_fen"] // 100))
    expect(page.get_by_test_id("sheet-member")).to_be_hidden()

    # Another card of theirs, bound at the counter.
    other = f"ZGM-{random.SystemRandom().randrange(10**8):08d}"
    page.keyboard.press("F3")
    page.get_by_test_id("member-more").click()
    page.get_by_test_id("member-card").click()
    look(page, "bind a card")
    scan(page, other)
    expect(page.get_by_test_id("sheet-member-known")).to_be_visible()
    page.get_by_test_id("member-another").click()
    expect(strip).to_be_hidden()
    page.keyboard.press("Escape")
    scan(page, other)
    expect(strip).to_contain_text(str(50 + dish["price_fen"] // 100))


def test_a_receipt_joins_by_one_scan_and_one_key_and_gives_its_points_once(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    earned = dish["price_fen"] // 100
    type_dish(page, dish["code"])
    number = pay_exactly(page)
    sale_id = fetch(page, node_url, f"/sales/find?text={number}")["sales"][0]["sale_id"]
    invite = fetch(page, node_url, f"/sales/{sale_id}")["invite"]["url"]
    scan(page, invite)
    expect(page.get_by_test_id("invite-join")).to_be_focused()
    look(page, "a receipt that counts")
    page.keyboard.press("Enter")
    strip = page.get_by_test_id("slip-member")
    expect(strip).to_contain_text(f"{50 + earned} 分")
    # With a member in the slip a receipt gives them its points; this one was theirs already.
    scan(page, invite)
    page.get_by_test_id("invite-claim").click()
    expect(page.get_by_test_id("toast")).to_be_visible()
    expect(strip).to_contain_text(f"{50 + earned} 分")


def test_points_pay_and_come_back_with_the_refund_which_says_so_before(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    phone = new_phone()
    join_by_phone(page, phone)
    type_dish(page, f"2*{dish['code']}")
    first = pay_exactly(page)
    earned = 2 * dish["price_fen"] // 100
    put_aside(page, node_url, phone, 100)
    ask_who(page, phone)
    in_the_slip(page, phone)
    type_dish(page, dish["code"])
    page.keyboard.press("F3")
    page.get_by_test_id("member-pay").click()
    expect(page.get_by_test_id("sheet-points")).to_be_visible()
    page.keyboard.type("1.00")
    look(page, "points")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("part-points")).to_contain_text("1.00")
    look(page, "paying with points")
    # The ways stand beside each other, none on top of another.
    tops = page.locator(".ways .way").evaluate_all(
        "keys => keys.map((key) => Math.round(key.getBoundingClientRect().top))"
    )
    assert len(set(tops)) == len(tops) == 7
    page.keyboard.press("F9")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("last-points")).to_contain_text("−100")
    second = page.get_by_test_id("receipt-no").inner_text()
    more = (dish["price_fen"] - 100) // 100
    assert member_of(page, node_url, phone)["points"] == 50 + earned - 100 + more

    def refund(number: str) -> None:
        page.get_by_test_id("more").click()
        page.get_by_test_id("more-refund").click()
        page.get_by_test_id("find-text").fill(number)
        page.get_by_test_id(f"sale-{number}").click()
        page.get_by_test_id("refund-reason-2").click()

    # The bill that earned what is spent by now: somebody answers for that.
    refund(first)
    expect(page.get_by_test_id("points-missing")).to_be_visible()
    page.get_by_test_id("points-waive").click()
    expect(page.get_by_test_id("points-waive")).to_have_attribute("aria-pressed", "true")
    look(page, "refund of spent points")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("desk-note")).to_contain_text(money(2 * dish["price_fen"]))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    one = member_of(page, node_url, phone)
    assert one["points"] - one.get("debt", 0) == 0

    # Points come back as points.
    refund(second)
    expect(page.locator("#desk-side")).to_contain_text("+100")
    expect(page.locator("#desk-side")).to_contain_text(f"−{more}")
    look(page, "refund of points")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("desk-note")).to_contain_text(money(dish["price_fen"]))
    # Until the store has given back what lies aside for it, some of it may stand there beside what is owed for it.
    one = member_of(page, node_url, phone)
    assert one["points"] - one.get("debt", 0) == 100 - more


def test_points_beyond_what_is_put_aside_need_a_manager_who_is_told_the_worst_loss(
    page: Page, node_url: str, cashier_pin: str, cashier: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    phone = new_phone()
    join_by_phone(page, phone)
    put_aside(page, node_url, phone, 50)
    type_dish(page, dish["code"])
    page.keyboard.press("F12")
    page.get_by_test_id("way-points").click()
    expect(page.get_by_test_id("sheet-points")).to_be_visible()
    page.keyboard.type("2.00")
    risk = page.get_by_test_id("points-risk")
    expect(risk).to_contain_text("最坏本店损失")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("part-points")).to_contain_text("2.00")
    page.keyboard.press("F9")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("sheet-approve")).to_contain_text("最坏的情况")
    look(page, "a manager's word for points")
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("saved")).to_be_visible()
    expect(page.get_by_test_id("last-points")).to_contain_text("−200")


def test_a_member_at_a_table_is_seen_at_every_till_and_comes_off_again(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    phone = new_phone()
    strip = page.get_by_test_id("slip-member")
    order_id = uuid7()
    call(page, node_url, "POST", "/orders", {"order_id": order_id, "service": "counter", "held": True, "label": "M1", "steps": [
        {"do": "add", "line_id": uuid7(), "dish_id": dish["id"], "qty": 1}]})  # fmt: skip
    # The order is taken up from those put aside, and turns out to be a member's.
    page.keyboard.press("F7")
    page.get_by_test_id(f"recall-{order_id}").click()
    expect(page.get_by_test_id("slip-title")).to_have_text("M1")
    join_by_phone(page, phone)
    until(lambda: fetch(page, node_url, f"/orders/{order_id}")["member_id"] != "")

    other = page.context.browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")  # type: ignore[union-attr]
    try:
        second = other.new_page()
        second.goto(f"{node_url}/till/")
        expect(second.get_by_test_id("sign-in")).to_be_visible()
        second.get_by_test_id("till-2").click()
        second.keyboard.type(cashier_pin)
        second.keyboard.press("Enter")
        expect(second.locator("#tiles .tile").first).to_be_visible()
        call(
            second,
            node_url,
            "POST",
            f"/orders/{order_id}/steps",
            {"request_id": uuid7(), "steps": [{"do": "edit", "held": True}]},
        )
        second.keyboard.press("F7")
        second.get_by_test_id(f"recall-{order_id}").click()
        expect(second.get_by_test_id("slip-member")).to_contain_text(phone[-4:])
        second.keyboard.press("F3")
        second.get_by_test_id("member-more").click()
        second.get_by_test_id("member-off").click()
        expect(second.get_by_test_id("slip-member")).to_be_hidden()
        until(lambda: fetch(page, node_url, f"/orders/{order_id}")["member_id"] == "")
        second.get_by_test_id("order-leave").click()
    finally:
        other.close()
    page.get_by_test_id("order-leave").click()
    page.keyboard.press("F7")
    page.get_by_test_id("sheet-close").click()
    call(
        page,
        node_url,
        "POST",
        f"/orders/{order_id}/steps",
        {"request_id": uuid7(), "steps": [{"do": "edit", "held": True}]},
    )
    page.keyboard.press("F7")
    page.get_by_test_id(f"recall-{order_id}").click()
    expect(strip).to_be_hidden()
    expect(page.get_by_test_id("slip-title")).to_have_text("M1")
    page.keyboard.press("F9")
    expect(page.get_by_test_id("saved")).to_be_visible()


def test_who_somebody_is_stands_on_the_screen_for_a_reason_only_and_whoever_leaves_is_nobody(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "en")
    phone = new_phone()
    join_by_phone(page, phone)
    page.keyboard.press("F3")
    page.get_by_test_id("member-more").click()
    page.get_by_test_id("member-reveal").click()
    look(page, "reason")
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("member-clear")).to_contain_text(phone)
    page.keyboard.press("Escape")
    assert phone not in page.evaluate(_KEPT)

    page.keyboard.press("F3")
    page.get_by_test_id("member-gifts").click()
    expect(page.get_by_test_id("gifts-have")).to_be_visible()
    look(page, "gifts")
    page.get_by_test_id("gifts-back").click()
    page.get_by_test_id("member-more").click()
    page.get_by_test_id("member-leave").click()
    look(page, "leave")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("slip-member")).to_be_hidden()
    assert call(page, node_url, "POST", "/members/find", {"text": phone})["members"] == []


def test_a_basket_that_is_laid_onto_an_open_table_keeps_its_member(
    page: Page, node_url: str, cashier_pin: str, complaints: list[str]
) -> None:
    sign_in(page, node_url, cashier_pin, "zh-CN")
    dish = plain_dishes(page, node_url)[0]
    taken = {order.get("table") for order in fetch(page, node_url, "/orders")["orders"]}
    page.keyboard.press("F5")
    shown = page.locator("#plan-grid .table")
    expect(shown.first).to_be_visible()
    tables = [
        str(name).removeprefix("table-") for name in shown.evaluate_all("all => all.map((one) => one.dataset.testid)")
    ]
    table = next(one for one in tables if one not in taken)
    page.keyboard.press("F5")
    order_id, step = uuid7(), {"do": "add", "line_id": uuid7(), "dish_id": dish["id"], "qty": 1}
    opened = {"order_id": order_id, "service": "dine_in", "table": table, "covers": 2, "steps": [step]}
    call(page, node_url, "POST", "/orders", opened)
    phone = new_phone()
    join_by_phone(page, phone)
    type_dish(page, dish["code"])
    page.keyboard.press("F1")
    page.get_by_test_id("place-table").click()
    page.get_by_test_id(f"table-{table}").click()
    expect(page.get_by_test_id("slip-member")).to_contain_text(phone[-4:])
    until(lambda: fetch(page, node_url, f"/orders/{order_id}")["member_id"] != "")
    pay_exactly(page)
    assert member_of(page, node_url, phone)["points"] == 50 + 2 * dish["price_fen"] // 100
