"""The slip of what points bought (pure)."""

from dataclasses import dataclass

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract.times import local_text
from sync.contract.words import Name


@dataclass(frozen=True)
class PaperGift:
    """What points bought: handed out without a bill, so this slip is its paper."""

    name: Name
    points: int
    at_ms: int
    avoids: str = ""


def gift(said: PaperGift, heading: Heading, copy: int, locale: str) -> ReceiptDoc:
    """Lay out the slip by which a gift is handed out, at the counter or by the kitchen.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        Text(word("points_gift", locale), align="centre", bold=True, size=2),
        Columns(heading.store, local_text(said.at_ms, heading.zone)),
        Rule("single"),
        Text(f"1 × {said.name.in_locale(locale)}", bold=True, size=2),
    ]
    if said.avoids:
        elements.append(Text(word("kitchen_avoids", locale, allergies=said.avoids), bold=True, size=2))
    elements += [Columns(word("points_spent", locale), f"-{said.points}"), Feed(2), Cut()]
    return ReceiptDoc(tuple(elements))
