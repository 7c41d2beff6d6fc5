"""Tenders against a total: what was handed over, what is given back."""

from typing import Annotated, Literal

import msgspec

from edge.domain.refusal import Refused
from sync.contract import limits
from sync.contract.trade import Tender


class CashTender(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cash as the cashier counted it."""

    kind: Literal["cash"]
    received_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.RECEIVED_FEN_MAX)]


def pay(total_fen: int, tenders: tuple[CashTender, ...]) -> tuple[Tender, ...] | Refused:
    """Settle a total with one cash tender; change is what was handed over beyond it.

    Returns:
        The tender as it is booked, or `underpaid` with what is missing.
    """
    if len(tenders) != 1:
        return Refused("malformed", {"field": "tenders", "expected": "exactly one cash tender"})
    received_fen = tenders[0].received_fen
    if received_fen < total_fen:
        return Refused("underpaid", {"due_fen": total_fen, "missing_fen": total_fen - received_fen})
    return (Tender(kind="cash", received_fen=received_fen, change_fen=received_fen - total_fen, amount_fen=total_fen),)
