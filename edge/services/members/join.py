"""A guest becomes a member: at the till or on their phone, with the network or without (membership.md §5.2, §6.1).

The profile travels sealed under a key of the member's own. The key lies in the file of keys before the fact is committed, so that no
committed profile is without its key; the hub is given it by a question that is asked until it is answered. Two stores that enrol one
phone while they cannot hear each other is normal: the hub makes one member of both, and gives one welcome.
"""

from typing import Annotated, Final, Literal

import msgspec

from edge.db import members, sales
from edge.db.staff import Session
from edge.domain import phone
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import claims, desk, find, friends, indexing, known, points
from edge.services.members.claims import Invite
from edge.services.members.friends import Friend
from edge.services.node import Node
from edge.services.people import permit
from sync.contract import member_cards
from sync.contract import members as contract
from sync.contract.facts import ContractError
from sync.contract.member_cards import DateOf, Profile
from sync.contract.members import Consent, MemberConsented, MemberJoined, Origin, Place, Purpose, ReferralBound
from sync.engine.questions import ID_BYTES
from sync.node import member_seal

MEMBERSHIP: Final = "membership"
ALLERGY: Final = "allergy"
ASK_S: Final = 0.6
"""So long a join waits for the hub's word on a phone that is not known here: whoever joins twice is made one later."""
SAME_TABLE_MS: Final = 2 * 3_600_000
MEMBER_ID_BYTES: Final = 16
_Text = Annotated[str, msgspec.Meta(max_length=64)]
_Words = Annotated[tuple[_Text, ...], msgspec.Meta(max_length=24)]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
MemberId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a guest told of themselves; all of it may be left empty."""

    phone: Annotated[str, msgspec.Meta(max_length=40)] = ""
    name: _Text = ""
    birthday: DateOf | None = None
    dates: Annotated[tuple[DateOf, ...], msgspec.Meta(max_length=12)] = ()
    allergies: _Words = ()
    avoids: _Words = ()
    likes: _Words = ()
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""
    locale: Annotated[str, msgspec.Meta(max_length=16)] = ""

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Said()"


class JoinCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Makes a member of a guest, or finds the one that they are.

    Attributes:
        consents: purposes that were agreed to, `membership` among them; `text` is the version of what was read.
        place, code, at: what brought the guest, the id of that code, and where it stood.
        invite: the scanned code of a receipt, or a friend's own invite, which says who `by_member` is; `sale_id` the receipt that was printed here just now instead.
        by_member: the friend whose code it was.
        card: what a card or tag says that is to stand for them.
    """

    request_id: Hex
    consents: Annotated[tuple[Purpose, ...], msgspec.Meta(max_length=8)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    said: Said = Said()
    place: Place = "till"
    code: Annotated[str, msgspec.Meta(max_length=64)] = ""
    at: Annotated[str, msgspec.Meta(max_length=64)] = ""
    invite: Annotated[str, msgspec.Meta(max_length=400)] = ""
    sale_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    by_member: Annotated[str, msgspec.Meta(max_length=32)] = ""
    card: Annotated[str, msgspec.Meta(max_length=64)] = ""

    def __repr__(self) -> str:
        """Show nobody."""
        return f"JoinCommand({self.request_id})"


class JoinAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the guest is now; it names nobody, since it is kept.

    Attributes:
        existing: they were a member before.
        welcome: the gift, in points.
        claimed: points of the receipt, as far as this store knows them.
        claim: why the receipt's points were not claimed, a code; empty where they were, or none was shown.
        referred: a friend is noted.
    """

    member_id: str
    existing: bool = False
    welcome: int = 0
    claimed: int = 0
    claim: str = ""
    referred: bool = False


class _Asked(msgspec.Struct, frozen=True):
    """A join without what says who it is, for the digest that is stored of it."""

    digest: str


def profile_of(said: Said) -> Profile | Refused:
    """Check what a guest told.

    Returns:
        `phone_wrong`; `profile_wrong` with {fields}, the names of what is not sound (a birthday of 30 February).
    """
    number = phone.normal(said.phone) if said.phone.strip() else ""
    if number is None:
        return Refused("phone_wrong")
    profile = Profile(
        phone=number,
        name=said.name.strip(),
        birthday=said.birthday,
        dates=said.dates,
        allergies=_words(said.allergies),
        avoids=_words(said.avoids),
        likes=_words(said.likes),
        note=said.note.strip(),
        locale=said.locale,
    )
    wrong = member_cards.profile_mistakes(profile)
    return Refused("profile_wrong", {"fields": wrong}) if wrong else profile


def join(node: Node, who: Session | None, command: JoinCommand) -> Done | Refused:
    """Make a member of a guest; whoever is one already is found, and may claim a receipt all the same.

    Args:
        who: who is signed in; None for a guest on their own phone.

    Returns:
        The stored `JoinAnswer`, or `consent_missing` with {purpose}, what `profile_of` refuses, `members_off`.
    """
    refusal = _not_now(node, who, command)
    if refusal is not None:
        return refusal
    profile = profile_of(command.said)
    if isinstance(profile, Refused):
        return profile
    brought = friends.read(node, command.invite) if command.invite.strip() else None
    told = _told(command, brought)
    invite = brought if isinstance(brought, Refused) else _invite(node, told)
    here = _existing(node, profile, command)
    member_id = node.chance.token(MEMBER_ID_BYTES).hex()
    key = member_seal.make_key(node.chance)
    keys = desk.keys_of(node)
    if not here:
        keys.put(member_id, member_seal.key_id(key), key)
        keys.owe(member_id, node.chance.token(ID_BYTES))
    fresh = _Fresh(member_id, key, profile, here)

    def work(deed: Deed) -> JoinAnswer | Refused:
        return _work(deed, told, fresh, invite)

    digest = member_seal.word_digest(desk.digest_key(node), msgspec.json.encode(command).decode())
    done = deeds.transact(node, who, command.request_id, _Asked(digest), work, digest=bytes.fromhex(digest))
    if not here and (isinstance(done, Refused) or read_answer(done.answer).member_id != member_id):
        # Nobody came of it: the key is nobody's.
        keys.settled(member_id)
        keys.drop(member_id)
    node.steered.notify()
    return done


def was_done(node: Node, request_id: str) -> bool:
    """Say whether this very join was done before."""
    with node.db.read() as reader:
        return sales.stored_answer(reader, request_id) is not None


def read_answer(raw: bytes) -> JoinAnswer:
    """Read a stored answer back."""
    return msgspec.json.decode(raw, type=JoinAnswer)


class _Fresh(msgspec.Struct, frozen=True):
    member_id: str
    key: bytes
    profile: Profile
    here: str

    def __repr__(self) -> str:
        """Show nobody, and no key."""
        return "_Fresh()"


def _not_now(node: Node, who: Session | None, command: JoinCommand) -> Refused | None:
    if who is not None and not permit.may(who, Action.MEMBERS):
        return Refused("not_allowed", {"action": Action.MEMBERS.value})
    if not node.store_rules.members:
        return Refused("members_off")
    if node.training:
        return Refused(node.idle_code)
    if MEMBERSHIP not in command.consents:
        return Refused("consent_missing", {"purpose": MEMBERSHIP})
    if command.said.allergies and ALLERGY not in command.consents:
        return Refused("consent_missing", {"purpose": ALLERGY})
    return None


def _told(command: JoinCommand, brought: Friend | Refused | None) -> JoinCommand:
    """Read a friend's invite as what it says: who brought the guest. It holds no points of a receipt."""
    if not isinstance(brought, Friend):
        return command
    place: Place = "member" if command.place in ("till", "slip") else command.place
    code = command.code or brought.short
    return msgspec.structs.replace(command, place=place, code=code, by_member=brought.member_id, invite="")


def _invite(node: Node, command: JoinCommand) -> Invite | Refused | None:
    if command.invite.strip():
        return claims.read(node, command.invite)
    return claims.of_sale(node, command.sale_id) if command.sale_id else None


def _existing(node: Node, profile: Profile, command: JoinCommand) -> str:
    """Say who it is, where that is known here or at the hub; empty for somebody new, or if nobody can say."""
    if profile.phone:
        with node.db.read() as reader:
            here = find.here_by_phone(node, reader, profile.phone)
        return here or find.ask_phone(node, profile.phone, ASK_S) or ""
    if command.card.strip():
        found = find.by_card(node, command.card)
        return found.member_ids[0] if found.member_ids else ""
    return ""


def _work(deed: Deed, command: JoinCommand, fresh: _Fresh, invite: Invite | Refused | None) -> JoinAnswer | Refused:
    # Another till may have been faster with the same phone.
    here = fresh.here or (find.here_by_phone(deed.node, deed.tx, fresh.profile.phone) if fresh.profile.phone else "")
    member_id = here or fresh.member_id
    welcome, referred = 0, False
    if not here:
        origin = _origin(deed, command, invite)
        _write_joined(deed, command, fresh, origin)
        welcome = points.give(deed, member_id, "welcome", f"welcome:{member_id}", known.rules(deed.tx).welcome)
        referred = _refer(deed, member_id, origin.by_member)
    elif all(one.purpose != MEMBERSHIP for one in members.consents_here(deed.tx, member_id)):
        # Whoever agreed elsewhere agrees here, too: only then may this store know who they are.
        deed.write(contract.CONSENTED, MemberConsented(member_id=member_id, consents=_consents(deed, command)))
    claimed, why = 0, ""
    if isinstance(invite, Refused):
        why = invite.code
    elif invite is not None:
        taken = claims.claim(deed, invite, member_id)
        claimed, why = (0, taken.code) if isinstance(taken, Refused) else (taken, "")
    if command.card.strip():
        token = indexing.by_card(deed.node, command.card)
        if token is None:
            return Refused("members_not_ready")
        deed.write(contract.CARD_BOUND, contract.CardBound(member_id=member_id, token=token))
    indexing.index_again(deed.node, deed.tx, member_id)
    return JoinAnswer(
        member_id=member_id, existing=bool(here), welcome=welcome, claimed=claimed, claim=why, referred=referred
    )


def _write_joined(deed: Deed, command: JoinCommand, fresh: _Fresh, origin: Origin) -> None:
    said = fresh.profile != Profile()
    body = MemberJoined(
        member_id=fresh.member_id,
        origin=origin,
        consents=_consents(deed, command),
        key_id=member_seal.key_id(fresh.key),
        sealed=member_seal.seal(fresh.profile, fresh.member_id, fresh.key, deed.node.chance) if said else "",
    )
    if len(body.sealed) > member_cards.SEALED_CHARS_MAX:
        raise ContractError("a profile is larger than its parts may be")
    deed.write(contract.JOINED, body)


def _consents(deed: Deed, command: JoinCommand) -> tuple[Consent, ...]:
    channel: Literal["till", "phone"] = "phone" if deed.who is None else "till"
    return tuple(
        Consent(purpose=one, given=True, text=command.text, channel=channel) for one in dict.fromkeys(command.consents)
    )


def _origin(deed: Deed, command: JoinCommand, invite: Invite | Refused | None) -> Origin:
    """Say what brought the guest: the first touch, which is kept."""
    if isinstance(invite, Invite) and command.place in ("till", "slip"):
        return Origin(place="slip", store=invite.store, code=invite.invite_id, by_member=command.by_member)
    at = command.at or (deed.who.till if deed.who is not None and command.place == "till" else "")
    return Origin(place=command.place, store=deed.place.store, code=command.code, at=at, by_member=command.by_member)


def _refer(deed: Deed, friend: str, referrer: str) -> bool:
    """Note who brought a new member; whoever it is, the hub decides what comes of it."""
    if not referrer or members.resolve(deed.tx, referrer) == friend:
        return False
    one = known.find(deed.node, deed.tx, referrer)
    flags = []
    if one is not None and one.staff:
        flags.append("staff")
    if members.tables_since(deed.tx, referrer, deed.place.at_ms - SAME_TABLE_MS):
        flags.append("same_table")
    deed.write(contract.REFERRAL_BOUND, ReferralBound(friend=friend, referrer=referrer, flags=tuple(flags)))
    return True


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in words if one.strip()))
