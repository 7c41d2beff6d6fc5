"""The facts of lane 0: a sale that was paid and the invite that was issued with it."""

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE, ContractError, Fact, UnknownKind
from sync.contract.weights import weighed_fen
from sync.contract.words import Name

SALE_PAID = "sale.paid"
INVITE_ISSUED = "invite.issued"


class SoldModifier(msgspec.Struct, frozen=True):
    """A choice made on a line, with its surcharge for one piece."""

    id: str
    name: Name
    price_fen: int


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


class Tender(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over and what was given back: `amount_fen = received_fen − change_fen`."""

    kind: str
    received_fen: int
    change_fen: int
    amount_fen: int


class SalePaid(msgspec.Struct, frozen=True, kw_only=True):
    """A counter sale, complete in itself (DESIGN §3: lane 0 never needs lane 1)."""

    sale_id: str
    till: str
    number: int
    receipt_no: str
    currency: str
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    total_fen: int
    locale: str


class InviteIssued(msgspec.Struct, frozen=True, kw_only=True):
    """An invite printed on a receipt; the code itself carries the signature (see `sync.contract.codes`)."""

    invite_id: str
    sale_id: str
    short: str
    code: str
    expires_day: str


_DECODERS: dict[str, msgspec.json.Decoder[SalePaid] | msgspec.json.Decoder[InviteIssued]] = {
    SALE_PAID: msgspec.json.Decoder(SalePaid),
    INVITE_ISSUED: msgspec.json.Decoder(InviteIssued),
}


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


def read_trade(fact: Fact) -> SalePaid | InviteIssued:
    """Read the body of a lane 0 fact and check the sums that it states.

    Raises:
        UnknownKind: newer code may know it.
        ContractError: a body of another shape, or sums that do not add up.
    """
    decoder = _DECODERS.get(fact.kind)
    if decoder is None:
        message = f"unknown kind {fact.kind}"
        raise UnknownKind(message)
    try:
        body = decoder.decode(fact.body)
    except UNREADABLE as error:
        message = f"{fact.kind}: {error}"
        raise ContractError(message) from error
    if isinstance(body, SalePaid):
        _check_sums(body)
    return body


def _check_sums(sale: SalePaid) -> None:
    for line in sale.lines:
        if not _is_weighed_right(line):
            message = f"sale {sale.sale_id}: a line by weight does not hold together"
            raise ContractError(message)
        surcharges = [modifier.price_fen for modifier in line.modifiers]
        if line_amount_fen(line.unit_fen, surcharges, line.qty, line.weight_g, line.per_g) != line.amount_fen:
            message = f"sale {sale.sale_id}: a line does not add up"
            raise ContractError(message)
    if sum(line.amount_fen for line in sale.lines) != sale.total_fen:
        message = f"sale {sale.sale_id}: the lines do not add up to the total"
        raise ContractError(message)
    if any(tender.received_fen - tender.change_fen != tender.amount_fen for tender in sale.tenders):
        message = f"sale {sale.sale_id}: a tender does not add up"
        raise ContractError(message)
    if sum(tender.amount_fen for tender in sale.tenders) != sale.total_fen:
        message = f"sale {sale.sale_id}: the tenders do not pay the total"
        raise ContractError(message)


def _is_weighed_right(line: SoldLine) -> bool:
    """Say whether a line has a weight and what its price is for, within bounds and once, or neither of them."""
    if line.weight_g == 0 and line.per_g == 0:
        return True
    return 1 <= line.weight_g <= limits.LINE_WEIGHT_G_MAX and line.per_g > 0 and line.qty == 1
