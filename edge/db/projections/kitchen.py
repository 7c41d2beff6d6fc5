"""What the kitchen has to cook and what it was told on paper, from the steps of orders; runs behind `orders`, whose rows it reads."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from edge.db import floor, kitchen
from edge.db import orders as kept
from edge.db.kitchen import Work
from edge.db.projections.handling import Handler
from edge.domain import floor as plans
from edge.domain import kitchen as rules
from edge.domain.kitchen import Item, Slip, What
from edge.domain.order_state import Order
from sync.contract import orders
from sync.contract.facts import Fact
from sync.contract.intake import PlatformCancelled
from sync.contract.members import MemberSeen
from sync.contract.refunds import SaleRefunded
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "kitchen_items": "n, k, order_id, station, done_n, doc",
    "kitchen_slips": "n, station, order_id, doc",
}


def sent(tx: Tx, fact: Fact, body: orders.OrderSent) -> None:
    """Give each station its work; a later send has only what came since."""
    order = kept.by_id(tx, body.order_id)
    if order is None:
        return
    before = {work.station for work in kitchen.of_order(tx, order.order_id)}
    told: dict[str, list[Item]] = {}
    lines = {line.line_id: line for line in order.lines}
    k = 0
    for each in body.lines:
        line = lines.get(each.line_id)
        for station, made in [] if line is None else rules.items_of(line, each, body.round, fact.at_ms):
            item = msgspec.structs.replace(made, added=station in before)
            kitchen.add(tx, Work(fact.n, k, order.order_id, station, 0, item))
            told.setdefault(station, []).append(item)
            k += 1
    for station, items in told.items():
        _tell(tx, fact, order, "added" if station in before else "send", {station: items}, body.round)


def counter_sent(tx: Tx, fact: Fact, body: orders.CounterSent) -> None:
    """Give each station what it has to cook of a sale over the counter; its docket is the sale's."""
    told: dict[str, list[Item]] = {}
    for k, dish in enumerate(body.dishes):
        item = rules.item_of(body.sale_id, k, dish, fact.at_ms)
        kitchen.add(tx, Work(fact.n, k, body.sale_id, dish.station, 0, item))
        told.setdefault(dish.station, []).append(item)
    for station, items in told.items():
        slip = Slip(what="send", called=body.receipt_no, order_id=body.sale_id, round=1, items=tuple(items), service=body.service,
                    at_ms=fact.at_ms, till=body.till)  # fmt: skip
        kitchen.add_slip(tx, fact.n, station, slip)


def voided(tx: Tx, fact: Fact, body: orders.LineVoided) -> None:
    """Strike pieces that stood at the kitchen, and say so on paper; what was never sent needs no word."""
    order = kept.by_id(tx, body.order_id)
    if order is None or body.sent_qty <= 0:
        return
    told: dict[str, list[Item]] = {}
    for works in _by_part(tx, order.order_id, body.line_id):
        goes = rules.take([work.item for work in works], body.sent_qty)
        for work, qty in zip(works, goes, strict=True):
            if qty:
                item = msgspec.structs.replace(work.item, void_qty=work.item.void_qty + qty, void_ms=fact.at_ms)
                kitchen.keep(tx, work._replace(item=item))
        if sum(goes):
            said = msgspec.structs.replace(works[-1].item, qty=sum(goes), void_qty=0)
            told.setdefault(works[-1].station, []).append(said)
    _tell(tx, fact, order, "void", told)


def fired(tx: Tx, fact: Fact, body: orders.OrderFired) -> None:
    """What waited is wanted now."""
    _mark(tx, fact, body.order_id, "fire", lambda work: work.item.held and work.item.line_id in body.line_ids,
          {"held": False, "fired_ms": fact.at_ms})  # fmt: skip


