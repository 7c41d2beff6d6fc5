"""Scanners, the scale and the guest's window at the till page in a real Chromium, over a node in this process.

A scanner that types is the browser's own keys without a pause; one on a line is what its thread would say.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cheroot.wsgi import Server
from playwright.sync_api import Browser, Page, expect

from drivers.scale.reading import NotUsable, Usable
from edge.app import create_app
from edge.services.care.status import Desk
from edge.services.devices import till_devices
from edge.services.devices.till_devices import TillDevices
from edge.services.ordering import import_menu
from edge.web.live import StreamSeats
from sync.contract.menu import Dish
from sync.contract.words import Name
from tests.kit.nodes import COUNTER, MENU, PIN, Rig
from tests.kit.waiting import PATIENCE_S

BARCODE = "6901234567892"
WATER = Dish(id="water", code=BARCODE, name=Name("矿泉水", "Mineral water"), category="hot", price_fen=300)
PAYMENT = "134567890123456789"
SCALE = {"kind": "scale", "id": "pan", "address": "serial:///dev/pan", "till": "1"}
SLOW_MS = 45
"""A quick typist."""


def know_own_key(rig: Rig) -> None:
    """What the hub tells every store: the keys that sign invites, this store's among them."""
    public = rig.identity.public
    rig.db.write(
        lambda tx: tx.execute(
            "INSERT INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en) VALUES ('qingci', 1, ?, ?, '店', 'Store')",
            (public.key_id, public.signing),
        )
    )


@dataclass
class Counter:
    """A node that serves, with what stands between its devices and its tills."""

    rig: Rig
    devices: TillDevices
    url: str


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    with Rig(tmp_path, devices=(SCALE, COUNTER)) as rig:
        import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=(*MENU.dishes, WATER)))
        rig.add_cashier()
        know_own_key(rig)
        devices, seats = till_devices.build(rig.node), StreamSeats(8)
        desk = Desk(rig.node, link=lambda: None, devices=list)
        server = Server(("127.0.0.1", 0), create_app(desk, seats, devices), numthreads=24, max=24, shutdown_timeout=2)
        server.prepare()
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield Counter(rig, devices, f"http://127.0.0.1:{server.bind_addr[1]}")
        seats.closing.set()
        rig.node.changed.notify()
        devices.close()
        server.stop()
        thread.join(timeout=PATIENCE_S)


