"""What a till's shift comes to, read from its rows: its state, the X, a Z of before.

What happened is found by its number in the journal, so the report of a moment is the same whenever it is made.
"""

import msgspec

from edge.db import orders, shifts
from edge.db.shifts import ZRow
from edge.db.staff import Session
from edge.domain import shift
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.domain.shift import Entry
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.people import permit as permits
from sync.contract import facts, kinds
from sync.contract.facts import Fact
from sync.contract.shifts import ShiftTotals, TillClosed
from sync.node.archives import ArchiveLost
from sync.node.database import Reader

ORDERS_SHOWN_MAX = 100
Z_PAGE_MAX = 100


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is open when a shift ends; `table_name` is what people call its table, empty where it has none."""

    order_id: str
    table: str
    table_name: str
    label: str
    service: str
    till: str
    subtotal_fen: int
    opened_ms: int


class ZAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A Z as it stands, with its place in the journal."""

    till: str
    epoch: int
    n: int
    business_day: str
    closed_ms: int
    closed_by: str
    report: TillClosed


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Cash in or out, a float, a hand-over: what stands beside the sales of a shift."""

    what: str
    amount_fen: int
    reason: str
    actor: str
    at_ms: int


class ZShort(msgspec.Struct, frozen=True, kw_only=True):
    """A Z in a list."""

    till: str
    epoch: int
    z: int
    business_day: str
    closed_ms: int
    sales_fen: int
    net_fen: int
    variance_fen: int


class TillState(msgspec.Struct, frozen=True, kw_only=True):
    """The running shift of a till as everybody there may see it: nothing of it says what the drawer should hold.

    Attributes:
        opened: the float was said in this shift.
        suggested_float_fen: what the last close left in the drawer.
        last_z: number of the last close, 0 for none; `last_z_ms` when.
        counted: a count waits for its Z.
        denominations_fen: what a count asks for.
    """

    till: str
    opened: bool
    float_fen: int
    opened_ms: int
    opened_by: str
    suggested_float_fen: int
    last_z: int
    last_z_ms: int
    last_z_day: str
    counted: bool
    open_orders: int
    denominations_fen: tuple[int, ...]
    currency: str


class XReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a running shift. `up_to_n` is the last fact that it counts."""

    till: str
    float_fen: int
    float_said: bool
    expected_fen: int
    totals: ShiftTotals
    days: tuple[str, ...]
    moves: tuple[Move, ...]
    open_orders: int
    up_to_n: int
    at_ms: int


def state(node: Node, who: Session) -> TillState:
    """Say how the till's shift stands, for everybody who works there."""
    with node.db.read() as reader:
        last = shifts.last_z(reader, who.till)
        floats = [one for one in shifts.beside(reader, who.till, 0 if last is None else last.n) if one.what == "opened"]
        waiting = shifts.waiting_count(reader, who.till)
        holds = waiting is not None and waiting.at_n == shifts.last_n(reader, who.till)
        still_open = orders.open_count(reader)
    catalogue = node.shelf.catalogue
    said = floats[-1] if floats else None
    return TillState(
        till=who.till,
        opened=said is not None,
        float_fen=0 if said is None else said.amount_fen,
        opened_ms=0 if said is None else said.at_ms,
        opened_by="" if said is None else said.actor,
        suggested_float_fen=0 if last is None else last.left_fen,
        last_z=0 if last is None else last.z,
        last_z_ms=0 if last is None else last.at_ms,
        last_z_day="" if last is None else last.day,
        counted=holds,
        open_orders=still_open,
        denominations_fen=node.store_rules.denominations_fen,
        currency="CNY" if catalogue is None else catalogue.menu.currency,
    )


def read_x(node: Node, who: Session) -> XReport | Refused:
    """Give the figures of the running shift, to somebody who may see them."""
    if not permits.may(who, Action.READ_X):
        return Refused("not_allowed", {"action": Action.READ_X.value})
    with node.db.read() as reader:
        return x_of(reader, who.till, node.clock.now_ms())


def read_z(node: Node, who: Session, till: str, epoch: int, z: int) -> ZAnswer | Refused:
    """Give a Z of before, to somebody who may see figures."""
    if not permits.may(who, Action.READ_X):
        return Refused("not_allowed", {"action": Action.READ_X.value})
    with node.db.read() as reader:
        return z_of(node, reader, (till, epoch, z))