def chased(tx: Tx, fact: Fact, body: orders.OrderChased) -> None:
    """Somebody asks after what is not done."""
    _mark(tx, fact, body.order_id, "chase", lambda work: not work.item.held and work.item.line_id in body.line_ids,
          {"chased_ms": fact.at_ms})  # fmt: skip


def moved(tx: Tx, fact: Fact, body: orders.OrderMoved) -> None:
    """Tell the stations that still cook for a table where it is now."""
    order = kept.by_id(tx, body.order_id)
    if order is not None:
        was = rules.called(msgspec.structs.replace(order, table=body.from_table), _table(tx, body.from_table))
        _tell(tx, fact, order, "move", _wanted(kitchen.of_order(tx, order.order_id)), was=was)


def merged(tx: Tx, fact: Fact, body: orders.OrderMerged) -> None:
    """Let the work follow its lines to the other order."""
    giver, taker = kept.by_id(tx, body.order_id), kept.by_id(tx, body.into)
    if giver is None or taker is None:
        return
    works = kitchen.of_order(tx, giver.order_id)
    for work in works:
        kitchen.keep(tx, work._replace(order_id=taker.order_id))
    _tell(tx, fact, taker, "move", _wanted(works), was=rules.called(giver, _table(tx, giver.table)))


def parted(tx: Tx, fact: Fact, body: orders.OrderSplit) -> None:
    """Let the work of pieces that went to another order follow them."""
    giver, taker = kept.by_id(tx, body.order_id), kept.by_id(tx, body.into)
    if giver is None or taker is None:
        return
    went: list[Work] = []
    for taken in body.lines:
        line = taker.line(taken.as_line)
        for works in _by_part(tx, giver.order_id, taken.line_id):
            goes = rules.take([work.item for work in works], 0 if line is None else line.sent_qty)
            for work, qty in zip(works, goes, strict=True):
                if qty:
                    stays, item = rules.split(work.item, qty, taken.as_line)
                    kitchen.keep(tx, work._replace(item=stays))
                    went.append(Work(fact.n, len(went), taker.order_id, work.station, work.done_n, item))
    for work in went:
        kitchen.add(tx, work)
    if taker.table != giver.table:
        _tell(tx, fact, taker, "move", _wanted(went), was=rules.called(giver, _table(tx, giver.table)))


def changed(tx: Tx, fact: Fact, body: orders.OrderChanged) -> None:
    """What somebody must not eat reaches those who cook for them already."""
    order = kept.by_id(tx, body.order_id)
    if order is not None and body.allergies:
        _tell(tx, fact, order, "allergy", _wanted(kitchen.of_order(tx, order.order_id)))


def member_seen(tx: Tx, fact: Fact, body: MemberSeen) -> None:
    """Whoever sits there is known now; what they must not eat is in no fact, and is written on the slip when it prints."""
    order = kept.by_id(tx, body.order_id) if body.order_id and not body.off else None
    if order is not None:
        _tell(tx, fact, order, "allergy", _wanted(kitchen.of_order(tx, order.order_id)))


def platform_cancelled(tx: Tx, fact: Fact, body: PlatformCancelled) -> None:
    """Strike what a platform's order still wants of the kitchen, and say so on paper."""
    order = kept.by_id(tx, body.order_id)
    if order is None:
        return
    works = [work for work in kitchen.of_order(tx, body.order_id) if not work.done_n and work.item.left_qty > 0]
    told = _wanted(works)
    for work in works:
        item = msgspec.structs.replace(work.item, void_qty=work.item.qty, void_ms=fact.at_ms)
        kitchen.keep(tx, work._replace(item=item))
    _tell(tx, fact, order, "void", told)


def sale_refunded(tx: Tx, fact: Fact, refund: SaleRefunded) -> None:
    """Strike what a counter sale that went back whole still wants of the kitchen; 反结账 wants it as before."""
    if not refund.whole or refund.reopened_as:
        return
    for work in kitchen.of_order(tx, refund.sale_id):
        if not work.done_n and work.item.left_qty > 0:
            item = msgspec.structs.replace(work.item, void_qty=work.item.qty, void_ms=fact.at_ms)
            kitchen.keep(tx, work._replace(item=item))


