"""The facts of a till's shift (lane 0): opened with a float, cash in and out, handed over, counted blind and closed with a Z.

A shift of a till is what happens there between two closes, in the order of the journal; a sale at a till that nobody opened belongs to
its running shift all the same, whose float then counts as zero until it is said.
"""

from typing import Literal

import msgspec

from sync.contract.facts import ContractError

OPENED = "till.opened"
HANDED_OVER = "till.handed_over"
CLOSED = "till.closed"
CASH_MOVED = "cash.moved"

CashMove = Literal["pay_in", "pay_out", "drop"]


class TillOpened(msgspec.Struct, frozen=True, kw_only=True):
    """The float of a till was counted; said again within a shift it replaces what was said before."""

    till: str
    float_fen: int


class TillHandedOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another person goes on at a till without a Z; `counted_fen` where the cash was counted for it, −1 where not."""

    till: str
    to_person: str
    counted_fen: int = -1


class CashMoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cash went into the drawer or out of it beside any sale: paid in, paid out, or dropped into the safe."""

    move_id: str
    till: str
    move: CashMove
    amount_fen: int
    reason: str
    approved_by: str = ""
    approval_id: str = ""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a note or coin."""

    unit_fen: int
    pieces: int


class TenderTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one way of paying came to: taken in, given back, and what is left of it."""

    kind: str
    count: int
    taken_fen: int
    returned_fen: int


class ShiftTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an X or a Z says about a shift, in fen; `gross − discounts + charges + taxes_added + rounding = sales_fen`.

    `net_fen` is sales less refunds. Platform orders are among the sales, and stand alone as well.
    """

    sales: int
    sales_fen: int
    gross_fen: int
    discounts_fen: int
    charges_fen: int
    rounding_fen: int
    taxes_added_fen: int
    taxes_included_fen: int
    tips_fen: int
    refunds: int
    refunds_fen: int
    net_fen: int
    covers: int
    voids: int
    platform_sales: int
    platform_fen: int
    tenders: tuple[TenderTotal, ...]
    pay_in_fen: int
    pay_out_fen: int
    drop_fen: int
    deposits_taken_fen: int
    deposits_returned_fen: int
    first_no: str
    last_no: str


class TillClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A shift ended with its Z: counted blind, then compared. `z` is gapless per till and epoch.

    `expected_fen` is what the drawer should hold, `counted_fen` what it held, `variance_fen` the one less the other. `grand_total_fen` runs
    over all shifts of the epoch and never falls; `chain` is the hash (hex) of the trade lane's head right before this fact.
    """

    till: str
    z: int
    float_fen: int
    counted: tuple[Counted, ...]
    counted_fen: int
    expected_fen: int
    variance_fen: int
    reason: str
    left_fen: int
    """What stays in the drawer for the next shift."""
    totals: ShiftTotals
    grand_total_fen: int
    open_orders: int
    days: tuple[str, ...]
    chain: str
    chain_seq: int


KINDS: dict[str, type[msgspec.Struct]] = {
    OPENED: TillOpened,
    HANDED_OVER: TillHandedOver,
    CLOSED: TillClosed,
    CASH_MOVED: CashMoved,
}


def check_sums(closed: TillClosed) -> None:
    """Add a Z up.

    Raises:
        ContractError: count, variance or totals contradict each other.
    """
    if sum(one.unit_fen * one.pieces for one in closed.counted) != closed.counted_fen:
        raise ContractError(f"Z {closed.till}-{closed.z}: the count does not add up")
    if closed.counted_fen - closed.expected_fen != closed.variance_fen:
        raise ContractError(f"Z {closed.till}-{closed.z}: the variance is not counted less expected")
    totals = closed.totals
    made_fen = (
        totals.gross_fen - totals.discounts_fen + totals.charges_fen + totals.taxes_added_fen + totals.rounding_fen
    )
    if made_fen != totals.sales_fen or totals.sales_fen - totals.refunds_fen != totals.net_fen:
        raise ContractError(f"Z {closed.till}-{closed.z}: the totals do not add up")
