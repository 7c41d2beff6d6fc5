"""The bill of an open order on paper: what a receipt says of dishes, charges and taxes, and that nothing was paid by it (pure)."""

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts import bill_parts, receipt
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import money
from sync.contract.orders import OrderBilled
from sync.contract.times import local_text
from sync.contract.trade import SalePaid


def prebill(body: OrderBilled, heading: Heading, at_ms: int, copy: int, earlier: int = 0) -> ReceiptDoc:
    """Lay out a bill.

    Args:
        at_ms: wall time at which it was asked for.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
        earlier: how many bills the guests of this order had before; from 1 on this one says its number.
    """
    locale = body.locale
    # A bill has the parts of a sale that it may become.
    shown = SalePaid(
        sale_id=body.order_id,
        till=body.till,
        number=0,
        receipt_no="",
        currency=body.currency,
        lines=body.lines,
        tenders=(),
        total_fen=body.total_fen,
        locale=locale,
        adjustments=body.adjustments,
        taxes=body.taxes,
        service=body.service,
        table=body.table,
        covers=body.covers,
    )
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        Text(word("bill", locale), align="centre", bold=True, size=2),
        *([Text(word("bill_again", locale, number=earlier + 1), align="centre")] if earlier else []),
        Text(f"{heading.store} · {word('till', locale, till=body.till)}", align="centre"),
        Columns(word("time", locale), local_text(at_ms, heading.zone)),
        *bill_parts.about(shown),
        Rule("single"),
    ]
    for position, line in enumerate(body.lines):
        elements += receipt.of_line(line, locale)
        elements += bill_parts.of_line(shown, position)
    elements += bill_parts.between(shown)
    elements.append(Rule("double"))
    left_fen = max(0, body.total_fen - body.taken_fen)
    if body.taken_fen:
        elements += [
            Columns(word("total", locale), money.plain(body.total_fen)),
            Columns(word("bill_taken", locale), money.plain(-body.taken_fen)),
        ]
    elements += [
        Columns(word("bill_due", locale), f"￥{money.plain(left_fen)}", bold=True, size=2),
        Text(word("pieces", locale, lines=len(body.lines), pieces=sum(line.qty for line in body.lines))),
        Text(word("bill_no_receipt", locale), align="centre", bold=True),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))
