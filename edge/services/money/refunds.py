"""Money of a sale goes back: worked out in the deed over all refunds of that sale, numbered, journalled, printed, answered.

A code payment is never asked back within the deed: the refund is committed with its tender in line (`queued`), the gateway is told
right after (`edge.services.money.payment_care`) and again until it answers, and the guest has a slip either way.
"""

import contextlib
from typing import Annotated, NamedTuple

import msgspec

from edge.db import deposits, drawer_jobs, elsewhere, refunds
from edge.db.drawer_jobs import Wanted
from edge.db.print_jobs import NewSlip
from edge.db.staff import Session
from edge.domain import refund, roles, slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refund import Asked, AskedLine, Earlier, Plan
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services.deeds import Deed, Done, transact
from edge.services.members import give_back as give_back_points
from edge.services.members.give_back import PointsBack, Way
from edge.services.money import find_sale
from edge.services.money.find_sale import SoldFact
from edge.services.node import Node
from edge.services.people.permit import NOBODY_ASKED, Permitted, permit
from sync.contract import bill, facts, kinds, limits
from sync.contract import refunds as contract
from sync.contract.facts import Fact
from sync.contract.refunds import RefundedLine, RefundTender, SaleRefunded
from sync.contract.trade import SalePaid
from sync.contract.words import Name, has_control
from sync.node.archives import ArchiveLost
from sync.node.database import Reader, Tx

REASON_CHARS_MAX = 80
BY_REFUND = "refund"
"""Why a drawer opened."""
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$", max_length=32)]
"""A UUIDv7, drawn by the till."""
Reason = Annotated[str, msgspec.Meta(max_length=200)]
Fen = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class WantedBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What would go back: exactly one of `whole`, `lines`, `amount_fen`."""

    whole: bool = False
    lines: Annotated[tuple[AskedLine, ...], msgspec.Meta(max_length=limits.SALE_LINES_MAX)] = ()
    amount_fen: Fen = 0
    tip: bool = False
    in_cash: bool = False
    points: Way = "owe"
    """How points are answered for that the sale earned and that are spent already."""


class RefundQuery(WantedBack, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What would go back of a sale of this store."""

    sale_id: Hex


class RefundCommand(RefundQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Gives money back. `shown_fen` is what the till showed, for comparison; the refund is refused where it is another amount."""

    refund_id: Hex
    reason: Reason
    shown_fen: Fen | None = None
    approval_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    points_approval: Annotated[str, msgspec.Meta(max_length=32)] = ""


class RefundQuote(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund would be. `verdict` is the table's for who asks: `allowed`, `ask` (another person's word), `denied`."""

    sale_id: str
    amount_fen: int
    tip_fen: int
    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]
    other_way: bool
    verdict: str
    points: PointsBack | None = None


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that was given; `reopened_as` is the order of a sale that was reversed."""

    refund_id: str
    sale_id: str
    sale_receipt_no: str
    receipt_no: str
    till: str
    business_day: str
    saved_ms: int
    n: int
    currency: str
    amount_fen: int
    tip_fen: int
    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]
    reason: str
    whole: bool
    reopened_as: str
    approved_by: str
    points: PointsBack | None = None


class LineState(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a sale: what was sold, what of it may still go back, and what that is worth."""

    line: int
    dish_id: str
    name: Name
    qty: int
    left_qty: int
    left_fen: int
    paid_fen: int


class WayState(msgspec.Struct, frozen=True, kw_only=True):
    """A way by which money may go back."""

    kind: str
    left_fen: int


