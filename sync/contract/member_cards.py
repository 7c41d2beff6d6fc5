"""What the hub tells a store of its members: the streams of rules, cards and grants (membership.md §6.12, protocol §5.7, §5.13).

* `rules` (all stores): `points/<version>` → `points.Rules`. The highest version holds; the others stay, for refunds of what they earned.
* `members.<store>`: member id → `MemberCard`, for the members that this store has to do with. A `remove` tells the store to forget:
  it destroys the member's key and its index, at once.
* `grants.<store>`: grant id → `grants.Grant`. It stands as it was put aside; what was spent of it the store knows from its own facts.
  A `remove` says that the hub took its rest back (it was released, or spent).

No card says who somebody is: the profile is sealed under the member's own key, which comes by `member.keys` and is in no stream.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.grants import Grant
from sync.contract.members import Purpose
from sync.contract.points import Rules
from sync.contract.words import Name, has_control

RULES_KEY: Final = "points/"

EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164 (ITU-T): the one way in which a phone number is kept, sealed."""
DATES_MAX: Final = 12
WORDS_MAX: Final = 24
WORD_CHARS_MAX: Final = 40
SEALED_CHARS_MAX: Final = 16_384

T = TypeVar("T", bound=msgspec.Struct)

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class DateOf(msgspec.Struct, frozen=True, kw_only=True):
    """A date that a member told us of: month and day only (`10-01`), no year is asked for. `lunar` = 农历."""

    what: str
    month_day: str
    lunar: bool = False


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a member told us of themselves; all of it may be empty. It exists in clear only where it is shown and while it is.

    Attributes:
        phone: E.164; empty for a member who is known by a code or a card only.
        name: as the guest wants to be addressed.
        birthday: month and day.
        allergies: shown on the kitchen's docket; kept under a consent of its own (PIPL art. 28).
        avoids: 忌口, what is not eaten, without being dangerous.
        likes: what the guest or the staff noted.
        email, address: only from somebody who wants to give them.
    """

    phone: str = ""
    name: str = ""
    birthday: DateOf | None = None
    dates: tuple[DateOf, ...] = ()
    allergies: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    likes: tuple[str, ...] = ()
    note: str = ""
    locale: str = ""
    email: str = ""
    address: str = ""


class GivenConsent(msgspec.Struct, frozen=True, kw_only=True):
    """A consent as it stands now, and the version of the text that was read."""

    purpose: Purpose
    text: str
    at_ms: int


class Habits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sales of a member come to over all stores; empty for somebody who did not agree to `profiling`."""

    visits: int = 0
    last_day: str = ""
    last_store: str = ""
    spent_fen: int = 0
    interval_days: int = -1
    """Days between visits, on the average; −1 = came once."""
    hour: int = -1
    """The hour of day in which the guest comes most, −1 = not known."""
    table: str = ""
    dishes: tuple[Name, ...] = ()
    """What was ordered most, the most first."""


class MemberCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member as the hub knows them, for one store.

    What this store posted behind (`booked_epoch`, `booked_seq`) of its lane 0 is not in the sums yet: the store adds it itself.

    Attributes:
        joined_day, home_store: of the join.
        points: all that the member has: usable, pending and put aside for stores. What a store may give away of it is in its grants.
        pending: how much of it is not usable yet.
        debt: points that were taken back and were spent already.
        ends_day, ends_points: what ends next, and when.
        key_id, sealed: the profile, sealed; both empty for a member who told nothing.
        tokens: keyed digests of cards and tags.
        merged_into: this card is another member's now: sales that name it are booked there.
        staff: the member works here: no referral reward.
    """

    member_id: _Id
    joined_day: str
    home_store: str
    points: int
    booked_epoch: int
    booked_seq: int
    pending: int = 0
    debt: int = 0
    ends_day: str = ""
    ends_points: int = 0
    growth: int = 0
    tier: str = ""
    key_id: str = ""
    sealed: str = ""
    consents: tuple[GivenConsent, ...] = ()
    tokens: tuple[str, ...] = ()
    merged_into: str = ""
    brought: int = 0
    """Friends who came by this member's invite."""
    staff: bool = False
    habits: Habits | None = None


