"""Tables kept for guests: a name, the end of a number, covers, time, table, and the deposit that was taken for it (M166).

Where nobody chooses a table the node does: the smallest that seats everybody and is promised to nobody else at that time. When the
guests come, the booking opens its table.
"""

from typing import Annotated, Literal

import msgspec

from edge.db import bookings as kept
from edge.db import deposits
from edge.db import floor as floor_rows
from edge.db import orders as open_orders
from edge.db.bookings import WAITING, Booking
from edge.db.staff import Session
from edge.domain import booking as rules
from edge.domain.booking import Kept
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.ordering import orders as order_deeds
from edge.services.ordering.order_work import Covers, bad_text
from edge.services.people.permit import permit
from sync.contract import house_day, ids, orders, times
from sync.contract.house_day import Booked, BookingEnded
from sync.node.database import Reader

AHEAD_MAX = 400
"""Days before the guests come."""
ANY_TABLE = "*"
"""Said as a table: the node chooses."""

_Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
_Day = Annotated[str, msgspec.Meta(max_length=10)]
_Table = Annotated[str, msgspec.Meta(max_length=32)]


class BookCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A booking as it is to be. `table` is of the plan, `*` = whichever fits, empty = none yet; `beside` = though it is promised."""

    request_id: _Id
    day: _Day
    time: Annotated[str, msgspec.Meta(max_length=5)]
    name: Annotated[str, msgspec.Meta(max_length=80)]
    phone4: Annotated[str, msgspec.Meta(max_length=4)]
    covers: Annotated[int, msgspec.Meta(ge=1, le=999)]
    table: _Table = ""
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""
    deposit_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    beside: bool = False


class ArriveCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The guests came: an order is opened for them, at their table or another one. `covers` None = as many as were told."""

    order_id: _Id
    table: _Table = ""
    covers: Covers | None = None
    beside: bool = False


class EndBookingCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The guests do not come."""

    request_id: _Id
    became: Literal["cancelled", "no_show"]


class BookingView(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as screens show it; `deposit_left_fen` is what may still be spent of its deposit, −1 where it has none."""

    booking_id: str
    n: int
    day: str
    time: str
    name: str
    phone4: str
    covers: int
    table: str
    table_name: str
    note: str
    deposit_id: str
    deposit_left_fen: int
    state: str
    order_id: str


class BookingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Bookings by day and time; `today` is the business day now, `n` the number up to which they stand so."""

    today: str
    n: int
    bookings: tuple[BookingView, ...]


class _Named(msgspec.Struct, frozen=True):
    booking_id: str
    asked: BookCommand | ArriveCommand | EndBookingCommand


def keep(node: Node, who: Session, booking_id: str, asked: BookCommand) -> Done | Refused:
    """Keep a table for guests, or change what was said of it. The answer is `BookingView`.

    Refused with `table_booked` {table, time, name} when somebody else has it then, `no_table_free` when none fits, `unknown_table`,
    `booking_ended` {state}, `not_found` for a deposit that there is none of.
    """

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit(deed, Action.TABLES, booking_id)
        if isinstance(permitted, Refused):
            return permitted
        wrong = _wrong(deed, booking_id, asked)
        if wrong is not None:
            return wrong
        before = kept.by_id(deed.tx, booking_id)
        if before is not None and before.state != WAITING:
            return Refused("booking_ended", {"state": before.state})
        if asked.deposit_id and deposits.by_id(deed.tx, asked.deposit_id) is None:
            return Refused("not_found", {"deposit_id": asked.deposit_id})
        table = _table(deed.tx, booking_id, asked)
        if isinstance(table, Refused):
            return table
        body = Booked(
            booking_id=booking_id,
            day=asked.day,
            time=asked.time,
            name=asked.name.strip(),
            phone4=asked.phone4,
            covers=asked.covers,
            table=table,
            note=asked.note.strip(),
            deposit_id=asked.deposit_id,
        )
        deed.write(house_day.BOOKED, body)
        return _must_view(deed.tx, booking_id)

    return deeds.transact(node, who, asked.request_id, _Named(booking_id, asked), work)


def arrive(node: Node, who: Session, booking_id: str, asked: ArriveCommand) -> Done | Refused:
    """Open an order for guests who came. The answer is `OrderAnswer`; a booking that has its order is answered with that."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit(deed, Action.TABLES, booking_id)
        if isinstance(permitted, Refused):
            return permitted
        held = kept.by_id(deed.tx, booking_id)
        if held is None:
            return Refused("not_found")
        if held.order_id:
            return order_deeds.answer_now(deed, held.order_id)
        if held.state != WAITING:
            return Refused("booking_ended", {"state": held.state})
        table = asked.table or held.table_id
        if not table:
            return Refused("unknown_table", {"table": ""})
        refused = order_deeds.seat_refused(deed.tx, table, beside=asked.beside)
        if refused is not None:
            return refused
        if open_orders.by_id(deed.tx, asked.order_id) is not None:
            return Refused("request_id_reused")
        opened = orders.OrderOpened(
            order_id=asked.order_id,
            service="dine_in",
            till=who.till,
            table=table,
            label=held.name,
            covers=held.covers if asked.covers is None else asked.covers,
        )
        deed.write(orders.OPENED, opened)
        if held.note:
            deed.write(orders.CHANGED, orders.OrderChanged(order_id=asked.order_id, note=held.note))
        deed.write(
            house_day.BOOKING_ENDED, BookingEnded(booking_id=booking_id, became="arrived", order_id=asked.order_id)
        )
        return order_deeds.answer_now(deed, asked.order_id)

    return deeds.transact(node, who, asked.order_id, _Named(booking_id, asked), work)