@pytest.fixture(params=["zh-CN", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def at_till(page: Page, counter: Counter, language: str = "en") -> None:
    """Sign in, and wait until the node knows what the screen takes."""
    page.goto(f"{counter.url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    if page.locator("html").get_attribute("lang") != language:
        page.get_by_test_id("lang").click()
    page.keyboard.type(PIN)
    with page.expect_response("**/till/accepts") as said:
        page.keyboard.press("Enter")
    assert said.value.status == 204
    expect(page.locator("#tiles .tile").first).to_be_visible()
    if page.locator("html").get_attribute("lang") != language:
        page.get_by_test_id("lang").click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def scan(page: Page, text: str, apart_ms: int = 2) -> None:
    """What a scanner that types does: the code, then Enter, each key with its own time, however busy this machine is."""
    keyboard = page.context.new_cdp_session(page)
    at_s = page.evaluate("performance.timeOrigin + performance.now()") / 1000
    for place, sign in enumerate([*text, "\r"]):
        key = "Enter" if sign == "\r" else sign
        code = (
            f"Digit{sign}"
            if sign.isdigit()
            else f"Key{sign.upper()}"
            if sign.isalpha()
            else "Enter"
            if sign == "\r"
            else ""
        )
        event = {"key": key, "code": code, "timestamp": at_s + place * apart_ms / 1000}
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": sign, "unmodifiedText": sign, **event})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    keyboard.detach()


def pay_page(page: Page) -> None:
    with page.expect_response("**/till/accepts"):
        page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-page")).to_be_visible()


def test_a_typed_barcode_adds_its_dish_and_leaves_nothing_in_the_search(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    scan(page, BARCODE)
    expect(page.get_by_test_id("line-water")).to_be_visible()
    expect(page.get_by_test_id("total")).to_contain_text("3.00")
    expect(page.get_by_test_id("search")).to_have_value("")
    scan(page, BARCODE)
    expect(page.get_by_test_id("line-qty")).to_have_text("2")


def test_a_scan_does_not_disturb_what_was_being_typed(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    page.keyboard.type("10")
    page.evaluate("() => new Promise((done) => setTimeout(done, 150))")
    scan(page, "HTTPS://HQ.EXAMPLE/J/X?Y=1")
    expect(page.get_by_test_id("toast")).to_contain_text("web address")
    expect(page.get_by_test_id("search")).to_have_value("10")
    expect(page.get_by_test_id("sheet-keys")).to_have_count(0)


def test_a_person_who_types_the_same_code_is_no_scanner(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    scan(page, "690123", SLOW_MS)
    expect(page.get_by_test_id("line-water")).to_be_visible()
    scan(page, "no such dish", SLOW_MS)
    expect(page.get_by_test_id("search")).to_have_value("no such dish")
    assert [url for url in asked if url.endswith("/till/scans")] == []


def test_a_fast_typist_finds_a_dish_even_so(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    scan(page, "mineral")
    expect(page.get_by_test_id("line-water")).to_be_visible()
    scan(page, "9*101101"[:5])
    expect(page.get_by_test_id("line-d101")).to_contain_text("9")


def test_a_scan_from_a_line_adds_its_dish_once_though_two_pages_are_open(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    other = page.context.new_page()
    with other.expect_response("**/till/accepts"):
        other.goto(f"{counter.url}/till/")
    expect(other.locator("#tiles .tile").first).to_be_visible()
    expect(other.get_by_test_id("sign-in")).to_be_hidden()
    counter.devices.scanning.scanned("1", BARCODE)
    expect(other.get_by_test_id("line-water")).to_be_visible()
    expect(page.get_by_test_id("line-water")).to_be_visible()
    expect(other.get_by_test_id("line-qty")).to_have_text("1")
    expect(page.get_by_test_id("total")).to_contain_text("3.00")


def test_an_invite_opens_its_check(page: Page, counter: Counter, language: str) -> None:
    at_till(page, counter, language)
    sale = counter.rig.sell(1)
    scan(page, "HTTPS://HQ.EXAMPLE/J/" + sale.invite.code)
    verdict = page.get_by_test_id("invite-verdict")
    expect(verdict).to_have_attribute("data-verdict", "valid")
    expect(verdict).to_have_text({"en": "The invite is valid.", "zh-CN": "邀请有效。"}[language])
    expect(page.get_by_test_id("sheet-invite")).to_contain_text(sale.invite.short)
    expect(page.get_by_test_id("search")).to_have_value("")


def test_a_receipt_number_opens_its_sale_and_reprints_it(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    sale = counter.rig.sell(1)
    counter.devices.scanning.scanned("1", sale.receipt_no)
    sheet = page.get_by_test_id("sheet-receipt")
    expect(sheet).to_contain_text(sale.receipt_no)
    expect(page.get_by_test_id("receipt-lines")).to_contain_text("Kung Pao chicken")
    page.get_by_test_id("receipt-reprint").click()
    expect(page.get_by_test_id("receipt-note")).to_contain_text("REPRINT")


WRONG_HERE = [
    (PAYMENT, "付款码", "payment code"),
    ("ZGM-4F7K2Q9X", "会员", "member"),
    ("ZGC-4F7K2Q9X", "优惠券", "coupon"),
    ("ZGS-4F7K2Q9X", "员工牌", "staff badge"),
    ("4111111111111111", "银行卡", "bank card"),
    ("4006381333931", "4006381333931", "4006381333931"),
]


def test_what_the_order_screen_does_not_take_is_explained(page: Page, counter: Counter, language: str) -> None:
    at_till(page, counter, language)
    for text, zh, en in WRONG_HERE:
        scan(page, text)
        expect(page.get_by_test_id("toast")).to_contain_text(zh if language == "zh-CN" else en)
        expect(page.get_by_test_id("search")).to_have_value("")
    expect(page.get_by_test_id("count")).to_have_text("")


def test_a_payment_code_on_the_pay_page_changes_no_amount_and_is_shown_by_its_ends(
    page: Page, counter: Counter, language: str
) -> None:
    at_till(page, counter, language)
    scan(page, BARCODE)
    pay_page(page)
    page.keyboard.type("5")
    page.evaluate("() => new Promise((done) => setTimeout(done, 150))")
    scan(page, PAYMENT)
    toast = page.get_by_test_id("toast")
    expect(toast).to_contain_text("134567••••••••••89")
    expect(toast).to_contain_text("没有设置扫码收款" if language == "zh-CN" else "not set up")
    expect(page.get_by_test_id("received")).to_have_text("5.00")
    expect(page.get_by_test_id("pay-page")).to_be_visible()
    scan(page, BARCODE)
    expect(toast).to_contain_text("菜品条码" if language == "zh-CN" else "code of a dish")
    expect(page.get_by_test_id("pay-due")).to_have_text("3.00")
    assert PAYMENT not in page.content()


def test_at_the_sign_in_a_badge_is_explained_and_a_pin_is_a_pin(page: Page, counter: Counter, language: str) -> None:
    page.goto(f"{counter.url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    if page.locator("html").get_attribute("lang") != language:
        page.get_by_test_id("lang").click()
    scan(page, "ZGS-4F7K2Q9X")
    expect(page.get_by_test_id("sign-in-error")).to_contain_text("员工牌" if language == "zh-CN" else "badge")
    expect(page.get_by_test_id("pin-dots")).to_have_text("")
    scan(page, PIN)
    expect(page.get_by_test_id("lines")).to_be_visible()


def test_keys_that_an_input_method_swallowed_are_read_from_their_places(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    page.evaluate(
        """(code) => {
          const press = (key, code) => window.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }));
          for (const digit of code) press("Process", "Digit" + digit);
          press("Process", "Enter");
        }""",
        BARCODE,
    )
    expect(page.get_by_test_id("line-water")).to_be_visible()


def test_a_scan_while_the_node_is_away_still_adds_a_dish_and_says_what_it_cannot(page: Page, counter: Counter) -> None:
    at_till(page, counter)
    page.route("**/api/v1/**", lambda route: route.abort())
    scan(page, BARCODE)
    expect(page.get_by_test_id("line-water")).to_be_visible()
    scan(page, "ZGM-4F7K2Q9X")
    expect(page.get_by_test_id("toast")).to_contain_text("did not answer")


def weights(page: Page, at_least: int) -> list[dict[str, Any]]:
    """What the page was told of the scale, once it was told so often."""
    found: list[dict[str, Any]] = page.evaluate(
        """(n) => new Promise((done) => {
          const look = setInterval(() => { if (weights.length >= n) { clearInterval(look); done(weights); } }, 20);
        })""",
        at_least,
    )
    return found


def test_the_scale_is_heard_by_the_page(page: Page, counter: Counter) -> None:
    page.add_init_script(
        "window.weights = []; window.addEventListener('zg-weight', (event) => window.weights.push(event.detail));"
    )
    at_till(page, counter)
    stable = {"state": "stable", "weight_g": 486, "reason": ""}
    overload = {"state": "trouble", "weight_g": 0, "reason": "overload"}
    counter.devices.weighing.take("1", Usable(486_000))
    assert weights(page, 1) == [stable]
    counter.devices.weighing.take("1", NotUsable("overload"))
    assert weights(page, 2) == [stable, overload]
    page.evaluate("window.dispatchEvent(new CustomEvent('zg-weight-wanted', { detail: { wanted: true } }))")
    assert weights(page, 4)[:4] == [stable, overload, overload, overload]
    page.evaluate("window.dispatchEvent(new CustomEvent('zg-weight-wanted', { detail: { wanted: false } }))")


def test_the_guests_window_follows_the_order(browser: Browser, page: Page, counter: Counter) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, color_scheme="dark")
    guest = context.new_page()
    complaints: list[str] = []
    guest.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    guest.on("pageerror", lambda error: complaints.append(str(error)))
    guest.goto(f"{counter.url}/display?till=1")
    expect(guest.get_by_test_id("welcome")).to_contain_text("Welcome")
    expect(guest.get_by_test_id("store")).to_contain_text("Lane Bistro Qingci")
    expect(guest.locator("html")).to_have_attribute("data-theme", "dark")
    at_till(page, counter)
    scan(page, BARCODE)
    expect(guest.get_by_test_id("lines")).to_contain_text("矿泉水")
    expect(guest.locator("#lines .now")).to_contain_text("Mineral water")
    expect(guest.get_by_test_id("sum-total")).to_have_text("3.00")
    page.get_by_test_id("line-more").click()
    expect(guest.get_by_test_id("sum-total")).to_have_text("6.00")
    pay_page(page)
    expect(guest.get_by_test_id("sum-due")).to_have_text("6.00")
    page.keyboard.type("10")
    page.keyboard.press("F12")
    expect(guest.get_by_test_id("sum-change")).to_have_text("4.00")
    expect(guest.get_by_test_id("sum-received")).to_have_text("10.00")
    scan(page, BARCODE)
    expect(guest.get_by_test_id("sum-total")).to_have_text("3.00")
    box = guest.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert box
    context.close()
    assert complaints == []
