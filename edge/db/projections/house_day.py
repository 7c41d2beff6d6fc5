"""Bookings, dishes of the day, the check before opening; and what a manager looks at in the evening: voids, refunds, discounts, no-sales.

An exception is told once, by the fact that cost money or opened a drawer: a discount where its sale was paid, a void where it was said.
"""

from typing import Any

import msgspec

from edge.db import orders as kept
from edge.db.projections.handling import Handler
from sync.contract import operations
from sync.contract.facts import Fact
from sync.contract.house_day import Booked, BookingEnded, DishSpecial, OpeningChecked
from sync.contract.operations import DrawerSettled
from sync.contract.orders import LinePriced, LineVoided
from sync.contract.refunds import SaleRefunded
from sync.contract.shifts import CashMoved, TillClosed
from sync.contract.trade import SalePaid
from sync.node.database import Tx

TABLES: dict[str, str] = {
    "bookings": "booking_id, day, time, name, phone4, covers, table_id, note, deposit_id, state, order_id, n",
    "day_specials": "dish_id, until, n, doc",
    "openings": "day, till, n, at_ms, actor, wrong",
    "exceptions": "n, what, day, at_ms, till, actor, approved_by, amount_fen, label, note",
}
_GIVEN_AWAY = ("discount", "gift", "comp")
_BY_THE_NODE = frozenset({"sale", "payment", "return", "refund", "pay_in", "pay_out", "drop"})
"""Why the node opens a drawer by itself; any other reason was written by a person who opened it."""


def booked(tx: Tx, fact: Fact, one: Booked) -> None:
    """Keep what is said of a booking; one that ended stays as it ended."""
    tx.execute(
        "INSERT INTO bookings (booking_id, day, time, name, phone4, covers, table_id, note, deposit_id, state, order_id, n)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', '', ?) ON CONFLICT (booking_id) DO UPDATE SET day = excluded.day,"
        " time = excluded.time, name = excluded.name, phone4 = excluded.phone4, covers = excluded.covers,"
        " table_id = excluded.table_id, note = excluded.note, deposit_id = excluded.deposit_id, n = excluded.n",
        (
            one.booking_id,
            one.day,
            one.time,
            one.name,
            one.phone4,
            one.covers,
            one.table,
            one.note,
            one.deposit_id,
            fact.n,
        ),
    )


def booking_ended(tx: Tx, fact: Fact, one: BookingEnded) -> None:
    """Note how a booking ended."""
    tx.execute(
        "UPDATE bookings SET state = ?, order_id = ?, n = ? WHERE booking_id = ?",
        (one.became, one.order_id, fact.n, one.booking_id),
    )


def dish_special(tx: Tx, fact: Fact, one: DishSpecial) -> None:
    """Keep a dish of the day; an empty document is one that was taken off."""
    doc = "" if one.dish is None else msgspec.json.encode(one.dish).decode()
    tx.execute(
        "INSERT INTO day_specials (dish_id, until, n, doc) VALUES (?, ?, ?, ?) ON CONFLICT (dish_id)"
        " DO UPDATE SET until = excluded.until, n = excluded.n, doc = excluded.doc",
        (one.dish_id, one.until, fact.n, doc),
    )


def opening_checked(tx: Tx, fact: Fact, one: OpeningChecked) -> None:
    """Note that a till's day was looked through, as it was last."""
    tx.execute(
        "INSERT INTO openings (day, till, n, at_ms, actor, wrong) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, till)"
        " DO UPDATE SET n = excluded.n, at_ms = excluded.at_ms, actor = excluded.actor, wrong = excluded.wrong",
        (fact.day, one.till, fact.n, fact.at_ms, fact.actor or "", " ".join(one.wrong)),
    )


def sale_paid(tx: Tx, fact: Fact, sale: SalePaid) -> None:
    """Enter what was given away with a sale, one row for each sort."""
    for kind in _GIVEN_AWAY:
        found = [one for one in sale.adjustments if one.kind == kind]
        if found:
            word = next((one for one in found if one.approved_by), found[0])
            note = next((one.reason for one in found if one.reason), "")
            _enter(
                tx, fact, kind, sale.till, word.approved_by, sum(one.amount_fen for one in found), sale.receipt_no, note
            )


def sale_refunded(tx: Tx, fact: Fact, refund: SaleRefunded) -> None:
    """Enter a refund."""
    _enter(tx, fact, "refund", refund.till, refund.approved_by, -refund.amount_fen, refund.receipt_no, refund.reason)


def line_voided(tx: Tx, fact: Fact, voided: LineVoided) -> None:
    """Enter what was taken back after it stood at the kitchen, with what it would have cost."""
    if voided.sent_qty <= 0:
        return
    order = kept.by_id(tx, voided.order_id)
    line = None if order is None else order.line(voided.line_id)
    amount_fen = 0 if line is None else -line.amount_of(voided.sent_qty)
    name = "" if line is None else f"{line.name.zh} × {voided.sent_qty}"
    _enter(tx, fact, "void", _till(fact), voided.approved_by, amount_fen, name, voided.reason)


def line_priced(tx: Tx, fact: Fact, priced: LinePriced) -> None:
    """Enter another price than the menu's for a dish; gifts and discounts are told where they are paid."""
    if priced.unit_fen < 0:
        return
    order = kept.by_id(tx, priced.order_id)
    line = None if order is None else order.line(priced.line_id)
    name = "" if line is None else line.name.zh
    _enter(tx, fact, "price", _till(fact), priced.approved_by, priced.unit_fen, name, priced.reason)


def drawer_settled(tx: Tx, fact: Fact, settled: DrawerSettled) -> None:
    """Enter a drawer that somebody opened without a sale."""
    if fact.kind == operations.DRAWER_OPENED and not settled.sale_id and settled.reason not in _BY_THE_NODE:
        _enter(tx, fact, "no_sale", settled.till, "", 0, settled.drawer, settled.reason)


def cash_moved(tx: Tx, fact: Fact, moved: CashMoved) -> None:
    """Enter cash that was paid out of a drawer."""
    if moved.move == "pay_out":
        _enter(tx, fact, "pay_out", moved.till, moved.approved_by, -moved.amount_fen, "", moved.reason)


def till_closed(tx: Tx, fact: Fact, closed: TillClosed) -> None:
    """Enter a drawer that did not hold what it should."""
    if closed.variance_fen:
        _enter(tx, fact, "variance", closed.till, "", closed.variance_fen, f"Z {closed.z}", closed.reason)


def _till(fact: Fact) -> str:
    device = fact.device or ""
    return device.removeprefix("till-") if device.startswith("till-") else ""


def _enter(tx: Tx, fact: Fact, what: str, till: str, approved_by: str, amount_fen: int, label: str, note: str) -> None:
    tx.execute(
        "INSERT INTO exceptions (n, what, day, at_ms, till, actor, approved_by, amount_fen, label, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (fact.n, what, fact.day, fact.at_ms, till, fact.actor or "", approved_by, amount_fen, label, note),
    )


HANDLERS: dict[type[Any], Handler] = {
    Booked: booked,
    BookingEnded: booking_ended,
    DishSpecial: dish_special,
    OpeningChecked: opening_checked,
    SalePaid: sale_paid,
    SaleRefunded: sale_refunded,
    LineVoided: line_voided,
    LinePriced: line_priced,
    DrawerSettled: drawer_settled,
    CashMoved: cash_moved,
    TillClosed: till_closed,
}
