"""A member as the till shows them: masked, with what they have and may spend here now, and one line of advice (membership.md §5.2).

The number is shown as `138****8000`, the name by its first letter; who must read them in clear asks for it with a reason. What a
guest did not agree to is not shown: habits need `profiling`, allergies their own consent.
"""

from datetime import date
from typing import Final

import msgspec

from edge.db import members
from edge.domain import phone
from edge.services.members import find, known
from edge.services.members.join import ALLERGY
from edge.services.members.known import Known
from edge.services.node import Node
from sync.contract import points, times
from sync.contract.member_cards import DateOf, Habits, masked_name
from sync.node.database import Reader

VISITS_SHOWN: Final = 5
LINES_MAX: Final = 20
SOON_DAYS: Final = 7
PROFILING: Final = "profiling"
LONG_AWAY_DAYS: Final = 45


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    """A member in a list to choose from."""

    member_id: str
    name: str
    phone: str
    tier: str
    points: int


class MembersFound(msgspec.Struct, frozen=True, kw_only=True):
    """Who it may be. `asked`: `found`, `nobody`, `unknown` (the hub does not answer), empty where it was not asked.

    `code_old` and `code_wrong` are of the code on a member's phone (`find.Result`): the door answers them as refusals.
    """

    members: tuple[MemberLine, ...]
    by: str
    asked: str


class VisitShown(msgspec.Struct, frozen=True, kw_only=True):
    """A time when they were here."""

    day: str
    at_ms: int
    by: str


class BillShown(msgspec.Struct, frozen=True, kw_only=True):
    """A bill of theirs at this store."""

    day: str
    at_ms: int
    receipt_no: str
    total_fen: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What a bill of today earns: `points` for each `per_fen`, times the day's multiplier; `bill_max` 0 = no cap of a bill."""

    points: int
    per_fen: int
    multiplier_bp: int
    bill_max: int


class Advice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line for the waiter, as a code with what it is about.

    `birthday`, `ends_soon`, `long_away`, `likes`, `first_visit`, `spend`, or empty.
    """

    code: str = ""
    text: str = ""
    points: int = 0
    days: int = 0


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member at the counter.

    Attributes:
        sealed: the profile cannot be opened here (its key is not here yet, or this store may not know it).
        points: as this store knows them; `as_of_hub` says whether the hub counted this member at all yet.
        spendable: of these, what may be spent here now, with or without the network; `worth_fen` is what they pay.
        risk_max: points beyond that which a manager may allow, `risk_fen` what the store loses by it at worst.
        bills: what they paid here last; only for somebody who agreed to `profiling`, as all habits.
    """

    member_id: str
    name: str
    phone: str
    sealed: bool
    tier: str
    points: int
    pending: int
    debt: int
    spendable: int
    worth_fen: int
    risk_max: int
    risk_fen: int
    rate: Rate
    as_of_hub: bool
    ends_day: str
    ends_points: int
    growth: int
    joined_day: str
    home_store: str
    brought: int
    staff: bool
    allergies: tuple[str, ...]
    avoids: tuple[str, ...]
    likes: tuple[str, ...]
    note: str
    birthday: DateOf | None
    dates: tuple[DateOf, ...]
    consents: dict[str, str]
    habits: Habits | None
    visits: tuple[VisitShown, ...]
    bills: tuple[BillShown, ...]
    advice: Advice


def found(node: Node, text: str) -> MembersFound | None:
    """Find members by what was typed or scanned; None where it is none of what a member is found by."""
    result = find.find(node, text)
    if result is None:
        return None
    with node.db.read() as reader:
        everybody = [known.find(node, reader, one) for one in result.member_ids[:LINES_MAX]]
    return MembersFound(
        members=tuple(_line(one) for one in everybody if one is not None), by=result.by, asked=result.asked
    )


def member(node: Node, member_id: str) -> MemberView | None:
    """Show a member; None for nobody."""
    with node.db.read() as reader:
        one = known.find(node, reader, member_id)
        return None if one is None else _view(node, reader, one)


def allergies_at(node: Node, reader: Reader, order_id: str) -> str:
    """Say what whoever sits at an order must not eat, for the kitchen; empty without their consent, and for nobody."""
    if not node.store_rules.members or node.granted is None:
        return ""
    member_id = members.member_at(reader, order_id)
    one = known.find(node, reader, member_id) if member_id else None
    return "" if one is None else must_not_eat(one)


def must_not_eat(one: Known) -> str:
    """Say in one line what a member must not eat, what hurts before what they leave."""
    return "、".join((*allergies_of(one), *_avoids(one)))


