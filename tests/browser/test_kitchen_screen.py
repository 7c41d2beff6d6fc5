"""Two kitchen screens of one house: a ticket comes by itself, a digit settles it on both, 0 brings it back, a void stays to be seen."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cheroot.wsgi import Server
from playwright.sync_api import Browser, expect

from edge.app import create_app
from edge.services.care.status import Desk
from edge.services.ordering import import_menu
from edge.services.ordering.order_work import SendStep, VoidStep
from edge.web.live import StreamSeats
from tests.kit.nodes import MENU, Rig, uuid7_hex
from tests.kit.tables import Floor, add
from tests.kit.waiting import PATIENCE_S

KEY_PX = 48


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Floor, str]]:
    with Rig(tmp_path) as rig:
        dishes = tuple(msgspec.structs.replace(dish, station="wok") for dish in MENU.dishes)
        import_menu.bring_into_force(rig.node, msgspec.structs.replace(MENU, dishes=dishes))
        seats = StreamSeats(4)
        server = Server(
            ("127.0.0.1", 0),
            create_app(Desk(rig.node, link=lambda: None, devices=list), seats),
            numthreads=8,
            shutdown_timeout=1,
        )
        server.prepare()
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield Floor(rig), f"http://127.0.0.1:{server.bind_addr[1]}"
        seats.closing.set()
        rig.node.changed.notify()
        server.stop()
        thread.join(PATIENCE_S)


def test_a_cook_works_off_tickets_by_keys_and_touch_on_two_screens(browser: Browser, house: tuple[Floor, str]):
    floor, url = house
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 800})
    stove, window = context.new_page(), context.new_page()
    problems: list[str] = []
    for page in (stove, window):
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_default_timeout(PATIENCE_S * 1000)
    stove.goto(f"{url}/kitchen?station=wok")
    window.goto(f"{url}/kitchen")
    expect(stove.get_by_test_id("empty")).to_be_visible()

    order_id = floor.open(1, add(2, "d102", 2), SendStep(), table="t3", allergies="花生")
    floor.open(11, add(12, "d104"), SendStep(), table="t5")
    expect(stove.get_by_test_id("ticket")).to_have_count(2)
    expect(stove.get_by_test_id("avoid")).to_contain_text("花生")
    expect(stove.get_by_test_id("sum")).to_contain_text("米饭 2")
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(2), qty=1, reason="x"))
    expect(window.get_by_test_id("void")).to_contain_text(re.compile("退菜.*勿做"))
    box = stove.get_by_test_id("done").first.bounding_box()
    assert box is not None
    assert box["height"] >= KEY_PX

    stove.keyboard.press("1")
    for page in (stove, window):
        expect(page.get_by_test_id("ticket")).to_have_count(1)
        expect(page.get_by_test_id("ticket")).to_contain_text("A5")
    stove.keyboard.press("0")
    expect(window.get_by_test_id("ticket")).to_have_count(2)
    window.get_by_test_id("ticket").filter(has_text="A5").get_by_test_id("done").click()
    expect(stove.get_by_test_id("ticket")).to_have_count(1)
    expect(stove.get_by_test_id("ticket")).to_contain_text("A3")
    assert problems == []
    context.close()
