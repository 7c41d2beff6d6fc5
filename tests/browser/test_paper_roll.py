"""A receipt comes out of the virtual printer while somebody watches its paper in the browser; the desk of all twins."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from scripts.demo_client import Roll, till
from scripts.demo_world import World
from sync.node.ports import IdSource, SystemChance, SystemClock
from tests.kit.waiting import PATIENCE_S

PRINT_MS = PATIENCE_S * 1_000


def sell(world: World, received_fen: int = 100_000) -> str:
    with closing(till(world.stores[0])) as door:
        dish = door.ask("GET", "/api/v1/menu").body["dishes"][0]
        answer = door.ask(
            "POST",
            "/api/v1/sales",
            {
                "sale_id": IdSource(SystemClock(), SystemChance()).uuid7().hex(),
                "lines": [{"dish_id": dish["id"], "qty": 1}],
                "tenders": [{"kind": "cash", "received_fen": received_fen}],
            },
        )
    assert answer.status == 201
    return str(answer.body["receipt_no"])


def test_the_receipt_is_seen_on_the_roll_as_it_is_printed(page: Page, world: World) -> None:
    page.goto(world.stores[0].roll_url)
    expect(page.locator("#status[data-state=ready]")).to_be_visible(timeout=PRINT_MS)
    number = sell(world)
    expect(page.get_by_text(number).first).to_be_visible(timeout=PRINT_MS)


def test_paper_out_holds_the_slip_and_paper_in_prints_it_without_a_mark(page: Page, world: World) -> None:
    with closing(Roll(world.stores[0].roll_url)) as roll:
        roll.faults(paper_out=True)
        try:
            number = sell(world)
            page.goto(f"{world.stores[0].url}/till/")
            expect(page.get_by_test_id("state-printer")).to_contain_text("缺纸", timeout=PRINT_MS)
        finally:
            roll.faults(paper_out=False)
        page.goto(world.stores[0].roll_url)
        expect(page.get_by_text(number).first).to_be_visible(timeout=PRINT_MS)
        assert b"REPRINT" not in roll.slips()[-1].raw


DESK = (
    "virtual://printer/kitchen",
    "virtual://scanner/front",
    "virtual://card_reader/stripe",
    "virtual://card_reader/tap?type=nfc",
    "virtual://scale/fruit?settle_ms=0",
    "virtual://display/guest",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[str]:
    """A desk with every kind of twin; gives the address of its page."""
    command = [sys.executable, "-m", "drivers.virtual", "desk", "--with-parent", "--dir", str(tmp_path), *DESK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        printer = urlsplit(ready["devices"]["printer/kitchen"]["address"])
        with socket.create_connection((printer.hostname, printer.port or 0), timeout=PATIENCE_S) as client:
            client.sendall(
                "补打 REPRINT 1\n宫保鸡丁\n".encode("gbk") + b"\x1f\x7f\x1bp\x00\x19\xfa\x1dVB\x00\x10\x04\x01"
            )
            assert client.recv(1) == b"\x12"
        yield f"http://127.0.0.1:{ready['web_port']}/?lang=en"
        process.terminate()


def test_the_desk_shows_every_twin_and_a_code_is_scanned_by_keyboard(page: Page, desk: str) -> None:
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto(desk)

    expect(page.locator(".device")).to_have_count(len(DESK), timeout=PRINT_MS)
    page.get_by_label("Code to scan").fill("6901234567892")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Scanned 6901234567892")).to_be_visible()
    page.get_by_role("button", name="WeChat Pay code").click()
    expect(page.get_by_text("Scanned 134567…89")).to_be_visible()
    page.get_by_role("button", name="Bank card").click()
    expect(page.get_by_text("Swiped Bank card")).to_be_visible()
    assert troubles == []


def test_the_paper_on_the_desk_carries_its_mark_its_unknown_bytes_the_drawer_and_the_cut(page: Page, desk: str) -> None:
    page.goto(desk)

    slip = page.locator(".printed")
    expect(slip.locator(".reprint")).to_have_text("REPRINT 补打", timeout=PRINT_MS)
    expect(slip.locator(".odd").first).to_contain_text("Unknown bytes 1F @")
    expect(slip.locator(".drawer-event")).to_be_visible()
    expect(slip.locator(".cut")).to_be_visible()


def test_switches_and_plugs_on_the_desk_do_what_they_say(page: Page, desk: str) -> None:
    page.goto(desk)
    scale = page.locator(".device", has=page.get_by_text("Scale · not in use"))
    scale.get_by_label("Load (g)").nth(1).fill("486")
    scale.get_by_role("button", name="Load (g)").click()
    expect(scale.locator(".weight")).to_have_text("486 g", timeout=PRINT_MS)

    printer = page.locator("[id='printer/kitchen']")
    printer.get_by_text("Faults").click()
    printer.get_by_role("switch", name="Out of paper").click()
    expect(printer.get_by_role("switch", name="Out of paper")).to_have_attribute("aria-checked", "true")
    printer.get_by_role("button", name="Unplug").click()
    expect(printer.get_by_role("button", name="Plug in")).to_be_visible()
    printer.get_by_role("link", name="Whole roll").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "off", timeout=PRINT_MS)


def test_the_desk_fits_a_telephone(page: Page, desk: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(desk)

    expect(page.locator(".device")).to_have_count(len(DESK), timeout=PRINT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
