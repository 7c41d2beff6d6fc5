"""The slip of a live code (pure): for a table without its stand, a ticket of the queue, a badge that was lost."""

from drivers.document import Cut, Element, Feed, QrCode, ReceiptDoc, Text
from edge.receipts.receipt import INVITE_MODULE_DOTS, Heading
from edge.receipts.words import word
from sync.contract import live_codes
from sync.contract.live_codes import LiveCode


def slip(live: LiveCode, base: str, heading: Heading, copy: int, locale: str) -> ReceiptDoc:
    """Lay out the slip of a code.

    Args:
        base: what the address begins with: HQ's, or the node's in the shop's network.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        *(Text(one, align="centre", bold=True) for one in dict.fromkeys((live.label.zh, live.label.en))),
        QrCode(live_codes.url(base, live.code), INVITE_MODULE_DOTS),
        Text(live_codes.short(live.code_id), align="centre"),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))