def bumped(tx: Tx, fact: Fact, body: orders.Bumped) -> None:
    """Settle what a station is done with, up to the round that its screen had shown; or bring back what it settled last."""
    order = kept.where_now(tx, body.order_id)
    named = set(body.line_ids)
    works = [
        work
        for work in kitchen.of_order(tx, body.order_id if order is None else order.order_id)
        if work.station == body.station and work.item.line_id in named and work.item.round <= body.round
    ]
    if body.done:
        for work in works:
            if not work.done_n:
                item = msgspec.structs.replace(work.item, done_ms=fact.at_ms)
                # A sale that was reversed stood on the table already: nobody brings that back.
                served = order is not None and order.replaces and work.item.sent_ms == fact.at_ms
                kitchen.keep(tx, work._replace(done_n=-fact.n if served else fact.n, item=item))
        return
    last_n = max((work.done_n for work in works), default=0)
    for work in works:
        if last_n and work.done_n == last_n:
            kitchen.keep(tx, work._replace(done_n=0, item=msgspec.structs.replace(work.item, done_ms=0)))


def _mark(tx: Tx, fact: Fact, order_id: str, what: What, fits: Callable[[Work], bool], said: dict[str, Any]) -> None:
    order = kept.by_id(tx, order_id)
    if order is None:
        return
    works = [work for work in kitchen.of_order(tx, order_id) if not work.done_n and work.item.left_qty and fits(work)]
    for work in works:
        kitchen.keep(tx, work._replace(item=msgspec.structs.replace(work.item, **said)))
    _tell(tx, fact, order, what, _wanted(works))


def _by_part(tx: Tx, order_id: str, line_id: str) -> list[list[Work]]:
    """Give the work of a line, each part of a set menu by itself."""
    parts: dict[int, list[Work]] = {}
    for work in kitchen.of_order(tx, order_id):
        if work.item.line_id == line_id:
            parts.setdefault(work.item.part, []).append(work)
    return list(parts.values())


def _wanted(works: Iterable[Work]) -> dict[str, list[Item]]:
    told: dict[str, list[Item]] = {}
    for work in works:
        if not work.done_n and work.item.left_qty > 0:
            item = msgspec.structs.replace(work.item, qty=work.item.left_qty, void_qty=0)
            told.setdefault(work.station, []).append(item)
    return told


def _tell(
    tx: Tx, fact: Fact, order: Order, what: What, told: dict[str, list[Item]], round_no: int = 0, was: str = ""
) -> None:
    for station, items in told.items():
        slip = Slip(
            what=what,
            called=rules.called(order, _table(tx, order.table)),
            order_id=order.order_id,
            round=round_no,
            items=tuple(items),
            was_called=was,
            service=order.service,
            covers=order.covers,
            note=order.note,
            allergies=order.allergies,
            at_ms=fact.at_ms,
            till=order.till,
        )
        kitchen.add_slip(tx, fact.n, station, slip)


def _table(tx: Tx, table_id: str) -> str:
    if not table_id:
        return ""
    drawn = floor.drawn(tx)
    table = floor.tables_of(plans.first_plan() if drawn is None else drawn.plan).get(table_id)
    return table_id if table is None else table.name


HANDLERS: dict[type[Any], Handler] = {
    orders.OrderSent: sent,
    orders.LineVoided: voided,
    orders.OrderFired: fired,
    orders.OrderChased: chased,
    orders.OrderMoved: moved,
    orders.OrderMerged: merged,
    orders.OrderSplit: parted,
    orders.OrderChanged: changed,
    MemberSeen: member_seen,
    orders.Bumped: bumped,
    orders.CounterSent: counter_sent,
    PlatformCancelled: platform_cancelled,
    SaleRefunded: sale_refunded,
}
