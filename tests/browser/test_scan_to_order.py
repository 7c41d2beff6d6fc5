"""Other machines of the house and guests' phones in real Chromium: a browser is paired and sells, a guest scans and orders."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from edge.services.care import verify_journal
from edge.services.ordering import import_menu
from edge.services.ordering.order_work import ConfirmStep
from scripts import demo_orders
from sync.node.ports import SystemClock
from tests.kit.lan import House, code_on, open_house
from tests.kit.nodes import PIN, START_MS, Rig
from tests.kit.tables import Floor

PHONE = ViewportSize(width=390, height=844)
SHORT_MS = 15_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Rig(tmp_path) as rig:
        # A browser looks at the dates of a certificate by its own clock.
        rig.clock.advance(SystemClock().now_ms() - START_MS)
        import_menu.bring_into_force(rig.node, demo_orders.demo_menu())
        with open_house(rig) as opened:
            yield opened
        report = verify_journal.verify(rig.node)
        assert report.ok, report.findings


def errors_of(page: Page) -> list[str]:
    """Listen to what a page complains of: scripts that fail, and what the content policy keeps out."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if "Content Security Policy" in said.text else None)
    return found


def order_at(house: House, table: str = "t1") -> str:
    [order_id] = [row[0] for row in house.rig.rows("SELECT order_id FROM orders WHERE table_id = ?", (table,))]
    return str(order_id)


def test_a_browser_of_the_house_is_paired_sells_and_is_out_when_it_is_revoked(house: House, browser: Browser) -> None:
    # That a device trusts the store's CA is a setting of the device; tests/db/test_lan.py holds that the chain is good.
    context = browser.new_context(locale="zh-CN", ignore_https_errors=True)
    context.set_default_timeout(SHORT_MS)
    page = context.new_page()
    errors = errors_of(page)
    offered = house.manager.post("/terminals/offer", data={"name": "Pad", "till": "2"}).text
    page.goto(f"https://127.0.0.1:{house.lan.port}/till/")
    expect(page).to_have_url(f"https://127.0.0.1:{house.lan.port}/pair")
    page.locator("#code").fill("WRONG-ONE")
    page.get_by_test_id("pair-go").click()
    expect(page.get_by_test_id("refused")).to_be_visible()
    page.locator("#code").fill(code_on(offered).lower())
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.get_by_test_id("tile-d101").click()
    page.get_by_test_id("exact-cash").click()
    expect(page.get_by_test_id("last-sale")).to_be_visible()
    assert house.rig.rows("SELECT till, total_fen FROM sales") == [("2", 3_800)]
    [terminal] = house.manager.get("/api/v1/terminals").get_json()["terminals"]
    revoked = house.manager.post(
        f"/api/v1/terminals/{terminal['terminal_id']}/revoke", json={"request_id": house.node.ids.uuid7().hex()}
    )
    assert revoked.status_code == 200
    page.wait_for_url("**/pair")
    assert errors == []
    context.close()


def test_a_guest_scans_orders_and_sees_the_waiter_confirm_though_an_answer_was_lost(
    house: House, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE, locale="en", has_touch=True, is_mobile=True)
    context.set_default_timeout(SHORT_MS)
    page = context.new_page()
    errors, asked = errors_of(page), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{house.guest_port}{house.table_code()}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Table A1")
    page.get_by_test_id("language").tap()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.get_by_test_id("language").tap()
    page.get_by_test_id("add-d101").tap()
    for option in ("spice-mild", "spice-medium", "size-large"):
        page.locator(f'input[value="{option}"]').check()
    # One of a kind: the second choice takes the place of the first.
    expect(page.get_by_label("Mild", exact=True)).not_to_be_checked()
    page.get_by_test_id("take").tap()
    page.get_by_test_id("add-d104").tap()
    page.get_by_test_id("take").tap()
    page.get_by_test_id("to-basket").tap()
    small = page.evaluate(
        "() => [...document.querySelectorAll('a, button, input')].filter((each) => each.offsetParent)"
        ".map((each) => each.getBoundingClientRect()).filter((box) => Math.min(box.width, box.height) < 44).length"
    )
    assert small == 0
    expect(page.locator(".total")).to_contain_text("76.00")

    def lose(route: Route) -> None:
        """The basket arrives; its answer does not."""
        route.fetch()
        route.abort()

    page.route("**/ask", lose, times=1)
    page.get_by_test_id("ask").tap()
    expect(page.get_by_test_id("said")).to_contain_text("nothing is ordered twice")
    page.reload()
    page.get_by_test_id("ask").tap()
    expect(page.get_by_test_id("state").first).to_have_text("Waiting")
    floor = Floor(house.rig)
    order_id = order_at(house)
    lines = floor.order(order_id).lines
    assert [(line.dish_id, line.qty, line.waits, line.source) for line in lines] == [
        ("d101", 1, True, "guest"),
        ("d104", 1, True, "guest"),
    ]
    assert [one.id for one in lines[0].modifiers] == ["spice-medium", "size-large"]
    floor.steps(order_id, ConfirmStep())
    expect(page.get_by_test_id("state").first).to_have_text("Confirmed")
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{house.guest_port}"}
    assert context.cookies() == []
    assert errors == []
    context.close()


def test_a_code_that_was_renewed_leads_to_a_sentence(house: House, page: Page) -> None:
    code = house.table_code()
    renewed = {"request_id": house.node.ids.uuid7().hex(), "over": 1}
    assert house.manager.post("/api/v1/table-codes/t1/renew", json=renewed).status_code == 200
    page.goto(f"http://127.0.0.1:{house.guest_port}{code}")
    expect(page.get_by_test_id("failed")).to_contain_text("服务员")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("failed")).to_contain_text("waiter")
