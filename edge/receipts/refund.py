"""A refund becomes a slip for the guest: what went back of which receipt, and by which ways (pure)."""

from collections.abc import Sequence

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts import points
from edge.receipts.points import PaperBack
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import money
from sync.contract.refunds import SaleRefunded
from sync.contract.times import local_text
from sync.contract.words import Name

_WAYS = frozenset({"cash", "code", "static_code", "card", "platform", "points"})


def refund(
    body: SaleRefunded,
    dishes: Sequence[Name],
    heading: Heading,
    at_ms: int,
    copy: int,
    approver: str = "",
    said: PaperBack | None = None,
) -> ReceiptDoc:
    """Lay out the slip of a refund.

    Args:
        dishes: the names of the lines of its sale; empty where the sale cannot be read any more.
        at_ms: wall time of the refund.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
        approver: the name of who else allowed it.
        said: what it did to points; None = nothing.
    """
    locale = body.locale
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        Text(word("refund", locale), align="centre", bold=True, size=2),
        Text(f"{heading.store} · {word('till', locale, till=body.till)}", align="centre"),
        Columns(word("number", locale), body.receipt_no),
        Columns(word("time", locale), local_text(at_ms, heading.zone)),
        Columns(word("refund_of", locale), body.sale_receipt_no),
        Columns(word("refund_day", locale), body.sale_day),
        Rule("single"),
    ]
    for line in body.lines:
        name = dishes[line.line].in_locale(locale) if line.line < len(dishes) else f"#{line.line + 1}"
        elements.append(Columns(f"{line.qty} {name}", money.plain(-line.amount_fen)))
    if body.lines:
        elements.append(Rule("single"))
    elements.append(Columns(word("refunded", locale), f"￥{money.plain(-body.amount_fen)}", bold=True, size=2))
    if body.tip_fen:
        elements.append(Columns(word("refund_tip", locale), money.plain(-body.tip_fen)))
    for tender in body.tenders:
        way = (
            word(f"back_{tender.kind}", locale)
            if tender.kind in _WAYS
            else word("back_other", locale, kind=tender.kind)
        )
        elements.append(Columns(way, money.plain(tender.amount_fen)))
    elements += points.of_refund(said, locale)
    if any(tender.queued for tender in body.tenders):
        elements.append(Text(word("refund_queued", locale), bold=True))
    if body.reopened_as:
        elements.append(Text(word("refund_reopened", locale)))
    elements.append(Text(word("reason", locale, reason=body.reason)))
    if approver:
        elements.append(Text(word("approved", locale, person=approver)))
    elements += [Feed(1), Text(word("guest_signs", locale)), Feed(2), Rule("single"), Feed(2), Cut()]
    return ReceiptDoc(tuple(elements))
