"""What goes back of a sale, and by which ways (pure): never more than was paid, over all refunds of that sale together.

A refund is asked for as the whole of what is left, as pieces of lines, or as an amount. Pieces cost what was paid for them in the end
(`bill.share_of_lines`), counted on over earlier refunds so that all pieces together come to their line to the fen. What belongs to no
line (seats, packing, the least of a room) goes back with the whole only.

Money goes back the way it came. Where a sale was paid in several ways, those that leave a trace outside the till come first and
cash comes last: a code and a card, the shop's static code, a platform, a deposit, cash. Behind them a member's points, which come
back as points whatever was asked: they are no money.

Worked: two dishes of 38.00 and three of 12.00 with 10 % off the three, paid 80.00 by code and 28.40 in cash = 108.40. One of the three
goes back: 10.80, by code. Then the whole of the rest: 97.60 = 69.20 by code and 28.40 in cash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, NamedTuple

import msgspec

from edge.domain.refusal import Refused
from sync.contract import bill
from sync.contract.refunds import RefundedLine, RefundTender
from sync.contract.trade import SalePaid

CASH: Final = "cash"
CODE: Final = "code"
DEPOSIT: Final = "deposit"
POINTS: Final = "points"
_ORDER = (CODE, "card", "static_code", "platform", DEPOSIT, CASH, POINTS)


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces of the line at a position of the sale."""

    line: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    qty: Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go back: exactly one of `whole`, `lines`, `amount_fen`.

    Attributes:
        amount_fen: 0 where it is not asked by amount.
        tip: the tip goes back as well; with the whole it always does.
        in_cash: everything but points goes back in cash, whatever was paid with.
    """

    whole: bool = False
    lines: tuple[AskedLine, ...] = ()
    amount_fen: int = 0
    tip: bool = False
    in_cash: bool = False


@dataclass(frozen=True)
class Earlier:
    """What went back of a sale before, over all its refunds.

    Attributes:
        pieces: by line.
        tenders: the ways, oldest first.
    """

    amount_fen: int = 0
    tip_fen: int = 0
    pieces: Mapping[int, int] = field(default_factory=dict)
    tenders: Sequence[RefundTender] = ()


class Way(NamedTuple):
    """A way by which money may go back, and how much of it."""

    kind: str
    payment_id: str
    reference: str
    left_fen: int


@dataclass(frozen=True)
class Plan:
    """A refund that holds: what goes back by which ways.

    Attributes:
        other_way: cash goes back for what was not paid in cash.
    """

    lines: tuple[RefundedLine, ...]
    tenders: tuple[RefundTender, ...]
    amount_fen: int
    tip_fen: int
    whole: bool
    other_way: bool

    @property
    def cash_fen(self) -> int:
        """What leaves the drawer."""
        return sum(tender.amount_fen for tender in self.tenders if tender.kind == CASH)


NOTHING_BEFORE: Final = Earlier()


def left_fen(sale: SalePaid, earlier: Earlier) -> int:
    """Say what may still go back of a sale, its tip included."""
    return max(0, sale.total_fen + sale.tip_fen - earlier.amount_fen)


def tip_left_fen(sale: SalePaid, earlier: Earlier) -> int:
    """Say how much of what may still go back is a tip."""
    return max(0, min(left_fen(sale, earlier), sale.tip_fen - earlier.tip_fen))


def pieces_left(sale: SalePaid, earlier: Earlier) -> list[int]:
    """Say how many pieces of each line may still go back."""
    return [max(0, line.qty - earlier.pieces.get(at, 0)) for at, line in enumerate(sale.lines)]


def line_left_fen(sale: SalePaid, earlier: Earlier) -> list[int]:
    """Say what the pieces of each line that may still go back are worth."""
    return [
        bill.pieces_share(share, line.qty, line.qty - left, left) if left else 0
        for share, line, left in zip(bill.share_of_lines(sale), sale.lines, pieces_left(sale, earlier), strict=True)
    ]


def ways(sale: SalePaid, earlier: Earlier, deposit_kinds: Mapping[str, str]) -> list[Way]:
    """List the ways by which the sale was paid with what is left of each, in the order in which they are used.

    Args:
        deposit_kinds: how each spent deposit was paid once, by its id; one that is not known goes back in cash.
    """
    order = {kind: at for at, kind in enumerate(_ORDER)}
    tenders = sorted(sale.tenders, key=lambda tender: order.get(tender.kind, len(_ORDER)))
    found: list[Way] = []
    for tender in tenders:
        kind = deposit_kinds.get(tender.payment_id, CASH) if tender.kind == DEPOSIT else tender.kind
        if tender.amount_fen > 0:
            found.append(Way(kind, tender.payment_id, tender.reference, tender.amount_fen))
    over_fen = 0
    for gone in earlier.tenders:
        rest_fen = gone.amount_fen
        for at, way in enumerate(found):
            if _same(way, gone) and rest_fen:
                taken = min(rest_fen, way.left_fen)
                found[at], rest_fen = way._replace(left_fen=way.left_fen - taken), rest_fen - taken
        over_fen += rest_fen
    # What went back another way (cash for a code payment) is taken off in the order of use.
    for at, way in enumerate(found):
        taken = min(over_fen, way.left_fen)
        found[at], over_fen = way._replace(left_fen=way.left_fen - taken), over_fen - taken
    return [way for way in found if way.left_fen > 0]


def plan(
    sale: SalePaid, earlier: Earlier, asked: Asked, deposit_kinds: Mapping[str, str] | None = None
) -> Plan | Refused:
    """Work out a refund.

    Returns:
        `malformed` where not exactly one thing is asked; `nothing_to_refund` when everything went back before, or what is asked for cost
        nothing; `refund_too_much` with {left_fen}; `refund_pieces` with {line, left_qty} when a line has not so many pieces left.
    """
    if [asked.whole, bool(asked.lines), asked.amount_fen > 0].count(True) != 1 or asked.amount_fen < 0:
        return Refused("malformed", {"field": "whole", "expected": "one of whole, lines, amount_fen"})
    left = left_fen(sale, earlier)
    if left == 0:
        return Refused("nothing_to_refund", {"left_fen": 0})
    tip_left = tip_left_fen(sale, earlier)
    lines: tuple[RefundedLine, ...] = ()
    if asked.whole:
        tip_fen, amount_fen = tip_left, left
        lines = _all_lines(sale, earlier, left - tip_left)
    elif asked.lines:
        named = _named_lines(sale, earlier, asked.lines)
        if isinstance(named, Refused):
            return named
        lines = named
        tip_fen = tip_left if asked.tip else 0
        amount_fen = sum(line.amount_fen for line in lines) + tip_fen
    else:
        amount_fen = asked.amount_fen
        tip_fen = max(0, amount_fen - (left - tip_left))
    most_fen = left if asked.whole or asked.tip else left - tip_left
    if amount_fen > most_fen:
        return Refused("refund_too_much", {"left_fen": most_fen})
    if amount_fen == 0:
        return Refused("nothing_to_refund", {"left_fen": left})
    back = ways(sale, earlier, deposit_kinds or {})
    tenders = _in_cash(back, amount_fen) if asked.in_cash else _allot(back, amount_fen)
    cash_came_fen = sum(way.left_fen for way in back if way.kind == CASH)
    cash_fen = sum(tender.amount_fen for tender in tenders if tender.kind == CASH)
    return Plan(lines, tenders, amount_fen, tip_fen, asked.whole, other_way=cash_fen > cash_came_fen)


def _all_lines(sale: SalePaid, earlier: Earlier, goods_fen: int) -> tuple[RefundedLine, ...]:
    """Share all that is left over the pieces that are left, what belongs to no line included."""
    worth = line_left_fen(sale, earlier)
    left = pieces_left(sale, earlier)
    if not any(worth):
        return ()
    shares = bill.allocate(goods_fen, worth)
    return tuple(
        RefundedLine(line=at, qty=qty, amount_fen=share)
        for at, (qty, share) in enumerate(zip(left, shares, strict=True))
        if qty
    )


def _named_lines(sale: SalePaid, earlier: Earlier, asked: tuple[AskedLine, ...]) -> tuple[RefundedLine, ...] | Refused:
    wanted: dict[int, int] = {}
    for one in asked:
        wanted[one.line] = wanted.get(one.line, 0) + one.qty
    shares, left = bill.share_of_lines(sale), pieces_left(sale, earlier)
    found: list[RefundedLine] = []
    for at, qty in sorted(wanted.items()):
        if at >= len(sale.lines) or qty > left[at]:
            return Refused("refund_pieces", {"line": at, "left_qty": left[at] if at < len(sale.lines) else 0})
        sold = sale.lines[at].qty
        found.append(
            RefundedLine(line=at, qty=qty, amount_fen=bill.pieces_share(shares[at], sold, sold - left[at], qty))
        )
    return tuple(found)


def _allot(back: list[Way], amount_fen: int) -> tuple[RefundTender, ...]:
    found: list[RefundTender] = []
    for way in back:
        taken = min(amount_fen, way.left_fen)
        if taken:
            # Nobody asks a gateway within a transaction: the refund is committed first, then the gateway is told.
            queued = way.kind == CODE and way.payment_id != ""
            found.append(
                RefundTender(
                    kind=way.kind, amount_fen=taken, payment_id=way.payment_id, reference=way.reference, queued=queued
                )
            )
            amount_fen -= taken
    return tuple(found)


def _in_cash(back: list[Way], amount_fen: int) -> tuple[RefundTender, ...]:
    of_points = [way for way in back if way.kind == POINTS]
    money_fen = min(amount_fen, sum(way.left_fen for way in back) - sum(way.left_fen for way in of_points))
    cash = (RefundTender(kind=CASH, amount_fen=money_fen),) if money_fen else ()
    return cash + _allot(of_points, amount_fen - money_fen)


def _same(way: Way, gone: RefundTender) -> bool:
    return (way.kind, way.payment_id, way.reference) == (gone.kind, gone.payment_id, gone.reference)
