"""When a slip asks a person first, repeats itself or goes elsewhere, and how long a drawer's pulse is wanted (pure).

Ages are wall time, because they must outlive a restart. A clock that was set back makes a slip younger than it is, never
older than nothing: it prints without asking, which is the harmless side. A clock that was set forward makes it ask.
"""

from typing import Final, Literal

from edge.domain.device_rows import RECEIPT

DOCKET: Final = "docket"
"""A kitchen slip: what one station has to cook of a sale."""
TEST: Final = "test"
"""A slip that a person asked for to see how a printer prints."""
REFUND: Final = "refund"
"""What went back to a guest, and by which ways."""
X_REPORT: Final = "x"
"""The figures of a running shift; its subject is `till:number:wall ms:locale`, up to which fact of the journal it counts."""
Z_REPORT: Final = "z"
"""The close of a shift; its subject is `till:epoch:z`."""
DEPOSIT: Final = "deposit"
"""A deposit that was taken."""
MONEY_BACK: Final = "money_back"
"""A payment or deposit that went back before any sale used it; its subject is the number of that fact."""

BILL: Final = "bill"
"""The bill of an open order before it is paid; its subject is the number of that fact."""

GIFT: Final = "gift"
"""What points bought; its subject is `gift:id:request`."""

FRIEND: Final = "friend"
"""A member's own invite; its subject is `member:day`, the day counted from 1970-01-01."""
DOOR: Final = "door"
"""The slip that opens a member's own page; its subject is `request:until`, never what the slip says."""
LIVE_CODE: Final = "live_code"
"""A live code; its subject is `code@request@where`."""

MOVABLE: Final = frozenset(
    {LIVE_CODE, RECEIPT, DOCKET, REFUND, X_REPORT, Z_REPORT, DEPOSIT, MONEY_BACK, BILL, GIFT, FRIEND, DOOR}
)
"""What may come out of another printer: a slip about a printer itself says nothing about another one."""

STALE: Final = "stale"
NO_PRINTER: Final = "no_printer"
"""Reasons of a held slip that waits for a person: too old to print unasked; its printer is no longer in the settings."""

DRAWER_LIFE_MS: Final = 5_000
"""A pulse that comes later would open the drawer behind somebody's back (drivers.md §5.6)."""

TRIES_HERE: Final = 2
TRIES_IN_ALL: Final = 4
"""How often a docket without confirmation is tried by itself: at its own printer, and with the fall-back."""

MINUTE_MS: Final = 60_000


def age_ms(created_ms: int, now_ms: int) -> int:
    """Give how old something is; nothing is younger than just made."""
    return max(0, now_ms - created_ms)


def is_stale(created_ms: int, now_ms: int, ask_after_min: int) -> bool:
    """Say whether a slip must ask a person before it prints; `ask_after_min` 0 = never."""
    return ask_after_min > 0 and age_ms(created_ms, now_ms) >= ask_after_min * MINUTE_MS


def pulse_is_wanted(created: tuple[int, int], now: tuple[int, int]) -> bool:
    """Say whether a drawer's pulse may still go out.

    Args:
        created: wall and monotonic time in ms when it was asked for.
        now: the same now. The monotonic time bounds what a clock that was set back would lengthen.
    """
    wall_ms, monotonic_ms = now[0] - created[0], now[1] - created[1]
    return wall_ms <= DRAWER_LIFE_MS and 0 <= monotonic_ms <= DRAWER_LIFE_MS


def after_no_word(
    document: str, attempts: int, *, moved: bool, has_fallback: bool
) -> Literal["here", "there", "person"]:
    """Say what becomes of a slip that may or may not be on paper.

    A lost docket is worse than one that is there twice with its mark, so it repeats itself; anything else waits for a person.
    The attempts are bounded, because a slip that breaks every printer must not hold up all others for ever.
    """
    if document != DOCKET:
        return "person"
    if attempts < TRIES_HERE:
        return "here"
    if has_fallback and not moved:
        return "there"
    return "here" if moved and attempts < TRIES_IN_ALL else "person"
