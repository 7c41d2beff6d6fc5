"""A counter sale is paid: priced, numbered, journalled, invited, queued for paper and answered in one transaction.

What a lost answer means, and why a repeat under the same sale id is always right:
1. The request never arrived: the repeat is the first.
2. It arrived and the node died before the commit: nothing of it exists; the repeat is the first.
3. It was committed and the answer was lost: the repeat finds the stored answer and changes nothing.
4. Two copies arrive at once: the one writer settles one; the other then finds its answer.
5. The same id with other content is a fault of the till and is refused; what was confirmed stays as it was.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import msgspec

from edge.db import drawer_jobs, journal, print_jobs, projections, sales
from edge.db.drawer_jobs import Wanted
from edge.db.journal import Draft, Place
from edge.db.print_jobs import NewSlip
from edge.db.staff import Session
from edge.domain import payment, slip_rules
from edge.domain.device_rows import RECEIPT, DrawerRow, PrinterRow
from edge.domain.payment import CashTender
from edge.domain.pricing import BasketLine, Priced
from edge.domain.refusal import Refused
from edge.services import disk, slip_papers
from edge.services.node import Node
from sync.contract import codes, ids, times, trade
from sync.contract.menu import Menu
from sync.contract.trade import InviteIssued, SalePaid, SoldLine, Tender
from sync.contract.words import LOCALES, ZH
from sync.node.database import Tx

CASH = "cash"
FOR_SALE = "sale"
"""Why a drawer opened that nobody opened by hand."""


class SellCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the till submits; prices are not part of it. `due_fen` is what the till showed, for comparison only."""

    sale_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    lines: tuple[BasketLine, ...]
    tenders: tuple[CashTender, ...]
    due_fen: int | None = None
    menu_version: int | None = None
    locale: str = ZH


class InviteAnswer(msgspec.Struct, frozen=True):
    """The invite on the receipt."""

    code: str
    url: str
    short: str
    expires_day: str


class SaleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the till is told; stored as bytes, so that a repeat is told the same to the letter."""

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


@dataclass(frozen=True)
class Settled:
    """The answer's bytes; `repeated` when the sale was settled before."""

    answer: bytes
    repeated: bool


@dataclass(frozen=True)
class _Paper:
    """A slip that a sale needs: the guest's receipt, or one station's docket."""

    document: str
    station: str
    printer: str


@dataclass(frozen=True)
class _Prepared:
    """Everything that could be done before the writer's turn."""

    command: SellCommand
    who: Session
    digest: bytes
    priced: Priced
    tenders: tuple[Tender, ...]
    menu_version: int
    currency: str
    papers: tuple[_Paper, ...]
    drawer: DrawerRow | None


