"""What a receipt says of discounts, charges, taxes and ways of paying, in both languages; of a plain cash basket nothing new."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from drivers.document import Columns, QrCode, Text
from edge.receipts.bill_parts import percent
from edge.receipts.receipt import Heading, receipt
from sync.contract import bill
from sync.contract.bill import Ask, BillLine, Why
from sync.contract.house import Rules, TaxRule
from sync.contract.trade import Adjustment, InviteIssued, SalePaid, SoldLine, SoldPart, Tender
from sync.contract.words import Name

AT_MS = 1_790_000_000_000
INVITE = InviteIssued(invite_id="00", sale_id="s", short="AB-12", code="CODE", expires_day="2026-10-21")
HEADING = Heading("qingci", Name("小馆", "Bistro"), ZoneInfo("Asia/Shanghai"), "http://127.0.0.1")
FAPIAO = "https://example.test/f?s={store}&n={no}&d={day}&a={amount}"
RULES = Rules(
    cover_fen=200,
    service_bp=1_000,
    line_tax="vat",
    charge_tax="vat",
    taxes=(
        TaxRule(id="vat", name=Name("增值税", "VAT"), rate_bp=600),
        TaxRule(id="city", name=Name("城建税", "City tax"), rate_bp=825, included=False),
    ),
)


def a_line(amount_fen, **more):
    return SoldLine(
        dish_id="d", code="1", name=Name("菜", "Dish"), qty=1, unit_fen=amount_fen, amount_fen=amount_fen, **more
    )


def a_sale(locale="en"):
    lines = [
        BillLine(a_line(3_800), rate_bp=1_000, why=Why("老客")),
        BillLine(a_line(1_200), gift=True),
        BillLine(
            a_line(
                2_000, tax="city", parts=(SoldPart(dish_id="t", code="t", name=Name("茶", "Tea"), qty=2, price_fen=0),)
            )
        ),
    ]
    made = bill.compute(lines, Ask(service="dine_in", covers=2), RULES)
    off = Adjustment(kind="rounding", amount_fen=-7)
    return SalePaid(
        sale_id="s", till="1", number=1, receipt_no="1-1-000001", currency="CNY", lines=made.lines, locale=locale,
        tenders=(Tender(kind="card", received_fen=3_000, change_fen=0, amount_fen=3_000, reference="T-9"),
                 Tender(kind="code", received_fen=1_000, change_fen=0, amount_fen=1_000, payment_id="p", reference="W1"),
                 Tender(kind="cash", received_fen=500, change_fen=0, amount_fen=500, payment_id="q"),
                 Tender(kind="cash", received_fen=5_000, change_fen=2_000, amount_fen=3_000)),
        total_fen=made.total_fen - 7, adjustments=(*made.adjustments, off), taxes=made.taxes, tip_fen=88,
        order_id="o", service="dine_in", table="A3", covers=2, part="2/3", replaces="old",
    )  # fmt: skip


def rows(sale, heading=HEADING, copy=0):
    doc = receipt(sale, INVITE, heading, AT_MS, copy, "2026-09-21")
    found = []
    for element in doc.elements:
        if isinstance(element, Columns):
            found.append(f"{element.left} | {element.right}")
        elif isinstance(element, Text):
            found.append(element.text)
        elif isinstance(element, QrCode):
            found.append(f"QR {element.data}")
    return found


def test_a_receipt_says_everything_between_the_dishes_and_the_total():
    assert rows(a_sale())[4:-5] == [
        "Eat in · Table A3 · 2 guests · Part 2/3 of the bill",
        "Made anew after a reversal",
        "1 Dish | 38.00",
        "  Discount 10% 老客 | −3.80",
        "1 Dish | 12.00",
        "  On the house | −12.00",
        "1 Dish | 20.00",
        "  · 2 Tea",
        "Subtotal | 54.20",
        "Seat charge | 4.00",
        "Service 10% | 5.42",
        "City tax 8.25% | 1.65",
        "Rounding | −0.07",
        "Total | ￥65.20",
        "  Incl. VAT 6% | 2.47",
        "Tip | 0.88",
        "Card T-9 | 30.00",
        "Code payment W1 | 10.00",
        "Cash, paid before | 5.00",
        "Received, cash | 50.00",
        "Change | 20.00",
        "3 items, 3 pieces",
    ]


def test_in_chinese_the_words_are_chinese():
    said = rows(a_sale("zh-CN"))
    for text in ("堂食 · 桌号 A3 · 2 位 · 分单 2/3", "茶位费 | 4.00", "服务费 10% | 5.42", "抹零 | −0.07", "小费 | 0.88",
                 "  赠送 | −12.00", "  含 增值税 6% | 2.47", "城建税 8.25% | 1.65", "反结账重开"):  # fmt: skip
        assert text in said


def test_a_plain_cash_receipt_has_nothing_new():
    sale = msgspec.structs.replace(
        a_sale(), lines=(a_line(3_800),), tenders=(Tender(kind="cash", received_fen=5_000, change_fen=1_200, amount_fen=3_800),),
        total_fen=3_800, adjustments=(), taxes=(), tip_fen=0, order_id="", service="", table="", covers=0, part="", replaces="",
    )  # fmt: skip
    assert rows(sale)[4:-5] == [
        "1 Dish | 38.00", "Total | ￥38.00", "Received, cash | 50.00", "Change | 12.00", "1 items, 1 pieces",
    ]  # fmt: skip


def test_an_invoice_is_asked_for_at_the_address_of_the_house():
    with_code = rows(a_sale(), Heading("qing ci", HEADING.name, HEADING.zone, HEADING.guest_url, FAPIAO))
    assert "QR https://example.test/f?s=qing%20ci&n=1-1-000001&d=2026-09-21&a=65.20" in with_code
    assert "Scan for an invoice" in with_code
    assert not any("invoice" in row for row in rows(a_sale()))


@pytest.mark.parametrize(
    ("rate_bp", "text"), [(600, "6%"), (825, "8.25%"), (1_000, "10%"), (5, "0.05%"), (1_050, "10.5%")]
)
def test_a_rate_is_written_as_people_write_it(rate_bp, text):
    assert percent(rate_bp) == text


def test_a_copy_says_the_same_under_its_mark():
    assert rows(a_sale(), copy=2) == ["补打 REPRINT 2", *rows(a_sale())]
