"""What points buy beside bills (积分商城): dishes, goods with their stock, places at events, as HQ published them with the rules.

A gift is handed out against its slip, at the counter or, a dish, by its station; no bill has it. Its points come out of what is put
aside for this store, like those that pay a bill. Stock is counted by this store's own facts.
"""

from typing import Annotated

import msgspec

from edge.db import members
from edge.db.print_jobs import NewSlip
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import known, points
from edge.services.members.join import Hex, MemberId
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import points as contract
from sync.contract import times
from sync.contract.points import Gift, Rules
from sync.contract.words import Name
from sync.node.database import Reader

UNCOUNTED = -1


class GiftShown(msgspec.Struct, frozen=True, kw_only=True):
    """A gift that may be had now; `left` −1 = it is not counted."""

    gift_id: str
    name: Name
    kind: str
    points: int
    left: int


class Gifts(msgspec.Struct, frozen=True, kw_only=True):
    """What may be had at this store now."""

    gifts: tuple[GiftShown, ...]


class RedeemCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member takes a gift for the points that the till showed."""

    request_id: Hex
    member_id: MemberId
    gift_id: Annotated[str, msgspec.Meta(max_length=32)]
    shown_points: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """A gift that was handed out; `balance` is the member's as this store knows it."""

    member_id: str
    gift_id: str
    name: Name
    points: int
    balance: int


def listed(node: Node) -> Gifts:
    """List what may be had now."""
    day = times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes)
    with node.db.read() as reader:
        shown = [
            GiftShown(gift_id=one.gift_id, name=one.name, kind=one.kind, points=one.points, left=left(reader, one))
            for one in known.rules(reader).gifts
            if _stands(one, day)
        ]
    return Gifts(gifts=tuple(one for one in shown if one.left != 0))


def redeem(node: Node, who: Session, command: RedeemCommand) -> Done | Refused:
    """Hand a gift out for points.

    Returns:
        `gift_gone` where it is over or none are left; `gift_changed` with {points} where it costs something else than was shown; what
        `points.cover` refuses.
    """
    _top_up(node, command)

    def work(deed: Deed) -> Redeemed | Refused:
        allowed = permit(deed, Action.MEMBERS, command.member_id)
        if isinstance(allowed, Refused):
            return allowed
        one = points.whose(deed, command.member_id)
        if one is None or isinstance(one, Refused):
            return one or Refused("member_unknown")
        rules = known.rules(deed.tx)
        gift = next((each for each in rules.gifts if each.gift_id == command.gift_id), None)
        if gift is None or not _stands(gift, deed.place.day) or left(deed.tx, gift) == 0:
            return Refused("gift_gone")
        if gift.points != command.shown_points:
            return Refused("gift_changed", {"points": gift.points})
        ref = f"gift:{gift.gift_id}:{command.request_id}"
        if members.spend_of(deed.tx, ref) is None:
            worth_fen = contract.worth_fen(rules, gift.points)
            spend = points.cover(deed, one, command.request_id, gift.points, worth_fen, command.approval_id)
            if isinstance(spend, Refused):
                return spend
            points.write_spend(deed, one, spend, "gift", ref)
            _print(deed, gift, ref)
        after = known.find(node, deed.tx, one.member_id)
        balance = 0 if after is None else after.net
        return Redeemed(
            member_id=one.member_id, gift_id=gift.gift_id, name=gift.name, points=gift.points, balance=balance
        )

    return deeds.transact(node, who, command.request_id, command, work)


def left(reader: Reader, gift: Gift) -> int:
    """Say how many of a gift this store may still hand out; −1 where nobody counts."""
    return max(0, gift.stock - members.gifts_given(reader, gift.gift_id)) if gift.stock else UNCOUNTED


def named(rules: Rules, gift_id: str) -> Name:
    """Give a gift's name; its id where HQ took it off since."""
    return next((one.name for one in rules.gifts if one.gift_id == gift_id), Name(gift_id, gift_id))


def _stands(gift: Gift, day: str) -> bool:
    return not gift.last_day or day <= gift.last_day


def _top_up(node: Node, command: RedeemCommand) -> None:
    """Ask the hub for more where less is put aside here; silence changes nothing."""
    if node.enrolment is None or not node.store_rules.members:
        return
    day = times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes)
    with node.db.read() as reader:
        one = known.find(node, reader, command.member_id)
        missing = 0
        if one is not None:
            missing = command.shown_points - known.spendable(node, reader, one, node.enrolment.epoch, day)
    if one is not None and missing > 0:
        points.fetch(node, one.member_id, missing)


def _print(deed: Deed, gift: Gift, ref: str) -> None:
    """Queue its slip: at the counter, and for a dish where it is cooked."""
    assert deed.who is not None
    stations = [RECEIPT]
    catalogue = deed.node.shelf.catalogue
    if gift.dish_id and catalogue is not None:
        stations += [dish.station for dish in catalogue.menu.dishes if dish.id == gift.dish_id and dish.station]
    for station in dict.fromkeys(stations):
        row = deed.node.devices.printer_for(station, deed.who.till)
        if row is not None:
            label = deed.node.ids.uuid7().hex()
            deed.print(NewSlip(label, slip_rules.GIFT, ref, gift.gift_id, station, row.id))
