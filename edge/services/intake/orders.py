"""What becomes of a platform's order at the store: taken in, accepted as a sale, ready, cancelled.

An accepted order is an order, a sale and its dockets in one deed: paid by the platform (tender `platform`: money that it owes, none in
the drawer), closed from the start, at the prices of the platform. Cancelled after that, its sale is refunded to the platform and the
kitchen is told to stop.
"""

from typing import Annotated

import msgspec

from edge.db import intake as kept
from edge.db import sales
from edge.db.intake import Due, Kept
from edge.db.staff import Session
from edge.domain import intake
from edge.domain import refund as refund_rules
from edge.domain.intake import Outcome, Placed, Tell
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action, Role
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.intake.desk import Counter
from edge.services.intake.to_sale import booked, cannot, name_of, ordered
from edge.services.money import find_sale, refunds
from edge.services.node import Node
from edge.services.ordering import kitchen, order_steps
from edge.services.ordering.order_work import SendStep
from edge.services.people.permit import permit
from sync.contract.intake import (
    ACCEPTED,
    CANCELLED,
    READY,
    RECEIVED,
    CancelledBy,
    PlatformAccepted,
    PlatformCancelled,
    PlatformReady,
)

_Hex = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
BY_PLATFORM = "off"
"""Why an order is off where the platform gave no reason."""


class AcceptCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The store takes an order."""

    request_id: _Hex


class ReadyCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """It stands ready for the courier."""

    request_id: _Hex


class CancelCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The store does not make it; `request_id` is also the id of the refund of what was accepted."""

    request_id: _Hex
    reason: Annotated[str, msgspec.Meta(max_length=200)]
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


class IntakeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order of a platform stands after a deed."""

    order_id: str
    state: intake.State
    sale_id: str
    refund_id: str
    n: int


class _Named(msgspec.Struct, frozen=True):
    """A command with the order that the address names."""

    order_id: str
    asked: AcceptCommand | ReadyCommand | CancelCommand


class _Off(msgspec.Struct, frozen=True):
    """The platform's word that an order is off."""

    platform: str
    platform_no: str
    reason: str


def take_in(node: Node, counter: Counter, placed: Placed) -> Done | Refused:
    """Write that an order came in; one that is known already changes nothing. The answer is `IntakeAnswer`."""
    platform = counter.settings.id

    def work(deed: Deed) -> IntakeAnswer:
        known = kept.by_no(deed.tx, platform, placed.platform_no)
        if known is None:
            deed.write(RECEIVED, intake.received(placed, platform, deed.node.ids.uuid7().hex()))
            known = kept.by_no(deed.tx, platform, placed.platform_no)
            assert known is not None
        return _answer(known)

    return deeds.transact(node, None, node.ids.uuid7().hex(), placed, work)


def accept(node: Node, who: Session | None, order_id: str, asked: AcceptCommand) -> Done | Refused:
    """Take an order: the platform is asked first, then it is a sale. The answer is `IntakeAnswer`.

    Args:
        who: who takes it; None = the node by itself.

    Returns:
        `platform_away` where nobody answers there: nothing is cooked for an order that may be off. `platform_order_off`
        where it is off. `platform_order_odd` where its sums are wrong. `unknown_dish`, `wrong_parts`, `sold_out` as for any order.
    """
    with node.db.read() as reader:
        found = kept.by_id(reader, order_id)
        refusal = cannot(node, reader, found)
    standing = deeds.standing(node)
    if found is None or refusal is not None or standing is not None:
        return refusal or standing or Refused("not_found")
    if found.state == "waiting":
        said = node.intake.ask(found.platform, lambda one: one.tell(Tell.ACCEPT, found.platform_no))
        if said.outcome is Outcome.UNKNOWN:
            return Refused("platform_away", {"platform": name_of(node, found.platform)})
        if said.outcome is Outcome.REFUSED:
            off(node, found.platform, found.platform_no, said.reason)
            return Refused("platform_order_off")
    seller = who or Session(_till(node, found.platform), "", "", Role.CASHIER)
    command = _Named(order_id, asked)
    return deeds.transact(
        node, seller, asked.request_id, command, lambda deed: _accept(deed, order_id, asked, by_hand=who is not None)
    )


def ready(node: Node, who: Session, order_id: str, asked: ReadyCommand) -> Done | Refused:
    """Write that an order stands ready, and have the platform told. The answer is `IntakeAnswer`."""

    def work(deed: Deed) -> IntakeAnswer | Refused:
        found = kept.by_id(deed.tx, order_id)
        if found is None:
            return Refused("not_found")
        if found.state == "ready":
            return _answer(found)
        if found.state != "accepted":
            return Refused("platform_order_off" if found.state == "cancelled" else "platform_not_accepted")
        permitted = permit(deed, Action.SEND, order_id)
        if isinstance(permitted, Refused):
            return permitted
        deed.write(READY, PlatformReady(order_id=order_id, platform=found.platform, platform_no=found.platform_no))
        return _now(deed, order_id)

    return _told(node, deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work))


