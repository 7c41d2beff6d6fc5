"""The words on paper, in the two languages; paper has its own short catalogue because layout depends on them."""

from sync.contract.words import EN

_WORDS: dict[str, tuple[str, str]] = {
    "reprint": ("补打 REPRINT {copy}", "补打 REPRINT {copy}"),
    "moved": ("原打印机 {printer} / ORIGINAL PRINTER {printer}", "原打印机 {printer} / ORIGINAL PRINTER {printer}"),
    "test": ("测试页", "Test slip"),
    "test_ok": ("下一行右边应对齐", "The right edges below must stand in one line"),
    "profile": ("打印机型号", "Profile"),
    "width": ("纸宽", "Paper"),
    "width_of": ("{columns} 列 {dots} 点", "{columns} columns, {dots} dots"),
    "till": ("收银台 {till}", "Till {till}"),
    "number": ("单号", "No."),
    "time": ("时间", "Time"),
    "day": ("营业日", "Business day"),
    "total": ("合计", "Total"),
    "cash": ("实收 现金", "Received, cash"),
    "change": ("找零", "Change"),
    "pieces": ("共 {lines} 项 {pieces} 份", "{lines} items, {pieces} pieces"),
    "note": ("备注 {note}", "Note {note}"),
    "invite": ("扫码入会", "Scan to join"),
    "invite_until": ("{day} 前有效", "Valid until {day}"),
    "thanks": ("谢谢惠顾", "Thank you"),
}


def word(key: str, locale: str, **values: object) -> str:
    """Give the words for a key in a locale, filled in.

    Raises:
        KeyError: there is no such key; our own mistake.
    """
    zh, en = _WORDS[key]
    return (en if locale == EN else zh).format(**values)
