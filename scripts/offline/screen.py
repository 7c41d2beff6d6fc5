"""What is done at the screen alone: keys and presses that the node hears of later, or never."""

import re

from playwright.sync_api import expect

from edge.domain import functions
from edge.services.care.works import register
from scripts.offline.browser import saved, told, totals, typed
from scripts.offline.counter import DISH, DISH_FEN, Counter
from scripts.offline.frame import drives, hold

CODE = "210"
"""What is typed for the dish."""


@drives("till.theme")
def theme(counter: Counter) -> None:
    """Dark by night, light again by day."""
    page = counter.screen.fresh()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_test_id("theme").click()
    expect(page.locator("body")).not_to_have_css("background-color", before)


@drives("till.device")
def device(counter: Counter) -> None:
    """This terminal makes no sound any more, and says so after a reload."""
    page = counter.screen.fresh()
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-device").click()
    page.get_by_test_id("sound-off").click()
    page.reload()
    expect(page.locator("#tiles .tile").first).to_be_visible()
    page.get_by_test_id("more").click()
    page.get_by_test_id("more-device").click()
    expect(page.get_by_test_id("sound-off")).to_have_attribute("aria-pressed", "true")


@drives("till.works")
def works(counter: Counter) -> None:
    """The page says what the register says, and that HQ is away while it is."""
    page = counter.page("/works")
    for one in functions.of_people(register()):
        hold(f'data-function="{one.id}"' in page, f"the page names {one.id}")
    away = counter.before["hub_state"] != "connected"
    hold(f'data-way="hub" data-state="{"away" if away else "ok"}"' in page, "and how the way to HQ stands")


@drives("till.keys")
def keys(counter: Counter) -> None:
    """The question mark shows the shortcuts."""
    page = counter.screen.fresh()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("F12")


@drives("till.back")
def back(counter: Counter) -> None:
    """Escape leaves a sheet, and the pay page with the slip as it was."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.press("F12")
    expect(page.get_by_test_id("pay-page")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("pay-page")).to_be_hidden()
    totals(page, DISH_FEN)


@drives("till.confirm")
def confirm(counter: Counter) -> None:
    """A sheet that asks is answered, and one key sends it: the drawer opens."""
    page = counter.screen.fresh()
    pulses = counter.paper.pulses
    page.keyboard.press("F8")
    page.get_by_test_id("ask-reason").fill("change")
    page.keyboard.press("F12")
    counter.paper.opens_drawer(pulses)


@drives("sell.find")
def find(counter: Counter) -> None:
    """A dish is found by its initials, its name and its code."""
    page = counter.screen.fresh()
    for text in ("ghnmo", "lotus root", CODE):
        page.keyboard.press("F2")
        page.keyboard.type(text)
        expect(page.get_by_test_id(f"tile-{DISH}")).to_be_visible()
        page.keyboard.press("Escape")


@drives("sell.dish")
def dish(counter: Counter) -> None:
    """A dish by its code, and one by a press."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.type(CODE)
    page.get_by_test_id(f"tile-{DISH}").click()
    totals(page, 2 * DISH_FEN)


@drives("sell.quantity")
def quantity(counter: Counter) -> None:
    """One more, one less, and three at once."""
    page = counter.screen.fresh()
    typed(page, f"3*{CODE}")
    totals(page, 3 * DISH_FEN)
    page.keyboard.press("+")
    totals(page, 4 * DISH_FEN)
    page.keyboard.press("-")
    totals(page, 3 * DISH_FEN)


@drives("sell.choose_line")
def choose_line(counter: Counter) -> None:
    """The arrow goes to the line before, and the plus is for that one."""
    page = counter.screen.fresh()
    typed(page, CODE)
    typed(page, "504")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("+")
    totals(page, 2 * DISH_FEN + 4_600)


@drives("sell.remove")
def remove(counter: Counter) -> None:
    """A line is gone."""
    page = counter.screen.fresh()
    typed(page, CODE)
    typed(page, "504")
    page.keyboard.press("Delete")
    totals(page, DISH_FEN)


@drives("sell.undo")
def undo(counter: Counter) -> None:
    """And comes back."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    totals(page, DISH_FEN)


@drives("sell.pay")
def pay(counter: Counter) -> None:
    """From the slip to the pay page and to the receipt, by one key twice."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.press("F12")
    page.keyboard.type("30")
    page.keyboard.press("F12")
    number = saved(page).inner_text().split()[-1]
    expect(page.get_by_test_id("change-due")).to_have_text("4.00")
    counter.paper.comes(number)


@drives("sell.exact")
def exact(counter: Counter) -> None:
    """One key: the money is in, the sale is saved, the receipt comes."""
    page = counter.screen.fresh()
    before = told(page, "totals")["sales"]
    typed(page, CODE)
    page.keyboard.press("F9")
    number = saved(page).inner_text().split()[-1]
    hold(told(page, "totals")["sales"] == before + 1, "one sale more")
    counter.paper.comes(number)


@drives("sell.amount")
def amount(counter: Counter) -> None:
    """What was received is typed, put right, and the change follows."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.press("F12")
    page.keyboard.type("505")
    page.keyboard.press("Backspace")
    expect(page.get_by_test_id("pay-change")).to_have_text("24.00")


@drives("order.recall")
def recall(counter: Counter) -> None:
    """What was put aside at the counter is taken up again and paid."""
    page = counter.screen.fresh()
    typed(page, CODE)
    page.keyboard.press("F6")
    page.get_by_test_id("ask-label").fill("Li")
    page.get_by_test_id("ask-go").click()
    expect(page.get_by_test_id("lines")).not_to_contain_text("Sweet lotus root")
    expect(page.get_by_test_id("fn-recall")).to_contain_text(re.compile(r"\d"))
    page.keyboard.press("F7")
    page.locator("[data-testid^=recall-]", has_text="Li").first.click()
    totals(page, DISH_FEN)