def list_z(node: Node, who: Session, till: str, before_n: int, limit: int) -> list[ZShort] | Refused:
    """List closes, the latest first."""
    if not permits.may(who, Action.READ_X):
        return Refused("not_allowed", {"action": Action.READ_X.value})
    with node.db.read() as reader:
        rows = shifts.z_list(reader, till, before_n, max(1, min(limit, Z_PAGE_MAX)))
    return [_short(row) for row in rows]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A shift as it was counted from its rows."""

    float_fen: int
    float_said: bool
    expected_fen: int
    totals: ShiftTotals
    days: tuple[str, ...]
    beside: tuple[Entry, ...]


def x_of(reader: Reader, till: str, at_ms: int, up_to_n: int | None = None) -> XReport:
    """Count the shift that a fact is in, up to that fact; None = the running one up to now.

    What happened is found by number, so the report of a moment is the same whenever it is made.
    """
    last_n = shifts.last_n(reader, till) if up_to_n is None else up_to_n
    begin = shifts.begin_before(reader, till, last_n)
    running = _counted(reader, till, begin, last_n)
    return XReport(
        till=till,
        float_fen=running.float_fen,
        float_said=running.float_said,
        expected_fen=running.expected_fen,
        totals=running.totals,
        days=running.days,
        moves=tuple(
            Move(what=one.what, amount_fen=one.amount_fen, reason=one.note, actor=one.actor, at_ms=one.at_ms)
            for one in running.beside
        ),
        open_orders=orders.open_count(reader),
        up_to_n=last_n,
        at_ms=at_ms,
    )


def z_of(node: Node, reader: Reader, place: tuple[str, int, int]) -> ZAnswer | Refused:
    """Read a Z from its fact.

    Returns:
        `not_found`, or `sale_archive_lost` when it lies in an archive file that is missing.
    """
    row = shifts.z_of(reader, *place)
    if row is None:
        return Refused("not_found")
    try:
        fact = facts.decode(node.archives.trade_fact(reader, row.epoch, row.seq))
    except (ArchiveLost, LookupError):
        return Refused("sale_archive_lost")
    closed = kinds.read(fact)
    assert isinstance(closed, TillClosed)
    return z_answer(fact, closed)


def running(reader: Reader, till: str) -> Running:
    """Count the running shift of a till."""
    last = shifts.last_z(reader, till)
    return _counted(reader, till, 0 if last is None else last.n)


def _counted(reader: Reader, till: str, begin: int, to_n: int = shifts.NO_END) -> Running:
    span = (till, begin, to_n)
    beside = shifts.beside(reader, *span)
    totals = shift.totals(shifts.tallies(reader, *span), shifts.moved(reader, *span), shifts.receipts(reader, *span))
    said = shift.float_of(beside)
    float_fen = said or 0
    return Running(
        float_fen=float_fen,
        float_said=said is not None,
        expected_fen=shift.expected(float_fen, totals),
        totals=totals,
        days=shifts.days(reader, *span),
        beside=tuple(beside),
    )


def open_orders(reader: Reader) -> list[dict[str, object]]:
    """List what is open when a shift ends, the oldest first."""
    return [
        msgspec.to_builtins(
            OpenOrder(
                order_id=order.order_id,
                table=order.table,
                table_name=floors.table_name(reader, order.table) if order.table else "",
                label=order.label,
                service=order.service,
                till=order.till,
                subtotal_fen=order.subtotal_fen,
                opened_ms=order.opened_ms,
            )
        )
        for _, order in orders.open_orders(reader)[:ORDERS_SHOWN_MAX]
    ]


def z_subject(till: str, epoch: int, z: int) -> str:
    """Name a Z, for its slips."""
    return f"{till}:{epoch}:{z}"


def z_answer(fact: Fact, closed: TillClosed) -> ZAnswer:
    """Give a Z with its place in the journal."""
    return ZAnswer(
        till=closed.till,
        epoch=fact.epoch,
        n=fact.n,
        business_day=fact.day,
        closed_ms=fact.at_ms,
        closed_by=fact.actor or "",
        report=closed,
    )


def _short(row: ZRow) -> ZShort:
    return ZShort(
        till=row.till,
        epoch=row.epoch,
        z=row.z,
        business_day=row.day,
        closed_ms=row.at_ms,
        sales_fen=row.sales_fen,
        net_fen=row.net_fen,
        variance_fen=row.variance_fen,
    )
