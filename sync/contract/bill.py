"""The one arithmetic of a bill: node and hub come to the same fen from the same words.

In this order, each step on what the one before left, in whole fen, half a fen up:

1. **lines** as they were priced (`trade.line_amount_fen`);
2. **line discounts**: a gift is worth nothing (赠菜); else the rate first, then the amount, never below zero;
3. **order discount** (整单折扣): the rate, then the amount, of all lines but those with `no_discount`; or the whole is on the house
   (免单), and then there are no charges either. It is shared by the lines by largest remainder (`allocate`);
4. **charges**: seats (茶位费: covers × price), packing (打包费), what is missing to the least that a room asks (低消, counted on the dishes
   after discounts), service (服务费, a rate of the dishes after discounts). Seats and service are for guests at a table, packing is
   for what is taken away;
5. **taxes** by their own algorithm, named by `house.Rules.tax_rounding`: `bill` rounds once for each tax on all that it is on, `line` rounds each
   line and each charge and adds up. An included tax of rate r is `amount × r ÷ (1 + r)` and changes no total; another is
   `amount × r` on top. `base_fen` is without the tax in both;
6. **total**, and when cash is handed over `round_off` (抹零) on the part that cash pays, as a line of its own.

Worked: dishes 38.00 and 3 × 12.00, the second with 10 % off: 38.00 + 36.00 − 3.60 = 70.40; order 8 % off: −5.63; two seats at 2.00: +4.00;
service 10 % of 64.77: +6.48; total 75.25, of it 6 % VAT included: 75.25 × 6 ÷ 106 = 4.26 on 70.99; cash to the jiao: −0.05, to pay 75.20.

A part of a split bill is cut from the whole: its pieces have their share of their line's discount and of the order's, counted on,
so that all parts together are the whole to the fen; charges go by the worth of the pieces, the last part takes what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sync.contract.house import FULL_BP, Rounding, Rules, TaxRule
from sync.contract.trade import Adjustment, AdjustmentKind, SalePaid, SoldLine, TaxLine

DINE_IN = "dine_in"
TAKEN_AWAY = ("takeaway", "delivery")
CHARGES: tuple[AdjustmentKind, ...] = ("cover", "packing", "minimum", "service")


@dataclass(frozen=True)
class Why:
    """Why something is cheaper and who allowed it."""

    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""


NO_WHY = Why()


@dataclass(frozen=True)
class BillLine:
    """A line with what is said about its price.

    Attributes:
        sold: all its pieces that are not voided, `amount_fen` before any discount; its tax may be empty for the house's own.
        packing_fen: what packing one piece costs when it is taken away.
        rate_bp: taken off, of the line.
        discount_fen: taken off, after the rate.
        gift: it costs nothing.
        paid: how many pieces earlier parts of the bill paid.
        now: how many pieces this part pays; −1 = all that are left.
    """

    sold: SoldLine
    packing_fen: int = 0
    rate_bp: int = 0
    discount_fen: int = 0
    gift: bool = False
    why: Why = NO_WHY
    paid: int = 0
    now: int = -1

    @property
    def taken(self) -> int:
        """How many pieces this part pays."""
        return self.sold.qty - self.paid if self.now < 0 else self.now


@dataclass(frozen=True)
class Ask:
    """What is said about an order as a whole.

    Attributes:
        service: `dine_in`, `takeaway`, `delivery`; empty or `counter` = over the counter.
        rate_bp: order discount, taken off.
        amount_fen: order discount, after the rate.
        comp: on the house.
        minimum_fen: the least that the table asks for.
        before: what charges earlier parts of the bill had, by kind.
    """

    service: str = ""
    covers: int = 0
    rate_bp: int = 0
    amount_fen: int = 0
    comp: bool = False
    why: Why = NO_WHY
    minimum_fen: int = 0
    before: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Bill:
    """What is to pay: `lines + adjustments + taxes on top = total_fen`, before cash is rounded.

    Attributes:
        lines: the pieces of this part, as they go into the sale; an adjustment's `line` is a position in it.
        nets: what of each line is left after its own and the order's discounts.
    """

    lines: tuple[SoldLine, ...]
    adjustments: tuple[Adjustment, ...]
    taxes: tuple[TaxLine, ...]
    total_fen: int
    nets: tuple[int, ...]


def compute(lines: Sequence[BillLine], ask: Ask, rules: Rules) -> Bill:
    """Make a bill, or the part of a split one that `BillLine.now` says; lines of which it pays nothing are left out."""
    whole = [_Worked(line) for line in lines]
    cut = [line for line in whole if line.line.taken > 0]
    adjustments = [one for position, line in enumerate(cut) for one in line.own_adjustments(position)]
    if ask.comp:
        left_fen = sum(line.net_now for line in cut)
        adjustments += _adjusted("comp", -left_fen, ask.why)
        nets = [0] * len(cut)
        charges: list[Adjustment] = []
    else:
        adjustments += _order_discount(whole, ask)
        nets = [line.net_now for line in cut]
        charges = _charges(whole, cut, ask, rules)
    sold = tuple(line.sold_now(rules) for line in cut)
    taxes = _taxes(sold, nets, [charge.amount_fen for charge in charges], rules)
    total_fen = (
        sum(line.amount_fen for line in sold)
        + sum(one.amount_fen for one in (*adjustments, *charges))
        + sum(tax.tax_fen for tax in taxes if not tax.included)
    )
    return Bill(sold, (*adjustments, *charges), taxes, total_fen, tuple(nets))


def allocate(amount_fen: int, weights: Sequence[int]) -> list[int]:
    """Share an amount by weights, none negative: whole fen, largest remainder, the earlier one where remainders are equal.

    The shares add up to the amount; a negative amount is shared like its opposite. Without any weight all count alike.
    """
    if not weights:
        return []
    even = weights if any(weights) else [1] * len(weights)
    total, size = sum(even), abs(amount_fen)
    shares = [size * weight // total for weight in even]
    order = sorted(range(len(even)), key=lambda at: (-(size * even[at] % total), at))
    for at in order[: size - sum(shares)]:
        shares[at] += 1
    return [-share for share in shares] if amount_fen < 0 else shares


def pieces_share(amount_fen: int, qty: int, before: int, now: int) -> int:
    """Give the share of `now` pieces of `qty`, after `before` of them had theirs; all shares together are the amount."""
    size = abs(amount_fen)
    share = size * (before + now) // qty - size * before // qty
    return -share if amount_fen < 0 else share


def rate_of(amount_fen: int, rate_bp: int) -> int:
    """Take a rate of an amount that is not negative, half up."""
    return (2 * amount_fen * rate_bp + FULL_BP) // (2 * FULL_BP)


def effective_bp(bill: Bill) -> int:
    """Say which rate of its dishes a bill's discounts take off altogether, rounded up: what a role's limit looks at.

    Gifts and comps are allowed by rules of their own and do not count.
    """
    gifts = {one.line for one in bill.adjustments if one.kind == "gift"}
    worth = sum(line.amount_fen for at, line in enumerate(bill.lines) if at not in gifts)
    off = -sum(one.amount_fen for one in bill.adjustments if one.kind == "discount")
    return -(-off * FULL_BP // worth) if worth > 0 and off > 0 else 0


def round_off(amount_fen: int, rounding: Rounding) -> int:
    """Say what rounding changes about an amount that cash pays: zero or less, or more than zero for `_near`."""
    if rounding == "none" or amount_fen <= 0:
        return 0
    unit = 100 if rounding.startswith("yuan") else 10
    over = amount_fen % unit
    return unit - over if rounding.endswith("near") and 2 * over >= unit else -over


def charges_of(sale: SalePaid) -> dict[str, int]:
    """Give the charges of a sale by kind: what the next part of a split bill counts on (`Ask.before`)."""
    sums: dict[str, int] = {}
    for one in sale.adjustments:
        if one.line < 0 and one.kind in CHARGES:
            sums[one.kind] = sums.get(one.kind, 0) + one.amount_fen
    return sums


def share_of_lines(sale: SalePaid) -> tuple[int, ...]:
    """Say what was paid for each line in the end: its discounts, its share of the order's, of service, rounding and taxes on top.

    Seats, packing, the minimum and their tax are no part of any line; they go back with a refund of the whole only.
    """
    nets = [line.amount_fen for line in sale.lines]
    for one in sale.adjustments:
        if one.line >= 0:
            nets[one.line] += one.amount_fen
    shares = list(nets)

    def spread(amount_fen: int, weights: list[int]) -> None:
        if any(weights):
            for at, share in enumerate(allocate(amount_fen, weights)[: len(shares)]):
                shares[at] += share

    discounted = list(nets)
    for one in sale.adjustments:
        if one.line >= 0 or one.kind not in ("discount", "comp"):
            continue
        open_to = [0 if one.kind == "discount" and line.no_discount else net
                   for line, net in zip(sale.lines, discounted, strict=True)]  # fmt: skip
        spread(one.amount_fen, open_to)
        discounted = list(shares)
    for one in sale.adjustments:
        if one.line < 0 and one.kind in ("service", "rounding"):
            spread(one.amount_fen, discounted)
    for tax in sale.taxes:
        if not tax.included:
            taxed = [net if line.tax == tax.tax_id else 0 for line, net in zip(sale.lines, discounted, strict=True)]
            spread(tax.tax_fen, [*taxed, max(0, tax.base_fen - sum(taxed))])
    return tuple(max(0, share) for share in shares)


class _Worked:
    """A line through the steps of the bill: the whole of it, and the pieces that are paid now.

    What pieces have of a discount is counted by what all discounts up to it come to, so that no piece's price falls below zero and
    all pieces together have what the line has.
    """

    def __init__(self, line: BillLine) -> None:
        self.line = line
        self._off: list[int] = []
        gross = line.sold.amount_fen
        self.gift = self.less(gross if line.gift else 0)
        self.rate = self.less(rate_of(self.net, line.rate_bp))
        self.amount = self.less(min(line.discount_fen, self.net))

    def less(self, off_fen: int) -> int:
        """Take something off the whole line; gives the number of this step."""
        self._off.append(off_fen)
        return len(self._off) - 1

    @property
    def net(self) -> int:
        """What all its pieces are worth after what was taken off so far."""
        return self.line.sold.amount_fen - sum(self._off)

    @property
    def net_now(self) -> int:
        """The same of the pieces that are paid now."""
        return self._now(self.line.sold.amount_fen) - self._now(sum(self._off))

    def off_now(self, step: int) -> int:
        """What a step takes off the pieces that are paid now."""
        return self._now(sum(self._off[: step + 1])) - self._now(sum(self._off[:step]))

    @property
    def worth_reached(self) -> int:
        """What the pieces of now and of earlier parts cost before any discount."""
        sold, line = self.line.sold, self.line
        return pieces_share(sold.amount_fen, sold.qty, 0, line.paid + line.taken)

    def own_adjustments(self, position: int) -> list[Adjustment]:
        """What is said about this line, for the pieces of now."""
        line = self.line
        return [
            *_adjusted("gift", -self.off_now(self.gift), line.why, position),
            *_adjusted("discount", -self.off_now(self.rate), line.why, position, line.rate_bp),
            *_adjusted("discount", -self.off_now(self.amount), line.why, position),
        ]

    def sold_now(self, rules: Rules) -> SoldLine:
        """Give the pieces of now as they go into the sale, with the tax that the house knows."""
        sold = self.line.sold
        wanted = sold.tax or rules.line_tax
        tax = wanted if any(rule.id == wanted for rule in rules.taxes) else ""
        if self.line.taken == sold.qty and tax == sold.tax:
            return sold
        return msgspec.structs.replace(sold, qty=self.line.taken, amount_fen=self._now(sold.amount_fen), tax=tax)

    def _now(self, amount_fen: int) -> int:
        line = self.line
        return pieces_share(amount_fen, line.sold.qty, line.paid, line.taken) if amount_fen else 0


def _order_discount(whole: list[_Worked], ask: Ask) -> list[Adjustment]:
    open_to = [line for line in whole if not line.line.sold.no_discount]
    found: list[Adjustment] = []
    for rate_bp, amount_fen in ((ask.rate_bp, 0), (0, ask.amount_fen)):
        left_fen = sum(line.net for line in open_to)
        off_fen = rate_of(left_fen, rate_bp) + min(amount_fen, left_fen)
        if off_fen == 0:
            continue
        shares = allocate(off_fen, [line.net for line in open_to])
        steps = [(line, line.less(share)) for line, share in zip(open_to, shares, strict=True)]
        now_fen = sum(line.off_now(step) for line, step in steps if line.line.taken > 0)
        found += _adjusted("discount", -now_fen, ask.why, rate_bp=rate_bp)
    return found


def _charges(whole: list[_Worked], cut: list[_Worked], ask: Ask, rules: Rules) -> list[Adjustment]:
    dishes_fen = sum(line.net for line in whole)
    found: list[tuple[AdjustmentKind, int, int]] = []
    if ask.service == DINE_IN:
        found.append(("cover", ask.covers * rules.cover_fen, 0))
    if ask.service in TAKEN_AWAY:
        found.append(("packing", rules.packing_fen + sum(one.line.packing_fen * one.line.sold.qty for one in whole), 0))
    found.append(("minimum", max(0, ask.minimum_fen - dishes_fen), 0))
    if ask.service == DINE_IN:
        found.append(("service", rate_of(dishes_fen, rules.service_bp), rules.service_bp))
    return [
        one
        for kind, amount_fen, rate_bp in found
        for one in _adjusted(kind, max(0, _part(amount_fen, kind, whole, cut, ask)), NO_WHY, rate_bp=rate_bp)
    ]


def _part(amount_fen: int, kind: str, whole: list[_Worked], cut: list[_Worked], ask: Ask) -> int:
    """Give this part's share of an amount of the whole order: by the worth of its pieces, and all that is left with the last."""
    before_fen = ask.before.get(kind, 0)
    if all(line.line.paid + line.line.taken >= line.line.sold.qty for line in whole):
        return amount_fen - before_fen
    worth = sum(line.line.sold.amount_fen for line in whole)
    reached = sum(line.worth_reached for line in whole)
    if not cut or not worth:
        return 0
    return amount_fen * reached // worth - before_fen


