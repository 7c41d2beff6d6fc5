"""A sale goes into the books: numbered, journalled, invited, queued for paper and answered, inside the deed that makes it.

What a basket at the counter and an order at a table have in common once it is known what is paid and how.
"""

from dataclasses import dataclass, field

import msgspec

from edge.db import drawer_jobs, sales
from edge.db import payments as payment_rows
from edge.db.drawer_jobs import Wanted
from edge.db.print_jobs import NewSlip
from edge.domain import kitchen, slip_rules
from edge.domain.device_rows import RECEIPT, PrinterRow
from edge.domain.payment import CASH, AskedTender, Payment, pay
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.deeds import Deed
from edge.services.members import points as member_points
from edge.services.members.points import SalePoints
from edge.services.money import payments
from edge.services.node import Node
from edge.services.people.permit import permit
from edge.services.printing import slip_papers
from sync.contract import codes, ids, limits, times, trade
from sync.contract.bill import Bill
from sync.contract.menu import Menu
from sync.contract.orders import COUNTER_SENT, CounterSent
from sync.contract.trade import Adjustment, InviteIssued, SalePaid, SoldLine, TaxLine, Tender
from sync.contract.words import LOCALES

FOR_SALE = "sale"
"""Why a drawer opened that nobody opened by hand."""
SALE_BYTES_MAX = limits.FACT_BYTES_MAX - limits.HEADER_BYTES_MAX
_IN_DOUBT = ("sent", "unknown")


class InviteAnswer(msgspec.Struct, frozen=True):
    """The invite on the receipt."""

    code: str
    url: str
    short: str
    expires_day: str


class SaleAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the till is told; stored as bytes, so that a repeat is told the same to the letter.

    A basket that was paid in cash is told nothing of the fields behind `invite`. They are those of `sync.contract.trade.SalePaid`.
    """

    sale_id: str
    store: str
    till: str
    receipt_no: str
    business_day: str
    total_fen: int
    received_fen: int
    change_fen: int
    currency: str
    saved_ms: int
    n: int
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    invite: InviteAnswer
    adjustments: tuple[Adjustment, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    tip_fen: int = 0
    order_id: str = ""
    service: str = ""
    table: str = ""
    covers: int = 0
    part: str = ""
    replaces: str = ""
    platform: str = ""
    platform_no: str = ""
    member_id: str = ""
    points: SalePoints | None = None


@dataclass(frozen=True)
class Sale:
    """What is sold, before it has its number.

    Attributes:
        menu: by which it was priced.
        dockets: the kitchen does not have its lines yet.
        about: more fields of `SalePaid`, for an order.
        member_id: whose bill it is; empty for a guest who is no member.
        risk_approval: of a manager, for points that are not put aside here.
    """

    sale_id: str
    locale: str
    menu: Menu
    bill: Bill
    payment: Payment
    tip_fen: int = 0
    dockets: bool = False
    about: dict[str, object] = field(default_factory=dict)
    member_id: str = ""
    risk_approval: str = ""


def check_words(sale_id: str, locale: str) -> Refused | None:
    """Refuse an id that is none, and a language that is none of ours."""
    if not ids.is_uuid7_hex(sale_id):
        return Refused("malformed", {"field": "sale_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    if locale not in LOCALES:
        return Refused("malformed", {"field": "locale", "expected": list(LOCALES)})
    return None


def settle(
    deed: Deed, order_id: str, total_fen: int, asked: tuple[AskedTender, ...], tip_fen: int, *, platform: bool = False
) -> Payment | Refused:
    """Say how a bill is paid, with what was taken before and the rounding of the house.

    Args:
        order_id: what payments were taken for: an order, or the sale of a basket.

    Returns:
        What `payment.pay` and `payments.tender_of` refuse; `payment_undecided` while a code payment for it is in the air, since it
        would be paid twice.
    """
    if total_fen + tip_fen > limits.SALE_TOTAL_FEN_MAX:
        return Refused("amount_too_large", {"amount_fen_max": limits.SALE_TOTAL_FEN_MAX})
    for attempt in payment_rows.undecided_for(deed.tx, order_id):
        if attempt.state in _IN_DOUBT:
            return Refused("payment_undecided", {"payment_id": attempt.payment_id, "amount_fen": attempt.amount_fen})
    if any(one.kind == "static_code" and not one.payment_id for one in asked):
        allowed = permit(deed, Action.STATIC_CODE, order_id)
        if isinstance(allowed, Refused):
            return allowed
    return pay(
        total_fen,
        asked,
        tip_fen=tip_fen,
        rounding=deed.node.house.rounding,
        prepaid=lambda payment_id, wanted_fen: payments.tender_of(deed, payment_id, wanted_fen),
        platform=platform,
    )


def book(deed: Deed, sold: Sale) -> SaleAnswer | Refused:
    """Write a sale with its invite, queue its slips and the pulse of its drawer.

    Returns:
        `too_large` for more lines, choices and parts than one fact carries: a basket or a bill is then paid in two; what
        `points.whose` and `points.plan_spend` refuse.
    """
    assert deed.who is not None
    node, place, till = deed.node, deed.place, deed.who.till
    deed.version = sold.menu.version
    member = member_points.whose(deed, sold.member_id)
    if isinstance(member, Refused):
        return member
    tenders, bill_fen = sold.payment.tenders, sold.bill.total_fen
    spend = member_points.plan_spend(deed, member, sold.sale_id, bill_fen, tenders, sold.risk_approval)
    if isinstance(spend, Refused):
        return spend
    sale = _numbered(deed, sold, "" if member is None else member.member_id)
    if len(msgspec.json.encode(sale)) > SALE_BYTES_MAX:
        return Refused("too_large", {"lines": len(sale.lines), "lines_max": len(sale.lines) // 2})
    fact = deed.write(trade.SALE_PAID, sale)
    invite = issue_invite(node, sale.sale_id, place.day)
    # Right behind its sale: slips and a rebuild look for it there.
    deed.write(trade.INVITE_ISSUED, invite)
    if sold.dockets:
        _tell_kitchen(deed, sold, sale)
    points = member_points.post(deed, member, sale, invite, spend)
    for document, station, printer in _papers(node, sold, till):
        job_id = node.ids.uuid7().hex()
        deed.print(NewSlip(job_id, document, sale.sale_id, sale.receipt_no, station, printer))
    _open_drawer(deed, sale)
    assert node.enrolment is not None
    url = codes.url(node.enrolment.public_url, invite.code)
    link = InviteAnswer(invite.code, url, invite.short, invite.expires_day)
    answer = answer_of(sale, (place.store, place.day, place.at_ms, fact.n), link)
    return answer if points is None else msgspec.structs.replace(answer, points=points)


def answer_of(sale: SalePaid, placed: tuple[str, str, int, int], invite: InviteAnswer) -> SaleAnswer:
    """Say what the till is told of a sale.

    What is given back now is not what was given back with a share an hour ago: change of payments that were taken before counts in
    neither figure, so that `received_fen − change_fen` is what was paid, and nobody hands out a guest's change twice.

    Args:
        placed: store, business day, wall ms and commit number of its fact.
    """
    store, day, at_ms, n = placed
    return SaleAnswer(
        sale_id=sale.sale_id,
        store=store,
        till=sale.till,
        receipt_no=sale.receipt_no,
        business_day=day,
        total_fen=sale.total_fen,
        received_fen=sum(_handed_fen(tender) for tender in sale.tenders),
        change_fen=sum(tender.change_fen for tender in sale.tenders if not tender.payment_id),
        currency=sale.currency,
        saved_ms=at_ms,
        n=n,
        lines=sale.lines,
        tenders=sale.tenders,
        invite=invite,
        adjustments=sale.adjustments,
        taxes=sale.taxes,
        tip_fen=sale.tip_fen,
        order_id=sale.order_id,
        service=sale.service,
        table=sale.table,
        covers=sale.covers,
        part=sale.part,
        replaces=sale.replaces,
        platform=sale.platform,
        platform_no=sale.platform_no,
        member_id=sale.member_id,
    )


def _handed_fen(tender: Tender) -> int:
    return tender.amount_fen if tender.payment_id else tender.received_fen


def read_answer(raw: bytes) -> SaleAnswer:
    """Read a stored answer back."""
    return msgspec.json.decode(raw, type=SaleAnswer)


def issue_invite(node: Node, sale_id: str, day: str) -> InviteIssued:
    """Make a signed invite that any store verifies without a network."""
    issued_day = times.epoch_day(day)
    claims = codes.InviteClaims(
        key_id=node.identity.public.key_id,
        invite_id=node.chance.token(codes.INVITE_ID_BYTES),
        issued_day=issued_day,
        days_valid=node.store_rules.invite_days,
    )
    return InviteIssued(
        invite_id=claims.invite_id.hex(),
        sale_id=sale_id,
        short=codes.short_code(claims.invite_id),
        code=codes.assemble(claims, node.identity.sign(codes.to_sign(claims))),
        expires_day=times.day_of_epoch(claims.last_day),
    )


def _numbered(deed: Deed, sold: Sale, member_id: str) -> SalePaid:
    assert deed.who is not None
    till, epoch = deed.who.till, deed.place.epoch
    number = sales.next_number(deed.tx, till, epoch)
    made, off_fen = sold.bill, sold.payment.rounding_fen
    rounding = (Adjustment(kind="rounding", amount_fen=off_fen),) if off_fen else ()
    sale = SalePaid(
        sale_id=sold.sale_id,
        till=till,
        number=number,
        receipt_no=trade.receipt_no(till, epoch, number),
        currency=sold.menu.currency,
        lines=made.lines,
        tenders=sold.payment.tenders,
        total_fen=made.total_fen + off_fen,
        locale=sold.locale,
        adjustments=made.adjustments + rounding,
        taxes=made.taxes,
        tip_fen=sold.tip_fen,
        member_id=member_id,
    )
    return msgspec.structs.replace(sale, **sold.about) if sold.about else sale


def _tell_kitchen(deed: Deed, sold: Sale, sale: SalePaid) -> None:
    """Let the screens of the kitchen have what it has to cook of a basket; their paper is the sale's docket."""
    dishes = kitchen.cooked(sale.lines, sold.menu, RECEIPT)
    if dishes:
        body = CounterSent(sale_id=sale.sale_id, receipt_no=sale.receipt_no, till=sale.till, dishes=dishes,
                           service=sale.service)  # fmt: skip
        deed.write(COUNTER_SENT, body)


