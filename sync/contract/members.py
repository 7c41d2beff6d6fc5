"""The facts of members (lane 0, but for `member.revealed`): who joined, what they agreed to, what they earned, spent and gave back.

Nothing here says who somebody is: what is personal travels sealed under the member's own key, which is in no fact. To forget a
member is to destroy that key; the facts stay, and say nothing any more.
"""

from typing import Annotated, Literal

import msgspec

from sync.contract.facts import ContractError

JOINED = "member.joined"
PROFILED = "member.profiled"
CONSENTED = "member.consented"
SEEN = "member.seen"
LEFT = "member.left"
CARD_BOUND = "member.card_bound"
POINTS_EARNED = "points.earned"
POINTS_SPENT = "points.spent"
POINTS_REVERSED = "points.reversed"
INVITE_CLAIMED = "invite.claimed"
REFERRAL_BOUND = "referral.bound"
GRANT_RELEASED = "grant.released"
REVEALED = "member.revealed"

Purpose = Literal["membership", "sms", "wecom", "profiling", "sharing", "allergy"]
"""What a consent is for, each asked by itself (membership.md §5.2); `membership` is the joining."""
PURPOSES: tuple[Purpose, ...] = ("membership", "sms", "wecom", "profiling", "sharing", "allergy")

Place = Literal["slip", "member", "table", "till", "door", "staff", "queue", "phone", "card", "platform"]
"""What brought a guest: a receipt's invite, a member's own code, a live code of a place or person, the cashier's question, a card."""

EarnedBy = Literal["sale", "welcome", "sign_in", "review", "share", "dish_tip", "event", "claim", "regained"]
"""`regained`: what a refund took that was left to another store and never given there; it comes back under the sale's name."""
SpentOn = Literal["bill", "gift"]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest agreed to or took back, and which text was read: `text` is its version."""

    purpose: Purpose
    given: bool
    text: str
    channel: Literal["till", "phone"]


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a join goes back to: the first touch is kept. `code` is the live code's or invite's id, `by_member` the friend's."""

    place: Place
    store: str
    code: str = ""
    at: str = ""
    """The table, till, badge or ticket that the code stood on."""
    by_member: str = ""


class MemberJoined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A guest became a member. `sealed` is the profile under the member's key, base 64; empty for one known by a code only.

    `key_id` names the key, which reaches the hub by a question of its own.
    """

    member_id: str
    origin: Origin
    consents: tuple[Consent, ...]
    key_id: str
    sealed: str = ""


class MemberProfiled(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a member was put right: the whole profile, sealed anew."""

    member_id: str
    key_id: str
    sealed: str


class MemberConsented(msgspec.Struct, frozen=True, kw_only=True):
    """A member agreed to something or took it back."""

    member_id: str
    consents: tuple[Consent, ...]


class MemberSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member was recognised at the counter or a table, by what; `off` = the order is not theirs after all."""

    member_id: str
    by: Literal["phone", "code", "card", "name"]
    order_id: str = ""
    till: str = ""
    off: bool = False


class MemberLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A member asked to be forgotten. The key is destroyed here at once, at the hub and the other stores when they hear of it."""

    member_id: str


class CardBound(msgspec.Struct, frozen=True, kw_only=True):
    """A card or tag stands for a member; `token` is its keyed digest, never what it says."""

    member_id: str
    token: str


class PointsEarned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points came to a member, or to a receipt that nobody claimed yet (`member_id` empty, `invite_id` set).

    `idem` makes a gift one across all stores (`welcome:<member>`); the hub grants the first it stores and says so of the other.
    """

    post_id: str
    idem: str
    by: EarnedBy
    ref: str
    points: Annotated[int, msgspec.Meta(ge=1)]
    from_day: str
    last_day: str
    member_id: str = ""
    invite_id: str = ""
    base_fen: int = 0
    multiplier_bp: int = 0
    capped: bool = False
    rules: int = 0


class SpentLot(msgspec.Struct, frozen=True, kw_only=True):
    """So much of one lot of one grant."""

    grant_id: str
    lot_id: str
    qty: Annotated[int, msgspec.Meta(ge=1)]


class PointsSpent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points paid for something: `lots + risk = points`.

    `risk` is what no grant covered and a manager allowed: the store's own risk until the hub finds it in the member's balance.
    """

    post_id: str
    member_id: str
    on: SpentOn
    ref: str
    points: Annotated[int, msgspec.Meta(ge=1)]
    worth_fen: int
    lots: tuple[SpentLot, ...] = ()
    risk: int = 0
    approved_by: str = ""
    approval_id: str = ""
    rules: int = 0


