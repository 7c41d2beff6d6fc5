"""A waiter's tablet in a real Chromium: guests' lines are confirmed, a set menu and a price of the day are asked for, a void needs another's word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from edge.db.staff import Cashier
from edge.domain.roles import Role
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.ordering import import_menu
from edge.services.ordering import orders as order_deeds
from scripts import demo_orders
from sync.contract.menu import Menu, PartChoice, PartGroup
from sync.contract.words import Name
from sync.node.ports import SystemClock
from tests.kit.lan import House, code_on, open_house
from tests.kit.nodes import PIN, START_MS, Rig
from tests.kit.tables import Floor, add

WAITER_PIN = "730194"
SHORT_MS = 15_000
SET, PRICED = "d110", "d111"


def menu_with_a_set() -> Menu:
    """The demo's menu in which one dish is a set menu and one has the price of the day."""
    menu = demo_orders.demo_menu()
    group = PartGroup("main", Name("主菜", "Main"), (PartChoice("d102"), PartChoice("d103", 1, 600)))
    changed: dict[str, dict[str, Any]] = {SET: {"parts": (group,)}, PRICED: {"open_price": True}}
    return msgspec.structs.replace(
        menu, dishes=tuple(msgspec.structs.replace(dish, **changed.get(dish.id, {})) for dish in menu.dishes)
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Rig(tmp_path) as rig:
        # A browser looks at the dates of a certificate by its own clock.
        rig.clock.advance(SystemClock().now_ms() - START_MS)
        import_menu.bring_into_force(rig.node, menu_with_a_set())
        rig.add_cashier()
        rig.add_person(Cashier("c2", "小王", Role.CASHIER), WAITER_PIN)
        with open_house(rig) as opened:
            yield opened
        report = verify_journal.verify(rig.node)
        assert report.ok, report.findings


def tablet(house: House, browser: Browser) -> Page:
    context = browser.new_context(locale="zh-CN", ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(SHORT_MS)
    page = context.new_page()
    offered = house.manager.post("/terminals/offer", data={"name": "Pad", "till": "2"}).text
    page.goto(f"https://127.0.0.1:{house.lan.port}/till/")
    page.locator("#code").fill(code_on(offered))
    page.keyboard.press("Enter")
    page.wait_for_url("**/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type(WAITER_PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#tiles .tile").first).to_be_visible()
    return page


def settled(page: Page) -> None:
    expect(page.locator("#slip")).to_have_attribute("data-waiting", "0")


def test_a_waiter_confirms_what_guests_asked_for_and_takes_away_a_sent_dish_with_another_persons_word(
    house: House, browser: Browser
) -> None:
    floor = Floor(house.rig)
    order_id = floor.open(1, table="t3")
    page = tablet(house, browser)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.keyboard.press("F5")
    page.get_by_test_id("table-t3").click()
    asked = order_deeds.ask_as_guest(house.rig.node, order_id, floor.id(), (add(11, "d102"), add(12, "d103", 2)))
    assert isinstance(asked, Done)
    expect(page.get_by_test_id("table-t3")).to_contain_text("待确认")
    expect(page.get_by_test_id("slip-waiting")).to_contain_text("2")
    page.get_by_test_id("line-d103").click()
    page.get_by_test_id("act-add").click()
    page.get_by_test_id("line-d103").click()
    page.get_by_test_id("guest-decline").click()
    expect(page.get_by_test_id("line-d103")).to_contain_text("没有接")
    page.get_by_test_id("guests-accept").click()
    expect(page.get_by_test_id("line-d102")).to_contain_text("未送厨")

    page.get_by_test_id(f"tile-{SET}").click()
    page.get_by_test_id("part-main-d103").click()
    page.get_by_test_id("parts-go").click()
    page.get_by_test_id(f"tile-{PRICED}").click()
    page.keyboard.type("88")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"line-{PRICED}")).to_contain_text("88.00")
    page.keyboard.press("F1")
    settled(page)
    lines = {line.dish_id: line for line in floor.order(order_id).lines}
    assert [(part.dish_id, part.price_fen) for part in lines[SET].parts] == [("d103", 600)]
    assert (lines[PRICED].unit_fen, lines[PRICED].sent_qty, lines["d103"].declined) == (8_800, 1, True)

    page.get_by_test_id(f"line-{PRICED}").click()
    page.get_by_test_id("line-remove").click()
    page.get_by_test_id("chip-reason-1").click()
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("sheet-approve")).to_contain_text("88.00")
    page.keyboard.type(WAITER_PIN)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ask-message")).not_to_be_empty()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id(f"line-{PRICED}")).to_contain_text("已退")
    settled(page)
    voided = floor.order(order_id).line(lines[PRICED].line_id)
    assert voided is not None
    assert (voided.voided_qty, voided.open_qty) == (1, 0)
    assert errors == []
    page.context.close()
