"""A till's shift: float, cash in and out, hand-over, X, a blind count, and the Z that closes it; all of it offline.

The count is blind: who counts says what lies in the drawer by note and coin, and only then hears what should. That first word stands: it
waits in the file for its Z, and only somebody who may see figures counts again while nothing else happened at the till.
"""

from typing import Annotated

import msgspec

from edge.db import journal, orders, shifts, staff
from edge.db.print_jobs import NewSlip, next_copy
from edge.db.shifts import CountRow
from edge.db.staff import Session
from edge.domain import shift, slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.deeds import Deed, Done, transact
from edge.services.money.refunds import Hex, Reason, checked_reason, open_drawer
from edge.services.node import Node
from edge.services.people import permit as permits
from edge.services.people import sign_in
from edge.services.people.permit import permit
from edge.services.shifts import shift_figures
from edge.services.shifts.shift_figures import ZAnswer
from sync.contract import shifts as contract
from sync.contract.shifts import CashMove, Counted, TillClosed

LANE_TRADE = 0
AFTER_Z_MS = 60_000
FloatFen = Annotated[int, msgspec.Meta(ge=0, le=shift.FLOAT_FEN_MAX)]
_Counts = Annotated[tuple[Counted, ...], msgspec.Meta(max_length=shift.UNITS_MAX)]
_Approval = Annotated[str, msgspec.Meta(max_length=32)]


class OpenTillCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Says the float of the till; said again within a shift it replaces what was said before."""

    request_id: Hex
    float_fen: FloatFen


class CashCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cash goes in or out of the drawer beside any sale."""

    move_id: Hex
    move: CashMove
    amount_fen: Annotated[int, msgspec.Meta(ge=1, le=shift.FLOAT_FEN_MAX)]
    reason: Reason
    approval_id: _Approval = ""


class HandOverCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another person goes on at this till; `counted` where the drawer was counted for it, None where not."""

    request_id: Hex
    to_person: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    counted: _Counts | None = None


class CountCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lies in the drawer, by note and coin."""

    request_id: Hex
    counted: _Counts


class CloseCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Closes the shift that was counted.

    `left_fen` stays in the drawer for the next one. `open_orders_stay` says that who closes has seen the open orders, and that they
    go on in the next shift.
    """

    request_id: Hex
    left_fen: FloatFen
    reason: Reason = ""
    open_orders_stay: bool = False


class PrintCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Asks for a report on paper."""

    request_id: Hex


class TillOpen(msgspec.Struct, frozen=True, kw_only=True):
    """The float was said."""

    till: str
    float_fen: int
    at_ms: int


class CashMoved(msgspec.Struct, frozen=True, kw_only=True):
    """Cash went in or out; `drawer` says whether the drawer was told to open."""

    move_id: str
    till: str
    move: str
    amount_fen: int
    drawer: bool
    at_ms: int


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else goes on at the till."""

    till: str
    to_person: str
    to_name: str
    counted_fen: int
    at_ms: int


class CountResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the count came to against what should be there; `needs_reason` when somebody must explain it for the Z."""

    count_id: str
    till: str
    counted_fen: int
    expected_fen: int
    variance_fen: int
    needs_reason: bool
    at_ms: int


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """A report is on its way to paper; `job_id` is its slip."""

    job_id: str
    copy: int = 0


def open_till(node: Node, who: Session, command: OpenTillCommand) -> Done | Refused:
    """Say the float of the till."""

    def work(deed: Deed) -> TillOpen | Refused:
        permitted = permit(deed, Action.OPEN_TILL, who.till)
        if isinstance(permitted, Refused):
            return permitted
        deed.write(contract.OPENED, contract.TillOpened(till=who.till, float_fen=command.float_fen))
        return TillOpen(till=who.till, float_fen=command.float_fen, at_ms=deed.place.at_ms)

    return transact(node, who, command.request_id, command, work)


