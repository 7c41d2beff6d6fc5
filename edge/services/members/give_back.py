"""What a refund does to points: what its sale earned goes, what it cost comes back to the very lots that it was drawn from.

Points that went already are answered for in one of three ways (membership.md §6.3): the member owes them (the default, down to
`Rules.negative_floor`), they are paid in cash at the worth of points, or a manager lets them go. It is shown before the refund is
confirmed. What comes back of a spend comes as points, whatever the rest comes back as; all parts together come to the whole.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from edge.db import members
from edge.domain.payment import POINTS
from edge.domain.refund import Earlier, Plan
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.deeds import Deed
from edge.services.members import known
from edge.services.node import Node
from edge.services.people.permit import NOBODY_ASKED, Permitted, permit
from sync.contract import ledger, points, shifts
from sync.contract import members as contract
from sync.contract.ledger import Draw
from sync.contract.members import PointsEarned, PointsReversed, PointsSpent, SpentLot
from sync.contract.points import Earned
from sync.contract.refunds import RefundTender
from sync.contract.trade import SalePaid
from sync.node.database import Reader

Way = Literal["owe", "cash", "waive"]
"""How points are answered for that the member has no more."""
NOT_MONEY = frozenset({POINTS, "platform"})
CASH_REASON = "points"


class PointsBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a refund does to points. `missing` of `taken` were spent already: they are owed, or cost `missing_fen` in cash.

    `balance` is the member's after the refund as this store knows it; None for a bill that nobody claimed.
    """

    taken: int = 0
    returned: int = 0
    missing: int = 0
    missing_fen: int = 0
    balance: int | None = None


class Planned(NamedTuple):
    """A reversal that was worked out."""

    told: PointsBack
    member_id: str
    invite_id: str
    lots: tuple[SpentLot, ...]
    risk: int
    floor: bool
    """The member may not owe so much."""


