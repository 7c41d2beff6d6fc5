"""The part of the API's document that is about members."""

from collections.abc import Callable
from typing import Any

from edge.services.members.changes import (
    CardCommand,
    Changed,
    ConsentCommand,
    InClear,
    LeaveCommand,
    ProfileCommand,
    RevealCommand,
)
from edge.services.members.handing import HandCommand, Handed
from edge.services.members.join import JoinAnswer, JoinCommand
from edge.services.members.mall import Gifts, RedeemCommand, Redeemed
from edge.services.members.view import MembersFound, MemberView
from edge.services.members.visits import ClaimCommand, GivenPoints, SeenCommand, ThankCommand
from edge.web.members import FindQuery

STRUCTS = (
    Gifts, RedeemCommand, Redeemed, FindQuery, MembersFound, MemberView, JoinCommand, JoinAnswer, SeenCommand, ThankCommand, ClaimCommand, GivenPoints,
    ConsentCommand, ProfileCommand, CardCommand, Changed, RevealCommand, InClear, LeaveCommand, HandCommand, Handed,
)  # fmt: skip


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    member_id = {
        "name": "member_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    }
    deeds = {
        "": ("joinMember", "Make a member of a guest, or find the one that they are", JoinAnswer, JoinCommand),
        "/seen": ("seeMember", "A member is here; with an order it is theirs", GivenPoints, SeenCommand),
        "/thank": ("thankMember", "Points of a review, a share, a dish told on", GivenPoints, ThankCommand),
        "/redeem": ("redeemGift", "Hand a gift out for points", Redeemed, RedeemCommand),
        "/claim": ("claimReceipt", "Let a member have what a receipt holds", GivenPoints, ClaimCommand),
        "/consent": ("consentOfMember", "What a member agrees to or takes back", Changed, ConsentCommand),
        "/profile": ("putMemberRight", "Write a member's profile anew", Changed, ProfileCommand),
        "/card": ("bindCard", "Let a card or tag stand for a member", Changed, CardCommand),
        "/leave": ("forgetMember", "Forget a member", Changed, LeaveCommand),
    }
    handed = {
        "invite": ("handInvite", "Print a member's own invite, to give to friends"),
        "door": ("handDoor", "Print the slip that opens a member's own page"),
    }
    return {
        **{
            f"/members/{{member_id}}/{path}": {
                "post": {**operation(name, said, {201: Handed, 200: Handed}, HandCommand), "parameters": [member_id]}
            }
            for path, (name, said) in handed.items()
        },
        "/members/find": {
            "post": operation("findMember", "Find members by phone, last digits and name, card or code",
                              {200: MembersFound}, FindQuery)
        },
        "/members/{member_id}": {
            "get": {**operation("readMember", "A member, masked", {200: MemberView}), "parameters": [member_id]}
        },
        "/members/gifts": {
            "get": operation("listGifts", "What points buy at this store now", {200: Gifts})
        },
        "/members/reveal": {
            "post": operation("revealMember", "Who a member is in clear, with a reason", {200: InClear}, RevealCommand)
        },
        **{
            f"/members{path}": {"post": operation(name, said, {201: answer, 200: answer}, body)}
            for path, (name, said, answer, body) in deeds.items()
        },
    }  # fmt: skip
