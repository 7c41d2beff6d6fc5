"""The facts of a sale that was paid and of the invite that was issued with it (lane 0)."""

from typing import Literal

import msgspec

from sync.contract import limits
from sync.contract.facts import ContractError
from sync.contract.weights import weighed_fen
from sync.contract.words import Name

SALE_PAID = "sale.paid"
INVITE_ISSUED = "invite.issued"


class SoldModifier(msgspec.Struct, frozen=True):
    """A choice made on a line, with its surcharge for one piece."""

    id: str
    name: Name
    price_fen: int


class SoldPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One dish within a set menu: what the guest chose, `qty` for one set, with its surcharge for one set; `station` cooks it."""

    dish_id: str
    code: str
    name: Name
    qty: int
    price_fen: int
    station: str = ""


class SoldLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line as it was sold: names and prices are copied, so that the fact needs no menu to be read.

    A line by weight has `weight_g` and `per_g`, a quantity of one, and `unit_fen` for `per_g` grams. A line by the piece is
    encoded as it was before there were weights (neither of the two, every other field); the factories see to that.
    """

    dish_id: str
    code: str
    name: Name
    qty: int
    unit_fen: int
    modifiers: tuple[SoldModifier, ...] = msgspec.field(default_factory=lambda: ())
    note: str = msgspec.field(default_factory=str)
    amount_fen: int
    weight_g: int = 0
    per_g: int = 0
    line_id: str = ""
    """The line of the open order that this was; empty for a basket that was paid at once."""
    list_fen: int = -1
    """The menu's price where another was asked (override, price of the day); −1 where `unit_fen` is the menu's."""
    parts: tuple[SoldPart, ...] = ()
    """What a set menu consisted of; their surcharges are in `amount_fen`, their own prices are not."""
    tax: str = ""
    """The tax that the line falls under, by its id in `SalePaid.taxes`; empty for none."""
    seat: int = 0
    """Who at the table ordered it, from 1; 0 = the table."""
    no_discount: bool = False
    """A discount of the whole order leaves it alone."""


AdjustmentKind = Literal["discount", "gift", "comp", "cover", "service", "packing", "minimum", "rounding"]
"""Why a sum differs from its lines: 折扣 · 赠菜 · 免单 · 茶位费 · 服务费 · 打包费 · 低消差额 · 抹零."""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One amount beside the lines, with its reason and who allowed it; below zero it is in the guest's favour.

    `line` is the position of the line that it is about, −1 for the whole sale. `rate_bp` says by which rate (basis points) it
    was counted, 0 where it is an amount. `approved_by` and `approval_id` name the second person where one was asked.
    """

    kind: AdjustmentKind
    amount_fen: int
    line: int = -1
    rate_bp: int = 0
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one tax is on how much: an `included` tax is part of the prices, another comes on top (`sync.contract.bill`)."""

    tax_id: str
    name: Name
    rate_bp: int
    included: bool
    base_fen: int
    tax_fen: int


