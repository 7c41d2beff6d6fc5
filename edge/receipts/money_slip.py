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


def deposit(held: Held, heading: Heading, copy: int, locales: tuple[str, ...] = (ZH,)) -> ReceiptDoc:
    """Lay out the slip of a deposit.

    Args:
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
        locales: the languages of the store, its first one first: whoever left money reads one of them.
    """
    elements = [
        *_head("deposit_slip", held.till, heading, copy, locales),
        Columns(_said("number", locales), held.receipt_no),
        Columns(_said("time", locales), local_text(held.at_ms, heading.zone)),
        Columns(_said("deposit_label", locales), held.label),
        Columns(_said("deposit_for", locales), held.for_day),
        Rule("double"),
        *_figure("deposit_paid", held.amount_fen, locales),
        Columns(_way("way", held.kind, locales), money.plain(held.amount_fen)),
        *(Text(word("deposit_keep", locale)) for locale in locales),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def money_back(back: Back, heading: Heading, copy: int, locales: tuple[str, ...] = (ZH,)) -> ReceiptDoc:
    """Lay out the slip of money that went back; a code payment is on its way by the gateway, and the slip says so."""
    elements = [
        *_head("money_back", back.till, heading, copy, locales),
        *([Columns(_said("number", locales), back.number)] if back.number else []),
        Columns(_said("time", locales), local_text(back.at_ms, heading.zone)),
        Rule("double"),
        *_figure("refunded", -back.amount_fen, locales),
        Columns(_way("back", back.kind, locales), money.plain(back.amount_fen)),
    ]
    if back.kind == "code":
        elements += [Text(word("refund_queued", locale), bold=True) for locale in locales]
    elements += [Feed(1), Text(_said("guest_signs", locales)), Feed(2), Rule("single"), Feed(2), Cut()]
    return ReceiptDoc(tuple(elements))


def _head(title: str, till: str, heading: Heading, copy: int, locales: tuple[str, ...]) -> list[Element]:
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locales[0], copy=copy), align="centre", bold=True, size=2))
    elements += [
        Text(heading.name.in_locale(locales[0]), align="centre", bold=True, size=2),
        *(Text(word(title, locale), align="centre", bold=True, size=2) for locale in locales),
        Text(f"{heading.store} · {_said('till', locales, till=till)}", align="centre"),
    ]
    return elements


def _figure(key: str, amount_fen: int, locales: tuple[str, ...]) -> list[Element]:
    """Give the big figure; in double size one line has room for one language."""
    first, *others = locales
    return [
        Columns(word(key, first), f"￥{money.plain(amount_fen)}", bold=True, size=2),
        *(Text(word(key, other)) for other in others),
    ]


def _said(key: str, locales: tuple[str, ...], **values: object) -> str:
    """Give a short word in every language of the store."""
    return " ".join(dict.fromkeys(word(key, locale, **values) for locale in locales))


def _way(prefix: str, kind: str, locales: tuple[str, ...]) -> str:
    return _said(f"{prefix}_{kind}", locales) if kind in _WAYS else kind