def rules_key(version: int) -> str:
    """Name the step that holds a version of the rules."""
    return f"{RULES_KEY}{version}"


def read_card(raw: bytes) -> MemberCard:
    """Read a card.

    Raises:
        ContractError: the bytes are none.
    """
    return _read(_CARD, raw, "card")


def read_grant(raw: bytes) -> Grant:
    """Read a grant.

    Raises:
        ContractError: the bytes are none.
    """
    return _read(_GRANT, raw, "grant")


def rules_of(items: Mapping[str, bytes]) -> dict[int, Rules]:
    """Give the versions of the rules that a state of the stream holds; what is not readable is not there."""
    found: dict[int, Rules] = {}
    for key, value in items.items():
        number = key.removeprefix(RULES_KEY)
        if number == key or not number.isdecimal():
            continue
        try:
            rules = _RULES.decode(value)
        except UNREADABLE:
            continue
        if rules_key(rules.version) == key:
            found[rules.version] = rules
    return found


def rules_in_force(items: Mapping[str, bytes]) -> Rules:
    """Give the rules that hold: those of the highest version, the default ones where none was published."""
    found = rules_of(items)
    return found[max(found)] if found else Rules()


def encode_profile(profile: Profile) -> bytes:
    """Encode a profile, to be sealed."""
    return msgspec.json.encode(profile)


def read_profile(raw: bytes) -> Profile:
    """Read what a member's key opened.

    Raises:
        ContractError: it is no profile, or one of its parts is not sound; the sentence holds none of what it says.
    """
    profile = _read(_PROFILE, raw, "profile")
    found = profile_mistakes(profile)
    if found:
        raise ContractError(f"profile: {found[0]}")
    return profile


def masked_name(name: str) -> str:
    """Show a name so that its owner knows it and nobody else learns it: the first letter, past any sign; empty for none."""
    first = next((letter for letter in name if letter.isalnum()), "")
    return f"{first}**" if name.strip() else ""


def profile_mistakes(profile: Profile) -> list[str]:
    """List what is not sound in a profile, as names of its parts: never what it says."""
    found = []
    if profile.phone and PHONE.fullmatch(profile.phone) is None:
        found.append("phone")
    if profile.birthday is not None and not _is_date(profile.birthday):
        found.append("birthday")
    if len(profile.dates) > DATES_MAX or not all(_is_date(date) and _is_word(date.what) for date in profile.dates):
        found.append("dates")
    for name in ("allergies", "avoids", "likes"):
        words = getattr(profile, name)
        if len(words) > WORDS_MAX or not all(word.strip() and _is_word(word) for word in words):
            found.append(name)
    if not _is_word(profile.name):
        found.append("name")
    for name in ("note", "address"):
        text = getattr(profile, name)
        if len(text) > limits.NAME_CHARS_MAX or has_control(text):
            found.append(name)
    if profile.email and (len(profile.email) > limits.NAME_CHARS_MAX or EMAIL.fullmatch(profile.email) is None):
        found.append("email")
    return found


def _is_date(date: DateOf) -> bool:
    """Say whether a month has such a day: 29 February exists, 30 February does not; a lunar month has 30 at most."""
    found = _MONTH_DAY.fullmatch(date.month_day)
    if found is None:
        return False
    month, day = int(found[1]), int(found[2])
    if not 1 <= month <= len(_DAYS):
        return False
    return 1 <= day <= (30 if date.lunar else _DAYS[month - 1])


def _is_word(text: str) -> bool:
    return len(text) <= WORD_CHARS_MAX and not has_control(text)


def _read(decoder: "msgspec.json.Decoder[T]", raw: bytes, what: str) -> T:
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        # The parser's words may quote what it read.
        raise ContractError(f"not a {what}") from None


_CARD = msgspec.json.Decoder(MemberCard)
_GRANT = msgspec.json.Decoder(Grant)
_RULES = msgspec.json.Decoder(Rules)
_PROFILE = msgspec.json.Decoder(Profile)