def plan(node: Node, reader: Reader, sale: SalePaid, earlier: Earlier, planned: Plan) -> Planned | None:
    """Work out what a refund does to points; None where it does nothing."""
    ref = f"sale:{sale.sale_id}"
    earned, spent = members.earning_of(reader, ref), members.spend_of(reader, ref)
    before = members.reversals_of(reader, sale.sale_id)
    taken = 0 if earned is None else _taken(reader, earned, before, earlier, planned)
    back = 0 if spent is None else _back(spent, before, earlier.tenders, planned.tenders)
    if not taken and not back:
        return None
    lots, risk = ((), 0) if spent is None or not back else _returned(node, reader, spent, before, back)
    owner = ""
    if earned is not None and taken:
        owner = earned.member_id or members.claimed_here(reader, earned.invite_id)
    who = owner or ("" if spent is None else spent.member_id)
    one = known.find(node, reader, who, opens=False) if who else None
    rules = known.rules(reader)
    missing, balance = 0, None
    if one is not None:
        # What comes back now is theirs, and what is taken is taken of it, too.
        have = one.net + back
        balance = have - taken
        missing = min(taken, max(0, taken - max(0, have)))
    return Planned(
        told=PointsBack(
            taken=taken,
            returned=back,
            missing=missing,
            missing_fen=-(-missing * rules.step_fen // rules.step),
            balance=balance,
        ),
        member_id=who,
        invite_id="" if earned is None or not taken else earned.invite_id,
        lots=lots,
        risk=risk,
        floor=balance is not None and missing > 0 and balance < -rules.negative_floor,
    )


def check(deed: Deed, planned: Planned | None, way: Way, refund_id: str, approval_id: str) -> Permitted | Refused:
    """Say whether points may be answered for in a way.

    Returns:
        `points_floor` with what is missing where the member may not owe so much; what `permit` refuses for letting them go.
    """
    if planned is None or not planned.told.missing:
        return NOBODY_ASKED
    if way == "waive":
        return permit(deed, Action.WAIVE_POINTS, refund_id, About(amount_fen=planned.told.missing_fen), approval_id)
    if way == "owe" and planned.floor:
        return Refused("points_floor", msgspec.to_builtins(planned.told))
    return NOBODY_ASKED


def write(deed: Deed, planned: Planned | None, way: Way, refund_id: str, sale_id: str, allowed: Permitted) -> int:
    """Write it, beside the refund; gives what the guest pays in cash for points that are gone, in fen."""
    if planned is None:
        return 0
    missing = planned.told.missing
    paid = missing if way == "cash" else 0
    paid_fen = planned.told.missing_fen if paid else 0
    body = PointsReversed(
        post_id=deed.node.ids.uuid7().hex(),
        refund_id=refund_id,
        sale_id=sale_id,
        member_id=planned.member_id,
        invite_id=planned.invite_id,
        taken=planned.told.taken,
        paid=paid,
        paid_fen=paid_fen,
        waived=missing if way == "waive" else 0,
        returned=planned.lots,
        returned_risk=planned.risk,
        approved_by=allowed.approved_by,
        approval_id=allowed.approval_id,
    )
    deed.write(contract.POINTS_REVERSED, body)
    if paid_fen:
        assert deed.who is not None
        # The drawer counts it: it is money that no bill took in.
        moved = shifts.CashMoved(
            move_id=body.post_id, till=deed.who.till, move="pay_in", amount_fen=paid_fen, reason=CASH_REASON
        )
        deed.write(shifts.CASH_MOVED, moved)
    return paid_fen


def regain(deed: Deed, refund_id: str, sale_id: str) -> None:
    """Bring back what a refund took that another store never gave; the hub gives it to whoever has the receipt's points."""
    told = members.reversal_of(deed.tx, refund_id, sale_id)
    earned = members.earning_of(deed.tx, f"sale:{sale_id}")
    if told is None or earned is None or not told.taken:
        return
    body = PointsEarned(
        post_id=deed.node.ids.uuid7().hex(),
        idem=f"regained:{refund_id}",
        by="regained",
        ref=earned.ref,
        points=told.taken,
        from_day=earned.from_day,
        last_day=earned.last_day,
        member_id=earned.member_id,
        invite_id=earned.invite_id,
        rules=earned.rules,
    )
    deed.write(contract.POINTS_EARNED, body)


def of_refund(reader: Reader, refund_id: str, sale_id: str) -> PointsBack | None:
    """Say again what a refund did to points; None where it did nothing. The balance then is not kept."""
    body = members.reversal_of(reader, refund_id, sale_id)
    if body is None:
        return None
    returned = sum(lot.qty for lot in body.returned) + body.returned_risk
    return PointsBack(
        taken=body.taken,
        returned=returned,
        missing=body.paid + body.waived,
        missing_fen=body.paid_fen,
    )


def _taken(reader: Reader, earned: PointsEarned, before: list[PointsReversed], earlier: Earlier, planned: Plan) -> int:
    rules = known.rules_of(reader, earned.rules)
    seen = Earned(earned.points, earned.base_fen, earned.multiplier_bp, earned.capped)
    # Of the whole, less what was taken already: a part that another store was to give back and did not is not taken twice.
    gone_fen = _base_fen([*earlier.tenders, *planned.tenders], earlier.tip_fen + planned.tip_fen)
    already = sum(one.taken for one in before)
    return max(0, min(earned.points, points.taken_back(rules, seen, 0, gone_fen)) - already)


def _base_fen(tenders: Iterable[RefundTender], tip_fen: int) -> int:
    return max(0, sum(one.amount_fen for one in tenders if one.kind not in NOT_MONEY) - tip_fen)


def _back(
    spent: PointsSpent, before: list[PointsReversed], gone: Iterable[RefundTender], now: Iterable[RefundTender]
) -> int:
    """Say how many points come back: counted on over earlier refunds, so that all of them come to what was spent."""
    total_fen = sum(one.amount_fen for one in (*gone, *now) if one.kind == POINTS)
    returned = sum(sum(lot.qty for lot in one.returned) + one.returned_risk for one in before)
    return max(0, min(spent.points, spent.points * total_fen // spent.worth_fen) - returned)


def _returned(
    node: Node, reader: Reader, spent: PointsSpent, before: list[PointsReversed], back: int
) -> tuple[tuple[SpentLot, ...], int]:
    """Share what comes back: the store's own risk falls first, then the lots, the one that ends last before the others."""
    risk = min(back, spent.risk - sum(one.returned_risk for one in before))
    given: dict[str, int] = {}
    for one in before:
        for lot in one.returned:
            given[_name(lot)] = given.get(_name(lot), 0) + lot.qty
    ends = members.last_days(reader, known.grants_stream(node), (lot.grant_id for lot in spent.lots))
    draws = [Draw(_name(lot), lot.grant_id, lot.qty) for lot in spent.lots]
    named = {_name(lot): ends.get((lot.grant_id, lot.lot_id), "") for lot in spent.lots}
    found = ledger.give_back(draws, given, back - risk, named)
    return tuple(
        SpentLot(grant_id=draw.account, lot_id=draw.lot_id.removeprefix(f"{draw.account}|"), qty=-draw.qty)
        for draw in found
    ), risk


def _name(lot: SpentLot) -> str:
    # Two grants may hold pieces of one lot.
    return f"{lot.grant_id}|{lot.lot_id}"
