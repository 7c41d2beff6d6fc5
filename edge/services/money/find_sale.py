"""A sale is found again: by what is on its receipt, by its number, by amount and day (within days that somebody remembers)."""

from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from edge.db import refunds, sales
from edge.db.sales import FoundSale, SaleRow
from edge.domain.refusal import Refused
from edge.services.node import Node
from sync.contract import codes, facts, kinds, receipts, times
from sync.contract.facts import Fact
from sync.contract.trade import SalePaid
from sync.node.archives import ArchiveLost
from sync.node.database import Reader

DAYS_BACK = 7
"""An amount without a day is looked for in the last seven business days: nobody remembers one longer."""
FOUND_MAX = 50


class SaleFound(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as a list shows it; `refunded_fen` is what went back of it."""

    sale_id: str
    receipt_no: str
    till: str
    day: str
    at_ms: int
    total_fen: int
    refunded_fen: int


class SoldFact(NamedTuple):
    """A sale with its fact and where that lies."""

    row: SaleRow
    fact: Fact
    sale: SalePaid


def named(node: Node, text: str) -> str | None:
    """Find the sale's id of a scanned or typed text: an invite or receipt code, a receipt or refund number, or the id itself."""
    wanted = text.strip()
    with node.db.read() as reader:
        if (sale_id := receipts.find(wanted)) is not None:
            return sale_id if sales.by_id(reader, sale_id) else None
        apart = codes.take_apart(code) if (code := codes.find(wanted)) is not None else None
        if apart is not None:
            return sales.of_invite(reader, apart.claims.invite_id.hex())
        # As it was typed first: a till may be called by a small letter.
        for number in dict.fromkeys((wanted, wanted.upper())):
            if (sale_id := sales.by_receipt_no(reader, number)) is not None:
                return sale_id
            if (refund := refunds.by_receipt_no(reader, number)) is not None:
                return refund.sale_id
        return wanted if sales.by_id(reader, wanted) else None


def find(
    node: Node, *, text: str = "", amount_fen: int | None = None, day: str = "", minutes: tuple[int, int] | None = None
) -> list[SaleFound]:
    """Find sales, the latest first, at most fifty.

    Args:
        text: what was scanned or typed; it names one sale, and nothing else is looked at.
        amount_fen: the total.
        day: the business day; empty = the last seven.
        minutes: of the local day, from and to, both included.
    """
    if text.strip():
        sale_id = named(node, text)
        with node.db.read() as reader:
            return [_shown(reader, one) for one in sales.found_by_id(reader, sale_id or "")]
    today = node.today()
    first = day or (date.fromisoformat(today) - timedelta(days=DAYS_BACK - 1)).isoformat()
    last = day or today
    with node.db.read() as reader:
        found: list[SaleFound] = []
        for one in sales.found_between(reader, (first, last), amount_fen):
            if minutes is None or minutes[0] <= times.minute_of_day(one.at_ms, node.zone) <= minutes[1]:
                found.append(_shown(reader, one))
            if len(found) >= FOUND_MAX:
                break
        return found


def sold(node: Node, reader: Reader, sale_id: str) -> SoldFact | Refused:
    """Read a sale from its fact.

    Returns:
        `not_found`, or `sale_archive_lost` when it lies in an archive file that is missing.
    """
    row = sales.by_id(reader, sale_id)
    if row is None:
        return Refused("not_found")
    try:
        fact = facts.decode(node.archives.trade_fact(reader, row.epoch, row.seq))
    except (ArchiveLost, LookupError):
        return Refused("sale_archive_lost")
    sale = kinds.read(fact)
    return SoldFact(row, fact, sale) if isinstance(sale, SalePaid) else Refused("not_found")


def _shown(reader: Reader, one: FoundSale) -> SaleFound:
    return SaleFound(
        sale_id=one.sale_id,
        receipt_no=one.receipt_no,
        till=one.till,
        day=one.day,
        at_ms=one.at_ms,
        total_fen=one.total_fen,
        refunded_fen=sum(row.amount_fen for row in refunds.of_sale(reader, one.sale_id)),
    )
