"""A whole demo world for the browser ring: broker, hub, two stores with twins, and the system's Chromium."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from scripts import demo_orders
from scripts.demo_client import till
from scripts.demo_world import Store, World
from sync.contract import times
from sync.node.ports import IdSource, SystemChance, SystemClock
from tests.kit.waiting import PATIENCE_S

BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
VIEWPORT = ViewportSize(width=1280, height=800)
PATIENCE_MS = PATIENCE_S * 1_000
IDS = IdSource(SystemClock(), SystemChance())
# Five seconds are Playwright's own; a busy machine may take longer, and one that is not loses nothing by a longer bound.
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class RunningNode:
    """The first store's node, to be stopped and started by a test; `url` stays the same."""

    store: Store

    @property
    def url(self) -> str:
        return self.store.url

    def stop(self) -> None:
        self.store.node.stop()

    def start(self) -> None:
        self.store.node.start()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The demo's own processes, with the demo restaurant's menu."""
    folder: Path = tmp_path_factory.mktemp("world")

    # The restaurant's night is never in the middle of the tests: no day ends meanwhile, and no copy is made.
    hour = times.local_hour(SystemClock().now_ms(), ZoneInfo("Asia/Shanghai"))
    cutoff = 720 if hour in {2, 3} else 240
    world = World(
        folder, "embedded", demo_orders.demo_menu(), say=lambda step: None, desk=False,
        cutoff_minutes=cutoff, copy_hour=(hour + 12) % 24,
    )  # fmt: skip
    world.start()
    for store in world.stores:
        _look_through(store)
    yield world
    world.stop()


def _look_through(store: Store) -> None:
    """Look through the opening list of every till, so that no test is reminded of it but the one that is about it."""
    for number in ("1", "2"):
        door = till(store, number)
        answer = door.ask("POST", "/api/v1/house/opening", {"request_id": IDS.uuid7().hex()})
        assert answer.fine, answer
        door.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; Playwright's own download is never used."""
    binary = shutil.which("chromium")
    assert binary is not None, "chromium is not installed: run `python3 scripts/dev.py test`, which installs it as root"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=BROWSER_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a context of its own: no cookies, no service worker, no cart of another test."""
    context = browser.new_context(viewport=VIEWPORT, locale="zh-CN", color_scheme="light", timezone_id="Asia/Shanghai")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def node(world: World) -> Iterator[RunningNode]:
    """The first store's node; running again after the test, whatever the test did."""
    running = RunningNode(world.stores[0])
    yield running
    if running.store.node.popen is None or running.store.node.popen.poll() is not None:
        running.start()


@pytest.fixture
def node_url(node: RunningNode) -> str:
    return node.url


@pytest.fixture
def cashier_pin(world: World) -> str:
    return world.stores[0].pin


@pytest.fixture
def hub_url(world: World) -> str:
    return world.console_url


@pytest.fixture
def guest_url(world: World) -> str:
    return world.guest_url


@pytest.fixture
def console_password(world: World) -> str:
    return world.console_password
