"""A counter sale is paid: priced, discounted, taxed, settled and booked in one transaction.

What a lost answer means, and why a repeat under the same sale id is always right:
1. The request never arrived: the repeat is the first.
2. It arrived and the node died before the commit: nothing of it exists; the repeat is the first.
3. It was committed and the answer was lost: the repeat finds the stored answer and changes nothing.
4. Two copies arrive at once: the one writer settles one; the other then finds its answer.
5. The same id with other content is a fault of the till and is refused; what was confirmed stays as it was.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from edge.db import dishes
from edge.db.staff import Session
from edge.domain.payment import AskedTender, Payment
from edge.domain.pricing import ApprovalId, BasketLine, Fen, Priced, RateBp, Reason
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.members import points
from edge.services.money import book_sale
from edge.services.money.book_sale import InviteAnswer, Sale, SaleAnswer, issue_invite, read_answer
from edge.services.node import Node
from edge.services.ordering import stock
from edge.services.people.permit import Permitted, permit
from sync.contract import bill, limits
from sync.contract.bill import Ask, Bill, BillLine, Why
from sync.contract.menu import Menu
from sync.contract.trade import Adjustment
from sync.contract.words import ZH, has_control

__all__ = [
    "InviteAnswer", "OrderDiscount", "SaleAnswer", "SellCommand", "Settled", "issue_invite", "read_answer", "settle_sale",
]  # fmt: skip

Settled = Done
"""The answer's bytes; `repeated` when the sale was settled before."""
_OF_KIND = {"discount": Action.DISCOUNT, "gift": Action.GIFT, "comp": Action.COMP}
"""What somebody must be allowed to do for an adjustment."""


class OrderDiscount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole basket is cheaper, by rate and then by amount, or on the house (免单)."""

    rate_bp: RateBp = 0
    amount_fen: Fen = 0
    comp: bool = False
    reason: Reason = ""


class SellCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the till submits; prices are not part of it.

    `due_fen` is what the till showed, for comparison only: the bill before cash is rounded, without the tip.
    `approvals` names the approval for each action that another person had to be asked about (`needs_approval` says which): all
    discounts of a basket are one, all gifts, all other prices. A plain basket is encoded as it was before there was anything else.
    """

    sale_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    lines: tuple[BasketLine, ...]
    tenders: tuple[AskedTender, ...]
    due_fen: int | None = msgspec.field(default_factory=lambda: None)
    menu_version: int | None = msgspec.field(default_factory=lambda: None)
    locale: str = msgspec.field(default_factory=lambda: ZH)
    discount: OrderDiscount | None = None
    tip_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.SALE_TOTAL_FEN_MAX)] = 0
    service: Literal["", "takeaway"] = ""
    approvals: Annotated[dict[str, ApprovalId], msgspec.Meta(max_length=8)] = {}
    member_id: Annotated[str, msgspec.Meta(max_length=32)] = ""


def settle_sale(node: Node, who: Session, command: SellCommand) -> Settled | Refused:
    """Settle a sale, or refuse it with nothing changed.

    Returned means committed with fsync.
    """
    refusal = book_sale.check_words(command.sale_id, command.locale)
    if refusal is not None:
        return refusal
    digest = hashlib.sha256(msgspec.json.encode(command)).digest()
    points.top_up(node, command.member_id, command.tenders)
    settled = deeds.transact(node, who, command.sale_id, command, lambda deed: _settle(deed, command), digest=digest)
    return Refused("sale_id_reused") if settled == Refused("request_id_reused") else settled


