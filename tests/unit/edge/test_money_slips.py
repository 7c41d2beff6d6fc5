"""Slips of money without a sale speak every language of the store, since whoever left money reads one of them."""

from zoneinfo import ZoneInfo

from drivers.document import Columns, ReceiptDoc, Text
from edge.receipts import money_slip
from edge.receipts.money_slip import Back, Held
from edge.receipts.receipt import Heading
from sync.contract.words import LOCALES, Name

HEADING = Heading("near", Name("近店", "Near"), ZoneInfo("Asia/Shanghai"), "http://localhost")
HELD = Held("1", "1-1-D00001", 1_790_000_000_000, "王女士", "2026-09-25", "card", 50_000)


def said(doc: ReceiptDoc) -> str:
    return "\n".join(
        one.text if isinstance(one, Text) else one.left for one in doc.elements if isinstance(one, Text | Columns)
    )


def test_a_deposit_and_money_that_went_back_say_it_in_both_languages_of_the_store():
    both = said(money_slip.deposit(HELD, HEADING, 0, LOCALES))
    for words in ("订金单", "Deposit", "用餐日期 For the day", "请保留", "Keep this slip"):
        assert words in both, words
    back = said(money_slip.money_back(Back("1", "1-1-D00001", 0, "code", 50_000), HEADING, 0, LOCALES))
    for words in ("退款单", "Money back", "原路退回", "the way it came"):
        assert words in back, words


def test_a_store_of_one_language_prints_that_one_only():
    only = said(money_slip.deposit(HELD, HEADING, 0, ("en",)))
    assert "订金单" not in only
    assert "Deposit" in only