def move_cash(node: Node, who: Session, command: CashCommand) -> Done | Refused:
    """Take cash into the drawer or out of it, for a reason; the drawer opens for it.

    More may go out than should be there: nobody need have said the float, and a refusal would tell what the drawer holds.
    """
    reason = checked_reason(command.reason)
    if isinstance(reason, Refused):
        return reason

    def work(deed: Deed) -> CashMoved | Refused:
        answer = CashMoved(move_id=command.move_id, till=who.till, move=command.move, amount_fen=command.amount_fen,
                           drawer=deed.node.devices.drawer_for(who.till) is not None, at_ms=deed.place.at_ms)  # fmt: skip
        known = shifts.cash_move(deed.tx, command.move_id)
        if known is not None:
            # A node that was built again has no stored answers: the move is known by its id.
            return msgspec.structs.replace(answer, at_ms=known)
        about = About(amount_fen=command.amount_fen)
        permitted = permit(deed, Action.MOVE_CASH, command.move_id, about, command.approval_id)
        if isinstance(permitted, Refused):
            return permitted
        moved = contract.CashMoved(move_id=command.move_id, till=who.till, move=command.move, amount_fen=command.amount_fen,
                                   reason=reason, approved_by=permitted.approved_by, approval_id=permitted.approval_id)  # fmt: skip
        deed.write(contract.CASH_MOVED, moved)
        open_drawer(deed, command.move_id, command.move)
        return answer

    return transact(node, who, command.move_id, command, work)


def hand_over(node: Node, who: Session, command: HandOverCommand) -> Done | Refused:
    """Let another person go on at the till without a Z; what was counted is kept, and nobody is told what should be there."""
    counted_fen = -1 if command.counted is None else shift.count(command.counted)
    if isinstance(counted_fen, Refused):
        return counted_fen

    def work(deed: Deed) -> HandedOver | Refused:
        to = staff.person(deed.tx, command.to_person)
        if to is None or to.cashier_id == who.cashier_id:
            return Refused("no_such_person")
        permitted = permit(deed, Action.HAND_OVER, who.till)
        if isinstance(permitted, Refused):
            return permitted
        handed = contract.TillHandedOver(till=who.till, to_person=to.cashier_id, counted_fen=counted_fen)
        deed.write(contract.HANDED_OVER, handed)
        # Whoever goes on signs in; who went has nothing left here (ux-security §10.4: a session ends at shift).
        staff.drop_sessions_at(deed.tx, who.till)
        return HandedOver(till=who.till, to_person=to.cashier_id, to_name=to.name, counted_fen=counted_fen,
                          at_ms=deed.place.at_ms)  # fmt: skip

    return transact(node, who, command.request_id, command, work)


def count_drawer(node: Node, who: Session, command: CountCommand) -> Done | Refused:
    """Take what was counted, and say what should have been there.

    Returns:
        `counted_already` when a count waits that nothing happened after, and who asks may not see figures.
    """
    counted_fen = shift.count(command.counted)
    if isinstance(counted_fen, Refused):
        return counted_fen

    def work(deed: Deed) -> CountResult | Refused:
        permitted = permit(deed, Action.CLOSE_TILL, who.till)
        if isinstance(permitted, Refused):
            return permitted
        waiting = shifts.waiting_count(deed.tx, who.till)
        at_n = shifts.last_n(deed.tx, who.till)
        if waiting is not None and waiting.at_n == at_n and not permits.may(who, Action.READ_X):
            return Refused("counted_already")
        running = shift_figures.running(deed.tx, who.till)
        variance_fen = counted_fen - running.expected_fen
        row = CountRow(
            command.request_id, msgspec.json.encode(command.counted).decode(), at_n, who.cashier_id, deed.place.at_ms
        )
        shifts.keep_count(deed.tx, who.till, row)
        return CountResult(
            count_id=command.request_id,
            till=who.till,
            counted_fen=counted_fen,
            expected_fen=running.expected_fen,
            variance_fen=variance_fen,
            needs_reason=shift.needs_reason(variance_fen, node.store_rules.variance_ask_fen),
            at_ms=deed.place.at_ms,
        )

    return transact(node, who, command.request_id, command, work, vital=True)


