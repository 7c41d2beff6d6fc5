"""What members are found by: keyed digests of their phone, of its last four digits with the first letter of the name, of their cards."""

from collections.abc import Iterator

from edge.db import members
from edge.domain import phone
from edge.services.members import desk, known
from edge.services.members.known import Known
from edge.services.node import Node
from sync.contract.member_cards import Profile
from sync.node import member_seal
from sync.node.database import Tx


def index(node: Node, tx: Tx, one: Known) -> None:
    """Let a member be found by what is known of them now, and by nothing else."""
    digests = list(_of_profile(node, one.profile))
    if one.card is not None:
        digests += [(members.TOKEN, token) for token in one.card.tokens]
    members.index(tx, one.member_id, digests)


def index_again(node: Node, tx: Tx, member_id: str) -> None:
    """Do it for a member by id; whoever is not known here is found by nothing."""
    one = known.find(node, tx, member_id)
    if one is None:
        members.unindex(tx, member_id)
    else:
        index(node, tx, one)


def by_phone(node: Node, normal: str) -> str:
    """Give the digest by which a phone number (E.164) is found."""
    return member_seal.phone_digest(desk.phone_key(node), normal)


def by_tail(node: Node, tail: str, name: str = "") -> str:
    """Give the digest by which the last four digits are found, with the first letter of a name or without."""
    return member_seal.word_digest(desk.phone_key(node), f"{tail}|{name.strip()[:1].casefold()}")


def by_card(node: Node, text: str) -> str | None:
    """Give the digest by which a card is found; None before the hub gave the key of them."""
    key = desk.token_key(node)
    return None if key is None else member_seal.token_digest(key, text.strip())


def _of_profile(node: Node, profile: Profile | None) -> Iterator[tuple[str, str]]:
    if profile is None or not profile.phone:
        return
    yield members.PHONE, by_phone(node, profile.phone)
    tail = phone.tail(profile.phone)
    yield members.TAIL, by_tail(node, tail)
    if profile.name.strip():
        yield members.TAIL, by_tail(node, tail, profile.name)