def _papers(node: Node, sold: Sale, till: str) -> list[tuple[str, str, str]]:
    """Give (document, station, printer) of each slip that a sale needs: none where no printer serves the station."""
    row = node.devices.printer_for(RECEIPT, till)
    papers = [] if row is None else [(RECEIPT, RECEIPT, row.id)]
    if not sold.dockets or not any(set(each.stations) - {RECEIPT} for each in node.devices.of(PrinterRow)):
        return papers
    for station in slip_papers.stations_of(sold.menu, sold.bill.lines):
        row = None if station in ("", RECEIPT) else node.devices.printer_for(station, till)
        if row is not None:
            papers.append((slip_rules.DOCKET, station, row.id))
    return papers


def _open_drawer(deed: Deed, sale: SalePaid) -> None:
    """Let the drawer open where cash is put into it now; what was taken before its sale opened it then."""
    assert deed.who is not None
    if not any(one.kind == CASH and not one.payment_id and one.received_fen > 0 for one in sale.tenders):
        return
    row = deed.node.devices.drawer_for(deed.who.till)
    if row is not None:
        # Named after its sale: one sale never opens the drawer twice.
        wanted = Wanted(sale.sale_id, row.id, row.printer, deed.who.till, FOR_SALE, sale.sale_id, deed.who.cashier_id)
        drawer_jobs.add(deed.tx, wanted, deed.place.at_ms, deed.node.clock.monotonic_ms())
        deed.prints = True
