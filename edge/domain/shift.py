"""What a shift of a till came to, counted from its rows or from sums of them (pure); the same for an X, a Z, and a Z of long ago.

Figures, in fen:

* `gross − discounts + charges + taxes_added + rounding = sales`, `sales − refunds = net`. Tips are in none of them; the tip within a
  refund is taken off the tips.
* A way of paying has what was taken and what was given back, where it was: a tender that spends a payment or a deposit is not
  taken a second time.
* The drawer should hold `float + cash taken − cash given back + pay-ins − pay-outs − drops`.

Worked: float 300.00; a sale of 79.00 in cash; one of 50.00 by code; 20.00 of the first back in cash; 12.00 paid out for ice; 200.00
into the safe. Sales 129.00, refunds 20.00, net 109.00; the drawer should hold 300.00 + 79.00 − 20.00 − 12.00 − 200.00 = 147.00.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from edge.domain.refusal import Refused
from sync.contract.shifts import Counted, ShiftTotals, TenderTotal

CASH: Final = "cash"
UNITS_MAX: Final = 24
PIECES_MAX: Final = 100_000
UNIT_FEN_MAX: Final = 1_000_000
FLOAT_FEN_MAX: Final = 100_000_000
_TENDER_ORDER = (CASH, "code", "static_code", "card", "deposit", "platform", "points")


class Entry(NamedTuple):
    """One thing beside the sales of a shift: `pay_in`, `pay_out`, `drop`, `opened` (a float) or `handed_over`."""

    n: int
    what: str
    ref: str
    day: str
    at_ms: int
    actor: str
    note: str
    amount_fen: int


class Tally(NamedTuple):
    """Facts of one sort, added up; one fact is a tally of one.

    `what` is `sale`, `refund`, `pay_in`, `pay_out`, `drop`, `void` (whose amount is pieces), `opened` or `handed_over`. The fields behind
    `amount_fen` are those of sales; a refund has `tips_fen` below zero for the tip in it.
    """

    what: str
    platform: int
    times: int
    amount_fen: int
    gross_fen: int = 0
    discounts_fen: int = 0
    charges_fen: int = 0
    rounding_fen: int = 0
    taxes_added_fen: int = 0
    taxes_included_fen: int = 0
    tips_fen: int = 0
    covers: int = 0


class Moved(NamedTuple):
    """Money of one way that moved, added up; `times` says how often it was taken.

    `what` is `tender` (of a sale or refund), `payment`, `payment_returned`, `deposit` or `deposit_returned`.
    """

    what: str
    kind: str
    times: int
    taken_fen: int
    returned_fen: int


def totals(tallies: Sequence[Tally], moved: Sequence[Moved], receipts: tuple[str, str] = ("", "")) -> ShiftTotals:
    """Count a shift from its tallies.

    Args:
        receipts: the numbers of its first and last receipt.
    """
    sales = [one for one in tallies if one.what == "sale"]
    refunds = [one for one in tallies if one.what == "refund"]
    by_platform = [one for one in sales if one.platform]
    sales_fen = sum(one.amount_fen for one in sales)
    refunds_fen = sum(one.amount_fen for one in refunds)
    return ShiftTotals(
        sales=sum(one.times for one in sales),
        sales_fen=sales_fen,
        gross_fen=sum(one.gross_fen for one in sales),
        discounts_fen=sum(one.discounts_fen for one in sales),
        charges_fen=sum(one.charges_fen for one in sales),
        rounding_fen=sum(one.rounding_fen for one in sales),
        taxes_added_fen=sum(one.taxes_added_fen for one in sales),
        taxes_included_fen=sum(one.taxes_included_fen for one in sales),
        tips_fen=sum(one.tips_fen for one in tallies),
        refunds=sum(one.times for one in refunds),
        refunds_fen=refunds_fen,
        net_fen=sales_fen - refunds_fen,
        covers=sum(one.covers for one in sales),
        voids=_sum(tallies, "void"),
        platform_sales=sum(one.times for one in by_platform),
        platform_fen=sum(one.amount_fen for one in by_platform),
        tenders=_tenders(moved),
        pay_in_fen=_sum(tallies, "pay_in"),
        pay_out_fen=_sum(tallies, "pay_out"),
        drop_fen=_sum(tallies, "drop"),
        deposits_taken_fen=sum(one.taken_fen for one in moved if one.what == "deposit"),
        deposits_returned_fen=sum(one.returned_fen for one in moved if one.what == "deposit_returned"),
        first_no=receipts[0],
        last_no=receipts[1],
    )


def float_of(beside: Iterable[Entry]) -> int | None:
    """Give the float that was said last; None while nobody said one."""
    said = [entry.amount_fen for entry in beside if entry.what == "opened"]
    return said[-1] if said else None


def expected(float_fen: int, counted: ShiftTotals) -> int:
    """Say what the drawer should hold."""
    cash = next((one for one in counted.tenders if one.kind == CASH), None)
    taken_fen = 0 if cash is None else cash.taken_fen - cash.returned_fen
    return float_fen + taken_fen + counted.pay_in_fen - counted.pay_out_fen - counted.drop_fen


def count(counted: Sequence[Counted]) -> int | Refused:
    """Add up what was counted by note and coin.

    Returns:
        `bad_count` where a unit stands twice or is none, or there are more pieces than anybody has.
    """
    units = [one.unit_fen for one in counted]
    sound = len(units) <= UNITS_MAX and len(set(units)) == len(units)
    sound = sound and all(0 < one.unit_fen <= UNIT_FEN_MAX and 0 <= one.pieces <= PIECES_MAX for one in counted)
    if not sound:
        return Refused("bad_count", {"units_max": UNITS_MAX, "pieces_max": PIECES_MAX})
    return sum(one.unit_fen * one.pieces for one in counted)


def needs_reason(variance_fen: int, limit_fen: int) -> bool:
    """Say whether a difference is one that somebody must explain."""
    return abs(variance_fen) > limit_fen


def _sum(tallies: Iterable[Tally], what: str) -> int:
    return sum(one.amount_fen for one in tallies if one.what == what)


def _tenders(moved: Sequence[Moved]) -> tuple[TenderTotal, ...]:
    kinds = {one.kind for one in moved}
    known = [kind for kind in _TENDER_ORDER if kind in kinds]
    return tuple(
        TenderTotal(
            kind=kind,
            count=sum(one.times for one in moved if one.kind == kind),
            taken_fen=sum(one.taken_fen for one in moved if one.kind == kind),
            returned_fen=sum(one.returned_fen for one in moved if one.kind == kind),
        )
        for kind in (*known, *sorted(kinds - set(known)))
    )
