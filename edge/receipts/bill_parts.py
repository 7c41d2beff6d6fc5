"""What a receipt says between its dishes and its end: table, discounts, charges, taxes, ways of paying, where to ask for an invoice.

A basket that was paid in cash has none of it but its cash, and looks as it always did.
"""

from drivers.document import Columns, Element, QrCode, Rule, Text
from edge.receipts.words import word
from sync.contract import money
from sync.contract.trade import Adjustment, SalePaid, Tender

FAPIAO_MODULE_DOTS = 4
_CASH = "cash"
_PAID = ("code", "static_code", "card", "deposit", "platform", "points")
_RATED = ("discount", "service")


def about(sale: SalePaid) -> list[Element]:
    """Say which table it was, how many guests, which part of a split bill."""
    locale = sale.locale
    said = [word(sale.service, locale)] if sale.service in ("dine_in", "takeaway", "delivery") else []
    if sale.table:
        said.append(word("table", locale, table=sale.table) if sale.service == "dine_in" else sale.table)
    if sale.covers:
        said.append(word("covers", locale, covers=sale.covers))
    if sale.platform:
        said.append(f"{sale.platform} {sale.platform_no}".strip())
    if sale.part:
        said.append(word("part", locale, part=sale.part))
    found: list[Element] = [Text(" · ".join(said))] if said else []
    if sale.replaces:
        found.append(Text(word("replaces", locale)))
    return found


def of_line(sale: SalePaid, position: int) -> list[Element]:
    """Say what a line is cheaper by, with its reason."""
    return [_adjustment(one, sale.locale, "  ") for one in sale.adjustments if one.line == position]


def between(sale: SalePaid) -> list[Element]:
    """Say what stands between the dishes and the total; nothing where that is nothing."""
    locale = sale.locale
    whole = [one for one in sale.adjustments if one.line < 0]
    added = [tax for tax in sale.taxes if not tax.included]
    if not whole and not added:
        return []
    on_lines_fen = sum(one.amount_fen for one in sale.adjustments if one.line >= 0)
    subtotal_fen = sum(line.amount_fen for line in sale.lines) + on_lines_fen
    taxes = [
        Columns(
            word("tax_on_top", locale, name=tax.name.in_locale(locale), rate=percent(tax.rate_bp)),
            money.plain(tax.tax_fen),
        )
        for tax in added
    ]
    charges = [_adjustment(one, locale) for one in whole if one.kind != "rounding"]
    rounding = [_adjustment(one, locale) for one in whole if one.kind == "rounding"]
    return [Rule("single"), Columns(word("subtotal", locale), money.plain(subtotal_fen)), *charges, *taxes, *rounding]


def paid(sale: SalePaid) -> list[Element]:
    """Say which taxes the total holds, what the tip was, and what was handed over by which way."""
    locale = sale.locale
    found: list[Element] = [
        Columns(
            "  " + word("tax_included", locale, name=tax.name.in_locale(locale), rate=percent(tax.rate_bp)),
            money.plain(tax.tax_fen),
        )
        for tax in sale.taxes
        if tax.included
    ]
    if sale.tip_fen:
        found.append(Columns(word("tip", locale), money.plain(sale.tip_fen)))
    for tender in sale.tenders:
        found += _tender(tender, locale)
    return found


def fapiao(sale: SalePaid, url: str, placed: tuple[str, str]) -> list[Element]:
    """Show where an invoice is asked for.

    Args:
        url: with places for store, number, day and amount; empty = nowhere.
        placed: store and business day.
    """
    if not url:
        return []
    return [
        Rule("dashed"),
        Text(word("fapiao", sale.locale), align="centre", bold=True),
        QrCode(fapiao_url(url, placed, sale.receipt_no, sale.total_fen), FAPIAO_MODULE_DOTS),
    ]


def fapiao_url(url: str, placed: tuple[str, str], receipt_no: str, total_fen: int) -> str:
    """Fill in the address where an invoice is asked for; `placed` is store and business day."""
    store, day = placed
    whole, part = divmod(total_fen, 100)
    fields = {"store": store, "no": receipt_no, "day": day, "amount": f"{whole}.{part:02d}"}
    for name, value in fields.items():
        url = url.replace("{" + name + "}", _quoted(value))
    return url


def _quoted(text: str) -> str:
    """Write a text so that it may stand anywhere in an address."""
    return "".join(
        one if one.isascii() and (one.isalnum() or one in "-._~") else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in text
    )


def percent(rate_bp: int) -> str:
    """Write a rate: `6%`, `8.25%`."""
    whole, part = divmod(rate_bp, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + "%"


def _adjustment(one: Adjustment, locale: str, indent: str = "") -> Columns:
    key = f"{one.kind}_rate" if one.rate_bp and one.kind in _RATED else one.kind
    text = word(key, locale, rate=percent(one.rate_bp)) if key != one.kind else word(key, locale)
    return Columns(f"{indent}{text}{f' {one.reason}' if one.reason else ''}", money.plain(one.amount_fen))


def _tender(tender: Tender, locale: str) -> list[Element]:
    if tender.kind == _CASH and not tender.payment_id:
        return [
            Columns(word("cash", locale), money.plain(tender.received_fen)),
            Columns(word("change", locale), money.plain(tender.change_fen)),
        ]
    if tender.kind == _CASH:
        return [Columns(word("paid_cash_before", locale), money.plain(tender.amount_fen))]
    key = f"paid_{tender.kind}" if tender.kind in _PAID else "paid_other"
    reference = f" {tender.reference}" if tender.reference else ""
    return [Columns(word(key, locale) + reference, money.plain(tender.amount_fen))]