def settle_sale(node: Node, who: Session, command: SellCommand) -> Settled | Refused:
    """Settle a sale, or refuse it with nothing changed.

    Returned means committed with fsync.
    """
    if not ids.is_uuid7_hex(command.sale_id):
        return Refused("malformed", {"field": "sale_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    if command.locale not in LOCALES:
        return Refused("malformed", {"field": "locale", "expected": list(LOCALES)})
    digest = hashlib.sha256(msgspec.json.encode(command)).digest()
    repeated = _repeat(node, command.sale_id, digest)
    if repeated is not None:
        return repeated
    prepared = _prepare(node, who, command, digest)
    if isinstance(prepared, Refused):
        return prepared
    settled = _commit(node, prepared)
    if isinstance(settled, Settled) and not settled.repeated:
        node.printing.notify()
        node.committed.notify()
        node.changed.notify()
    return settled


def read_answer(raw: bytes) -> SaleAnswer:
    """Read a stored answer back."""
    return msgspec.json.decode(raw, type=SaleAnswer)


def _repeat(node: Node, sale_id: str, digest: bytes) -> Settled | Refused | None:
    with node.db.read() as reader:
        stored = sales.stored_answer(reader, sale_id)
    return None if stored is None else _as_repeat(stored, digest)


# An answer that was built again from facts has no digest: the id alone, which nobody else draws, says that it is a repeat.
def _as_repeat(stored: sales.StoredAnswer, digest: bytes) -> Settled | Refused:
    return Settled(stored.answer, repeated=True) if stored.digest in (digest, b"") else Refused("sale_id_reused")


def _prepare(node: Node, who: Session, command: SellCommand, digest: bytes) -> _Prepared | Refused:
    if node.training:
        return Refused(node.idle_code)
    if node.fenced:
        return Refused("fenced")
    if disk.refuses_sales(node.disk):
        return Refused("disk_full")
    catalogue = node.shelf.of_version(command.menu_version, node.clock.now_ms())
    if catalogue is None:
        return Refused("no_menu")
    priced = catalogue.price(command.lines)
    if isinstance(priced, Refused):
        return priced
    if command.due_fen is not None and command.due_fen != priced.total_fen:
        return Refused("price_changed", {"due_fen": priced.total_fen, "menu_version": catalogue.menu.version})
    tenders = payment.pay(priced.total_fen, command.tenders)
    if isinstance(tenders, Refused):
        return tenders
    menu = catalogue.menu
    papers = _papers(node, menu, priced.lines, who.till)
    drawer = node.devices.drawer_for(who.till) if any(_is_cash(tender) for tender in tenders) else None
    return _Prepared(command, who, digest, priced, tenders, menu.version, menu.currency, papers, drawer)


def _is_cash(tender: Tender) -> bool:
    return tender.kind == CASH and tender.received_fen > 0


def _papers(node: Node, menu: Menu, lines: tuple[SoldLine, ...], till: str) -> tuple[_Paper, ...]:
    """Say which slips a sale needs: none where no printer serves the station."""
    row = node.devices.printer_for(RECEIPT, till)
    papers = [] if row is None else [_Paper(RECEIPT, RECEIPT, row.id)]
    if not any(set(each.stations) - {RECEIPT} for each in node.devices.of(PrinterRow)):
        return tuple(papers)
    for station in dict.fromkeys(slip_papers.stations_of(menu, lines)):
        row = None if station in ("", RECEIPT) else node.devices.printer_for(station, till)
        if row is not None:
            papers.append(_Paper(slip_rules.DOCKET, station, row.id))
    return tuple(papers)


def _open_drawer(tx: Tx, node: Node, prepared: _Prepared, place: Place) -> None:
    assert prepared.drawer is not None
    who, sale_id = prepared.who, prepared.command.sale_id
    # Named after its sale: one sale never opens the drawer twice.
    wanted = Wanted(sale_id, prepared.drawer.id, prepared.drawer.printer, who.till, FOR_SALE, sale_id, who.cashier_id)
    drawer_jobs.add(tx, wanted, place.at_ms, node.clock.monotonic_ms())


def _commit(node: Node, prepared: _Prepared) -> Settled | Refused:
    place = node.place()
    sale_fact_id, invite_fact_id = node.ids.uuid7(), node.ids.uuid7()
    job_ids = [node.ids.uuid7().hex() for _ in prepared.papers]
    invite = issue_invite(node, prepared.command.sale_id, place.day)

    def work(tx: Tx) -> Settled | Refused:
        stored = sales.stored_answer(tx, prepared.command.sale_id)
        if stored is not None:
            return _as_repeat(stored, prepared.digest)
        sale = _numbered(tx, prepared, place)
        drafts = [
            _draft(prepared, sale_fact_id, trade.SALE_PAID, sale),
            _draft(prepared, invite_fact_id, trade.INVITE_ISSUED, invite),
        ]
        written = journal.append(tx, place, node.identity, drafts)
        for fact in written:
            projections.project(tx, fact)
        for job_id, paper in zip(job_ids, prepared.papers, strict=True):
            slip = NewSlip(job_id, paper.document, sale.sale_id, sale.receipt_no, paper.station, paper.printer)
            print_jobs.add(tx, slip, 0, place.at_ms)
        if prepared.drawer is not None:
            _open_drawer(tx, node, prepared, place)
        answer = msgspec.json.encode(_answer(node, place, sale, invite, written[0].n))
        sales.store_answer(tx, sale.sale_id, prepared.digest, answer, place.at_ms)
        return Settled(answer, repeated=False)

    try:
        # A sale may not use the reserve: that is for closing the shift.
        return disk.plain(node.db).write(work)
    except Exception as error:
        code = disk.refusal_of(error, node.disk)
        if code is None:
            raise
        return Refused(code)


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


def _numbered(tx: Tx, prepared: _Prepared, place: Place) -> SalePaid:
    till = prepared.who.till
    number = sales.next_number(tx, till, place.epoch)
    return SalePaid(
        sale_id=prepared.command.sale_id,
        till=till,
        number=number,
        receipt_no=trade.receipt_no(till, place.epoch, number),
        currency=prepared.currency,
        lines=prepared.priced.lines,
        tenders=prepared.tenders,
        total_fen=prepared.priced.total_fen,
        locale=prepared.command.locale,
    )


def _draft(prepared: _Prepared, fact_id: bytes, kind: str, body: SalePaid | InviteIssued) -> Draft:
    return Draft(
        fact_id=fact_id,
        lane=0,
        kind=kind,
        v=1,
        body=body,
        actor=prepared.who.cashier_id,
        device=f"till-{prepared.who.till}",
        versions={"menu": prepared.menu_version},
    )


def _answer(node: Node, place: Place, sale: SalePaid, invite: InviteIssued, n: int) -> SaleAnswer:
    assert node.enrolment is not None
    return SaleAnswer(
        sale_id=sale.sale_id,
        store=place.store,
        till=sale.till,
        receipt_no=sale.receipt_no,
        business_day=place.day,
        total_fen=sale.total_fen,
        received_fen=sum(tender.received_fen for tender in sale.tenders),
        change_fen=sum(tender.change_fen for tender in sale.tenders),
        currency=sale.currency,
        saved_ms=place.at_ms,
        n=n,
        lines=sale.lines,
        tenders=sale.tenders,
        invite=InviteAnswer(
            invite.code, codes.url(node.enrolment.public_url, invite.code), invite.short, invite.expires_day
        ),
    )
