"""The words on paper, in the two languages; paper has its own short catalogue because layout depends on them."""

from sync.contract.words import EN

_WORDS: dict[str, tuple[str, str]] = {
    "reprint": ("补打 REPRINT {copy}", "补打 REPRINT {copy}"),
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