def _settle(deed: Deed, command: SellCommand) -> SaleAnswer | Refused:
    allowed = permit(deed, Action.SELL, command.sale_id)
    if isinstance(allowed, Refused):
        return allowed
    node = deed.node
    catalogue = node.shelf.of_version(command.menu_version, deed.place.at_ms)
    if catalogue is None:
        return Refused("no_menu")
    priced = catalogue.price(command.lines, dishes.prices(deed.tx, deed.place.day))
    if isinstance(priced, Refused):
        return priced
    short = stock.short_of(deed.tx, stock.needs((line.dish_id, line.parts, line.qty) for line in priced.lines))
    if short is not None:
        return short
    made = _permitted(deed, command, priced, _bill(node, command, priced))
    if isinstance(made, Refused):
        return made
    if command.due_fen is not None and command.due_fen != made.total_fen:
        return Refused("price_changed", {"due_fen": made.total_fen, "menu_version": catalogue.menu.version})
    paid = book_sale.settle(deed, command.sale_id, made.total_fen, command.tenders, command.tip_fen)
    if isinstance(paid, Refused):
        return paid
    return book_sale.book(deed, _sale(command, catalogue.menu, made, paid))


def _sale(command: SellCommand, menu: Menu, made: Bill, paid: Payment) -> Sale:
    about: dict[str, object] = {"service": command.service} if command.service else {}
    return Sale(
        command.sale_id,
        command.locale,
        menu,
        made,
        paid,
        command.tip_fen,
        dockets=True,
        about=about,
        member_id=command.member_id,
        risk_approval=command.approvals.get(Action.POINTS_RISK.value, ""),
    )


def _bill(node: Node, command: SellCommand, priced: Priced) -> Bill:
    lines = [
        BillLine(sold, beside.packing_fen, asked.rate_bp, asked.discount_fen, asked.gift, Why(asked.reason))
        for sold, beside, asked in zip(priced.lines, priced.beside, command.lines, strict=True)
    ]
    off = command.discount or OrderDiscount()
    ask = Ask(
        service=command.service,
        rate_bp=off.rate_bp,
        amount_fen=off.amount_fen,
        comp=off.comp,
        why=Why(off.reason),
    )
    return bill.compute(lines, ask, node.house)


def _permitted(deed: Deed, command: SellCommand, priced: Priced, made: Bill) -> Bill | Refused:
    """Ask the table about everything that makes a basket cheaper, and write who allowed it into the bill."""
    overridden = [line for line, beside in zip(made.lines, priced.beside, strict=True) if beside.overridden]
    if overridden:
        about = About(amount_fen=sum(line.amount_fen for line in overridden))
        allowed = _ask(deed, command, Action.OVERRIDE_PRICE, about)
        if isinstance(allowed, Refused):
            return allowed
    words = [asked.reason for asked in command.lines] + ([command.discount.reason] if command.discount else [])
    if any(has_control(text) for text in words):
        return Refused("bad_text", {"chars_max": limits.REASON_CHARS_MAX})
    if any(not line.reason.strip() for line, at in zip(command.lines, priced.beside, strict=True) if at.overridden):
        return Refused("reason_missing")
    given: dict[str, Permitted] = {}
    for kind, action in _OF_KIND.items():
        cheaper = [one for one in made.adjustments if one.kind == kind]
        if not cheaper:
            continue
        if any(not one.reason.strip() for one in cheaper):
            return Refused("reason_missing")
        about = About(
            rate_bp=bill.effective_bp(made) if kind == "discount" else 0,
            amount_fen=-sum(one.amount_fen for one in cheaper),
        )
        allowed = _ask(deed, command, action, about)
        if isinstance(allowed, Refused):
            return allowed
        given[kind] = allowed
    return replace(made, adjustments=_signed(made.adjustments, given)) if given else made


def _ask(deed: Deed, command: SellCommand, action: Action, about: About) -> Permitted | Refused:
    return permit(deed, action, command.sale_id, about, command.approvals.get(action.value, ""))


def _signed(adjustments: Sequence[Adjustment], given: dict[str, Permitted]) -> tuple[Adjustment, ...]:
    nobody = Permitted("", "")
    return tuple(
        msgspec.structs.replace(
            one,
            approved_by=given.get(one.kind, nobody).approved_by,
            approval_id=given.get(one.kind, nobody).approval_id,
        )
        for one in adjustments
    )
