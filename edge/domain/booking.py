"""Tables kept for guests (pure): which one fits, and which are promised to somebody else at that time (M166)."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sync.contract.orders import Table

STAY_MIN: Final = 120
"""So long guests sit, as far as a promise to others goes."""
NAME_CHARS_MAX: Final = 24
NOTE_CHARS_MAX: Final = 60
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_PHONE4: Final = re.compile(r"\d{4}", re.ASCII)


class Kept(NamedTuple):
    """A table that is promised from a minute of its day on."""

    booking_id: str
    table_id: str
    minute: int


def minute_of(time: str) -> int | None:
    """Read `18:30` as minutes of the day; None for no time."""
    if _TIME.fullmatch(time) is None:
        return None
    return int(time[:2]) * 60 + int(time[3:])


def is_phone4(text: str) -> bool:
    """Say whether a text is the last four digits of a number; nothing more of it may be kept."""
    return _PHONE4.fullmatch(text) is not None


def clashing(kept: Iterable[Kept], table_id: str, minute: int, but: str = "") -> Kept | None:
    """Find who has the table at that time.

    Args:
        kept: what is promised on the day.
        but: the booking that asks.
    """
    for one in kept:
        if one.table_id == table_id and one.booking_id != but and abs(one.minute - minute) < STAY_MIN:
            return one
    return None


def fitting(tables: Sequence[Table], kept: Sequence[Kept], covers: int, minute: int, but: str = "") -> Table | None:
    """Choose the smallest table that seats everybody and is promised to nobody at that time; None when there is none."""
    free = [table for table in tables if table.seats >= covers and clashing(kept, table.id, minute, but) is None]
    return min(free, key=lambda table: (table.seats, table.minimum_fen, table.name), default=None)