class Tender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was handed over and what was given back: `amount_fen = received_fen − change_fen`.

    `kind` is `cash`, `code` (WeChat or Alipay through the gateway), `static_code` (the shop's printed code, confirmed by hand),
    `card` (a terminal beside the till), `deposit` (订金 spent) or `platform` (paid on a takeaway platform). With a `payment_id` the money
    was taken before, by the fact `payment.taken` or `deposit.taken` of that id, and is not counted into the drawer a second
    time. `reference` is what the other side calls it (never a card's number); `flagged` asks for it to be looked up in the bill file.
    """

    kind: str
    received_fen: int
    change_fen: int
    amount_fen: int
    payment_id: str = ""
    reference: str = ""
    flagged: bool = False


class SalePaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale, complete in itself (DESIGN §3: lane 0 never needs lane 1).

    `lines + adjustments + taxes that are not included = total_fen`, and `tenders = total_fen + tip_fen`. A basket that was paid at
    the counter has none of the fields behind `locale`, and is encoded as it was before there were any.
    """

    sale_id: str
    till: str
    number: int
    receipt_no: str
    currency: str
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    total_fen: int
    locale: str
    adjustments: tuple[Adjustment, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    tip_fen: int = 0
    order_id: str = ""
    """The open order that was paid, or a part of it."""
    service: str = ""
    """`dine_in`, `takeaway`, `delivery`; empty = sold over the counter."""
    table: str = ""
    """The table as people call it."""
    covers: int = 0
    part: str = ""
    """Which part of a split bill this is, such as `2/3`; empty = the whole."""
    replaces: str = ""
    """The sale that was reversed and is made anew by this one (反结账)."""
    platform: str = ""
    platform_no: str = ""
    """The takeaway platform and its number, where the order came from one."""
    member_id: str = ""
    """Whose bill it was; empty for a guest who is no member."""


class InviteIssued(msgspec.Struct, frozen=True, kw_only=True):
    """An invite printed on a receipt; the code itself carries the signature (see `sync.contract.codes`)."""

    invite_id: str
    sale_id: str
    short: str
    code: str
    expires_day: str


KINDS: dict[str, type[SalePaid | InviteIssued]] = {SALE_PAID: SalePaid, INVITE_ISSUED: InviteIssued}


def line_amount_fen(unit_fen: int, modifier_fens: list[int], qty: int, weight_g: int = 0, per_g: int = 0) -> int:
    """Price a line: the dish and its surcharges, times the quantity.

    With `per_g` above zero the dish is `weight_g` grams at `unit_fen` for `per_g` grams, in whole fen, half up; the surcharges
    are for the line and not for the gram.
    """
    dish_fen = weighed_fen(unit_fen, weight_g, per_g) if per_g > 0 else unit_fen
    return (dish_fen + sum(modifier_fens)) * qty


def receipt_no(till: str, epoch: int, number: int) -> str:
    """Write a receipt number: till, epoch, gapless number (DESIGN §4: the epoch shows)."""
    return f"{till}-{epoch}-{number:06d}"


def check_sums(sale: SalePaid) -> None:
    """Add a sale up.

    Raises:
        ContractError: a line, the total or the tenders do not add up.
    """
    for line in sale.lines:
        if not _is_weighed_right(line):
            raise ContractError(f"sale {sale.sale_id}: a line by weight does not hold together")
        surcharges = [modifier.price_fen for modifier in line.modifiers] + [
            part.price_fen * part.qty for part in line.parts
        ]
        if line_amount_fen(line.unit_fen, surcharges, line.qty, line.weight_g, line.per_g) != line.amount_fen:
            raise ContractError(f"sale {sale.sale_id}: a line does not add up")
    if any(not -1 <= adjustment.line < len(sale.lines) for adjustment in sale.adjustments):
        raise ContractError(f"sale {sale.sale_id}: an adjustment is about no line")
    added_fen = sum(tax.tax_fen for tax in sale.taxes if not tax.included)
    adjusted_fen = sum(adjustment.amount_fen for adjustment in sale.adjustments)
    if sum(line.amount_fen for line in sale.lines) + adjusted_fen + added_fen != sale.total_fen:
        raise ContractError(f"sale {sale.sale_id}: the lines do not add up to the total")
    if any(tender.received_fen - tender.change_fen != tender.amount_fen for tender in sale.tenders):
        raise ContractError(f"sale {sale.sale_id}: a tender does not add up")
    if sum(tender.amount_fen for tender in sale.tenders) != sale.total_fen + sale.tip_fen or sale.tip_fen < 0:
        raise ContractError(f"sale {sale.sale_id}: the tenders do not pay the total")


def _is_weighed_right(line: SoldLine) -> bool:
    """Say whether a line has a weight and what its price is for, within bounds and once, or neither of them."""
    if line.weight_g == 0 and line.per_g == 0:
        return True
    return 1 <= line.weight_g <= limits.LINE_WEIGHT_G_MAX and line.per_g > 0 and line.qty == 1
