"""The online questions about members: keys, look-ups and grants (protocol §5.2 `rq`; bodies and answers are JSON of these shapes).

All of them travel inside the session's seal. The hub keeps no answer of those that carry keys or say who somebody is
(`NOT_KEPT`): they change nothing but what they may change again. Silence is unknown; the same id asks again.

Reasons of a refusal: `bad_body`, `fenced`, and those named with each question.
"""

from typing import Annotated, Final

import msgspec

from sync.contract.grants import Grant
from sync.contract.member_cards import MemberCard

KEY: Final = "member.key"
"""`GiveKey` → `Taken`. Refused: `forgotten` (the member was erased: destroy the key here, too), `other_key` (the hub holds another)."""
KEYS: Final = "member.keys"
"""`AskKeys` → `Keys`."""
INDEX_KEY: Final = "member.index_key"
"""`AskIndexKey` → `IndexKey`."""
FIND: Final = "member.find"
"""`Find` → `Found`. Nobody found is `done` with no card. Refused: `too_many` (more within the hour than a till has guests)."""
GRANT_ASK: Final = "grant.ask"
"""`AskGrant` → `Granted`. Refused: `nobody`, `short` (less is free), `limit` (the store holds as much as it may).
Asked again under its id it is answered the same; never ask with a second id for the same spend."""

NAMES: Final = (KEY, KEYS, INDEX_KEY, FIND, GRANT_ASK)
NOT_KEPT: Final = frozenset({KEY, KEYS, INDEX_KEY, FIND})
KEYS_MAX: Final = 64

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Key = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9+/]{43}=$")]
"""32 bytes, base 64."""


class MemberKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member's own key."""

    member_id: _Id
    key_id: str
    key: _Key

    def __repr__(self) -> str:
        """Name the key without showing it: a text of this lands in no log."""
        return f"MemberKey({self.key_id})"


class GiveKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store hands in the key of a member who joined here."""

    key: MemberKey


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The hub holds it. `merged_into` names the member who this one turned out to be, empty for somebody new."""

    merged_into: str = ""


class AskKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store asks for the keys of members whose cards it was sent, `KEYS_MAX` at most; it is given no others."""

    member_ids: Annotated[tuple[_Id, ...], msgspec.Meta(max_length=KEYS_MAX)]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys; `forgotten` are gone for good, whoever is in neither list has none (yet)."""

    keys: tuple[MemberKey, ...] = ()
    forgotten: tuple[str, ...] = ()


class AskIndexKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store asks for the keys of its index."""


class IndexKey(msgspec.Struct, frozen=True, kw_only=True):
    """`phone`: this store's own, for its index of phone numbers and names. `token`: of all stores, for cards and tags."""

    phone: _Key
    token: _Key

    def __repr__(self) -> str:
        """Show neither."""
        return "IndexKey()"


class Find(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is this? One of the four is given.

    `phone` is E.164, `token` the keyed digest of a card, `code` what a member's phone shows (`sync.contract.member_codes`): the hub
    checks it for a store that does not have the member's key.
    `salt` is random hex, so that nothing that is kept of this question can be tried out against all phone numbers.
    The hub then counts the member as a guest of this store: card, key and a grant follow in its streams, too.
    """

    salt: Annotated[str, msgspec.Meta(min_length=16, max_length=64)]
    phone: str = ""
    token: str = ""
    member_id: str = ""
    code: str = ""

    def __repr__(self) -> str:
        """Show nobody's number."""
        return "Find()"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The member, what this store may spend of their points now, and the key that opens the profile."""

    card: MemberCard | None = None
    grants: tuple[Grant, ...] = ()
    key: MemberKey | None = None


class AskGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store asks for so many points of a member beside what it holds already."""

    member_id: _Id
    points: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What was put aside now; it comes by the stream, too, under the same id."""

    grant: Grant
    card: MemberCard
