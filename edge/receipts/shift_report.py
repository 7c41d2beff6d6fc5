"""The X and the Z of a till on paper: the same figures in the same order (pure).

The Z carries the head of the trade lane's chain (its first 12 hex digits) and the grand total: paper in a drawer by which a journal that was
cut or made anew is found out.
"""

from dataclasses import dataclass

from drivers.document import Columns, Cut, Element, Feed, ReceiptDoc, Rule, Text
from edge.receipts.receipt import Heading
from edge.receipts.words import word
from sync.contract import money
from sync.contract.shifts import ShiftTotals, TillClosed
from sync.contract.times import local_text

CHAIN_DIGITS = 12
_WAYS = frozenset({"cash", "code", "static_code", "card", "deposit", "platform", "points"})


@dataclass(frozen=True)
class Head:
    """What stands above a report: the till, who asked for it, when, and in which language."""

    heading: Heading
    till: str
    person: str
    at_ms: int
    locale: str


def x_report(head: Head, totals: ShiftTotals, drawer: tuple[int, int], copy: int = 0) -> ReceiptDoc:
    """Lay out the figures of a running shift.

    Args:
        drawer: float and what the drawer should hold.
        copy: from 1 on the first line says 补打 REPRINT and the number.
    """
    locale = head.locale
    float_fen, expected_fen = drawer
    elements = _top(head, word("x_report", locale), copy)
    elements += _figures(totals, locale)
    elements += _drawer(totals, float_fen, expected_fen, locale)
    return ReceiptDoc((*elements, Feed(2), Cut()))


def z_report(head: Head, closed: TillClosed, copy: int) -> ReceiptDoc:
    """Lay out the close of a shift; `copy` from 1 on is marked."""
    locale = head.locale
    totals = closed.totals
    elements = _top(head, word("z_report", locale), copy)
    elements.append(Columns(word("z_number", locale), str(closed.z), bold=True))
    if closed.days:
        elements.append(Text(word("days", locale, days=", ".join(closed.days))))
    if totals.first_no:
        elements.append(Text(word("receipts", locale, first=totals.first_no, last=totals.last_no)))
    elements += _figures(totals, locale)
    elements += _drawer(totals, closed.float_fen, closed.expected_fen, locale)
    for one in closed.counted:
        if one.pieces:
            elements.append(
                Columns(f"  {money.plain(one.unit_fen)} × {one.pieces}", money.plain(one.unit_fen * one.pieces))
            )
    elements += [
        Columns(word("counted", locale), money.plain(closed.counted_fen), bold=True),
        Columns(word("variance", locale), money.plain(closed.variance_fen), bold=True),
    ]
    if closed.reason:
        elements.append(Text(word("reason", locale, reason=closed.reason)))
    elements.append(Columns(word("left_in", locale), money.plain(closed.left_fen)))
    if closed.open_orders:
        elements.append(Text(word("open_orders", locale, count=closed.open_orders)))
    elements += [
        Rule("double"),
        Columns(word("grand_total", locale), money.plain(closed.grand_total_fen), bold=True),
        Text(word("chain", locale, seq=closed.chain_seq, chain=closed.chain[:CHAIN_DIGITS])),
        Text(word("closed_by", locale, person=head.person)),
        Feed(2),
        Cut(),
    ]
    return ReceiptDoc(tuple(elements))


def _top(head: Head, title: str, copy: int) -> list[Element]:
    locale, heading = head.locale, head.heading
    elements: list[Element] = []
    if copy > 0:
        elements.append(Text(word("reprint", locale, copy=copy), align="centre", bold=True, size=2))
    return [
        *elements,
        Text(heading.name.in_locale(locale), align="centre", bold=True),
        Text(title, align="centre", bold=True, size=2),
        Text(f"{heading.store} · {word('till', locale, till=head.till)}", align="centre"),
        Columns(word("time", locale), local_text(head.at_ms, heading.zone)),
    ]


def _figures(totals: ShiftTotals, locale: str) -> list[Element]:
    def row(key: str, amount_fen: int, **values: object) -> list[Element]:
        return [Columns(word(key, locale, **values), money.plain(amount_fen))] if amount_fen else []

    elements: list[Element] = [
        Rule("single"),
        *row("gross", totals.gross_fen),
        *row("discounts", -totals.discounts_fen),
        *row("charges", totals.charges_fen),
        *row("taxes_added", totals.taxes_added_fen),
        *row("rounding", totals.rounding_fen),
        Columns(word("sales", locale, count=totals.sales), money.plain(totals.sales_fen), bold=True),
        *row("refunds", -totals.refunds_fen, count=totals.refunds),
        Columns(word("net", locale), money.plain(totals.net_fen), bold=True),
        *row("taxes_included", totals.taxes_included_fen),
        *row("tips", totals.tips_fen),
        *row("platforms", totals.platform_fen, count=totals.platform_sales),
        *row("deposits_in", totals.deposits_taken_fen),
        *row("deposits_out", -totals.deposits_returned_fen),
    ]
    if totals.covers:
        elements.append(Columns(word("guests", locale), str(totals.covers)))
    if totals.voids:
        elements.append(Columns(word("voids", locale), str(totals.voids)))
    if totals.tenders:
        elements += [Rule("single"), Text(word("ways", locale), bold=True)]
    for one in totals.tenders:
        way = word(f"way_{one.kind}", locale) if one.kind in _WAYS else one.kind
        elements.append(Columns(word("way_line", locale, way=way, count=one.count), money.plain(one.taken_fen)))
        if one.returned_fen:
            elements.append(Columns(word("way_back", locale), money.plain(-one.returned_fen)))
    return elements


def _drawer(totals: ShiftTotals, float_fen: int, expected_fen: int, locale: str) -> list[Element]:
    cash = sum(one.taken_fen - one.returned_fen for one in totals.tenders if one.kind == "cash")
    rows = [
        ("float", float_fen),
        ("way_cash", cash),
        ("pay_in", totals.pay_in_fen),
        ("pay_out", -totals.pay_out_fen),
        ("drop", -totals.drop_fen),
    ]
    shown = [Columns(word(key, locale), money.plain(fen)) for key, fen in rows if fen or key == "float"]
    return [
        Rule("single"),
        Text(word("drawer", locale), bold=True),
        *shown,
        Columns(word("expected", locale), money.plain(expected_fen), bold=True),
    ]
