"""The house in a real Chromium: bookings that stand on the plan, the plan drawn anew, a menu file tried and taken, prices of the day."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_till_page import complaints, fetch, sign_in

__all__ = ["complaints"]


def go(page: Page, node_url: str, name: str) -> None:
    page.goto(f"{node_url}/house#{name}")
    page.reload()
    expect(page.locator("main h1")).to_be_visible()


def said(page: Page, text: str) -> None:
    expect(page.get_by_test_id("said")).to_contain_text(text)


@pytest.fixture(autouse=True)
def signed_in(page: Page, node_url: str, cashier_pin: str) -> None:
    sign_in(page, node_url, cashier_pin)


def test_a_booking_stands_on_the_plan_and_opens_its_table_when_the_guests_come(
    page: Page, node_url: str, complaints: list[str]
) -> None:
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-bookings").click()
    expect(page.get_by_test_id("page-bookings")).to_have_attribute("aria-current", "page")
    page.get_by_test_id("field-time").fill("23:45")
    page.get_by_test_id("field-name").fill("王女士")
    page.get_by_test_id("field-phone4").fill("0417")
    page.get_by_test_id("field-covers").fill("3")
    page.get_by_test_id("field-table").select_option("t11")
    page.get_by_test_id("field-phone4").press("Enter")
    said(page, "王女士 23:45 已订：A11")
    row = page.locator(".booking").filter(has_text="王女士")
    expect(row).to_contain_text("尾号 0417")
    # Somebody else has it then: the sentence says who, and the form keeps what was typed.
    page.get_by_test_id("field-time").fill("22:30")
    page.get_by_test_id("field-name").fill("李先生")
    page.get_by_test_id("field-phone4").fill("1234")
    page.get_by_test_id("field-table").select_option("t11")
    page.get_by_test_id("booking-go").click()
    said(page, "A11 在 23:45 已留给 王女士")
    expect(page.get_by_test_id("field-name")).to_have_value("李先生")

    page.locator("#home").click()
    expect(page.get_by_test_id("search")).to_be_visible()
    page.keyboard.press("F5")
    tile = page.get_by_test_id("table-t11")
    expect(tile).to_contain_text("23:45 王女士")
    page.goto(f"{node_url}/house#bookings")
    page.locator(".booking").filter(has_text="王女士").get_by_role("button", name="到店").click()
    expect(page.get_by_test_id("more")).to_be_visible()
    (order,) = [one for one in fetch(page, node_url, "/orders")["orders"] if one.get("table") == "t11"]
    assert (order["covers"], order["label"]) == (3, "王女士")
    assert not [text for text in complaints if "409" not in text]


def test_the_plan_is_drawn_by_finger_and_by_keyboard_undone_and_kept_under_its_version(
    page: Page, node_url: str
) -> None:
    go(page, node_url, "plan")
    before = fetch(page, node_url, "/floor")
    tile, keep = page.get_by_test_id("plan-t6"), page.get_by_test_id("plan-keep")
    box = tile.bounding_box()
    other = page.get_by_test_id("plan-t2").bounding_box()
    assert box is not None
    assert other is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(other["x"] + 30, other["y"] + 30, steps=6)
    page.mouse.up()
    expect(page.get_by_test_id("plan-fault")).to_contain_text("叠在一起")
    expect(keep).to_be_disabled()
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("plan-fault")).to_have_count(0)
    page.get_by_test_id("plan-t12").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(keep).to_be_enabled()
    page.keyboard.press("Control+s")
    said(page, f"第 {before['version'] + 1} 版")
    now = fetch(page, node_url, "/floor")

    def places(plan: dict[str, Any]) -> dict[str, int]:
        return {table["id"]: table["x"] for area in plan["areas"] for table in area["tables"]}

    assert places(now)["t12"] == places(before)["t12"] + 2, "three steps, and the wall after two"
    # Somebody else drew meanwhile: it is said, and theirs can be loaded.
    page.keyboard.press("ArrowLeft")
    body = {"request_id": "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15, "over": now["version"], "areas": before["areas"]}
    answer = page.request.post(
        f"{node_url}/api/v1/floor", data=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.ok, answer.text()
    keep.click()
    page.get_by_test_id("plan-reload").click()
    expect(page.get_by_test_id("plan-version")).to_have_text(f"第 {before['version'] + 2} 版")
    assert places(fetch(page, node_url, "/floor")) == places(before)


def test_a_menu_file_is_tried_with_its_mistakes_and_taken_and_a_market_price_holds_at_the_till(
    page: Page, node_url: str, tmp_path: Path
) -> None:
    go(page, node_url, "menu")
    with page.expect_download() as download:
        page.get_by_test_id("menu-table").click()
    as_it_was = download.value.path()
    rows = list(csv.reader(io.StringIO(as_it_was.read_text(encoding="utf-8-sig"))))
    at = rows[0].index("price")
    file = tmp_path / "menu.csv"

    def write(price: str) -> None:
        changed = [rows[0], [*rows[1][:at], price, *rows[1][at + 1 :]], *rows[2:]]
        file.write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in changed), encoding="utf-8")
        page.get_by_test_id("field-file").set_input_files(file)

    write("3o.00")
    expect(page.get_by_test_id("mistakes")).to_contain_text("“3o.00”不是金额")
    write("999.00")
    expect(page.get_by_test_id("changes")).to_contain_text("999.00")
    expect(page.get_by_test_id("menu-go")).to_be_disabled()
    page.get_by_test_id("field-sure").check()
    page.get_by_test_id("menu-go").click()
    said(page, "已启用")
    page.get_by_test_id("field-file").set_input_files(
        {"name": "back.csv", "mimeType": "text/csv", "buffer": as_it_was.read_bytes()}
    )
    page.get_by_test_id("field-sure").check()
    page.get_by_test_id("menu-go").click()
    said(page, "已启用")

    code, name = rows[1][0], rows[1][1]
    page.get_by_test_id("page-prices").click()
    page.get_by_test_id("field-find").fill(code)
    page.get_by_test_id(f"price-{code}").fill("88.80")
    page.get_by_test_id(f"set-{code}").click()
    said(page, f"{name} 今天 88.80")
    assert [one["price_fen"] for one in fetch(page, node_url, "/dishes/today")["dishes"] if one["price_fen"] > 0] == [
        8_880
    ]
    page.get_by_test_id(f"back-{code}").click()
    said(page, "恢复菜单价")


def test_who_signs_in_first_on_a_day_is_led_to_the_list(page: Page, node_url: str, cashier_pin: str) -> None:
    def not_yet(route: Route) -> None:
        if route.request.method != "GET":
            route.continue_()
            return
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "needed": True})

    page.route("**/api/v1/house/opening", not_yet)
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-lock").click()
    page.keyboard.type(cashier_pin)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("notice")).to_contain_text("开店检查")
    page.get_by_test_id("notice-key").click()
    expect(page.get_by_test_id("checks").locator("li").first).to_be_visible()
    for name in ("paper", "time", "float", "menu"):
        expect(page.get_by_test_id(f"check-{name}").first).to_be_visible()
    page.locator("#lang").click()
    expect(page.locator("main h1")).to_have_text("Opening check of till 1")
    page.get_by_test_id("opening-go").click()
    expect(page.get_by_test_id("more")).to_be_visible()
