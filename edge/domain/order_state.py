"""An open order as its steps left it: what is on it, what the kitchen has, what was paid, where pieces went (pure).

Pieces of a line, each counted once:

    qty = voided + alive, alive = paid + left, sent ≤ alive; `free` = neither at the kitchen nor paid = alive − max(sent, paid)
"""

from typing import Literal

import msgspec

from sync.contract import trade
from sync.contract.orders import OrderLine, Service

State = Literal["open", "settled", "merged", "cancelled"]


class Line(OrderLine, frozen=True, kw_only=True, omit_defaults=True):
    """A line of an order as it stands. What it was ordered as are the fields of `OrderLine`.

    Attributes:
        voided_qty: pieces that are not wanted any more.
        paid_qty: pieces that a sale paid.
        sent_qty: pieces that the kitchen has or had, without those voided.
        held_qty: pieces of `sent_qty` that wait there to be fired (叫起).
        round: of the last send.
        waits: a guest asked for it, and nobody has confirmed it yet; it is neither cooked nor paid.
        declined: a guest asked for it, and it was turned down.
        rate_bp: discount of the line by rate; `discount_fen` by amount; never both. `gift` = on the house (赠菜).
        reason: of gift or discount, with who allowed it.
        into: the order that pieces were last split off to, where they are `into_line`.
        added_ms: wall times; 0 = not yet. `sent_ms` is of the last send, `done_ms` says that the kitchen is done with it.
    """

    voided_qty: int = 0
    paid_qty: int = 0
    sent_qty: int = 0
    held_qty: int = 0
    round: int = 0
    waits: bool = False
    declined: bool = False
    rate_bp: int = 0
    discount_fen: int = 0
    gift: bool = False
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""
    into: str = ""
    into_line: str = ""
    added_ms: int = 0
    sent_ms: int = 0
    fired_ms: int = 0
    chased_ms: int = 0
    chases: int = 0
    done_ms: int = 0

    @property
    def alive_qty(self) -> int:
        """Pieces that were not voided, paid ones included."""
        return self.qty - self.voided_qty

    @property
    def open_qty(self) -> int:
        """Pieces that are neither voided nor paid, also of a line that waits to be confirmed."""
        return 0 if self.declined else self.alive_qty - self.paid_qty

    @property
    def left_qty(self) -> int:
        """Pieces that are to be paid: `qty − voided − paid`; none while the line waits to be confirmed."""
        return 0 if self.waits else self.open_qty

    @property
    def unsent_qty(self) -> int:
        """Pieces that the kitchen was not told of."""
        return 0 if self.waits or self.declined else self.alive_qty - self.sent_qty

    @property
    def free_qty(self) -> int:
        """Pieces that may be taken away without a word to anybody."""
        return 0 if self.declined else self.alive_qty - max(self.sent_qty, self.paid_qty)

    @property
    def surcharges_fen(self) -> list[int]:
        """The surcharges of one piece: of modifiers, and of what was chosen within a set menu."""
        return [modifier.price_fen for modifier in self.modifiers] + [part.price_fen * part.qty for part in self.parts]

    def amount_of(self, qty: int) -> int:
        """Give what so many pieces cost before any discount, in fen."""
        return trade.line_amount_fen(self.unit_fen, self.surcharges_fen, qty, self.weight_g, self.per_g)

    @property
    def amount_fen(self) -> int:
        """What the pieces that are to be paid cost before any discount."""
        return self.amount_of(self.left_qty)


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as its steps left it; lines stand in the order in which they came.

    Attributes:
        table: id of the floor plan; empty for none.
        covers: guests at the table.
        into: where the lines of a merged order went.
        rounds: sends so far.
        course_fired: the highest course that was fired; later lines of it wait no more.
        rate_bp: discount of the whole order by rate or, `discount_fen`, amount; `comp` = on the house (免单).
        sales: the sales that paid pieces of it.
        steps: how many changed it.
        opened_ms: wall times; 0 = not yet.
        asked: the last requests that changed quantities.
    """

    order_id: str
    service: Service
    till: str
    state: State = "open"
    table: str = ""
    label: str = ""
    covers: int = 0
    note: str = ""
    allergies: str = ""
    held: bool = False
    replaces: str = ""
    from_order: str = ""
    platform: str = ""
    platform_no: str = ""
    into: str = ""
    lines: tuple[Line, ...] = ()
    rounds: int = 0
    course_fired: int = 0
    rate_bp: int = 0
    discount_fen: int = 0
    comp: bool = False
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""
    sales: tuple[str, ...] = ()
    steps: int = 0
    opened_ms: int = 0
    changed_ms: int = 0
    sent_ms: int = 0
    closed_ms: int = 0
    asked: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything may still be done with it."""
        return self.state == "open"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left on it that somebody wants or owes; a guest's line that waits is something."""
        return all(line.open_qty == 0 for line in self.lines)

    @property
    def lines_left(self) -> tuple[Line, ...]:
        """The lines with pieces that are to be paid."""
        return tuple(line for line in self.lines if line.left_qty > 0)

    @property
    def subtotal_fen(self) -> int:
        """What is to be paid before discounts, charges and taxes (those are `sync.contract.bill`'s)."""
        return sum(line.amount_fen for line in self.lines)

    def line(self, line_id: str) -> Line | None:
        """Find a line, also one of which nothing is left."""
        return next((line for line in self.lines if line.line_id == line_id), None)
