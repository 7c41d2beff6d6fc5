"""The one arithmetic of points: what a sale earns, what a refund takes back, what points are worth (membership.md §6.3).

* **base**: what was paid in ways that are money (`MONEY_TENDERS`), less the tip. Points, bonus and coupons are none;
* **points** = base × rate × the highest multiplier, rounded down for each bill, the rest is not kept; then the cap of a bill;
* **taken back**: a refund leaves a smaller base, and takes back what the sale earned less what that base would have earned. So
  refunds of a sale come to the same in whatever parts and order they are made, and a full one leaves nothing;
* **worth**: points pay in whole steps, each of so many fen.

Worked (1 point a yuan): a bill of ¥128.50 paid with ¥100.00 by code and ¥28.50 in points: base ¥100.00, 100 points. On a double day
200. A refund of ¥30.00 in money leaves ¥70.00, which earns 140: 60 go back. A second one of ¥70.00 takes the other 140.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from sync.contract import times
from sync.contract.house import FULL_BP
from sync.contract.trade import SalePaid
from sync.contract.words import Name

MONEY_TENDERS: Final = frozenset({"cash", "code", "static_code", "card", "deposit"})
"""Ways of paying that earn: not points, not a platform's money (its guest is the platform's), not bonus."""

_Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_AboveZero = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_Multiplier = Annotated[int, msgspec.Meta(ge=FULL_BP, le=10 * FULL_BP)]
_Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
_Day = Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class DoubleDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days on which points count more: by date, by weekday (1 = Monday) or by day of the month; all given ones must fit."""

    multiplier_bp: _Multiplier
    days: tuple[_Day, ...] = ()
    weekdays: tuple[_Weekday, ...] = ()
    month_days: tuple[Annotated[int, msgspec.Meta(ge=1, le=31)], ...] = ()


class Gift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that points buy at a store (积分商城): a dish of the menu, goods, a place at an event.

    `stock` is how many each store may hand out in all, 0 = they are not counted; behind `last_day` (empty = none) it is over.
    """

    gift_id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]{1,32}$")]
    name: Name
    points: _AboveZero
    kind: Literal["dish", "goods", "event"] = "goods"
    dish_id: str = ""
    stock: _Whole = 0
    last_day: Annotated[str, msgspec.Meta(pattern="^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What HQ says about points; every store and the hub count by the version that a fact names.

    Attributes:
        points: earned for each `per_fen` of the base.
        bill_max: of one bill, 0 = no cap.
        member_day_max: of one member on one business day at one store, 0 = no cap.
        step: points are spent in whole multiples of it.
        step_fen: what one step pays.
        spend_bill_bp: how much of a bill points may pay.
        valid_months: points hold to the end of the month so many months later, 0 = for good.
        pending_days: after so many days earned points may be spent.
        claim_days: how long the points of a receipt wait for whoever joins with it.
        welcome: a new member's gift, once for a phone.
        sign_in: for a visit that is signed in at the store, once a day.
        referral_referrer, referral_friend: each side's, after the friend's first paid bill and `referral_cool_days`.
        negative_floor: how far below zero a clawback may leave a member before it must be paid or waived.
        risk_max: points that a manager may let a member spend without a grant, booked to the store's risk.
        gifts: what points buy beside bills.
    """

    version: int = 0
    points: _Whole = 1
    per_fen: _AboveZero = 100
    bill_max: _Whole = 0
    member_day_max: _Whole = 0
    step: _AboveZero = 100
    step_fen: _AboveZero = 100
    spend_bill_bp: Annotated[int, msgspec.Meta(ge=0, le=FULL_BP)] = 5_000
    valid_months: Annotated[int, msgspec.Meta(ge=0, le=120)] = 12
    pending_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0
    claim_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30
    welcome: _Whole = 50
    sign_in: _Whole = 5
    review: _Whole = 10
    share: _Whole = 5
    dish_tip: _Whole = 10
    referral_referrer: _Whole = 100
    referral_friend: _Whole = 100
    referral_cool_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 7
    referral_month_max: _Whole = 10
    negative_floor: _Whole = 10_000
    risk_max: _Whole = 500
    doubles: tuple[DoubleDay, ...] = ()
    gifts: Annotated[tuple[Gift, ...], msgspec.Meta(max_length=200)] = ()


class Earned(NamedTuple):
    """What a bill earns and the words for the receipt: base × rate, and what made it more or less."""

    points: int
    base_fen: int
    multiplier_bp: int
    capped: bool


def base_fen(sale: SalePaid) -> int:
    """Count what of a sale earns points, in fen; never below zero."""
    money = sum(tender.amount_fen for tender in sale.tenders if tender.kind in MONEY_TENDERS)
    return max(0, money - sale.tip_fen)


def multiplier_bp(rules: Rules, day: str, others_bp: Iterable[int] = ()) -> int:
    """Give the highest multiplier that holds on a day; multipliers never multiply each other."""
    return max(
        FULL_BP, *(double.multiplier_bp for double in rules.doubles if _falls_on(double, day)), *others_bp, FULL_BP
    )


def earn(rules: Rules, base: int, multiplier: int = FULL_BP) -> Earned:
    """Count what a base earns.

    Raises:
        ValueError: the base is below zero.
    """
    if base < 0:
        message = "a base of points is never below zero"
        raise ValueError(message)
    points = base * rules.points * multiplier // (rules.per_fen * FULL_BP)
    capped = 0 < rules.bill_max < points
    return Earned(rules.bill_max if capped else points, base, multiplier, capped)


def taken_back(rules: Rules, earned: Earned, refunded_before_fen: int, refunded_now_fen: int) -> int:
    """Count what a refund takes back of what its sale earned.

    Args:
        refunded_before_fen: of the base, by all earlier refunds of the sale.
        refunded_now_fen: of the base, by this one.
    """
    before = earn(rules, max(0, earned.base_fen - refunded_before_fen), earned.multiplier_bp).points
    after = earn(rules, max(0, earned.base_fen - refunded_before_fen - refunded_now_fen), earned.multiplier_bp).points
    return before - after


def worth_fen(rules: Rules, points: int) -> int:
    """Say what points pay; what does not make a whole step pays nothing."""
    return points // rules.step * rules.step_fen


def spendable(rules: Rules, points: int, bill_fen: int) -> int:
    """Give the most points that may pay a bill, in whole steps: no more than there are, nor than the bill takes."""
    room_fen = bill_fen * rules.spend_bill_bp // FULL_BP
    return min(points // rules.step, room_fen // rules.step_fen) * rules.step


def last_day(rules: Rules, day: str) -> str:
    """Give the last day of points that are earned on a day: a month's end, which is the kindest to explain; empty = for good."""
    if rules.valid_months == 0:
        return ""
    year, month = int(day[:4]), int(day[5:7]) + rules.valid_months
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return f"{year:04d}-{month:02d}-{_days_in(year, month):02d}"


def _falls_on(double: DoubleDay, day: str) -> bool:
    if not (double.days or double.weekdays or double.month_days):
        return False
    return (
        (not double.days or day in double.days)
        and (not double.weekdays or _weekday(day) in double.weekdays)
        and (not double.month_days or int(day[8:]) in double.month_days)
    )


def _weekday(day: str) -> int:
    # 1970-01-01 was a Thursday.
    return (times.epoch_day(day) + 3) % 7 + 1


def _days_in(year: int, month: int) -> int:
    first = times.epoch_day(f"{year:04d}-{month:02d}-01")
    after = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 - December
    return times.epoch_day(f"{after[0]:04d}-{after[1]:02d}-01") - first
