"""Make the README's pictures from the running product: the till, a payment, a receipt, the devices, the console, the way to HQ."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from scripts import demo_orders
from scripts.demo_client import Roll, till
from scripts.demo_day import Seller
from scripts.demo_world import ROOT, Store, World
from sync.node.ports import IdSource, SystemChance, SystemClock

FOLDER = Path(__file__).resolve().parent / "pictures"
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
VIEWPORT = ViewportSize(width=1280, height=800)
SALES = 60
LATER = "2099-01-01"
"""A business day that no picture will see."""


def main() -> None:
    """Start a demo, sell a little, and look at it."""
    argparse.ArgumentParser(prog="dev.py pictures", description=__doc__).parse_args()
    binary = shutil.which("chromium")
    if binary is None:
        sys.exit("chromium is not installed; `python3 scripts/dev.py test` installs it as root")
    FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="zhanggui-pictures-"))
    day = demo_orders.generated(SALES, seed=7)
    world = World(folder, "embedded", day.menu, lambda step: print(step, file=sys.stderr))
    try:
        world.start()
        _sell(world, day.orders)
        with (
            sync_playwright() as playwright,
            closing(playwright.chromium.launch(executable_path=binary, args=BROWSER_ARGUMENTS)) as chromium,
        ):
            context = chromium.new_context(viewport=VIEWPORT, locale="zh-CN", timezone_id="Asia/Shanghai")
            _till(context.new_page(), world.stores[0])
            _devices(context.new_page(), world.stores[0])
            _console(context.new_page(), world)
            dark = chromium.new_context(
                viewport=VIEWPORT, locale="en", color_scheme="dark", timezone_id="Asia/Shanghai"
            )
            _till_dark(dark.new_page(), world.stores[1])
            _receipt(world.stores[0])
            _versions(context.new_page(), world)
            _fleet(context.new_page(), world)
            _sync(context.new_page(), world)
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _sell(world: World, orders: list[demo_orders.Order]) -> None:
    ids = IdSource(SystemClock(), SystemChance())
    for at, store in enumerate(world.stores):
        with closing(till(store)) as door:
            seller = Seller(store, orders[at::2], ids, door)
            seller.sell(len(seller.orders))


def _sign_in(page: Page, store: Store) -> None:
    page.goto(f"{store.url}/till/")
    expect(page.get_by_test_id("sign-in")).to_be_visible()
    page.keyboard.type(store.pin)
    page.keyboard.press("Enter")
    expect(page.locator("#tiles .tile").first).to_be_visible()


def _till(page: Page, store: Store) -> None:
    _sign_in(page, store)
    for typed in ("101", "2*102", "104", "4*301", "105"):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    expect(page.get_by_test_id("state-hub")).to_be_visible()
    page.screenshot(path=FOLDER / "till.png")
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-page")).to_be_visible()
    page.keyboard.type("600")
    page.screenshot(path=FOLDER / "payment.png")
    page.keyboard.press("Escape")


def _devices(page: Page, store: Store) -> None:
    """The kitchen's printer has no paper: the device page says what to do."""
    page.goto(f"{store.url}/devices/kitchen")
    desk_url = page.get_by_test_id("do-page").get_attribute("href")
    assert desk_url is not None
    desk_url = desk_url.split("/printer/")[0]
    paper = f"{desk_url}/api/devices/printer/kitchen/fault"
    page.request.post(paper, data={"value": {"paper_out": True}})
    page.goto(f"{store.url}/till/")
    expect(page.locator("#tiles .tile").first).to_be_visible()
    for key in ("1", "0", "1", "Enter", "F9"):
        page.keyboard.press(key)
    expect(page.get_by_test_id("saved")).to_be_visible()
    page.goto(f"{store.url}/devices/kitchen")
    expect(page.locator("main")).to_contain_text("没有纸", timeout=15_000)
    page.screenshot(path=FOLDER / "devices.png")
    page.request.post(paper, data={"value": {"paper_out": False}})


def _till_dark(page: Page, store: Store) -> None:
    with closing(Roll(store.roll_url)) as roll:
        roll.faults(paper_out=True)
        _sign_in(page, store)
        page.keyboard.type("101")
        page.keyboard.press("Enter")
        page.keyboard.press("F9")
        expect(page.get_by_test_id("saved")).to_be_visible()
        for typed in ("2*106", "201"):
            page.keyboard.type(typed)
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("state-printer")).to_contain_text("no paper", timeout=15_000)
        page.screenshot(path=FOLDER / "till-paper-out-dark.png")
        roll.faults(paper_out=False)


def _console(page: Page, world: World) -> None:
    page.goto(f"{world.console_url}/")
    page.locator("input[type=password]").fill(world.console_password)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / "console.png")


def _publish(world: World, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "cloud", "publish", *arguments, "--config", str(world.folder / "hub.toml")],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _versions(page: Page, world: World) -> None:
    """HQ published a menu, prices for now, and prices for a day to come: which store has which."""
    prices = world.folder / "prices.csv"
    _publish(world, "menu", str(world.folder / "menu.json"))
    for price, day in (("39.00", "now"), ("42.00", LATER)):
        prices.write_text(f"编码,价格\n101,{price}\n", encoding="utf-8")
        _publish(world, "prices", str(prices), "--effective-from", day)
    page.goto(f"{world.console_url}/versions")
    expect(page.locator("#content")).to_contain_text(LATER)
    for cell in page.locator("#versions tbody [data-stream=prices]").all():
        expect(cell).not_to_contain_text("总部", timeout=30_000)
    page.screenshot(path=FOLDER / "versions.png")


def _fleet(page: Page, world: World) -> None:
    """One store's computer is off: grey, with the time when it was last heard, and never zero."""
    world.stores[1].node.stop()
    page.goto(f"{world.console_url}/stores")
    expect(page.locator("#fleet tr.stale").first).to_be_visible(timeout=60_000)
    page.reload()
    page.screenshot(path=FOLDER / "fleet.png")


def _sync(page: Page, world: World) -> None:
    """No broker: what waits, since when, and what the cut means."""
    store = world.stores[0]
    world.broker.stop()
    page.goto(f"{store.url}/till/")
    expect(page.locator("#tiles .tile").first).to_be_visible()
    for key in ("1", "0", "4", "Enter", "F9"):
        page.keyboard.press(key)
    expect(page.get_by_test_id("saved")).to_be_visible()
    page.goto(f"{store.url}/sync")
    expect(page.get_by_test_id("cut-waits")).to_be_visible(timeout=15_000)
    expect(page.get_by_test_id("sync-state")).to_contain_text("离线", timeout=60_000)
    page.screenshot(path=FOLDER / "sync.png")


def _receipt(store: Store) -> None:
    with closing(Roll(store.roll_url)) as roll:
        deadline = time.monotonic() + 30
        while not (slips := [slip for slip in roll.slips() if slip.complete]) and time.monotonic() < deadline:
            time.sleep(0.2)  # noqa: TID251 - between two looks at another process
        longest = max(slips, key=lambda slip: len(slip.raw))
        (FOLDER / "receipt.png").write_bytes(roll.png(longest.index))


if __name__ == "__main__":
    main()
