"""What a guest keeps of money without a sale: the slip of a deposit, and of what went back before any sale used it (pure)."""

from dataclasses import dataclass

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import money
from sync.contract.times import local_text
from sync.contract.words import ZH

_WAYS = frozenset({"cash", "code", "static_code", "card"})


@dataclass(frozen=True)
class Held:
    """A deposit as its slip says it."""

    till: str
    receipt_no: str
    at_ms: int
    label: str
    for_day: str
    kind: str
    amount_fen: int


@dataclass(frozen=True)
class Back:
    """Money that went back: `number` of the deposit, or the gateway's or terminal's own number of the payment; may be empty."""

    till: str
    number: str
    at_ms: int
    kind: str
    amount_fen: int


def deposit(held: Held, heading: Heading, copy: int, locale: str = ZH) -> ReceiptDoc:
    """Lay out the slip of a deposit.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
    """
    elements = [
        *_head("deposit_slip", held.till, heading, copy, locale),
        Columns(word("number", locale), held.receipt_no),
        Columns(word("time", locale), local_text(held.at_ms, heading.zone)),
        Columns(word("deposit_label", locale), held.label),
        Columns(word("deposit_for", locale), held.for_day),
        Rule("double"),
        Columns(word("deposit_paid", locale), f"￥{money.plain(held.amount_fen)}", bold=True, size=2),
        Columns(_way("way", held.kind, locale), money.plain(held.amount_fen)),
        Text(word("deposit_keep", locale)),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def money_back(back: Back, heading: Heading, copy: int, locale: str = ZH) -> ReceiptDoc:
    """Lay out the slip of money that went back; a code payment is on its way by the gateway, and the slip says so."""
    elements = [
        *_head("money_back", back.till, heading, copy, locale),
        *([Columns(word("number", locale), back.number)] if back.number else []),
        Columns(word("time", locale), local_text(back.at_ms, heading.zone)),
        Rule("double"),
        Columns(word("refunded", locale), f"￥{money.plain(-back.amount_fen)}", bold=True, size=2),
        Columns(_way("back", back.kind, locale), money.plain(back.amount_fen)),
    ]
    if back.kind == "code":
        elements.append(Text(word("refund_queued", locale), bold=True))
    elements += [Feed(1), Text(word("guest_signs", locale)), Feed(2), Rule("single"), Feed(2), Cut()]
    return ReceiptDoc(tuple(elements))


def _head(title: str, till: str, heading: Heading, copy: int, locale: str) -> list[Element]:
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        Text(word(title, locale), align="centre", bold=True, size=2),
        Text(f"{heading.store} · {word('till', locale, till=till)}", align="centre"),
    ]
    return elements


def _way(prefix: str, kind: str, locale: str) -> str:
    return word(f"{prefix}_{kind}", locale) if kind in _WAYS else kind
