"""Tenders against a bill: what was handed over by which way, what is given back, what cash is rounded by (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import msgspec

from edge.domain import part_payment
from edge.domain.refusal import Refused
from sync.contract import bill, limits
from sync.contract.house import Rounding
from sync.contract.payments import PaymentKind
from sync.contract.trade import Tender

CASH = "cash"
PLATFORM = "platform"
POINTS = "points"
REST = -1
"""Said as an amount: whatever is left to pay."""

Prepaid = Callable[[str, int], Tender | Refused]
"""Gives the tender by which a payment or deposit that was taken before pays (id, what is left to pay in fen)."""


class AskedTender(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A way of paying as the cashier says it.

    Cash has `received_fen` as it was counted. Whatever was taken before its sale (a code, a part of the bill, a deposit) names its
    `payment_id`; what it is and how much the node knows itself. A card terminal and the shop's printed code name `amount_fen`, or pay
    the rest; a member's points name what they are worth. Cash alone is encoded as it was before there was anything else, so that a repeat across an update is known by its digest.
    """

    kind: Literal["cash", "code", "static_code", "card", "deposit", "platform", "points"]
    received_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.RECEIVED_FEN_MAX)] = msgspec.field(
        default_factory=lambda: 0
    )
    amount_fen: Annotated[int, msgspec.Meta(ge=REST, le=limits.SALE_TOTAL_FEN_MAX)] = REST
    payment_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    reference: Annotated[str, msgspec.Meta(max_length=limits.REFERENCE_CHARS_MAX)] = ""


@dataclass(frozen=True)
class Payment:
    """How a bill is paid: the tenders as they are booked, in the order in which they were said, and what cash was rounded by."""

    tenders: tuple[Tender, ...]
    rounding_fen: int = 0


def none_before(payment_id: str, _wanted_fen: int) -> Tender | Refused:
    """Know of no payment that was taken before."""
    return Refused("not_found", {"payment_id": payment_id})


def pay(
    total_fen: int,
    asked: Sequence[AskedTender],
    *,
    tip_fen: int = 0,
    rounding: Rounding = "none",
    prepaid: Prepaid = none_before,
    platform: bool = False,
) -> Payment | Refused:
    """Settle a bill. What was taken before pays first, then what names an amount, then what pays the rest, cash last.

    Only what cash pays of the bill itself is rounded, never a tip. Change is what cash was handed over beyond what is left.

    Args:
        total_fen: of the bill, before rounding.
        platform: the order came from a takeaway platform, so that the platform may pay.

    Returns:
        `underpaid` with what is missing; `overpaid` where something other than cash would pay more than is left; `malformed`; or
        what `prepaid` and `part_payment.handed` refuse.
    """
    refusal = _shape_refused(asked, platform=platform)
    if refusal is not None:
        return refusal
    due_fen = left_fen = total_fen + tip_fen
    booked: dict[int, Tender] = {}
    for at in sorted(range(len(asked)), key=lambda at: (_turn(asked[at]), at)):
        one = asked[at]
        if one.kind == CASH and not one.payment_id:
            continue
        tender = prepaid(one.payment_id, left_fen) if one.payment_id else _handed(one, left_fen)
        if isinstance(tender, Refused):
            return tender
        booked[at] = tender
        left_fen -= tender.amount_fen
    cash = next((at for at, one in enumerate(asked) if one.kind == CASH and not one.payment_id), None)
    if cash is None:
        if left_fen > 0:
            return Refused("underpaid", {"due_fen": due_fen, "missing_fen": left_fen})
        return Payment(tuple(booked[at] for at in sorted(booked)))
    if left_fen == 0 and booked:
        return Refused("overpaid", {"due_fen": due_fen, "left_fen": 0})
    rounding_fen = bill.round_off(max(0, left_fen - tip_fen), rounding)
    amount_fen, received_fen = left_fen + rounding_fen, asked[cash].received_fen
    if received_fen < amount_fen:
        return Refused("underpaid", {"due_fen": due_fen + rounding_fen, "missing_fen": amount_fen - received_fen})
    booked[cash] = Tender(
        kind=CASH, received_fen=received_fen, change_fen=received_fen - amount_fen, amount_fen=amount_fen
    )
    return Payment(tuple(booked[at] for at in sorted(booked)), rounding_fen)


def _shape_refused(asked: Sequence[AskedTender], *, platform: bool) -> Refused | None:
    """Refuse what cannot be a way to pay, whatever the amounts."""
    named = [one.payment_id for one in asked if one.payment_id]
    if not 1 <= len(asked) <= limits.TENDERS_MAX or len(set(named)) != len(named):
        return Refused("malformed", {"field": "tenders", "expected": f"1 to {limits.TENDERS_MAX}, each payment once"})
    if sum(1 for one in asked if one.kind == CASH and not one.payment_id) > 1:
        return Refused("malformed", {"field": "tenders", "expected": "cash once at most"})
    if any(one.kind in ("code", "deposit") and not one.payment_id for one in asked):
        return Refused("malformed", {"field": "tenders", "expected": "the payment_id of a code payment or deposit"})
    paid_by_points = [one for one in asked if one.kind == POINTS]
    if len(paid_by_points) > 1 or any(one.amount_fen < 1 or one.payment_id for one in paid_by_points):
        return Refused("malformed", {"field": "tenders", "expected": "points once at most, with their amount_fen"})
    if any(one.kind == PLATFORM for one in asked) and not platform:
        return Refused("malformed", {"field": "tenders", "expected": "platform for orders of a platform only"})
    return None


def _turn(one: AskedTender) -> int:
    if one.payment_id:
        return 0
    return 1 if one.amount_fen >= 0 else 2


def _handed(one: AskedTender, left_fen: int) -> Tender | Refused:
    amount_fen = left_fen if one.amount_fen < 0 else one.amount_fen
    if amount_fen > left_fen or left_fen == 0:
        return Refused("overpaid", {"left_fen": left_fen})
    if one.kind == POINTS:
        return Tender(kind=POINTS, received_fen=amount_fen, change_fen=0, amount_fen=amount_fen)
    if one.kind == PLATFORM:
        wrong = part_payment.check_reference(one.reference)
        if wrong is not None:
            return wrong
        return Tender(
            kind=PLATFORM, received_fen=amount_fen, change_fen=0, amount_fen=amount_fen, reference=one.reference
        )
    money = part_payment.handed(cast("PaymentKind", one.kind), amount_fen, 0, one.reference)
    if isinstance(money, Refused):
        return money
    return Tender(
        kind=money.kind,
        received_fen=money.received_fen,
        change_fen=money.change_fen,
        amount_fen=money.amount_fen,
        reference=money.reference,
        flagged=money.flagged,
    )