def allergies_of(one: Known) -> tuple[str, ...]:
    """Give a member's allergies, where they agreed that we keep them."""
    return one.profile.allergies if one.profile is not None and ALLERGY in one.consents else ()


def _avoids(one: Known) -> tuple[str, ...]:
    return () if one.profile is None else one.profile.avoids


def _line(one: Known) -> MemberLine:
    profile = one.profile
    return MemberLine(
        member_id=one.member_id,
        name="" if profile is None else masked_name(profile.name),
        phone="" if profile is None or not profile.phone else phone.masked(profile.phone),
        tier="" if one.card is None else one.card.tier,
        points=one.net,
    )


def _view(node: Node, reader: Reader, one: Known) -> MemberView:
    assert node.granted is not None
    day = times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes)
    rules = known.rules(reader)
    spendable = known.spendable(node, reader, one, node.granted.epoch, day)
    card, profile, line = one.card, one.profile, _line(one)
    visits = members.visits(reader, one.ids, VISITS_SHOWN)
    risk_max = max(0, rules.risk_max - members.risked_behind(reader, one.ids, one.place))
    sealed = profile is None and known.newest(reader, one.member_id, card, one.joined) is not None
    return MemberView(
        member_id=one.member_id,
        name=line.name,
        phone=line.phone,
        sealed=sealed,
        tier=line.tier,
        points=one.points,
        pending=0 if card is None else card.pending,
        debt=one.debt,
        spendable=spendable,
        worth_fen=points.worth_fen(rules, spendable),
        risk_max=risk_max,
        risk_fen=-(-risk_max * rules.step_fen // rules.step),
        rate=Rate(
            points=rules.points,
            per_fen=rules.per_fen,
            multiplier_bp=points.multiplier_bp(rules, day),
            bill_max=rules.bill_max,
        ),
        as_of_hub=card is not None,
        ends_day="" if card is None else card.ends_day,
        ends_points=0 if card is None else card.ends_points,
        growth=0 if card is None else card.growth,
        joined_day=_joined_day(one),
        home_store="" if card is None else card.home_store,
        brought=0 if card is None else card.brought,
        staff=one.staff,
        allergies=allergies_of(one),
        avoids=_avoids(one),
        likes=() if profile is None else profile.likes,
        note="" if profile is None else profile.note,
        birthday=None if profile is None else profile.birthday,
        dates=() if profile is None else profile.dates,
        consents=one.consents,
        habits=one.habits,
        visits=tuple(VisitShown(day=each.day, at_ms=each.at_ms, by=each.by) for each in visits),
        bills=() if PROFILING not in one.consents else _bills(reader, one),
        advice=_advice(one, day, spendable, points.worth_fen(rules, spendable)),
    )


def _bills(reader: Reader, one: Known) -> tuple[BillShown, ...]:
    found = members.bills(reader, one.ids, VISITS_SHOWN)
    return tuple(
        BillShown(day=each.day, at_ms=each.at_ms, receipt_no=each.receipt_no, total_fen=each.total_fen)
        for each in found
    )


def _joined_day(one: Known) -> str:
    if one.joined is not None:
        return one.joined.day
    return "" if one.card is None else one.card.joined_day


def _advice(one: Known, day: str, spendable: int, worth_fen: int) -> Advice:
    """Say the one thing that the waiter should know beside what may hurt: what is nice, then what may be lost."""
    if one.profile is not None and one.profile.birthday is not None and not one.profile.birthday.lunar:
        days = days_until(one.profile.birthday.month_day, day)
        if days <= SOON_DAYS:
            return Advice(code="birthday", days=days)
    card = one.card
    if card is not None and card.ends_day and card.ends_points:
        days = times.epoch_day(card.ends_day) - times.epoch_day(day)
        if 0 <= days <= SOON_DAYS:
            return Advice(code="ends_soon", points=card.ends_points, days=days)
    habits = one.habits
    if habits is not None and habits.last_day:
        days = times.epoch_day(day) - times.epoch_day(habits.last_day)
        if days >= LONG_AWAY_DAYS:
            return Advice(code="long_away", days=days)
        if habits.dishes:
            return Advice(code="likes", text=habits.dishes[0].zh)
    return Advice(code="spend", points=spendable) if worth_fen else Advice()


def days_until(month_day: str, day: str) -> int:
    """Count the days to the next such date; 29 February is 1 March in a year without one."""
    today = date.fromisoformat(day)
    for year in (today.year, today.year + 1):
        month, number = int(month_day[:2]), int(month_day[3:])
        try:
            then = date(year, month, number)
        except ValueError:
            then = date(year, 3, 1)
        if then >= today:
            return (then - today).days
    return 366
