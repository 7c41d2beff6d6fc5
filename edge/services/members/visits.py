"""A member is recognised at the counter or a table, signs in, is thanked for a review: facts, and the small gifts with them."""

from typing import Annotated, Literal

import msgspec

from edge.db import members
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import claims, known, points, view
from edge.services.members.join import Hex, MemberId
from edge.services.node import Node
from edge.services.ordering import kitchen
from edge.services.people.permit import permit
from sync.contract import members as contract
from sync.contract.members import EarnedBy, MemberSeen


class SeenCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody was recognised. With `order_id` the order is theirs: their allergies reach the kitchen. `sign_in` = 签到.

    `off`: the order is not theirs after all.
    """

    request_id: Hex
    member_id: MemberId
    by: Literal["phone", "code", "card", "name"]
    order_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    sign_in: bool = False
    off: bool = False


class ThankCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody wrote a review, shared us, told a dish on: once a day each. `ref` names what it was."""

    request_id: Hex
    member_id: MemberId
    by: Literal["review", "share", "dish_tip"]
    ref: Annotated[str, msgspec.Meta(max_length=64)] = ""
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ClaimCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member shows a receipt whose points nobody claimed: its scanned code, or the sale that was printed here just now."""

    request_id: Hex
    member_id: MemberId
    invite: Annotated[str, msgspec.Meta(max_length=400)] = ""
    sale_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class GivenPoints(msgspec.Struct, frozen=True, kw_only=True):
    """What a member was given now; 0 where it was given today already, or the rules give nothing."""

    member_id: str
    points: int


def seen(node: Node, who: Session, command: SeenCommand) -> Done | Refused:
    """Note that a member is here, and give the points of a sign-in, once a day."""

    def work(deed: Deed) -> GivenPoints | Refused:
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        member_id = one.member_id
        body = MemberSeen(member_id=member_id, by=command.by, order_id=command.order_id, till=who.till, off=command.off)
        deed.write(contract.SEEN, body)
        if command.off:
            return GivenPoints(member_id=member_id, points=0)
        if command.order_id and view.must_not_eat(one):
            # The kitchen may be cooking for them already.
            kitchen.tell_stations(deed)
        given = once_a_day(deed, member_id, "sign_in", known.rules(deed.tx).sign_in) if command.sign_in else 0
        return GivenPoints(member_id=member_id, points=given)

    return deeds.transact(node, who, command.request_id, command, work)


def thank(node: Node, who: Session, command: ThankCommand) -> Done | Refused:
    """Give the points of a review, a share or a dish that was told on."""

    def work(deed: Deed) -> GivenPoints | Refused:
        allowed = permit(deed, Action.THANK_MEMBER, command.member_id, approval_id=command.approval_id)
        if isinstance(allowed, Refused):
            return allowed
        member_id = _who(deed, command.member_id)
        if isinstance(member_id, Refused):
            return member_id
        rules = known.rules(deed.tx)
        amounts: dict[EarnedBy, int] = {"review": rules.review, "share": rules.share, "dish_tip": rules.dish_tip}
        return GivenPoints(member_id=member_id, points=once_a_day(deed, member_id, command.by, amounts[command.by]))

    return deeds.transact(node, who, command.request_id, command, work)


def claim(node: Node, who: Session | None, command: ClaimCommand) -> Done | Refused:
    """Let a member have what a receipt holds.

    Returns:
        What `claims.read` and `claims.standing` refuse, each by its own code.
    """
    invite = claims.read(node, command.invite) if command.invite.strip() else claims.of_sale(node, command.sale_id)
    if isinstance(invite, Refused):
        return invite

    def work(deed: Deed) -> GivenPoints | Refused:
        member_id = _who(deed, command.member_id)
        if isinstance(member_id, Refused):
            return member_id
        taken = claims.claim(deed, invite, member_id)
        return taken if isinstance(taken, Refused) else GivenPoints(member_id=member_id, points=taken)

    return deeds.transact(node, who, command.request_id, command, work)


def once_a_day(deed: Deed, member_id: str, by: EarnedBy, amount: int) -> int:
    """Give a gift once on a business day; its name holds at every store, so the hub sees to the others."""
    if members.earned_on(deed.tx, members.family(deed.tx, member_id), deed.place.day, by):
        return 0
    return points.give(deed, member_id, by, f"{by}:{member_id}:{deed.place.day}", amount)


def _who(deed: Deed, member_id: str) -> str | Refused:
    one = known.find(deed.node, deed.tx, member_id)
    return Refused("member_unknown") if one is None else one.member_id
