"""Every kind of fact that this version reads, by lane: one table for the node's projections, its `verify`, and the hub."""

from collections.abc import Callable
from typing import Any

import msgspec

from sync.contract import (
    house_day,
    intake,
    live_codes,
    member_doors,
    members,
    operations,
    orders,
    payments,
    people,
    refunds,
    shifts,
    terminals,
    trade,
)
from sync.contract.facts import UNREADABLE, ContractError, Fact, Lane, UnknownKind

KINDS: dict[Lane, dict[str, type[msgspec.Struct]]] = {
    Lane.TRADE: {
        **trade.KINDS,
        **payments.KINDS,
        **refunds.KINDS,
        **shifts.KINDS,
        **members.KINDS,
        **member_doors.KINDS,
    },
    Lane.OPERATIONS: {
        **operations.KINDS,
        **orders.KINDS,
        **people.KINDS,
        **terminals.KINDS,
        **members.OPERATION_KINDS,
        **live_codes.OPERATION_KINDS,
        **house_day.KINDS,
        **intake.KINDS,
    },
}

_DECODERS: dict[tuple[int, str], msgspec.json.Decoder[Any]] = {
    (lane, kind): msgspec.json.Decoder(body) for lane, kinds in KINDS.items() for kind, body in kinds.items()
}
_LANES = {kind: lane for lane, kind in _DECODERS}
_CHECKS: dict[type[msgspec.Struct], Callable[[Any], None]] = {
    trade.SalePaid: trade.check_sums,
    refunds.SaleRefunded: refunds.check_sums,
    refunds.RefundCeded: refunds.check_sums,
    shifts.TillClosed: shifts.check_sums,
    members.PointsEarned: members.check_earned,
    members.PointsSpent: members.check_spent,
    members.PointsReversed: members.check_reversed,
}


def lane_of(kind: str) -> int:
    """Give the lane of a kind that this version knows.

    Raises:
        KeyError: it does not know it.
    """
    return _LANES[kind]


def read(fact: Fact) -> msgspec.Struct:
    """Read the body of a fact and check the sums that it states.

    Raises:
        UnknownKind: newer code may know it.
        ContractError: a body of another shape, or sums that do not add up.
    """
    decoder = _DECODERS.get((fact.lane, fact.kind))
    if decoder is None:
        raise UnknownKind(f"unknown kind {fact.kind}")
    try:
        body: msgspec.Struct = decoder.decode(fact.body)
    except UNREADABLE as error:
        raise ContractError(f"{fact.kind}: {error}") from error
    check = _CHECKS.get(type(body))
    if check is not None:
        check(body)
    return body