class LeftTo(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a sale was left to another store, which gives it back."""

    store: str
    amount_fen: int
    at_ms: int


class SaleState(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as the refund screen shows it, with every refund of it and what was made anew of it."""

    sale_id: str
    receipt_no: str
    till: str
    day: str
    at_ms: int
    total_fen: int
    tip_fen: int
    left_fen: int
    tip_left_fen: int
    currency: str
    lines: tuple[LineState, ...]
    ways: tuple[WayState, ...]
    refunds: tuple[RefundAnswer, ...]
    left_to: tuple[LeftTo, ...]
    own: bool
    same_day: bool
    order_id: str
    replaces: str
    remade_by: tuple[str, ...]


def give_back(node: Node, who: Session, command: RefundCommand) -> Done | Refused:
    """Give money of a sale back, or refuse it with nothing changed.

    Returns:
        Besides what `edge.domain.refund.plan` and `permit` refuse: `bad_text` without a reason, `refund_changed` with {amount_fen}
        when another amount goes back than the till showed.
    """
    reason = checked_reason(command.reason)
    if isinstance(reason, Refused):
        return reason

    def work(deed: Deed) -> RefundAnswer | Refused:
        known = answer_again(node, deed.tx, command.refund_id)
        if known is not None:
            return known
        found = find_sale.sold(node, deed.tx, command.sale_id)
        if isinstance(found, Refused):
            return found
        planned = planned_of(deed.tx, found.sale, _asked(command))
        if isinstance(planned, Refused):
            return planned
        if command.shown_fen is not None and command.shown_fen != planned.amount_fen:
            return Refused("refund_changed", {"amount_fen": planned.amount_fen})
        about = _about(found, planned, who, deed.place.day)
        permitted = permit(deed, Action.REFUND, command.sale_id, about, command.approval_id)
        if isinstance(permitted, Refused):
            return permitted
        given = Given(command.refund_id, reason, permitted.approved_by, permitted.approval_id, points=command.points)
        answered = points_answered(deed, found, planned, given, command.points_approval)
        return answered if isinstance(answered, Refused) else write(deed, found, planned, given, answered)

    done = transact(node, who, command.refund_id, command, work, vital=True)
    if isinstance(done, Done) and not done.repeated:
        # What went back by code is in line: the worker tells the gateway now.
        node.gateway.bell.set()
    return done


def quote(node: Node, who: Session, query: RefundQuery) -> RefundQuote | Refused:
    """Say what a refund would be, and whether who asks may give it; changes nothing."""
    with node.db.read() as reader:
        found = find_sale.sold(node, reader, query.sale_id)
        if isinstance(found, Refused):
            return found
        planned = planned_of(reader, found.sale, _asked(query))
        if isinstance(planned, Refused):
            return planned
        back = give_back_points.plan(node, reader, found.sale, refunds.earlier(reader, query.sale_id), planned)
    about = _about(found, planned, who, _today(node))
    return RefundQuote(
        sale_id=query.sale_id,
        amount_fen=planned.amount_fen,
        tip_fen=planned.tip_fen,
        lines=planned.lines,
        tenders=planned.tenders,
        other_way=planned.other_way,
        verdict=roles.decide(who.role, Action.REFUND, about).value,
        points=None if back is None else back.told,
    )


def state(node: Node, who: Session, sale_id: str) -> SaleState | Refused:
    """Give a sale with what of it may still go back."""
    with node.db.read() as reader:
        found = find_sale.sold(node, reader, sale_id)
        if isinstance(found, Refused):
            return found
        row, fact, sale = found
        earlier = refunds.earlier(reader, sale_id)
        answers = [answer_again(node, reader, one.refund_id) for one in refunds.of_sale(reader, sale_id)]
        remade = refunds.remade_by(reader, sale_id)
        left_to = elsewhere.ceded_of(reader, sale_id)
        back = refund.ways(sale, earlier, deposit_kinds(reader, sale))
    left_fen = refund.left_fen(sale, earlier)
    return SaleState(
        sale_id=sale_id,
        receipt_no=sale.receipt_no,
        till=sale.till,
        day=row.day,
        at_ms=row.at_ms,
        total_fen=sale.total_fen,
        tip_fen=sale.tip_fen,
        left_fen=left_fen,
        tip_left_fen=refund.tip_left_fen(sale, earlier),
        currency=sale.currency,
        lines=line_states(sale, earlier),
        ways=tuple(WayState(kind=way.kind, left_fen=way.left_fen) for way in back),
        refunds=tuple(answer for answer in answers if answer is not None),
        left_to=tuple(
            LeftTo(store=one.body.to_store, amount_fen=one.body.amount_fen, at_ms=one.at_ms) for one in left_to
        ),
        own=fact.actor == who.cashier_id,
        same_day=row.day == _today(node),
        order_id=sale.order_id,
        replaces=sale.replaces,
        remade_by=tuple(remade),
    )


def line_states(sale: SalePaid, earlier: Earlier) -> tuple[LineState, ...]:
    """Say of each line what may still go back."""
    pieces, worth, paid = (
        refund.pieces_left(sale, earlier),
        refund.line_left_fen(sale, earlier),
        bill.share_of_lines(sale),
    )
    return tuple(
        LineState(line=at, dish_id=line.dish_id, name=line.name, qty=line.qty, left_qty=pieces[at], left_fen=worth[at],
                  paid_fen=paid[at])
        for at, line in enumerate(sale.lines)
    )  # fmt: skip


class Given(msgspec.Struct, frozen=True):
    """What is said about a refund: its id, why, who else allowed it, and the order that is made anew of its sale."""

    refund_id: str
    reason: str
    approved_by: str
    approval_id: str
    reopened_as: str = ""
    points: Way = "owe"


def checked_reason(text: str) -> str | Refused:
    """Give a reason without blanks around it; `bad_text` when there is none."""
    said = text.strip()
    if not 1 <= len(said) <= REASON_CHARS_MAX or has_control(said):
        return Refused("bad_text", {"chars_max": REASON_CHARS_MAX})
    return said


def planned_of(reader: Reader, sale: SalePaid, asked: Asked) -> Plan | Refused:
    """Work a refund out over all earlier ones of its sale."""
    return refund.plan(sale, refunds.earlier(reader, sale.sale_id), asked, deposit_kinds(reader, sale))


def deposit_kinds(reader: Reader, sale: SalePaid) -> dict[str, str]:
    """Say how the deposits that a sale spent were once paid: that is how they go back."""
    named = [tender.payment_id for tender in sale.tenders if tender.kind == refund.DEPOSIT and tender.payment_id]
    return {one: kept.kind for one in named if (kept := deposits.by_id(reader, one)) is not None}


class OfSale(NamedTuple):
    """The sale that a refund is of, as the fact names it; it may be another store's."""

    sale_id: str
    store: str
    receipt_no: str
    day: str
    currency: str
    locale: str


def points_answered(deed: Deed, found: SoldFact, planned: Plan, given: Given, approval_id: str) -> Permitted | Refused:
    """Say whether the points that a refund takes back may be answered for in the way that was chosen."""
    back = _points_back(deed, found, planned)
    return give_back_points.check(deed, back, given.points, given.refund_id, approval_id)


def write(deed: Deed, found: SoldFact, planned: Plan, given: Given, answered: Permitted = NOBODY_ASKED) -> RefundAnswer:
    """Write a refund of a sale of ours, and what it does to points.

    Args:
        answered: who else allowed that points are let go.
    """
    sale = found.sale
    back = _points_back(deed, found, planned)
    of = OfSale(sale.sale_id, deed.place.store, sale.receipt_no, found.fact.day, sale.currency, sale.locale)
    answer = book(deed, of, planned, given)
    paid_fen = give_back_points.write(deed, back, given.points, given.refund_id, sale.sale_id, answered)
    if paid_fen and not planned.cash_fen:
        open_drawer(deed, given.refund_id, BY_REFUND, sale.sale_id)
    return answer if back is None else msgspec.structs.replace(answer, points=back.told)


def _points_back(deed: Deed, found: SoldFact, planned: Plan) -> give_back_points.Planned | None:
    earlier = refunds.earlier(deed.tx, found.sale.sale_id)
    return give_back_points.plan(deed.node, deed.tx, found.sale, earlier, planned)


def book(deed: Deed, of: OfSale, planned: Plan, given: Given) -> RefundAnswer:
    """Write a refund that was worked out and permitted, with its slip and the drawer where cash goes back."""
    assert deed.who is not None
    till = deed.who.till
    number = refunds.next_number(deed.tx, till, deed.place.epoch)
    body = SaleRefunded(
        refund_id=given.refund_id,
        sale_id=of.sale_id,
        sale_store=of.store,
        sale_receipt_no=of.receipt_no,
        sale_day=of.day,
        till=till,
        number=number,
        receipt_no=contract.refund_no(till, deed.place.epoch, number),
        currency=of.currency,
        lines=planned.lines,
        tenders=planned.tenders,
        amount_fen=planned.amount_fen,
        reason=given.reason,
        whole=planned.whole,
        tip_fen=planned.tip_fen,
        reopened_as=given.reopened_as,
        approved_by=given.approved_by,
        approval_id=given.approval_id,
        locale=of.locale,
    )
    fact = deed.write(contract.SALE_REFUNDED, body)
    row = deed.node.devices.printer_for(RECEIPT, till)
    if row is not None:
        job_id = deed.node.ids.uuid7().hex()
        deed.print(NewSlip(job_id, slip_rules.REFUND, body.refund_id, body.receipt_no, RECEIPT, row.id))
    if planned.cash_fen:
        open_drawer(deed, body.refund_id, BY_REFUND, body.sale_id if of.store == deed.place.store else "")
    return _answer(fact, body)


def open_drawer(deed: Deed, job_id: str, reason: str, sale_id: str = "") -> bool:
    """Have the till's drawer opened after the commit; False when it has none. One deed never opens it twice."""
    assert deed.who is not None
    row = deed.node.devices.drawer_for(deed.who.till)
    if row is None:
        return False
    wanted = Wanted(job_id, row.id, row.printer, deed.who.till, reason, sale_id, deed.who.cashier_id)
    drawer_jobs.add(deed.tx, wanted, deed.place.at_ms, deed.node.clock.monotonic_ms())
    deed.prints = True
    return True


def answer_again(node: Node, reader: Reader | Tx, refund_id: str) -> RefundAnswer | None:
    """Give the answer of a refund that was given before, from its fact; None when there is none."""
    row = refunds.by_id(reader, refund_id)
    if row is None:
        return None
    with contextlib.suppress(ArchiveLost, LookupError):
        fact = facts.decode(node.archives.trade_fact(reader, row.epoch, row.seq))
        body = kinds.read(fact)
        if isinstance(body, SaleRefunded):
            back = give_back_points.of_refund(reader, refund_id, body.sale_id)
            return msgspec.structs.replace(_answer(fact, body), points=back)
    return None


def _answer(fact: Fact, body: SaleRefunded) -> RefundAnswer:
    return RefundAnswer(
        refund_id=body.refund_id,
        sale_id=body.sale_id,
        sale_receipt_no=body.sale_receipt_no,
        receipt_no=body.receipt_no,
        till=body.till,
        business_day=fact.day,
        saved_ms=fact.at_ms,
        n=fact.n,
        currency=body.currency,
        amount_fen=body.amount_fen,
        tip_fen=body.tip_fen,
        lines=body.lines,
        tenders=body.tenders,
        reason=body.reason,
        whole=body.whole,
        reopened_as=body.reopened_as,
        approved_by=body.approved_by,
    )


def _asked(query: RefundQuery) -> Asked:
    return Asked(
        whole=query.whole, lines=query.lines, amount_fen=query.amount_fen, tip=query.tip, in_cash=query.in_cash
    )


def _about(found: SoldFact, planned: Plan, who: Session, today: str) -> About:
    return About(
        amount_fen=planned.amount_fen,
        own=found.fact.actor == who.cashier_id,
        same_day=found.fact.day == today,
        other_way=planned.other_way,
    )


def _today(node: Node) -> str:
    return node.today()
