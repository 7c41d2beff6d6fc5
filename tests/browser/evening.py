"""One evening at a restaurant as its people do it on their screens: the till, a guest's phone, the kitchen.

Each method is what one person does without a break; the tests put them in an order. Amounts are in fen.
"""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser import looks
from tests.browser.test_till_money import call, uuid7
from tests.browser.test_till_page import check_layout, fetch, money, plain_dishes, type_dish, use_language

TILL = "2"
"""The evening has a till of its own, so that what other tests sell is not in its drawer."""
PIECES_FEN = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10)


@dataclass
class Evening:
    """A till in the browser, in one language, and what its drawer should hold."""

    page: Page
    url: str
    language: str
    drawer_fen: int = 0
    looked_at: list[str] = field(default_factory=list)

    # --- who is there ---

    def sign_in(self, pin: str) -> None:
        """Type a PIN at the evening's till."""
        page = self.page
        expect(page.get_by_test_id("sign-in")).to_be_visible()
        page.get_by_test_id(f"till-{TILL}").click()
        page.keyboard.type(pin)
        page.keyboard.press("Enter")
        expect(page.locator("#tiles .tile").first).to_be_visible()
        use_language(page, self.language)

    def look(self, where: str) -> None:
        """Hold the page of now against the rules of size, names, contrast and layout."""
        looks.check(self.page, where)
        check_layout(self.page, where)
        self.looked_at.append(where)

    def menu(self) -> list[dict[str, Any]]:
        return plain_dishes(self.page, self.url)

    def orders(self) -> list[dict[str, Any]]:
        return list(fetch(self.page, self.url, "/orders")["orders"])

    def settled(self) -> None:
        """Everything that was done at the till was answered by the node."""
        expect(self.page.locator("#slip")).to_have_attribute("data-waiting", "0")

    def receipt(self) -> dict[str, Any]:
        """The sale that the slip shows as saved, as the node keeps it."""
        expect(self.page.get_by_test_id("saved")).to_be_visible()
        number = self.page.get_by_test_id("receipt-no").inner_text()
        found = fetch(self.page, self.url, f"/sales/find?text={number}")["sales"][0]
        return dict(fetch(self.page, self.url, f"/sales/{found['sale_id']}"))

    # --- the shift ---

    def say_float(self, yuan: int) -> None:
        """Count the float into the drawer."""
        page = self.page
        page.get_by_test_id("more").click()
        self.look("more")
        page.get_by_test_id("more-shift").click()
        expect(page.get_by_test_id("shift-float")).to_be_visible()
        page.get_by_test_id("shift-float-key").click()
        page.keyboard.type(str(yuan))
        self.look("float")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("shift-float")).to_have_text(money(yuan * 100))
        self.drawer_fen = int(fetch(page, self.url, "/shift/x")["expected_fen"])
        self.look("shift")
        page.keyboard.press("Escape")

    def hand_over(self, pin: str, to: str) -> None:
        """Hand the till to somebody else, who signs in."""
        page = self.page
        page.get_by_test_id("more").click()
        page.get_by_test_id("more-shift").click()
        page.get_by_test_id("shift-hand-over").click()
        page.get_by_test_id(f"ask-to_person-{to}").click()
        page.get_by_test_id("ask-go").click()
        self.sign_in(pin)

    def count_and_close(self) -> dict[str, Any]:
        """Count the drawer blind, piece by piece, and make the Z; gives it as the node keeps it."""
        page = self.page
        page.get_by_test_id("more").click()
        page.get_by_test_id("more-count").click()
        expect(page.get_by_test_id("count-10000")).to_be_visible()
        assert money(self.drawer_fen) not in page.locator("body").inner_text()
        self.look("count")
        left_fen = self.drawer_fen
        for piece_fen in PIECES_FEN:
            pieces, left_fen = divmod(left_fen, piece_fen)
            page.keyboard.type(str(pieces))
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("desk-figure")).to_have_text(money(self.drawer_fen))
        page.keyboard.press("F12")
        expect(page.get_by_test_id("count-said")).to_be_visible()
        self.look("counted")
        page.keyboard.press("F12")
        page.get_by_test_id("ask-go").click()
        stay = page.get_by_test_id("sheet-open-orders").get_by_test_id("ask-go")
        expect(page.get_by_test_id("report-print").or_(stay)).to_be_visible()
        if stay.is_visible():
            stay.click()
        expect(page.get_by_test_id("report-print")).to_be_visible()
        self.look("z")
        z = fetch(page, self.url, "/shift")["last_z"]
        epoch = fetch(page, self.url, "/shift/z?limit=1")["reports"][0]["epoch"]
        return dict(fetch(page, self.url, f"/shift/z/{TILL}/{epoch}/{z}")["report"])

    # --- at the tables ---

    def open_table(self, number: str, covers: int) -> None:
        """From the plan: type the table's number, say how many guests."""
        page = self.page
        page.keyboard.press("F5")
        expect(page.locator("#plan-grid .table").first).to_be_visible()
        self.look("plan")
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("sheet-open-table")).to_be_visible()
        page.keyboard.type(str(covers))
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("slip-title")).to_have_text(f"A{number}")

    def later_course(self, dish: dict[str, Any]) -> None:
        """Put a line into the second course: it waits at the kitchen until it is fired."""
        page = self.page
        page.get_by_test_id(f"line-{dish['id']}").click()
        page.get_by_test_id("line-sheet").click()
        self.look("line sheet")
        page.get_by_test_id("line-course").click()
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        self.settled()

    def avoid(self, text: str) -> None:
        """Note what the guests must not eat."""
        page = self.page
        page.get_by_test_id("order-sheet").click()
        self.look("order sheet")
        page.get_by_test_id("order-edit").click()
        page.get_by_test_id("ask-allergies").fill(text)
        page.get_by_test_id("ask-go").click()
        expect(page.locator("#slip-avoid")).to_contain_text(text)

    def table_code(self, table_id: str) -> str:
        """The address in the QR code of a table, as a manager's sheet shows it."""
        codes = fetch(self.page, self.url, "/table-codes")["codes"]
        return str(next(one["url"] for one in codes if one["table_id"] == table_id))

    # --- the bill ---

    def split_in_two(self, card_fen: int, total_fen: int) -> None:
        """The first guest pays half by card and cash, the second the rest in cash."""
        page = self.page
        page.keyboard.press("F12")
        expect(page.get_by_test_id("pay-page")).to_be_visible()
        self.look("payment")
        page.get_by_test_id("way-split").click()
        self.look("split")
        page.get_by_test_id("split-2").click()
        first_fen = total_fen - total_fen // 2
        expect(page.get_by_test_id("pay-due")).to_have_text(money(first_fen))
        page.keyboard.type(f"{card_fen / 100:.2f}")
        page.get_by_test_id("way-card").click()
        page.keyboard.type("4711")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("pay-due")).to_have_text(money(first_fen - card_fen))
        page.get_by_test_id("pad-exact").click()
        page.keyboard.press("F12")
        expect(page.get_by_test_id("pay-due")).to_have_text(money(total_fen // 2))
        page.keyboard.press("F9")
        page.keyboard.press("F12")
        expect(page.get_by_test_id("saved")).to_be_visible()
        self.drawer_fen += total_fen - card_fen
        self.look("saved")

    def sell_for_cash(self, dish: dict[str, Any]) -> dict[str, Any]:
        """One dish over the counter and exact cash, by two keys after its code."""
        type_dish(self.page, dish["code"])
        self.page.keyboard.press("F9")
        sale = self.receipt()
        self.drawer_fen += sale["total_fen"]
        return sale

    def refund_whole(self, number: str, approver_pin: str) -> None:
        """A sale goes back whole; somebody who may gives their word at the same till."""
        page = self.page
        page.get_by_test_id("more").click()
        page.get_by_test_id("more-refund").click()
        page.get_by_test_id("find-text").fill(number)
        page.get_by_test_id(f"sale-{number}").click()
        page.get_by_test_id("refund-reason-2").click()
        self.look("refund")
        back_fen = fetch(page, self.url, f"/sales/find?text={number}")["sales"][0]["total_fen"]
        page.keyboard.press("F12")
        expect(page.get_by_test_id("sheet-approve")).to_be_visible()
        self.look("approval")
        page.keyboard.type(approver_pin)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("desk-note")).to_contain_text(money(back_fen))
        self.drawer_fen -= back_fen
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

    # --- behind the scenes ---

    def empty_house(self) -> None:
        """No table is taken: what others left is voided and ended."""
        for order in self.orders():
            path = f"/orders/{order['order_id']}"
            for line in fetch(self.page, self.url, path)["lines"]:
                if line["open_qty"]:
                    step = {"do": "void", "line_id": line["line"]["line_id"], "reason": "test"}
                    call(self.page, self.url, "POST", f"{path}/steps", {"request_id": uuid7(), "steps": [step]})
            call(self.page, self.url, "POST", f"{path}/cancel", {"request_id": uuid7()})