class PointsReversed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refund touched points: some that its sale earned go, some that it spent come back to the lots they came from.

    `taken` is what the sale earned too much; `paid_fen` of it was answered for in money (`paid` points), `waived` was let go by a
    manager; the rest the hub takes from the sale's lot, then from others, then as a debt.
    """

    post_id: str
    refund_id: str
    sale_id: str
    member_id: str = ""
    invite_id: str = ""
    taken: int = 0
    paid: int = 0
    paid_fen: int = 0
    waived: int = 0
    returned: tuple[SpentLot, ...] = ()
    returned_risk: int = 0
    approved_by: str = ""
    approval_id: str = ""


class InviteClaimed(msgspec.Struct, frozen=True, kw_only=True):
    """A member claimed the points that a receipt held; the hub gives them once, and never those of a receipt that was refunded."""

    invite_id: str
    member_id: str
    sale_store: str


class ReferralBound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new member names who brought them; the reward is decided by the hub alone, so no store can give it twice.

    `flags` are what this store noticed: `staff`, `same_table`, `same_device`.
    """

    friend: str
    referrer: str
    flags: tuple[str, ...] = ()


class GrantReleased(msgspec.Struct, frozen=True, kw_only=True):
    """A store gives back what is left of a grant; from this fact on it spends none of it."""

    grant_id: str
    rest: int


class MemberRevealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody read in clear who a member is, and why (lane 1): the fact says that, never what was read."""

    member_id: str
    reason: str
    approved_by: str = ""
    approval_id: str = ""


KINDS: dict[str, type[msgspec.Struct]] = {
    JOINED: MemberJoined,
    PROFILED: MemberProfiled,
    CONSENTED: MemberConsented,
    SEEN: MemberSeen,
    LEFT: MemberLeft,
    CARD_BOUND: CardBound,
    POINTS_EARNED: PointsEarned,
    POINTS_SPENT: PointsSpent,
    POINTS_REVERSED: PointsReversed,
    INVITE_CLAIMED: InviteClaimed,
    REFERRAL_BOUND: ReferralBound,
    GRANT_RELEASED: GrantReleased,
}

OPERATION_KINDS: dict[str, type[msgspec.Struct]] = {REVEALED: MemberRevealed}


def check_spent(spent: PointsSpent) -> None:
    """Hold a spend against its own sums.

    Raises:
        ContractError: its lots and its risk are not its points.
    """
    if sum(lot.qty for lot in spent.lots) + spent.risk != spent.points or spent.risk < 0:
        raise ContractError(f"{POINTS_SPENT}: lots and risk do not make the points")


def check_reversed(told: PointsReversed) -> None:
    """Hold a reversal against its own sums.

    Raises:
        ContractError: more was paid and waived than is taken, or something is below zero.
    """
    if (
        min(told.taken, told.paid, told.paid_fen, told.waived, told.returned_risk) < 0
        or told.paid + told.waived > told.taken
    ):
        raise ContractError(f"{POINTS_REVERSED}: paid and waived are more than what is taken")


def check_earned(earned: PointsEarned) -> None:
    """Hold an earning against its own words.

    Raises:
        ContractError: it goes to a member and to a receipt, or to neither.
    """
    if bool(earned.member_id) == bool(earned.invite_id):
        raise ContractError(f"{POINTS_EARNED}: a member or a receipt, one of both")
