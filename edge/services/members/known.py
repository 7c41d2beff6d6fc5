"""A member as the store knows them now: the hub's card, and what our own facts said behind it.

No balance is kept here. Points are the card's, which counts this store's lane 0 up to a seq, and our postings behind that seq. What
may be spent is something else: what the hub put aside for this store, and what is left of it.
"""

import logging
from dataclasses import dataclass
from typing import NamedTuple

from edge.db import journal, members, stream_appliers
from edge.db.members import JoinedHere, Place
from edge.services.members import desk
from edge.services.node import Node
from sync.contract import grants, member_cards, streams
from sync.contract.facts import ContractError
from sync.contract.grants import Grant
from sync.contract.member_cards import Habits, MemberCard, Profile
from sync.contract.points import Rules
from sync.node import member_seal
from sync.node.boxes import BoxError
from sync.node.database import Reader

log = logging.getLogger(__name__)


class Sealed(NamedTuple):
    """The newest profile of a member, and whose key opens it."""

    member_id: str
    key_id: str
    sealed: str


@dataclass(frozen=True)
class Known:
    """A member. `profile` is None where nothing was told, or where its key is not here."""

    member_id: str
    ids: tuple[str, ...]
    card: MemberCard | None
    joined: JoinedHere | None
    profile: Profile | None
    consents: dict[str, str]
    points: int

    @property
    def debt(self) -> int:
        """Points that were taken back and were spent already."""
        return 0 if self.card is None else self.card.debt

    @property
    def net(self) -> int:
        """What the member has, less what they owe."""
        return self.points - self.debt

    @property
    def place(self) -> Place:
        """Up to which of our own facts the hub's card counts."""
        return members.NOWHERE if self.card is None else (self.card.booked_epoch, self.card.booked_seq)

    @property
    def staff(self) -> bool:
        """Whether the member works here."""
        return self.card is not None and self.card.staff

    @property
    def habits(self) -> Habits | None:
        """What their bills come to, as far as they agreed to that."""
        return None if self.card is None or "profiling" not in self.consents else self.card.habits


def cards_stream(node: Node) -> str:
    """Name the stream of this store's guests."""
    return streams.own(streams.MEMBERS, _store(node))


def grants_stream(node: Node) -> str:
    """Name the stream of what may be spent here."""
    return streams.own(streams.GRANTS, _store(node))


def rules(reader: Reader) -> Rules:
    """Give the rules of points that hold."""
    return member_cards.rules_in_force(_rules_items(reader))


def rules_of(reader: Reader, version: int) -> Rules:
    """Give the rules by which something was counted once; those that hold where these are gone."""
    items = _rules_items(reader)
    found = member_cards.rules_of(items).get(version)
    return found or (Rules() if version == 0 else member_cards.rules_in_force(items))


def find(node: Node, reader: Reader, member_id: str, *, opens: bool = True) -> Known | None:
    """Find a member by id; None for somebody unknown here, or who left.

    Args:
        opens: the profile is wanted; a bill is quicker without.
    """
    who = members.resolve(reader, member_id)
    if members.has_left(reader, who):
        return None
    card = members.card(reader, cards_stream(node), who)
    joined = members.joined_here(reader, who)
    if card is None and (joined is None or desk.keys_of(node).get(who) is None):
        # Without a card and without a key: erased, or long gone from here.
        return None
    ids = tuple(members.family(reader, who))
    place = members.NOWHERE if card is None else (card.booked_epoch, card.booked_seq)
    posted = members.posted_behind(reader, ids, place)
    return Known(
        member_id=who,
        ids=ids,
        card=card,
        joined=joined,
        profile=opened(node, newest(reader, who, card, joined)) if opens else None,
        consents=_consents(reader, who, card),
        points=(0 if card is None else card.points) + posted,
    )


def newest(reader: Reader, member_id: str, card: MemberCard | None, joined: JoinedHere | None) -> Sealed | None:
    """Give the newest profile: ours where it is behind what the hub counted, else the card's."""
    place = members.NOWHERE if card is None else (card.booked_epoch, card.booked_seq)
    own = members.profiled_here(reader, member_id)
    if own is not None and (own.at > place or card is None or not card.sealed):
        return Sealed(member_id, own.key_id, own.sealed)
    if card is not None and card.sealed:
        return Sealed(member_id, card.key_id, card.sealed)
    return Sealed(member_id, joined.key_id, joined.sealed) if joined is not None and joined.sealed else None


def opened(node: Node, sealed: Sealed | None) -> Profile | None:
    """Open a profile with the key that is here; None where there is none, or it does not open."""
    if sealed is None:
        return None
    try:
        held = desk.keys_of(node).get(sealed.member_id)
        return None if held is None else member_seal.unseal(sealed.sealed, sealed.member_id, held.key)
    except (BoxError, ContractError):
        log.warning("member.sealed_with_another_key", extra={"member": sealed.member_id})
        return None


def granted(node: Node, reader: Reader, ids: tuple[str, ...]) -> list[tuple[Grant, dict[str, int]]]:
    """List what was put aside here for a member, with what was spent of it."""
    found = members.grants_of(reader, grants_stream(node), ids)
    return [(grant, members.spent_of(reader, grant.grant_id)) for grant in found]


def spend_ms(node: Node, reader: Reader) -> int:
    """Give the time by which grants end: of the wall's and the hybrid clock's the later one."""
    return max(node.clock.now_ms(), journal.counter(reader, "hlc") >> 16)


def spendable(node: Node, reader: Reader, known: Known, epoch: int, day: str) -> int:
    """Say how much of a member's points may be spent here now without asking."""
    now_ms = spend_ms(node, reader)
    return sum(
        lot.left
        for grant, spent in granted(node, reader, known.ids)
        if grants.may_spend(grant, epoch, now_ms)
        for lot in grants.rest(grant, spent)
        if lot.usable(day)
    )


def _consents(reader: Reader, member_id: str, card: MemberCard | None) -> dict[str, str]:
    """Say what is agreed to, by purpose with the text's version; the last word counts."""
    agreed: dict[str, str] = {} if card is None else {one.purpose: one.text for one in card.consents}
    place = members.NOWHERE if card is None else (card.booked_epoch, card.booked_seq)
    for one in members.consents_here(reader, member_id):
        if one.at > place:
            agreed.pop(one.purpose, None)
            if one.given:
                agreed[one.purpose] = one.text
    return agreed


def _rules_items(reader: Reader) -> dict[str, bytes]:
    return stream_appliers.items(reader, streams.RULES)


def _store(node: Node) -> str:
    assert node.granted is not None
    return node.granted.store
