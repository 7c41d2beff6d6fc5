"""What the parts of members share: the clock, the keys of members, the rules in force, and what the book says in a transaction."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import NamedTuple

import msgspec

from cloud.db import grants as grant_rows
from cloud.db import ledger as rows
from cloud.db import members
from cloud.db import streams as stream_rows
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.db.ledger import By
from cloud.domain.moves import Deed
from cloud.domain.posting import EarningSeen, GrantSeen, OpenRisk, SpendSeen
from cloud.services import streams
from sync.contract import grants, member_cards, times
from sync.contract import streams as stream_names
from sync.contract.ledger import Lot
from sync.contract.points import Rules
from sync.node.keys import Identity
from sync.node.member_keys import MemberKeys
from sync.node.ports import Chance, Clock, IdSource

SYSTEM = "system"


class Secrets(NamedTuple):
    """The hub's own keys of its indexes, derived from its key file: of phone numbers, of cards and tags, of gifts."""

    phones: bytes
    tokens: bytes
    gifts: bytes

    def __repr__(self) -> str:
        """Show none of them."""
        return "Secrets()"


class NoMember(LookupError):
    """There is no such member, or they left."""


class BadDeed(ValueError):
    """It cannot be done; the sentence says why and what to do."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How far HQ lets stores spend without asking, and how long things are kept.

    Attributes:
        member_max: points of one member that a store is given at once.
        store_max: points of all members together that a store may hold (its exposure).
        lapse_ms: how long a grant holds.
        guest_ms: a store that has not seen a guest for so long loses the card.
        home_ms: members seen within this time get a grant for the night's home store.
        alone_max: points that one person may give by hand without a second one, each time and in a day.
        friends_a_day, friends_an_hour: more friends of one member than this are looked at by a person.
        device_ms: so long the digest of a phone is kept that somebody joined with.
        gift_ms: so long behind a member's leaving it is known that their phone had its welcome gift.
    """

    member_max: int = 5_000
    store_max: int = 500_000
    lapse_ms: int = grants.LAPSE_MS
    guest_ms: int = 400 * times.DAY_MS
    home_ms: int = 90 * times.DAY_MS
    alone_max: int = 1_000
    friends_a_day: int = 5
    friends_an_hour: int = 3
    device_ms: int = 30 * times.DAY_MS
    gift_ms: int = 366 * times.DAY_MS


class Rulebook:
    """The rules of points as they were published; read once for each version of their stream."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = -1
        self._rules: dict[int, Rules] = {}

    def now(self, reader: Reader) -> Rules:
        """Give the rules in force; the default ones where none were published."""
        known = self._read(reader)
        return known[max(known)] if known else Rules()

    def of(self, reader: Reader, version: int) -> Rules:
        """Give the rules of a version; those of now where it is not known."""
        return self._read(reader).get(version) or self.now(reader)

    def _read(self, reader: Reader) -> dict[int, Rules]:
        head = stream_rows.head_of(reader, stream_names.RULES)
        version = 0 if head is None else head.version
        with self._lock:
            if version != self._version:
                self._rules = member_cards.rules_of(streams.state_at_head(reader, stream_names.RULES))
                self._version = version
            return self._rules


@dataclass(frozen=True)
class Shared:
    """Handed to every part of members."""

    database: HubDatabase
    clock: Clock
    chance: Chance
    keys: MemberKeys
    secrets: Secrets
    zone: tzinfo
    cutoff_minutes: int
    policy: Policy = field(default_factory=Policy)
    on_stream: Callable[[], None] = lambda: None
    rulebook: Rulebook = field(default_factory=Rulebook)
    signer: Identity | None = None
    """HQ's own keys, under which it signs members' invites; None where there are no pages of members (simulations)."""

    ids: IdSource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the source of the ids of deeds."""
        object.__setattr__(self, "ids", IdSource(self.clock, self.chance))

    def day(self, at_ms: int | None = None) -> str:
        """Name the business day of a time, or of now."""
        return times.business_day(self.clock.now_ms() if at_ms is None else at_ms, self.zone, self.cutoff_minutes)

    def new_id(self) -> str:
        """Make an id of a deed."""
        return self.ids.uuid7().hex()

    def by_system(self, reason: str = "") -> By:
        """Say that the hub itself does something."""
        return By(SYSTEM, self.clock.now_ms(), reason=reason)


class LedgerBook:
    """What the book says in one transaction (`cloud.domain.posting.Book`)."""

    def __init__(self, reader: Reader, shared: Shared) -> None:
        self._reader = reader
        self._shared = shared

    def resolve(self, member_id: str) -> str:
        """Follow merges to the member who stands."""
        return members.resolve(self._reader, member_id)

    def is_gone(self, member_id: str) -> bool:
        """Say whether a member left."""
        row = members.member(self._reader, member_id)
        return row is not None and row.left_ms is not None

    def knows(self, idem: str) -> bool:
        """Say whether a journal of this name is there."""
        return rows.knows(self._reader, idem)

    def lots(self, account: str) -> list[Lot]:
        """List an account's lots that hold something."""
        return rows.lots(self._reader, account)

    def lot(self, account: str, lot_id: str) -> Lot | None:
        """Find a lot, empty or not."""
        return rows.lot(self._reader, account, lot_id)

    def balance(self, account: str) -> int:
        """Give an account's balance."""
        return rows.balance(self._reader, account)

    def open_risks(self, member_id: str) -> Sequence[OpenRisk]:
        """List what stores gave a member without a grant and was not found yet."""
        return rows.open_risks(self._reader, member_id)

    def grant(self, grant_id: str) -> GrantSeen | None:
        """Find a grant."""
        return grant_rows.seen(self._reader, grant_id)

    def earning(self, ref: str) -> EarningSeen | None:
        """Find what a sale earned."""
        return rows.earning(self._reader, ref)

    def escrow(self, invite_id: str) -> EarningSeen | None:
        """Find what a receipt holds, or held."""
        return rows.escrow(self._reader, invite_id)

    def spend(self, ref: str) -> SpendSeen | None:
        """Find what was spent on a sale."""
        return rows.spend(self._reader, ref)

    def claimed_by(self, invite_id: str) -> str:
        """Say who claimed a receipt's points."""
        return rows.claimed_by(self._reader, invite_id)

    def gift_given(self, member_id: str) -> bool:
        """Say whether a member's phone had its welcome gift before, with another member."""
        row = members.member(self._reader, member_id)
        for digest in members.digests_of(self._reader, [member_id], members.GIFT) if row is not None else []:
            holder = members.gift_of(self._reader, digest)
            if holder and holder != member_id:
                return True
        return False


def post(tx: Tx, deed: Deed | None, by: By) -> bool:
    """Write a deed of HQ; gives whether anything was written."""
    if deed is None or not rows.write(tx, deed.journal, by):
        return False
    rows.recover(tx, deed.recovered)
    return True


def standing(reader: Reader, member_id: str) -> members.MemberRow:
    """Find the member who stands for an id.

    Raises:
        NoMember: there is none, or they left.
    """
    row = members.member(reader, members.resolve(reader, member_id))
    if row is None or row.left_ms is not None:
        raise NoMember(f"there is no member {member_id[:8]}… (any more)")
    return row


def everybody(reader: Reader, member_id: str) -> list[str]:
    """List a member and all who turned out to be them."""
    return [member_id, *members.merged_into(reader, member_id)]


def distinct(found: Iterable[str]) -> list[str]:
    """List each once, in order."""
    return list(dict.fromkeys(one for one in found if one))