def cancel(node: Node, who: Session, order_id: str, asked: CancelCommand) -> Done | Refused:
    """Decline an order, or cancel one that was accepted and give its money back to the platform. The answer is `IntakeAnswer`."""
    reason = refunds.checked_reason(asked.reason)
    if isinstance(reason, Refused):
        return reason

    def work(deed: Deed) -> IntakeAnswer | Refused:
        found = kept.by_id(deed.tx, order_id)
        if found is None:
            return Refused("not_found")
        if found.state == "cancelled":
            return _answer(found)
        approved = ("", "")
        if found.sale_id:
            about = About(amount_fen=found.order.total_fen, same_day=found.day == deed.place.day)
            permitted = permit(deed, Action.REFUND, found.sale_id, about, asked.approval_id)
            if isinstance(permitted, Refused):
                return permitted
            approved = (permitted.approved_by, permitted.approval_id)
        else:
            permitted = permit(deed, Action.CANCEL_ORDER, order_id)
            if isinstance(permitted, Refused):
                return permitted
        return _cancel(deed, found, ("store", reason), asked.request_id, approved)

    return _told(node, deeds.transact(node, who, asked.request_id, _Named(order_id, asked), work, vital=True))


def off(node: Node, platform: str, platform_no: str, reason: str) -> Done | Refused:
    """Write that the guest or the platform called an order off; what was accepted is refunded, and the kitchen stops."""
    with node.db.read() as reader:
        found = kept.by_no(reader, platform, platform_no)
        sold = find_sale.sold(node, reader, found.sale_id) if found is not None and found.sale_id else None
    till = sold.sale.till if sold is not None and not isinstance(sold, Refused) else _till(node, platform)
    said = " ".join(reason.split())[: intake.REASON_CHARS_MAX] or BY_PLATFORM
    request_id = node.ids.uuid7().hex()

    def work(deed: Deed) -> IntakeAnswer | Refused:
        now = kept.by_no(deed.tx, platform, platform_no)
        if now is None:
            return Refused("not_found")
        return (
            _answer(now) if now.state == "cancelled" else _cancel(deed, now, ("platform", said), request_id, ("", ""))
        )

    who = Session(till, "", "", Role.CASHIER)
    return deeds.transact(node, who, request_id, _Off(platform, platform_no, said), work, vital=True)


def _accept(deed: Deed, order_id: str, asked: AcceptCommand, *, by_hand: bool) -> IntakeAnswer | Refused:
    found, catalogue = kept.by_id(deed.tx, order_id), deed.node.shelf.catalogue
    refusal = cannot(deed.node, deed.tx, found)
    if found is None or refusal is not None or catalogue is None:
        return refusal or Refused("not_found")
    if found.state != "waiting":
        return _answer(found)
    permitted = permit(deed, Action.SELL, order_id)
    if isinstance(permitted, Refused):
        return permitted
    # An id of its own: under the request the answer of this deed is kept, and under a sale's only that of the sale.
    sale_id = deed.node.ids.uuid7().hex()
    work = ordered(deed, found, asked.request_id, catalogue)
    if isinstance(work, Refused):
        return work
    sent = order_steps.take(work, 0, SendStep(fire=True))
    if isinstance(sent, Refused):
        return sent
    sold = booked(work, found, sale_id, catalogue)
    if isinstance(sold, Refused):
        return sold
    # Lists of sales are read from what was answered for each (`edge.services.money.read_sales`).
    sales.store_answer(deed.tx, sale_id, b"", msgspec.json.encode(sold), deed.place.at_ms)
    body = PlatformAccepted(
        order_id=order_id,
        platform=found.platform,
        platform_no=found.platform_no,
        sale_id=sale_id,
        by_hand=by_hand,
    )
    deed.write(ACCEPTED, body)
    # It said so itself a moment ago.
    kept.settle(deed.tx, Due(found.platform, found.platform_no, Tell.ACCEPT.value, ""), "done", "")
    return _now(deed, order_id)


def _cancel(
    deed: Deed, found: Kept, by: tuple[CancelledBy, str], refund_id: str, approved: tuple[str, str]
) -> IntakeAnswer | Refused:
    if found.sale_id:
        given = _refund(deed, found, by[1], refund_id, approved)
        if isinstance(given, Refused):
            return given
        refund_id = given
    body = PlatformCancelled(
        order_id=found.order_id,
        platform=found.platform,
        platform_no=found.platform_no,
        by=by[0],
        reason=by[1],
        refund_id=refund_id if found.sale_id else "",
    )
    deed.write(CANCELLED, body)
    kitchen.tell_stations(deed)
    return _now(deed, found.order_id)


def _refund(deed: Deed, found: Kept, reason: str, refund_id: str, approved: tuple[str, str]) -> str | Refused:
    """Give what is left of the sale back to the platform; gives the refund's id, empty where nothing was left."""
    sold = find_sale.sold(deed.node, deed.tx, found.sale_id)
    if isinstance(sold, Refused):
        return sold
    planned = refunds.planned_of(deed.tx, sold.sale, refund_rules.Asked(whole=True))
    if isinstance(planned, Refused):
        return "" if planned.code == "nothing_to_refund" else planned
    refunds.write(deed, sold, planned, refunds.Given(refund_id, reason, *approved))
    return refund_id


def _told(node: Node, done: Done | Refused) -> Done | Refused:
    if isinstance(done, Done) and not done.repeated:
        # The platform hears of it now, if it can be reached.
        node.intake.bell.set()
    return done


def _till(node: Node, platform: str) -> str:
    counter = node.intake.counters.get(platform)
    return (counter.settings.till if counter is not None else "") or node.settings.store.tills[0]


def _now(deed: Deed, order_id: str) -> IntakeAnswer:
    found = kept.by_id(deed.tx, order_id)
    assert found is not None
    return _answer(found)


def _answer(found: Kept) -> IntakeAnswer:
    return IntakeAnswer(
        order_id=found.order_id,
        state=msgspec.convert(found.state, intake.State),
        sale_id=found.sale_id,
        refund_id=found.refund_id,
        n=found.n,
    )