def end(node: Node, who: Session, booking_id: str, asked: EndBookingCommand) -> Done | Refused:
    """Note that guests do not come. The answer is `BookingView`; their deposit is given back by itself only where somebody does it."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit(deed, Action.TABLES, booking_id)
        if isinstance(permitted, Refused):
            return permitted
        held = kept.by_id(deed.tx, booking_id)
        if held is None:
            return Refused("not_found")
        if held.state == asked.became:
            return _view(deed.tx, held)
        if held.state != WAITING:
            return Refused("booking_ended", {"state": held.state})
        deed.write(house_day.BOOKING_ENDED, BookingEnded(booking_id=booking_id, became=asked.became))
        return _must_view(deed.tx, booking_id)

    return deeds.transact(node, who, asked.request_id, _Named(booking_id, asked), work)


def listed(node: Node, first: str, last: str) -> BookingsAnswer | Refused:
    """List the bookings for days between two; empty ones mean today, and as far ahead as anybody books."""
    today = node.today()
    first = first or today
    try:
        last = last or times.day_of_epoch(times.epoch_day(first) + AHEAD_MAX)
        span = times.epoch_day(last) - times.epoch_day(first)
    except (ValueError, OverflowError):
        return Refused("malformed", {"field": "from", "expected": "YYYY-MM-DD"})
    if not 0 <= span <= AHEAD_MAX:
        return Refused("malformed", {"field": "to", "expected": f"at most {AHEAD_MAX} days behind the first"})
    with node.db.read() as reader:
        found = tuple(_view(reader, one) for one in kept.between(reader, first, last))
        return BookingsAnswer(today=today, n=kept.last_n(reader), bookings=found)


def _wrong(deed: Deed, booking_id: str, asked: BookCommand) -> Refused | None:
    if not ids.is_uuid7_hex(booking_id):
        return Refused("malformed", {"field": "booking_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    try:
        ahead = times.epoch_day(asked.day) - times.epoch_day(deed.place.day)
    except ValueError:
        ahead = -1
    if not 0 <= ahead <= AHEAD_MAX:
        return Refused("malformed", {"field": "day", "expected": f"today or one of the next {AHEAD_MAX} days"})
    if rules.minute_of(asked.time) is None:
        return Refused("malformed", {"field": "time", "expected": "such as 18:30"})
    if not rules.is_phone4(asked.phone4):
        return Refused("malformed", {"field": "phone4", "expected": "the last four digits"})
    if not asked.name.strip():
        return Refused("bad_text", {"chars_max": rules.NAME_CHARS_MAX})
    return bad_text(asked.name, rules.NAME_CHARS_MAX) or bad_text(asked.note, rules.NOTE_CHARS_MAX)


def _table(reader: Reader, booking_id: str, asked: BookCommand) -> str | Refused:
    if not asked.table:
        return ""
    minute = rules.minute_of(asked.time)
    assert minute is not None
    rows = {one.booking_id: one for one in kept.between(reader, asked.day, asked.day) if one.state == WAITING}
    promised = [
        Kept(one.booking_id, one.table_id, rules.minute_of(one.time) or 0) for one in rows.values() if one.table_id
    ]
    tables = floor_rows.tables_of(floors.plan(reader))
    if asked.table == ANY_TABLE:
        fits = rules.fitting(tuple(tables.values()), promised, asked.covers, minute, booking_id)
        return Refused("no_table_free", {"covers": asked.covers}) if fits is None else fits.id
    if asked.table not in tables:
        return Refused("unknown_table", {"table": asked.table})
    other = rules.clashing(promised, asked.table, minute, booking_id)
    if other is not None and not asked.beside:
        held = rows[other.booking_id]
        return Refused("table_booked", {"table": tables[asked.table].name, "time": held.time, "name": held.name})
    return asked.table


def _must_view(reader: Reader, booking_id: str) -> BookingView:
    found = kept.by_id(reader, booking_id)
    assert found is not None
    return _view(reader, found)


def _view(reader: Reader, one: Booking) -> BookingView:
    deposit = deposits.by_id(reader, one.deposit_id) if one.deposit_id else None
    return BookingView(
        booking_id=one.booking_id,
        n=one.n,
        day=one.day,
        time=one.time,
        name=one.name,
        phone4=one.phone4,
        covers=one.covers,
        table=one.table_id,
        table_name=floors.table_name(reader, one.table_id) if one.table_id else "",
        note=one.note,
        deposit_id=one.deposit_id,
        deposit_left_fen=-1 if deposit is None else deposit.left_fen,
        state=one.state,
        order_id=one.order_id,
    )
