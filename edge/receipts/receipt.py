"""A paid sale becomes a receipt: everything on it comes from the facts, so a reprint says the same (pure)."""

from dataclasses import dataclass
from datetime import tzinfo

from drivers.document import Columns, Cut, Element, Feed, QrCode, ReceiptDoc, Rule, Text
from edge.receipts import bill_parts, points
from edge.receipts.points import PaperPoints
from edge.receipts.words import word
from sync.contract import codes, money, weights
from sync.contract.times import local_text
from sync.contract.trade import InviteIssued, SalePaid, SoldLine
from sync.contract.words import EN, Name

INVITE_MODULE_DOTS = 5


@dataclass(frozen=True)
class Heading:
    """What stands above every receipt of a store, and where its invites lead."""

    store: str
    name: Name
    zone: tzinfo
    guest_url: str
    fapiao_url: str = ""
    """Where invoices are asked for (`sync.contract.house.Rules`); empty = nowhere."""


def receipt(
    sale: SalePaid,
    invite: InviteIssued,
    heading: Heading,
    at_ms: int,
    copy: int,
    business_day: str = "",
    said: PaperPoints | None = None,
) -> ReceiptDoc:
    """Lay out the receipt of a sale.

    Args:
        at_ms: wall time of the sale.
        business_day: of the sale, for the address at which an invoice is asked for.
        copy: 0 for the original; from 1 on the first line says 补打 REPRINT and the number.
        said: what the bill did to points; None = nothing.
    """
    locale = sale.locale
    elements: list[Element] = []
    if copy > 0:
        elements += [Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2)]
    elements += [
        Text(heading.name.in_locale(locale), align="centre", bold=True, size=2),
        Text(f"{heading.store} · {word('till', locale, till=sale.till)}", align="centre"),
        Columns(word("number", locale), sale.receipt_no),
        Columns(word("time", locale), local_text(at_ms, heading.zone)),
        *bill_parts.about(sale),
        Rule("single"),
    ]
    for position, line in enumerate(sale.lines):
        elements += of_line(line, locale)
        elements += bill_parts.of_line(sale, position)
    elements += bill_parts.between(sale)
    elements.append(Rule("double"))
    pieces = sum(line.qty for line in sale.lines)
    elements.append(Columns(word("total", locale), f"￥{money.plain(sale.total_fen)}", bold=True, size=2))
    elements += bill_parts.paid(sale)
    elements += [
        Text(word("pieces", locale, lines=len(sale.lines), pieces=pieces)),
        *points.of_sale(said, locale),
        *bill_parts.fapiao(sale, heading.fapiao_url, (heading.store, business_day)),
        Rule("dashed"),
        Text(word("invite", locale), align="centre", bold=True),
        QrCode(codes.url(heading.guest_url, invite.code), INVITE_MODULE_DOTS),
        Text(invite.short, align="centre"),
        Text(word("invite_until", locale, day=invite.expires_day), align="centre"),
        Text(word("thanks", locale), align="centre"),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def of_line(line: SoldLine, locale: str) -> list[Element]:
    """Say what was sold: pieces, name, amount, choices, weight, note."""
    shown: list[Element] = [
        Columns(f"{line.qty} {line.name.in_locale(locale)}", money.plain(line.amount_fen)),
    ]
    separator = ", " if locale == EN else "·"
    details = [modifier.name.in_locale(locale) for modifier in line.modifiers]
    surcharge_fen = sum(one.price_fen for one in line.modifiers) + sum(part.price_fen * part.qty for part in line.parts)
    if line.per_g:
        weighed = f"{weights.kilograms(line.weight_g)} × {money.plain(line.unit_fen)}/{weights.per(line.per_g)}"
        details = [weighed, *details, *([f"+{money.plain(surcharge_fen)}"] if surcharge_fen else [])]
    elif line.qty > 1 or surcharge_fen:
        details.insert(0, f"@{money.plain(line.unit_fen + surcharge_fen)}")
    if details:
        shown.append(Text("  " + separator.join(details)))
    for part in line.parts:
        more = f" +{money.plain(part.price_fen * part.qty)}" if part.price_fen else ""
        shown.append(Text(f"  · {part.qty} {part.name.in_locale(locale)}{more}"))
    if line.note:
        shown.append(Text("  " + word("note", locale, note=line.note)))
    return shown
