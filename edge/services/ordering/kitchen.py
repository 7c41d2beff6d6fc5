"""The kitchen: it hears of each step of an order in the same deed, its screens see what is to be cooked and say what is done."""

from typing import Annotated

import msgspec

from drivers.document import ReceiptDoc
from edge.db import kitchen
from edge.db import orders as kept
from edge.db.kitchen import Work
from edge.db.print_jobs import Job, NewSlip
from edge.db.staff import Session
from edge.domain import kitchen as rules
from edge.domain import slip_rules
from edge.domain.kitchen import Item
from edge.domain.order_state import Order
from edge.domain.refusal import Refused
from edge.receipts import docket
from edge.receipts.receipt import Heading
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import view as members
from edge.services.node import Node
from edge.services.ordering import floor
from sync.contract import limits, orders
from sync.contract.orders import OrderStep, Service
from sync.contract.words import Name
from sync.node.database import Reader

SOON_MIN = 15
LATE_MIN = 25
"""Minutes from which a screen marks a ticket as due and as late."""
TICKETS_MAX = 200

_Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
Station = Annotated[str, msgspec.Meta(max_length=64)]
_Lines = Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1, max_length=limits.SALE_LINES_MAX)]


class BumpCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A station is done with the lines of a ticket, up to the round that its screen showed."""

    request_id: _Id
    order_id: _Id
    station: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    round: Annotated[int, msgspec.Meta(ge=0, le=limits.PRICE_FEN_MAX)]
    line_ids: _Lines


class BringBackCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last ticket that a station settled comes back; `station` empty = of any."""

    request_id: _Id
    station: Station = ""


class BumpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was settled or came back; `lines` 0 = another screen was faster, or there was nothing."""

    order_id: str
    station: str
    lines: int


class DishLeft(msgspec.Struct, frozen=True, kw_only=True):
    """So many of a dish are left to cook."""

    name: Name
    qty: int


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one order at one station; `since_ms` 0 = all of it waits to be fired."""

    order_id: str
    station: str
    round: int
    number: str
    called: str
    service: Service
    covers: int
    allergies: str
    note: str
    since_ms: int
    items: tuple[Item, ...]


class KitchenView(msgspec.Struct, frozen=True, kw_only=True):
    """What a station has to cook, the longest waiting first; `more` tickets are not named. `stations` are those of the house."""

    station: str
    stations: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    more: int
    to_cook: tuple[DishLeft, ...]
    can_bring_back: bool
    soon_min: int
    late_min: int
    now_ms: int


def hear(deed: Deed, _before: Order, _after: Order, _step: OrderStep) -> None:
    """Hear of a step that was just written."""
    tell_stations(deed)


def tell_stations(deed: Deed) -> None:
    """Queue what the stations are told of the fact that was just written, at the printers that serve them."""
    for station, slip in kitchen.slips(deed.tx, deed.facts[-1].n):
        till = deed.who.till if deed.who is not None else slip.till
        row = deed.node.devices.printer_for(station, till)
        if row is not None:
            job_id = deed.node.ids.uuid7().hex()
            # The fact beside the order: a later slip of the order is another one, and no copy of this.
            subject = f"{slip.order_id}.{deed.facts[-1].n}"
            deed.print(NewSlip(job_id, slip_rules.DOCKET, subject, slip.called, station, row.id))


def is_of_order(job: Job) -> bool:
    """Whether a docket is an order's; others are of a basket that was paid at once."""
    return job.document == slip_rules.DOCKET and "." in job.subject


