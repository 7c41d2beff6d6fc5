"""A sale becomes a kitchen docket: what one station has to cook, in big type and never with a price (pure)."""

from collections.abc import Sequence

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import weights
from sync.contract.times import local_text
from sync.contract.trade import SalePaid, SoldLine
from sync.contract.words import ZH

KITCHEN: str = ZH
"""The language of the kitchen; the guest's receipt has its own."""


def docket(
    sale: SalePaid, station: str, lines: Sequence[SoldLine], heading: Heading, at_ms: int, copy: int
) -> ReceiptDoc:
    """Lay out the docket of one station.

    Args:
        lines: those of the sale that this station cooks.
        at_ms: wall time of the sale.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", KITCHEN, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Columns(station, word("till", KITCHEN, till=sale.till), bold=True),
        Text(sale.receipt_no, align="centre", bold=True, size=2),
        Columns(word("time", KITCHEN), local_text(at_ms, heading.zone)),
        Rule("single"),
    ]
    for line in lines:
        elements += _line(line)
    elements += [
        Rule("single"),
        Text(word("pieces", KITCHEN, lines=len(lines), pieces=sum(line.qty for line in lines))),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def _line(line: SoldLine) -> list[Element]:
    amount = weights.kilograms(line.weight_g) if line.per_g else f"{line.qty} ×"
    shown: list[Element] = [Text(f"{amount} {line.name.in_locale(KITCHEN)}", bold=True, size=2)]
    if line.modifiers:
        shown.append(Text("  " + "·".join(modifier.name.in_locale(KITCHEN) for modifier in line.modifiers), size=2))
    if line.note:
        shown.append(Text("  " + word("note", KITCHEN, note=line.note), bold=True, size=2))
    return shown