def close_till(node: Node, who: Session, command: CloseCommand) -> Done | Refused:
    """Close the shift with its Z.

    Returns:
        `count_first` without a count that holds for everything that happened; `reason_needed` with {variance_fen}; `open_orders` with
        {count, orders} while who closes has not said that they stay; `left_too_much` when more stays than was counted.
    """

    def work(deed: Deed) -> ZAnswer | Refused:
        permitted = permit(deed, Action.CLOSE_TILL, who.till)
        if isinstance(permitted, Refused):
            return permitted
        waiting = shifts.waiting_count(deed.tx, who.till)
        if waiting is None or waiting.at_n != shifts.last_n(deed.tx, who.till):
            return Refused("count_first")
        counted = msgspec.json.decode(waiting.counted, type=tuple[Counted, ...])
        counted_fen = sum(one.unit_fen * one.pieces for one in counted)
        running = shift_figures.running(deed.tx, who.till)
        variance_fen = counted_fen - running.expected_fen
        reason = command.reason.strip()
        if shift.needs_reason(variance_fen, node.store_rules.variance_ask_fen) and not reason:
            return Refused("reason_needed", {"variance_fen": variance_fen})
        if reason and isinstance(checked := checked_reason(reason), Refused):
            return checked
        if command.left_fen > counted_fen:
            return Refused("left_too_much", {"counted_fen": counted_fen})
        still_open = orders.open_count(deed.tx)
        if still_open and not command.open_orders_stay:
            return Refused("open_orders", {"count": still_open, "orders": shift_figures.open_orders(deed.tx)})
        head = journal.heads(deed.tx, deed.place.epoch)[LANE_TRADE]
        closed = TillClosed(
            till=who.till,
            z=shifts.next_z(deed.tx, who.till, deed.place.epoch),
            float_fen=running.float_fen,
            counted=counted,
            counted_fen=counted_fen,
            expected_fen=running.expected_fen,
            variance_fen=variance_fen,
            reason=reason,
            left_fen=command.left_fen,
            totals=running.totals,
            grand_total_fen=shifts.grand_total(deed.tx, who.till, deed.place.epoch) + running.totals.sales_fen,
            open_orders=still_open,
            days=running.days,
            chain=head.head_chain.hex(),
            chain_seq=head.head_seq,
        )
        fact = deed.write(contract.CLOSED, closed)
        # The session ends with the shift, a minute later: time to look at the Z and to have it printed once more.
        staff.age_sessions_at(deed.tx, who.till, deed.place.at_ms - sign_in.SESSION_MS + AFTER_Z_MS)
        _print(
            deed,
            node.ids.uuid7().hex(),
            slip_rules.Z_REPORT,
            shift_figures.z_subject(who.till, deed.place.epoch, closed.z),
            f"Z {closed.z}",
            0,
        )
        return shift_figures.z_answer(fact, closed)

    return transact(node, who, command.request_id, command, work, vital=True)


def print_x(node: Node, who: Session, command: PrintCommand) -> Done | Refused:
    """Have the figures of the running shift printed as they are now."""

    def work(deed: Deed) -> Printed | Refused:
        permitted = permit(deed, Action.READ_X, who.till)
        if isinstance(permitted, Refused):
            return permitted
        subject = f"{who.till}:{shifts.last_n(deed.tx, who.till)}:{deed.place.at_ms}:{who.locale}"
        if not _print(deed, command.request_id, slip_rules.X_REPORT, subject, f"X {who.till}", 0):
            return Refused("not_found", {"printer": RECEIPT})
        return Printed(job_id=command.request_id)

    return transact(node, who, command.request_id, command, work)


def reprint_z(node: Node, who: Session, command: PrintCommand, place: tuple[str, int, int]) -> Done | Refused:
    """Have a Z printed again, marked as a copy."""
    till, epoch, z = place

    def work(deed: Deed) -> Printed | Refused:
        permitted = permit(deed, Action.READ_X, who.till)
        if isinstance(permitted, Refused):
            return permitted
        if shifts.z_of(deed.tx, till, epoch, z) is None:
            return Refused("not_found")
        subject = shift_figures.z_subject(till, epoch, z)
        copy = next_copy(deed.tx, subject, slip_rules.Z_REPORT, RECEIPT)
        if not _print(deed, command.request_id, slip_rules.Z_REPORT, subject, f"Z {z}", copy):
            return Refused("not_found", {"printer": RECEIPT})
        return Printed(job_id=command.request_id, copy=copy)

    asked = _Reprint(request_id=command.request_id, subject=shift_figures.z_subject(till, epoch, z))
    return transact(node, who, command.request_id, asked, work)


class _Reprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a stored answer of a copy is held against: the address names the Z, and the body does not."""

    request_id: str
    subject: str


def _print(deed: Deed, job_id: str, document: str, subject: str, label: str, copy: int) -> bool:
    assert deed.who is not None
    row = deed.node.devices.printer_for(RECEIPT, deed.who.till)
    if row is None:
        return False
    deed.print(NewSlip(job_id, document, subject, label, RECEIPT, row.id), copy)
    return True
