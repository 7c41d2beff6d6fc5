"""What a slip says, built from the facts that it is of, so that a repeat says the same."""

import msgspec

from drivers.document import ReceiptDoc
from drivers.escpos.profile import PrinterProfile
from edge.db import menus, sales
from edge.db.print_jobs import Job
from edge.domain import kitchen as kitchen_rules
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.receipts import care
from edge.receipts.docket import docket
from edge.receipts.receipt import Heading, receipt
from edge.services.guests import live_codes
from edge.services.members import papers as member_papers
from edge.services.money import money_papers
from edge.services.node import Node
from edge.services.ordering import kitchen
from edge.services.shifts import shift_papers
from sync.contract import facts, kinds
from sync.contract.facts import Fact
from sync.contract.menu import Menu
from sync.contract.trade import InviteIssued, SalePaid, SoldLine
from sync.node.database import Reader


def document(node: Node, job: Job, profile: PrinterProfile) -> ReceiptDoc:
    """Build what a slip says.

    Args:
        profile: of the printer that prints it; a test slip is about nothing else.

    Raises:
        LookupError: what it is of is not there; a slip is queued in its sale's transaction, so this is our own mistake.
    """
    made = _unmoved(node, job, profile)
    if node.practice:
        made = care.void(made)
    if not job.moved_from:
        return made
    row = node.devices.printer(job.moved_from)
    return care.moved(made, row.name or row.id if row else job.moved_from, job.copy)


def stations_of(menu: Menu, lines: tuple[SoldLine, ...]) -> list[str]:
    """Give the stations that cook something of these lines, each once, in their order."""
    return list(dict.fromkeys(dish.station for dish in kitchen_rules.cooked(lines, menu, RECEIPT)))


def _unmoved(node: Node, job: Job, profile: PrinterProfile) -> ReceiptDoc:
    if job.document == slip_rules.TEST:
        row = node.devices.printer(job.subject)
        name = job.subject if row is None or not row.name else row.name
        about = care.PrinterFacts(job.subject, name, profile.name, profile.columns, profile.width_dots)
        return care.test_slip(about, job.created_ms, node.zone, job.copy)
    grant = node.enrolment
    assert grant is not None
    heading = Heading(grant.store, grant.name, node.zone, grant.public_url, node.house.fapiao_url)
    if (
        maker := {
            **shift_papers.MAKERS,
            **money_papers.MAKERS,
            **member_papers.MAKERS,
            **live_codes.MAKERS,
        }.get(job.document)
    ) is not None:
        return maker(node, job, heading)
    if kitchen.is_of_order(job):
        return kitchen.document(node, job, heading)
    with node.db.read() as reader:
        sold = sales.by_id(reader, job.subject)
        if sold is None:
            raise LookupError(f"slip {job.job_id} names no sale")
        sale_fact = facts.decode(node.archives.trade_fact(reader, sold.epoch, sold.seq))
        # The invite is the next trade fact: both were written by one append.
        invite_fact = facts.decode(node.archives.trade_fact(reader, sold.epoch, sold.seq + 1))
        menu = _menu_of(node, reader, sale_fact) if job.document == slip_rules.DOCKET else None
    sale, invite = kinds.read(sale_fact), kinds.read(invite_fact)
    assert isinstance(sale, SalePaid)
    assert isinstance(invite, InviteIssued)
    if menu is None:
        assert job.document == RECEIPT
        said = member_papers.of_sale(node, sale.sale_id, sale_fact.day)
        return receipt(sale, invite, heading, sale_fact.at_ms, job.copy, sale_fact.day, said)
    dishes = [dish for dish in kitchen_rules.cooked(sale.lines, menu, RECEIPT) if dish.station == job.station]
    avoids = member_papers.avoids(node, sale.member_id)
    return docket(sale, job.station, dishes, heading, sale_fact.at_ms, job.copy, avoids)


def _menu_of(node: Node, reader: Reader, sale: Fact) -> Menu:
    """Find the menu that a sale was priced by: only it knows which station cooked what then."""
    version = sale.versions.get("menu", 0)
    catalogue = node.shelf.catalogue
    if catalogue is not None and catalogue.menu.version == version:
        return catalogue.menu
    raw = menus.of_version(reader, version)
    if raw is None:
        raise LookupError(f"there is no menu {version}")
    return msgspec.json.decode(raw, type=Menu)