def document(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    """Build a docket of an order.

    Raises:
        LookupError: what it is of is not there; a docket is queued in the transaction of its fact, so this is our own mistake.
    """
    with node.db.read() as reader:
        for station, slip in kitchen.slips(reader, int(job.subject.partition(".")[2])):
            if station == job.station:
                # Whoever sits there may be a member: what they must not eat stands in no fact in clear.
                told = msgspec.structs.replace(
                    slip, allergies=_with_members(node, reader, slip.order_id, slip.allergies)
                )
                return docket.of_order(told, station, heading, job.copy)
    raise LookupError(f"slip {job.job_id} names no docket")


def view(node: Node, station: str = "") -> KitchenView:
    """Say what a station has to cook; `station` empty = everywhere."""
    with node.db.read() as reader:
        works = kitchen.open_work(reader, station)
        grouped: dict[tuple[str, str], list[Work]] = {}
        for work in works:
            grouped.setdefault((work.order_id, work.station), []).append(work)
        tickets = [_ticket(node, reader, *place, group) for place, group in grouped.items()]
        back = bool(kitchen.last_done(reader, station))
    # What waits to be fired stands behind all that is to be cooked.
    tickets.sort(key=lambda one: (one.since_ms == 0, one.since_ms or min(item.sent_ms for item in one.items)))
    return KitchenView(
        station=station,
        stations=_stations(node, works),
        tickets=tuple(tickets[:TICKETS_MAX]),
        more=max(0, len(tickets) - TICKETS_MAX),
        to_cook=tuple(DishLeft(name=name, qty=qty) for name, qty in rules.to_cook(work.item for work in works)),
        can_bring_back=back,
        soon_min=SOON_MIN,
        late_min=LATE_MIN,
        now_ms=node.clock.now_ms(),
    )


def bump(node: Node, who: Session | None, asked: BumpCommand) -> Done | Refused:
    """Settle a ticket. The answer is `BumpAnswer`; a ticket that is settled already is answered with 0 lines."""

    def work(deed: Deed) -> BumpAnswer | Refused:
        order = kept.where_now(deed.tx, asked.order_id)
        order_id = asked.order_id if order is None else order.order_id
        works = kitchen.of_order(deed.tx, order_id)
        if order is None and not works:
            return Refused("not_found")
        named = set(asked.line_ids)
        open_ids = tuple(
            dict.fromkeys(
                work.item.line_id
                for work in works
                if not work.done_n
                and work.station == asked.station
                and work.item.line_id in named
                and work.item.round <= asked.round
            )
        )
        if open_ids:
            _write(deed, order_id, asked.station, asked.round, open_ids, done=True)
        return BumpAnswer(order_id=order_id, station=asked.station, lines=len(open_ids))

    return deeds.transact(node, who, asked.request_id, asked, work)


def bring_back(node: Node, who: Session | None, asked: BringBackCommand) -> Done | Refused:
    """Bring back the ticket that was settled last. The answer is `BumpAnswer`."""

    def work(deed: Deed) -> BumpAnswer:
        works = kitchen.last_done(deed.tx, asked.station)
        if not works:
            return BumpAnswer(order_id="", station=asked.station, lines=0)
        first = works[0]
        line_ids = tuple(dict.fromkeys(work.item.line_id for work in works if work.order_id == first.order_id))
        last_round = max(work.item.round for work in works)
        _write(deed, first.order_id, first.station, last_round, line_ids, done=False)
        return BumpAnswer(order_id=first.order_id, station=first.station, lines=len(line_ids))

    return deeds.transact(node, who, asked.request_id, asked, work)


def _write(deed: Deed, order_id: str, station: str, round_no: int, line_ids: tuple[str, ...], *, done: bool) -> None:
    body = orders.Bumped(order_id=order_id, round=round_no, station=station, line_ids=line_ids, done=done)
    deed.write(orders.BUMPED, body)


def _with_members(node: Node, reader: Reader, order_id: str, allergies: str) -> str:
    """Put what the member at an order must not eat behind what the order says itself."""
    said = members.allergies_at(node, reader, order_id)
    return "、".join(one for one in dict.fromkeys((allergies, said)) if one)


def _ticket(node: Node, reader: Reader, order_id: str, station: str, works: list[Work]) -> Ticket:
    order = kept.by_id(reader, order_id)
    items = tuple(work.item for work in works)
    if order is None:
        return _counter_ticket(reader, order_id, station, works)
    return Ticket(
        order_id=order_id,
        station=station,
        round=max(item.round for item in items),
        number=rules.number_of(order_id),
        called=rules.called(order, floor.table_name(reader, order.table) if order.table else ""),
        service=order.service,
        covers=order.covers,
        allergies=_with_members(node, reader, order_id, order.allergies),
        note=order.note,
        since_ms=rules.since_ms(items),
        items=items,
    )


def _counter_ticket(reader: Reader, sale_id: str, station: str, works: list[Work]) -> Ticket:
    """Show a sale over the counter, which people call by its receipt's number."""
    slip = dict(kitchen.slips(reader, works[0].n))[station]
    items = tuple(work.item for work in works)
    return Ticket(
        order_id=sale_id,
        station=station,
        round=slip.round,
        number=rules.number_of(sale_id),
        called=slip.called,
        service="takeaway" if slip.service == "takeaway" else "counter",
        covers=0,
        allergies="",
        note="",
        since_ms=rules.since_ms(items),
        items=items,
    )


def _stations(node: Node, works: list[Work]) -> tuple[str, ...]:
    catalogue = node.shelf.catalogue
    named = () if catalogue is None else (dish.station for dish in catalogue.menu.dishes if dish.station)
    return tuple(sorted({*named, *(work.station for work in works)}))
