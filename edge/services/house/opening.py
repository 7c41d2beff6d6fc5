"""The list before the first sale of a till's day: paper, time, float, last Z, what is left open; looked through once, and kept."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from edge.db import bookings, house_day, orders, shifts, specials
from edge.db import dishes as dish_rows
from edge.db.bookings import WAITING
from edge.db.staff import Session
from edge.domain.device_rows import PrinterRow
from edge.domain.device_view import DeviceView
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.care import status as statuses
from edge.services.care.clock_watch import ClockState
from edge.services.care.status import Desk
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people.permit import permit
from sync.contract import times
from sync.contract.house_day import OPENING_CHECKED, OpeningChecked
from sync.node.database import Reader

How = Literal["ok", "look", "wrong"]
PRINTS: Final = frozenset({"ready", "busy", "degraded"})
NEAR_END: Final = "near_end"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list: `look` = a person should see to it, `wrong` = selling suffers. `values` stand in its sentence."""

    id: str
    how: How
    values: dict[str, str]


class OpeningAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The list of a till; `needed` until somebody looked it through on this business day."""

    day: str
    till: str
    needed: bool
    checked_by: str
    checked_ms: int
    checks: tuple[Check, ...]


class CheckedCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody looked it through."""

    request_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]


def listed(desk: Desk, who: Session) -> OpeningAnswer:
    """Give the list of the till that asks, as it is now."""
    node = desk.node
    day = "" if node.training else node.place().day
    with node.db.read() as reader:
        held = house_day.opening(reader, day, who.till) if day else None
        checks = _checks(desk, reader, who.till, day)
        checked_by = "" if held is None else house_day.names(reader).get(held.actor, held.actor)
    return OpeningAnswer(
        day=day,
        till=who.till,
        needed=bool(day) and held is None,
        checked_by=checked_by,
        checked_ms=0 if held is None else held.at_ms,
        checks=checks,
    )


def checked(desk: Desk, who: Session, asked: CheckedCommand) -> Done | Refused:
    """Note that it was looked through, and what was not as it should be. The answer is `OpeningAnswer`."""

    def work(deed: Deed) -> msgspec.Struct | Refused:
        permitted = permit(deed, Action.OPEN_TILL, who.till)
        if isinstance(permitted, Refused):
            return permitted
        checks = _checks(desk, deed.tx, who.till, deed.place.day)
        wrong = tuple(one.id for one in checks if one.how == "wrong")
        deed.write(OPENING_CHECKED, OpeningChecked(till=who.till, wrong=wrong))
        return OpeningAnswer(
            day=deed.place.day,
            till=who.till,
            needed=False,
            checked_by=who.cashier_name,
            checked_ms=deed.place.at_ms,
            checks=checks,
        )

    return deeds.transact(desk.node, who, asked.request_id, asked, work)


def _checks(desk: Desk, reader: Reader, till: str, day: str) -> tuple[Check, ...]:
    node = desk.node
    return (
        *_paper(node, desk.devices()),
        _time(node, day),
        _float(reader, till),
        _last_z(reader, till, day),
        _left_open(reader, node, day),
        _menu(reader, node, day),
        *_guests(reader, day),
    )


def _paper(node: Node, views: Sequence[DeviceView]) -> list[Check]:
    rows = node.devices.of(PrinterRow)
    found = {view.id: view for view in views}
    if not rows:
        return [Check(id="no_printer", how="look", values={})]
    return [_printer(row.name or row.id, found.get(row.id)) for row in rows]


def _printer(name: str, view: DeviceView | None) -> Check:
    state = "unknown" if view is None else view.state
    cause = "" if view is None else view.cause
    low = cause == NEAR_END
    how: How = "wrong" if state not in PRINTS or (view is not None and view.held) else "look" if low else "ok"
    word = "low" if low else "ready" if how == "ok" else cause or state
    return Check(id="paper", how=how, values={"printer": name, "state": word})


def _time(node: Node, day: str) -> Check:
    said = statuses.clock_status(node)
    how: How = "wrong" if said.state == ClockState.WRONG else "look" if said.state != ClockState.OK else "ok"
    local = times.local_text(node.clock.now_ms(), node.zone)
    return Check(id="time", how=how, values={"time": local[:16], "day": day, "state": said.state})


def _float(reader: Reader, till: str) -> Check:
    last = shifts.last_z(reader, till)
    said = [one for one in shifts.beside(reader, till, 0 if last is None else last.n) if one.what == "opened"]
    left = "" if last is None else str(last.left_fen)
    return Check(
        id="float",
        how="ok" if said else "look",
        values={"fen": str(said[-1].amount_fen) if said else "", "left_fen": left},
    )


def _last_z(reader: Reader, till: str, day: str) -> Check:
    """A shift of another day that nobody closed: its cash would be counted with today's."""
    last = shifts.last_z(reader, till)
    first = house_day.first_entry(reader, till, 0 if last is None else last.n)
    unclosed = first is not None and first[0] < day
    values = {"z": "" if last is None else str(last.z), "day": "" if last is None else last.day}
    if unclosed and first is not None:
        return Check(id="not_closed", how="look", values={**values, "since": first[0]})
    return Check(id="last_z" if last is not None else "first_z", how="ok", values=values)


def _left_open(reader: Reader, node: Node, day: str) -> Check:
    cutoff = node.store_rules.cutoff_minutes
    old = [
        order for _, order in orders.open_orders(reader) if times.business_day(order.opened_ms, node.zone, cutoff) < day
    ]
    return Check(id="left_open", how="look" if old else "ok", values={"n": str(len(old))})


def _menu(reader: Reader, node: Node, day: str) -> Check:
    catalogue = node.shelf.catalogue
    if catalogue is None:
        return Check(id="no_menu", how="wrong", values={})
    priced = dish_rows.prices(reader, day)
    unpriced = [dish.code for dish in catalogue.menu.dishes if dish.open_price and dish.id not in priced]
    values = {
        "version": str(catalogue.menu.version),
        "dishes": str(len(catalogue.menu.dishes)),
        "unpriced": str(len(unpriced)),
        "specials": str(len(specials.every(reader, day)) if day else 0),
    }
    return Check(id="day_prices" if unpriced else "menu", how="look" if unpriced else "ok", values=values)


def _guests(reader: Reader, day: str) -> list[Check]:
    waiting = [one for one in bookings.between(reader, day, day) if one.state == WAITING] if day else []
    if not waiting:
        return []
    guests = str(sum(one.covers for one in waiting))
    values = {"n": str(len(waiting)), "guests": guests, "time": waiting[0].time, "name": waiting[0].name}
    return [Check(id="bookings", how="ok", values=values)]