def _adjusted(kind: AdjustmentKind, amount_fen: int, why: Why, line: int = -1, rate_bp: int = 0) -> list[Adjustment]:
    if not amount_fen:
        return []
    return [
        Adjustment(kind=kind, amount_fen=amount_fen, line=line, rate_bp=rate_bp, reason=why.reason,
                   approved_by=why.approved_by, approval_id=why.approval_id)
    ]  # fmt: skip


def _taxes(lines: Sequence[SoldLine], nets: list[int], charges: list[int], rules: Rules) -> tuple[TaxLine, ...]:
    found: list[TaxLine] = []
    for rule in rules.taxes:
        amounts = [net for line, net in zip(lines, nets, strict=True) if line.tax == rule.id]
        amounts += charges if rules.charge_tax == rule.id else []
        if not any(amounts):
            continue
        parts = amounts if rules.tax_rounding == "line" else [sum(amounts)]
        tax_fen = sum(_tax_of(part, rule) for part in parts)
        base_fen = sum(amounts) - (tax_fen if rule.included else 0)
        found.append(TaxLine(tax_id=rule.id, name=rule.name, rate_bp=rule.rate_bp, included=rule.included,
                             base_fen=base_fen, tax_fen=tax_fen))  # fmt: skip
    return tuple(found)


def _tax_of(amount_fen: int, rule: TaxRule) -> int:
    whole = FULL_BP + rule.rate_bp if rule.included else FULL_BP
    return (2 * amount_fen * rule.rate_bp + whole) // (2 * whole)
