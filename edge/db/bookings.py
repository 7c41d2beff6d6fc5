"""Tables that are kept for guests. Projections write it."""

from typing import NamedTuple

from sync.node.database import Reader

WAITING = "waiting"
_COLUMNS = "booking_id, day, time, name, phone4, covers, table_id, note, deposit_id, state, order_id, n"
LISTED_MAX = 1_000


class Booking(NamedTuple):
    """A booking; `n` is the number of the fact that last changed it."""

    booking_id: str
    day: str
    time: str
    name: str
    phone4: str
    covers: int
    table_id: str
    note: str
    deposit_id: str
    state: str
    order_id: str
    n: int


def by_id(reader: Reader, booking_id: str) -> Booking | None:
    """Find a booking."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM bookings WHERE booking_id = ?", (booking_id,))  # noqa: S608
    return Booking(*rows[0]) if rows else None


def between(reader: Reader, first: str, last: str) -> list[Booking]:
    """List the bookings for days between two, both included, by day and time."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM bookings WHERE day BETWEEN ? AND ? ORDER BY day, time, booking_id LIMIT ?",  # noqa: S608
        (first, last, LISTED_MAX),
    )
    return [Booking(*row) for row in rows]


def last_n(reader: Reader) -> int:
    """Give the number of the fact that changed a booking last; 0 for none."""
    [(n,)] = reader.execute("SELECT max(n) FROM bookings")
    return int(n or 0)
