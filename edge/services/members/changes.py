"""What a member changes: what we know of them, what they agree to, their card, and that we forget them (membership.md §5.2)."""

from functools import partial
from typing import Annotated, Final, Literal

import msgspec

from edge.db import members
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import desk, indexing, join, known
from edge.services.members.join import ALLERGY, MEMBERSHIP, Hex, MemberId, Said
from edge.services.members.known import Known
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import members as contract
from sync.contract.member_cards import Profile
from sync.contract.members import (
    CardBound,
    Consent,
    MemberConsented,
    MemberLeft,
    MemberProfiled,
    MemberRevealed,
    Purpose,
)
from sync.contract.words import has_control
from sync.node import member_seal

REASON_CHARS_MAX: Final = 80
_Approval = Annotated[str, msgspec.Meta(max_length=32)]


class ConsentCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member agrees to a purpose or takes it back; `text` is the version of what was read."""

    request_id: Hex
    member_id: MemberId
    purpose: Purpose
    given: bool
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ProfileCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a member is put right; `said` is the whole of it, or only the fields that `only` names."""

    request_id: Hex
    member_id: MemberId
    said: Said
    only: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=16)], ...], msgspec.Meta(max_length=12)] = ()

    def __repr__(self) -> str:
        """Show nobody."""
        return f"ProfileCommand({self.member_id})"


class CardCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card or tag stands for a member from now on, and for nobody else."""

    request_id: Hex
    member_id: MemberId
    card: Annotated[str, msgspec.Meta(min_length=4, max_length=64)]


class LeaveCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member asks to be forgotten."""

    request_id: Hex
    member_id: MemberId
    approval_id: _Approval = ""


class RevealCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody must read in clear who a member is."""

    request_id: Hex
    member_id: MemberId
    reason: Annotated[str, msgspec.Meta(max_length=200)]
    approval_id: _Approval = ""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """It is done."""

    member_id: str


class InClear(msgspec.Struct, frozen=True, kw_only=True):
    """Who a member is; never kept anywhere."""

    member_id: str
    profile: Profile | None

    def __repr__(self) -> str:
        """Show nobody."""
        return "InClear()"


class _Asked(msgspec.Struct, frozen=True):
    digest: str


def consent(node: Node, who: Session | None, command: ConsentCommand) -> Done | Refused:
    """Note what a member agrees to or takes back. Whoever takes back being a member leaves; allergies go with their consent.

    Returns:
        `member_unknown`; `leave_instead` for `membership`.
    """
    if command.purpose == MEMBERSHIP and not command.given:
        return Refused("leave_instead")

    def work(deed: Deed) -> Changed | Refused:
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        channel: Literal["till", "phone"] = "phone" if who is None else "till"
        said = Consent(purpose=command.purpose, given=command.given, text=command.text, channel=channel)
        deed.write(contract.CONSENTED, MemberConsented(member_id=one.member_id, consents=(said,)))
        if command.purpose == ALLERGY and not command.given and one.profile is not None and one.profile.allergies:
            _write_profile(deed, one, msgspec.structs.replace(one.profile, allergies=()))
        return Changed(member_id=one.member_id)

    return deeds.transact(node, who, command.request_id, command, work)


def put_right(node: Node, who: Session | None, command: ProfileCommand) -> Done | Refused:
    """Write a member's profile anew, sealed under the key that they have.

    Returns:
        `member_unknown`; what `join.profile_of` refuses; `consent_missing` for allergies without a consent of their own;
        `phone_taken` where the number is another member's; `member_sealed` where the key is not here.
    """
    profile = join.profile_of(command.said)
    if isinstance(profile, Refused):
        return profile

    def work(deed: Deed) -> Changed | Refused:
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        if one.profile is None and command.only and known.newest(deed.tx, one.member_id, one.card, one.joined):
            return Refused("member_sealed")
        whole = _laid_over(one.profile or Profile(), profile, command.only)
        if whole.allergies and ALLERGY not in one.consents:
            return Refused("consent_missing", {"purpose": ALLERGY})
        if whole.phone:
            owners = members.found_by(deed.tx, members.PHONE, indexing.by_phone(node, whole.phone))
            if any(members.resolve(deed.tx, owner) != one.member_id for owner in owners):
                return Refused("phone_taken")
        refusal = _write_profile(deed, one, whole)
        return refusal or Changed(member_id=one.member_id)

    digest = member_seal.word_digest(desk.digest_key(node), msgspec.json.encode(command).decode())
    return deeds.transact(node, who, command.request_id, _Asked(digest), work, digest=bytes.fromhex(digest))


def bind_card(node: Node, who: Session, command: CardCommand) -> Done | Refused:
    """Let a card stand for a member.

    Returns:
        `member_unknown`; `members_not_ready` before the hub gave the key of cards.
    """
    token = indexing.by_card(node, command.card)
    if token is None:
        return Refused("members_not_ready")
    asked = _Asked(token)

    def work(deed: Deed) -> Changed | Refused:
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        deed.write(contract.CARD_BOUND, CardBound(member_id=one.member_id, token=token))
        return Changed(member_id=one.member_id)

    return deeds.transact(node, who, command.request_id, asked, work)


def leave(node: Node, who: Session | None, command: LeaveCommand) -> Done | Refused:
    """Forget a member: the fact is written, they are found by nothing, and their key is destroyed here at once.

    A guest who asks for it on their own phone needs nobody's word (`who` None).
    """

    def work(deed: Deed) -> Changed | Refused:
        if who is not None:
            allowed = permit(deed, Action.FORGET_MEMBER, command.member_id, approval_id=command.approval_id)
            if isinstance(allowed, Refused):
                return allowed
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        deed.write(contract.LEFT, MemberLeft(member_id=one.member_id))
        for each in one.ids:
            members.unindex(deed.tx, each)
            # Should this process end before the key is gone, the next one destroys it.
            members.want(deed.tx, each, members.FORGET)
        return Changed(member_id=one.member_id)

    done = deeds.transact(node, who, command.request_id, command, work, vital=True)
    if isinstance(done, Done):
        forget_wanted(node)
    return done


def forget_wanted(node: Node) -> int:
    """Destroy the keys of everybody who left, and let go of those that this store has nothing more to do with; gives how many."""
    with node.db.read() as reader:
        due = [(one, what) for what in (members.FORGET, members.DROP) for one in members.wanted(reader, what)]
    keys = desk.keys_of(node)
    for one, what in due:
        if what == members.FORGET:
            keys.forget(one, node.clock.now_ms())
        else:
            keys.drop(one)
        node.db.write(partial(members.gone, member_id=one, what=what))
    return len(due)


def reveal(node: Node, who: Session, command: RevealCommand) -> InClear | Refused:
    """Show in clear who a member is, and write that it was shown, to whom and why (PIPL: a logged act with a reason).

    Returns:
        `bad_text` without a reason; what `permit` refuses; `member_unknown`.
    """
    reason = command.reason.strip()
    if not 1 <= len(reason) <= REASON_CHARS_MAX or has_control(reason):
        return Refused("bad_text", {"chars_max": REASON_CHARS_MAX})

    def work(deed: Deed) -> Changed | Refused:
        allowed = permit(deed, Action.REVEAL_MEMBER, command.member_id, approval_id=command.approval_id)
        if isinstance(allowed, Refused):
            return allowed
        one = known.find(node, deed.tx, command.member_id)
        if one is None:
            return Refused("member_unknown")
        body = MemberRevealed(
            member_id=one.member_id,
            reason=reason,
            approved_by=allowed.approved_by,
            approval_id=allowed.approval_id,
        )
        deed.write(contract.REVEALED, body)
        return Changed(member_id=one.member_id)

    done = deeds.transact(node, who, command.request_id, command, work)
    if isinstance(done, Refused):
        return done
    with node.db.read() as reader:
        one = known.find(node, reader, command.member_id)
    return Refused("member_unknown") if one is None else InClear(member_id=one.member_id, profile=one.profile)


def _laid_over(known_so_far: Profile, said: Profile, only: tuple[str, ...]) -> Profile:
    """Give the profile that comes of it: nobody has to read in clear what they do not change.

    What a till never asks for (mail, address) stays in any case.
    """
    news = {name: getattr(said, name) for name in Said.__struct_fields__ if not only or name in only}
    return msgspec.structs.replace(known_so_far, **news)


def _write_profile(deed: Deed, one: Known, profile: Profile) -> Refused | None:
    held = desk.keys_of(deed.node).get(one.member_id)
    if held is None:
        return Refused("member_sealed")
    sealed = member_seal.seal(profile, one.member_id, held.key, deed.node.chance)
    deed.write(contract.PROFILED, MemberProfiled(member_id=one.member_id, key_id=held.key_id, sealed=sealed))
    indexing.index_again(deed.node, deed.tx, one.member_id)
    return None
