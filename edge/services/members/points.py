"""Points at the till: what a bill earns, what points pay of it, in the deed that books it (membership.md §6.3, sync.md §5.13).

A bill with a member earns for them, one without holds its points for whoever joins with its invite. Points pay out of what the hub
put aside for this store, and never more; what lies beyond it a manager may allow within `Rules.risk_max`, and it is the store's own
risk until the hub finds it in the member's balance.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from edge.db import members
from edge.domain.payment import POINTS, AskedTender
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.deeds import Deed
from edge.services.members import asking, known
from edge.services.members.known import Known
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import grants, ledger, member_asks, points, times
from sync.contract import members as contract
from sync.contract.ledger import Draw
from sync.contract.member_asks import AskGrant, Granted
from sync.contract.members import PointsEarned, PointsSpent, SpentLot
from sync.contract.points import Rules
from sync.contract.trade import InviteIssued, SalePaid, Tender
from sync.engine.questions import ID_BYTES
from sync.node.database import Reader, Tx


class SalePoints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bill did to points. `balance` is the member's as this store knows it, None where nobody is.

    Without a member `earned` waits on the receipt until `claim_until`.
    """

    earned: int
    base_fen: int
    multiplier_bp: int
    capped: bool = False
    spent: int = 0
    spent_fen: int = 0
    balance: int | None = None
    claim_until: str = ""


class Spend(NamedTuple):
    """Points that are to pay: drawn on grants, and what a manager allowed beyond them."""

    points: int
    worth_fen: int
    draws: tuple[Draw, ...]
    risk: int
    approved_by: str
    approval_id: str


NO_SPEND: Final = Spend(0, 0, (), 0, "", "")


def top_up(node: Node, member_id: str, tenders: Sequence[AskedTender]) -> None:
    """Ask the hub for more, before the deed, where points are to pay and less is put aside here. Silence changes nothing."""
    wanted_fen = sum(one.amount_fen for one in tenders if one.kind == POINTS and one.amount_fen > 0)
    if not wanted_fen or not member_id or node.enrolment is None or not node.store_rules.members:
        return
    with node.db.read() as reader:
        one = known.find(node, reader, member_id, opens=False)
        rules = known.rules(reader)
        if one is None:
            return
        day = _day(node)
        missing = wanted_fen // rules.step_fen * rules.step - known.spendable(
            node, reader, one, node.enrolment.epoch, day
        )
    if missing > 0:
        fetch(node, one.member_id, missing)


def fetch(node: Node, member_id: str, missing: int) -> bool:
    """Ask the hub to put more aside for this store; say whether it did. Not within a transaction."""
    answer = asking.ask(
        node,
        member_asks.GRANT_ASK,
        AskGrant(member_id=member_id, points=missing),
        Granted,
        question_id=node.chance.token(ID_BYTES),
    )
    if not isinstance(answer, Granted):
        return False

    def work(tx: Tx) -> None:
        members.keep_answer(tx, known.grants_stream(node), answer.grant)
        members.keep_answer(tx, known.cards_stream(node), answer.card)

    node.db.write(work)
    return True


def whose(deed: Deed, member_id: str) -> Known | Refused | None:
    """Find the member whose bill it is; None for nobody's."""
    if not member_id:
        return None
    if not deed.node.store_rules.members:
        return Refused("members_off")
    one = known.find(deed.node, deed.tx, member_id, opens=False)
    return Refused("member_unknown") if one is None else one


def plan_spend(
    deed: Deed, one: Known | None, sale_id: str, bill_fen: int, tenders: Sequence[Tender], approval_id: str
) -> Spend | Refused:
    """Say what the points among the tenders draw on.

    Args:
        bill_fen: the bill without the tip, before cash is rounded.

    Returns:
        `member_missing` where nobody's points would pay; `points_step` with {step, step_fen}; `points_bill_max` with {max_fen};
        `points_short` with {spendable, missing, risk_max, offline} where more is wanted than may be spent here; what `permit` refuses.
    """
    worth_fen = sum(tender.amount_fen for tender in tenders if tender.kind == POINTS)
    if not worth_fen:
        return NO_SPEND
    if one is None:
        return Refused("member_missing")
    rules = known.rules(deed.tx)
    if worth_fen % rules.step_fen:
        return Refused("points_step", {"step": rules.step, "step_fen": rules.step_fen})
    wanted = worth_fen // rules.step_fen * rules.step
    max_fen = points.worth_fen(rules, points.spendable(rules, wanted, bill_fen))
    if worth_fen > max_fen:
        return Refused("points_bill_max", {"max_fen": max_fen})
    return cover(deed, one, sale_id, wanted, worth_fen, approval_id)


