"""A receipt comes out of the virtual printer while somebody watches its paper in the browser."""

from contextlib import closing

from playwright.sync_api import Page, expect

from scripts.demo_client import Roll, till
from scripts.demo_world import World
from sync.node.ports import IdSource, SystemChance, SystemClock

PRINT_MS = 15_000


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