def cover(deed: Deed, one: Known, target: str, wanted: int, worth_fen: int, approval_id: str) -> Spend | Refused:
    """Cover points out of what is put aside here, and ask for a manager's word for the rest where the rules allow it."""
    rules = known.rules(deed.tx)
    held = known.granted(deed.node, deed.tx, one.ids)
    now_ms = known.spend_ms(deed.node, deed.tx)
    draws, missing = grants.take(held, wanted, epoch=deed.place.epoch, now_ms=now_ms, day=deed.place.day)
    if not missing:
        return Spend(wanted, worth_fen, draws, 0, "", "")
    risked = members.risked_behind(deed.tx, one.ids, one.place)
    # What the member is known to have is not lent, it is only not put aside here; nobody is given more than that and the limit.
    if risked + missing > rules.risk_max:
        said: dict[str, object] = {
            "spendable": wanted - missing,
            "missing": missing,
            "risk_max": max(0, rules.risk_max - risked),
        }
        return Refused("points_short", said)
    risk_fen = -(-missing * rules.step_fen // rules.step)
    allowed = permit(deed, Action.POINTS_RISK, target, About(amount_fen=risk_fen), approval_id)
    if isinstance(allowed, Refused):
        return allowed
    return Spend(wanted, worth_fen, draws, missing, allowed.approved_by, allowed.approval_id)


def post(deed: Deed, one: Known | None, sale: SalePaid, invite: InviteIssued, spend: Spend) -> SalePoints | None:
    """Write what a bill that was booked just now does to points; None where it does nothing, or members are off."""
    if not deed.node.store_rules.members:
        return None
    ref = f"sale:{sale.sale_id}"
    if spend.points:
        assert one is not None
        write_spend(deed, one, spend, "bill", ref)
    rules = known.rules(deed.tx)
    made = points.earn(rules, points.base_fen(sale), points.multiplier_bp(rules, deed.place.day))
    earned = made.points
    if one is not None and rules.member_day_max:
        room = rules.member_day_max - members.earned_on(deed.tx, one.ids, deed.place.day, "sale")
        earned = max(0, min(earned, room))
    if earned:
        body = PointsEarned(
            post_id=_id(deed),
            idem=ref,
            by="sale",
            ref=ref,
            points=earned,
            from_day=usable_from(rules, deed.place.day),
            last_day=points.last_day(rules, deed.place.day),
            member_id="" if one is None else one.member_id,
            invite_id=invite.invite_id if one is None else "",
            base_fen=made.base_fen,
            multiplier_bp=made.multiplier_bp,
            capped=earned < made.points or made.capped,
            rules=rules.version,
        )
        deed.write(contract.POINTS_EARNED, body)
    return of_sale(deed.node, deed.tx, sale.sale_id, deed.place.day)


def of_sale(node: Node, reader: Reader, sale_id: str, day: str) -> SalePoints | None:
    """Say what a bill did to points, as its facts say; the balance is that of now."""
    said = by_facts(reader, f"sale:{sale_id}", day)
    member_id = "" if said is None else members.member_of_sale(reader, sale_id)
    one = known.find(node, reader, member_id, opens=False) if member_id else None
    return said if said is None or one is None else msgspec.structs.replace(said, balance=one.net)


def by_facts(reader: Reader, ref: str, day: str) -> SalePoints | None:
    """Say what the facts of a bill say of points, without anybody's balance."""
    earned, spent = members.earning_of(reader, ref), members.spend_of(reader, ref)
    if earned is None and spent is None:
        return None
    held = earned is not None and bool(earned.invite_id)
    until = ""
    if earned is not None and held:
        until = times.day_of_epoch(times.epoch_day(day) + known.rules_of(reader, earned.rules).claim_days)
    return SalePoints(
        earned=0 if earned is None else earned.points,
        base_fen=0 if earned is None else earned.base_fen,
        multiplier_bp=0 if earned is None else earned.multiplier_bp,
        capped=earned is not None and earned.capped,
        spent=0 if spent is None else spent.points,
        spent_fen=0 if spent is None else spent.worth_fen,
        claim_until=until,
    )


def write_spend(deed: Deed, one: Known, spend: Spend, on: contract.SpentOn, ref: str) -> None:
    """Write that points paid."""
    body = PointsSpent(
        post_id=_id(deed),
        member_id=one.member_id,
        on=on,
        ref=ref,
        points=spend.points,
        worth_fen=spend.worth_fen,
        lots=tuple(
            SpentLot(grant_id=draw.account.removeprefix("g:"), lot_id=draw.lot_id, qty=draw.qty) for draw in spend.draws
        ),
        risk=spend.risk,
        approved_by=spend.approved_by,
        approval_id=spend.approval_id,
        rules=known.rules(deed.tx).version,
    )
    assert ledger.drawn(spend.draws) + spend.risk == spend.points
    deed.write(contract.POINTS_SPENT, body)


def give(deed: Deed, member_id: str, by: contract.EarnedBy, idem: str, amount: int) -> int:
    """Give a member a gift that is given once by its name, whatever store gives it; gives how much."""
    if amount <= 0:
        return 0
    rules = known.rules(deed.tx)
    body = PointsEarned(
        post_id=_id(deed),
        idem=idem,
        by=by,
        ref=idem,
        points=amount,
        from_day=deed.place.day,
        last_day=points.last_day(rules, deed.place.day),
        member_id=member_id,
        rules=rules.version,
    )
    deed.write(contract.POINTS_EARNED, body)
    return amount


def usable_from(rules: Rules, day: str) -> str:
    """Say from which day on points of a day may be spent."""
    return times.day_of_epoch(times.epoch_day(day) + rules.pending_days)


def _id(deed: Deed) -> str:
    return deed.node.ids.uuid7().hex()


def _day(node: Node) -> str:
    return times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes)
